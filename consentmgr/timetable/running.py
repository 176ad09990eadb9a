"""Who runs a job: of all the processes that want to, one.

The advisory lock of a job is held on a connection of its own for as long as it runs, so the server lets go of it the
moment the process or the connection ends. A slot's row says that it was begun and how it ended. A row that was begun
and has not ended, while nobody holds the lock, is that of a process that died; its slot is run again when it is
overdue, and not sooner, because the runner may only have lost its connection and still be at work. Jobs are therefore
such that running one twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.exc import SQLAlchemyError

from consentmgr.db import Database
from consentmgr.timetable.models import JobRun

#: Runs older than this are forgotten; they are for looking up, and decide about nothing.
KEEP_RUNS = timedelta(days=90)


class Taken(StrEnum):
    """What came of asking to run a slot."""

    RUN = "run"
    RUN_AGAIN = "run_again"
    RAN_BEFORE = "ran_before"
    RUNNING_ELSEWHERE = "running_elsewhere"
    #: Its runner died, and it is not overdue yet.
    DIED = "died"


@contextmanager
def alone(database: Database, job: str) -> Iterator[Connection | None]:
    """The lock of a job, and the connection that holds it; None where another process has it."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"job": f"job {job}"}
        # The schema is part of the name, so that a register for a try has jobs of its own.
        name = "hashtextextended(current_schema() || ' ' || :job, 0)"
        if not connection.scalar(text(f"SELECT pg_try_advisory_lock({name})"), key):
            yield None
            return
        try:
            yield connection
        finally:
            # A connection that was lost has let go of the lock already, and is not given back to the pool.
            with suppress(SQLAlchemyError):
                connection.execute(text(f"SELECT pg_advisory_unlock({name})"), key)


def take_slot(connection: Connection, job: str, slot: datetime, *, now: datetime, overdue: timedelta) -> Taken:
    """Decide whether the holder of the job's lock runs this slot, and write that it has begun."""
    begun = insert(JobRun).values(job=job, slot=slot, started_at=now).on_conflict_do_nothing().returning(JobRun.job)
    if connection.scalar(begun) is not None:
        return Taken.RUN
    row = connection.execute(
        select(JobRun.started_at, JobRun.finished_at).where(JobRun.job == job, JobRun.slot == slot)
    ).one()
    if row.finished_at is not None:
        return Taken.RAN_BEFORE
    if now - row.started_at < overdue:
        return Taken.DIED
    connection.execute(update(JobRun).where(JobRun.job == job, JobRun.slot == slot).values(started_at=now))
    return Taken.RUN_AGAIN


def run_slot(
    database: Database,
    job: str,
    slot: datetime,
    *,
    overdue: timedelta,
    work: Callable[[], str],
    clock: Callable[[], datetime],
) -> Taken:
    """Run a slot if it is ours to run, and record how it ended. ``work`` does the job and tells its outcome.

    What ``work`` raises is raised; the row then stays without an end, and the slot is run again when overdue.
    """
    with alone(database, job) as connection:
        if connection is None:
            return Taken.RUNNING_ELSEWHERE
        taken = take_slot(connection, job, slot, now=clock(), overdue=overdue)
        if taken in (Taken.RUN, Taken.RUN_AGAIN):
            outcome = work()
            connection.execute(
                update(JobRun)
                .where(JobRun.job == job, JobRun.slot == slot)
                .values(finished_at=clock(), outcome=outcome)
            )
        return taken


def last_outcome(connection: Connection, job: str) -> str | None:
    """How the newest run of a job that has ended did end."""
    newest = select(JobRun.outcome).where(JobRun.job == job).order_by(JobRun.slot.desc()).limit(1)
    return connection.scalar(newest)


def note_change(connection: Connection, job: str, day: datetime, *, outcome: str, now: datetime) -> None:
    """Keep the newest outcome of a job that runs every few seconds: one row a day, ``day`` being its slot."""
    row = insert(JobRun).values(job=job, slot=day, started_at=now, finished_at=now, outcome=outcome)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[JobRun.job, JobRun.slot], set_={"finished_at": now, "outcome": outcome}
        )
    )


def newest_runs(connection: Connection) -> dict[str, JobRun]:
    """The newest row of every job, by the job's name."""
    rows = connection.execute(
        select(JobRun.job, JobRun.slot, JobRun.started_at, JobRun.finished_at, JobRun.outcome)
        .ext(distinct_on(JobRun.job))
        .order_by(JobRun.job, JobRun.slot.desc())
    )
    return {
        row.job: JobRun(
            job=row.job, slot=row.slot, started_at=row.started_at, finished_at=row.finished_at, outcome=row.outcome
        )
        for row in rows
    }


def forget_old(connection: Connection, now: datetime) -> int:
    """Remove the rows of long ago; how many."""
    return connection.execute(delete(JobRun).where(JobRun.slot < now - KEEP_RUNS)).rowcount
