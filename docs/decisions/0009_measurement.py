"""The figures of decision 0009: three servers under one small Flask application, in turns, on one machine.

``python docs/decisions/0009_measurement.py`` (after ``pip install gunicorn granian cheroot``) takes some minutes. The
application's POST inserts one row with psycopg and commits it to a real PostgreSQL with fsync on; its GET renders a
short page. The load comes from 32 keep-alive connections of this process. Then 64 slow clients send their request a byte
a second, once in its head and once in its body, and the GET is measured beside them.
"""
# ruff: noqa: INP001, T201

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.postgres_cluster import DATABASE, ROLE

CONNECTIONS = 32
THREADS = 16
SECONDS = 3.0
ROUNDS = 3

APPLICATION = """
import os, threading
import psycopg
from flask import Flask, request

app = Flask("bare")
mine = threading.local()

@app.get("/")
def page():
    return "<!doctype html><title>Bare</title><p>" + "A sentence of a page. " * 200

@app.post("/")
def insert():
    if not hasattr(mine, "connection"):
        mine.connection = psycopg.connect(os.environ["BARE_DATABASE"], autocommit=True)
    mine.connection.execute("INSERT INTO bare (said) VALUES (%s)", (request.form["List-Unsubscribe"],))
    return "done"
"""

CHEROOT = """
from cheroot.wsgi import Server
from bare import app
import sys
Server(("127.0.0.1", int(sys.argv[1])), app, numthreads=int(sys.argv[2]), request_queue_size=512).start()
"""


EMBEDDED = """
import asyncio, signal, sys
from consentmgr.web_server import WebServer
from bare import app
async def main():
    server = WebServer(app, "127.0.0.1", int(sys.argv[1]), threads=int(sys.argv[2]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.run()
asyncio.run(main())
"""


def command(server: str, port: int) -> list[str]:
    """How each server is started: one process for the application, as many threads as the others."""
    return {
        "cheroot": [sys.executable, "-c", CHEROOT, str(port), str(THREADS)],
        "gunicorn gthread": [
            sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
            "--threads", str(THREADS), "--keep-alive", "30", "--log-level", "error", "bare:app",
        ],
        "granian in this process": [sys.executable, "-c", EMBEDDED, str(port), str(THREADS)],
        "granian wsgi": [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws", "--http", "1",
            "--blocking-threads", str(THREADS), "--log-level", "error", "bare:app",
        ],
    }[server]  # fmt: skip


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b"List-Unsubscribe=One-Click"
POST = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


class Asker(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, until: float, times: list[float]) -> None:
        self.request, self.until, self.times = request, until, times
        self.buffer = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        if len(rest) < length:
            return
        assert lines[0].split()[1] == b"200", lines[0]
        now = time.perf_counter()
        self.times.append(now - self.asked)
        self.buffer = b""
        if now < self.until:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def load(port: int, request: bytes, seconds: float) -> tuple[float, float]:
    """Answers per second, and the 99th percentile of their times in milliseconds."""
    times: list[float] = []
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    askers = []
    for _ in range(CONNECTIONS):
        _, asker = await loop.create_connection(lambda: Asker(request, began + seconds, times), "127.0.0.1", port)
        askers.append(asker)
    _, late = await asyncio.wait([asker.ended for asker in askers], timeout=seconds + 4)
    took = time.perf_counter() - began
    for asker in askers:
        asker.transport.abort()
    worst = statistics.quantiles(times, n=100)[98] * 1000 if len(times) > 1 else float("inf")
    return len(times) / took, worst if not late else float("inf")


async def beside_slow_clients(port: int, at_once: int) -> float:
    """Answers per second while 64 others send ``at_once`` bytes of their request and then one byte a second."""
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
    for one in slow:
        one.send(POST[:at_once])

    async def drip() -> None:
        for place in range(at_once, 1000):
            for one in slow:
                with suppress(OSError):
                    one.send(POST[place : place + 1])
            await asyncio.sleep(1)

    dripping = asyncio.create_task(drip())
    await asyncio.sleep(0.5)
    rate, _ = await load(port, GET, SECONDS)
    dripping.cancel()
    for one in slow:
        one.close()
    return rate


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(server: str, folder: Path, environment: dict[str, str]) -> tuple[float, ...]:
    port = free_port()
    process = subprocess.Popen(command(server, port), cwd=folder, env=environment)
    try:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        asyncio.run(load(port, GET, 0.5))
        asyncio.run(load(port, POST, 0.5))
        page = asyncio.run(load(port, GET, SECONDS))
        insert = asyncio.run(load(port, POST, SECONDS))
        head = asyncio.run(beside_slow_clients(port, 5))
        body = asyncio.run(beside_slow_clients(port, len(POST) - len(BODY)))
        began = time.perf_counter()
        process.terminate()
        process.wait(60)
        return (*page, *insert, head, body, time.perf_counter() - began)
    finally:
        process.kill()


def main() -> None:
    servers = ("cheroot", "gunicorn gthread", "granian wsgi", "granian in this process")
    found: dict[str, list[tuple[float, ...]]] = {server: [] for server in servers}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "bare.py").write_text(APPLICATION, encoding="utf-8")
        postgres = EmbeddedPostgres(folder / "postgres")
        address = postgres.open(create=True)
        database = f"host={address.socket_folder} port={address.port} user={ROLE} dbname={DATABASE}"
        import psycopg

        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text)")
        environment = {**os.environ, "BARE_DATABASE": database, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        for _ in range(ROUNDS):
            for server in servers:
                found[server].append(measure(server, folder, environment))
        postgres.close()
    print("| | GET/s | p99 ms | POST/s | p99 ms | GET/s beside slow heads | beside slow bodies | s to end |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for server, rows in found.items():
        middle = [statistics.median(column) for column in zip(*rows, strict=True)]
        cells = [f"{one:.2f}" if place == 6 else f"{one:,.0f}" for place, one in enumerate(middle)]
        print(f"| {server} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
