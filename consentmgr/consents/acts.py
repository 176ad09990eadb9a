"""Ledger entries before they are written: what an event, a legal-basis tag or a register change becomes.

An entry has a public part, which is hashed into the chain for ever, and a personal part (``PERSONAL``), which is
only committed to and can be erased. What rules decide by is public and holds nothing personal: codes, keys, flags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

import msgspec

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.documents import EventFields, Evidence, LegalBasisTag

#: Kinds of entries beside the events of the contract.
LEGAL_BASIS_SET = "legal_basis_set"
PROHIBITION_ADDED = "prohibition_added"
PROHIBITION_LIFTED = "prohibition_lifted"
REGISTER_CHANGE = "register_change"

#: The fields of an event's evidence that are kept apart and can be erased; beside them ``note`` and ``reason``.
PERSONAL = ("form", "ip", "user_agent", "recording", "attachment_sha256")

# Keeps these digests apart from address digests made with the same secret.
_PERSON = b"consentmgr-event"


class NewEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry to append. ``digest`` identifies its source: the same digest is never appended twice.

    A struct and not a dataclass, because an import makes millions: a tenth of the time, and nothing for the garbage
    collector to look through. ``detail`` is public: strings, whole numbers, booleans, null, lists and objects of them; no fractions, which have
    no one spelling. ``personal`` is any JSON object, or None.
    """

    contact_id: int | None
    event: str
    at: datetime
    digest: UUID
    controller: str | None = None
    method: str | None = None
    source: str | None = None
    given_by: str = "self"
    order_known: bool = True
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    notice: str | None = None
    prohibition: str | None = None
    double_opt_in: str | None = None
    pre_ticked: bool = False
    condition_of_service: bool = False
    freely_joined: bool = False
    express_request: bool = False
    has_proof: bool = False
    detail: dict[str, Any] = {}
    personal: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"NewEntry(contact_id={self.contact_id}, event={self.event!r}, digest={self.digest})"


