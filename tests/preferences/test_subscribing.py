"""Subscribing: a form, a mail, a button; nothing before the button, and only what was asked for after it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from consentmgr.app import create_app
from consentmgr.consents.ledger import RecordedEntry, entries_of
from consentmgr.consents.verification import verify
from consentmgr.keys import distrust_link_key, load_link_keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.mail.jobs import send_mail
from consentmgr.mail.models import OutgoingMail
from consentmgr.preferences.form_commands import forms_group
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.preferences.models import PendingSubscription
from consentmgr.preferences.subscribing import confirm
from consentmgr.preferences.subscribing_jobs import forget_unconfirmed
from consentmgr.preferences.subscription_forms import add_form, canonical_origin, close_form
from consentmgr.register.models import Contact, ContactPoint
from consentmgr.screening.decide import identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.preferences.subscribers import NOW, WORDS, headers_of, make_form, take_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunCommand, RunningServer
    from tests.mail.loopback import LoopbackServer

SOMEBODY = "venla.virtanen@posti.example"
ASKED = {"email": SOMEBODY, "topic": "training-news"}


@pytest.fixture
def form(database: Database, keys: Keys) -> str:
    return make_form(database, keys)


@pytest.fixture
def browser(mailing_client: FlaskClient) -> FlaskClient:
    return mailing_client


def everything(database: Database) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with database.reading() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return {
            table: sorted(session.scalars(text(f"SELECT row_to_json(t)::text FROM {table} t")).all())
            for table in tables
        }


def pending(database: Database) -> list[PendingSubscription]:
    with database.transaction() as session:
        return list(session.scalars(select(PendingSubscription).order_by(PendingSubscription.asked_at)))


def contacts(database: Database) -> list[Contact]:
    with database.transaction() as session:
        return list(session.scalars(select(Contact).order_by(Contact.id)))


def entries(database: Database, contact: int) -> list[RecordedEntry]:
    with database.transaction() as session:
        return entries_of(session, [contact])


def mailed_link(smtp: LoopbackServer, number: int = 1) -> str:
    """The path of the confirm link in the newest of so many mails."""
    return smtp.box.wait_for(number)[-1].link("/c/").removeprefix("https://valinnat.acme.example")


def words_of(response: TestResponse) -> str:
    """What a page says, without its elements."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


# --- the form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "heading", "topic"),
    [("fi", "Tilaa sähköpostiisi", "Koulutusuutiset"), ("sv", "Prenumerera per e-post", "Kursnytt"),
     ("en", "Subscribe by e-mail", "Training news")],
)  # fmt: skip
def test_the_form_shows_its_topics_and_the_exact_words_in_the_pages_language(
    browser: FlaskClient, form: str, language: str, heading: str, topic: str
) -> None:
    page = browser.get(f"/s/{form}?lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert heading in page.text
    assert topic in page.text
    assert WORDS[language] in page.text
    assert f'value="signup/3/{language}"' in page.text


def test_no_box_is_ticked_for_the_person(browser: FlaskClient, form: str) -> None:
    assert " checked" not in browser.get(f"/s/{form}").text


def test_a_form_of_one_topic_needs_no_box(browser: FlaskClient, database: Database, keys: Keys) -> None:
    make_form(database, keys, "yksi", topics=["events"])
    page = browser.get("/s/yksi?lang=en").text
    assert "checkbox" not in page
    assert "Events" in page
    assert browser.post("/s/yksi", data={"email": SOMEBODY}).status_code == 200
    assert pending(database)[0].topics == ["events"]


def test_the_page_is_light_and_runs_nothing(browser: FlaskClient, form: str) -> None:
    page = browser.get(f"/s/{form}")
    assert len(page.data) < 50_000
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page.text)


