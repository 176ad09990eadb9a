"""Who holds the addresses of a list: a snapshot's records of points, and what has changed since."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.screening import point_records
from consentmgr.screening.facts.resolution import HELD, ROWS_SCHEMA
from consentmgr.screening.point_records import PointRecords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    """The rows of a list as ``facts.Met`` has them, in no particular order and a part at a time: one for each contact that
    has an address of the row, or one with nulls where nobody has.

    ``kind``: what the campaign is sent to; no row may lack such an address and have one of another kind. ``piece``: how many rows are looked up at a time, by each of two threads. Raises ``DamagedSnapshot``.
    """
    try:
        yield from _parts(rows.combine_chunks(), kind, snapshot, changes, piece)
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        raise DamagedSnapshot(f"the points of the snapshot {snapshot.name} cannot be read") from error


def contacts_listed(points: pa.Table, keys: Iterable[pa.Array]) -> list[int]:
    """The contacts whom a list names: those of ``points`` (a frame) whose address is one of its ``keys``."""
    # Few are looked for among many: the hash table is made of the few.
    few = points["address_key"].combine_chunks()
    met = pa.concat_arrays([column.filter(pc.is_in(column, value_set=few)) for column in keys])
    found: list[int] = pc.unique(points.filter(pc.is_in(few, value_set=met))["contact_id"]).to_pylist()
    return found


def _parts(rows: pa.Table, kind: PointKind, snapshot: Snapshot, changes: Changes, piece: int) -> Iterator[pa.Table]:
    # First the kind that is written to: whoever has the other address too has been met by then.
    kinds = [kind, *(other for other in point_records.KINDS if other != kind and _has_any(rows[f"{other}_key"]))]
    looked = [_Holders.of(one, snapshot, changes) for one in kinds]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="meet") as meeting:
        # A few ahead and not all, so that of a list of any length few parts lie here.
        waiting: deque[Future[pa.Table]] = deque()
        for start in range(0, max(len(rows), 1), piece):
            waiting.append(meeting.submit(_met, rows.slice(start, piece), looked))
            if len(waiting) > 2 * _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _has_any(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count < len(column))


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who has addresses of a kind: in ``then``, and in ``now`` those who have changed, which ``then`` tells wrongly."""

    kind: PointKind
    then: PointRecords
    now: PointRecords | None
    changed: npt.NDArray[np.int64]

    @classmethod
    def of(cls, kind: PointKind, snapshot: Snapshot, changes: Changes) -> Self:
        now = None
        if "points" in changes.fresh:
            points = changes.fresh["points"]
            ours = pc.and_(pc.equal(points["kind"], kind), pc.is_valid(points["contact_id"]))
            now = PointRecords.of(points.filter(ours))
        return cls(kind, PointRecords.opened(snapshot.folder, kind), now, np.asarray(changes.contacts, np.int64))

    def found(self, rows: pa.Table) -> Iterator[tuple[PointRecords, Places, Places]]:
        """Which rows are met, and the places of their points in the records that tell of them."""
        keys = rows[f"{self.kind}_key"].combine_chunks()
        listed, places = self.then.find(keys)
        if len(self.changed):
            kept = np.isin(self.then.records["contact_id"][places], self.changed, invert=True)
            listed, places = listed[kept], places[kept]
        yield self.then, listed, places
        if self.now is not None:
            yield self.now, *self.now.find(keys)


def _met(rows: pa.Table, looked: Sequence[_Holders]) -> pa.Table:
    is_met = np.zeros(len(rows), np.bool_)
    listed: list[Places] = []
    told: list[pa.Table] = []
    #: Rows with contacts whom they have met by an address of the first kind.
    pairs: list[Places] = []
    for number, holders in enumerate(looked):
        for records, ours, places in holders.found(rows):
            if len(looked) > 1:
                # Numbers of contacts are far from where this would not fit.
                mine = records.records["contact_id"][places].astype(np.int64) * len(rows) + ours
                if number == 0:
                    pairs.append(mine)
                else:
                    new = np.isin(mine, np.concatenate(pairs), invert=True)
                    ours, places = ours[new], places[new]
            is_met[ours] = True
            listed.append(ours)
            told.append(_held(records.told(places), of_point=number == 0))
    nobodys = np.flatnonzero(~is_met)
    listed.append(nobodys)
    told.append(_held(looked[0].then.told(nobodys[:0], blank=len(nobodys)), of_point=True))
    who = pa.concat_tables(told).unify_dictionaries()
    places = np.concatenate(listed)
    met = {name: _taken(rows[name], places) for name in rows.column_names}
    return pa.table(met | {name: who[name] for name in who.column_names})


def _held(points: pa.Table, *, of_point: bool) -> pa.Table:
    """What is told of points by the names of ``HELD``; nothing of the point itself unless it can be written to."""
    return pa.table(
        {
            name: points[column] if of_point or not name.startswith("own_") else _nulls(points[column])
            for name, column in _HELD.items()
        }
    )


def _nulls(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return pa.nulls(len(column), kind)
    return pa.DictionaryArray.from_arrays(pa.nulls(len(column), kind.index_type), pa.array([], kind.value_type))


def _taken(column: pa.ChunkedArray, places: Places) -> pa.ChunkedArray:
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(places), column.type)])
    return column.take(pa.array(places))
