"""Measure everything, or some of it, and write the page of results."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks import (
    checks,
    desk,
    exports,
    import_speed,
    ledger_speed,
    links,
    other_speeds,
    page,
    screening_speed,
)
from benchmarks.figures import Section
from benchmarks.installation import REPOSITORY, Installation, clean_environment, module
from benchmarks.processes import CommandFailed, measured

PARTS = ("import", "ledger", "screen", "small", "others", "links", "checks", "desk", "exports")
FULL = {"contacts": 1_000_000, "rows": 1_000_000, "runs": 5}
#: Long enough that the list is answered from the snapshot, as long lists are.
QUICK = {"contacts": 30_000, "rows": 25_000, "runs": 2}
#: An import of a million takes minutes; more runs of it would say little more.
IMPORT_RUNS = 3
#: The ledger of a million is verified and folded in less than a minute, and of ten million in its own run.
LEDGER_RUNS = 3
#: An export of a million is six commands of some ten seconds each.
EXPORT_RUNS = 3
#: Parts that make what they measure by themselves.
OWN_DATA = frozenset(("exports", "ledger"))
FOLDER = REPOSITORY / "benchmarks" / "data"
RESULTS = REPOSITORY / "benchmarks" / "results.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--contacts", type=int, help=f"contacts in the register ({FULL['contacts']:,})")
    parser.add_argument("--rows", type=int, help=f"rows of the long list ({FULL['rows']:,})")
    parser.add_argument("--runs", type=int, help=f"runs of each figure ({FULL['runs']}); imports at most {IMPORT_RUNS}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--today", type=date.fromisoformat, help="the day the made-up history is told from; today")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data is made (benchmarks/data)")
    parser.add_argument("--keep", action="store_true", help="leave the data and the register there, and use them again")
    parser.add_argument(
        "--output", type=Path, help="the page; else results.md for the full run, standard output for any other"
    )
    given = parser.parse_args()
    for name, usual in (QUICK if given.quick else FULL).items():
        if getattr(given, name) is None:
            setattr(given, name, usual)
        elif getattr(given, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    given.today = given.today or datetime.now(UTC).date()
    return given


def tell(words: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", flush=True)


def make_data(given: argparse.Namespace, folder: Path) -> None:
    """The files, or those of an earlier run with the same arguments."""
    words = [f"--contacts={given.contacts}", f"--rows={given.rows}", f"--seed={given.seed}", f"--today={given.today}"]
    code = hashlib.sha256((REPOSITORY / "benchmarks" / "made_up.py").read_bytes()).hexdigest()
    made_with = " ".join((*words, code))
    mark = folder / "made-with.txt"
    if mark.exists() and mark.read_text(encoding="utf-8") == made_with:
        return
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise SystemExit(f"{folder} is not empty and not of an earlier run: name another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    tell(f"making {given.contacts:,} contacts and a list of {given.rows:,} rows")
    measured(module("benchmarks.made_up", str(folder), *words), folder=folder, environment=clean_environment())
    mark.write_text(made_with, encoding="utf-8")


def measure(given: argparse.Namespace, folder: Path) -> tuple[list[Section], str]:
    """Every part asked for, and PostgreSQL's version."""
    parts = given.only or PARTS
    sections: list[Section] = []
    # What was just written is on the disk before anything is timed.
    os.sync()
    if "import" in parts:
        tell("measuring the import")
        sections.append(import_speed.measure(folder, given.contacts, min(given.runs, IMPORT_RUNS)))
    if "ledger" in parts:
        tell("making a ledger, verifying it and folding it anew")
        sections.append(ledger_speed.measure(folder, given.contacts, min(given.runs, LEDGER_RUNS)))
    if "exports" in parts:
        tell("making the register of suppressed addresses, and exporting it")
        suppressed = given.contacts
        sections.append(exports.measure(exports.prepare(folder, suppressed), suppressed, min(given.runs, EXPORT_RUNS)))
    register = Installation(folder, "register")
    ready = register.data / "benchmark-ready"
    if not {*parts} <= {"import", *OWN_DATA}:
        if not ready.exists():
            shutil.rmtree(register.data, ignore_errors=True)
            register.prepare()
        with register.database_running():
            if not ready.exists():
                tell("importing the register with history")
                sections.append(screening_speed.build_register(register, known_count=given.contacts))
                ready.touch()
                os.sync()
            if "screen" in parts:
                tell("screening the long list, and the others beside")
                sections.append(screening_speed.measure_long(register, given.rows, given.runs))
            if "small" in parts:
                tell("screening the short list")
                rows = min(given.rows, screening_speed.SMALL_ROWS)
                sections.append(short := screening_speed.measure_short(register, rows, given.runs))
            if "others" in parts:
                tell("explaining, digesting, verifying, folding")
                sections.append(other_speeds.measure(register, given.runs))
            if "links" in parts:
                tell("minting links, and leaving by them")
                sections.append(links.measure(register, given.runs, seconds=2.0 if given.quick else links.SECONDS))
            if "checks" in parts:
                tell("checking one person at a time")
                sections.append(checks.measure(register, seconds=2.0 if given.quick else checks.SECONDS))
            if "desk" in parts:
                tell("opening the pages of the desk")
                sections.append(desk.measure(register, given.runs, seconds=2.0 if given.quick else 20.0))
        if "small" in parts:
            short.figures.append(screening_speed.measure_short_from_rest(register, given.runs))
    code = "from consentmgr.postgres_cluster import *; print(*command_line('postgres'), sep='\\n')"
    server = measured((sys.executable, "-c", code), folder=folder, environment=register.environment).said.splitlines()
    return sections, measured([*server, "--version"], folder=folder, environment=register.environment).said.split()[-1]


def main() -> None:
    given = arguments()
    folder = given.folder.absolute()
    sizes = {name: getattr(given, name) for name in FULL}
    began, load_before = datetime.now(UTC), page.load()
    if page.is_busy(load_before):
        tell(f"the machine is busy (load average {load_before[0]:.1f}): these figures are not to be published")
    shown = [f"--{name} {value}" for name, value in sizes.items() if value != FULL[name]]
    shown += [f"--only {part}" for part in given.only or ()]
    try:
        if given.only and OWN_DATA.issuperset(given.only):
            # They make their own registers; one that is there is kept, and any other part begins afresh.
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "made-with.txt").exists():
                (folder / "made-with.txt").touch()
        else:
            make_data(given, folder)
        sections, postgres = measure(given, folder)
    except CommandFailed as error:
        raise SystemExit(f"not finished: {error}") from None
    # A register that an earlier run has left was not imported in this one.
    complete = sizes == FULL and {section.part for section in sections} == {*PARTS, "register"}
    text = page.page(
        sections,
        command=" ".join(("python -m benchmarks", *shown)),
        began=began,
        load_before=load_before,
        load_after=page.load(),
        postgres=postgres,
        complete=complete,
    )
    output = given.output or (RESULTS if complete else None)
    if output is None:
        print(text)
    else:
        output.write_text(text, encoding="utf-8")
        tell(f"written: {output}")
    if not given.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
