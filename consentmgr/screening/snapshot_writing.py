"""A snapshot is written: the register's frames leave PostgreSQL one after the other, and DuckDB makes them ready.

PostgreSQL gives the next frame while DuckDB works on those before. The long ones are never written twice: what comes
with a contact (its only act, relation and role) is there before the contacts, and they before the points, so that each goes
from the text that PostgreSQL gave straight into its file.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from psycopg import Connection

from consentmgr.copied_rows import copied_out
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening import point_records
from consentmgr.screening.engine import DuckDBEngine, Query, query_of
from consentmgr.screening.facts.holders import with_contact, with_only_history
from consentmgr.screening.kinds import KIND_COLUMNS, KIND_OF, KINDS_OF, OWN_COLUMNS
from consentmgr.screening.register_frames import BY_NAME, FRAMES, KEY, Frame
from consentmgr.screening.snapshot import (
    COLUMNS,
    MANIFEST,
    TOLD_WITH_THE_POINT,
    Snapshot,
    SnapshotFile,
    database_of,
    layout,
    notices_of,
)
from consentmgr.screening.snapshot_acts import CopiedActs
from consentmgr.screening.written.expressions import literal

#: Bytes that making a snapshot may take before it spills to disk.
_BUILD_MEMORY: Final = 3_000_000_000
_DUCKDB_TYPES: Final[Mapping[pa.DataType, str]] = {
    pa.int64(): "BIGINT",
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    KEY: "VARCHAR",
}
#: What comes first, because what comes after is made with it.
_FIRST: Final = ("acts", "relations", "roles", "contacts", "points")
#: Frames that lie unpacked at a time.
_UNPACKED: Final = 2
#: How files are packed. Most are unpacked whole for a list, which from Zstandard takes a fifth longer and for a third less
#: of disk; contacts and points are the longest, and most lists have what they ask of them from their records.
_PACKED: Final = "format parquet, compression snappy"
_PACKED_CLOSE: Final = "format parquet, compression zstd"
_CLOSE: Final = ("contacts", "points")

Tell = Callable[[str, int], None]


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
            # How many rows a text has is not known before it is read, and it would be taken for a short one: the longest
            # frame of all would be the one that is held in memory for what is joined to it.
            engine.run("set disabled_optimizers = 'build_side_probe_side'")
            rows = _write_frames(connection, _Frames(engine, Path(spill), made), tell)
        snapshot = Snapshot(
            folder=folder / name,
            position=_position(connection),
            database=database_of(connection),
            taken_at=now.isoformat(),
            layout=layout(),
            key_id=keys.key_id,
            rows=rows,
            notices=notices_of(connection),
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


def _position(connection: Connection[Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_snapshot()::text")
        (position,) = cursor.fetchone() or ("",)
    return str(position)


def _write_frames(connection: Connection[Any], frames: "_Frames", tell: Tell | None) -> dict[str, int]:
    """Every frame of the register into its file; PostgreSQL gives the next one while DuckDB packs those before."""
    rows: dict[str, int] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as packing:
        packed: list[Future[None]] = []
        for number, name in enumerate((*_FIRST, *(frame.name for frame in FRAMES if frame.name not in _FIRST))):
            if tell:
                tell(name, number)
            if len(packed) >= _UNPACKED:
                packed.pop(0).result()
            rows[name], pack = frames.copy(connection, BY_NAME[name])
            packed.append(packing.submit(pack))
        for work in packed:
            work.result()
    return {frame.name: rows[frame.name] for frame in FRAMES}


class _Frames:
    """Frames on their way: ``texts`` has what PostgreSQL gave, ``folder`` gets the files."""

    def __init__(self, engine: DuckDBEngine, texts: Path, folder: Path) -> None:
        self._engine, self._texts, self._folder = engine, texts, folder

    def copy(self, connection: Connection[Any], frame: Frame) -> tuple[int, Callable[[], None]]:
        """COPY a frame out of PostgreSQL, in constant memory: how many rows it has, and what makes its file of them."""
        if frame.name == "acts":
            acts = CopiedActs(connection, self._texts / "acts.rows")
            return acts.rows, partial(self._pack_acts, acts)
        with self._text(frame.name).open("wb", buffering=1 << 20) as out:
            rows = copied_out(connection, f"copy ({frame.select}) to stdout (format csv)", out.write)
        packs = {
            "relations": self._pack_relations,
            "contacts": self._pack_contacts,
            "points": self._pack_points,
            "roles": self._pack_roles,
        }
        return rows, packs.get(frame.name, partial(self._pack_as_it_is, frame.name))

    def _text(self, name: str) -> Path:
        return self._texts / f"{name}.csv"

    def _whole(self, name: str) -> Path:
        """Acts and relations with their kinds, before those are left out that are told with the point."""
        return self._texts / f"{name}.whole"

    def _rows(self, name: str, *, only: str | None = None) -> str:
        """A query for the rows of a frame's text, or for one column of them."""
        schema = BY_NAME[name].schema
        columns = ", ".join(f"'{field.name}': '{_DUCKDB_TYPES[field.type]}'" for field in schema)
        shown = only or ", ".join(
            f"unhex(replace({field.name}, '-', '')) as {field.name}" if field.type == KEY else field.name
            for field in schema
        )
        return (
            f"select {shown} from read_csv({literal(str(self._text(name)))}, columns = {{{columns}}}, header = false,"
            " delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, auto_detect = false,"
            " buffer_size = 8388608)"
        )

    def _write(self, name: str, query: str) -> None:
        packed = _PACKED_CLOSE if name in _CLOSE else _PACKED
        self._engine.run(f"copy ({query}) to {literal(str(self._folder / f'{name}.parquet'))} ({packed})")

    def _pack_as_it_is(self, name: str) -> None:
        self._write(name, self._rows(name))
        self._text(name).unlink()

    def _pack_acts(self, acts: CopiedActs) -> None:
        self._engine.register("acts_copied", acts.batches())
        self._engine.run("create table acts_read as select * from acts_copied")
        self._engine.register("act_kinds_copied", acts.kinds)
        self._engine.run("create table act_kinds as select * from act_kinds_copied")
        self._pack_own("acts")
        acts.remove()

    def _pack_relations(self) -> None:
        words, kind = KIND_COLUMNS["relations"], KIND_OF["relations"]
        self._engine.run(
            f"create table relation_kinds as select row_number() over () - 1 as {kind}, * from"
            f" (select distinct {', '.join(words)} from ({self._rows('relations')}))"
        )
        own = ", ".join(f"r.{column}" for column in OWN_COLUMNS["relations"])
        same = " and ".join(f"r.{word} is not distinct from k.{word}" for word in words)
        self._engine.run(
            f"create table relations_read as select {own}, k.{kind} from ({self._rows('relations')}) r"
            f" join relation_kinds k on {same}"
        )
        self._text("relations").unlink()
        self._pack_own("relations")

    def _pack_own(self, name: str) -> None:
        """Acts or relations, whose kinds are told: their files, and one of all of them for the contacts."""
        kinds, kind = KINDS_OF[name], KIND_OF[name]
        self._write(kinds, f"select {', '.join(COLUMNS[kinds])} from {kinds}")
        self._engine.run(
            f"create table {name}_several as select contact_id from {name}_read group by contact_id having count(*) > 1"
        )
        own = ", ".join(f"r.{column}" for column in OWN_COLUMNS[name])
        # In a file, so that what joins them has the memory that they would lie in.
        self._engine.run(
            f"copy (select {own}, m.contact_id is null as alone, r.{kind} from {name}_read r"
            f" left join {name}_several m on m.contact_id = r.contact_id)"
            f" to {literal(str(self._whole(name)))} ({_PACKED})"
        )
        for made in ("read", "several"):
            self._engine.run(f"drop table {name}_{made}")
        told = f"select {kind} from {kinds} where {TOLD_WITH_THE_POINT[name]}"
        self._write(
            name,
            f"select {', '.join(COLUMNS[name])} from read_parquet({literal(str(self._whole(name)))}) where not (alone and {kind} in ({told}))",
        )

    def _pack_contacts(self) -> None:
        contacts = self._engine.table("contacts", Query(self._rows("contacts"), BY_NAME["contacts"].schema.names))
        files = {**{name: self._whole(name) for name in OWN_COLUMNS}, "roles": self._folder / "roles.parquet"}
        histories = (
            self._engine.table(name, Query(f"select * from read_parquet({literal(str(path))})", COLUMNS[name]))
            for name, path in files.items()
        )
        self._write("contacts", query_of(with_only_history(contacts, *histories)))
        self._text("contacts").unlink()
        for name in OWN_COLUMNS:
            self._whole(name).unlink()

    def _pack_points(self) -> None:
        points = self._engine.table("points", Query(self._rows("points"), BY_NAME["points"].schema.names))
        contacts = self._engine.table(
            "contacts",
            Query(
                f"select * from read_parquet({literal(str(self._folder / 'contacts.parquet'))})", COLUMNS["contacts"]
            ),
        )
        self._write("points", self._marked("points", query_of(with_contact(points, contacts)), "sole"))
        self._text("points").unlink()
        point_records.write(self._folder / "points.parquet", self._folder, self._texts)

    def _pack_roles(self) -> None:
        self._write("roles", self._marked("roles", self._rows("roles"), "alone"))
        self._text("roles").unlink()

    def _marked(self, name: str, query: str, mark: str) -> str:
        """The rows of a query with a column that tells whose contact has one row alone in the frame ``name``."""
        several = (
            f"select contact_id from ({self._rows(name, only='contact_id')}) group by contact_id having count(*) > 1"
        )
        return (
            f"select asked.*, asked.contact_id is not null and several.contact_id is null as {mark} from ({query}) asked"
            f" left join ({several}) several on several.contact_id = asked.contact_id"
        )


def _files(folder: Path) -> dict[str, SnapshotFile]:
    """The bytes and SHA-256 of every file, hashed two at a time."""
    paths = sorted(folder.iterdir())
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
