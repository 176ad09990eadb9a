"""The clock's door of replies: read the mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import link_keys
from consentmgr.replies.mailbox import MailboxAddress, open_mailbox
from consentmgr.replies.office import Office
from consentmgr.replies.reading import read_all
from consentmgr.replies.sender_connections import forget_events

#: Who acts, in the ledger, where the clock reads the mailbox.
ACTOR = "clock:replies"


def read_mailbox(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Take what has come to ``CONSENTMGR_IMAP_URL``; for every few minutes. Raises ``Unavailable``."""
    address = MailboxAddress.of(settings)
    if address is None:
        return "no mailbox is set"
    with open_office(database, settings, keys, actor=ACTOR, now=now) as office, open_mailbox(address) as mailbox:
        return read_all(database, mailbox, address.name, office).told


def forget_sender_events(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Forget which events of senders were taken long ago; for once a day."""
    with database.transaction() as session:
        return f"{forget_events(session, now)} events forgotten"


@contextmanager
def open_office(database: Database, settings: Settings, keys: Keys, *, actor: str, now: datetime) -> Iterator[Office]:
    """An office with a desk of its own, closed with the block."""
    desk = LeavingDesk(database, settings, keys)
    try:
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        yield Office(keys=address_keys, links=link_keys(settings), desk=desk, actor=actor, now=now)
    finally:
        desk.close()
