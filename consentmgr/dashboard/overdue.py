"""How the timetable stands: every job, how it last went, and which of them somebody should look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from consentmgr.timetable.running import newest_runs
from consentmgr.timetable.slots import next_slot

#: How a job stands. ``idle`` are jobs of every few seconds that have had nothing to tell.
Standing = Literal["well", "running", "overdue", "failed", "died", "waiting", "idle", "not_wanted"]


class TimedWork(Protocol):
    """What is asked of a row of the timetable (``scheduler.Job``)."""

    @property
    def name(self) -> str: ...
    @property
    def does(self) -> str: ...
    @property
    def cron(self) -> str | None: ...
    @property
    def every(self) -> int | None: ...
    @property
    def overdue(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class JobState:
    """One job as a page tells it. ``outcome`` is the job's own word, in English, as the terminal shows it."""

    name: str
    does: str
    cron: str | None
    every: int | None
    standing: Standing
    next: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None

    @property
    def needs_a_look(self) -> bool:
        return self.standing in ("overdue", "failed", "died")


def job_states(session: Session, jobs: Iterable[tuple[TimedWork, bool]], *, now: datetime) -> list[JobState]:
    """Every job with how it stands; ``jobs`` are rows of the timetable and whether these settings want them.

    One question, however many jobs there are.
    """
    runs = newest_runs(session.connection())
    found = []
    for job, wanted in jobs:
        run = runs.get(job.name)
        found.append(
            JobState(
                job.name,
                job.does,
                job.cron,
                job.every,
                _standing(job, run.slot if run else None, run.started_at if run else None,
                          run.finished_at if run else None, run.outcome if run else None, wanted=wanted, now=now),
                next_slot(job.cron, now) if job.cron is not None and wanted else None,
                run.started_at if run else None,
                run.finished_at if run else None,
                run.outcome if run else None,
            )
        )  # fmt: skip
    return found


def _standing(
    job: TimedWork,
    slot: datetime | None,
    started_at: datetime | None,
    finished_at: datetime | None,
    outcome: str | None,
    *,
    wanted: bool,
    now: datetime,
) -> Standing:
    if not wanted:
        return "not_wanted"
    if started_at is not None and finished_at is None:
        return "died" if started_at + job.overdue < now else "running"
    if outcome is not None and outcome.startswith("failed"):
        return "failed"
    if slot is None or job.cron is None:
        return "waiting" if job.cron is not None else "idle" if started_at is None else "well"
    # The slot after the last one that was run: no need to go through all of those before now.
    return "overdue" if next_slot(job.cron, slot) + job.overdue < now else "well"
