"""DuckDB and Spark side by side on one list: the same answers to the byte, and how long each takes.

``python -m benchmarks.spark FOLDER`` in a folder that ``benchmarks.large`` has made; needs Java. Spark runs on this
machine, start of its JVM included, so that its time says what it costs to use it here and not what a cluster does. Both
read a snapshot that is there: the first run, which makes it, is not measured.
"""

from __future__ import annotations

import argparse
import filecmp
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.installation import Installation, expect_lines, lines_of
from benchmarks.processes import Measured, watched


def _of_java(figure: Callable[[psutil.Process], float]) -> int:
    """A figure of the JVM that runs beneath: it is waited for by nobody, so that it is in no sum of a process's own."""
    found = 0.0
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        found = sum(figure(child) for child in psutil.Process().children(recursive=True) if child.name() == "java")
    return round(found)


def _milliseconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return 1000 * float(times.user + times.system)


def _bytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _screened(register: Installation, name: str, engine: str) -> Measured:
    output = f"{engine}.screened.csv"
    done = register.run(
        "screen", "--campaign", "campaign.json", "--engine", engine, "--output", output, "--no-side-files", name
    )
    expect_lines(register.folder / output, lines_of(register.folder / name))
    return done


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("benchmarks/data-large"))
    parser.add_argument("--list", default="list.csv")
    given = parser.parse_args()
    register = Installation(given.folder.absolute(), "register")
    with register.database_running():
        _screened(register, given.list, "duckdb")
        for engine in ("duckdb", "spark"):
            with watched(lambda: _of_java(_milliseconds)) as worked, watched(lambda: _of_java(_bytes)) as held:
                done = _screened(register, given.list, engine)
            beside = f" and {held() / 1e6:,.0f} MB of Java" if held() else ""
            processor = done.processor + worked() / 1000
            print(
                f"{engine}: {done.seconds:.1f} s, {processor:.1f} processor seconds, {done.peak / 1e6:,.0f} MB{beside}"
            )
    same = filecmp.cmp(register.folder / "duckdb.screened.csv", register.folder / "spark.screened.csv", shallow=False)
    print("identical" if same else "NOT identical")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
