"""A register with people who consented, refused, withdrew and objected, for the tests of consent records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.consents.sight import EVERYTHING, Sight
from consentmgr.db import Database
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.records import service
from consentmgr.records.service import PersonsRecords
from consentmgr.vocabulary.documents import AnyDocument

DOCUMENT = dict[str, Any]
HERE = Path(__file__).parent
#: After everything that is told here.
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

ACME: DOCUMENT = {
    "type": "controller",
    "key": "acme",
    "name": "Acme Oy",
    "business_id": "0112038-9",
    "contact": "Tietosuoja, tietosuoja@acme.example",
    "default": True,
    "privacy_url": "https://acme.example/tietosuoja",
}
BETA: DOCUMENT = {"type": "controller", "key": "beta", "name": "Beta Oy"}
NOTICE: DOCUMENT = {
    "type": "notice",
    "key": "signup",
    "version": 2,
    "language": "fi",
    "text": "Acme Oy saa lähettää minulle tarjouksia ja uutiskirjeitä sähköpostilla ja tekstiviestillä.",
    "controllers": ["acme", "beta"],
    "channels": ["email", "sms"],
    "purposes": ["direct_marketing", "newsletter"],
}
LETTER: DOCUMENT = {
    "type": "topic",
    "key": "garden",
    "kind": "newsletter",
    "controller": "acme",
    "names": {"fi": "Puutarhakirje", "sv": "Trädgårdsbrevet", "en": "Garden letter"},
}
MARKETING: DOCUMENT = {
    "type": "processing_purpose",
    "key": "marketing",
    "controller": "acme",
    "names": {"fi": "Suoramarkkinointi"},
    "basis": "consent",
    "data_categories": ["contact_data"],
    "recipients": ["Esimerkkiposti Oy"],
    "retention_months": 36,
}


def consent(at: str = "2026-08-01T10:00:00+03:00", **more: Any) -> DOCUMENT:
    return {
        "event": "consent_given",
        "at": at,
        "controller": "acme",
        "method": "web_form",
        "channels": ["email", "sms"],
        "purposes": ["direct_marketing"],
        "notice": "signup/2/fi",
        "evidence": {"form": "signup", "ip": "192.0.2.7", "double_opt_in": "confirmed", "confirmed_at": at},
        **more,
    }


def said(event: str, at: str, **more: Any) -> DOCUMENT:
    return {"event": event, "at": at, "controller": "acme", "method": "email_link", **more}


def person(ref: str, *events: DOCUMENT, **more: Any) -> DOCUMENT:
    return {
        "type": "contact",
        "ref": ref,
        "controllers": ["acme"],
        "given_name": "Åke",
        "family_name": "Öhman",
        "language": "sv",
        "points": [{"channel": "email", "value": f"{ref}@posti.example", "use": "private", "source": "web_form"}],
        "events": list(events),
        **more,
    }


@dataclass
class Keepers:
    """The register, and what its records say."""

    database: Database
    settings: Settings
    keys: Keys

    @property
    def address_keys(self) -> AddressKeys:
        return AddressKeys(self.keys.address_key, self.keys.address_key_id)

    def take(self, *documents: DOCUMENT) -> None:
        typed = [msgspec.convert(document, AnyDocument) for document in documents]
        with self.database.transaction() as session:
            done = apply_documents(session, typed, keys=self.address_keys, actor="test", now=NOW)
            assert not done.rejected, done.rejected

    def records(self, ref: str, *, now: datetime = NOW, sight: Sight = EVERYTHING) -> PersonsRecords:
        with self.database.reading() as session:
            return service.records_of_ref(session, ref, sight=sight, keys=self.address_keys, now=now)

    def states(self, ref: str, *, now: datetime = NOW) -> list[dict[str, str]]:
        """Of each record: the state of each channel, purpose and topic."""
        return [
            {
                "/".join(filter(None, (one.matter.channel, one.matter.purpose, one.matter.topic))): one.state
                for one in record.processes
            }
            for record in self.records(ref, now=now).records
        ]

    def file(self, ref: str, place: int = 0, *, now: datetime = NOW) -> bytes:
        found = self.records(ref, now=now)
        return service.record_file(found, found.records[place], settings=self.settings, key=self.keys.signing_key)

    def receipt(self, ref: str, place: int = 0) -> bytes:
        found = self.records(ref)
        return service.receipt_file(found, found.records[place], key=self.keys.signing_key)

    def contact_id(self, ref: str) -> int:
        with self.database.connect() as connection:
            return int(connection.execute(text("SELECT id FROM contact WHERE ref = :ref"), {"ref": ref}).scalar_one())


def schema(name: str) -> Any:
    return json.loads((HERE / f"{name}.schema.json").read_text("utf-8"))
