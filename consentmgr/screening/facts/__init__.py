"""Facts: one row of named columns per list row and candidate. Pure column expressions, no database, no Flask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import narwhals as nw

from consentmgr.screening.facts.bans import holding_bans, with_bans
from consentmgr.screening.facts.columns import Frame, Keep
from consentmgr.screening.facts.consents import consent_kinds, how_consented, several_consents, with_consents
from consentmgr.screening.facts.duties import role_duties, with_duties
from consentmgr.screening.facts.own_acts import act_bans, restriction
from consentmgr.screening.facts.prohibitions import reaching_prohibitions
from consentmgr.screening.facts.relations import buying_organisations, person_relations, relation_kinds, with_relations
from consentmgr.screening.facts.resolution import (
    ROWS_SCHEMA,
    ListShape,
    aimed_rows,
    candidates,
    located,
    located_both_ways,
    located_by_candidate,
    located_directly,
    met_by_join,
    named_directly,
    with_organisation,
)
from consentmgr.screening.question import Question

__all__ = [
    "ROWS_SCHEMA",
    "Facts",
    "Frame",
    "ListShape",
    "Met",
    "PeopleFacts",
    "RegisterFacts",
    "facts",
    "people_facts",
    "register_facts",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """``people``: the candidates (``row_no``, ``person``); ``cases``: everything rules may ask of each, as columns."""

    people: Frame
    cases: Frame


@dataclass(frozen=True, slots=True)
class PeopleFacts:
    """What the register tells of its people, each by their own acts and relations: of two registers that have nobody in
    common it is the one's and the other's.
    """

    consent_kinds: Frame
    several_consents: Frame
    relation_kinds: Frame
    relations: Frame
    restrictions: Frame
    own_acts: Frame

    def and_of(self, others: "PeopleFacts") -> "PeopleFacts":
        """These people's and ``others``'."""
        return PeopleFacts(
            **{
                field.name: nw.concat([getattr(self, field.name), getattr(others, field.name)], how="vertical")
                for field in fields(self)
            }
        )


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """What the register tells of a question whoever is on the list; an engine may work at it before the list is there.

    ``register``: the frames it was told of, with ``spoken_acts``, the acts with their words.
    """

    register: Mapping[str, Frame]
    people: PeopleFacts
    buying: Frame
    prohibitions: Frame

    def and_of(self, others: PeopleFacts, register: Mapping[str, Frame]) -> "RegisterFacts":
        """The same where ``others`` are people too, and ``register`` is what has all of them."""
        return replace(self, register=_with_spoken(register), people=self.people.and_of(others))


def _with_spoken(register: Mapping[str, Frame]) -> dict[str, Frame]:
    return {**register, "spoken_acts": register["acts"].join(register["act_kinds"], on="act_kind", how="inner")}


def people_facts(keep: Keep, register: Mapping[str, Frame], question: Question) -> PeopleFacts:
    """``register`` as ``register_facts`` takes it; of its frames those of contacts alone are asked."""
    spoken = _with_spoken(register)["spoken_acts"]
    said = keep(consent_kinds(register["act_kinds"], question), "consent_kinds")
    several = keep(several_consents(register["acts"], spoken, said, question, keep), "several_consents")
    bought = keep(relation_kinds(register["relation_kinds"], question), "relation_kinds_judged")
    return PeopleFacts(
        consent_kinds=said,
        several_consents=several,
        relation_kinds=bought,
        relations=keep(person_relations(register, bought, question), "person_relations"),
        restrictions=keep(restriction(spoken).rename({"contact_id": "person"}), "restrictions"),
        own_acts=keep(act_bans(spoken, question), "own_acts"),
    )


def register_facts(keep: Keep, register: Mapping[str, Frame], question: Question) -> RegisterFacts:
    """``register``: frames in which kinds are told apart (``screening.kinds``) and contact points carry their contact
    (``facts.holders``).
    """
    return RegisterFacts(
        register=_with_spoken(register),
        people=people_facts(keep, register, question),
        buying=keep(buying_organisations(register["organisation_customers"], question), "buying"),
        prohibitions=keep(reaching_prohibitions(register["prohibitions"], question), "reaching"),
    )


@dataclass(frozen=True, slots=True)
class Met:
    """Rows of a list with whom they meet, where that was found otherwise than by joins.

    ``rows``: each with each contact that has one of its addresses, and of the point by which it does what is told of one
    that the campaign can be sent to (``HELD``, null for other points and where nobody is met). ``indirect``: the list's
    other rows, as ``ROWS_SCHEMA`` has them; None where there are none.
    """

    rows: Frame
    indirect: Frame | None


def facts(
    keep: Keep, rows: Frame, known: RegisterFacts, question: Question, shape: ListShape, met: Met | None = None
) -> Facts:
    """The facts of a list; ``cases`` is not computed yet, so that rules and facts run as one query."""
    register = known.register
    by_address = named_directly(question, shape) if met is None else met.indirect is None
    if met is not None and met.indirect is not None:
        cases = located_both_ways(met.rows, met.indirect, register, question, shape, keep)
    elif by_address:
        cases = located_directly(met_by_join(rows, register, question) if met is None else met.rows, question)
    else:
        people = keep(candidates(rows, register, question, shape), "people")
        cases = located_by_candidate(people, aimed_rows(rows, question), register, question, shape)
    # Where joins have met them, an organisation that the row names may give the address.
    by_row = by_address and (met is not None or not shape.has("row_business_id"))
    cases = located(cases, register, question, shape, by_row=by_row)
    cases = with_sources(with_organisation(cases, register, question, shape), question)
    cases = with_consents(cases, known.people.consent_kinds, known.people.several_consents, question)
    cases = keep(cases.drop(*_unread(question, cases.columns)), "cases").with_columns(**_told_by_others())
    bans = holding_bans(
        rows, cases, known.people.own_acts, known.prohibitions, register, question, shape, keep, by_address=by_address
    )
    people = cases.select("row_no", "person")
    if question.is_business:
        duties = keep(role_duties(register, question), "duties")
        cases = with_duties(cases, duties, question)
    cases = with_relations(cases, known.people.relation_kinds, known.people.relations, known.buying, question)
    cases = cases.join(known.people.restrictions, on="person", how="left").with_columns(is_restricted=_restricted())
    return Facts(people, with_bans(cases, bans, question))


#: What a step leaves behind when its work is done.
_PASSING = ("only_entry", "only_at_us", "only_act_kind", "kind_depth", "order_known", "is_guardian", "is_express",
            "own_dated_act", "names_subject", "names_sensitive", "entry", "consent_score",
            "last_interaction_on")  # fmt: skip
_PASSING_STARTS = ("several_", "score_", "lift_0", "lift_topic_0", "names_controller_")


def _told_by_others() -> dict[str, nw.Expr]:
    """Facts that other columns tell: reckoned where they are asked, they need not be kept a row."""
    return {
        "contact_known": nw.col("person") != 0,
        "organisation_known": nw.col("organisation_id") != 0,
        **how_consented(),
    }


def _unread(question: Question, columns: Sequence[str]) -> list[str]:
    """Facts that no rule reads in a campaign of this kind: a column of a million rows that is not kept costs nothing."""
    unread = ["employees", *_PASSING]
    unread += [name for name in columns if name.startswith(_PASSING_STARTS)]
    if not question.is_business:
        unread += ["mailbox", "row_titled", "row_areas", "row_acquired_on", "point_published", "listed_by_organisation"]
        unread += ["point_known", "domain_known"]
    if question.campaign.channel != "post":
        unread.append("point_verified_on")
        if not question.is_audience:
            unread.append("non_disclosure")
    if question.campaign.channel != "phone":
        unread.append("consent_express")
    if not question.campaign.special_category:
        unread.append("consent_sensitive")
    if not question.is_business and not question.is_opt_out_channel:
        unread += ["point_informed_on", "source_unknown", "from_outside", "acquired_on"]
    return unread


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
