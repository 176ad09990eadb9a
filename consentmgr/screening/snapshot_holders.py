"""Who holds the addresses of a list: a snapshot's records of points, and what has changed since."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.screening import point_records
from consentmgr.screening.facts.resolution import HELD, ROWS_SCHEMA
from consentmgr.screening.point_records import PointRecords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consentmgr.screening.point_records import Places
    from consentmgr.screening.snapshot import Snapshot
    from consentmgr.screening.snapshot_changes import Changes
    from consentmgr.vocabulary.codes import PointKind

_HELD = {name: column for name, column in HELD.items() if column in point_records.COLUMNS}
MET_SCHEMA = pa.schema(
    [*ROWS_SCHEMA, *((name, point_records.SCHEMA.field(column).type) for name, column in _HELD.items())]
)
_THREADS = 2
#: Few enough for all threads to have work to the end.
_PIECE = 100_000


class DamagedSnapshot(Exception):
    """A snapshot's files are not as they were written."""


def met_rows(
    rows: pa.Table, kind: PointKind, snapshot: Snapshot, changes: Changes, *, piece: int = _PIECE
) -> Iterator[pa.Table]:
    """The rows of a list as ``facts.resolution.met_by_join`` gives them, in no particular order and a part at a time: one
    for each contact that has the row's address of this kind, or one with nulls where nobody has.

    ``piece``: how many rows are looked up at a time, by each of two threads. Raises ``DamagedSnapshot``.
    """
    try:
        yield from _parts(rows.combine_chunks(), kind, snapshot, changes, piece)
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        raise DamagedSnapshot(f"the points of the snapshot {snapshot.name} cannot be read") from error


def contacts_listed(points: pa.Table, kind: PointKind, keys: pa.Array) -> list[int]:
    """The contacts whom a list names: those of ``points`` (a frame) whose address of this kind is one of its ``keys``."""
    points = points.filter(pc.equal(points["kind"], kind))
    # Few are looked for among many: the hash table is made of the few.
    met = keys.filter(pc.is_in(keys, value_set=points["address_key"].combine_chunks()))
    found: list[int] = pc.unique(
        points.filter(pc.is_in(points["address_key"], value_set=met))["contact_id"]
    ).to_pylist()
    return found


def _parts(rows: pa.Table, kind: PointKind, snapshot: Snapshot, changes: Changes, piece: int) -> Iterator[pa.Table]:
    then, now = PointRecords.opened(snapshot.folder, kind), None
    if "points" in changes.fresh:
        points = changes.fresh["points"]
        now = PointRecords.of(points.filter(pc.and_(pc.equal(points["kind"], kind), pc.is_valid(points["contact_id"]))))
    changed = np.asarray(changes.contacts, np.int64)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="meet") as meeting:
        # A few ahead and not all, so that of a list of any length few parts lie here.
        waiting: deque[Future[pa.Table]] = deque()
        for start in range(0, max(len(rows), 1), piece):
            part = rows.slice(start, piece)
            keys = part[f"{kind}_key"].combine_chunks()
            waiting.append(meeting.submit(_met, part, keys, then, now, changed))
            if len(waiting) > 2 * _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _met(
    rows: pa.Table, keys: pa.Array, then: PointRecords, now: PointRecords | None, changed: npt.NDArray[np.int64]
) -> pa.Table:
    """``now`` has the points of those who have ``changed``, and they stand for what ``then`` tells of them."""
    listed, places = then.find(keys)
    if len(changed):
        kept = np.isin(then.records["contact_id"][places], changed, invert=True)
        listed, places = listed[kept], places[kept]
    listed_now, places_now = now.find(keys) if now is not None else (listed[:0], places[:0])
    is_met = np.zeros(len(rows), np.bool_)
    is_met[listed] = is_met[listed_now] = True
    nobodys = np.flatnonzero(~is_met)
    points = then.told(places, blank=len(nobodys))
    if now is not None:
        points = pa.concat_tables([points, now.told(places_now)]).unify_dictionaries()
    listed = np.concatenate([listed, nobodys, listed_now])
    met = {name: _taken(rows[name], listed) for name in rows.column_names}
    return pa.table(met | {name: points[column] for name, column in _HELD.items()})


def _taken(column: pa.ChunkedArray, places: Places) -> pa.ChunkedArray:
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(places), column.type)])
    return column.take(pa.array(places))
