"""A consent record: one consent a person was asked for, what it permits, and everything said about it since. Pure.

A record is made from entries of the ledger, the words they were given in and the person's own bans, each time anew;
nothing of it is stored. ``json_ld`` writes it in the structure of ISO/IEC TS 27560:2023 with the terms of the Data
Privacy Vocabulary, as its guide maps them (https://w3id.org/dpv/guides/consent-27560). What the register does not
know is absent, and the record names it (``cm:notKnown``).

One record is one scope: consents and refusals of the same controller, channels, purposes, topics and platforms. Its
id is the digest of the first of them in the ledger, so it is always the same and is found again in a ledger export.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import product
from typing import Any, Final, Literal
from uuid import UUID

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.ledger import RecordedEntry
from consentmgr.consents.standing import CONSENTS
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.preferences.reach import Matter, Past, answer, covers, reaches, stops, takes_back
from consentmgr.prohibitions.service import Ban
from consentmgr.register.models import Controller, Notice, ProcessingPurpose, Topic

#: What a consent amounts to. Only ``given`` supports use (ISO/IEC TS 27560, event state).
State = Literal["given", "requested", "refused", "withdrawn", "invalid"]

#: Entries that ask for, give or refuse a consent, and so begin a record.
_ASKED: Final = (*sorted(CONSENTS), "consent_refused")
#: Bans the person made, or had made; others' bans say nothing of what the person agreed to.
_OWN_BANS: Final = ("self", "guardian", "staff", "complaint")
#: A ban as an event of a record; the word is that of the ledger.
BANNED: Final = "prohibition_added"


@dataclass(frozen=True, slots=True, repr=False)
class Holdings:
    """All a person's records are made from. ``notices`` by ``key/version/language``, ``controllers`` and ``topics`` by key.

    ``processing`` are the processing purposes on consent that the person is tagged with. ``principal`` is what records
    call the person: opaque, and of no use outside of this installation.
    """

    principal: UUID
    entries: Sequence[RecordedEntry] = ()
    bans: Sequence[Ban] = ()
    notices: Mapping[str, Notice] = field(default_factory=dict)
    controllers: Mapping[str, Controller] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    processing: Sequence[ProcessingPurpose] = ()
    erased: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One thing that was said or done about the consent. ``at`` is None where the day is not known.

    ``act`` is the kind of the ledger's entry. ``state`` is what the consent became by it for what it reaches, None for
    what changes nothing by itself (an objection lifted). ``by``: ``self`` ``guardian`` ``representative``
    ``unverified`` ``staff``. A ban is known by its day (``day_only``) and ends by ``until`` or ``lifted_at``.
    """

    act: str
    state: State | None
    at: datetime | None
    recorded_at: datetime
    by: str
    day_only: bool = False
    method: str | None = None
    notice: str | None = None
    double_opt_in: str | None = None
    confirmed_at: str | None = None
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    until: date | None = None
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One thing the consent was about, and whether it is permitted by it now."""

    matter: Matter
    state: State


@dataclass(frozen=True, slots=True, repr=False)
class ConsentRecord:
    """A record. ``notices`` are those its consents were given in, ``processing`` what is known of the data's use."""

    id: UUID
    controller: str
    created_at: datetime
    changed_at: datetime
    processes: tuple[Process, ...]
    events: tuple[Event, ...]
    notices: tuple[tuple[str, Notice | None], ...] = ()
    processing: ProcessingPurpose | None = None

    @property
    def state(self) -> State | None:
        """What all of it is in; None where parts of it are in several."""
        states = {process.state for process in self.processes}
        return states.pop() if len(states) == 1 else None

    @property
    def given(self) -> Event | None:
        """The newest consent that was given as the law asks; None where there never was one."""
        dated = [event for event in self.events if event.state == "given"]
        return dated[-1] if dated else None


def records_of(held: Holdings, today: date) -> list[ConsentRecord]:
    """The records of one person, in the order the first consent of each was recorded."""
    scopes: dict[tuple[Any, ...], list[RecordedEntry]] = {}
    for recorded in held.entries:
        entry = recorded.entry
        if entry.event in _ASKED and entry.controller is not None:
            scopes.setdefault(_scope(entry), []).append(recorded)
    return [_record(held, asked, today) for asked in scopes.values()]


