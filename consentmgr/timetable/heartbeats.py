"""Whether the timetable is followed: each scheduler says every few seconds that it lives, and what it found overdue.

The row is written by a thread of its own, so that work that takes long does not look like death. Whoever asks from
outside (``/healthz/jobs``) reads the newest row and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from consentmgr.timetable.models import JobRun, SchedulerHeartbeat
from consentmgr.timetable.slots import newest_slot

#: A scheduler whose beat is older is taken for dead.
OLDEST_BEAT = timedelta(seconds=90)
#: How long after its slot a job may not have begun yet.
GRACE = timedelta(minutes=5)
#: Rows of schedulers that ended are kept this long, for whoever looks why.
KEEP_BEATS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Followed:
    """How the timetable stands: the newest beat (None: never one), and what was overdue then."""

    beaten_at: datetime | None
    overdue: tuple[str, ...]

    def beats(self, now: datetime) -> bool:
        """Whether somebody follows it."""
        return self.beaten_at is not None and self.beaten_at >= now - OLDEST_BEAT

    def is_well(self, now: datetime) -> bool:
        """Whether somebody follows it and nothing is overdue."""
        return self.beats(now) and not self.overdue


def beat(connection: Connection, process: str, *, started_at: datetime, overdue: Sequence[str], now: datetime) -> None:
    """Say that this process follows the timetable; rows of long ago go."""
    row = insert(SchedulerHeartbeat).values(
        process=process, started_at=started_at, beaten_at=now, overdue=list(overdue)
    )
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[SchedulerHeartbeat.process], set_={"beaten_at": now, "overdue": list(overdue)}
        )
    )
    connection.execute(delete(SchedulerHeartbeat).where(SchedulerHeartbeat.beaten_at < now - KEEP_BEATS))


def followed(connection: Connection) -> Followed:
    """How the timetable stands, by the newest beat of any scheduler."""
    row = connection.execute(
        select(SchedulerHeartbeat.beaten_at, SchedulerHeartbeat.overdue)
        .order_by(SchedulerHeartbeat.beaten_at.desc())
        .limit(1)
    ).one_or_none()
    return Followed(None, ()) if row is None else Followed(row.beaten_at, tuple(row.overdue))


@dataclass(frozen=True, slots=True)
class Expected:
    """A job of the calendar as it is asked about here: ``cron``, and how long a run of it may take."""

    name: str
    cron: str
    longest: timedelta


def overdue_jobs(connection: Connection, jobs: Sequence[Expected], *, since: datetime, now: datetime) -> list[str]:
    """Names of jobs whose newest slot came longer than ``GRACE`` ago and was neither done nor is being done.

    ``since`` is when the scheduler that asks began: what came before that it has had no longer to do.
    """
    found = []
    for job in jobs:
        slot = newest_slot(job.cron, now)
        if slot is None or max(slot, since) > now - GRACE:
            continue
        row = connection.execute(
            select(JobRun.started_at, JobRun.finished_at).where(JobRun.job == job.name, JobRun.slot == slot)
        ).one_or_none()
        is_done = row is not None and row.finished_at is not None
        is_running = row is not None and row.started_at > now - job.longest
        if not is_done and not is_running:
            found.append(job.name)
    return found
