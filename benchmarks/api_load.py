"""Contacts a second through the API, beside the import of the same documents: ``python -m benchmarks.api_load COUNT``.

Makes COUNT contacts with one e-mail and one consent each. First ``consentmgr import`` takes them into a fresh data
folder; then ``consentmgr serve`` of another fresh one is given the same documents by clients that work at the same time
(two, or CLIENTS), 5,000 in each request. Prints one JSON object with the seconds and rates of both, and their ratio: a
machine that is busy slows both. ``measure`` is for a runner that has a folder already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 5_000
CLIENTS = 2


def documents(count: int) -> Iterator[bytes]:
    """The contacts, one a line, as ``contacts.jsonl`` of the other measurements has them."""
    names = ("Aino", "Eino", "Helmi", "Toivo", "Lyyli", "Oiva"), ("Korhonen", "Virtanen", "Mäkinen", "Öhman", "Laine")
    for number in range(count):
        given, family = names[0][number % len(names[0])], names[1][number % len(names[1])]
        at = f"2026-0{1 + number % 9}-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00+02:00"
        yield json.dumps(
            {
                "type": "contact", "ref": f"crm:{number}", "controllers": ["acme"], "given_name": given,
                "family_name": family, "language": "fi", "country": "FI",
                "points": [{"channel": "email", "value": f"p{number}@posti{number % 97}.example", "use": "private",
                            "source": "web_form", "acquired_on": at[:10], "informed_on": at[:10]}],
                "events": [{"event": "consent_given", "at": at, "controller": "acme", "method": "web_form",
                            "channels": ["email"], "purposes": ["direct_marketing"], "notice": "signup/1/fi",
                            "evidence": {"form": "signup", "double_opt_in": "confirmed", "confirmed_at": at}}],
            },
            ensure_ascii=False,
        ).encode()  # fmt: skip


CATALOGUE = (
    b'{"type":"controller","key":"acme","name":"Acme Oy","default":true}\n'
    b'{"type":"notice","key":"signup","version":1,"language":"fi","text":"Haluan.","controllers":["acme"],'
    b'"channels":["email"],"purposes":["direct_marketing"]}\n'
)


def measure(folder: Path, count: int, clients: int = CLIENTS) -> dict[str, Any]:
    """Both ways, each into a data folder of its own below ``folder``."""
    lines = list(documents(count))
    file = folder / "contacts.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    (folder / "catalogue.jsonl").write_bytes(CATALOGUE)
    environment = _environment(folder / "imported")
    _run(environment, "init")
    with _database(environment):
        _run(environment, "import", str(folder / "catalogue.jsonl"))
        began = time.perf_counter()
        _run(environment, "import", str(file))
        imported = time.perf_counter() - began
    environment = _environment(folder / "served")
    _run(environment, "init")
    with _database(environment):
        _run(environment, "import", str(folder / "catalogue.jsonl"))
        token = _key(environment)
        bodies = [b'{"items":[' + b",".join(lines[at : at + AT_ONCE]) + b"]}" for at in range(0, count, AT_ONCE)]
        with _server(environment) as url, ProcessPoolExecutor(clients) as pool:
            jobs = [pool.submit(_bring, url, token, bodies[number::clients]) for number in range(clients)]
            told = [job.result() for job in jobs]
        seconds = max(ended for _, ended, _ in told) - min(begun for begun, _, _ in told)
        taken = sum(number for _, _, number in told)
    return {
        "contacts": count,
        "taken": taken,
        "clients": clients,
        "import_seconds": round(imported, 2),
        "import_a_second": round(count / imported),
        "api_seconds": round(seconds, 2),
        "api_a_second": round(count / seconds),
        "ratio": round(imported / seconds, 2),
    }


def _bring(url: str, token: str, bodies: list[bytes]) -> tuple[float, float, int]:
    """One client: when it began and ended, by the machine's clock, and how many contacts were taken."""
    import httpx

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    taken = 0
    with httpx.Client(base_url=url, timeout=120) as client:
        client.get("/api/v1/openapi.json")
        begun = time.time()
        for number, body in enumerate(bodies):
            key = {"Idempotency-Key": f"{os.getpid()}-{number}"}
            answer = client.post("/api/v1/contacts", content=body, headers=headers | key)
            answer.raise_for_status()
            taken += int(answer.json()["taken"])
        return begun, time.time(), taken


def _environment(data: Path) -> dict[str, str]:
    from benchmarks.installation import Installation

    return Installation(data.parent, data.name).environment


def _run(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "consentmgr", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _database(environment: dict[str, str]) -> Iterator[None]:
    """The built-in database, running between the commands."""
    from consentmgr.config import load_settings
    from consentmgr.db import open_database

    with open_database(load_settings(environment)):
        yield


def _key(environment: dict[str, str]) -> str:
    from consentmgr.config import load_settings
    from consentmgr.db import open_database
    from consentmgr.kit import clock
    from consentmgr.staff import api_keys
    from consentmgr.staff.scopes import Scope

    now = clock.now()
    with open_database(load_settings(environment)) as database, database.transaction() as session:
        _, token = api_keys.add(
            session, name="load", owner="load@acme.example", scopes=[Scope.WRITE_CONTACTS, Scope.WRITE_EVENTS],
            controllers=None, expires_at=now + timedelta(days=1), actor="benchmark", now=now,
        )  # fmt: skip
        return token


@contextmanager
def _server(environment: dict[str, str]) -> Iterator[str]:
    """``consentmgr serve`` at a free port; its address."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "consentmgr", "serve", "--no-jobs", "--port", url.rpartition(":")[2]],
        env=environment | {"CONSENTMGR_PUBLIC_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield url
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else CLIENTS
    with tempfile.TemporaryDirectory(prefix="consentmgr-api-") as folder:
        print(json.dumps(measure(Path(folder), count, clients)))


if __name__ == "__main__":
    main()
