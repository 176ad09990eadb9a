"""The stored set: what stood in which sequence, and the portions of entries that a file is written from."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from queue import Queue
from select import select
from threading import Event, Thread
from typing import Any, Final
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.csv as pc_csv
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from consentmgr.exports.formats.format import ENTRIES, PEOPLE

#: So many addresses are many: PostgreSQL counts anew when as many have changed, and joins whole tables for as many.
_MANY = 10_000
#: Rows of a portion.
_PORTION = 20_000


def store(
    connection: psycopg.Connection[Any], schedule: str, sequence: int, *, of_asked: bool = False
) -> tuple[int, int]:
    """Make ``export_now`` the set of ``sequence``; how many addresses came and how many went.

    ``of_asked``: it is the part of the set that is of the addresses in ``asked``; the others stand as they stood.
    """
    values = {"schedule": schedule, "sequence": sequence}
    asked = " AND e.address_key IN (SELECT address_key FROM asked)" if of_asked else ""
    if _holds(connection, schedule):
        came, went = _compared(connection, values, asked)
    else:
        came, went = connection.execute(_ALL_OF_IT, values).rowcount, 0
    connection.execute(f"DELETE FROM export_weighed e WHERE e.schedule = %(schedule)s{asked}".encode(), values)  # noqa: S608 - our own words
    connection.execute("INSERT INTO export_weighed SELECT %(schedule)s, address_key FROM weighed_now", values)
    if came + went > _MANY:
        connection.execute("ANALYZE exported_entry")
    return came, went


# In the order of the index, whose pages are then filled one after the other.
_ALL_OF_IT: Final = """
INSERT INTO exported_entry (schedule, address_key, from_seq, kind, reason, since)
SELECT %(schedule)s, n.address_key, %(sequence)s, n.kind, n.reason, n.since FROM export_now n ORDER BY n.address_key
"""


def _holds(connection: psycopg.Connection[Any], schedule: str) -> bool:
    """Whether anything of the schedule stands, so that there is something to compare with."""
    return (
        connection.execute(
            "SELECT FROM exported_entry WHERE schedule = %s AND to_seq IS NULL LIMIT 1", [schedule]
        ).fetchone()
        is not None
    )


def _compared(connection: psycopg.Connection[Any], values: dict[str, Any], asked: str) -> tuple[int, int]:
    """Store what differs between ``export_now`` and what stands; how many addresses came and how many went.

    ``asked``: a condition on entries ``e``, where ``export_now`` is a part of the set alone.
    """
    # The planner knows neither of the two tables yet when a set has just been stored. Row by row it would look each address
    # up among all those stored before it, for hours; whole tables are compared by hashes, whatever it believes. Of few
    # addresses each is looked up, however many are stored.
    connection.execute("ANALYZE export_now")
    connection.execute(f"SET LOCAL enable_nestloop = {'on' if asked else 'off'}")
    # Both sets are gone through once for what came and what went; every night nearly all of a set stays.
    connection.execute(
        (
            "CREATE TEMPORARY TABLE export_changed ON COMMIT DROP AS"  # noqa: S608 - our own words
            " SELECT n.address_key AS came, n.kind, n.reason, n.since, e.address_key AS went FROM export_now n FULL JOIN"
            " (SELECT e.address_key FROM exported_entry e WHERE e.schedule = %(schedule)s AND e.to_seq IS NULL"
            f"{asked}) e ON e.address_key = n.address_key WHERE n.address_key IS NULL OR e.address_key IS NULL"
        ).encode(),
        values,
    )
    connection.execute("ANALYZE export_changed")
    went = connection.execute(
        "UPDATE exported_entry e SET to_seq = %(sequence)s FROM export_changed d"
        " WHERE e.schedule = %(schedule)s AND e.to_seq IS NULL AND e.address_key = d.went",
        values,
    ).rowcount
    came = connection.execute(
        "INSERT INTO exported_entry (schedule, address_key, from_seq, kind, reason, since)"
        " SELECT %(schedule)s, d.came, %(sequence)s, d.kind, d.reason, d.since FROM export_changed d"
        # In the order of the index, whose pages are then filled one after the other.
        " WHERE d.came IS NOT NULL ORDER BY d.came",
        values,
    ).rowcount
    connection.execute("SET LOCAL enable_nestloop = on")
    return came, went


def stood_in(
    connection: psycopg.Connection[Any], schedule: str, address_key: UUID, at: datetime
) -> tuple[int, datetime] | None:
    """The sequence published last before ``at`` that held the address, with its time; None where it held it not."""
    row = connection.execute(
        "SELECT r.sequence, r.published_at FROM export_run r WHERE r.schedule = %s AND r.published_at <= %s"
        " ORDER BY r.sequence DESC LIMIT 1",
        [schedule, at],
    ).fetchone()
    if row is None:
        return None
    held = connection.execute(
        "SELECT 1 FROM exported_entry WHERE schedule = %s AND address_key = %s AND from_seq <= %s"
        " AND (to_seq IS NULL OR to_seq > %s)",
        [schedule, address_key, row[0], row[0]],
    ).fetchone()
    return (row[0], row[1]) if held is not None else None


# An address that stands at both ends did not change, whatever happened between.
_FULL = """
SELECT 'add' AS action, e.* FROM exported_entry e
WHERE e.schedule = %(schedule)s AND e.from_seq <= %(sequence)s AND (e.to_seq IS NULL OR e.to_seq > %(sequence)s)
"""
_DELTA = """
SELECT 'add' AS action, e.* FROM exported_entry e
WHERE e.schedule = %(schedule)s AND e.from_seq > %(base)s AND e.from_seq <= %(sequence)s
  AND (e.to_seq IS NULL OR e.to_seq > %(sequence)s)
  AND NOT EXISTS (SELECT FROM exported_entry b WHERE b.schedule = e.schedule AND b.address_key = e.address_key
    AND b.from_seq <= %(base)s AND b.to_seq > %(base)s)
