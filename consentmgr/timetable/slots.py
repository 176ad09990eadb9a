"""When a job is due, by the calendar of a place: one slot a local day, whatever the clocks there do.

A daily job that is due at an hour the clocks skip is due at the first minute after; one whose hour comes twice is due
the first time. A whole day that a place left out of its calendar (Samoa, 30 December 2011) has no slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from consentmgr.kit.clock import HELSINKI

#: How far back the newest slot is looked for, in turn: a daily job's is found in the first.
_WINDOWS = (timedelta(days=3), timedelta(days=35), timedelta(days=400))


def slots(cron: str, after: datetime, *, zone: ZoneInfo = HELSINKI) -> Iterator[datetime]:
    """The slots after a moment, in UTC, without end. ``cron`` has the five usual fields, and speaks of local time."""
    # Without their offset, so that the iteration goes by what the wall clock shows.
    begin = after.astimezone(zone)
    for local in CronSim(cron, begin):
        slot = local.astimezone(UTC)
        # Where the clocks go back, the wall shows some times twice; what was due the first time is not due again.
        if slot > after:
            yield slot


def newest_slot(cron: str, now: datetime, *, zone: ZoneInfo = HELSINKI) -> datetime | None:
    """The last slot that is not later than ``now``, in UTC; None where there was none for more than a year."""
    for window in _WINDOWS:
        newest = None
        for slot in slots(cron, now - window, zone=zone):
            if slot > now:
                break
            newest = slot
        if newest is not None:
            return newest
    return None


def next_slot(cron: str, now: datetime, *, zone: ZoneInfo = HELSINKI) -> datetime:
    """The first slot after ``now``, in UTC."""
    return next(slots(cron, now, zone=zone))
