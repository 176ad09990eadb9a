"""Whether the register has all of the journal, asked in plain SQL by who needs nothing else of it.

``journal`` reads the journal and takes what the register has not; loading it takes longer than finding out that there
is nothing to take, which is what nearly every command finds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


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
    try:
        with os.scandir(settings.data_folder / "journal") as found:
            sizes = {entry.name: entry.stat().st_size for entry in found if entry.name.endswith(".jsonl")}
    except FileNotFoundError:
        sizes = {}
    except OSError as error:
        raise Unavailable(f"the journal of prohibitions cannot be read: {error.strerror}") from None
    row = connection.execute(
        "SELECT (SELECT json_object_agg(file, taken_to) FROM journal_mark WHERE file = ANY(%s)),"
        " EXISTS (SELECT FROM restoration WHERE recovered_at IS NULL)",
        [list(sizes)],
    ).fetchone()
    assert row is not None
    marks, is_restored = row
    return not is_restored and all(size <= (marks or {}).get(name, 0) for name, size in sizes.items())
