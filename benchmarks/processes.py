"""One command, run as a process of its own and measured whole: time, processor time, memory.

The kernel keeps a process's peak memory from before it became the program it was started for, so a child's figure is
never below its parent's: whoever uses this must stay small. That is why this package's own process imports no engine,
and everything heavy (making data, COPY, digests) is a process too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: Linux tells peak memory in units of 1024 bytes, macOS in bytes.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_SAMPLE_SECONDS = 0.1


class CommandFailed(Exception):
    """A measured command ended with an error; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds of wall clock and of processor (user and system, of the process and those it waited for),
    peak memory of the largest of them in bytes, what it printed, and the processor seconds and peak memory of the
    database meanwhile, None where not looked at.
    """

    seconds: float
    processor: float
    peak: int
    said: str
    database_processor: float | None = None
    database_peak: int | None = None


def measured(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], accepted: Sequence[int] = (0,)
) -> Measured:
    """Run a command in ``folder`` to its end. Raises ``CommandFailed`` for an exit code that is not ``accepted``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env=dict(environment)
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            err.seek(0)
            last = err.read().decode(errors="replace").strip().splitlines()[-15:]
            raise CommandFailed(f"exit code {process.returncode} of: {' '.join(command)}\n" + "\n".join(last))
        out.seek(0)
        said = out.read().decode(errors="replace")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT, said)


class ProcessTree:
    """A process that was running before and goes on afterwards, with all it has started: the database server."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._gone = (psutil.NoSuchProcess, psutil.AccessDenied)
        self._root = psutil.Process(pid)

    def _all(self) -> list[object]:
        return [self._root, *self._root.children(recursive=True)]

    def processor(self) -> float:
        """Processor seconds so far, of those that live and of those that have ended."""
        total = 0.0
        for process in self._all():
            with suppress(*self._gone):
                times = process.cpu_times()  # type: ignore[attr-defined]
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory(self) -> int:
        """Bytes of memory in use, what is shared counted once."""
        total = 0
        for process in self._all():
            with suppress(*self._gone):
                total += process.memory_full_info().pss  # type: ignore[attr-defined]
        return total


@contextmanager
def watched(look: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Look again and again during the block; what is given tells the largest so far."""
    largest = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not ended.wait(_SAMPLE_SECONDS):
            largest = max(largest, look())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: largest
    finally:
        ended.set()
        thread.join()
