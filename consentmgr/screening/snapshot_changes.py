"""What has changed since a snapshot was taken, and the snapshot's frames with all of it put in place.

What changed is asked by transaction: every row of ``contact``, ``organisation``, ``prohibition`` and ``erased_key``
carries the transaction that last touched it or what belongs to it, and those that the snapshot's own transaction
snapshot did not see are read afresh. That is exact under concurrent writers, where an order of numbers or times is not
(a transaction may commit after a later one).
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import pyarrow as pa
from psycopg import Connection

from consentmgr.same_position import connections_beside
from consentmgr.screening.engine import DuckDBEngine, Engine, PolarsEngine, Query
from consentmgr.screening.facts.holders import held
from consentmgr.screening.kinds import KINDS_OF, OWN_COLUMNS, alone, by_kind
from consentmgr.screening.register_frames import BY_NAME, CONTACT_FRAMES, ORGANISATION_FRAMES, read_rows
from consentmgr.screening.snapshot import COLUMNS, Snapshot, notices_of
from consentmgr.screening.snapshot_acts import CopiedActs
from consentmgr.screening.written.expressions import literal

#: A snapshot is made anew when this share of its contacts has changed: reading them one by one costs more.
_REBUILD_SHARE = 0.2
#: Changes of so few contacts never ask for a new snapshot.
_FEW_CHANGES = 1000
_UNSEEN = "{0} >= pg_snapshot_xmin(%(taken)s::pg_snapshot) and not pg_visible_in_snapshot({0}, %(taken)s::pg_snapshot)"
#: So many changed contacts are read on several connections; fewer cost less than to open these.
_MANY_CHANGES = 5000
#: Frames with most to read, each on a connection of its own.
_APART = ("acts", "points")
#: Frames that ``facts.holders`` puts together.
_HELD = ("contacts", "points", "roles", *OWN_COLUMNS)
#: Frames with a row a person or more, and many columns.
_LONG = ("contacts", "points")
#: A row of the list takes so much less room in a hash table than one of theirs.
_LONGER_BY_FAR = 3


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
    return bool(row and row[0]) or bool(set(notices_of(connection)) - set(snapshot.notices))


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
    new_notices = sorted(set(notices_of(connection)) - set(snapshot.notices))
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
class Changes:
    """What is not as the snapshot has it: ids whose rows are left out, and ``fresh`` rows that stand for them."""

    contacts: list[int]
    organisations: list[int]
    prohibitions: list[int]
    fresh: Mapping[str, pa.Table]


def changes_since(engine: Engine, connection: Connection[Any], snapshot: Snapshot) -> Changes:
    """Everything that has changed since the snapshot, read afresh."""
    noted = changes_noted(connection, snapshot)
    return with_people(engine, connection, noted, noted.contacts)


def changes_noted(connection: Connection[Any], snapshot: Snapshot) -> Changes:
    """What has changed since the snapshot: the ids of all of it, and the rows of all but people and addresses."""
    contacts = sorted(_changed_contacts(connection, snapshot) if snapshot.changed is None else snapshot.changed)
    organisations = _changed(connection, "organisation", "changed_xid", snapshot)
    prohibitions = _changed_prohibitions(connection, snapshot, contacts, organisations)
    fresh: dict[str, pa.Table] = {}
    if organisations:
        for name in ORGANISATION_FRAMES:
            ours = f" and {BY_NAME[name].owner} = any(%(ids)s::bigint[])"
            fresh[name] = read_rows(connection, BY_NAME[name], ours, {"ids": _array(organisations)})
    if prohibitions:
        ours = " and b.id = any(%(ids)s::bigint[])"
        fresh["prohibitions"] = read_rows(connection, BY_NAME["prohibitions"], ours, {"ids": _array(prohibitions)})
    unseen = f" and {_UNSEEN.format('k.changed_xid')}"
    fresh["erased_keys"] = read_rows(connection, BY_NAME["erased_keys"], unseen, {"taken": snapshot.position})
    return Changes(contacts, organisations, prohibitions, fresh)


def points_of_changed(connection: Connection[Any], noted: Changes) -> pa.Table:
    """The addresses that people of whom something has changed have now."""
    return _rows_of_contacts(connection, noted.contacts, ("points",))["points"]


def with_people(
    engine: Engine,
    connection: Connection[Any],
    noted: Changes,
    contacts: Sequence[int],
    points: pa.Table | None = None,
) -> Changes:
    """``noted`` with the rows of ``contacts``, and with the addresses of organisations, made ready as the snapshot's are.

    ``contacts``: those of whom something has changed, or those of them whom a list can be about: who of the others
    is left out of the snapshot is nobody to whom it asks. ``points``: the addresses of ``contacts``, where they are
    known (``points_of_changed``).
    """
    if not contacts and not noted.organisations:
        return noted
    names = CONTACT_FRAMES if points is None else [name for name in CONTACT_FRAMES if name != "points"]
    fresh = _rows_of_contacts(connection, contacts, names)
    fresh.setdefault("points", points)
    if noted.organisations:
        # Asked apart: an "or" of two such conditions is looked up by no index, and held to each row by turns.
        whose = " and p.contact_id is null and p.organisation_id = any(%(ids)s::bigint[])"
        listed = read_rows(connection, BY_NAME["points"], whose, {"ids": _array(noted.organisations)})
        fresh["points"] = pa.concat_tables([fresh["points"], listed])
    fresh = by_kind(fresh, below_zero=True)
    # They are few: no cluster is asked, and no engine that has other work to do first.
    with DuckDBEngine(threads=1) if isinstance(engine, DuckDBEngine) else PolarsEngine() as near:
        ready = held({name: near.table(f"raw_{name}", fresh[name]) for name in _HELD})
        fresh |= {name: near.collect(ready[name]) for name in ("contacts", "points")}
    fresh["points"] = fresh["points"].append_column("sole", alone(fresh["points"]["contact_id"]))
    return replace(noted, fresh={**noted.fresh, **fresh})


def frames_of_snapshot(engine: Engine, snapshot: Snapshot, changes: Changes, *, list_rows: int = 0) -> dict[str, Any]:
    """Each frame over the snapshot's files, with what has changed since put in place.

    ``list_rows``: how many rows are asked for. What is given back is for ``engine.table``: for DuckDB one query a frame,
    which it plans together with what is asked of it; for others column expressions.
    """
    if isinstance(engine, DuckDBEngine):
        return _queries(engine, snapshot, changes, list_rows)
    return {name: _overlaid_frame(engine, snapshot, name, changes) for name in COLUMNS}


def fresh_frames(engine: Engine, changes: Changes) -> dict[str, Any]:
    """The rows of people that stand for the snapshot's (``with_people``), as frames of their own."""
    return {
        name: engine.table(f"fresh_{name}", changes.fresh[name].select(list(COLUMNS[name])))
        for name in (*CONTACT_FRAMES, *KINDS_OF.values())
    }


