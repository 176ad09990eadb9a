"""Runs commands, and programs of tests, as processes of their own without loading the product anew for each.

A process that has loaded what commands and servers need waits on a socket, and forks for every command that comes: the
child takes over the arguments, environment, folder and the three standard streams it was sent, and is from then on what
``python -m consentmgr`` would be. Loading takes a second or two, a fork some milliseconds, and a run of all tests has
hundreds of commands. Threads of engines are started by their first use, so none is lost by a fork. What commands load
is held by ``tests/house/test_what_commands_load.py``, which starts them without this.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What commands load besides the modules of all of them and of the pages, each when it first needs it.
PRELOADED = (
    "consentmgr.app",
    "consentmgr.screening.run",
    "consentmgr.screening.decide",
    "consentmgr.screening.explain",
    "apscheduler.schedulers.background",
    "concurrent.futures.process",
    "duckdb",
    "flask_migrate.cli",
    "flask_sqlalchemy.cli",
    "jinja2.ext",
    "polars",
    "rich._emoji_codes",
    "rich.progress",
    "rich.table",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)
_LENGTH = struct.Struct("!I")


class Started:
    """A command that runs: what is asked of a ``subprocess.Popen``, of a process that is somebody else's child."""

    def __init__(self, connection: socket.socket, arguments: Sequence[str]) -> None:
        self._connection, self._arguments = connection, arguments
        (self.pid,) = _LENGTH.unpack(_received(connection, _LENGTH.size))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired([*self._arguments], timeout or 0)
            self.returncode = int(self._connection.recv(16) or b"-9")
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class CommandRunner:
    """Starts the waiting process; ``run`` and ``start`` send it a command. ``templates`` is where compiled ones lie. Close
    it.
    """

    def __init__(self, folder: Path, search_path: str, templates: Path) -> None:
        self._address = str(folder / "commands.sock")
        reader, writer = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_runner", self._address, str(writer), str(templates)],
            env={**os.environ, "PYTHONPATH": search_path},
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
        )
        os.close(writer)
        # Its end of the pipe is closed when it listens, or has died.
        os.read(reader, 1)
        os.close(reader)

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: str | None = None,
        environment: Mapping[str, str],
        folder: Path,
        program: str = "consentmgr",
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; its text is UTF-8. Safe from several threads. ``program`` is a module to run
        instead of ours, or Python of more lines than one.
        """
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        texts = ["", ""]
        with self._asked(arguments, environment, folder, theirs, program) as connection:
            for end in theirs:
                os.close(end)
            started = Started(connection, arguments)

            def read(place: int) -> None:
                with os.fdopen(pipes[place + 1][0], encoding="utf-8", newline="") as stream:
                    texts[place] = stream.read()

            readers = [threading.Thread(target=read, args=(place,)) for place in (0, 1)]
            for reader in readers:
                reader.start()
            with os.fdopen(pipes[0][1], "w", encoding="utf-8", newline="") as given:
                try:
                    given.write(stdin or "")
                    given.flush()
                except BrokenPipeError:
                    # It ended without reading; what it says about that is in its exit code.
                    os.dup2(os.open(os.devnull, os.O_WRONLY), given.fileno())
            for reader in readers:
                reader.join()
            code = started.wait()
        return subprocess.CompletedProcess(["consentmgr", *arguments], code, texts[0], texts[1])

    def start(
        self,
        arguments: Sequence[str],
        *,
        output: IO[bytes],
        environment: Mapping[str, str],
        folder: Path,
        program: str = "consentmgr",
    ) -> Started:
        """Begin a command, or another ``program`` as ``run`` does, that writes to ``output`` and reads nothing."""
        with Path(os.devnull).open("rb") as nothing:
            streams = [nothing.fileno(), output.fileno(), output.fileno()]
            return Started(self._asked(arguments, environment, folder, streams, program), arguments)

    def _asked(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, streams: list[int], program: str
    ) -> socket.socket:
        asked = json.dumps([program, list(arguments), dict(environment), str(folder)]).encode()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        socket.send_fds(connection, [_LENGTH.pack(len(asked))], streams)
        connection.sendall(asked)
        return connection

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def _received(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise ConnectionError("the process that runs commands has ended")
        found += more
    return found


def _load_everything(templates: Path) -> None:
    """What a command or a server would load before its work, and what the first that asks makes for all that follow."""
    from flask import Flask
    from jinja2 import FileSystemBytecodeCache
    from sqlalchemy.orm import configure_mappers

    from consentmgr.blueprints import BLUEPRINTS
    from consentmgr.cli import COMMANDS, OWN_COMMANDS
    from consentmgr.scheduler import JOBS

    places = [row.place for row in (*COMMANDS, *OWN_COMMANDS, *BLUEPRINTS, *JOBS)]
    for module in (*PRELOADED, *(place.partition(":")[0] for place in places)):
        import_module(module)
    configure_mappers()
    # A template is compiled by the first server that shows it, and not by each.
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(templates))}


def _wait_for_commands(address: str, ready: int, templates: Path) -> NoReturn:
    _load_everything(templates)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(16)
    os.close(ready)
    # What is loaded stays to the end: no child goes through it for its garbage.
    gc.collect()
    gc.freeze()
    # A child's end is a byte here, so that one place waits for commands that come and for those that end.
    ended, tells = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(tells, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    running: dict[int, socket.socket] = {}
    while True:
        told, _, _ = select.select([listening, ended], [], [])
        if ended in told:
            with suppress(BlockingIOError):
                os.read(ended, 4096)
            _tell_who_ended(running)
        if listening not in told:
            continue
        connection, _ = listening.accept()
        head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
        asked = _received(connection, *_LENGTH.unpack(head))
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (listening, connection, *running.values()):
                end.close()
            os.close(ended)
            os.close(tells)
            _be_the_command(*json.loads(asked), streams)
        for stream in streams:
            os.close(stream)
        connection.sendall(_LENGTH.pack(child))
        running[child] = connection


def _tell_who_ended(running: dict[int, socket.socket]) -> None:
    """Send the exit code of every child that has ended to whoever asked for it."""
    with suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            with running.pop(child) as connection, suppress(BrokenPipeError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _be_the_command(
    program: str, arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]
) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a stream by its number
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.argv = ["consentmgr", *arguments]
    code: object = 0
    try:
        if "\n" in program:
            exec(program, {"__name__": "__main__"})
        else:
            runpy.run_module(program, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _wait_for_commands(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
