"""How a person stands, as a picture: for each controller a grid of channels and purposes, and one of topics.

What a cell says is what the ledger and the bans amount to for that one thing (``preferences.reach``), and what is true
of the whole person. It is no screening: a campaign has rules of its own, and every list is screened before it is sent.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple

from consentmgr.consents.acts import NewEntry
from consentmgr.kit.clock import local_date
from consentmgr.preferences.reach import Answer, Matter, Past, answer, covers
from consentmgr.prohibitions.service import Ban
from consentmgr.vocabulary.codes import PLATFORMS, POINT_KIND_OF_CHANNEL, PURPOSES, Purpose

#: ``may``; a person decides first; ``stopped`` by something; ``nothing`` allows it; there is no such thing.
State = Literal["may", "review", "stopped", "nothing", "none"]

#: What is true of the person, whatever the channel.
Whole = Literal[
    "deceased", "erased", "erasing", "restricted", "child", "minor", "non_disclosure", "kept_address"
]  # fmt: skip

#: Rows of the grid: channels, the audience of each platform apart.
LINES: Final[tuple[str, ...]] = (
    "email",
    "sms",
    "instant_message",
    "automated_call",
    "fax",
    "phone",
    "post",
    *(f"online_audience:{platform}" for platform in PLATFORMS),
)
#: Channels that newsletters and offers of a topic come by.
TOPIC_LINES: Final[tuple[str, ...]] = ("email", "sms", "phone", "post")
_MARKETING: Final = ("direct_marketing", "newsletter")
_STOPPING: Final = ("objected", "consent_refused", "consent_withdrawn", "complaint")
#: Bans that say nothing of research and public information, whatever they leave out.
_OF_MARKETING_ALONE: Final = ("robinson_phone", "robinson_post", "population_register", "complaint", "vendor")
_NOBODY_OLDER: Final = 18


class Place(NamedTuple):
    """Where a cell stands. ``topic`` is empty in the grid of purposes."""

    controller: str
    line: str
    purpose: Purpose
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing. ``ground``: why it may be; ``since``: since when; what stops it: bans and acts by id, and what is
    true of the whole person.
    """

    state: State
    ground: str | None = None
    since: date | None = None
    consent: int | None = None
    bans: tuple[int, ...] = ()
    acts: tuple[int, ...] = ()
    whole: tuple[Whole, ...] = ()


NO_CELL: Final = Cell("none")


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """What the grid needs to know beside the acts. ``point_kinds`` have an address that works."""

    past: Past
    controllers: Sequence[str]
    #: Topics the person or a ban has named, with the controller and kind of each.
    topics: Sequence[tuple[str, str, str]] = ()
    born_on: date | None = None
    deceased: bool = False
    erased: bool = False
    restricted: bool = False
    non_disclosure: bool = False
    #: An address of the person's was an erased person's: its digest was kept, and only a later consent opens it.
    has_kept_address: bool = False
    point_kinds: Collection[str] = ()
    #: Marketing bans older than this covered surveys too (the policy's ``research_bans_before``).
    research_bans_before: date = date.min
    entries: Mapping[int, NewEntry] = field(default_factory=dict)


Grid = Mapping[Place, Cell]


def grid_of(person: Person, today: date) -> Grid:
    """Every cell of every controller's grids."""
    return dict(_cells(person, today))


def reachable(person: Person, line: str) -> bool:
    """Whether an address for the line is known that works."""
    return POINT_KIND_OF_CHANNEL[line.partition(":")[0]] in person.point_kinds  # type: ignore[index]


def _cells(person: Person, today: date) -> Iterator[tuple[Place, Cell]]:
    whole = _whole(person, today)
    for controller in person.controllers:
        for line in LINES:
            for purpose in PURPOSES:
                place = Place(controller, line, purpose)
                yield place, _cell(person, place, whole, today)
    for topic, controller, kind in person.topics:
        about: Purpose = "newsletter" if kind == "newsletter" else "direct_marketing"
        for line in TOPIC_LINES:
            place = Place(controller, line, about, topic)
            yield place, _cell(person, place, whole, today)