def _rows_of_contacts(
    connection: Connection[Any], contacts: Sequence[int], names: Sequence[str]
) -> dict[str, pa.Table]:
    """The rows of these contacts in frames, as the register has them.

    PostgreSQL works on one question of a connection at a time. Of many, several frames are asked of three connections at
    once, which read the same position: their rows lie all over the tables, and most of the time goes by in fetching
    pages.
    """
    values, many = {"contacts": _array(contacts)}, len(contacts) > _MANY_CHANGES

    def rows(asked: Connection[Any], name: str) -> pa.Table:
        whose = f" and {BY_NAME[name].owner} = any(%(contacts)s::bigint[])"
        if name == "acts" and many:
            # A hundred thousand acts say few different things.
            return CopiedActs(asked, None, whose, values).table()
        return read_rows(asked, BY_NAME[name], whose, values)

    def read(asked: Connection[Any], names: Sequence[str]) -> dict[str, pa.Table]:
        return {name: rows(asked, name) for name in names}

    apart = [name for name in _APART if name in names]
    if not many or len(names) == 1:
        return read(connection, names)
    with (
        connections_beside(connection, len(apart)) as beside,
        ThreadPoolExecutor(len(apart), thread_name_prefix="changed") as asking,
    ):
        if not beside:
            return read(connection, names)
        for other in beside:
            # Pages are fetched in the order in which they lie, several ahead, and not as the ids point to them.
            other.execute("set local enable_indexscan = off")
        asked = [asking.submit(read, other, (name,)) for other, name in zip(beside, apart, strict=True)]
        found = read(connection, [name for name in names if name not in apart])
        for work in asked:
            found |= work.result()
    return found


def _array(ids: Iterable[int]) -> str:
    """Ids as PostgreSQL writes an array: one text costs the driver nothing, and a hundred thousand numbers seconds."""
    return f"{{{','.join(map(str, ids))}}}"


def _changed_prohibitions(
    connection: Connection[Any], snapshot: Snapshot, contacts: Sequence[int], organisations: Sequence[int]
) -> list[int]:
    """New and lifted ones, and those whose contact or organisation has changed (it may not have been known before)."""
    # One look-up an index, where the same conditions joined by "or" would read the whole table.
    question = (
        f"select b.id from prohibition b where {_UNSEEN.format('b.changed_xid')}"
        " union select b.id from contact c join prohibition b on b.contact_ref = c.ref"
        " where c.id = any(%(contacts)s::bigint[])"
        " union select b.id from organisation o join prohibition b on b.organisation = o.identity"
        " where o.id = any(%(organisations)s::bigint[])"
    )
    values = {"taken": snapshot.position, "contacts": _array(contacts), "organisations": _array(organisations)}
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [row[0] for row in cursor.fetchall()]


def _left_out(name: str, changes: Changes) -> tuple[str, str] | None:
    """The column of a frame by which changed rows are left out, and what of ``Changes`` they are; None for none."""
    if name in CONTACT_FRAMES:
        found = ("contact_id", "contacts")
    elif name in ORGANISATION_FRAMES:
        found = ("organisation_id", "organisations")
    elif name == "prohibitions":
        found = ("prohibition_id", "prohibitions")
    else:
        return None
    return found if getattr(changes, found[1]) else None


def _queries(engine: DuckDBEngine, snapshot: Snapshot, changes: Changes, list_rows: int = 0) -> dict[str, Query]:
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


def _overlaid_query(engine: DuckDBEngine, snapshot: Snapshot, name: str, changes: Changes) -> str:
    columns = ", ".join(COLUMNS[name])
    base = f"select {columns} from read_parquet({literal(str(snapshot.folder / f'{name}.parquet'))}) base"
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


def _overlaid_frame(engine: Engine, snapshot: Snapshot, name: str, changes: Changes) -> "nw.LazyFrame[Any]":
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
