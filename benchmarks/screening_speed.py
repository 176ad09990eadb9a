"""Screening a long list and a short one against a register with history, beside a bare join and a pandas merge."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.figures import Figure, Section, Wanted
from benchmarks.installation import LARGE, Installation, expect_lines, lines_of, remove_outputs, shown
from benchmarks.processes import Measured

WANTED_TIMES_BARE_JOIN = 6
WANTED_PEAK_BYTES = 2_000_000_000
WANTED_SMALL_SECONDS = 2.0
SMALL_ROWS = 1_000

#: What else could answer: name in the tables, module, the register it reads.
RIVALS = (
    ("bare DuckDB join, addresses in Parquet", "benchmarks.bare_join", "addresses.parquet"),
    ("bare DuckDB join, addresses in CSV", "benchmarks.bare_join", "addresses.csv"),
    ("pandas merge, addresses in CSV", "benchmarks.pandas_merge", "addresses.csv"),
)
_OUTPUTS = ("screened.csv", "allowed.csv", "report.html", "report.json", "certificate.json")


def build_register(installation: Installation, *, known_count: int) -> Section:
    """Import the register with history and take its first snapshot."""
    imported = installation.run("import", "register.jsonl")
    installation.settle(beyond_nap=known_count >= LARGE)
    built = installation.run("snapshot", "build")
    section = Section("register", "The register of the screening figures")
    section.words.append(
        f"{known_count:,} contacts with one e-mail and one consent each (80 % for e-mail, the rest for text messages), "
        "and with history: purchases 25 %, roles in organisations 17 %, withdrawals 6 %, objections 2 %, complaints, "
        "hard bounces 2 %, messages sent, prohibitions by address 5 %."
    )
    section.figures += [
        Figure("import of everything, one run", installation.shown("import", "register.jsonl"), [imported]),
        Figure("snapshot of the register, one run", installation.shown("snapshot", "build"), [built]),
    ]
    section.notes.append(f"Snapshot: {built.said.strip().splitlines()[-1].partition('  ')[2]}.")
    return section


def _screen(installation: Installation, lst: str, *, watch_memory: bool = False) -> Measured:
    name = lst.removesuffix(".csv")
    remove_outputs(installation.folder, *(f"{name}.{ending}" for ending in _OUTPUTS))
    done = installation.run("screen", "--campaign", "campaign.json", lst, watch_memory=watch_memory)
    expect_lines(installation.folder / f"{name}.screened.csv", lines_of(installation.folder / lst))
    for ending in _OUTPUTS:
        if not (installation.folder / f"{name}.{ending}").exists():
            raise FileNotFoundError(f"{name}.{ending} was not written")
    return done


def _rival(installation: Installation, module: str, register: str) -> Measured:
    remove_outputs(installation.folder, "rival.csv")
    done = installation.run_rival(module, "list.csv", register, "rival.csv")
    expect_lines(installation.folder / "rival.csv", lines_of(installation.folder / "list.csv"))
    return done


def _verdicts(path: Path) -> str:
    counts = json.loads(path.read_text(encoding="utf-8"))["verdicts"]
    return ", ".join(f"{verdict} {rows:,}" for verdict, rows in counts.items())


def measure_long(installation: Installation, rows: int, runs: int) -> Section:
    """A long list: ours and each rival in turn, again and again, after one warm-up of each."""
    first = _screen(installation, "list.csv", watch_memory=True)
    for _, module, register in RIVALS:
        _rival(installation, module, register)
    ours: list[Measured] = []
    rivals: list[list[Measured]] = [[] for _ in RIVALS]
    for _ in range(runs):
        ours.append(_screen(installation, "list.csv"))
        for found, (_, module, register) in zip(rivals, RIVALS, strict=True):
            found.append(_rival(installation, module, register))
    screening = Figure(
        "consentmgr screen", installation.shown("screen", "--campaign", "campaign.json", "list.csv"), ours
    )
    others = [
        Figure(what, shown(("python", "-m", module, "list.csv", register, "rival.csv")), found)
        for found, (what, module, register) in zip(rivals, RIVALS, strict=True)
    ]
    section = Section("screen", f"Screening a list of {rows:,} rows")
    section.words.append(
        "The whole command: all rules, every reason with its explanation, the result with every row, the allowed rows, "
        "the report as HTML and JSON, the signed certificate, the screening recorded in the register. The database is "
        "kept running and the snapshot is taken already (their times are above). The others write one column with one "
        "of two words, from a file of addresses. All are processes of their own, run in turn in the same minutes."
    )
    section.figures += [screening, *others]
    section.notes += [
        f"Verdicts: {_verdicts(installation.folder / 'list.report.json')}.",
        f"The first screening after the snapshot was built, before any other run: {first.seconds:.2f} s.",
    ]
    if first.database_peak is not None:
        section.notes.append(
            f"In it the database server's processes held at most {first.database_peak / 1e6:,.0f} MB beside, what they "
            "share counted once."
        )
    join, join_csv, merge = others
    times, times_csv = (screening.seconds.median / other.seconds.median for other in (join, join_csv))
    work = screening.processor.median / join.processor.median
    section.notes.append(
        f"Against the bare join with Parquet: {times:.1f} × the time, {work:.1f} × the processor seconds; with CSV "
        f"{times_csv:.1f} × the time. Against the pandas merge: "
        f"{screening.seconds.median / merge.seconds.median:.2f} × the time."
    )
    section.wanted += [
        Wanted(
            "screening, times the bare DuckDB join (Parquet)",
            f"at most {WANTED_TIMES_BARE_JOIN}",
            f"{times:.1f}",
            times <= WANTED_TIMES_BARE_JOIN,
        ),
        Wanted(
            "screening, beside the pandas merge",
            f"less than {merge.seconds.median:.2f} s",
            f"{screening.seconds.median:.2f} s",
            screening.seconds.median < merge.seconds.median,
        ),
        Wanted(
            "screening, peak memory",
            f"at most {WANTED_PEAK_BYTES / 1e9:.0f} GB",
            f"{screening.peak / 1e9:.2f} GB",
            screening.peak <= WANTED_PEAK_BYTES,
        ),
    ]
    return section


def measure_short(installation: Installation, rows: int, runs: int) -> Section:
    """A short list, with the database kept running."""
    _screen(installation, "small.csv")
    kept = [_screen(installation, "small.csv") for _ in range(runs)]
    screening = Figure(
        "consentmgr screen, database kept running",
        installation.shown("screen", "--campaign", "campaign.json", "small.csv"),
        kept,
    )
    section = Section("small", f"Screening a list of {rows:,} rows against the same register")
    section.figures.append(screening)
    section.notes.append(f"Verdicts: {_verdicts(installation.folder / 'small.report.json')}.")
    section.wanted.append(
        Wanted(
            f"screening {rows:,} rows, whole command",
            f"at most {WANTED_SMALL_SECONDS:.0f} s",
            f"{screening.seconds.median:.2f} s",
            screening.seconds.median <= WANTED_SMALL_SECONDS,
        )
    )
    return section


def measure_short_from_rest(installation: Installation, runs: int) -> Figure:
    """The same where the command itself has to start the built-in database, and stops it."""
    return Figure(
        "consentmgr screen, which starts and stops the database itself",
        installation.shown("screen", "--campaign", "campaign.json", "small.csv"),
        [_screen(installation, "small.csv") for _ in range(runs)],
    )
