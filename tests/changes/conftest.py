"""What tests of changes share: a register with two controllers, and entries of all kinds in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from consentmgr.changes import feed
from consentmgr.changes.feed import Change, Place
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.sight import EVERYTHING, Sight
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from tests.importing.registers import ACME, NOW, Register

BETA: dict[str, Any] = {"type": "controller", "key": "beta", "name": "Beta Ab"}


def person(name: str, *events: dict[str, Any], controllers: Sequence[str] = ("acme",)) -> dict[str, Any]:
    return {
        "type": "contact",
        "ref": f"crm:{name}",
        "controllers": list(controllers),
        "given_name": name.capitalize(),
        "points": [{"channel": "email", "value": f"{name}@posti.example"}],
        "events": list(events),
    }


def act(event: str, minutes: int = 0, controller: str | None = "acme", **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(days=30) + timedelta(minutes=minutes)).isoformat()
    told = {"event": event, "at": at, "method": "web_form", "channels": ["email"], **more}
    return told if controller is None else {**told, "controller": controller}


class Reader:
    """Reads the feed as a client does: portion by portion, keeping nothing but the cursor."""

    def __init__(self, database: Database, *, sight: Sight = EVERYTHING, types: Sequence[str] = ()) -> None:
        self.database = database
        self.sight = sight
        self.types = types
        self.cursor: str | None = None
        self.had: list[Change] = []

    def ask(self, limit: int = 7) -> bool:
        """Read one portion; whether there is more."""
        with self.database.reading() as session:
            place = feed.place_of(session, self.cursor)
            portion = feed.read(session, place, limit=limit, sight=self.sight, types=self.types)
            assert len(portion.changes) <= limit
            self.cursor = feed.cursor_of(session, portion.place)
        self.had += portion.changes
        return portion.more

    def read(self, limit: int = 7) -> list[Change]:
        """Read to the end; what was new."""
        before = len(self.had)
        while self.ask(limit):
            pass
        return self.had[before:]

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """Type and contact of all it has had."""
        return [(change.event, (change.document["contact"] or {}).get("ref")) for change in self.had]


class Changing(Register):
    """A register whose ledger grows."""

    def append(self, *contact_ids: int | None, now: datetime = NOW) -> None:
        """One entry for each of these, in one transaction."""
        entries = [
            NewEntry(contact_id=contact_id, event="access_requested", at=now, digest=uuid4(), controller="acme")
            for contact_id in contact_ids
        ]
        with self.database.transaction() as session:
            ledger.append(session, entries, actor="test", now=now)

    def end(self) -> Place:
        with self.database.reading() as session:
            return feed.end(session)

    def contact_id(self, name: str) -> int:
        return int(self.one("SELECT id FROM contact WHERE ref = :ref", ref=f"crm:{name}"))


@pytest.fixture
def changing(database: Database, keys: Keys) -> Changing:
    register = Changing(database, AddressKeys(keys.address_key, keys.address_key_id))
    register.take_well(ACME, BETA)
    return register
