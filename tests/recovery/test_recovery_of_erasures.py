"""A restored older backup brings back nobody who was erased since, and ends no pause that a person asked for since."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.verification import verify
from consentmgr.db import Database, open_database, open_unprepared
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import Unavailable
from consentmgr.people.erasing import erase
from consentmgr.preferences import choosing
from consentmgr.preferences.choosing import Form
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import Link, LinkUse
from consentmgr.prohibitions import erasure_acts, journal
from consentmgr.prohibitions.journal_taken import journal_folder
from consentmgr.prohibitions.recovered import NotRecovered
from consentmgr.recovery.backup import make_backup, read_backup
from consentmgr.recovery.restore import recover, restore
from consentmgr.vocabulary.documents import Contact, Event, EventFields, Evidence, Point
from tests.recovery.test_recovery import blocked, inhabited

PEOPLE = 8


class Home:
    """An installation, its open register, and what is asked of it here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys: Keys = load_keys(settings)
        self.address_keys = AddressKeys(self.keys.address_key, self.keys.address_key_id)

    @contextmanager
    def open(self) -> Iterator[Database]:
        with open_database(self.settings) as database:
            yield database

    def apply(self, session: Session, *documents: Any) -> None:
        done = apply_documents(session, documents, keys=self.address_keys, actor="test", now=clock_now())
        assert not done.rejected

    def erase(self, database: Database, *refs: str) -> None:
        with database.transaction() as session:
            ids = session.scalars(text("SELECT id FROM contact WHERE ref = ANY(:refs)"), {"refs": list(refs)}).all()
            assert len(ids) == len(refs)
            erase(session, ids, keys=self.address_keys, actor="test", now=clock_now())

    def back_in_time(self, backup: Path, now: datetime | None = None) -> str:
        """What the register that was there is kept as."""
        with open_unprepared(self.settings) as database:
            done = restore(database, read_backup(backup, self.keys), replace=True, actor="test", now=now or clock_now())
        assert done.kept_as is not None
        return done.kept_as

    def recover(self, database: Database) -> dict[str, int]:
        told = recover(database, self.settings, self.keys, skip_damaged=False, actor="test", now=clock_now())
        assert told is not None
        return {act: number for (_, act), number in told.found.items()}

    def link(self, number: int) -> Link:
        point = self.address_keys.email(f"p{number}@x.example")
        assert point is not None
        return Link(LinkUse.LEAVE, "acme", None, "email", point.address_key, "email", "channel")

    def lines(self) -> list[dict[str, Any]]:
        files = sorted(journal_folder(self.settings).glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]


@pytest.fixture
def home(own_installation: Settings) -> Home:
    return Home(inhabited(own_installation, PEOPLE))


def rows(database: Database, question: str) -> list[Any]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


ERASED = "SELECT ref FROM contact WHERE erased_at IS NOT NULL ORDER BY ref"
ADDRESSES = "SELECT c.ref FROM contact_point p JOIN contact c ON c.id = p.contact_id ORDER BY c.ref"
KEPT = "SELECT address_key, contact_id, hashed, erased_at FROM erased_key ORDER BY 1, 2, 3"
EVIDENCE = "SELECT count(*) FROM ledger_evidence"
STANDING = "SELECT contact_id, controller, channel, purpose, topic, state FROM standing ORDER BY 1, 2, 3, 4, 5, 6"


def test_who_was_erased_after_the_backup_is_erased_again_before_anything_is_answered(
    home: Home, tmp_path: Path
) -> None:
    with home.open() as database:
        with database.transaction() as session:
            objected = EventFields(event="objected", at=clock_now(), note="by phone", evidence=Evidence(ip="192.0.2.1"))
            home.apply(session, Contact(ref="p1", events=(objected,)))
        make_backup(database, home.keys, tmp_path / "backup", now=clock_now())
        home.erase(database, "p0", "p1")
        with database.transaction() as session:
            home.apply(
                session,
                Event(contact="p2", event="erased", at=clock_now() - timedelta(days=3)),
                Event(contact="p3", event="erasure_requested", at=clock_now(), note="please"),
            )
        before = {question: rows(database, question) for question in (ERASED, ADDRESSES, KEPT, EVIDENCE, STANDING)}
        assert before[ERASED] == [("p0",), ("p1",), ("p2",)]
    home.back_in_time(tmp_path / "backup")
    with home.open() as database:
        assert rows(database, ERASED) == []
        with pytest.raises(NotRecovered):
            journal.catch_up(database, home.settings, home.keys, clock_now())
        assert home.recover(database) == {"erased": 3, "erasure_requested": 1}
        # The words of the wish are not in the journal.
        before[EVIDENCE] = [(before[EVIDENCE][0][0] - 1,)]
        assert {question: rows(database, question) for question in before} == before
        assert blocked(database, home.keys, range(PEOPLE)) == {0, 1, 2, 3}
        lines = home.lines()
        assert len(lines) == 4
        with database.transaction() as session:
            assert not verify(session).breaks
            session.execute(text("DELETE FROM journal_mark"))
        entries = rows(database, "SELECT id, hash FROM ledger_entry ORDER BY id")
        # Taken twice, nothing changes, and nothing is journalled anew.
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 4
        assert rows(database, "SELECT id, hash FROM ledger_entry ORDER BY id") == entries
        assert {question: rows(database, question) for question in before} == before
        assert home.lines() == lines
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 0


