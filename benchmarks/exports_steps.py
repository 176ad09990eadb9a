"""The processes of the measurement of exports: the register, changes to it, one run, a bare COPY of the same rows.

``python -m benchmarks.exports_steps fill|change|clear|acknowledge|run|copy …``; those that measure print one JSON
object. The register is made by PostgreSQL itself from a series of numbers, in half a minute where an import takes ten:
an export looks at tables and not at how they were filled. Its digests are of a made-up key, and it has no ledger.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from consentmgr.config import load_settings
from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.postgres_cluster import DATABASE, ROLE

#: Of a hundred suppressed addresses: who objected, withdrew, complained, bounced, died, was banned by address, and was
#: banned by an address that nobody in the register has.
SHARES = {"objected": 50, "withdrew": 10, "complained": 2, "bounced": 5, "dead": 1, "banned": 22, "unknown": 10}
#: People beside them who may be written to; and one in so many of the stopped also consented to something else, which
#: is weighed by screening.
FREE, WEIGHED = 0.25, 100

_CONTACTS = """
INSERT INTO contact (id, ref, deceased_on) OVERRIDING SYSTEM VALUE
SELECT n, 'crm:' || n, CASE WHEN n <= %(suppressed)s AND n %% 100 = %(dead)s THEN date '2025-03-01' END
FROM generate_series(1, %(known)s) n
WHERE n > %(suppressed)s OR n %% 100 < %(unknown)s
"""
_POINTS = """
INSERT INTO contact_point (contact_id, kind, value, address_key, sha256_key, key_id, canonical_version, state)
SELECT id, 'email', 'etunimi.sukunimi.' || id || '@posti.example', md5('a' || id)::uuid, md5('h' || id)::uuid, %(key)s,
  1, CASE WHEN id <= %(suppressed)s AND id %% 100 BETWEEN %(bounced)s AND %(dead)s - 1 THEN 'hard_bounce' ELSE 'ok' END
FROM contact
"""
_STANDING = """
INSERT INTO standing (contact_id, matter, controller, channel, purpose, topic, state, at, entry_id)
SELECT id, 'permission', 'acme', CASE WHEN id %% 100 < %(withdrew)s THEN '*' ELSE 'email' END, 'direct_marketing', '*',
  CASE WHEN id %% 100 < %(withdrew)s THEN 'objected' WHEN id %% 100 < %(complained)s THEN 'withdrawn'
    ELSE 'complained' END, timestamptz '2026-01-01' + id * interval '1 second', id
FROM contact WHERE id <= %(suppressed)s AND id %% 100 < %(bounced)s
UNION ALL
SELECT id, 'permission', 'acme', 'email', 'direct_marketing', '*', 'consented', timestamptz '2025-01-01', id
FROM contact WHERE id <= %(suppressed)s AND id %% %(weighed)s = 0
"""
_BANS = """
INSERT INTO prohibition (target_kind, address_key, source, document, digest, recorded_at)
SELECT 'email', md5('a' || n)::uuid, 'self', jsonb_build_object('type', 'prohibition', 'source', 'self',
    'target', jsonb_build_object('email', 'etunimi.sukunimi.' || n || '@posti.example')),
  md5('d' || n)::uuid, timestamptz '2026-01-01' + n * interval '1 second'
FROM generate_series(1, %(suppressed)s) n WHERE n %% 100 >= %(banned)s
"""
#: New bans of people who were free, and objections lifted: nine in ten and one in ten.
_CHANGED = """
INSERT INTO prohibition (target_kind, address_key, source, document, digest, recorded_at)
SELECT 'email', md5('a' || id)::uuid, 'self', jsonb_build_object('type', 'prohibition', 'source', 'self',
    'target', jsonb_build_object('email', 'etunimi.sukunimi.' || id || '@posti.example')),
  md5('d' || id)::uuid, now() FROM contact WHERE id > %(suppressed)s
  AND NOT EXISTS (SELECT FROM prohibition p WHERE p.address_key = md5('a' || contact.id)::uuid) ORDER BY id LIMIT %(bans)s
"""
_LIFTED = """
WITH lifted AS (UPDATE standing SET state = 'objection_lifted', at = now() WHERE contact_id IN (SELECT contact_id
  FROM standing WHERE state = 'objected' AND contact_id %% 100 = 1 ORDER BY contact_id LIMIT %(lifted)s)
  RETURNING contact_id)
