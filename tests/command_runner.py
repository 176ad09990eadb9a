"""Runs commands as processes of their own without loading the product anew for each.

A process that has loaded what most commands need waits on a socket, and forks for every command that comes: the child
takes over the arguments, environment, folder and the three standard streams it was sent, and is from then on what
``python -m consentmgr`` would be. Loading takes half a second, a fork ten milliseconds, and a run of all tests has
hundreds of commands. Threads of engines are started by their first use, so none is lost by a fork.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What takes long to load and most commands need. What few need (the web server, the workbook reader) is not here.
PRELOADED = (
    "consentmgr.cli",
    "consentmgr.db",
    "consentmgr.keys",
    "consentmgr.importing.commands",
    "consentmgr.importing.service",
    "consentmgr.screening.commands",
    "consentmgr.screening.run",
    "consentmgr.screening.decide",
    "consentmgr.screening.explain",
    "consentmgr.consents.verification",
    "duckdb",
    "polars",
    "rich.progress",
    "rich.table",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)
_LENGTH = struct.Struct("!I")


class CommandRunner:
    """Starts the waiting process; ``run`` sends it a command. Close it."""

    def __init__(self, folder: Path, search_path: str) -> None:
        self._address = str(folder / "commands.sock")
        reader, writer = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_runner", self._address, str(writer)],
            env={**os.environ, "PYTHONPATH": search_path},
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
        )
        os.close(writer)
        # Its end of the pipe is closed when it listens, or has died.
        os.read(reader, 1)
        os.close(reader)

    def run(
        self, arguments: Sequence[str], *, stdin: str | None, environment: Mapping[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; its text is UTF-8. Safe from several threads."""
        asked = json.dumps([list(arguments), dict(environment), str(folder)]).encode()
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        texts = ["", ""]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._address)
            socket.send_fds(connection, [_LENGTH.pack(len(asked))], theirs)
            for end in theirs:
                os.close(end)
            connection.sendall(asked)

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
            code = int(connection.recv(16) or b"-9")
        return subprocess.CompletedProcess(["consentmgr", *arguments], code, texts[0], texts[1])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def _wait_for_commands(address: str, ready: int) -> NoReturn:
    for module in PRELOADED:
        import_module(module)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(16)
    os.close(ready)
    # Those who wait for a command's end are nobody's business.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    """Run the command in a child, and send its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
    (length,) = _LENGTH.unpack(head)
    asked = b""
    while len(asked) < length:
        asked += connection.recv(length - len(asked))
    child = os.fork()
    if child == 0:
        connection.close()
        _be_the_command(*json.loads(asked), streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _be_the_command(arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> NoReturn:
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
        runpy.run_module("consentmgr", run_name="__main__")
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
    _wait_for_commands(sys.argv[1], int(sys.argv[2]))
