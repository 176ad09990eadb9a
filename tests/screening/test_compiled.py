"""The compiled engine: every operation means what Polars takes it to mean, and what it does not know it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentmgr.screening.compiled.frames import PlannedFrame
from consentmgr.screening.compiled.plan import NotPlanned, Parameter, Plan, column_of
from consentmgr.screening.compiled.source_text import written_out
from consentmgr.vocabulary.policy import policy_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Columns = dict[str, list[Any]]
Frames = dict[str, nw.LazyFrame[Any]]
TYPES: Mapping[str, Any] = {
    "a": pl.Int64, "b": pl.Int64, "p": pl.Boolean, "q": pl.Boolean, "s": pl.String, "d": pl.Date, "k": pl.Binary,
}  # fmt: skip
POLICY = policy_from({})

_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "a": st.integers(-12, 12),
    "b": st.sampled_from([0, 1, 2, 9_223_372_036_854_775_807, -4_611_686_018_427_387_904]),
    "p": st.booleans(),
    "q": st.booleans(),
    "s": st.sampled_from(["", "|email|", "|email|sms|", "VENDOR-x\n", "vendor-x", "tietosuoja@", "Straße", "İ", "a"]),
    "d": st.sampled_from([date(2024, 2, 29), date(2026, 11, 22), date(1970, 1, 1)]),
    "k": st.sampled_from([b"a" * 16, b"b" * 16]),
}


def tables(least: int = 0, most: int = 6) -> st.SearchStrategy[Columns]:
    row = st.tuples(*(st.none() | values for values in _VALUES.values()))
    return st.lists(row, min_size=least, max_size=most).map(
        lambda rows: {name: [row[place] for row in rows] for place, name in enumerate(_VALUES)}
    )


def by_polars(given_tables: Mapping[str, Columns], ask: Callable[[Frames], nw.LazyFrame[Any]]) -> list[dict[str, Any]]:
    frames = {name: nw.from_native(pl.LazyFrame(table, schema=TYPES)) for name, table in given_tables.items()}
    return ask(frames).collect().to_native().to_dicts()  # type: ignore[no-any-return]


def by_plan(
    given_tables: Mapping[str, Columns],
    ask: Callable[[Frames], nw.LazyFrame[Any]],
    *,
    unique: Mapping[str, Sequence[str]] | None = None,
    parameters: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    plan = Plan()
    frames: Frames = {
        name: PlannedFrame(plan, *plan.source(name, table, (unique or {}).get(name, ())))
        for name, table in given_tables.items()
    }
    found = ask(frames)
    assert isinstance(found, PlannedFrame)
    program = plan.program([found.rows, found.values])
    values = program.run(given_tables, parameters or {})
    columns = {name: list(column_of(values, value, found.rows)) for name, value in found.values.items()}
    # A plan that is run often is written out, and means the same.
    written = written_out(program.blocks, program.template, program.results)
    values = replace(program, _written=written).run(given_tables, parameters or {})
    again = {name: list(column_of(values, value, found.rows)) for name, value in found.values.items()}
    assert repr(again) == repr(columns)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def told(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def same(given_tables: Mapping[str, Columns], ask: Callable[[Frames], nw.LazyFrame[Any]], **more: Any) -> None:
    assert told(by_plan(given_tables, ask, **more)) == told(by_polars(given_tables, ask))


def _col(name: str) -> nw.Expr:
    return nw.col(name)


#: Every operation of expressions that facts and rules use, with nulls, constants on either side, and one in another.
EXPRESSIONS: Mapping[str, nw.Expr] = {
    "equal": _col("a") == _col("b"),
    "equal to a constant": _col("s") == "|email|",
    "equal, false where unknown": (_col("s") == "|email|").fill_null(False),
    "equal columns, false where unknown": (_col("a") == _col("b")).fill_null(False),
    "different": _col("s") != "a",
    "less": _col("a") < 3,
    "less, false where unknown": (_col("a") < _col("b")).fill_null(False),
    "at least": _col("d") >= nw.lit(date(2024, 2, 29)),
    "at most": _col("d") <= nw.lit(date(2026, 11, 21)),
    "more than nothing": _col("d") > nw.lit(None, dtype=nw.Date()),
    "and": _col("p") & _col("q"),
    "or": _col("p") | _col("q"),
    "not": ~_col("p"),
    "and true": _col("p") & nw.lit(True),
    "and false": nw.lit(False) & _col("p"),
    "or true": nw.lit(True) | _col("p"),
    "or false": _col("p") | nw.lit(False),
    "known and": ~_col("a").is_null() & _col("p").fill_null(False),
    "known or": _col("a").is_null() | _col("p").fill_null(False),
    "null": _col("k").is_null(),
    "known": ~_col("k").is_null(),
    "not null of what is known": _col("a").fill_null(0).is_null(),
    "filled": _col("a").fill_null(7),
    "filled with text": _col("s").fill_null(""),
    "filled, then compared": _col("s").fill_null("") == "",
    "sum": _col("a") + 3,
    "sum of what is filled": _col("a").fill_null(0) + _col("a").fill_null(1),
    "difference": _col("a") - _col("a"),
    "product": _col("a") * 10_000_000,
    "product from the left": 3 * _col("a"),
    "sum from the left": nw.lit(1) + _col("a"),
    "quotient rounded down": _col("a") // 5,
    "rest": _col("a") % 5,
    "one of": _col("s").is_in(["a", "|email|"]),
    "one of, false where unknown": _col("s").is_in(["a", ""]).fill_null(False),
    "one of numbers": _col("a").is_in([1, 2, 3]),
    "contains": _col("s").str.contains("|email|", literal=True),
    "contains, false where unknown": _col("s").str.contains("|sms|", literal=True).fill_null(False),
    "lower-case": _col("s").str.to_lowercase(),
    "outside source": _col("s").str.to_lowercase().str.contains(POLICY.outside_source_pattern()),
    "registry": _col("s").str.contains(POLICY.registry_mailbox_pattern()),
    "a pattern that ends with an end": _col("s").str.contains("^[a-zA-Z-]*$"),
    "as text": _col("a").cast(nw.String),
    "as a number": _col("p").cast(nw.Int64),
    "joined": nw.concat_str(nw.lit("E"), _col("a").cast(nw.String)),
    "joined without nulls": nw.concat_str([_col("s"), _col("a").cast(nw.String)], separator=";", ignore_nulls=True),
    "first known": nw.coalesce("a", "b"),
    "first known of three": nw.coalesce("a", "b", nw.lit(0)),
    "when": nw.when(_col("p")).then(nw.lit(1)).otherwise(nw.lit(0)),
    "when without otherwise": nw.when(_col("p")).then(_col("a")),
    "when, when, otherwise": nw.when(_col("p")).then(_col("a")).when(_col("q")).then(_col("b")).otherwise(nw.lit(9)),
    "when of a constant": nw.when(nw.lit(True)).then(_col("a")).otherwise(nw.lit(0)),
    "when alike": nw.when(_col("p")).then(nw.lit(2)).otherwise(nw.lit(2)),
    "any": nw.any_horizontal(nw.lit(False), _col("p"), _col("q"), ignore_nulls=False),
    "not any": ~nw.any_horizontal(_col("p"), _col("q"), ignore_nulls=False),
    "constant": nw.lit("x"),
    "constant date": nw.lit(date(2026, 1, 1)),
    "reckoned of constants": (nw.lit(2) * 3 + 1) // 2,
    "named": _col("a").alias("z"),
    "packed": nw.lit(0).cast(nw.Int64) + _col("p").cast(nw.Int64) * 4**3 + _col("q").cast(nw.Int64) * 4**30,
}


@settings(max_examples=60)
@given(table=tables() | tables(1, 1))
def test_every_expression_means_what_polars_takes_it_to_mean(table: Columns) -> None:
    def ask(frames: Frames) -> nw.LazyFrame[Any]:
        return frames["t"].select(**{f"{place}": found for place, found in enumerate(EXPRESSIONS.values())})

    ours, theirs = (columns_of(rows) for rows in (by_plan({"t": table}, ask), by_polars({"t": table}, ask)))
    for place, name in enumerate(EXPRESSIONS):
        assert ours.get(f"{place}") == theirs.get(f"{place}"), name


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Columns as they are written, for 1 and true are not the same."""
    return {name: [repr(row[name]) for row in rows] for name in rows[0]} if rows else {}