def test_asking_writes_a_pending_request_and_a_mail_and_no_contact(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    answer = browser.post(f"/s/{form}?lang=fi", data=ASKED | {"notice": "signup/3/fi"})
    assert answer.status_code == 200
    assert "Katso sähköpostisi" in answer.text
    assert SOMEBODY not in answer.text
    (request,) = pending(database)
    assert (request.topics, request.notice, request.language) == (["training-news"], "signup/3/fi", "fi")
    assert contacts(database) == []
    assert smtp.box.wait_for(1)[0].recipients == [SOMEBODY], "soon after the commit, without the clock"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"topic": "events"}, "Enter your e-mail address."),
        ({"email": "  ", "topic": "events"}, "Enter your e-mail address."),
        ({"email": "venla", "topic": "events"}, "Enter an e-mail address in the form"),
        ({"email": "a@x.example\r\nBcc: b@x.example", "topic": "events"}, "Enter an e-mail address in the form"),
        ({"email": SOMEBODY}, "Choose at least one."),
        ({"email": SOMEBODY, "topic": "gone"}, "is not offered any more"),
        ({"email": SOMEBODY, "topic": "events", "notice": "signup/2/fi"}, "The text on the form has changed"),
        ({"email": SOMEBODY, "topic": "events", "notice": "signup/3/de"}, "The text on the form has changed"),
        ({"email": SOMEBODY, "topic": "events", "notice": "\0"}, "The text on the form has changed"),
        ({"email": "\0\ud83d", "topic": "\0"}, "Enter an e-mail address in the form"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(
    browser: FlaskClient, database: Database, form: str, data: dict[str, str], told: str
) -> None:
    encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in data.items()}
    answer = browser.post(f"/s/{form}?lang=en", data=encoded)
    assert answer.status_code == 422
    assert told in words_of(answer)
    assert pending(database) == []


def test_what_was_chosen_stays_chosen_when_something_is_wrong(browser: FlaskClient, form: str) -> None:
    answer = browser.post(f"/s/{form}", data={"email": '"><b>', "topic": ["events"]})
    assert re.search(r'value="events"[^>]* checked>', answer.text)
    assert not re.search(r'value="training-news"[^>]* checked>', answer.text)
    assert "<b>" not in answer.text


def test_the_words_of_another_language_of_the_same_notice_are_taken_as_shown(
    browser: FlaskClient, database: Database, form: str
) -> None:
    """A form embedded in a Swedish page, sent by somebody whose browser asks for Finnish."""
    browser.post(f"/s/{form}?lang=fi", data=ASKED | {"notice": "signup/3/sv"})
    assert pending(database)[0].notice == "signup/3/sv"


def test_a_topic_that_is_not_public_any_more_cannot_be_picked(
    browser: FlaskClient, database: Database, keys: Keys, form: str
) -> None:
    withdrawn = {"type": "topic", "key": "events", "kind": "newsletter", "controller": "acme", "public": False}
    take_in(database, keys, withdrawn)
    assert "Events" not in browser.get(f"/s/{form}?lang=en").text
    assert browser.post(f"/s/{form}", data={"email": SOMEBODY, "topic": "events"}).status_code == 422


def test_a_closed_form_says_so(browser: FlaskClient, database: Database, form: str) -> None:
    with database.transaction() as session:
        close_form(session, form, actor="test", now=NOW)
    for answer in (browser.get(f"/s/{form}?lang=en"), browser.post(f"/s/{form}?lang=en", data=ASKED)):
        assert answer.status_code == 410
        assert "The form is closed" in answer.text
    assert pending(database) == []


@pytest.mark.parametrize("key", ["none", "%00", "a%00b", "../x", "ä", "x" * 5000])
def test_a_form_that_is_not_there_is_not_found(browser: FlaskClient, form: str, key: str) -> None:
    assert browser.get(f"/s/{key}").status_code == 404


# --- one answer for all ---------------------------------------------------------------------------------------------


def known_person(ref: str, email: str, *events: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "contact",
        "ref": ref,
        "controllers": ["acme"],
        "language": "fi",
        "points": [{"channel": "email", "value": email, "use": "private", "source": "crm"}],
        "events": list(events),
    }


OBJECTED = {"event": "objected", "at": "2026-09-01T10:00:00+03:00", "controller": "acme"}


