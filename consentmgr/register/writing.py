"""The only writer of the register's tables: rows in by COPY, changes by one UPDATE a table.

Whoever calls has read what is there and hands in only what is new or different, so that a document taken twice
writes nothing at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from psycopg import sql
from sqlalchemy.orm import Session

from consentmgr.register.reading import psycopg_connection
from consentmgr.register.rows import Row


def lock_register(session: Session) -> None:
    """One writer of documents at a time: two imports of one person would otherwise each think they came first."""
    psycopg_connection(session).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('register ' || current_schema(), 0))"
    )


def new_ids(session: Session, table: str, count: int) -> list[int]:
    """``count`` ids of a table's own sequence, rising."""
    if count == 0:
        return []
    rows = psycopg_connection(session).execute(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", (table, count)
    )
    return sorted(row[0] for row in rows)


def insert_rows(session: Session, rows: Sequence[Row]) -> None:
    """New rows of one table, by COPY. Ids are in the rows; columns they do not have take the table's defaults."""
    if not rows:
        return
    kind = type(rows[0])
    columns = kind.columns()
    copy = sql.SQL("COPY {table} ({columns}) FROM STDIN").format(
        table=sql.Identifier(kind.TABLE), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    nested = _nested_columns(kind)
    values = attrgetter(*columns)
    with psycopg_connection(session).cursor() as cursor, cursor.copy(copy) as target:
        if not nested:
            for row in rows:
                target.write_row(values(row))
            return
        for row in rows:
            record = list(values(row))
            for position in nested:
                record[position] = _nested_text(record[position])
            target.write_row(record)


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
    psycopg_connection(session).execute(update, [msgspec.json.encode(rows).decode()])


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


def _nested_columns(kind: type[Row]) -> tuple[int, ...]:
    """Where a row's lists and objects are: COPY wants them as text, and most rows have none."""
    return tuple(
        position
        for position, column in enumerate(fields(kind))  # type: ignore[arg-type]
        if str(column.type).startswith(("list", "dict"))
    )


def _nested_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return _array_text(tuple(value))


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


@lru_cache(maxsize=4096)
def _array_text(values: Iterable[str]) -> str:
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"
