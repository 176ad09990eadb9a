"""Two texts side by side, word by word: what was taken out and what came in. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
#: Longer texts are compared line by line: word by word would take too long.
_MOST_WORDS = 4_000
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class Piece(NamedTuple):
    """A stretch of text that is the same in both, stands in the old one only, or in the new one only."""

    kind: Literal["same", "gone", "new"]
    text: str


def difference(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """The old text with what went, and the new one with what came."""
    pattern = _WORDS if max(len(old), len(new)) <= 5 * _MOST_WORDS else _LINES
    left, right = pattern.findall(old), pattern.findall(new)
    if max(len(left), len(right)) > _MOST_WORDS:
        left, right = _LINES.findall(old), _LINES.findall(new)
    before: list[Piece] = []
    after: list[Piece] = []
    for kind, first, last, start, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        gone, come = "".join(left[first:last]), "".join(right[start:end])
        if kind == "equal":
            before.append(Piece("same", gone))
            after.append(Piece("same", come))
            continue
        if gone:
            before.append(Piece("gone", gone))
        if come:
            after.append(Piece("new", come))
    return before, after
