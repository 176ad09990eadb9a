"""Small column expressions that facts and rules share. Pure."""

from collections.abc import Callable, Iterable
from typing import Any

import narwhals as nw

Frame = nw.LazyFrame[Any]
#: Computes a frame once, under a name: without it every step would be planned again in each that follows.
Keep = Callable[[Frame, str], Frame]


def names(column: str, code: str) -> nw.Expr:
    """The set of codes in ``column`` holds ``code``; false where the set is unknown."""
    return nw.col(column).str.contains(f"|{code}|", literal=True).fill_null(False)


def names_any(column: str, codes: Iterable[str]) -> nw.Expr:
    """The set in ``column`` holds one of ``codes``; never where ``codes`` is empty."""
    found = never()
    for code in codes:
        found = found | names(column, code)
    return found


def is_empty(column: str) -> nw.Expr:
    return nw.col(column).fill_null("") == ""


def equals(column: str, value: str | None) -> nw.Expr:
    """Equal and both known."""
    return never() if value is None else (nw.col(column) == value).fill_null(False)


def one_of(column: str, values: Iterable[str]) -> nw.Expr:
    return nw.col(column).is_in(list(values)).fill_null(False)


def is_true(column: str) -> nw.Expr:
    return nw.col(column).fill_null(False)


def is_known(column: str) -> nw.Expr:
    return ~nw.col(column).is_null()


def is_unknown(column: str) -> nw.Expr:
    return nw.col(column).is_null()


def never() -> nw.Expr:
    return nw.lit(False)


def constant(value: object) -> nw.Expr:
    return nw.lit(bool(value))


def flag(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, else 0: what ``max`` over a group can tell of "any"."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))
