"""The ledger's writer: the only code that adds entries, and with them moves chains and standing.

What is hashed
    ``hash = SHA-256(prev_hash || canonical)``. ``canonical`` is the entry's public columns as one JSON object: UTF-8,
    names sorted by code point, no spaces, every name always there. As Python's own library writes it::

        json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    The names are ``PUBLIC``. ``at`` and ``recorded_at`` are ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` in UTC, ``digest`` is 32
    and ``commitment`` 64 lower-case hex digits (or null), arrays are arrays in their stored order, ``detail`` is an
    object without fractions. ``id`` is no part of it, being ``seq * 16 + chain``. ``prev_hash`` is the hash of the
    entry before it in its chain, and 32 zero bytes for the first.

What is committed to
    ``commitment = SHA-256(salt || data)``: 16 random bytes and the text of ``ledger_evidence.data``, UTF-8, to the
    byte. Erasure deletes salt and text; what is left says nothing of either, and the chain still verifies.

Chains
    An entry's chain is its ``contact_id % 16``, or its digest's number ``% 16`` where it has no contact. Whoever
    appends holds the heads it needs, locked in ascending order, until the transaction ends. A transaction that
    writes contacts *and* appends must call ``hold_chains`` before it touches a contact's row, because ``append``
    touches it (``changed_xid``) while holding the chain: the other order can deadlock with somebody leaving.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import attrgetter
from struct import Struct
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy.orm import Session

from consentmgr import db
from consentmgr.consents import append_only, standing
from consentmgr.consents.acts import NewEntry, stored_text, utc_text
from consentmgr.consents.heads import CHAINS, Head
from consentmgr.consents.standing import Act, Scope, StandingRow
from consentmgr.db import JOURNALLED
from consentmgr.kit import copy_binary
from consentmgr.kit.errors import Unavailable
from consentmgr.register.writing import Copies, DirectCopies

#: The public columns in the order of the canonical JSON.
PUBLIC = (
    "actor",
    "at",
    "audiences",
    "chain",
    "channels",
    "commitment",
    "condition_of_service",
    "contact_id",
    "controller",
    "detail",
    "digest",
    "double_opt_in",
    "event",
    "express_request",
    "freely_joined",
    "given_by",
    "has_proof",
    "method",
    "notice",
    "order_known",
    "pre_ticked",
    "prohibition",
    "purposes",
    "recorded_at",
    "seq",
    "source",
    "topics",
)
FIRST_HASH = bytes(32)
SALT_BYTES = 16

# The ORM's guard is installed by importing its module; the name is used so that the import is not taken for idle.
ChangeRefused = append_only.ChangeRefused


def canonical_bytes(public: Mapping[str, Any]) -> bytes:
    """The bytes of an entry that are hashed after ``prev_hash``; ``public`` has the names of ``PUBLIC``."""
    return json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def canonical_parts(public: Mapping[str, Any]) -> tuple[str, ...]:
    """The pieces of ``canonical_bytes`` around the values of those names of ``PUBLIC`` that are not in ``public``."""
    holes = dict.fromkeys((name for name in PUBLIC if name not in public), _HOLE)
    return tuple(canonical_bytes({**public, **holes}).decode().split(f'"{_HOLE}"'))


def chain_of(contact_id: int | None, digest: UUID) -> int:
    """The chain an entry belongs to."""
    return (digest.int if contact_id is None else contact_id) % CHAINS


def append(
    session: Session,
    entries: Sequence[NewEntry],
    *,
    actor: str,
    now: datetime,
    made: Collection[int] = (),
    held: Mapping[int, Head] | None = None,
    copies: Copies | None = None,
) -> list[int | None]:
    """Append entries in the order given; the id of each, or None where its digest is in the ledger already.

    Works in the session's transaction and does not commit. What the journal must have too is noted for
    ``Database.transaction``, which writes it there before it commits. In the same transaction the contacts' standing
    is folded anew and their ``changed_xid`` raised. A fixed number of statements however many entries. Raises
    ``Unavailable`` where the ledger was not prepared.

    For those who write a great many. ``made`` are contacts that this very transaction has made: the ledger cannot
    know them, and is not asked. ``held`` is what ``hold_chains`` gave for all chains, with nothing appended since.
    With ``copies``, rows are handed in there, and are stored when whoever made it has waited.
    """
    if not entries:
        return []
    connection = driver_connection(session)
    asked = [entry for entry in entries if entry.contact_id not in made] if made else entries
    if copies is None:
        session.flush()
        copies = DirectCopies(session)
    if asked or held is None:
        copies.wait()
    if held is None:
        held = _hold(connection, sorted({chain_of(entry.contact_id, entry.digest) for entry in entries}))
    known = _known_digests(connection, asked) if asked else set()
    fresh: list[NewEntry] = []
    places: list[int] = []
    for place, entry in enumerate(entries):
        digest = entry.digest.int
        if digest not in known:
            known.add(digest)
            fresh.append(entry)
            places.append(place)
    ids: list[int | None] = [None] * len(entries)
    if fresh:
        touched = {entry.contact_id for entry in fresh if entry.contact_id is not None} if asked else set()
        # A contact made in this transaction carries its number already.
        touched.difference_update(made)
        # Entries that are no acts, such as of a change in the register, leave the standing as it is.
        acted = {entry.contact_id for entry in fresh if entry.event in standing.KINDS} if touched else set()
        earlier = _earlier_acts(connection, touched & acted)
        writer = _Writer(held, actor=actor, now=now)
        copies.copy(_COPY_ENTRIES, blocks_of(writer.rows(fresh)))
        if writer.evidence:
            copies.copy(_COPY_EVIDENCE, blocks_of(writer.evidence))
        if earlier:
            copies.execute("DELETE FROM standing WHERE contact_id = ANY(%s::bigint[])", [_array(earlier)])
        if writer.by_contact:
            copies.copy(COPY_STANDING, blocks_of(writer.standing_rows(earlier)))
        copies.execute(_MOVE_HEADS, [list(part) for part in zip(*writer.moved(), strict=True)])
        if touched:
            copies.execute(_TOUCH_CONTACTS, [_array(touched)])
        for place, entry_id in zip(places, writer.ids, strict=True):
            ids[place] = entry_id
        journalled = [number for number, entry in zip(writer.ids, fresh, strict=True) if entry.event in _JOURNALLED]
        if journalled:
            session.info.setdefault(JOURNALLED, set()).update(journalled)
    return ids


#: What the journal outside the database must have before it is committed: a restored backup may not forget it.
_JOURNALLED = frozenset({"erased", "erasure_requested"})


def hold_chains(session: Session, chains: Iterable[int] | None = None) -> dict[int, Head]:
    """Lock these chains, or all of them, until the transaction ends (see above, *Chains*); their heads."""
    return _hold(driver_connection(session), sorted(range(CHAINS) if chains is None else set(chains)))


class RecordedEntry(NamedTuple):
    """An entry as it stands in the ledger; ``entry.personal`` is None where there was none or it was erased."""

    id: int
    recorded_at: datetime
    actor: str
    committed: bool
    entry: NewEntry


def entries_of(session: Session, contact_ids: Sequence[int]) -> list[RecordedEntry]:
    """Every entry of these contacts with its personal part, by contact and in the order they were recorded."""
    fields = [name for name in NewEntry.__struct_fields__ if name != "personal"]
    columns = ", ".join(f"e.{name}" for name in fields)
    with driver_connection(session).cursor() as cursor:
        cursor.execute(
            f"SELECT e.id, e.recorded_at, e.actor, e.commitment IS NOT NULL, v.data, {columns}"  # noqa: S608 - own names
            " FROM ledger_entry e LEFT JOIN ledger_evidence v ON v.entry_id = e.id"
            " WHERE e.contact_id = ANY(%s) ORDER BY e.contact_id, e.id",
            [list(contact_ids)],
        )
        found = []
        for entry_id, recorded_at, actor, committed, personal, *values in cursor:
            public = dict(zip(fields, values, strict=True))
            entry = msgspec.convert({**public, "personal": personal}, NewEntry)
            found.append(RecordedEntry(entry_id, recorded_at, actor, committed, entry))
    return found


def driver_connection(session: Session) -> psycopg.Connection[Any]:
    """The session's own psycopg connection, inside its transaction: for COPY and for reading in portions."""
    return db.driver_connection(session)


