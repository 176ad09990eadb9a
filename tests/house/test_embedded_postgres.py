"""The built-in server: shared, stopped by the last, and started again after anything at all was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from consentmgr.embedded_postgres import EmbeddedPostgres, ServerAddress
from consentmgr.kit.errors import CheckFailed, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.postgres_cluster import DATABASE, ROLE

Process = subprocess.Popen[str]
Use = Callable[[Path], EmbeddedPostgres]
Hold = Callable[[Path], Process]

TOP = Path(__file__).resolve().parents[2]
#: Opens the server of a folder, says so, and holds it until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from consentmgr.embedded_postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).open(create=True)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster made once, in a folder with a space and letters of Finnish; stopped."""
    folder = tmp_path_factory.mktemp("tietokanta åäö & $(sh)") / "postgres"
    server = EmbeddedPostgres(folder)
    server.open(create=True)
    server.close()
    return folder


@pytest.fixture
def use() -> Iterator[Use]:
    """The server of a folder as one process sees it; let go of at the end, whatever the test found."""
    used: list[EmbeddedPostgres] = []

    def see(folder: Path) -> EmbeddedPostgres:
        used.append(EmbeddedPostgres(folder))
        return used[-1]

    yield see
    for server in used:
        server.close()


@pytest.fixture
def folder(made: Path, use: Use, hold: Hold) -> Path:
    """The cluster's folder; ``use`` and ``hold`` let go of it after the test."""
    return made


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start a process of its own that holds the server of a folder."""
    held: list[Process] = []

    def start(folder: Path) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TOP)},
        )
        held.append(process)
        return process

    yield start
    for process in held:
        with process:
            process.kill()


def said_open(process: Process) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "open\n"


def end(process: Process) -> None:
    process.communicate(timeout=30)


def ask(address: ServerAddress, question: str = "SELECT 1") -> object:
    with psycopg.connect(host=str(address.socket_folder), port=address.port, user=ROLE, dbname=DATABASE) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def postmaster(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def test_it_starts_answers_and_stops(folder: Path, use: Use) -> None:
    server = use(folder)
    address = server.open()
    assert ask(address) == 1
    server.close()
    assert server.running_at() is None
    assert not address.socket.exists()


def test_guarantees_are_on_and_nothing_listens_on_the_network(folder: Path, use: Use) -> None:
    server = use(folder)
    address = server.open()
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert ask(address, f"SHOW {name}") == "on"
    assert ask(address, "SHOW listen_addresses") == ""
    assert ask(address, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert ask(address, "SELECT lower('ÅÄÖ')") == "åäö"
    server.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX systems")
def test_nobody_else_can_open_its_folders(folder: Path, use: Use) -> None:
    server = use(folder)
    address = server.open()
    for closed in (folder, folder / "cluster", address.socket_folder):
        assert closed.stat().st_mode & 0o077 == 0
    server.close()


def test_it_is_not_made_by_accident(tmp_path: Path, use: Use) -> None:
    with pytest.raises(Unavailable, match="run consentmgr init"):
        use(tmp_path / "elsewhere").open()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_share_it_and_the_last_stops_it(folder: Path, hold: Hold, use: Use) -> None:
    first, second = hold(folder), hold(folder)
    assert said_open(first)
    assert said_open(second)
    pid = postmaster(folder)
    end(first)
    observer = use(folder)
    assert observer.running_at() is not None
    assert postmaster(folder) == pid
    end(second)
    assert observer.running_at() is None


def test_many_start_and_stop_at_once(folder: Path, hold: Hold, use: Use) -> None:
    for _ in range(3):
        processes = [hold(folder) for _ in range(4)]
        for process in processes:
            assert said_open(process)
            end(process)
            assert process.returncode == 0
    assert use(folder).running_at() is None


def test_two_processes_make_one_cluster(tmp_path: Path, hold: Hold, use: Use) -> None:
    processes = [hold(tmp_path / "postgres") for _ in range(2)]
    assert all(said_open(process) for process in processes)
    for process in processes:
        end(process)
    assert use(tmp_path / "postgres").running_at() is None


def test_it_outlives_a_killed_command_and_the_next_one_stops_it(folder: Path, hold: Hold, use: Use) -> None:
    process = hold(folder)
    assert said_open(process)
    pid = postmaster(folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server = use(folder)
    assert ask(server.open()) == 1
    assert postmaster(folder) == pid
    server.close()
    assert server.running_at() is None


def test_the_next_command_works_after_the_server_was_killed(folder: Path, use: Use) -> None:
    first = use(folder)
    address = first.open()
    assert ask(address, "SELECT lo_create(4711)") == 4711
    os.kill(postmaster(folder), signal.SIGKILL)
    # The starter lives on and has not reaped the killed server, whose number therefore still looks alive.
    second = use(folder)
    assert ask(second.open(), "SELECT lo_unlink(4711)") == 1
    second.close()
    first.close()
    assert second.running_at() is None


def test_the_next_command_works_after_everything_was_killed(folder: Path, hold: Hold, use: Use) -> None:
    process = hold(folder)
    assert said_open(process)
    os.kill(postmaster(folder), signal.SIGKILL)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server = use(folder)
    assert ask(server.open()) == 1
    server.close()


def test_a_pid_file_whose_number_went_to_another_program_is_no_hindrance(folder: Path, use: Use) -> None:
    (folder / "cluster" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{folder / 'cluster'}\n{int(time.time())}\n5432\n{folder / 'socket'}\n\n 1 1\nready   \n"
    )
    server = use(folder)
    assert ask(server.open()) == 1
    server.close()


def test_an_empty_pid_file_and_a_half_made_cluster_are_no_hindrance(tmp_path: Path, folder: Path, use: Use) -> None:
    (folder / "cluster" / "postmaster.pid").touch()
    server = use(folder)
    assert ask(server.open()) == 1
    server.close()
    half = tmp_path / "postgres"
    (half / "cluster.new" / "base").mkdir(parents=True)
    fresh = use(half)
    assert ask(fresh.open(create=True)) == 1
    fresh.close()


def test_a_path_too_long_for_a_socket_is_no_hindrance(tmp_path: Path, made: Path, use: Use) -> None:
    deep = tmp_path / ("a rather long folder name, with a comma " * 3) / "postgres"
    make_private_folder(deep)
    (made / "cluster").rename(deep / "cluster")
    try:
        server = use(deep)
        address = server.open()
        assert len(os.fsencode(address.socket)) <= 103
        assert address.socket_folder.stat().st_mode & 0o077 == 0
        assert ask(address) == 1
        server.close()
        assert not address.socket_folder.exists()
    finally:
        (deep / "cluster").rename(made / "cluster")


def test_a_folder_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(Unavailable, match="not a folder of ours"):
        make_private_folder(tmp_path / "link")


def test_kept_running_until_stopped(folder: Path, hold: Hold, use: Use) -> None:
    server = use(folder)
    server.keep_running()
    server.close()
    assert server.running_at() is not None
    process = hold(folder)
    assert said_open(process)
    with pytest.raises(CheckFailed, match="another consentmgr process"):
        use(folder).stop()
    end(process)
    use(folder).stop()
    assert server.running_at() is None
    assert use(folder).stop() is False


def test_what_hinders_the_start_is_told_in_one_sentence(folder: Path, use: Use) -> None:
    configuration = folder / "cluster" / "postgresql.conf"
    before = configuration.read_text()
    try:
        configuration.write_text(f"{before}\nno_such_parameter = 1\n")
        with pytest.raises(Unavailable, match="contains errors"):
            use(folder).open()
    finally:
        configuration.write_text(before)


def test_the_log_holds_no_personal_data(folder: Path, use: Use) -> None:
    server = use(folder)
    address = server.open()
    with pytest.raises(psycopg.Error):
        ask(address, "SELECT 'aino.virtanen@esimerkki.example'::date")
    server.close()
    assert "aino" not in server.log.read_text()


def test_a_cluster_of_another_version_is_told_apart(folder: Path, use: Use) -> None:
    version = folder / "cluster" / "PG_VERSION"
    before = version.read_text()
    try:
        version.write_text("9\n")
        with pytest.raises(Unavailable, match="made by PostgreSQL 9"):
            use(folder).open()
    finally:
        version.write_text(before)
