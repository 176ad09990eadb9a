"""The columnar snapshot: the register's frames whole, at one database position, as Parquet files.

Long lists are answered from it and from everything that changed since it was taken, so that the answer is the
register's at the position the screening reads, not the snapshot's. What changed is asked by transaction: every row
of ``contact``, ``organisation``, ``prohibition`` and ``erased_key`` carries the transaction that last touched it or
what belongs to it, and those that the snapshot's own transaction snapshot did not see are read afresh. That is exact
under concurrent writers, where an order of numbers or times is not (a transaction may commit after a later one).

The folder holds keys and facts, no names and no addresses, and is made whole before it gets its name. Its frames are
made ready for any campaign: kinds of acts told apart (``screening.kinds``), contact points with their contact
(``facts.holders``), so that a list meets most of what is asked in one join.
"""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from psycopg import Connection
from psycopg.sql import SQL

from consentmgr.screening.engine import DuckDBEngine, Engine
from consentmgr.screening.facts.holders import ONLY, PERSON, held, with_contact, with_only_history
from consentmgr.screening.kinds import KIND_COLUMNS, KIND_OF, KINDS_OF, OWN_COLUMNS, by_kind
from consentmgr.screening.register_frames import (
    BY_NAME,
    CONTACT_FRAMES,
    FRAMES,
    KEY,
    ORGANISATION_FRAMES,
    Frame,
    read_rows,
)

#: A snapshot is made anew when this share of its contacts has changed: reading them one by one costs more.
_REBUILD_SHARE = 0.2
_MANIFEST = "manifest.json"
#: Bytes that making a snapshot may take before it spills to disk.
_BUILD_MEMORY = 2_000_000_000
_UNSEEN = "{0} >= pg_snapshot_xmin(%(taken)s::pg_snapshot) and not pg_visible_in_snapshot({0}, %(taken)s::pg_snapshot)"
_DUCKDB_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "BIGINT",
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    KEY: "VARCHAR",
}

#: Every frame of a snapshot and its columns: the register's own, made ready.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{frame.name: tuple(frame.schema.names) for frame in FRAMES},
    "contacts": (*BY_NAME["contacts"].schema.names, *ONLY),
    "points": (*BY_NAME["points"].schema.names, *PERSON),
    **{name: (*own, "alone", KIND_OF[name]) for name, own in OWN_COLUMNS.items()},
    **{KINDS_OF[name]: (KIND_OF[name], *columns) for name, columns in KIND_COLUMNS.items()},
}
#: Frames that are made from the register's own and not copied as they are.
_MADE_READY = ("contacts", "points", *OWN_COLUMNS)

Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot on disk. ``position`` is PostgreSQL's own text of the transaction snapshot it was read in."""

    folder: Path
    position: str
    database: str
    taken_at: str
    layout: str
    rows: Mapping[str, int]
    notices: Sequence[str]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(path.stat().st_size for path in self.folder.iterdir())


def _layout() -> str:
    """Names the frames' columns, and by a digest what they are selected by: a snapshot of another layout is not read."""
    selected = hashlib.sha256("\n".join(frame.select for frame in FRAMES).encode()).hexdigest()
    return ";".join((*(f"{name}({','.join(columns)})" for name, columns in COLUMNS.items()), selected))


