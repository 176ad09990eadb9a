"""Slots are run once each, in order, whoever wants to run them; a partner that lags is told of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.due import due_slots, lagging
from consentmgr.exports.jobs import run_due, tell_alarms
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import acknowledge
from consentmgr.keys import Keys
from tests.exports.conftest import Take
from tests.exports.test_runs import OBJECTED, person
from tests.generators import NOW


def slots_of(database: Database, key: str, now: datetime) -> list[datetime]:
    with database.reading() as session:
        schedule = session.get(ExportSchedule, key)
        assert schedule is not None
        return due_slots(session, schedule, now)


def test_catching_up_takes_the_newest_or_all_or_none_too_old(
    take: Take, schedule: Callable[..., str], database: Database
) -> None:
    take([])
    later = NOW + timedelta(days=3)
    schedule("latest", cron="0 3 * * *")
    schedule("all", cron="0 3 * * *", catch_up="all")
    schedule("recent", cron="0 3 * * *", catch_up="all", skip_older_hours=30)
    assert len(slots_of(database, "latest", later)) == 1
    assert len(slots_of(database, "all", later)) == 3
    assert len(slots_of(database, "recent", later)) == 1
    assert slots_of(database, "all", NOW) == []


def test_a_days_slot_is_one_over_the_change_of_clocks(
    take: Take, schedule: Callable[..., str], database: Database
) -> None:
    take([])
    schedule("nightly", cron="30 3 * * *", catch_up="all")
    with database.transaction() as session:
        session.execute(text("UPDATE export_schedule SET created_at = '2026-03-27 12:00+00'"))
    due = slots_of(database, "nightly", datetime(2026, 3, 31, tzinfo=UTC))
    assert len(due) == 3


@pytest.mark.parametrize("schedulers", [4])
def test_many_schedulers_publish_each_slot_once(
    schedulers: int,
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    target: Path,
) -> None:
    take([person("objector", OBJECTED)])
    schedule("often", cron="* * * * *", catch_up="all")
    later = NOW + timedelta(minutes=8)
    errors: list[BaseException] = []

    def follow() -> None:
        try:
            while slots_of(database, "often", later):
                run_due(database, settings, keys, later)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=follow) for _ in range(schedulers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with database.reading() as session:
        runs = list(session.scalars(select(ExportRun).order_by(ExportRun.sequence)))
    assert [run.state for run in runs] == ["published"] * 8
    assert [run.slot for run in runs] == sorted(run.slot for run in runs if run.slot)
    assert len(list(target.glob("*.manifest.json"))) == 8


def test_a_partner_that_does_not_acknowledge_in_time_is_told_of(
    take: Take, schedule: Callable[..., str], database: Database, settings: Settings, keys: Keys
) -> None:
    take([person("objector", OBJECTED)])
    schedule(cron="0 3 * * *", most_lag_hours=5)
    assert run_due(database, settings, keys, NOW + timedelta(days=1)) == "1 published, 0 failed"
    published = datetime.now(UTC)
    with database.reading() as session:
        assert not lagging(session, published + timedelta(hours=4))
        ((found, run),) = lagging(session, published + timedelta(hours=6))
        assert (found.key, run.sequence) == ("mailer", 1)
    assert tell_alarms(database, settings, keys, published + timedelta(hours=6)).startswith("1 alarms stand")
    with database.transaction() as session:
        acknowledge(session, "mailer", 1, by="partner", actor="test", now=published)
    with database.reading() as session:
        assert not lagging(session, published + timedelta(hours=6))


def test_a_destination_that_is_away_keeps_no_other_schedule_waiting(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    tmp_path: Path,
    target: Path,
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    take([person("objector", OBJECTED)])
    schedule("a", cron="0 3 * * *", destination=f"folder:{away}")
    schedule("b", cron="0 3 * * *")
    away.rmdir()
    later = NOW + timedelta(days=1)
    assert run_due(database, settings, keys, later) == "1 published, 1 failed"
    away.mkdir()
    assert run_due(database, settings, keys, later) == "1 published, 0 failed"
    assert len(list(away.glob("*.manifest.json"))) == len(list(target.glob("*.manifest.json"))) == 1
