"""Checks at a million contacts: one in a process, and three hundred a second of a server on the same two cores."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.figures import Section, Wanted
from benchmarks.installation import Installation
from benchmarks.links import running

SECONDS = 20.0
RATE = 300
ROWS = 20_000
THREADS = 8


def measure(installation: Installation, *, seconds: float = SECONDS) -> Section:
    """With the database running."""
    section = Section("checks", "Checks")
    section.words.append(
        "`POST /api/v1/check` of a kept campaign, one e-mail address after another, four of five of them known."
        f" *Asked at {RATE} a second*: each request counts from when it was due, whether the server keeps up or not."
        " *As fast as it goes*: eight connections that ask again as soon as they are answered. Database, server and load"
        " share the machine."
    )
    file = installation.folder / "check-rows.json"
    installation.run_module("benchmarks.check_load", "prepare", str(installation.folder), str(ROWS))
    inside: dict[str, Any] = json.loads(installation.run_module("benchmarks.check_load", "inside", str(file)).said)
    section.notes.append(
        f"In one process: median {inside['p50_ms']:.1f} ms, 95 % within {inside['p95_ms']:.1f} ms,"
        f" {inside['processor_ms']:.1f} ms of processor beside the database's; the first, with its plan to be made,"
        f" {inside['first_ms']:.0f} ms."
    )
    section.wanted.append(
        Wanted("a check in process, 95 %", "≤ 10 ms", f"{inside['p95_ms']:.1f} ms", met=inside["p95_ms"] <= 10)
    )
    for name, command in _servers():
        with running(installation, command) as port:
            _load(installation, port, 0, 3.0)
            asked = _load(installation, port, RATE, seconds)
            fast = _load(installation, port, 0, seconds)
        section.notes.append(
            f"{name}: asked at {RATE} a second, {asked['rate']:.0f} answered a second, median {asked['p50_ms']:.1f} ms,"
            f" 95 % within {asked['p95_ms']:.1f} ms, slowest {asked['slowest_ms']:.0f} ms; as fast as it goes"
            f" {fast['rate']:,.0f} a second, 95 % within {fast['p95_ms']:.1f} ms."
        )
        whole = set(asked["statuses"]) == {"200"}
        section.wanted += [
            Wanted(f"checks on {name}, asked at {RATE} a second, 95 %", "≤ 20 ms", f"{asked['p95_ms']:.1f} ms",
                   met=whole and asked["p95_ms"] <= 20),
            Wanted(f"checks on {name}", f"≥ {RATE} a second", f"{fast['rate']:,.0f}", met=fast["rate"] >= RATE),
        ]  # fmt: skip
    file.unlink()
    return section


def _load(installation: Installation, port: int, rate: float, seconds: float) -> dict[str, Any]:
    file = installation.folder / "check-rows.json"
    said = installation.run_module("benchmarks.check_load", "load", str(port), str(file), str(rate), str(seconds)).said
    found: dict[str, Any] = json.loads(said)
    return found


def _servers() -> list[tuple[str, list[str]]]:
    python = sys.executable
    gunicorn = [python, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", str(THREADS)]
    return [
        (
            "consentmgr serve",
            [python, "-m", "consentmgr", "serve", "--no-jobs", "--threads", str(THREADS), "--port", "PORT"],
        ),
        (
            "gunicorn, two workers",
            [*gunicorn, "--keep-alive", "30", "--log-level", "error", "--bind", "127.0.0.1:PORT",
             "consentmgr.app:create_app()"],
        ),
    ]  # fmt: skip
