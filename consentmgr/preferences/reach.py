"""Whether one controller may use one channel for one thing, for one person: what the preference page shows as on.

The rules are the screening's (law.md, stages 5 to 7), read for one person: which acts and prohibitions reach the
thing, which of them a later act of the person's own has lifted, and whether there is a ground. Pure. A test holds it
equal to screening; where it errs it shows less than is allowed, never more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import msgspec

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.standing import CONSENTS
from consentmgr.kit.clock import HELSINKI
from consentmgr.prohibitions.service import Ban
from consentmgr.register.models import CustomerRelation, Notice

#: Channels one may use until forbidden (section 200(2)); all others need a ground.
OPT_OUT_CHANNELS = ("phone", "post")

Ground = Literal["consent", "customer", "work", "opt_out", "sent"]

#: Sources that make a ban the person's own, or made on the person's behalf.
_OWN_SOURCES = ("self", "guardian", "staff", "court", "complaint")
_STOPPING = ("objected", "consent_refused", "consent_withdrawn", "complaint")
#: Relations of a customer in the sense of section 200(3).
_SALES = ("purchase", "membership", "free_account_of_paid_service")
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_FROM_THE_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing a person may be sent: by whom, by which channel, for what, about what. ``platform`` for audiences."""

    controller: str
    channel: str
    purpose: str
    topic: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Past:
    """All that is known of one person's choices. ``entries`` with their ids; ``notices`` by ``key/version/language``."""

    entries: Sequence[tuple[int, NewEntry]] = ()
    bans: Sequence[Ban] = ()
    relations: Sequence[CustomerRelation] = ()
    notices: Mapping[str, Notice] = field(default_factory=dict)
    #: Channels at which the person is written to as somebody at work, at a legal person's address.
    work_channels: Collection[str] = ()
    #: What this very message was: whoever got it gets such things.
    sent: Matter | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``bans`` and ``acts`` are what stands in the way, prohibitions and ledger entries; without any, ``ground``
    says why it may be sent (None: nothing allows it). ``consent`` is the entry of the consent it rests on.
    """

    ground: Ground | None
    bans: tuple[Ban, ...] = ()
    acts: tuple[int, ...] = ()
    consent: int | None = None

    @property
    def holds(self) -> bool:
        return self.ground is not None and not self.bans and not self.acts


def answer(past: Past, matter: Matter, today: date) -> Answer:
    """What holds for ``matter`` on a day."""
    consents = _consents(past, matter)
    newest = max((entry.at for _, entry in consents if _is_own_dated(entry)), default=None)
    naming = max((entry.at for _, entry in consents if _is_own_dated(entry) and _names(entry, matter)), default=None)
    said = _own_word(past, matter)
    bans = tuple(
        ban
        for ban in past.bans
        if ban.holds_on(today) and reaches(ban, matter) and not _lifted(ban, past, newest, naming, said)
    )
    acts = tuple(
        entry_id
        for entry_id, entry in past.entries
        if stops(entry, matter) and not _overcome(entry, newest, naming, said)
    )
    ground, consent = _ground(past, matter, consents)
    return Answer(ground, bans, acts, consent)


def reaches(ban: Ban, matter: Matter) -> bool:
    """Whether a ban's scope holds the matter."""
    channels = (matter.channel, "email") if matter.platform else (matter.channel,)
    if ban.source in ("robinson_phone", "robinson_post") and ban.source != f"robinson_{matter.channel}":
        return False
    # It binds addresses that come from that register; whoever sends to those screens them apart.
    if ban.source == "population_register":
        return False
    return (
        (not ban.controllers or matter.controller in ban.controllers)
        and (not ban.channels or any(channel in ban.channels for channel in channels))
        and (not ban.topics or matter.topic in ban.topics)
        and _reaches_purpose(ban.purposes, matter)
    )


def _reaches_purpose(purposes: Collection[str], matter: Matter) -> bool:
    return not purposes or "direct_marketing" in purposes or matter.purpose in purposes


# --- what stands in the way, and what lifts it ----------------------------------------------------------------------


def stops(entry: NewEntry, matter: Matter) -> bool:
    """Whether an act of the person's own reaches the matter as a stop."""
    if entry.event not in _STOPPING or entry.controller not in (None, matter.controller):
        return False
    if entry.topics and matter.topic not in entry.topics:
        return False
    if not _reaches_purpose(entry.purposes, matter):
        return False
    if not entry.channels:
        # A withdrawal or refusal that names nothing speaks of channels that need consent.
        of_consent = entry.event in ("consent_withdrawn", "consent_refused") and not entry.topics
        return not (of_consent and matter.channel in OPT_OUT_CHANNELS)
    return matter.channel in entry.channels or (matter.platform is not None and "email" in entry.channels)


def takes_back(entry: NewEntry, matter: Matter) -> bool:
    """Whether an act is a withdrawal that ends a consent to the matter: one that names no channel ends those to every
    channel, though it stops nothing where no consent is needed.
    """
    named = entry if entry.channels else msgspec.structs.replace(entry, channels=(matter.channel,))
    return entry.event == "consent_withdrawn" and stops(named, matter)