def _scope(entry: NewEntry) -> tuple[Any, ...]:
    named = (entry.channels, entry.purposes, entry.topics, entry.audiences)
    return (entry.controller, *(tuple(sorted(part)) for part in named))


def _record(held: Holdings, asked: Sequence[RecordedEntry], today: date) -> ConsentRecord:
    first = asked[0]
    matters = _matters(first.entry)
    mine = {recorded.id for recorded in asked}
    others = [recorded for recorded in held.entries if recorded.id not in mine]
    after = [
        recorded
        for recorded in others
        if recorded.entry.event not in CONSENTS and any(_touches(recorded.entry, matter) for matter in matters)
    ]
    bans = [
        ban
        for ban in held.bans
        if ban.source in _OWN_BANS
        and ban.target_kind not in ("organisation", "domain")
        and any(reaches(ban, matter) for matter in matters)
    ]
    # Whether the consents of this record still hold: with every stop of the person's own, and with no other consent.
    past = Past(
        entries=[(found.id, found.entry) for found in held.entries if found.id in mine or found.entry.event not in CONSENTS],
        bans=bans,
        notices=held.notices,
    )  # fmt: skip
    events = sorted(
        [*(_event(found, held, matters) for found in (*asked, *after)), *(_ban_event(ban) for ban in bans)],
        key=lambda event: (event.at or event.recorded_at, event.recorded_at),
    )
    changed = [event.recorded_at for event in events] + [event.lifted_at for event in events if event.lifted_at]
    names = dict.fromkeys(found.entry.notice for found in asked if found.entry.notice is not None)
    return ConsentRecord(
        id=first.entry.digest,
        controller=str(first.entry.controller),
        created_at=first.recorded_at,
        changed_at=max(changed),
        processes=tuple(Process(matter, _state(past, matter, today, erased=held.erased)) for matter in matters),
        events=tuple(events),
        notices=tuple((name, held.notices.get(name)) for name in names),
        processing=_processing(held.processing, str(first.entry.controller), first.entry.purposes),
    )


def _matters(entry: NewEntry) -> list[Matter]:
    """Every single thing the consent is about. A platform is matched by e-mail, and its matter is the audience."""
    means: list[tuple[str, str | None]] = [
        (channel, None) for channel in sorted(entry.channels) if channel != "online_audience" or not entry.audiences
    ]
    means += [("online_audience", platform) for platform in sorted(entry.audiences)]
    topics: list[str | None] = [*sorted(entry.topics)] or [None]
    controller = str(entry.controller)
    return [
        Matter(controller, channel, purpose, topic, platform)
        for (channel, platform), purpose, topic in product(means, sorted(entry.purposes), topics)
    ]


def _touches(entry: NewEntry, matter: Matter) -> bool:
    """Whether an act that is no consent speaks of the matter."""
    if entry.event == "objection_lifted":
        return (
            entry.controller in (None, matter.controller)
            and (not entry.channels or matter.channel in entry.channels)
            and (not entry.topics or matter.topic in entry.topics)
        )
    return entry.event == "erased" or stops(entry, matter) or takes_back(entry, matter)


def _event(recorded: RecordedEntry, held: Holdings, matters: Sequence[Matter]) -> Event:
    entry = recorded.entry
    return Event(
        act=entry.event,
        state=_said(entry, held, matters),
        at=entry.at if entry.order_known else None,
        recorded_at=recorded.recorded_at,
        by="guardian" if entry.event == "guardian_consented" else entry.given_by,
        method=entry.method,
        notice=entry.notice,
        double_opt_in=entry.double_opt_in,
        confirmed_at=entry.detail.get("confirmed_at"),
        channels=tuple(sorted(entry.channels)),
        purposes=tuple(sorted(entry.purposes)),
        topics=tuple(sorted(entry.topics)),
        platforms=tuple(sorted(entry.audiences)),
    )


