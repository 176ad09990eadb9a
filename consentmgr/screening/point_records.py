"""Who holds an address, in records of one length and in the order of the keys: a list finds its people by position.

A list of a million rows is about few of the register's points and asks each of many facts. From columns that are packed
all points would be unpacked; here the ones that are asked for are read and no others. A record has the numbers that are
a point's own; what repeats (``REPEATED``) is told once, as the kind that the record names by number, for the same reason
as in ``screening.kinds``.

Two files a kind of address: the first halves of the keys, sorted, and the records in the same order, as NumPy writes
arrays. Keys are digests, so that nearly all of a key is told by one half; the other stands in the record and is compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.screening.facts.holders import ONLY, ONLY_DATES, PERSON
from consentmgr.screening.register_frames import BY_NAME
from consentmgr.vocabulary.codes import PointKind

#: Addresses that lists give by key: of a post address a key tells the household and not the person.
KINDS: Final[tuple[PointKind, ...]] = ("email", "phone")
SCHEMA: Final = pa.schema(
    [
        *(field for field in BY_NAME["points"].schema),
        *(BY_NAME["contacts"].schema.field(name) for name in PERSON if name in BY_NAME["contacts"].schema.names),
        *((name, pa.date32() if name in ONLY_DATES else pa.int64()) for name in ONLY),
    ]
)
#: What many points have in common.
REPEATED: Final = (
    "use",
    "source",
    "state",
    "soft_bounces",
    "published",
    "country",
    "deceased_on",
    "non_disclosure",
    "restricted_since_us",
    "only_act_kind",
    "only_relation_kind",
)
_IDS: Final = ("contact_id", "organisation_id", "only_entry", "only_role_at")
_TIMES: Final = ("only_at_us",)
#: Days since 1970.
_DAYS: Final = (
    "acquired_on", "verified_on", "informed_on", "born_on", "last_interaction_on", "only_purchase_day", "only_role_since",
    "only_role_until",
)  # fmt: skip
#: What is told of each point that is found.
COLUMNS: Final = (*_IDS, *_TIMES, *_DAYS, *REPEATED)
_KIND: Final = "point_kind"
_KINDS: Final = pa.schema([SCHEMA.field(name) for name in REPEATED])
_RECORD: Final = np.dtype(
    [
        ("half", np.uint64),
        *((name, np.int64) for name in (*_IDS, *_TIMES)),
        *((name, np.int32) for name in _DAYS),
        (_KIND, np.int32),
    ]
)
#: What the files depend on.
LAYOUT: Final = f"{_RECORD.descr} {REPEATED}"
_NO_KIND: Final = -1
#: So many different kinds are remembered; what comes again after that is one more kind, which says the same.
_REMEMBERED: Final = 200_000
#: Rows that are worked on at a time.
_PIECE: Final = 1 << 20

Halves = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


def _halves(keys: pa.Array) -> tuple[Halves, Halves]:
    """The halves of keys none of which is null."""
    keys = keys.cast(pa.binary(16))
    both = np.frombuffer(keys.buffers()[1], np.uint64)[2 * keys.offset : 2 * (keys.offset + len(keys))]
    return both[::2], both[1::2]


class Kinds:
    """The different combinations of ``REPEATED``, numbered as they come."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._told: list[pa.Table] = []
        self._count = 0

    def numbers(self, points: pa.Table) -> npt.NDArray[np.int32]:
        """The number of each point's kind."""
        if not len(points):
            return np.empty(0, np.int32)
        mixed, radix = np.zeros(len(points), np.int64), 1
        for name in REPEATED:
            encoded = _encoded(points[name])
            size = len(encoded.dictionary) + 1
            if radix * size >= 1 << 62:
                again = pa.array(mixed).dictionary_encode()
                mixed, radix = np.asarray(again.indices).astype(np.int64), len(again.dictionary)
            # From 1, so that null has a number of its own.
            mixed = mixed * size + (np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64) + 1)
            radix *= size
        alike = pa.array(mixed).dictionary_encode()
        which = np.asarray(alike.indices)
        first = np.empty(len(alike.dictionary), np.int64)
        first[which[::-1]] = np.arange(len(which) - 1, -1, -1)
        numbers: npt.NDArray[np.int32] = self._numbered(points.select(list(REPEATED)).take(pa.array(first)))[which]
        return numbers

    def _numbered(self, kinds: pa.Table) -> npt.NDArray[np.int32]:
        found = np.empty(len(kinds), np.int32)
        new: list[int] = []
        for place, words in enumerate(zip(*(column.to_pylist() for column in kinds.columns), strict=True)):
            number = self._numbers.get(words)
            if number is None:
                number = self._count
                self._count += 1
                new.append(place)
                if number < self._remembered:
                    self._numbers[words] = number
            found[place] = number
        if new:
            self._told.append(kinds.take(pa.array(new)).cast(_KINDS))
        return found

    def table(self) -> pa.Table:
        """Every kind, in the order of their numbers."""
        return pa.concat_tables(self._told) if self._told else _KINDS.empty_table()


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.unify_dictionaries().combine_chunks()


