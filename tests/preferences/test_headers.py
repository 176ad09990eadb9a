"""The header fields of RFC 2369 and RFC 8058, as an independent parser reads them."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import listunsub
import pytest

from consentmgr.kit.errors import BadInput
from consentmgr.preferences.headers import LIST_UNSUBSCRIBE_POST, leaving_headers, list_unsubscribe

URL = "https://consent.acme.example/u/AbC-_1.xyZ"
MAIL = "leave+abc234@lists.acme.example"


def test_an_independent_parser_finds_one_https_address_leftmost_then_one_of_mail() -> None:
    value = list_unsubscribe(URL, MAIL)
    assert listunsub.parse(value, strict=True) == [URL, f"mailto:{MAIL}?subject=unsubscribe"]
    (mailto,) = listunsub.mailto_links(listunsub.parse(value))
    assert listunsub.parse_mailto(mailto, strict=True).to == (MAIL,)


@pytest.mark.parametrize("mail", [None, MAIL])
def test_a_mail_programme_chooses_one_click_and_finds_nothing_to_complain_of(mail: str | None) -> None:
    (_, value), (_, post) = leaving_headers(URL, mail)
    assert post == LIST_UNSUBSCRIBE_POST == listunsub.ONE_CLICK_POST
    assert listunsub.audit(value, post) == []
    chosen = listunsub.choose(value, post, dkim_verified=True)
    assert chosen is not None
    assert (chosen.kind, chosen.uri) == ("one-click", URL)
    request = listunsub.one_click_request(URL, form="urlencoded")
    assert request.body == LIST_UNSUBSCRIBE_POST.encode()


def test_the_headers_survive_being_a_message() -> None:
    message = EmailMessage(policy=SMTP)
    for name, value in leaving_headers(URL, MAIL):
        message[name] = value
    assert listunsub.parse(str(message["List-Unsubscribe"])) == [URL, f"mailto:{MAIL}?subject=unsubscribe"]


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.example/u/x",
        "https://acme.example/u/x>, <https://evil.example",
        "https://acme.example/\r\nBcc: x",
        "/u/x",
        "https://ä.example",
    ],
)
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        list_unsubscribe(url)


@pytest.mark.parametrize("mail", ["x", "a@b>", "a b@c.example", "a@b.example?bcc=x@y.example", "a@b\r\nc"])
def test_what_is_no_mail_address_is_refused(mail: str) -> None:
    with pytest.raises(BadInput):
        list_unsubscribe(URL, mail)