# --- reading what is there ------------------------------------------------------------------------------------------


def _hold(connection: psycopg.Connection[Any], chains: list[int]) -> dict[int, Head]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chain, seq, hash FROM ledger_head WHERE chain = ANY(%s::smallint[]) ORDER BY chain FOR UPDATE",
            [chains],
        )
        held = {row[0]: Head(*row) for row in cursor}
    if len(held) != len(chains):
        raise Unavailable("the ledger has not its sixteen chains; run consentmgr init")
    return held


def _known_digests(connection: psycopg.Connection[Any], entries: Sequence[NewEntry]) -> set[int]:
    """The digests among these that the ledger has, as numbers: a ``UUID`` is slow to hash."""
    # An array written as text is many times cheaper to send than one value at a time.
    wanted = "{" + ",".join([entry.digest.hex for entry in entries]) + "}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM ledger_entry WHERE digest = ANY(%s::uuid[])", [wanted])
        return {row[0].int for row in cursor}


ACT_COLUMNS = (
    "id, event, at, order_known, controller, method, given_by, channels, purposes, topics, prohibition, double_opt_in,"
    " pre_ticked, condition_of_service, freely_joined, notice IS NOT NULL OR has_proof"
)


def _earlier_acts(connection: psycopg.Connection[Any], contact_ids: set[int]) -> dict[int, list[Act]]:
    """The acts already in the ledger of those contacts that have any.

    Contacts are numbered upwards, so in a large import all of them are beyond the newest that the ledger knows,
    and one look at its end answers for all.
    """
    found: dict[int, list[Act]] = defaultdict(list)
    if not contact_ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(contact_id) FROM ledger_entry WHERE contact_id IS NOT NULL")
        row = cursor.fetchone()
        newest = row[0] if row is not None else None
        possible = [contact_id for contact_id in contact_ids if newest is not None and contact_id <= newest]
        if possible:
            cursor.execute(
                f"SELECT contact_id, {ACT_COLUMNS} FROM ledger_entry WHERE contact_id = ANY(%s::bigint[])",  # noqa: S608
                [_array(possible)],
            )
            for contact_id, *act in cursor:
                found[contact_id].append(Act(*act))
    return found


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