class PointRecords:
    """The points of one kind of address. ``firsts`` and ``records`` are in the order of the keys."""

    def __init__(self, firsts: Halves, records: npt.NDArray[Any], kinds: pa.Table) -> None:
        self.firsts = firsts
        self.records = records
        self._kinds = {
            name: words.dictionary_encode() if pa.types.is_string(words.type) else words
            for name, words in zip(
                kinds.column_names, (column.combine_chunks() for column in kinds.columns), strict=True
            )
        }

    @classmethod
    def opened(cls, folder: Path, kind: PointKind) -> Self:
        """Those of a snapshot; nothing is read before it is asked for. Raises ``OSError`` or ``ValueError`` where the
        files are not whole.
        """
        import pyarrow.parquet as pq

        keys, records = (folder / name for name in _files_of(kind))
        kinds = pq.read_table(folder / KINDS_FILE, memory_map=True, schema=_KINDS)
        found = cls(np.load(keys, mmap_mode="r"), np.load(records, mmap_mode="r"), kinds)
        if len(found.firsts) != len(found.records):
            raise ValueError("keys and records of points are not of one length")
        return found

    @classmethod
    def of(cls, points: pa.Table) -> Self:
        """Those of a table of points, which all have a contact."""
        kinds = Kinds()
        firsts, records = _records(points, kinds)
        order = np.argsort(firsts)
        return cls(firsts[order], records[order], kinds.table())

    def find(self, keys: pa.Array) -> tuple[Places, Places]:
        """Which of ``keys`` are a point's, and whose: the places of both, a pair for each point that has the key."""
        rows = np.flatnonzero(np.asarray(keys.is_valid()))
        first, other = _halves(keys.drop_null())
        # In the order of the records, so that these are read in one go.
        order = np.argsort(first)
        wanted = first[order]
        places = np.searchsorted(self.firsts, wanted)
        found: list[tuple[Places, Places]] = []
        while len(order):
            same = places < len(self.firsts)
            same[same] = self.firsts[places[same]] == wanted[same]
            order, wanted, places = order[same], wanted[same], places[same]
            whole = self.records["half"][places] == other[order]
            found.append((rows[order[whole]], places[whole]))
            # Several may share an address.
            places = places + 1
        if not found:
            return rows, rows
        return np.concatenate([one for one, _ in found]), np.concatenate([place for _, place in found])

    def told(self, places: Places, *, blank: int = 0) -> pa.Table:
        """``COLUMNS`` of the points at ``places``, and after them ``blank`` rows of nothing."""
        records = np.empty(len(places) + blank, self.records.dtype)
        np.take(self.records, places, out=records[: len(places)])
        for name in records.dtype.names or ():
            records[name][len(places) :] = _NO_KIND if name == _KIND else _nothing(records.dtype, name)
        columns = {name: _column(records[name], SCHEMA.field(name).type) for name in (*_IDS, *_TIMES, *_DAYS)}
        number = records[_KIND]
        kind = pa.array(number, mask=number == _NO_KIND)
        for name, words in self._kinds.items():
            columns[name] = (
                pa.DictionaryArray.from_arrays(words.indices.take(kind), words.dictionary)
                if pa.types.is_dictionary(words.type)
                else words.take(kind)
            )
        return pa.table(columns)


