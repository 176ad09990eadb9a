"""A plan: which steps, in which order, give the columns asked for (``Program``), and their run. Pure.

While a plan is made, every value is a ``Column`` (a slot that a step fills when it runs) or a ``Constant``. Equal steps
are one step, constants are reckoned with at once, and a program holds only the steps its results need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final, Self

from consentmgr.screening.compiled import steps
from consentmgr.screening.compiled.source_text import written_out

Step = Callable[..., Any]

#: Runs after which a program is written out, which takes as long as some dozens of them.
_OFTEN: Final = 8


class NotPlanned(NotImplementedError):
    """An operation that the compiled engine does not know; told when the plan is made, never by a wrong answer."""


@dataclass(eq=False, slots=True)
class Rows:
    """Rows that columns stand on. ``slot``: their positions; ``unique``: columns that tell them apart;
    ``inside``: rows of which these are some, each at most once.
    """

    slot: int
    unique: set[frozenset[int]] = field(default_factory=set)
    inside: tuple[Rows, ...] = ()


@dataclass(eq=False, slots=True)
class Column:
    """A slot that holds one value a row once its step has run; ``origin``: the column it was gathered from."""

    slot: int
    rows: Rows
    nullable: bool
    work: Step | None = None
    arguments: tuple[int, ...] = ()
    origin: Column | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """The same in every row, whatever the rows."""

    value: Any

    @property
    def nullable(self) -> bool:
        return self.value is None


Value = Column | Constant


class Parameter(int):
    """A number that is given when the plan runs; while it is made it stands for itself."""

    name: str

    def __new__(cls, name: str, value: int) -> Self:
        made = super().__new__(cls, value)
        made.name = name
        return made


class Plan:
    """The steps so far. Made by one thread; what it has become is then only read."""

    def __init__(self) -> None:
        #: What each slot holds before the run: constants and fixed arguments.
        self.template: list[Any] = []
        #: Columns that are known to hold whole numbers, and nulls.
        self.whole_numbers: set[int] = set()
        self._steps: list[tuple[int, Step, tuple[int, ...], int | None]] = []
        self._made: dict[Any, Any] = {}
        self._columns: dict[tuple[str, str], int] = {}
        self._sources: dict[str, int] = {}
        self._parameters: dict[str, int] = {}

    # --- slots

    def _slot(self, value: Any = None) -> int:
        self.template.append(value)
        return len(self.template) - 1

    def fixed(self, value: Any) -> int:
        """The slot of an argument that is the same in every run, as it is."""
        slot: int = self._once(("fixed", type(value), value), lambda: self._slot(value))
        return slot

    def constant(self, constant: Constant) -> int:
        """The slot of a constant, as functions over columns take it."""
        value = constant.value
        slot: int = self._once(("constant", type(value), value), lambda: self._slot(repeat(value)))
        return slot

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found

    def slot_of(self, value: Value) -> int:
        return value.slot if isinstance(value, Column) else self.constant(value)

    # --- steps

    def step(self, work: Step, arguments: tuple[int, ...], on: Rows | None = None) -> int:
        """A step; where its rows (``on``) are none it is not run, and its column is empty."""

        def make() -> int:
            slot = self._slot()
            self._steps.append((slot, work, arguments, None if on is None else on.slot))
            return slot

        found: int = self._once((work, arguments, None if on is None else on.slot), make)
        return found

    def column(self, rows: Rows, work: Step, *arguments: int, nullable: bool, origin: Column | None = None) -> Column:
        slot = self.step(work, arguments, rows)
        made: Column = self._once(("column", slot), lambda: Column(slot, rows, nullable, work, arguments, origin))
        return made

    def full(self, rows: Rows, constant: Constant) -> Column:
        """A constant as a column."""
        return self.column(rows, steps.full, rows.slot, self.fixed(constant.value), nullable=constant.nullable)

    def parameter(self, rows: Rows, parameter: Parameter) -> Column:
        slot = self._parameters.setdefault(parameter.name, -1)
        if slot < 0:
            slot = self._parameters[parameter.name] = self._slot()
        return self.column(rows, steps.full, rows.slot, slot, nullable=False)

    def gathered(self, column: Value, rows: Rows, places: int, *, missing: bool = False) -> Value:
        """The column on rows made of its own; ``missing``: some of them have no place in it."""
        if isinstance(column, Constant):
            if not missing or column.value is None:
                return column
            return self.full_of_places(column, rows, places)
        if missing:
            found = self.column(rows, steps.gathered_if, column.slot, places, nullable=True)
        else:
            found = self.column(rows, steps.gathered, column.slot, places, nullable=column.nullable, origin=column)
        if column.slot in self.whole_numbers:
            self.whole_numbers.add(found.slot)
        return found

    def full_of_places(self, constant: Constant, rows: Rows, places: int) -> Column:
        """A constant where there is a place, null elsewhere."""
        there = self.column(rows, steps.is_known, places, nullable=False)
        nothing = self.constant(Constant(None))
        return self.column(rows, steps.chosen, there.slot, self.constant(constant), nothing, nullable=True)

    def rows(self, rows: Rows) -> Rows:
        """The same rows where they were made before, so that columns on them meet."""
        found: Rows = self._once(("rows", rows.slot), lambda: rows)
        return found

    # --- sources

    def source(
        self, name: str, columns: Iterable[str], unique: Iterable[str] = (), known: Iterable[str] = ()
    ) -> tuple[Rows, dict[str, Value]]:
        """Rows that are given when the plan runs. ``unique``: columns of which no value stands twice; ``known``:
        columns without nulls.
        """
        if name in self._sources:
            raise NotPlanned(f"{name} is there already")
        known = frozenset(known)
        rows = Rows(self._slot())
        self._sources[name] = rows.slot
        made: dict[str, Value] = {}
        for column in columns:
            slot = self._columns[name, column] = self._slot()
            made[column] = Column(slot, rows, column not in known)
            if column in unique:
                rows.unique.add(frozenset((slot,)))
        return rows, made

    # --- programs

    def program(self, results: Sequence[Mapping[str, Value] | Rows]) -> Program:
        """What computes these columns, or how many rows there are, and nothing else."""
        wanted: set[int] = set()
        for result in results:
            if isinstance(result, Rows):
                wanted.add(result.slot)
            else:
                wanted.update(value.slot for value in result.values() if isinstance(value, Column))
        asked_for = frozenset(wanted)
        needed: list[tuple[int, Step, tuple[int, ...], int | None]] = []
        for made in reversed(self._steps):
            slot, _, arguments, on = made
            if slot in wanted:
                wanted.update(arguments)
                if on is not None:
                    wanted.add(on)
                needed.append(made)
        needed.reverse()
        blocks: list[Block] = []
        for slot, work, arguments, on in needed:
            if not blocks or blocks[-1].rows != on:
                blocks.append(Block(on, [], []))
            blocks[-1].steps.append((slot, work, arguments))
            blocks[-1].slots.append(slot)
        return Program(
            template=self.template,
            blocks=blocks,
            sources={name: slot for name, slot in self._sources.items() if slot in wanted},
            columns=[(name, column, slot) for (name, column), slot in self._columns.items() if slot in wanted],
            all_sources=dict(self._sources),
            parameters={name: slot for name, slot in self._parameters.items() if slot in wanted},
            results=asked_for,
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Steps one after the other on the same rows (None: steps that make rows)."""

    rows: int | None
    steps: list[tuple[int, Step, tuple[int, ...]]]
    slots: list[int]


