"""Narwhals expressions as columns of a plan: every operation that facts and rules use, and no other. Pure.

An ``nw.Expr`` keeps what it was built of as a list of nodes (``_nodes``, in the pinned version of Narwhals); here the
nodes are read. The meaning of each operation on nulls is that of Polars, which ``tests/screening/test_compiled.py`` holds node
by node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import narwhals as nw

from consentmgr.screening.compiled import steps
from consentmgr.screening.compiled.plan import Column, Constant, NotPlanned, Parameter, Plan, Rows, Value

_REFLECTED = {"__radd__": "__add__", "__rmul__": "__mul__", "__rand__": "__and__", "__ror__": "__or__"}
_COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
_AGGREGATES: Mapping[str, Callable[..., Any]] = {"max": steps.largest, "min": steps.smallest, "sum": steps.total}
_PLAIN_TYPES = (bool, int, str, bytes, date, type(None))


def _nodes_of(expression: nw.Expr) -> Sequence[Any]:
    return expression._nodes  # noqa: SLF001 - what an expression is built of is told nowhere else


class Reader:
    """Reads expressions on one frame's rows and columns."""

    def __init__(self, plan: Plan, rows: Rows, columns: Mapping[str, Value]) -> None:
        self._plan, self._rows, self._columns = plan, rows, columns

    def named(self, expression: Any) -> tuple[str, Value]:
        """A column's name and value. Strings name columns."""
        if isinstance(expression, str):
            return expression, self._column(expression)
        if not isinstance(expression, nw.Expr):
            raise NotPlanned(f"a column made of {type(expression).__name__}")
        return self._output_name(expression), self.value(expression)

    def _output_name(self, expression: nw.Expr) -> str:
        for node in reversed(_nodes_of(expression)):
            if node.name == "alias":
                return str(node.kwargs["name"])
        first = _nodes_of(expression)[0]
        if first.name == "col":
            return str(first.kwargs["names"][0])
        if first.name == "lit":
            return "literal"
        if first.name == "len":
            return "len"
        if first.exprs:
            # Of several the first names it; of a choice what is chosen.
            argument = first.exprs[1 if first.name == "when_then" else 0]
            return argument if isinstance(argument, str) else self._output_name(argument)
        raise NotPlanned(f"a column without a name: {expression!r}")

    def _column(self, name: str) -> Value:
        try:
            return self._columns[name]
        except KeyError:
            raise NotPlanned(f"there is no column {name}; there are {', '.join(self._columns)}") from None

    def value(self, expression: Any) -> Value:
        """An expression, a column's name, or a plain value."""
        if isinstance(expression, str):
            return self._column(expression)
        if not isinstance(expression, nw.Expr):
            return self._literal(expression)
        first, *others = _nodes_of(expression)
        value = self._first(first)
        for node in others:
            value = self._node(value, node)
        return value

    def aggregate(self, expression: nw.Expr, groups: Rows, found: int) -> tuple[str, Value]:
        """One value a group: the expression's last operation, but for its name, gathers rows."""
        nodes = [node for node in _nodes_of(expression) if node.name != "alias"]
        name = self._output_name(expression)
        plan, last = self._plan, nodes[-1]
        if last.name == "len" and len(nodes) == 1:
            return name, plan.column(groups, steps.size, found, nullable=False)
        if last.name not in _AGGREGATES or last.kwargs or len(nodes) < 2:
            raise NotPlanned(f"an aggregate of {expression!r}")
        inner = self.value(nw.Expr(*nodes[:-1]))
        if isinstance(inner, Constant):
            inner = plan.full(self._rows, inner)
        nullable = inner.nullable and last.name != "sum"
        return name, plan.column(groups, _AGGREGATES[last.name], inner.slot, found, nullable=nullable)

    # --- nodes

    def _literal(self, value: Any) -> Value:
        if isinstance(value, Parameter):
            return self._plan.parameter(self._rows, value)
        if type(value) not in _PLAIN_TYPES:
            raise NotPlanned(f"a literal of {type(value).__name__}")
        return Constant(value)

    def _argument(self, node: Any, argument: Any) -> Value:
        if isinstance(argument, str) and node.str_as_lit:
            return Constant(argument)
        return self.value(argument)

    def _first(self, node: Any) -> Value:
        if node.name == "col" and len(node.kwargs["names"]) == 1:
            return self._column(node.kwargs["names"][0])
        if node.name == "lit":
            return self._literal(node.kwargs["value"])
        arguments = [self._argument(node, argument) for argument in node.exprs]
        if node.name == "when_then":
            condition, then, *otherwise = arguments
            return self._chosen(condition, then, otherwise[0] if otherwise else Constant(None))
        if node.name == "all_horizontal" and len(arguments) == 1:
            return arguments[0]
        if node.name in ("any_horizontal", "all_horizontal") and not node.kwargs["ignore_nulls"]:
            logic = self._either if node.name == "any_horizontal" else self._both
            value = arguments[0]
            for other in arguments[1:]:
                value = logic(value, other)
            return value
        if node.name == "coalesce":
            value = arguments[0]
            for other in arguments[1:]:
                value = self._filled(value, other)
            return value
        if node.name == "concat_str":
            return self._joined(arguments, **node.kwargs)
        raise NotPlanned(f"the operation {node.name}")

    def _node(self, value: Value, node: Any) -> Value:
        name = _REFLECTED.get(node.name, node.name)
        arguments = [self._argument(node, argument) for argument in node.exprs]
        if name == "alias":
            return value
        if name == "__and__":
            return self._both(value, arguments[0])
        if name == "__or__":
            return self._either(value, arguments[0])
        if name in steps.BINARY:
            return self._binary(name, value, arguments[0])
        if name == "__invert__":
            if isinstance(value, Column) and value.work is steps.is_null:
                return self._unary(steps.is_known, self._by_slot(value.arguments[0]), nullable=False)
            return self._unary(steps.inverted, value, nullable=value.nullable)
        if name == "is_null":
            return self._unary(steps.is_null, value, nullable=False) if value.nullable else Constant(False)
        if name == "fill_null" and node.kwargs["strategy"] is None and node.kwargs["limit"] is None and arguments:
            return self._filled(value, arguments[0])
        if name == "is_in":
            return self._is_in(value, node.kwargs["other"])
        if name == "str.contains":
            return self._contains(value, arguments[0], literal=node.kwargs["literal"])
        if name == "str.to_lowercase":
            return self._unary(steps.lower, value, nullable=value.nullable)
        if name == "cast":
            return self._cast(value, node.kwargs["dtype"])
        raise NotPlanned(f"the operation {name}")

    def _by_slot(self, slot: int) -> Column:
        # Only its slot is asked for.
        return Column(slot, self._rows, nullable=True)

    def _work(self, work: steps.Binary | Any, *values: Value, nullable: bool, fixed: tuple[Any, ...] = ()) -> Value:
        """A step over these values; reckoned at once where all are constants."""
        if all(isinstance(value, Constant) for value in values):
            columns = [[value.value] for value in values if isinstance(value, Constant)]
            return Constant(work(*columns, *fixed)[0])
        plan = self._plan
        slots = [plan.slot_of(value) for value in values] + [plan.fixed(value) for value in fixed]
        return plan.column(self._rows, work, *slots, nullable=nullable)

    def _is_whole(self, value: Value) -> bool:
        """Whether it is known to hold whole numbers alone, but for nulls."""
        if isinstance(value, Constant):
            return value.value is None or type(value.value) is int
        return value.slot in self._plan.whole_numbers

    def _whole_if(self, found: Value, *values: Value) -> Value:
        if isinstance(found, Column) and all(self._is_whole(value) for value in values):
            self._plan.whole_numbers.add(found.slot)
        return found

    def _unary(self, work: Any, value: Value, *, nullable: bool) -> Value:
        return self._work(work, value, nullable=nullable)

    def _binary(self, name: str, left: Value, right: Value) -> Value:
        nullable = left.nullable or right.nullable
        if name == "__add__" and not nullable and isinstance(right, Column) and right.work is steps.TIMES:
            # A sum of products, such as weights packed in one number, takes a step a part.
            plan = self._plan
            added = plan.column(self._rows, steps.plus_times, plan.slot_of(left), *right.arguments, nullable=False)
            return self._whole_if(added, left, right)
        found = self._work((steps.BINARY if nullable else steps.BINARY_KNOWN)[name], left, right, nullable=nullable)
        return found if name in _COMPARISONS else self._whole_if(found, left, right)

    def _both(self, left: Value, right: Value) -> Value:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Constant) and one.value is not None:
                return other if one.value else Constant(False)
        if left == right:
            return left
        nullable = left.nullable or right.nullable
        return self._work(steps.both if nullable else steps.both_known, left, right, nullable=nullable)

    def _either(self, left: Value, right: Value) -> Value:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Constant) and one.value is not None:
                return Constant(True) if one.value else other
        if left == right:
            return left
        nullable = left.nullable or right.nullable
        return self._work(steps.either if nullable else steps.either_known, left, right, nullable=nullable)

    def _chosen(self, condition: Value, then: Value, otherwise: Value) -> Value:
        if isinstance(condition, Constant):
            return then if condition.value else otherwise
        if then == otherwise:
            return then
        found = self._work(steps.chosen, condition, then, otherwise, nullable=then.nullable or otherwise.nullable)
        return self._whole_if(found, then, otherwise)

    def _filled(self, value: Value, instead: Value) -> Value:
        if not value.nullable:
            return value
        if isinstance(value, Constant):
            return instead
        if instead == Constant(False) and value.work is not None:
            if value.work in steps.COMPARED_OR_FALSE:
                work: Any = steps.COMPARED_OR_FALSE[value.work]
                return self._plan.column(self._rows, work, *value.arguments, nullable=False)
            for plain, or_false in (
                (steps.is_in, steps.is_in_or_false),
                (steps.contains, steps.contains_or_false),
            ):
                if value.work is plain:
                    return self._plan.column(self._rows, or_false, *value.arguments, nullable=False)
        return self._whole_if(self._work(steps.filled, value, instead, nullable=instead.nullable), value, instead)

    def _is_in(self, value: Value, among: Any) -> Value:
        if not isinstance(among, (list, tuple)) or any(item is None for item in among):
            raise NotPlanned("is_in of anything but a list without null")
        return self._work(steps.is_in, value, nullable=value.nullable, fixed=(frozenset(among),))

    def _contains(self, value: Value, pattern: Value, *, literal: bool) -> Value:
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
            raise NotPlanned("str.contains of anything but a constant")
        if literal:
            return self._work(steps.contains, value, nullable=value.nullable, fixed=(pattern.value,))
        text = pattern.value
        if text.endswith("$") and not text.endswith(r"\$"):
            # The end is the very end, as RE2 and Rust read it; to Python "$" is also what stands before a last newline.
            text = text[:-1] + r"\Z"
        return self._work(steps.matches, value, nullable=value.nullable, fixed=(re.compile(text),))

    def _cast(self, value: Value, kind: Any) -> Value:
        if kind == nw.Int64 and self._is_whole(value):
            return value
        if kind == nw.Int64:
            return self._unary(steps.integer, value, nullable=value.nullable)
        if kind == nw.String:
            return self._unary(steps.text, value, nullable=value.nullable)
        raise NotPlanned(f"a cast to {kind}")

    def _joined(self, arguments: list[Value], *, separator: str, ignore_nulls: bool) -> Value:
        plan = self._plan
        work = steps.joined_known if ignore_nulls else steps.joined
        nullable = not ignore_nulls and any(argument.nullable for argument in arguments)
        texts = [self._unary(steps.text, argument, nullable=argument.nullable) for argument in arguments]
        if all(isinstance(text, Constant) for text in texts):
            return Constant(work(separator, *([text.value] for text in texts if isinstance(text, Constant)))[0])
        slots = (plan.fixed(separator), *(plan.slot_of(text) for text in texts))
        return plan.column(self._rows, work, *slots, nullable=nullable)
