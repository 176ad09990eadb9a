"""What was acknowledged is kept: the server killed under load, the database taken away under load."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self
from uuid import UUID, uuid4

import pytest

from consentmgr.app import create_app
from consentmgr.config import Settings
from consentmgr.consents.verification import verify
from consentmgr.db import Database, open_database
from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.keys import Keys, load_keys
from consentmgr.kit import clock
from consentmgr.prohibitions import journal
from consentmgr.prohibitions.journal_taken import journal_folder
from tests.conftest import free_port
from tests.preferences.leavers import Leavers
from tests.preferences.test_links import malformed

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Crowd:
    """People who leave, each by a link of their own, from several threads, until told to stop.

    ``post`` answers with a status, or None where the connection broke. Who got no 200 asks again, as people do.
    """

    def __init__(self, leavers: Leavers, post: Callable[[str], int | None], threads: int = 6) -> None:
        self.leavers = leavers
        self.post = post
        self.acknowledged: dict[UUID, float] = {}
        self.statuses: set[int] = set()
        self._link = leavers.link(contact_id=None, campaign=None)
        self._lock = Lock()
        self._stop = Event()
        self._threads = [Thread(target=self._leave_on) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _leave_on(self) -> None:
        while not self._stop.is_set():
            key = uuid4()
            path = f"/u/{self.leavers.token(replace(self._link, address_key=key))}"
            while not self._stop.is_set():
                status = self.post(path)
                if status is not None:
                    self.statuses.add(status)
                if status == 200:
                    with self._lock:
                        self.acknowledged[key] = time.monotonic()
                    break
                # Nobody there just now: a moment, so that the machine is left to whoever starts.
                self._stop.wait(0.02)

    def wait_for(self, more: int) -> None:
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + 60
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"nobody left any more; {self.statuses}"
            time.sleep(0.002)


def check(leavers: Leavers, database: Database, settings: Settings, keys: Keys, crowd: Crowd) -> None:
    """No acknowledged leave is lost, the chain is whole, and the journal has everything the database has."""
    held = {row[0] for row in leavers.rows("SELECT address_key FROM prohibition WHERE lifted_at IS NULL")}
    lost = set(crowd.acknowledged) - held
    assert not lost, f"{len(lost)} of {len(crowd.acknowledged)} acknowledged leaves are lost"
    journalled = {
        one.act.id
        for path in journal_folder(settings).iterdir()
        for one in journal.read(path, 0)
        if one.act is not None
    }
    records = {row[0] for row in leavers.rows("SELECT evidence ->> 'record' FROM prohibition")}
    assert records <= journalled
    journal.catch_up(database, settings, keys, clock.now())
    with database.reading() as session:
        assert verify(session).whole
        assert journal.caught_up(session, settings)
    assert leavers.value("SELECT count(*) = count(DISTINCT address_key) FROM prohibition")


# --- the server ------------------------------------------------------------------------------------------------------


@contextmanager
def mortal_server(environment: dict[str, str], folder: Path, port: int) -> Iterator[Callable[[], int]]:
    """A server whose processes may be killed; gives the number of the next process that serves."""
    root = Path(__file__).resolve().parents[2]
    with (folder / "kill_me.log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, "-m", "tests.preferences.kill_me", str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=root,
        )  # fmt: skip
        assert parent.stdout is not None
        assert parent.stdin is not None
        child = 0

        def following() -> int:
            nonlocal child
            assert parent.stdout is not None
            line = parent.stdout.readline()
            assert line, (folder / "kill_me.log").read_text()
            child = int(line)
            return child

        try:
            yield following
        finally:
            parent.kill()
            if child:
                os.kill(child, signal.SIGKILL)
            parent.stdin.close()
            parent.stdout.close()
            parent.wait(30)


def poster(port: int) -> Callable[[str], int | None]:
    def post(path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", path, ONE_CLICK, FORM)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    return post


def kill_often(
    times: int, database: Database, settings: Settings, keys: Keys, environment: dict[str, str], folder: Path
) -> None:
    chance, port = random.Random(9), free_port()
    leavers = Leavers(database, settings, keys)
    with mortal_server(environment, folder, port) as following:
        pid = following()
        with Crowd(leavers, poster(port)) as crowd:
            for _ in range(times):
                crowd.wait_for(chance.randrange(1, 25))
                os.kill(pid, signal.SIGKILL)
                pid = following()
            crowd.wait_for(1)
    assert crowd.statuses <= {200, 503}
    check(leavers, database, settings, keys, crowd)


@pytest.mark.timeout(300)
def test_no_acknowledged_leave_is_lost_when_the_server_is_killed(
    database: Database, settings: Settings, keys: Keys, environment: dict[str, str], tmp_path: Path
) -> None:
    kill_often(20, database, settings, keys, environment, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_none_is_lost_when_it_is_killed_a_hundred_times(
    database: Database, settings: Settings, keys: Keys, environment: dict[str, str], tmp_path: Path
) -> None:
    kill_often(100, database, settings, keys, environment, tmp_path)


# --- the database ----------------------------------------------------------------------------------------------------


def restart_often(times: int, settings: Settings) -> None:
    """Stop PostgreSQL under load as an administrator does, and as a crash does; each time it comes back."""
    keys = load_keys(settings)
    server = EmbeddedPostgres(settings.postgres_folder)
    server.open()
    pid_file = server.cluster / "postmaster.pid"
    with open_database(settings) as database:
        leavers = Leavers(database, settings, keys)
        app = create_app(settings, database)
        desk = app.extensions["leaving"]

        def post(path: str) -> int:
            client = app.test_client(use_cookies=False)
            assert client.get(path).status_code in (200, 503)
            return client.post(path, data=ONE_CLICK, headers=FORM).status_code

        with Crowd(leavers, post, threads=4) as crowd:
            for number in range(times):
                crowd.wait_for(20)
                how = (signal.SIGINT, signal.SIGQUIT)[number % 2]
                os.kill(int(pid_file.read_text().split()[0]), how)
                while server.running_at() is not None:
                    time.sleep(0.01)
                server.close()
                server.open()
            crowd.wait_for(20)
        desk.close()
        assert crowd.statuses <= {200, 503}
        check(leavers, database, settings, keys, crowd)
    server.close()


@pytest.mark.timeout(300)
def test_a_database_that_is_restarted_costs_a_503_and_nothing_else(own_installation: Settings) -> None:
    restart_often(2, own_installation)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_database_may_be_restarted_many_times(own_installation: Settings) -> None:
    restart_often(20, own_installation)


def test_what_was_refused_while_the_database_was_away_is_taken_when_it_is_back(own_installation: Settings) -> None:
    settings = own_installation
    keys = load_keys(settings)
    server = EmbeddedPostgres(settings.postgres_folder)
    server.open()
    with open_database(settings) as database:
        leavers = Leavers(database, settings, keys)
        app = create_app(settings, database)
        path = f"/u/{leavers.token(leavers.link())}"
        client = app.test_client(use_cookies=False)
        assert client.get(path).status_code == 200
        os.kill(int((server.cluster / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
        while server.running_at() is not None:
            time.sleep(0.01)
        for answer in (client.post(path, data=ONE_CLICK, headers=FORM), client.get(path)):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
        assert "unsubscribed" not in client.post(path, data=ONE_CLICK, headers=FORM).text
        server.close()
        server.open()
        deadline = time.monotonic() + 30
        while not leavers.bans("aino@posti.example"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(leavers.bans("aino@posti.example")) == 1
        assert "unsubscribed" in client.post(path, data=ONE_CLICK, headers=FORM).text
        app.extensions["leaving"].close()
        with database.reading() as session:
            assert journal.caught_up(session, settings)
    server.close()


# --- links nobody signed ---------------------------------------------------------------------------------------------


def ask_malformed(count: int, leavers: Leavers, app: Any) -> None:
    client = app.test_client(use_cookies=False)
    methods = ("GET", "POST", "HEAD")
    for number, token in enumerate(malformed(leavers.token(leavers.link()), count)):
        data = ONE_CLICK if methods[number % 3] == "POST" else None
        answer = client.open(
            "/u/" + _quoted(token), method=methods[number % 3], data=data, headers=FORM if data else None
        )
        # Two slashes in a row are told their one address, which is asked for anew and acts on nothing by itself.
        assert 400 <= answer.status_code < 500 or (answer.status_code == 308 and "/" in token), answer.status_code
    assert leavers.rows("SELECT * FROM prohibition") == []


def _quoted(token: str) -> str:
    from urllib.parse import quote

    # A slash and a question mark are other addresses, and not a token.
    return quote(token, safe="")


def test_no_malformed_link_is_taken_and_none_is_our_fault(database: Database, settings: Settings, keys: Keys) -> None:
    ask_malformed(300, Leavers(database, settings, keys), create_app(settings, database))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_ten_thousand_malformed_links_none_is_taken(database: Database, settings: Settings, keys: Keys) -> None:
    ask_malformed(10_000, Leavers(database, settings, keys), create_app(settings, database))


def test_the_journal_of_a_running_server_is_json_without_addresses(
    database: Database, settings: Settings, keys: Keys
) -> None:
    leavers = Leavers(database, settings, keys)
    app = create_app(settings, database)
    client = app.test_client(use_cookies=False)
    client.post(f"/u/{leavers.token(leavers.link())}", data=ONE_CLICK, headers=FORM)
    (path,) = journal_folder(settings).iterdir()
    assert [json.loads(line)["method"] for line in path.read_text().splitlines()] == ["one_click"]
    app.extensions["leaving"].close()