# --- writing --------------------------------------------------------------------------------------------------------

#: What most entries have alike with many others.
CONSTANT_COLUMNS = (
    "event",
    "controller",
    "method",
    "source",
    "given_by",
    "order_known",
    "channels",
    "purposes",
    "topics",
    "audiences",
    "notice",
    "double_opt_in",
    "pre_ticked",
    "condition_of_service",
    "freely_joined",
    "express_request",
    "has_proof",
)
_COPY_ENTRIES = (
    f"COPY ledger_entry ({', '.join(CONSTANT_COLUMNS)}, actor, recorded_at, id, chain, seq, at, digest, prev_hash,"
    " hash, contact_id, prohibition, detail, commitment) FROM STDIN (FORMAT binary)"
)
_COPY_EVIDENCE = "COPY ledger_evidence (entry_id, salt, data) FROM STDIN (FORMAT binary)"
COPY_STANDING = (
    "COPY standing (contact_id, matter, controller, channel, purpose, topic, state, at, entry_id)"
    " FROM STDIN (FORMAT binary)"
)
_MOVE_HEADS = (
    "UPDATE ledger_head h SET seq = n.seq, hash = n.hash"
    " FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[]) AS n (chain, seq, hash)"
    " WHERE h.chain = n.chain AND h.seq < n.seq"
)
_TOUCH_CONTACTS = (
    "UPDATE contact SET changed_xid = pg_current_xact_id()"
    " WHERE id = ANY(%s::bigint[]) AND changed_xid <> pg_current_xact_id()"
)
_BLOCK_ROWS = 1_000
_SHAPE_KEY = attrgetter(*CONSTANT_COLUMNS)
_ROW_BEGINNING = copy_binary.columns(len(CONSTANT_COLUMNS) + 13)
# id, chain, seq, at, digest, prev_hash and hash of an entry: each its length and its value.
_ENTRY_PART = Struct(">iq ih iq iq i16s i32s i32s").pack
_EVIDENCE_ROW = Struct(">h iq i16s i").pack
_STANDING_BEGINNING = Struct(">h iq").pack
_STANDING_END = Struct(">iq iq").pack
_CONTACT = Struct(">iq").pack
#: The length of a commitment, which is before it.
_COMMITTED = (32).to_bytes(4, "big")
_NO_DETAIL = copy_binary.jsonb(b"{}")
_MOMENT = re.compile(r"[0-9TZ:.-]+")

# Stands for a value that differs from entry to entry in the JSON made once for many. Random, so that no text of a
# document can be taken for it.
_HOLE = secrets.token_hex(16)


