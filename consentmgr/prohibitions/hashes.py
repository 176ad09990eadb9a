"""Bans on plain addresses for who asks by SHA-256: which ban has which hash, found by index.

A ban is met by the keyed digest of its address, and a list that arrives hashed has another digest. Those of bans on
plain addresses stand in a table of their own, which the timetable keeps up: how far it has come is a position of the
database, and bans that are newer than that are read and hashed by whoever asks. So every question finds every ban of
its own position, whether the timetable is followed or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from consentmgr.database_identity import DATABASE_IDENTITY
from consentmgr.db import driver_connection
from consentmgr.kit.address_keys import CANONICAL_VERSION, AddressKeys

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy.orm import Session

#: What is hashed in lists.
KINDS: Final = ("email", "phone")
#: Bans hashed at a time.
_BATCH: Final = 10_000

_HASHED_TO: Final = (
    "SELECT position FROM prohibition_hashed_to"  # noqa: S608 - our own words
    f" WHERE canonical_version = %(version)s AND database = {DATABASE_IDENTITY}"
)
#: A ban on a plain address that can still be read; what erasure has emptied is met by the kept digests of the person.
_IN_FORCE: Final = "target_kind = ANY(%(kinds)s) AND lifted_at IS NULL AND document IS NOT NULL"
_READ: Final = (
    "SELECT id, target_kind, document -> 'target' ->> target_kind FROM prohibition"  # noqa: S608 - our own words
    f" WHERE {_IN_FORCE}"
)
#: What a position has not seen.
_UNSEEN: Final = (
    " AND changed_xid >= pg_snapshot_xmin(%(position)s::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(changed_xid, %(position)s::pg_snapshot)"
)
_ANY_UNSEEN: Final = f"SELECT FROM prohibition WHERE true{_UNSEEN} LIMIT 1"
_FOUND: Final = (
    "SELECT h.prohibition_id, h.hash_key"  # noqa: S608 - our own words
    " FROM prohibition_hash h JOIN prohibition p ON p.id = h.prohibition_id"
    f" WHERE h.hash_key = ANY(%(hashes)s) AND {_IN_FORCE}"
)


def hashes_met(
    connection: Connection[Any], keys: AddressKeys, kinds: Iterable[str], hashes: Collection[UUID]
) -> list[tuple[int, bytes]]:
    """Bans in force on plain addresses of these kinds that have one of the hashes (``AddressKeys.sha256_key``): the
    ban's id and the hash, each pair once. The connection must be in a transaction of one position.
    """
    asked = {"kinds": list(kinds), "hashes": list(hashes), "version": CANONICAL_VERSION}
    found: set[tuple[int, bytes]] = set()
    with connection.cursor() as cursor:
        position = cursor.execute(_HASHED_TO, asked).fetchone()
        question = _READ
        if position is not None:
            found.update((number, key.bytes) for number, key in cursor.execute(_FOUND, asked))
            question += _UNSEEN
            asked["position"] = position[0]
        rows = cursor.execute(question, asked).fetchall()
    wanted = {key.bytes for key in hashes}
    found.update((number, key) for number, key in _hashed(rows, keys) if key in wanted)
    return sorted(found)


def keep_up(session: Session, keys: AddressKeys) -> int:
    """Hash the bans that were added since this was last done; how many were read. Does not commit."""
    connection = driver_connection(session)
    asked: dict[str, Any] = {"kinds": list(KINDS), "version": CANONICAL_VERSION}
    with connection.cursor() as cursor, connection.cursor("bans_to_hash") as bans:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('consentmgr hashed bans', 0))")
        row = cursor.execute(_HASHED_TO, asked).fetchone()
        if row is None:
            # Of another canonical form, or of another database: what is there may not be all there should be.
            cursor.execute("DELETE FROM prohibition_hash")
        else:
            asked["position"] = row[0]
            if cursor.execute(_ANY_UNSEEN, asked).fetchone() is None:
                return 0
        # Noted before the bans are read: what is added meanwhile may be read twice, and is not missed.
        cursor.execute("SELECT pg_current_snapshot()::text, " + DATABASE_IDENTITY)
        position, database = cursor.fetchone() or ("", "")
        read = 0
        bans.execute(_READ if row is None else _READ + _UNSEEN, asked)
        while some := bans.fetchmany(_BATCH):
            read += len(some)
            pairs = list(_hashed(some, keys))
            cursor.execute(
                "INSERT INTO prohibition_hash (prohibition_id, hash_key)"
                " SELECT * FROM unnest(%s::bigint[], %s::uuid[]) ON CONFLICT DO NOTHING",
                [[number for number, _ in pairs], [UUID(bytes=key) for _, key in pairs]],
            )
        cursor.execute("DELETE FROM prohibition_hashed_to")
        cursor.execute(
            "INSERT INTO prohibition_hashed_to (canonical_version, database, position) VALUES (%s, %s, %s)",
            [CANONICAL_VERSION, database, position],
        )
    return read


def _hashed(rows: Sequence[tuple[int, str, str]], keys: AddressKeys) -> Iterator[tuple[int, bytes]]:
    """The hashes of bans (id, kind, address): of the canonical form, and of a number's digits without the plus sign."""
    import pyarrow as pa

    for kind in KINDS:
        some = [(number, address) for number, of, address in rows if of == kind]
        if not some:
            continue
        numbers = [number for number, _ in some]
        columns = keys.columns(kind, pa.array([address for _, address in some], pa.large_string()))
        written = [
            column.to_pylist() for column in (columns.sha256_key, columns.sha256_digits_key) if column is not None
        ]
        yield from (
            (number, key) for number, key in chain(*(zip(numbers, column, strict=True) for column in written)) if key
        )
