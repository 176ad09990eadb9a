"""Mail that leaves: once where all goes well, at least once where it does not, and never too often."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.mail.jobs import forget_mail, send_mail
from consentmgr.mail.models import OutgoingMail
from consentmgr.mail.outbox import IN_HAND, KEEP_DONE, MOST_PER_ADDRESS, WAITS, post, send_due
from consentmgr.mail.smtp import Courier, Delivered, MailServer, Unreachable
from consentmgr.preferences.subscribing import ask, read_answer
from consentmgr.preferences.subscription_forms import shown_form
from tests.mail.loopback import LoopbackServer, certificate
from tests.preferences.subscribers import NOW, make_form

if TYPE_CHECKING:
    from consentmgr.config import Language, Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys

SOMEBODY = "venla.virtanen@posti.example"


def ask_for(
    database: Database, keys: Keys, email: str = SOMEBODY, *, language: Language = "fi", now: datetime = NOW
) -> None:
    """Somebody fills the form ``uutiset``, so that a mail waits."""
    with database.transaction() as session:
        form = shown_form(session, "uutiset", language)
        asked = read_answer(
            session,
            form,
            email=email,
            topics=["training-news"],
            notice=None,
            keys=AddressKeys(keys.address_key, keys.address_key_id),
        )
        ask(session, form, asked, language=language, now=now)


def rows(database: Database) -> list[OutgoingMail]:
    with database.transaction() as session:
        return list(session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)))


@pytest.fixture
def form(database: Database, keys: Keys) -> str:
    return make_form(database, keys)


def test_a_mail_has_the_headers_a_mail_must_have(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    assert send_mail(database, mail_settings, keys, NOW) == "1 sent"
    (received,) = smtp.box.received
    assert received.recipients == [SOMEBODY]
    assert received.mail_from == "viestit@acme.example"
    message = received.message
    assert message["From"] == "Acme Oy <viestit@acme.example>"
    assert message["To"] == SOMEBODY
    assert message["Subject"] == "Vahvista tilauksesi – Acme Oy"
    assert received.raw.partition(b"\r\n\r\n")[0].isascii(), "RFC 2047"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"].endswith("@acme.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fi"
    assert message["List-Unsubscribe"] is None, "there is nothing to leave yet"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in message.iter_parts()} == {"utf-8"}
    assert message.defects == []
    assert all(len(line) <= 998 for line in received.raw.split(b"\r\n"))


def test_text_and_html_say_the_same_and_hold_nothing_from_elsewhere(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    send_mail(database, mail_settings, keys, NOW)
    received = smtp.box.received[0]
    link = received.link("/c/")
    assert link.startswith("https://valinnat.acme.example/c/")
    assert "Tilaus: Koulutusuutiset" in received.text
    assert "27. marraskuuta 2026 asti" in received.text
    assert f'href="{link}"' in received.html
    assert "Tilaus: Koulutusuutiset" in received.html
    assert '<html lang="fi">' in received.html
    assert "prefers-color-scheme: dark" in received.html
    for tracked in ("<img", "src=", "http://", "url(", "<script", "utm_"):
        assert tracked not in received.html
    assert received.html.count("https://") == 1, "no link but the one that is meant"


@pytest.mark.parametrize(
    ("language", "subject", "day"),
    [
        ("fi", "Vahvista tilauksesi – Acme Oy", "27. marraskuuta 2026"),
        ("sv", "Bekräfta din prenumeration – Acme Oy", "27 november 2026"),
        ("en", "Confirm your subscription – Acme Oy", "November 27, 2026"),
    ],
)
def test_the_mail_speaks_the_language_of_the_page(
    database: Database,
    keys: Keys,
    mail_settings: Settings,
    smtp: LoopbackServer,
    form: str,
    language: Language,
    subject: str,
    day: str,
) -> None:
    ask_for(database, keys, language=language)
    send_mail(database, mail_settings, keys, NOW)
    received = smtp.box.received[0]
    assert received.message["Subject"] == subject
    assert day in received.text


def test_the_address_goes_and_its_digest_stays(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    send_mail(database, mail_settings, keys, NOW)
    (row,) = rows(database)
    assert row.address is None
    assert row.sent_at is not None
    assert row.address_key == AddressKeys(keys.address_key, keys.address_key_id).key("email", SOMEBODY)
    assert send_mail(database, mail_settings, keys, NOW + timedelta(days=3)) == "nothing to send"
    assert len(smtp.box.received) == 1


def test_no_token_and_no_link_is_ever_stored(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    with database.transaction() as session:
        stored = str(session.execute(text("SELECT row_to_json(m) FROM outgoing_mail m")).scalars().all())
    send_mail(database, mail_settings, keys, NOW)
    token = smtp.box.received[0].link("/c/").rpartition("/")[2]
    assert token not in stored
    assert "http" not in stored


def test_a_mail_of_a_transaction_that_failed_is_not_sent(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    with database.connect() as connection:
        session = Session(connection)
        assert post(
            session,
            template="my_link",
            language="fi",
            controller="acme",
            address=SOMEBODY,
            address_key=UUID(int=1),
            fields={},
            now=NOW,
        )
        session.rollback()
    assert send_mail(database, mail_settings, keys, NOW) == "nothing to send"
    assert smtp.box.received == []


# --- a server that does not take it ------------------------------------------------------------------------------------


def test_a_server_that_defers_is_tried_again_after_growing_waits_and_given_up_in_the_end(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    smtp.box.at_recipient = lambda _: "450 4.2.0 come back later, venla.virtanen@posti.example"
    ask_for(database, keys)
    moment, waited = NOW, []
    for _ in range(len(WAITS)):
        assert send_mail(database, mail_settings, keys, moment) == "1 deferred, 1 waiting"
        (row,) = rows(database)
        assert send_mail(database, mail_settings, keys, row.due_at - timedelta(seconds=5)) == "1 waiting", "not yet"
        waited.append(row.due_at - moment)
        moment = row.due_at
    assert [round(wait / timedelta(minutes=1)) for wait in waited] == [wait // timedelta(minutes=1) for wait in WAITS]
    # The pending request must still be wanted, or it would be dropped instead; the last attempt is within its week.
    assert send_mail(database, mail_settings, keys, moment) == "1 given up"
    (row,) = rows(database)
    assert row.given_up_at is not None
    assert row.address is None
    assert row.last_error == "450 4.2.0 at RCPT", "a code, and not the server's words"


def test_a_server_that_refuses_for_good_is_not_asked_again(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    smtp.box.at_recipient = lambda _: "550 5.1.1 no such user"
    ask_for(database, keys)
    assert send_mail(database, mail_settings, keys, NOW) == "1 given up"
    (row,) = rows(database)
    assert (row.address, row.last_error) == (None, "550 5.1.1 at RCPT")
    assert send_mail(database, mail_settings, keys, NOW + timedelta(days=2)) == "nothing to send"


def test_a_message_refused_at_its_end_is_given_up_too(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    smtp.box.at_message = lambda _: "554 5.7.1 we do not like it"
    ask_for(database, keys)
    assert send_mail(database, mail_settings, keys, NOW) == "1 given up"
    assert rows(database)[0].last_error == "554 5.7.1 at DATA"


@pytest.mark.parametrize("step", ["at_recipient", "at_message"])
def test_a_dropped_connection_defers_that_mail_and_the_next_one_goes_out(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str, step: str
) -> None:
    ask_for(database, keys, "eka@posti.example")
    ask_for(database, keys, "toka@posti.example", now=NOW + timedelta(seconds=1))
    setattr(smtp.box, step, lambda recipient: "drop" if recipient.startswith("eka") else None)
    told = send_mail(database, mail_settings, keys, NOW + timedelta(seconds=2))
    assert told == "1 sent, 1 deferred, 1 waiting"
    assert [received.recipients for received in smtp.box.received] == [["toka@posti.example"]]
    setattr(smtp.box, step, lambda _: None)
    assert send_mail(database, mail_settings, keys, NOW + timedelta(minutes=2)) == "1 sent"


def test_a_server_that_is_not_there_loses_nothing(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    nobody = replace(mail_settings, smtp_url="smtp://127.0.0.1:1")
    told = send_mail(database, nobody, keys, NOW)
    assert told == ("1 deferred, 1 waiting (the mail server was not reached: ConnectionRefusedError at connecting)")
    assert send_mail(database, mail_settings, keys, NOW + timedelta(minutes=2)) == "1 sent"


def test_without_a_mail_server_mail_waits(database: Database, keys: Keys, settings: Settings, form: str) -> None:
    ask_for(database, keys)
    assert send_mail(database, settings, keys, NOW) == "1 waiting"
    assert rows(database)[0].attempts == 0


def test_an_address_with_letters_beyond_ascii_is_written_as_mail_servers_write_it(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys, "venla@työkalu.example")
    ask_for(database, keys, "ääni@posti.example", now=NOW + timedelta(seconds=1))
    told = send_mail(database, mail_settings, keys, NOW + timedelta(seconds=2))
    assert told == "1 sent, 1 given up", "the second needs SMTPUTF8, which this server does not have"
    assert smtp.box.received[0].recipients == ["venla@xn--tykalu-xxa.example"]
    assert smtp.box.received[0].message["To"] == "venla@xn--tykalu-xxa.example"


# --- at least once ------------------------------------------------------------------------------------------------------

_SEND = """
import os
from datetime import datetime
from consentmgr.config import load_settings
from consentmgr.db import open_database
from consentmgr.keys import load_keys
from consentmgr.mail.jobs import send_mail
settings = load_settings(os.environ)
with open_database(settings) as database:
    send_mail(database, settings, load_keys(settings), datetime.fromisoformat(os.environ["AT"]))
