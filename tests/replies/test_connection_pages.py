"""Connections to sending services at the desk: made, shown without their secrets, given new ones, disabled, removed."""

from __future__ import annotations

import base64
import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.replies.conftest import Post

if TYPE_CHECKING:
    from tests.staff.signing_in import Desk

COMPLAINT = {
    "RecordType": "SpamComplaint", "Email": "aino@posti.example", "BouncedAt": "2026-11-01T12:00:00Z",
    "MessageID": "00000000-0000-0000-0000-000000000001",
}  # fmt: skip
PATH = "/desk/senders"
ARN = "arn:aws:sns:eu-north-1:123456789012:bounces"


def _posted(desk: Desk, address: str) -> int:
    """The status of a complaint posted to the address that the page told, with the user and password in it."""
    credentials, path = re.findall(r"https?://(?:([^@/]+)@)?[^/]+(/in/.+)", address)[0]
    basic = base64.b64encode(credentials.encode()).decode()
    client = desk.app.test_client()
    return int(client.post(path, json=COMPLAINT, headers={"Authorization": f"Basic {basic}"}).status_code)


def _address(page: Any) -> str:
    found = re.search(r'id="address"[^>]* value="([^"]+)"', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_service_is_connected_with_a_secret_that_is_shown_once(desk: Desk, post: Post, language: str) -> None:
    client = desk("administrator")
    assert f"{PATH}/add" in client.get(f"{PATH}/?lang={language}").text
    assert "Postmark" in client.get(f"{PATH}/add?lang={language}").text
    assert client.get(f"{PATH}/add?kind=postmark&lang={language}").status_code == 200
    address = _address(client.post(f"{PATH}/add", {"kind": "postmark", "name": "news", "controller": "acme"}))
    assert _posted(desk, address) == 200
    secret = address.split("@")[0].rpartition(":")[2]
    listed, shown = client.get(f"{PATH}/?lang={language}").text, client.get(f"{PATH}/news?lang={language}").text
    assert "/in/postmark/news" in shown
    assert "news" in listed
    assert secret not in listed + shown


def test_a_new_secret_ends_the_one_before_and_a_disabled_connection_takes_nothing(desk: Desk, post: Post) -> None:
    client = desk("administrator")
    old = _address(client.post(f"{PATH}/add", {"kind": "postmark", "name": "news", "controller": "acme"}))
    new = _address(client.post(f"{PATH}/news/secrets"))
    assert (_posted(desk, old), _posted(desk, new)) == (401, 200)
    assert client.post(f"{PATH}/news/disable").status_code == 303
    assert _posted(desk, new) == 401
    assert client.post(f"{PATH}/news/enable").status_code == 303
    assert _posted(desk, new) == 200
    assert client.post(f"{PATH}/news/remove").status_code == 303
    assert client.get(f"{PATH}/news").status_code == 404
    assert [
        row[0] for row in post.rows("SELECT action FROM audit_event WHERE action LIKE 'senders.%' ORDER BY id")
    ] == [f"senders.{act}" for act in ("add", "replace_secrets", "disable", "enable", "remove")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "sendgrid", "name": "news", "controller": "acme", "verification_key": "no key"}, "whole of it"),
        ({"kind": "sendgrid", "name": "news", "controller": "acme"}, "whole of it"),
        ({"kind": "mailgun", "name": "News!", "controller": "acme", "signing_key": "x" * 40}, "small letters"),
        ({"kind": "mailgun", "name": "taken", "controller": "acme", "signing_key": "x" * 40}, "already"),
        ({"kind": "mailgun", "name": "news", "controller": "", "signing_key": "x" * 40}, "whose name"),
        ({"kind": "ses", "name": "news", "controller": "acme", "topic": "bounces"}, "no ARN"),
        (
            {"kind": "ses", "name": "news", "controller": "acme", "topic": ARN, "certificates": "https://sns.example"},
            "ends with a slash",
        ),
        ({"kind": "fax"}, "Which service"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field_and_nothing_is_kept(
    desk: Desk, post: Post, given: dict[str, str], told: str
) -> None:
    client = desk("administrator")
    client.post(f"{PATH}/add", {"kind": "brevo", "name": "taken", "controller": "acme"})
    answer = client.post(f"{PATH}/add", given)
    assert answer.status_code == 422
    assert told in html.unescape(answer.text)
    assert given.get("signing_key", "x" * 40) not in answer.text
    assert post.rows("SELECT name FROM sender_connection") == [("taken",)]


def test_where_a_cloud_of_ones_own_keeps_its_certificates_may_be_given(desk: Desk, post: Post) -> None:
    client = desk("administrator")
    given = {"kind": "ses", "controller": "acme", "topic": ARN}
    certificates = "https://sns.acme.example/certificates/"
    assert client.post(f"{PATH}/add", {**given, "name": "amazon", "certificates": ""}).status_code == 200
    assert client.post(f"{PATH}/add", {**given, "name": "own", "certificates": certificates}).status_code == 200
    assert post.rows("SELECT name, options FROM sender_connection ORDER BY name") == [
        ("amazon", {"topic": ARN}),
        ("own", {"topic": ARN, "certificates": certificates}),
    ]
    assert certificates in client.get(f"{PATH}/own").text


def test_a_connection_of_another_controller_is_not_there(desk: Desk, post: Post) -> None:
    desk("administrator").post(f"{PATH}/add", {"kind": "brevo", "name": "theirs", "controller": "acme"})
    other = desk("administrator", controllers={"beta"})
    assert "theirs" not in other.get(f"{PATH}/").text
    assert other.get(f"{PATH}/theirs").status_code == 404
    assert other.post(f"{PATH}/theirs/remove").status_code == 404
    refused = other.post(f"{PATH}/add", {"kind": "brevo", "name": "mine", "controller": "acme"})
    assert refused.status_code == 404
    assert desk("marketer").get(f"{PATH}/").status_code == 403
