"""What a person has chosen, as the preference page shows it: computed from the ledger and the prohibitions.

``choosing`` is what its form then changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import any_, literal, or_, select
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.config import LANGUAGES, Language
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.requests import ErasureAsked, ErasureRefused
from consentmgr.kit.clock import local_date
from consentmgr.preferences.leave_state import masked_address
from consentmgr.preferences.links import Link
from consentmgr.preferences.reach import (
    OPT_OUT_CHANNELS,
    Answer,
    Matter,
    Past,
    answer,
    in_words,
)
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.service import Ban
from consentmgr.register.models import Contact, ContactPoint, CustomerRelation, Notice, Organisation, Topic
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, LEGAL_PERSON_FORMS, PLATFORMS

#: What the ledger calls this page.
PAGE = "preference_page"
#: Longest pause that can be asked for; longer is leaving.
LONGEST_PAUSE = timedelta(days=366)
_DAY = timedelta(days=1)
#: More controls than any page has; a form with more is not ours.
MOST_CONTROLS = 140

Section = Literal["topic", "channel", "ban"]
#: Why something cannot be allowed here: ``own_all`` ``own_channel`` ``own_other`` (a ban of the person's own, of a wider
#: scope), ``own_act`` (one in the ledger), ``no_words`` (no notice speaks of it), or the source of somebody else's ban.
Reason = str


@dataclass(frozen=True, slots=True)
class Words:
    """The exact words a consent is given in (GDPR 7(1)); ``notice`` is ``key/version/language``."""

    notice: str
    text: str

    @property
    def language(self) -> str:
        return self.notice.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Control:
    """One box on the page. ``on`` means *may be sent*, and for a ban *may not*.

    ``changeable`` says whether it can be turned the other way now; ``words`` are those of the consent that turning it
    on gives, None where none is needed. ``own_bans`` are the person's own, of exactly this scope: taking back lifts
    them. ``in_the_way`` says why it cannot be turned on, ``others`` whose bans reach it besides.
    """

    section: Section
    key: str
    on: bool
    changeable: bool
    matter: Matter
    words: Words | None = None
    #: Those of the consent it rests on, or would rest on again if the person's own ban were taken back.
    agreed: Words | None = None
    own_bans: tuple[int, ...] = ()
    in_the_way: tuple[Reason, ...] = ()
    others: tuple[str, ...] = ()
    ground: str | None = None
    title: str | None = None
    description: str | None = None
    cadence: str | None = None

    @property
    def name(self) -> str:
        """What the form calls it."""
        return f"{self.section}:{self.key}"


@dataclass(frozen=True, slots=True)
class Choices:
    """What holds for one person at one controller."""

    known: bool
    erased: bool
    restricted: bool = False
    #: A wish to be erased that waits for its answer: nothing is sent until then, whatever was chosen before.
    erasure: ErasureAsked | None = None
    #: A wish to be erased that was refused, where no other waits: still nothing is sent on what was chosen before.
    refusal: ErasureRefused | None = None
    #: Which address the message went to, unreadable to others.
    address: str | None = None
    language: str | None = None
    topics: tuple[Control, ...] = ()
    channels: tuple[Control, ...] = ()
    bans: tuple[Control, ...] = ()
    #: Own bans on everything, without an end.
    stopped: tuple[int, ...] = ()
    #: Own bans on everything that end by themselves, and the last day of the longest.
    paused_until: date | None = None
    #: Sources of bans on everything that are not the person's to lift.
    stopped_by_others: tuple[str, ...] = ()

    @property
    def controls(self) -> tuple[Control, ...]:
        return self.topics + self.channels + self.bans


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """Everything the register and the ledger hold of the person behind a link, for this controller's pages."""

    contact: Contact | None
    points: Sequence[ContactPoint]
    past: Past
    topics: Sequence[Topic]

    @property
    def contact_id(self) -> int | None:
        return self.contact.id if self.contact is not None else None

    def point_written_to(self, link: Link) -> ContactPoint | None:
        """The point the message went to; None where the contact has it no more."""
        return next(
            (
                point
                for point in self.points
                if point.kind == link.address_kind and point.address_key == link.address_key
            ),
            None,
        )


