"""What frames that only look like ``nw.LazyFrame`` share: how arguments are read, and which methods they refuse. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import narwhals as nw


def names_given(given: str | list[str] | None) -> list[str]:
    """The names of columns, of which one may stand alone."""
    return [given] if isinstance(given, str) else list(given or ())


def flat(given: Iterable[Any], refused: type[Exception]) -> Iterator[Any]:
    """Names and expressions, out of whatever lists they stand in. Raises ``refused`` for anything else."""
    for item in given:
        if isinstance(item, (str, nw.Expr)):
            yield item
        elif isinstance(item, Iterable):
            yield from flat(item, refused)
        else:
            raise refused(f"a column made of {type(item).__name__}")


def methods_refused(kind: type[nw.LazyFrame[Any]]) -> frozenset[str]:
    """The public methods and properties of ``nw.LazyFrame`` that ``kind`` does not write itself."""
    known = {name for name in vars(kind) if not name.startswith("_")}
    return frozenset(
        name
        for base in nw.LazyFrame.__mro__
        for name, member in vars(base).items()
        if not name.startswith("_") and name not in known and (callable(member) or isinstance(member, property))
    )
