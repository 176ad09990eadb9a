"""Reading a whole mailbox: every message that was not taken yet, one at a time, and filing what was."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from imaplib import IMAP4

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from consentmgr.db import Database
from consentmgr.kit.errors import Unavailable
from consentmgr.replies.mail import Mail, Unreadable
from consentmgr.replies.mailbox import PROCESSED, Fetched, Mailbox
from consentmgr.replies.office import Office
from consentmgr.replies.taking import KIND_OF, Kind, Place, Taken, forget_gone, note, take_mail, taken_before

#: Messages asked about together; their bodies are fetched one by one.
_TOGETHER = 500

#: That a message was taken is remembered this long, and for as long as it lies in the folder.
KEEP_READ = timedelta(days=90)

_log = logging.getLogger(__name__)


#: Messages put off one after another, after which the rest is not tried: it is not them, it is us.
_PUT_OFF_IN_A_ROW = 3


@dataclass(slots=True)
class Reading:
    """What a reading came to: how many messages of each kind were taken now, how many were filed, how many could not
    be taken this time or be moved.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    filed: int = 0
    put_off: int = 0
    not_filed: int = 0
    #: Put off since one was taken.
    in_a_row: int = 0

    @property
    def told(self) -> str:
        """One line, without anything of the messages."""
        total = sum(self.kinds.values())
        counts = ", ".join(f"{number} {name}" for name, number in sorted(self.kinds.items()))
        line = f"{total} {'message' if total == 1 else 'messages'} taken: {counts}" if total else "no new messages"
        if self.not_filed:
            line += f"; {self.not_filed} could not be moved to a folder under {PROCESSED}"
        return line


def read_all(database: Database, mailbox: Mailbox, name: str, office: Office) -> Reading:
    """Take every message of the folder that was not taken yet, oldest first, and file it; ``name`` is the mailbox's.

    One that was taken and not filed, because a reading was cut short in between, is filed. A message that cannot be
    taken now holds up no other: it is tried again at the next reading. Raises ``Unavailable`` where there was one,
    after the others; what was taken stays taken.
    """
    reading = Reading()
    uids = mailbox.uids()
    for start in range(0, len(uids), _TOGETHER):
        _read_some(database, mailbox, name, uids[start : start + _TOGETHER], office, reading)
    with database.transaction() as session:
        forget_gone(session, name, mailbox.uid_validity, uids, before=office.now - KEEP_READ)
    if reading.put_off:
        raise Unavailable(f"{reading.told}; {reading.put_off} could not be taken and will be tried again")
    return reading


def _read_some(
    database: Database, mailbox: Mailbox, name: str, uids: Sequence[int], office: Office, reading: Reading
) -> None:
    with database.reading() as session:
        before = taken_before(session, name, mailbox.uid_validity, uids)
    for uid in uids:
        kind = before.get(uid) or _take_new(database, mailbox, Place(name, mailbox.uid_validity, uid), office, reading)
        row = KIND_OF.get(kind) if kind is not None else None
        if row is not None and row.folder is not None:
            _file(mailbox, uid, row, reading)


def _take_new(database: Database, mailbox: Mailbox, place: Place, office: Office, reading: Reading) -> str | None:
    """The kind of a message taken now, or by another reader meanwhile; None where it has gone or was put off."""
    if reading.in_a_row >= _PUT_OFF_IN_A_ROW:
        return None
    fetched = mailbox.fetch(place.uid)
    if fetched is None:
        return None
    try:
        taken = _take(database, place, fetched, office)
    except (Unavailable, SQLAlchemyError, psycopg.Error) as error:
        _log.warning("message %d of the mailbox could not be taken now: %s", place.uid, type(error).__name__)
        reading.put_off += 1
        reading.in_a_row += 1
        return None
    reading.in_a_row = 0
    if taken.now:
        reading.kinds[taken.kind] += 1
    return taken.kind


def _file(mailbox: Mailbox, uid: int, kind: Kind, reading: Reading) -> None:
    try:
        mailbox.file(uid, kind.folder or "", unread=kind.unread)
        reading.filed += 1
    except IMAP4.abort:
        raise
    except IMAP4.error:
        # No right to make folders, or no room: the message is taken all the same, and stays where it is.
        reading.not_filed += 1


def _take(database: Database, place: Place, fetched: Fetched, office: Office) -> Taken:
    if fetched.raw is None:
        _log.warning("message %d of the mailbox is too large and was left for people", place.uid)
        return note(database, place, "too_large", office.now)
    try:
        mail = Mail(fetched.raw, arrived_at=_arrival(fetched.received_at, office.now))
    except Unreadable as reason:
        _log.warning("message %d of the mailbox was left for people: %s", place.uid, reason)
        return note(database, place, "unreadable", office.now)
    return take_mail(database, place, mail, office)


def _arrival(received_at: datetime | None, now: datetime) -> datetime:
    """When the mailbox received it: that is when the person spoke, however late we read it."""
    aware = received_at if received_at is not None and received_at.tzinfo is not None else now
    return min(aware, now)
