"""Timed work: one slot a local day in every zone, one runner of many, and nobody's silence is taken for success."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from random import Random
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from sqlalchemy import select, text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.logs import _configure, write_json_lines
from consentmgr.scheduler import JOBS, Job, Scheduler
from consentmgr.timetable.jobs import forget_old_runs
from consentmgr.timetable.models import JobRun
from consentmgr.timetable.running import Taken, alone, run_slot
from consentmgr.timetable.slots import newest_slot, next_slot, slots
from tests.conftest import RunCommand

HELSINKI = ZoneInfo("Europe/Helsinki")
SLOT = datetime(2026, 11, 21, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


# --- the calendar -----------------------------------------------------------------------------------------------------


def changes(zone: ZoneInfo, year: int) -> Iterator[datetime]:
    """Moments within a day of which the clocks of a zone change in a year."""
    moment = datetime(year, 1, 1, tzinfo=UTC)
    offset = moment.astimezone(zone).utcoffset()
    while moment.year == year:
        after = moment + timedelta(days=1)
        if (next_offset := after.astimezone(zone).utcoffset()) != offset:
            yield moment
        moment, offset = after, next_offset


def days(zone: ZoneInfo, since: datetime, until: datetime) -> set[date]:
    """The days the zone's calendar has between two moments."""
    found = set()
    while since < until:
        found.add(since.astimezone(zone).date())
        since += timedelta(minutes=30)
    return found


def hold_one_slot_a_day(zone: ZoneInfo, around: datetime) -> None:
    since, until = around - timedelta(days=3), around + timedelta(days=4)
    found: list[date] = []
    for slot in slots("0 0 * * *", since, zone=zone):
        if slot >= until:
            break
        found.append(slot.astimezone(zone).date())
    assert len(set(found)) == len(found), (zone.key, found)
    assert set(found) == days(zone, since, until) - {since.astimezone(zone).date()}, (zone.key, found)


def test_midnight_comes_once_a_local_day_in_every_zone() -> None:
    random = Random(7)
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for moment in changes(zone, random.randrange(2024, 2041)):
            hold_one_slot_a_day(zone, moment)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_midnight_comes_once_a_local_day_in_every_zone_in_every_year() -> None:
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for year in range(1970, 2041):
            for moment in changes(zone, year):
                hold_one_slot_a_day(zone, moment)


def test_a_day_that_a_calendar_left_out_has_no_slot() -> None:
    apia = ZoneInfo("Pacific/Apia")
    hold_one_slot_a_day(apia, datetime(2011, 12, 30, 10, tzinfo=UTC))


def test_an_hour_that_is_skipped_or_doubled_is_met_once() -> None:
    assert next_slot("15 3 * * *", datetime(2026, 3, 28, 22, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    doubled = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    assert next_slot("15 3 * * *", datetime(2026, 10, 24, 22, tzinfo=UTC)) == doubled
    assert next_slot("15 3 * * *", doubled) == datetime(2026, 10, 26, 1, 15, tzinfo=UTC)
    assert newest_slot("15 3 * * *", doubled + timedelta(minutes=59)) == doubled


@pytest.mark.parametrize(
    "cron", ["*/10 * * * *", "5 * * * *", "10 3 * * *", "0 0 * * MON", "30 4 1 * *", "0 12 29 2 *"]
)
def test_the_newest_slot_is_the_one_before_the_next(cron: str) -> None:
    random = Random(3)
    for _ in range(20):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=random.randrange(525_600))
        newest = newest_slot(cron, now)
        if newest is None:
            assert cron == "0 12 29 2 *"
            continue
        assert newest <= now < next_slot(cron, now)
        assert next_slot(cron, newest) > now


# --- who runs ---------------------------------------------------------------------------------------------------------


def rows(database: Database) -> list[JobRun]:
    with database.reading() as session:
        return list(session.scalars(select(JobRun).order_by(JobRun.job, JobRun.slot)))


def test_of_many_one_runs_a_slot(database: Database) -> None:
    ran: list[int] = []
    found: list[Taken] = []

    def take() -> None:
        found.append(
            run_slot(database, "try", SLOT, overdue=HOUR, work=lambda: ran.append(1) or "well", clock=lambda: SLOT)
        )

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ran) == 1
    assert found.count(Taken.RUN) == 1
    assert set(found) <= {Taken.RUN, Taken.RAN_BEFORE, Taken.RUNNING_ELSEWHERE}
    (row,) = rows(database)
    assert (row.job, row.slot, row.finished_at, row.outcome) == ("try", SLOT, SLOT, "well")


def test_a_slot_whose_runner_died_is_run_again_when_it_is_overdue(database: Database) -> None:
    with database.transaction() as session:
        session.add(JobRun(job="try", slot=SLOT, started_at=SLOT))

    def at(minutes: int) -> Taken:
        now = SLOT + timedelta(minutes=minutes)
        return run_slot(database, "try", SLOT, overdue=HOUR, work=lambda: "at last", clock=lambda: now)

    assert at(59) is Taken.DIED
    assert rows(database)[0].finished_at is None
    assert at(60) is Taken.RUN_AGAIN
    assert at(61) is Taken.RAN_BEFORE
    assert rows(database)[0].outcome == "at last"


