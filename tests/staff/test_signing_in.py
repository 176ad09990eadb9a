"""Signing in by the pages: two factors, one answer for whatever went wrong, nothing that was fixed or replayed."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from consentmgr.edge.limits import DOORS
from consentmgr.kit import clock
from consentmgr.staff import accounts, invitations, passwords, second_factor, sessions, signing_in
from consentmgr.staff.cookies import COOKIE, DESK
from tests.staff.signing_in import PASSWORD, Desk, DeskVisitor, Member, member

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys

_MOST = {door.name: door.most for door in DOORS}


@pytest.fixture
def maija(database: Database, keys: Keys) -> Member:
    return member(database, keys)


def password(visitor: DeskVisitor, email: str, given: str = PASSWORD, **more: str) -> TestResponse:
    return visitor.post("/desk/sign-in", {"email": email, "password": given, **more})


def step(visitor: DeskVisitor, code: str) -> TestResponse:
    token = visitor.token("/desk/sign-in/code")
    return visitor.client.post("/desk/sign-in/code", data={"csrf_token": token, "code": code})


def signed_in(visitor: DeskVisitor) -> bool:
    return visitor.get("/desk/me").status_code == 200


def sign_in(desk: Desk, who: Member, steps: int = 0) -> DeskVisitor:
    visitor = desk.visitor()
    password(visitor, who.email)
    assert step(visitor, who.code(steps)).status_code == 303
    assert signed_in(visitor)
    return visitor


def test_password_and_code_lead_to_where_one_was_going(desk: Desk, maija: Member) -> None:
    visitor = desk.visitor()
    sent = visitor.get("/desk/me?lang=sv")
    assert (sent.status_code, sent.location) == (303, "/desk/sign-in?next=%2Fdesk%2Fme%3Flang%3Dsv")
    first = password(visitor, "  MAIJA@desk.example ", next="/desk/me?lang=sv")
    assert (first.status_code, first.location) == (303, "/desk/sign-in/code")
    assert not signed_in(visitor)
    second = step(visitor, maija.code())
    assert (second.status_code, second.location) == (303, "/desk/me?lang=sv")
    assert signed_in(visitor)


def test_what_went_wrong_is_told_nobody(desk: Desk, database: Database, keys: Keys, maija: Member) -> None:
    closed = member(database, keys, email="closed@desk.example")
    invited = member(database, keys, email="invited@desk.example")
    with database.transaction() as session:
        accounts.disable(session, accounts.account_of(session, closed.account_id), actor="test", now=clock.now())
        accounts.account_of(session, invited.account_id).password = None
    pages = set()
    for email in (maija.email, closed.email, invited.email, "nobody@desk.example"):
        given = "wrong-wrong-wrong" if email == maija.email else PASSWORD
        answer = password(desk.visitor(), email, given)
        assert answer.status_code == 422
        page = answer.text.replace(email, "EMAIL")
        pages.add(re.sub(r'name="csrf_token" value="[^"]+"', "TOKEN", page))
    assert len(pages) == 1
    with database.connect() as connection:
        refused = connection.scalars(text("SELECT detail FROM audit_event WHERE action = 'sign_in.refused'")).all()
    assert refused == [{"step": "password"}] * 4


def test_an_unknown_account_takes_as_long_as_a_known_one() -> None:
    """The same work, in time of this thread: a hash of the same parameters is checked for nobody too."""
    kept = passwords.hashed(PASSWORD)
    assert kept.rsplit("$", 2)[0] == passwords._nobodys().rsplit("$", 2)[0] == "$argon2id$v=19$m=19456,t=2,p=1"
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(9):
        for who, of in (("known", kept), ("unknown", None)):
            began = time.thread_time()
            assert not passwords.matches("wrong-wrong-wrong", of)
            taken[who].append(time.thread_time() - began)
    known, unknown = min(taken["known"]), min(taken["unknown"])
    assert 0.5 < known / unknown < 2


def test_a_code_is_good_once(desk: Desk, maija: Member) -> None:
    code = maija.code()
    first = desk.visitor()
    password(first, maija.email)
    assert step(first, code).status_code == 303
    second = desk.visitor()
    password(second, maija.email)
    assert step(second, code).status_code == 422
    assert not signed_in(second)
    assert step(second, maija.code(1)).status_code == 303


def test_a_code_sent_twice_at_once_is_taken_once(desk: Desk, database: Database, keys: Keys, maija: Member) -> None:
    code, now = maija.code(), clock.now()
    found = []
    for _ in range(2):
        with database.transaction() as session:
            value = signing_in.by_password(
                session, email=maija.email, password=PASSWORD, next_page="/desk/", browser="", keys=keys, now=now
            )
            assert value is not None
            found.append(sessions.find(session, value, now))
    gate = Barrier(2)
    opened = []

    def take(one: sessions.Found) -> None:
        gate.wait()
        with database.transaction() as session:
            opened.append(signing_in.by_code(session, one, code=code, keys=keys, now=now))

    threads = [Thread(target=take, args=(one,)) for one in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in opened) == 1


def test_each_recovery_code_is_good_once(desk: Desk, database: Database, keys: Keys, maija: Member) -> None:
    with database.transaction() as session:
        codes = second_factor.new_recovery_codes(accounts.account_of(session, maija.account_id), keys)
    visitor = desk.visitor()
    password(visitor, maija.email)
    assert step(visitor, codes[3].upper()).status_code == 303
    again = desk.visitor()
    password(again, maija.email)
    assert step(again, codes[3]).status_code == 422
    assert step(again, codes[4]).status_code == 303


def test_the_first_sign_in_sets_up_the_second_factor(desk: Desk, database: Database, keys: Keys, maija: Member) -> None:
    with database.transaction() as session:
        account = accounts.account_of(session, maija.account_id)
        accounts.reset_second_factor(session, account, actor="test", now=clock.now())
    visitor = desk.visitor()
    password(visitor, maija.email)
    assert not signed_in(visitor)
    page = visitor.get("/desk/sign-in/code").text
    assert "data:image/svg+xml;base64," in page
    key = re.search(r"<code>([A-Z2-7-]+)</code>", page)
    assert key is not None
    assert step(visitor, "000000").status_code == 422
    from passlib.totp import TOTP

    code = str(TOTP(key=key[1].replace("-", ""), format="base32").generate(time=clock.now()).token)
    done = step(visitor, code)
    assert done.status_code == 200
    assert len(re.findall(r"<code>[0-9a-f-]{14}</code>", done.text)) == second_factor.RECOVERY_CODES
    assert signed_in(visitor)
    with database.connect() as connection:
        kept = str(connection.execute(text("SELECT tf_totp_secret, recovery_codes FROM staff_account")).all())
    assert key[1].replace("-", "") not in kept


def test_a_session_fixed_beforehand_is_nobodys(desk: Desk, maija: Member) -> None:
    visitor = desk.visitor()
    visitor.client.set_cookie(COOKIE, "chosen-by-somebody-else", path=DESK)
    visitor.get("/desk/sign-in")
    seen = {"chosen-by-somebody-else", visitor.cookie}
    password(visitor, maija.email)
    assert visitor.cookie not in seen
    seen.add(visitor.cookie)
    step(visitor, maija.code())
    assert visitor.cookie not in seen
    for value in seen - {None}:
        thief = desk.visitor()
        thief.client.set_cookie(COOKIE, str(value), path=DESK)
        assert not signed_in(thief)


def test_the_cookie_says_nothing_and_the_database_does_not_hold_it(
    desk: Desk, database: Database, maija: Member
) -> None:
    visitor = sign_in(desk, maija)
    value = visitor.cookie
    assert value is not None
    assert re.fullmatch(r"[\w-]{43}", value)
    with database.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM staff_session")).all())
    assert value not in rows
    set_cookie = password(desk.visitor(), maija.email).headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Path=/desk" in set_cookie


def test_signing_out_ends_the_session_for_good(desk: Desk, maija: Member) -> None:
    visitor = sign_in(desk, maija)
    value = str(visitor.cookie)
    token = visitor.token("/desk/me")
    assert visitor.client.post("/desk/sign-out", data={"csrf_token": token}).status_code == 303
    assert not signed_in(visitor)
    thief = desk.visitor()
    thief.client.set_cookie(COOKIE, value, path=DESK)
    assert not signed_in(thief)


@pytest.mark.parametrize("change", ["password", "grant", "revoke", "disable", "reset", "end"])
def test_a_change_of_password_role_or_status_ends_every_session(
    desk: Desk, database: Database, settings: Settings, maija: Member, change: str
) -> None:
    visitor = sign_in(desk, maija)
    half_way = desk.visitor()
    password(half_way, maija.email)
    now = clock.now()
    with database.transaction() as session:
        account = accounts.account_of(session, maija.account_id, for_update=True)
        if change == "password":
            token = invitations.invite(session, account, actor="test", now=now)
            invitations.take(session, token, password="another-harbour-lantern", language=None, now=now)
        elif change == "grant":
            accounts.grant(session, account, "auditor", None, actor="test", now=now)
        elif change == "revoke":
            accounts.revoke(session, account, "marketer", actor="test", now=now)
        elif change == "disable":
            accounts.disable(session, account, actor="test", now=now)
        elif change == "reset":
            accounts.reset_second_factor(session, account, actor="test", now=now)
        else:
            accounts.end_sessions(session, account, actor="test", now=now)
    assert not signed_in(visitor)
    assert half_way.get("/desk/sign-in/code").status_code == 303


def test_a_session_whose_row_was_missed_is_over_all_the_same(desk: Desk, database: Database, maija: Member) -> None:
    visitor = sign_in(desk, maija)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE staff_account SET fs_uniquifier = 'drawn anew'"))
    assert not signed_in(visitor)


@pytest.mark.parametrize(
    ("column", "past"), [("seen_at", sessions.IDLE), ("created_at", sessions.LONGEST)], ids=["idle", "a working day"]
)
def test_a_session_ends_by_the_clock(
    desk: Desk, database: Database, maija: Member, column: str, past: timedelta
) -> None:
    visitor = sign_in(desk, maija)
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE staff_session SET {column} = now() - :past"), {"past": past})
    assert not signed_in(visitor)


def test_an_hour_of_use_is_not_an_hour_of_silence(desk: Desk, database: Database, maija: Member) -> None:
    visitor = sign_in(desk, maija)
    for _ in range(3):
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE staff_session SET seen_at = now() - interval '50 minutes'"))
        assert signed_in(visitor)


def test_many_tries_are_told_to_wait_by_client(desk: Desk, maija: Member) -> None:
    visitor = desk.visitor()
    answers = [
        password(visitor, f"somebody-{number}@desk.example", "wrong-wrong-wrong").status_code
        for number in range(_MOST["sign-in"] + 1)
    ]
    assert answers == [422] * _MOST["sign-in"] + [429]


def test_many_tries_of_one_account_are_told_to_wait_whoever_asks(desk: Desk, maija: Member) -> None:
    desk.app.config["TRUSTED_PROXIES"] = _loopback()
    answers = []
    for number in range(_MOST["sign-in-account"] + 1):
        visitor = desk.visitor()
        token = visitor.token()
        answer = visitor.client.post(
            "/desk/sign-in",
            data={"csrf_token": token, "email": maija.email, "password": "wrong-wrong-wrong"},
            headers={"X-Forwarded-For": f"192.0.2.{number}"},
        )
        answers.append(answer.status_code)
    assert answers == [422] * _MOST["sign-in-account"] + [429]


def _loopback() -> tuple[object, ...]:
    from ipaddress import ip_network

    return (ip_network("127.0.0.0/8"),)


def test_codes_are_not_to_be_guessed(desk: Desk, maija: Member) -> None:
    answers = []
    for _ in range(2):
        visitor = desk.visitor()
        password(visitor, maija.email)
        answers += [step(visitor, "123456" if maija.code() != "123456" else "654321").status_code for _ in range(6)]
    assert answers == [422] * _MOST["second-factor"] + [429] * (12 - _MOST["second-factor"])


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example/desk/",
        "//evil.example/desk/",
        "/\\evil.example/desk/",
        "/desk/\\..\\..\\evil",
        "\\\\evil.example",
        "/\t/evil.example/desk",
        "/desk\n//evil.example",
        "javascript:alert(1)",
        "/desk@evil.example",
        "/deskevil.example",
        "http:/desk/",
        "//desk/",
        "/desk/../l/x",
        "/desk/%0d%0aSet-Cookie:x=1\r\n",
        "/desk/sign-out",
        "",
    ],
)
def test_nothing_leads_out_of_the_house(desk: Desk, maija: Member, given: str) -> None:
    visitor = desk.visitor()
    password(visitor, maija.email, next=given)
    assert step(visitor, maija.code()).location == "/desk/"


def test_the_host_of_a_request_stands_in_no_answer(desk: Desk, maija: Member) -> None:
    visitor = desk.visitor()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for path in ("/desk/sign-in", "/desk/me", "/desk", "/desk/staff"):
        answer = visitor.get(path, headers=headers)
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("Location", "")


def test_a_form_without_the_token_of_its_browser_does_nothing(desk: Desk, maija: Member) -> None:
    visitor = desk.visitor()
    given = {"email": maija.email, "password": PASSWORD}
    assert visitor.client.post("/desk/sign-in", data=given).status_code == 400
    other = desk.visitor().token()
    visitor.get("/desk/sign-in")
    assert visitor.client.post("/desk/sign-in", data={**given, "csrf_token": other}).status_code == 400
    assert not signed_in(visitor)


def test_looking_at_the_sign_in_pages_writes_nothing(desk: Desk, database: Database) -> None:
    def rows() -> list[int]:
        with database.connect() as connection:
            tables = ("staff_session", "staff_invitation", "staff_account", "audit_event", "client_count")
            return [connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables]

    before = rows()
    for path in ("/desk/sign-in", "/desk/sign-in/code", "/desk/invitation/nothing", "/desk/sign-in/provider/back"):
        desk.visitor().get(path)
        desk.visitor().client.head(path)
    assert rows() == before


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pages_speak_three_languages(desk: Desk, language: str) -> None:
    words = {"fi": "Kirjaudu", "sv": "Logga in", "en": "Sign in"}
    page = desk.visitor().get(f"/desk/sign-in?lang={language}")
    assert f'<html lang="{language}">' in page.text
    assert words[language] in page.text
    refused = desk.visitor().post(f"/desk/sign-in?lang={language}", {"email": "x@desk.example", "password": "y"})
    assert f'<html lang="{language}">' in refused.text
