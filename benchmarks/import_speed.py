"""Import: contacts with one e-mail and one consent each, through the whole command, beside a raw COPY of the rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.figures import Figure, Section, Spread, Wanted
from benchmarks.installation import Installation, shown
from benchmarks.processes import CommandFailed, Measured

WANTED_CONTACTS_PER_SECOND = 12_000


def measure(folder: Path, count: int, runs: int) -> Section:
    """Each run into a fresh data folder, made ready before, with the built-in database running."""
    imports: list[Measured] = []
    copies: list[dict[str, dict[str, float]]] = []
    for _ in range(runs):
        installation = Installation(folder, "fresh")
        shutil.rmtree(installation.data, ignore_errors=True)
        installation.prepare()
        with installation.database_running():
            # Only the first run is looked at for the database's memory, because looking takes time from the rest.
            imports.append(installation.run("import", "contacts.jsonl", watch_memory=not imports and runs > 1))
            installation.settle(beyond_nap=False)
            copy = json.loads(installation.run_module("benchmarks.raw_copy").said)
            copies.append(copy)
        if copy["rows"]["contact"] != count or copy["rows"]["ledger_entry"] != count:
            raise CommandFailed(f"the import took {copy['rows']} and should have taken {count} of each")
        shutil.rmtree(installation.data)
    return _section(count, installation, imports, copies)


def _section(
    count: int, installation: Installation, imports: list[Measured], copies: list[dict[str, dict[str, float]]]
) -> Section:
    command = Figure("the whole import", installation.shown("import", "contacts.jsonl"), imports)
    rate = Spread(tuple(count / run.seconds for run in imports))
    copying = Spread(tuple(sum(copy["seconds"].values()) for copy in copies))
    rows = copies[-1]["rows"]
    section = Section("import", f"Import of {count:,} contacts with one e-mail and one consent each")
    section.words.append(
        "Into a fresh data folder (`consentmgr init` done before, built-in database running). The COPY beside it is of "
        f"the rows this very import made ({', '.join(f'{table} {number:,}' for table, number in rows.items())}), in "
        "binary form, into the same tables with the same indexes, constraints and triggers in another database of the "
        "same server, in the same run; only the way in is timed, commit included. The import besides reads and checks "
        "JSON, makes canonical forms and keyed digests, chains and hashes every consent, folds the standing, and "
        "commits each batch so that a killed import goes on."
    )
    section.figures.append(command)
    section.notes += [
        f"**{rate.text(' contacts a second', 0)}**.",
        f"Raw COPY of the same rows: {copying.text(' s')}, {count / copying.median:,.0f} contacts a second "
        f"(`{shown(('python', '-m', 'benchmarks.raw_copy'), installation.name)}`); by table: "
        + ", ".join(f"{table} {Spread(tuple(copy['seconds'][table] for copy in copies)).text(' s')}" for table in rows)
        + ".",
        f"The import takes {command.seconds.median / copying.median:.1f} × the time of the raw COPY.",
    ]
    section.wanted.append(
        Wanted(
            "import, contacts a second",
            f"at least {WANTED_CONTACTS_PER_SECOND:,}",
            f"{rate.median:,.0f}",
            rate.median >= WANTED_CONTACTS_PER_SECOND,
        )
    )
    return section