class _Shape:
    """What entries alike in everything but their contact, time and personal part share: made once for all of them.

    ``parts`` are the nine pieces of canonical JSON around the eight values that differ, ``row`` the beginning of the
    COPY row, ``standing`` the middle of each standing row of a contact that has this one act and names no prohibition.
    ``acts``: whether standing depends on such entries at all.
    """

    __slots__ = ("acts", "parts", "row", "standing")

    def __init__(self, entry: NewEntry, *, actor: str, now: datetime) -> None:
        public: dict[str, Any] = {name: getattr(entry, name) for name in CONSTANT_COLUMNS}
        self.parts = canonical_parts({**public, "actor": actor, "recorded_at": utc_text(now)})
        constants = b"".join(_field(public[name]) for name in CONSTANT_COLUMNS)
        self.row = _ROW_BEGINNING + constants + copy_binary.text(actor) + copy_binary.timestamp(now)
        self.acts = entry.event in standing.KINDS
        act = _act(entry, 0)._replace(prohibition=None)
        self.standing = tuple(
            _scope_fields(scope, standing.KINDS[entry.event].state) for scope in standing.scopes_of(act)
        )


def _field(value: str | bool | tuple[str, ...] | None) -> bytes:  # noqa: FBT001 - the value itself
    if isinstance(value, bool):
        return copy_binary.boolean(value)
    return copy_binary.texts(value) if isinstance(value, tuple) else copy_binary.text(value)


def _scope_fields(scope: Scope, state: str) -> bytes:
    return b"".join(map(copy_binary.text, (*scope, state)))


def standing_rows_of(contact_id: int, rows: Mapping[Scope, StandingRow]) -> Iterator[bytes]:
    """One contact's standing as rows for ``COPY_STANDING``."""
    for scope, row in rows.items():
        end = _STANDING_END(8, copy_binary.microseconds(row.at), 8, row.entry_id)
        yield _STANDING_BEGINNING(9, 8, contact_id) + _scope_fields(scope, row.state) + end


