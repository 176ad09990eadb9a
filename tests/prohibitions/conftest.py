"""A register with a few people in it, and bans to put on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import CANONICAL_VERSION, AddressKeys, PointKeys
from consentmgr.prohibitions.service import Added, add, lift
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def ban() -> Callable[..., Prohibition]:
    def make(source: str = "self", **fields: Any) -> Prohibition:
        names = set(ProhibitionTarget.__struct_fields__) & set(fields)
        target = ProhibitionTarget(**{name: fields.pop(name) for name in names})
        return Prohibition(target=target, source=source, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def added(database: Database, address_keys: AddressKeys) -> Callable[..., Added]:
    """Add prohibitions in a transaction of their own."""

    def run(*documents: Prohibition, now: datetime = NOW) -> Added:
        with database.transaction() as session:
            return add(session, documents, keys=address_keys, actor="test", now=now)

    return run


@pytest.fixture
def lifted(database: Database, address_keys: AddressKeys) -> Callable[..., list[int]]:
    """Lift prohibitions by an act of the day after tomorrow, unless said otherwise."""

    def run(*ids: int, **fields: Any) -> list[int]:
        given = {
            "at": NOW + timedelta(days=2),
            "now": NOW + timedelta(days=3),
            "method": "phone",
            "reason": "asked for the magazine again",
            "evidence": {"recording": "call-17"},
            "actor": "test",
            **fields,
        }
        with database.transaction() as session:
            return lift(session, ids, keys=address_keys, **given)

    return run


@pytest.fixture
def contact(database: Database, address_keys: AddressKeys) -> Callable[..., int]:
    """Add a contact with addresses; its id."""

    def make(ref: str, *, email: str | None = None, phone: str | None = None, **columns: Any) -> int:
        with database.transaction() as session:
            columns = {"ref": ref, **columns}
            contact_id: int = session.execute(
                text(
                    f"INSERT INTO contact ({', '.join(columns)}) VALUES ({', '.join(':' + c for c in columns)})"
                    " RETURNING id"
                ),
                columns,
            ).scalar_one()
            for kind, value, point in (
                ("email", email, address_keys.email(email) if email else None),
                ("phone", phone, address_keys.phone(phone) if phone else None),
            ):
                if point is not None:
                    add_point(session, contact_id, kind, value, point, address_keys.key_id)
        return contact_id

    def add_point(session: Any, contact_id: int, kind: str, value: str | None, point: PointKeys, key_id: int) -> None:
        session.execute(
            text(
                "INSERT INTO contact_point (contact_id, kind, value, address_key, sha256_key, sha256_digits_key,"
                " key_id, canonical_version) VALUES (:contact, :kind, :value, :key, :sha, :digits, :key_id, :version)"
            ),
            {
                "contact": contact_id,
                "kind": kind,
                "value": value,
                "key": point.address_key,
                "sha": point.sha256_key,
                "digits": point.sha256_digits_key,
                "key_id": key_id,
                "version": CANONICAL_VERSION,
            },
        )

    return make
