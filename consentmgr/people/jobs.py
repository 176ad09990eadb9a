"""The clock's door of people's pages: files of erased people go, and files nobody used."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.people.attachments import forget_files, store_of


def forget_attachments(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove attachments that nobody may keep any more; for every ten minutes."""
    with database.transaction() as session:
        return f"{forget_files(session, store_of(settings), now=now)} attachments removed"
