"""The clock's door of proposals: what erased people asked for is forgotten too."""

from __future__ import annotations

from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.preferences.proposals import forget_erased


def forget_proposals(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Empty the proposals of people who were erased; for every ten minutes."""
    with database.transaction() as session:
        return f"{forget_erased(session)} proposals forgotten"