UPDATE contact SET changed_xid = pg_current_xact_id() WHERE id IN (SELECT contact_id FROM lifted)
"""
#: The same rows as a full export of that schedule, with their addresses: what PostgreSQL alone takes to write them.
_COPY = """
COPY (SELECT 'add', e.kind, p.value, e.reason, e.since FROM exported_entry e
  LEFT JOIN contact_point p ON p.address_key = e.address_key
  WHERE e.schedule = {} AND e.to_seq IS NULL) TO STDOUT (FORMAT csv, HEADER true)
"""
_PIECE = 1 << 20


def connect() -> psycopg.Connection[Any]:
    address = EmbeddedPostgres(load_settings(os.environ).postgres_folder).running_at()
    if address is None:
        raise SystemExit("the built-in database is not running: consentmgr database start")
    return psycopg.connect(host=str(address.socket_folder), port=address.port, dbname=DATABASE, user=ROLE)


def places(suppressed: int) -> dict[str, int]:
    """Where in each hundred of numbers a kind of stop begins."""
    found, place = {"suppressed": suppressed}, 0
    for name, share in SHARES.items():
        found[name] = place
        place += share
    return found


def fill(suppressed: int) -> None:
    values = {**places(suppressed), "known": suppressed + int(suppressed * FREE), "weighed": WEIGHED}
    with connect() as connection:
        row = connection.execute("SELECT key_id FROM address_key_in_use").fetchone()
        assert row is not None
        for statement in (_CONTACTS, _POINTS, _STANDING, _BANS):
            connection.execute(statement.encode(), {**values, "key": row[0]})
        connection.execute("SELECT setval(pg_get_serial_sequence('contact', 'id'), (SELECT max(id) FROM contact))")
    with connect() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def change(suppressed: int, count: int) -> None:
    values = {**places(suppressed), "bans": count - count // 10, "lifted": count // 10}
    with connect() as connection:
        made = connection.execute(_CHANGED.encode(), values).rowcount
        lifted = connection.execute(_LIFTED.encode(), values).rowcount
    if made + lifted != count:
        raise SystemExit(f"{made} bans and {lifted} lifted are not {count} changes")


def clear() -> None:
    """No run has been, and the tables are as small as after a first import."""
    with connect() as connection:
        connection.execute("TRUNCATE exported_entry, export_run CASCADE")


def acknowledge(key: str) -> None:
    with connect() as connection:
        connection.execute(
            "UPDATE export_run SET acknowledged_at = now(), acknowledged_by = 'benchmark' WHERE schedule = %s", [key]
        )
    with connect() as connection:
        connection.autocommit = True
        connection.execute("ANALYZE exported_entry")


def run(key: str) -> dict[str, Any]:
    """One run as the timetable's process does it, which has been started long before."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import run_schedule
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database:
        with database.reading():
            pass
        steps: dict[str, float] = {}
        began = last = time.perf_counter()
        name = "claim"

        def tell(step: str) -> None:
            nonlocal last, name
            now = time.perf_counter()
            steps[name], name, last = now - last, step, now

        done = run_schedule(
            database, settings, keys, key, actor="benchmark", claimed_by="benchmark", now=datetime.now(UTC), tell=tell
        )
        seconds = time.perf_counter() - began
        steps[name] = time.perf_counter() - last
    assert done is not None
    return {
        "seconds": seconds,
        "steps": steps,
        "came": done.came,
        "went": done.went,
        "rows": sum(file.rows for file in done.files),
    }


def copy(key: str, path: Path) -> dict[str, Any]:
    """A bare COPY of the rows to a file."""
    from psycopg.sql import SQL, Literal

    began = time.perf_counter()
    with connect() as connection, connection.cursor() as cursor, path.open("wb") as file:
        with cursor.copy(SQL(_COPY).format(Literal(key))) as copied:
            for block in copied:
                file.write(block)
        rows = cursor.rowcount
    return {"seconds": time.perf_counter() - began, "rows": rows, "bytes": path.stat().st_size}


def main() -> None:
    match sys.argv[1:]:
        case ["fill", count]:
            fill(int(count))
        case ["change", suppressed, count]:
            change(int(suppressed), int(count))
        case ["clear"]:
            clear()
        case ["acknowledge", key]:
            acknowledge(key)
        case ["run", key]:
            print(json.dumps(run(key)))
        case ["copy", key, path]:
            print(json.dumps(copy(key, Path(path))))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
