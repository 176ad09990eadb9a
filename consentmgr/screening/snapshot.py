"""The columnar snapshot: the register's frames whole, at one database position, as Parquet files.

Long lists are answered from it and from everything that changed since it was taken, so that the answer is the
register's at the position the screening reads, not the snapshot's. What changed is asked by transaction: every row
of ``contact``, ``organisation``, ``prohibition`` and ``erased_key`` carries the transaction that last touched it or
what belongs to it, and those that the snapshot's own transaction snapshot did not see are read afresh. That is exact
under concurrent writers, where an order of numbers or times is not (a transaction may commit after a later one).

The folder holds keys and facts, no names and no addresses, and is made whole before it gets its name. Its frames are
made ready for any campaign: kinds of acts told apart (``screening.kinds``), contact points with their contact
(``facts.holders``), so that a list meets most of what is asked in one join.

Its manifest says what it is of, and the bytes and SHA-256 of every file, under a seal made with the address key: what
somebody else put into the store, or changed, is refused. Where snapshots lie is ``screening.snapshot_store``.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
from psycopg import Connection
from psycopg.sql import SQL

from consentmgr.database_identity import DATABASE_IDENTITY
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.screening.engine import DuckDBEngine, Engine, PolarsEngine, Query, query_of
from consentmgr.screening.facts.holders import ONLY, PERSON, held, with_contact, with_only_history
from consentmgr.screening.kinds import KIND_COLUMNS, KIND_OF, KINDS_OF, OWN_COLUMNS, alone, by_kind
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
#: Changes of so few contacts never ask for a new snapshot.
_FEW_CHANGES = 1000
MANIFEST = "manifest.json"
#: Names sort by the time they were taken.
NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")
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
    # Marked are points and roles of contacts that have no other: what asks for several need not look at them.
    "points": (*BY_NAME["points"].schema.names, *PERSON, "sole"),
    "roles": (*BY_NAME["roles"].schema.names, "alone"),
    **{name: (*own, "alone", KIND_OF[name]) for name, own in OWN_COLUMNS.items()},
    **{KINDS_OF[name]: (KIND_OF[name], *columns) for name, columns in KIND_COLUMNS.items()},
}
#: What of acts and relations is asked nowhere but of the contact's points, where it is the contact's only one
#: (``facts.holders``): most of them, and so the frames leave it out.
_TOLD_WITH_THE_POINT = {"acts": "event in ('consent_given', 'guardian_consented')", "relations": "true"}
#: Frames that ``facts.holders`` puts together, and all that are made from the register's own and not copied as they are.
_HELD = ("contacts", "points", *OWN_COLUMNS)
_MADE_READY = (*_HELD, "roles")

#: Frames with a row a person or more, and many columns.
_LONG = ("contacts", "points")
#: A row of the list takes so much less room in a hash table than one of theirs.
_LONGER_BY_FAR = 3

Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a snapshot, as its maker wrote it."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. ``position`` is PostgreSQL's own text of the transaction snapshot it was read in.

    ``database`` names the cluster, timeline, database and schema; ``layout`` the columns and what they are selected
    by; ``key_id`` the address key its digests were made with; ``rows`` counts the register's own frames.
    """

    folder: Path
    position: str
    database: str
    taken_at: str
    layout: str
    key_id: int
    rows: Mapping[str, int]
    notices: Sequence[str]
    files: Mapping[str, SnapshotFile]
    #: Contacts of whom something has changed since, where that was asked already (``usable``).
    changed: frozenset[int] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files.values())

    def manifest(self, keys: AddressKeys) -> str:
        """What is written beside the files, under a seal."""
        told = {
            "name": self.name,
            "position": self.position,
            "database": self.database,
            "taken_at": self.taken_at,
            "layout": self.layout,
            "key_id": self.key_id,
            "rows": dict(self.rows),
            "notices": list(self.notices),
            "files": {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in self.files.items()},
        }
        return json.dumps({**told, "seal": _seal(told, keys)}, indent=1)


