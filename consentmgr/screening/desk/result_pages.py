"""A screening under way, what can be done with it, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, flash, make_response, url_for
from flask_babel import format_decimal, gettext
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.screening.desk import decisions, handing, lists, stored_rows, words
from consentmgr.screening.desk.door import is_part, own_list, page, screenings, see_other, task_of_list
from consentmgr.screening.desk.lists import ListView, result_folder
from consentmgr.screening.desk.work import WORKBOOK_ROWS
from consentmgr.screening.reports import VERDICTS
from consentmgr.staff.access import actor, may, needs
from consentmgr.staff.roles import Permission
from consentmgr.timetable import tasks
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE, LEGAL_BASIS_NAMES, STAGES, sentence

_TONES: Final = {"allow": "good", "review": "warn", "block": "bad"}


# --- under way --------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>")
@needs(Permission.SCREEN)
def show(list_id: UUID) -> Response:
    """Wherever the list is: the next question, the progress, or the answer."""
    with application.database().reading() as session:
        found = own_list(session, list_id)
        task = task_of_list(session, found)
        step = lists.step_of(found, task)
        if step in ("columns", "campaign"):
            return see_other(f"screenings.{step}", list_id=list_id)
        if step == "done":
            return _result(session, found)
    if step in ("waiting", "running"):
        return page("progress.html", found=found, **_progress(task))
    if step == "forgotten":
        return page("forgotten.html", found=found, days=lists.KEEP_LISTS.days)
    told = str((task.result or {}).get("told") or "") if task is not None else ""
    fault = words.fault_told(told) if told else gettext("Something went wrong here. Try again.")
    looked = task is None or task.kind != "look-at-list"
    return page("stopped.html", found=found, cancelled=step == "cancelled", fault=fault, again=looked)


def _progress(task: tasks.TaskView | None) -> dict[str, Any]:
    told = gettext("It waits for its turn.")
    if task is not None and task.state == "running":
        told = str(words.STEPS.get(str(task.told.get("step")), gettext("It is under way.")))
        rows = task.told.get("rows")
        if rows:
            told = gettext("%(told)s %(rows)s rows.", told=told, rows=format_decimal(int(rows)))
    return {
        "done": task.done if task is not None else 0,
        "total": task.total if task is not None else None,
        "told": told,
    }


@screenings.get("/screenings/<uuid:list_id>/progress")
@needs(Permission.SCREEN)
def progress(list_id: UUID) -> Response:
    """The part of the progress page that moves; when all is done it sends the browser on."""
    with application.database().reading() as session:
        found = own_list(session, list_id)
        task = task_of_list(session, found)
        step = lists.step_of(found, task)
    if step not in ("waiting", "running"):
        if not is_part():
            return see_other("screenings.show", list_id=list_id)
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url_for("screenings.show", list_id=list_id)
        return response
    return page("progress_part.html", found=found, **_progress(task))


@screenings.post("/screenings/<uuid:list_id>/cancel")
@needs(Permission.SCREEN)
def cancel(list_id: UUID) -> Response:
    with application.database().transaction() as session:
        lists.stop(session, own_list(session, list_id), actor=actor().name, now=clock.now())
    return see_other("screenings.show", list_id=list_id)


@screenings.post("/screenings/<uuid:list_id>/again")
@needs(Permission.SCREEN)
def again(list_id: UUID) -> Response:
    """Screen the same list for the same campaign once more."""
    with application.database().transaction() as session:
        new_id = lists.again(session, own_list(session, list_id), actor=actor().name, now=clock.now())
    return see_other("screenings.show", list_id=new_id)


@screenings.post("/screenings/<uuid:list_id>/forget")
@needs(Permission.SCREEN)
def forget(list_id: UUID) -> Response:
    """Remove list and result now."""
    with application.database().transaction() as session:
        lists.forget(session, own_list(session, list_id), application.settings(), actor=actor().name, now=clock.now())
    flash(gettext("The list and its result were removed. The certificate stays."), "done")
    return see_other("screenings.overview")


# --- the answer -------------------------------------------------------------------------------------------------------


def _result(session: Session, found: ListView) -> Response:
    """The answer: counts, reasons, rows, downloads, and what can be done now."""
    language = application.language()
    now = clock.now()
    summary = found.summary or {}
    described = lists.campaign_of_list(found)
    made = decisions.decisions_of(session, found)
    folder = result_folder(application.settings(), found)
    verdicts = {verdict: int(summary.get("verdicts", {}).get(verdict, 0)) for verdict in VERDICTS}
    here = url_for("screenings.rows", list_id=found.id)
    counted = None
    if verdicts["review"] and made:
        counted = stored_rows.decided_counts(folder, decisions.as_decided(made))
    known_mailers = handing.mailers(session, found.controller)
    return page(
        "result.html",
        found=found,
        campaign=described,
        now=now,
        expired=found.is_expired(now),
        lagging=lists.partners_that_lag(session, found, now=now),
        verdict_bars=[
            (words.verdict_name(verdict), count, f"{here}?{urlencode({'verdict': verdict})}", _TONES[verdict])
            for verdict, count in verdicts.items()
        ],
        verdicts=verdicts,
        reasons=_reasons(summary, described, here, language),
        grounds=_grounds(summary, described, here, language),
        gates=[(code, sentence(code, language, described.channel)) for code in summary.get("gates", ())],
        decided=counted,
        review_reasons=_review_reasons(summary, described, language),
        handed=handing.handed_of(session, found),
        mailers=known_mailers,
        mailer_choices=[(str(one.account_id), one.name) for one in known_mailers],
        may_decide=may(Permission.DECIDE_REVIEW, found.controller),
        may_keep_campaign=(
            may(Permission.DESCRIBE_CAMPAIGNS, found.controller)
            and described.key not in kept_campaigns(session, [described.key])
        ),
        has_workbook=(found.rows or 0) <= WORKBOOK_ROWS,
        keep_days=lists.KEEP_LISTS.days,
        forgotten_on=found.created_at + lists.KEEP_LISTS,
    )


def _reasons(summary: Mapping[str, Any], described: Campaign, here: str, language: Any) -> list[dict[str, Any]]:
    """Reasons by how many rows they are the first of, with the law."""
    return [
        {
            "code": one["code"],
            "sentence": sentence(one["code"], language, described.channel),
            "law": BY_CODE[one["code"]].law(language),
            "stage": STAGES[BY_CODE[one["code"]].stage][language],
            "rows": one["review"] + one["block"],
            "fired": one["fired"],
            "tone": "bad" if one["block"] else "warn",
            "href": f"{here}?{urlencode({'reason': one['code']})}" if one["review"] + one["block"] else None,
        }
        for one in summary.get("reasons", ())
        # What fired only beside a stricter reason heads no row, and there is nothing to look at behind its bar.
        if one["review"] + one["block"]
    ]


def _grounds(summary: Mapping[str, Any], described: Campaign, here: str, language: Any) -> list[dict[str, Any]]:
    return [
        {
            "code": one["code"],
            "sentence": sentence(one["code"], language, described.channel),
            "law": BY_CODE[one["code"]].law(language),
            "basis": LEGAL_BASIS_NAMES[one["basis"]][language] if one.get("basis") else None,
            "rows": one["rows"],
            "tone": "good",
            "href": f"{here}?{urlencode({'verdict': 'allow', 'reason': one['code']})}",
        }
        for one in summary.get("grounds", ())
    ]


def _review_reasons(summary: Mapping[str, Any], described: Campaign, language: Any) -> list[tuple[str, str]]:
    return [
        (one["code"], f"{sentence(one['code'], language, described.channel)} ({format_decimal(one['review'])})")
        for one in summary.get("reasons", ())
        if one["review"]
    ]
