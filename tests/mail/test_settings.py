"""The settings of the mail server: refused where they are unsafe or make no sense, and never shown."""

from __future__ import annotations

import pytest

from consentmgr.config import load_settings
from consentmgr.kit.errors import UnsafeSetting

FROM = {"CONSENTMGR_MAIL_FROM": "viestit@acme.example"}


def test_a_mail_server_and_a_sender_are_taken_and_the_password_is_not_shown() -> None:
    settings = load_settings({"CONSENTMGR_SMTP_URL": "smtps://user:hunter2@mail.acme.example:465", **FROM})
    assert settings.mail_from == "viestit@acme.example"
    assert settings.smtp_url is not None
    assert "hunter2" not in repr(settings)


def test_without_a_mail_server_there_is_none() -> None:
    assert load_settings({}).smtp_url is None
    assert load_settings(FROM).mail_from == "viestit@acme.example"


@pytest.mark.parametrize(
    "url",
    [
        "mail.acme.example",
        "http://mail.acme.example",
        "smtp://",
        "smtp://:25",
        "smtp://user:hunter2@mail.acme.example:port",
        "smtp://user:hunter2@mail.acme.example/path",
        "smtp://user:hunter2@mail.acme.example?tls=no",
        "smtp://user:hunter2@[::1",
    ],
)
def test_what_is_no_mail_server_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_SMTP_URL") as refused:
        load_settings({"CONSENTMGR_SMTP_URL": url, **FROM})
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_mail_server_without_a_sender_is_refused() -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_MAIL_FROM must be set"):
        load_settings({"CONSENTMGR_SMTP_URL": "smtp://localhost:1025"})


@pytest.mark.parametrize("sender", ["Acme <a@x.example>", "acme", "a@x.example\nBcc: b@x.example", "a b@x.example", "ä@x.example"])  # fmt: skip
def test_a_sender_is_a_plain_address(sender: str) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_MAIL_FROM"):
        load_settings({"CONSENTMGR_MAIL_FROM": sender})
