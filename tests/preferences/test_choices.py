"""What the preference page shows as chosen, and what its form changes; held against what screening then says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.preferences.choosing import Form, differences
from tests.preferences.choosers import AINO, OFFERS, Choosers, consent, person, topic


@pytest.fixture
def people(database: Database, settings: Settings, keys: Keys) -> Iterator[Choosers]:
    choosers = Choosers(database, settings, keys)
    choosers.take(AINO)
    yield choosers
    choosers.close()


def on(people: Choosers, **fields: Any) -> set[str]:
    return {one.name for one in people.choices(**fields).controls if one.on}


# --- reading ----------------------------------------------------------------------------------------------------------


def test_the_page_shows_what_the_person_has_consented_to(people: Choosers) -> None:
    choices = people.choices()
    assert on(people) == {"topic:courses", "topic:culture", "channel:email"}
    assert [one.title for one in choices.topics] == ["Kulttuuri-illat", "Opintojen ohjaus", "Uudet kurssit"]
    assert choices.topics[1].description == "Opintojen ohjaus lyhyesti."
    assert choices.topics[1].cadence == "quarterly"
    assert choices.address == "a•••@p•••.example"
    assert choices.language == "fi"


def test_what_is_not_chosen_is_offered_in_the_exact_words_of_the_newest_notice(people: Choosers) -> None:
    assert people.control("topic:guidance").words is not None
    assert people.control("topic:guidance").words.notice == "letters/1/fi"  # type: ignore[union-attr]
    people.take(
        {
            "type": "notice",
            "key": "letters",
            "version": 2,
            "language": "fi",
            "text": "Uudet sanat.",
            "controllers": ["acme"],
            "channels": ["email"],
            "purposes": ["newsletter"],
        }
    )
    words = people.control("topic:guidance").words
    assert words is not None
    assert (words.notice, words.text, words.language) == ("letters/2/fi", "Uudet sanat.", "fi")
    assert people.control("topic:guidance", language="sv").words.notice == "letters/1/sv"  # type: ignore[union-attr]


def test_what_no_notice_speaks_of_is_not_offered(people: Choosers) -> None:
    names = {one.name for one in people.choices().controls}
    assert "channel:sms" in names
    assert "channel:fax" not in names
    people.take(person("birger"), topic("private", "Oma", "Egen", "Own", public=False))
    assert "topic:private" not in {one.name for one in people.choices().controls}


def test_a_customer_sees_what_may_be_sent_without_consent(people: Choosers) -> None:
    sale = {
        "controller": "acme",
        "product_group": "training",
        "relation": "purchase",
        "last_purchase_on": "2026-05-01",
        "address_from_sale": True,
        "opt_out_offered": True,
    }
    people.take(person("birger", customer_of=[sale]))
    control = people.control("channel:email", name="birger")
    assert (control.on, control.ground) == (True, "customer")


def test_the_newsletter_one_got_is_on_even_where_no_ground_is_found(people: Choosers) -> None:
    people.take(person("birger"))
    assert on(people, name="birger") == {"topic:courses"}
    people.turn("topic:courses", name="birger")
    assert on(people, name="birger") == set()


# What the page shows as on is what screening would let through, one register at a time.
WITHDRAWN = {"event": "consent_withdrawn", "at": "2026-05-01T10:00:00+03:00", "controller": "acme", "method": "phone"}
OBJECTED = {"event": "objected", "at": "2026-05-01T10:00:00+03:00", "controller": "acme", "method": "phone"}
LIFTED = {
    "event": "objection_lifted", "at": "2026-06-01T10:00:00+03:00", "controller": "acme", "method": "phone",
    "reason": "asked for it",
}  # fmt: skip
LATER = consent("courses", at="2026-07-01T10:00:00+03:00")
REGISTERS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, list[str], dict[str, Any]]]]] = {
    "nothing": ([], []),
    "consent": ([consent("courses")], []),
    "consent to every topic": ([consent()], []),
    "consent to another topic": ([consent("culture")], []),
    "unconfirmed": ([consent("courses", evidence={"double_opt_in": "pending"})], []),
    "pre-ticked": ([consent("courses", evidence={"pre_ticked": True})], []),
    "for an unknown notice": ([consent("courses", notice="gone/1/fi")], []),
    "withdrawn": ([consent("courses"), WITHDRAWN], []),
    "withdrawn for calls only": ([consent("courses"), {**WITHDRAWN, "channels": ["sms"]}], []),
    "withdrawn, then given": ([consent("courses"), WITHDRAWN, LATER], []),
    "objected": ([consent("courses"), OBJECTED], []),
    "objected, then given": ([consent("courses"), OBJECTED, LATER], []),
    "objected, then lifted": ([consent("courses"), OBJECTED, LIFTED], []),
    "objected to the topic, then given": ([OBJECTED | {"topics": ["courses"]}, LATER], []),
    "objected to another topic": ([consent("courses"), OBJECTED | {"topics": ["culture"]}], []),
    "complained, then given": ([{**OBJECTED, "event": "complaint", "channels": ["email"]}, LATER], []),
    "refused": ([consent("courses"), {**OBJECTED, "event": "consent_refused", "channels": ["email"]}], []),
    "own ban without a date": ([LATER], [("self", [], {})]),
    "own ban, then given": ([LATER], [("self", [], {"valid_from": "2026-05-01"})]),
    "own ban, later": ([consent("courses")], [("self", ["email"], {"valid_from": "2026-05-01"})]),
    "own ban on the topic, then given to all": (
        [consent(at="2026-07-01T10:00:00+03:00")],
        [("self", [], {"topics": ["courses"], "valid_from": "2026-05-01"})],
    ),
    "own ban, ended": ([consent("courses")], [("self", [], {"valid_until": "2026-08-01"})]),
    "own ban of another channel": ([consent("courses")], [("self", ["sms"], {})]),
    "own ban for research": ([consent("courses")], [("self", [], {"purposes": ["research"]})]),
    "a court's ban, then given": ([LATER], [("court", [], {"valid_from": "2026-05-01"})]),
    "the vendor's ban, then given": ([LATER], [("vendor", [], {"valid_from": "2026-05-01"})]),
    "staff's ban": ([consent("courses")], [("staff", ["email"], {"valid_from": "2026-05-01"})]),
    "on the Robinson list": ([consent("courses")], [("robinson_phone", [], {})]),
}


def test_what_is_on_is_what_screening_lets_through(people: Choosers) -> None:
    names = [f"person{place}" for place in range(len(REGISTERS))]
    for name, (events, bans) in zip(names, REGISTERS.values(), strict=True):
        people.take(person(name, *events))
        for source, channels, more in bans:
            people.ban(source, *channels, name=name, **more)
    shown = {
        register: people.control("topic:courses", name=name, topic="culture").on
        for register, name in zip(REGISTERS, names, strict=True)
    }
    screened = people.verdicts(names, topic="courses")
    assert shown == {register: verdict == "allow" for register, (verdict, _) in zip(REGISTERS, screened, strict=True)}
    assert 8 < sum(shown.values()) < len(shown) - 8


@pytest.mark.parametrize(
    ("events", "channel"),
    [
        ([OFFERS], "email"),
        ([consent()], "email"),
        ([OFFERS | {"channels": ["sms"]}], "sms"),
        ([OFFERS | {"audiences": ["meta"]}], "online_audience"),
        ([OFFERS | {"audiences": ["meta"]}, OBJECTED | {"channels": ["email"]}], "online_audience"),
    ],
)
def test_channels_that_are_on_are_those_screening_lets_through(
    people: Choosers, events: list[dict[str, Any]], channel: str
) -> None:
    people.take(person("birger", *events))
    choices = people.choices(name="birger", channel="post")
    shown = {one.key for one in choices.channels if one.on}
    assert (channel in shown) == (people.verdict(channel=channel, name="birger")[0] == "allow")


# --- changing ---------------------------------------------------------------------------------------------------------


def test_only_what_differs_from_what_was_shown_is_changed() -> None:
    rendered = Form({"topic:a": True, "topic:b": False, "ban:post": False})
    assert differences(rendered, rendered) == {}
    assert differences(rendered, Form({"topic:b": True, "ban:post": True})) == {
        "topic:a": False, "topic:b": True, "ban:post": True,
    }  # fmt: skip
    assert differences(Form({}), Form({"topic:new": True})) == {}


def test_a_topic_that_came_after_the_page_was_shown_is_not_touched(people: Choosers) -> None:
    shown = people.form()
    people.take(topic("extra", "Lisä", "Extra", "Extra"), person("aino", consent("extra")))
    applied = people.turn("topic:culture", rendered=shown)
    assert applied.turned_off == ("topic:culture",)
    assert {"topic:extra", "topic:courses"} <= on(people)
    assert people.verdict(topic="extra")[0] == "allow"


def test_unticking_a_newsletter_stops_it_and_nothing_else(people: Choosers) -> None:
    applied = people.turn("topic:courses")
    assert applied.turned_off == ("topic:courses",)
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_TOPIC")
    assert people.verdict(topic="culture")[0] == "allow"
    assert people.verdict()[0] == "allow"


def test_ticking_it_again_lifts_exactly_that_and_gives_no_new_consent(people: Choosers) -> None:
    people.turn("topic:courses", "topic:culture")
    before = people.value("SELECT count(*) FROM ledger_entry WHERE event = 'consent_given'")
    assert people.control("topic:courses").words is None
    applied = people.turn("topic:courses")
    assert applied.turned_on == ("topic:courses",)
    assert people.verdict(topic="courses")[0] == "allow"
    assert people.verdict(topic="culture") == ("block", "DM_OBJECTION_TOPIC")
    assert people.value("SELECT count(*) FROM ledger_entry WHERE event = 'consent_given'") == before


def test_ticking_what_was_never_chosen_is_a_consent_in_the_words_shown(people: Choosers) -> None:
    people.turn("topic:guidance")
    assert people.verdict(topic="guidance")[0] == "allow"
    with people.database.reading() as session:
        row = session.execute(
            text(
                "SELECT method, source, channels, purposes, topics, notice, double_opt_in, controller, actor, at"
                " FROM ledger_entry WHERE event = 'consent_given' ORDER BY recorded_at DESC LIMIT 1"
            )
        ).one()
    assert tuple(row) == (
        "email_link", "preference_page", ["email"], ["newsletter"], ["guidance"], "letters/1/fi", "confirmed", "acme",
        "person:link", people.now,
    )  # fmt: skip


def test_a_channel_takes_its_newsletters_with_it_and_says_so(people: Choosers) -> None:
    applied = people.turn("channel:email")
    assert applied.turned_off == ("channel:email",)
    assert applied.followed == ("topic:courses", "topic:culture")
    assert people.verdict() == ("block", "DM_OBJECTION_CHANNEL")
    control = people.control("topic:courses")
    assert (control.on, control.changeable, control.in_the_way) == (False, False, ("own_channel",))
    people.turn("channel:email")
    assert on(people) == {"topic:courses", "topic:culture", "channel:email"}


def test_calls_and_letters_are_forbidden_by_a_tick_and_allowed_by_taking_it_away(people: Choosers) -> None:
    assert people.verdict(channel="phone")[1] != "DM_OBJECTION_CHANNEL"
    people.turn("ban:phone", "ban:post")
    assert people.verdict(channel="phone") == ("block", "DM_OBJECTION_CHANNEL")
    assert people.control("ban:post").on
    applied = people.turn("ban:phone")
    assert applied.turned_on == ("ban:phone",)
    assert people.verdict(channel="phone")[1] != "DM_OBJECTION_CHANNEL"
    assert people.control("ban:post").on


def test_an_objection_to_calls_that_stands_in_the_ledger_is_taken_back_too(people: Choosers) -> None:
    people.take(person("aino", OBJECTED | {"channels": ["phone"]}))
    assert people.control("ban:phone").on
    people.turn("ban:phone")
    assert not people.control("ban:phone").on
    assert people.verdict(channel="phone")[1] != "DM_OBJECTION_CHANNEL"


def test_audiences_do_not_vanish_while_e_mail_is_stopped(people: Choosers) -> None:
    people.turn("channel:email")
    control = people.control("channel:online_audience")
    assert (control.on, control.changeable, control.in_the_way) == (False, False, ("own_channel",))


def test_audiences_are_one_choice_for_all_platforms(people: Choosers) -> None:
    people.turn("channel:online_audience")
    assert people.control("channel:online_audience").on
    assert people.verdict(channel="online_audience") == ("allow", "SOCIAL_OK")
    people.turn("channel:online_audience")
    assert people.verdict(channel="online_audience")[0] == "block"
    assert people.verdict()[0] == "allow"


def test_a_pause_stops_everything_until_its_day_and_keeps_the_choices(people: Choosers) -> None:
    shown = people.form()
    people.send(shown, replace(shown, paused_until=date(2026, 12, 24)))
    assert people.choices().paused_until == date(2026, 12, 24)
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")
    assert on(people) == {"topic:courses", "topic:culture", "channel:email"}
    people.now = people.now.replace(month=12, day=25)
    assert people.choices().paused_until is None
    assert people.verdict(topic="courses")[0] == "allow"


def test_a_pause_is_moved_and_ended(people: Choosers) -> None:
    shown = people.form()
    people.send(shown, replace(shown, paused_until=date(2026, 12, 24)))
    shown = people.form()
    people.send(shown, replace(shown, paused_until=date(2026, 12, 1)))
    assert people.choices().paused_until == date(2026, 12, 1)
    shown = people.form()
    applied = people.send(shown, replace(shown, paused_until=None))
    assert applied.resumed
    assert people.verdict(topic="courses")[0] == "allow"


def test_stopping_everything_and_taking_it_back(people: Choosers) -> None:
    people.turn("topic:culture")
    people.stop_all()
    assert len(people.choices().stopped) == 1
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")
    assert people.verdict(channel="post")[1] == "DM_OBJECTION_ALL"
    assert people.take_back_all() == 1
    assert people.verdict(topic="courses")[0] == "allow"
    assert people.verdict(topic="culture") == ("block", "DM_OBJECTION_TOPIC")


@pytest.mark.parametrize("source", ["court", "vendor", "complaint", "staff", "guardian", "robinson_phone"])
def test_nobody_elses_ban_is_ever_lifted(people: Choosers, source: str) -> None:
    people.ban(source, *(["phone"] if source == "robinson_phone" else []))
    people.turn("topic:courses", "topic:culture", "channel:email", "ban:phone")
    people.turn("topic:courses", "topic:culture", "channel:email", "ban:phone")
    people.stop_all()
    people.take_back_all()
    assert people.value("SELECT lifted_at FROM prohibition WHERE source = :source", source=source) is None
    if source != "robinson_phone":
        assert people.control("topic:courses").in_the_way[0] == source
        assert people.choices().stopped_by_others == (source,)
        assert people.verdict(topic="courses")[0] == "block"
    else:
        assert people.control("ban:phone").others == ("robinson_phone",)


def test_what_somebody_else_forbade_meanwhile_is_told_and_not_done(people: Choosers) -> None:
    people.turn("topic:courses")
    shown = people.form()
    people.ban("court")
    applied = people.turn("topic:courses", rendered=shown)
    assert applied.refused == ("topic:courses",)
    assert applied.turned_on == ()


def test_another_controllers_ban_and_an_older_objection_to_everything_stay(people: Choosers) -> None:
    people.ban("self", controllers=[], valid_from="2026-01-01")
    assert people.choices().stopped == ()
    assert people.take_back_all() == 0
    people.turn("topic:courses")
    assert people.value("SELECT count(*) FROM prohibition WHERE lifted_at IS NOT NULL") == 0


def test_sending_the_same_form_twice_is_doing_it_once(people: Choosers) -> None:
    shown = people.form()
    people.turn("topic:guidance", "topic:courses", rendered=shown)
    entries = people.value("SELECT count(*) FROM ledger_entry")
    people.turn("topic:guidance", "topic:courses", rendered=shown)
    assert people.value("SELECT count(*) FROM ledger_entry") == entries


def test_the_language_is_kept_with_an_entry_that_names_the_field(people: Choosers) -> None:
    shown = people.form()
    applied = people.send(shown, replace(shown, language="sv"))
    assert applied.language == "sv"
    assert people.choices().language == "sv"
    detail = people.value("SELECT detail FROM ledger_entry WHERE event = 'register_change'")
    assert detail == {"fields": ["contact.language"]}


# --- who has no contact -----------------------------------------------------------------------------------------------


def test_an_address_in_no_contact_can_be_left_and_taken_back(people: Choosers) -> None:
    link = {"name": "nobody", "contact_id": None}
    choices = people.choices(**link)
    assert (choices.known, choices.address, choices.bans) == (False, None, ())
    assert on(people, **link) == {"topic:courses"}
    people.turn("topic:courses", **link)
    assert on(people, **link) == set()
    people.turn("topic:courses", **link)
    assert on(people, **link) == {"topic:courses"}


def test_an_erased_contact_has_no_choices(people: Choosers) -> None:
    people.take(person("aino", {"event": "erased", "at": "2026-10-01T10:00:00+03:00", "method": "paper"}))
    choices = people.choices()
    assert (choices.erased, choices.known, choices.controls) == (True, False, ())
