"""Webhooks: none lost, each contact's in order, signed, tried again by the schedule, and never where they must not go."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import select

from consentmgr.audit.models import AuditEvent
from consentmgr.changes import feed, webhooks
from consentmgr.changes.delivering import IN_HAND, WAITS, deliver_due, deliverer_of
from consentmgr.changes.jobs import deliver_changes, forget_attempts
from consentmgr.changes.models import WebhookDelivery, WebhookEndpoint
from consentmgr.changes.webhooks import Shown, Wanted
from consentmgr.config import Settings
from consentmgr.consents.sight import Sight
from consentmgr.exports.alarms import sentence, standing_alarms, watch
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from tests.changes.conftest import Changing, act, person
from tests.changes.receivers import Receiver, in_order, receiving

HERE = (ip_network("127.0.0.0/8"),)


class Hooks:
    """Endpoints of the test's register."""

    def __init__(self, changing: Changing, settings: Settings, keys: Keys) -> None:
        self.changing = changing
        self.settings = replace(settings, private_destinations=HERE)
        self.keys = keys
        self.secret = ""

    def add(self, receiver: Receiver, **wanted: Any) -> int:
        asked = Wanted(**{"url": receiver.url, "controllers": None, **wanted})
        with self.changing.database.transaction() as session:
            endpoint, self.secret = webhooks.add(
                session, asked, address_key=self.keys.address_key, named=HERE, actor="test", now=clock.now()
            )
            return endpoint.id

    def deliver(self, now: datetime | None = None) -> None:
        deliver_due(self.changing.database, self.settings, self.keys, now or clock.now())

    def shown(self, endpoint_id: int) -> Shown:
        with self.changing.database.reading() as session:
            found = webhooks.shown(session, webhooks.found(session, endpoint_id))
            session.expunge_all()
            return found

    def move(self, endpoint_id: int, name: str, *arguments: Any, now: datetime | None = None, **more: Any) -> Any:
        """Call a service of ``webhooks`` on an endpoint."""
        with self.changing.database.transaction() as session:
            endpoint = webhooks.found(session, endpoint_id, lock=True)
            service = getattr(webhooks, name)
            return service(session, endpoint, *arguments, actor="test", now=now or clock.now(), **more)


@pytest.fixture
def hooks(changing: Changing, settings: Settings, keys: Keys) -> Hooks:
    return Hooks(changing, settings, keys)


