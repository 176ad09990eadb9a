"""Links: minting them, and people who use them while the database and the load share the machine."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from random import randrange
from statistics import median
from typing import Any

from benchmarks.figures import Figure, Section, Wanted
from benchmarks.installation import Installation
from benchmarks.processes import CommandFailed

LINKS = 1_000_000
THREADS = 64
#: Enough that many leave at once, and the bare application finds a connection for each within the server's limit.
CONNECTIONS, BARE_CONNECTIONS = 32, 32
SECONDS = 10.0
PATHS = 200_000


def measure(installation: Installation, runs: int, *, seconds: float = SECONDS) -> Section:
    """With the database running: minting, then leaving and looking on the server, and the same of a bare view."""
    section = Section("links", "Links")
    section.words.append(
        f"{CONNECTIONS} keep-alive connections that ask again as soon as they are answered, from a process on the same"
        " machine. *One-click* is a POST with a link not used before: durable in the journal and in the database before"
        " it is answered. *Page* is a GET of such a link. *Bare* is a Flask view that inserts one row with psycopg and"
        f" commits, on the same server, {BARE_CONNECTIONS} connections."
    )
    minted = [installation.run_module("benchmarks.link_load", "mint", str(LINKS)) for _ in range(runs)]
    section.figures.append(
        Figure(f"{LINKS:,} links minted", installation.shown("python -m benchmarks.link_load mint"), minted)
    )
    best = median(json.loads(run.said)["seconds"] for run in minted)
    section.wanted.append(Wanted(f"{LINKS:,} links minted", "≤ 6 s", f"{best:.2f} s", met=best <= 6))
    file = installation.folder / "link-paths.txt"
    count = json.loads(installation.run_module("benchmarks.link_load", "paths", str(PATHS), str(file)).said)["paths"]
    for name, ours, bare in _servers():
        _measure_server(section, installation, name, ours, bare, count=count, seconds=seconds)
    file.unlink()
    return section


def _measure_server(
    section: Section,
    installation: Installation,
    name: str,
    ours: list[str],
    bare: list[str],
    *,
    count: int,
    seconds: float,
) -> None:
    with running(installation, bare) as port:
        inserts = _load(installation, "POST", port, seconds, BARE_CONNECTIONS)
    with running(installation, ours) as port:
        _load(installation, "GET", port, min(seconds, 2.0), CONNECTIONS)
        before = _checksums(installation)
        views = _load(installation, "GET", port, seconds, CONNECTIONS)
        unchanged = _checksums(installation) == before
        leaves = _load(installation, "POST", port, seconds, CONNECTIONS)
    for what, found in (("one-click", leaves), ("page", views), ("bare insert", inserts)):
        section.notes.append(
            f"{name}, {what}: {found['rate']:,.0f} a second, median {found['p50'] * 1000:.0f} ms,"
            f" 99 % within {found['p99'] * 1000:.0f} ms, {found['requests'] / inserts['requests']:.0%} of bare."
        )
    if leaves["requests"] > count:
        section.notes.append(f"{name}: the links were used up, so some one-click requests were repeats.")
    section.wanted += [
        Wanted(f"one-click on {name}", "≥ 500 a second", f"{leaves['rate']:,.0f}", met=leaves["rate"] >= 500),
        Wanted(f"one-click on {name}, 99 %", "≤ 150 ms", f"{leaves['p99'] * 1000:.0f} ms", met=leaves["p99"] <= 0.15),
        Wanted(f"page on {name}", "≥ 800 a second", f"{views['rate']:,.0f}", met=views["rate"] >= 800),
        Wanted(f"tables changed by pages on {name}", "0", "0" if unchanged else "some", met=unchanged),
        *(
            Wanted(
                f"{what} on {name}, of a bare insert",
                "≥ 40 %",
                f"{found['rate'] / inserts['rate']:.0%}",
                met=found["rate"] >= 0.4 * inserts["rate"],
            )
            for what, found in (("one-click", leaves), ("page", views))
        ),
    ]


def _servers() -> Iterator[tuple[str, list[str], list[str]]]:
    """Each server by name, with its command for the product and for the bare application; PORT stands in them."""
    python = sys.executable
    yield (
        "consentmgr serve",
        [python, "-m", "consentmgr", "serve", "--no-jobs", "--threads", str(THREADS), "--port", "PORT"],
        [python, "-m", "benchmarks.link_load", "bare", "PORT", str(BARE_CONNECTIONS)],
    )
    if find_spec("gunicorn") is not None:
        gunicorn = [python, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2", "--keep-alive", "30"]
        gunicorn += ["--log-level", "error", "--bind", "127.0.0.1:PORT"]
        yield (
            "gunicorn, two workers",
            [*gunicorn, "--threads", str(THREADS // 2), "consentmgr.app:create_app()"],
            [*gunicorn, "--threads", str(BARE_CONNECTIONS // 2), "benchmarks.link_load:bare()"],
        )


@contextmanager
def running(installation: Installation, command: list[str]) -> Iterator[int]:
    """A server, from when it answers until the block ends; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    address = json.loads(installation.run_module("benchmarks.link_load", "bare-database").said)["address"]
    with (installation.folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [word.replace("PORT", str(port)) for word in command],
            env={**installation.environment, "BARE_DATABASE": address},
            cwd=installation.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until it has answered a request: a listening socket may stand before a worker that is still starting."""
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(b"GET /u/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if client.recv(1):
                    return
        except OSError:
            time.sleep(0.05)
    raise CommandFailed("the server does not answer; see server.log")


def _load(installation: Installation, method: str, port: int, seconds: float, connections: int) -> dict[str, Any]:
    """The load, from another place in the list of links each time, so that leaves are first leaves."""
    file = str(installation.folder / "link-paths.txt")
    done = installation.run_module(
        "benchmarks.link_load", "load", method, str(port), str(seconds), str(connections), file, str(randrange(PATHS))
    )
    found: dict[str, Any] = json.loads(done.said)
    if set(found["statuses"]) != {"200"}:
        raise CommandFailed(f"not every answer was 200: {found['statuses']}")
    return found


def _checksums(installation: Installation) -> str:
    return installation.run_module("benchmarks.link_load", "checksums").said
