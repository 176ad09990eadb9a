"""Frames as SQL: what ``nw.LazyFrame`` is to facts and rules. Nothing is asked here; a text grows. Pure.

A frame is what stands after ``from``, some conditions, and its columns over that. Names are put over names and
conditions beside conditions; only where a step asks something of a column that is reckoned does the frame become a
query of its own inside the next, so that nothing is reckoned twice.

The longest tables of the register (``is_long``) are left-joined the other way round: the rows of the list become the
hash table, and the register streams past it. What is taken of the register is some twenty columns, and of the list few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, Self

import narwhals as nw

from consentmgr.screening.frame_arguments import flat, methods_refused, names_given
from consentmgr.screening.written.expressions import DUCKDB, Dialect, NotWritten, Reader, Written, name_of

_KINDS: Mapping[str, str] = {
    "inner": "join",
    "left": "left join",
    "full": "full join",
    "semi": "semi join",
    "anti": "anti join",
}
#: How a left join stands in the text where the right side is long. A query with it is run as it is written
#: (``engine.DuckDBEngine``): DuckDB guesses the lengths from what is asked of the columns, and guesses far too low.
TURNED = "right join"


@dataclass(frozen=True, slots=True)
class Source:
    """What stands after ``from``, and the names that its tables and queries have there."""

    text: str
    names: frozenset[str]


class WrittenFrame(nw.LazyFrame[Any]):
    """Rows with named columns. Only the methods below are there; every other one of ``nw.LazyFrame`` is refused.

    ``numbers`` gives every table and query of a question a name of its own.
    """

    dialect: ClassVar[Dialect] = DUCKDB

    def __init__(
        self,
        numbers: count[int],
        source: Source,
        values: Mapping[str, Written],
        conditions: tuple[str, ...] = (),
        *,
        is_long: bool = False,
    ) -> None:
        self.numbers, self.source, self.values, self.conditions = numbers, source, dict(values), conditions
        self.is_long = is_long

    @classmethod
    def of(cls, numbers: count[int], text: str, columns: Iterable[str], *, is_long: bool = False) -> Self:
        """A table, by its name as SQL writes it, or a query in brackets."""
        name = f"t{next(numbers)}"
        return cls(
            numbers,
            Source(f"{text} {name}", frozenset((name,))),
            {column: Written(f"{name}.{cls.dialect.quoted(column)}", is_plain=True) for column in columns},
            is_long=is_long,
        )

    def __getattribute__(self, name: str) -> Any:
        if name in _REFUSED:
            raise NotWritten(f"a frame's {name}")
        return super().__getattribute__(name)

    def __repr__(self) -> str:
        return f"WrittenFrame({', '.join(self.values)})"

    # ``nw.concat`` asks these three of the frames it is given.
    def __narwhals_namespace__(self) -> type[Stacking]:
        return Stacking

    @property
    def _compliant_frame(self) -> Any:  # type: ignore[override]
        return self

    def _with_compliant(self, df: WrittenFrame) -> WrittenFrame:
        return df

    @property
    def columns(self) -> list[str]:
        return list(self.values)

    def sql(self) -> str:
        """The query that gives the frame's rows."""
        return self.query("select")

    def query(self, verb: str, *, last: str = "") -> str:
        """The same with another beginning (``select distinct``), or more at its end."""
        shown = ", ".join(f"{value.text} as {self.dialect.quoted(name)}" for name, value in self.values.items())
        where = f" where {' and '.join(self.conditions)}" if self.conditions else ""
        return f"{verb} {shown} from {self.source.text}{where}{last}"

    def inside(self, query: str, columns: Iterable[str] | None = None) -> WrittenFrame:
        """A query, and the names of its columns, as a frame of the same question."""
        return self.of(self.numbers, f"({query})", self.values if columns is None else columns)

    def settled(self) -> WrittenFrame:
        """The same rows as a query inside the next, every column a name."""
        return self.of(self.numbers, f"({self.sql()})", self.values, is_long=self.is_long)

    @property
    def is_plain(self) -> bool:
        """No column of it is reckoned."""
        return all(value.is_plain for value in self.values.values())

    @property
    def _has_literals(self) -> bool:
        return any(value.is_literal for value in self.values.values())

    def _with_values(self, values: Mapping[str, Written]) -> WrittenFrame:
        return type(self)(self.numbers, self.source, values, self.conditions, is_long=self.is_long)

    def select(self, *exprs: Any, **named_exprs: Any) -> WrittenFrame:
        return self._read(exprs, named_exprs, {})

    def with_columns(self, *exprs: Any, **named_exprs: Any) -> WrittenFrame:
        return self._read(exprs, named_exprs, self.values)

    def _read(
        self, expressions: Iterable[Any], named: Mapping[str, Any], others: Mapping[str, Written]
    ) -> WrittenFrame:
        expressions = list(flat(expressions, NotWritten))
        reader = Reader(self.values, self.dialect)
        values: dict[str, Written] = {}
        for name, value in (
            *(reader.named(expression) for expression in expressions),
            *((name, reader.written(expression)) for name, expression in named.items()),
        ):
            if name in values:
                raise NotWritten(f"two columns named {name}")
            values[name] = value
        if not reader.is_plain:
            settled = self.settled()
            return settled.with_columns(*expressions, **named) if others else settled.select(*expressions, **named)
        return self._with_values({**others, **values})

    def drop(self, *columns: Any, strict: bool = True) -> WrittenFrame:
        gone = set(flat(columns, NotWritten))
        if strict and not gone <= set(self.values):
            raise NotWritten(f"there is no column {', '.join(sorted(gone - set(self.values)))}")
        return self._with_values({name: value for name, value in self.values.items() if name not in gone})

    def rename(self, mapping: dict[str, str]) -> WrittenFrame:
        return self._with_values({mapping.get(name, name): value for name, value in self.values.items()})

    def filter(self, *predicates: Any, **constraints: Any) -> WrittenFrame:
        if constraints or len(predicates) != 1:
            raise NotWritten("a filter that is not one expression")
        reader = Reader(self.values, self.dialect)
        condition = reader.text(predicates[0])
        if not reader.is_plain:
            return self.settled().filter(predicates[0])
        return type(self)(self.numbers, self.source, self.values, (*self.conditions, condition), is_long=self.is_long)

    def head(self, n: int = 5) -> WrittenFrame:
        return self.inside(self.query("select", last=f" limit {n}"))

    def unique(self, *args: Any, **kwargs: Any) -> WrittenFrame:
        if args or kwargs:
            raise NotWritten("unique with arguments")
        return self.inside(self.query("select distinct"))

    def group_by(self, *keys: Any, drop_null_keys: bool = False) -> WrittenGroups:  # type: ignore[override]
        names = list(flat(keys, NotWritten))
        if drop_null_keys or not names or not all(isinstance(name, str) for name in names):
            raise NotWritten("groups by anything but columns' names")
        return WrittenGroups(self, names)

    def join(
        self,
        other: WrittenFrame,
        on: str | list[str] | None = None,
        how: str = "inner",
        *,
        left_on: str | list[str] | None = None,
        right_on: str | list[str] | None = None,
        suffix: str = "_right",
    ) -> WrittenFrame:
        left, right = names_given(on if left_on is None else left_on), names_given(on if right_on is None else right_on)
        if not left or len(left) != len(right):
            raise NotWritten("a join without keys")
        if how not in _KINDS:
            raise NotWritten(f"a join of the kind {how}")
        # What is reckoned is reckoned before the join, on as many rows as there are now; and a row that a full join
        # adds on one side is not held to the conditions of the other.
        stays = self.is_plain and (how != "full" or not (self.conditions or self._has_literals))
        turned = how == "left" and other.is_long and not self.is_long
        one = self if stays and (not turned or len(self.source.names) == 1) else self.settled()
        # One table stands as it is, unless its name is taken: a frame may be joined with what was made of it. A literal
        # is null where nothing was met, and so must be a column of what is joined.
        alone = len(other.source.names) == 1 and not other.source.names & one.source.names
        stays = alone and other.is_plain and not other.conditions and not other._has_literals
        another = other if stays else other.settled()
        met = " and ".join(
            f"{one.values[mine].text} = {another.values[theirs].text}" for mine, theirs in zip(left, right, strict=True)
        )
        left_text, right_text = one.source.text, another.source.text
        text = f"{right_text} {TURNED} {left_text}" if turned else f"{left_text} {_KINDS[how]} {right_text}"
        source = Source(f"{text} on {met}", one.source.names | another.source.names)
        values = dict(one.values)
        if how not in ("semi", "anti"):
            for name, value in another.values.items():
                if how == "full" or name not in right:
                    new = f"{name}{suffix}" if name in one.values else name
                    if new in values:
                        raise NotWritten(f"two columns named {new}")
                    values[new] = value
        is_long = one.is_long and how in ("semi", "anti")
        return type(self)(self.numbers, source, values, one.conditions, is_long=is_long)


