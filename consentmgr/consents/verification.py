"""Proof that the ledger is whole: every hash recomputed, and the ledger written out so that others can do the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import psycopg
from psycopg.types.composite import RecordBinaryLoader
from sqlalchemy.orm import Session

from consentmgr.consents.acts import stored_text, utc_text
from consentmgr.consents.append_only import ERASURE_OF_ENTRY
from consentmgr.consents.heads import CHAINS, Head, combined_head, heads
from consentmgr.consents.ledger import (
    CONSTANT_COLUMNS,
    FIRST_HASH,
    PUBLIC,
    canonical_bytes,
    canonical_parts,
    driver_connection,
)
from consentmgr.consents.parts import bounds, in_parts, raw_rows
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


def verify(session: Session, progress: Progress = lambda _count: None, *, processes: int = 1) -> Verification:
    """Recompute every hash and every commitment that still has its evidence, in constant memory.

    Finds an entry edited, removed in the middle or at the end, put in, moved or swapped; evidence edited, put in, or
    gone without an erasure. What it cannot find is a chain cut short *with* its head, which only a head kept
    elsewhere shows: in an earlier export or certificate. Others may append meanwhile. ``progress`` is told of
    entries done. ``processes`` as ``in_parts`` has them.
    """
    connection = driver_connection(session)
    before = heads(session)
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM ledger_entry").fetchone() or (0,)
    parts = bounds(0, newest, _PART)
    # Others may append meanwhile, and no number that somebody gave an entry is passed over.
    parts[0] = -_BEYOND, parts[0][1]
    parts[-1] = parts[-1][0], _BEYOND
    ends = [0] * CHAINS
    broken: dict[int, Break] = {}
    entries = held = committed = 0
    unexplained: list[int] = []
    for walked in in_parts(session, partial(_walk, before), parts, processes=processes):
        for chain, fault in walked.broken.items():
            broken.setdefault(chain, fault)
        for chain, seq in walked.ends.items():
            ends[chain] = seq
        entries += walked.entries
        held += walked.held
        committed += walked.committed
        unexplained += walked.unexplained
        progress(walked.entries)
    after = heads(session)
    breaks = [broken.get(chain) or _end(before[chain], after[chain], seq) for chain, seq in enumerate(ends)]
    (kept,) = connection.execute("SELECT count(*) FROM ledger_evidence").fetchone() or (0,)
    # Numbers that agree say that there is nothing to look for; where others append meanwhile they need not agree.
    breaks.append(_evidence_without_entry(connection) if kept != held else None)
    if unexplained:
        breaks.append(
            Break(None, min(unexplained), "its evidence is gone, and the ledger has no erasure of that person")
        )
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
        if row["seq"] <= at[row["chain"]].seq:
            file.write(canonical_bytes(row) + b"\n")
            written += 1
            progress(1)
    return written


# --- written out ----------------------------------------------------------------------------------------------------

_EXPRESSIONS = {
    "at": "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "recorded_at": "to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "digest": "replace(e.digest::text, '-', '')",
    "commitment": "encode(e.commitment, 'hex')",
    "hash": "encode(e.hash, 'hex')",
}
_EXPORTED = (*PUBLIC, "hash")
_SELECT = (
    f"SELECT {', '.join(_EXPRESSIONS.get(name, f'e.{name}') for name in _EXPORTED)}"  # noqa: S608 - our own names
    " FROM ledger_entry e ORDER BY e.id"
)


def _rows(connection: psycopg.Connection[Any]) -> Iterator[dict[str, Any]]:
    """Every entry as it is hashed, and its hash: all chains side by side, each in its order, as they lie on disk."""
    with connection.cursor(name="ledger_walk") as cursor:
        cursor.itersize = _PORTION
        cursor.execute(_SELECT.encode())
        for values in cursor:
            yield dict(zip(_EXPORTED, values, strict=True))


# --- walking along the chains ---------------------------------------------------------------------------------------

#: Numbers of entries that are read at once.
_PART = 50_000
#: More than any number of an entry.
_BEYOND = 2**63 - 1
#: Spellings of entries that are remembered before all are forgotten.
_MOST_SPELLINGS = 20_000
#: The order is that in which ``_walk`` takes them, the columns that entries share as one record. The evidence is bounded
#: as its entries are: else PostgreSQL, which does not see that it follows, may look through all there is for each part.
_WALKED = (
    "SELECT e.id, e.seq, e.chain, e.contact_id, e.digest, e.prev_hash, e.hash, e.at, e.recorded_at, e.commitment,"  # noqa: S608 - made of our own names
    " e.detail, e.prohibition, v.salt, v.data,"
    f" ROW(e.actor, {', '.join(f'e.{name}' for name in CONSTANT_COLUMNS)})"
    " FROM ledger_entry e LEFT JOIN ledger_evidence v"
    " ON v.entry_id = e.id AND v.entry_id >= %(first)s AND v.entry_id < %(beyond)s"
    " WHERE e.id >= %(first)s AND e.id < %(beyond)s ORDER BY e.id"
)
#: The last entry of a chain before a number.
_BEFORE = "SELECT seq, hash FROM ledger_entry WHERE id < %s AND id %% 16 = %s ORDER BY id DESC LIMIT 1"


class _Walked(NamedTuple):
    """What a part of the ledger showed: ``broken`` and ``ends`` (the last number in it) by chain.

    ``unexplained`` is the first entry whose evidence is gone without an erasure, if there is one.
    """

    entries: int
    held: int
    committed: int
    unexplained: list[int]
    broken: dict[int, Break]
    ends: dict[int, int]


def _walk(before: list[Head], connection: psycopg.Connection[Any], first: int, beyond: int) -> _Walked:
    """All chains side by side, each in its order, from entry ``first`` on. ``before`` are the heads when it began."""
    # This runs for every entry there ever was: what entries share is spelled once, and the rest is written out here.
    rows = raw_rows(connection, _WALKED, {"first": first, "beyond": beyond})
    seqs, hashes = _links_before(connection, before, first)
    spellings = _Spellings(connection)
    broken: dict[int, Break] = {}
    ends: dict[int, int] = {}
    held = committed = 0
    gone: list[int] = []
    sha256 = hashlib.sha256
    for (
        entry_id, seq, chain, contact_id, digest, prev_hash, entry_hash, at, recorded_at, commitment, detail,
        prohibition, salt, data, shared,
    ) in rows:  # fmt: skip
        held += salt is not None
        if commitment is not None:
            committed += 1
            if salt is None:
                gone.append(entry_id)
        place = chain % CHAINS
        previous = hashes[place]
        what = None
        if entry_id != seq * CHAINS + chain:
            what = "its number does not fit its place"
        elif seq != seqs[place] + 1:
            what = f"{_entries(seq - seqs[place] - 1)} missing before it"
        elif chain != (digest[15] if contact_id is None else contact_id) % CHAINS:
            what = "it lies in another chain than its contact's"
        elif prev_hash != previous:
            what = "it does not follow from the entry before it"
        else:
            a, b, c, d, e, f, g, h, i, j = spellings[shared]
            try:
                canonical = (
                    f'{a}"{stored_text(at)}"{b}{chain}{c}'
                    f"{'null' if commitment is None else chr(34) + commitment.hex() + chr(34)}{d}"
                    f"{'null' if contact_id is None else contact_id}{e}"
                    f'{"{}" if detail == _NO_DETAIL else _detail(detail)}{f}"{digest.hex()}"{g}'
                    f"{'null' if prohibition is None else json.dumps(prohibition, ensure_ascii=False)}{h}"
                    f'"{spellings.moment(recorded_at)}"{i}{seq}{j}'
                )
            except OverflowError:
                # No moment that was ever recorded.
                canonical = ""
            if entry_hash != sha256(previous + canonical.encode()).digest():
                what = "it was changed after it was recorded"
            elif seq == before[place].seq and entry_hash != before[place].hash:
                what = "the head of the chain is of another entry"
            elif salt is not None and data is not None:
                if commitment is None:
                    what = "it has evidence that it does not speak of"
                elif commitment != sha256(salt + data).digest():
                    what = "its evidence was changed"
        if what is not None and place not in broken:
            broken[place] = Break(place, entry_id, what)
        seqs[place] = ends[place] = seq
        hashes[place] = entry_hash
    return _Walked(len(rows), held, committed, _unexplained(connection, gone), broken, ends)


def _links_before(connection: psycopg.Connection[Any], before: list[Head], first: int) -> tuple[list[int], list[bytes]]:
    """Where every chain stands before entry ``first``: numbers and hashes.

    The entry is where its number says, or is the chain's last. It is looked for only where neither is there: a chain that
    ended long ago would else be looked for through all that others have gone on to.
    """
    found: dict[int, tuple[int, bytes]] = {}
    if first > 0:
        places = [
            min(first - 1 - (first - 1 - chain) % CHAINS, head.seq * CHAINS + chain)
            for chain, head in enumerate(before)
        ]
        rows = connection.execute("SELECT id, seq, hash FROM ledger_entry WHERE id = ANY(%s)", [places]).fetchall()
        found = {entry_id % CHAINS: (seq, entry_hash) for entry_id, seq, entry_hash in rows}
        for chain, head in enumerate(before):
            if chain not in found and head.seq and places[chain] >= CHAINS:
                row = connection.execute(_BEFORE, [first, chain]).fetchone()
                if row is not None:
                    found[chain] = row
    links = [found.get(chain, (0, FIRST_HASH)) for chain in range(CHAINS)]
    return [seq for seq, _ in links], [entry_hash for _, entry_hash in links]


_NO_DETAIL = b"\x01{}"


class _Spellings(dict[bytes, tuple[str, ...]]):
    """By the columns that entries share, the pieces of canonical JSON around those they do not."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self._loader = RecordBinaryLoader(0, connection)
        self._recorded: tuple[int | None, str] = None, ""

    def __missing__(self, shared: bytes) -> tuple[str, ...]:
        if len(self) >= _MOST_SPELLINGS:
            self.clear()
        names = ("actor", *CONSTANT_COLUMNS)
        made = self[shared] = canonical_parts(dict(zip(names, self._loader.load(shared), strict=True)))
        return made

    def moment(self, recorded_at: int) -> str:
        # Thousands of entries are recorded in one act.
        if recorded_at != self._recorded[0]:
            self._recorded = recorded_at, stored_text(recorded_at)
        return self._recorded[1]


