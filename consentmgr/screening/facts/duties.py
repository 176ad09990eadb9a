"""What a person's duties at the organisation are, for the business ladder (law.md stages 6-7; Act 917/2014 s. 202).

``duty`` is one number, larger is better, so that "over current roles, best first" is one ``max``.
"""

from collections.abc import Mapping

import narwhals as nw

from consentmgr.screening.facts.columns import Frame, equals, flag, is_known, is_true, names_any, never, one_of
from consentmgr.screening.facts.resolution import current_roles
from consentmgr.screening.question import Question

FITS = 90
STALE_REVIEW = 80
STALE_BLOCK = 70
MISMATCH_REVIEW = 60
MISMATCH_BLOCK = 50
TITLE_ONLY = 40
MISSING_REVIEW = 30
MISSING = 20

#: Who may decide for a small firm whatever the subject: the officers who act for it, and the firm's own owner.
_OFFICERS = ("managing_director", "deputy_managing_director", "general_partner", "sole_trader")


def _freshness(verified_on: nw.Expr, question: Question) -> nw.Expr:
    policy = question.policy
    fresh = nw.lit(question.months_ago(policy.role_fresh_months))
    usable = nw.lit(question.months_ago(policy.role_stale_block_months))
    return (
        nw.when(verified_on.is_null())
        .then(nw.lit(STALE_BLOCK))
        .when(verified_on >= fresh)
        .then(nw.lit(FITS))
        .when(verified_on >= usable)
        .then(nw.lit(STALE_REVIEW))
        .otherwise(nw.lit(STALE_BLOCK))
    )


def role_duties(register: Mapping[str, Frame], question: Question) -> Frame:
    """Per person and organisation: the best ``duty`` over the roles that hold on the day."""
    wanted = list(question.campaign.areas)
    roles = current_roles(register["roles"], question).join(
        register["organisations"].select("organisation_id", "employees"), on="organisation_id", how="left"
    )
    confirmed = is_known("area") & (nw.col("evidence").fill_null("title") != "title")
    fitting = confirmed & (nw.col("area").is_in(wanted).fill_null(False) if wanted else never())
    by_role = (
        roles.with_columns(
            has_area=flag(confirmed),
            has_title=flag(is_true("titled") | is_known("area")),
            fit=nw.when(fitting).then(_freshness(nw.col("area_verified_on"), question)).otherwise(nw.lit(0)),
        )
        .group_by("role_id", "contact_id", "organisation_id", "position", "employees")
        .agg(nw.col("has_area").max(), nw.col("has_title").max(), nw.col("fit").max())
    )
    may_decide_all = (nw.col("employees") <= question.policy.small_company_employees).fill_null(False)
    if "general_management" in wanted:
        may_decide_all = nw.lit(True)
    officer = one_of("position", _OFFICERS)
    duty = (
        nw.when(nw.col("fit") > 0)
        .then(nw.col("fit"))
        .when(nw.col("has_area") == 1)
        .then(nw.lit(MISMATCH_BLOCK))
        .when(officer & may_decide_all)
        .then(nw.lit(FITS))
        .when(officer)
        .then(nw.lit(MISMATCH_REVIEW))
        .when(equals("position", "auditor"))
        .then(nw.lit(MISMATCH_BLOCK))
        .when(one_of("position", ("board_chair", "board_member")))
        .then(nw.lit(MISSING_REVIEW))
        .when(nw.col("has_title") == 1)
        .then(nw.lit(TITLE_ONLY))
        .otherwise(nw.lit(MISSING))
    )
    on_board = flag(one_of("position", ("board_chair", "board_member")))
    return (
        by_role.with_columns(duty=duty, on_board=on_board)
        .group_by("contact_id", "organisation_id")
        .agg(duty=nw.col("duty").max(), on_board=nw.col("on_board").max())
    )


def with_duties(cases: Frame, duties: Frame, question: Question) -> Frame:
    """Adds ``duty`` and ``on_board``. Who is not in the register is judged by the row's own area and title."""
    cases = cases.join(
        duties.select(
            nw.col("contact_id").alias("person"),
            "organisation_id",
            role_duty=nw.col("duty"),
            on_board=nw.col("on_board"),
        ),
        on=["person", "organisation_id"],
        how="left",
    )
    told_on = nw.coalesce("row_acquired_on", nw.lit(question.campaign.list_extracted_on, dtype=nw.Date()))
    by_row = (
        nw.when(names_any("row_areas", question.campaign.areas))
        .then(_freshness(told_on, question))
        .when(nw.col("row_areas").fill_null("") != "")
        .then(nw.lit(MISMATCH_BLOCK))
        .when(is_true("row_titled"))
        .then(nw.lit(TITLE_ONLY))
        .otherwise(nw.lit(MISSING))
    )
    of_initials = equals("point_use", "unknown")
    duty = nw.when(nw.col("contact_known")).then(nw.col("role_duty").fill_null(MISSING)).otherwise(by_row)
    return cases.with_columns(duty=duty).with_columns(
        duty=nw.when((nw.col("duty") == MISSING) & of_initials).then(nw.lit(MISSING_REVIEW)).otherwise(nw.col("duty")),
        on_board=nw.col("on_board").fill_null(0) == 1,
    )