class WrittenGroups:
    """What ``group_by`` gives: one row a combination of keys."""

    def __init__(self, frame: WrittenFrame, keys: Sequence[str]) -> None:
        self._frame, self._keys = frame, keys

    def agg(self, *aggs: Any, **named_aggs: Any) -> WrittenFrame:
        frame = self._frame if self._frame.is_plain else self._frame.settled()
        reader = Reader(frame.values, frame.dialect)
        found = {name: frame.values[name] for name in self._keys}
        for expression in flat(aggs, NotWritten):
            name = name_of(expression)
            if name in found:
                raise NotWritten(f"two columns named {name}")
            found[name] = Written(reader.aggregate(expression), is_plain=False)
        for name, expression in named_aggs.items():
            found[name] = Written(reader.aggregate(expression), is_plain=False)
        grouped = type(frame)(frame.numbers, frame.source, found, frame.conditions)
        # By the keys' places in the list: a literal there would be taken for one.
        keys = ", ".join(str(place) for place in range(1, len(self._keys) + 1))
        return frame.inside(grouped.query("select", last=f" group by {keys}"), found)


class Stacking:
    """What ``nw.concat`` asks of a backend."""

    @staticmethod
    def concat(items: Iterable[WrittenFrame], *, how: str) -> WrittenFrame:
        frames = list(items)
        head = frames[0]
        if how != "vertical" or any(frame.columns != head.columns for frame in frames):
            raise NotWritten("frames of other columns one upon the other")
        return head.inside(" union all ".join(frame.sql() for frame in frames))


_REFUSED = methods_refused(WrittenFrame)
