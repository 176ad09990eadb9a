"""The page of results: what was wanted and got in words, every figure with its command, the machine and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.figures import Figure, Section
from benchmarks.installation import REPOSITORY
from consentmgr import __version__

PACKAGES = ("duckdb", "narwhals", "polars", "pyarrow", "pandas", "numpy", "psycopg", "msgspec", "sqlalchemy")


def processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def commit() -> str:
    """The commit measured; says where files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(("git", *words), cwd=REPOSITORY, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    name = git("rev-parse", "--short=12", "HEAD") or "no commit yet"
    changed = git("status", "--porcelain", "--", "consentmgr", "benchmarks/*.py", "migrations")
    return f"{name}, with changes not committed" if changed else name


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def load() -> tuple[float, ...]:
    """Processes that wanted a core in the last one, five and fifteen minutes."""
    return os.getloadavg()


def is_busy(found: tuple[float, ...]) -> bool:
    """Whether others would be measured with us."""
    return found[0] > cores() / 2


def page(
    sections: Sequence[Section],
    *,
    command: str,
    began: datetime,
    load_before: tuple[float, ...],
    load_after: tuple[float, ...],
    postgres: str,
    complete: bool,
) -> str:
    """The whole page as Markdown."""
    lines = ["# Measurements", "", f"Written by `{command}`, begun {began:%Y-%m-%d %H:%M} UTC. README.md says how.", ""]
    if not complete:
        lines += ["**Not the full run**: smaller sizes or only some parts; the figures are not comparable.", ""]
    if is_busy(load_before):
        lines += ["**The machine had other work**: every figure is worse than it would be on a quiet one.", ""]
    lines += ["## Wanted and got", ""]
    lines += _wanted(sections)
    for section in sections:
        lines += _section(section)
    lines += ["## Machine and versions", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in _machine(load_before, load_after, postgres)]
    return "\n".join(lines) + "\n"


def _wanted(sections: Sequence[Section]) -> list[str]:
    found = [wanted for section in sections for wanted in section.wanted]
    if not found:
        return ["Nothing that was run has a figure wanted of it.", ""]
    missed = [wanted for wanted in found if not wanted.met]
    lines = ["| what | wanted | got | |", "|---|---|---|---|"]
    lines += [f"| {one.what} | {one.limit} | {one.got} | {'met' if one.met else '**missed**'} |" for one in found]
    if missed:
        told = "; ".join(f"{one.what} (wanted {one.limit}, got {one.got})" for one in missed)
        lines += ["", f"Missed: {told}."]
    else:
        lines += ["", f"All {len(found)} were met."]
    return [*lines, ""]


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", ""]
    for words in section.words:
        lines += [words, ""]
    if section.figures:
        lines += _figures(section)
    if section.notes:
        lines += [*(f"- {note}" for note in section.notes), ""]
    return lines


def _figures(section: Section) -> list[str]:
    with_database = any(figure.database_processor for figure in section.figures)
    heads = ["", "seconds", "processor seconds", *(["database's processor seconds"] if with_database else []),
             "peak memory", "runs"]  # fmt: skip
    lines = [_row(heads), "|---|" + "---:|" * (len(heads) - 1)]
    lines += [_row(_cells(figure, with_database=with_database)) for figure in section.figures]
    lines += ["", "```sh"]
    for figure in section.figures:
        lines += [f"# {figure.what}", figure.command]
    lines += ["```", ""]
    return lines


def _cells(figure: Figure, *, with_database: bool) -> list[str]:
    database = figure.database_processor
    return [
        figure.what,
        figure.seconds.text(),
        figure.processor.text(),
        *([database.text() if database else "–"] if with_database else []),
        f"{figure.peak / 1e6:,.0f} MB",
        str(len(figure.runs)),
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _machine(load_before: tuple[float, ...], load_after: tuple[float, ...], postgres: str) -> list[tuple[str, str]]:
    return [
        ("processor", f"{processor_model()}, {cores()} cores"),
        ("memory", f"{memory_bytes() / 1e9:.0f} GB"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        (
            "load average at the start, at the end",
            "; ".join(", ".join(f"{value:.2f}" for value in found) for found in (load_before, load_after)),
        ),
        ("consentmgr", f"{__version__}, commit {commit()}"),
        ("Python", platform.python_version()),
        ("PostgreSQL", postgres),
        *((package, version_of(package)) for package in PACKAGES),
    ]
