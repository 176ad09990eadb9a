"""Where documents come from: a file of them, or a reader that makes them of a table or a ban list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from consentmgr.importing.documents import LONGEST_LINE, FileDocument, decode
from consentmgr.importing.rejects import Rejection

_PIECE = 1 << 20


class Source(Protocol):
    """What the importer asks of a reader: ``(line, document or rejection)`` in order of lines, each time anew.

    ``record(line)`` is the text of a line for the rejects file, where the document made of it is refused later. A
    source whose lines come in no order says so by ``in_order = False``.
    """

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[int, FileDocument | Rejection]]: ...
    def record(self, line: int) -> str: ...


class Item(msgspec.Struct, frozen=True, gc=False):
    """A document of a source; ``raw`` is its line, where the source has lines."""

    line: int
    content: FileDocument | Rejection
    raw: bytes | None = None

    def refused(self, reason: str) -> Item:
        """The same line, not taken."""
        return Item(self.line, Rejection(reason), self.raw)


class DocumentLines:
    """A file of documents, one a line (formats.md section 2), read piece by piece.

    ``file`` must be seekable: it is read once for its digest and the number of its lines, and once for its lines.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        digest = hashlib.sha256()
        lines = 0
        last = b"\n"
        file.seek(0)
        while piece := file.read(_PIECE):
            digest.update(piece)
            lines += piece.count(b"\n")
            last = piece[-1:]
        self.sha256 = digest.hexdigest()
        self._lines = lines + (last != b"\n")

    def __len__(self) -> int:
        return self._lines

    def items(self, from_line: int = 1) -> Iterator[Item]:
        """The documents from line ``from_line`` on; blank lines give none."""
        for line, raw in enumerate(self._raw_lines(), start=1):
            if line < from_line:
                continue
            if line == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            content = decode(raw)
            if content is not None:
                yield Item(line, content, raw)

    def _raw_lines(self) -> Iterator[bytes]:
        """The lines; of one too long to be a document only the beginning, so that no line can fill the memory."""
        self._file.seek(0)
        for raw in iter(partial(self._file.readline, LONGEST_LINE + 2), b""):
            if len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
                while (rest := self._file.readline(_PIECE)) and not rest.endswith(b"\n"):
                    pass
            yield raw


def items_of(source: Source | DocumentLines, from_line: int) -> Iterator[Item]:
    """The items of any source from ``from_line`` on."""
    if isinstance(source, DocumentLines):
        yield from source.items(from_line)
        return
    for line, content in source:
        if line >= from_line:
            yield Item(line, content)


@contextmanager
def open_documents(path: Path) -> Iterator[DocumentLines]:
    """A file of documents, open for as long as the block."""
    with path.open("rb") as file:
        yield DocumentLines(file, path.name)
