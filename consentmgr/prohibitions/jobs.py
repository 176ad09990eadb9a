"""The clock's door of prohibitions: the journal, and hashes of plain addresses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions import hashes, journal

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


def take_journal(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Take what a process that died left in the journal, so that it is in the register before anybody asks."""
    return f"{journal.catch_up(database, settings, keys, now)} acts taken"


def hash_bans(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Have bans on plain addresses found by index where somebody asks by SHA-256."""
    with database.transaction() as session:
        return f"{hashes.keep_up(session, AddressKeys(keys.address_key, keys.address_key_id))} bans hashed"
