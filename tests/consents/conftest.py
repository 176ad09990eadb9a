"""A ledger to write to, and somebody who can break into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import URL, create_engine, text

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.ledger import append
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.postgres_cluster import SUPERUSER

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
_digests = count(1)


def new_entry(contact_id: int | None = 1, event: str = "consent_given", **fields: Any) -> NewEntry:
    """An entry with a digest of its own, a minute after the one before."""
    number = next(_digests)
    fields.setdefault("at", NOW - timedelta(days=30) + timedelta(minutes=number))
    fields.setdefault("digest", UUID(int=number << 64 | number))
    return NewEntry(contact_id=contact_id, event=event, **fields)


@pytest.fixture(name="new_entry")
def _new_entry() -> Callable[..., NewEntry]:
    return new_entry


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def written(database: Database) -> Callable[..., list[int | None]]:
    """Append entries in a transaction of their own."""

    def write(*entries: NewEntry) -> list[int | None]:
        with database.transaction() as session:
            return append(session, entries, actor="test", now=NOW)

    return write


@pytest.fixture
def tamper(register_url: URL) -> Iterator[Callable[..., None]]:
    """SQL by a superuser who has put the triggers out of the way."""
    engine = create_engine(register_url.set(username=SUPERUSER))

    def run(*statements: str, **parameters: Any) -> None:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement), parameters)

    yield run
    engine.dispose()
