"""What the doors of consent records ask: one person's records, as they stand at this moment. Reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents import ledger
from consentmgr.consents.acts import digest_of
from consentmgr.consents.sight import SEEN, Sight
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import NotFound
from consentmgr.kit.signing import SigningKey
from consentmgr.prohibitions import service as prohibitions
from consentmgr.records.consent_record import ConsentRecord, Holdings, json_ld, records_of
from consentmgr.records.receipts import receipt_of, signed_document, written
from consentmgr.register.models import Contact, Controller, LegalBasisTag, Notice, ProcessingPurpose, Topic
from consentmgr.register.reading import psycopg_connection

#: A chain of merged contacts longer than this is a fault in the data.
_LONGEST_CHAIN: Final = 8
_BY_ID: Final = re.compile(r"id:([1-9]\d{0,17})")


@dataclass(frozen=True, slots=True, repr=False)
class PersonsRecords:
    """One person's records, those of them that the reader may see. ``language`` is the person's own."""

    contact_id: int
    ref: str
    language: str | None
    held: Holdings
    records: Sequence[ConsentRecord]
    read_at: datetime

    def one(self, record_id: UUID) -> ConsentRecord:
        """The record of an id. Raises ``NotFound``."""
        found = next((record for record in self.records if record.id == record_id), None)
        if found is None:
            raise NotFound("there is no such consent record")
        return found


def records_of_contact(
    session: Session, contact_id: int, *, sight: Sight, keys: AddressKeys, now: datetime
) -> PersonsRecords:
    """The records of a contact, or of the one it was merged into. Raises ``NotFound`` where it is not seen."""
    return _read(session, _seen(session, "c.id = %(of)s", contact_id, sight), sight, keys, now)


def records_of_ref(session: Session, ref: str, *, sight: Sight, keys: AddressKeys, now: datetime) -> PersonsRecords:
    """The same by the contact's ref, or by ``id:`` and its number, as the API lets contacts be called."""
    if "\0" in ref:
        raise NotFound("there is no such contact")
    if numbered := _BY_ID.fullmatch(ref):
        return records_of_contact(session, int(numbered[1]), sight=sight, keys=keys, now=now)
    return _read(session, _seen(session, "c.ref = %(of)s", ref, sight), sight, keys, now)


def record_document(found: PersonsRecords, record: ConsentRecord, *, settings: Settings) -> dict[str, Any]:
    """One record as JSON-LD."""
    return json_ld(record, found.held, withdraw_at=withdrawal_page(settings), issued_at=found.read_at)


def record_file(found: PersonsRecords, record: ConsentRecord, *, settings: Settings, key: SigningKey) -> bytes:
    """One record as a signed file."""
    return written(signed_document(record_document(found, record, settings=settings), key))


def receipt_file(found: PersonsRecords, record: ConsentRecord, *, key: SigningKey) -> bytes:
    """The receipt of a record as a signed file. Raises ``NotFound`` where no consent was given."""
    return written(signed_document(receipt_of(record, found.held, key), key))


def everything_file(found: PersonsRecords, *, settings: Settings, key: SigningKey) -> bytes:
    """Every record and receipt of the person in one file, each signed by itself: ``{"records", "receipts"}``."""
    records = [signed_document(record_document(found, record, settings=settings), key) for record in found.records]
    receipts = [
        signed_document(receipt_of(record, found.held, key), key)
        for record in found.records
        if record.given is not None
    ]
    return written({"records": records, "receipts": receipts})


def withdrawal_page(settings: Settings) -> str:
    """Where a person asks for the link to their own choices: public, the same for everybody, without a token."""
    return f"{settings.public_url.rstrip('/')}/link"


def _seen(session: Session, which: str, of: int | str, sight: Sight) -> int:
    for _ in range(_LONGEST_CHAIN):
        row = (
            psycopg_connection(session)
            .execute(
                f"SELECT c.id, c.merged_into, {SEEN} FROM contact c WHERE {which}".encode(),  # noqa: S608 - our own words
                {**sight.parameters, "of": of},
            )
            .fetchone()
        )
        if row is None:
            break
        if row[1] is None:
            if row[2]:
                return int(row[0])
            break
        which, of = "c.id = %(of)s", row[1]
    raise NotFound("there is no such contact")


def _read(session: Session, contact_id: int, sight: Sight, keys: AddressKeys, now: datetime) -> PersonsRecords:
    contact = session.get_one(Contact, contact_id)
    entries = ledger.entries_of(session, [contact_id])
    held = Holdings(
        principal=digest_of(keys, "pii_principal", (contact_id,)),
        entries=entries,
        bans=prohibitions.of_contact(session, [contact_id])[contact_id],
        notices=_notices(session, {found.entry.notice for found in entries if found.entry.notice is not None}),
        controllers={row.key: row for row in session.scalars(select(Controller))},
        topics=_topics(session, {topic for found in entries for topic in found.entry.topics}),
        processing=_processing(session, contact_id),
        erased=contact.erased_at is not None,
    )
    records = [record for record in records_of(held, local_date(now)) if sight.sees(record.controller)]
    return PersonsRecords(contact_id, contact.ref, contact.language, held, records, now.replace(microsecond=0))


def _notices(session: Session, names: set[str]) -> Mapping[str, Notice]:
    keys = {name.rsplit("/", 2)[0] for name in names}
    rows = session.scalars(select(Notice).where(Notice.key.in_(keys)))
    found = {f"{row.key}/{row.version}/{row.language}": row for row in rows}
    return {name: row for name, row in found.items() if name in names}


def _topics(session: Session, keys: set[str]) -> Mapping[str, Topic]:
    return {row.key: row for row in session.scalars(select(Topic).where(Topic.key.in_(keys)))}


def _processing(session: Session, contact_id: int) -> list[ProcessingPurpose]:
    rows = session.scalars(
        select(ProcessingPurpose)
        .join(
            LegalBasisTag,
            (LegalBasisTag.controller == ProcessingPurpose.controller)
            & (LegalBasisTag.purpose == ProcessingPurpose.key),
        )
        .where(
            LegalBasisTag.contact_id == contact_id,
            LegalBasisTag.basis == "consent",
            ProcessingPurpose.basis == "consent",
            LegalBasisTag.until.is_(None),
        )
        .order_by(ProcessingPurpose.controller, ProcessingPurpose.key)
    )
    return list(rows)
