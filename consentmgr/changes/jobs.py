"""The clock's door: changes are posted to webhooks, and attempts of long ago forgotten."""

from __future__ import annotations

from datetime import datetime

from consentmgr.changes.delivering import deliverer_of
from consentmgr.changes.webhooks import forget_deliveries
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys


def deliver_changes(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Begin to post what is due; for every second. What is slow goes on in threads of its own."""
    deliverer_of(database, settings, keys).look(now)
    return ""


def forget_attempts(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove attempts of long ago; for every hour, because an import may make very many."""
    with database.transaction() as session:
        return f"{forget_deliveries(session, now)} attempts forgotten"
