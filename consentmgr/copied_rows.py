"""Rows copied out of PostgreSQL (COPY … TO STDOUT), without what the driver does around each of them.

psycopg's own loop enters its waiting for every row, which takes a microsecond and more: with tens of millions of rows
that is as much as everything else that is done with them here. This one waits only where no row has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import WAIT_R


def copied_out(
    connection: psycopg.Connection[Any],
    query: str,
    take: Callable[[memoryview], object],
    parameters: Mapping[str, Any] | None = None,
) -> int:
    """How many rows a COPY … TO STDOUT gave; ``take`` got the bytes of each.

    PostgreSQL sends every row as a message of its own; in the binary format the first begins with the header, and the
    last is the trailer.
    """
    with connection.cursor() as cursor, cursor.copy(query.encode(), parameters):
        return connection.wait(_each(connection.pgconn, take))


def _each(pgconn: PGconn, take: Callable[[memoryview], object]) -> PQGen[int]:
    get = pgconn.get_copy_data
    while True:
        size, row = get(1)
        while size > 0:
            take(row)
            size, row = get(1)
        if size < 0:
            break
        while not (yield WAIT_R):
            continue
        pgconn.consume_input()
    (result,) = yield from fetch_many(pgconn)
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)
    return result.command_tuples or 0
