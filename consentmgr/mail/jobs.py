"""The clock's door: mail that is due goes out, and rows that are done with go."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.mail.outbox import forget_done, send_due


def send_mail(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Send what is due; for every half minute or so, since a first attempt is also made right after the commit."""
    return send_due(database, settings, keys, now=now).told


def forget_mail(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove rows of mails that were sent or given up long ago; for once a day."""
    with database.transaction() as session:
        return f"{forget_done(session, now)} mails forgotten"
