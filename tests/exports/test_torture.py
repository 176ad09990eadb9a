"""Killed or cut anywhere, a partner has the old file or the new, and each slot of a timetable is published once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.session import get_session
from moto.server import ThreadedMotoServer
from sqlalchemy import select, text
from standardwebhooks.webhooks import Webhook

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.destinations import checked, opened
from consentmgr.exports.jobs import run_due
from consentmgr.exports.manifest import read_manifest
from consentmgr.exports.models import ExportRun
from consentmgr.exports.runs import LEASE
from consentmgr.keys import Keys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import NotDelivered
from consentmgr.kit.signing import public_jwk
from tests.conftest import TOP
from tests.exports.conftest import Take
from tests.exports.forks import HERE, NOT_DELIVERED
from tests.exports.test_destinations import SftpServer, receiving
from tests.exports.test_runs import OBJECTED, person
from tests.generators import NOW

NAME = "list-000001.manifest.json"
OLD = json.dumps({"sequence": 1, "told": "old"}).encode()
NEW = json.dumps({"sequence": 2, "told": "new" * 100_000}).encode()
SIGNING_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


# --- processes that may be killed -------------------------------------------------------------------------------------


class Forks:
    """A process that forks what it is asked for (``tests.exports.forks``)."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._said = folder / "forks.log"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.exports.forks"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                cwd=TOP,
                text=True,
            )

    def begin(self, do: str, **asked: Any) -> list[int]:
        """Ask for processes; their numbers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **asked}) + "\n")
        self._process.stdin.flush()
        found: list[int] = self._answer()["pids"]
        return found

    def end(self) -> list[int]:
        """Wait for them; how each ended."""
        found: list[int] = self._answer()["ended"]
        assert 1 not in found, self._said.read_text()
        return found

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._said.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def forks(environment: dict[str, str], tmp_path: Path) -> Iterator[Forks]:
    """Processes of the test's installation."""
    running = Forks(environment, tmp_path)
    yield running
    running.close()


@pytest.fixture(scope="module")
def deliverers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Processes that only deliver, and so need no register."""
    running = Forks(dict(os.environ), tmp_path_factory.mktemp("deliverers"))
    yield running
    running.close()


# --- a line that is cut -----------------------------------------------------------------------------------------------


class Line:
    """A connection to a server through this process, which does something to it after so many bytes to the server."""

    def __init__(self, port: int) -> None:
        self._to = port
        #: Bytes that went to the server since ``set``.
        self.passed = 0
        self._after: int | None = None
        self._do: Callable[[socket.socket], None] = lambda _: None
        self._mute = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def set(
        self, after: int | None, do: Callable[[socket.socket], None] = lambda _: None, *, mute: bool = False
    ) -> None:
        """After so many bytes call ``do`` with the client's socket and let go of both; None lets everything through.

        ``mute``: the server hears everything, and nothing it says comes back.
        """
        self.passed, self._after, self._do, self._mute = 0, after, do, mute

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._talk, args=(client,), daemon=True))
            self._threads[-1].start()

    def _talk(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            for end in (client, server):
                # Small messages are passed on at once, as if there were no line between.
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            down = threading.Thread(target=self._down, args=(client, server), daemon=True)
            down.start()
            self._up(client, server)
            down.join()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                room = 65536 if self._after is None else min(65536, self._after - self.passed)
                if room <= 0:
                    # The server learns first: what it does with a part is what is tried.
                    self._let_go(server)
                    self._do(client)
                    break
                data = client.recv(room)
                if not data:
                    break
                server.sendall(data)
                self.passed += len(data)
        self._let_go(client)
        self._let_go(server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._mute:
                    break
                client.sendall(data)
        # Where the line is cut, whoever cut it answers the client.
        if self._after is None or self._mute:
            self._let_go(client)

    @staticmethod
    def _let_go(end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._let_go(self._server)
        self._server.close()
        for thread in self._threads:
            thread.join(10)


def answering(status: str) -> Callable[[socket.socket], None]:
    """The server's answer in the midst of a request: its disk is full, or it does not allow it."""

    def answer(client: socket.socket) -> None:
        with suppress(OSError):
            client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    return answer


# --- destinations -----------------------------------------------------------------------------------------------------


