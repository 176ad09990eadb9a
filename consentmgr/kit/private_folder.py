"""A folder for what nobody else may read: the register, the keys, the door to the database."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path


def make_private_folder(folder: Path, *, other_owner: int | None = None) -> None:
    """Make a folder only we can open (mode 0700), or close one that is there.

    Raises ``Unavailable`` where somebody else put it there first, be it as a link. ``other_owner`` is the user id of
    an account that works for us and may own it too.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix":
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), other_owner):
        raise Unavailable(f"{folder} is not a folder of ours; remove it, or choose another data folder")
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