def known_of(session: Session, link: Link) -> Known:
    """Read all of it; a fixed number of queries."""
    contact = _contact(session, link.contact_id)
    points: Sequence[ContactPoint] = []
    relations: Sequence[CustomerRelation] = []
    entries: list[tuple[int, NewEntry]] = []
    bans: dict[int, Ban] = {}
    if contact is not None:
        points = session.scalars(select(ContactPoint).where(ContactPoint.contact_id == contact.id)).all()
        relations = session.scalars(select(CustomerRelation).where(CustomerRelation.contact_id == contact.id)).all()
        entries = [(found.id, found.entry) for found in ledger.entries_of(session, [contact.id])]
        bans = {ban.id: ban for ban in prohibitions.of_contact(session, [contact.id])[contact.id]}
    if link.address_key is not None:
        bans |= {ban.id: ban for ban in prohibitions.matching(session, address_keys=[link.address_key])}
    organisations = _organisations(session, points)
    bans |= {
        ban.id: ban
        for ban in prohibitions.matching(
            session,
            organisations=[row.identity for row in organisations.values()],
            domains={
                point.value.rpartition("@")[2].lower() for point in points if point.kind == "email" and point.value
            },
        )
    }
    topics = session.scalars(
        select(Topic)
        .where(
            Topic.controller == link.controller, Topic.kind == "newsletter", or_(Topic.public, Topic.key == link.topic)
        )
        .order_by(Topic.key)
    ).all()
    notices = session.scalars(select(Notice).where(literal(link.controller) == any_(Notice.controllers))).all()
    past = Past(
        entries,
        list(bans.values()),
        relations,
        {f"{row.key}/{row.version}/{row.language}": row for row in notices},
        _work_channels(points, organisations),
        _sent(session, link),
    )
    return Known(contact, points, past, topics)


def _contact(session: Session, contact_id: int | None) -> Contact | None:
    for _ in range(8):
        contact = session.get(Contact, contact_id) if contact_id is not None else None
        if contact is None or contact.merged_into is None:
            return contact
        contact_id = contact.merged_into
    return None


def _organisations(session: Session, points: Sequence[ContactPoint]) -> dict[int, Organisation]:
    ids = {point.organisation_id for point in points if point.organisation_id is not None}
    if not ids:
        return {}
    return {row.id: row for row in session.scalars(select(Organisation).where(Organisation.id.in_(ids)))}


def _work_channels(points: Sequence[ContactPoint], organisations: Mapping[int, Organisation]) -> frozenset[str]:
    at_work = [
        point
        for point in points
        if point.use in ("work", "generic")
        and point.organisation_id is not None
        and point.organisation_id in organisations
        and organisations[point.organisation_id].form in LEGAL_PERSON_FORMS
    ]
    return frozenset("email" for point in at_work if point.kind == "email")


def _sent(session: Session, link: Link) -> Matter | None:
    """What the message was that carried the link, as its campaign says, or as the link's scope does."""
    campaign = kept_campaigns(session, [link.campaign]).get(link.campaign) if link.campaign is not None else None
    if campaign is not None and campaign.purpose in ("newsletter", "direct_marketing"):
        return Matter(link.controller, link.channel, campaign.purpose, campaign.topic)
    return Matter(link.controller, link.channel, "newsletter" if link.topic else "direct_marketing", link.topic)


def read(session: Session, link: Link, now: datetime, language: Language) -> Choices:
    """What holds for the person behind a link, at the link's controller. Reads only."""
    return choices_of(known_of(session, link), link, now, language)


def choices_of(known: Known, link: Link, now: datetime, language: Language) -> Choices:
    """The same from what was read already."""
    contact, today = known.contact, local_date(now)
    if contact is not None and contact.erased_at is not None:
        return Choices(known=False, erased=True)
    reader = _Reader(known, link, now, language)
    erasure, refusal = _erasure(known, link)
    own_all = [ban for ban in known.past.bans if ban.holds_on(today) and reader.is_own(ban, (), ())]
    pauses = [ban for ban in own_all if ban.valid_until is not None]
    return Choices(
        known=contact is not None,
        erased=False,
        restricted=contact is not None and contact.restricted_since is not None,
        erasure=erasure,
        refusal=refusal,
        address=_masked(known.point_written_to(link), link),
        language=contact.language if contact is not None else None,
        topics=reader.topics(),
        channels=reader.channels(),
        bans=reader.bans() if contact is not None else (),
        stopped=tuple(ban.id for ban in own_all if ban.valid_until is None),
        paused_until=max((ban.valid_until for ban in pauses if ban.valid_until is not None), default=None),
        stopped_by_others=tuple(
            sorted(
                {
                    ban.source
                    for ban in known.past.bans
                    if ban.holds_on(today)
                    and ban.source != "self"
                    and not ban.channels
                    and not ban.topics
                    and ban.source not in ("robinson_phone", "robinson_post", "population_register")
                    and (not ban.controllers or link.controller in ban.controllers)
                }
            )
        ),
    )


def _erasure(known: Known, link: Link) -> tuple[ErasureAsked | None, ErasureRefused | None]:
    """The wish to be erased that waits at the link's controller; and where none does, the refusal of the last.

    By what ground another controller refused is not for this one's pages, only that nothing is sent (law.md stage 3); nor
    what it told of the time its answer takes, only until when.
    """
    acts = [entry for _, entry in known.past.entries]
    asked = ErasureAsked.of(acts, (link.controller,))
    if asked is not None and asked.controller not in (None, link.controller):
        asked = replace(asked, extended=None)
    refused = ErasureRefused.of(acts) if asked is None else None
    if refused is not None and refused.controller not in (None, link.controller):
        refused = replace(refused, ground=None, sentence=None)
    return asked, refused