def test_known_unknown_banned_erased_and_over_limit_addresses_get_the_same_answer(
    browser: FlaskClient, database: Database, keys: Keys, form: str
) -> None:
    erased = {"event": "erased", "at": "2026-09-11T10:00:00+03:00", "controller": "acme"}
    take_in(
        database,
        keys,
        known_person("crm:1", "tuttu@posti.example"),
        known_person("crm:2", "kieltanyt@posti.example", OBJECTED),
        known_person("crm:3", "poistettu@posti.example", erased),
    )
    addresses = ["tuttu@posti.example", "kieltanyt@posti.example", "poistettu@posti.example", "outo@posti.example"]
    answers = [browser.post(f"/s/{form}?lang=fi", data=ASKED | {"email": address}) for address in addresses]
    answers += [browser.post(f"/s/{form}?lang=fi", data=ASKED | {"email": "outo@posti.example"}) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(headers_of(answer)) for answer in answers}) == 1


def test_a_known_address_takes_the_time_of_an_unknown_one(
    client: FlaskClient, database: Database, keys: Keys, form: str
) -> None:
    """By the work done: the same statements are sent to the database for every address, in the same order."""
    from sqlalchemy import event

    take_in(database, keys, known_person("crm:1", "tuttu@posti.example", OBJECTED))
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    def statements(address: str) -> list[str]:
        seen.clear()
        client.post(f"/s/{form}?lang=fi", data=ASKED | {"email": address})
        return list(seen)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        known, unknown = statements("tuttu@posti.example"), statements("outo@posti.example")
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    assert known == unknown
    assert not any("contact_point" in statement or "prohibition" in statement for statement in known)


def test_no_more_than_three_mails_are_sent_to_one_address(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    for _ in range(5):
        assert browser.post(f"/s/{form}", data=ASKED).status_code == 200
    assert browser.post("/link", data={"email": SOMEBODY}).status_code == 200
    with database.transaction() as session:
        assert len(session.scalars(select(OutgoingMail)).all()) == 3
    assert len(pending(database)) == 3


def test_a_mail_holds_nothing_a_visitor_wrote(browser: FlaskClient, form: str, smtp: LoopbackServer) -> None:
    spam = {"name": "Buy pills at spam.example", "given_name": "http://spam.example", "topic": "training-news"}
    browser.post(f"/s/{form}", data=ASKED | spam)
    assert b"spam" not in smtp.box.wait_for(1)[0].raw


# --- confirming -----------------------------------------------------------------------------------------------------


def test_the_button_makes_a_contact_and_a_proven_consent(
    browser: FlaskClient, database: Database, keys: Keys, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}?lang=sv", data=ASKED | {"notice": "signup/3/sv"})
    link = mailed_link(smtp)
    shown = browser.get(link)
    assert '<html lang="sv">' in shown.text, "in the language it was asked in"
    assert WORDS["sv"] in shown.text
    assert "Kursnytt" in shown.text
    assert SOMEBODY not in shown.text
    assert "v•••@p•••.example" in shown.text
    assert "<button" in shown.text
    before = clock.now()
    done = browser.post(link)
    assert done.status_code == 200
    assert "Din prenumeration är bekräftad" in done.text
    (contact,) = contacts(database)
    (request,) = pending(database)
    assert contact.ref == f"web:{request.id}"
    assert (contact.language, contact.controllers) == ("sv", ["acme"])
    assert (request.address, request.contact_id) == (None, contact.id)
    (recorded,) = entries(database, contact.id)
    entry = recorded.entry
    assert entry.event == "consent_given"
    assert before <= entry.at <= clock.now()
    assert (entry.controller, entry.method, entry.source) == ("acme", "web_form", "form:uutiset")
    assert entry.channels == ("email",), "no number was given, so nothing is agreed for text messages"
    assert entry.audiences == ()
    assert sorted(entry.purposes) == ["direct_marketing", "newsletter"]
    assert entry.topics == ("training-news",)
    assert entry.notice == "signup/3/sv"
    assert entry.double_opt_in == "confirmed"
    assert entry.detail["confirmed_at"].startswith(str(entry.at.date()))
    assert entry.personal == {"form": "uutiset"}
    with database.transaction() as session:
        point = session.scalars(select(ContactPoint)).one()
        assert (point.value, point.source, point.state) == (SOMEBODY, "web_form", "ok")
        assert verify(session).whole


def test_a_scanner_that_opens_the_link_confirms_nothing(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}", data=ASKED)
    link = mailed_link(smtp)
    browser.application.extensions["consentmgr.postman"].close()
    before = everything(database)
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in (link, f"/s/{form}", f"/s/{form}.json", "/link", f"{link}?confirm=1"):
            assert browser.open(path, method=method).status_code < 500
    assert everything(database) == before


def test_pressing_again_gives_the_same_page_and_changes_nothing(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}", data=ASKED)
    link = mailed_link(smtp)
    first = browser.post(link)
    contact = contacts(database)[0]
    before = entries(database, contact.id)
    again = browser.post(link)
    assert (again.status_code, again.data) == (200, first.data)
    assert browser.get(link).status_code == 200
    assert entries(database, contact.id) == before
    assert len(contacts(database)) == 1


def test_two_presses_at_once_make_one_entry(client: FlaskClient, database: Database, keys: Keys, form: str) -> None:
    client.post(f"/s/{form}", data=ASKED)
    (request,) = pending(database)
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)

    def press(_: int) -> str | None:
        with database.transaction() as session:
            done = confirm(session, request.id, language="fi", keys=address_keys, actor="person", now=clock.now())
            return done.state if done is not None else None

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(press, range(6))) == {"confirmed"}
    (contact,) = contacts(database)
    assert len(entries(database, contact.id)) == 1


