"""PostgreSQL stopped and started under a running server: 503 meanwhile, and afterwards as before, with no restart."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from consentmgr.config import Settings
from consentmgr.embedded_postgres import EmbeddedPostgres
from tests.conftest import RunningServer
from tests.serving.test_serve import fetch


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "cluster" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def test_the_pages_outlive_their_database(
    serve: Callable[..., RunningServer], own_installation: Settings, environment: dict[str, str]
) -> None:
    folder = own_installation.data_folder
    environment.pop("CONSENTMGR_DATABASE_URL")
    web = serve(CONSENTMGR_DATA=str(folder))
    assert fetch(f"{web.url}/healthz")[0] == 200
    assert fetch(f"{web.url}/link")[0] == 200

    os.kill(postmaster(folder), signal.SIGINT)
    wait_until(lambda: fetch(f"{web.url}/healthz")[0] == 503, "the database went away")
    status, text, headers = fetch(f"{web.url}/link", Accept="text/html", **{"Accept-Language": "fi"})
    if status != 200:  # It may be back already: the server looks after a database of its own.
        assert (status, headers["retry-after"]) == (503, "5")
        assert "Tätä ei voi tehdä juuri nyt" in text
    assert fetch(f"{web.url}/livez")[0] == 200
    wait_until(lambda: fetch(f"{web.url}/healthz")[0] == 200, "the database came back")
    assert fetch(f"{web.url}/link")[0] == 200
    assert web.stop() == 0
    events = [json.loads(line)["event"] for line in web.log().splitlines() if line.startswith("{")]
    assert "database_started_again" in events
    assert "unexpected" not in events
    assert EmbeddedPostgres(folder / "postgres").running_at() is None
