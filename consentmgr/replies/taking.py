"""Taking a message: what kind it is, what it brings about, and that it does so once.

That a message was taken (``ReadMessage``) is written in the transaction of its effect, so that neither is without the
other. Leaving alone goes another way, through the desk that also serves the pages: it is durable before the message
counts as taken, and leaving twice is leaving once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import psycopg
from sqlalchemy import BigInteger, ColumnElement, all_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.preferences.links import Link
from consentmgr.replies import automatic, bounces, complaints, leaving_mail, plain_replies
from consentmgr.replies.bounces import Bounce
from consentmgr.replies.complaints import Complaint
from consentmgr.replies.mail import Mail, Unreadable
from consentmgr.replies.models import ReadMessage
from consentmgr.replies.office import Office
from consentmgr.replies.plain_replies import PlainReply

_log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """A kind of message. ``folder`` is where it is filed under ``Processed``; None: it stays, unread, for people.

    ``unread``: it is filed and still shown as new, since somebody has to decide.
    """

    name: str
    folder: str | None
    meaning: str
    unread: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("bounce_permanent", "Bounces", "an address does not work: it is a hard bounce from now on"),
    Kind("bounce_temporary", "Bounces", "a message could not be delivered: one more soft bounce"),
    Kind("bounce_unmatched", "Bounces", "a bounce of an address that the register does not have"),
    Kind("delivery_notice", "Automatic", "a message was delivered"),
    Kind("complaint", "Complaints", "somebody reported spam: a ban on e-mail"),
    Kind("complaint_unmatched", None, "a spam report that names nobody"),
    Kind("not_spam", "Complaints", "somebody took a spam report back; nothing changes by it"),
    Kind("auto_reply", "Automatic", "a programme answered; nothing changes by it"),
    Kind("leave", "Left", "somebody left, by an address or token made for it"),
    Kind("leave_proposal", "Proposals", "somebody asks in their own words to be left alone", unread=True),
    Kind("other", None, "for people to read"),
    Kind("unreadable", None, "could not be read as a message; for people"),
    Kind("too_large", None, "larger than 10 MB and not read; for people"),
)
KIND_OF = {kind.name: kind for kind in KINDS}


class Place(NamedTuple):
    """Where a message is: a mailbox by name, and the numbers it gave the message (RFC 9051, 2.3.1.1)."""

    mailbox: str
    uid_validity: int
    uid: int


class Taken(NamedTuple):
    """``kind`` is the name of a ``Kind``; ``now`` whether it was taken by this call, and not before."""

    kind: str
    now: bool


@dataclass(frozen=True, slots=True, repr=False)
class _Found:
    """What a message was recognised as: its kind where that has no effect, else what has one."""

    kind: str
    act: Link | Bounce | Complaint | PlainReply | None = None


def place_of_file(raw: bytes) -> Place:
    """The place of a message given as a file: by its bytes, so that the same one is taken once."""
    return Place("file", 0, int.from_bytes(blake2b(raw, digest_size=8).digest(), "big") >> 1)


def take(database: Database, place: Place, raw: bytes, office: Office) -> Taken:
    """Take one message, once. Raises ``Unavailable`` and database errors; then it was not taken, and can be again.

    A message that makes any step fail by what is in it counts as ``unreadable``, so that it holds up no other.
    """
    try:
        mail = Mail(raw)
    except Unreadable:
        return note(database, place, "unreadable", office.now)
    return take_mail(database, place, mail, office)


def take_mail(database: Database, place: Place, mail: Mail, office: Office) -> Taken:
    """``take`` of a message that was parsed already."""
    with database.reading() as session:
        before = taken_before(session, place.mailbox, place.uid_validity, [place.uid])
        if before:
            return Taken(before[place.uid], now=False)
        try:
            found = _recognise(mail, office, session)
        except Exception as error:  # noqa: BLE001 - whatever a hostile message makes happen
            found = _Found(_unreadable(error))
    if isinstance(found.act, Link):
        leaving_mail.leave(mail, found.act, office)
    try:
        with database.transaction() as session:
            if not _claim(session, place, found.kind, office.now):
                return Taken(
                    taken_before(session, place.mailbox, place.uid_validity, [place.uid])[place.uid], now=False
                )
            kind = _record(session, mail, found, office)
            if kind != found.kind:
                session.execute(update(ReadMessage).where(*_is(place)).values(kind=kind))
            return Taken(kind, now=True)
    except Exception as error:  # noqa: BLE001 - as above
        return note(database, place, _unreadable(error), office.now)


def note(database: Database, place: Place, kind: str, now: datetime) -> Taken:
    """Record a message as taken without any effect."""
    with database.transaction() as session:
        if _claim(session, place, kind, now):
            return Taken(kind, now=True)
        return Taken(taken_before(session, place.mailbox, place.uid_validity, [place.uid])[place.uid], now=False)


def taken_before(session: Session, mailbox: str, uid_validity: int, uids: Iterable[int]) -> dict[int, str]:
    """The kinds of those messages that were taken already, by their number."""
    rows = session.execute(
        select(ReadMessage.uid, ReadMessage.kind).where(
            ReadMessage.mailbox == mailbox, ReadMessage.uid_validity == uid_validity, ReadMessage.uid.in_(list(uids))
        )
    )
    return {row.uid: row.kind for row in rows}


def forget_gone(session: Session, mailbox: str, uid_validity: int, uids: Sequence[int], *, before: datetime) -> None:
    """Forget messages read before a moment that are in the folder no more: they cannot come a second time.

    ``uids`` are those that are there. Of a numbering that the server has given up (``uid_validity``) all are gone.
    """
    session.execute(
        delete(ReadMessage)
        .where(
            ReadMessage.mailbox == mailbox,
            ReadMessage.read_at < before,
            or_(
                ReadMessage.uid_validity != uid_validity,
                ReadMessage.uid != all_(literal(list(uids), ARRAY(BigInteger))),
            ),
        )
        .execution_options(synchronize_session=False)
    )


def count_taken(session: Session) -> dict[str, int]:
    """How many messages of each kind were taken, in the order of ``KINDS``."""
    counts = {row.kind: row.number for row in session.execute(_COUNTS)}
    return {name: counts[name] for name in (*KIND_OF, *sorted(set(counts) - set(KIND_OF))) if name in counts}


_COUNTS = select(ReadMessage.kind, func.count().label("number")).group_by(ReadMessage.kind)


def newest_taken(session: Session, kind: str | None, last: int) -> Sequence[ReadMessage]:
    """The messages taken last, newest first."""
    question = select(ReadMessage).order_by(ReadMessage.read_at.desc(), ReadMessage.uid.desc()).limit(last)
    return session.scalars(question if kind is None else question.where(ReadMessage.kind == kind)).all()


def _recognise(mail: Mail, office: Office, session: Session) -> _Found:
    """What a message is, asked in this order: reports first, which are automatic too; then leaving by a signed
    address, which a programme may do for a person; then whether a programme wrote it; people's words last.
    """
    if (bounce := bounces.recognise(mail)) is not None:
        return _Found("bounce_unmatched", bounce)
    if (complaint := complaints.recognise(mail)) is not None:
        return _Found("complaint", complaint)
    if (link := leaving_mail.recognise(mail, office.links, session)) is not None:
        return _Found("leave", link)
    if automatic.is_from_mail_server(mail):
        return _Found("other")
    if automatic.is_automatic(mail):
        return _Found("auto_reply")
    if (reply := plain_replies.recognise(mail)) is not None:
        return _Found("leave_proposal", reply)
    return _Found("other")


def _record(session: Session, mail: Mail, found: _Found, office: Office) -> str:
    match found.act:
        case Bounce() as bounce:
            return bounces.record(session, mail, bounce, office)
        case Complaint() as complaint:
            return complaints.record(session, mail, complaint, office)
        case PlainReply() as reply:
            return plain_replies.record(session, mail, reply, office)
        case _:
            return found.kind


def _is(place: Place) -> tuple[ColumnElement[bool], ...]:
    return (
        ReadMessage.mailbox == place.mailbox,
        ReadMessage.uid_validity == place.uid_validity,
        ReadMessage.uid == place.uid,
    )


def _claim(session: Session, place: Place, kind: str, now: datetime) -> bool:
    """Whether the message is ours to take. Another reader that is at it is waited for: its row locks ours out."""
    row = insert(ReadMessage).values(**place._asdict(), kind=kind, read_at=now)
    claimed = session.execute(row.on_conflict_do_nothing().returning(ReadMessage.uid)).first()
    return claimed is not None


def _unreadable(error: Exception) -> str:
    """The kind of a message that made ``error`` happen; raises it again where the message is not to blame."""
    hostile = isinstance(error, DataError | psycopg.DataError | BadInput)
    if isinstance(error, SQLAlchemyError | psycopg.Error | Unavailable | OSError) and not hostile:
        raise error
    _log.warning("a message could not be read: %s", type(error).__name__)
    return "unreadable"