class Place:
    """One destination on a real server: how it is asked, what it shows under a name, and the ways it can fail."""

    def __init__(self, address: str, line: Line | None, shown: Callable[[], bytes | None], **secrets: str) -> None:
        self.options = checked(address)
        self.secrets = secrets
        self.line = line
        self.shown = shown
        #: Set before a try and called with None after it: the server's disk is full, or it allows nothing.
        self.disk: Callable[[int | None], None] | None = None
        self.allow: Callable[[bool], None] | None = None
        #: What it shows besides, once a delivery has succeeded.
        self.rest: Callable[[], set[str]] = set

    def put(self, data: bytes, source: Path) -> None:
        source.write_bytes(data)
        destination = opened(self.options, self.secrets, HERE)
        try:
            destination.put(NAME, source)
        finally:
            destination.close()


@contextmanager
def folder_place(tmp_path: Path, **_: Any) -> Iterator[Place]:
    folder = tmp_path / "partner"
    folder.mkdir()
    place = Place(f"folder:{folder}", None, lambda: _read(folder / NAME))

    def allow(yes: bool) -> None:
        """A folder that is none any more: whoever runs as root may write anywhere else."""
        away = folder.with_name("away")
        if yes and away.exists():
            folder.unlink()
            away.rename(folder)
        elif not yes:
            folder.rename(away)
            folder.touch()

    place.allow = allow
    place.rest = lambda: {path.name for path in folder.iterdir()} - {NAME}
    yield place


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@contextmanager
def sftp_place(tmp_path: Path, **_: Any) -> Iterator[Place]:
    root = tmp_path / "sftp"
    root.mkdir()
    server = SftpServer(root)
    line = Line(server.port)
    place = Place(
        f"sftp://list@127.0.0.1:{line.port}/",
        line,
        lambda: _read(root / NAME),
        host_key=server.public_key,
        password="right",
    )
    place.disk = lambda after: setattr(server, "full_after", after)
    place.allow = lambda yes: setattr(server, "denied", not yes)
    place.rest = lambda: {path.name for path in root.iterdir()} - {NAME}
    try:
        yield place
    finally:
        line.close()
        server.close()


