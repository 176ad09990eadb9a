"""More connections that see the database at the very position that one connection's transaction does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg.sql import SQL, Literal


@contextmanager
def connections_beside(connection: psycopg.Connection[Any], count: int) -> Iterator[Sequence[psycopg.Connection[Any]]]:
    """So many connections of their own, which only read, at the position of ``connection`` (repeatable read).

    None at all where its transaction has written what others cannot see, or where the server takes no more connections:
    what is asked of them must then be asked of ``connection`` itself.
    """
    with ExitStack() as stack:
        yield _opened(connection, count, stack)


def _opened(connection: psycopg.Connection[Any], count: int, stack: ExitStack) -> list[psycopg.Connection[Any]]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id_if_assigned() is not null, current_setting('search_path')")
        has_written, search_path = cursor.fetchone() or (True, "")
        if has_written:
            return []
        cursor.execute("select pg_export_snapshot()")
        (position,) = cursor.fetchone() or ("",)
    told: dict[str, Any] = dict(connection.info.get_parameters())
    opened = []
    try:
        for _ in range(count):
            beside = connection_at(position, search_path, **told, password=connection.info.password)
            stack.callback(beside.close)
            opened.append(beside)
    except psycopg.OperationalError:
        return []
    return opened


def connection_at(position: str, search_path: str, **told: Any) -> psycopg.Connection[Any]:
    """A new connection that only reads, in a transaction at an exported ``position``; ``told`` is the driver's."""
    connection: psycopg.Connection[Any] = psycopg.connect(**told)
    try:
        connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        connection.execute(SQL("set transaction snapshot {}").format(Literal(position)))
        connection.execute("select set_config('search_path', %s, true)", [search_path])
    except BaseException:
        connection.close()
        raise
    return connection