def _overcome(entry: NewEntry, newest: datetime | None, naming: datetime | None, said: datetime | None) -> bool:
    at = entry.at if entry.order_known else _FOR_EVER
    consent = naming if entry.topics else newest
    by_word = entry.event in ("objected", "consent_refused", "complaint") and said is not None and said > entry.at
    return by_word or (consent is not None and consent > at)


def _lifted(ban: Ban, past: Past, newest: datetime | None, naming: datetime | None, said: datetime | None) -> bool:
    if ban.source == "court":
        return False
    # Dated by the day, a ban counts from the day's end; undated, nothing later can be shown to be later.
    begins = _FOR_EVER
    if ban.valid_from is not None:
        begins = datetime.combine(ban.valid_from + timedelta(days=1), time.min, HELSINKI)
    consent = naming if ban.topics else newest
    if consent is not None and consent >= begins:
        return True
    known = _FROM_THE_BEGINNING if ban.valid_from is None else begins
    of_organisation = ban.target_kind in ("organisation", "domain") or ban.source == "organisation"
    if said is not None and ban.source in _OWN_SOURCES and not of_organisation and said >= known:
        return True
    named = {f"P{ban.id}", ban.reference}
    return any(
        _is_word(entry) and entry.prohibition is not None and entry.prohibition in named and entry.at >= known
        for _, entry in past.entries
    )


def _own_word(past: Past, matter: Matter) -> datetime | None:
    """The newest lifting of an objection, in so many words, that reaches the matter."""
    return max(
        (
            entry.at
            for _, entry in past.entries
            if _is_word(entry)
            and entry.prohibition is None
            and entry.controller in (None, matter.controller)
            and (not entry.channels or matter.channel in entry.channels)
            and (not entry.topics or matter.topic in entry.topics)
            and _reaches_purpose(entry.purposes, matter)
        ),
        default=None,
    )


def _is_word(entry: NewEntry) -> bool:
    return (
        entry.event == "objection_lifted"
        and entry.order_known
        and entry.method != "import"
        and entry.given_by != "unverified"
    )


# --- grounds --------------------------------------------------------------------------------------------------------


def _consents(past: Past, matter: Matter) -> list[tuple[int, NewEntry]]:
    """The valid consents to the matter that were not withdrawn."""
    withdrawn = max(
        (
            entry.at if entry.order_known else _FOR_EVER
            for _, entry in past.entries
            if entry.given_by != "unverified" and takes_back(entry, matter)
        ),
        default=None,
    )
    return [
        (entry_id, entry)
        for entry_id, entry in past.entries
        if covers(entry, past.notices.get(entry.notice or ""), matter)
        and (withdrawn is None or (entry.order_known and entry.at > withdrawn))
    ]


def covers(entry: NewEntry, notice: Notice | None, matter: Matter) -> bool:
    """Whether a consent is one to the matter: named in the act and in the words, freely given, confirmed, proven."""
    if entry.event not in CONSENTS or entry.given_by == "unverified" or entry.controller != matter.controller:
        return False
    if notice is not None and not in_words(notice, matter):
        return False
    named = matter.platform in entry.audiences if matter.platform else matter.channel in entry.channels
    return (
        named
        and matter.purpose in entry.purposes
        and (not entry.topics or matter.topic in entry.topics)
        and not entry.pre_ticked
        and (not entry.condition_of_service or entry.freely_joined)
        and entry.double_opt_in != "pending"
        and (notice is not None or entry.has_proof)
    )


def in_words(notice: Notice, matter: Matter) -> bool:
    """Whether the words of a notice speak of the matter."""
    named = matter.platform in notice.audiences if matter.platform else matter.channel in notice.channels
    return (
        named
        and matter.controller in notice.controllers
        and matter.purpose in notice.purposes
        and (not notice.topics or matter.topic in notice.topics)
    )


def _names(entry: NewEntry, matter: Matter) -> bool:
    return matter.topic is not None and matter.topic in entry.topics


def _is_own_dated(entry: NewEntry) -> bool:
    return entry.method != "import" and entry.order_known


def _ground(past: Past, matter: Matter, consents: Sequence[tuple[int, NewEntry]]) -> tuple[Ground | None, int | None]:
    if consents:
        return "consent", max(consents, key=lambda pair: pair[1].at)[0]
    if matter.platform is None and matter.topic is None:
        if matter.channel in OPT_OUT_CHANNELS:
            return "opt_out", None
        if matter.channel in ("email", "sms", "instant_message") and any(
            row.controller == matter.controller
            and row.relation in _SALES
            and row.address_from_sale
            and row.opt_out_offered
            for row in past.relations
        ):
            return "customer", None
        if matter.channel in past.work_channels:
            return "work", None
    return ("sent", None) if past.sent == matter else (None, None)