class _Writer:
    """Turns entries into COPY rows and moves the chains along; collects what else has to be stored."""

    def __init__(self, held: Mapping[int, Head], *, actor: str, now: datetime) -> None:
        self._held = held
        self._seqs = {chain: head.seq for chain, head in held.items()}
        self._hashes = {chain: head.hash for chain, head in held.items()}
        self.actor = actor
        self.now = now
        self.ids: list[int] = []
        self.evidence: list[bytes] = []
        #: By contact with an act that standing may depend on: what was just written of it, as id, moment (as
        #: ``timestamptz`` stores it), entry and shape.
        self.by_contact: dict[int, list[tuple[int, int, NewEntry, _Shape]]] = {}
        self._shapes: dict[tuple[Any, ...], _Shape] = {}
        self._last_detail: tuple[dict[str, Any] | None, tuple[str, bytes]] = None, ("", b"")

    def moved(self) -> list[Head]:
        """The heads of the chains that have new entries."""
        return [Head(n, self._seqs[n], self._hashes[n]) for n, head in self._held.items() if self._seqs[n] > head.seq]

    def rows(self, entries: Sequence[NewEntry]) -> Iterator[bytes]:
        """Rows of ``ledger_entry``."""
        # This runs a million times in a large import: what entries share is in their shape, and the rest is written
        # out here rather than in functions, with names that are looked up once.
        seqs, hashes, shapes, by_contact = self._seqs, self._hashes, self._shapes, self.by_contact
        add_id, add_evidence, encode = self.ids.append, self.evidence.append, msgspec.json.encode
        sha256, null = hashlib.sha256, copy_binary.NULL
        for entry, salt in zip(entries, _salts(len(entries)), strict=True):
            shape = shapes.get(_SHAPE_KEY(entry)) or self._new_shape(entry)
            contact_id, at, personal, prohibition = entry.contact_id, entry.at, entry.personal, entry.prohibition
            digest = entry.digest.bytes
            chain = (digest[15] if contact_id is None else contact_id) % CHAINS
            seq = seqs[chain] = seqs[chain] + 1
            previous = hashes[chain]
            entry_id = seq * CHAINS + chain
            add_id(entry_id)
            stored_at = copy_binary.microseconds(at)
            commitment_json, commitment_field = "null", null
            if personal is not None:
                data = encode(personal)
                commitment = sha256(salt + data)
                commitment_json, commitment_field = f'"{commitment.hexdigest()}"', _COMMITTED + commitment.digest()
                add_evidence(_EVIDENCE_ROW(3, 8, entry_id, 16, salt, len(data)) + data)
            prohibition_json, prohibition_field = "null", null
            if prohibition is not None:
                prohibition_json, prohibition_field = _quoted(prohibition), copy_binary.text(prohibition)
            contact_json: int | str = "null"
            contact_field = null
            if contact_id is not None:
                contact_json, contact_field = contact_id, _CONTACT(8, contact_id)
                if shape.acts:
                    by_contact.setdefault(contact_id, []).append((entry_id, stored_at, entry, shape))
            detail_json, detail_field = self._detail(entry.detail) if entry.detail else ("{}", _NO_DETAIL)
            a, b, c, d, e, f, g, h, i = shape.parts
            canonical = (
                f'{a}"{stored_text(stored_at)}"{b}{chain}{c}{commitment_json}{d}{contact_json}{e}{detail_json}'
                f'{f}"{digest.hex()}"{g}{prohibition_json}{h}{seq}{i}'
            )
            current = hashes[chain] = sha256(previous + canonical.encode()).digest()
            part = _ENTRY_PART(8, entry_id, 2, chain, 8, seq, 8, stored_at, 16, digest, 32, previous, 32, current)
            yield b"".join((shape.row, part, contact_field, prohibition_field, detail_field, commitment_field))

    def _new_shape(self, entry: NewEntry) -> _Shape:
        shape = self._shapes[_SHAPE_KEY(entry)] = _Shape(entry, actor=self.actor, now=self.now)
        return shape

    def _detail(self, detail: dict[str, Any]) -> tuple[str, bytes]:
        # Thousands of bans of one list share one detail.
        if detail is not self._last_detail[0]:
            at = detail.get("confirmed_at") if len(detail) == 1 else None
            # Nearly all that consents have; a moment needs no escape.
            plain = isinstance(at, str) and _MOMENT.fullmatch(at) is not None
            data = f'{{"confirmed_at":"{at}"}}'.encode() if plain else _detail_bytes(detail)
            self._last_detail = detail, (data.decode(), copy_binary.jsonb(data))
        return self._last_detail[1]

    def standing_rows(self, earlier: Mapping[int, list[Act]]) -> Iterator[bytes]:
        """The standing of every contact touched. ``earlier`` are the acts that were there before."""
        for contact_id, written in self.by_contact.items():
            before = earlier.get(contact_id)
            entry_id, at, entry, shape = written[0]
            if before is None and len(written) == 1 and entry.prohibition is None:
                begin, end = _STANDING_BEGINNING(9, 8, contact_id), _STANDING_END(8, at, 8, entry_id)
                for fields in shape.standing:
                    yield begin + fields + end
            else:
                acts = [*(before or ()), *(_act(one, number) for number, _, one, _ in written)]
                yield from standing_rows_of(contact_id, standing.fold(acts))


def _salts(count: int) -> Iterator[bytes]:
    pool = os.urandom(SALT_BYTES * count)
    return (pool[start : start + SALT_BYTES] for start in range(0, len(pool), SALT_BYTES))


def _act(entry: NewEntry, entry_id: int) -> Act:
    return Act(
        entry_id,
        entry.event,
        entry.at,
        entry.order_known,
        entry.controller,
        entry.method,
        entry.given_by,
        entry.channels,
        entry.purposes,
        entry.topics,
        entry.prohibition,
        entry.double_opt_in,
        entry.pre_ticked,
        entry.condition_of_service,
        entry.freely_joined,
        entry.notice is not None or entry.has_proof,
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isascii() and text.isdigit() else json.dumps(text, ensure_ascii=False)


def _detail_bytes(detail: Mapping[str, Any]) -> bytes:
    if _has_fraction(detail):
        raise ValueError("the detail of a ledger entry holds no fractions: they have no one spelling")
    return canonical_bytes(detail)


def _has_fraction(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_fraction, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_fraction, value))
    return isinstance(value, float)


def blocks_of(rows: Iterable[bytes]) -> Iterator[bytes]:
    """A whole COPY in binary form (``kit.copy_binary``), in portions. Raises ``Unwritable`` for what no row can hold."""
    yield copy_binary.HEADER
    rows = iter(rows)
    while True:
        with copy_binary.writing():
            block = b"".join(islice(rows, _BLOCK_ROWS))
        if not block:
            break
        yield block
    yield copy_binary.TRAILER


def copy_rows(connection: psycopg.Connection[Any], statement: LiteralString, rows: Iterable[bytes]) -> None:
    """Send rows of the binary format (``kit.copy_binary``) with a COPY statement."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in blocks_of(rows):
            copy.write(block)
