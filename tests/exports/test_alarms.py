"""Alarms: told once a day until it is mended, by mail and by a signed webhook, and never twice for one trouble."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from standardwebhooks.webhooks import Webhook

from consentmgr.config import Settings, load_settings
from consentmgr.db import Database
from consentmgr.exports.alarms import ALARMS, sentence, watch
from consentmgr.exports.jobs import run_due
from consentmgr.exports.models import Alarm
from consentmgr.exports.runs import acknowledge
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.errors import UnsafeSetting
from consentmgr.mail.jobs import send_mail
from consentmgr.timetable.heartbeats import beat
from consentmgr.timetable.models import JobRun
from tests.exports.conftest import Run, Take
from tests.exports.test_destinations import HERE, receiving
from tests.exports.test_runs import OBJECTED, person
from tests.mail.loopback import LoopbackServer

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
A_DAY = timedelta(days=1)


def alarms(database: Database) -> dict[str, bool]:
    """Each alarm by kind and subject, and whether it stands."""
    with database.reading() as session:
        return {f"{row.kind} {row.subject}": row.resolved_at is None for row in session.scalars(select(Alarm))}


def test_a_partner_that_lags_is_told_of_once_a_day_until_it_acknowledges(
    take: Take,
    schedule: Callable[..., str],
    run: Run,
    database: Database,
    mail_settings: Settings,
    keys: Keys,
    smtp: LoopbackServer,
) -> None:
    settings = replace(mail_settings, alarm_mail="valvonta@acme.example", language="fi")
    take([person("objector", OBJECTED)])
    schedule(most_lag_hours=5)
    run()
    start = clock.now()

    def mails_after(hours: float) -> int:
        now = start + timedelta(hours=hours)
        watch(database, settings, keys, now)
        send_mail(database, settings, keys, now)
        return len(smtp.box.received)

    assert mails_after(4) == 0
    assert mails_after(6) == 1
    assert [mails_after(hours) for hours in (6.1, 7, 20, 29.9)] == [1, 1, 1, 1]
    assert mails_after(30.1) == 2
    text = smtp.box.received[0].text
    assert "Postitalo Oy ei ole 5 tunnissa kuitannut, että aikataulun mailer ajo 1 on käytössä." in text
    assert smtp.box.received[0].recipients == ["valvonta@acme.example"]
    with database.transaction() as session:
        acknowledge(session, "mailer", 1, by="test", actor="test", now=start)
    assert mails_after(100) == 2
    assert alarms(database) == {"partner_lag mailer": False}
    run()
    # It is another trouble now, and told at once.
    assert mails_after(101) == 3


def test_a_run_that_failed_is_told_of_and_over_when_it_was_done(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    settings: Settings,
    keys: Keys,
    tmp_path: Path,
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    take([person("objector", OBJECTED)])
    schedule(cron="0 3 * * *", destination=f"folder:{away}")
    away.rmdir()
    later = clock.now() + A_DAY
    run_due(database, settings, keys, later)
    watch(database, settings, keys, later)
    assert alarms(database) == {"failed_run export:mailer": True}
    away.mkdir()
    run_due(database, settings, keys, later)
    watch(database, settings, keys, later)
    assert alarms(database) == {"failed_run export:mailer": False}


def test_a_job_that_failed_and_a_slot_that_is_overdue_are_told_of(
    database: Database, settings: Settings, keys: Keys
) -> None:
    now = clock.now()
    with database.engine.begin() as connection:
        connection.execute(
            insert(JobRun).values(
                job="forget-mail", slot=now, started_at=now, finished_at=now, outcome="failed: E at f:1"
            )
        )
        beat(connection, "one", started_at=now, overdue=["job:flag-bursts", "export:mailer"], now=now)
    watch(database, settings, keys, now)
    assert alarms(database) == {
        "failed_run job:forget-mail": True,
        "overdue_slot job:flag-bursts": True,
        "overdue_slot export:mailer": True,
    }


def test_a_webhook_is_signed_repeated_while_it_is_away_and_told_when_it_is_over(
    database: Database, settings: Settings, keys: Keys
) -> None:
    now = clock.now()
    with database.engine.begin() as connection:
        beat(connection, "one", started_at=now, overdue=["export:mailer"], now=now)
    with receiving() as receiver:
        there = replace(settings, alarm_webhook=receiver.url, alarm_secret=SECRET, private_destinations=HERE)
        receiver.failing = lambda: True
        watch(database, there, keys, now)
        receiver.failing = lambda: False
        for minutes in (1, 2, 60):
            watch(database, there, keys, now + timedelta(minutes=minutes))
        with database.engine.begin() as connection:
            beat(connection, "one", started_at=now, overdue=[], now=now + timedelta(hours=2))
        for hours in (2, 3):
            watch(database, there, keys, now + timedelta(hours=hours))
    taken = [_verified(headers, body) for _, headers, body in receiver.requests]
    # The first attempt was answered with an error, so it was made again; what was taken is not repeated.
    assert [one["type"] for one in taken] == ["alarm.raised", "alarm.resolved"]
    assert taken[0]["data"]["kind"] == "overdue_slot"
    assert taken[0]["data"]["subject"] == "export:mailer"


def _verified(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What a webhook said; its signature is of another time than now, so only the signature is looked at."""
    told = {name.lower(): value for name, value in headers.items()}
    moment = int(told["webhook-timestamp"])
    wanted = Webhook(SECRET).sign(told["webhook-id"], datetime.fromtimestamp(moment, UTC), body.decode())
    assert told["webhook-signature"] == wanted
    found: dict[str, Any] = json.loads(body)
    return found


def test_every_kind_of_alarm_is_said_in_three_languages() -> None:
    detail = {"partner": "Postitalo Oy", "sequence": 3, "hours": 5, "outcome": "failed", "host": "crm.acme.example"}
    detail["day"] = "2026-12-01"
    for kind in ALARMS:
        said = {sentence(Alarm(kind=kind.name, subject="mailer", detail=detail), language) for language in kind.says}
        assert len(said) == 3
        assert all("mailer" in one and "{" not in one for one in said)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSENTMGR_ALARM_MAIL", "Valvonta <a@x.example>"),
        ("CONSENTMGR_ALARM_WEBHOOK", "http://alarms.example/x"),
        ("CONSENTMGR_ALARM_WEBHOOK", "https://user:secret@alarms.example/x"),
        ("CONSENTMGR_ALARM_SECRET", "https://alarms.example"),
    ],
)
def test_settings_of_alarms_that_cannot_work_are_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    given = {"CONSENTMGR_DATA": str(tmp_path), "CONSENTMGR_ALARM_SECRET": SECRET, name: value}
    if name == "CONSENTMGR_ALARM_SECRET":
        given["CONSENTMGR_ALARM_WEBHOOK"] = "https://alarms.example/x"
    with pytest.raises(UnsafeSetting, match=name) as refused:
        load_settings(given)
    assert value not in str(refused.value)
