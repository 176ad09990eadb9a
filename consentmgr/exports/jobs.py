"""The clock's door to exports: what is due is run, slot by slot, and partners that lag are told of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.logs import log
from consentmgr.exports.acknowledgements import collect
from consentmgr.exports.alarms import watch
from consentmgr.exports.changed import forget_gone
from consentmgr.exports.due import due_slots
from consentmgr.exports.kept_files import close_ended
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import Superseded, host_and_process, run_schedule
from consentmgr.keys import Keys
from consentmgr.kit.errors import ConsentmgrError

ACTOR = "scheduler"


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


def read_answers(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Take the acknowledgements that partners left beside the manifests; for every few minutes."""
    taken, refused = collect(database, settings, keys, now)
    return f"{taken} acknowledged, {refused} refused" if taken or refused else ""


def tell_alarms(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Raise, repeat and end alarms; for every minute."""
    return watch(database, settings, keys, now).told


def end_links(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Take away files that nobody may fetch any more, and keys that no set is told from; for every hour."""
    with database.transaction() as session:
        forget_gone(session, now)
        return f"{close_ended(session, settings, now)} links ended"
