"""Accounts: invited once, changed by those who may, never left without an administrator; at the desk and the terminal."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from consentmgr.audit import service as audit
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import accounts, invitations, passwords, sessions
from consentmgr.staff.demo import code_of, make_demo_accounts
from consentmgr.staff.roles import ROLES
from tests.staff.signing_in import PASSWORD, Desk, DeskVisitor, member

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunCommand
    from tests.mail.loopback import LoopbackServer

GOOD = "four-words-of-nothing-7"


def take(visitor: DeskVisitor, path: str, **given: str) -> int:
    token = visitor.token(path)
    data = {"csrf_token": token, "password": GOOD, "again": GOOD, **given}
    return int(visitor.client.post(path, data=data).status_code)


def invited(desk: Desk, **more: str) -> str:
    """An administrator invites somebody; the path of the one-time address."""
    answer = desk("administrator").post(
        "/desk/staff/invite",
        {"name": "Liisa", "email": "Liisa@desk.example", "language": "sv", "role": "marketer", "reach": "all", **more},
    )
    assert answer.status_code == 200, answer.text
    found = re.search(r'value="http://localhost:8000(/desk/invitation/[\w-]{43})"', answer.text)
    assert found is not None
    return found[1]


def test_an_invitation_is_good_once(desk: Desk, database: Database) -> None:
    path = invited(desk)
    first, second = desk.visitor(), desk.visitor()
    assert "Liisa" in first.get(path).text
    assert take(first, path) == 303
    assert first.get("/desk/sign-in/code").status_code == 200
    assert first.get("/desk/me").status_code == 303
    assert second.get(path).status_code == 410
    assert take(second, "/desk/sign-in", password=GOOD) == 422
    with database.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM staff_invitation")).all())
    assert path.rpartition("/")[2] not in kept


def test_an_invitation_taken_twice_at_once_is_taken_once(desk: Desk, database: Database) -> None:
    token = invited(desk).rpartition("/")[2]
    gate, outcomes = Barrier(2), []

    def attempt() -> None:
        gate.wait()
        try:
            with database.transaction() as session:
                invitations.take(session, token, password=GOOD, language=None, now=clock.now())
            outcomes.append("taken")
        except NotFound:
            outcomes.append("over")

    threads = [Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["over", "taken"]


def test_an_invitation_ends_with_its_days_with_a_newer_one_and_with_the_account(desk: Desk, database: Database) -> None:
    now = clock.now()
    with database.transaction() as session:
        account = accounts.create(session, email="l@desk.example", name="L", language=None, actor="test", now=now)
        first = invitations.invite(session, account, actor="test", now=now)
        second = invitations.invite(session, account, actor="test", now=now)
        assert invitations.find(session, first, now) is None
        assert invitations.find(session, second, now) is not None
        assert invitations.find(session, second, now + invitations.LASTS) is None
        accounts.disable(session, account, actor="test", now=now)
        assert invitations.find(session, second, now) is None


@pytest.mark.parametrize(
    "given", ["short", "password1234", "1234567890123456", "aaaaaaaaaaaaaaaa", "liisa@desk.example", "qwertyqwerty123"]
)
def test_a_password_that_is_easily_guessed_is_not_taken(given: str) -> None:
    with pytest.raises(BadInput):
        passwords.check(given, personal=("liisa@desk.example", "Liisa"))


@pytest.mark.parametrize("given", [PASSWORD, GOOD, "ääkköset ovat kivoja", "korrekt häst batteri", "x" * 6 + "yzåäöbc"])
def test_a_long_password_of_any_signs_is_taken(given: str) -> None:
    passwords.check(given, personal=("liisa@desk.example", "Liisa"))
    assert passwords.matches(given, passwords.hashed(given))


def test_a_password_is_one_however_the_keyboard_composes_it() -> None:
    assert passwords.matches("a\u0308a\u0308kko\u0308set ovat", passwords.hashed("ääkköset ovat"))


def test_init_invites_the_first_administrator_once(desk: Desk, run_command: RunCommand, database: Database) -> None:
    told = run_command("init").stdout
    found = re.search(r"^http://localhost:8000(/desk/invitation/[\w-]+)$", told, re.MULTILINE)
    assert found is not None
    assert "invitation" not in run_command("init").stdout
    visitor = desk.visitor()
    assert take(visitor, found[1], name="Ensimmäinen", email="eka@desk.example", again="no") == 422
    assert take(visitor, found[1], name="Ensimmäinen", email="eka@desk.example", language="fi") == 303
    assert desk.visitor().get(found[1]).status_code == 410
    with database.reading() as session:
        (row,) = accounts.listed(session, now=clock.now())
    assert (row.email, row.grants) == ("eka@desk.example", (("administrator", None),))


def test_the_first_invitation_is_over_when_there_is_an_account(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        token = invitations.invite_first(session, actor="test", now=clock.now())
    desk("auditor")
    assert desk.visitor().get(f"/desk/invitation/{token}").status_code == 410


def test_at_the_terminal(run_command: RunCommand) -> None:
    run_command("staff", "invite", "maija@desk.example", expect=2)
    told = run_command(
        "staff", "invite", "maija@desk.example", "--name", "Maija", "--role", "marketer", "--controller", "acme"
    ).stdout
    assert re.fullmatch(r"http://localhost:8000/desk/invitation/[\w-]{43}\n", told)
    run_command("staff", "grant", "maija@desk.example", "administrator")
    assert "marketer (acme), administrator" in run_command("staff", "list").stdout
    refused = run_command("staff", "revoke", "maija@desk.example", "administrator", expect=2)
    assert "last administrator" in refused.stderr
    run_command("staff", "disable", "maija@desk.example", expect=2)
    run_command("staff", "revoke", "maija@desk.example", "marketer")
    run_command("staff", "reset-second-factor", "maija@desk.example")
    assert run_command("staff", "sessions", "maija@desk.example", "--end").stdout == "ended\n"
    run_command("staff", "enable", "nobody@desk.example", expect=2)
    assert run_command("staff", "approvals").stdout == ""
    told = [json.loads(line) for line in run_command("staff", "trail", "--action", "account").stdout.splitlines()]
    assert [row["action"] for row in told][-3:] == ["account.invite", "account.grant", "account.create"]
    run_command("staff", "trail", "--since", "yesterday", expect=2)


def test_two_administrators_who_close_each_other_at_once_leave_one(database: Database) -> None:
    now = clock.now()
    with database.transaction() as session:
        pair = []
        for email in ("a@desk.example", "b@desk.example"):
            account = accounts.create(session, email=email, name="A", language=None, actor="test", now=now)
            accounts.grant(session, account, "administrator", None, actor="test", now=now)
            pair.append(account.id)
    gate, outcomes = Barrier(2), []

    def close(account_id: int) -> None:
        gate.wait()
        try:
            with database.transaction() as session:
                account = accounts.account_of(session, account_id, for_update=True)
                accounts.disable(session, account, actor="test", now=clock.now())
            outcomes.append("closed")
        except BadInput:
            outcomes.append("refused")

    threads = [Thread(target=close, args=(account_id,)) for account_id in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM staff_account WHERE active")).scalar_one() == 1
    assert sorted(outcomes) == ["closed", "refused"]


def test_roles_are_changed_at_the_desk_and_end_the_sessions(desk: Desk, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO controller (key, name) VALUES ('acme', 'Acme'), ('other', 'Other')")
    chief, maija = desk("administrator"), desk("marketer")
    assert maija.get("/desk/me").status_code == 200
    answer = chief.post(
        f"/desk/staff/{maija.account_id}/roles",
        [
            ("role", "marketer"), ("reach-marketer", "some"), ("for-marketer", "acme"), ("for-marketer", "other"),
            ("role", "auditor"), ("reach-auditor", "all"),
        ],
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    assert maija.get("/desk/me").status_code == 303
    with database.reading() as session:
        held = accounts.grants_of(session, maija.account_id)
        told = [row.action for row in audit.trail(session, audit.Wanted(object=f"account:{maija.account_id}"))]
    assert held == {"marketer": frozenset({"acme", "other"}), "auditor": None}
    assert told.count("account.grant") == 3
    nothing_ticked = [("role", "auditor"), ("reach-auditor", "some")]
    assert chief.post(f"/desk/staff/{maija.account_id}/roles", nothing_ticked).status_code == 422


@pytest.mark.parametrize("act", ["disable", "reset-second-factor", "end-sessions", "invitation"])
def test_what_is_done_to_an_account_at_the_desk(desk: Desk, act: str) -> None:
    chief, maija = desk("administrator"), desk("marketer")
    assert chief.post(f"/desk/staff/{maija.account_id}/{act}").status_code in (200, 303)
    assert maija.get("/desk/me").status_code == (200 if act == "invitation" else 303)
    if act == "disable":
        assert chief.post(f"/desk/staff/{maija.account_id}/invitation").status_code == 422
        assert chief.post(f"/desk/staff/{maija.account_id}/enable").status_code == 303
    assert chief.post(f"/desk/staff/{chief.account_id}/disable").status_code == 422


def test_one_changes_ones_password_after_showing_who_one_is(desk: Desk, database: Database, keys: Keys) -> None:
    maija = member(database, keys)
    first, second = desk.visitor(), desk.visitor()
    for visitor, code in ((first, maija.code()), (second, maija.code(1))):
        visitor.post("/desk/sign-in", {"email": maija.email, "password": PASSWORD})
        token = visitor.token("/desk/sign-in/code")
        visitor.client.post("/desk/sign-in/code", data={"csrf_token": token, "code": code})
        assert visitor.get("/desk/me").status_code == 200
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE staff_session SET proved_at = now() - interval '20 minutes'"))
        connection.execute(text("UPDATE staff_account SET totp_counter = totp_counter - 5"))
    change = {"csrf_token": first.token("/desk/me"), "password": GOOD, "again": GOOD}
    sent = first.client.post("/desk/me/password", data=change)
    assert sent.location == "/desk/me/prove?next=/desk/me"
    proof = {"csrf_token": change["csrf_token"], "next": "/desk/me", "code": maija.code()}
    assert first.client.post("/desk/me/prove", data={**proof, "password": "wrong-wrong-wrong"}).status_code == 422
    assert first.client.post("/desk/me/prove", data={**proof, "password": PASSWORD}).location == "/desk/me"
    before = first.cookie
    assert first.client.post("/desk/me/password", data=change).location == "/desk/me"
    assert first.cookie != before
    assert first.get("/desk/me").status_code == 200
    assert second.get("/desk/me").status_code == 303
    with database.reading() as session:
        assert passwords.matches(GOOD, accounts.account_of(session, maija.account_id).password)


def test_one_ends_ones_own_sessions_and_nobody_elses(desk: Desk, database: Database) -> None:
    maija, other = desk("marketer"), desk("marketer")
    with database.connect() as connection:
        numbers = dict(connection.execute(text("SELECT account_id, number FROM staff_session")).all())  # type: ignore[arg-type]
    maija.post(f"/desk/me/sessions/{numbers[other.account_id]}/end")
    assert other.get("/desk/me").status_code == 200
    maija.post(f"/desk/me/sessions/{numbers[maija.account_id]}/end")
    assert maija.get("/desk/me").status_code == 303


def test_the_trail_is_read_page_by_page_and_as_a_file(desk: Desk, database: Database) -> None:
    now = clock.now()
    with database.transaction() as session:
        for number in range(120):
            audit.record(
                session, at=now - timedelta(days=number), actor="terminal:x", action="policy.set",
                object=f"policy:=switch_{number}", detail={"to": "<b>"},
            )  # fmt: skip
        audit.read(session, at=now, actor="staff:1", object="contact:7")
    auditor = desk("auditor")
    seen: list[str] = []
    path: str | None = "/desk/audit?actor=terminal:x"
    pages = 0
    while path:
        page = auditor.get(path).text
        assert "<b>" not in page
        seen += re.findall(r"policy:=switch_(\d+)</a>", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else None
        pages += 1
    assert seen == [str(number) for number in reversed(range(120))]
    assert pages == 3
    day = clock.local_date(now - timedelta(days=3)).isoformat()
    one = auditor.get(f"/desk/audit?actor=terminal:x&since={day}&until={day}").text
    assert re.findall(r"policy:=switch_(\d+)</a>", one) == ["3"]
    assert auditor.get("/desk/audit?since=yesterday&before=x&after=9999999999999999999").status_code == 200
    rows = list(csv.DictReader(io.StringIO(auditor.get("/desk/audit.csv?action=policy").text.removeprefix("\ufeff"))))
    assert len(rows) == 120
    assert {row["actor"] for row in rows} == {"terminal:x"}
    assert auditor.get("/desk/audit.csv?object=contact:").text.count("\r\n") == 2


def test_a_demonstration_has_one_account_for_each_role(
    desk: Desk, database: Database, keys: Keys, settings: Settings
) -> None:
    now = clock.now()
    with database.transaction() as session:
        made = make_demo_accounts(session, keys, now)
        assert make_demo_accounts(session, keys, now) == made
    assert [account.role for account in made] == [role.key for role in ROLES]
    visitor = desk.visitor()
    visitor.post("/desk/sign-in", {"email": made[0].email, "password": made[0].password})
    token = visitor.token("/desk/sign-in/code")
    data = {"csrf_token": token, "code": code_of(made[0], clock.now())}
    assert visitor.client.post("/desk/sign-in/code", data=data).status_code == 303
    assert visitor.get("/desk/me").status_code == 200


def test_an_invitation_is_mailed_where_there_is_a_mail_server(
    mailing_client: FlaskClient, mail_settings: Settings, database: Database, keys: Keys, smtp: LoopbackServer
) -> None:
    from consentmgr.mail.outbox import send_due

    desk = Desk(mailing_client.application, database)
    chief = desk("administrator")
    answer = chief.post(
        "/desk/staff/invite",
        {
            "name": "Liisa <b>call me</b>",
            "email": "Liisa@desk.example",
            "language": "sv",
            "role": "marketer",
            "reach": "all",
        },
    )
    assert answer.status_code == 303, answer.text
    assert "/desk/invitation/" not in answer.text
    assert "on its way to Liisa" in chief.get("/desk/staff").text
    assert send_due(database, mail_settings, keys, now=clock.now()).delivered == 1
    (mail,) = smtp.box.wait_for(1)
    assert mail.recipients == ["liisa@desk.example"]
    assert "Ditt användarkonto" in str(mail.message["Subject"])
    assert "call me" not in mail.text + mail.html
    path = mail.link("/desk/invitation/").partition("valinnat.acme.example")[2]
    with database.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM staff_invitation")).all())
        kept += str(connection.execute(text("SELECT fields FROM outgoing_mail")).all())
    assert path.rpartition("/")[2] not in kept
    assert take(desk.visitor(), path) == 303
    assert desk.visitor().get(path).status_code == 410


def test_a_mail_of_an_invitation_that_is_over_is_not_sent(
    mail_settings: Settings, database: Database, keys: Keys, smtp: LoopbackServer
) -> None:
    from consentmgr.mail.outbox import send_due

    now = clock.now()
    with database.transaction() as session:
        account = accounts.create(
            session, email="liisa@desk.example", name="Liisa", language="fi", actor="test", now=now
        )
        for _ in range(3):
            assert invitations.invite_by_mail_or_hand(
                session, account, settings=mail_settings, keys=keys, actor="test", now=now
            ) is None  # fmt: skip
        shown = invitations.invite_by_mail_or_hand(
            session, account, settings=mail_settings, keys=keys, actor="test", now=now
        )
    assert shown is not None, "a fourth mail in a day does not go out; the address is passed on by hand"
    sent = send_due(database, mail_settings, keys, now=now)
    assert (sent.delivered, sent.dropped) == (0, 3)


def test_one_browser_is_signed_out_and_the_others_stay(desk: Desk, database: Database, run_command: RunCommand) -> None:
    chief, marketer = desk("administrator"), desk("marketer")
    with database.transaction() as session:
        account = accounts.account_of(session, marketer.account_id)
        for browser in ("Firefox", "Chromium"):
            sessions.begin(session, account, stage="open", method="passkey", now=clock.now(), browser=browser)
    place = f"/desk/staff/{marketer.account_id}"
    numbers = re.findall(rf"{place}/sessions/(\d+)/end", chief.get(place).text)
    assert len(numbers) == 3
    assert chief.post(f"{place}/sessions/{max(map(int, numbers))}/end").status_code == 303
    assert len(re.findall(rf"{place}/sessions/\d+/end", chief.get(place).text)) == 2
    assert chief.post(f"{place}/sessions/999999/end").status_code == 404
    own = f"/desk/staff/{chief.account_id}"
    assert f"{own}/sessions/" not in chief.get(own).text
    run_command("staff", "sessions", marketer.email, "--end-one", min(numbers, key=int))
    assert marketer.get("/desk/me").status_code == 303
    foreign = desk("administrator", controllers={"acme"})
    assert foreign.post(f"{place}/sessions/{numbers[1]}/end").status_code == 404
