"""Files that appear whole or not at all, and together.

Each is written under another name in its own folder, made to last through a power cut, and renamed when every one
of them is there: whoever looks never finds half a list, or a certificate before what it certifies.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from consentmgr.kit.errors import BadInput


class PendingFiles:
    """As a context it takes away whatever was not published.

    A target that is no regular file (a device, a named pipe) cannot be renamed onto and is written straight.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for unfinished, _target in self._pending:
            unfinished.unlink(missing_ok=True)
        self._pending = []

    def path_for(self, target: Path) -> Path:
        """Where to write what shall become ``target``. Raises ``BadInput`` where it cannot become that."""
        # A symbolic link stays one: what it points to is replaced.
        target = Path(os.path.realpath(target))
        if target.is_dir():
            raise BadInput("this is a folder; name a file", file=target)
        if not target.parent.is_dir():
            raise BadInput("there is no such folder", file=target.parent)
        if target.exists() and not target.is_file():
            return target
        unfinished = target.with_name(f".{target.stem[:60]}.unfinished-{os.urandom(4).hex()}")
        try:
            # Made now, so that a folder nobody may write to is found before the work and not after it.
            unfinished.touch(exist_ok=False)
        except OSError as error:
            raise BadInput(f"no file can be written here ({error.strerror})", file=target.parent) from None
        self._pending.append((unfinished, target))
        return unfinished

    def publish(self) -> None:
        """Give every file its name, in the order they were asked for."""
        for unfinished, target in self._pending:
            if target.exists():
                # Whoever could read the file that stood there can read the new one, and nobody else.
                unfinished.chmod(target.stat().st_mode & 0o777)
            with unfinished.open("r+b") as written:
                os.fsync(written.fileno())
        while self._pending:
            unfinished, target = self._pending[0]
            unfinished.replace(target)
            self._pending.pop(0)
            _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last; Windows has no such call and keeps it with the file."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
