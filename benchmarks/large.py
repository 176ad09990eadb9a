"""Registers of many millions, and lists screened against them.

``python -m benchmarks.large fill`` makes a register straight in PostgreSQL: people, addresses with real digests of the
installation's key, consents and what came after them, roles, purchases, bans. An import of ten million takes a
quarter of an hour and is measured elsewhere; screening and snapshots look at tables and not at how they were filled.
Entries of the ledger have the shape of real ones and made-up hashes: ``ledger verify`` is not for these registers.

``python -m benchmarks.large`` makes files and register where they are not there, and measures: the snapshot, a long
list against it, the same with changes since, a short list, slopes over lists; beside them the bare join and the merge.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks import page
from benchmarks.figures import Figure, Section, Spread, Wanted
from benchmarks.installation import REPOSITORY, Installation, clean_environment, module, shown
from benchmarks.made_up import campaign_list, joined, outsiders
from benchmarks.processes import Measured, measured
from consentmgr.demo.names import FAMILY_NAMES, GIVEN_NAMES, MAIL_DOMAINS, plain

#: Rows made at a time.
PIECE = 250_000
#: One organisation for so many contacts; a role for three in ten; bans for one in ten, most of them of strangers.
CONTACTS_PER_ORGANISATION = 20
BANS_SHARE = 0.10
CHANGES = 100_000
#: Of rows that can be screened in a run of minutes.
SLOPE_ROWS = (100_000, 1_000_000, 10_000_000)
TODAY = date(2026, 11, 20)

_GIVEN = [plain(name) for names in GIVEN_NAMES.values() for name in names]
_FAMILY = [plain(name) for names in FAMILY_NAMES.values() for name in names]
#: Plain domains alone: an address must be canonical as it stands.
_DOMAINS = [name for name in MAIL_DOMAINS if name.isascii()]


class Trait(NamedTuple):
    """What a share of all people have. Equal numbers give equal people, in PostgreSQL as here."""

    factor: int
    permille: int

    def sql(self, number: str = "n") -> str:
        return f"(({number}::bigint * {self.factor} % 4294967296) / 65536 % 1000 < {self.permille})"

    def here(self, number: str = "n") -> pl.Expr:
        return (pl.col(number) * self.factor % 4294967296) // 65536 % 1000 < self.permille


TRAITS = {
    "works": Trait(2654435761, 350),
    "has_role": Trait(2246822519, 300),
    "for_email": Trait(3266489917, 800),
    "withdrew": Trait(668265263, 60),
    "objected": Trait(374761393, 20),
    "complained": Trait(2869860233, 2),
    "buys": Trait(3624381081, 250),
    "heard": Trait(1540483477, 600),
    "bounces": Trait(4028795141, 20),
    "got_mail": Trait(2146121005, 30),
    "banned": Trait(2221713035, 40),
}


def people(first: int, count: int) -> pl.DataFrame:
    """Numbers from ``first``, with name, address and what a marketer's own table would say of it."""
    number = pl.col("n")
    organisation = number % pl.lit(_ORGANISATIONS[0]) + 1
    given = number.map_batches(lambda n: pl.Series(_GIVEN).gather(n % len(_GIVEN)), return_dtype=pl.String)
    family = number.map_batches(
        lambda n: pl.Series(_FAMILY).gather(n // len(_GIVEN) % len(_FAMILY)), return_dtype=pl.String
    )
    own = number.map_batches(lambda n: pl.Series(_DOMAINS).gather(n % len(_DOMAINS)), return_dtype=pl.String)
    at_work = joined("yritys", organisation.cast(pl.String), ".example")
    frame = pl.DataFrame({"n": np.arange(first, first + count, dtype=np.int64)}).with_columns(
        given=given, family=family, works=TRAITS["works"].here()
    )
    stopped = pl.any_horizontal(
        *(TRAITS[name].here() for name in ("withdrew", "objected", "complained", "bounces", "banned"))
    )
    return frame.with_columns(
        email=joined(
            pl.col("given"), ".", pl.col("family"), ".", number.cast(pl.String), "@",
            pl.when("works").then(at_work).otherwise(own),
        ),
        may_be_sent=TRAITS["for_email"].here() & ~stopped,
    )  # fmt: skip


#: How many organisations there are; set by ``main`` from the number of contacts.
_ORGANISATIONS = [1]


# ------------------------------------------------------------------------------------------------ the register

_CATALOGUE = """
INSERT INTO notice (key, version, language, words, controllers, channels, purposes)
VALUES ('signup', 1, 'fi', 'Haluan markkinointia.', '{acme}', '{email,sms,phone}', '{direct_marketing,newsletter}');
INSERT INTO external_list (source, as_of) VALUES ('robinson_phone', date '2026-11-20');
"""
_ORGANISATION = """
INSERT INTO organisation (id, identity, business_id, name, form, status, employees, domains, source)
OVERRIDING SYSTEM VALUE
SELECT n, 'FI:' || n, NULL, 'Yritys ' || n || ' Oy',
  (ARRAY['limited_company','limited_company','limited_company','sole_trader','association'])[n % 5 + 1], 'active',
  n % 250, ARRAY['yritys' || n || '.example'], 'ytj' FROM generate_series(1, {organisations}) n
"""
_CONTACT = """
INSERT INTO contact (id, ref, controllers, given_name, family_name, language, country, last_interaction_on)
OVERRIDING SYSTEM VALUE
SELECT n, 'crm:' || n, '{{acme}}', given, family, 'fi', 'FI',
  CASE WHEN {heard} THEN date '2026-11-19' - (n % 700)::int END FROM large_person
"""
_POINT = """
INSERT INTO contact_point (id, contact_id, organisation_id, kind, value, address_key, sha256_key, key_id,
  canonical_version, use, source, acquired_on, informed_on, state, soft_bounces)
OVERRIDING SYSTEM VALUE
SELECT n, n, CASE WHEN {works} THEN n % {organisations} + 1 END, 'email', email, address_key, sha256_key, {key_id}, 1,
  CASE WHEN {works} THEN 'work' ELSE 'private' END, 'web_form', {consented}::date, {consented}::date,
  CASE WHEN {bounces} THEN 'hard_bounce' ELSE 'ok' END, CASE WHEN {bounces} THEN 3 ELSE 0 END FROM large_person
"""
_ENTRY = """
INSERT INTO ledger_entry (id, chain, seq, contact_id, event, at, recorded_at, actor, controller, method, source,
  channels, purposes, notice, double_opt_in, has_proof, digest, prev_hash, hash)
SELECT k + 16, k % 16, k / 16 + 1, n, event, at, at, 'benchmark', 'acme', method, 'tilauslomake', channels,
  '{{direct_marketing}}', notice, CASE WHEN event = 'consent_given' AND n % 10 < 7 THEN 'confirmed' END,
  event = 'consent_given', md5('e' || k)::uuid, sha256(int8send(k - 1)), sha256(int8send(k)) FROM (
  SELECT n AS k, n, 'consent_given' AS event, {consented} AS at, 'web_form' AS method,
    CASE WHEN {for_email} THEN '{{email,sms}}' ELSE '{{sms,phone}}' END::text[] AS channels, 'signup/1/fi' AS notice
  FROM generate_series(1, {contacts}) n
  UNION ALL
  SELECT {contacts} + row_number() OVER (), n, event, at, 'email_link', '{{email}}'::text[], NULL FROM (
    SELECT n, 'consent_withdrawn' AS event, {left} AS at FROM generate_series(1, {contacts}) n WHERE {withdrew}
    UNION ALL SELECT n, 'objected', {left} FROM generate_series(1, {contacts}) n WHERE {objected}
    UNION ALL SELECT n, 'complaint', {left} FROM generate_series(1, {contacts}) n WHERE {complained}) later) entries
"""
_STANDING = """
INSERT INTO standing (contact_id, matter, controller, channel, purpose, topic, state, at, entry_id)
SELECT n, 'permission', 'acme', channel, 'direct_marketing', '*',
  CASE WHEN channel = 'email' AND {withdrew} THEN 'withdrawn' WHEN channel = 'email' AND {objected} THEN 'objected'
    WHEN channel = 'email' AND {complained} THEN 'complained' ELSE 'consented' END,
  {consented}, n + 16 FROM generate_series(1, {contacts}) n,
  unnest(CASE WHEN {for_email} THEN ARRAY['email', 'sms'] ELSE ARRAY['sms', 'phone'] END) channel
"""
_ROLE = """
INSERT INTO role (id, contact_id, organisation_id, title, since) OVERRIDING SYSTEM VALUE
SELECT n, n, n % {organisations} + 1, 'päällikkö', date '2026-11-01' - (n % 1200)::int
FROM generate_series(1, {contacts}) n WHERE {has_role}
"""
_AREA = """
INSERT INTO role_area (role_id, area, evidence, verified_on)
SELECT id, CASE WHEN id % 5 = 0 THEN 'human_resources' ELSE 'sales' END, 'organisation', since FROM role
"""
_RELATION = """
INSERT INTO customer_relation (contact_id, controller, product_group, relation, last_purchase_on, address_from_sale,
  opt_out_offered)
SELECT n, 'acme', 'training', 'purchase', date '2026-11-19' - (n % 1400)::int, true, true
FROM generate_series(1, {contacts}) n WHERE {buys}
"""
_MESSAGE = """
INSERT INTO message_sent (contact_id, at, controller, channel, purpose, campaign)
SELECT n, timestamptz '2026-11-19 10:00+02' - n % 20 * interval '1 day', 'acme', 'email', 'direct_marketing', 'edellinen'
FROM generate_series(1, {contacts}) n WHERE {got_mail}
"""
_BAN = """
INSERT INTO prohibition (target_kind, address_key, channels, purposes, source, valid_from, reference, digest, recorded_at)
SELECT 'email', address_key, '{{email}}'::text[], '{{direct_marketing}}'::text[], 'self', date '2026-11-19' - (n % 1500)::int,
  'vanha estolista', md5('b' || n)::uuid, timestamptz '2026-11-19 12:00+02' FROM large_person WHERE {banned}
UNION ALL
SELECT 'email', address_key, '{{email}}', '{{direct_marketing}}', 'self', date '2025-11-01', 'vanha estolista',
  md5('s' || n)::uuid, timestamptz '2026-11-19 12:00+02' FROM large_stranger
"""
#: A change is a ban of somebody known, or an act of the person; half and half.
_CHANGE_BANS = """
INSERT INTO prohibition (target_kind, address_key, source, valid_from, digest, recorded_at)
SELECT 'email', address_key, 'self', date '2026-11-20', md5('c' || id || clock_timestamp())::uuid, now()
FROM contact_point WHERE id % (SELECT greatest(count(*) / {half}, 1) FROM contact) = 0 LIMIT {half}
"""
_CHANGE_ACTS = """
WITH chosen AS (SELECT id, (SELECT max(seq) FROM ledger_entry) * 16 + row_number() OVER () AS k FROM contact
  WHERE id % (SELECT greatest(count(*) / {half}, 1) FROM contact) = 1 LIMIT {half}),
said AS (INSERT INTO ledger_entry (id, chain, seq, contact_id, event, at, recorded_at, actor, controller, method,
  channels, purposes, digest, prev_hash, hash)
  SELECT k + 16, k % 16, k / 16 + 1, id, 'consent_withdrawn', now(), now(), 'benchmark', 'acme', 'email_link', '{{email}}',
    '{{direct_marketing}}', md5('w' || k || clock_timestamp())::uuid, sha256(int8send(k)), sha256(int8send(k)) FROM chosen)
UPDATE contact SET changed_xid = pg_current_xact_id() WHERE id IN (SELECT id FROM chosen)
"""
_WORDS = {
    "consented": "(timestamptz '2026-08-01 09:00+03' - n % 1300 * interval '1 day' - n % 50000 * interval '1 second')",
    "left": "(timestamptz '2026-11-18 09:00+02' - n % 90 * interval '1 day')",
}
_FILLED = (
    "organisation", "contact", "contact_point", "ledger_entry", "standing", "role", "role_area", "customer_relation",
    "message_sent", "prohibition",
)  # fmt: skip
#: Others point at these keys, so that they stay while rows come in.
_KEPT = {"pk_contact", "pk_organisation", "pk_role"}


def fill(contacts: int) -> None:
    """The whole register, in one transaction a table; indexes are made after the rows."""
    from benchmarks.exports_steps import connect

    row = connect().execute("SELECT key_id FROM address_key_in_use").fetchone()
    assert row is not None
    values = {
        "contacts": contacts,
        "organisations": _ORGANISATIONS[0],
        "key_id": row[0],
        **{name: trait.sql() for name, trait in TRAITS.items()},
        **_WORDS,
    }
    with owner() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        _timed("addresses", lambda: _load_people(connection, contacts))
        again = _without_indexes(connection)
        connection.execute(_CATALOGUE.encode())
        for name, statement in (
            ("organisation", _ORGANISATION), ("contact", _CONTACT), ("contact_point", _POINT), ("ledger_entry", _ENTRY),
            ("standing", _STANDING), ("role", _ROLE), ("role_area", _AREA), ("customer_relation", _RELATION),
            ("message_sent", _MESSAGE), ("prohibition", _BAN),
        ):  # fmt: skip
            _timed(name, lambda statement=statement: connection.execute(statement.format(**values).encode()))
            connection.commit()
        for name in ("large_person", "large_stranger"):
            connection.execute(f"DROP TABLE {name}".encode())
        for table in ("contact", "contact_point", "role", "organisation"):
            top = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            connection.execute(top.encode())
        for statement in again:
            _timed(statement[:60], lambda statement=statement: connection.execute(statement.encode()))
            connection.commit()
    with owner() as connection:
        connection.autocommit = True
        _timed("vacuum", lambda: connection.execute("VACUUM ANALYZE"))


def owner() -> Any:
    """The built-in server's superuser, who may load rows without asking each what it points at."""
    import psycopg

    from consentmgr.config import load_settings
    from consentmgr.embedded_postgres import EmbeddedPostgres
    from consentmgr.postgres_cluster import DATABASE, SUPERUSER

    address = EmbeddedPostgres(load_settings(os.environ).postgres_folder).running_at()
    if address is None:
        raise SystemExit("the built-in database is not running: consentmgr database start")
    return psycopg.connect(host=str(address.socket_folder), port=address.port, dbname=DATABASE, user=SUPERUSER)


def _timed(what: str, work: Any) -> None:
    began = time.monotonic()
    work()
    print(f"{time.monotonic() - began:8.1f} s  {what}", flush=True)


def _without_indexes(connection: Any) -> list[str]:
    """Take the tables' indexes away; the statements that make them again."""
    again = []
    for table in _FILLED:
        keys = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
            " AND contype IN ('p', 'u')",
            [table],
        ).fetchall()
        for name, definition in keys:
            if name not in _KEPT:
                connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
                again.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for name, definition in connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table]
        ).fetchall():
            if name not in _KEPT:
                connection.execute(f"DROP INDEX {name}".encode())
                again.append(definition)
    return again


