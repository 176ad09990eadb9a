"""The only writer of the register's tables: rows in by COPY, changes by one UPDATE a table.

Whoever calls has read what is there and hands in only what is new or different, so that a document taken twice
writes nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from operator import attrgetter
from queue import SimpleQueue
from struct import Struct
from threading import Event, Thread
from typing import Any, Final, LiteralString, Protocol, Self
from weakref import WeakKeyDictionary

import msgspec
from psycopg import Connection, sql
from psycopg.adapt import Dumper
from psycopg.pq import Format, PipelineStatus
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, DateTime, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from consentmgr.kit import copy_binary
from consentmgr.kit.interpreter import short_turns
from consentmgr.register.reading import psycopg_connection
from consentmgr.register.rows import Row
from consentmgr.tables import Base


def lock_register(session: Session) -> None:
    """One writer of documents at a time: two imports of one person would otherwise each think they came first."""
    psycopg_connection(session).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('register ' || current_schema(), 0))"
    )


def new_ids(session: Session, table: str, count: int) -> list[int]:
    """``count`` ids of a table's own sequence, rising."""
    if count == 0:
        return []
    connection = psycopg_connection(session)
    # The sequence is looked for once and not for every id, which would take longer than to write the row.
    wanted = (
        "SELECT nextval(own.sequence) AS id FROM"
        " (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence OFFSET 0) AS own, generate_series(1, %s)"
    )
    # Mostly nobody else draws meanwhile, and the ids are a run; reading its ends takes less than reading each.
    given = connection.execute(
        f"SELECT min(id), max(id), CASE WHEN max(id) - min(id) + 1 <> count(*) THEN array_agg(id ORDER BY id) END"  # noqa: S608
        f" FROM ({wanted}) AS drawn",
        (table, count),
    ).fetchone()
    assert given is not None
    first, last, scattered = given
    return scattered or list(range(first, last + 1))


def insert_rows(session: Session, rows: Sequence[Row]) -> None:
    """New rows of one table, by COPY. Ids are in the rows; columns they do not have take the table's defaults."""
    DirectCopies(session).insert(rows)


class Copies(Protocol):
    """A way for many rows into the database, in the order they are handed in."""

    def copy(self, statement: sql.Composed | LiteralString, blocks: Iterable[bytes]) -> None:
        """Carry out a COPY in binary form; ``blocks`` are the whole of it (``kit.copy_binary``)."""

    def execute(self, statement: LiteralString, parameters: Sequence[object]) -> None:
        """Carry out a statement whose answer nobody needs."""

    def wait(self) -> None:
        """Return when everything handed in is carried out: only then may the connection be asked anything else."""


