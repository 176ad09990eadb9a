"""Leaving by a link: durable before it is told, exact in its scope, taken back exactly, and never falsely done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from consentmgr.config import Settings
from consentmgr.consents.verification import verify
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.leave_state import leave_state, masked_address
from consentmgr.preferences.leaving import LeavingDesk, Left
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.prohibitions import opt_outs
from consentmgr.prohibitions.journal_taken import journal_folder
from tests.preferences.leavers import NOW, Leavers, person

AINO = "aino@posti.example"
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def leavers(database: Database, settings: Settings, keys: Keys) -> Leavers:
    return Leavers(database, settings, keys)


@pytest.fixture
def desk(leavers: Leavers) -> Iterator[LeavingDesk]:
    desk = LeavingDesk(leavers.database, leavers.settings, leavers.keys)
    yield desk
    desk.close()


def test_leaving_a_newsletter_bans_that_newsletter_at_that_address(leavers: Leavers, desk: LeavingDesk) -> None:
    left = desk.leave(leavers.link(), method="one_click", now=NOW)
    (ban,) = leavers.bans(AINO)
    assert left == Left(already=False, prohibition_ids=(ban.id,), undo_until=date(2026, 12, 2))
    assert (ban.target_kind, ban.source, ban.channels, ban.topics, ban.controllers, ban.purposes) == (
        "email", "self", [], ["news"], ["acme"], [],
    )  # fmt: skip
    assert ban.recorded_at == NOW


@pytest.mark.parametrize(
    ("fields", "channels", "topics", "controllers"),
    [
        ({"scope": "channel", "topic": None}, ["email"], [], ["acme"]),
        ({"scope": "all", "topic": None}, [], [], ["acme"]),
        ({"topic": "gone"}, [], [], ["acme"]),
        ({"controller": "gone", "scope": "channel", "topic": None}, ["email"], [], []),
        ({"controller": "gone", "topic": "gone"}, [], [], []),
        ({"campaign": None}, [], ["news"], ["acme"]),
        ({"contact_id": None}, [], ["news"], ["acme"]),
        ({"contact_id": 987654321}, [], ["news"], ["acme"]),
    ],
)
def test_the_scope_is_that_of_the_token_or_wider_where_its_part_is_gone(
    leavers: Leavers,
    desk: LeavingDesk,
    fields: dict[str, Any],
    channels: list[str],
    topics: list[str],
    controllers: list[str],
) -> None:
    desk.leave(leavers.link(**fields), method="page", now=NOW)
    (ban,) = leavers.bans(AINO)
    assert (ban.channels, ban.topics, ban.controllers) == (channels, topics, controllers)


def test_a_link_mailed_twenty_years_ago_leaves(leavers: Leavers, desk: LeavingDesk) -> None:
    mailed = leavers.link_keys.mint(leavers.link(topic="gone"))
    years_later = NOW + timedelta(days=20 * 365)
    opened = link_keys(leavers.settings).open(LinkUse.LEAVE, mailed)
    left = desk.leave(opened, method="one_click", now=years_later)
    assert not left.already
    (ban,) = leavers.bans(AINO)
    assert (ban.recorded_at, ban.controllers) == (years_later, ["acme"])


def test_repeating_it_adds_nothing_and_says_so(leavers: Leavers, desk: LeavingDesk) -> None:
    first = desk.leave(leavers.link(), method="one_click", now=NOW)
    again = desk.leave(leavers.link(), method="page", now=LATER)
    assert again == replace(first, already=True)
    assert leavers.value("SELECT count(*) FROM prohibition") == 1


def test_many_that_leave_by_one_link_at_once_make_one_prohibition(leavers: Leavers) -> None:
    desks = [LeavingDesk(leavers.database, leavers.settings, leavers.keys) for _ in range(2)]
    link, together, answers = leavers.link(), Barrier(8), []

    def leave(desk: LeavingDesk) -> None:
        together.wait()
        answers.append(desk.leave(link, method="one_click", now=NOW))

    threads = [Thread(target=leave, args=(desks[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for desk in desks:
        desk.close()
    assert len(answers) == 8
    assert len({answer.prohibition_ids for answer in answers}) == 1
    assert sum(not answer.already for answer in answers) == 1
    assert leavers.value("SELECT count(*) FROM prohibition") == 1


def test_a_contact_that_has_the_address_no_more_is_banned_too(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link(address="aino@old.example")
    left = desk.leave(link, method="page", now=NOW)
    on_address, on_contact = leavers.bans("aino@old.example", refs=("crm:aino",))
    assert (on_address.target_kind, on_contact.contact_ref) == ("email", "crm:aino")
    assert left.prohibition_ids == (on_address.id, on_contact.id)
    assert desk.undo(link, now=LATER)
    assert leavers.bans("aino@old.example", refs=("crm:aino",)) == []


def test_an_erased_person_leaves_by_the_address_that_was_kept(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    leavers.erase("aino")
    desk.leave(link, method="one_click", now=LATER)
    (ban,) = leavers.bans(AINO, refs=("crm:aino",))
    assert ban.target_kind == "email"


def test_a_link_without_an_address_bans_the_contact(leavers: Leavers, desk: LeavingDesk) -> None:
    desk.leave(leavers.link(address_key=None), method="page", now=NOW)
    (ban,) = leavers.bans(refs=("crm:aino",))
    assert ban.topics == ["news"]


def test_undo_lifts_what_this_link_added_and_nothing_else(leavers: Leavers, desk: LeavingDesk) -> None:
    older = {"type": "prohibition", "target": {"email": AINO}, "source": "self", "channels": ["email"]}
    leavers.take(older, now=NOW - timedelta(days=3))
    other = leavers.link(campaign="spring", scope="channel", topic=None)
    link = leavers.link()
    desk.leave(other, method="page", now=NOW)
    desk.leave(link, method="page", now=NOW)
    assert len(leavers.bans(AINO)) == 3
    assert desk.undo(link, now=LATER)
    assert [(ban.channels, ban.controllers) for ban in leavers.bans(AINO)] == [(["email"], []), (["email"], ["acme"])]
    assert not desk.undo(link, now=LATER + timedelta(minutes=1))


def test_a_leave_that_another_link_made_already_is_not_this_links_to_undo(leavers: Leavers, desk: LeavingDesk) -> None:
    desk.leave(leavers.link(campaign="spring"), method="page", now=NOW)
    left = desk.leave(leavers.link(), method="page", now=LATER)
    assert (left.already, left.undo_until) == (True, None)
    assert not desk.undo(leavers.link(), now=LATER)
    assert len(leavers.bans(AINO)) == 1


@pytest.mark.parametrize(("days", "undone"), [(30, True), (31, False)])
def test_undo_is_for_thirty_days(leavers: Leavers, desk: LeavingDesk, days: int, undone: bool) -> None:
    desk.leave(leavers.link(), method="page", now=NOW)
    assert desk.undo(leavers.link(), now=NOW + timedelta(days=days)) is undone


def test_leaving_after_an_undo_makes_a_new_prohibition(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    first = desk.leave(link, method="page", now=NOW)
    desk.undo(link, now=LATER)
    second = desk.leave(link, method="page", now=LATER + timedelta(minutes=1))
    assert not second.already
    assert second.prohibition_ids != first.prohibition_ids
    assert [ban.id for ban in leavers.bans(AINO)] == list(second.prohibition_ids)


def test_a_distrusted_link_leaves_and_takes_nothing_back(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    distrusted = replace(link, distrusted=True)
    assert not desk.leave(distrusted, method="one_click", now=NOW).already
    assert not desk.undo(distrusted, now=LATER)
    desk.tell_reason(distrusted, "other", now=LATER)
    assert leavers.rows("SELECT * FROM leave_reason") == []
    assert len(leavers.bans(AINO)) == 1


def test_a_reason_is_one_of_those_offered_and_the_last_counts(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    desk.tell_reason(link, "other", now=NOW)
    left = desk.leave(link, method="page", now=NOW)
    desk.tell_reason(link, "too_many", now=LATER)
    desk.tell_reason(link, "never_asked", now=LATER)
    assert leavers.rows("SELECT prohibition_id, reason FROM leave_reason") == [(left.prohibition_ids[0], "never_asked")]
    with pytest.raises(BadInput):
        desk.tell_reason(link, "because I say so", now=LATER)


def _acts_of_many(leavers: Leavers) -> list[Link]:
    """Of enough people to be sent in a pipeline; of two scopes, and of an address its contact has no more."""
    links = [leavers.link(address=f"person.{number}@posti.example", contact_id=None) for number in range(6)]
    whole = [replace(link, scope="channel", topic=None) for link in links[:3]]
    return [*links, *whole, leavers.link(address="aino@old.example")]


def test_many_that_leave_at_once_leave_as_each_would_alone(leavers: Leavers, desk: LeavingDesk) -> None:
    links = _acts_of_many(leavers)
    left = desk.leave_all(links, method="one_click", now=NOW)
    again = desk.leave_all(links, method="one_click", now=LATER)
    assert [len(one.prohibition_ids) for one in left] == [1] * 9 + [2]
    assert again == [replace(one, already=True) for one in left]
    alone = [desk.leave(link, method="page", now=LATER) for link in links]
    assert alone == again
    written = leavers.rows("SELECT target_kind, topics, channels, reference, recorded_at FROM prohibition ORDER BY id")
    assert len(written) == len({tuple(map(str, row)) for row in written}) == 11
    with leavers.database.reading() as session:
        assert verify(session).whole


def test_an_act_that_cannot_be_taken_does_not_hold_up_those_it_came_with(
    leavers: Leavers, desk: LeavingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.leave(leavers.link(), method="page", now=NOW)
    taken = leavers.value("SELECT evidence ->> 'record' FROM prohibition")
    # Lifted before it was made, as only a clock that went back can tell it: the act is there and is not found.
    monkeypatch.setattr(opt_outs._Bans, "on", lambda *_: ())
    numbers = iter([taken, *(f"{number:032x}" for number in range(9))])
    monkeypatch.setattr("consentmgr.preferences.leaving.uuid4", lambda: SimpleNamespace(hex=next(numbers)))
    others = [leavers.link(address=f"person.{number}@posti.example", contact_id=None) for number in range(5)]
    left = desk.leave_all([leavers.link(), *others], method="page", now=NOW)
    assert len({one.prohibition_ids for one in left}) == 6
    assert leavers.value("SELECT count(*) FROM prohibition") == 6
    with leavers.database.reading() as session:
        assert verify(session).whole


def test_several_boxes_unticked_at_once_are_one_commit(leavers: Leavers, desk: LeavingDesk) -> None:
    links = [
        leavers.link(),
        leavers.link(scope="channel", topic=None),
        leavers.link(scope="channel", channel="sms", topic=None),
    ]
    left = desk.leave_all(links, method="preferences", now=NOW)
    assert [one.already for one in left] == [False] * 3
    assert leavers.value("SELECT count(DISTINCT xmin::text) FROM prohibition") == 1


def test_every_leave_and_undo_is_in_the_ledger_and_the_chain_holds(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    desk.leave(link, method="page", now=NOW)
    desk.undo(link, now=LATER)
    events = leavers.rows("SELECT event, actor FROM ledger_entry WHERE event LIKE 'prohibition%' ORDER BY recorded_at")
    assert events == [("prohibition_added", "person:link"), ("prohibition_lifted", "person:link")]
    with leavers.database.reading() as session:
        assert verify(session).whole


def test_the_journal_has_it_without_personal_data(leavers: Leavers, desk: LeavingDesk) -> None:
    desk.leave(leavers.link(), method="one_click", now=NOW)
    (path,) = journal_folder(leavers.settings).iterdir()
    written = path.read_text()
    (act,) = map(json.loads, written.splitlines())
    assert (act["act"], act["controller"], act["topic"], act["contact"]) == (
        "leave",
        "acme",
        "news",
        leavers.contact_id("aino"),
    )
    assert AINO not in written
    assert "posti" not in written


def test_evidence_is_short_codes(leavers: Leavers, desk: LeavingDesk) -> None:
    desk.leave(leavers.link(), method="mail", now=NOW, evidence={"mailbox": "leave", "uid": 7})
    assert leavers.value("SELECT evidence ->> 'uid' FROM prohibition") == "7"
    with pytest.raises(ValueError, match="evidence"):
        desk.leave(leavers.link(), method="mail", now=NOW, evidence={"body": "x" * 1000})


def state(leavers: Leavers, link: Link) -> object:
    with leavers.database.reading() as session:
        return leave_state(session, link, LATER)


def test_the_state_tells_what_leaving_would_do_and_changes_nothing(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    before = desk.state(link, LATER)
    assert (before.has_left, before.left_on, before.undo_until, before.scope) == (False, None, None, "topic")
    assert (before.controller_name, before.language, before.masked_address) == ("Acme Oy", "sv", "a•••@p•••.example")
    assert before.topic_names is not None
    assert before.topic_names["fi"] == "Kuukausikirje"
    desk.leave(link, method="page", now=NOW)
    after = desk.state(link, LATER)
    assert (after.has_left, after.left_on, after.undo_until) == (True, date(2026, 11, 2), date(2026, 12, 2))
    assert state(leavers, link) == after
    other = desk.state(leavers.link(scope="channel", topic=None), LATER)
    assert not other.has_left


@pytest.mark.parametrize(
    ("ban", "link", "has_left"),
    [
        ({}, {}, True),
        ({"channels": ["email"]}, {}, True),
        ({"channels": ["sms"]}, {}, False),
        ({"controllers": ["beta"]}, {}, False),
        ({"channels": ["email"]}, {"scope": "all", "topic": None}, False),
        ({"topics": ["news"]}, {"scope": "channel", "topic": None}, False),
        ({"source": "robinson_phone"}, {}, False),
        ({"purposes": ["research"]}, {}, False),
    ],
)
def test_a_wider_prohibition_has_left_too_and_a_narrower_has_not(
    leavers: Leavers, desk: LeavingDesk, ban: dict[str, Any], link: dict[str, Any], has_left: bool
) -> None:
    leavers.take({"type": "prohibition", "target": {"email": AINO}, "source": "self", **ban})
    found = desk.state(leavers.link(**link), LATER)
    assert (found.has_left, found.undo_until) == (has_left, None)


def test_the_state_of_what_is_gone_is_plain(leavers: Leavers, desk: LeavingDesk) -> None:
    link = leavers.link()
    leavers.erase("aino")
    gone = desk.state(replace(link, controller="gone", topic="gone"), LATER)
    assert (gone.scope, gone.controller_name, gone.topic_names, gone.masked_address, gone.language) == (
        "all", None, None, None, None,
    )  # fmt: skip


def test_a_distrusted_link_is_shown_no_address(leavers: Leavers, desk: LeavingDesk) -> None:
    assert desk.state(replace(leavers.link(), distrusted=True), LATER).masked_address is None


def test_a_masked_address_is_known_to_its_owner_alone() -> None:
    assert masked_address("email", "maija.meikalainen@posti.example") == "m•••@p•••.example"
    assert masked_address("phone", "+358501000301") == "+358 ••• 01"
    assert masked_address("post", None, {"street": "Katu 1", "city": "Oulu"}) == "••• Oulu"
    assert masked_address("email", None) is None


def test_a_merged_contact_leaves_as_the_one_it_became(leavers: Leavers, desk: LeavingDesk) -> None:
    leavers.take(person("maija", "maija@posti.example"))
    survivor, merged = leavers.contact_id("maija"), leavers.contact_id("aino")
    with leavers.database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE contact_point SET contact_id = {survivor} WHERE contact_id = {merged}")
        connection.exec_driver_sql(f"UPDATE contact SET merged_into = {survivor} WHERE id = {merged}")
    link = leavers.link()
    desk.leave(link, method="page", now=NOW)
    (ban,) = leavers.bans(AINO, refs=("crm:aino", "crm:maija"))
    assert ban.target_kind == "email"
    assert desk.state(link, LATER).has_left
