"""Many write at once: to the same contacts and to different ones, the same documents and different ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

from sqlalchemy import text

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.ledger import append, hold_chains
from consentmgr.consents.rebuild import rebuild
from consentmgr.consents.verification import verify
from consentmgr.db import Database

THREADS = 8
ROUNDS = 6


def test_eight_writers_leave_whole_chains(
    database: Database, new_entry: Callable[..., NewEntry], now: datetime
) -> None:
    with database.transaction() as session:
        contacts = session.scalars(
            text("INSERT INTO contact (ref) SELECT 'c' || n FROM generate_series(1, 40) AS n RETURNING id")
        ).all()
    # The same for all: each is recorded by whoever comes first.
    shared = [new_entry(contact, "objected") for contact in contacts[:20]]
    together = Barrier(THREADS)

    def write(number: int) -> list[int | None]:
        written: list[int | None] = []
        own = contacts[number::THREADS]
        for turn in range(ROUNDS):
            entries = [new_entry(contact, "consent_given") for contact in (*own, contacts[turn])]
            # Backwards in every second thread: chains are locked in their own order, not in that of the entries.
            entries = [*entries, *shared][:: -1 if number % 2 else 1]
            together.wait()
            with database.transaction() as session:
                written += append(session, entries, actor=f"thread {number}", now=now)
        return written

    with ThreadPoolExecutor(THREADS) as pool:
        written = [entry_id for ids in pool.map(write, range(THREADS)) for entry_id in ids]
    new = [entry_id for entry_id in written if entry_id is not None]
    assert len(new) == len(set(new)) == THREADS * ROUNDS * 6 + len(shared)
    with database.transaction() as session:
        found = verify(session)
        assert (found.whole, found.entries) == (True, len(new))
        assert rebuild(session).equal


def test_writers_of_contacts_that_hold_the_chains_first_do_not_deadlock(
    database: Database, new_entry: Callable[..., NewEntry], now: datetime
) -> None:
    with database.transaction() as session:
        contacts = session.scalars(text("INSERT INTO contact (ref) VALUES ('a'), ('b') RETURNING id")).all()
    together = Barrier(2)

    def import_both(turn: int) -> None:
        together.wait()
        with database.transaction() as session:
            hold_chains(session)
            session.execute(text("UPDATE contact SET given_name = :turn"), {"turn": str(turn)})
            append(session, [new_entry(contact) for contact in contacts], actor="import", now=now)

    def leave(turn: int) -> None:
        together.wait()
        with database.transaction() as session:
            append(session, [new_entry(contacts[turn % 2], "objected")], actor="self", now=now)

    with ThreadPoolExecutor(2) as pool:
        for turn in range(20):
            for done in [pool.submit(import_both, turn), pool.submit(leave, turn)]:
                done.result()
    with database.transaction() as session:
        assert verify(session).whole