def test_a_consent_goes_to_the_one_contact_that_has_the_address_and_leaves_the_rest_of_it_alone(
    browser: FlaskClient, database: Database, keys: Keys, form: str, smtp: LoopbackServer
) -> None:
    take_in(database, keys, known_person("crm:1", "Venla.Virtanen@posti.example") | {"given_name": "Venla"})
    with database.transaction() as session:
        session.execute(text("UPDATE contact_point SET state = 'hard_bounce', soft_bounces = 4"))
    browser.post(f"/s/{form}?lang=sv", data=ASKED)
    browser.post(mailed_link(smtp))
    (contact,) = contacts(database)
    assert (contact.ref, contact.given_name, contact.language) == ("crm:1", "Venla", "fi")
    assert [recorded.entry.event for recorded in entries(database, contact.id)] == ["consent_given", "register_change"]
    with database.transaction() as session:
        point = session.scalars(select(ContactPoint)).one()
        assert (point.source, point.use) == ("crm", "private")
        assert (point.state, point.soft_bounces) == ("ok", 0), "a mail has just arrived there"


def test_where_several_contacts_have_the_address_the_consent_is_of_none_of_them(
    browser: FlaskClient, database: Database, keys: Keys, form: str, smtp: LoopbackServer
) -> None:
    take_in(database, keys, known_person("crm:1", SOMEBODY, OBJECTED), known_person("crm:2", SOMEBODY, OBJECTED))
    browser.post(f"/s/{form}", data=ASKED)
    browser.post(mailed_link(smtp))
    one, other, new = contacts(database)
    assert [len(entries(database, contact.id)) for contact in (one, other, new)] == [1, 1, 1]
    assert new.ref.startswith("web:")


def test_a_request_ends_after_its_week_and_its_address_goes(
    browser: FlaskClient, database: Database, keys: Keys, settings: Settings, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}?lang=en", data=ASKED)
    link = mailed_link(smtp)
    (request,) = pending(database)
    assert timedelta(days=7) <= request.expires_at - request.asked_at <= timedelta(days=8)
    with database.transaction() as session:
        session.execute(text("UPDATE pending_subscription SET expires_at = now() - interval '1 second'"))
    for answer in (browser.get(link), browser.post(link)):
        assert answer.status_code == 410
        assert "The link has expired" in answer.text
        assert f'href="/s/{form}' in answer.text, "the form is offered again"
    assert contacts(database) == []
    assert forget_unconfirmed(database, settings, keys, clock.now()) == "1 requests forgotten"
    assert pending(database)[0].address is None
    forget_unconfirmed(database, settings, keys, clock.now() + timedelta(days=91))
    assert pending(database) == []
    assert browser.post(link).status_code == 410


