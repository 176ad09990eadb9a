"""Long work that somebody asked for: put in a queue, done by a process of its own, watched by its row.

The web process only writes the row. The job ``run-tasks`` claims what waits and starts ``consentmgr task run ID``
for each; that process works, tells its progress into the row at most once a second, and ends the row. It is alive
while its heartbeat is young: one that was killed is begun again, from its beginning, so the work of every kind is such
that doing it twice does no harm. ``attempt`` is the fence: a process that was taken for dead and is not writes
nothing over its successor.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self
from uuid import UUID, uuid4

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.kit import clock
from consentmgr.kit.errors import ConsentmgrError
from consentmgr.timetable.models import Task

State = Literal["queued", "running", "done", "failed", "cancelled"]

#: Tasks of one installation that run at the same time: each may take as much memory as a screening.
MOST_AT_ONCE: Final = 2
#: A task whose processes died this often is not begun again: it would take the next one down as well.
MOST_ATTEMPTS: Final = 3
#: Seconds between two writes of a running task's row.
HEARTBEAT_SECONDS: Final = 1.0
#: A row that was not written for so long is that of a process that died.
STALE_AFTER: Final = timedelta(seconds=20)
#: Seconds a cancelled task has to end tidily.
_TIDY_SECONDS: Final = 10.0
#: Rows of tasks are for looking up what happened; what they made is kept elsewhere.
KEEP_TASKS: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as its row says it is."""

    id: UUID
    kind: str
    subject: Mapping[str, Any]
    actor: str
    controller: str | None
    state: State
    done: int
    total: int | None
    told: Mapping[str, Any]
    result: Mapping[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    attempt: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed", "cancelled")


class TaskCancelled(ConsentmgrError):
    """Somebody cancelled the task while it ran."""

    problem = "cancelled"


def _view(row: Task) -> TaskView:
    return TaskView(**{name: getattr(row, name) for name in TaskView.__dataclass_fields__})


# --- asked for by doors -----------------------------------------------------------------------------------------------


def enqueue(
    session: Session,
    *,
    kind: str,
    subject: Mapping[str, Any],
    actor: str,
    now: datetime,
    controller: str | None = None,
) -> UUID:
    """Put a task in the queue; it begins when the transaction is committed. ``kind`` is a row of ``scheduler.TASKS``."""
    task = Task(id=uuid4(), kind=kind, subject=dict(subject), actor=actor, controller=controller, created_at=now)
    session.add(task)
    session.flush()
    return task.id


def task_of(session: Session, task_id: UUID) -> TaskView | None:
    """The task of this id, or None."""
    row = session.get(Task, task_id, populate_existing=True)
    return _view(row) if row is not None else None


def tasks_of(session: Session, task_ids: Collection[UUID]) -> dict[UUID, TaskView]:
    """The tasks of these ids that there are."""
    return {row.id: _view(row) for row in session.scalars(select(Task).where(Task.id.in_(list(task_ids))))}


def recent(
    session: Session,
    *,
    kinds: Collection[str],
    actor: str | None = None,
    controllers: Collection[str] | None = None,
    limit: int = 20,
) -> list[TaskView]:
    """The newest tasks of these kinds: of one actor where one is named, and of these controllers (None: of all)."""
    wanted = select(Task).where(Task.kind.in_(list(kinds))).order_by(Task.created_at.desc(), Task.id).limit(limit)
    if actor is not None:
        wanted = wanted.where(Task.actor == actor)
    if controllers is not None:
        wanted = wanted.where(Task.controller.in_(list(controllers)))
    return [_view(row) for row in session.scalars(wanted)]


def cancel(session: Session, task_id: UUID, *, now: datetime) -> bool:
    """Let a task that is not over end; whether there was anything to cancel. Its process sees it within a second."""
    changed = session.execute(
        update(Task)
        .where(Task.id == task_id, Task.state.in_(("queued", "running")))
        .values(state="cancelled", finished_at=now)
        .returning(Task.id)
    )
    return changed.scalar_one_or_none() is not None


# --- asked for by the clock -------------------------------------------------------------------------------------------


def claim(session: Session, *, now: datetime) -> UUID | None:
    """Take the oldest task that waits, or whose process died, for a new process; None where there is none to begin.

    Two that ask at once never get the same task. One that died too often is ended as failed.
    """
    dead = (Task.state == "running") & (Task.heartbeat_at < now - STALE_AFTER)
    session.execute(
        update(Task)
        .where(dead, Task.attempt >= MOST_ATTEMPTS)
        .values(state="failed", finished_at=now, result={"problem": "died"})
    )
    alive = session.scalar(
        select(func.count()).select_from(Task).where(Task.state == "running", Task.heartbeat_at >= now - STALE_AFTER)
    )
    if (alive or 0) >= MOST_AT_ONCE:
        return None
    task = session.scalar(
        select(Task)
        .where(or_(Task.state == "queued", dead))
        .order_by(Task.created_at, Task.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if task is None:
        return None
    task.state, task.heartbeat_at = "running", now
    session.flush()
    return task.id


def give_back(session: Session, task_id: UUID, *, attempt: int, now: datetime) -> None:
    """The process of this attempt has ended and left the row open: it is begun again at once, or was begun too often."""
    task = session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.state != "running" or task.attempt > attempt:
        return
    if task.attempt >= MOST_ATTEMPTS:
        task.state, task.finished_at, task.result = "failed", now, {"problem": "died"}
    else:
        task.state = "queued"
    session.flush()


def begin(session: Session, task_id: UUID, *, now: datetime) -> TaskView | None:
    """Begin the next attempt of a claimed task, from its beginning; None where it is over, or unknown."""
    task = session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.state not in ("queued", "running"):
        return None
    task.state, task.attempt, task.started_at, task.heartbeat_at = "running", task.attempt + 1, now, now
    task.done, task.total, task.told = 0, None, {}
    session.flush()
    return _view(task)


def finish(session: Session, task: TaskView, *, state: State, result: Mapping[str, Any], now: datetime) -> bool:
    """End the row of this attempt; False where it was cancelled or begun again meanwhile."""
    values: dict[str, Any] = {"state": state, "result": dict(result), "finished_at": now, "heartbeat_at": now}
    changed = session.execute(
        update(Task)
        .where(Task.id == task.id, Task.attempt == task.attempt, Task.state == "running")
        .values(**values)
        .returning(Task.id)
    )
    return changed.scalar_one_or_none() is not None


def forget_old_tasks(session: Session, now: datetime) -> int:
    """Remove the rows of tasks that ended long ago; how many."""
    old = delete(Task).where(Task.finished_at < now - KEEP_TASKS).returning(Task.id)
    return len(session.execute(old).all())


class Progress:
    """How far a running task is. Its row is written once a second by a thread of its own, which is also its heartbeat.

    As a context it keeps the heart beating. Work calls it with what is done (and of how much, where known); the call
    raises ``TaskCancelled`` once somebody has cancelled the task or another process has taken it over.
    """

    def __init__(self, database: Database, task: TaskView, *, hard: bool = False) -> None:
        self._database, self._task = database, task
        self._done, self._total, self._told = 0, task.total, dict[str, Any]()
        self._ended = threading.Event()
        self._cancelled = threading.Event()
        #: Whether this process is the task's own, and may be ended where the work does not look up for long.
        self._hard = hard
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()

    def __call__(self, done: int, total: int | None = None, **told: Any) -> None:
        """``done`` of ``total`` units are finished; ``told`` are codes for the page, such as ``step="reading"``."""
        self._done = done
        if total is not None:
            self._total = total
        if told:
            self._told = {**self._told, **told}
        if self._cancelled.is_set():
            raise TaskCancelled("the task was cancelled")

    def _beat(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        while not self._ended.wait(HEARTBEAT_SECONDS):
            try:
                lives = self._write()
            except SQLAlchemyError:
                # The database is away for a moment. If it stays away the work itself will say so.
                continue
            if not lives:
                self._cancelled.set()
                self._end_soon()
                return

    def _write(self) -> bool:
        values: dict[str, Any] = {
            "done": self._done, "total": self._total, "told": self._told, "heartbeat_at": clock.now()
        }  # fmt: skip
        with self._database.transaction() as session:
            changed = session.execute(
                update(Task)
                .where(Task.id == self._task.id, Task.attempt == self._task.attempt, Task.state == "running")
                .values(**values)
                .returning(Task.id)
            )
            return changed.scalar_one_or_none() is not None

    def _end_soon(self) -> None:
        """Work deep in an engine does not look up: it is asked to end as a command is, and then ended."""
        if self._hard and not self._ended.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            if not self._ended.wait(_TIDY_SECONDS):
                os._exit(143)
