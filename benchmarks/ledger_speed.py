"""The ledger verified and standing folded anew, at two sizes, so that what a larger one takes can be reckoned.

``python -m benchmarks.ledger_speed --entries 10000000`` makes a ledger of that size by the product's own writer (a
quarter of an hour, 20 GB of disk) and measures both commands at a tenth of it on the way. Its chains are whole: what is
verified is what an import would have left. In ``python -m benchmarks`` it is the part ``ledger``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import page
from benchmarks.figures import Figure, Section, Wanted
from benchmarks.installation import REPOSITORY, Installation
from benchmarks.processes import CommandFailed

if TYPE_CHECKING:
    from consentmgr.consents.acts import NewEntry

#: Seconds for so many entries, and bytes of memory however many there are.
WANTED_ENTRIES, WANTED_VERIFIED, WANTED_REBUILT, WANTED_PEAK_BYTES = 10_000_000, 120.0, 300.0, 1_000_000_000
#: Entries that are written in one transaction.
_BATCH = 50_000
#: One in so many contacts has acted twice.
_ACTED_AGAIN = 12


def measure(folder: Path, entries: int, runs: int) -> Section:
    """At a tenth of the entries and at all of them, each size in turn; the ledger is gone afterwards."""
    installation = Installation(folder, "ledger")
    shutil.rmtree(installation.data, ignore_errors=True)
    installation.prepare()
    section = Section("ledger", f"A ledger of {entries:,} entries")
    section.words.append(
        "Written by the product's own writer: a consent of two channels with its evidence for each contact, and one in "
        f"{_ACTED_AGAIN} contacts has withdrawn. `ledger verify` recomputes every hash and every commitment; `ledger "
        "rebuild` folds every contact's standing anew and compares it with what is stored, to the byte."
    )
    sizes = [max(1, entries // 10), entries]
    verified: list[Figure] = []
    rebuilt: list[Figure] = []
    with installation.database_running():
        for size in sizes:
            installation.run_module("benchmarks.ledger_speed", "--fill", "--entries", str(size))
            installation.settle(beyond_nap=False)
            for figures, what, name, whole in (
                (verified, "verified", "verify", "The ledger is whole."),
                (rebuilt, "folded anew and compared", "rebuild", "What was stored is equal to the ledger."),
            ):
                found = [installation.run("ledger", name, watch_memory=number == 0) for number in range(runs)]
                if any(whole not in run.said for run in found):
                    raise CommandFailed(f"ledger {name} says: {found[-1].said.strip()}")
                figures.append(Figure(f"{size:,} entries {what}", installation.shown("ledger", name), found))
    shutil.rmtree(installation.data)
    section.figures += [figure for pair in zip(verified, rebuilt, strict=True) for figure in pair]
    for figures, what, limit in ((verified, "verified", WANTED_VERIFIED), (rebuilt, "rebuilt", WANTED_REBUILT)):
        seconds = [figure.seconds.median for figure in figures]
        slope = (seconds[1] - seconds[0]) / max(sizes[1] - sizes[0], 1)
        if slope <= 0:
            # Too small, or on too busy a machine, for the difference to be told.
            slope = seconds[1] / entries
        reckoned = seconds[1] + slope * (WANTED_ENTRIES - entries)
        section.notes.append(
            f"{what.capitalize()}: {slope * 1e6:.1f} s for a million entries, {figures[1].processor.median / entries * 1e6:.1f} "
            f"processor seconds of ours and {(figures[1].database_processor or figures[1].processor).median / entries * 1e6:.1f} "
            "of the database's, what begins and ends with a command included in those."
        )
        words = "standing " if what == "rebuilt" else ""
        reckoning = "" if entries == WANTED_ENTRIES else f", reckoned from {sizes[0]:,} and {entries:,}"
        section.wanted.append(
            Wanted(
                f"ledger of {WANTED_ENTRIES:,} entries, {words}{what}{reckoning}",
                f"at most {limit:g} s",
                f"{reckoned:.1f} s",
                reckoned <= limit,
            )
        )
    peak = max(figure.peak for figure in section.figures)
    grown = verified[1].peak / verified[0].peak, rebuilt[1].peak / rebuilt[0].peak
    section.notes.append(
        f"Memory at ten times the entries: {grown[0]:.2f} × for verifying, {grown[1]:.2f} × for folding."
    )
    section.wanted.append(
        Wanted(
            "ledger verified and folded, peak memory of a process",
            f"at most {WANTED_PEAK_BYTES / 1e9:g} GB",
            f"{peak / 1e9:.2f} GB",
            peak <= WANTED_PEAK_BYTES,
        )
    )
    return section


# ------------------------------------------------------------------------------------------------ the ledger


def fill(entries: int) -> None:
    """Add entries until there are that many. Run in the environment of an installation."""
    from sqlalchemy import text

    from consentmgr.config import load_settings
    from consentmgr.consents.heads import heads
    from consentmgr.consents.ledger import append
    from consentmgr.db import open_database

    now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    with open_database(load_settings(os.environ)) as database:
        with database.reading() as session:
            have = sum(head.seq for head in heads(session))
        wanted = islice(made_up(), have, entries)
        while batch := list(islice(wanted, _BATCH)):
            with database.transaction() as session:
                append(session, batch, actor="benchmark", now=now)
        # What housekeeping does in the hours after an import, so that it is not measured.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))


def made_up() -> Iterator[NewEntry]:
    """Entries without end, the same each time."""
    from uuid import UUID

    from consentmgr.consents.acts import NewEntry

    first = datetime(2023, 1, 1, 7, tzinfo=UTC)
    number = 0
    contact = 0
    while True:
        contact += 1
        at = first + timedelta(minutes=contact % 1_500_000, seconds=contact % 60)
        number += 1
        yield NewEntry(
            contact_id=contact, event="consent_given", at=at, digest=UUID(int=number * 0x9E3779B97F4A7C15 % 2**127),
            controller="acme", method="web_form", source="tilauslomake", channels=("email", "sms"),
            purposes=("direct_marketing",), notice="signup/1/fi",
            double_opt_in="confirmed" if contact % 10 < 7 else "not_used",
            personal={"form": "tilauslomake-3", "ip": f"192.0.2.{contact % 256}", "user_agent": "Mozilla/5.0"},
        )  # fmt: skip
        if contact % _ACTED_AGAIN == 0:
            number += 1
            yield NewEntry(
                contact_id=contact, event="consent_withdrawn", at=at + timedelta(days=30),
                digest=UUID(int=number * 0x9E3779B97F4A7C15 % 2**127), controller="acme", method="email_link",
                channels=("email",), purposes=("direct_marketing",),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_speed", description=__doc__)
    parser.add_argument("--entries", type=int, default=WANTED_ENTRIES)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "benchmarks" / "data-ledger")
    parser.add_argument("--output", type=Path, help="the page; standard output else")
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        # A process of its own, in the environment of an installation.
        return fill(given.entries)
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    began, load_before = datetime.now(UTC), page.load()
    section = measure(folder, given.entries, given.runs)
    text = page.page(
        [section], command=f"python -m benchmarks.ledger_speed --entries {given.entries} --runs {given.runs}",
        began=began, load_before=load_before, load_after=page.load(), postgres="18", complete=True,
    )  # fmt: skip
    (given.output.write_text(text, encoding="utf-8") if given.output else sys.stdout.write(text))
    return None


if __name__ == "__main__":
    main()
