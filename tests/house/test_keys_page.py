"""The page of the keys: which there are, never a secret; a new link key; one distrusted for a reason."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from sqlalchemy import text

from consentmgr.app import create_app
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import LINK, Keys, LinkKeyState, load_link_keys
from consentmgr.preferences.links import Link, LinkUse, link_keys
from tests.staff.signing_in import Desk

LINK_OF = Link(LinkUse.PREFERENCES, "acme", 1, "email", None, "email", "all", None, None)


def forms_of(secret: bytes) -> list[str]:
    """A secret as somebody might let it slip."""
    plain = base64.b64encode(secret).decode()
    return [
        plain,
        plain.rstrip("="),
        plain.replace("+", "-").replace("/", "_").rstrip("="),
        secret.hex(),
        repr(secret)[2:-1],
    ]


def test_every_key_is_listed_with_its_age_and_no_secret_on_any_page(desk: Desk, settings: Settings, keys: Keys) -> None:
    client = desk("administrator")
    client.post("/desk/keys/rotate")
    key = load_link_keys(settings)[0]
    pages = [
        client.get("/desk/keys/").text,
        client.get(f"/desk/keys/{key.id}/distrust").text,
        client.get("/desk/audit/").text,
    ]
    for name in ("Address key", "Signing key", "Session key"):
        assert name in pages[0]
    for link_key in load_link_keys(settings):
        assert link_key.id in pages[0]
    assert str(keys.address_key_id) in pages[0]
    secrets = [keys.address_key, keys.session_secret, *(one.secret for one in load_link_keys(settings))]
    written = [form for secret in secrets for form in forms_of(secret)] + [keys.signing_jwk["d"]]
    for page in pages:
        assert not any(form in page for form in written)


def test_a_new_link_key_signs_and_the_old_one_goes_on_verifying(
    desk: Desk, settings: Settings, database: Database
) -> None:
    reader = link_keys(settings)
    before = reader.mint(LINK_OF)
    client = desk("administrator")
    page = client.post("/desk/keys/rotate", follow_redirects=True).text
    old, new = load_link_keys(settings)
    assert (old.state, new.state) == (LinkKeyState.OLD, LinkKeyState.CURRENT)
    assert f"Link key {new.id} signs from now on" in page
    assert link_keys(settings).open(LinkUse.PREFERENCES, before) == LINK_OF
    with database.reading() as session:
        told = session.execute(text("SELECT actor, object FROM audit_event WHERE action = 'link_key_rotated'")).all()
    assert [tuple(row) for row in told] == [(client.actor, f"link_key:{new.id}")]


def test_distrusting_tells_what_it_means_and_wants_a_reason(desk: Desk, settings: Settings, database: Database) -> None:
    client = desk("administrator")
    (key,) = load_link_keys(settings)
    path = f"/desk/keys/{key.id}/distrust"
    page = client.get(path).text
    assert "There is no way back" in page
    assert "people can still leave" in page
    assert "a new one is made at once" in page
    assert client.post(path, {"reason": "  "}).status_code == 422
    assert [one.state for one in load_link_keys(settings)] == [LinkKeyState.CURRENT]
    page = client.post(path, {"reason": "A laptop with the exported key was stolen"}, follow_redirects=True).text
    assert "by its links people can leave, and nothing else" in page
    assert "A laptop with the exported key was stolen" in page
    assert [one.state for one in load_link_keys(settings)] == [LinkKeyState.DISTRUSTED, LinkKeyState.CURRENT]
    with database.reading() as session:
        told = session.execute(
            text("SELECT object, detail ->> 'reason' AS reason FROM audit_event WHERE action = 'link_key_distrusted'")
        ).all()
    assert [tuple(row) for row in told] == [(f"link_key:{key.id}", "A laptop with the exported key was stolen")]
    assert "It is distrusted already" in client.get(path).text


def test_an_unknown_key_is_not_there(desk: Desk, settings: Settings) -> None:
    client = desk("administrator")
    assert client.get("/desk/keys/00000000/distrust").status_code == 404
    assert client.post("/desk/keys/00000000/distrust", {"reason": "a reason"}).status_code == 404


@pytest.mark.parametrize("role", ["marketer", "data_steward", "mailer", "auditor", "dpo"])
def test_only_administrators_come_to_the_keys(role: str, desk: Desk, settings: Settings) -> None:
    client = desk(role)
    (key,) = load_link_keys(settings)
    assert client.get("/desk/keys/").status_code == 403
    assert client.post("/desk/keys/rotate").status_code == 403
    assert client.post(f"/desk/keys/{key.id}/distrust", {"reason": "x"}).status_code == 403
    assert len(load_link_keys(settings)) == 1


def test_link_keys_of_the_environment_are_changed_there(settings: Settings, database: Database) -> None:
    given = base64.b64encode(load_link_keys(settings)[0].secret).decode()
    app = create_app(replace(settings, secrets={LINK.variable: given}), database)
    client = Desk(app, database)("administrator")
    page = client.get("/desk/keys/").text
    assert LINK.variable in page
    assert "Sign with a new key" not in page
    assert client.post("/desk/keys/rotate").status_code == 503
    assert given not in page
    app.extensions["leaving"].close()


# --- timed work -------------------------------------------------------------------------------------------------------


def test_the_jobs_page_lists_the_whole_timetable_with_how_it_went(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO job_run VALUES"
                " ('forget-mail', now() - interval '1 hour', now(), now(), '7 mails forgotten'),"
                " ('flag-bursts', now() - interval '1 minute', now(), now(), 'failed: KeyError at consentmgr/x.py:1'),"
                " ('forget-counts', now() - interval '9 hours', now() - interval '9 hours', NULL, NULL)"
            )
        )
    page = desk("auditor").get("/desk/jobs/").text
    rows = dict(re.findall(r'<tr id="([\w-]+)">(.*?)</tr>', page, re.DOTALL))
    assert {"send-mail", "count-acts", "count-standing", "run-exports"} <= rows.keys()
    assert "removed: 7" in rows["forget-mail"]
    assert ">failed<" in rows["flag-bursts"]
    assert ">cut short<" in rows["forget-counts"]
    assert "Some of it needs a look" in page
    front = desk("auditor").get("/desk/").text
    assert re.search(r'href="/desk/jobs/#flag-bursts">[^<]*opt-outs of one domain', front)
    assert "Work that is done by the clock needs a look" in front


def test_a_timetable_that_nobody_follows_is_told(desk: Desk, database: Database) -> None:
    client = desk("auditor")
    assert "Nobody follows the timetable" in client.get("/desk/jobs/").text
    with database.transaction() as session:
        session.execute(text("INSERT INTO scheduler_heartbeat VALUES ('host:1', now(), now(), '[]')"))
    assert "Nobody follows the timetable" not in client.get("/desk/jobs/").text
    assert "All of it is in time" in client.get("/desk/").text
