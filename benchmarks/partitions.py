"""Ledger and standing in partitions by hash of the contact, beside the ordinary tables that the product makes.

``python -m benchmarks.partitions`` copies both tables of a register that ``benchmarks.large`` has filled into partitioned
ones, with the same indexes, and asks both the same questions in turn. What it answers: whether what is asked of one
person stays in one partition, and what partitions cost or save where they do. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import page
from benchmarks.installation import Installation

#: Entries appended at a time; people asked of one by one, and at once.
APPENDED, ONE_BY_ONE, AT_ONCE = 100_000, 2_000, 1_000
RUNS = 5

#: A unique key of a partitioned table holds what it is partitioned by.
_PARTED = """
CREATE TABLE parted_standing (LIKE standing, PRIMARY KEY (contact_id, matter, controller, channel, purpose, topic))
  PARTITION BY HASH (contact_id);
CREATE TABLE parted_ledger_entry (LIKE ledger_entry INCLUDING DEFAULTS, PRIMARY KEY (id, contact_id),
  UNIQUE (digest, contact_id)) PARTITION BY HASH (contact_id);
CREATE INDEX ON parted_ledger_entry (contact_id);
"""
_ONE = {
    "standing": "SELECT * FROM {standing} WHERE contact_id = %s",
    "acts": "SELECT id, event, at, channels, purposes, notice, detail FROM {ledger_entry} WHERE contact_id = %s ORDER BY id",
}
_SEVERAL = "SELECT * FROM {ledger_entry} WHERE contact_id = ANY(%s) ORDER BY contact_id, id"
_APPEND = """
INSERT INTO {{ledger_entry}} (id, chain, seq, contact_id, event, at, recorded_at, actor, controller, method, channels,
  purposes, digest, prev_hash, hash)
SELECT k * 16, 0, k, 1 + (k * 7919) % {contacts}, 'objected', now(), now(), 'benchmark', 'acme', 'email_link', '{{{{email}}}}',
  '{{{{direct_marketing}}}}', gen_random_uuid(), '', '' FROM generate_series({first}, {first} + {count} - 1) k
"""
_FOLD = """
SELECT count(*) FROM (SELECT DISTINCT ON (contact_id, controller, channel) contact_id, controller, channel, event
  FROM {ledger_entry}, unnest(channels) channel WHERE contact_id IS NOT NULL
  ORDER BY contact_id, controller, channel, at DESC, id DESC) folded
"""


class Tables:
    """One of the two ways, by the names of its tables."""

    def __init__(self, connection: Any, before: str) -> None:
        self._connection = connection
        self._names = {name: before + name for name in ("standing", "ledger_entry")}

    def said(self, question: str) -> str:
        return question.format(**self._names)

    def ask(self, question: str, values: list[Any] | None = None) -> list[Any]:
        done = self._connection.execute(self.said(question), values)
        return done.fetchall() if done.description else []


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fill(connection: Any, parts: int) -> None:
    connection.execute("DROP TABLE IF EXISTS parted_standing, parted_ledger_entry")
    connection.execute(_PARTED)
    for name in ("standing", "ledger_entry"):
        for number in range(parts):
            connection.execute(
                f"CREATE TABLE parted_{name}_{number} PARTITION OF parted_{name}"
                f" FOR VALUES WITH (MODULUS {parts}, REMAINDER {number})"
            )
        connection.execute(f"INSERT INTO parted_{name} SELECT * FROM {name} WHERE contact_id IS NOT NULL")
        connection.execute(f"VACUUM (ANALYZE) parted_{name}")
        connection.execute(f"VACUUM (ANALYZE) {name}")


def _touched(tables: Tables, question: str) -> int:
    """Tables that PostgreSQL opens for a question about one person."""
    plan = "\n".join(row[0] for row in tables.ask(f"EXPLAIN (COSTS off) {question}", [4_711]))
    return len(set(re.findall(r" on (\w+)", plan)))


def compare(connection: Any, contacts: int, parts: int, runs: int) -> list[str]:
    """The lines of the table: both ways asked in turn, medians, and their ratio."""
    _fill(connection, parts)
    ways = [Tables(connection, ""), Tables(connection, "parted_")]
    people = [1 + number * 7_919 % contacts for number in range(ONE_BY_ONE)]
    (first,) = ways[0].ask("SELECT max(seq) + 1 FROM {ledger_entry}")[0]
    append = _APPEND.format(contacts=contacts, first=first, count=APPENDED)

    def one_by_one(tables: Tables) -> None:
        for person in people:
            for question in _ONE.values():
                tables.ask(question, [person])

    def append_and_forget(tables: Tables) -> None:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
            tables.ask(append)

    questions: dict[str, Callable[[Tables], object]] = {
        f"standing and acts of {ONE_BY_ONE:,} people, one by one": one_by_one,
        f"acts of {AT_ONCE:,} people at once": lambda tables: tables.ask(_SEVERAL, [people[:AT_ONCE]]),
        f"{APPENDED:,} entries appended": append_and_forget,
        "the newest act of everybody, by channel": lambda tables: tables.ask(_FOLD),
    }
    lines = [
        f"| of {contacts:,} contacts | ordinary tables | {parts} partitions | ratio |",
        "|---|---:|---:|---:|",
        *(
            f"| tables opened for one person's {name} | {' | '.join(str(_touched(way, question)) for way in ways)} | |"
            for name, question in _ONE.items()
        ),
    ]
    for what, work in questions.items():
        for way in ways:
            work(way)
        seconds = [[_timed(partial(work, way)) for way in ways] for _ in range(runs)]
        plain, parted = (median(run[place] for run in seconds) for place in (0, 1))
        lines.append(f"| {what} | {plain:.2f} s | {parted:.2f} s | {parted / plain:.2f} |")
    vacuums = [
        median(_timed(partial(connection.execute, f"VACUUM (FREEZE, ANALYZE) {table}")) for _ in range(runs))
        for table in ("ledger_entry", "parted_ledger_entry_0")
    ]
    lines.append(
        f"| vacuum of the ledger, a partition at a time | {vacuums[0]:.2f} s | {vacuums[1]:.2f} s each |"
        f" {vacuums[1] / vacuums[0]:.2f} |"
    )
    return lines


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/data-partitions"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.inside:
        from benchmarks.large import owner

        with owner() as connection:
            connection.autocommit = True
            print("\n".join(compare(connection, told.contacts, told.parts, told.runs)))
        return
    told.folder.mkdir(parents=True, exist_ok=True)
    installation = Installation(told.folder.absolute(), "register")
    ready = installation.data / "partitions-ready"
    if not ready.exists():
        installation.prepare()
    with installation.database_running():
        if not ready.exists():
            installation.run_module("benchmarks.large", "fill", f"--contacts={told.contacts}")
            ready.touch()
        done = installation.run_module("benchmarks.partitions", "--inside", *arguments)
    print(done.said.strip(), f"\nLoad average at the end: {', '.join(f'{one:.2f}' for one in page.load())}.", sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