"""


def test_a_process_that_dies_between_the_servers_yes_and_its_own_note_sends_a_copy_known_for_one(
    database: Database,
    keys: Keys,
    mail_settings: Settings,
    smtp: LoopbackServer,
    form: str,
    environment: dict[str, str],
) -> None:
    ask_for(database, keys)
    pids: list[int] = []

    def kill_it(_: str) -> str:
        os.kill(pids[0], signal.SIGKILL)
        return "250 taken"

    smtp.box.at_message = kill_it
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()\n" + _SEND],
        stdin=subprocess.PIPE,
        env=environment
        | {
            "AT": NOW.isoformat(),
            "CONSENTMGR_SMTP_URL": smtp.url,
            "CONSENTMGR_MAIL_FROM": "viestit@acme.example",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        },
    )
    pids.append(process.pid)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(smtp.box.wait_for(1)) == 1
    smtp.box.at_message = lambda _: None
    assert send_mail(database, mail_settings, keys, NOW + timedelta(minutes=2)) == "1 waiting", "it may be under way"
    assert send_mail(database, mail_settings, keys, NOW + IN_HAND + timedelta(minutes=1)) == "1 sent"
    first, second = smtp.box.received
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert rows(database)[0].attempts == 2


def test_many_senders_at_once_send_each_mail_once(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    addresses = [f"lukija{number}@posti.example" for number in range(20)]
    for address in addresses:
        ask_for(database, keys, address)
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: send_due(database, mail_settings, keys, now=NOW).delivered, range(4)))
    assert sum(sent) == len(addresses)
    assert sorted(received.recipients[0] for received in smtp.box.received) == sorted(addresses)
    assert len({received.message["Message-ID"] for received in smtp.box.received}) == len(addresses)


def test_a_mail_that_kills_whoever_takes_it_is_given_up(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    with database.transaction() as session:
        session.execute(text("UPDATE outgoing_mail SET attempts = :many"), {"many": len(WAITS) + 1})
    assert send_mail(database, mail_settings, keys, NOW) == "1 given up"
    assert smtp.box.received == []


def test_a_mail_that_cannot_be_made_does_not_hold_up_the_others(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys, "eka@posti.example")
    with database.transaction() as session:
        session.execute(text("UPDATE outgoing_mail SET fields = '{}'"))
    ask_for(database, keys, "toka@posti.example", now=NOW + timedelta(seconds=1))
    assert send_mail(database, mail_settings, keys, NOW + timedelta(seconds=2)) == "1 sent, 1 deferred, 1 waiting"
    assert rows(database)[0].last_error == "KeyError making it"


def test_a_mail_that_is_not_wanted_any_more_is_dropped(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    assert send_mail(database, mail_settings, keys, NOW + timedelta(days=9)) == "1 dropped"
    assert rows(database)[0].address is None
    assert smtp.box.received == []


def test_rows_that_are_done_with_go_after_a_month(
    database: Database, keys: Keys, mail_settings: Settings, smtp: LoopbackServer, form: str
) -> None:
    ask_for(database, keys)
    send_mail(database, mail_settings, keys, NOW)
    ask_for(database, keys, "odottaa@posti.example")
    assert forget_mail(database, mail_settings, keys, NOW + KEEP_DONE - timedelta(minutes=1)) == "0 mails forgotten"
    assert forget_mail(database, mail_settings, keys, NOW + KEEP_DONE + timedelta(minutes=1)) == "1 mails forgotten"
    assert len(rows(database)) == 1, "what still waits stays"


# --- not too often -------------------------------------------------------------------------------------------------------


def post_one(database: Database, key: UUID, now: datetime, template: str = "my_link") -> bool:
    with database.transaction() as session:
        return post(
            session,
            template=template,
            language="fi",
            controller="acme",
            address=SOMEBODY,
            address_key=key,
            fields={},
            now=now,
        )


def test_an_address_gets_three_mails_in_a_day_whatever_asks_for_them(database: Database) -> None:
    key = UUID(int=7)
    assert post_one(database, key, NOW)
    assert post_one(database, key, NOW + timedelta(hours=1), "confirm_subscription")
    assert post_one(database, key, NOW + timedelta(hours=2))
    assert not post_one(database, key, NOW + timedelta(hours=3), "confirm_subscription")
    assert not post_one(database, key, NOW + timedelta(hours=23, minutes=59))
    assert post_one(database, UUID(int=8), NOW + timedelta(hours=3)), "another address"
    assert post_one(database, key, NOW + timedelta(hours=24)), "the first is a day old"
    assert not post_one(database, key, NOW + timedelta(hours=24))


def test_the_limit_is_exact_however_many_ask_at_once(database: Database) -> None:
    key = UUID(int=9)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: post_one(database, key, NOW), range(32)))
    assert sum(taken) == MOST_PER_ADDRESS
    assert len(rows(database)) == MOST_PER_ADDRESS


def test_a_template_that_does_not_exist_is_a_mistake(database: Database) -> None:
    with pytest.raises(ValueError, match="no mail called"):
        post_one(database, UUID(int=10), NOW, "advertisement")


# --- the way to the server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "implicit", "starttls"),
    [
        ("smtps://user:s%40l%3At@mail.acme.example", "mail.acme.example", 465, True, False),
        ("smtp://mail.acme.example", "mail.acme.example", 587, False, True),
        ("smtp://mail.acme.example:2525", "mail.acme.example", 2525, False, True),
        ("smtp://localhost:1025", "localhost", 1025, False, False),
        ("smtp://[::1]", "::1", 25, False, False),
    ],
)
def test_where_mail_is_handed_in(
    settings: Settings, url: str, host: str, port: int, implicit: bool, starttls: bool
) -> None:
    server = MailServer.of(replace(settings, smtp_url=url, mail_from="viestit@acme.example"))
    assert server is not None
    assert (server.host, server.port, server.implicit_tls, server.needs_starttls) == (host, port, implicit, starttls)
    if server.user is not None:
        assert (server.user, server.password) == ("user", "s@l:t")
        assert "s@l" not in repr(server)


def test_nothing_is_sent_in_clear_to_another_machine(settings: Settings) -> None:
    # 0.0.0.0 is answered by this machine and is no loopback address, which stands here for another machine.
    with LoopbackServer("0.0.0.0") as server:
        there = MailServer("0.0.0.0", server.port, False, "viestit@acme.example")
        with Courier(there) as courier:
            outcome = courier.send(SOMEBODY, b"Subject: hei\r\n\r\nhei\r\n")
        assert outcome == Unreachable("SMTPNotSupportedError at connecting")
        assert server.box.received == []


def test_starttls_is_used_and_the_certificate_checked(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "0.0.0.0")
    with LoopbackServer("0.0.0.0", tls_context=ours) as server:
        there = MailServer("0.0.0.0", server.port, False, "viestit@acme.example")
        with Courier(there) as courier:
            outcome = courier.send(SOMEBODY, b"Subject: hei\r\n\r\nhei\r\n")
            assert outcome == Unreachable("SSLCertVerificationError at connecting"), "nobody vouches for it"
        with Courier(there, context=theirs) as courier:
            assert courier.send(SOMEBODY, b"Subject: hei\r\n\r\nhei\r\n") == Delivered()
        assert [received.encrypted for received in server.box.received] == [True]


def test_implicit_tls_is_used(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "127.0.0.1")
    with LoopbackServer(ssl_context=ours) as server:
        there = MailServer("127.0.0.1", server.port, True, "viestit@acme.example")
        with Courier(there, context=theirs) as courier:
            assert courier.send(SOMEBODY, b"Subject: hei\r\n\r\nhei\r\n") == Delivered()
            assert courier.send(SOMEBODY, b"Subject: taas\r\n\r\nhei\r\n") == Delivered(), "on the same connection"
        assert len(server.box.received) == 2


def test_the_time_of_a_mail_in_hand_outlasts_any_sending() -> None:
    from consentmgr.mail.smtp import STEP_SECONDS

    steps_of_a_session = 10
    assert timedelta(seconds=STEP_SECONDS * steps_of_a_session) < IN_HAND
    assert NOW.tzinfo is UTC