def _said(entry: NewEntry, held: Holdings, matters: Sequence[Matter]) -> State | None:
    """What one act made of the consent. An objection ends use as a withdrawal does; its act says which it was."""
    match entry.event:
        case "consent_refused":
            return "refused"
        case "consent_withdrawn" | "objected" | "complaint":
            return "withdrawn"
        case "objection_lifted":
            return None
        case "erased":
            return "invalid"
    if entry.double_opt_in == "pending":
        return "requested"
    notice = held.notices.get(entry.notice or "")
    return "given" if any(covers(entry, notice, matter) for matter in matters) else "invalid"


def _ban_event(ban: Ban) -> Event:
    recorded_on = local_date(ban.recorded_at)
    day_only = ban.valid_from is not None and ban.valid_from != recorded_on
    at = datetime.combine(ban.valid_from, time(), HELSINKI) if day_only and ban.valid_from else ban.recorded_at
    return Event(
        act=BANNED,
        state="withdrawn",
        at=at if ban.valid_from is not None else None,
        recorded_at=ban.recorded_at,
        by="self" if ban.source == "complaint" else ban.source,
        day_only=day_only,
        channels=tuple(sorted(ban.channels)),
        purposes=tuple(sorted(ban.purposes)),
        topics=tuple(sorted(ban.topics)),
        until=ban.valid_until,
        lifted_at=ban.lifted_at,
    )


def _state(past: Past, matter: Matter, today: date, *, erased: bool) -> State:
    """What holds now. The rules are those of the preference page; what they do not let through is not given."""
    found = answer(past, matter, today)
    if found.ground == "consent" and found.holds and not erased:
        return "given"
    if erased:
        return "invalid"
    stopped = [entry for entry_id, entry in past.entries if entry_id in found.acts or takes_back(entry, matter)]
    if found.bans or any(entry.event != "consent_refused" for entry in stopped):
        return "withdrawn"
    if stopped:
        return "refused"
    asked = [entry for _, entry in past.entries if entry.event in CONSENTS]
    if not asked:
        return "refused"
    return "requested" if any(entry.double_opt_in == "pending" for entry in asked) else "invalid"


def _processing(
    known: Sequence[ProcessingPurpose], controller: str, purposes: Iterable[str]
) -> ProcessingPurpose | None:
    """The processing purpose the consent is for: the one of its name, or else the person's only one on consent."""
    mine = [one for one in known if one.controller == controller]
    named = [one for one in mine if one.key in purposes]
    chosen = named or mine
    return chosen[0] if len(chosen) == 1 else None


# --- ISO/IEC TS 27560 with the terms of DPV ---------------------------------------------------------------------------

#: The terms used. Nothing is to be fetched: every prefix is written out.
CONTEXT: Final[Mapping[str, Any]] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    #: What the standard and DPV have no term for.
    "cm": "urn:consentmgr:terms:",
    "dct:conformsTo": {"@type": "@id"},
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:modified": {"@type": "xsd:dateTime"},
    "dct:issued": {"@type": "xsd:dateTime"},
    "cm:recordedAt": {"@type": "xsd:dateTime"},
    "cm:url": {"@type": "@id"},
}
#: The profile of DPV's guide for records under the GDPR; the standard's mandatory ``schema version``.
CONFORMS_TO: Final = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
SCHEMA_VERSION: Final = "ISO/IEC TS 27560:2023"

_STATES: Final[Mapping[State, str]] = {
    "given": "dpv:ConsentGiven",
    "requested": "dpv:ConsentRequested",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "invalid": "dpv:ConsentStatusInvalidForProcessing",
}
_PURPOSES: Final[Mapping[str, str]] = {
    "direct_marketing": "dpv:DirectMarketing",
    "newsletter": "dpv:Marketing",
    "service_message": "dpv:ServiceProvision",
    "research": "dpv:ResearchAndDevelopment",
    "public_information": "dpv:CommunicationManagement",
}
_DATA: Final[Mapping[str, str]] = {
    "email": "pd:EmailAddress",
    "sms": "pd:TelephoneNumber",
    "instant_message": "pd:TelephoneNumber",
    "automated_call": "pd:TelephoneNumber",
    "fax": "pd:TelephoneNumber",
    "phone": "pd:TelephoneNumber",
    "post": "pd:PhysicalAddress",
    "online_audience": "pd:EmailAddress",
}
_ENTITIES: Final[Mapping[str, str]] = {
    "self": "dpv:DataSubject",
    "guardian": "dpv:GuardianOfDataSubject",
    "representative": "dpv:Representative",
    "staff": "dpv:DataController",
}
#: The rights of whoever consented (GDPR 7(3), 15 to 18, 20, 21, 77).
_RIGHTS: Final = ("A7-3", "A15", "A16", "A17", "A18", "A20", "A21", "A77")
_MAIL: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