def build(connection: Connection[Any], folder: Path, now: datetime, tell: Tell | None = None) -> Snapshot:
    """Write a snapshot of the connection's transaction (repeatable read) into ``folder`` and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        rows = {}
        with (
            tempfile.TemporaryDirectory(prefix=".spill-", dir=folder) as spill,
            DuckDBEngine(memory_limit=_BUILD_MEMORY, spill_folder=spill) as engine,
        ):
            for number, frame in enumerate(FRAMES):
                if tell:
                    tell(frame.name, number)
                rows[frame.name] = _write_frame(connection, engine, frame, made)
            _make_ready(engine, made)
        snapshot = Snapshot(
            folder=folder / name,
            position=_scalar(connection, "select pg_current_snapshot()::text"),
            database=_database(connection),
            taken_at=now.isoformat(),
            layout=_layout(),
            rows=rows,
            notices=_notices(connection),
        )
        told = {key: value for key, value in asdict(snapshot).items() if key != "folder"}
        (made / _MANIFEST).write_text(json.dumps(told), encoding="utf-8")
        for path in made.iterdir():
            _fsync(path)
        made.rename(snapshot.folder)
        _fsync(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return snapshot


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_frame(connection: Connection[Any], engine: DuckDBEngine, frame: Frame, folder: Path) -> int:
    """COPY the frame out of PostgreSQL and into Parquet, in constant memory."""
    text = folder / f"{frame.name}.csv"
    with connection.cursor() as cursor, text.open("wb") as out:
        with cursor.copy(f"copy ({frame.select}) to stdout (format csv)") as copy:
            for block in copy:
                out.write(block)
        rows = cursor.rowcount
    columns = ", ".join(f"'{field.name}': '{_DUCKDB_TYPES[field.type]}'" for field in frame.schema)
    shown = ", ".join(
        f"unhex(replace({field.name}, '-', '')) as {field.name}" if field.type == KEY else field.name
        for field in frame.schema
    )
    engine.run(
        f"copy (select {shown} from read_csv({_quoted(text)}, columns = {{{columns}}}, header = false, delim = ',',"
        f" quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, auto_detect = false))"
        f" to {_quoted(_raw(folder, frame.name))} (format parquet, compression zstd)"
    )
    text.unlink()
    return rows


def _raw(folder: Path, name: str) -> Path:
    return folder / (f"{name}.raw" if name in _MADE_READY else f"{name}.parquet")


def _make_ready(engine: DuckDBEngine, folder: Path) -> None:
    """The frames of ``_MADE_READY`` from their raw files, which are taken away."""
    for name, own in OWN_COLUMNS.items():
        raw, kind, kinds = _quoted(_raw(folder, name)), KIND_OF[name], KINDS_OF[name]
        words = ", ".join(KIND_COLUMNS[name])
        engine.run(
            f"create table {kinds} as select row_number() over () - 1 as {kind}, * from"
            f" (select distinct {words} from read_parquet({raw}))"
        )
        _write(engine, f"select * from {kinds}", folder / f"{kinds}.parquet")
        shown = ", ".join(f"r.{column}" for column in own)
        same = " and ".join(f"r.{column} is not distinct from k.{column}" for column in KIND_COLUMNS[name])
        _write(
            engine,
            f"select {shown}, m.contact_id is null as alone, k.{kind} from read_parquet({raw}) r join {kinds} k on {same}"
            f" left join (select contact_id from read_parquet({raw}) group by contact_id having count(*) > 1) m"
            " on m.contact_id = r.contact_id",
            folder / f"{name}.parquet",
        )
    sources = {name: _raw(folder, name) for name in ("contacts", "points")}
    sources |= {name: folder / f"{name}.parquet" for name in OWN_COLUMNS}
    frames = {
        name: engine.table(name, f"select * from read_parquet({_quoted(path)})") for name, path in sources.items()
    }
    # Contacts first, and from their file: the points would otherwise join their acts and relations once more.
    _write(
        engine,
        with_only_history(*(frames[name] for name in ("contacts", *OWN_COLUMNS))).to_native().sql_query(),
        folder / "contacts.parquet",
    )
    contacts = f"select * from read_parquet({_quoted(folder / 'contacts.parquet')})"
    points = with_contact(frames["points"], engine.table("contacts", contacts))
    _write(engine, points.to_native().sql_query(), folder / "points.parquet")
    for name in _MADE_READY:
        _raw(folder, name).unlink()


def _write(engine: DuckDBEngine, query: str, path: Path) -> None:
    engine.run(f"copy ({query}) to {_quoted(path)} (format parquet, compression zstd)")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _scalar(connection: Connection[Any], question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(SQL(question))
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def _database(connection: Connection[Any]) -> str:
    """Which cluster, database and schema: transaction numbers mean nothing in another."""
    return _scalar(
        connection,
        "select (select system_identifier from pg_control_system())::text || '/' || current_database() || '/'"
        " || current_schema()",
    )


def _notices(connection: Connection[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select key || '/' || version || '/' || language from notice order by 1")
        return [row[0] for row in cursor.fetchall()]


def snapshots(folder: Path) -> list[Snapshot]:
    """Every whole snapshot in the folder, newest first."""
    found = []
    for manifest in sorted(folder.glob(f"*/{_MANIFEST}"), reverse=True):
        if manifest.parent.name.startswith("."):
            continue
        found.append(Snapshot(folder=manifest.parent, **json.loads(manifest.read_text(encoding="utf-8"))))
    return found


def usable(connection: Connection[Any], folder: Path) -> Snapshot | None:
    """The newest snapshot of this database that has not changed too much since; None where one must be built."""
    database = _database(connection)
    for snapshot in snapshots(folder):
        if snapshot.database != database or snapshot.layout != _layout():
            continue
        changed = len(_changed_contacts(connection, snapshot))
        if changed <= max(1000, _REBUILD_SHARE * snapshot.rows["contacts"]):
            return snapshot
        return None
    return None


def prune(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` snapshots; the names of those removed."""
    removed = snapshots(folder)[keep:]
    for snapshot in removed:
        shutil.rmtree(snapshot.folder)
    return [snapshot.name for snapshot in removed]


