"""``/healthz/jobs``: 503 while nobody follows the timetable or a slot is overdue, and nothing else is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.due import GRACE, overdue
from consentmgr.kit import clock
from consentmgr.scheduler import Scheduler
from consentmgr.timetable.heartbeats import GRACE as JOB_GRACE
from consentmgr.timetable.heartbeats import OLDEST_BEAT, Expected, beat, followed, overdue_jobs
from consentmgr.timetable.models import JobRun, SchedulerHeartbeat
from tests.conftest import AS_INSTALLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from tests.conftest import RunCommand

HOURLY = Expected("hourly", "0 * * * *", timedelta(minutes=30))


def test_a_timetable_that_nobody_follows_is_not_well(client: FlaskClient) -> None:
    answer = client.get("/healthz/jobs")
    assert (answer.status_code, answer.json) == (503, {"status": "no heartbeat"})
    assert client.get("/healthz").status_code == 200


def test_it_is_well_until_the_newest_heartbeat_is_ninety_seconds_old(client: FlaskClient, database: Database) -> None:
    now = clock.now()
    for process, seconds, status in (("dead", 91, 503), ("alive", 89, 200)):
        with database.engine.begin() as connection:
            beat(connection, process, started_at=now, overdue=[], now=now - timedelta(seconds=seconds))
        answer = client.get("/healthz/jobs")
        assert answer.status_code == status
        assert answer.headers["Cache-Control"] == "no-store"
    assert timedelta(seconds=90) == OLDEST_BEAT


def test_an_overdue_slot_is_told_without_its_name(client: FlaskClient, database: Database) -> None:
    now = clock.now()
    with database.engine.begin() as connection:
        beat(connection, "one", started_at=now, overdue=["export:aino-virtanen"], now=now)
    answer = client.get("/healthz/jobs")
    assert (answer.status_code, answer.json) == (503, {"status": "overdue"})


@pytest.mark.parametrize(
    ("minutes", "began", "done", "late"),
    [
        (4, None, False, False),
        (6, None, False, True),
        (6, 1, True, False),
        (20, 1, False, False),
        (40, 1, False, True),
    ],
)
def test_a_job_is_overdue_when_its_slot_was_neither_done_nor_is_being_done(
    minutes: int, began: int | None, done: bool, late: bool, database: Database
) -> None:
    slot = datetime.fromisoformat("2026-11-20T10:00:00+00:00")
    now = slot + timedelta(minutes=minutes)
    with database.engine.begin() as connection:
        if began is not None:
            began_at = slot + timedelta(minutes=began)
            finished_at = began_at if done else None
            connection.execute(
                insert(JobRun).values(job="hourly", slot=slot, started_at=began_at, finished_at=finished_at)
            )
        since = slot - timedelta(days=1)
        assert overdue_jobs(connection, [HOURLY], since=since, now=now) == (["hourly"] if late else [])
        # A scheduler that has only begun has not had the time.
        assert not overdue_jobs(connection, [HOURLY], since=now - JOB_GRACE / 2, now=now)


def test_a_scheduler_beats_and_the_newest_beat_of_several_counts(database: Database, settings: Settings) -> None:
    for _ in range(2):
        Scheduler(database, settings, ()).beat()
    with database.connect() as connection:
        assert followed(connection).is_well(clock.now())
        assert len(connection.execute(select(SchedulerHeartbeat.process)).all()) == 2


def test_the_command_follows_the_timetable_until_it_is_told_to_end(
    environment: dict[str, str], client: FlaskClient, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "consentmgr", "scheduler", "run"],
            env={**environment, "PYTHONPATH": AS_INSTALLED},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
    try:
        deadline = time.monotonic() + 60
        while client.get("/healthz/jobs").status_code != 200:
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_name_the_command_had_before_still_works(run_command: RunCommand) -> None:
    assert "Follow the timetable" in run_command("jobs", "follow", "--help").stdout


def test_an_export_is_overdue_when_its_slot_has_not_left(schedules: Callable[..., None], database: Database) -> None:
    schedules("0 3 * * *")
    with database.reading() as session:
        made = clock.now()
        slot_and_more = made + timedelta(days=1) + GRACE + timedelta(minutes=1)
        assert overdue(session, made, made + timedelta(minutes=1)) == []
        assert overdue(session, made, slot_and_more) == ["export:mailer"]
        assert overdue(session, slot_and_more, slot_and_more) == []


@pytest.fixture
def schedules(database: Database, settings: Settings) -> Callable[..., None]:
    from sqlalchemy.orm import Session

    from consentmgr.exports.schedules import NewSchedule, create
    from consentmgr.register.models import Controller

    def make(cron: str) -> None:
        with database.transaction() as session:
            assert isinstance(session, Session)
            session.add(Controller(key="acme", name="Acme Oy", is_default=True))
            session.flush()
            create(
                session,
                NewSchedule(
                    key="mailer",
                    partner="Postitalo Oy",
                    controller="acme",
                    content="suppressed",
                    channel="email",
                    purpose="direct_marketing",
                    topic=None,
                    campaign=None,
                    format="csv",
                    delta=False,
                    destination=f"folder:{settings.data_folder}",
                    cron=cron,
                ),
                address_key=b"k" * 32,
                actor="test",
                now=clock.now(),
            )

    return make
