"""A register with a newsletter and a few people who get it, and the links that were mailed to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import Link, LinkKeys, LinkUse, link_keys
from consentmgr.prohibitions.erasure import erase_contacts
from consentmgr.prohibitions.service import Ban, matching
from consentmgr.vocabulary.documents import AnyDocument

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

ACME: dict[str, Any] = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}
BETA: dict[str, Any] = {"type": "controller", "key": "beta", "name": "Beta Ab"}
NEWS: dict[str, Any] = {
    "type": "topic",
    "key": "news",
    "kind": "newsletter",
    "controller": "acme",
    "names": {"fi": "Kuukausikirje", "sv": "Månadsbrevet", "en": "Monthly letter"},
}


def person(name: str, *addresses: str) -> dict[str, Any]:
    return {
        "type": "contact",
        "ref": f"crm:{name}",
        "controllers": ["acme"],
        "given_name": name.capitalize(),
        "language": "sv",
        "points": [{"channel": "email", "value": address} for address in addresses or (f"{name}@posti.example",)],
    }


class Leavers:
    """What tests of leaving share."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self.database = database
        self.settings = settings
        self.keys = keys
        self.address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        self.link_keys: LinkKeys = link_keys(settings)
        self.take(ACME, BETA, NEWS, person("aino"), person("birger"))

    def take(self, *documents: dict[str, Any], now: datetime = NOW) -> None:
        with self.database.transaction() as session:
            decoded = [msgspec.convert(document, AnyDocument) for document in documents]
            changes = apply_documents(session, decoded, keys=self.address_keys, actor="test", now=now)
            assert not changes.rejected, changes.rejected

    def contact_id(self, name: str) -> int:
        found = self.value("SELECT id FROM contact WHERE ref = :ref", ref=f"crm:{name}")
        assert isinstance(found, int)
        return found

    def email_key(self, address: str) -> UUID:
        found = self.address_keys.email(address)
        assert found is not None
        return found.address_key

    def link(self, name: str = "aino", *, address: str | None = None, **fields: Any) -> Link:
        """The leave link mailed to a person of the register about the newsletter."""
        link = Link(
            LinkUse.LEAVE,
            "acme",
            self.contact_id(name),
            "email",
            self.email_key(address or f"{name}@posti.example"),
            "email",
            "topic",
            "news",
            "autumn",
        )
        return replace(link, **fields)

    def token(self, link: Link) -> str:
        return self.link_keys.mint(link)

    def bans(self, *addresses: str, refs: tuple[str, ...] = ()) -> list[Ban]:
        """Prohibitions that hold."""
        with self.database.reading() as session:
            return matching(session, address_keys=[self.email_key(one) for one in addresses], refs=refs)

    def rows(self, question: str, **values: Any) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(text(question), values).all())

    def value(self, question: str, **values: Any) -> Any:
        with self.database.connect() as connection:
            return connection.execute(text(question), values).scalar()

    def erase(self, name: str, at: datetime = NOW) -> None:
        contact_id = self.contact_id(name)
        self.take({"type": "event", "contact": f"crm:{name}", "event": "erased", "at": at.isoformat()}, now=at)
        entry = self.value(
            "SELECT max(id) FROM ledger_entry WHERE contact_id = :id AND event = 'erased'", id=contact_id
        )
        with self.database.transaction() as session:
            erase_contacts(session, {contact_id: (at, entry)})