def snapshot_of(manifest: bytes | str, folder: Path, keys: AddressKeys) -> Snapshot:
    """The snapshot a manifest tells of. Raises ``BadInput`` where it is not whole, or was not made by this installation."""
    try:
        told = json.loads(manifest)
        seal = told.pop("seal")
        sealed = hmac.compare_digest(seal, _seal(told, keys))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"the snapshot {folder.name} has no whole manifest") from None
    if not sealed:
        raise BadInput(f"the snapshot {folder.name} was not made with this installation's address key, or was changed")
    if told.pop("name") != folder.name:
        raise BadInput(f"the snapshot {folder.name} was made under another name")
    files = {name: SnapshotFile(**file) for name, file in told.pop("files").items()}
    return Snapshot(folder=folder, files=files, **told)


def _seal(told: Mapping[str, Any], keys: AddressKeys) -> str:
    data = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(b"snapshot\0" + data, key=keys.secret, digest_size=32).hexdigest()


@cache
def layout() -> str:
    """Names by a digest the frames' columns and what they are selected by: one of another layout is not read."""
    columns = ";".join(f"{name}({','.join(columns)})" for name, columns in COLUMNS.items())
    left_out = ";".join(f"{name}:{condition}" for name, condition in _TOLD_WITH_THE_POINT.items())
    return hashlib.sha256("\n".join((columns, left_out, *(frame.select for frame in FRAMES))).encode()).hexdigest()


def file_names() -> list[str]:
    """The files of a snapshot of the present layout, without its manifest."""
    return [f"{name}.parquet" for name in COLUMNS]


