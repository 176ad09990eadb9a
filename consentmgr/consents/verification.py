"""Proof that the ledger is whole: every hash recomputed, and the ledger written out so that others can do the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from consentmgr.consents.acts import utc_text
from consentmgr.consents.append_only import ERASURE_OF_ENTRY
from consentmgr.consents.ledger import (
    FIRST_HASH,
    PUBLIC,
    Head,
    canonical_bytes,
    chain_of,
    combined_head,
    driver_connection,
    heads,
)
from consentmgr.consents.models import CHAINS
from consentmgr.kit.signing import SigningKey, sign_jws

#: Of the exported file; a verifier refuses one it does not know.
EXPORT_FORMAT = "consentmgr-ledger-1"
_PORTION = 2_000

Progress = Callable[[int], None]


class Break(NamedTuple):
    """The first thing wrong with a chain (or with evidence that belongs to none: ``chain`` None)."""

    chain: int | None
    entry_id: int | None
    what: str

    @property
    def sentence(self) -> str:
        place = f"chain {self.chain}" if self.chain is not None else "evidence"
        entry = f", entry {self.entry_id}" if self.entry_id is not None else ""
        return f"{place}{entry}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """``ledger_head`` is what certificates name; ``evidence_erased`` counts entries whose evidence was erased."""

    entries: int
    evidence_held: int
    evidence_erased: int
    ledger_head: str
    breaks: tuple[Break, ...]

    @property
    def whole(self) -> bool:
        return not self.breaks


def verify(session: Session, progress: Progress = lambda _count: None) -> Verification:
    """Recompute every hash and every commitment that still has its evidence, in constant memory.

    Finds an entry edited, removed in the middle or at the end, put in, moved or swapped; evidence edited, put in, or
    gone without an erasure. What it cannot find is a chain cut short *with* its head, which only a head kept
    elsewhere shows: in an earlier export or certificate. Others may append meanwhile. ``progress`` is told of
    entries done.
    """
    connection = driver_connection(session)
    before = heads(session)
    walks = [_Walk(head) for head in before]
    entries = held = committed = 0
    for row in _rows(connection):
        walks[row.public["chain"] % CHAINS].step(row)
        entries += 1
        held += row.salt is not None
        committed += row.public["commitment"] is not None
        progress(1)
    breaks = [walk.broken or walk.end(after) for walk, after in zip(walks, heads(session), strict=True)]
    breaks += [_evidence_without_entry(connection), _evidence_without_erasure(connection)]
    return Verification(
        entries, held, committed - held, combined_head(head.hash for head in before), tuple(b for b in breaks if b)
    )


def export_ledger(
    session: Session,
    file: BinaryIO,
    *,
    signing_key: SigningKey,
    now: datetime,
    progress: Progress = lambda _count: None,
) -> int:
    """Write the ledger as JSON Lines for an offline verifier; the number of entries written.

    The first line holds the sixteen heads and a JWS over them, each other line the public part of one entry, as it is
    hashed, and its ``hash``. Personal parts stay behind. ``consents/offline_verifier.py`` reads the file.
    """
    at = heads(session)
    statement = {
        "format": EXPORT_FORMAT,
        "exported_at": utc_text(now),
        "entries": sum(head.seq for head in at),
        "heads": [{"chain": head.chain, "seq": head.seq, "hash": head.hash.hex()} for head in at],
        "ledger_head": combined_head(head.hash for head in at),
    }
    file.write(canonical_bytes({**statement, "signature": sign_jws(statement, signing_key)}) + b"\n")
    written = 0
    for row in _rows(driver_connection(session)):
        # What was appended after the heads were read belongs to the next export.
        if row.public["seq"] <= at[row.public["chain"]].seq:
            file.write(canonical_bytes({**row.public, "hash": row.hash.hex()}) + b"\n")
            written += 1
            progress(1)
    return written


class _Row(NamedTuple):
    """An entry as it is hashed, and what is stored beside it."""

    id: int
    public: dict[str, Any]
    prev_hash: bytes
    hash: bytes
    salt: bytes | None
    data: str | None


_EXPRESSIONS = {
    "at": "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "recorded_at": "to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "digest": "replace(e.digest::text, '-', '')",
    "commitment": "encode(e.commitment, 'hex')",
}
_SELECT = (
    "SELECT e.id, e.prev_hash, e.hash, v.salt, v.data::text, "  # noqa: S608 - made of the names above
    + ", ".join(_EXPRESSIONS.get(name, f"e.{name}") for name in PUBLIC)
    + " FROM ledger_entry e LEFT JOIN ledger_evidence v ON v.entry_id = e.id ORDER BY e.id"
)


def _rows(connection: psycopg.Connection[Any]) -> Iterator[_Row]:
    """Every entry, by id: all chains side by side, each in its order, as they lie on disk."""
    with connection.cursor(name="ledger_walk") as cursor:
        cursor.itersize = _PORTION
        cursor.execute(_SELECT)
        for entry_id, prev_hash, entry_hash, salt, data, *values in cursor:
            yield _Row(entry_id, dict(zip(PUBLIC, values, strict=True)), prev_hash, entry_hash, salt, data)


@dataclass(slots=True)
class _Walk:
    """One chain on its way through verification. ``head`` is where the chain stood before the walk began."""

    head: Head
    seq: int = 0
    hash: bytes = FIRST_HASH
    broken: Break | None = field(default=None)

    def step(self, row: _Row) -> None:
        if self.broken is None:
            what = self._fault(row)
            if what is not None:
                self.broken = Break(self.head.chain, row.id, what)
            self.seq, self.hash = row.public["seq"], row.hash

    def _fault(self, row: _Row) -> str | None:
        public = row.public
        chain, seq = public["chain"], public["seq"]
        if row.id != seq * CHAINS + chain:
            return "its number does not fit its place"
        if seq != self.seq + 1:
            return f"{_entries(seq - self.seq - 1)} missing before it"
        if chain != chain_of(public["contact_id"], UUID(public["digest"])):
            return "it lies in another chain than its contact's"
        if row.prev_hash != self.hash:
            return "it does not follow from the entry before it"
        if row.hash != hashlib.sha256(self.hash + canonical_bytes(public)).digest():
            return "it was changed after it was recorded"
        if seq == self.head.seq and row.hash != self.head.hash:
            return "the head of the chain is of another entry"
        return _evidence_fault(row)

    def end(self, after: Head) -> Break | None:
        """What the end of the chain shows; ``after`` is its head once the walk was done."""
        if self.seq < self.head.seq:
            return Break(self.head.chain, None, f"{_entries(self.head.seq - self.seq)} missing at its end")
        if self.seq > after.seq:
            return Break(self.head.chain, None, f"{_entries(self.seq - after.seq)} beyond its head")
        return None


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"


def _evidence_fault(row: _Row) -> str | None:
    commitment = row.public["commitment"]
    if row.salt is None or row.data is None:
        return None
    if commitment is None:
        return "it has evidence that it does not speak of"
    if hashlib.sha256(row.salt + row.data.encode()).hexdigest() != commitment:
        return "its evidence was changed"
    return None


def _evidence_without_entry(connection: psycopg.Connection[Any]) -> Break | None:
    return _first(
        connection,
        "SELECT min(v.entry_id) FROM ledger_evidence v"
        " WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.id = v.entry_id)",
        "evidence of an entry that is not in the ledger",
    )


def _evidence_without_erasure(connection: psycopg.Connection[Any]) -> Break | None:
    return _first(
        connection,
        "SELECT min(e.id) FROM ledger_entry e WHERE e.commitment IS NOT NULL"  # noqa: S608 - our own condition
        " AND NOT EXISTS (SELECT FROM ledger_evidence v WHERE v.entry_id = e.id)"
        f" AND NOT ({ERASURE_OF_ENTRY.replace('%1$I.', '')})",
        "its evidence is gone, and the ledger has no erasure of that person",
    )


def _first(connection: psycopg.Connection[Any], question: str, what: str) -> Break | None:
    with connection.cursor() as cursor:
        cursor.execute(question.encode())
        row = cursor.fetchone()
    return Break(None, row[0], what) if row is not None and row[0] is not None else None
