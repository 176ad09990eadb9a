"""Taking what a sending service tells: bounces, complaints and unsubscribes, each once, by the services of ``replies``.

When this returns, all of it is durable; where something cannot be made so it raises, and the sender, which is then
answered with an error, tells it again. People who leave go through the same desk as a click: into the journal first.
An address that no contact has is not lost: a complaint or an unsubscribe becomes a ban on it, which holds for whoever
comes with it later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import digest_of
from consentmgr.db import Database
from consentmgr.edge import metrics
from consentmgr.preferences.links import Link, LinkUse
from consentmgr.register.writing import lock_register
from consentmgr.replies import bounces, complaints
from consentmgr.replies.bounces import Weight
from consentmgr.replies.models import SenderEvent
from consentmgr.replies.office import Office, contacts_having
from consentmgr.replies.senders.sender import Act, Connection, NotVerified, Read, Told

_WEIGHTS: Final[dict[Act, Weight]] = {"bounce_permanent": "permanent", "bounce_temporary": "temporary"}
#: How the ledger calls it that an address was left through a sender.
METHOD: Final = "sender"


class Taken(NamedTuple):
    """What came of a request: events taken now by what they were taken for, how many had been taken before, and how
    many could not be understood.
    """

    acts: Counter[str]
    before: int
    unread: int


class _Event(NamedTuple):
    digest: UUID
    told: Told
    #: None where the address cannot be one.
    key: UUID | None
    at: datetime


def source_of(connection: Connection) -> str:
    """The source in the ledger of what a connection tells."""
    return f"{connection.kind}:{connection.name}"


def take(database: Database, connection: Connection, read: Read, office: Office) -> Taken:
    """Take what was read of a request. Raises ``Unavailable`` and database errors: then the sender must tell it again;
    what was taken already is known by its ids. Raises ``NotVerified`` where the signature was used for other events.
    """
    events = {event.digest: event for event in (_event(connection, told, office) for told in read.told)}
    token = digest_of(office.keys, "sender token", (connection.name, read.once)) if read.once is not None else None
    with database.reading() as session:
        known = _known(session, connection, [*events, *([token] if token is not None else [])])
    fresh = [event for event in events.values() if event.digest not in known]
    if token is not None and token in known and fresh:
        raise NotVerified("the signature was used before")
    acting = [event for event in fresh if event.key is not None]
    _leave([event for event in acting if event.told.act == "unsubscribe"], connection, office)
    with database.transaction() as session:
        if token is not None and fresh and not _claim(session, connection, token, "token", office.now):
            raise NotVerified("the signature was used before")
        mine = [event for event in fresh if _claim(session, connection, event.digest, _act(event), office.now)]
        _record(session, [event for event in mine if event.key is not None], connection, office)
    acts = Counter(_act(event) for event in mine)
    for act, number in acts.items():
        metrics.sender_events.labels(connection.kind, act).inc(number)
    unread = read.unread + acts.pop("unread", 0)
    return Taken(acts, len(events) - len(mine), unread)


def _event(connection: Connection, told: Told, office: Office) -> _Event:
    digest = digest_of(office.keys, "sender event", (connection.name, told.id))
    point = office.keys.email(told.address)
    at = min(told.at, office.now) if told.at is not None and told.at.year >= 2000 else office.now
    return _Event(digest, told, point.address_key if point is not None else None, at)


def _act(event: _Event) -> str:
    return event.told.act if event.key is not None else "unread"


def _known(session: Session, connection: Connection, digests: Sequence[UUID]) -> set[UUID]:
    return set(
        session.scalars(
            select(SenderEvent.digest).where(SenderEvent.connection == connection.name, SenderEvent.digest.in_(digests))
        )
    )


def _claim(session: Session, connection: Connection, digest: UUID, act: str, now: datetime) -> bool:
    """Whether an event is ours to take; another request that is at it is waited for."""
    row = insert(SenderEvent).values(connection=connection.name, digest=digest, act=act, taken_at=now)
    return session.execute(row.on_conflict_do_nothing().returning(SenderEvent.digest)).first() is not None


def _leave(events: Sequence[_Event], connection: Connection, office: Office) -> None:
    """Leave the controller's e-mail, as of when the person did. Leaving twice is leaving once, so it may come first."""
    moments: dict[datetime, list[_Event]] = {}
    for event in events:
        moments.setdefault(event.at, []).append(event)
    for at, together in sorted(moments.items()):
        links = [
            Link(LinkUse.LEAVE, connection.controller, None, "email", event.key, "email", "channel")
            for event in together
        ]
        office.desk.leave_all(links, method=METHOD, now=at, evidence={"sender": source_of(connection)})


def _record(session: Session, events: Sequence[_Event], connection: Connection, office: Office) -> None:
    """Write bounces and complaints in the transaction in which they count as taken."""
    bounced = [event for event in events if event.told.act in _WEIGHTS]
    complained = [event for event in events if event.told.act == "complaint"]
    if not bounced and not complained:
        return
    # One writer of points at a time, then the ledger's chains, all of them in their order, then the rows.
    lock_register(session)
    ledger.hold_chains(session)
    for event in bounced:
        assert event.key is not None
        points = bounces.working_points(session, {event.key: _WEIGHTS[event.told.act]})
        if points:
            bounces.write(
                session,
                points,
                identity=_identified(event.digest),
                keys=office.keys,
                actor=office.actor,
                now=office.now,
            )
    for event in complained:
        assert event.key is not None
        complaints.complain(
            session,
            event.key,
            contacts_having(session, event.key),
            connection.controller,
            digest=event.digest,
            reference=f"{source_of(connection)} {event.digest}",
            source=source_of(connection),
            at=event.at,
            keys=office.keys,
            actor=office.actor,
            now=office.now,
        )


def _identified(digest: UUID) -> Callable[[Weight], str]:
    return lambda _weight: f"sender {digest}"
