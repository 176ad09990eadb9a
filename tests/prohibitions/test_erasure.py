"""Erasure takes the person's data and leaves what keeps them from being contacted again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.ledger import append
from consentmgr.consents.rebuild import rebuild
from consentmgr.consents.verification import verify
from consentmgr.db import Database
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions.erasure import Erased, ErasedBy, KeptKey, add_kept_keys, erase_contacts, kept_keys
from consentmgr.prohibitions.service import Added, matching, of_contact
from consentmgr.vocabulary.documents import Prohibition

AT = datetime(2026, 10, 1, tzinfo=UTC)


def entry(contact_id: int, event: str, **fields: Any) -> NewEntry:
    return NewEntry(contact_id=contact_id, event=event, at=AT, digest=uuid4(), **fields)


@pytest.fixture
def erase(database: Database, now: datetime) -> Callable[..., Erased]:
    """Record and carry out the erasure of contacts."""

    def run(*contact_ids: int) -> Erased:
        with database.transaction() as session:
            ids = append(session, [entry(one, "erased") for one in contact_ids], actor="test", now=now)
            by = {one: ErasedBy(AT, entry_id) for one, entry_id in zip(contact_ids, ids, strict=True) if entry_id}
            return erase_contacts(session, by)

    return run


@pytest.fixture
def people(
    database: Database,
    contact: Callable[..., int],
    added: Callable[..., Added],
    ban: Callable[..., Prohibition],
    now: datetime,
) -> tuple[int, int]:
    """Cecilia, about to be erased, and Aino, who shares her telephone; both with bans and evidence."""
    cecilia = contact(
        "crm:1",
        email="cecilia@posti.example",
        phone="0501234567",
        given_name="Cecilia",
        family_name="Esimerkki",
        language="sv",
        country="FI",
        municipality="091",
        born_on="1980-01-01",
        name_key=uuid4(),
    )
    aino = contact("crm:2", email="aino@posti.example", phone="0501234567", given_name="Aino")
    added(
        ban(email="cecilia@posti.example", evidence={"note": "Cecilia called"}),
        ban(contact="crm:1", evidence={"note": "Cecilia wrote"}),
        ban(email="aino@posti.example", evidence={"note": "Aino called"}),
    )
    with database.transaction() as session:
        entries = [entry(one, "consent_given", personal={"ip": "192.0.2.1"}) for one in (cecilia, aino)]
        append(session, entries, actor="test", now=now)
        session.execute(text("INSERT INTO controller (key, name) VALUES ('acme', 'Acme Oy')"))
        for one in (cecilia, aino):
            session.execute(
                text(
                    "INSERT INTO customer_relation (contact_id, controller, relation) VALUES (:id, 'acme', 'purchase')"
                ),
                {"id": one},
            )
            session.execute(
                text("INSERT INTO message_sent (contact_id, at, controller) VALUES (:id, now(), 'acme')"), {"id": one}
            )
    return cecilia, aino


def everything(database: Database) -> str:
    """Every text in every table."""
    found = []
    with database.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).all()
        for table in tables:
            found += [str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
    return "\n".join(found)


def test_nothing_readable_of_the_person_is_left(
    database: Database, people: tuple[int, int], erase: Callable[..., Erased]
) -> None:
    assert "cecilia" in everything(database).lower()
    done = erase(people[0])
    assert (done.contacts, done.evidence_deleted) == (1, 3)
    # Address, SHA-256 of the e-mail; number, SHA-256 with and without the plus sign.
    assert done.keys_kept == 5
    left = everything(database)
    assert "cecilia" not in left.lower()
    assert "Esimerkki" not in left
    # The four digits alone also turn up in a hash now and then.
    assert "1980-01-01" not in left
    assert "1980, 1, 1" not in left
    assert left.count("192.0.2.1") == 1


def test_others_keep_what_is_theirs(database: Database, people: tuple[int, int], erase: Callable[..., Erased]) -> None:
    erase(people[0])
    left = everything(database)
    assert "Aino called" in left
    assert "aino@posti.example" in left
    with database.connect() as connection:
        for table in ("contact_point", "customer_relation", "message_sent"):
            owners = connection.scalars(text(f"SELECT DISTINCT contact_id FROM {table}")).all()
            assert owners == [people[1]]


def test_bans_and_keys_stay(
    database: Database, people: tuple[int, int], erase: Callable[..., Erased], address_keys: AddressKeys
) -> None:
    email, phone = address_keys.email("cecilia@posti.example"), address_keys.phone("0501234567")
    assert email is not None
    assert phone is not None
    with database.transaction() as session:
        before = of_contact(session, people[:1])[people[0]]
    erase(people[0])
    with database.transaction() as session:
        assert of_contact(session, people[:1])[people[0]] == before
        assert len(matching(session, address_keys=[email.address_key], refs=["crm:1"])) == 2
        kept = kept_keys(session, people[:1])
    assert {(key.address_key, key.hashed) for key in kept} == {
        (email.address_key, False),
        (phone.address_key, False),
        (email.sha256_key, True),
        (phone.sha256_key, True),
        (phone.sha256_digits_key, True),
    }
    assert {key.erased_at for key in kept} == {AT}
    with database.connect() as connection:
        contact = connection.execute(text("SELECT * FROM contact WHERE id = :id"), {"id": people[0]}).one()
    assert (contact.ref, contact.erased_at, contact.given_name) == ("crm:1", AT, None)
    assert contact.name_key is not None


def test_the_ledger_still_verifies(database: Database, people: tuple[int, int], erase: Callable[..., Erased]) -> None:
    erase(people[0])
    with database.transaction() as session:
        found = verify(session)
        assert found.whole
        assert (found.evidence_held, found.evidence_erased) == (2, 3)
        assert rebuild(session).equal


def test_erasing_again_changes_nothing(
    database: Database, people: tuple[int, int], erase: Callable[..., Erased]
) -> None:
    erase(people[0])
    before = everything(database)
    with database.transaction() as session:
        entry_id = session.scalar(text("SELECT id FROM ledger_entry WHERE event = 'erased'"))
        assert entry_id is not None
        done = erase_contacts(session, {people[0]: ErasedBy(AT, entry_id)})
    assert (done.keys_kept, done.evidence_deleted) == (0, 0)
    assert everything(database).count("\n") == before.count("\n")


def test_without_an_erasure_in_the_ledger_nothing_is_erased(database: Database, people: tuple[int, int]) -> None:
    before = everything(database)
    with pytest.raises(ValueError, match="no such erasure"), database.transaction() as session:
        erase_contacts(session, {people[0]: ErasedBy(AT, 20)})
    with pytest.raises(DBAPIError, match="no erasure of that person"), database.transaction() as session:
        session.execute(text("DELETE FROM ledger_evidence"))
    assert everything(database) == before


def test_nobody_to_erase_is_no_work(database: Database) -> None:
    with database.transaction() as session:
        assert erase_contacts(session, {}) == Erased(0, 0, 0)


def test_the_erased_contact_is_seen_as_changed(
    database: Database, people: tuple[int, int], erase: Callable[..., Erased]
) -> None:
    question = text("SELECT changed_xid::text FROM contact WHERE id = :id")
    with database.connect() as connection:
        before = connection.scalar(question, {"id": people[0]})
    erase(people[0])
    with database.connect() as connection:
        assert connection.scalar(question, {"id": people[0]}) != before


def test_keys_kept_elsewhere_are_taken_in_once(database: Database) -> None:
    one = KeptKey(7, UUID(int=1), hashed=False, erased_at=AT)
    other = one._replace(hashed=True)
    with database.transaction() as session:
        assert add_kept_keys(session, []) == []
        assert add_kept_keys(session, [one, other, one]) == [True, True, False]
        assert add_kept_keys(session, [one]) == [False]
        assert kept_keys(session, [7]) == [one, other]


def test_what_waits_to_be_sent_to_the_person_or_confirmed_by_them_goes_too(
    database: Database, people: tuple[int, int], erase: Callable[..., Erased]
) -> None:
    with database.transaction() as session:
        for contact_id in people:
            session.execute(
                text(
                    "INSERT INTO outgoing_mail (template, language, controller, address, address_key, created_at, due_at)"
                    " SELECT 'my_link', 'fi', 'acme', value, address_key, now(), now() FROM contact_point"
                    " WHERE contact_id = :id AND kind = 'email'"
                ),
                {"id": contact_id},
            )
            session.execute(
                text(
                    "INSERT INTO pending_subscription (id, form, controller, notice, language, address, address_key,"
                    " asked_at, expires_at) SELECT gen_random_uuid(), 'f', 'acme', 'n/1', 'fi', value, address_key, now(),"
                    " now() + interval '7 days' FROM contact_point WHERE contact_id = :id AND kind = 'email'"
                ),
                {"id": contact_id},
            )
    erase(people[0])
    assert "cecilia" not in everything(database).lower()
    with database.connect() as connection:
        for table in ("outgoing_mail", "pending_subscription"):
            left = connection.scalars(text(f"SELECT address FROM {table} WHERE address IS NOT NULL")).all()
            assert left == ["aino@posti.example"]
        # A mail that was not wanted any more is not sent later.
        assert connection.scalar(text("SELECT count(*) FROM outgoing_mail WHERE given_up_at IS NULL")) == 1
