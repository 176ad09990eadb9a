"""Files are hashed as they are written: what stands in a certificate is what went to the disk."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import BinaryIO, Final, Self

#: Bytes that are copied at a time.
_PIECE_BYTES: Final = 1 << 20


def write_text(target: Path | BinaryIO, pieces: Iterator[bytes | memoryview]) -> tuple[int, str]:
    with ExitStack() as stack:
        # Unbuffered: the pieces are large, and a copy of each would be all that a buffer added.
        stream = stack.enter_context(target.open("wb", buffering=0)) if isinstance(target, Path) else target
        with _HashingWriter(stream) as writer:
            for piece in pieces:
                writer.write(piece)
        stream.flush()
    return writer.size, writer.sha256


def write_packed(target: Path | BinaryIO, write: Callable[[Path], None]) -> tuple[int, str]:
    """Write a format whose writer needs a file of its own; a stream gets a copy of it."""
    if not isinstance(target, Path):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "result")
            size, digest = write_packed(path, write)
            with path.open("rb") as made:
                while piece := made.read(_PIECE_BYTES):
                    target.write(piece)
            target.flush()
        return size, digest
    write(target)
    with target.open("rb") as made:
        return target.stat().st_size, hashlib.file_digest(made, "sha256").hexdigest()


class _HashingWriter:
    """Writes and hashes pieces in a thread of its own, in order, at most two behind the maker."""

    def __init__(self, stream: BinaryIO) -> None:
        self.size = 0
        self.sha256 = ""
        self._stream = stream
        self._pieces: Queue[bytes | memoryview | None] = Queue(2)
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._work, name="write-result", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pieces.put(None)
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure

    def write(self, piece: bytes | memoryview) -> None:
        """Raises what the thread met, such as a full disk or a closed pipe."""
        if self._failure is not None:
            raise self._failure
        self._pieces.put(piece)

    def _work(self) -> None:
        digest = hashlib.sha256()
        while (piece := self._pieces.get()) is not None:
            if self._failure is not None:
                continue  # The queue is emptied, so that the maker does not wait for ever.
            try:
                _write_whole(self._stream, piece)
                digest.update(piece)
                self.size += len(piece)
            except BaseException as failure:  # noqa: BLE001 - it is raised again where the pieces are made
                self._failure = failure
        self.sha256 = digest.hexdigest()


def _write_whole(stream: BinaryIO, piece: bytes | memoryview) -> None:
    """An unbuffered file may take less than it was given."""
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]