def test_of_whom_the_backup_does_not_know_the_digests_are_kept(home: Home, tmp_path: Path) -> None:
    fresh = Contact(ref="new", points=(Point(channel="email", value="new@x.example"),))
    with home.open() as database:
        make_backup(database, home.keys, tmp_path / "backup", now=clock_now())
        with database.transaction() as session:
            home.apply(session, fresh)
        home.erase(database, "new")
        kept = rows(database, "SELECT address_key, hashed FROM erased_key ORDER BY 1")
        assert len(kept) == 2
    moment = clock_now()
    names = [home.back_in_time(tmp_path / "backup", moment)]
    with home.open() as database:
        with database.transaction() as session:
            # The number of whom the backup does not know is now somebody else's.
            home.apply(session, Contact(ref="other", points=(Point(channel="email", value="other@x.example"),)))
        home.recover(database)
        assert rows(database, "SELECT address_key, hashed FROM erased_key ORDER BY 1") == kept
        assert [ref for (ref,) in rows(database, ADDRESSES)] == ["other", *[f"p{n}" for n in range(PEOPLE)]]
        ((ref,),) = rows(database, ERASED)
        assert ref.startswith("erased:")
        with database.transaction() as session:
            session.execute(text("DELETE FROM journal_mark"))
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 1
        assert rows(database, ERASED) == [(ref,)]
        # Whoever has the number now can be erased as anybody; and both are erased when the backup is restored again.
        home.erase(database, "other")
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 1
        assert rows(database, ERASED) == [(ref,), ("other",)]
        kept = rows(database, "SELECT address_key, hashed FROM erased_key ORDER BY 1")
    # Restored again within the same second, as a script may: both registers that were there are kept.
    names.append(home.back_in_time(tmp_path / "backup", moment))
    assert len(set(names)) == 2
    with home.open() as database:
        assert home.recover(database) == {"erased": 2}
        assert len(rows(database, ERASED)) == 2
        assert rows(database, "SELECT address_key, hashed FROM erased_key ORDER BY 1") == kept


def test_the_journal_names_nobody(home: Home) -> None:
    with home.open() as database:
        home.erase(database, "p0")
    (line,) = home.lines()
    assert line["v"] == 2
    assert not {"p0", "p0@x.example"} & {str(value) for value in line.values()}
    assert "x.example" not in json.dumps(line)
    assert len(line["keys"]) == len(line["hashed"]) == 1


def test_an_erasure_that_cannot_be_journalled_is_not_made(home: Home) -> None:
    with home.open() as database:
        folder = journal_folder(home.settings)
        assert not folder.exists()
        folder.write_text("in the way")
        with pytest.raises(Unavailable):
            home.erase(database, "p0")
        assert rows(database, ERASED) == []
        folder.unlink()
        home.erase(database, "p0")
        assert rows(database, ERASED) == [("p0",)]


def test_what_is_taken_back_is_not_journalled(home: Home) -> None:
    with home.open() as database:
        with suppress(KeyError), database.transaction() as session:
            home.apply(session, Event(contact="p0", event="erased", at=clock_now()))
            raise KeyError("something else")
        with database.transaction() as session:
            nested = session.begin_nested()
            home.apply(session, Event(contact="p1", event="erased", at=clock_now()))
            nested.rollback()
        assert rows(database, ERASED) == []
        assert not home.lines()


def test_an_erasure_that_is_journalled_and_not_committed_is_taken_once_the_database_is_back(home: Home) -> None:
    with home.open() as database:
        with suppress(ConnectionError), database.transaction() as session:
            home.apply(session, Event(contact="p0", event="erased", at=clock_now()))
            database._journal(session)
            raise ConnectionError("the database goes away")
        assert rows(database, ERASED) == []
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 1
        assert rows(database, ERASED) == [("p0",)]


def test_a_torn_erasure_was_never_acknowledged_and_is_left(home: Home) -> None:
    with home.open() as database:
        home.erase(database, "p0")
    (path,) = journal_folder(home.settings).glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    assert list(journal.read(path, 0)) == []


def test_a_line_of_a_newer_version_stops_everything(home: Home) -> None:
    with home.open() as database:
        home.erase(database, "p0")
        (path,) = journal_folder(home.settings).glob("*.jsonl")
        ((act, _),) = journal.read(path, 0)
        assert act is not None
        line = journal.line_of(act).replace(b'"v":2', b'"v":4')
        body = line[: line.rindex(b',"check"')]
        path.write_bytes(body + b',"check":"%08x"}\n' % zlib.crc32(body))
        with pytest.raises(Unavailable, match="newer"):
            journal.catch_up(database, home.settings, home.keys, clock_now())


