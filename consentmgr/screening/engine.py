"""Where column expressions run: the same Narwhals expressions on DuckDB or Polars (Spark: ``spark_engine``).

Facts and rules are written against ``narwhals.LazyFrame`` alone. An engine only loads Arrow tables, keeps an
intermediate result so that it is computed once, and hands the end result back as Arrow.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import narwhals as nw
import pyarrow as pa

from consentmgr.screening.written.expressions import literal, quoted
from consentmgr.screening.written.frames import TURNED, WrittenFrame

EngineName = Literal["duckdb", "polars", "compiled", "spark"]

#: Kept frames of a row a row of the list, and of many columns. DuckDB gives them as Arrow in half of the time in which it
#: makes a table of its own, and reads them as fast; but such it cannot spill, so that lists may be no longer than this.
_AS_ARROW, _ROWS_AS_ARROW = ("cases",), 2_000_000


@dataclass(frozen=True, slots=True)
class Query:
    """A query for DuckDB and the names of the columns it gives; ``is_long``: it grows with the register's people."""

    text: str
    columns: Sequence[str]
    is_long: bool = False


class Engine(Protocol):
    """One run's workspace; use as a context manager."""

    name: str

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        """A frame from an Arrow table or from the Parquet files of a snapshot."""

    def parquet(self, path: str) -> "nw.LazyFrame[Any]":
        """A frame of one file of a snapshot."""

    def table_later(self, name: str, schema: pa.Schema, data: Callable[[], pa.Table]) -> "nw.LazyFrame[Any]":
        """A frame of an Arrow table that is still being made; ``data`` waits for it."""

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        """The same frame, computed once; what is wrong with it may be told only where its rows are asked for."""

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        """The frame's rows as an Arrow table, in no particular order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class DuckDBEngine:
    """In memory, spilling to a folder within ``memory_limit`` bytes.

    Frames are SQL text (``screening.written``), so that DuckDB reads each question once. Kept frames are computed in a
    thread of their own, one after the other: DuckDB needs no Python while it works, and the next steps are written
    meanwhile.
    """

    name = "duckdb"

    def __init__(
        self,
        *,
        memory_limit: int | None = None,
        spill_folder: str | None = None,
        threads: int | None = None,
        list_rows: int | None = None,
    ) -> None:
        """``list_rows``: how many rows a list has that is answered; such an engine is closed in its own time."""
        import duckdb

        self._connection = duckdb.connect(":memory:")
        # Extensions are never fetched: everything needed is built in, and a screening must not call the network.
        self._connection.execute("set autoinstall_known_extensions = false")
        self._connection.execute("set preserve_insertion_order = false")
        # Steps open the same files again and again, and what stands at their ends is long.
        self._connection.execute("set parquet_metadata_cache = true")
        if memory_limit:
            self._connection.execute("set memory_limit = ?", [f"{memory_limit // 1_000_000}MB"])
        if spill_folder:
            self._connection.execute("set temp_directory = ?", [spill_folder])
        if threads:
            self._connection.execute("set threads = ?", [threads])
        self._numbers = count(1)
        self._list_rows = list_rows
        self._as_arrow = _AS_ARROW if list_rows is not None and self.holds_as_arrow(list_rows) else ()
        #: The connection does one thing at a time, and all of it in this thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._pending: list[Future[Any]] = []
        #: Tables that are still being made, by name.
        self._awaited: dict[str, Callable[[], pa.Table | pa.RecordBatchReader]] = {}
        #: Tables that are gone when they have been read.
        self._once: set[str] = set()

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        if isinstance(data, Query):
            return WrittenFrame.of(self._numbers, f"({data.text})", data.columns, is_long=data.is_long)
        self.register(f"{name}_arrow", data)
        return WrittenFrame.of(self._numbers, quoted(f"{name}_arrow"), data.column_names)

    def parquet(self, path: str) -> "nw.LazyFrame[Any]":
        from pyarrow.parquet import read_schema

        return WrittenFrame.of(self._numbers, f"read_parquet({literal(path)})", read_schema(path).names)

    def table_later(self, name: str, schema: pa.Schema, data: Callable[[], pa.Table]) -> "nw.LazyFrame[Any]":
        self._awaited[f"{name}_arrow"] = data
        return WrittenFrame.of(self._numbers, quoted(f"{name}_arrow"), schema.names)

    @staticmethod
    def holds_as_arrow(rows: int) -> bool:
        """Whether so many rows of many columns may lie in memory as they are; a table of DuckDB's own can be spilled."""
        return rows <= _ROWS_AS_ARROW

    def table_once(self, name: str, schema: pa.Schema, parts: Callable[[], Iterable[pa.Table]]) -> "nw.LazyFrame[Any]":
        """A frame of Arrow tables that are made one after the other while DuckDB reads them, and let go as soon as it
        has: it can be asked once.
        """
        self._once.add(f"{name}_arrow")
        self._awaited[f"{name}_arrow"] = lambda: _reader(parts())
        return WrittenFrame.of(self._numbers, quoted(f"{name}_arrow"), schema.names)

    def _bring(self, query: str) -> None:
        """Wait, in turn, for the tables that the query is the first to ask of."""
        for name in self._once:
            if (asked := query.count(quoted(name))) and (asked > 1 or name not in self._awaited):
                raise RuntimeError(f"{name} can be read once")
        for name in [name for name in self._awaited if quoted(name) in query]:
            self._later(partial(self._register, name, self._awaited.pop(name)))

    def _register(self, name: str, data: Callable[[], pa.Table | pa.RecordBatchReader]) -> None:
        self._connection.register(name, data())

    def register(self, name: str, data: pa.Table) -> None:
        """Makes an Arrow table known by name to queries given to ``table``."""
        self._later(lambda: self._connection.register(name, data))

    def run(self, statement: str) -> None:
        """Runs one SQL statement."""
        self._later(lambda: self._run(statement))
        self._wait()

    def _run(self, statement: str) -> None:
        with self._as_written(statement):
            self._connection.execute(statement)

    @contextmanager
    def _as_written(self, query: str) -> Iterator[None]:
        """Where joins stand turned, DuckDB builds its hash tables of the sides they are written for."""
        if f" {TURNED} " not in query:
            yield
            return
        self._connection.execute("set disabled_optimizers = 'build_side_probe_side'")
        try:
            yield
        finally:
            self._connection.execute("reset disabled_optimizers")

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        query = query_of(frame)
        self._bring(query)
        if name in self._as_arrow:
            self._later(lambda: self._connection.register(name, self._rows_of(query)))
        else:
            self._later(lambda: self._run(f"create table {quoted(name)} as {query}"))
        return WrittenFrame.of(self._numbers, quoted(name), frame.columns)

    def _later(self, work: Callable[[], Any]) -> None:
        """In its turn, in the thread."""
        self._pending.append(self._thread.submit(work))

    def _wait(self) -> None:
        """Until everything asked for is done; raises what the first that failed has met."""
        pending, self._pending = self._pending, []
        for computed in pending:
            computed.result()

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        query = query_of(frame)
        self._bring(query)
        self._wait()
        return self._rows_of(query)

    def _rows_of(self, query: str) -> pa.Table:
        with self._as_written(query):
            return self._connection.sql(query).to_arrow_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._list_rows is not None:
            # Giving a gigabyte back to the system takes a tenth of a second, in which answers can be written.
            self._thread.submit(self._connection.close)
            self._thread.shutdown(wait=False)
            return
        if kind is not None:
            self._connection.interrupt()
        self._thread.shutdown(cancel_futures=True)
        self._connection.close()


