"""Whether the register has all of the journal, asked in plain SQL by who needs nothing else of it.

``journal`` reads the journal and takes what the register has not; loading it takes longer than finding out that there
is nothing to take, which is what nearly every command finds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


def journal_folder(settings: Settings) -> Path:
    return settings.data_folder / "journal"


#: Seconds after which a file that was not written to grows no more: writers begin a new file each day.
_GROWS_FOR = 2 * 86_400.0
#: Seconds after which those are looked at again all the same, for one of them that somebody has put back from a copy.
_LOOKED_AT_EVERY = 60.0


class _Settled(NamedTuple):
    """Sizes of files that grow no more, and when they are looked at again."""

    sizes: dict[str, int]
    until: float


_settled: dict[Path, _Settled] = {}


def sizes(settings: Settings) -> dict[str, int]:
    """How many bytes each file of the journal holds. Each check asks, and after a year there are hundreds of files."""
    folder, now = journal_folder(settings), time.time()
    known = _settled.get(folder)
    if known is None or not known.until - _LOOKED_AT_EVERY <= now < known.until:
        known = _Settled({}, now + _LOOKED_AT_EVERY)
    sizes, settled = {}, {}
    try:
        with os.scandir(folder) as found:
            for entry in found:
                name = entry.name
                if name in known.sizes:
                    sizes[name] = settled[name] = known.sizes[name]
                elif name.endswith(".jsonl"):
                    told = entry.stat()
                    sizes[name] = told.st_size
                    if told.st_mtime < now - _GROWS_FOR:
                        settled[name] = told.st_size
        _settled[folder] = _Settled(settled, known.until)
        return sizes
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unavailable(f"the journal of prohibitions cannot be read: {error.strerror}") from None


def catch_up_plainly(database: Database, settings: Settings, keys: Keys, now: datetime) -> None:
    """As ``journal.catch_up``, for a command that asks in plain SQL."""
    with database.reading_plainly() as connection:
        if is_all_taken(connection, settings):
            return
    from consentmgr.prohibitions.journal import catch_up

    catch_up(database, settings, keys, now)


def is_all_taken(connection: psycopg.Connection[Any], settings: Settings) -> bool:
    """Whether every byte of every file is in the register, and the register not one that was restored and has not
    recovered: then there is nothing to catch up with. Where it says no, ``journal.catch_up`` finds out what that means.

    Raises ``Unavailable`` where the journal cannot be read.
    """
    # Looked at before the marks: what is there by then is in the register, or is missed here.
    found = sizes(settings)
    row = connection.execute(
        "SELECT (SELECT json_object_agg(file, taken_to) FROM journal_mark WHERE file = ANY(%s)),"
        " EXISTS (SELECT FROM restoration WHERE recovered_at IS NULL)",
        [list(found)],
    ).fetchone()
    assert row is not None
    marks, is_restored = row
    return not is_restored and all(size <= (marks or {}).get(name, 0) for name, size in found.items())
