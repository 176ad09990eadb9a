"""Mail me my link: for those who are known, without telling anybody who that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.mail.jobs import send_mail
from consentmgr.mail.models import OutgoingMail
from consentmgr.preferences.links import LinkUse, link_keys
from consentmgr.register.models import Contact
from tests.application import application
from tests.preferences.subscribers import CATALOGUE, headers_of, take_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.mail.loopback import LoopbackServer

KNOWN, UNKNOWN = "tuttu@posti.example", "outo@posti.example"


def person(ref: str, email: str, **more: object) -> dict[str, object]:
    return {"type": "contact", "ref": ref, "points": [{"channel": "email", "value": email}], **more}


@pytest.fixture
def app(mail_settings: Settings, database: Database, keys: Keys) -> Iterator[Flask]:
    take_in(database, keys, *CATALOGUE, person("crm:1", KNOWN))
    with application(mail_settings, database) as made:
        yield made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def test_a_known_address_gets_a_preference_link_and_a_leave_link(
    browser: FlaskClient, database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer
) -> None:
    assert browser.get("/link?lang=fi").status_code == 200
    answer = browser.post("/link?lang=fi", data={"email": " Tuttu@Posti.example "})
    assert answer.status_code == 200
    (received,) = smtp.box.wait_for(1)
    assert received.recipients == [KNOWN]
    assert received.message["Subject"] == "Linkki omiin valintoihisi – Acme Oy"
    minting = link_keys(mail_settings)
    base = "https://valinnat.acme.example"
    choices = minting.open(LinkUse.PREFERENCES, received.link("/p/").removeprefix(f"{base}/p/"))
    leave = minting.open(LinkUse.LEAVE, received.link("/u/").removeprefix(f"{base}/u/"))
    with database.transaction() as session:
        contact = session.scalars(select(Contact)).one()
    key = AddressKeys(keys.address_key, keys.address_key_id).key("email", KNOWN)
    for link in (choices, leave):
        assert (link.controller, link.contact_id, link.address_key) == ("acme", contact.id, key)
    assert leave.scope == "all"
    assert received.message["List-Unsubscribe"] == f"<{received.link('/u/')}>"
    assert received.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for path in (received.link("/p/"), received.link("/u/")):
        assert browser.get(path.removeprefix(base)).status_code == 200, "the links open"


def test_an_unknown_address_gets_nothing_and_the_same_answer(
    browser: FlaskClient, database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer
) -> None:
    known = browser.post("/link?lang=fi", data={"email": KNOWN})
    unknown = browser.post("/link?lang=fi", data={"email": UNKNOWN})
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
    assert headers_of(known) == headers_of(unknown)
    browser.application.extensions["consentmgr.postman"].close()
    send_mail(database, mail_settings, keys, clock.now())
    assert [received.recipients for received in smtp.box.received] == [[KNOWN]]
    with database.transaction() as session:
        assert session.scalars(select(OutgoingMail.address)).all() == [None, None], "neither address is kept"


def test_the_request_does_the_same_work_for_both(browser: FlaskClient, client: FlaskClient, database: Database) -> None:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    def statements(address: str) -> list[str]:
        seen.clear()
        client.post("/link", data={"email": address})
        return list(seen)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        known, unknown = statements(KNOWN), statements(UNKNOWN)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    assert known == unknown
    assert not any("contact_point" in statement for statement in known)


def test_an_address_of_several_contacts_gets_links_of_the_address(
    browser: FlaskClient, database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer
) -> None:
    take_in(database, keys, person("crm:2", KNOWN))
    browser.post("/link", data={"email": KNOWN})
    (received,) = smtp.box.wait_for(1)
    token = received.link("/p/").rpartition("/")[2]
    assert link_keys(mail_settings).open(LinkUse.PREFERENCES, token).contact_id is None


@pytest.mark.parametrize(
    "change", ["UPDATE contact SET deceased_on = '2026-01-01'", "UPDATE contact SET erased_at = now()"]
)
def test_the_dead_and_the_erased_are_not_written_to(
    browser: FlaskClient,
    database: Database,
    keys: Keys,
    mail_settings: Settings,
    smtp: LoopbackServer,
    change: str,
) -> None:
    with database.transaction() as session:
        session.execute(text(change))
    browser.post("/link", data={"email": KNOWN})
    browser.application.extensions["consentmgr.postman"].close()
    send_mail(database, mail_settings, keys, clock.now())
    assert smtp.box.received == []


@pytest.mark.parametrize("email", ["", "   ", "tuttu", "a@b@c", "\0", "x" * 5000])
def test_what_is_no_address_is_told_beside_the_field(browser: FlaskClient, email: str) -> None:
    answer = browser.post("/link?lang=en", data={"email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_where_there_are_several_senders_one_is_chosen(
    browser: FlaskClient, database: Database, keys: Keys, smtp: LoopbackServer
) -> None:
    take_in(database, keys, {"type": "controller", "key": "beta", "name": "Beta Oy"})
    page = browser.get("/link?lang=en").text
    assert "Whose messages do you mean?" in page
    assert 'value="acme" id="sender-1" required checked' in page
    assert browser.post("/link", data={"email": KNOWN}).status_code == 422
    assert browser.post("/link", data={"email": KNOWN, "controller": "none"}).status_code == 422
    assert browser.post("/link", data={"email": KNOWN, "controller": "beta"}).status_code == 200
    assert smtp.box.wait_for(1)[0].message["From"] == "Beta Oy <viestit@acme.example>"


@pytest.mark.parametrize(("language", "heading"), [("fi", "Lähettäkää linkkini"), ("sv", "Skicka min länk")])
def test_the_page_speaks_the_language_asked_for(browser: FlaskClient, language: str, heading: str) -> None:
    assert heading in browser.get(f"/link?lang={language}").text