UNION ALL
SELECT 'remove', e.* FROM exported_entry e
WHERE e.schedule = %(schedule)s AND e.from_seq <= %(base)s AND e.to_seq > %(base)s AND e.to_seq <= %(sequence)s
  AND NOT EXISTS (SELECT FROM exported_entry n WHERE n.schedule = e.schedule AND n.address_key = e.address_key
    AND n.from_seq > %(base)s AND n.from_seq <= %(sequence)s AND (n.to_seq IS NULL OR n.to_seq > %(sequence)s))
"""

# The address itself: of a contact or organisation that has it, else of the ban that named it. Names and postal
# addresses cost a second look-up for each row, and most formats have no use for them.
_WITH_ADDRESSES = """
SELECT s.action, s.kind, coalesce(p.value, b.target->>s.kind) AS value, s.reason,
  s.since AT TIME ZONE 'UTC' AS since, PEOPLE, s.partner_digest
FROM (SET) s
ADDRESSES
"""
# Several contacts may have one address, and several bans name it; the first of them tells it. Of few addresses each is
# looked up.
_OF_EACH = """LEFT JOIN LATERAL (SELECT o.value, o.postal, o.contact_id FROM contact_point o
  WHERE o.address_key = s.address_key AND o.kind = s.kind ORDER BY o.id LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT q.document->'target' AS target FROM prohibition q
  WHERE p.value IS NULL AND s.kind <> 'post' AND q.address_key = s.address_key AND q.document IS NOT NULL
  ORDER BY q.id LIMIT 1) b ON true
"""
# Of many, all are joined at once, by several processes, without those that ``_LATER`` has found: nearly every address
# stands once, and the index alone tells which do not.
_OF_ALL = """LEFT JOIN (SELECT o.address_key, o.kind, o.value, o.postal, o.contact_id FROM contact_point o
  WHERE NOT EXISTS (SELECT FROM unnest(%(later_points)s::bigint[]) l (id) WHERE l.id = o.id)) p
  ON p.address_key = s.address_key AND p.kind = s.kind
LEFT JOIN (SELECT q.address_key, q.document->'target' AS target FROM prohibition q WHERE q.document IS NOT NULL
  AND NOT EXISTS (SELECT FROM unnest(%(later_bans)s::bigint[]) l (id) WHERE l.id = q.id)) b
  ON b.address_key = s.address_key AND p.value IS NULL AND s.kind <> 'post'
