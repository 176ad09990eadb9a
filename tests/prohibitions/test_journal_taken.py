"""What a command finds out in plain SQL: whether the register has all of the journal, and takes it where it has not."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database, open_database
from consentmgr.keys import Keys
from consentmgr.kit.errors import Unavailable
from consentmgr.prohibitions.journal import DamagedJournal, JournalWriter
from consentmgr.prohibitions.journal_taken import catch_up_plainly, is_all_taken, journal_folder
from consentmgr.prohibitions.opt_outs import OptOut
from consentmgr.prohibitions.recovered import NotRecovered
from tests.preferences.leavers import NOW, Leavers

AINO = "aino@posti.example"


@pytest.fixture
def leavers(database: Database, settings: Settings, keys: Keys) -> Leavers:
    return Leavers(database, settings, keys)


@pytest.fixture
def left(leavers: Leavers) -> Leavers:
    """Aino has left, and who wrote it died before the register had it."""
    act = OptOut(
        id=uuid4().hex, act="leave", at=NOW, link="0" * 24, controller="acme", kind="email", channel="email",
        scope="topic", topic="news", key=leavers.email_key(AINO).hex,
    )  # fmt: skip
    writer = JournalWriter(leavers.settings)
    writer.append([act], today=date(2026, 11, 2))
    writer.close()
    return leavers


def taken(leavers: Leavers) -> bool:
    with open_database(leavers.settings) as database, database.reading_plainly() as connection:
        return is_all_taken(connection, leavers.settings)


def caught_up(leavers: Leavers) -> None:
    with open_database(leavers.settings) as database:
        catch_up_plainly(database, leavers.settings, leavers.keys, NOW)


def test_there_is_nothing_to_take_where_there_is_no_journal(leavers: Leavers) -> None:
    assert taken(leavers)


def test_what_the_register_has_not_is_taken_first(left: Leavers) -> None:
    assert not taken(left)
    caught_up(left)
    assert len(left.bans(AINO)) == 1
    assert taken(left)


def test_a_damaged_line_stops_everything(left: Leavers) -> None:
    (file,) = journal_folder(left.settings).iterdir()
    file.write_bytes(file.read_bytes().replace(b"news", b"nows"))
    with pytest.raises(DamagedJournal):
        caught_up(left)


def test_a_journal_that_cannot_be_read_stops_everything(leavers: Leavers) -> None:
    journal_folder(leavers.settings).write_text("no folder", encoding="utf-8")
    with pytest.raises(Unavailable, match="cannot be read"):
        caught_up(leavers)


def test_a_restored_register_does_not_answer(leavers: Leavers) -> None:
    with leavers.database.transaction() as session:
        session.execute(
            text("INSERT INTO restoration (backup_taken_at, restored_at, restored_by) VALUES (:at, :at, 'test')"),
            {"at": NOW},
        )
    with pytest.raises(NotRecovered):
        caught_up(leavers)
