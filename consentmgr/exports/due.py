"""When exports are due, when one is late, and which partners owe an acknowledgement."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.timetable.slots import slots

#: Slots of one schedule that are run in one look; the next look goes on.
_MOST_AT_ONCE = 1_000
#: How long after its slot an export may still be on its way.
GRACE = timedelta(minutes=15)


def due_slots(session: Session, schedule: ExportSchedule, now: datetime) -> list[datetime]:
    """The slots of a schedule that have come and were not run, oldest first, as its catch-up policy wants them.

    ``latest``: only the newest of those missed. ``all``: each. ``skip_older_hours`` leaves out what came too long ago.
    """
    missed = _missed(session, schedule, now)
    return list(islice(missed, _MOST_AT_ONCE)) if schedule.catch_up == "all" else list(deque(missed, maxlen=1))


def _missed(session: Session, schedule: ExportSchedule, now: datetime) -> Iterator[datetime]:
    """Every slot that has come since the last that was run, oldest first, but for those too old to run."""
    if schedule.cron is None or schedule.paused_at is not None:
        return iter(())
    last = session.scalar(select(func.max(ExportRun.slot)).where(ExportRun.schedule == schedule.key))
    after = last or schedule.created_at
    if schedule.skip_older_hours is not None:
        # Slots are whole seconds: one that came exactly then is still run.
        after = max(after, now - timedelta(hours=schedule.skip_older_hours, microseconds=1))
    return takewhile(lambda slot: slot <= now, slots(schedule.cron, after, zone=ZoneInfo(schedule.time_zone)))


def lagging(session: Session, now: datetime) -> list[tuple[ExportSchedule, ExportRun]]:
    """Schedules whose newest published sequence nobody acknowledged within its ``most_lag_hours``, with that run."""
    found = []
    for schedule in session.scalars(select(ExportSchedule).where(ExportSchedule.most_lag_hours.is_not(None))):
        assert schedule.most_lag_hours is not None
        oldest = session.scalar(
            select(ExportRun)
            .where(
                ExportRun.schedule == schedule.key,
                ExportRun.state != "failed",
                ExportRun.acknowledged_at.is_(None),
                ExportRun.sequence
                > select(func.coalesce(func.max(ExportRun.sequence), 0))
                .where(ExportRun.schedule == schedule.key, ExportRun.acknowledged_at.is_not(None))
                .scalar_subquery(),
            )
            .order_by(ExportRun.sequence)
            .limit(1)
        )
        late = timedelta(hours=schedule.most_lag_hours)
        if oldest is not None and (oldest.published_at or oldest.started_at) + late < now:
            found.append((schedule, oldest))
    return found


def overdue(session: Session, following_since: datetime, now: datetime) -> list[str]:
    """Schedules with a slot that came longer than ``GRACE`` ago and has not left: ``export:KEY``, for the heartbeat."""
    found = []
    limit = now - GRACE
    for schedule in session.scalars(select(ExportSchedule).order_by(ExportSchedule.key)):
        if schedule.cron is None or schedule.paused_at is not None:
            continue
        stuck = session.scalar(
            select(func.min(ExportRun.started_at)).where(
                ExportRun.schedule == schedule.key,
                ExportRun.state.in_(("claimed", "prepared")),
                ExportRun.slot.is_not(None),
            )
        )
        first = next(_missed(session, schedule, now), None)
        if any(moment is not None and max(moment, following_since) < limit for moment in (stuck, first)):
            found.append(f"export:{schedule.key}")
    return found