def _changed(connection: Connection[Any], table: str, column: str, snapshot: Snapshot) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select id from {table} where {_UNSEEN.format(column)}",
            {"taken": snapshot.position},
        )
        return [row[0] for row in cursor.fetchall()]


def _changed_contacts(connection: Connection[Any], snapshot: Snapshot) -> set[int]:
    """Contacts of whom something has changed, and those whose acts now read differently: words came after the consents
    given under them, or a version that replaces theirs by others of substance.
    """
    contacts = set(_changed(connection, "contact", "changed_xid", snapshot))
    new_notices = sorted(set(_notices(connection)) - set(snapshot.notices))
    if new_notices:
        with connection.cursor() as cursor:
            cursor.execute(
                "select distinct e.contact_id from ledger_entry e where e.contact_id is not null and e.notice is not null"
                " and (e.notice = any(%(new)s) or split_part(e.notice, '/', 1) in (select n.key from notice n"
                " where n.supersedes = 'major' and n.key || '/' || n.version || '/' || n.language = any(%(new)s)))",
                {"new": new_notices},
            )
            contacts.update(row[0] for row in cursor.fetchall())
    return contacts


def frames_of_snapshot(engine: Engine, connection: Connection[Any], snapshot: Snapshot) -> dict[str, Any]:
    """Each frame as a query over the snapshot's files, with everything changed since read afresh and put in place."""
    if not isinstance(engine, DuckDBEngine):
        raise TypeError("a snapshot is read by DuckDB")
    contacts = sorted(_changed_contacts(connection, snapshot))
    organisations = _changed(connection, "organisation", "changed_xid", snapshot)
    engine.register("changed_contacts", pa.table({"contact_id": pa.array(contacts, pa.int64())}))
    engine.register("changed_organisations", pa.table({"organisation_id": pa.array(organisations, pa.int64())}))
    queries: dict[str, Any] = {}
    values = {"contacts": contacts, "organisations": organisations}
    fresh = _fresh_of_contacts(engine, connection, values) if contacts or organisations else {}
    for name in (*CONTACT_FRAMES, *KINDS_OF.values()):
        kept = "contact_id not in (select contact_id from changed_contacts)" if contacts else "true"
        if name in KINDS_OF.values():
            kept = "true"
        if name == "points":
            if contacts:
                kept = f"(contact_id is null or {kept})"
            if organisations:
                kept += (
                    " and not (contact_id is null and organisation_id in (select organisation_id from"
                    " changed_organisations))"
                )
        queries[name] = _overlaid(engine, snapshot, name, kept, fresh.get(name))
    for name in ORGANISATION_FRAMES:
        kept = "organisation_id not in (select organisation_id from changed_organisations)" if organisations else "true"
        ours = f" and {BY_NAME[name].owner} = any(%(organisations)s)"
        rows = read_rows(connection, BY_NAME[name], ours, values) if organisations else None
        queries[name] = _overlaid(engine, snapshot, name, kept, rows)
    queries["prohibitions"] = _prohibitions(engine, connection, snapshot, contacts, organisations)
    unseen = f" and {_UNSEEN.format('k.changed_xid')}"
    erased = read_rows(connection, BY_NAME["erased_keys"], unseen, {"taken": snapshot.position})
    queries["erased_keys"] = _overlaid(engine, snapshot, "erased_keys", "true", erased)
    return queries