def _column(numbers: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    is_date = pa.types.is_date(kind)
    wide = numbers.astype(np.int32 if is_date else np.int64)
    column = pa.array(wide, mask=numbers == np.iinfo(numbers.dtype).min)
    return column.cast(kind) if is_date else column


def _nothing(record: np.dtype[Any], name: str) -> int:
    """What stands in a field that is null."""
    return int(np.iinfo(record[name]).min)


def _records(points: pa.Table, kinds: Kinds) -> tuple[Halves, npt.NDArray[Any]]:
    """The first halves of the keys and the records of these points, in the order they come."""
    first, other = _halves(points["address_key"].combine_chunks())
    records = np.empty(len(points), _RECORD)
    records["half"] = other
    for name in (*_IDS, *_TIMES, *_DAYS):
        column = points[name]
        if pa.types.is_date(column.type):
            column = column.cast(pa.int32())
        records[name] = np.asarray(pc.fill_null(column, _nothing(_RECORD, name)))
    records[_KIND] = kinds.numbers(points)
    return first, records


# ------------------------------------------------------------------------------------------------ files

KINDS_FILE: Final = "point_kinds.parquet"


def _files_of(kind: PointKind) -> tuple[str, str]:
    return f"points_{kind}_keys.npy", f"points_{kind}_records.npy"


def file_names() -> list[str]:
    """The files of a snapshot that ``write`` makes."""
    return [KINDS_FILE, *(name for kind in KINDS for name in _files_of(kind))]


def write(points: Path, folder: Path, scratch: Path) -> None:
    """Make the files in ``folder`` of the snapshot's points, in memory for the keys alone; ``scratch`` is for files
    that the caller removes.
    """
    import pyarrow.parquet as pq

    kinds = Kinds()
    unsorted = {kind: _Unsorted(scratch / f"{kind}.records") for kind in KINDS}
    with pq.ParquetFile(
        points, read_dictionary=[name for name in REPEATED if pa.types.is_string(SCHEMA.field(name).type)]
    ) as file:
        for batch in file.iter_batches(_PIECE, columns=["kind", "address_key", *COLUMNS]):
            piece = pa.table(batch)
            for kind, records in unsorted.items():
                held = pc.and_(pc.equal(piece["kind"], kind), pc.is_valid(piece["contact_id"]))
                records.add(piece.filter(held), kinds)
    for kind, records in unsorted.items():
        keys, sorted_records = (folder / name for name in _files_of(kind))
        records.write(keys, sorted_records)
    pq.write_table(kinds.table(), folder / KINDS_FILE)


class _Unsorted:
    """Records in the order they come, in a file, until all keys are there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._firsts: list[Halves] = []
        #: The largest of each id, which most registers' fit half of the room.
        self._largest = dict.fromkeys(_IDS, 0)

    def add(self, points: pa.Table, kinds: Kinds) -> None:
        if not len(points):
            return
        first, records = _records(points, kinds)
        self._firsts.append(first.copy())
        for name, largest in self._largest.items():
            self._largest[name] = max(largest, int(records[name].max()))
        records.tofile(self._file)

    def write(self, keys: Path, target: Path) -> None:
        """The two files, sorted; what was gathered goes."""
        self._file.close()
        firsts = np.concatenate(self._firsts) if self._firsts else np.empty(0, np.uint64)
        self._firsts.clear()
        order = np.argsort(firsts)
        np.save(keys, firsts[order])
        narrow = np.dtype([(name, self._narrowed(name)) for name in _RECORD.names or ()])
        with target.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": np.lib.format.dtype_to_descr(narrow), "fortran_order": False, "shape": (len(firsts),)}
            )
            if len(firsts):
                unsorted = np.memmap(self._path, _RECORD, "r")
                for start in range(0, len(order), _PIECE):
                    _fitted(unsorted[order[start : start + _PIECE]], narrow).tofile(file)
        self._path.unlink()

    def _narrowed(self, name: str) -> np.dtype[Any]:
        is_small = name in self._largest and self._largest[name] <= np.iinfo(np.int32).max
        return np.dtype(np.int32) if is_small else _RECORD[name]


def _fitted(records: npt.NDArray[Any], narrow: np.dtype[Any]) -> npt.NDArray[Any]:
    """The same records with narrower ids."""
    fitted = np.empty(len(records), narrow)
    for name in narrow.names or ():
        values = records[name]
        if narrow[name] != _RECORD[name]:
            values = np.where(values == _nothing(_RECORD, name), _nothing(narrow, name), values)
        fitted[name] = values
    return fitted
