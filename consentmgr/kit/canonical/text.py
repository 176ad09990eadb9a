"""What is the same in text of any kind: signs that show nothing, compatible forms, dashes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

# No address is longer; a cell of a megabyte is refused before any work is done on it.
LONGEST_TEXT: Final = 1_000

# Characters that show nothing and change nothing: soft hyphen, zero-width space, word joiner, byte order mark, marks
# of writing direction, variation selectors. They come with copying from web pages and PDF, never with a real address.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
# The zero-width joiners do mean something inside Persian and Indic words, and only there.
_JOINERS = re.compile("[\u200c\u200d]+")
#: Every sign that is written for a hyphen.
DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
#: A whole number as a spreadsheet may write it: 100.0.
SPREADSHEET_ZEROS = re.compile(r"(\d+)[.,]0+")


def visible(text: str) -> str:
    """``text`` in NFKC without invisible characters and without space around it."""
    if text.isascii():
        return text.strip()
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))

    def joiner(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        return match[0] if before > "\x7f" and after > "\x7f" else ""

    text = _JOINERS.sub(joiner, text)
    # Taking a character away may bring a letter and its accent together; composing again is what makes this stable.
    return unicodedata.normalize("NFKC", text).strip()


def printable(text: str) -> bool:
    """No control characters, no half surrogates, nothing that Unicode has not assigned."""
    return text.isprintable() or _JOINERS.sub("", text).isprintable()


def settled(text: str, fold: Callable[[str], str]) -> str:
    """``fold`` and NFKC in turn until neither changes the text any more (two rounds do, for nearly every text)."""
    for _ in range(8):
        folded = unicodedata.normalize("NFKC", fold(text))
        if folded == text:
            break
        text = folded
    return text