_CONDITIONS: st.SearchStrategy[nw.Expr] = st.deferred(
    lambda: (
        st.sampled_from([_col("p"), _col("q"), _col("a") > 0, _col("s") == "a", _col("d").is_null(), nw.lit(True), nw.lit(False)])
        | st.tuples(_CONDITIONS, _CONDITIONS).map(lambda two: two[0] & two[1])
        | st.tuples(_CONDITIONS, _CONDITIONS).map(lambda two: two[0] | two[1])
        | _CONDITIONS.map(lambda one: ~one)
        | _CONDITIONS.map(lambda one: one.fill_null(False))
        | st.tuples(_CONDITIONS, _CONDITIONS, _CONDITIONS).map(
            lambda three: nw.when(three[0]).then(three[1]).otherwise(three[2])
        )
    )
)  # fmt: skip


@settings(max_examples=80)
@given(table=tables() | tables(1, 1), condition=_CONDITIONS)
def test_conditions_of_any_shape_are_those_of_polars(table: Columns, condition: nw.Expr) -> None:
    same({"t": table}, lambda frames: frames["t"].select("a", met=condition))
    same({"t": table}, lambda frames: frames["t"].filter(condition & _col("p")))


FRAMES: Mapping[str, Callable[[Frames], nw.LazyFrame[Any]]] = {
    "filter": lambda f: f["t"].filter(_col("a") > 0).select("a", "s"),
    "filter of a filter": lambda f: f["t"].filter(_col("p")).filter(~_col("q")).with_columns(two=_col("a") + 1),
    "filter by nothing": lambda f: f["t"].filter(_col("p") & nw.lit(False)).select("a", one=nw.lit(1)),
    "columns that replace": lambda f: f["t"].with_columns(a=_col("b"), b=_col("a")),
    "rename and drop": lambda f: f["t"].rename({"a": "x"}).drop("b", "k"),
    "inner join": lambda f: f["t"].join(f["u"], on="a", how="inner"),
    "inner join of other names": lambda f: f["t"].join(f["u"], left_on="a", right_on="b", how="inner", suffix="_u"),
    "join by two": lambda f: f["t"].join(f["u"].select("a", "s", x="b"), on=["a", "s"], how="left"),
    "left join": lambda f: f["t"].join(f["u"].select("a", x="b", one=nw.lit(1)), on="a", how="left"),
    "left join, then compared": lambda f: f["t"]
    .join(f["u"].select("a", x=_col("b").fill_null(0)), on="a", how="left")
    .select("b", known=(_col("x") == 1).fill_null(False)),
    "full join": lambda f: f["t"]
    .select("a", x="b")
    .join(f["u"].select("a", y="b"), on="a", how="full", suffix="_u")
    .with_columns(a=nw.coalesce("a", "a_u"))
    .drop("a_u"),
    "semi join": lambda f: f["t"].join(f["u"], on="a", how="semi"),
    "anti join": lambda f: f["t"].join(f["u"], on=["a", "p"], how="anti"),
    "join by keys": lambda f: f["t"].select("k", "a").join(f["u"].select("k", x="a"), on="k"),
    "groups": lambda f: f["t"]
    .group_by("s")
    .agg(_col("a").max(), least=_col("b").min(), all=_col("a").sum(), rows=nw.len(), last=_col("d").max()),
    "groups by two": lambda f: f["t"].group_by("s", "p").agg(most=nw.when(_col("q")).then(_col("a")).max()),
    "groups of groups": lambda f: f["t"].group_by("s").agg(a=_col("a").max()).group_by("a").agg(rows=nw.len()),
    "left join with groups": lambda f: f["t"].join(f["u"].group_by("a").agg(x=_col("b").max()), on="a", how="left"),
    "inner join with groups": lambda f: f["u"].group_by("a").agg(x=nw.len()).join(f["t"], on="a", how="inner").filter(_col("x") > 1),
    "one upon the other": lambda f: nw.concat([f["t"].select("a", w=nw.lit(1).cast(nw.Int64)), f["u"].select("a", w=_col("b"))], how="vertical"),
    "constants one upon the other": lambda f: nw.concat([f["t"].select("a", w=nw.lit("x"))] * 2, how="vertical"),
    "each once": lambda f: f["t"].select("a", "p").unique(),
    "how many": lambda f: f["t"].group_by("a").agg(n=nw.len()).filter(_col("n") > 1).select("a"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=12)
@given(left=tables() | tables(1, 1), right=tables() | tables(1, 1))
def test_frames_are_those_of_polars(name: str, left: Columns, right: Columns) -> None:
    same({"t": left, "u": right}, FRAMES[name])


@settings(max_examples=12)
@given(left=tables() | tables(1, 1), right=tables() | tables(1, 1))
def test_joins_with_keys_that_do_not_repeat_are_those_of_polars(left: Columns, right: Columns) -> None:
    once = {value: place for place, value in enumerate(right["a"])}
    right = {name: [column[place] for place in once.values()] for name, column in right.items()}
    for name in ("left join", "left join, then compared", "inner join", "join by two"):
        same({"t": left, "u": right}, FRAMES[name], unique={"u": ("a",)})


def test_a_key_that_should_stand_once_and_does_not_is_told() -> None:
    row = dict.fromkeys(TYPES)
    table = {name: [1, 1] if name == "a" else [row[name]] * 2 for name in TYPES}
    with pytest.raises(RuntimeError, match="twice"):
        by_plan({"t": table, "u": table}, FRAMES["left join"], unique={"u": ("a",)})


def test_a_parameter_is_given_when_the_plan_runs() -> None:
    table: Columns = {"a": [1, 5, None]}
    for moment, found in ((0, [False, False, False]), (3, [True, False, False]), (9, [True, True, False])):
        rows = by_plan(
            {"t": table},
            lambda frames: frames["t"].select(met=(_col("a") <= Parameter("moment_us", 7)).fill_null(False)),
            parameters={"moment_us": moment},
        )
        assert [row["met"] for row in rows] == found


def test_what_nobody_asks_for_is_not_computed() -> None:
    plan = Plan()
    frame = PlannedFrame(plan, *plan.source("t", ("a", "b")))
    wide = frame.with_columns(x=_col("a") + 1, y=_col("b") + 1, z=_col("a") + 1)
    assert plan.program([wide.select("x", "z").values]).length == 1


REFUSED: Mapping[str, Callable[[Frames], Any]] = {
    "an unknown operation": lambda f: f["t"].select(_col("a").abs()),
    "an unknown function": lambda f: f["t"].select(nw.max_horizontal("a", "b")),
    "an order": lambda f: f["t"].sort("a"),
    "a schema": lambda f: f["t"].collect_schema(),
    "a filter of two": lambda f: f["t"].filter(_col("p"), _col("q")),
    "a join as of": lambda f: f["t"].join_asof(f["u"], on="a"),
    "a cross join": lambda f: f["t"].join(f["u"], how="cross"),
    "an aggregate among rows": lambda f: f["t"].select(_col("a").max()),
    "an unknown aggregate": lambda f: f["t"].group_by("s").agg(_col("a").mean()),
    "a window": lambda f: f["t"].with_columns(x=_col("a").max().over("s")),
    "a cast of another kind": lambda f: f["t"].select(_col("a").cast(nw.Float64)),
    "null among": lambda f: f["t"].select(_col("a").is_in([1, None])),
    "any that passes nulls over": lambda f: f["t"].select(nw.any_horizontal("p", "q", ignore_nulls=True)),
    "filled from before": lambda f: f["t"].select(_col("a").fill_null(strategy="forward")),
    "a column that is not there": lambda f: f["t"].select("nothing"),
    "the same name twice": lambda f: f["t"].select("a", a=_col("b")),
    "a literal of another kind": lambda f: f["t"].select(x=nw.lit(1.5)),
    "frames of other columns": lambda f: nw.concat([f["t"], f["t"].drop("a")], how="vertical"),
    "rows each once of some columns": lambda f: f["t"].unique(subset=["a"]),
    "groups without nulls": lambda f: f["t"].group_by("a", drop_null_keys=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_does_not_know_it_refuses(name: str) -> None:
    table: Columns = {column: [] for column in TYPES}
    with pytest.raises(NotPlanned):
        by_plan({"t": table, "u": table}, REFUSED[name])