def test_a_message_is_signed_and_says_what_happened_and_nothing_of_the_person(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.add(receiver)
        hooks.changing.take_well(person("aino", act("consent_withdrawn", note="kiitos ei")))
        hooks.deliver()
        (message,) = receiver.taken
    receiver.verify(message, hooks.secret)
    assert message.headers["content-type"] == "application/json"
    assert message.document["type"] == "consent_withdrawn"
    assert message.document["timestamp"] == message.document["data"]["at"]
    assert message.document["data"]["contact"]["ref"] == "crm:aino"
    assert b"posti.example" not in message.body
    assert b"kiitos" not in message.body


def test_a_receiver_that_fails_three_times_in_ten_gets_everything_in_each_contacts_order(hooks: Hooks) -> None:
    chance = random.Random(30)
    with receiving(lambda _: chance.choice((0, 500, 503)) if chance.random() < 0.3 else 200) as receiver:
        endpoint = hooks.add(receiver)
        for _ in range(25):
            hooks.changing.append(*[chance.randint(1, 12) for _ in range(4)])
        now = clock.now()
        while hooks.shown(endpoint).waiting:
            hooks.deliver(now)
            now += timedelta(hours=24)
        assert len(receiver.first_of_each()) == 100
        assert len(receiver.came) > 115
        assert in_order(receiver.taken)
        shown = hooks.shown(endpoint)
    assert (shown.state, shown.endpoint.delivered) == ("enabled", 100)
    with hooks.changing.database.reading() as session:
        attempts = webhooks.deliveries(session, endpoint, limit=1000)
        failed = webhooks.deliveries(session, endpoint, limit=1000, failed=True)
    assert len(attempts) == len(receiver.came)
    assert len(failed) == len(receiver.came) - len(receiver.taken)


def test_a_receiver_that_is_away_is_tried_by_the_schedule_and_then_disabled_with_an_alarm(
    hooks: Hooks, settings: Settings, keys: Keys
) -> None:
    database = hooks.changing.database
    with receiving(lambda _: 500) as receiver:
        endpoint = hooks.add(receiver)
        hooks.changing.append(1)
        now = clock.now()
        hooks.deliver(now)
        assert len(receiver.came) == 1
        for number, wait in enumerate(WAITS, start=1):
            assert hooks.shown(endpoint).state == "retrying"
            hooks.deliver(now + wait - timedelta(seconds=1))
            assert len(receiver.came) == number
            now += wait + timedelta(seconds=1)
            hooks.deliver(now)
            assert len(receiver.came) == number + 1
        shown = hooks.shown(endpoint)
        assert (shown.state, shown.endpoint.disabled_why, shown.endpoint.last_error) == (
            "disabled", "given_up", "answered 500",
        )  # fmt: skip
        watch(database, settings, keys, now)
        with database.reading() as session:
            (alarm,) = standing_alarms(session)
            assert receiver.url.split("/")[2] in sentence(alarm, "fi")
        hooks.deliver(now + timedelta(days=9))
        assert len(receiver.came) == 10

        receiver.answer = lambda _: 200
        hooks.move(endpoint, "enable", now=now)
        hooks.deliver(now)
        assert len(receiver.taken) == 1
        # The message has had the same id all the time.
        assert len({message.id for message in receiver.came}) == 1
        watch(database, settings, keys, now)
        with database.reading() as session:
            assert not standing_alarms(session)


def test_gone_disables_at_once_and_retry_after_is_heeded(hooks: Hooks) -> None:
    with receiving(lambda _: 410) as gone, receiving(lambda _: 429) as busy:
        busy.headers = {"Retry-After": "600"}
        first, second = hooks.add(gone), hooks.add(busy)
        hooks.changing.append(1)
        now = clock.now()
        hooks.deliver(now)
        assert hooks.shown(first).endpoint.disabled_why == "gone"
        hooks.deliver(now + timedelta(seconds=590))
        assert len(busy.came) == 1
        hooks.deliver(now + timedelta(seconds=605))
        assert len(busy.came) == 2
        assert hooks.shown(second).state == "retrying"


def test_one_that_fails_and_one_that_is_slow_hold_up_nobody_else(hooks: Hooks) -> None:
    others_had_all = threading.Event()

    def slowly(_: int) -> int:
        assert others_had_all.wait(8)
        return 200

    with receiving() as well, receiving(lambda _: 500) as failing, receiving(slowly) as slow:
        for receiver in (slow, failing, well):
            hooks.add(receiver)
        hooks.changing.append(1, 2, 3)
        deliver_changes(hooks.changing.database, hooks.settings, hooks.keys, clock.now())
        well.wait_for(3)
        assert not slow.taken
        others_had_all.set()
        slow.wait_for(3)
        deliverer_of(hooks.changing.database, hooks.settings, hooks.keys).wait()


def test_an_endpoint_gets_its_own_controllers_and_types_from_when_it_was_made(hooks: Hooks) -> None:
    hooks.changing.take_well(person("before", act("consent_given")))
    with receiving() as receiver:
        endpoint = hooks.add(receiver, controllers=frozenset({"acme"}), types=frozenset({"objected", "consent_given"}))
        hooks.changing.take_well(
            person("aino", act("consent_given"), act("consent_refused", 3)),
            person("birger", act("consent_given", controller="beta"), controllers=["beta"]),
        )
        hooks.deliver()
        told = [(one.document["type"], one.document["data"]["contact"]["ref"]) for one in receiver.taken]
        assert told == [("consent_given", "crm:aino")]
        assert hooks.shown(endpoint).waiting == 0


def test_a_new_secret_signs_beside_the_old_one_until_its_time_is_over(hooks: Hooks) -> None:
    with receiving() as receiver:
        endpoint = hooks.add(receiver)
        old = hooks.secret
        now = clock.now()
        new = hooks.move(endpoint, "rotate", now=now, address_key=hooks.keys.address_key, overlap=timedelta(hours=1))
        hooks.changing.append(1)
        hooks.deliver(now)
        receiver.verify(receiver.taken[0], old, new)
        hooks.changing.append(1)
        hooks.deliver(now + timedelta(hours=2))
        assert receiver.taken[1].headers["webhook-signature"].count("v1,") == 1
    assert old not in repr(hooks.shown(endpoint))
    with hooks.changing.database.reading() as session:
        stored = session.scalar(select(WebhookEndpoint.secrets))
        audited = str([row.detail for row in session.scalars(select(AuditEvent))])
    assert new.encode() not in bytes(stored or b"")
    assert new not in audited


def test_a_replay_sends_the_same_messages_under_the_same_ids(hooks: Hooks) -> None:
    with receiving() as receiver:
        endpoint = hooks.add(receiver)
        with hooks.changing.database.reading() as session:
            begun = feed.end(session)
        hooks.changing.append(1, 2, 1, 3)
        hooks.deliver()
        hooks.move(endpoint, "replay", begun)
        assert hooks.shown(endpoint).waiting == 4
        hooks.deliver()
        ids = [message.id for message in receiver.taken]
        assert ids[:4] == ids[4:]
        hooks.move(endpoint, "disable")
        hooks.changing.append(1)
        hooks.deliver()
        assert len(receiver.taken) == 8


def test_whoever_was_killed_while_delivering_is_followed_by_another(hooks: Hooks, environment: dict[str, str]) -> None:
    with receiving() as receiver:
        endpoint = hooks.add(receiver)
        hooks.changing.append(*[1 + number % 7 for number in range(400)])
        process = subprocess.Popen(
            [sys.executable, "-m", "consentmgr", "jobs", "run", "deliver-changes"],
            env={**environment, "CONSENTMGR_PRIVATE_DESTINATIONS": "127.0.0.0/8", "PYTHONPATH": ":".join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        receiver.wait_for(60)
        process.kill()
        process.wait()
        assert len(receiver.taken) < 400
        shown = hooks.shown(endpoint)
        assert 0 < shown.waiting <= 400
        hooks.deliver()
        # It is in the hands of the one that died until that time is over.
        later = clock.now() + IN_HAND + timedelta(seconds=1)
        for _ in range(40):
            # On a busy machine a turn ends before everything is told, and the next goes on.
            hooks.deliver(later)
            if hooks.shown(endpoint).waiting == 0:
                break
        assert len(receiver.first_of_each()) == 400
        assert in_order(receiver.first_of_each())
        assert hooks.shown(endpoint).waiting == 0


def test_changes_reach_an_idle_receiver_within_a_second_of_the_commit(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.add(receiver)
        took = []
        for number in range(4):
            hooks.changing.append(number + 1)
            committed = clock.now()
            while len(receiver.taken) <= number:
                deliver_changes(hooks.changing.database, hooks.settings, hooks.keys, clock.now())
            took.append(receiver.taken[number].at - committed)
        deliverer_of(hooks.changing.database, hooks.settings, hooks.keys).wait()
    assert min(took) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://partner.example/hook", "https"),
        ("https://user:secret@partner.example/hook", "plain web address"),
        ("https://127.0.0.1/hook", "private network"),
        ("https://[::1]/hook", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://no-such-host.invalid/", "no address"),
        ("ftp://partner.example", "https"),
    ],
)
def test_an_address_that_may_not_be_reached_is_refused_before_it_is_kept(hooks: Hooks, url: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as refused, hooks.changing.database.transaction() as session:
        webhooks.add(
            session, Wanted(url=url, controllers=None), address_key=hooks.keys.address_key, named=(), actor="test",
            now=clock.now(),
        )  # fmt: skip
    assert refused.value.field == "url"


def test_a_receiver_that_became_private_or_sends_on_is_not_followed(hooks: Hooks) -> None:
    with receiving(lambda _: 307) as receiver:
        receiver.headers = {"Location": "http://127.0.0.1:1/elsewhere"}
        endpoint = hooks.add(receiver)
        hooks.changing.append(1)
        now = clock.now()
        hooks.deliver(now)
        assert "not followed" in (hooks.shown(endpoint).endpoint.last_error or "")
        hooks.settings = replace(hooks.settings, private_destinations=())
        hooks.deliver(now + timedelta(minutes=1))
        assert "private network" in (hooks.shown(endpoint).endpoint.last_error or "")
        assert len(receiver.came) == 1


def test_whoever_works_for_one_controller_sees_no_endpoint_of_others(hooks: Hooks) -> None:
    with receiving() as receiver:
        everything, of_acme = hooks.add(receiver), hooks.add(receiver, controllers=frozenset({"acme"}))
    acme, beta = Sight(frozenset({"acme"})), Sight(frozenset({"beta"}))
    with hooks.changing.database.reading() as session:
        assert [one.endpoint.id for one in webhooks.listed(session, acme)] == [of_acme]
        assert [one.endpoint.id for one in webhooks.listed(session)] == [everything, of_acme]
        for hidden in (everything, of_acme):
            with pytest.raises(NotFound):
                webhooks.found(session, hidden, beta)


def test_attempts_of_long_ago_are_forgotten(hooks: Hooks, settings: Settings, keys: Keys) -> None:
    database = hooks.changing.database
    with receiving() as receiver:
        hooks.add(receiver)
        hooks.changing.append(1, 2)
        hooks.deliver()
    assert forget_attempts(database, settings, keys, clock.now() + timedelta(days=31)) == "2 attempts forgotten"
    with database.reading() as session:
        assert session.scalar(select(WebhookDelivery.id)) is None