def _load_people(connection: Any, contacts: int) -> None:
    """Names and addresses with their digests, and strangers' for bans, in tables that pass."""
    connection.execute(
        "CREATE UNLOGGED TABLE large_person (n bigint, given text, family text, email text, address_key uuid,"
        " sha256_key uuid)"
    )
    with connection.cursor().copy("COPY large_person FROM STDIN (FORMAT csv)") as copy:
        for first in range(1, contacts + 1, PIECE):
            piece = people(first, min(PIECE, contacts + 1 - first))
            told = piece.select("n", "given", "family", "email").with_columns(**_digests(piece["email"]))
            copy.write(told.write_csv(include_header=False).encode())
    connection.execute("CREATE UNLOGGED TABLE large_stranger (n bigint, address_key uuid)")
    count = max(1, int(contacts * BANS_SHARE) - contacts * TRAITS["banned"].permille // 1000)
    with connection.cursor().copy("COPY large_stranger FROM STDIN (FORMAT csv)") as copy:
        for first in range(0, count, PIECE):
            numbers = pl.Series("n", np.arange(first, min(first + PIECE, count)))
            mails = numbers.to_frame().select(email=joined("banned.", pl.col("n").cast(pl.String), "@muu.example"))
            digests = _digests(mails["email"])
            copy.write(pl.DataFrame([numbers, digests["address_key"]]).write_csv(include_header=False).encode())


def _digests(mails: pl.Series) -> dict[str, pl.Series]:
    """The installation's keyed digests, as PostgreSQL reads UUIDs."""
    from consentmgr.config import load_settings
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    keys = load_keys(load_settings(os.environ))
    columns = AddressKeys(keys.address_key, keys.address_key_id).columns("email", mails.to_arrow())

    def texts(name: str) -> pl.Series:
        raw: pl.Series = pl.from_arrow(getattr(columns, name).cast("binary"))  # type: ignore[assignment]
        return raw.bin.encode("hex").alias(name)

    return {name: texts(name) for name in ("address_key", "sha256_key")}


def change(count: int) -> None:
    """So many changes since the snapshot."""
    with owner() as connection:
        done = sum(
            connection.execute(statement.format(half=count // 2).encode()).rowcount
            for statement in (_CHANGE_BANS, _CHANGE_ACTS)
        )
    if abs(done - count) > 2:
        raise SystemExit(f"{done} changes were made, not {count}")


# ------------------------------------------------------------------------------------------------ the files


def files(folder: Path, contacts: int, rows: int, longest: int, seed: int) -> None:
    """The rivals' addresses, the lists (up to ``longest`` rows) and the campaign."""
    known = _pieces(contacts)
    addresses = pl.concat([piece.select(address="email", may_be_sent="may_be_sent") for piece in known])
    addresses.write_parquet(folder / "addresses.parquet")
    addresses.write_csv(folder / "addresses.csv", separator=";")
    del addresses
    whole = _list(contacts, rows, seed)
    _write_list(whole, folder / "list.csv")
    _write_list(whole.head(1000), folder / "small.csv")
    for size in SLOPE_ROWS:
        if size != rows and size <= longest:
            _write_list(whole.head(size) if size < rows else _list(contacts, size, seed), folder / f"list-{size}.csv")
    campaign = {
        "type": "campaign", "key": "2026-syksy", "name": "Syksyn koulutukset", "controller": "acme", "channel": "email",
        "purpose": "direct_marketing", "product_group": "training", "audience": "consumer",
    }  # fmt: skip
    (folder / "campaign.json").write_text(json.dumps(campaign, ensure_ascii=False), encoding="utf-8")


def _list(contacts: int, rows: int, seed: int) -> pl.DataFrame:
    # As many people as the list can name, drawn by number, so that the register is never held whole.
    drawn = np.zeros(contacts + 1, dtype=np.bool_)
    drawn[np.random.default_rng(seed).choice(contacts, min(contacts, rows), replace=False) + 1] = True
    some = pl.concat(
        piece.filter(pl.Series(drawn[piece["n"].to_numpy()])).select("email", etunimi="given", sukunimi="family")
        for piece in _pieces(contacts)
    )
    return campaign_list(some, outsiders(rows, seed, TODAY), rows, seed, TODAY)


def _write_list(rows: pl.DataFrame, path: Path) -> None:
    rows.write_csv(path, separator=";", quote_style="never")


def _pieces(contacts: int) -> Iterator[pl.DataFrame]:
    for first in range(1, contacts + 1, PIECE):
        yield people(first, min(PIECE, contacts + 1 - first))


# ------------------------------------------------------------------------------------------------ the measures


def measure(installation: Installation, contacts: int, rows: int, runs: int) -> list[Section]:
    """Everything of one register; the database is running, files and register are there."""
    folder = installation.folder
    size = Section("large", f"A register of {contacts:,} contacts, filled by PostgreSQL")
    built = [installation.run("snapshot", "build", watch_memory=True) for _ in range(min(runs, 3))]
    figure = Figure("snapshot build", installation.shown("snapshot", "build"), built)
    size.figures.append(figure)
    newest = max(path for path in (installation.data / "snapshots").iterdir() if (path / "manifest.json").exists())
    whole = sum(path.stat().st_size for path in newest.iterdir())
    server = max(run.database_peak or 0 for run in built)
    size.notes += [
        f"{built[-1].said.strip().splitlines()[-1]}.",
        f"On disk {whole / 1e6:,.0f} MB; the database server held at most {server / 1e6:,.0f} MB beside.",
    ]
    scale = contacts / 10_000_000
    size.wanted += [
        _wanted(f"snapshot of {contacts:,} contacts", 120 * scale, figure.seconds, "s"),
        _wanted("its size", 1.5 * scale, Spread((whole / 1e9,)), "GB"),
        _wanted("memory to make it", 4.0, Spread((figure.peak / 1e9,)), "GB"),
    ]
    lists = Section("large", f"A list of {rows:,} rows against {contacts:,} contacts")
    ours, join, merge = _in_turn(installation, runs)
    lists.figures += [ours, join, merge]
    times = ours.seconds.median / join.seconds.median
    against_merge = ours.seconds.median / merge.seconds.median
    lists.notes.append(
        f"Against the bare join {times:.1f} × the time and {ours.processor.median / join.processor.median:.1f} × the"
        f" processor seconds; against the merge {against_merge:.2f} × the time."
    )
    lists.wanted += [
        Wanted("times the bare join", "at most 5", f"{times:.1f}", times <= 5),
        Wanted("of the pandas merge", "at most 0.33", f"{against_merge:.2f}", against_merge <= 1 / 3),
        _wanted("peak memory", 4.0, Spread((ours.peak / 1e9,)), "GB"),
    ]
    short = Figure("1,000 rows", _command(installation, "small.csv"), _screened(installation, "small.csv", runs))
    lists.figures.append(short)
    lists.wanted.append(_wanted("1,000 rows, whole command", 1.5, short.seconds, "s"))
    slopes = [size for size in SLOPE_ROWS if (folder / f"list-{size}.csv").exists()]
    seconds = {rows: ours.seconds.median}
    for rows_of in slopes:
        name = f"list-{rows_of}.csv"
        runs_of = _screened(installation, name, 2)
        lists.figures.append(Figure(f"{rows_of:,} rows", _command(installation, name), runs_of))
        seconds[rows_of] = lists.figures[-1].seconds.median
    if len(seconds) > 1:
        slope, start = np.polyfit(np.array(list(seconds)) / 1e6, list(seconds.values()), 1)
        lists.notes.append(f"Slope over lists: {slope:.2f} s for a million rows, and {start:.2f} s before the first.")
    installation.run_module("benchmarks.large", "change", f"--count={min(CHANGES, contacts // 10)}")
    later = Figure(
        "the long list, with changes since",
        _command(installation, "list.csv"),
        _screened(installation, "list.csv", runs),
    )
    lists.figures.append(later)
    more = later.seconds.median / ours.seconds.median
    lists.wanted.append(Wanted("with changes since the snapshot", "at most 1.3 ×", f"{more:.2f} ×", more <= 1.3))
    return [size, lists]


def _wanted(what: str, limit: float, got: Spread, unit: str) -> Wanted:
    return Wanted(what, f"at most {limit:g} {unit}", f"{got.median:.2f} {unit}", got.median <= limit)


def _command(installation: Installation, name: str) -> str:
    return installation.shown("screen", "--campaign", "campaign.json", name)


def _screened(installation: Installation, name: str, runs: int) -> list[Measured]:
    return [installation.run("screen", "--campaign", "campaign.json", name) for _ in range(runs)]


def _in_turn(installation: Installation, runs: int) -> tuple[Figure, Figure, Figure]:
    """Ours and the rivals in turn, after one warm-up of each."""
    rivals = (("bare DuckDB join, addresses in Parquet", "benchmarks.bare_join", "addresses.parquet"),
              ("pandas merge, addresses in CSV", "benchmarks.pandas_merge", "addresses.csv"))  # fmt: skip
    ours: list[Measured] = []
    others: list[list[Measured]] = [[], []]
    for number in range(runs + 1):
        done = _screened(installation, "list.csv", 1)
        ours += done if number else []
        for found, (_, name, register) in zip(others, rivals, strict=True):
            run = installation.run_rival(name, "list.csv", register, "rival.csv")
            found += [run] if number else []
    figures = [
        Figure(what, shown(("python", "-m", name, "list.csv", register, "rival.csv")), found)
        for found, (what, name, register) in zip(others, rivals, strict=True)
    ]
    return Figure("consentmgr screen", _command(installation, "list.csv"), ours), figures[0], figures[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("step", nargs="?", choices=("all", "fill", "files", "change", "measure"), default="all")
    parser.add_argument("--contacts", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--longest", type=int, help="rows of the longest list, for the slope (as --rows)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=CHANGES, help="how many changes to make (change)")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "benchmarks" / "data-large")
    parser.add_argument("--output", type=Path, help="the page; standard output else")
    given = parser.parse_args()
    _ORGANISATIONS[0] = max(1, given.contacts // CONTACTS_PER_ORGANISATION)
    # These are processes of their own, in the environment of an installation.
    if given.step == "fill":
        return fill(given.contacts)
    if given.step == "change":
        return change(given.count)
    if given.step == "files":
        return files(given.folder, given.contacts, given.rows, given.longest or given.rows, given.seed)
    _all(given)
    return None


def _all(given: argparse.Namespace) -> None:
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    began, load_before = datetime.now(UTC), page.load()
    sizes = (f"--contacts={given.contacts}", f"--rows={given.rows}", f"--seed={given.seed}")
    longest = (f"--longest={given.longest}",) if given.longest else ()
    register = Installation(folder, "register")
    ready, made_with = register.data / "benchmark-ready", " ".join((*sizes, *longest))
    if given.step == "all" and not (ready.exists() and ready.read_text(encoding="utf-8") == made_with):
        shutil.rmtree(register.data, ignore_errors=True)
        register.prepare()
        with register.database_running():
            print(register.run_module("benchmarks.large", "fill", *sizes).said, flush=True)
        measured(
            module("benchmarks.large", "files", f"--folder={folder}", *sizes, *longest),
            folder=folder,
            environment=clean_environment(),
        )
        ready.write_text(made_with, encoding="utf-8")
    with register.database_running():
        sections = measure(register, given.contacts, given.rows, given.runs)
    text = page.page(
        sections,
        command=" ".join(("python -m benchmarks.large", *sizes[:2], *longest, f"--runs={given.runs}")),
        began=began,
        load_before=load_before,
        load_after=page.load(),
        postgres="18",
        complete=True,
    )
    (given.output.write_text(text, encoding="utf-8") if given.output else sys.stdout.write(text))


if __name__ == "__main__":
    main()
