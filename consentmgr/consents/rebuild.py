"""Standing folded anew from the whole ledger, compared with what is stored, and put right where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import (
    ACT_COLUMNS,
    COPY_STANDING,
    copy_rows,
    driver_connection,
    hold_chains,
    standing_rows_of,
)
from consentmgr.consents.standing import KINDS, Act, Scope, StandingRow, fold

_PORTION = 2_000

Rows = dict[Scope, StandingRow]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``contacts`` and ``rows`` are what standing holds now; ``differing`` contacts had other rows before."""

    contacts: int
    rows: int
    differing: int

    @property
    def equal(self) -> bool:
        """Whether what was stored was equal to the fold, to the byte."""
        return self.differing == 0


def rebuild(session: Session, progress: Callable[[int], None] = lambda _count: None) -> Rebuilt:
    """Fold the ledger of every contact again and replace standing where it differs, in constant memory.

    Holds all chains, so nobody appends meanwhile. ``progress`` is told of contacts done. Does not commit.
    """
    hold_chains(session)
    connection = driver_connection(session)
    contacts = rows = differing = 0
    wrong: list[tuple[int, Rows]] = []
    for contact_id, folded, stored in _side_by_side(connection):
        contacts += bool(folded)
        rows += len(folded)
        if folded != stored:
            wrong.append((contact_id, folded))
            differing += 1
            if len(wrong) == _PORTION:
                _replace(connection, wrong)
                wrong.clear()
        progress(1)
    _replace(connection, wrong)
    return Rebuilt(contacts, rows, differing)


def _side_by_side(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, Rows, Rows]]:
    """Every contact in the ledger or in standing, with its fold and its stored rows."""
    with (
        connection.cursor(name="acts_by_contact") as acts_cursor,
        connection.cursor(name="standing_by_contact") as standing_cursor,
    ):
        acts_cursor.itersize = standing_cursor.itersize = _PORTION
        acts_cursor.execute(
            f"SELECT contact_id, {ACT_COLUMNS} FROM ledger_entry"  # noqa: S608 - our own column names
            " WHERE contact_id IS NOT NULL AND event = ANY(%s) ORDER BY contact_id",
            [list(KINDS)],
        )
        standing_cursor.execute(
            "SELECT contact_id, matter, controller, channel, purpose, topic, state, at, entry_id FROM standing"
            " ORDER BY contact_id"
        )
        acts = (
            (contact, fold(Act(*row[1:]) for row in found)) for contact, found in groupby(acts_cursor, itemgetter(0))
        )
        kept = (
            (contact, {Scope(*row[1:6]): StandingRow(*row[6:]) for row in found})
            for contact, found in groupby(standing_cursor, itemgetter(0))
        )
        folded, stored = next(acts, None), next(kept, None)
        while folded is not None or stored is not None:
            contact_id = min(side[0] for side in (folded, stored) if side is not None)
            here: Rows = {}
            there: Rows = {}
            if folded is not None and folded[0] == contact_id:
                here, folded = folded[1], next(acts, None)
            if stored is not None and stored[0] == contact_id:
                there, stored = stored[1], next(kept, None)
            yield contact_id, here, there


def _replace(connection: psycopg.Connection[Any], wrong: list[tuple[int, Rows]]) -> None:
    if not wrong:
        return
    contacts = [contact_id for contact_id, _ in wrong]
    connection.execute("DELETE FROM standing WHERE contact_id = ANY(%s)", [contacts])
    copy_rows(
        connection, COPY_STANDING, (row for contact_id, folded in wrong for row in standing_rows_of(contact_id, folded))
    )
    # What keeps columns or sets of its own (snapshots, exports) asks by this mark what has changed.
    connection.execute("UPDATE contact SET changed_xid = pg_current_xact_id() WHERE id = ANY(%s)", [contacts])
