"""Frames that are SQL text: every operation means what Polars takes it to mean, and what has no SQL is refused."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings

from consentmgr.screening.written.expressions import NotWritten
from consentmgr.screening.written.frames import TURNED, WrittenFrame
from tests.screening.test_compiled import (
    EXPRESSIONS,
    FRAMES,
    REFUSED,
    TYPES,
    Columns,
    Frames,
    by_polars,
    columns_of,
    tables,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


def written(
    given_tables: Mapping[str, Columns], ask: Callable[[Frames], nw.LazyFrame[Any]], long: str = ""
) -> WrittenFrame:
    numbers = count(1)
    frames: Frames = {
        name: WrittenFrame.of(numbers, name, table, is_long=name == long) for name, table in given_tables.items()
    }
    found = ask(frames)
    assert isinstance(found, WrittenFrame)
    return found


def by_duckdb(
    connection: duckdb.DuckDBPyConnection,
    given_tables: Mapping[str, Columns],
    ask: Callable[[Frames], nw.LazyFrame[Any]],
    long: str = "",
) -> list[dict[str, Any]]:
    for name, table in given_tables.items():
        connection.register(name, pl.DataFrame(table, schema=TYPES).to_arrow())
    rows = connection.sql(written(given_tables, ask, long).sql()).to_arrow_table()
    return rows.to_pylist()  # type: ignore[no-any-return]


MORE: Mapping[str, Callable[[Frames], nw.LazyFrame[Any]]] = {
    "joined with what was made of it": lambda f: f["t"].join(f["t"].select("a", x="b"), on="a"),
    "what was reckoned, asked again": lambda f: f["t"]
    .with_columns(x=nw.col("a") + 1)
    .with_columns(y=nw.col("x") + 1, z=nw.col("x"))
    .filter(nw.col("y") > 1)
    .join(f["u"].filter(nw.col("p")).select("a", w="b"), on="a", how="left"),
    "a condition, then a left join": lambda f: f["t"].filter(nw.col("a") > 0).join(f["u"].select("a", x="b"), on="a", how="left"),
    "a condition, then a full join": lambda f: f["t"].select("a", one=nw.lit(1)).filter(nw.col("a") > 0).join(
        f["u"].select("a", two=nw.lit(2)), on="a", how="full", suffix="_u"
    ),
    "a constant to group by": lambda f: f["t"].select("a", word=nw.lit("x")).group_by("word").agg(most=nw.col("a").max()),
    "a name beside what it names": lambda f: f["t"].select("a", b=nw.col("a") * 2, c="a").filter(nw.col("c") > 0),
}  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(table=tables())
def test_every_expression_means_what_polars_takes_it_to_mean(
    connection: duckdb.DuckDBPyConnection, table: Columns
) -> None:
    def ask(frames: Frames) -> nw.LazyFrame[Any]:
        return frames["t"].select("a", **{f"{place}": found for place, found in enumerate(EXPRESSIONS.values())})

    ours, theirs = columns_of(by_duckdb(connection, {"t": table}, ask)), columns_of(by_polars({"t": table}, ask))
    for place, name in enumerate(EXPRESSIONS):
        if name == "lower-case" and "İ" in table["s"]:
            # To DuckDB its small form is "i", to Polars an "i" with a dot more; no source is told by it.
            continue
        assert ours.get(f"{place}") == theirs.get(f"{place}"), name


@pytest.mark.parametrize("name", [*FRAMES, *MORE])
@settings(max_examples=3, deadline=None)
@given(left=tables(), right=tables())
def test_frames_are_those_of_polars(
    connection: duckdb.DuckDBPyConnection, name: str, left: Columns, right: Columns
) -> None:
    ask = FRAMES[name] if name in FRAMES else MORE[name]
    both = {"t": left, "u": right}
    assert told(by_duckdb(connection, both, ask)) == told(by_polars(both, ask))


#: Left joins with a long table, which stand turned in the text.
TURNED_JOINS: Mapping[str, Callable[[Frames], nw.LazyFrame[Any]]] = {
    "as it is": lambda f: f["t"].join(f["u"].select("a", x="b"), on="a", how="left"),
    "of what was reckoned": lambda f: f["t"].with_columns(x=nw.col("a") + 1).filter(nw.col("x") > 1).join(
        f["u"].filter(nw.col("p")).select("a", w="b", one=nw.lit(1)), on="a", how="left"
    ),
    "after another": lambda f: f["t"].join(f["t"].select("a", y="b"), on="a", how="left").join(
        f["u"].select("a", x="b"), on="a", how="left"
    ).join(f["t"].select("a", z="b"), on="a", how="left"),
}  # fmt: skip


@pytest.mark.parametrize("name", TURNED_JOINS)
@settings(max_examples=3, deadline=None)
@given(left=tables(), right=tables())
def test_a_left_join_with_a_long_table_is_turned_and_means_the_same(
    connection: duckdb.DuckDBPyConnection, name: str, left: Columns, right: Columns
) -> None:
    both, ask = {"t": left, "u": right}, TURNED_JOINS[name]
    assert f" {TURNED} " in written(both, ask, "u").sql()
    assert told(by_duckdb(connection, both, ask, "u")) == told(by_polars(both, ask))


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_sql_is_refused(name: str) -> None:
    table: Columns = {column: [] for column in TYPES}
    with pytest.raises(NotWritten):
        written({"t": table, "u": table}, REFUSED[name])


def test_a_division_by_what_may_be_nothing_is_refused() -> None:
    with pytest.raises(NotWritten):
        written({"t": {"a": []}}, lambda frames: frames["t"].select(x=nw.col("a") // 0))
