"""The clock's door of people's pages: files of erased people go, and files nobody used; files that lie open are sealed."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.people.attachments import forget_files, seal_open_files, store_of
from consentmgr.people.erasing import forget_unasked


def forget_attachments(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Remove attachments that nobody may keep any more, and seal those of the first versions; for every ten minutes."""
    with database.transaction() as session:
        forget_unasked(session, now=now)
        seal_open_files(session, store_of(settings), address_key=keys.address_key)
        return f"{forget_files(session, store_of(settings), now=now)} attachments removed"
