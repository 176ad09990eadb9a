"""A set told from what changed is the set as it is asked for whole, whatever changed and whoever writes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.exports.content import gather
from consentmgr.exports.models import ExportRun
from consentmgr.exports.runs import acknowledge, run_schedule, schedule_of
from consentmgr.importing.merging import merge
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from tests.exports.conftest import Take
from tests.exports.test_runs import OBJECTED, person
from tests.generators import NOW, world

LIFTED = {"event": "objection_lifted", "at": "2026-10-20T10:00:00+03:00", "method": "phone", "reason": "asked"}
#: As a merged contact's words are weighed: after the objection, by the person.
CONSENTED = {
    "event": "consent_given",
    "at": "2026-10-10T10:00:00+03:00",
    "method": "web_form",
    "controller": "acme",
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "notice": "signup/1/fi",
}
NOTICE = {
    "type": "notice",
    "key": "signup",
    "version": 1,
    "language": "fi",
    "text": "Saa lähettää.",
    "controllers": ["acme"],
    "channels": ["email"],
    "purposes": ["direct_marketing"],
}


class Delta:
    """One delta schedule, run again and again, and held against the whole set after each run."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self.database, self.settings, self.keys = database, settings, keys

    def run(self, key: str = "mailer", now: datetime = NOW, **asked: bool) -> bool:
        """Whether the set was told from what changed."""
        done = run_schedule(
            self.database, self.settings, self.keys, key, actor="test", claimed_by="test", now=now, **asked
        )
        assert done is not None
        with self.database.transaction() as session:
            acknowledge(session, key, done.sequence, by="partner", actor="test", now=now)
            run = session.scalars(
                select(ExportRun).where(ExportRun.schedule == key, ExportRun.sequence == done.sequence)
            ).one()
            assert run.whole_at is not None
            last = session.scalar(
                select(ExportRun.whole_at).where(ExportRun.schedule == key, ExportRun.sequence == done.sequence - 1)
            )
            # A whole set names its own moment; every run here has another one.
            return last is not None and run.whole_at == last

    def is_whole(self, key: str = "mailer", now: datetime = NOW) -> None:
        """The stored set is what the whole question finds; so is what is kept of those that were weighed."""
        engine = self.database.engine.execution_options(isolation_level="REPEATABLE READ")
        with Session(engine) as session:
            address_keys = AddressKeys(self.keys.address_key, self.keys.address_key_id)
            gather(session, schedule_of(session, key), keys=address_keys, now=now)
            connection = driver_connection(session)

            def keys_of(rows: str) -> list[object]:
                return [row[0] for row in connection.execute(f"SELECT address_key FROM {rows}".encode(), {"key": key})]

            kept = keys_of("exported_entry WHERE to_seq IS NULL AND schedule = %(key)s")
            assert sorted(kept, key=str) == sorted(keys_of("export_now"), key=str)
            # An erased person's address that was weighed and stayed is not weighed any more once it is in the set.
            assert {*keys_of("weighed_now")} <= {*keys_of("export_weighed WHERE schedule = %(key)s")}
            session.rollback()


@pytest.fixture
def delta(database: Database, settings: Settings, keys: Keys) -> Delta:
    return Delta(database, settings, keys)


@pytest.mark.parametrize("seed", [0, *(pytest.param(other, marks=pytest.mark.slow) for other in range(1, 6))])
def test_what_changed_is_told_as_the_whole_set_would_be(
    seed: int, take: Take, schedule: Callable[..., str], delta: Delta
) -> None:
    made = world(seed).documents
    third = len(made) // 3
    take(made[:third])
    channels = ("email", "phone", "post")
    for channel in channels:
        schedule(channel, channel=channel, delta=True, format="postal" if channel == "post" else "csv")
    chance = Random(seed)
    now = NOW
    places = sorted({third, *(chance.randrange(third, len(made)) for _ in range(4)), len(made)})
    for begin, end in [(0, 0), *pairwise(places), (0, 0)]:
        take(made[begin:end])
        now += timedelta(seconds=1) if chance.random() < 0.6 else timedelta(days=chance.choice((1, 2)))
        for channel in channels:
            delta.run(channel, now)
            delta.is_whole(channel, now)
    # Nothing has changed in what is asked by.
    now += timedelta(seconds=1)
    assert delta.run("email", now)


def _address(name: str, **words: Any) -> dict[str, Any]:
    return {"type": "prohibition", "target": {"email": f"{name}@x.example"}, "source": "self", **words}