def build(
    connection: Connection[Any], folder: Path, keys: AddressKeys, now: datetime, tell: Tell | None = None
) -> Snapshot:
    """Write a snapshot of the connection's transaction (repeatable read) into ``folder`` and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".spill-", dir=folder) as spill,
            DuckDBEngine(memory_limit=_BUILD_MEMORY, spill_folder=spill) as engine,
        ):
            rows = _write_frames(connection, engine, made, tell)
            _make_ready(engine, made)
        snapshot = Snapshot(
            folder=folder / name,
            position=_scalar(connection, "select pg_current_snapshot()::text"),
            database=database_of(connection),
            taken_at=now.isoformat(),
            layout=layout(),
            key_id=keys.key_id,
            rows=rows,
            notices=_notices(connection),
            files=_files(made),
        )
        (made / MANIFEST).write_text(snapshot.manifest(keys), encoding="utf-8")
        for path in made.iterdir():
            _fsync(path)
        made.rename(snapshot.folder)
        _fsync(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return snapshot


def _write_frames(connection: Connection[Any], engine: DuckDBEngine, folder: Path, tell: Tell | None) -> dict[str, int]:
    """Every frame of the register into its file; PostgreSQL gives the next one while DuckDB packs the one before."""
    rows: dict[str, int] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as packing:
        packed: list[Future[None]] = []
        for number, frame in enumerate(FRAMES):
            if tell:
                tell(frame.name, number)
            if len(packed) > 1:
                # No more than two frames lie unpacked at a time.
                packed.pop(0).result()
            rows[frame.name] = _copy_frame(connection, frame, folder)
            packed.append(packing.submit(_pack_frame, engine, frame, folder))
        for work in packed:
            work.result()
    return rows


def _files(folder: Path) -> dict[str, SnapshotFile]:
    """The bytes and SHA-256 of every file, hashed two at a time."""
    paths = sorted(folder.glob("*.parquet"))
    with ThreadPoolExecutor(2) as hashing:
        return {path.name: found for path, found in zip(paths, hashing.map(file_of, paths), strict=True)}


def file_of(path: Path) -> SnapshotFile:
    """What a file holds now."""
    with path.open("rb") as opened:
        return SnapshotFile(path.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_frame(connection: Connection[Any], frame: Frame, folder: Path) -> int:
    """COPY the frame out of PostgreSQL, in constant memory; how many rows it has."""
    with connection.cursor() as cursor, _text(folder, frame).open("wb") as out:
        with cursor.copy(f"copy ({frame.select}) to stdout (format csv)") as copy:
            for block in copy:
                out.write(block)
        return cursor.rowcount


def _text(folder: Path, frame: Frame) -> Path:
    return folder / f"{frame.name}.csv"


def _pack_frame(engine: DuckDBEngine, frame: Frame, folder: Path) -> None:
    text = _text(folder, frame)
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
            _whole(folder, name),
        )
        _write(
            engine,
            f"select {', '.join(COLUMNS[name])} from read_parquet({_quoted(_whole(folder, name))}) join {kinds}"
            f" using ({kind}) where not (alone and {_TOLD_WITH_THE_POINT[name]})",
            folder / f"{name}.parquet",
        )
    sources = {name: _raw(folder, name) for name in ("contacts", "points")}
    sources |= {name: _whole(folder, name) for name in OWN_COLUMNS}
    frames = {
        name: engine.table(
            name,
            Query(
                f"select * from read_parquet({_quoted(path)})",
                COLUMNS[name] if name in OWN_COLUMNS else BY_NAME[name].schema.names,
            ),
        )
        for name, path in sources.items()
    }
    # Contacts first, and from their file: the points would otherwise join their acts and relations once more.
    _write(
        engine,
        query_of(with_only_history(*(frames[name] for name in ("contacts", *OWN_COLUMNS)))),
        folder / "contacts.parquet",
    )
    contacts = Query(f"select * from read_parquet({_quoted(folder / 'contacts.parquet')})", COLUMNS["contacts"])
    points = with_contact(frames["points"], engine.table("contacts", contacts))
    _write(engine, _marked(query_of(points), _raw(folder, "points"), "sole"), folder / "points.parquet")
    roles = _raw(folder, "roles")
    _write(engine, _marked(f"select * from read_parquet({_quoted(roles)})", roles, "alone"), folder / "roles.parquet")
    for name in _MADE_READY:
        _raw(folder, name).unlink()
    for name in OWN_COLUMNS:
        _whole(folder, name).unlink()


def _marked(query: str, raw: Path, mark: str) -> str:
    """The rows of a query with a column that tells whose contact has one row alone; ``raw`` has the same contacts."""
    return (
        f"select asked.*, asked.contact_id is not null and several.contact_id is null as {mark} from ({query}) asked"
        f" left join (select contact_id from read_parquet({_quoted(raw)}) where contact_id is not null"
        " group by contact_id having count(*) > 1) several on several.contact_id = asked.contact_id"
    )


def _whole(folder: Path, name: str) -> Path:
    """Acts and relations with their kinds, before those are left out that are told with the point."""
    return folder / f"{name}.whole"


def _write(engine: DuckDBEngine, query: str, path: Path) -> None:
    engine.run(f"copy ({query}) to {_quoted(path)} (format parquet, compression zstd)")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _scalar(connection: Connection[Any], question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(SQL(question))
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def database_of(connection: Connection[Any]) -> str:
    """Which cluster, timeline, database and schema (``database_identity``)."""
    return _scalar(connection, f"select {DATABASE_IDENTITY}")


def _notices(connection: Connection[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select key || '/' || version || '/' || language from notice order by 1")
        return [row[0] for row in cursor.fetchall()]


def with_changes(connection: Connection[Any], snapshot: Snapshot) -> Snapshot | None:
    """The same snapshot with what has changed since; None where so much has that a new one costs less.

    None too where it was taken after the position that is read: the database has been put back since.
    """
    current = "select pg_snapshot_xmax(pg_current_snapshot()) >= pg_snapshot_xmax(%s::pg_snapshot)"
    with connection.cursor() as cursor:
        cursor.execute(current, [snapshot.position])
        row = cursor.fetchone()
    if not (row and row[0]):
        return None
    changed = _changed_contacts(connection, snapshot)
    if len(changed) > max(_FEW_CHANGES, _REBUILD_SHARE * snapshot.rows["contacts"]):
        return None
    return replace(snapshot, changed=frozenset(changed))


def has_aged(connection: Connection[Any], snapshot: Snapshot) -> bool:
    """Whether ``with_changes`` would refuse it, told without reading what has changed."""
    most = int(max(_FEW_CHANGES, _REBUILD_SHARE * snapshot.rows["contacts"]))
    unseen = _UNSEEN.format("changed_xid")
    with connection.cursor() as cursor:
        cursor.execute(
            f"select count(*) > %(most)s from (select from contact where {unseen} limit %(most)s + 1) changed",
            {"taken": snapshot.position, "most": most},
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def has_changed(connection: Connection[Any], snapshot: Snapshot) -> bool:
    """Whether anything it holds has changed since."""
    tables = ("contact", "organisation", "prohibition", "erased_key")
    asked = " or ".join(f"exists (select from {name} where {_UNSEEN.format('changed_xid')})" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"select {asked}", {"taken": snapshot.position})
        row = cursor.fetchone()
    return bool(row and row[0]) or bool(set(_notices(connection)) - set(snapshot.notices))


def erased_since(connection: Connection[Any], snapshot: Snapshot) -> bool:
    """Whether it still holds facts of somebody whose erasure has been done (GDPR 17)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select exists (select from contact where erased_at is not null and {_UNSEEN.format('changed_xid')})",
            {"taken": snapshot.position},
        )
        row = cursor.fetchone()
    return bool(row and row[0])


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


