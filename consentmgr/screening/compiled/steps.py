"""The steps of a plan: functions over columns. Pure.

A column is a list (``()`` where its rows are none), null is ``None``; a constant comes as ``itertools.repeat``, so that
one function serves columns and constants alike. Rows of a frame made of another are positions in it: a list, or a
``range`` where every row is there once and in order, and then columns need no copying. Functions named ``…_known`` are
for arguments that hold no null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, sub
from typing import Any

Column = Sequence[Any]
Places = Sequence[Any]
Binary = Callable[[Iterable[Any], Iterable[Any]], Column]


def _null_if_either(work: Callable[[Any, Any], Any]) -> Binary:
    def step(left: Iterable[Any], right: Iterable[Any]) -> Column:
        return [None if a is None or b is None else work(a, b) for a, b in zip(left, right, strict=False)]

    return step


def _of_known(work: Callable[[Any, Any], Any]) -> Binary:
    def step(left: Iterable[Any], right: Iterable[Any]) -> Column:
        return list(map(work, left, right))

    return step


def _false_if_either(work: Callable[[Any, Any], Any]) -> Binary:
    def step(left: Iterable[Any], right: Iterable[Any]) -> Column:
        return [a is not None and b is not None and work(a, b) for a, b in zip(left, right, strict=False)]

    return step


_WORK: dict[str, Callable[[Any, Any], Any]] = {
    "__eq__": eq,
    "__ne__": ne,
    "__lt__": lt,
    "__le__": le,
    "__gt__": gt,
    "__ge__": ge,
    "__add__": add,
    "__sub__": sub,
    "__mul__": mul,
    "__floordiv__": floordiv,
    "__mod__": mod,
}
#: By the name Narwhals gives the operation: null where either is null, for columns without nulls, and (comparisons)
#: false where either is null.
BINARY: dict[str, Binary] = {name: _null_if_either(work) for name, work in _WORK.items()}
BINARY_KNOWN: dict[str, Binary] = {name: _of_known(work) for name, work in _WORK.items()}
TIMES = BINARY_KNOWN["__mul__"]
COMPARED_OR_FALSE: dict[Binary, Binary] = {
    BINARY[name]: _false_if_either(work)
    for name, work in _WORK.items()
    if name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
}


def plus_times(sums: Iterable[Any], values: Iterable[Any], factors: Iterable[Any]) -> Column:
    """``sums + values * factors``, of columns without nulls."""
    return [a + b * c for a, b, c in zip(sums, values, factors, strict=False)]


def both(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [
        False if a is False or b is False else None if a is None or b is None else True
        for a, b in zip(left, right, strict=False)
    ]


def either(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [
        True if a is True or b is True else None if a is None or b is None else False
        for a, b in zip(left, right, strict=False)
    ]


def both_known(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [a and b for a, b in zip(left, right, strict=False)]


def either_known(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [a or b for a, b in zip(left, right, strict=False)]


def inverted(values: Column) -> Column:
    return [None if value is None else not value for value in values]


def is_null(values: Column) -> Column:
    return [value is None for value in values]


def is_known(values: Column) -> Column:
    return [value is not None for value in values]


def filled(values: Iterable[Any], instead: Iterable[Any]) -> Column:
    return [other if value is None else value for value, other in zip(values, instead, strict=False)]


def chosen(conditions: Iterable[Any], then: Iterable[Any], otherwise: Iterable[Any]) -> Column:
    return [a if met else b for met, a, b in zip(conditions, then, otherwise, strict=False)]


def is_in(values: Column, among: frozenset[Any]) -> Column:
    return [None if value is None else value in among for value in values]


def is_in_or_false(values: Column, among: frozenset[Any]) -> Column:
    return [value is not None and value in among for value in values]


def contains(values: Column, part: str) -> Column:
    return [None if value is None else part in value for value in values]


def contains_or_false(values: Column, part: str) -> Column:
    return [value is not None and part in value for value in values]


def matches(values: Column, pattern: re.Pattern[str]) -> Column:
    return [None if value is None else pattern.search(value) is not None for value in values]


def lower(values: Column) -> Column:
    return [None if value is None else value.lower() for value in values]


def text(values: Column) -> Column:
    return [None if value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return value
    raise TypeError(f"a column of {type(value).__name__} is not written as text")


def integer(values: Column) -> Column:
    return [None if value is None else int(value) for value in values]


def joined(separator: str, *columns: Iterable[Any]) -> Column:
    """Texts put together; null where any is."""
    return [None if None in parts else separator.join(parts) for parts in zip(*columns, strict=False)]


def joined_known(separator: str, *columns: Iterable[Any]) -> Column:
    """Texts put together, without those that are null."""
    return [separator.join(filter(_is_known, parts)) for parts in zip(*columns, strict=False)]


def _is_known(value: Any) -> bool:
    return value is not None


# --- rows -----------------------------------------------------------------------------------------------------------


def full(rows: Places, value: Any) -> Column:
    return [value] * len(rows)


def all_rows(column: Column) -> Places:
    return range(len(column))


def kept(conditions: Column) -> Places:
    """Positions where the condition holds; null holds not."""
    found = [place for place, met in enumerate(conditions) if met]
    return range(len(conditions)) if len(found) == len(conditions) else found


def no_rows() -> Places:
    return ()


def first_rows(rows: Places, count: int) -> Places:
    return list(range(min(len(rows), count)))


def gathered(column: Column, rows: Places) -> Column:
    return column if type(rows) is range else [column[place] for place in rows]


def gathered_if(column: Column, rows: Places) -> Column:
    """As ``gathered``, null where there is no position."""
    return [None if place is None else column[place] for place in rows]


def _keys(columns: tuple[Column, ...]) -> Iterable[Any]:
    """What rows are joined by: null in any part never meets anything."""
    if len(columns) == 1:
        return columns[0]
    return [None if None in parts else parts for parts in zip(*columns, strict=True)]


def one_each(width: int, *columns: Column) -> Places:
    """For each row on the left the position on the right of its only match, or null: the left is never repeated.

    ``columns``: ``width`` keys of the left, then those of the right. Raises ``RuntimeError`` where two rows on the right
    have the same key: the plan was made for keys that do not repeat.
    """
    left = _keys(columns[:width])
    right = columns[width:]
    if not len(right[0]):
        return [None] * len(columns[0])
    places = {key: place for place, key in enumerate(_keys(right)) if key is not None}
    if len(places) != sum(key is not None for key in _keys(right)):
        raise RuntimeError("a key that should stand once stands twice")
    return [None if key is None else places.get(key) for key in left]


def _many(right: tuple[Column, ...]) -> dict[Any, list[int]]:
    places: dict[Any, list[int]] = {}
    for place, key in enumerate(_keys(right)):
        if key is not None:
            places.setdefault(key, []).append(place)
    return places


def pairs(width: int, *columns: Column) -> tuple[Places, Places]:
    """Positions of every pair of rows with equal keys, left and right."""
    places = _many(columns[width:])
    left: list[int] = []
    right: list[int] = []
    if places:
        for place, key in enumerate(_keys(columns[:width])):
            for other in places.get(key, ()) if key is not None else ():
                left.append(place)
                right.append(other)
    return _whole(left, len(columns[0])), right


def pairs_left(width: int, *columns: Column) -> tuple[Places, Places]:
    """As ``pairs``, and every row of the left that has no match with null on the right."""
    places = _many(columns[width:])
    if not places:
        rows = range(len(columns[0]))
        return rows, [None] * len(rows)
    left: list[int] = []
    right: list[int | None] = []
    for place, key in enumerate(_keys(columns[:width])):
        for other in places.get(key, (None,)) if key is not None else (None,):
            left.append(place)
            right.append(other)
    return _whole(left, len(columns[0])), right


def pairs_full(width: int, *columns: Column) -> tuple[Places, Places]:
    """As ``pairs_left``, and every row of the right that has no match with null on the left."""
    left, right = pairs_left(width, *columns)
    met = set(right)
    unmet = [place for place in range(len(columns[width])) if place not in met]
    return [*left, *(None for _ in unmet)], [*right, *unmet]


def _whole(left: list[int], count: int) -> Places:
    return range(count) if len(left) == count and left == list(range(count)) else left


def with_match(width: int, *columns: Column) -> Places:
    keys = set(_keys(columns[width:]))
    keys.discard(None)
    return kept([key is not None and key in keys for key in _keys(columns[:width])])


def without_match(width: int, *columns: Column) -> Places:
    keys = set(_keys(columns[width:]))
    keys.discard(None)
    return kept([key is None or key not in keys for key in _keys(columns[:width])])


def first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def second(pair: tuple[Any, Any]) -> Any:
    return pair[1]


def stacked_rows(*rows: Places) -> Places:
    return range(sum(map(len, rows)))


def stacked(*columns: Column) -> Column:
    found: list[Any] = []
    for column in columns:
        found.extend(column)
    return found


# --- groups ---------------------------------------------------------------------------------------------------------


def groups(*keys: Column) -> Column:
    """For each distinct combination (null is a value) the positions of its rows."""
    found: dict[Any, list[int]] = {}
    for place, key in enumerate(zip(*keys, strict=True)):
        found.setdefault(key, []).append(place)
    return list(found.values())


def first_of_each(found: Column) -> Places:
    return [rows[0] for rows in found]


def size(found: Column) -> Column:
    return list(map(len, found))


def largest(values: Column, found: Column) -> Column:
    return [max((v for place in rows if (v := values[place]) is not None), default=None) for rows in found]


def smallest(values: Column, found: Column) -> Column:
    return [min((v for place in rows if (v := values[place]) is not None), default=None) for rows in found]


def total(values: Column, found: Column) -> Column:
    return [sum(v for place in rows if (v := values[place]) is not None) for rows in found]
