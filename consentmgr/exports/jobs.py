"""The clock's door to exports: what is due is run, slot by slot, and partners that lag are told of."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.logs import log
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import Superseded, host_and_process, run_schedule
from consentmgr.keys import Keys
from consentmgr.kit.errors import ConsentmgrError
from consentmgr.timetable.slots import slots

#: Slots of one schedule that are run in one look; the next look goes on.
_MOST_AT_ONCE = 1_000
ACTOR = "scheduler"


def due_slots(session: Session, schedule: ExportSchedule, now: datetime) -> list[datetime]:
    """The slots of a schedule that have come and were not run, oldest first, as its catch-up policy wants them.

    ``latest``: only the newest of those missed. ``all``: each. ``skip_older_hours`` leaves out what came too long ago.
    """
    if schedule.cron is None or schedule.paused_at is not None:
        return []
    last = session.scalar(select(func.max(ExportRun.slot)).where(ExportRun.schedule == schedule.key))
    found: list[datetime] = []
    for slot in slots(schedule.cron, last or schedule.created_at, zone=ZoneInfo(schedule.time_zone)):
        if slot > now or len(found) >= _MOST_AT_ONCE:
            break
        found.append(slot)
    if schedule.skip_older_hours is not None:
        oldest = now - timedelta(hours=schedule.skip_older_hours)
        found = [slot for slot in found if slot >= oldest]
    return found if schedule.catch_up == "all" else found[-1:]


def run_due(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Run every slot that is due. One schedule's trouble keeps no other from running."""
    with database.reading() as session:
        wanted = [
            (schedule.key, due_slots(session, schedule, now))
            for schedule in session.scalars(select(ExportSchedule).order_by(ExportSchedule.key))
        ]
        open_runs = {
            run.schedule: run.slot
            for run in session.scalars(select(ExportRun).where(ExportRun.state.in_(("claimed", "prepared"))))
        }
    done = failed = 0
    for key, due in wanted:
        # One that was begun and not finished comes first: the sequence after it builds on it.
        rest = [open_runs[key], *due] if key in open_runs else due
        for slot in rest:
            try:
                published = run_schedule(
                    database, settings, keys, key, slot=slot, actor=ACTOR, claimed_by=host_and_process(), now=now
                )
                if published is None:
                    # Another scheduler is at it; slots are run in order, so the later ones wait for the next look.
                    break
                done += 1
            except Superseded:
                break
            except ConsentmgrError as error:
                failed += 1
                log().warning("export not delivered", schedule=key, problem=error.problem)
                break
    return f"{done} published, {failed} failed" if done or failed else ""


def lagging(session: Session, now: datetime) -> list[tuple[ExportSchedule, ExportRun]]:
    """Schedules whose newest published sequence nobody acknowledged within its ``most_lag_hours``, with that run."""
    found = []
    for schedule in session.scalars(select(ExportSchedule).where(ExportSchedule.most_lag_hours.is_not(None))):
        assert schedule.most_lag_hours is not None
        oldest = session.scalar(
            select(ExportRun)
            .where(
                ExportRun.schedule == schedule.key,
                ExportRun.state == "published",
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
        if oldest is not None and oldest.published_at is not None and oldest.published_at + late < now:
            found.append((schedule, oldest))
    return found


def watch_partners(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Raise an alarm for every partner that has not acknowledged in time."""
    with database.reading() as session:
        late = lagging(session, now)
        for schedule, run in late:
            log().error("partner lags", schedule=schedule.key, sequence=run.sequence)
    return f"{len(late)} partners lag" if late else ""
