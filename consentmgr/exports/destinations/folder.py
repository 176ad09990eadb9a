"""A folder of this machine (or one mounted here): written beside, synced, renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from consentmgr.edge.reachable import Network
from consentmgr.edge.web_requests import LARGEST_ANSWER
from consentmgr.exports.destinations.destination import Destination, DestinationKind
from consentmgr.kit.errors import BadInput, NotDelivered


class Folder:
    """Files appear under their names by rename, which a reader sees whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, source: Path) -> None:
        fresh = self.path / f".{name}.{secrets.token_hex(4)}.part"
        try:
            with source.open("rb") as reading, fresh.open("xb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
                writing.flush()
                os.fsync(writing.fileno())
            fresh.replace(self.path / name)
            _sync(self.path)
            # What a process left here that was killed while it wrote this file; another that writes it now will find
            # its own gone, and it is the one that was superseded.
            for left in self.path.glob(f".{escape(name)}.*.part"):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise NotDelivered(f"{self.path}: {error.strerror or type(error).__name__}") from error
        finally:
            # A folder that is none any more has nothing in it either.
            with suppress(OSError):
                fresh.unlink()

    def read(self, name: str) -> bytes | None:
        path = self.path / name
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST_ANSWER + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotDelivered(f"{self.path}: {error.strerror or type(error).__name__}") from error
        return data if len(data) <= LARGEST_ANSWER else None

    def close(self) -> None:
        """Nothing is held open."""


def _sync(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check(address: str) -> Mapping[str, Any]:
    parts = urlsplit(address)
    path = Path(unquote(parts.path))
    if parts.netloc or not path.is_absolute():
        raise BadInput("a folder is named by its whole path, as folder:/srv/exports", field="--to")
    if not path.is_dir():
        raise BadInput(f"{path} is not a folder on this machine; make it first", field="--to")
    return {"path": str(path)}


def _open(options: Mapping[str, Any], _secrets: Mapping[str, str], _named: Sequence[Network]) -> Destination:
    path = Path(options["path"])
    if not path.is_dir():
        raise NotDelivered(f"{path} is not there")
    return Folder(path)


KIND = DestinationKind("folder", "a folder: folder:/srv/exports", _check, _open)
