"""Engines compute what was asked of them, and tell what went wrong with it."""

from __future__ import annotations

import narwhals as nw
import pyarrow as pa
import pytest

from consentmgr.screening.engine import DuckDBEngine, Engine, PolarsEngine

ROWS = pa.table({"row_no": pa.array([0, 1, 2], pa.int64()), "word": pa.array(["1", "2", "x"], pa.string())})


@pytest.fixture(params=[DuckDBEngine, PolarsEngine], ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.param()
    return made


def test_rows_that_come_later_are_in_every_frame_made_of_them(engine: Engine) -> None:
    with engine:
        rows = engine.table_later("rows", ROWS.schema, lambda: ROWS)
        kept = engine.keep(rows.filter(nw.col("row_no") > 0), "kept")
        assert sorted(engine.collect(kept)["row_no"].to_pylist()) == [1, 2]
        assert engine.collect(rows).num_rows == 3


def test_a_kept_frame_that_cannot_be_computed_gives_no_rows(engine: Engine) -> None:
    numbers = nw.col("word").cast(nw.Int64)
    with engine, pytest.raises(Exception, match="x"):
        engine.collect(engine.keep(engine.table("rows", ROWS).select(number=numbers), "numbers"))


def test_rows_that_never_come_stop_the_work() -> None:
    def broken() -> pa.Table:
        raise OSError("no rows")

    with DuckDBEngine() as engine:
        rows = engine.table_later("rows", ROWS.schema, broken)
        kept = engine.keep(rows, "kept")
        with pytest.raises(OSError, match="no rows"):
            engine.collect(kept)