@contextmanager
def s3_place(store: str, **_: Any) -> Iterator[Place]:
    client = get_session().create_client(
        "s3", endpoint_url=store, region_name="eu-north-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )
    with suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket="torture", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    line = Line(int(store.rpartition(":")[2]))

    def shown() -> bytes | None:
        body: bytes = client.get_object(Bucket="torture", Key=NAME)["Body"].read()
        return body

    try:
        yield Place(
            f"s3://torture?endpoint=http://127.0.0.1:{line.port}", line, shown, access_key="id", secret_key="secret"
        )
    finally:
        client.close()
        line.close()


@contextmanager
def https_place(**_: Any) -> Iterator[Place]:
    with receiving() as receiver:
        line = Line(int(receiver.url.rpartition(":")[2].partition("/")[0]))
        yield Place(f"http://127.0.0.1:{line.port}/in", line, lambda: receiver.files.get(f"/in/{NAME}"))
        line.close()


@contextmanager
def webhook_place(**_: Any) -> Iterator[Place]:
    """It shows the last manifest whose signature holds; a part has none."""
    with receiving() as receiver:
        line = Line(int(receiver.url.rpartition(":")[2].partition("/")[0]))

        told: dict[str, bytes] = {}
        read = 0

        def shown() -> bytes | None:
            nonlocal read
            for _path, headers, body in receiver.requests[read:]:
                read += 1
                names = {name.lower(): value for name, value in headers.items()}
                data = Webhook(SIGNING_SECRET).verify(body, names)["data"]
                # A repeat is known by its id, so it is taken once.
                told.setdefault(names["webhook-id"], json.dumps(data).encode())
            return list(told.values())[-1] if told else None

        yield Place(f"webhook+http://127.0.0.1:{line.port}/hook", line, shown, signing_secret=SIGNING_SECRET)
        line.close()


PLACES = {
    "folder": folder_place,
    "sftp": sftp_place,
    "s3": s3_place,
    "https": https_place,
    "webhook": webhook_place,
}
WAYS = ("killed", "cut", "disk full", "not allowed")


def fail(place: Place, way: str, forks: Forks, source: Path, offset: float) -> None:
    """One try that fails after ``offset`` of what there is to send; nobody may see a part of it."""
    asked: dict[str, Any] = {"options": place.options, "secrets": place.secrets, "name": NAME, "source": str(source)}
    if place.line is None:
        _fail_here(place, way, forks, source, int(offset * len(NEW)), asked)
        return
    bytes_to = int(offset * place.line.passed)
    if way == "disk full" and place.disk is not None:
        place.disk(int(offset * len(NEW)))
    elif way == "not allowed" and place.allow is not None:
        place.allow(False)
    elif way in ("disk full", "not allowed"):
        place.line.set(bytes_to, answering("507 Insufficient Storage" if way == "disk full" else "403 Forbidden"))
    elif way == "cut" and offset == 1.0:
        # Everything arrived and the answer is lost. SFTP talks all the time, and is not deaf to its last word.
        place.line.set(None, mute=place.options["kind"] != "sftp")
        if place.options["kind"] == "sftp":
            place.put(NEW, source)
            return
    elif way == "cut":
        place.line.set(bytes_to)
    else:
        begun: list[int] = []
        known = threading.Event()

        def kill(_client: socket.socket) -> None:
            assert known.wait(30)
            os.kill(begun[0], signal.SIGKILL)

        place.line.set(bytes_to, kill)
        begun += forks.begin("put", **asked)
        known.set()
        assert forks.end() == [-signal.SIGKILL]
        place.line.set(None)
        return
    with pytest.raises(NotDelivered):
        place.put(NEW, source)
    if place.disk is not None:
        place.disk(None)
    if place.allow is not None:
        place.allow(True)
    place.line.set(None)


def _fail_here(place: Place, way: str, forks: Forks, source: Path, offset: int, asked: dict[str, Any]) -> None:
    if way == "not allowed":
        assert place.allow is not None
        place.allow(False)
        with pytest.raises(NotDelivered):
            place.put(NEW, source)
        place.allow(True)
    elif way == "disk full":
        forks.begin("put", **asked, room=offset)
        assert forks.end() == [NOT_DELIVERED]
    else:
        # The source is a pipe that ends, with its reader, after so many bytes: where exactly is up to us.
        source.unlink()
        os.mkfifo(source)
        (pid,) = forks.begin("put", **asked)
        with source.open("wb", buffering=0) as pipe:
            for start in range(0, offset, 65536):
                pipe.write(NEW[start : min(start + 65536, offset)])
            os.kill(pid, signal.SIGKILL)
            assert forks.end() == [-signal.SIGKILL]
        source.unlink()
        source.write_bytes(NEW)


def deliver_through(place: Place, forks: Forks, source: Path, times: int, seed: int) -> None:
    chance = Random(seed)
    place.put(OLD, source)
    assert place.shown() == OLD
    for number in range(times):
        # How much there is to send, sockets' talk included, is known after it was sent once.
        if place.line is not None:
            place.line.set(None)
        place.put(NEW if number == 0 else NEW + b" " * number, source)
        whole = source.read_bytes()
        before = place.shown()
        assert json.loads(before or b"") == json.loads(NEW)
        source.write_bytes(NEW)
        way = WAYS[number % len(WAYS)]
        # Sometimes everything arrived, and only the answer is lost.
        offset = 1.0 if way == "cut" and chance.random() < 0.1 else chance.uniform(0.02, 0.98)
        fail(place, way, forks, source, offset)
        assert place.shown() in (before, NEW, whole), (number, way, offset)
        for _ in range(2):
            place.put(NEW, source)
            assert json.loads(place.shown() or b"") == json.loads(NEW), (number, way, offset)
        assert place.rest() == set(), (number, way, offset)


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3 server."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.mark.parametrize("kind", PLACES)
def test_cut_anywhere_there_is_the_old_file_or_the_new(
    kind: str, tmp_path: Path, store: str, deliverers: Forks
) -> None:
    with PLACES[kind](tmp_path=tmp_path, store=store) as place:
        deliver_through(place, deliverers, tmp_path / "source", 4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", PLACES)
def test_cut_at_fifty_places_there_is_the_old_file_or_the_new(
    kind: str, tmp_path: Path, store: str, deliverers: Forks
) -> None:
    with PLACES[kind](tmp_path=tmp_path, store=store) as place:
        deliver_through(place, deliverers, tmp_path / "source", 50, seed=2)


# --- schedulers -------------------------------------------------------------------------------------------------------


def runs_of(database: Database) -> list[ExportRun]:
    with database.reading() as session:
        return list(session.scalars(select(ExportRun).order_by(ExportRun.sequence)))


def whole(folder: Path, keys: Keys) -> dict[str, dict[str, Any]]:
    """Every manifest of a folder by its name, with its files found whole by their hashes."""
    found = {}
    for path in folder.glob("*.manifest.json"):
        claims = read_manifest(path.read_bytes(), public_jwk(keys.signing_key))
        for file in claims["files"]:
            assert hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() == file["sha256"]
        found[path.name] = claims
    return found


def follow_seconds(
    seconds: int,
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    keys: Keys,
    target: Path,
    forks: Forks,
) -> None:
    """Four processes follow a timetable of one slot a second."""
    take([person("objector", OBJECTED)])
    schedule("often", cron="* * * * * *", time_zone="UTC", catch_up="all")
    forks.begin("follow", processes=4, key="often", now=(NOW + timedelta(seconds=seconds)).isoformat())
    assert forks.end() == [0] * 4
    runs = runs_of(database)
    assert [run.state for run in runs] == ["published"] * seconds
    first = NOW.replace(microsecond=0) + timedelta(seconds=1)
    assert [run.slot for run in runs] == [first + timedelta(seconds=number) for number in range(seconds)]
    assert [run.sequence for run in runs] == list(range(1, seconds + 1))
    manifests = whole(target, keys)
    assert sorted(claims["sequence"] for claims in manifests.values()) == list(range(1, seconds + 1))
    assert {claims["slot"] for claims in manifests.values()} == {run.slot.isoformat() for run in runs if run.slot}


def test_a_slot_a_second_is_run_once_by_four_schedulers(
    take: Take, schedule: Callable[..., str], database: Database, keys: Keys, target: Path, forks: Forks
) -> None:
    follow_seconds(5, take, schedule, database, keys, target, forks)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_six_hundred_slots_of_a_second_are_six_hundred_runs_of_four_schedulers(
    take: Take, schedule: Callable[..., str], database: Database, keys: Keys, target: Path, forks: Forks
) -> None:
    follow_seconds(600, take, schedule, database, keys, target, forks)


def kill_at_steps(
    times: int,
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    target: Path,
    forks: Forks,
) -> None:
    """A scheduler is killed in the midst of a run; the next one that looks finishes it under a higher fence."""
    take([person(f"objector{number}", OBJECTED) for number in range(3)])
    slot = clock_now().replace(second=0, microsecond=0)
    schedule("counted", cron=f"{slot.minute} {slot.hour} * * *", time_zone="UTC", format="sendgrid")
    with database.transaction() as session:
        session.execute(text("UPDATE export_schedule SET created_at = :at"), {"at": slot - timedelta(hours=1)})
    count = target.parent / "count"
    now = clock_now()
    forks.begin("run", now=now.isoformat(), count=str(count))
    assert forks.end() == [0]
    steps = int(count.read_text())
    assert steps > 50
    for number in range(times):
        with database.transaction() as session:
            session.execute(text("DELETE FROM exported_entry"))
            session.execute(text("DELETE FROM export_run"))
        for path in target.iterdir():
            path.unlink()
        at = 1 + number * (steps - 1) // max(times - 1, 1)
        forks.begin("run", now=now.isoformat(), die_at=at)
        assert forks.end() == [-signal.SIGKILL], at
        # A manifest that is there already proves whole files.
        whole(target, keys)
        # However long all of this takes: its lease has ended.
        later = clock_now() + 2 * LEASE
        run_due(database, settings, keys, later)
        assert run_due(database, settings, keys, later) == ""
        (run,) = runs_of(database)
        assert (run.state, run.slot, run.sequence) == ("published", slot, 1), at
        (claims,) = whole(target, keys).values()
        assert {path.name for path in target.iterdir()} == {
            "counted-000001.manifest.json",
            *(file["name"] for file in claims["files"]),
        }, at
        assert claims["sequence"] == 1, at
        assert sum(file["rows"] for file in claims["files"]) == 3, at
        # What the dead one had in hand holds addresses.
        assert not list((settings.data_folder / "exports").iterdir()), at


def test_a_scheduler_killed_at_a_step_of_a_run_publishes_its_slot_once(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    target: Path,
    forks: Forks,
) -> None:
    kill_at_steps(4, take, schedule, database, settings, keys, target, forks)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_scheduler_killed_at_every_step_of_a_run_publishes_its_slot_once(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    target: Path,
    forks: Forks,
) -> None:
    kill_at_steps(50, take, schedule, database, settings, keys, target, forks)
