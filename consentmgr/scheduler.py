"""The timetable: what is done by the clock, and the threads that do it.

APScheduler ticks and lends the threads; it stores nothing. What is due is asked of the calendar
(``timetable.slots``), who runs it of the database (``timetable.running``), so any number of processes may follow the
same timetable, and each slot is run by one of them. A slot that nobody was there to run is run when somebody is.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from consentmgr.config import Settings, load_settings
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed, ConsentmgrError

if TYPE_CHECKING:
    from uuid import UUID

    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: Jobs that may run at the same time in one process; each holds a connection for its lock and one for its work. One is
#: as good as taken where there are webhooks, because it looks all the time whether anything changed.
WORKERS: Final = 5
#: Seconds between two looks at whether a slot has come.
LOOK_EVERY: Final = 15
#: The slot that the outcomes of jobs of every few seconds are kept under: the Finnish day.
EVERY_DAY: Final = "0 0 * * *"
#: Seconds between two heartbeats.
BEAT_EVERY: Final = 15
#: What else has slots of its own that may be overdue: ``(session, following_since, now) -> names``.
OVERDUE_TOO: Final = ("consentmgr.exports.due:overdue",)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the timetable: a function ``(database, settings, keys, now) -> outcome``, and when it is called.

    ``cron`` speaks of Finnish local time; ``every`` is in seconds. ``overdue`` is how long after its beginning a run
    that never ended is taken for dead and done again. ``only_if`` names the setting without which there is nothing
    to do.
    """

    name: str
    place: str
    does: str
    cron: str | None = None
    every: int | None = None
    overdue: timedelta = timedelta(hours=1)
    only_if: str | None = None

    def is_wanted(self, settings: Settings) -> bool:
        """Whether these settings give it anything to do."""
        return self.only_if is None or bool(getattr(settings, self.only_if, None))

    @property
    def when(self) -> str:
        """When it runs, for people."""
        return f"every {self.every} s" if self.every is not None else f"{self.cron} (Finnish time)"


