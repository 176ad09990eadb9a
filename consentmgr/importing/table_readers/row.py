"""One row of a table: its cells by our fields, and what a reader makes of them.

A cell that cannot be read is ``Unusable``, with the field; the column's name is put in its place where it is known.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from consentmgr.importing import cell_values
from consentmgr.kit.canonical.phones import canonical_phone

T = TypeVar("T")


_LONGEST_TEXT = 10_000


_LONGEST_KEY = 200


class Unusable(Exception):
    """A row gives no document; ``field`` is ours, the column's name is put in its place."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class Row:
    """One row's cells that are not blank, by field; and the canonical form of its addresses, None where there is none.

    Canonical forms are made for many rows at a time, which is ten times faster; telephone numbers in them are
    Finnish where they do not say otherwise.
    """

    __slots__ = ("canonical", "cells")

    def __init__(self, cells: dict[str, str], canonical: dict[str, str | None]) -> None:
        for name, text in cells.items():
            if len(text) > _LONGEST_TEXT:
                raise Unusable(f"is longer than {_LONGEST_TEXT:,} characters", name)
        self.cells = cells
        self.canonical = canonical

    def canonical_phone(self, country: str | None) -> str | None:
        text = self.cells.get("phone")
        if text is None or country in (None, "FI"):
            return self.canonical.get("phone")
        return canonical_phone(text, country)

    def text(self, name: str) -> str | None:
        return self.cells.get(name)

    def key(self, name: str) -> str | None:
        text = self.cells.get(name)
        if text is not None and len(text) > _LONGEST_KEY:
            raise Unusable(f"is longer than {_LONGEST_KEY} characters", name)
        return text

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        text = self.cells.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise Unusable(str(error), name) from None

    def day(self, name: str) -> date | None:
        return self.parsed(name, cell_values.parse_date)

    def code(self, name: str, words: str) -> str | None:
        return self.parsed(name, lambda text: cell_values.parse_code(words, text))

    def codes(self, name: str, words: str) -> tuple[str, ...]:
        return self.parsed(name, lambda text: cell_values.parse_codes(words, text)) or ()

    def keys(self, name: str) -> tuple[str, ...]:
        found = self.parsed(name, cell_values.parse_list) or ()
        if any(len(one) > _LONGEST_KEY for one in found):
            raise Unusable(f"is longer than {_LONGEST_KEY} characters", name)
        return found

    def country(self) -> str | None:
        return self.parsed("country", cell_values.parse_country)
