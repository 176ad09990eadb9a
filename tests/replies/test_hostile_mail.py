"""Messages made to hurt: none makes a reader fail, wait or grow, and each is left for people."""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest

from consentmgr.replies.bounces import weigh
from consentmgr.replies.mail import MOST_BYTES, MOST_TEXT, Mail, Unreadable
from tests.replies.conftest import MESSAGES, Post

HEAD = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def nested(depth: int, kind: bytes = b"mixed") -> bytes:
    """Multiparts within each other."""
    opened = b"".join(
        b'Content-Type: multipart/%s; boundary="b%d"\r\n\r\n--b%d\r\n' % (kind, number, number)
        for number in range(depth)
    )
    return HEAD + opened + b"Content-Type: text/plain\r\n\r\nSTOP\r\n"


def carried(depth: int) -> bytes:
    """Messages within each other."""
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: y\r\n\r\nSTOP\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n \r\n",
        nested(299),
        nested(5_000),
        nested(5_000, b"report; report-type=delivery-status"),
        carried(290),
        carried(5_000),
        HEAD + b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        HEAD + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\n----\r\n',
        HEAD + b"Content-Type: text/plain; charset=\xff\xfe\r\n\r\nSTOP",
        HEAD + b"Content-Type: text/plain; charset*=utf-8'x'%FF; charset=zip\r\n\r\nx",
        HEAD + b"Content-Type: ///;;;===\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\xff\xff",
        HEAD + b"Content-Type: message/delivery-status\r\n\r\n",
        HEAD + b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n====",
        HEAD + b"Content-Type: message/feedback-report\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin\r\n",
        HEAD + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
        b"From: " + b"(" * 20_000 + b"\r\n\r\nSTOP",
        b"From: =?utf-8?B?////?=\r\nSubject: =?zip?Q?x?= =?utf-8?Q?\xff?=\r\n\r\nSTOP",
        b"From: \x00a@\x00b.example\r\nSubject: \x00\r\n\r\nunsubscribe\x00",
        b"From: a@b.example\r\nDate: Thu, 99 Foo 99999 99:99:99 +9999\r\n\r\nSTOP",
        b"\xff" * 1_000,
        b"\x00" * 1_000,
        b": \r\n: \r\n\r\n:",
        b"From a@b.example\r\n>From: x\r\n\r\n",
    ],
)
def test_no_message_makes_the_reader_fail(post: Post, raw: bytes) -> None:
    started = time.perf_counter()
    assert post.take(raw) in ("other", "unreadable", "leave_proposal", "auto_reply", "delivery_notice")
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\n" + b"\n" * 1_000_000,
        HEAD + b"X: y\r\n" * 100_000 + b"\r\nSTOP",
        HEAD + b"X: " + b"a" * 9_000_000 + b"\r\n\r\nSTOP",
        HEAD + b"To: " + b"<" * 2_000_000 + b"\r\n\r\n",
        HEAD + b"Subject: " + b"=?utf-8?q?" * 200_000 + b"\r\n\r\n",
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 1_000_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 1_000_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<a href='" * 500_000,
        HEAD + b"Content-Type: text/plain\r\n\r\n" + b"poista minut, alkaa " * 400_000,
        HEAD + b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 20_000,
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 20_000,
    ],
    ids=["lines", "headers", "header", "angles", "words", "tags", "comments", "quotes", "text", "blocks", "parts"],
)
def test_a_large_message_is_done_with_soon(post: Post, raw: bytes) -> None:
    assert len(raw) < MOST_BYTES
    started = time.perf_counter()
    post.take(raw)
    assert time.perf_counter() - started < 30


def test_html_is_read_as_a_person_sees_it() -> None:
    html = """<html><head><title>Vastaus</title><style>p {}</style></head><body><!-- piilo --><p>Hei &amp; kiitos,</p>
      <div>poistakaa <b>minut</b> listalta</div><blockquote>Peruuta tilaus<blockquote>x</blockquote>y</blockquote>
      <p>1 &lt; 2 < 3</p><script>unsubscribe</script><div class="gmail_quote">unsubscribe</div></body></html>"""
    mail = Mail(HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode())
    lines = [" ".join(line.split()) for line in mail.text.split("\n")]
    assert [line for line in lines if line] == ["Hei & kiitos,", "poistakaa minut listalta", "1 < 2 3"]


def test_a_message_beyond_ten_megabytes_is_not_read() -> None:
    with pytest.raises(Unreadable, match="too large"):
        Mail(HEAD + b"\r\n" + b"a" * MOST_BYTES)


def test_a_large_message_takes_little_more_than_itself() -> None:
    raw = HEAD + b"Content-Type: text/plain\r\n\r\n" + b"0123456789abcdef\r\n" * 60_000
    tracemalloc.start()
    mail = Mail(raw)
    assert len(mail.text) <= MOST_TEXT
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * len(raw)


def test_damaged_reports_never_make_the_reader_fail(post: Post) -> None:
    """Bytes of real messages cut, doubled and turned over."""
    chance = random.Random(20261103)
    names = [path.stem for path in sorted(MESSAGES.glob("*.eml"))]
    for _ in range(60):
        raw = bytearray(post.raw(chance.choice(names)))
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(raw))
            match chance.randrange(3):
                case 0:
                    raw[place] = chance.randrange(256)
                case 1:
                    del raw[place : place + chance.randint(1, 60)]
                case _:
                    raw[place:place] = raw[place : place + chance.randint(1, 200)]
        post.taken(bytes(raw))


def test_nothing_of_a_message_shows_in_its_text_form() -> None:
    mail = Mail(HEAD + b"\r\nhello")
    assert repr(mail) == f"Mail({len(mail.raw)} bytes)"


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "weight"),
    [
        ("failed", "5.1.1", None, "permanent"),
        ("Failed", "5.1.1 (bad address)", None, "permanent"),
        ("failed", "5.1.10", None, "permanent"),
        ("failed", "5.2.1", None, "permanent"),
        ("failed", "5.2.2", None, "temporary"),
        ("failed", "5.1.8", None, "temporary"),
        ("failed", "5.7.1", "smtp; 550 5.7.1 user unknown", "temporary"),
        ("failed", "5.6.0", None, "temporary"),
        ("failed", "4.4.7", None, "temporary"),
        ("failed", "5.0.0", "smtp; 550 5.1.1 no mailbox", "permanent"),
        ("failed", "5.0.0", "smtp; 550 5.7.1 rejected", "temporary"),
        ("failed", "5.0.0", "smtp; 550 User unknown", "permanent"),
        ("failed", "5.0.0", "smtp; 550 mailbox unavailable", "temporary"),
        ("failed", None, "smtp; 550 192.0.2.10 5.1.1 unknown", "permanent"),
        ("failed", None, None, "temporary"),
        ("failed", "2.0.0", None, "temporary"),
        ("delayed", "5.1.1", None, "temporary"),
        ("delayed", "4.4.1", None, "temporary"),
        ("delivered", "2.0.0", None, None),
        ("relayed", "5.1.1", None, None),
        ("expanded", "2.0.0", None, None),
        (None, "5.1.1", None, "permanent"),
        (None, "2.0.0", None, None),
        (None, "4.2.2", None, "temporary"),
    ],
)
def test_what_a_status_means_for_the_address(
    action: str | None, status: str | None, diagnostic: str | None, weight: str | None
) -> None:
    assert weigh(action, status, diagnostic) == weight
