"""The key with which a demonstration's API is tried: made anew each time it is shown, since a key is told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from consentmgr.config import Settings
from consentmgr.db import open_database
from consentmgr.kit import clock
from consentmgr.staff import api_keys
from consentmgr.staff.scopes import Scope

_NAME: Final = "demonstration"
#: What it may do: ask, and change nothing.
_SCOPES: Final = (
    Scope.CHECK,
    Scope.READ_CATALOGUE,
    Scope.READ_CONTACTS,
    Scope.READ_PROHIBITIONS,
    Scope.READ_CHANGES,
    Scope.READ_SCREENINGS,
    Scope.READ_EXPORTS,
)


def new_token(settings: Settings) -> str:
    """A new key that reads, good for some months; those of earlier demonstrations in the same folder end."""
    now = clock.now()
    with open_database(settings) as database, database.transaction() as session:
        for row in api_keys.listed(session, now=now):
            if row.name == _NAME and row.state in ("good", "ends_soon"):
                api_keys.revoke(session, row.id, actor="demo", now=now)
        _, token = api_keys.add(
            session,
            name=_NAME,
            owner="demo",
            scopes=_SCOPES,
            controllers=None,
            # Longer than the warning before a key's end, or the overview would begin with one.
            expires_at=now + timedelta(days=90),
            actor="demo",
            now=now,
        )
        return token
