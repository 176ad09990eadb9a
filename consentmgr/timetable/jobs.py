"""The clock's door to the timetable itself."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.timetable.running import forget_old
from consentmgr.timetable.task_processes import start_waiting
from consentmgr.timetable.tasks import forget_old_tasks


def forget_old_runs(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove what was kept of runs long ago; for once a day."""
    with database.engine.begin() as connection:
        return f"{forget_old(connection, now)} runs forgotten"


def forget_tasks(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove the rows of long work that ended long ago; for once a day."""
    with database.transaction() as session:
        return f"{forget_old_tasks(session, now)} tasks forgotten"


def run_tasks(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Start what waits to be done, each in a process of its own."""
    started = start_waiting(database, settings)
    return f"{started} started" if started else ""