def json_ld(record: ConsentRecord, held: Holdings, *, withdraw_at: str, issued_at: datetime) -> dict[str, Any]:
    """The record as JSON-LD. ``withdraw_at`` is the public page where a link is asked for; no token is in a record."""
    controller = held.controllers.get(record.controller)
    processing = record.processing
    document: dict[str, Any] = {
        "@context": dict(CONTEXT),
        "@id": f"urn:uuid:{record.id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": CONFORMS_TO,
        "cm:schemaVersion": SCHEMA_VERSION,
        "dct:identifier": str(record.id),
        "dct:created": moment_text(record.created_at),
        "dct:modified": moment_text(record.changed_at),
        "dct:issued": moment_text(issued_at),
        "dpv:hasDataSubject": {
            "@id": f"urn:uuid:{held.principal}",
            "@type": "dpv:DataSubject",
            "dct:identifier": str(held.principal),
        },
        "dpv:hasNotice": [*map(_notice, record.notices), *_privacy_notice(controller)],
        "dpv:hasDataController": [_party(record.controller, controller)],
        # The register answers by Finnish law, whoever its person is.
        "dpv:hasJurisdiction": {"@id": "loc:FI"},
        "dpv:hasProcess": [_process(process, record, held) for process in record.processes],
        "dpv:hasRecipient": [
            {"@type": "dpv:Recipient", "dpv:hasName": name} for name in (processing.recipients if processing else ())
        ],
        "dpv:hasStorageCondition": _retention(processing),
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", "cm:url": withdraw_at},
        "dpv:hasRight": [{"@id": f"eu-gdpr:{right}"} for right in _RIGHTS],
        "dpv:hasConsentStatus": [_status(event, held) for event in record.events],
        "cm:notKnown": _not_known(record, controller),
    }
    return _without_empty(document)


def moment_text(moment: datetime) -> str:
    """A moment in UTC: ``2026-08-01T07:00:00Z``, with a fraction only where it has one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def words_sha256(notice: Notice) -> str:
    """The SHA-256, in hex, of a notice's exact words in UTF-8."""
    return hashlib.sha256(notice.words.encode()).hexdigest()


def _notice(named: tuple[str, Notice | None]) -> dict[str, Any]:
    name, notice = named
    key, version, language = name.rsplit("/", 2)
    return _without_empty(
        {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": key,
            "dct:hasVersion": version,
            "dct:language": language,
            "cm:words": {"@value": notice.words, "@language": language} if notice is not None else None,
            "cm:sha256": words_sha256(notice) if notice is not None else None,
        }
    )


def _privacy_notice(controller: Controller | None) -> list[dict[str, Any]]:
    url = controller.branding.get("privacy_url") if controller is not None else None
    return [{"@type": "dpv:PrivacyNotice", "cm:url": url}] if url else []


def _party(key: str, controller: Controller | None) -> dict[str, Any]:
    return _without_empty(
        {
            "@type": ["dpv:LegalEntity", "dpv:DataController"],
            "dct:identifier": key,
            "dpv:hasName": controller.name if controller is not None else None,
            "cm:businessId": controller.business_id if controller is not None else None,
            "dpv:hasContact": controller.contact if controller is not None else None,
        }
    )


