"""What could not be taken in: one rejection a line, and the file beside the input that keeps them whole.

A reason is a sentence about a field and never shows a value, so it may stand in a summary or a log; the line itself,
which holds personal data, is written to the rejects file and nowhere else.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one line is not taken. ``field`` is a path such as ``points[0].value``, or a column name for a table.

    ``record`` is the line as it came (raw text); readers of tables fill it, for documents the importer does. ``code`` is
    the kind of refusal, for programmes: the document is wrong, or whoever brings it may not bring it (``admission``).
    """

    reason: str
    field: str | None = None
    record: str | None = None
    code: Literal["invalid", "forbidden", "not-found"] = "invalid"

    def __repr__(self) -> str:
        return f"Rejection(reason={self.reason!r}, field={self.field!r})"

    @property
    def sentence(self) -> str:
        """``field FIELD: reason`` or the reason alone."""
        return f"field {self.field}: {self.reason}" if self.field else self.reason


class RejectsFile:
    """The rejected lines of one input, in its order: ``{"line", "reason", "field", "document"}`` a line.

    Of a table, ``document`` is the row's text and ``header`` that of its first line, so that rows mended where they
    stand are a table again (``mended``).

    The file is made with the first rejection and is there only if there was one. ``settle`` puts what was written on
    the disk; a resumed import cuts off what a killed one wrote of lines it never took.
    """

    def __init__(self, path: Path, *, from_line: int = 1) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None
        if from_line > 1 and path.exists():
            self._file = path.open("r+b")
            self._cut(self._file, from_line)
        else:
            path.unlink(missing_ok=True)

    def _cut(self, file: BinaryIO, from_line: int) -> None:
        while line := file.readline():
            try:
                written: object = msgspec.json.decode(line)["line"]
            except (msgspec.DecodeError, KeyError, TypeError):
                written = from_line
            if not isinstance(written, int) or written >= from_line:
                file.seek(-len(line), os.SEEK_CUR)
                file.truncate()
                break
            self.count += 1

    def add(self, line: int, rejection: Rejection, document: bytes | str, header: str | None = None) -> None:
        """Write one rejected line; ``document`` is its raw bytes, or the text of a row of the table ``header`` heads."""
        if self._file is None:
            # Personal data: for the person who imports, and nobody else.
            self._file = os.fdopen(os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600), "r+b")
        record: dict[str, object] = {"line": line, "reason": rejection.reason}
        if rejection.field is not None:
            record["field"] = rejection.field
        if isinstance(document, bytes):
            record.update(_whole(document))
        else:
            record["header"] = header
            record["document"] = document
        self._file.write(msgspec.json.encode(record) + b"\n")
        self.count += 1

    def settle(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.count == 0:
                self.path.unlink()


def _whole(line: bytes) -> dict[str, object]:
    """The line as JSON where it is, as text where it is that, in base64 where it is neither: nothing is lost."""
    line = line.strip()
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        return {"document": msgspec.Raw(line)}
    try:
        return {"document": line.decode()}
    except UnicodeDecodeError:
        return {"document_base64": base64.b64encode(line).decode()}
