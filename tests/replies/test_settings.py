"""The mailbox's address: what is refused, and that it is never shown."""

from __future__ import annotations

import pytest

from consentmgr.config import load_settings
from consentmgr.kit.errors import UnsafeSetting
from consentmgr.replies.mailbox import MailboxAddress


@pytest.mark.parametrize(
    "url",
    [
        "imap://replies:hidden@mail.acme.example/INBOX",
        "imaps://mail.acme.example/INBOX",
        "imaps://replies@mail.acme.example/INBOX",
        "imaps://replies:hidden@/INBOX",
        "imaps://replies:hidden@mail.acme.example:99999/INBOX",
        "imaps://replies:hidden@mail.acme.example/INBOX?x=1",
        "pop3://replies:hidden@mail.acme.example/",
        "hidden",
    ],
)
def test_an_address_that_is_unsafe_or_incomplete_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_IMAP_URL") as refused:
        load_settings({"CONSENTMGR_IMAP_URL": url})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "port", "tls", "folder"),
    [
        ("imaps://replies:hidden@mail.acme.example", 993, True, "INBOX"),
        ("imaps://replies:hidden@mail.acme.example:1993/Vastaukset%20ja%20muut", 1993, True, "Vastaukset ja muut"),
        ("imap://replies:hidden@127.0.0.1:3143/INBOX/Replies", 3143, False, "INBOX/Replies"),
        ("imap://replies:hidden@localhost", 143, False, "INBOX"),
    ],
)
def test_an_address_says_where_the_mailbox_is(url: str, port: int, tls: bool, folder: str) -> None:
    settings = load_settings({"CONSENTMGR_IMAP_URL": url})
    address = MailboxAddress.of(settings)
    assert address is not None
    assert (address.port, address.tls, address.folder, address.password) == (port, tls, folder, "hidden")
    assert "hidden" not in repr(settings) + repr(address) + address.name
