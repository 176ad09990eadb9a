"""Where column expressions run: the same Narwhals expressions on DuckDB or Polars (Spark: ``spark_engine``).

Facts and rules are written against ``narwhals.LazyFrame`` alone. An engine only loads Arrow tables, keeps an
intermediate result so that it is computed once, and hands the end result back as Arrow.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import narwhals as nw
import pyarrow as pa

EngineName = Literal["duckdb", "polars", "compiled", "spark"]


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

    Kept frames are computed in a thread of their own, one after the other: DuckDB needs no Python while it works, so
    that the next steps are planned meanwhile.
    """

    name = "duckdb"

    def __init__(
        self, *, memory_limit: int | None = None, spill_folder: str | None = None, threads: int | None = None
    ) -> None:
        import duckdb

        self._connection = duckdb.connect(":memory:")
        # Extensions are never fetched: everything needed is built in, and a screening must not call the network.
        self._connection.execute("set autoinstall_known_extensions = false")
        self._connection.execute("set preserve_insertion_order = false")
        if memory_limit:
            self._connection.execute("set memory_limit = ?", [f"{memory_limit // 1_000_000}MB"])
        if spill_folder:
            self._connection.execute("set temp_directory = ?", [spill_folder])
        if threads:
            self._connection.execute("set threads = ?", [threads])
        #: Of the thread, which sees the same tables.
        self._worker = self._connection.cursor()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._pending: list[Future[Any]] = []

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        if isinstance(data, str):
            relation = self._connection.sql(data)
        else:
            self.register(f"{name}_arrow", data)
            relation = self._connection.table(f"{name}_arrow")
        return nw.from_native(relation)

    def parquet(self, path: str) -> "nw.LazyFrame[Any]":
        return nw.from_native(self._connection.read_parquet(path))

    def table_later(self, name: str, schema: pa.Schema, data: Callable[[], pa.Table]) -> "nw.LazyFrame[Any]":
        # An empty table stands for it while the next steps are planned; the thread that computes them meets the rows
        # under the same name.
        self.register(f"{name}_arrow", schema.empty_table())
        self._pending.append(self._thread.submit(lambda: self._worker.register(f"{name}_arrow", data())))
        return nw.from_native(self._connection.table(f"{name}_arrow"))

    def register(self, name: str, data: pa.Table) -> None:
        """Makes an Arrow table known by name to queries given to ``table``."""
        self._connection.register(name, data)
        # In turn, for the thread's connection does one thing at a time.
        self._pending.append(self._thread.submit(self._worker.register, name, data))

    def run(self, statement: str) -> None:
        """Runs one SQL statement."""
        self._wait()
        self._connection.execute(statement)

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        relation = frame.to_native()
        columns = ", ".join(f'"{column}" {kind}' for column, kind in zip(relation.columns, relation.types, strict=True))
        self._connection.execute(f'create table "{name}" ({columns})')
        self._pending.append(self._thread.submit(self._fill, name, relation.sql_query()))
        return nw.from_native(self._connection.table(name))

    def _fill(self, name: str, query: str) -> None:
        self._worker.execute(f'insert into "{name}" {query}')

    def _wait(self) -> None:
        """Until every kept frame is computed; raises what the first that failed has met."""
        pending, self._pending = self._pending, []
        for computed in pending:
            computed.result()

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        self._wait()
        # By the thread's connection, to which alone the rows of ``table_later`` are known.
        return self._worker.sql(frame.to_native().sql_query()).to_arrow_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._worker.interrupt()
        self._thread.shutdown(cancel_futures=True)
        self._worker.close()
        self._connection.close()


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