class _Reader:
    """Makes the controls of one page."""

    def __init__(self, known: Known, link: Link, now: datetime, language: Language) -> None:
        self.known = known
        self.link = link
        self.now = now
        self.today = local_date(now)
        self.language = language
        # What was chosen stays chosen through a pause, and is shown so.
        self.past = replace(
            known.past,
            bans=[ban for ban in known.past.bans if not (self.is_own(ban, (), ()) and ban.valid_until is not None)],
        )

    def is_own(self, ban: Ban, channels: Collection[str], topics: Collection[str]) -> bool:
        """A ban of the person's own at this controller, of exactly this scope, that can be lifted today."""
        return (
            ban.source == "self"
            and ban.target_kind not in ("organisation", "domain")
            and ban.controllers == [self.link.controller]
            and set(ban.channels) == set(channels)
            and set(ban.topics) == set(topics)
            and (not ban.purposes or "direct_marketing" in ban.purposes)
            and (ban.valid_from is None or ban.valid_from <= max(local_date(ban.recorded_at), self.today - _DAY))
        )

    def topics(self) -> tuple[Control, ...]:
        channel = self.link.channel if self.link.channel in ("email", "sms", "instant_message") else "email"
        found = []
        for topic in self.known.topics:
            matter = Matter(self.link.controller, channel, "newsletter", topic.key)
            control = self._permission("topic", topic.key, matter, (), (topic.key,))
            if self.known.contact is None and topic.key != self.link.topic and not control.own_bans:
                continue
            found.append(
                replace(
                    control,
                    title=text_in(topic.names, self.language) or topic.key,
                    description=text_in(topic.descriptions, self.language),
                    cadence=topic.cadence,
                )
            )
        return tuple(sorted(found, key=lambda control: (control.title or "").casefold()))

    def channels(self) -> tuple[Control, ...]:
        found = []
        for channel in ELECTRONIC_CHANNELS:
            matter = Matter(self.link.controller, channel, "direct_marketing")
            control = self._permission("channel", channel, matter, (channel,), ())
            if control.on or control.changeable or control.own_bans or channel == self.link.channel:
                found.append(control)
        audience = self._audience()
        return tuple(found) if audience is None else (*found, audience)

    def _audience(self) -> Control | None:
        """Social-media audiences, all platforms in one: a ban or withdrawal cannot tell them apart."""
        if self.known.contact is None:
            return None
        matters = [
            Matter(self.link.controller, "online_audience", "direct_marketing", platform=platform)
            for platform in PLATFORMS
        ]
        controls = [
            self._permission("channel", "online_audience", matter, ("online_audience",), ()) for matter in matters
        ]
        usable = [control for control in controls if control.on or control.changeable]
        shown = next((control for control in usable if control.on), usable[0] if usable else None)
        own = controls[0].own_bans
        if shown is None:
            # Offered at other times, so it does not vanish; what is in the way is said.
            spoken_of = [control for control in controls if "no_words" not in control.in_the_way]
            return (controls[0] if own else None) or (spoken_of[0] if spoken_of else None)
        named = [control.matter.platform for control in usable if control.on == shown.on and control.matter.platform]
        return replace(shown, title=" ".join(named))

    def bans(self) -> tuple[Control, ...]:
        """Channels that may be used until forbidden: here a tick forbids."""
        return tuple(self._ban(channel) for channel in OPT_OUT_CHANNELS)

    def _ban(self, channel: str) -> Control:
        matter = Matter(self.link.controller, channel, "direct_marketing")
        own_exact = self._own_exact((channel,), ())
        found = answer(self.past, matter, self.today)
        own = [ban for ban in found.bans if ban.source == "self"]
        wider = [ban for ban in own if ban.id not in own_exact]
        acts = [entry for entry_id, entry in self.past.entries if entry_id in found.acts]
        wider_acts = [entry for entry in acts if not _is_exact_objection(entry, self.link.controller, channel)]
        return Control(
            "ban",
            channel,
            on=bool(own or acts),
            changeable=not wider and not wider_acts,
            matter=matter,
            own_bans=own_exact,
            in_the_way=_ways(wider, bool(wider_acts)),
            others=_others(found),
        )

    def _own_exact(self, channels: Collection[str], topics: Collection[str]) -> tuple[int, ...]:
        return tuple(
            ban.id
            for ban in self.past.bans
            if ban.holds_on(self.today)
            and ban.valid_until is None
            and (channels or topics)
            and self.is_own(ban, channels, topics)
        )

    def _permission(
        self, section: Section, key: str, matter: Matter, channels: Collection[str], topics: Collection[str]
    ) -> Control:
        """A box that allows: on where it may be sent; else what turning it on would take."""
        own = self._own_exact(channels, topics)
        found = answer(self.past, matter, self.today)
        control = Control(
            section, key, found.holds, found.holds, matter, own_bans=own, others=_others(found), ground=found.ground
        )
        if found.holds:
            return replace(control, agreed=words_of(self.past, found.consent))
        without_own = replace(self.past, bans=[ban for ban in self.past.bans if ban.id not in own])
        lifted = answer(without_own, matter, self.today)
        if lifted.holds:
            agreed = words_of(self.past, lifted.consent)
            return replace(control, changeable=True, ground=lifted.ground, agreed=agreed)
        words = self._words(matter)
        if words is None:
            ways = _ways(lifted.bans, bool(lifted.acts))
            return replace(control, in_the_way=(*ways, "no_words"))
        consent = consent_to(self.link.controller, matter, words.notice, self.now)
        hypothetical = NewEntry(
            contact_id=None,
            event=consent.event,
            at=self.now,
            digest=UUID(int=0),
            controller=consent.controller,
            method=consent.method,
            channels=consent.channels or (),
            purposes=consent.purposes or (),
            topics=consent.topics or (),
            audiences=consent.audiences or (),
            notice=consent.notice,
        )
        allowed = answer(replace(without_own, entries=[*without_own.entries, (0, hypothetical)]), matter, self.today)
        if allowed.holds and self.known.contact is not None:
            return replace(control, changeable=True, words=words)
        return replace(control, in_the_way=_ways(allowed.bans, bool(allowed.acts)))

    def _words(self, matter: Matter) -> Words | None:
        """The newest notice in the page's language that speaks of the matter; of several, the one that says least."""
        newest: dict[str, Notice] = {}
        for row in self.past.notices.values():
            if row.language == self.language and row.version >= newest.get(row.key, row).version:
                newest[row.key] = row
        fitting = [row for row in newest.values() if in_words(row, matter)]
        if not fitting:
            return None
        best = min(fitting, key=lambda row: (not row.topics, len(row.channels) + len(row.audiences), row.key))
        return Words(f"{best.key}/{best.version}/{best.language}", best.words)


