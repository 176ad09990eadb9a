"""The stored set: what stood in which sequence, and the portions of entries that a file is written from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import RawIOBase
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.csv as pc_csv

from consentmgr.exports.formats.format import ENTRIES, PEOPLE

#: So many addresses are many: PostgreSQL counts anew when as many have changed, and joins whole tables for as many.
_MANY = 10_000


def store(connection: psycopg.Connection[Any], schedule: str, sequence: int) -> tuple[int, int]:
    """Make ``export_now`` the set of ``sequence``; how many addresses came and how many went."""
    # The planner knows neither of the two tables yet when a first set is stored. Row by row it would look each address
    # up among all those stored before it, for hours; whole tables are compared by hashes, whatever it believes.
    connection.execute("ANALYZE export_now")
    connection.execute("SET LOCAL enable_nestloop = off")
    went = connection.execute(
        "UPDATE exported_entry e SET to_seq = %s WHERE e.schedule = %s AND e.to_seq IS NULL"
        " AND NOT EXISTS (SELECT FROM export_now n WHERE n.address_key = e.address_key)",
        [sequence, schedule],
    ).rowcount
    came = connection.execute(
        "INSERT INTO exported_entry (schedule, address_key, from_seq, kind, reason, since)"
        " SELECT %(schedule)s, n.address_key, %(sequence)s, n.kind, n.reason, n.since FROM export_now n"
        " WHERE NOT EXISTS (SELECT FROM exported_entry e WHERE e.schedule = %(schedule)s"
        "   AND e.address_key = n.address_key AND e.to_seq IS NULL)",
        {"schedule": schedule, "sequence": sequence},
    ).rowcount
    connection.execute("SET LOCAL enable_nestloop = on")
    if came + went > _MANY:
        connection.execute("ANALYZE exported_entry")
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
SELECT s.action, s.kind, coalesce(p.value, b.document->'target'->>s.kind) AS value, s.reason,
  s.since AT TIME ZONE 'UTC' AS since, PEOPLE, s.partner_digest
FROM (SET) s
POINTS
LEFT JOIN LATERAL (SELECT q.document FROM prohibition q WHERE p.value IS NULL AND s.kind <> 'post'
  AND q.address_key = s.address_key AND q.document IS NOT NULL ORDER BY q.id LIMIT 1) b ON true
"""
# Several contacts may have one address; the first of them tells it. Of few addresses each is looked up, of many all
# points are joined at once.
_POINT_OF_EACH = """LEFT JOIN LATERAL (SELECT o.value, o.postal, o.contact_id FROM contact_point o
  WHERE o.address_key = s.address_key AND o.kind = s.kind ORDER BY o.id LIMIT 1) p ON true"""
_ALL_POINTS = """LEFT JOIN (SELECT o.address_key, o.kind, o.value, o.postal, o.contact_id FROM contact_point o
  WHERE NOT EXISTS (SELECT FROM contact_point q
    WHERE q.address_key = o.address_key AND q.kind = o.kind AND q.id < o.id)) p
  ON p.address_key = s.address_key AND p.kind = s.kind"""
_PEOPLE = """c.given_name, c.family_name, p.postal->>'street' AS street, p.postal->>'apartment' AS apartment,
  p.postal->>'postal_code' AS postal_code, p.postal->>'city' AS city,
  coalesce(c.country, p.postal->>'country') AS country"""
_CONTACTS = "LEFT JOIN contact c ON c.id = p.contact_id\n"


class _Copied(RawIOBase):
    """A COPY to standard output as a file to read from, so that columns are made of it without a row in between."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, fewer at the end alone: what arrives is a row at a time, and each answer is made room for."""
        pieces: list[Any] = [self._rest]
        have = len(self._rest)
        for block in self._blocks if have < size or size < 0 else ():
            pieces.append(block)
            have += len(block)
            if have >= size >= 0:
                break
        data = b"".join(pieces)
        size = have if size < 0 else size
        self._rest = data[size:]
        return data[:size]


_TYPES = {name: pa.large_string() for name in ENTRIES.names} | {"since": pa.timestamp("us")}


def portions(
    connection: psycopg.Connection[Any], schedule: str, sequence: int, base: int | None, *, people: bool = True
) -> Iterator[pa.Table]:
    """The entries of a sequence: all of them, or with ``base`` what changed since that one. Constant memory.

    Without ``people`` names and postal addresses stay null.
    """
    chosen = _FULL if base is None else _DELTA
    question = _WITH_ADDRESSES + _CONTACTS if people else _WITH_ADDRESSES
    columns = _PEOPLE if people else ", ".join(f"NULL AS {name}" for name in PEOPLE)
    values = {"schedule": schedule, "sequence": sequence, "base": base}
    counted = f"SELECT count(*) FROM ({chosen} LIMIT {_MANY + 1}) s"  # noqa: S608 - our own words
    found = connection.execute(counted.encode(), values).fetchone()
    points = _ALL_POINTS if found is not None and found[0] > _MANY else _POINT_OF_EACH
    question = question.replace("SET", chosen).replace("POINTS", points).replace("PEOPLE", columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY ({question}) TO STDOUT (FORMAT csv, HEADER true, NULL '', FORCE_QUOTE (value))".encode(), values
        ) as copied,
    ):
        source = pa.PythonFile(_Copied(iter(copied)), mode="r")
        try:
            reader = pc_csv.open_csv(
                source,
                read_options=pc_csv.ReadOptions(block_size=4 << 20, column_names=None),
                parse_options=pc_csv.ParseOptions(newlines_in_values=True),
                convert_options=pc_csv.ConvertOptions(
                    column_types=_TYPES, strings_can_be_null=True, null_values=[""], quoted_strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return
        for batch in reader:
            if batch.num_rows:
                table = pa.Table.from_batches([batch])
                since = table["since"].cast(pa.timestamp("us")).combine_chunks()
                place = table.column_names.index("since")
                table = table.set_column(place, "since", since.cast(pa.timestamp("us", tz="UTC")))
                yield table.select(ENTRIES.names)