JOBS: tuple[Job, ...] = (
    Job("send-mail", "consentmgr.mail.jobs:send_mail", "sends the mails that are due", every=5),
    Job(
        "read-mailbox", "consentmgr.replies.jobs:read_mailbox", "reads bounces, complaints and replies", every=60,
        only_if="imap_url",
    ),
    Job(
        "take-journal", "consentmgr.prohibitions.jobs:take_journal",
        "takes acts that a process which died left in the journal", every=60,
    ),
    Job(
        "hash-bans", "consentmgr.prohibitions.jobs:hash_bans",
        "hashes new bans on plain addresses for whoever asks by SHA-256", every=60,
    ),
    Job("run-exports", "consentmgr.exports.jobs:run_due", "runs the exports that are due", every=15),
    Job("run-tasks", "consentmgr.timetable.jobs:run_tasks", "starts the long work that somebody asked for", every=1),
    Job("deliver-changes", "consentmgr.changes.jobs:deliver_changes", "posts what changed to webhooks", every=1),
    Job(
        "read-answers", "consentmgr.exports.jobs:read_answers",
        "looks whether partners have acknowledged by a file", every=300,
    ),
    Job(
        "raise-alarms", "consentmgr.exports.jobs:tell_alarms",
        "tells of partners that lag, slots that are overdue and runs that failed", every=60,
    ),
    Job(
        "end-links", "consentmgr.exports.jobs:end_links",
        "takes away files whose links to partners have ended", cron="25 * * * *",
    ),
    Job(
        "flag-bursts", "consentmgr.preferences.jobs:flag_bursts",
        "proposes to look at many opt-outs of one domain within minutes", cron="*/10 * * * *",
    ),
    Job(
        "expire-pending", "consentmgr.preferences.subscribing_jobs:forget_unconfirmed",
        "forgets subscriptions that nobody confirmed within a week", cron="5 * * * *",
    ),
    Job(
        "forget-proposals", "consentmgr.preferences.proposal_jobs:forget_proposals",
        "empties what erased people had proposed", cron="*/10 * * * *",
    ),
    Job(
        "forget-counts", "consentmgr.edge.limits:forget_windows", "removes counts of clients' requests",
        cron="15 * * * *",
    ),
    Job(
        "forget-answers", "consentmgr.edge.idempotency:forget_answers",
        "removes answers of the API that were kept for whoever asks again", cron="20 * * * *",
    ),
    Job(
        "forget-sessions",
        "consentmgr.staff.sessions:forget_sessions",
        "removes rows of sessions of staff that are over",
        cron="40 * * * *",
    ),
    Job(
        "forget-attempts", "consentmgr.changes.jobs:forget_attempts",
        "removes what was kept of attempts to post to webhooks long ago", cron="35 * * * *",
    ),
    Job(
        "forget-sender-events", "consentmgr.replies.jobs:forget_sender_events",
        "removes what was kept of events that sending services told of long ago", cron="30 3 * * *",
    ),
    Job("forget-mail", "consentmgr.mail.jobs:forget_mail", "removes rows of mails sent long ago", cron="20 3 * * *"),
    Job(
        "count-acts", "consentmgr.dashboard.jobs:count_acts",
        "adds what was done since it last looked to the counts of each day", every=60,
    ),
    Job(
        "count-standing", "consentmgr.dashboard.jobs:count_standing",
        "counts how contacts stand and which addresses do not work, where anything changed", cron="*/10 * * * *",
    ),
    Job(
        "forget-uploads", "consentmgr.importing.upload_tasks:forget_old_uploads",
        "removes files that were brought to be imported long ago", cron="50 3 * * *",
    ),
    Job(
        "forget-attachments", "consentmgr.people.jobs:forget_attachments",
        "removes files attached for people who were erased, and files no act has used", cron="*/10 * * * *",
    ),
    Job(
        "forget-old-runs", "consentmgr.timetable.jobs:forget_old_runs",
        "removes rows of runs long ago", cron="40 3 * * *",
    ),
    Job(
        "keep-snapshot", "consentmgr.screening.jobs:keep_snapshot",
        "makes the snapshot of the register anew where somebody in it was erased or too much has changed", every=60,
    ),
    Job(
        "renew-snapshot", "consentmgr.screening.jobs:renew_snapshot",
        "makes the snapshot of the register anew where anything has changed", cron="10 2 * * *",
    ),
    Job(
        "forget-lists", "consentmgr.screening.desk.work:forget_lists",
        "removes lists brought to the desk, and their results, when their time is over", cron="25 3 * * *",
    ),
    Job(
        "forget-tasks", "consentmgr.timetable.jobs:forget_tasks", "removes rows of long work that ended long ago",
        cron="45 3 * * *",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind of long work: a function ``(database, settings, keys, task, progress) -> result``, a JSON object.

    It is run from its beginning again where its process died, so it may be run twice. ``progress(done, total)`` is
    called now and then; it raises where somebody has cancelled the task. Neither arguments nor result hold personal
    data.
    """

    kind: str
    place: str


TASKS: tuple[TaskKind, ...] = (
    TaskKind("run-export", "consentmgr.exports.desk_tasks:run_export"),
    TaskKind("preview-export", "consentmgr.exports.desk_tasks:preview_export"),
    TaskKind("try-export", "consentmgr.exports.desk_tasks:try_export"),
    TaskKind("look-at-import", "consentmgr.importing.upload_tasks:look"),
    TaskKind("preview-import", "consentmgr.importing.upload_tasks:preview"),
    TaskKind("apply-import", "consentmgr.importing.upload_tasks:take"),
    TaskKind("look-at-list", "consentmgr.screening.desk.work:look_at_list"),
    TaskKind("screen-list", "consentmgr.screening.desk.work:screen_list"),
    TaskKind("erase-contacts", "consentmgr.people.erasing:erase_listed"),
)  # fmt: skip


def job_called(name: str) -> Job:
    """The row of this name. Raises ``BadInput``."""
    for job in JOBS:
        if job.name == name:
            return job
    raise BadInput(f"there is no job called {name}; consentmgr jobs list names them")


class Scheduler:
    """Follows the timetable in threads of its own, from ``start`` until ``stop``."""

    def __init__(self, database: Database, settings: Settings, jobs: tuple[Job, ...] = JOBS) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        from consentmgr.keys import load_keys

        self._database, self._settings = database, settings
        self._keys = load_keys(settings)
        self._jobs = tuple(job for job in jobs if job.is_wanted(settings))
        #: The newest slot of each job that is over and done with, so that the database is not asked again.
        self._done: dict[str, datetime] = {}
        self._told: dict[str, str | None] = {}
        self._away = threading.Event()
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._started_at = clock.now()
        self._ticker = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(WORKERS), "heart": ThreadPoolExecutor(1)},
            # A tick that comes late is as good; two at once are one.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            daemon=True,
        )

    def start(self) -> None:
        """Begin; what is due already is run at once."""
        for place, job in enumerate(self._jobs):
            self._ticker.add_job(
                self.look,
                "interval",
                seconds=job.every or LOOK_EVERY,
                args=[job],
                id=job.name,
                next_run_time=clock.now() + timedelta(milliseconds=200 * place),
            )
        self._ticker.add_job(
            self.beat, "interval", seconds=BEAT_EVERY, id="heart", executor="heart", next_run_time=clock.now()
        )
        self._ticker.start()

    def beat(self) -> None:
        """Say that the timetable is followed here, and what is overdue. Raises nothing: ``look`` tells of a database
        that is away, and a beat that is missing tells the rest.
        """
        from consentmgr.edge.logs import log, where
        from consentmgr.timetable.heartbeats import Expected, beat, overdue_jobs

        now = clock.now()
        expected = [Expected(job.name, job.cron, job.overdue) for job in self._jobs if job.cron is not None]
        try:
            with self._database.engine.begin() as connection:
                overdue = [
                    f"job:{name}" for name in overdue_jobs(connection, expected, since=self._started_at, now=now)
                ]
            with self._database.reading() as session:
                for place in OVERDUE_TOO:
                    overdue += _at(place)(session, self._started_at, now)
            with self._database.engine.begin() as connection:
                beat(connection, self._name, started_at=self._started_at, overdue=overdue, now=now)
        except Exception as error:  # noqa: BLE001 - the next beat may be better
            if not self._away.is_set():
                log().warning("no_heartbeat", **where(error))

    def stop(self) -> None:
        """Begin nothing more, and wait for what is running."""
        self._ticker.shutdown(wait=True)

    def look(self, job: Job) -> None:
        """Run the job if it is due. Raises nothing: what goes wrong is logged, without the words of the error."""
        from sqlalchemy.exc import InterfaceError, OperationalError
        from sqlalchemy.exc import TimeoutError as PoolTimeout

        from consentmgr.edge.logs import log, where

        try:
            if job.every is not None:
                self._repeat(job)
            else:
                self._run_newest_slot(job)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            if not self._away.is_set():
                self._away.set()
                log().warning("database_away", job=job.name, **where(error))
        except Exception as error:  # noqa: BLE001 - a clock that one job could stop would be no clock
            log().error("job_not_looked_at", job=job.name, **where(error))
        else:
            if self._away.is_set():
                self._away.clear()
                log().info("database_back")

    def _run_newest_slot(self, job: Job) -> None:
        from consentmgr.edge.logs import log
        from consentmgr.edge.metrics import job_runs
        from consentmgr.timetable.running import Taken, run_slot
        from consentmgr.timetable.slots import newest_slot

        assert job.cron is not None
        slot = newest_slot(job.cron, clock.now())
        if slot is None or self._done.get(job.name) == slot:
            return
        taken = run_slot(
            self._database, job.name, slot, overdue=job.overdue, work=lambda: self._work(job), clock=clock.now
        )
        if taken in (Taken.DIED, Taken.RUN_AGAIN) and self._told.get(job.name) != f"{slot} {taken}":
            self._told[job.name] = f"{slot} {taken}"
            job_runs.labels(job.name, "died").inc()
            log().warning("job_died", job=job.name, slot=slot.isoformat(), run_again=taken is Taken.RUN_AGAIN)
        if taken in (Taken.RUN, Taken.RUN_AGAIN, Taken.RAN_BEFORE):
            self._done[job.name] = slot

    def _repeat(self, job: Job) -> None:
        from consentmgr.timetable.running import alone, last_outcome, note_change
        from consentmgr.timetable.slots import newest_slot

        with alone(self._database, job.name) as connection:
            if connection is None:
                return
            if job.name not in self._told:
                self._told[job.name] = last_outcome(connection, job.name)
            outcome = self._work(job)
            # Most runs find nothing to do, and are not worth a row each.
            if outcome != self._told[job.name]:
                now = clock.now()
                day = newest_slot(EVERY_DAY, now)
                assert day is not None
                note_change(connection, job.name, day, outcome=outcome, now=now)
                self._told[job.name] = outcome

    def _work(self, job: Job) -> str:
        return do(job, self._database, self._settings, self._keys)


def do(job: Job, database: Database, settings: Settings, keys: Keys) -> str:
    """Call the job's function now, count and log it, and tell its outcome, which begins with ``failed`` if it did.

    Raises only what says that the database is away, since nothing could be recorded then.
    """
    from sqlalchemy.exc import InterfaceError, OperationalError

    from consentmgr.edge.logs import log, where
    from consentmgr.edge.metrics import job_finished, job_runs, job_seconds

    began = time.monotonic()
    try:
        outcome = str(_function(job)(database, settings, keys, clock.now()))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its outcome
        job_runs.labels(job.name, "failed").inc()
        place = where(error)
        log().error("job_failed", job=job.name, **place)
        return f"failed: {place['error']} at {place.get('at', 'another place')}"
    took = time.monotonic() - began
    job_runs.labels(job.name, "done").inc()
    job_seconds.labels(job.name).observe(took)
    job_finished.labels(job.name).set_to_current_time()
    if job.every is None:
        log().info("job_done", job=job.name, outcome=outcome, ms=round(took * 1000, 1))
    return outcome


def _function(job: Job) -> Callable[[Database, Settings, Keys, datetime], str]:
    function: Callable[[Database, Settings, Keys, datetime], str] = _at(job.place)
    return function


def _at(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


# --- the terminal door ------------------------------------------------------------------------------------------------


@click.group("jobs")
def jobs_group() -> None:
    """The work that is done by the clock: what there is, how it went, and doing it now."""


@jobs_group.command("list")
def list_jobs() -> None:
    """Every job, when it runs, and how it last went."""
    from rich.console import Console
    from rich.table import Table

    from consentmgr.db import open_database
    from consentmgr.timetable.running import newest_runs
    from consentmgr.timetable.slots import next_slot

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.connect() as connection:
        runs = newest_runs(connection)
    table = Table.grid(padding=(0, 2))
    table.add_row("job", "when", "next", "last", "outcome")
    for job in JOBS:
        run = runs.get(job.name)
        following = "" if job.cron is None else _moment(next_slot(job.cron, clock.now()))
        if not job.is_wanted(settings):
            following = "not set up"
        last = "" if run is None else _moment(run.finished_at or run.started_at)
        outcome = "" if run is None else run.outcome or "running, or its process died"
        table.add_row(job.name, job.when, following, last, outcome)
    Console(highlight=False, soft_wrap=True).print(table)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(clock.HELSINKI):%Y-%m-%d %H:%M}"


@jobs_group.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Do the job NAME now, and tell how it went."""
    from consentmgr.db import open_database
    from consentmgr.edge.logs import write_json_lines
    from consentmgr.keys import load_keys
    from consentmgr.timetable.running import Taken, run_slot

    write_json_lines()
    job = job_called(name)
    settings = load_settings(os.environ)
    if not job.is_wanted(settings):
        raise BadInput(f"{name} has nothing to do with these settings")
    outcomes: list[str] = []

    def work() -> str:
        outcomes.append(do(job, database, settings, load_keys(settings)))
        return outcomes[0]

    with open_database(settings, connections=4) as database:
        taken = run_slot(database, job.name, clock.now(), overdue=job.overdue, work=work, clock=clock.now)
    if taken is Taken.RUNNING_ELSEWHERE:
        raise CheckFailed(f"{name} is running in another process")
    click.echo(outcomes[0])
    if outcomes[0].startswith("failed"):
        raise CheckFailed(f"{name} failed")


@click.group("scheduler")
def scheduler_group() -> None:
    """Follow the timetable without serving pages."""


@scheduler_group.command("run")
def follow() -> None:
    """Follow the timetable in this process alone, until told to end.

    For installations whose pages are served by other processes. Any number may run: each slot is run once.
    """
    from consentmgr.db import open_database
    from consentmgr.edge.logs import log, write_json_lines
    from consentmgr.edge.metrics import serve_metrics

    settings = load_settings(os.environ)
    ended = threading.Event()
    with open_database(settings, connections=2 * WORKERS + 3) as database:
        write_json_lines()
        if settings.metrics is not None:
            serve_metrics(*settings.metrics)
        scheduler = Scheduler(database, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        scheduler.start()
        log().info("following", jobs=len(JOBS))
        try:
            ended.wait()
        finally:
            scheduler.stop()
    log().info("ended")


# The name it had first; whoever wrote it into a unit file need not change that.
jobs_group.add_command(follow, "follow")


@click.group("task", hidden=True)
def task_group() -> None:
    """Long work that was asked for in the browser; the timetable calls this, nobody else needs to."""


@task_group.command("run")
@click.argument("task_id", type=click.UUID)
def run_task(task_id: UUID) -> None:
    """Do the task TASK_ID in this process and write how it ended into its row."""
    from consentmgr.db import open_database
    from consentmgr.edge.logs import write_json_lines

    write_json_lines()
    settings = load_settings(os.environ)
    with open_database(settings, connections=4) as database:
        do_task(database, settings, task_id)


def do_task(database: Database, settings: Settings, task_id: UUID, kinds: tuple[TaskKind, ...] | None = None) -> None:
    """Do a task that is not over, unless another process is at it. Its row says how it ended, whatever happens.

    What a service says on purpose is kept for the person who asked; of any other error the class and the line of code.
    """
    from consentmgr.edge.logs import log, where
    from consentmgr.keys import load_keys
    from consentmgr.timetable.running import alone
    from consentmgr.timetable.tasks import Progress, State, TaskCancelled, begin, finish

    began = time.monotonic()
    with alone(database, f"task {task_id}") as lock:
        if lock is None:
            return
        with database.transaction() as session:
            task = begin(session, task_id, now=clock.now())
        if task is None:
            return
        state: State
        result: dict[str, Any]
        try:
            function = _function_of(task.kind, TASKS if kinds is None else kinds)
            with Progress(database, task, hard=kinds is None) as progress:
                result = dict(function(database, settings, load_keys(settings), task, progress))
            state = "done"
        except TaskCancelled:
            log().info("task_cancelled", task=task.kind)
            return
        except ConsentmgrError as error:
            state, result = "failed", {"problem": error.problem, "told": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever the work raises is its outcome
            state, result = "failed", {"problem": "unexpected"}
            log().error("task_failed", task=task.kind, **where(error))
        with database.transaction() as session:
            finish(session, task, state=state, result=result, now=clock.now())
    log().info("task_done", task=task.kind, state=state, seconds=round(time.monotonic() - began, 1))


def _function_of(kind: str, kinds: tuple[TaskKind, ...]) -> Callable[..., dict[str, Any]]:
    for row in kinds:
        if row.kind == kind:
            module, _, name = row.place.partition(":")
            function: Callable[..., dict[str, Any]] = getattr(import_module(module), name)
            return function
    raise BadInput(f"there is no kind of task called {kind}")
