"""A program's steps written out as Python text, which runs without looking up which step is next. Pure.

One person asked of has one row in most frames, and a list for one value costs more than the value. So each block of
steps stands there three times: for no row, for one row, value by value, and for many, a call a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consentmgr.screening.compiled import steps

if TYPE_CHECKING:
    from consentmgr.screening.compiled.plan import Block, Step


class _OfOne(NamedTuple):
    """What a step gives for the only row. ``reads``: how it takes each argument, the last again for all that follow:
    ``v``, the value in the only row; ``w``, the argument as it is. ``text`` names them by place; ``{rest}`` is all
    from the second on.
    """

    reads: str
    text: str


_OPERATORS: Final = {
    "__eq__": "==",
    "__ne__": "!=",
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
    "__add__": "+",
    "__sub__": "-",
    "__mul__": "*",
    "__floordiv__": "//",
    "__mod__": "%",
}

#: Steps that are not here are called as they are, on columns of one row.
_OF_ONE: Final[Mapping[Any, _OfOne]] = {
    **{
        steps.BINARY[name]: _OfOne("vv", f"None if {{0}} is None or {{1}} is None else {{0}} {sign} {{1}}")
        for name, sign in _OPERATORS.items()
    },
    **{steps.BINARY_KNOWN[name]: _OfOne("vv", f"{{0}} {sign} {{1}}") for name, sign in _OPERATORS.items()},
    **{
        steps.COMPARED_OR_FALSE[steps.BINARY[name]]: _OfOne(
            "vv", f"{{0}} is not None and {{1}} is not None and {{0}} {sign} {{1}}"
        )
        for name, sign in _OPERATORS.items()
        if steps.BINARY[name] in steps.COMPARED_OR_FALSE
    },
    steps.plus_times: _OfOne("vvv", "{0} + {1} * {2}"),
    steps.both: _OfOne("vv", "False if {0} is False or {1} is False else None if {0} is None or {1} is None else True"),
    steps.either: _OfOne("vv", "True if {0} is True or {1} is True else None if {0} is None or {1} is None else False"),
    steps.both_known: _OfOne("vv", "{0} and {1}"),
    steps.either_known: _OfOne("vv", "{0} or {1}"),
    steps.inverted: _OfOne("v", "None if {0} is None else not {0}"),
    steps.is_null: _OfOne("v", "{0} is None"),
    steps.is_known: _OfOne("v", "{0} is not None"),
    steps.filled: _OfOne("vv", "{1} if {0} is None else {0}"),
    steps.chosen: _OfOne("vvv", "{1} if {0} else {2}"),
    steps.is_in: _OfOne("vw", "None if {0} is None else {0} in {1}"),
    steps.is_in_or_false: _OfOne("vw", "{0} is not None and {0} in {1}"),
    steps.contains: _OfOne("vw", "None if {0} is None else {1} in {0}"),
    steps.contains_or_false: _OfOne("vw", "{0} is not None and {1} in {0}"),
    steps.matches: _OfOne("vw", "None if {0} is None else {1}.search({0}) is not None"),
    steps.integer: _OfOne("v", "None if {0} is None else int({0})"),
    steps.lower: _OfOne("v", "None if {0} is None else {0}.lower()"),
    steps.joined: _OfOne("wv", "None if None in ({rest},) else {0}.join(({rest},))"),
    steps.full: _OfOne("ww", "{1}"),
    # The only place of a range of one is 0, where the column is taken as it is.
    steps.gathered: _OfOne("ww", "{0}[{1}[0]]"),
    steps.gathered_if: _OfOne("ww", "None if {1}[0] is None else {0}[{1}[0]]"),
}


def written_out(
    blocks: Sequence[Block], template: Sequence[Any], results: frozenset[int]
) -> Callable[[list[Any]], None]:
    """The steps as a function of the slots, which are filled as a run step by step fills them; but a column of one row
    that neither another block nor ``results`` ask for is left out.

    The text holds numbers of slots and of steps, and nothing that came from outside.
    """
    writer = _Writer(template, _asked_for_whole(blocks) | results)
    exec("\n".join(writer.lines(blocks)), writer.names)  # noqa: S102 - see above
    written: Callable[[list[Any]], None] = writer.names["run"]
    return written


def _reads(work: Step, count: int) -> str:
    """How each of so many arguments is taken where there is one row."""
    of_one = _OF_ONE.get(work)
    reads = "w" if of_one is None else of_one.reads
    return (reads + reads[-1] * count)[:count]


def _asked_for_whole(blocks: Sequence[Block]) -> frozenset[int]:
    """Slots that are read as columns, or by another block than the one that fills them."""
    found: set[int] = set()
    for block in blocks:
        own: set[int] = set()
        for slot, work, arguments in block.steps:
            for argument, read in zip(arguments, _reads(work, len(arguments)), strict=True):
                if read == "w" or argument not in own:
                    found.add(argument)
            own.add(slot)
    return frozenset(found)


class _Writer:
    def __init__(self, template: Sequence[Any], whole: frozenset[int]) -> None:
        self._template, self._whole = template, whole
        #: What the text's names mean.
        self.names: dict[str, Any] = {}

    def lines(self, blocks: Sequence[Block]) -> Iterator[str]:
        yield "def run(v):"
        yield " n = 0"
        for block in blocks:
            if block.rows is None:
                yield from (f" {line}" for line in self._calls(block))
                continue
            yield f" n = len(v[{block.rows}])"
            yield " if n == 1:"
            yield from (f"  {line}" for line in self._of_one(block))
            yield " elif n:"
            yield from (f"  {line}" for line in self._calls(block))
            yield f" else: {' = '.join(f'v[{slot}]' for slot in block.slots)} = ()"

    def _calls(self, block: Block) -> Iterator[str]:
        for slot, work, arguments in block.steps:
            yield self._call(slot, work, arguments)

    def _call(self, slot: int, work: Step, arguments: Sequence[int]) -> str:
        self.names[name := f"step_{id(work)}"] = work
        return f"v[{slot}] = {name}({', '.join(f'v[{argument}]' for argument in arguments)})"

    def _of_one(self, block: Block) -> Iterator[str]:
        held: set[int] = set()
        for slot, work, arguments in block.steps:
            of_one = _OF_ONE.get(work)
            if of_one is None:
                yield self._call(slot, work, arguments)
                continue
            read: list[str] = []
            for argument, how in zip(arguments, _reads(work, len(arguments)), strict=True):
                if how == "w":
                    read.append(f"v[{argument}]")
                elif isinstance(self._template[argument], repeat):
                    read.append(self._constant(argument))
                else:
                    if argument not in held:
                        held.add(argument)
                        yield f"x{argument} = v[{argument}][0]"
                    read.append(f"x{argument}")
            held.add(slot)
            yield f"x{slot} = {of_one.text.format(*read, rest=', '.join(read[1:]))}"
            if slot in self._whole:
                yield f"v[{slot}] = [x{slot}]"

    def _constant(self, slot: int) -> str:
        value = next(self._template[slot])
        if value is None or isinstance(value, bool):
            return repr(value)
        self.names[name := f"constant_{slot}"] = value
        return name
