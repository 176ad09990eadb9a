"""What else takes time on a large register: one address explained, digests, the ledger verified and folded anew."""

from __future__ import annotations

import csv
import json

from benchmarks.figures import Figure, Section
from benchmarks.installation import Installation


def measure(installation: Installation, runs: int) -> Section:
    with (installation.folder / "small.csv").open(encoding="utf-8") as file:
        known = next(row["sähköposti"].strip().lower() for row in csv.DictReader(file, delimiter=";")
                     if "tuntematon" not in row["sähköposti"])  # fmt: skip
    explain = ("explain", known, "--campaign", "campaign.json")
    digests = [installation.run_module("benchmarks.digests", "list.csv") for _ in range(runs)]
    rates = [json.loads(run.said) for run in digests]
    best = min(rates, key=lambda rate: float(rate["processor"]))
    section = Section("others", "Other work on the same register")
    section.figures += [
        Figure("one address explained", installation.shown(*explain), [installation.run(*explain) for _ in range(runs)]),
        Figure("ledger verified, one run", installation.shown("ledger", "verify"), [installation.run("ledger", "verify")]),
        Figure("standing folded anew and compared, one run", installation.shown("ledger", "rebuild"),
               [installation.run("ledger", "rebuild")]),
    ]  # fmt: skip
    section.notes += [
        f"The ledger has {section.figures[1].runs[0].said.split(',  ')[0].split(' entries')[0]} entries.",
        (
            f"Canonical form and keyed digest of {best['addresses']:,} e-mail addresses: {best['processor']:.2f} s of one "
            f"core, {best['addresses'] / best['processor']:,.0f} a second "
            "(`CONSENTMGR_DATA=register python -m benchmarks.digests list.csv`, the best of "
            f"{len(rates)})."
        ),
    ]
    return section
