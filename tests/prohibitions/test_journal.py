"""The journal: every leaving outside the database too, taken again after a restore, and never personal."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Connection, Engine, create_engine, text

from consentmgr.config import Settings
from consentmgr.consents.verification import verify
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import Unavailable
from consentmgr.postgres_cluster import SUPERUSER
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.prohibitions import journal
from consentmgr.prohibitions.journal import DamagedJournal, JournalWriter
from consentmgr.prohibitions.journal_taken import journal_folder, sizes
from consentmgr.prohibitions.opt_outs import OptOut
from tests.conftest import RunCommand
from tests.preferences.leavers import NOW, Leavers

AINO, BIRGER = "aino@posti.example", "birger@posti.example"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def leavers(database: Database, settings: Settings, keys: Keys) -> Leavers:
    return Leavers(database, settings, keys)


@pytest.fixture
def desk(leavers: Leavers) -> Iterator[LeavingDesk]:
    desk = LeavingDesk(leavers.database, leavers.settings, leavers.keys)
    yield desk
    desk.close()


def act(leavers: Leavers, address: str = AINO, **fields: Any) -> OptOut:
    told: dict[str, Any] = {
        "id": uuid4().hex, "act": "leave", "at": NOW, "link": "0" * 24, "controller": "acme", "kind": "email",
        "channel": "email", "scope": "topic", "topic": "news", "key": leavers.email_key(address).hex,
    }  # fmt: skip
    return OptOut(**told | fields)


def written(leavers: Leavers, *acts: OptOut, day: date = date(2026, 11, 2)) -> Path:
    """A file of a process that died after writing these."""
    writer = JournalWriter(leavers.settings)
    done = writer.append(acts, today=day)
    writer.close()
    return journal_folder(leavers.settings) / done.file


def replayed(leavers: Leavers, **options: Any) -> int:
    return journal.replay(leavers.database, leavers.settings, leavers.keys, LATER, **options)


def test_a_line_comes_back_as_it_was_written(leavers: Leavers) -> None:
    acts = [act(leavers, campaign="syksy ✓", evidence={"message": "x"}), act(leavers, act="undo", key=None, contact=7)]
    path = written(leavers, *acts)
    assert [one.act for one in journal.read(path, 0)] == acts
    assert all(json.loads(line)["check"] for line in path.read_text().splitlines())


def test_a_line_of_the_first_version_is_still_read_and_a_leaving_still_written_so(leavers: Leavers) -> None:
    body = (
        b'{"id":"0123456789abcdef0123456789abcdef","act":"leave","at":"2026-11-02T10:00:00Z","link":"%b",'
        b'"controller":"acme","kind":"email","channel":"email","scope":"topic","key":"%b","topic":"news"'
        % (b"0" * 24, leavers.email_key(AINO).hex.encode())
    )
    line = body + b',"check":"%08x"}\n' % zlib.crc32(body)
    path = written(leavers, act(leavers, BIRGER))
    assert b'"v"' not in path.read_bytes()
    path.write_bytes(line + path.read_bytes())
    assert replayed(leavers) == 2
    assert len(leavers.bans(AINO)) == len(leavers.bans(BIRGER)) == 1


def test_files_are_the_owners_alone_one_a_day_and_never_written_after_a_failure(leavers: Leavers) -> None:
    writer = JournalWriter(leavers.settings)
    first = writer.append([act(leavers)], today=date(2026, 11, 2))
    again = writer.append([act(leavers)], today=date(2026, 11, 2))
    next_day = writer.append([act(leavers)], today=date(2026, 11, 3))
    assert (again.file, again.start) == (first.file, first.end)
    assert next_day.file != first.file
    assert (first.file[:10], next_day.file[:10]) == ("2026-11-02", "2026-11-03")
    folder = journal_folder(leavers.settings)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    # The disk fails: whatever of it stands there, nothing is written after it.
    assert writer._handle is not None
    os.close(writer._handle)
    with pytest.raises(OSError, match="descriptor"):
        writer.append([act(leavers)], today=date(2026, 11, 3))
    fresh = JournalWriter(leavers.settings).append([act(leavers)], today=date(2026, 11, 3))
    assert fresh.file != next_day.file


def test_old_files_are_looked_at_once_a_minute_and_files_that_may_grow_each_time(
    leavers: Leavers, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = written(leavers, act(leavers))
    long_ago = time.time() - 3 * 86_400
    os.utime(old, (long_ago, long_ago))
    first = sizes(leavers.settings)
    assert first == {old.name: old.stat().st_size}
    # Nobody but a person with a copy does this.
    old.write_bytes(old.read_bytes() * 2)
    os.utime(old, (long_ago, long_ago))
    young = written(leavers, act(leavers))
    assert sizes(leavers.settings) == first | {young.name: young.stat().st_size}
    young.write_bytes(young.read_bytes() * 2)
    assert sizes(leavers.settings)[young.name] == young.stat().st_size
    monkeypatch.setattr("consentmgr.prohibitions.journal_taken._LOOKED_AT_EVERY", 0.0)
    assert sizes(leavers.settings)[old.name] == old.stat().st_size == 2 * first[old.name]


def test_what_a_dead_process_wrote_is_taken_once(leavers: Leavers) -> None:
    written(leavers, act(leavers), act(leavers, BIRGER))
    assert replayed(leavers) == 2
    assert len(leavers.bans(AINO, BIRGER)) == 2
    assert replayed(leavers) == 0
    assert leavers.value("SELECT count(*) FROM prohibition") == 2


def test_a_torn_last_line_was_never_acknowledged_and_is_left(leavers: Leavers) -> None:
    path = written(leavers, act(leavers), act(leavers, BIRGER))
    path.write_bytes(path.read_bytes()[:-20])
    assert replayed(leavers) == 1
    assert len(leavers.bans(AINO)) == 1
    assert leavers.bans(BIRGER) == []
    with leavers.database.transaction() as session:
        assert journal.caught_up(session, leavers.settings)
    assert replayed(leavers) == 0


def test_a_damaged_line_stops_everything_until_a_person_decides(leavers: Leavers, run_command: RunCommand) -> None:
    path = written(
        leavers, act(leavers), act(leavers, BIRGER, topic="news"), act(leavers, BIRGER, scope="all", topic=None)
    )
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join((lines[0], lines[1].replace(b'"news"', b'"nexs"'), lines[2])))
    with pytest.raises(DamagedJournal, match=path.name):
        replayed(leavers)
    with pytest.raises(Unavailable):
        journal.catch_up(leavers.database, leavers.settings, leavers.keys, LATER)
    assert "1 lines are damaged" in run_command("journal", "status").stdout
    assert run_command("journal", "replay", expect=3).returncode == 3
    assert "2 acts taken" in run_command("journal", "replay", "--skip-damaged").stdout
    assert [ban.topics for ban in leavers.bans(BIRGER)] == [[]]
    assert json.loads(run_command("journal", "status", "--format", "json").stdout)["waiting"] == 0


def test_an_undo_in_another_file_is_taken_after_its_leave(leavers: Leavers) -> None:
    written(leavers, act(leavers, act="undo", at=NOW + timedelta(minutes=2)))
    written(leavers, act(leavers))
    assert replayed(leavers) == 2
    assert leavers.bans(AINO) == []
    assert leavers.value("SELECT count(*) FROM prohibition") == 1


def test_a_leave_older_than_its_lifting_adds_nothing(leavers: Leavers, desk: LeavingDesk) -> None:
    desk.leave(leavers.link(), method="page", now=NOW)
    desk.undo(leavers.link(), now=NOW + timedelta(minutes=5))
    # A repeat that never was acknowledged, found afterwards.
    written(leavers, act(leavers, at=NOW + timedelta(minutes=1)))
    replayed(leavers)
    assert leavers.bans(AINO) == []


def test_a_ban_counts_from_the_leaving_however_late_it_is_taken(leavers: Leavers) -> None:
    written(leavers, act(leavers, at=NOW - timedelta(days=5)), day=date(2026, 10, 28))
    replayed(leavers)
    (ban,) = leavers.bans(AINO)
    assert (ban.recorded_at, ban.valid_from) == (NOW - timedelta(days=5), date(2026, 10, 28))


def test_more_than_one_batch_from_several_files_is_taken_in_order(
    leavers: Leavers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BATCH", 7)
    moments = [NOW + timedelta(seconds=number) for number in range(40)]
    acts = [act(leavers, act="leave" if number % 2 == 0 else "undo", at=at) for number, at in enumerate(moments)]
    written(leavers, *acts[::2])
    written(leavers, *acts[1::2])
    assert replayed(leavers) == 40
    assert leavers.bans(AINO) == []
    assert leavers.value("SELECT count(*) FROM prohibition WHERE lifted_at IS NOT NULL") == 20


@pytest.fixture
def backup(register_url: URL) -> Iterator[Backup]:
    backup = Backup(create_engine(register_url.set(username=SUPERUSER)))
    yield backup
    backup.engine.dispose()


class Backup:
    """A copy of every row, and the way back to it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def _tables(self, connection: Connection) -> list[str]:
        found = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        return [name for name in found if name != "alembic_version"]

    def take(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA older"))
            for name in self._tables(connection):
                connection.execute(text(f"CREATE TABLE older.{name} AS SELECT * FROM {name}"))

    def restore(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for name in self._tables(connection):
                connection.execute(text(f"DELETE FROM {name}"))
                connection.execute(text(f"INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM older.{name}"))
            connection.execute(text("DROP SCHEMA older CASCADE"))


def test_a_screening_after_a_restore_blocks_who_left_since(
    leavers: Leavers, desk: LeavingDesk, backup: Backup, run_command: RunCommand, tmp_path: Path
) -> None:
    """Leave, restore an older copy, screen: blocked."""
    campaign, lst = tmp_path / "campaign.json", tmp_path / "list.csv"
    campaign.write_text(json.dumps({"controller": "acme", "purpose": "newsletter", "topic": "news"}))
    lst.write_text(f"email\n{AINO}\n{BIRGER}\n")
    desk.leave(leavers.link("birger"), method="page", now=NOW)
    backup.take()
    desk.leave(leavers.link(), method="one_click", now=NOW)
    desk.undo(leavers.link("birger"), now=LATER)
    backup.restore()
    assert leavers.bans(AINO) == []
    assert len(leavers.bans(BIRGER)) == 1
    with leavers.database.reading() as session:
        assert not journal.caught_up(session, leavers.settings)
    done = run_command("screen", lst, "--campaign", campaign, "--output", "-")
    aino, birger = done.stdout.splitlines()[1:]
    assert "DM_OBJECTION_TOPIC" in aino
    assert "DM_OBJECTION_TOPIC" not in birger
    assert len(leavers.bans(AINO)) == 1
    with leavers.database.reading() as session:
        assert journal.caught_up(session, leavers.settings)
        assert verify(session).whole


@pytest.mark.parametrize(
    "command", [("explain", AINO, "--campaign", "campaign.json"), ("snapshot", "build"), ("journal", "replay")]
)
def test_other_answers_too_take_what_was_missing(
    leavers: Leavers, run_command: RunCommand, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "campaign.json").write_text(
        json.dumps({"controller": "acme", "purpose": "newsletter", "topic": "news"})
    )
    written(leavers, act(leavers))
    run_command(*command)
    assert len(leavers.bans(AINO)) == 1


def test_screening_refuses_while_the_journal_cannot_be_read(
    leavers: Leavers, run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "campaign.json").write_text(json.dumps({"controller": "acme"}))
    (tmp_path / "list.csv").write_text(f"email\n{AINO}\n")
    journal_folder(leavers.settings).write_text("a file where the folder should be")
    done = run_command("screen", "list.csv", "--campaign", "campaign.json", expect=3)
    assert "journal" in done.stderr