def _cell(person: Person, place: Place, whole: Collection[Whole], today: date) -> Cell:
    channel, _, platform = place.line.partition(":")
    if platform and place.purpose not in _MARKETING:
        return NO_CELL
    matter = Matter(place.controller, channel, place.purpose, place.topic or None, platform or None)
    if place.purpose in _MARKETING:
        cell = _of_marketing(person, matter, today)
    elif place.purpose == "service_message":
        cell = Cell("may", "service")
    else:
        cell = _of_others(person, matter, today)
    return _with_whole(cell, place, whole)


# --- marketing and newsletters ----------------------------------------------------------------------------------------


def _of_marketing(person: Person, matter: Matter, today: date) -> Cell:
    found = answer(person.past, matter, today)
    if found.bans or found.acts:
        state: State = "review" if _only_unverified(person, found) else "stopped"
        return Cell(state, None, _since(person, found), None, tuple(ban.id for ban in found.bans), found.acts)
    if found.ground is None:
        return Cell("nothing")
    entry = person.entries.get(found.consent) if found.consent is not None else None
    since = local_date(entry.at) if entry is not None else None
    if found.ground == "customer":
        since = max(
            (
                row.last_purchase_on
                for row in person.past.relations
                if row.controller == matter.controller and row.last_purchase_on is not None
            ),
            default=None,
        )
    return Cell("may", found.ground, since, found.consent)


def _only_unverified(person: Person, found: Answer) -> bool:
    """Whether nothing stands in the way but what somebody said who showed no authority to say it."""
    return not found.bans and all(
        (entry := person.entries.get(number)) is not None and entry.given_by == "unverified" for number in found.acts
    )


def _since(person: Person, found: Answer) -> date | None:
    """The day the first of what stands in the way began."""
    days = [ban.valid_from or local_date(ban.recorded_at) for ban in found.bans]
    days += [local_date(entry.at) for number in found.acts if (entry := person.entries.get(number)) is not None]
    return min(days, default=None)


# --- research and public information ----------------------------------------------------------------------------------


def _of_others(person: Person, matter: Matter, today: date) -> Cell:
    """Only a ban that names the purpose, or a prohibition that names none, reaches these (GDPR 21(1))."""
    bans = [ban for ban in person.past.bans if ban.holds_on(today) and _ban_reaches(ban, matter)]
    acts = [(number, entry) for number, entry in person.past.entries if _act_reaches(person, entry, matter)]
    said = [entry for _, entry in person.past.entries if _opens(entry, matter, person)]
    acts = [
        (number, entry)
        for number, entry in acts
        if not (entry.order_known and any(word.at > entry.at for word in said))
    ]
    bans = [ban for ban in bans if ban.source == "court" or not any(word.at > ban.recorded_at for word in said)]
    if bans or acts:
        found = Answer(None, tuple(bans), tuple(number for number, _ in acts))
        state: State = "review" if matter.purpose == "public_information" else "stopped"
        return Cell(state, None, _since(person, found), None, tuple(ban.id for ban in bans), found.acts)
    if matter.purpose == "research":
        marketing = answer(person.past, Matter(matter.controller, matter.channel, "direct_marketing"), today)
        if any(ban.source not in ("robinson_phone", "robinson_post") for ban in marketing.bans) or any(
            number in person.entries and person.entries[number].event == "objected" for number in marketing.acts
        ):
            return Cell("review", "other", acts=marketing.acts, bans=tuple(ban.id for ban in marketing.bans))
    return Cell("may", "other")


