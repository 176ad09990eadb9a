"""Ledger entries before they are written: what an event, a legal-basis tag or a register change becomes.

An entry has a public part, which is hashed into the chain for ever, and a personal part (``PERSONAL``), which is
only committed to and can be erased. What rules decide by is public and holds nothing personal: codes, keys, flags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
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


def utc_text(moment: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffffZ``: the one spelling of a moment in everything that is hashed."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a moment without an offset is no moment")
    # Twice as fast as astimezone, and this is done for every entry: the offset is taken off, and its text with it.
    return (moment - offset).isoformat(timespec="microseconds")[:26] + "Z"


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
    evidence = event.evidence
    personal: dict[str, Any] = {}
    if event.note is not None:
        personal["note"] = event.note
    if event.reason is not None:
        personal["reason"] = event.reason
    detail: dict[str, Any] = {}
    double_opt_in = None
    pre_ticked = condition_of_service = freely_joined = express_request = has_proof = False
    if evidence is not None:
        for name in PERSONAL:
            value = getattr(evidence, name)
            if value is not None:
                personal[name] = value
        if evidence.confirmed_at is not None:
            detail["confirmed_at"] = _at_text(evidence.confirmed_at, "evidence.confirmed_at")
        double_opt_in = evidence.double_opt_in
        pre_ticked = evidence.pre_ticked is True
        condition_of_service = evidence.condition_of_service is True
        freely_joined = evidence.freely_joined is True
        express_request = evidence.express_request is True
        has_proof = evidence.recording is not None or evidence.attachment_sha256 is not None
    controller = event.controller
    if controller is None and event.event in ("consent_given", "guardian_consented"):
        controller = default_controller
    order_known = event.imported_without_date is not True
    given_by = event.given_by or "self"
    channels, purposes = event.channels or (), event.purposes or ()
    topics, audiences = event.topics or (), event.audiences or ()
    at = _at_text(event.at, "at")
    digest = digest_of(
        keys,
        "event",
        (
            contact_id,
            event.event,
            at if order_known else None,
            controller,
            event.method,
            event.source,
            given_by,
            sorted(channels),
            sorted(purposes),
            sorted(topics),
            sorted(audiences),
            event.notice,
            event.prohibition,
            double_opt_in,
            (pre_ticked, condition_of_service, freely_joined, express_request),
            detail,
            personal,
        ),
    )
    return NewEntry(
        contact_id=contact_id,
        event=event.event,
        at=event.at,
        digest=digest,
        controller=controller,
        method=event.method,
        source=event.source,
        given_by=given_by,
        order_known=order_known,
        channels=channels,
        purposes=purposes,
        topics=topics,
        audiences=audiences,
        notice=event.notice,
        prohibition=event.prohibition,
        double_opt_in=double_opt_in,
        pre_ticked=pre_ticked,
        condition_of_service=condition_of_service,
        freely_joined=freely_joined,
        express_request=express_request,
        has_proof=has_proof,
        detail=detail,
        personal=personal or None,
    )


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
