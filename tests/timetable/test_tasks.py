"""Long work: once, by one process, from its beginning again where that process died, and until somebody cancels it."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from consentmgr.config import Settings, load_settings
from consentmgr.db import Database
from consentmgr.edge.logs import _configure, write_json_lines
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.scheduler import JOBS, Scheduler, do_task
from consentmgr.timetable import tasks
from consentmgr.timetable.jobs import forget_tasks
from consentmgr.timetable.models import Task
from consentmgr.timetable.task_processes import environment_of, look_after_children
from consentmgr.timetable.tasks import TaskView, cancel, claim, enqueue, recent, task_of
from tests.command_runner import CommandRunner, Started
from tests.timetable.works import WORKS

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _one_heartbeat_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "HEARTBEAT_SECONDS", 0.02)


def ask(database: Database, kind: str = "count", /, **subject: object) -> UUID:
    with database.transaction() as session:
        return enqueue(session, kind=kind, subject={"to": 3, **subject}, actor="staff:7", now=clock.now())


def seen(database: Database, task_id: UUID) -> TaskView:
    with database.reading() as session:
        found = task_of(session, task_id)
    assert found is not None
    return found


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def worker(
    environment: dict[str, str], tmp_path: Path, _command_runner: CommandRunner
) -> Iterator[Callable[[UUID], Started]]:
    """Processes that do the works of the tests."""
    started: list[Started] = []

    def start(task_id: UUID) -> Started:
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            started.append(
                _command_runner.start(
                    [str(task_id)],
                    output=log,
                    environment=environment,
                    folder=tmp_path,
                    program="tests.timetable.works",
                )
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(30)


def test_work_is_done_and_its_row_says_what_came_of_it(database: Database, settings: Settings) -> None:
    task_id = ask(database)
    assert seen(database, task_id).state == "queued"
    do_task(database, settings, task_id, WORKS)
    task = seen(database, task_id)
    assert (task.state, task.result, task.attempt) == ("done", {"counted": 3, "attempt": 1}, 1)
    assert task.finished_at is not None
    assert task.is_over


def test_what_is_over_is_not_done_again(database: Database, settings: Settings) -> None:
    task_id = ask(database)
    do_task(database, settings, task_id, WORKS)
    do_task(database, settings, task_id, WORKS)
    do_task(database, settings, uuid4(), WORKS)
    assert seen(database, task_id).attempt == 1


def test_progress_is_in_the_row_while_it_runs(database: Database, settings: Settings, tmp_path: Path) -> None:
    task_id = ask(database, to=50, wait_for=str(tmp_path / "go"))
    thread = threading.Thread(target=do_task, args=(database, settings, task_id, WORKS))
    thread.start()
    wait_until(lambda: seen(database, task_id).done == 49)
    task = seen(database, task_id)
    assert (task.state, task.total, task.told) == ("running", 50, {"step": "counting"})
    (tmp_path / "go").touch()
    thread.join(60)
    assert seen(database, task_id).state == "done"


def test_a_killed_process_is_followed_by_another(
    database: Database, settings: Settings, tmp_path: Path, worker: Callable[[UUID], Started]
) -> None:
    task_id = ask(database, wait_for=str(tmp_path / "go"))
    with database.transaction() as session:
        assert claim(session, now=clock.now()) == task_id
    process = worker(task_id)
    wait_until(lambda: seen(database, task_id).done == 2)
    process.kill()
    process.wait(30)
    assert seen(database, task_id).state == "running"
    with database.transaction() as session:
        assert claim(session, now=clock.now()) is None, "its heartbeat is young"
    with database.transaction() as session:
        assert claim(session, now=clock.now() + tasks.STALE_AFTER + timedelta(seconds=5)) == task_id
    (tmp_path / "go").touch()
    assert worker(task_id).wait(60) == 0
    task = seen(database, task_id)
    assert (task.state, task.result) == ("done", {"counted": 3, "attempt": 2})


def test_a_process_that_is_still_at_it_is_left_alone(
    database: Database, settings: Settings, tmp_path: Path, worker: Callable[[UUID], Started]
) -> None:
    task_id = ask(database, wait_for=str(tmp_path / "go"))
    process = worker(task_id)
    wait_until(lambda: seen(database, task_id).done == 2)
    assert worker(task_id).wait(60) == 0, "it sees that another has the work, and ends"
    (tmp_path / "go").touch()
    assert process.wait(60) == 0
    assert seen(database, task_id).result == {"counted": 3, "attempt": 1}


def test_one_that_takes_its_process_down_each_time_is_given_up(database: Database) -> None:
    task_id = ask(database)
    later = clock.now() + timedelta(hours=1)
    with database.transaction() as session:
        session.execute(update(Task).values(state="running", attempt=tasks.MOST_ATTEMPTS, heartbeat_at=clock.now()))
    with database.transaction() as session:
        assert claim(session, now=later) is None
    task = seen(database, task_id)
    assert (task.state, task.result) == ("failed", {"problem": "died"})


def test_cancelled_work_stops_and_what_waits_never_begins(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    running, waiting = ask(database, wait_for=str(tmp_path / "never")), ask(database)
    thread = threading.Thread(target=do_task, args=(database, settings, running, WORKS))
    thread.start()
    wait_until(lambda: seen(database, running).done == 2)
    for task_id in (running, waiting):
        with database.transaction() as session:
            assert cancel(session, task_id, now=NOW)
    thread.join(60)
    assert not thread.is_alive()
    do_task(database, settings, waiting, WORKS)
    assert [seen(database, task_id).state for task_id in (running, waiting)] == ["cancelled", "cancelled"]
    with database.transaction() as session:
        assert claim(session, now=clock.now()) is None
        assert not cancel(session, running, now=NOW), "it is over"


def test_a_refusal_is_told_and_an_accident_is_not(database: Database, settings: Settings) -> None:
    refused, failed, unknown = ask(database, "refuse"), ask(database, "fail"), ask(database, "no-such-kind")
    written = io.StringIO()
    write_json_lines(written)
    try:
        for task_id in (refused, failed, unknown):
            do_task(database, settings, task_id, WORKS)
    finally:
        _configure(None)
    assert seen(database, refused).result == {"problem": "bad-input", "told": "list.csv: there is no such column"}
    assert seen(database, failed).result == {"problem": "unexpected"}
    assert seen(database, unknown).state == "failed"
    assert "posti.example" not in written.getvalue()
    errors = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["error"] for line in errors if line["event"] == "task_failed"] == ["ValueError"]


def test_two_that_claim_at_once_never_get_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MOST_AT_ONCE", 1_000)
    asked = {ask(database) for _ in range(12)}
    taken: list[UUID] = []

    def take() -> None:
        while True:
            with database.transaction() as session:
                task_id = claim(session, now=clock.now())
            if task_id is None:
                return
            taken.append(task_id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(asked)


def test_no_more_run_at_once_than_may(database: Database) -> None:
    asked = [ask(database) for _ in range(4)]
    taken = []
    for _ in asked:
        with database.transaction() as session:
            taken.append(claim(session, now=clock.now()))
    assert taken == [*asked[: tasks.MOST_AT_ONCE], None, None], "the oldest first"


def test_two_schedulers_run_a_task_once(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENTMGR_")]:
        monkeypatch.delenv(name)
    (job,) = (job for job in JOBS if job.name == "run-tasks")
    task_id = ask(database, "look-at-list", list_screening=str(uuid4()))
    schedulers = [Scheduler(database, settings, (job,)) for _ in range(2)]
    for scheduler in schedulers:
        scheduler.start()
    try:
        wait_until(lambda: seen(database, task_id).is_over)
    finally:
        for scheduler in schedulers:
            scheduler.stop()
    task = seen(database, task_id)
    assert (task.state, task.attempt) == ("failed", 1)
    assert task.result is not None
    assert task.result["problem"] == "not-found"
    wait_until(lambda: _no_children(database))


def _no_children(database: Database) -> bool:
    from consentmgr.timetable.task_processes import _CHILDREN

    look_after_children(database)
    return not _CHILDREN


def test_a_child_finds_the_installation_of_its_parent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONSENTMGR_")]:
        monkeypatch.delenv(name)
    assert load_settings(environment_of(settings)) == settings


def test_recent_ones_are_of_whom_was_asked(database: Database) -> None:
    with database.transaction() as session:
        mine = enqueue(session, kind="count", subject={}, actor="staff:7", now=NOW, controller="acme")
        enqueue(session, kind="count", subject={}, actor="staff:8", now=NOW, controller="other")
        enqueue(session, kind="fail", subject={}, actor="staff:7", now=NOW, controller="acme")
    with database.reading() as session:
        assert [task.id for task in recent(session, kinds=["count"], actor="staff:7")] == [mine]
        assert [task.id for task in recent(session, kinds=["count"], controllers={"acme"})] == [mine]
        assert len(recent(session, kinds=["count", "fail"])) == 3
        assert recent(session, kinds=["count"], controllers=set()) == []


def test_old_tasks_are_forgotten(database: Database, settings: Settings, keys: Keys) -> None:
    old, young = ask(database), ask(database)
    for task_id in (old, young):
        do_task(database, settings, task_id, WORKS)
    with database.transaction() as session:
        session.execute(update(Task).where(Task.id == old).values(finished_at=NOW - timedelta(days=400)))
    assert forget_tasks(database, settings, keys, clock.now()) == "1 tasks forgotten"
    with database.reading() as session:
        assert task_of(session, old) is None
        assert task_of(session, young) is not None
