"""The database object: transactions, one position to read, scratch registers, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.exc import ProgrammingError

from consentmgr.config import Settings
from consentmgr.database_addresses import plain_address
from consentmgr.database_checks import known_revisions, unsafe_server
from consentmgr.db import Database, open_database, open_scratch
from consentmgr.installation import prepare
from consentmgr.kit import clock
from consentmgr.kit.errors import Unavailable, UnsafeSetting
from consentmgr.tables import AddressKeyInUse

INSERT = text("INSERT INTO controller (key, name) VALUES (:key, 'Acme Oy')")
COUNT = text("SELECT count(*) FROM controller")


def test_a_transaction_is_committed_or_undone_whole(database: Database) -> None:
    with database.transaction() as session:
        session.execute(INSERT, {"key": "acme"})
    with pytest.raises(RuntimeError), database.transaction() as session:  # noqa: PT012 - both lines are the case
        session.execute(INSERT, {"key": "other"})
        raise RuntimeError
    with database.connect() as connection:
        assert connection.scalar(COUNT) == 1


def test_a_test_meets_an_empty_register(database: Database) -> None:
    with database.connect() as connection:
        assert connection.scalar(COUNT) == 0


def test_reading_sees_one_position_and_cannot_write(database: Database) -> None:
    with database.reading() as session:
        assert session.scalar(COUNT) == 0
        with database.transaction() as other:
            other.execute(INSERT, {"key": "acme"})
        assert session.scalar(COUNT) == 0
        with pytest.raises(Exception, match="read-only"):
            session.execute(INSERT, {"key": "other"})


def test_who_asks_in_plain_sql_sees_one_position_too_and_cannot_write(settings: Settings, database: Database) -> None:
    with open_database(settings) as opened:
        with opened.reading_plainly() as connection:
            before = connection.execute("SELECT count(*) FROM controller").fetchone()
            with database.transaction() as other:
                other.execute(INSERT, {"key": "acme"})
            assert connection.execute("SELECT count(*) FROM controller").fetchone() == before == (0,)
        with opened.reading_plainly() as connection:
            assert connection.execute("SELECT count(*) FROM controller").fetchone() == (1,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), opened.reading_plainly() as connection:
            connection.execute("DELETE FROM controller")


def test_what_is_written_in_plain_sql_is_committed_or_undone_whole(settings: Settings, database: Database) -> None:
    insert = "INSERT INTO controller (key, name) VALUES (%s, 'Acme Oy')"
    with open_database(settings) as opened:
        with opened.writing_plainly() as connection:
            connection.execute(insert, ["acme"])
        with pytest.raises(RuntimeError), opened.writing_plainly() as connection:  # noqa: PT012 - both lines are the case
            connection.execute(insert, ["other"])
            raise RuntimeError
        # And a connection that was given back is a writer's or a reader's as the next one asks.
        with opened.reading_plainly() as connection:
            assert connection.execute("SELECT key FROM controller").fetchall() == [("acme",)]
        with opened.writing_plainly() as connection:
            connection.execute(insert, ["third"])
    with database.connect() as checking:
        assert checking.scalar(COUNT) == 2


def test_sessions_and_plain_sql_stand_side_by_side(settings: Settings, database: Database) -> None:
    with open_database(settings) as opened:
        with opened.reading_plainly() as connection, opened.transaction() as session:
            session.execute(INSERT, {"key": "acme"})
            assert connection.execute("SELECT count(*) FROM controller").fetchone() == (0,)
        with opened.reading_plainly() as connection:
            assert connection.execute("SELECT count(*) FROM controller").fetchone() == (1,)
        assert opened.ask(lambda asked: asked.execute("SELECT count(*) FROM controller").fetchone()) == (1,)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://somebody:word@db.example:5433/register",
        "postgresql://Some.Body@DB.example/register",
        "postgresql+psycopg://somebody:w%40rd%2Fand%20more@db.example/register",
        "postgresql://somebody:@db.example/register",
        "postgresql:///register",
        "postgresql://somebody@/register?host=/var/run/postgresql&port=5433",
        "postgresql://somebody@/register?host=%2Fvar%2Frun%2Fpostgresql",
        "postgresql://db.example/%C3%A4%20register",
    ],
)
def test_the_driver_is_told_what_sqlalchemy_would_tell_it(address: str) -> None:
    engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
    _, told = engine.dialect.create_connect_args(engine.url)

    plain = plain_address(address)

    assert plain is not None
    assert dict(plain) == {name: str(value) for name, value in told.items() if name != "context" and value != ""}


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://somebody:word@one.example,two.example/register",
        "postgresql://somebody:word@[::1]/register",
        "postgresql://somebody@db.example/register?sslmode=require",
        "postgresql://somebody@/register?options=-c%20work_mem%3D1MB",
        "postgresql://somebody@db.example/register?host=/elsewhere",
        "postgresql://somebody@/register?host=/one&host=/two",
        "postgresql://some body@db.example/register",
        "postgresql://somebody:w+rd@db.example/register",
        "postgresql://somebody@db.example:port/register",
        "postgresql://db.example",
        "mysql://db.example/register",
        "",
    ],
)
def test_any_other_address_is_left_to_sqlalchemy(address: str) -> None:
    assert plain_address(address) is None


def test_a_scratch_register_is_empty_and_leaves_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.execute(INSERT, {"key": "acme"})
    with database.scratch_schema() as scratch, scratch.transaction() as session:
        assert session.scalar(COUNT) == 0
        session.execute(INSERT, {"key": "other"})
        session.commit()
    with database.connect() as connection:
        assert connection.scalar(COUNT) == 1
        assert _scratch_schemas(database) == []


def test_a_scratch_register_left_by_a_killed_process_is_dropped_by_the_next(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE SCHEMA scratch_0123456789abcdef"))
    with database.scratch_schema(), database.scratch_schema():
        living = _scratch_schemas(database)
    assert len(living) == 2
    assert "scratch_0123456789abcdef" not in living
    assert _scratch_schemas(database) == []


def _scratch_schemas(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'scratch%'")))


def test_a_scratch_register_needs_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_scratch(Settings(data_folder=tmp_path / "none")) as scratch, scratch.connect() as connection:
        assert connection.scalar(COUNT) == 0
    assert not (tmp_path / "none").exists()


def test_an_error_does_not_quote_the_values_of_a_statement(settings: Settings, database: Database) -> None:
    with open_database(settings) as opened, opened.connect() as connection:
        with pytest.raises(ProgrammingError, match="SQL parameters hidden") as caught:
            connection.execute(text("SELECT no_such_column, :value"), {"value": "aino.virtanen@esimerkki.example"})
        assert "aino" not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "word"),
    [
        ((130011, "on", "on", "on", "UTF8"), "too old"),
        ((180000, "off", "on", "on", "UTF8"), "fsync"),
        ((180000, "on", "off", "on", "UTF8"), "full_page_writes"),
        ((180000, "on", "on", "off", "UTF8"), "synchronous_commit"),
        ((180000, "on", "on", "on", "LATIN1"), "LATIN1"),
    ],
)
def test_a_server_that_could_lose_an_opt_out_is_refused(server: tuple[int, str, str, str, str], word: str) -> None:
    assert word in (unsafe_server(*server) or "")


@pytest.mark.parametrize("commit", ["on", "local", "remote_write", "remote_apply"])
def test_a_safe_server_is_taken(commit: str) -> None:
    assert unsafe_server(140000, "on", "on", commit, "UTF8") is None


def test_a_session_without_synchronous_commit_is_refused(settings: Settings) -> None:
    url = f"{settings.database_url}&options=-c%20synchronous_commit%3Doff"
    with pytest.raises(UnsafeSetting, match="synchronous_commit is off"):
        open_database(dataclasses.replace(settings, database_url=url))


def test_pgoptions_cannot_turn_a_guarantee_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off")
    with open_database(settings) as database, database.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_an_unreachable_database_is_one_sentence(settings: Settings) -> None:
    url = "postgresql://somebody:hidden-word@127.0.0.1:1/register"
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        open_database(dataclasses.replace(settings, database_url=url))
    assert "hidden-word" not in str(caught.value)


def test_a_broken_address_does_not_show_its_password(settings: Settings) -> None:
    with pytest.raises(UnsafeSetting) as caught:
        open_database(dataclasses.replace(settings, database_url="postgresql://somebody:hidden-word@host:port/x"))
    assert "hidden-word" not in str(caught.value)


def test_a_register_of_another_version_is_not_opened(settings: Settings, database: Database) -> None:
    change = text("UPDATE alembic_version SET version_num = :revision")
    try:
        for revision, word in (("9999", "newer"), (None, "init")):
            with database.transaction() as session:
                if revision is None:
                    session.execute(text("DELETE FROM alembic_version"))
                else:
                    session.execute(change, {"revision": revision})
            with pytest.raises(Unavailable, match=word):
                open_database(settings)
    finally:
        with database.transaction() as session:
            session.execute(text("DELETE FROM alembic_version"))
            newest = {"revision": known_revisions()[-1]}
            session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), newest)


def test_another_address_key_is_refused_since_it_would_miss_every_ban(settings: Settings, database: Database) -> None:
    with database.transaction() as session:
        in_use = session.scalars(select(AddressKeyInUse)).one()
        in_use.key_id = in_use.key_id % 32767 + 1
    with pytest.raises(UnsafeSetting, match="no ban would be found"):
        open_database(settings)


def test_a_lost_address_key_is_not_replaced_beside_a_register(settings: Settings, database: Database) -> None:
    (settings.keys_folder / "address.key").unlink()
    with pytest.raises(Unavailable, match="put it back"):
        prepare(settings, now=clock.now())
    assert not (settings.keys_folder / "address.key").exists()
