"""An installation of consentmgr in a folder of its own, and its commands, measured."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.processes import CommandFailed, Measured, ProcessTree, measured, watched

REPOSITORY = Path(__file__).resolve().parents[1]
#: PostgreSQL's autovacuum_naptime in seconds and a little more; and how long its work may be waited for.
HOUSEKEEPING_NAP, HOUSEKEEPING_LIMIT = 65.0, 300.0
#: Contacts from which the housekeeping is work enough to be waited for.
LARGE = 100_000


def clean_environment() -> dict[str, str]:
    """Ours, without what would choose another installation, database or language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENTMGR_", "PG"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a module, by the Python that runs this."""
    return (sys.executable, "-m", name, *arguments)


def shown(command: tuple[str, ...], data: str | None = None) -> str:
    """A command as people would type it: no path of this machine."""
    words = ("python", *command[1:]) if command[0] == sys.executable else command
    return " ".join((*([f"CONSENTMGR_DATA={data}"] if data else []), *words))


class Installation:
    """One data folder inside the folder of measurements, where every command is run."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.data = folder / name
        #: What the product's processes see; pandas, which only a rival needs, is hidden from them.
        self.environment = clean_environment() | {
            "CONSENTMGR_DATA": str(self.data),
            "PYTHONPATH": os.pathsep.join((str(REPOSITORY / "benchmarks" / "as_installed"), str(REPOSITORY))),
        }
        self._server: ProcessTree | None = None

    def shown(self, *arguments: str) -> str:
        return shown(module("consentmgr", *arguments), self.name)

    def run(self, *arguments: str, watch_memory: bool = False) -> Measured:
        """Run ``consentmgr`` whole; the database's share is measured where it was kept running."""
        return self.run_module("consentmgr", *arguments, watch_memory=watch_memory)

    def run_rival(self, name: str, *arguments: str) -> Measured:
        """Run a module of another's making, which sees everything that is installed and no register."""
        return measured(module(name, *arguments), folder=self.folder, environment=clean_environment())

    def run_module(self, name: str, *arguments: str, watch_memory: bool = False) -> Measured:
        """Run a module of ours on this installation."""
        command = module(name, *arguments)
        if self._server is None:
            return measured(command, folder=self.folder, environment=self.environment)
        before = self._server.processor()
        if not watch_memory:
            done = measured(command, folder=self.folder, environment=self.environment)
            return replace(done, database_processor=self._server.processor() - before)
        with watched(self._server.memory) as largest:
            done = measured(command, folder=self.folder, environment=self.environment)
        return replace(done, database_processor=self._server.processor() - before, database_peak=largest())

    def prepare(self) -> None:
        """``consentmgr init`` with one controller."""
        self.run("init", "--controller", "acme", "--name", "Acme Oy")

    @contextmanager
    def database_running(self) -> Iterator[None]:
        """Keep the built-in database running for the block."""
        self.run("database", "start")
        try:
            pid = (self.data / "postgres" / "cluster" / "postmaster.pid").read_text(encoding="utf-8").split()[0]
            self._server = ProcessTree(int(pid))
            yield
        finally:
            self._server = None
            self.run("database", "stop")

    def settle(self, *, beyond_nap: bool) -> None:
        """Wait until the database has ended the housekeeping that an import leaves it, so that it is not measured.

        It looks for such work once a minute; ``beyond_nap`` waits until it must have looked.
        """
        assert self._server is not None
        time.sleep(HOUSEKEEPING_NAP if beyond_nap else 0)
        deadline = time.monotonic() + HOUSEKEEPING_LIMIT
        calm = 0
        while calm < 4 and time.monotonic() < deadline:
            before = self._server.processor()
            time.sleep(0.25)
            calm = calm + 1 if self._server.processor() - before < 0.02 else 0


def remove_outputs(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def lines_of(path: Path) -> int:
    """How many lines a file has."""
    count = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            count += piece.count(b"\n")
    return count


def expect_lines(path: Path, lines: int) -> None:
    """A fast answer that lost rows is no answer. Raises ``CommandFailed``."""
    found = lines_of(path)
    if found != lines:
        raise CommandFailed(f"{path.name} has {found} lines and should have {lines}")