#: The beginning of the time that PostgreSQL counts from.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_OFFSET = datetime(2000, 1, 1)  # noqa: DTZ001 - UTC, spelled without its offset
_MINUTES = tuple(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_SECONDS = tuple(f"{second:02}." for second in range(60))
#: In microseconds.
_DAY, _MINUTE, _SECOND = 86_400_000_000, 60_000_000, 1_000_000


@lru_cache(maxsize=20_000)
def _day_text(days: int) -> str:
    """The day so many days after the epoch. ``OverflowError`` outside the years 1 to 9999."""
    return (_EPOCH_WITHOUT_OFFSET + timedelta(days=days)).date().isoformat()


def utc_text(moment: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffffZ``: the one spelling of a moment in everything that is hashed."""
    try:
        since = moment - _EPOCH
    except TypeError:
        raise ValueError("a moment without an offset is no moment") from None
    # Put together of what was spelled before: this is done for every entry, and others' ways take twice as long.
    minutes, seconds = divmod(since.seconds, 60)
    micros = since.microseconds
    return f"{_day_text(since.days)}{_MINUTES[minutes]}{_SECONDS[seconds]}{f'{micros:06}' if micros else '000000'}Z"


def stored_text(microseconds: int) -> str:
    """``utc_text`` of a moment as PostgreSQL stores it: microseconds since the beginning of 2000, UTC."""
    days, rest = divmod(microseconds, _DAY)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, micros = divmod(rest, _SECOND)
    return f"{_day_text(days)}{_MINUTES[minutes]}{_SECONDS[seconds]}{f'{micros:06}' if micros else '000000'}Z"


def digest_of(keys: AddressKeys, kind: str, content: Sequence[Any]) -> UUID:
    """The identity of a source document: a keyed digest of its canonical content.

    Keyed, because it outlives erasure and covers the personal part: without the key nobody can try which IP address
    or note it was made of. Raises ``BadInput`` where a text holds a null character, which no database text can.
    """
    return UUID(bytes=digest_begun(keys, kind, content).digest())


def digest_begun(keys: AddressKeys, kind: str, content: Sequence[Any]) -> hashlib.blake2b:
    """The same, unfinished: for many documents that differ only in what is added to a copy of it."""
    data = msgspec.json.encode((kind, *content), order="sorted")
    if b"\\u0000" in data and _has_null(content):
        raise BadInput("a text holds a null character")
    return hashlib.blake2b(data, digest_size=16, key=keys.secret, person=_PERSON)


def _has_null(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_has_null(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(_has_null(part) for part in value)


def entry_of(event: EventFields, contact_id: int, *, default_controller: str | None, keys: AddressKeys) -> NewEntry:
    """The entry of an event of a contact, whether it stood inside the contact's document or on its own.

    A consent without a controller is the default controller's; any other act without one speaks of all controllers.
    ``at`` of an event imported without a date is no part of its identity, because it is only the time of import.
    Raises ``BadInput`` naming the field.
    """
    return EventEntries(default_controller=default_controller, keys=keys).entry_of(event, contact_id)


_SHAPE_OF_EVENT = attrgetter(
    "event",
    "controller",
    "method",
    "source",
    "channels",
    "purposes",
    "topics",
    "audiences",
    "notice",
    "prohibition",
    "given_by",
    "imported_without_date",
)
_SHAPE_OF_EVIDENCE = attrgetter(
    "double_opt_in", "pre_ticked", "condition_of_service", "freely_joined", "express_request"
)
_NO_EVIDENCE = _SHAPE_OF_EVIDENCE(Evidence())
#: Shapes that are remembered before all are forgotten.
_MOST_SHAPES = 20_000
_sorted_json = msgspec.json.Encoder(order="sorted").encode


class _EventShape:
    """What events alike in everything but their contact, time and evidence share, as their entries have it.

    ``event_json`` and ``middle`` are the parts of the digest's content before and after the time.
    """

    __slots__ = (
        "audiences",
        "channels",
        "condition_of_service",
        "controller",
        "double_opt_in",
        "event_json",
        "express_request",
        "freely_joined",
        "given_by",
        "middle",
        "order_known",
        "pre_ticked",
        "purposes",
        "topics",
    )

    def __init__(self, event: EventFields, evidence: Evidence, default_controller: str | None) -> None:
        self.double_opt_in = evidence.double_opt_in
        self.pre_ticked = evidence.pre_ticked is True
        self.condition_of_service = evidence.condition_of_service is True
        self.freely_joined = evidence.freely_joined is True
        self.express_request = evidence.express_request is True
        self.controller = event.controller
        if self.controller is None and event.event in ("consent_given", "guardian_consented"):
            self.controller = default_controller
        self.order_known = event.imported_without_date is not True
        self.given_by = event.given_by or "self"
        self.channels, self.purposes = event.channels or (), event.purposes or ()
        self.topics, self.audiences = event.topics or (), event.audiences or ()
        self.event_json = msgspec.json.encode(event.event)
        middle = (
            self.controller,
            event.method,
            event.source,
            self.given_by,
            sorted(self.channels),
            sorted(self.purposes),
            sorted(self.topics),
            sorted(self.audiences),
            event.notice,
            event.prohibition,
            self.double_opt_in,
            (self.pre_ticked, self.condition_of_service, self.freely_joined, self.express_request),
        )
        self.middle = msgspec.json.encode(middle)[1:-1]


class EventEntries:
    """``entry_of`` for many events: what events have in common is looked at once."""

    def __init__(self, *, default_controller: str | None, keys: AddressKeys) -> None:
        self._default_controller = default_controller
        self._shapes: dict[tuple[Any, ...], _EventShape] = {}
        self._digest = hashlib.blake2b(digest_size=16, key=keys.secret, person=_PERSON)

    def entry_of(self, event: EventFields, contact_id: int) -> NewEntry:
        """As the function of that name."""
        evidence = event.evidence
        personal: dict[str, Any] = {}
        detail: dict[str, Any] = {}
        if event.note is not None:
            personal["note"] = event.note
        if event.reason is not None:
            personal["reason"] = event.reason
        if event.ground is not None:
            detail["ground"] = event.ground
        has_proof = False
        if evidence is None:
            key = _SHAPE_OF_EVENT(event), _NO_EVIDENCE
        else:
            key = _SHAPE_OF_EVENT(event), _SHAPE_OF_EVIDENCE(evidence)
            if evidence.form is not None:
                personal["form"] = evidence.form
            if evidence.ip is not None:
                personal["ip"] = evidence.ip
            if evidence.user_agent is not None:
                personal["user_agent"] = evidence.user_agent
            if evidence.recording is not None:
                personal["recording"] = evidence.recording
                has_proof = True
            if evidence.attachment_sha256 is not None:
                personal["attachment_sha256"] = evidence.attachment_sha256
                has_proof = True
            if evidence.confirmed_at is not None:
                detail["confirmed_at"] = _at_text(evidence.confirmed_at, "evidence.confirmed_at")
        shape = self._shapes.get(key) or self._new_shape(key, event, evidence)
        at = f'"{_at_text(event.at, "at")}"'
        return NewEntry(
            contact_id=contact_id,
            event=event.event,
            at=event.at,
            digest=self._digest_of(contact_id, at if shape.order_known else "null", shape, detail, personal),
            controller=shape.controller,
            method=event.method,
            source=event.source,
            given_by=shape.given_by,
            order_known=shape.order_known,
            channels=shape.channels,
            purposes=shape.purposes,
            topics=shape.topics,
            audiences=shape.audiences,
            notice=event.notice,
            prohibition=event.prohibition,
            double_opt_in=shape.double_opt_in,
            pre_ticked=shape.pre_ticked,
            condition_of_service=shape.condition_of_service,
            freely_joined=shape.freely_joined,
            express_request=shape.express_request,
            has_proof=has_proof,
            detail=detail,
            personal=personal or None,
        )

    def _new_shape(self, key: tuple[Any, ...], event: EventFields, evidence: Evidence | None) -> _EventShape:
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        shape = self._shapes[key] = _EventShape(event, evidence or Evidence(), self._default_controller)
        return shape

    def _digest_of(
        self, contact_id: int, at: str, shape: _EventShape, detail: dict[str, Any], personal: dict[str, Any]
    ) -> UUID:
        """``digest_of`` of kind ``event``, contact, event, time, what the shape has, detail and personal part."""
        data = b'["event",%d,%b,%b,%b,%b,%b]' % (
            contact_id,
            shape.event_json,
            at.encode(),
            shape.middle,
            _sorted_json(detail),
            _sorted_json(personal),
        )
        if b"\\u0000" in data and _has_null(msgspec.json.decode(data)):
            raise BadInput("a text holds a null character")
        digest = self._digest.copy()
        digest.update(data)
        return UUID(bytes=digest.digest())


def _at_text(moment: datetime, field: str) -> str:
    try:
        return utc_text(moment)
    except OverflowError:
        raise BadInput("the time is outside the years 1 to 9999", field=field) from None


def event_of(entry: NewEntry) -> EventFields:
    """The event an entry was made of, as a document (the inverse of ``entry_of``: importing it again adds nothing).

    After erasure the personal part is gone from the entry, and so from the event. Raises ``ValueError`` for entries
    that are no events of the contract.
    """
    personal = entry.personal or {}
    evidence = Evidence(
        double_opt_in=cast(Any, entry.double_opt_in),
        confirmed_at=_moment(entry.detail.get("confirmed_at")),
        pre_ticked=entry.pre_ticked or None,
        condition_of_service=entry.condition_of_service or None,
        freely_joined=entry.freely_joined or None,
        express_request=entry.express_request or None,
        **{name: personal[name] for name in PERSONAL if name in personal},
    )
    fields = {
        "event": entry.event,
        "at": entry.at,
        "controller": entry.controller,
        "method": entry.method,
        "source": entry.source,
        "note": personal.get("note"),
        "channels": entry.channels or None,
        "purposes": entry.purposes or None,
        "topics": entry.topics or None,
        "audiences": entry.audiences or None,
        "notice": entry.notice,
        "evidence": None if evidence == Evidence() else evidence,
        "prohibition": entry.prohibition,
        "reason": personal.get("reason"),
        "given_by": None if entry.given_by == "self" else entry.given_by,
        "imported_without_date": None if entry.order_known else True,
        "ground": entry.detail.get("ground"),
    }
    return msgspec.convert(fields, EventFields, from_attributes=True)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def legal_basis_entry(
    tag: LegalBasisTag,
    contact_id: int,
    *,
    at: datetime,
    default_controller: str | None,
    keys: AddressKeys,
    replaces: int | None = None,
) -> NewEntry:
    """The entry of a legal-basis tag set on a contact.

    ``replaces`` is the entry of the tag it changes (``legal_basis_tag.entry_id``) or None: with it, going back to an
    earlier basis is a new entry, and setting the same tag again is none.
    """
    controller = tag.controller or default_controller
    detail = {
        "purpose": tag.purpose,
        "basis": tag.basis,
        "since": _day(tag.since),
        "until": _day(tag.until),
        "source": tag.source,
    }
    detail = {name: value for name, value in detail.items() if value is not None}
    return NewEntry(
        contact_id=contact_id,
        event=LEGAL_BASIS_SET,
        at=at,
        digest=digest_of(keys, LEGAL_BASIS_SET, (contact_id, controller, detail, replaces)),
        controller=controller,
        detail=detail,
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def register_change_entry(
    contact_id: int, fields: Sequence[str], *, at: datetime, source: str | None, change: str, keys: AddressKeys
) -> NewEntry:
    """The entry of a change in what the register holds of a contact: the names of the fields, never their values.

    ``change`` identifies the change (a batch and a line, a form's id): the same one is recorded once.
    """
    return NewEntry(
        contact_id=contact_id,
        event=REGISTER_CHANGE,
        at=at,
        digest=digest_of(keys, REGISTER_CHANGE, (contact_id, sorted(fields), source, change)),
        source=source,
        detail={"fields": sorted(fields)},
    )
