"""Narwhals expressions as SQL: every operation that facts and rules use, and no other. Pure.

An ``nw.Expr`` keeps what it was built of as a list of nodes (``_nodes``, in the pinned version of Narwhals); here the
nodes are read, and written as Narwhals itself writes them for DuckDB. ``tests/screening/test_written.py`` holds their
meaning to that of Polars. What another database writes otherwise is its ``Dialect``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw

_BINARY: Mapping[str, str] = {
    "__and__": "and",
    "__or__": "or",
    "__add__": "+",
    "__sub__": "-",
    "__mul__": "*",
    "__eq__": "=",
    "__ne__": "<>",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
}
_REFLECTED: Mapping[str, str] = {
    "__radd__": "__add__",
    "__rsub__": "__sub__",
    "__rmul__": "__mul__",
    "__rand__": "__and__",
    "__ror__": "__or__",
}
_AGGREGATES: Mapping[str, str] = {
    "max": "max({})",
    "min": "min({})",
    # Of no numbers it is 0, and DuckDB's own is a number of 128 bits.
    "sum": "cast(coalesce(sum({}), 0) as bigint)",
}
_DUCKDB_TYPES: Mapping[Any, str] = {nw.Int64: "bigint", nw.String: "varchar", nw.Binary: "blob", nw.Date: "date"}


class NotWritten(NotImplementedError):
    """An operation that has no SQL here; told when the text is made, never by a wrong answer."""


@dataclass(frozen=True, slots=True)
class Written:
    """A value of each row as SQL. ``is_plain``: a column or a literal, which may be written as often as it is asked."""

    text: str
    is_plain: bool
    is_literal: bool = False


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Dialect:
    """What databases write each in their own way.

    ``quoted``: a name; ``literal``: a plain value; ``types``: by Narwhals' data type; ``matches``: whether a pattern (RE2)
    is found in a text; ``quotient``: a whole number divided by another, towards zero.
    """

    quoted: Callable[[str], str]
    literal: Callable[[Any], str]
    types: Mapping[Any, str]
    matches: Callable[[str, str], str]
    quotient: str

    def type(self, dtype: Any) -> str:
        for known, text in self.types.items():
            if dtype == known:
                return text
        raise NotWritten(f"the type {dtype}")


class Reader:
    """Reads expressions on one frame's columns. ``is_plain``: it has met no column that is more than a name."""

    def __init__(self, columns: Mapping[str, Written], dialect: Dialect) -> None:
        self._columns, self._dialect = columns, dialect
        self.is_plain = True

    def named(self, expression: Any) -> tuple[str, Written]:
        """A column's name and value. Strings name columns."""
        if isinstance(expression, str):
            return expression, self._found(expression)
        if not isinstance(expression, nw.Expr):
            raise NotWritten(f"a column made of {type(expression).__name__}")
        return name_of(expression), self.written(expression)

    def written(self, expression: Any) -> Written:
        """What an expression or a column's name stands for; a column that only gets another name stays what it was."""
        if isinstance(expression, str):
            return self._found(expression)
        nodes = _without_names(expression)
        if len(nodes) == 1 and nodes[0].name == "col":
            return self._found(_one_name(nodes[0]))
        is_literal = len(nodes) == 1 and nodes[0].name == "lit"
        return Written(self.text(expression), is_literal, is_literal)

    def _found(self, name: str) -> Written:
        try:
            return self._columns[name]
        except KeyError:
            raise NotWritten(f"there is no column {name}; there are {', '.join(self._columns)}") from None

    def _column(self, name: str) -> str:
        found = self._found(name)
        self.is_plain = self.is_plain and found.is_plain
        return found.text

    def text(self, expression: Any) -> str:
        """The SQL of an expression, a column's name, or a plain value."""
        if isinstance(expression, str):
            return self._column(expression)
        if not isinstance(expression, nw.Expr):
            return self._dialect.literal(expression)
        first, *others = _nodes_of(expression)
        text = self._first(first)
        for node in others:
            text = self._node(text, node)
        return text

    def aggregate(self, expression: nw.Expr) -> str:
        """One value a group: the expression's last operation, but for its name, gathers rows."""
        nodes = _without_names(expression)
        last = nodes[-1]
        if last.name == "len" and len(nodes) == 1:
            return "count(*)"
        if last.name not in _AGGREGATES or last.kwargs or len(nodes) < 2:
            raise NotWritten(f"an aggregate of {expression!r}")
        return _AGGREGATES[last.name].format(self.text(nw.Expr(*nodes[:-1])))

    def _argument(self, node: Any, argument: Any) -> str:
        if isinstance(argument, str) and node.str_as_lit:
            return self._dialect.literal(argument)
        return self.text(argument)

    def _first(self, node: Any) -> str:
        if node.name == "col":
            return self._column(_one_name(node))
        if node.name == "lit":
            dtype = node.kwargs["dtype"]
            value = self._dialect.literal(node.kwargs["value"])
            return value if dtype is None else self._cast(value, dtype)
        arguments = [self._argument(node, argument) for argument in node.exprs]
        if node.name == "when_then":
            condition, then, *otherwise = arguments
            last = f" else {otherwise[0]}" if otherwise else ""
            return f"case when {condition} then {then}{last} end"
        if node.name in ("any_horizontal", "all_horizontal") and not node.kwargs["ignore_nulls"]:
            return f"({(' or ' if node.name == 'any_horizontal' else ' and ').join(arguments)})"
        if node.name == "all_horizontal" and len(arguments) == 1:
            return arguments[0]
        if node.name == "coalesce":
            return f"coalesce({', '.join(arguments)})"
        if node.name == "concat_str":
            return self._joined(arguments, **node.kwargs)
        raise NotWritten(f"the operation {node.name}")

    def _node(self, text: str, node: Any) -> str:
        name = _REFLECTED.get(node.name, node.name)
        arguments = [self._argument(node, argument) for argument in node.exprs]
        if name == "alias":
            return text
        if name in _BINARY:
            left, right = (
                (arguments[0], text) if name == "__sub__" and node.name == "__rsub__" else (text, arguments[0])
            )
            return f"({left} {_BINARY[name]} {right})"
        if name in ("__floordiv__", "__mod__"):
            return self._divided(text, *node.exprs, rest=name == "__mod__")
        if name == "__invert__":
            return f"(not {text})"
        if name == "is_null":
            return f"({text} is null)"
        if name == "fill_null" and node.kwargs["strategy"] is None and node.kwargs["limit"] is None and arguments:
            return f"coalesce({text}, {arguments[0]})"
        if name == "is_in":
            return self._is_in(text, node.kwargs["other"])
        if name == "str.contains":
            if node.kwargs["literal"]:
                return f"contains({text}, {arguments[0]})"
            (pattern,) = node.exprs
            if not isinstance(pattern, str):
                raise NotWritten("a pattern that is not the same for every row")
            return self._dialect.matches(text, pattern)
        if name == "str.to_lowercase":
            return f"lower({text})"
        if name == "cast":
            return self._cast(text, node.kwargs["dtype"])
        raise NotWritten(f"the operation {name}")

    def _cast(self, text: str, dtype: Any) -> str:
        return f"cast({text} as {self._dialect.type(dtype)})"

    def _divided(self, text: str, divisor: Any, *, rest: bool) -> str:
        """A whole number divided by a constant, and the rest; the database's own are of the division towards zero."""
        if type(divisor) is not int or divisor <= 0:
            raise NotWritten("a division by anything but a whole number above zero")
        if rest:
            return f"(({text} % {divisor} + {divisor}) % {divisor})"
        return f"({self._dialect.quotient.format(text, divisor)} - case when {text} % {divisor} < 0 then 1 else 0 end)"

    def _is_in(self, text: str, among: Any) -> str:
        if not isinstance(among, (list, tuple)) or any(item is None for item in among):
            raise NotWritten("is_in of anything but a list without null")
        if not among:
            return f"case when {text} is not null then false end"
        return f"({text} in ({', '.join(self._dialect.literal(item) for item in among)}))"

    def _joined(self, arguments: Sequence[str], *, separator: str, ignore_nulls: bool) -> str:
        texts = [self._cast(argument, nw.String) for argument in arguments]
        between = self._dialect.literal(separator)
        if ignore_nulls:
            return f"concat_ws({between}, {', '.join(texts)})"
        # "||" of a null is null.
        return f"({f' || {between} || '.join(texts) if separator else ' || '.join(texts)})"