"""
_LATER = {
    "later_points": """SELECT o.id FROM contact_point o WHERE o.address_key = ANY(ARRAY(
      SELECT address_key FROM contact_point GROUP BY address_key HAVING count(*) > 1))
    AND EXISTS (SELECT FROM contact_point q WHERE q.address_key = o.address_key AND q.kind = o.kind AND q.id < o.id)""",
    "later_bans": """SELECT b.id FROM prohibition b WHERE b.document IS NOT NULL AND b.address_key = ANY(ARRAY(
      SELECT address_key FROM prohibition WHERE address_key IS NOT NULL GROUP BY address_key HAVING count(*) > 1))
    AND EXISTS (SELECT FROM prohibition q WHERE q.address_key = b.address_key AND q.document IS NOT NULL AND q.id < b.id)""",
}
_PEOPLE = """c.given_name, c.family_name, p.postal->>'street' AS street, p.postal->>'apartment' AS apartment,
  p.postal->>'postal_code' AS postal_code, p.postal->>'city' AS city,
  coalesce(c.country, p.postal->>'country') AS country"""
_CONTACTS = "LEFT JOIN contact c ON c.id = p.contact_id\n"


class _Ended(Exception):
    """Nobody wants the rest of the rows."""


def _copied(connection: psycopg.Connection[Any], question: bytes, values: dict[str, Any]) -> Generator[memoryview]:
    """The rows of a COPY. Cancels it where not all are wanted. Raises what PostgreSQL says.

    By the part of the driver that its cursors stand on: a cursor takes twice as long for a row, and of a million rows
    that is a third of what it takes to write them.
    """
    pgconn = connection.pgconn
    pgconn.send_query(psycopg.ClientCursor(connection).mogrify(question, values).encode())
    while pgconn.flush():
        select([], [pgconn.socket], [])
    left = False
    try:
        _expect(pgconn, ExecStatus.COPY_OUT)
        left = True
        while left:
            size, row = pgconn.get_copy_data(1)
            if size > 0:
                yield row
            elif size == 0:
                _await(pgconn)
            else:
                left = False
        _expect(pgconn, ExecStatus.COMMAND_OK)
    finally:
        if left:
            pgconn.get_cancel().cancel()
        while (result := _result(pgconn)) is not None:
            while result.status == ExecStatus.COPY_OUT and (size := pgconn.get_copy_data(1)[0]) >= 0:
                if size == 0:
                    _await(pgconn)


def _await(pgconn: PGconn) -> None:
    select([pgconn.socket], [], [])
    pgconn.consume_input()


def _result(pgconn: PGconn) -> PGresult | None:
    while pgconn.is_busy():
        _await(pgconn)
    return pgconn.get_result()


def _expect(pgconn: PGconn, status: ExecStatus) -> None:
    result = _result(pgconn)
    if result is None or result.status != status:
        raise psycopg.errors.error_from_result(result) if result is not None else psycopg.OperationalError("no answer")


def _read_ahead(connection: psycopg.Connection[Any], question: bytes, values: dict[str, Any]) -> Generator[bytes]:
    """What a COPY of the question sends, in portions of whole rows, read in a thread while the caller makes its files.

    The connection is the thread's until the last portion was given or the iterator is closed.
    """
    pieces: Queue[bytes | BaseException | None] = Queue(maxsize=2)
    ended = Event()

    def read() -> None:
        try:
            with closing(_copied(connection, question, values)) as copied:
                # PostgreSQL sends a row a message, so a portion ends where a row ends, whatever is in it.
                while rows := list(islice(copied, _PORTION)):
                    pieces.put(b"".join(rows))
                    if ended.is_set():
                        raise _Ended
            pieces.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the rows are read
            pieces.put(error)

    reader = Thread(target=read, name="export rows", daemon=True)
    reader.start()
    piece: bytes | BaseException | None = b""
    try:
        while isinstance(piece := pieces.get(), bytes):
            yield piece
        if piece is not None:
            raise piece
    finally:
        ended.set()
        while isinstance(piece, bytes):
            piece = pieces.get()
        reader.join()


_TYPES = {name: pa.large_string() for name in ENTRIES.names} | {"since": pa.timestamp("us")}

_CONVERT = pc_csv.ConvertOptions(
    column_types=_TYPES, strings_can_be_null=True, null_values=[""], quoted_strings_can_be_null=False
)


def portions(
    connection: psycopg.Connection[Any], schedule: str, sequence: int, base: int | None, *, people: bool = True
) -> Iterator[pa.Table]:
    """The entries of a sequence: all of them, or with ``base`` what changed since that one. Constant memory.

    Without ``people`` names and postal addresses stay null.
    """
    chosen = _FULL if base is None else _DELTA
    question = _WITH_ADDRESSES + _CONTACTS if people else _WITH_ADDRESSES
    columns = _PEOPLE if people else ", ".join(f"NULL AS {name}" for name in PEOPLE)
    values: dict[str, Any] = {"schedule": schedule, "sequence": sequence, "base": base}
    counted = f"SELECT count(*) FROM ({chosen} LIMIT {_MANY + 1}) s"  # noqa: S608 - our own words
    found = connection.execute(counted.encode(), values).fetchone()
    # Whole tables are joined in memory, where PostgreSQL would follow an index address by address.
    connection.execute("SET LOCAL work_mem = '128MB'")
    connection.execute("SET LOCAL parallel_tuple_cost = 0.005")
    many = found is not None and found[0] > _MANY
    if many:
        values |= {name: [row[0] for row in connection.execute(asked.encode())] for name, asked in _LATER.items()}
    addresses = _OF_ALL if many else _OF_EACH
    question = question.replace("SET", chosen).replace("ADDRESSES", addresses).replace("PEOPLE", columns)
    copy = f"COPY ({question}) TO STDOUT (FORMAT csv, NULL '', FORCE_QUOTE (value))".encode()
    with closing(_read_ahead(connection, copy, values)) as pieces:
        for piece in pieces:
            table = pc_csv.read_csv(
                pa.BufferReader(piece),
                read_options=pc_csv.ReadOptions(
                    block_size=len(piece) + 1, column_names=ENTRIES.names, use_threads=False
                ),
                parse_options=pc_csv.ParseOptions(newlines_in_values=True),
                convert_options=_CONVERT,
            )
            since = table["since"].combine_chunks().cast(pa.timestamp("us", tz="UTC"))
            yield table.set_column(table.column_names.index("since"), "since", since)