def _reader(parts: Iterable[pa.Table]) -> pa.RecordBatchReader:
    """The batches of tables of one schema, of which there is one at least."""
    tables = iter(parts)
    first = next(tables)
    return pa.RecordBatchReader.from_batches(
        first.schema, (batch for table in chain((first,), tables) for batch in table.to_batches())
    )


def query_of(frame: "nw.LazyFrame[Any]") -> str:
    """The SQL of a frame that DuckDB's engine has given."""
    if not isinstance(frame, WrittenFrame):
        raise TypeError("a frame of another engine")
    return frame.sql()


class PolarsEngine:
    """For few rows: no planning cost to speak of."""

    name = "polars"

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        import polars as pl

        if isinstance(data, nw.LazyFrame):
            return data
        frame: nw.LazyFrame[Any] = nw.from_native(pl.DataFrame(data).lazy())
        return frame

    def parquet(self, path: str) -> "nw.LazyFrame[Any]":
        import polars as pl

        frame: nw.LazyFrame[Any] = nw.from_native(pl.scan_parquet(path))
        return frame

    def table_later(self, name: str, schema: pa.Schema, data: Callable[[], pa.Table]) -> "nw.LazyFrame[Any]":
        return self.table(name, data().cast(schema))

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        kept: nw.LazyFrame[Any] = nw.from_native(frame.to_native().collect().lazy())
        return kept

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        return frame.collect(backend="pyarrow").to_native()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
