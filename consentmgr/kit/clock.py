"""The time, in one place.

Doors ask for it and hand it down; nothing else reads a clock, so that any answer can be given again for the moment
it was given for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

#: Finnish law counts days by Finnish time, wherever the server stands.
HELSINKI = ZoneInfo("Europe/Helsinki")


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local_date(moment: datetime) -> date:
    """The Finnish calendar day of an aware ``moment``."""
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset has no calendar day")
    return moment.astimezone(HELSINKI).date()
