"""Private files under names of our own: what people upload, and what is made of it.

A file is called by its id, never by the name somebody gave it; that name is kept beside it as data. Nothing here
reads a file into memory, and a file that was not stored whole is not stored.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID, uuid4

from consentmgr.kit.errors import BadInput
from consentmgr.kit.private_folder import make_private_folder

_PIECE_BYTES: Final = 1 << 20
_LONGEST_NAME: Final = 120
#: What no file system and no header likes in a name.
_NOT_IN_NAMES: Final = frozenset('/\\:*?"<>|')
#: A folder of a file; others in the same place are somebody else's.
_ID: Final = re.compile("[0-9a-f]{32}")


class Readable(Protocol):
    """Anything bytes can be read from, piece by piece."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store. ``name`` is what its giver called it, made harmless; ``bytes`` its length."""

    id: UUID
    name: str
    bytes: int
    sha256: str


class FileStore:
    """Files in one folder that only this installation's account can open. Each has a folder of its own, by its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, stream: Readable, *, limit: int, name: str = "") -> StoredFile:
        """Store what ``stream`` gives, up to ``limit`` bytes. Raises ``BadInput`` where there is more, or nothing."""
        file_id = uuid4()
        folder = self._make(file_id)
        digest, size = hashlib.sha256(), 0
        try:
            with (folder / "file").open("xb") as file:
                while piece := stream.read(_PIECE_BYTES):
                    size += len(piece)
                    if size > limit:
                        raise BadInput(f"the file is larger than {limit // 1_000_000} MB, the most that is taken here")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if not size:
                raise BadInput("the file is empty")
        except BaseException:
            self.forget(file_id)
            raise
        return StoredFile(file_id, harmless_name(name), size, digest.hexdigest())

    def path(self, file_id: UUID) -> Path:
        """Where the stored file is, or would be."""
        return self.folder(file_id) / "file"

    def folder(self, file_id: UUID) -> Path:
        """The file's own folder; what is made of a file may lie beside it, and is forgotten with it."""
        return self._folder / file_id.hex

    def has(self, file_id: UUID) -> bool:
        """Whether the file is there."""
        return self.path(file_id).is_file()

    def forget(self, file_id: UUID) -> bool:
        """Remove a file and whatever was made beside it; whether there was anything. Doing it twice does no harm."""
        folder = self.folder(file_id)
        if not folder.is_dir():
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def untouched_since(self, moment: datetime) -> set[UUID]:
        """Ids of files that have lain there, with nothing new beside them, since before ``moment``."""
        found = set()
        with suppress(FileNotFoundError):
            for folder in self._folder.iterdir():
                if _ID.fullmatch(folder.name):
                    with suppress(FileNotFoundError):
                        if folder.stat().st_mtime < moment.timestamp():
                            found.add(UUID(folder.name))
        return found

    def _make(self, file_id: UUID) -> Path:
        make_private_folder(self._folder)
        folder = self.folder(file_id)
        make_private_folder(folder)
        return folder


def harmless_name(name: str) -> str:
    """The last part of a name somebody gave, without what could be a path, a command or a trick of the eye."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(
        char for char in unicodedata.normalize("NFC", last)
        if char not in _NOT_IN_NAMES and not unicodedata.category(char).startswith(("C", "Zl", "Zp"))
    ).strip(" .")  # fmt: skip
    stem, dot, ending = kept.rpartition(".")
    if dot and stem and len(ending) <= 10:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return kept[:_LONGEST_NAME] or "list"
