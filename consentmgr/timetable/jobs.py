"""The clock's door to the timetable itself."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.timetable.running import forget_old


def forget_old_runs(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove what was kept of runs long ago; for once a day."""
    with database.engine.begin() as connection:
        return f"{forget_old(connection, now)} runs forgotten"