@dataclass(frozen=True, slots=True)
class _Changes:
    """What is not as the snapshot has it: ids whose rows are left out, and ``fresh`` rows that stand for them."""

    contacts: list[int]
    organisations: list[int]
    prohibitions: list[int]
    fresh: Mapping[str, pa.Table]


def frames_of_snapshot(
    engine: Engine, connection: Connection[Any], snapshot: Snapshot, *, list_rows: int = 0
) -> dict[str, Any]:
    """Each frame over the snapshot's files, with everything changed since read afresh and put in place.

    ``list_rows``: how many rows are asked for. What is given back is for ``engine.table``: for DuckDB one query a frame,
    which it plans together with what is asked of it; for others column expressions.
    """
    contacts = sorted(_changed_contacts(connection, snapshot) if snapshot.changed is None else snapshot.changed)
    organisations = _changed(connection, "organisation", "changed_xid", snapshot)
    prohibitions = _changed_prohibitions(connection, snapshot, contacts, organisations)
    values = {
        "contacts": _array(contacts),
        "organisations": _array(organisations),
        "prohibitions": _array(prohibitions),
    }
    fresh = _fresh_of_contacts(engine, connection, values) if contacts or organisations else {}
    if organisations:
        for name in ORGANISATION_FRAMES:
            ours = f" and {BY_NAME[name].owner} = any(%(organisations)s::bigint[])"
            fresh[name] = read_rows(connection, BY_NAME[name], ours, values)
    if prohibitions:
        ours = " and b.id = any(%(prohibitions)s::bigint[])"
        fresh["prohibitions"] = read_rows(connection, BY_NAME["prohibitions"], ours, values)
    unseen = f" and {_UNSEEN.format('k.changed_xid')}"
    fresh["erased_keys"] = read_rows(connection, BY_NAME["erased_keys"], unseen, {"taken": snapshot.position})
    changes = _Changes(contacts, organisations, prohibitions, fresh)
    if isinstance(engine, DuckDBEngine):
        return _queries(engine, snapshot, changes, list_rows)
    return {name: _overlaid_frame(engine, snapshot, name, changes) for name in COLUMNS}


def _fresh_of_contacts(engine: Engine, connection: Connection[Any], values: Mapping[str, str]) -> dict[str, pa.Table]:
    """The rows of changed contacts, and the points of changed organisations, made ready as the snapshot's are."""
    fresh = {}
    for name in CONTACT_FRAMES:
        whose = f" and {BY_NAME[name].owner} = any(%(contacts)s::bigint[])"
        fresh[name] = read_rows(connection, BY_NAME[name], whose, values)
    if values["organisations"] != _array(()):
        # Asked apart: an "or" of two such conditions is looked up by no index, and held to each row by turns.
        whose = " and p.contact_id is null and p.organisation_id = any(%(organisations)s::bigint[])"
        listed = read_rows(connection, BY_NAME["points"], whose, values)
        fresh["points"] = pa.concat_tables([fresh["points"], listed])
    fresh = by_kind(fresh, below_zero=True)
    # They are few, so that no cluster is asked.
    near = engine if isinstance(engine, DuckDBEngine) else PolarsEngine()
    ready = held({name: near.table(f"raw_{name}", fresh[name]) for name in _HELD})
    fresh |= {name: near.collect(ready[name]) for name in ("contacts", "points")}
    for name, mark in (("points", "sole"), ("roles", "alone")):
        fresh[name] = fresh[name].append_column(mark, alone(fresh[name]["contact_id"]))
    return fresh


