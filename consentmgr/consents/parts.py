"""A large ledger worked through in parts: one after the other, or by processes of their own side by side.

Every part is small enough to be held whole, so that a ledger of any size takes the same memory. Processes see the
database at one position, that of the transaction they work for: what it has not committed itself they do not see.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Final, TypeVar

import psycopg
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.database_addresses import told_to_driver
from consentmgr.same_position import connection_at

Connection = psycopg.Connection[Any]
T = TypeVar("T")

#: Two work side by side where there are two cores; PostgreSQL has as much to do as they.
PROCESSES: Final = min(2, os.cpu_count() or 1)
#: Parts from which processes of their own take less time than they need to begin.
_WORTH_PROCESSES: Final = 8


def bounds(first: int, last: int, size: int) -> list[tuple[int, int]]:
    """Numbers from ``first`` to ``last`` cut into parts: each its first, and the first of the next."""
    return list(pairwise((*range(first, last + 1, size), last + 1)))


def in_parts(
    session: Session,
    work: Callable[[Connection, int, int], T],
    parts: Sequence[tuple[int, int]],
    *,
    processes: int = 1,
) -> Iterator[T]:
    """What ``work`` makes of each part, in their order; a function of a module, where processes are asked for.

    With more than one process whoever calls must have written nothing that is not committed and matters here.
    """
    if processes < 2 or len(parts) < _WORTH_PROCESSES:
        connection = driver_connection(session)
        for part in parts:
            yield work(connection, *part)
        return
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    row = driver_connection(session).execute("SELECT pg_export_snapshot(), current_setting('search_path')").fetchone()
    assert row is not None
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(told_to_driver(engine.url), *row)
    ) as pool:
        # A few ahead and not all, so that results do not pile up where they are waited for.
        waiting: deque[Future[T]] = deque()
        try:
            for part in parts:
                waiting.append(pool.submit(_work, work, part))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def raw_rows(
    connection: Connection, query: str, parameters: Sequence[object] | Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Rows as they are stored: moments as microseconds since 2000-01-01 UTC, everything that is not a number or a text
    as its bytes, records too. Making Python's own of them would take longer than all that is done with them.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.adapters.register_loader("timestamptz", Int8BinaryLoader)
        for name in ("uuid", "json", "jsonb", "record"):
            cursor.adapters.register_loader(name, ByteaBinaryLoader)
        return cursor.execute(query.encode(), parameters).fetchall()


_connections: list[Connection] = []


def _begin(told: dict[str, Any], position: str, search_path: str) -> None:
    """The beginning of a process: its connection at the position of whoever it works for."""
    # Whoever presses Ctrl-C means the whole command; a command that was killed takes its processes along.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _connections.append(connection_at(position, search_path, **{**told, "application_name": "consentmgr"}))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(work: Callable[[Connection, int, int], T], part: tuple[int, int]) -> T:
    return work(_connections[0], *part)