def test_what_was_confirmed_is_kept_as_proof(
    browser: FlaskClient, database: Database, keys: Keys, settings: Settings, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}", data=ASKED)
    link = mailed_link(smtp)
    browser.post(link)
    forget_unconfirmed(database, settings, keys, clock.now() + timedelta(days=400))
    assert len(pending(database)) == 1
    assert browser.post(link).status_code == 200


def test_a_request_can_be_confirmed_after_its_form_was_closed(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}", data=ASKED)
    link = mailed_link(smtp)
    with database.transaction() as session:
        close_form(session, form, actor="test", now=NOW)
    assert browser.post(link).status_code == 200
    assert len(contacts(database)) == 1


def test_a_link_of_another_use_or_of_a_leaked_key_confirms_nothing(
    browser: FlaskClient, database: Database, form: str, mail_settings: Settings, smtp: LoopbackServer
) -> None:
    browser.post(f"/s/{form}", data=ASKED)
    link = mailed_link(smtp)
    token = link.rpartition("/")[2]
    (request,) = pending(database)
    minting = link_keys(mail_settings)
    for use in (LinkUse.LEAVE, LinkUse.PREFERENCES, LinkUse.VIEW):
        other = minting.mint(Link(use, "acme", None, "email", request.address_key, "email", "all", subject=request.id))
        assert browser.post(f"/c/{other}").status_code == 404
    for damaged in (token[:-1], token + "x", "x" + token, token[::-1], "", "x" * 5000, token + "%00"):
        assert browser.post(f"/c/{damaged}").status_code in (404, 405)
    (key,) = load_link_keys(mail_settings)
    distrust_link_key(mail_settings, key.id, today=NOW.date())
    assert browser.get(link).status_code == 404
    assert browser.post(link).status_code == 404
    assert contacts(database) == []


def test_an_evil_host_header_changes_no_link(browser: FlaskClient, form: str, smtp: LoopbackServer) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    page = browser.get(f"/s/{form}", headers=evil)
    assert "evil" not in page.text
    answer = browser.post(f"/s/{form}", data=ASKED, headers=evil)
    assert "evil" not in answer.text
    received = smtp.box.wait_for(1)[0]
    assert b"evil" not in received.raw
    assert received.link("/c/").startswith("https://valinnat.acme.example/c/")


def test_nobody_writes_to_the_dead(
    browser: FlaskClient, database: Database, keys: Keys, mail_settings: Settings, form: str, smtp: LoopbackServer
) -> None:
    take_in(database, keys, known_person("crm:1", SOMEBODY) | {"deceased_on": "2026-01-02"})
    browser.post(f"/s/{form}", data=ASKED)
    browser.application.extensions["consentmgr.postman"].close()
    send_mail(database, mail_settings, keys, clock.now())
    assert smtp.box.received == []


# --- what a confirmed subscription opens, and what it does not --------------------------------------------------------


@pytest.fixture
def answer(database: Database, keys: Keys) -> Callable[..., str]:
    """What screening says of ``SOMEBODY`` for a campaign: verdict and headline reason."""

    def ask_screening(**campaign: Any) -> str:
        with database.reading() as session:
            answers = screen(
                session,
                identifiers_of([{"email": SOMEBODY}]),
                Campaign(controller="acme", **campaign),
                keys=AddressKeys(keys.address_key, keys.address_key_id),
                policy=policy_from({}),
                now=clock.now(),
            )
        (found,) = told(answers)
        return f"{found['verdict']} {found['reason']}"

    return ask_screening