def test_a_runner_whose_connection_breaks_lets_go_of_the_lock(database: Database) -> None:
    with alone(database, "try") as connection:
        assert connection is not None
        with alone(database, "try") as other:
            assert other is None
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with database.engine.begin() as killer:
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        connection.invalidate()
        for _ in range(100):
            with alone(database, "try") as other:
                if other is not None:
                    break
            time.sleep(0.02)
        assert other is not None


# --- the scheduler ----------------------------------------------------------------------------------------------------


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A room with one job, ``made_up.jobs:work``: what it does is ``["does"]``, its calls are counted."""
    module = ModuleType("made_up")
    state: dict[str, Any] = {"calls": 0, "does": lambda _now: "done"}

    def job(_database: Database, _settings: Settings, _keys: object, now: datetime) -> str:
        state["calls"] += 1
        return state["does"](now)

    module.work = job  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "made_up", module)
    return state


def made_up(**when: Any) -> Job:
    return Job("made-up", "made_up:work", "is only for this test", **when)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    import logging

    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    write_json_lines(stream)
    yield stream
    _configure(None)
    root.handlers[:], level = before
    root.setLevel(level)
    logging.getLogger("consentmgr").setLevel(logging.NOTSET)


def test_a_slot_is_run_once_however_often_it_is_looked_at(
    database: Database, settings: Settings, work: dict[str, Any]
) -> None:
    job = made_up(cron="0 0 * * *")
    for scheduler in (Scheduler(database, settings, (job,)), Scheduler(database, settings, (job,))):
        scheduler.look(job)
        scheduler.look(job)
    assert work["calls"] == 1
    assert [row.outcome for row in rows(database)] == ["done"]


def test_a_job_of_every_few_seconds_writes_only_what_is_new(
    database: Database, settings: Settings, work: dict[str, Any]
) -> None:
    job = made_up(every=1)
    scheduler = Scheduler(database, settings, (job,))
    for _ in range(5):
        scheduler.look(job)
    first = rows(database)[0].finished_at
    assert work["calls"] == 5
    scheduler.look(job)
    assert rows(database)[0].finished_at == first
    work["does"] = lambda _now: "two mails"
    scheduler.look(job)
    assert [row.outcome for row in rows(database)] == ["two mails"]


def test_a_job_that_fails_is_recorded_without_what_it_said(
    database: Database, settings: Settings, work: dict[str, Any], log: io.StringIO
) -> None:
    def fail(now: datetime) -> str:
        raise ValueError("aino.virtanen@posti.example")

    work["does"] = fail
    job = made_up(cron="0 0 * * *")
    Scheduler(database, settings, (job,)).look(job)
    (row,) = rows(database)
    assert row.outcome is not None
    assert row.outcome.startswith("failed: ValueError at ")
    assert row.finished_at is not None
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["job_failed"]
    assert "aino" not in log.getvalue() + row.outcome


def test_a_dead_runner_is_reported_once(
    database: Database, settings: Settings, work: dict[str, Any], log: io.StringIO
) -> None:
    job = made_up(cron="0 0 * * *", overdue=timedelta(days=2))
    slot = newest_slot("0 0 * * *", datetime.now(UTC))
    with database.transaction() as session:
        session.add(JobRun(job=job.name, slot=slot, started_at=datetime.now(UTC)))
    scheduler = Scheduler(database, settings, (job,))
    scheduler.look(job)
    scheduler.look(job)
    assert work["calls"] == 0
    assert [json.loads(line)["event"] for line in log.getvalue().splitlines()] == ["job_died"]


def test_it_ticks_by_itself_and_stops(database: Database, settings: Settings, work: dict[str, Any]) -> None:
    called = threading.Event()
    work["does"] = lambda _now: called.set() or "done"
    scheduler = Scheduler(database, settings, (made_up(every=1), made_up(cron="0 0 * * *", only_if="no_such_setting")))
    scheduler.start()
    assert called.wait(20)
    scheduler.stop()
    before = work["calls"]
    assert not called.clear()
    assert not called.wait(1.2)
    assert work["calls"] == before


def test_every_job_of_the_timetable_can_be_run(database: Database, settings: Settings, keys: object) -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    for job in JOBS:
        assert (job.cron is None) != (job.every is None), job.name
        module, _, name = job.place.partition(":")
        function = getattr(import_module(module), name)
        if job.is_wanted(settings):
            assert isinstance(function(database, settings, keys, datetime.now(UTC)), str)


def test_old_runs_are_forgotten(database: Database, settings: Settings, keys: Any) -> None:
    with database.transaction() as session:
        session.add(JobRun(job="try", slot=SLOT - timedelta(days=91), started_at=SLOT))
        session.add(JobRun(job="try", slot=SLOT - timedelta(days=89), started_at=SLOT))
    assert forget_old_runs(database, settings, keys, SLOT) == "1 runs forgotten"
    assert len(rows(database)) == 1


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_jobs_are_listed_and_run_by_hand(run_command: RunCommand) -> None:
    listed = run_command("jobs", "list").stdout
    for job in JOBS:
        assert f"{job.name} " in listed
    assert run_command("jobs", "run", "forget-old-runs").stdout == "0 runs forgotten\n"
    assert "0 runs forgotten" in run_command("jobs", "list").stdout
    assert "no job called nothing" in run_command("jobs", "run", "nothing", expect=2).stderr


def test_a_job_that_runs_elsewhere_is_not_run_a_second_time(database: Database, run_command: RunCommand) -> None:
    with alone(database, "forget-old-runs"):
        assert "is running in another process" in run_command("jobs", "run", "forget-old-runs", expect=1).stderr