def _ban_reaches(ban: Ban, matter: Matter) -> bool:
    return (
        (matter.purpose in ban.purposes or (not ban.purposes and ban.source not in _OF_MARKETING_ALONE))
        and not ban.topics
        and (not ban.controllers or matter.controller in ban.controllers)
        and (not ban.channels or matter.channel in ban.channels)
    )


def _act_reaches(person: Person, entry: NewEntry, matter: Matter) -> bool:
    if entry.event not in _STOPPING or entry.controller not in (None, matter.controller) or entry.topics:
        return False
    if entry.channels and matter.channel not in entry.channels:
        return False
    if matter.purpose in entry.purposes:
        return True
    of_marketing = not entry.purposes or "direct_marketing" in entry.purposes
    old = entry.event == "objected" and of_marketing and local_date(entry.at) < person.research_bans_before
    return old and matter.purpose == "research"


def _opens(entry: NewEntry, matter: Matter, person: Person) -> bool:
    """Whether the person has said, later, that it may be after all."""
    if not entry.order_known or entry.method == "import" or entry.given_by == "unverified":
        return False
    if covers(entry, person.past.notices.get(entry.notice or ""), matter):
        return True
    return (
        entry.event == "objection_lifted"
        and entry.prohibition is None
        and entry.controller in (None, matter.controller)
        and (not entry.channels or matter.channel in entry.channels)
        and not entry.topics
        and (not entry.purposes or matter.purpose in entry.purposes)
    )


# --- the whole person -------------------------------------------------------------------------------------------------


def _whole(person: Person, today: date) -> list[Whole]:
    found: list[Whole] = []
    if person.deceased:
        found.append("deceased")
    if person.erased:
        found.append("erased")
    elif any(entry.event == "erasure_requested" for entry in person.entries.values()):
        found.append("erasing")
    if person.restricted:
        found.append("restricted")
    age = _age(person.born_on, today)
    guarded = any(entry.event == "guardian_consented" for entry in person.entries.values())
    if age is not None and age < 13 and not guarded:
        found.append("child")
    elif age is not None and age < _NOBODY_OLDER:
        found.append("minor")
    if person.non_disclosure:
        found.append("non_disclosure")
    if person.has_kept_address and not person.erased:
        found.append("kept_address")
    return found


def whole_of(person: Person, today: date) -> tuple[Whole, ...]:
    """What is true of the person, whatever the channel."""
    return tuple(_whole(person, today))


def _age(born_on: date | None, today: date) -> int | None:
    if born_on is None:
        return None
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def _with_whole(cell: Cell, place: Place, whole: Collection[Whole]) -> Cell:
    """The cell, made stricter by what is true of the person (law.md section 2, stages 3 and 4)."""
    service = place.purpose == "service_message"
    audience = place.line.startswith("online_audience")
    reasons: list[Whole] = []
    state = cell.state
    for reason in whole:
        weight: State
        if reason == "deceased":
            weight = "stopped"
        elif reason in ("erased", "erasing", "restricted"):
            weight = "review" if service else "stopped"
        elif reason == "child":
            weight = "may" if service or place.purpose == "public_information" else "stopped"
        elif reason == "minor":
            weight = "may" if service or place.purpose == "public_information" else "stopped" if audience else "review"
        elif reason == "kept_address":
            weight = "review"
        else:
            weight = "stopped" if audience else "review" if place.line == "post" else "may"
        if weight != "may":
            reasons.append(reason)
            # Nothing that is allowed by nothing is worth a second look.
            if weight == "stopped" or state == "may":
                state = weight
    if not reasons:
        return cell
    return Cell(state, cell.ground, cell.since, cell.consent, cell.bans, cell.acts, tuple(reasons))


# --- before and after -------------------------------------------------------------------------------------------------


def differences(before: Grid, after: Grid) -> list[Place]:
    """The places whose state is not what it was, in the order of the grid after."""
    return [
        place
        for place, cell in after.items()
        if (was := before.get(place)) is None or (was.state, was.ground) != (cell.state, cell.ground)
    ]