def name_of(expression: nw.Expr) -> str:
    """What the column of an expression is called."""
    for node in reversed(_nodes_of(expression)):
        if node.name == "alias":
            return str(node.kwargs["name"])
    first = _nodes_of(expression)[0]
    if first.name == "col":
        return _one_name(first)
    if first.name == "lit":
        return "literal"
    if first.name == "len":
        return "len"
    if first.exprs:
        # Of several the first names it; of a choice what is chosen.
        argument = first.exprs[1 if first.name == "when_then" else 0]
        return argument if isinstance(argument, str) else name_of(argument)
    raise NotWritten(f"a column without a name: {expression!r}")


def _nodes_of(expression: nw.Expr) -> Sequence[Any]:
    return expression._nodes  # noqa: SLF001 - what an expression is built of is told nowhere else


def _without_names(expression: nw.Expr) -> list[Any]:
    return [node for node in _nodes_of(expression) if node.name != "alias"]


def _one_name(node: Any) -> str:
    names = node.kwargs["names"]
    if len(names) != 1:
        raise NotWritten("several columns in one")
    return str(names[0])


def literal(value: Any) -> str:
    """A plain value as SQL writes it."""
    return written_by(_LITERALS, value)


def written_by(kinds: Mapping[type, Callable[[Any], str]], value: Any) -> str:
    write = kinds.get(type(value))
    if write is None:
        raise NotWritten(f"a literal of {type(value).__name__}")
    return write(value)


def _text(value: str) -> str:
    if "\0" in value:
        raise NotWritten("a text with a zero in it")
    return "'" + value.replace("'", "''") + "'"


#: How kinds of plain values stand in any SQL, but for texts.
PLAIN_LITERALS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: lambda value: str(value) if value >= 0 else f"({value})",
    date: lambda value: f"date '{value.isoformat()}'",
}
_LITERALS = {**PLAIN_LITERALS, str: _text}

DUCKDB = Dialect(
    quoted=quoted,
    literal=literal,
    types=_DUCKDB_TYPES,
    matches=lambda text, pattern: f"regexp_matches({text}, {_text(pattern)})",
    quotient="{} // {}",
)
