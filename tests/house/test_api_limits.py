"""How many requests a caller may make: shared between processes, told in headers, with hardly a write."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.allowances import Allowances
from consentmgr.kit import clock
from tests.application import NOTES, application
from tests.staff.api_calling import ApiCalling

NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize("most", [1, 7, 60, 1_000])
def test_a_caller_gets_its_requests_of_a_minute_and_not_one_more(database: Database, most: int) -> None:
    allowances = Allowances(most)
    assert [allowances.take(database, "key:1", NOON).allowed for _ in range(most + 5)] == [True] * most + [False] * 5
    assert allowances.take(database, "key:2", NOON).allowed
    assert allowances.take(database, "key:1", NOON + timedelta(minutes=1)).allowed


def test_processes_share_the_minute(database: Database) -> None:
    processes = [Allowances(600) for _ in range(3)]
    allowed = sum(processes[number % 3].take(database, "key:1", NOON).allowed for number in range(900))
    # What a process holds when the others have taken the rest it gives out itself.
    assert 600 - 3 * (600 // 50) <= allowed <= 600


def test_threads_share_the_minute(database: Database) -> None:
    allowances = Allowances(200)
    with ThreadPoolExecutor(8) as threads:
        allowed = sum(threads.map(lambda _: allowances.take(database, "key:1", NOON).allowed, range(400)))
    assert allowed <= 200
    assert allowed >= 200 - 8 * (200 // 50)


def test_hardly_any_request_writes(database: Database) -> None:
    written: list[Any] = []

    def note(connection: Any) -> None:
        written.append(connection)

    event.listen(database.engine, "commit", note)
    try:
        allowances = Allowances(30_000)
        for _ in range(3_000):
            allowances.take(database, "key:1", NOON)
    finally:
        event.remove(database.engine, "commit", note)
    assert len(written) <= 6


def test_what_is_left_and_until_when_is_told(database: Database) -> None:
    allowances = Allowances(100)
    told = [allowances.take(database, "key:1", NOON) for _ in range(100)]
    assert [(one.limit, one.remaining, one.reset) for one in (told[0], told[1], told[-1])] == [
        (100, 99, 50), (100, 98, 50), (100, 0, 50)
    ]  # fmt: skip


def test_a_new_minute_leaves_one_row_a_caller(database: Database) -> None:
    allowances = Allowances(100)
    for minute in range(5):
        allowances.take(database, "key:1", NOON + timedelta(minutes=minute))
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM api_allowance")) == 1


@pytest.fixture
def few(settings: Settings, database: Database) -> Iterator[ApiCalling]:
    with application(replace(settings, api_rate=3), database, NOTES) as app:
        yield ApiCalling(app, database)


def test_beyond_the_limit_the_answer_is_429_with_when_to_come_back(
    few: ApiCalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now().replace(second=20, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    client, other = few(), few()
    answers = [client.get("/notes/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"key";r={left};t=40' for left in (2, 1, 0, 0)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"key";q=3;w=60'}
    assert answers[-1].headers["Retry-After"] == "40"
    assert answers[-1].json["type"] == "urn:consentmgr:problem:too-many-requests"
    assert answers[-1].mimetype == "application/problem+json"
    assert other.get("/notes/me").status_code == 200


def test_three_hundred_questions_a_second_pass_by_default(settings: Settings) -> None:
    assert settings.api_rate >= 300 * 60
