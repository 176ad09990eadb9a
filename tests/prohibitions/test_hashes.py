"""Bans on plain addresses are found by the SHA-256 of the address: all of them, by index, whatever was hashed before."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from consentmgr.consents.ledger import driver_connection
from consentmgr.kit import clock
from consentmgr.prohibitions import hashes, service
from consentmgr.prohibitions.hashes import hashes_met, keep_up
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.db import Database
    from consentmgr.kit.address_keys import AddressKeys


def ban(session: Session, keys: AddressKeys, **target: Any) -> int:
    document = Prohibition(target=ProhibitionTarget(**target), source="vendor")
    return service.add(session, [document], keys=keys, actor="test", now=clock.now()).ids[0]


def met(database: Database, keys: AddressKeys, kind: str, written: str) -> list[int]:
    """The bans found by the SHA-256 of what is written."""
    key = keys.sha256_key(kind, sha256(written.encode()).hexdigest())
    with database.reading() as session:
        return [number for number, _ in hashes_met(driver_connection(session), keys, (kind,), [key])]


def test_a_ban_is_found_by_the_hash_before_and_after_it_was_hashed(
    database: Database, address_keys: AddressKeys
) -> None:
    with database.transaction() as session:
        first = ban(session, address_keys, email=" Aino@Posti.example")
        phone = ban(session, address_keys, phone="040 123 4567")
        ban(session, address_keys, email="birger@posti.example")
    for to_hash in (3, 0, 0):
        assert met(database, address_keys, "email", "aino@posti.example") == [first]
        assert met(database, address_keys, "phone", "+358401234567") == [phone]
        assert met(database, address_keys, "phone", "358401234567") == [phone]
        assert met(database, address_keys, "email", "nobody@posti.example") == []
        with database.transaction() as session:
            assert keep_up(session, address_keys) == to_hash
    with database.transaction() as session:
        second = ban(session, address_keys, email="AINO@posti.example")
        later = ban(session, address_keys, email="cecilia@posti.example")
    assert second == first
    assert met(database, address_keys, "email", "cecilia@posti.example") == [later]
    with database.transaction() as session:
        assert keep_up(session, address_keys) == 1
    assert met(database, address_keys, "email", "cecilia@posti.example") == [later]


def test_a_ban_that_was_lifted_or_emptied_is_not_found_by_what_was_hashed(
    database: Database, address_keys: AddressKeys
) -> None:
    with database.transaction() as session:
        ban(session, address_keys, email="aino@posti.example")
        keep_up(session, address_keys)
    with database.transaction() as session:
        session.execute(text("UPDATE prohibition SET document = NULL, evidence = '{}'"))
    assert met(database, address_keys, "email", "aino@posti.example") == []


def test_what_was_hashed_in_another_database_is_not_relied_upon(database: Database, address_keys: AddressKeys) -> None:
    with database.transaction() as session:
        number = ban(session, address_keys, email="aino@posti.example")
        keep_up(session, address_keys)
        # As a backup that was put back here has it.
        session.execute(text("UPDATE prohibition_hashed_to SET database = 'another'"))
        session.execute(text("DELETE FROM prohibition_hash"))
    assert met(database, address_keys, "email", "aino@posti.example") == [number]
    with database.transaction() as session:
        assert keep_up(session, address_keys) == 1


def test_no_whole_table_is_read_for_a_hash(database: Database, address_keys: AddressKeys) -> None:
    with database.transaction() as session:
        documents = [
            Prohibition(target=ProhibitionTarget(email=f"nobody.{number}@posti.example"), source="vendor")
            for number in range(2_000)
        ]
        service.add(session, documents, keys=address_keys, actor="test", now=clock.now())
    with database.transaction() as session:
        keep_up(session, address_keys)
    database.refresh_statistics()
    asked = {"kinds": ["email"], "hashes": [address_keys.sha256_key("email", sha256(b"x").hexdigest())]}
    with database.reading() as session:
        connection = driver_connection(session)
        position = connection.execute("SELECT position FROM prohibition_hashed_to").fetchone()
        assert position is not None
        # Of so few bans the planner may find reading them all as cheap; what is asked here is whether it must.
        connection.execute("SET LOCAL enable_seqscan = off")
        for question in (hashes._FOUND, hashes._READ + hashes._UNSEEN):
            plan = connection.execute(f"EXPLAIN {question}", {**asked, "position": position[0]}).fetchall()
            told = "\n".join(line for (line,) in plan)
            assert "Index" in told, told
            assert "Seq Scan" not in told, told
