"""Acts copied out of PostgreSQL for a snapshot: whose and when each is, and the number of its kind.

Ten million acts say a few different things (``screening.kinds``). Their words are not made by PostgreSQL for every act
and told apart afterwards: each act comes as it is stored, in the binary format, and what is behind its own columns is
looked up as it is. What the kinds mean is then asked of one act of each, by the same SELECT that everybody else asks.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection

from consentmgr.copied_rows import copied_out
from consentmgr.screening.kinds import KIND_COLUMNS, OWN_COLUMNS
from consentmgr.screening.register_frames import BY_NAME, read_rows

_FRAME: Final = BY_NAME["acts"]
#: The columns that an act's words are made of: all that the frame's SELECT asks of an entry but whose it is and when.
#: The words of a notice are those of the notice that the entry names.
WORDS: Final = tuple(sorted(set(re.findall(r"\be\.(\w+)", _FRAME.select)) - {"id", "contact_id", "at"}))
_STORED: Final = (
    f"select e.id, e.contact_id, e.at, {', '.join(f'e.{word}' for word in WORDS)} from ledger_entry e"
    f" where {_FRAME.select.rpartition(' where ')[2]}"
)
#: What the binary format begins with: eleven bytes of its name, flags, and the length of what may follow.
_HEADER_BYTES: Final = 19
#: A row's own columns as they are sent: how many columns, and each one's length before it.
_OWN: Final = np.dtype(
    [
        ("columns", ">i2"),
        ("entry_id_bytes", ">i4"),
        ("entry_id", ">i8"),
        ("contact_id_bytes", ">i4"),
        ("contact_id", ">i8"),
        ("at_bytes", ">i4"),
        ("at", ">i8"),
    ]
)
#: PostgreSQL counts microseconds from the year 2000.
_SINCE_1970: Final = 946_684_800_000_000
#: So many different words are remembered; what comes again after that is one more kind, which says the same.
_REMEMBERED: Final = 500_000
_BATCH_ROWS: Final = 1 << 18


class CopiedActs:
    """The acts of a register in a file of their own columns, and what kinds there are.

    ``kinds`` has the columns of the snapshot's frame of kinds; ``batches`` gives the acts.
    """

    def __init__(
        self,
        connection: Connection[Any],
        path: Path | None,
        where: str = "",
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """``path`` None: few, kept in memory. ``where`` and ``parameters`` as ``read_rows`` takes them."""
        self._path = path
        self._memory = BytesIO()
        self._kind_of = array("i")
        query = f"copy ({_STORED}{where}) to stdout (format binary)"
        with nullcontext(self._memory) if path is None else path.open("wb", buffering=1 << 20) as out:
            self.rows = copied_out(connection, query, self._taking(out), parameters)
        self.kinds = self._kinds(connection)

    def _taking(self, out: BinaryIO) -> Any:
        own, header = _OWN.itemsize, _HEADER_BYTES
        write, note = out.write, self._kind_of.append
        numbers: dict[bytes, int] = {}
        self._first: array[int] = array("q")

        def take(row: memoryview) -> None:
            nonlocal header
            if header:
                row, header = row[header:], 0
            words = bytes(row[own:])
            number = numbers.get(words)
            if number is None:
                # The trailer has no row.
                if len(row) <= own:
                    return
                if len(numbers) >= _REMEMBERED:
                    numbers.clear()
                number = numbers[words] = len(self._first)
                self._first.append(len(self._kind_of))
            write(row[:own])
            note(number)

        return take

    def _kinds(self, connection: Connection[Any]) -> pa.Table:
        """What each kind says: the words of the first act of it."""
        first = np.asarray(self._first, np.int64)
        entries = self._read()["entry_id"][first].astype(np.int64)
        number_of = {int(entry): number for number, entry in enumerate(entries)}
        told = read_rows(
            connection,
            _FRAME,
            " and e.id = any(%(entries)s::bigint[])",
            {"entries": f"{{{','.join(map(str, number_of))}}}"},
        )
        numbers = pa.array([number_of[entry] for entry in told["entry_id"].to_pylist()], pa.int64())
        return told.select(list(KIND_COLUMNS["acts"])).add_column(0, "act_kind", numbers)

    def _read(self) -> np.ndarray[Any, Any]:
        if not self.rows:
            return np.zeros(0, _OWN)
        if self._path is None:
            return np.frombuffer(self._memory.getbuffer(), _OWN)
        return np.memmap(self._path, _OWN, "r")

    def remove(self) -> None:
        """Take the file away."""
        if self._path is not None:
            self._path.unlink()

    def table(self) -> pa.Table:
        """The acts with their words, as ``read_rows`` would give them, in any order."""
        acts = self.batches().read_all()
        words = self.kinds.take(pc.index_in(acts["act_kind"], value_set=self.kinds["act_kind"].combine_chunks()))
        columns = {name: (acts if name in OWN_COLUMNS["acts"] else words)[name] for name in _FRAME.schema.names}
        return pa.table(columns, schema=_FRAME.schema)

    def batches(self) -> pa.RecordBatchReader:
        """The acts: their own columns, and ``act_kind``."""
        schema = pa.schema([(name, pa.int64()) for name in (*OWN_COLUMNS["acts"], "act_kind")])
        return pa.RecordBatchReader.from_batches(schema, self._each_batch(schema))

    def _each_batch(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        rows, kinds = self._read(), np.asarray(self._kind_of)
        for start in range(0, len(rows), _BATCH_ROWS):
            part = rows[start : start + _BATCH_ROWS]
            # Nothing is believed of where columns lie: each tells its length.
            if not all((part[f"{name}_bytes"] == 8).all() for name in ("entry_id", "contact_id", "at")):
                raise ValueError("the acts that PostgreSQL sent have columns of other lengths")
            columns = (
                part["entry_id"].astype(np.int64),
                part["contact_id"].astype(np.int64),
                part["at"].astype(np.int64) + _SINCE_1970,
                kinds[start : start + _BATCH_ROWS].astype(np.int64),
            )
            yield pa.record_batch([pa.array(column) for column in columns], schema=schema)
