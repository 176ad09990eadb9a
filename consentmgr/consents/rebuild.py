"""Standing folded anew from the whole ledger, compared with what is stored, and put right where they differ."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.types.composite import RecordBinaryLoader
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import COPY_STANDING, copy_rows, driver_connection, hold_chains, standing_rows_of
from consentmgr.consents.parts import bounds, in_parts, raw_rows
from consentmgr.consents.standing import KINDS, Act, Scope, StandingRow, fold, scopes_of
from consentmgr.kit import copy_binary

Rows = dict[Scope, StandingRow]

#: Numbers of contacts that are folded at once.
_PART = 50_000
#: Kinds of acts that are remembered before all are forgotten.
_MOST_KINDS = 20_000


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


def rebuild(session: Session, progress: Callable[[int], None] = lambda _count: None, *, processes: int = 1) -> Rebuilt:
    """Fold the ledger of every contact again and replace standing where it differs, in constant memory.

    Holds all chains, so nobody appends meanwhile. ``progress`` is told of contacts done; ``processes`` as ``in_parts``
    has them. Does not commit.
    """
    hold_chains(session)
    connection = driver_connection(session)
    row = connection.execute(_CONTACTS).fetchone()
    parts = bounds(row[0], row[1], _PART) if row is not None and row[0] is not None else []
    contacts = rows = differing = 0
    for compared in in_parts(session, _compare, parts, processes=processes):
        contacts += compared.contacts
        rows += compared.rows
        differing += len(compared.wrong)
        _replace(connection, compared.wrong)
        progress(compared.contacts)
    return Rebuilt(contacts, rows, differing)


# --- one part -------------------------------------------------------------------------------------------------------

_CONTACTS = """
SELECT least((SELECT min(contact_id) FROM ledger_entry WHERE contact_id IS NOT NULL), (SELECT min(contact_id) FROM standing)),
  greatest((SELECT max(contact_id) FROM ledger_entry WHERE contact_id IS NOT NULL), (SELECT max(contact_id) FROM standing))
"""
#: What an act says beside its contact, its moment and its number, in the order of ``Act``'s own fields.
_SAID = (
    "event, order_known, controller, method, given_by, channels, purposes, topics, prohibition, double_opt_in,"
    " pre_ticked, condition_of_service, freely_joined, notice IS NOT NULL OR has_proof"
)
_ACTS = (
    f"SELECT contact_id, id, at, ROW({_SAID}) FROM ledger_entry"  # noqa: S608 - our own column names
    " WHERE contact_id >= %s AND contact_id < %s AND event = ANY(%s)"
)
_STORED = (
    "SELECT contact_id, ROW(matter, controller, channel, purpose, topic, state), at, entry_id FROM standing"
    " WHERE contact_id >= %s AND contact_id < %s"
)
_BEGINNING_OF_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_TEXT_OID = 25

#: An act as it is read: contact, entry, moment and what it says.
FoundAct = tuple[int, int, int, bytes]
#: A row of standing as it is read: contact, scope and state as one record, moment and entry.
StoredRow = tuple[int, bytes, int, int]


class _Compared(NamedTuple):
    """``contacts`` and ``rows`` as they are folded; ``wrong`` are the contacts that are stored otherwise."""

    contacts: int
    rows: int
    wrong: list[tuple[int, Rows]]


class _Said(NamedTuple):
    """An act without its moment and number, and the scopes and state that it alone gives a contact, as stored."""

    act: Act
    alone: tuple[bytes, ...]


def _compare(connection: psycopg.Connection[Any], first: int, beyond: int) -> _Compared:
    """The fold of each contact from number ``first`` on beside its stored rows."""
    said = _Sayings(connection)
    only: dict[int, FoundAct] = {}
    many: dict[int, list[FoundAct]] = {}
    for act in raw_rows(connection, _ACTS, [first, beyond, list(KINDS)]):
        earlier = only.setdefault(act[0], act)
        if earlier is not act:
            many.setdefault(act[0], [earlier]).append(act)
    folded: set[StoredRow] = set()
    contacts = 0
    for contact_id, entry_id, at, what in only.values():
        if contact_id in many:
            rows = _as_stored(contact_id, _fold(many[contact_id], said))
        else:
            # Most contacts have said one thing, as thousands of others did: its fold is its scopes.
            rows = [(contact_id, scope, at, entry_id) for scope in said[what].alone]
        contacts += bool(rows)
        folded.update(rows)
    stored = set(raw_rows(connection, _STORED, [first, beyond]))
    wrong = sorted({row[0] for row in folded ^ stored})
    acts = {contact_id: many.get(contact_id) or [only[contact_id]] for contact_id in wrong if contact_id in only}
    return _Compared(
        contacts, len(folded), [(contact_id, _fold(acts.get(contact_id, ()), said)) for contact_id in wrong]
    )


class _Sayings(dict[bytes, _Said]):
    """By the record of what acts say, the act."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self._loader = RecordBinaryLoader(0, connection)

    def __missing__(self, record: bytes) -> _Said:
        if len(self) >= _MOST_KINDS:
            self.clear()
        event, *rest = self._loader.load(record)
        act = Act(0, event, _BEGINNING_OF_TIME, *rest)
        state = KINDS[event].state
        made = self[record] = _Said(act, tuple(_record((*scope, state)) for scope in scopes_of(act)))
        return made


def _fold(found: Iterable[FoundAct], said: _Sayings) -> Rows:
    return fold(
        said[what].act._replace(entry_id=entry_id, at=_BEGINNING_OF_TIME + timedelta(microseconds=at))
        for _, entry_id, at, what in found
    )


def _as_stored(contact_id: int, rows: Rows) -> list[StoredRow]:
    return [
        (contact_id, _record((*scope, row.state)), copy_binary.microseconds(row.at), row.entry_id)
        for scope, row in rows.items()
    ]


def _record(texts: tuple[str, ...]) -> bytes:
    """Texts as PostgreSQL gives a record of them in its binary format: their number, and each after its type."""
    fields = [struct.pack(">i", _TEXT_OID) + copy_binary.text(text) for text in texts]
    return struct.pack(">i", len(fields)) + b"".join(fields)


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