def test_a_later_own_consent_lifts_what_the_law_says_and_nothing_more(
    browser: FlaskClient,
    database: Database,
    keys: Keys,
    form: str,
    smtp: LoopbackServer,
    answer: Callable[..., str],
) -> None:
    with_number = known_person("crm:1", SOMEBODY, OBJECTED)
    with_number["points"].append({"channel": "phone", "value": "+358501000399"})
    take_in(database, keys, with_number)
    newsletter = {"purpose": "newsletter", "topic": "training-news", "promotes": True}
    assert answer(**newsletter) == "block DM_OBJECTION_ALL"
    browser.post(f"/s/{form}", data=ASKED)
    assert answer(**newsletter) == "block DM_OBJECTION_ALL", "asked is not confirmed"
    browser.post(mailed_link(smtp))
    assert answer(**newsletter) == "allow CONSENT_OK"
    assert answer(purpose="newsletter", topic="events") == "block DM_OBJECTION_ALL", "another topic"
    assert answer(**newsletter | {"channel": "sms"}) == "block DM_OBJECTION_ALL", "another channel"


# --- for scripts ----------------------------------------------------------------------------------------------------


BODY = {"email": SOMEBODY, "topics": ["training-news"], "language": "sv", "notice": "signup/3/sv"}


def test_a_page_of_the_forms_origin_asks_by_script(
    browser: FlaskClient, database: Database, form: str, smtp: LoopbackServer
) -> None:
    origin = {"Origin": "https://www.acme.example"}
    before = browser.options(f"/s/{form}.json", headers=origin | {"Access-Control-Request-Method": "POST"})
    assert before.status_code == 204
    assert before.headers["Access-Control-Allow-Origin"] == "https://www.acme.example"
    assert before.headers["Access-Control-Allow-Methods"] == "POST"
    assert before.headers["Access-Control-Allow-Headers"] == "Content-Type"
    answer = browser.post(f"/s/{form}.json", json=BODY, headers=origin)
    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://www.acme.example"
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    (request,) = pending(database)
    assert (request.notice, request.language, request.topics) == ("signup/3/sv", "sv", ["training-news"])
    assert smtp.box.wait_for(1)[0].message["Content-Language"] == "sv"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://www.acme.example.evil.example", "http://www.acme.example"])  # fmt: skip