def _process(process: Process, record: ConsentRecord, held: Holdings) -> dict[str, Any]:
    matter = process.matter
    topic = held.topics.get(matter.topic or "")
    is_audience = matter.channel == "online_audience"
    kind = "dpv:TargetedAdvertising" if is_audience and matter.purpose == "direct_marketing" else None
    return _without_empty(
        {
            "@type": "dpv:Process",
            "dpv:hasPurpose": {
                "@type": kind or _PURPOSES.get(matter.purpose, "dpv:Purpose"),
                "dct:identifier": matter.purpose,
            },
            "cm:topic": {
                "dct:identifier": matter.topic,
                "dct:title": _titles(topic.names) if topic is not None else None,
            }
            if matter.topic is not None
            else None,
            "cm:channel": matter.channel,
            "cm:platform": matter.platform,
            "dpv:hasLegalBasis": {"@id": "eu-gdpr:A6-1-a"},
            "dpv:hasPersonalData": [
                {"@id": _DATA[matter.channel]},
                *(
                    {"@type": "dpv:PersonalData", "dct:identifier": category}
                    for category in (record.processing.data_categories if record.processing else ())
                ),
            ],
            "dpv:hasConsentStatus": {"@id": _STATES[process.state]},
        }
    )


def _titles(names: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@value": name, "@language": language} for language, name in sorted(names.items()) if name]


def _retention(processing: ProcessingPurpose | None) -> dict[str, Any] | None:
    if processing is None or processing.retention_months is None:
        return None
    duration = {"@type": "xsd:duration", "@value": f"P{processing.retention_months}M"}
    return {"@type": "dpv:StorageCondition", "dpv:hasDuration": duration}


def _status(event: Event, held: Holdings) -> dict[str, Any]:
    at = None if event.at is None else local_date(event.at).isoformat() if event.day_only else moment_text(event.at)
    state = _STATES[event.state] if event.state is not None else None
    given = event.state == "given"
    entity = {"@id": f"urn:uuid:{held.principal}"} if event.by == "self" else None
    return _without_empty(
        {
            "@type": state or "cm:Act",
            "cm:act": event.act,
            "dct:date": None if at is None else {"@type": f"xsd:date{'' if event.day_only else 'Time'}", "@value": at},
            "cm:recordedAt": moment_text(event.recorded_at),
            "dpv:isIndicatedBy": {**(entity or {}), "@type": _ENTITIES[event.by]} if event.by in _ENTITIES else None,
            "dpv:hasIndicationMethod": event.method,
            "dpv:hasLegalBasis": {"@id": "dpv:ExpressedConsent"} if given else None,
            # A consent holds until it is withdrawn (GDPR 7(3)); the register gives it no other end.
            "dpv:hasDuration": {"@type": "dpv:UntilEventDuration", "cm:event": "consent_withdrawn"} if given else None,
            "cm:notice": event.notice,
            "cm:doubleOptIn": event.double_opt_in,
            "cm:confirmedAt": event.confirmed_at,
            "cm:channels": list(event.channels),
            "cm:purposes": list(event.purposes),
            "cm:topics": list(event.topics),
            "cm:platforms": list(event.platforms),
            "cm:until": event.until.isoformat() if event.until is not None else None,
            "cm:liftedAt": moment_text(event.lifted_at) if event.lifted_at is not None else None,
        }
    )


def _not_known(record: ConsentRecord, controller: Controller | None) -> list[str]:
    """The standard's mandatory fields that the register has nothing to say of, by the standard's names."""
    processing = record.processing
    unknown = {
        "privacy_notice": not record.notices and not _privacy_notice(controller),
        "storage_locations": True,
        "retention_period": processing is None or processing.retention_months is None,
        "recipient_third_parties": processing is None,
        "party_address": True,
        "party_contact": controller is None or not controller.contact,
    }
    return [name for name, is_unknown in unknown.items() if is_unknown]


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is not known is left out, not written as null or nothing."""
    return {name: value for name, value in fields.items() if value is not None and value not in ([], (), {}, "")}


def mail_address(contact: str | None) -> str | None:
    """The mail address in a controller's contact line, where there is one."""
    found = _MAIL.search(contact or "")
    return found.group() if found else None


# --- the words of a topic, for people ---------------------------------------------------------------------------------


def title_of(topic: Topic | None, key: str, language: str) -> str:
    """A topic's name in a language, in another where it has none in that, else its key."""
    names = topic.names if topic is not None else {}
    return names.get(language) or next((name for name in names.values() if name), key)