@dataclass(eq=False, slots=True)
class Program:
    """The steps for some results, in order, and what they are fed with. May be run by several threads at once."""

    template: list[Any]
    blocks: list[Block]
    sources: Mapping[str, int]
    columns: Sequence[tuple[str, str, int]]
    all_sources: Mapping[str, int]
    parameters: Mapping[str, int]
    #: Slots that are read after a run; what others hold is nobody's business.
    results: frozenset[int]
    _runs: int = 0
    _written: Callable[[list[Any]], None] | None = None

    @property
    def length(self) -> int:
        return sum(len(block.steps) for block in self.blocks)

    def run(self, tables: Mapping[str, Mapping[str, steps.Column]], parameters: Mapping[str, int]) -> list[Any]:
        """The slots after a run, those of the results filled. ``tables``: columns by name, of every source."""
        values = self.template.copy()
        for name, slot in self.all_sources.items():
            values[slot] = range(len(next(iter(tables[name].values()))))
        for name, column, slot in self.columns:
            values[slot] = tables[name][column]
        for name, slot in self.parameters.items():
            values[slot] = parameters[name]
        if self._written is not None:
            self._written(values)
            return values
        self._runs += 1
        if self._runs > _OFTEN:
            self._written = written_out(self.blocks, self.template, self.results)
        for block in self.blocks:
            if block.rows is not None and not values[block.rows]:
                for slot in block.slots:
                    values[slot] = ()
                continue
            for slot, work, arguments in block.steps:
                values[slot] = work(*[values[argument] for argument in arguments])
        return values


def column_of(values: Sequence[Any], result: Value, rows: Rows) -> steps.Column:
    """What a run has made of a column."""
    if isinstance(result, Constant):
        return steps.full(values[rows.slot], result.value)
    found: steps.Column = values[result.slot]
    return found
