"""The desk at a million contacts: what each page takes, and what searching people takes."""

from __future__ import annotations

import json
from statistics import median

from benchmarks.figures import Section, Wanted
from benchmarks.installation import Installation

MOST_PAGE_MS, MOST_SEARCH_MS = 100.0, 300.0


def measure(installation: Installation, runs: int, *, seconds: float) -> Section:
    """With the database running; the counts of the overview are made beforehand, as the clock's jobs make them."""
    section = Section("desk", "The desk")
    section.words.append(
        "Every page that links lead to, one of each kind, as somebody with every role sees it: milliseconds of the"
        f" application alone, the median of {runs} after a first time. Searches are typed as people type, drawn from"
        " the register."
    )
    for job in ("count-acts", "count-standing"):
        installation.run("jobs", "run", job)
    found: dict[str, list[float]] = json.loads(installation.run_module("benchmarks.desk_load", str(runs)).said)
    medians = {endpoint: median(times) for endpoint, times in found.items()}
    for endpoint, took in sorted(medians.items(), key=lambda one: -one[1]):
        section.notes.append(f"{endpoint}: {took:.0f} ms, slowest {max(found[endpoint]):.0f} ms.")
    middle, slow = median(medians.values()), max(medians, key=lambda one: medians[one])
    section.wanted.append(Wanted("median page of the desk", "≤ 100 ms", f"{middle:.0f} ms", met=middle <= MOST_PAGE_MS))
    section.wanted.append(
        Wanted(
            f"slowest page of the desk ({slow})",
            "≤ 100 ms",
            f"{medians[slow]:.0f} ms",
            met=medians[slow] <= MOST_PAGE_MS,
        )
    )
    searched = json.loads(installation.run_module("benchmarks.people_search", str(seconds)).said)
    for kind, figures in searched["milliseconds"].items():
        section.notes.append(
            f"Searching, {kind}: median {figures['p50_ms']} ms, 95 % within {figures['p95_ms']} ms, slowest"
            f" {figures['slowest_ms']} ms, of {figures['questions']:,} questions."
        )
    slowest = max(figures["p95_ms"] for figures in searched["milliseconds"].values())
    section.wanted.append(
        Wanted("searching people, 95 % of each kind", "≤ 300 ms", f"{slowest:.0f} ms", met=slowest <= MOST_SEARCH_MS)
    )
    return section
