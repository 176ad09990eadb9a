"""Exports: a full suppression list of a million addresses, and a delta of a thousand, beside a bare COPY of the rows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Section, Spread, Wanted
from benchmarks.installation import REPOSITORY, Installation, expect_lines, shown
from benchmarks.processes import CommandFailed, Measured

SUPPRESSED, CHANGES = 1_000_000, 1_000
WANTED_FULL_SECONDS, WANTED_DELTA_SECONDS, WANTED_PEAK_BYTES = 10.0, 1.0, 500_000_000
#: Schedule, format, lines of a file's head.
FORMATS = (("hashed", "sha256", 0), ("plain", "csv", 1))
STEPS = "benchmarks.exports_steps"


def _stopped(suppressed: int) -> int:
    """How many people are given a stop, so that that many are left when screening has weighed some of them away."""
    return suppressed + suppressed // 98 + 100


def prepare(folder: Path, suppressed: int) -> Installation:
    """The register with its schedules, or that of an earlier run with the same number of addresses and the same code."""
    register = Installation(folder, "suppressed")
    mark = register.data / "benchmark-ready"
    made_with = f"{_stopped(suppressed)} {_digest()}"
    if mark.exists() and mark.read_text(encoding="utf-8") == made_with:
        return register
    shutil.rmtree(register.data, ignore_errors=True)
    register.prepare()
    with register.database_running():
        register.run_module(STEPS, "fill", str(_stopped(suppressed)))
        for key, form, _ in FORMATS:
            (target := _target(register, key)).mkdir()
            words = ("--partner", "Postitalo", "--channel", "email", "--format", form, "--to", f"folder:{target}")
            register.run("export", "create", key, *words, *(["--delta"] if key == "hashed" else []))
    mark.write_text(made_with, encoding="utf-8")
    os.sync()
    return register


def _digest() -> str:
    """Of what the register is made by: the steps here, and the tables."""
    code = [
        REPOSITORY / "benchmarks" / "exports_steps.py",
        *sorted((REPOSITORY / "migrations" / "versions").glob("*.py")),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()


def _target(register: Installation, key: str) -> Path:
    return register.data / f"partner-{key}"


def measure(register: Installation, suppressed: int, runs: int) -> Section:
    """Each in turn, again and again. The database is kept running."""
    first: dict[str, list[Measured]] = {key: [] for key, _, _ in FORMATS}
    again: dict[str, list[Measured]] = {key: [] for key, _, _ in FORMATS}
    copies: list[dict[str, Any]] = []
    deltas: list[dict[str, Any]] = []
    commands: list[Measured] = []
    changes = min(CHANGES, suppressed // 10)
    with register.database_running():
        for number in range(runs):
            register.run_module(STEPS, "clear")
            register.settle(beyond_nap=False)
            for key, _, head in FORMATS:
                first[key].append(_full(register, key, head, watch_memory=number == 0))
            copies.append(_copy(register))
            for key, _, head in FORMATS:
                again[key].append(_full(register, key, head, full=True))
            for part in (0, 1):
                register.run_module(STEPS, "acknowledge", "hashed")
                register.run_module(STEPS, "change", str(_stopped(suppressed)), str(changes))
                if part == 0:
                    deltas.append(json.loads(register.run_module(STEPS, "run", "hashed").said))
                else:
                    commands.append(register.run("export", "run", "hashed"))
    return _section(register, suppressed, first, again, copies, deltas, commands)


def _full(register: Installation, key: str, head: int, *, full: bool = False, watch_memory: bool = False) -> Measured:
    target = _target(register, key)
    for path in target.iterdir():
        path.unlink()
    done = register.run("export", "run", key, *(["--full"] if full else []), watch_memory=watch_memory)
    (manifest,) = target.glob("*.manifest.json")
    (file,) = json.loads(manifest.read_bytes())["files"]
    expect_lines(target / file["name"], file["rows"] + head)
    return done


def _copy(register: Installation) -> dict[str, Any]:
    path = register.folder / "bare.csv"
    found: dict[str, Any] = json.loads(register.run_module(STEPS, "copy", "plain", str(path)).said)
    path.unlink()
    return found


def _section(
    register: Installation,
    suppressed: int,
    first: dict[str, list[Measured]],
    again: dict[str, list[Measured]],
    copies: list[dict[str, Any]],
    deltas: list[dict[str, Any]],
    commands: list[Measured],
) -> Section:
    rows = int(copies[-1]["rows"])
    if rows < suppressed or any(delta["rows"] < min(CHANGES, suppressed // 10) for delta in deltas):
        raise CommandFailed(f"{rows} rows and {[delta['rows'] for delta in deltas]} changes left: too few")
    section = Section("exports", f"Exports of {rows:,} suppressed addresses")
    section.words.append(
        f"A register of {int(_stopped(suppressed) * 1.25):,} people, made by PostgreSQL from a series of numbers: objections 50 %,"
        " withdrawals 10 %, complaints 2 %, hard bounces 5 %, deaths 1 %, bans by address 22 % and bans of addresses"
        " nobody there has 10 %; one in a hundred also consented to something, and is weighed by"
        " screening; a fifth of all people may be written to. The whole command into a folder of the same machine: the"
        " set found and stored, the file written, synced and hashed, the manifest signed. *First* stores every address;"
        " *again* finds what is stored to be right still, as a nightly full list does. Beside it, in the same run,"
        " PostgreSQL's own COPY of the same rows with their addresses to a file."
    )
    names = {"hashed": "SHA-256 list", "plain": "plain CSV"}
    figures = {
        **{
            (key, "first"): Figure(f"{names[key]}, first", register.shown("export", "run", key), first[key])
            for key in names
        },
        **{
            (key, "again"): Figure(f"{names[key]}, again", register.shown("export", "run", key, "--full"), again[key])
            for key in names
        },
    }
    delta = Figure(f"delta of {CHANGES:,}, whole command", register.shown("export", "run", "hashed"), commands)
    section.figures += [*figures.values(), delta]
    copy = Spread(tuple(float(found["seconds"]) for found in copies))
    alone = Spread(tuple(float(found["seconds"]) for found in deltas))
    steps = ", ".join(
        f"{name} {Spread(tuple(float(found['steps'][name]) for found in deltas)).median:.2f} s"
        for name in deltas[0]["steps"]
    )
    section.notes += [
        (
            f"Bare COPY of the same rows: {copy.text(' s')}, {copies[-1]['bytes'] / 1e6:.0f} MB"
            f" (`{shown(('python', '-m', STEPS, 'copy', 'plain', 'bare.csv'), register.name)}`). The SHA-256 list takes"
            f" {figures['hashed', 'first'].seconds.median / copy.median:.1f} × that the first time,"
            f" {figures['hashed', 'again'].seconds.median / copy.median:.1f} × again."
        ),
        f"Delta of {CHANGES:,} in a process that has been running, as the timetable's: {alone.text(' s')} ({steps}).",
    ]
    peak = max((run.database_peak or 0) for run in first["hashed"])
    if peak:
        section.notes.append(
            f"The database server's processes held at most {peak / 1e6:,.0f} MB beside, what they share counted once."
        )
    section.wanted += [_at_most(figure.what, WANTED_FULL_SECONDS, figure.seconds.median) for figure in figures.values()]
    most = max(figure.peak for figure in figures.values())
    section.wanted += [
        Wanted(
            "full exports, peak memory",
            f"at most {WANTED_PEAK_BYTES / 1e6:.0f} MB",
            f"{most / 1e6:.0f} MB",
            most <= WANTED_PEAK_BYTES,
        ),
        _at_most(f"delta of {CHANGES:,}", WANTED_DELTA_SECONDS, alone.median),
    ]
    return section


def _at_most(what: str, limit: float, got: float) -> Wanted:
    return Wanted(f"export, {what}", f"at most {limit:.0f} s", f"{got:.2f} s", got <= limit)
