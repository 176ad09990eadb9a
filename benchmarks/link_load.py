"""The processes of the measurement of links: minting, the load, a bare application to compare with, checksums.

``python -m benchmarks.link_load mint|paths|load|bare|checksums …``; each prints one JSON object. The load is
keep-alive connections that ask again as soon as they are answered, on raw sockets, because it shares the machine with
what it measures.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consentmgr.preferences.links import Link

BODY = b"List-Unsubscribe=One-Click"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(BODY)


class Asker(asyncio.Protocol):
    """One connection that asks for path after path."""

    def __init__(
        self, method: bytes, paths: Iterator[bytes], until: float, times: list[float], statuses: dict[int, int]
    ) -> None:
        self.method, self.paths, self.until, self.times, self.statuses = method, paths, until, times, statuses
        self.buffer = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: fi\r\n" % (self.method, next(self.paths))
        request = head + FORM + b"\r\n" + BODY if self.method == b"POST" else head + b"\r\n"
        self.asked = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        place = head.lower().index(b"content-length:") + 15
        if len(rest) < int(head[place:].split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self.times.append(now - self.asked)
        status = int(head[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buffer = b""
        if now >= self.until:
            self.transport.close()
        else:
            self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def load(method: str, port: int, seconds: float, connections: int, known: list[bytes]) -> dict[str, object]:
    """Ask for these paths, one after the other, for some seconds."""
    paths = cycle(known)
    times: list[float] = []
    statuses: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    askers = []
    for _ in range(connections):
        _, asker = await loop.create_connection(
            lambda: Asker(method.encode(), paths, began + seconds, times, statuses), "127.0.0.1", port
        )
        askers.append(asker)
    await asyncio.gather(*(asker.ended for asker in askers))
    took = time.perf_counter() - began
    times.sort()
    return {
        "requests": len(times),
        "seconds": took,
        "rate": len(times) / took,
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
        "statuses": statuses,
    }


def mint(count: int) -> dict[str, object]:
    """Mint that many leave links of people of a made-up register."""
    from consentmgr.config import load_settings
    from consentmgr.preferences.links import link_keys

    keys = link_keys(load_settings(os.environ))
    people = list(range(1, count + 1))
    address_keys: list[bytes | None] = [
        hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest() for number in people
    ]
    began, processor = time.perf_counter(), time.process_time()
    tokens = keys.mint_many(_like(), people, address_keys)
    return {
        "links": len(set(tokens)),
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - processor,
    }


def _like() -> Link:
    from consentmgr.preferences.links import Link, LinkUse

    return Link(LinkUse.LEAVE, "acme", None, "email", None, "email", "channel", None, "may")


def paths(count: int, file: Path) -> dict[str, object]:
    """Write the paths of that many leave links: of people of the register, each at an address of their own."""
    from consentmgr.config import load_settings
    from consentmgr.db import open_database
    from consentmgr.preferences.links import link_keys

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT contact_id, address_key FROM contact_point WHERE kind = 'email' AND contact_id IS NOT NULL"
            " ORDER BY address_key LIMIT %s",
            (count,),
        ).all()
    tokens = link_keys(settings).mint_many(_like(), [row[0] for row in rows], [row[1].bytes for row in rows])
    file.write_text("\n".join(f"/u/{token}" for token in tokens))
    return {"paths": len(tokens)}


def checksums() -> dict[str, str]:
    """A checksum of every table, system columns too."""
    from consentmgr.config import load_settings
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.connect() as connection:
        names = (
            connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars().all()
        )
        question = "SELECT count(*) || '/' || coalesce(sum(hashtextextended(t.xmin::text || t.xmax::text || t::text, 0)), 0) FROM {} t"
        return {name: str(connection.exec_driver_sql(question.format(name)).scalar()) for name in names}


def bare() -> object:
    """A Flask view that does one insert with psycopg and commits: what any answer that is durable must cost."""
    import threading

    import psycopg
    from flask import Flask, request

    app = Flask("bare")
    mine = threading.local()

    def connection() -> psycopg.Connection[tuple[object, ...]]:
        if not hasattr(mine, "connection"):
            mine.connection = psycopg.connect(os.environ["BARE_DATABASE"], autocommit=True)
        return mine.connection  # type: ignore[no-any-return]

    @app.get("/u/<token>")
    def page(token: str) -> str:
        return f"<!doctype html><title>Bare</title><p>{len(token)}"

    @app.post("/u/<token>")
    def insert(token: str) -> str:
        connection().execute(
            "INSERT INTO bare (said, token) VALUES (%s, %s)", (request.form["List-Unsubscribe"], token)
        )
        return "done"

    return app


def serve_bare(port: int, threads: int) -> None:
    """The bare application on the product's own server."""
    import signal

    from consentmgr.web_server import WebServer

    async def main() -> None:
        server = WebServer(bare(), "127.0.0.1", port, threads=threads)  # type: ignore[arg-type]
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.run()

    asyncio.run(main())


def bare_database() -> dict[str, str]:
    """Make the bare application's table beside the register's; its address for psycopg."""
    from consentmgr.config import load_settings
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, said text, token text)")
        url = database.engine.url
        host, port = url.query["host"], url.query["port"]
        return {"address": f"host={host} port={port} user={url.username} dbname={url.database}"}


def main() -> None:
    what, *given = sys.argv[1:]
    if what == "bare":
        serve_bare(int(given[0]), int(given[1]))
        return
    done: object
    if what == "mint":
        done = mint(int(given[0]))
    elif what == "paths":
        done = paths(int(given[0]), Path(given[1]))
    elif what == "load":
        known = Path(given[4]).read_bytes().split()
        first = int(given[5]) % len(known)
        done = asyncio.run(load(given[0], int(given[1]), float(given[2]), int(given[3]), known[first:] + known[:first]))
    elif what == "checksums":
        done = checksums()
    else:
        done = bare_database()
    print(json.dumps(done))


if __name__ == "__main__":
    main()