def test_a_page_of_another_origin_may_not(browser: FlaskClient, database: Database, form: str, origin: str) -> None:
    before = browser.options(f"/s/{form}.json", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in before.headers
    answer = browser.post(f"/s/{form}.json", json=BODY, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert pending(database) == []


def test_a_server_without_an_origin_may(browser: FlaskClient, database: Database, form: str) -> None:
    assert browser.post(f"/s/{form}.json", json={"email": SOMEBODY, "topics": ["events"]}).status_code == 202
    assert pending(database)[0].notice.startswith("signup/3/")


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status", "named"),
    [
        ("uutiset", b"{", "application/json", 400, None),
        ("uutiset", b"[]", "application/json", 400, None),
        ("uutiset", b"\xff\xfe", "application/json", 400, None),
        ("uutiset", b'{"email":"a@x.example"}', "text/plain", 415, None),
        ("uutiset", b"email=a%40x.example", "application/x-www-form-urlencoded", 415, None),
        ("uutiset", b"{}", "application/json", 422, "email"),
        ("uutiset", b'{"email":7,"topics":["events"]}', "application/json", 422, "email"),
        ("uutiset", b'{"email":"a","topics":["events"]}', "application/json", 422, "email"),
        ("uutiset", b'{"email":"a@x.example","topics":[]}', "application/json", 422, "topics"),
        ("uutiset", b'{"email":"a@x.example","topics":["no"]}', "application/json", 422, "topics"),
        ("uutiset", b'{"email":"a@x.example","topics":"events"}', "application/json", 422, "topics"),
        ("uutiset", b'{"email":"a@x.example","topics":["events"],"language":"de"}', "application/json", 422, "language"),
        ("uutiset", b'{"email":"a@x.example","topics":["events"],"notice":"x/1/fi"}', "application/json", 422, "notice"),
        ("uutiset", b'{"email":"a@x.example","topics":["events"],"name":"Venla"}', "application/json", 422, "name"),
        ("uutiset", b'{"email":"\\ud800@x.example","topics":["\\u0000"]}', "application/json", 422, "email"),
        ("none", b"{}", "application/json", 404, None),
    ],
)  # fmt: skip
def test_a_bad_request_gets_a_problem_document(
    browser: FlaskClient,
    database: Database,
    form: str,
    path: str,
    body: bytes,
    content_type: str,
    status: int,
    named: str | None,
) -> None:
    answer = browser.post(
        f"/s/{path}.json",
        data=body,
        content_type=content_type,
        headers={"Origin": "https://www.acme.example"} if path == form else {},
    )
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:consentmgr:problem:")
    assert problem["title"]
    if named is not None:
        assert named in problem["errors"]
    if path == form:
        assert "Access-Control-Allow-Origin" in answer.headers, "the page's script can read what was wrong"
    assert pending(database) == []


def test_a_closed_form_tells_scripts_too(browser: FlaskClient, database: Database, form: str) -> None:
    with database.transaction() as session:
        close_form(session, form, actor="test", now=NOW)
    answer = browser.post(f"/s/{form}.json", json=BODY)
    assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")


def test_scripts_learn_no_more_than_people(browser: FlaskClient, database: Database, keys: Keys, form: str) -> None:
    take_in(database, keys, known_person("crm:1", "tuttu@posti.example", OBJECTED))
    addresses = ["tuttu@posti.example", "outo@posti.example", *["kolmesti@posti.example"] * 5]
    answers = [browser.post(f"/s/{form}.json", json=BODY | {"email": address}) for address in addresses]
    assert len({(answer.status_code, answer.data) for answer in answers}) == 1


# --- too often ------------------------------------------------------------------------------------------------------


def test_a_client_that_asks_too_often_is_told_when_to_come_back(
    settings: Settings, database: Database, form: str
) -> None:
    """Two applications of one installation count together."""
    one, other = (create_app(settings, database).test_client() for _ in range(2))
    wait_out_a_window_about_to_end()
    answers = [client.post(f"/s/{form}", data={"email": "x"}) for _ in range(10) for client in (one, other)]
    assert {answer.status_code for answer in answers} == {422}
    for client in (one, other):
        refused = client.post(f"/s/{form}?lang=en", data=ASKED)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 600
        assert re.search(r"Try again in \d+ minutes?\.", refused.text)
        assert f'href="/s/{form}">Back to the form</a>' in refused.text
        assert client.get(f"/s/{form}").status_code == 200, "looking is never counted"
    spoofed = one.post(f"/s/{form}", data=ASKED, headers={"X-Forwarded-For": "192.0.2.9", "X-Real-IP": "192.0.2.9"})
    assert spoofed.status_code == 429
    problem = one.post(f"/s/{form}.json", json=BODY)
    assert (problem.status_code, problem.mimetype) == (429, "application/problem+json")
    assert pending(database) == []
    elsewhere = one.post(f"/s/{form}", data=ASKED, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 200


def wait_out_a_window_about_to_end() -> None:
    """Windows are of ten minutes by the clock; in the last seconds of one a test would count in two."""
    left = 600 - clock.now().timestamp() % 600
    if left < 10:
        time.sleep(left + 0.1)


# --- forms at the terminal --------------------------------------------------------------------------------------------


@pytest.fixture
def forms(environment: dict[str, str]) -> Callable[..., str]:
    """What ``consentmgr forms`` says, run within this process."""

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(forms_group, arguments, env=dict(environment), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_form_is_added_shown_listed_and_closed(run_command: RunCommand, forms: Callable[..., str], form: str) -> None:
    added = run_command(
        "forms", "add", "kurssit", "--controller", "acme", "--topic", "events", "--notice", "signup/3",
        "--origin", "https://WWW.Acme.example:443/",
    )  # fmt: skip
    assert added.stdout == "http://localhost:8000/s/kurssit\n"
    shown = forms("show", "kurssit")
    assert "origins     https://www.acme.example\n" in shown
    assert "topics      events\n" in shown
    assert forms("list").count("open") == 2
    assert forms("close", "kurssit") == "closed\n"
    assert forms("close", "kurssit") == "it was closed already\n"
    assert "kurssit  closed" in forms("list")
    with pytest.raises(NotFound):
        forms("show", "none")


def test_the_snippet_is_a_plain_form_that_works(
    forms: Callable[..., str], browser: FlaskClient, database: Database, form: str
) -> None:
    html = forms("snippet", form, "--language", "sv")
    assert WORDS["sv"] in html
    assert 'action="http://localhost:8000/s/uutiset?lang=sv"' in html
    assert "<script" not in html
    fields = dict(re.findall(r'name="(notice|topic)" value="([^"]+)"', html))
    answer = browser.post(
        f"/s/{form}?lang=sv", data=fields | {"email": SOMEBODY}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 200
    assert pending(database)[0].notice == "signup/3/sv"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"key": "Upper"}, "small letters"),
        ({"key": "uutiset"}, "already"),
        ({"controller": "other"}, "no controller"),
        ({"topics": ["none"]}, "no topic"),
        ({"topics": ["foreign"]}, "another controller"),
        ({"topics": ["hidden"]}, "not public"),
        ({"notice": "signup"}, "key and version"),
        ({"notice": "signup/9"}, "no notice"),
        ({"notice": "by-sms/1"}, "does not name e-mail"),
        ({"notice": "of-others/1"}, "does not name the controller"),
        ({"notice": "narrow/1", "topics": ["events"]}, "does not name topic"),
        ({"notice": "vague/1"}, "names no purpose"),
        ({"origins": ["https://x.example/path"]}, "web origin"),
        ({"origins": ["http://x.example"]}, "https"),
    ],
)
def test_a_form_whose_consents_would_be_none_is_refused(
    database: Database, keys: Keys, form: str, changed: dict[str, Any], told: str
) -> None:
    scope = {"controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"]}
    take_in(
        database,
        keys,
        {"type": "controller", "key": "beta", "name": "Beta Oy"},
        {"type": "topic", "key": "foreign", "kind": "newsletter", "controller": "beta"},
        {"type": "topic", "key": "hidden", "kind": "newsletter", "controller": "acme", "public": False},
        *(
            {"type": "notice", "key": key, "version": 1, "language": "fi", "text": "…", **scope, **own}
            for key, own in (
                ("by-sms", {"channels": ["sms"]}),
                ("of-others", {"controllers": ["beta"]}),
                ("narrow", {"topics": ["training-news"]}),
                ("vague", {"purposes": []}),
            )
        ),
    )
    given: dict[str, Any] = {
        "key": "uusi", "controller": "acme", "topics": ["training-news"], "notice": "signup/3", "origins": [],
    }  # fmt: skip
    with database.transaction() as session, pytest.raises((BadInput, NotFound), match=told):
        add_form(session, actor="test", now=NOW, **given | changed)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.acme.example", "https://www.acme.example"),
        ("https://Työkalu.example:8443/", "https://xn--tykalu-xxa.example:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(text: str, origin: str) -> None:
    assert canonical_origin(text) == origin


# --- the running product ----------------------------------------------------------------------------------------------


def test_the_running_product_mails_and_confirms(
    serve: Callable[..., RunningServer], database: Database, form: str, smtp: LoopbackServer
) -> None:
    server = serve(CONSENTMGR_SMTP_URL=smtp.url, CONSENTMGR_MAIL_FROM="viestit@acme.example")
    body = json.dumps({"email": SOMEBODY, "topics": ["events"], "language": "en"}).encode()
    asked = Request(f"{server.url}/s/{form}.json", body, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=30) as answer:
        assert answer.status == 202
    link = smtp.box.wait_for(1)[0].link("/c/")
    assert link.startswith(f"{server.url}/c/")
    with urlopen(Request(link, b"", method="POST"), timeout=30) as answer:
        assert answer.status == 200
        assert b"Your subscription is confirmed" in answer.read()
    assert len(contacts(database)) == 1
    token = link.rpartition("/")[2]
    server.stop()
    assert token not in server.log()
    assert SOMEBODY not in server.log()


def test_status_warns_of_a_form_that_nobody_can_confirm(
    database: Database, keys: Keys, run_command: RunCommand
) -> None:
    assert "All is in order." in run_command("status").stdout
    make_form(database, keys)
    told = run_command("status").stdout
    assert "1 subscription form is open and no mail can be sent" in told
    assert "but for the warnings" in told