def _detail(stored: bytes) -> str:
    # The first byte is the format's version.
    return canonical_bytes(json.loads(stored[1:])).decode()


def _end(before: Head, after: Head, seq: int) -> Break | None:
    """What the end of a chain shows; ``after`` is its head once the walk was done, ``seq`` the last entry there was."""
    if seq < before.seq:
        return Break(before.chain, None, f"{_entries(before.seq - seq)} missing at its end")
    if seq > after.seq:
        return Break(before.chain, None, f"{_entries(seq - after.seq)} beyond its head")
    return None


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"


def _unexplained(connection: psycopg.Connection[Any], gone: list[int]) -> list[int]:
    """The first of these entries that no erasure accounts for, if there is one."""
    found = connection.execute(_UNEXPLAINED.encode(), [gone]).fetchone() if gone else None
    return [found[0]] if found is not None and found[0] is not None else []


_UNEXPLAINED = (
    "SELECT min(e.id) FROM ledger_entry e WHERE e.id = ANY(%s)"  # noqa: S608 - our own condition
    f" AND NOT ({ERASURE_OF_ENTRY.replace('%1$I.', '')})"
)


def _evidence_without_entry(connection: psycopg.Connection[Any]) -> Break | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(v.entry_id) FROM ledger_evidence v"
            " WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.id = v.entry_id)"
        )
        row = cursor.fetchone()
    found = row is not None and row[0] is not None
    return Break(None, row[0], "evidence of an entry that is not in the ledger") if row is not None and found else None
