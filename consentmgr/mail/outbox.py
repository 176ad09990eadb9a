"""The outbox: a mail is a row first, in the transaction of what it tells about, and is sent after the commit.

At least once: a row is taken in hand by moving its ``due_at`` beyond the longest time a sending can take, then sent,
then settled. A process that dies in between leaves a row that another takes up when that time is over; the message has
the same Message-ID again, so that a second copy is known for one. No transaction is open while a mail server is
waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from consentmgr.config import Language, Settings
from consentmgr.db import Database
from consentmgr.edge import metrics
from consentmgr.keys import Keys
from consentmgr.mail.completing import QueuedMail, completion_of
from consentmgr.mail.composing import Unwritable, compose, wire_address
from consentmgr.mail.models import OutgoingMail
from consentmgr.mail.smtp import Courier, Deferred, Delivered, MailServer, Outcome, Refused, Unreachable
from consentmgr.mail.words import BY_NAME

#: No address gets more mails than this within ``LIMIT_WITHIN``, whatever asks for them.
MOST_PER_ADDRESS = 3
LIMIT_WITHIN = timedelta(hours=24)

#: How long to wait after the first failed attempt, the second, and so on; after the last one the mail is given up.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=20),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)

#: Longer than any one sending can take (``smtp.STEP_SECONDS`` times the steps of a session).
IN_HAND = timedelta(minutes=10)

#: One call of ``send_due`` ends after about so long, so that whoever called it can look at the clock.
LONGEST_RUN = timedelta(minutes=5)

#: Rows of mails that are over and done with are kept this long: for the limit, and to answer "did it go out?".
KEEP_DONE = timedelta(days=30)

log = logging.getLogger(__name__)


def post(
    session: Session,
    *,
    template: str,
    language: Language,
    controller: str,
    address: str,
    address_key: UUID,
    fields: dict[str, Any],
    now: datetime,
    most: int | None = MOST_PER_ADDRESS,
) -> bool:
    """Put a mail to one address into the outbox, in the session's transaction; the caller commits.

    False where the address has had ``most`` mails within ``LIMIT_WITHIN``: then nothing is written. None is for mail
    that only the installation itself causes, to addresses its operator has named. Exact
    however many ask at once: a lock on the address is held until the transaction ends, so call it last. ``address``
    is in canonical form; ``fields`` holds ids, never a token and never what a visitor typed.
    """
    if template not in BY_NAME:
        raise ValueError(f"there is no mail called {template}")
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('mail ' || current_schema() || :key, 0))"),
        {"key": str(address_key)},
    )
    # A statement of its own, after the lock: only so does it see what the one before us has committed.
    recent = session.scalar(
        select(func.count())
        .select_from(OutgoingMail)
        .where(OutgoingMail.address_key == address_key, OutgoingMail.created_at > now - LIMIT_WITHIN)
    )
    if most is not None and (recent or 0) >= most:
        metrics.mails.labels(template, "refused").inc()
        return False
    session.add(
        OutgoingMail(
            template=template,
            language=language,
            controller=controller,
            address=address,
            address_key=address_key,
            fields=fields,
            created_at=now,
            due_at=now,
        )
    )
    session.flush()
    return True


@dataclass(slots=True)
class Sent:
    """What one call of ``send_due`` did. ``waiting`` are the rows still in the outbox at its end."""

    delivered: int = 0
    deferred: int = 0
    given_up: int = 0
    dropped: int = 0
    waiting: int = 0
    #: Why the mail server was not reached, if it was not.
    unreachable: str | None = None

    @property
    def told(self) -> str:
        """The same in one line."""
        counted = {
            "sent": self.delivered,
            "deferred": self.deferred,
            "given up": self.given_up,
            "dropped": self.dropped,
            "waiting": self.waiting,
        }
        line = ", ".join(f"{number} {name}" for name, number in counted.items() if number) or "nothing to send"
        return f"{line} (the mail server was not reached: {self.unreachable})" if self.unreachable else line


def send_due(
    database: Database,
    settings: Settings,
    keys: Keys,
    *,
    now: datetime,
    is_over: Callable[[], bool] = lambda: False,
) -> Sent:
    """Send what is due, one mail after the other; other processes may do the same at the same time.

    ``is_over`` is asked before each mail whether to leave the rest to others. Without a mail server mail waits, and
    its number is told.
    """
    sent = Sent()
    server = MailServer.of(settings)
    if server is not None:
        begun = time.monotonic()
        with Courier(server) as courier:
            while sent.unreachable is None and not is_over():
                # A long run must not take a mail in hand with the time of its beginning.
                moment = now + timedelta(seconds=time.monotonic() - begun)
                if moment - now > LONGEST_RUN or not _send_one(
                    database, settings, keys, courier, server.mail_from, moment, sent
                ):
                    break
    with database.reading() as session:
        sent.waiting = session.scalar(select(func.count()).select_from(OutgoingMail).where(_unsettled())) or 0
    return sent


def forget_done(session: Session, now: datetime) -> int:
    """Remove rows of mails sent or given up ``KEEP_DONE`` ago or longer; how many."""
    gone = session.execute(
        text("DELETE FROM outgoing_mail WHERE coalesce(sent_at, given_up_at) < :before RETURNING id"),
        {"before": now - KEEP_DONE},
    )
    return len(gone.all())


def forget_addresses(session: Session, address_keys: Sequence[UUID]) -> None:
    """Erasure (GDPR 17): what waits for these addresses is not sent, and the addresses go. Flushes nothing else."""
    session.execute(
        update(OutgoingMail)
        .where(OutgoingMail.address_key.in_(address_keys), OutgoingMail.address.is_not(None))
        .values(
            address=None,
            fields={},
            given_up_at=func.coalesce(OutgoingMail.given_up_at, func.now()),
            last_error="the address was erased",
        )
        .execution_options(synchronize_session=False)
    )


def _unsettled() -> Any:
    return OutgoingMail.sent_at.is_(None) & OutgoingMail.given_up_at.is_(None)


def _send_one(
    database: Database,
    settings: Settings,
    keys: Keys,
    courier: Courier,
    mail_from: str,
    moment: datetime,
    sent: Sent,
) -> bool:
    """Send the mail that has waited longest, if any is due."""
    mail = _take_in_hand(database, moment)
    if mail is None:
        return False
    if mail.attempts > len(WAITS) + 1:
        # Whoever had it in hand died each time: the mail itself may be what kills.
        _give_up(database, mail, moment, "never settled", sent)
        return True
    outcome = _attempt(database, settings, keys, courier, mail_from, mail, moment)
    match outcome:
        case None:
            _settle(database, mail, moment, given_up="not wanted any more")
            sent.dropped += 1
        case Delivered():
            _settle(database, mail, moment)
            metrics.mails.labels(mail.template, "sent").inc()
            sent.delivered += 1
        case Refused(reason):
            _give_up(database, mail, moment, reason, sent)
        case Deferred(reason) | Unreachable(reason):
            if isinstance(outcome, Unreachable):
                sent.unreachable = reason
            if mail.attempts > len(WAITS):
                _give_up(database, mail, moment, reason, sent)
            else:
                _put_back(database, mail, moment, reason)
                metrics.mails.labels(mail.template, "retried").inc()
                sent.deferred += 1
    return True


def _attempt(
    database: Database,
    settings: Settings,
    keys: Keys,
    courier: Courier,
    mail_from: str,
    mail: QueuedMail,
    moment: datetime,
) -> Outcome | None:
    """One attempt; None where the mail is not wanted any more."""
    try:
        with database.reading() as session:
            completion = completion_of(session, mail, settings, moment)
        if completion is None:
            return None
        message = compose(mail, completion, keys=keys, mail_from=mail_from, now=moment)
    except Unwritable:
        return Refused("the address cannot be written")
    except Exception as error:  # noqa: BLE001 - one mail that cannot be made must not hold up the others
        # The name alone: the words of an exception may hold personal data.
        log.warning("mail %d could not be made: %s", mail.id, type(error).__name__)
        return Deferred(f"{type(error).__name__} making it")
    return courier.send(wire_address(mail.address), message)


def _take_in_hand(database: Database, moment: datetime) -> QueuedMail | None:
    due = (
        select(OutgoingMail.id)
        .where(_unsettled(), OutgoingMail.due_at <= moment)
        .order_by(OutgoingMail.due_at, OutgoingMail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    with database.transaction() as session:
        row = session.execute(
            update(OutgoingMail)
            .where(OutgoingMail.id == due)
            .values(attempts=OutgoingMail.attempts + 1, due_at=moment + IN_HAND)
            .returning(
                OutgoingMail.id,
                OutgoingMail.template,
                OutgoingMail.language,
                OutgoingMail.controller,
                OutgoingMail.address,
                OutgoingMail.address_key,
                OutgoingMail.fields,
                OutgoingMail.created_at,
                OutgoingMail.attempts,
            )
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return QueuedMail(*row) if row is not None else None


def _settle(database: Database, mail: QueuedMail, moment: datetime, *, given_up: str | None = None) -> None:
    """Sent, or given up for the reason: either way the address goes."""
    done = {"sent_at": moment} if given_up is None else {"given_up_at": moment, "last_error": given_up}
    with database.transaction() as session:
        session.execute(update(OutgoingMail).where(OutgoingMail.id == mail.id).values(address=None, **done))


def _give_up(database: Database, mail: QueuedMail, moment: datetime, reason: str, sent: Sent) -> None:
    _settle(database, mail, moment, given_up=reason)
    metrics.mails.labels(mail.template, "given_up").inc()
    sent.given_up += 1


def _put_back(database: Database, mail: QueuedMail, moment: datetime, reason: str) -> None:
    due_at = moment + WAITS[mail.attempts - 1]
    with database.transaction() as session:
        session.execute(update(OutgoingMail).where(OutgoingMail.id == mail.id).values(due_at=due_at, last_error=reason))
