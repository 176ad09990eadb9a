"""A rejects file of a table, mended by hand, as the table it came of.

Every line of such a file has the row's text as ``document`` and the table's ``header`` (null where rows need none,
as of JSON Lines). Put together they are a table like the first, which is read by the same options.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TypeGuard

import msgspec

from consentmgr.importing.documents import FileDocument
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.sources import Source
from consentmgr.kit.errors import BadInput

_PARTS = ("line", "reason", "header", "document")


def is_rejected_row(line: object) -> TypeGuard[dict[str, object]]:
    """Whether a decoded line stands in the rejects file of a table."""
    return isinstance(line, dict) and "type" not in line and line.keys() >= set(_PARTS)


def begins_rejected_rows(start: bytes) -> bool:
    """Whether a file that begins so is the rejects file of a table; ``start`` holds its first line whole."""
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    if not first.startswith(b"{"):
        return False
    try:
        return is_rejected_row(msgspec.json.decode(first))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


class MendedRows:
    """The table's text, in UTF-8, and at which of its lines each line of the rejects file begins."""

    def __init__(self, data: bytes, name: str) -> None:
        header: object = None
        rows: list[str] = []
        #: The lines of the table at which rows begin, and the lines of the rejects file they stand in.
        self._begins: list[int] = []
        self._lines: list[int] = []
        place = 0
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            if not line.strip():
                continue
            record = _record(line, name, number)
            if not rows:
                header = record["header"]
                place = 1 if header is None else 1 + _lines_in(str(header))
            elif record["header"] != header:
                raise BadInput("the rows of this file are of different tables", file=name, line=number)
            text = record["document"]
            if not isinstance(text, str):
                text = msgspec.json.encode(text).decode()
            self._begins.append(place)
            self._lines.append(number)
            place += _lines_in(text)
            rows.append(text)
        head = [] if header is None else [str(header)]
        self.table = "".join(f"{row}\n" for row in (*head, *rows)).encode()

    def line(self, place: int) -> int:
        """The line of the rejects file that holds line ``place`` of the table."""
        return self._lines[max(0, bisect_right(self._begins, place) - 1)]

    def place(self, line: int) -> int:
        """The line of the table at which line ``line`` of the rejects file begins."""
        return self._begins[self._lines.index(line)]


def _record(line: bytes, name: str, number: int) -> dict[str, object]:
    try:
        record: object = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("the line is not JSON", file=name, line=number) from None
    if not is_rejected_row(record):
        raise BadInput("this is no rejected row of a table, as the lines before it are", file=name, line=number)
    return record


def _lines_in(text: str) -> int:
    """Lines of a row: a quoted cell may hold line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


class MendedSource:
    """A source made of mended rows, which tells lines of the rejects file."""

    def __init__(self, source: Source, rows: MendedRows) -> None:
        self.name = source.name
        self.sha256 = source.sha256
        self.in_order: bool = getattr(source, "in_order", True)
        self.header: str | None = getattr(source, "header", None)
        self._source = source
        self._rows = rows

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[tuple[int, FileDocument | Rejection]]:
        for place, content in self._source:
            yield self._rows.line(place), content

    def record(self, line: int) -> str:
        return self._source.record(self._rows.place(line))
