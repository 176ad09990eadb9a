"""Where column expressions run: the same Narwhals expressions on DuckDB or Polars.

Facts and rules are written against ``narwhals.LazyFrame`` alone. An engine only loads Arrow tables, keeps an
intermediate result so that it is computed once, and hands the end result back as Arrow.
"""

from types import TracebackType
from typing import Any, Literal, Protocol, Self

import narwhals as nw
import pyarrow as pa

EngineName = Literal["duckdb", "polars"]


class Engine(Protocol):
    """One run's workspace; use as a context manager."""

    name: str

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        """A frame from an Arrow table or from the Parquet files of a snapshot."""

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        """The same frame, computed now and once."""

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        """The frame's rows as an Arrow table, in no particular order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class DuckDBEngine:
    """In memory, spilling to a folder within ``memory_limit`` bytes."""

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

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        if isinstance(data, str):
            relation = self._connection.sql(data)
        else:
            self._connection.register(f"{name}_arrow", data)
            relation = self._connection.table(f"{name}_arrow")
        return nw.from_native(relation)

    def register(self, name: str, data: pa.Table) -> None:
        """Makes an Arrow table known by name to queries given to ``table``."""
        self._connection.register(name, data)

    def run(self, statement: str) -> None:
        """Runs one SQL statement."""
        self._connection.execute(statement)

    def keep(self, frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
        frame.to_native().create(name)
        return nw.from_native(self._connection.table(name))

    def collect(self, frame: "nw.LazyFrame[Any]") -> pa.Table:
        return frame.collect(backend="pyarrow").to_native()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


class PolarsEngine:
    """For few rows: no planning cost to speak of."""

    name = "polars"

    def table(self, name: str, data: Any) -> "nw.LazyFrame[Any]":
        import polars as pl

        frame: nw.LazyFrame[Any] = nw.from_native(pl.DataFrame(data).lazy())
        return frame

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
