"""The clock's door of the prohibition journal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from consentmgr.prohibitions import journal

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


def take_journal(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Take what a process that died left in the journal, so that it is in the register before anybody asks."""
    return f"{journal.catch_up(database, settings, keys, now)} acts taken"