def test_each_kind_of_change_is_found(
    take: Take, schedule: Callable[..., str], delta: Delta, database: Database, keys: Keys
) -> None:
    shared = person("one")["points"]
    phone = {"channel": "phone", "value": "+358401234567"}
    take(
        [
            NOTICE,
            *(person(name) for name in ("free", "later", "moves", "ended", "known")),
            person("objector", OBJECTED),
            person("loser", OBJECTED),
            person("survivor"),
            person("leaver", OBJECTED),
            person("weighed", OBJECTED, CONSENTED),
            {**person("one", OBJECTED), "points": [*shared, phone]},
            {**person("two"), "points": [*shared, {"channel": "email", "value": "two@x.example"}]},
            _address("later", valid_from="2026-11-25"),
            _address("ended", valid_until="2026-11-24"),
        ]
    )
    schedule(delta=True)
    now = NOW
    assert not delta.run(now=now)
    delta.is_whole(now=now)

    def changed(*documents: dict[str, Any]) -> None:
        nonlocal now
        now += timedelta(seconds=1)
        take(documents)
        assert delta.run(now=now)
        delta.is_whole(now=now)

    changed()
    changed(_address("free"))
    changed({"type": "event", "contact": "objector", **LIFTED})
    changed({"type": "prohibition", "target": {"phone": "+358401234567"}, "source": "self"})
    changed({"type": "event", "contact": "one", **LIFTED})
    changed({"type": "prohibition", "target": {"contact": "two"}, "source": "self"})
    changed({"type": "event", "contact": "leaver", "event": "erased", "at": "2026-10-30T10:00:00+02:00"})
    changed({**person("known"), "deceased_on": "2026-01-01"})
    changed({**person("moves"), "points": [{"channel": "email", "value": "moves@x.example", "state": "hard_bounce"}]})
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    with database.transaction() as session:
        merge(session, "loser", into="survivor", reason="one person", keys=address_keys, actor="test", now=now)
    changed()
    # Addresses that are taken away by whatever statement, and that nobody is then known to have had.
    with database.transaction() as session:
        session.execute(
            text(
                "DELETE FROM contact_point WHERE contact_id IN (SELECT id FROM contact WHERE ref IN ('moves', 'known'))"
            )
        )
    changed()
    for _ in range(5):
        now += timedelta(days=1)
        assert delta.run(now=now)
        delta.is_whole(now=now)
    # After a week it is asked for whole, and so it is when something it is asked by has changed.
    now += timedelta(days=3)
    assert not delta.run(now=now)
    changed()
    take([{"type": "organisation", "ref": "firm", "name": "Firma Oy", "domains": ["x.example"]}])
    changed({"type": "organisation", "ref": "other", "name": "Toinen Oy", "domains": ["y.example"]})
    for document in (
        {"type": "prohibition", "target": {"domain": "x.example"}, "source": "organisation"},
        {"type": "organisation", "ref": "third", "name": "Kolmas Oy", "domains": ["z.example"]},
    ):
        now += timedelta(seconds=1)
        take([document])
        assert not delta.run(now=now)
        delta.is_whole(now=now)
        changed(person(f"after-{len(document)}"))


def test_a_full_list_too_is_told_from_what_changed_and_anew_when_somebody_asks(
    take: Take, schedule: Callable[..., str], delta: Delta, database: Database
) -> None:
    take([person("free"), person("objector", OBJECTED), person("other", OBJECTED)])
    schedule()
    schedule(key := "deltas", delta=True)
    assert not delta.run(now=NOW)
    assert not delta.run(key, NOW)
    take([_address("free")])
    now = NOW + timedelta(seconds=1)
    assert delta.run(now=now)
    delta.is_whole(now=now)
    assert delta.run(key, now, full=True)
    delta.is_whole(key, now)
    # What was put right behind the register's back has no transaction that tells of it.
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE standing SET state = 'objection_lifted'"
                " WHERE contact_id = (SELECT id FROM contact WHERE ref = 'other')"
            )
        )
    now += timedelta(seconds=1)
    assert delta.run(now=now)
    assert not delta.run(now=now + timedelta(seconds=1), anew=True)
    delta.is_whole(now=now + timedelta(seconds=1))


def test_writers_that_go_on_meanwhile_are_found_by_the_next_run(
    take: Take, schedule: Callable[..., str], delta: Delta, database: Database
) -> None:
    """A transaction that began before a set was stored and is committed after it, beside some that began later."""
    take([person(f"p{number}", *([OBJECTED] if number % 2 else [])) for number in range(40)])
    schedule(delta=True)
    now = NOW
    delta.run(now=now)
    for number in range(4):
        begun, stored = threading.Event(), threading.Event()

        def write(number: int = number, begun: threading.Event = begun, stored: threading.Event = stored) -> None:
            with database.transaction() as session:
                session.execute(
                    text(
                        "UPDATE contact SET deceased_on = '2026-01-01', changed_xid = pg_current_xact_id()"
                        " WHERE ref = :ref"
                    ),
                    {"ref": f"p{number * 4}"},
                )
                session.execute(
                    text("DELETE FROM contact_point WHERE contact_id = (SELECT id FROM contact WHERE ref = :ref)"),
                    {"ref": f"p{number * 4 + 1}"},
                )
                begun.set()
                assert stored.wait(30)

        writer = threading.Thread(target=write)
        writer.start()
        assert begun.wait(30)
        take([_address(f"p{number * 4 + 2}")])
        now += timedelta(seconds=1)
        assert delta.run(now=now)
        delta.is_whole(now=now)
        stored.set()
        writer.join()
        now += timedelta(seconds=1)
        assert delta.run(now=now)
        delta.is_whole(now=now)
