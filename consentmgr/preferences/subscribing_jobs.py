"""The clock's door of subscribing: requests that nobody confirmed are forgotten."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.preferences.subscribing import forget_requests


def forget_unconfirmed(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Forget the addresses of requests whose week is over; for once an hour or so."""
    with database.transaction() as session:
        return f"{forget_requests(session, now)} requests forgotten"
