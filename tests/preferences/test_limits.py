"""Counting clients where every process sees it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from consentmgr.edge.limits import DOORS, Allowed, TooMany, TooOften, client_digest, count, forget_windows, hold
from consentmgr.edge.models import ClientCount

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys

NOW = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
SUBSCRIBE = next(door for door in DOORS if door.name == "subscribe")


def test_a_window_lets_so_many_in_and_the_next_begins_anew(database: Database, keys: Keys) -> None:
    client = client_digest("192.0.2.7", keys, NOW)
    with database.transaction() as session:
        answers = [count(session, "subscribe", client, NOW) for _ in range(SUBSCRIBE.most + 1)]
        assert answers == [*[Allowed()] * SUBSCRIBE.most, TooMany(400)]
        assert count(session, "link", client, NOW) == Allowed(), "another door"
        assert count(session, "subscribe", client_digest("192.0.2.8", keys, NOW), NOW) == Allowed(), "another client"
        assert count(session, "subscribe", client, NOW + timedelta(seconds=400)) == Allowed(), "the next window"


def test_the_count_is_exact_however_many_ask_at_once(database: Database, keys: Keys) -> None:
    client = client_digest("192.0.2.7", keys, NOW)

    def ask(_: int) -> bool:
        try:
            hold(database, "subscribe", client, NOW)
        except TooOften:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(SUBSCRIBE.most * 2))) == SUBSCRIBE.most


def test_what_is_kept_says_nothing_of_the_client(database: Database, keys: Keys) -> None:
    hold(database, "link", client_digest("192.0.2.7", keys, NOW), NOW)
    with database.transaction() as session:
        assert "192.0" not in str(session.scalars(text("SELECT row_to_json(c)::text FROM client_count c")).all())
    assert client_digest("192.0.2.7", keys, NOW) == client_digest("192.0.2.7", keys, NOW + timedelta(hours=1))
    assert client_digest("192.0.2.7", keys, NOW) != client_digest("192.0.2.7", keys, NOW + timedelta(days=1))


def test_windows_that_are_over_are_forgotten(database: Database, settings: Settings, keys: Keys) -> None:
    hold(database, "link", client_digest("192.0.2.7", keys, NOW), NOW)
    later = NOW + timedelta(days=2)
    hold(database, "link", client_digest("192.0.2.7", keys, later), later)
    assert forget_windows(database, settings, keys, later) == "1 counts forgotten"
    with database.transaction() as session:
        assert len(session.scalars(select(ClientCount)).all()) == 1


def test_a_door_that_is_not_in_the_table_is_a_mistake(database: Database, keys: Keys) -> None:
    with database.transaction() as session, pytest.raises(ValueError, match="no door"):
        count(session, "window", client_digest("192.0.2.7", keys, NOW), NOW)


def test_every_window_divides_a_day_and_leaving_has_no_limit() -> None:
    assert all(timedelta(days=1) % door.within == timedelta(0) for door in DOORS)
    assert "leave" not in {door.name for door in DOORS}
