"""The clock's door to the figures: they are counted ahead, so that no page has to."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from consentmgr.config import Settings
from consentmgr.dashboard import counting
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.clock import local_date

#: What this process has stored of its counters of links.
_LINKS: Final = counting.LinkLook()


def count_acts(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Count the ledger's new entries, and what was done with links in this process; for every minute."""
    fresh = _LINKS.fresh()
    with database.transaction() as session:
        counting.count_acts(session)
        counting.store_links(session, fresh, day=local_date(now))
    _LINKS.keep(fresh)
    return ""


def count_standing(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Count how contacts stand, where anything changed since; for every ten minutes."""
    with database.transaction() as session:
        return "counted" if counting.count_standing(session, now=now) else "nothing had changed"