def _fresh_of_contacts(
    engine: DuckDBEngine, connection: Connection[Any], values: Mapping[str, Sequence[int]]
) -> dict[str, pa.Table]:
    """The rows of changed contacts, and the points of changed organisations, made ready as the snapshot's are."""
    fresh = {}
    for name in CONTACT_FRAMES:
        whose = f" and {BY_NAME[name].owner} = any(%(contacts)s)"
        if name == "points":
            whose = (
                " and (p.contact_id = any(%(contacts)s) or (p.contact_id is null"
                " and p.organisation_id = any(%(organisations)s)))"
            )
        fresh[name] = read_rows(connection, BY_NAME[name], whose, values)
    fresh = by_kind(fresh, below_zero=True)
    ready = held({name: engine.table(f"raw_{name}", fresh[name]) for name in _MADE_READY})
    return fresh | {name: engine.collect(ready[name]) for name in ("contacts", "points")}


def _prohibitions(
    engine: DuckDBEngine,
    connection: Connection[Any],
    snapshot: Snapshot,
    contacts: Sequence[int],
    organisations: Sequence[int],
) -> str:
    """New and lifted ones, and those whose contact or organisation has changed (it may not have been known before)."""
    question = (
        f"select b.id from prohibition b where {_UNSEEN.format('b.changed_xid')} or b.contact_ref in"
        " (select ref from contact where id = any(%(contacts)s)) or b.organisation in"
        " (select identity from organisation where id = any(%(organisations)s))"
    )
    values = {"taken": snapshot.position, "contacts": list(contacts), "organisations": list(organisations)}
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        changed = [row[0] for row in cursor.fetchall()]
    engine.register("changed_prohibitions", pa.table({"prohibition_id": pa.array(changed, pa.int64())}))
    kept = "prohibition_id not in (select prohibition_id from changed_prohibitions)" if changed else "true"
    rows = read_rows(connection, BY_NAME["prohibitions"], " and b.id = any(%(changed)s)", {"changed": changed})
    return _overlaid(engine, snapshot, "prohibitions", kept, rows)


def _overlaid(engine: DuckDBEngine, snapshot: Snapshot, name: str, kept: str, fresh: pa.Table | None) -> str:
    """The frame's rows of which ``kept`` is true, and the fresh ones."""
    columns = ", ".join(COLUMNS[name])
    base = f"select {columns} from read_parquet({_quoted(snapshot.folder / f'{name}.parquet')})"
    base = base if kept == "true" else f"{base} where {kept}"
    if fresh is None or not fresh.num_rows:
        return base
    engine.register(f"fresh_{name}", fresh)
    return f"{base} union all select {columns} from fresh_{name}"
