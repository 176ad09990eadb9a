"""Frames of a plan: what ``nw.LazyFrame`` is to facts and rules. Nothing is computed here; steps are noted down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import narwhals as nw

from consentmgr.screening.compiled import steps
from consentmgr.screening.compiled.expressions import Reader
from consentmgr.screening.compiled.plan import Column, Constant, NotPlanned, Plan, Rows, Value
from consentmgr.screening.frame_arguments import flat, methods_refused, names_given


class PlannedFrame(nw.LazyFrame[Any]):
    """Rows with named columns. Only the methods below are there; every other one of ``nw.LazyFrame`` is refused."""

    def __init__(self, plan: Plan, rows: Rows, values: Mapping[str, Value]) -> None:
        self.plan, self.rows, self.values = plan, rows, dict(values)

    def __getattribute__(self, name: str) -> Any:
        if name in _REFUSED:
            raise NotPlanned(f"a frame's {name}")
        return super().__getattribute__(name)

    def __repr__(self) -> str:
        return f"PlannedFrame({', '.join(self.values)})"

    def _with(self, rows: Rows, values: Mapping[str, Value]) -> PlannedFrame:
        return PlannedFrame(self.plan, rows, values)

    # ``nw.concat`` asks these three of the frames it is given.
    def __narwhals_namespace__(self) -> type[Stacking]:
        return Stacking

    @property
    def _compliant_frame(self) -> Any:  # type: ignore[override]
        return self

    def _with_compliant(self, df: PlannedFrame) -> PlannedFrame:
        return df

    @property
    def columns(self) -> list[str]:
        return list(self.values)

    def select(self, *exprs: Any, **named_exprs: Any) -> PlannedFrame:
        return self._with(self.rows, dict(self._read(exprs, named_exprs)))

    def with_columns(self, *exprs: Any, **named_exprs: Any) -> PlannedFrame:
        return self._with(self.rows, {**self.values, **dict(self._read(exprs, named_exprs))})

    def _read(self, expressions: Sequence[Any], named: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
        reader = Reader(self.plan, self.rows, self.values)
        seen: set[str] = set()
        for name, value in (
            *(reader.named(expression) for expression in flat(expressions, NotPlanned)),
            *((name, reader.value(expression)) for name, expression in named.items()),
        ):
            if name in seen:
                raise NotPlanned(f"two columns named {name}")
            seen.add(name)
            yield name, value

    def drop(self, *columns: Any, strict: bool = True) -> PlannedFrame:
        gone = set(flat(columns, NotPlanned))
        if strict and not gone <= set(self.values):
            raise NotPlanned(f"there is no column {', '.join(sorted(gone - set(self.values)))}")
        return self._with(self.rows, {name: value for name, value in self.values.items() if name not in gone})

    def rename(self, mapping: dict[str, str]) -> PlannedFrame:
        return self._with(self.rows, {mapping.get(name, name): value for name, value in self.values.items()})

    def filter(self, *predicates: Any, **constraints: Any) -> PlannedFrame:
        if constraints or len(predicates) != 1:
            raise NotPlanned("a filter that is not one expression")
        condition = Reader(self.plan, self.rows, self.values).value(predicates[0])
        if isinstance(condition, Constant):
            if condition.value:
                return self
            return self._subset(self.plan.step(steps.no_rows, ()))
        return self._subset(self.plan.step(steps.kept, (condition.slot,)))

    def head(self, n: int = 5) -> PlannedFrame:
        return self._subset(self.plan.step(steps.first_rows, (self.rows.slot, self.plan.fixed(n))))

    def unique(self, *args: Any, **kwargs: Any) -> PlannedFrame:
        if args or kwargs:
            raise NotPlanned("unique with arguments")
        found = self.groups(list(self.values))
        return self._subset(self.plan.step(steps.first_of_each, (found,)))

    def _subset(self, places: int) -> PlannedFrame:
        rows = self.plan.rows(Rows(places, inside=(self.rows,)))
        return self._with(rows, {name: self.plan.gathered(value, rows, places) for name, value in self.values.items()})

    def groups(self, names: Sequence[str]) -> int:
        """The slot of the positions of each combination of these columns."""
        plan = self.plan
        keys = [self.values[name] for name in names]
        slots = [key.slot if isinstance(key, Column) else plan.full(self.rows, key).slot for key in keys]
        return plan.step(steps.groups, tuple(slots))

    def group_by(self, *keys: Any, drop_null_keys: bool = False) -> PlannedGroups:  # type: ignore[override]
        names = list(flat(keys, NotPlanned))
        if drop_null_keys or not names or not all(isinstance(name, str) for name in names):
            raise NotPlanned("groups by anything but columns' names")
        return PlannedGroups(self, names)

    def join(
        self,
        other: PlannedFrame,
        on: str | list[str] | None = None,
        how: str = "inner",
        *,
        left_on: str | list[str] | None = None,
        right_on: str | list[str] | None = None,
        suffix: str = "_right",
    ) -> PlannedFrame:
        if other.plan is not self.plan:
            raise NotPlanned("a join with a frame of another plan")
        left, right = names_given(on if left_on is None else left_on), names_given(on if right_on is None else right_on)
        if not left or len(left) != len(right):
            raise NotPlanned("a join without keys")
        arguments = (
            self.plan.fixed(len(left)),
            *(self._key(name) for name in left),
            *(other._key(name) for name in right),
        )
        if how in ("semi", "anti"):
            work = steps.with_match if how == "semi" else steps.without_match
            return self._subset(self.plan.step(work, arguments))
        if how == "left":
            return self._left_join(other, right, arguments, suffix)
        if how == "inner":
            return self._inner_join(other, left, right, arguments, suffix)
        if how == "full":
            return self._full_join(other, arguments, suffix)
        raise NotPlanned(f"a join of the kind {how}")

    def _key(self, name: str) -> int:
        value = self.values[name]
        return value.slot if isinstance(value, Column) else self.plan.full(self.rows, value).slot

    def _others(self, other: PlannedFrame, without: Sequence[str], suffix: str) -> Iterator[tuple[str, Value]]:
        for name, value in other.values.items():
            if name not in without:
                new = f"{name}{suffix}" if name in self.values else name
                if new in self.values:
                    raise NotPlanned(f"two columns named {new}")
                yield new, value

    def _left_join(
        self, other: PlannedFrame, right: Sequence[str], arguments: tuple[int, ...], suffix: str
    ) -> PlannedFrame:
        plan = self.plan
        if is_unique(other.rows, [other.values[name] for name in right]):
            # Every row on the left stays itself, and so do its columns.
            places = plan.step(steps.one_each, arguments, self.rows)
            added = {
                name: plan.gathered(value, self.rows, places, missing=True)
                for name, value in self._others(other, right, suffix)
            }
            return self._with(self.rows, {**self.values, **added})
        pair = plan.step(steps.pairs_left, arguments)
        rows = plan.rows(Rows(plan.step(steps.first, (pair,))))
        places = plan.step(steps.second, (pair,))
        values = {name: plan.gathered(value, rows, rows.slot) for name, value in self.values.items()}
        for name, value in self._others(other, right, suffix):
            values[name] = plan.gathered(value, rows, places, missing=True)
        return self._with(rows, values)

    def _inner_join(
        self, other: PlannedFrame, left: Sequence[str], right: Sequence[str], arguments: tuple[int, ...], suffix: str
    ) -> PlannedFrame:
        plan = self.plan
        inside = []
        if is_unique(other.rows, [other.values[name] for name in right]):
            inside.append(self.rows)
        if is_unique(self.rows, [self.values[name] for name in left]):
            inside.append(other.rows)
        pair = plan.step(steps.pairs, arguments)
        rows = plan.rows(Rows(plan.step(steps.first, (pair,)), inside=tuple(inside)))
        places = plan.step(steps.second, (pair,))
        values = {name: plan.gathered(value, rows, rows.slot) for name, value in self.values.items()}
        for name, value in self._others(other, right, suffix):
            values[name] = plan.gathered(value, rows, places)
        return self._with(rows, values)

    def _full_join(self, other: PlannedFrame, arguments: tuple[int, ...], suffix: str) -> PlannedFrame:
        plan = self.plan
        pair = plan.step(steps.pairs_full, arguments)
        rows = plan.rows(Rows(plan.step(steps.first, (pair,))))
        places = plan.step(steps.second, (pair,))
        values = {name: plan.gathered(value, rows, rows.slot, missing=True) for name, value in self.values.items()}
        for name, value in self._others(other, (), suffix):
            values[name] = plan.gathered(value, rows, places, missing=True)
        return self._with(rows, values)


class PlannedGroups:
    """What ``group_by`` gives: one row a combination of keys."""

    def __init__(self, frame: PlannedFrame, keys: Sequence[str]) -> None:
        self._frame, self._keys = frame, keys

    def agg(self, *aggs: Any, **named_aggs: Any) -> PlannedFrame:
        frame, plan = self._frame, self._frame.plan
        found = frame.groups(self._keys)
        rows = plan.rows(Rows(plan.step(steps.first_of_each, (found,))))
        values = {name: plan.gathered(frame.values[name], rows, rows.slot) for name in self._keys}
        keys = [value for value in values.values() if isinstance(value, Column)]
        rows.unique.add(frozenset(key.slot for key in keys))
        reader = Reader(plan, frame.rows, frame.values)
        for expression in flat(aggs, NotPlanned):
            name, value = reader.aggregate(expression, rows, found)
            if name in values:
                raise NotPlanned(f"two columns named {name}")
            values[name] = value
        for name, expression in named_aggs.items():
            values[name] = reader.aggregate(expression, rows, found)[1]
        return PlannedFrame(plan, rows, values)


class Stacking:
    """What ``nw.concat`` asks of a backend."""

    @staticmethod
    def concat(items: Iterable[PlannedFrame], *, how: str) -> PlannedFrame:
        frames = list(items)
        head = frames[0]
        if how != "vertical" or any(frame.columns != head.columns for frame in frames):
            raise NotPlanned("frames of other columns one upon the other")
        plan = head.plan
        rows = plan.rows(Rows(plan.step(steps.stacked_rows, tuple(frame.rows.slot for frame in frames))))
        values: dict[str, Value] = {}
        for name in head.columns:
            parts = [frame.values[name] for frame in frames]
            if isinstance(parts[0], Constant) and all(part == parts[0] for part in parts):
                values[name] = parts[0]
                continue
            slots = [
                part.slot if isinstance(part, Column) else plan.full(frame.rows, part).slot
                for part, frame in zip(parts, frames, strict=True)
            ]
            nullable = any(part.nullable for part in parts)
            values[name] = plan.column(rows, steps.stacked, *slots, nullable=nullable)
        return PlannedFrame(plan, rows, values)


def is_unique(rows: Rows, values: Sequence[Value]) -> bool:
    """Whether no two of the rows have these same values."""
    slots = frozenset(value.slot for value in values if isinstance(value, Column))
    if any(key <= slots for key in rows.unique):
        return True
    return any(
        is_unique(parent, [origin for value in values if (origin := _on(value, parent)) is not None])
        for parent in rows.inside
    )


def _on(value: Value, parent: Rows) -> Value | None:
    """The column of ``parent`` that ``value`` was gathered from."""
    if isinstance(value, Column) and value.origin is not None and value.origin.rows is parent:
        return value.origin
    return None


_REFUSED = methods_refused(PlannedFrame)