class DirectCopies:
    """Each COPY is carried out when it is handed in."""

    def __init__(self, session: Session) -> None:
        self._connection = psycopg_connection(session)

    def insert(self, rows: Sequence[Row]) -> None:
        if rows:
            form = _form_of(type(rows[0]))
            self.copy(form.copy, form.blocks(rows))

    def copy(self, statement: sql.Composed | LiteralString, blocks: Iterable[bytes]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as target:
            for block in blocks:
                target.write(block)

    def execute(self, statement: LiteralString, parameters: Sequence[object]) -> None:
        self._connection.execute(statement, parameters)

    def wait(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def is_pipelined(connection: Connection[Any]) -> bool:
    """Whether what is asked of this connection is sent at once and its answers are read when they are wanted."""
    return connection.pgconn.pipeline_status != PipelineStatus.OFF


class PipelinedCopies:
    """The same for some rows on a connection in pipeline mode (psycopg's ``Connection.pipeline``): everything is sent
    and nothing waited for. What PostgreSQL refuses is raised by whatever waits next, the commit at the latest.

    A COPY waits twice, and is not allowed there; its rows become an array of the table's rows, of the same bytes.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def copy(self, statement: sql.Composed | LiteralString, blocks: Iterable[bytes]) -> None:
        assert isinstance(statement, str)
        forms = _array_forms.setdefault(self._connection, {})
        form = forms.get(statement)
        if form is None:
            form = forms[statement] = _ArrayForm(self._connection, statement)
        cursor = self._connection.cursor()
        cursor.adapters.register_dumper(_Array, _ArrayDumper)
        cursor.execute(form.insert, [form.array(blocks)], prepare=True)

    def execute(self, statement: LiteralString, parameters: Sequence[object]) -> None:
        self._connection.execute(statement, parameters)

    def wait(self) -> None:
        pass


class _Array(bytes):
    """An array in PostgreSQL's binary form; of what, the statement says."""


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


_COPY: Final = re.compile(r"COPY (\w+) \(([\w, ]+)\) FROM STDIN \(FORMAT binary\)")
_ROW_FORM: Final = """
SELECT c.reltype, array_agg(a.attname::text ORDER BY a.attnum), array_agg(a.atttypid ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = %s::regclass GROUP BY c.oid
"""


class _ArrayForm:
    """How the rows of a COPY become an array of its table's rows: those are whole, in the table's order, and each field
    has its type's number before it. Source: ``array_recv`` and ``record_recv`` of PostgreSQL.
    """

    def __init__(self, connection: Connection[Any], statement: str) -> None:
        found = _COPY.fullmatch(statement)
        assert found is not None, statement
        table, listed = found.groups()
        told = connection.execute(_ROW_FORM, [table]).fetchone()
        assert told is not None
        self._row_type, names, types = told
        given = {name: place for place, name in enumerate(listed.split(", "))}
        assert given.keys() <= set(names), statement
        self._width = len(given)
        self._fields = [(kind.to_bytes(4), given.get(name)) for name, kind in zip(names, types, strict=True)]
        self._begin = len(names).to_bytes(4)
        self.insert = (
            f"INSERT INTO {table} ({listed}) OVERRIDING SYSTEM VALUE SELECT {listed} FROM unnest(%b::{table}[])"  # noqa: S608 - our own words
        ).encode()

    def array(self, blocks: Iterable[bytes]) -> _Array:
        rows = []
        for fields in copy_binary.rows_of(b"".join(blocks)):
            assert len(fields) == self._width
            row = self._begin + b"".join(
                [kind + (copy_binary.NULL if place is None else fields[place]) for kind, place in self._fields]
            )
            rows.append(len(row).to_bytes(4) + row)
        return _Array(_array_begin(1, 0, self._row_type, len(rows), 1) + b"".join(rows))


_array_begin = Struct(">iiIii").pack
#: By connection, because a table's number is another in another database; gone with it.
_array_forms: WeakKeyDictionary[Connection[Any], dict[str, _ArrayForm]] = WeakKeyDictionary()


class BackgroundCopies:
    """The same without waiting for PostgreSQL, as a context; whoever leaves it has waited.

    PostgreSQL is longer at its indexes than we are at the rows. Rows become bytes in the caller's thread; another one
    only hands them on, so that the two do not contend for the interpreter. Meanwhile the session's connection is
    busy: in the block nothing may be asked of it but after ``wait``. What PostgreSQL refuses is raised by ``wait``
    and at the end of the block.
    """

    def __init__(self, session: Session) -> None:
        self._connection = psycopg_connection(session)
        self._turns = short_turns()
        self._steps: SimpleQueue[Callable[[], None] | Event | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._carry_out, name="register-writer")

    def insert(self, rows: Sequence[Row]) -> None:
        if rows:
            form = _form_of(type(rows[0]))
            self.copy(form.copy, form.blocks(rows))

    def copy(self, statement: sql.Composed | LiteralString, blocks: Iterable[bytes]) -> None:
        given: SimpleQueue[bytes | None] = SimpleQueue()
        self._steps.put(partial(self._copy, statement, given))
        try:
            for block in blocks:
                given.put(block)
        except BaseException:
            # The rows after these will not come; without them none may be stored.
            self._error = self._error or _Broken()
            raise
        finally:
            given.put(None)

    def execute(self, statement: LiteralString, parameters: Sequence[object]) -> None:
        self._steps.put(partial(self._execute, statement, parameters))

    def wait(self) -> None:
        reached = Event()
        self._steps.put(reached)
        reached.wait()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._turns.__enter__()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # The transaction will be undone, so what has not begun need not begin.
            self._error = self._error or _Broken()
        self._steps.put(None)
        self._thread.join()
        self._turns.__exit__(None, None, None)
        if self._error is not None and kind is None:
            raise self._error

    def _carry_out(self) -> None:
        while (step := self._steps.get()) is not None:
            if isinstance(step, Event):
                step.set()
            elif self._error is None:
                try:
                    step()
                except BaseException as error:  # noqa: BLE001 - raised again where the work was asked for
                    self._error = error

    def _copy(self, statement: sql.Composed | LiteralString, given: SimpleQueue[bytes | None]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as target:
            while (block := given.get()) is not None:
                target.write(block)
            if self._error is not None:
                raise self._error

    def _execute(self, statement: LiteralString, parameters: Sequence[object]) -> None:
        self._connection.execute(statement, parameters)


class _Broken(Exception):
    """The rows of a COPY were not all given."""


def update_rows(session: Session, rows: Sequence[Row]) -> None:
    """Rows of one table, found by their key, take the values given here; all columns, one statement."""
    if not rows:
        return
    kind = type(rows[0])
    columns = [column for column in kind.columns() if column not in kind.KEY]
    assignments: list[sql.Composable] = [
        sql.SQL("{column} = new.{column}").format(column=sql.Identifier(column)) for column in columns
    ]
    if kind.MARKED:
        assignments.append(sql.SQL("changed_xid = pg_current_xact_id()"))
    update = sql.SQL(
        "UPDATE {table} AS old SET {assignments} FROM json_populate_recordset(NULL::{table}, %s::json) AS new"
        " WHERE {keys}"
    ).format(
        table=sql.Identifier(kind.TABLE),
        assignments=sql.SQL(", ").join(assignments),
        keys=sql.SQL(" AND ").join(
            sql.SQL("old.{key} = new.{key}").format(key=sql.Identifier(key)) for key in kind.KEY
        ),
    )
    with copy_binary.writing():
        given = msgspec.json.encode(rows).decode()
    psycopg_connection(session).execute(update, [given])


def mark_changed(session: Session, table: str, ids: Collection[int]) -> None:
    """Say that something belonging to these contacts or organisations has changed in this transaction."""
    if ids:
        statement = sql.SQL(
            "UPDATE {table} SET changed_xid = pg_current_xact_id()"
            " WHERE id = ANY(%s) AND changed_xid <> pg_current_xact_id()"
        ).format(table=sql.Identifier(table))
        psycopg_connection(session).execute(statement, [list(ids)])


def move_organisation(session: Session, source: int, target: int) -> None:
    """Everything of organisation ``source`` becomes ``target``'s, and its row goes: both were one all along."""
    connection = psycopg_connection(session)
    both = {"source": source, "target": target}
    connection.execute("UPDATE role SET organisation_id = %(target)s WHERE organisation_id = %(source)s", both)
    for statement in (_KEEP_AREAS, _KEEP_ENDS, _DROP_EQUAL_ROLES):
        connection.execute(statement, both)
    # A point that both list is kept once.
    connection.execute(
        "DELETE FROM contact_point p WHERE p.organisation_id = %(source)s AND p.contact_id IS NULL AND EXISTS"
        " (SELECT FROM contact_point q WHERE q.organisation_id = %(target)s AND q.contact_id IS NULL"
        " AND q.kind = p.kind AND q.address_key = p.address_key)",
        both,
    )
    connection.execute("UPDATE contact_point SET organisation_id = %(target)s WHERE organisation_id = %(source)s", both)
    connection.execute(
        "INSERT INTO organisation_customer (organisation_id, controller, product_group, last_purchase_on)"
        " SELECT %(target)s, controller, product_group, last_purchase_on FROM organisation_customer"
        " WHERE organisation_id = %(source)s ON CONFLICT DO NOTHING",
        both,
    )
    connection.execute(
        "UPDATE contact SET changed_xid = pg_current_xact_id() WHERE id IN"
        " (SELECT contact_id FROM role WHERE organisation_id = %(target)s"
        " UNION SELECT contact_id FROM contact_point WHERE organisation_id = %(target)s)",
        both,
    )
    connection.execute("DELETE FROM organisation WHERE id = %(source)s", both)


# A role that a contact had in both is one: what only one of them says is kept.
_EQUAL_ROLES = """
  SELECT id, until, min(id) OVER (PARTITION BY contact_id, position, since,
    lower(btrim(regexp_replace(title, '\\s+', ' ', 'g')))) AS kept
  FROM role WHERE organisation_id = %(target)s
"""
_KEEP_AREAS = """
INSERT INTO role_area SELECT s.kept, a.area, a.evidence, a.verified_on, a.source
FROM (EQUAL_ROLES) s JOIN role_area a ON a.role_id = s.id WHERE s.id <> s.kept ON CONFLICT DO NOTHING
""".replace("EQUAL_ROLES", _EQUAL_ROLES)
_KEEP_ENDS = """
UPDATE role r SET until = s.until FROM (EQUAL_ROLES) s
WHERE r.id = s.kept AND s.id <> s.kept AND r.until IS NULL AND s.until IS NOT NULL
""".replace("EQUAL_ROLES", _EQUAL_ROLES)
_DROP_EQUAL_ROLES = """
DELETE FROM role r USING (EQUAL_ROLES) s WHERE r.id = s.id AND s.id <> s.kept
""".replace("EQUAL_ROLES", _EQUAL_ROLES)


# --- rows as bytes --------------------------------------------------------------------------------------------------

_ROWS_AT_ONCE = 1_000
#: Shapes of rows, and lists, that are remembered before all are forgotten.
_MOST_REMEMBERED = 20_000
_UUID_LENGTH: Final = (16).to_bytes(4, "big")
_length = Struct(">i").pack
_small = Struct(">ih").pack
_middle = Struct(">ii").pack
_big = Struct(">iq").pack


def _smallint(value: int | None) -> bytes:
    return copy_binary.NULL if value is None else _small(2, value)


def _integer(value: int | None) -> bytes:
    return copy_binary.NULL if value is None else _middle(4, value)


def _truth(value: bool | None) -> bytes:  # noqa: FBT001 - the value itself
    return copy_binary.NULL if value is None else copy_binary.boolean(value)


def _hex(digits: str | None) -> bytes:
    return copy_binary.NULL if digits is None else copy_binary.uuid(bytes.fromhex(digits))


def _json(value: object) -> bytes:
    return copy_binary.NULL if value is None else copy_binary.jsonb(msgspec.json.encode(value))


#: A column of values as the bytes of its fields: one or more columns of pieces that belong after each other.
Pieces = tuple[Iterable[bytes], ...]


def _bigints_of(values: Sequence[int]) -> Pieces:
    return (map(_big, repeat(8), values),)


def _texts_of(values: Sequence[str]) -> Pieces:
    data = [value.encode() for value in values]
    return map(_length, map(len, data)), data


def _uuids_of(digits: Sequence[str]) -> Pieces:
    data = bytes.fromhex("".join(digits))
    # Where one has not its 32 digits the column has not its length, and the others would be cut amiss.
    if len(data) != 16 * len(digits) or set(map(len, digits)) != {32}:
        raise ValueError("a keyed digest has 32 hexadecimal digits")
    return repeat(_UUID_LENGTH), [data[place : place + 16] for place in range(0, len(data), 16)]


class _Remembered(dict[Any, bytes]):
    """What a function makes of values that come again and again."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: Any) -> bytes:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        made = self[value] = self._make(value)
        return made


_lists = _Remembered(copy_binary.texts)


def _texts(values: Sequence[str]) -> bytes:
    return _lists[tuple(values)]


#: By the column's type; the first that fits, since small and big integers are kinds of Integer to SQLAlchemy.
_ENCODERS: tuple[tuple[type[TypeEngine[Any]], Callable[[Any], bytes]], ...] = (
    (SmallInteger, _smallint),
    (BigInteger, copy_binary.bigint),
    (Integer, _integer),
    (Boolean, _truth),
    (UUID, _hex),
    (JSONB, _json),
    (ARRAY, _texts),
    (Date, copy_binary.day),
    (DateTime, copy_binary.timestamp),
    (Text, copy_binary.text),
)


#: The same for whole columns that hold no null: no call of a Python function for each value.
_COLUMN_ENCODERS: Final[dict[type[TypeEngine[Any]], Callable[[Sequence[Any]], Pieces]]] = {
    BigInteger: _bigints_of,
    UUID: _uuids_of,
    Text: _texts_of,
}


def _encoder(column: Column[Any]) -> Callable[[Any], bytes]:
    return next(encode for type_, encode in _ENCODERS if isinstance(column.type, type_))


class _OwnColumn:
    """How one column that differs from row to row becomes bytes, for many rows at once."""

    def __init__(self, column: Column[Any]) -> None:
        self._value = attrgetter(column.name)
        self._encode = _encoder(column)
        self._encode_all = _COLUMN_ENCODERS.get(type(column.type))

    def pieces(self, rows: Sequence[Row]) -> Pieces:
        values = list(map(self._value, rows))
        nulls = values.count(None)
        if nulls == len(values):
            return (repeat(copy_binary.NULL),)
        if nulls == 0 and self._encode_all is not None:
            return self._encode_all(values)
        return (map(self._encode, values),)


class _Form:
    """How rows of one kind become bytes.

    Most rows are alike in most columns. What differs from row to row (``Row.OWN``) is written column by column; the
    other columns of a row together are a shape, written once and remembered.
    """

    def __init__(self, kind: type[Row]) -> None:
        columns = Base.metadata.tables[kind.TABLE].columns
        shared = [name for name in kind.columns() if name not in kind.OWN]
        names = (*kind.OWN, *shared)
        self.copy = sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT binary)").format(
            table=sql.Identifier(kind.TABLE), columns=sql.SQL(", ").join(map(sql.Identifier, names))
        )
        self._beginning = copy_binary.columns(len(names))
        self._own = [_OwnColumn(columns[name]) for name in kind.OWN]
        self._shared = [_encoder(columns[name]) for name in shared]
        # Of a single name attrgetter gives the value and not a tuple of one.
        self._shape_of = attrgetter(*shared) if len(shared) > 1 else lambda row: (getattr(row, shared[0]),)
        self._shapes = _Remembered(self._shape)

    def blocks(self, rows: Sequence[Row]) -> Iterator[bytes]:
        """The whole COPY, in portions. Raises ``Unwritable`` where a row holds what its column cannot."""
        yield copy_binary.HEADER
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield self._block(rows[start : start + _ROWS_AT_ONCE])
        yield copy_binary.TRAILER

    def _block(self, rows: Sequence[Row]) -> bytes:
        # Loops of a million rows run inside map and zip, and only encoders are called.
        with copy_binary.writing():
            own = [pieces for column in self._own for pieces in column.pieces(rows)]
            shapes = map(self._shapes.__getitem__, map(self._shape_of, rows))
            return b"".join(chain.from_iterable(zip(repeat(self._beginning), *own, shapes, strict=False)))

    def _shape(self, values: tuple[Any, ...]) -> bytes:
        return b"".join([encode(value) for encode, value in zip(self._shared, values, strict=True)])


_forms: dict[str, _Form] = {}


def _form_of(kind: type[Row]) -> _Form:
    form = _forms.get(kind.TABLE)
    if form is None:
        form = _forms[kind.TABLE] = _Form(kind)
    return form
