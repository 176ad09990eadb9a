"""The command: starts fast, ends with the contract's exit codes, says one clear line, keeps a traceback to itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import click
import pytest

from consentmgr import __version__, cli
from consentmgr.kit.errors import BadInput, CheckFailed, UnsafeSetting
from tests.conftest import RunCommand

TOP = Path(__file__).resolve().parents[2]
#: Each takes longer to import than the whole of ``consentmgr --help`` may take.
HEAVY = ("alembic", "duckdb", "flask", "joserfc", "narwhals", "polars", "psycopg", "pyarrow", "rich", "sqlalchemy")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Put a made-up command ``try`` into the table and run it in this process."""

    def run(body, *arguments: str) -> int:
        row = cli.CommandRow("try", "nowhere:at_all", "Only for this test.")
        monkeypatch.setattr(cli, "load_command", lambda _row: click.Command("try", callback=body))
        monkeypatch.setitem(cli.consentmgr.rows, "try", row)
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main(["try", *arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        return ended.value.code

    return run


def raising(error: BaseException):
    def body() -> None:
        raise error

    return body


def test_the_command_starts_without_anything_heavy() -> None:
    program = "import sys, consentmgr.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TOP)
    assert set(done.stdout.split()).isdisjoint(HEAVY)


def test_help_lists_every_command_without_loading_a_room() -> None:
    program = "import sys\nfrom consentmgr.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TOP)
    for row in cli.COMMANDS:
        assert f"  {row.name} " in done.stdout
        assert row.help in done.stdout
        assert row.place.split(":")[0] not in done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("row", cli.COMMANDS, ids=lambda row: row.name)
def test_every_row_leads_to_a_command_of_that_name(row: cli.CommandRow) -> None:
    command = cli.load_command(row)
    assert command.name == row.name
    assert command.help


def test_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "consentmgr", "--version"], capture_output=True, text=True, check=True, cwd=TOP
    )
    assert done.stdout == f"consentmgr, version {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CheckFailed("The chain is broken."), 1, "consentmgr: The chain is broken.\n"),
        (BadInput("is no date", file="a.csv", line=2), 2, "consentmgr: a.csv, line 2: is no date\n"),
        (UnsafeSetting("X is unsafe"), 3, "consentmgr: X is unsafe\n"),
        (FileNotFoundError(2, "No such file or directory", "list.csv"), 3, "list.csv: No such file or directory\n"),
        (KeyboardInterrupt(), 130, "consentmgr: interrupted\n"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    command, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    assert command(raising(error)) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.endswith(said)
    assert output.err.count("\n") == 1


def test_an_unexpected_error_tells_where_and_not_what(command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(raising(ValueError("aino.virtanen@esimerkki.example"))) == 70
    said = capsys.readouterr().err
    assert "aino" not in said
    assert "ValueError at consentmgr/cli.py:" in said
    assert "CONSENTMGR_DEBUG=1" in said


def test_debugging_shows_the_traceback(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENTMGR_DEBUG", "1")
    with pytest.raises(ValueError, match="everything"):
        command(raising(ValueError("everything")))


def test_a_returned_number_is_the_exit_code(command) -> None:
    assert command(lambda: 1) == 1
    assert command(lambda: None) == 0


def test_a_program_that_runs_a_command_goes_on_after_it_though_it_has_a_web_server(
    command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "granian", ModuleType("granian"))
    assert command(lambda: 1) == 1


@pytest.mark.parametrize("arguments", [["nonsense"], ["init", "--nonsense"], []])
def test_a_wrong_command_line_is_2(run_command, arguments: list[str]) -> None:
    assert run_command(*arguments, expect=2).stderr.startswith("Usage: consentmgr")


def test_an_unsafe_setting_ends_every_command_with_3(run_command, environment: dict[str, str]) -> None:
    environment["CONSENTMGR_PUBLIC_URL"] = "http://acme.example"
    done = run_command("status", expect=3)
    assert done.stderr.startswith("consentmgr: CONSENTMGR_PUBLIC_URL must begin with https://")


def test_a_reader_that_goes_away_is_no_error(environment: dict[str, str]) -> None:
    program = (
        "import consentmgr.cli as c, click\n"
        "def body():\n"
        "    for _ in range(9999): click.echo('y' * 80)\n"
        "c.load_command = lambda row: click.Command('x', callback=body)\n"
        "c.main(['status'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TOP, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == cli.EXIT_BROKEN_PIPE


#: DuckDB's binding looks, as a process ends, for what Python has not let go, and tells of it on standard error.
_ENDS = """
import atexit, sys, threading, time
import click, duckdb
import consentmgr.cli as cli

def thread():
    time.sleep(0.2)
    print("thread done")

def body():
    threading.Thread(target=thread).start()
    atexit.register(print, "closed", end="")
    return told

told = int(sys.argv.pop(1))
cli.load_command = lambda row: click.Command("status", callback=body)
cli.main()
"""


@pytest.mark.parametrize("code", [0, 2])
def test_a_command_waits_for_its_threads_closes_what_is_open_and_says_no_more(code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ENDS, str(code), "status"], capture_output=True, text=True, cwd=TOP, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "thread done\nclosed", "")


def test_a_command_that_fails_says_why_and_no_more() -> None:
    program = "import duckdb\nfrom consentmgr.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "init", "--key", "x"], capture_output=True, text=True, cwd=TOP, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: consentmgr init")
    assert "leaked" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_ended_lets_the_database_stop(tmp_path: Path, number: int, code: int) -> None:
    program = (
        "import consentmgr.cli as c, click, time, pathlib\n"
        "from consentmgr.embedded_postgres import EmbeddedPostgres\n"
        "def body():\n"
        f"    EmbeddedPostgres(pathlib.Path({str(tmp_path / 'postgres')!r})).open(create=True)\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
        "c.load_command = lambda row: click.Command('x', callback=body)\n"
        "c.main(['status'])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=TOP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        process.send_signal(number)
        assert process.wait(timeout=30) == code
    assert not (tmp_path / "postgres" / "cluster" / "postmaster.pid").exists()


# ---------------------------------------------------------------------------------------------- init and status


def test_init_makes_everything_once_and_says_where(
    environment: dict[str, str], run_command: RunCommand, tmp_path: Path
) -> None:
    data = tmp_path / "my data"
    environment.pop("CONSENTMGR_DATABASE_URL")
    environment["CONSENTMGR_DATA"] = str(data)

    def run(*arguments: str, expect: int = 0) -> str:
        done = run_command(*arguments, expect=expect)
        return done.stdout + done.stderr

    assert "run consentmgr init" in run("status", expect=1)
    assert not data.exists()

    said = run("init", "--controller", "acme", "--name", "Acme Oy")
    assert str(data / "keys" / "address.key") in said
    keys = {path.name: path.read_text() for path in (data / "keys").iterdir()}
    assert set(keys) == {"address.key", "link.key", "session.key", "signing.json", "signing.public.json"}
    for name, secret in keys.items():
        assert name == "signing.public.json" or secret.strip() not in said
    assert data.stat().st_mode & 0o777 == 0o700

    assert "made" not in run("init")
    assert {path.name: path.read_text() for path in (data / "keys").iterdir()} == keys
    assert "All is in order." in run("status")
    assert not (data / "postgres" / "cluster" / "postmaster.pid").exists()

    run("database", "start")
    assert (data / "postgres" / "cluster" / "postmaster.pid").exists()
    run("status")
    assert (data / "postgres" / "cluster" / "postmaster.pid").exists()
    assert "stopped" in run("database", "stop")

    (data / "keys" / "link.key").chmod(0o644)
    assert "can be read by other users" in run("status", expect=1)


def test_init_wants_key_and_name_together(run_command) -> None:
    assert "given together" in run_command("init", "--controller", "acme", expect=2).stderr


def test_a_short_command_is_short(run_command) -> None:
    """A bound that only a blunder breaks; benchmarks/ has the figures."""
    run_command("--help")
    began = time.monotonic()
    run_command("--help")
    assert time.monotonic() - began < 2
