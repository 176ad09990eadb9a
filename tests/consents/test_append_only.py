"""Nobody changes what was recorded: not by SQL, not by the ORM, not as the tables' owner, not as a superuser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, delete, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from consentmgr.audit.models import AuditEvent
from consentmgr.audit.service import record
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.append_only import CREATE_STATEMENTS, ChangeRefused, least_privilege
from consentmgr.consents.ledger import append
from consentmgr.consents.models import LedgerEntry, LedgerEvidence
from consentmgr.db import Database
from consentmgr.postgres_cluster import SUPERUSER
from consentmgr.register.models import Notice

New = Callable[..., NewEntry]

CHANGES = (
    "UPDATE ledger_entry SET source = 'other'",
    "UPDATE ledger_entry SET at = at",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry",
    "TRUNCATE ledger_entry, ledger_evidence CASCADE",
    "UPDATE ledger_evidence SET data = '{}'",
    "UPDATE ledger_evidence SET salt = salt",
    "DELETE FROM ledger_evidence",
    "TRUNCATE ledger_evidence",
    "UPDATE ledger_head SET seq = 0",
    "UPDATE ledger_head SET hash = decode(repeat('00', 32), 'hex')",
    "UPDATE ledger_head SET chain = 15 - chain",
    "DELETE FROM ledger_head",
    "TRUNCATE ledger_head",
    "UPDATE notice SET words = 'other words'",
    "UPDATE notice SET channels = '{email,sms}'",
    "DELETE FROM notice",
    "TRUNCATE notice",
    "DELETE FROM prohibition",
    "TRUNCATE prohibition",
    "UPDATE prohibition SET valid_until = '2026-01-01'",
    "UPDATE prohibition SET channels = '{post}'",
    "UPDATE prohibition SET address_key = gen_random_uuid()",
    "UPDATE prohibition SET source = 'vendor'",
    "UPDATE prohibition SET digest = gen_random_uuid()",
    "UPDATE prohibition SET lifted_at = now()",
    "UPDATE prohibition SET lifted_at = now(), lifted_by_entry = 20",
    "UPDATE prohibition SET document = '{\"other\": 1}'",
    "UPDATE prohibition SET evidence = '{\"other\": 1}'",
    "UPDATE erased_key SET address_key = gen_random_uuid()",
    "DELETE FROM erased_key",
    "TRUNCATE erased_key",
    "UPDATE audit_event SET actor = 'nobody'",
    "DELETE FROM audit_event",
    "TRUNCATE audit_event",
)


@pytest.fixture
def filled(database: Database, new_entry: New, now: datetime) -> Database:
    """One row in every guarded table."""
    with database.transaction() as session:
        append(session, [new_entry(4, personal={"note": "x"})], actor="test", now=now)
        record(session, at=now, actor="test", action="tried", object="test:1")
        session.add(Notice(key="signup", version=1, language="fi", words="…", channels=["email"]))
        session.execute(
            text(
                "INSERT INTO prohibition (target_kind, address_key, source, digest, recorded_at, document)"
                " VALUES ('email', gen_random_uuid(), 'self', gen_random_uuid(), now(), '{}')"
            )
        )
        session.execute(
            text("INSERT INTO erased_key (address_key, contact_id, erased_at) VALUES (gen_random_uuid(), 9, now())")
        )
    return database


@pytest.fixture
def superuser(filled: Database, register_url: URL) -> Iterator[Connection]:
    engine = create_engine(register_url.set(username=SUPERUSER))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def refusal(connection: Connection, statement: str) -> str:
    with pytest.raises(DBAPIError) as refused, connection.begin():
        connection.execute(text(statement))
    return str(getattr(refused.value.orig, "sqlstate", ""))


@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_is_refused(filled: Database, change: str) -> None:
    with filled.connect() as connection:
        # Either it may not ask (insufficient privilege), or it asks in vain (restrict violation).
        assert refusal(connection, change) in ("42501", "23001")


@pytest.mark.parametrize("change", CHANGES)
def test_even_a_superuser_is_refused(superuser: Connection, change: str) -> None:
    assert refusal(superuser, change) == "23001"


def test_a_role_of_its_own_reads_and_adds_and_changes_nothing(
    filled: Database, register_url: URL, new_entry: New, now: datetime
) -> None:
    role = f"writer_{uuid4().hex[:8]}"
    with filled.engine.begin() as connection:
        for statement in least_privilege(f"{role}_missing"):
            assert "missing" in statement
    owner = create_engine(register_url.set(username=SUPERUSER))
    try:
        with owner.begin() as connection:
            connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        with filled.engine.begin() as connection:
            for statement in least_privilege(role):
                connection.execute(text(statement))
        with Database(create_engine(register_url.set(username=role))) as limited:
            with limited.transaction() as session:
                assert append(session, [new_entry(4), new_entry(5)], actor="test", now=now)
            with limited.connect() as connection:
                for change in CHANGES:
                    assert refusal(connection, change) in ("42501", "23001")
                assert refusal(connection, "ALTER TABLE ledger_entry DISABLE TRIGGER ALL") == "42501"
    finally:
        with owner.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
        owner.dispose()


@pytest.mark.parametrize("kind", [LedgerEntry, LedgerEvidence, AuditEvent, Notice])
def test_the_orm_refuses_before_it_asks(filled: Database, kind: type[Any]) -> None:
    with filled.transaction() as session:
        row = session.query(kind).first()
        session.delete(row)
        with pytest.raises(ChangeRefused, match=kind.__name__):
            session.flush()
        session.expunge_all()
    with filled.transaction() as session:
        with pytest.raises(ChangeRefused):
            session.execute(delete(kind))
        with pytest.raises(ChangeRefused):
            session.query(kind).update({})


def test_the_orm_refuses_a_changed_attribute(filled: Database) -> None:
    with filled.transaction() as session:
        entry = session.query(LedgerEntry).one()
        entry.source = "other"
        with pytest.raises(ChangeRefused):
            session.flush()
        session.expunge_all()
        with pytest.raises(ChangeRefused):
            session.execute(update(LedgerEntry).values(source="other"))


def test_the_orm_still_writes_what_may_change(filled: Database) -> None:
    with filled.transaction() as session:
        session.execute(update(Notice.__table__).values(supersedes="minor"))  # a notice may be marked as superseded


def test_the_fences_stand_in_any_schema_and_look_at_their_own_tables(
    filled: Database, new_entry: New, now: datetime
) -> None:
    with filled.scratch_schema() as scratch:
        with scratch.transaction() as session:
            append(session, [new_entry(4, personal={"note": "x"})], actor="test", now=now)
        with scratch.connect() as connection:
            assert refusal(connection, "DELETE FROM ledger_evidence") == "23001"
            # A table of the session's own with an erasure in it deceives nobody.
            connection.execute(text("CREATE TEMP TABLE ledger_entry AS SELECT * FROM ledger_entry"))
            connection.execute(text("UPDATE pg_temp.ledger_entry SET event = 'erased'"))
            connection.commit()
            assert refusal(connection, "DELETE FROM ledger_evidence") == "23001"
            connection.execute(text("DROP TABLE pg_temp.ledger_entry"))
            connection.commit()
        with scratch.transaction() as session:
            append(session, [new_entry(4, "erased")], actor="test", now=now)
            assert session.execute(text("DELETE FROM ledger_evidence")).rowcount == 1  # type: ignore[attr-defined]
    with filled.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ledger_evidence")) == 1


def test_making_the_fences_again_changes_nothing(filled: Database) -> None:
    with filled.transaction() as session:
        before = session.execute(text("SELECT chain, seq, hash FROM ledger_head ORDER BY chain")).all()
        for statement in CREATE_STATEMENTS:
            session.execute(text(statement))
        assert session.execute(text("SELECT chain, seq, hash FROM ledger_head ORDER BY chain")).all() == before
