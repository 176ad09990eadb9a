"""Facts: one row of named columns per list row and candidate. Pure column expressions, no database, no Flask."""

from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from consentmgr.screening.engine import Engine
from consentmgr.screening.facts.bans import holding_bans, with_bans
from consentmgr.screening.facts.columns import Frame
from consentmgr.screening.facts.consents import consent_facts, tested_consents, with_consents
from consentmgr.screening.facts.duties import role_duties, with_duties
from consentmgr.screening.facts.own_acts import restriction
from consentmgr.screening.facts.relations import buying_organisations, person_relations, with_relations
from consentmgr.screening.facts.resolution import (
    ROWS_SCHEMA,
    ListShape,
    aimed_rows,
    candidates,
    located,
    with_organisation,
)
from consentmgr.screening.question import Question

__all__ = ["ROWS_SCHEMA", "Facts", "Frame", "ListShape", "facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """``people``: the candidates (``row_no``, ``person``); ``cases``: everything rules may ask of each, as columns."""

    people: Frame
    cases: Frame


def facts(engine: Engine, rows: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape) -> Facts:
    """The facts of a list; ``cases`` is not computed yet, so that rules and facts run as one query."""
    keep = engine.keep
    people = keep(candidates(rows, register, question, shape), "people")
    cases = located(people, aimed_rows(rows, question), register, question, shape)
    cases = with_sources(with_organisation(cases, register, question, shape), question)
    cases = keep(cases.drop(*_unread(question)), "cases")
    tested = keep(tested_consents(register["acts"], question), "tested_consents")
    consents = keep(consent_facts(tested, question), "consents")
    relations = keep(person_relations(register, question), "person_relations")
    buying = keep(buying_organisations(register["organisation_customers"], question), "buying")
    restrictions = keep(restriction(register["acts"]).rename({"contact_id": "person"}), "restrictions")
    bans = holding_bans(rows, cases, register, consents, question, shape, keep)
    cases = with_consents(cases, consents, question)
    if question.is_business:
        duties = keep(role_duties(register, question), "duties")
        cases = with_duties(cases, duties, question)
    cases = with_relations(cases, relations, buying)
    cases = cases.join(restrictions, on="person", how="left").with_columns(is_restricted=_restricted())
    return Facts(people, with_bans(cases, bans, question))


def _unread(question: Question) -> tuple[str, ...]:
    """Facts that no rule reads in a campaign of this kind: a column of a million rows that is not kept costs nothing."""
    unread = ["employees"]
    if not question.is_business:
        unread += ["mailbox", "row_titled", "row_areas", "row_acquired_on", "point_published", "listed_by_organisation"]
        unread += ["point_known", "domain_known"]
    if question.campaign.channel != "post":
        unread.append("point_verified_on")
    if not question.is_business and not question.is_opt_out_channel:
        unread += ["point_informed_on", "source_unknown", "from_outside", "acquired_on"]
    return tuple(unread)


def with_sources(cases: Frame, question: Question) -> Frame:
    """Adds where the address came from and when: ``source``, ``source_unknown``, ``acquired_on``, ``from_outside``.

    From outside: a source on the policy's list, none at all, or any source where the list is not our own.
    """
    source = nw.coalesce("point_source", "row_source")
    listed = source.str.to_lowercase().str.contains(question.policy.outside_source_pattern())
    outside = source.is_null() | (source == "") | listed
    not_own = question.campaign.list_source != "own"
    return cases.with_columns(
        source=source,
        source_unknown=source.is_null() | (source == ""),
        acquired_on=nw.coalesce("point_acquired_on", "row_acquired_on"),
        from_outside=outside.fill_null(True) | nw.lit(not_own),
    ).drop("point_source", "row_source", "point_acquired_on")


def _restricted() -> nw.Expr:
    """Restricted by an act, or since a day, and not lifted after it (GDPR 18). The same instant stays restricted."""
    act = nw.col("restricted_us")
    lifted = nw.col("unrestricted_us")
    since = nw.col("restricted_since_us")
    by_act = ~act.is_null() & (lifted.is_null() | (lifted <= act))
    by_day = ~since.is_null() & (lifted.is_null() | (lifted <= since))
    return (by_act | by_day).fill_null(False)
