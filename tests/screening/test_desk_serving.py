"""The desk behind the real server: large lists in, large files out, and a screening that outlives what kills it."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.screening.desk.lists import list_by_id
from consentmgr.screening.models import Screening
from consentmgr.timetable.models import Task
from tests.conftest import RunningServer
from tests.screening.desk_samples import bring, confirm, fill, id_of, made, seen, start_stored
from tests.staff.signing_in import Desk, DeskClient

MEGABYTE = 1_000_000


class Answer(NamedTuple):
    status: int
    location: str
    content: bytes


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys)


def cookies(client: DeskClient) -> str:
    found = client.client._cookies
    return "; ".join(f"{cookie.key}={cookie.value}" for cookie in found.values())


def upload(web: RunningServer, client: DeskClient, size: int, *, declared: int | None = None) -> Answer:
    """Send a list of about ``size`` bytes as a browser does, piece by piece; it says that it sends ``declared``."""
    boundary = secrets.token_hex(8)
    begin = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{client.csrf_token}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="list"; filename="large.csv"\r\n'
        "Content-Type: text/csv\r\n\r\nemail\n"
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    row = b"somebody-%06d@posti.example\n"
    piece = b"".join(row % number for number in range(30_000))
    pieces = max(1, size // len(piece))
    length = len(begin) + pieces * len(piece) + len(end)
    connection = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=120)
    connection.putrequest("POST", "/desk/screenings/new")
    connection.putheader("Cookie", cookies(client))
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(declared or length))
    connection.endheaders()
    with suppress(BrokenPipeError, ConnectionResetError):
        if declared is None:
            connection.send(begin)
            for _ in range(pieces):
                connection.send(piece)
            connection.send(end)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return Answer(answer.status, answer.headers.get("Location", ""), content)


def peak_memory(process_id: int) -> int:
    """Bytes the process has held at most."""
    with Path(f"/proc/{process_id}/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory by Linux' own means")
def test_a_large_list_is_taken_without_being_held_in_memory(
    desk: Desk, serve: Callable[..., RunningServer], database: Database, settings: Settings
) -> None:
    web = serve("--no-jobs")
    client = desk("marketer")
    assert upload(web, client, 1 * MEGABYTE).status == 303
    before = peak_memory(web.process.pid)
    answer = upload(web, client, 60 * MEGABYTE)
    assert answer.status == 303, answer.content
    assert peak_memory(web.process.pid) - before < 25 * MEGABYTE
    list_id = id_of(answer.location)
    assert seen(database, list_id).file_bytes > 55 * MEGABYTE


def test_a_list_above_the_limit_is_told_in_words(desk: Desk, serve: Callable[..., RunningServer]) -> None:
    web = serve("--no-jobs")
    answer = upload(web, desk("marketer"), 1 * MEGABYTE, declared=300 * MEGABYTE)
    assert answer.status == 413
    assert "The file is too large" in answer.content.decode()


def test_only_uploads_may_be_large(desk: Desk, serve: Callable[..., RunningServer]) -> None:
    web = serve("--no-jobs")
    connection = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=60)
    connection.putrequest("POST", "/desk/sign-in")
    connection.putheader("Content-Length", str(5 * MEGABYTE))
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.endheaders()
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send(b"x" * 2 * MEGABYTE)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_file_comes_out_as_it_was_made(
    desk: Desk, serve: Callable[..., RunningServer], database: Database, settings: Settings
) -> None:
    from tests.screening.desk_samples import screened

    client = desk("marketer")
    found = screened(client, database, settings)
    web = serve("--no-jobs")
    connection = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=60)
    connection.request("GET", f"/desk/screenings/{found.id}/files/result", headers={"Cookie": cookies(client)})
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["X-Sendfile"] is None
    assert answer.headers["Content-Disposition"].endswith("marraskuu.screened.csv")
    content = answer.read()
    connection.close()
    assert content == made(settings, found, "marraskuu.screened.csv")
    assert int(answer.headers["Content-Length"]) == len(content)


# --- killed while it screens ------------------------------------------------------------------------------------------


def children() -> list[int]:
    """Processes that do tasks, whoever's children they are by now."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            words: list[bytes] = []
            with suppress(OSError):
                words = (place / "cmdline").read_bytes().split(b"\0")
            if b"task" in words and b"run" in words and b"consentmgr" in words:
                found.append(int(place.name))
    return found


@pytest.fixture
def long_list() -> bytes:
    rows = b"".join(b"somebody-%06d@posti.example\n" % number for number in range(15_000))
    return b"email\naino@posti.example\n" + rows


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="finds processes by Linux' own means")
def test_a_screening_whose_process_is_killed_is_made_all_the_same(
    desk: Desk,
    serve: Callable[..., RunningServer],
    database: Database,
    settings: Settings,
    long_list: bytes,
) -> None:
    client = desk("marketer")
    list_id = id_of(bring(client, long_list, "long.csv"))
    confirm(client, list_id)
    start_stored(client, list_id)
    task = seen(database, list_id).task
    assert task is not None
    web = serve()
    killed = 0
    deadline = time.monotonic() + 100
    while (row := state_of(database, task))[0] not in ("done", "failed"):
        assert time.monotonic() < deadline, (row, web.log())
        if row[0] == "running" and row[1] == 1 and not killed:
            for process in task_processes(task):
                os.kill(process, signal.SIGKILL)
                killed += 1
        time.sleep(0.05)
    assert killed
    assert row == ("done", 2)
    found = seen(database, list_id)
    assert found.rows == 15_001
    assert (found.summary or {})["verdicts"]["allow"] == 1
    with database.reading() as session:
        assert len(session.scalars(select(Screening.id)).all()) == 1
        assert list_by_id(session, list_id).screening is not None
    assert made(settings, found, "long.screened.csv").count(b"\n") == 15_002


def state_of(database: Database, task: UUID) -> tuple[str, int]:
    with database.reading() as session:
        row = session.get_one(Task, task)
        return row.state, row.attempt


def task_processes(task: UUID) -> Iterator[int]:
    for process in children():
        with suppress(OSError):
            if str(task).encode() in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0"):
                yield process


@pytest.mark.slow
def test_a_screening_outlives_the_server_that_began_it(
    desk: Desk,
    serve: Callable[..., RunningServer],
    database: Database,
    settings: Settings,
    long_list: bytes,
) -> None:
    client = desk("marketer")
    list_id = id_of(bring(client, long_list, "long.csv"))
    confirm(client, list_id)
    start_stored(client, list_id)
    task = seen(database, list_id).task
    assert task is not None
    web = serve()
    deadline = time.monotonic() + 100
    while state_of(database, task)[1] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    web.kill()
    while state_of(database, task)[0] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state_of(database, task) == ("done", 1)
    assert seen(database, list_id).screening is not None