def together(works: Sequence[Callable[[], object]]) -> None:
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert not any(thread.is_alive() for thread in threads)


def test_many_erase_leave_and_catch_up_at_once(home: Home) -> None:
    with home.open() as database:
        desk = LeavingDesk(database, home.settings, home.keys)
        together(
            [
                *(lambda number=number: home.erase(database, f"p{number}") for number in range(PEOPLE)),
                *(
                    lambda number=number: desk.leave(home.link(number), method="page", now=clock_now())
                    for number in range(PEOPLE)
                ),
                *([lambda: journal.catch_up(database, home.settings, home.keys, clock_now())] * 4),
            ]
        )
        desk.close()
        journal.catch_up(database, home.settings, home.keys, clock_now())
        assert len(rows(database, ERASED)) == PEOPLE
        entries = rows(database, "SELECT event, count(*) FROM ledger_entry GROUP BY 1 ORDER BY 1")
        assert entries == [("erased", PEOPLE), ("prohibition_added", PEOPLE)]
        assert sum(line["act"] == "erased" for line in home.lines()) == PEOPLE
        with database.transaction() as session:
            assert journal.caught_up(session, home.settings)
            assert not verify(session).breaks


def test_many_erased_at_once_are_synced_in_portions(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    whole = journal.JournalWriter.append

    def append(self: journal.JournalWriter, acts: Sequence[Any], *, today: date) -> journal.Written:
        synced.append(len(acts))
        return whole(self, acts, today=today)

    monkeypatch.setattr(journal.JournalWriter, "append", append)
    monkeypatch.setattr(erasure_acts, "PORTION", 5)
    with home.open() as database:
        home.erase(database, *(f"p{number}" for number in range(PEOPLE)))
    assert synced == [5, 3]


PAUSES = (
    "SELECT address_key, controllers, valid_from, valid_until, reference, recorded_at, lifted_at IS NULL"
    " FROM prohibition ORDER BY recorded_at"
)


def test_a_pause_asked_for_after_the_backup_holds_after_it(home: Home, tmp_path: Path) -> None:
    until = (clock_now() + timedelta(days=40)).date()
    with home.open() as database:
        make_backup(database, home.keys, tmp_path / "backup", now=clock_now())
        desk = LeavingDesk(database, home.settings, home.keys)
        for day in (until + timedelta(days=1), until):
            with database.transaction() as session:
                shown = Form(paused_until=None if day != until else until + timedelta(days=1))
                done = choosing.apply(
                    session, desk, home.link(0), shown, replace(shown, paused_until=day),
                    language="en", keys=home.address_keys, actor="person:link", now=clock_now(),
                )  # fmt: skip
            assert done.paused_until == day
        desk.close()
        before = rows(database, PAUSES)
        assert [row[3:5] + row[6:] for row in before] == [(until + timedelta(days=1), None, False), (until, None, True)]
    home.back_in_time(tmp_path / "backup")
    with home.open() as database:
        assert rows(database, PAUSES) == []
        assert home.recover(database) == {"pause": 2, "resume": 1}
        assert rows(database, PAUSES) == before
        assert len(blocked(database, home.keys, range(PEOPLE))) == 1
        with database.transaction() as session:
            session.execute(text("DELETE FROM journal_mark"))
        assert journal.catch_up(database, home.settings, home.keys, clock_now()) == 3
        assert rows(database, PAUSES) == before


def test_a_pause_that_was_ended_after_the_backup_stays_ended(home: Home, tmp_path: Path) -> None:
    until = (clock_now() + timedelta(days=40)).date()

    def choose(database: Database, desk: LeavingDesk, was: date | None, wanted: date | None) -> None:
        with database.transaction() as session:
            shown = Form(paused_until=was)
            choosing.apply(
                session, desk, home.link(0), shown, replace(shown, paused_until=wanted),
                language="en", keys=home.address_keys, actor="person:link", now=clock_now(),
            )  # fmt: skip

    with home.open() as database:
        desk = LeavingDesk(database, home.settings, home.keys)
        choose(database, desk, None, until)
        make_backup(database, home.keys, tmp_path / "backup", now=clock_now())
        choose(database, desk, until, None)
        desk.close()
        assert [row[-1] for row in rows(database, PAUSES)] == [False]
    home.back_in_time(tmp_path / "backup")
    with home.open() as database:
        assert [row[-1] for row in rows(database, PAUSES)] == [True]
        assert home.recover(database) == {"resume": 1}
        assert [row[-1] for row in rows(database, PAUSES)] == [False]
        assert not blocked(database, home.keys, range(PEOPLE))