def _array(ids: Iterable[int]) -> str:
    """Ids as PostgreSQL writes an array: one text costs the driver nothing, and a hundred thousand numbers seconds."""
    return f"{{{','.join(map(str, ids))}}}"


def _changed_prohibitions(
    connection: Connection[Any], snapshot: Snapshot, contacts: Sequence[int], organisations: Sequence[int]
) -> list[int]:
    """New and lifted ones, and those whose contact or organisation has changed (it may not have been known before)."""
    question = (
        f"select b.id from prohibition b where {_UNSEEN.format('b.changed_xid')} or b.contact_ref in"
        " (select ref from contact where id = any(%(contacts)s::bigint[])) or b.organisation in"
        " (select identity from organisation where id = any(%(organisations)s::bigint[]))"
    )
    values = {"taken": snapshot.position, "contacts": _array(contacts), "organisations": _array(organisations)}
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [row[0] for row in cursor.fetchall()]


def _left_out(name: str, changes: _Changes) -> tuple[str, str] | None:
    """The column of a frame by which changed rows are left out, and what of ``_Changes`` they are; None for none."""
    if name in CONTACT_FRAMES:
        found = ("contact_id", "contacts")
    elif name in ORGANISATION_FRAMES:
        found = ("organisation_id", "organisations")
    elif name == "prohibitions":
        found = ("prohibition_id", "prohibitions")
    else:
        return None
    return found if getattr(changes, found[1]) else None


def _queries(engine: DuckDBEngine, snapshot: Snapshot, changes: _Changes, list_rows: int = 0) -> dict[str, Query]:
    for column, ids in (
        ("contact_id", changes.contacts),
        ("organisation_id", changes.organisations),
        ("prohibition_id", changes.prohibitions),
    ):
        engine.register(f"changed_{column}", pa.table({column: pa.array(ids, pa.int64())}))
    # A list that is longer by far is not what a hash table is made of.
    long = {name for name in _LONG if list_rows <= _LONGER_BY_FAR * snapshot.rows[name]}
    return {
        name: Query(_overlaid_query(engine, snapshot, name, changes), COLUMNS[name], is_long=name in long)
        for name in COLUMNS
    }


def _overlaid_query(engine: DuckDBEngine, snapshot: Snapshot, name: str, changes: _Changes) -> str:
    columns = ", ".join(COLUMNS[name])
    base = f"select {columns} from read_parquet({_quoted(snapshot.folder / f'{name}.parquet')}) base"
    if left_out := _left_out(name, changes):
        # An anti join keeps what has no contact, as the points of organisations have none; and it lets through to the
        # file what a later join asks for.
        base += f" anti join changed_{left_out[0]} using ({left_out[0]})"
    if name == "points" and changes.organisations:
        base += (
            " where not (contact_id is null and organisation_id in"
            " (select organisation_id from changed_organisation_id))"
        )
    fresh = changes.fresh.get(name)
    if fresh is None or not fresh.num_rows:
        return base
    engine.register(f"fresh_{name}", fresh)
    return f"{base} union all select {columns} from fresh_{name}"


def _overlaid_frame(engine: Engine, snapshot: Snapshot, name: str, changes: _Changes) -> "nw.LazyFrame[Any]":
    """The same by column expressions, for any engine."""
    columns = COLUMNS[name]
    base = engine.parquet(str(snapshot.folder / f"{name}.parquet")).select(*columns)

    def without(frame: "nw.LazyFrame[Any]", column: str, ids: Sequence[int]) -> "nw.LazyFrame[Any]":
        gone = engine.table(f"changed_{column}", pa.table({column: pa.array(ids, pa.int64())}))
        return frame.join(gone, on=column, how="anti")

    if name == "points" and changes.organisations:
        of_nobody = nw.col("contact_id").is_null()
        listed = without(base.filter(of_nobody), "organisation_id", changes.organisations)
        base = nw.concat([base.filter(~of_nobody), listed.select(*columns)], how="vertical")
    if left_out := _left_out(name, changes):
        base = without(base, left_out[0], getattr(changes, left_out[1])).select(*columns)
    fresh = changes.fresh.get(name)
    if fresh is None or not fresh.num_rows:
        return base
    return nw.concat([base, engine.table(f"fresh_{name}", fresh).select(*columns)], how="vertical")