def words_of(past: Past, consent: int | None) -> Words | None:
    """The words of the notice that a consent was given in, by its entry; None where it names none we have."""
    notice = next((entry.notice for entry_id, entry in past.entries if entry_id == consent), None)
    row = past.notices.get(notice) if notice is not None else None
    return Words(f"{row.key}/{row.version}/{row.language}", row.words) if row is not None else None


def text_in(texts: Mapping[str, str], language: str) -> str | None:
    """A text in a language, else in another one rather than not at all."""
    return texts.get(language) or next((texts[other] for other in LANGUAGES if texts.get(other)), None)


def _ways(bans: Collection[Ban], acts: bool) -> tuple[Reason, ...]:  # noqa: FBT001 - whether there are any
    found: list[Reason] = []
    for ban in bans:
        if ban.source != "self":
            found.append(ban.source)
        elif ban.topics or not ban.controllers:
            found.append("own_other")
        else:
            found.append("own_channel" if ban.channels else "own_all")
    if acts:
        found.append("own_act")
    return tuple(dict.fromkeys(found))


def _others(found: Answer) -> tuple[str, ...]:
    return tuple(sorted({ban.source for ban in found.bans if ban.source != "self"}))


def _is_exact_objection(entry: NewEntry, controller: str, channel: str) -> bool:
    return (
        entry.event in ("objected", "consent_refused")
        and entry.controller == controller
        and entry.channels == (channel,)
        and not entry.topics
    )


def _masked(point: ContactPoint | None, link: Link) -> str | None:
    return masked_address(link.address_kind, point.value, point.postal) if point is not None else None


def consent_to(
    controller: str, matter: Matter, notice: str, now: datetime, audiences: Collection[str] = ()
) -> documents.EventFields:
    """A consent to exactly one matter. The link came by mail to the address it is about, so it confirms itself."""
    audience = matter.platform is not None
    return documents.EventFields(
        event="consent_given",
        at=now,
        controller=controller,
        method="email_link",
        source=PAGE,
        channels=None if audience else (matter.channel,),  # type: ignore[arg-type]
        purposes=(matter.purpose,),  # type: ignore[arg-type]
        topics=(matter.topic,) if matter.topic is not None else None,
        audiences=tuple(audiences) or ((matter.platform,) if audience else None),  # type: ignore[arg-type]
        notice=notice,
        evidence=documents.Evidence(form=PAGE, double_opt_in="confirmed", confirmed_at=now),
    )
