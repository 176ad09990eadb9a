"""How often one client may do one thing, counted in the database, where every process sees it.

Fixed windows: one UPSERT a request, and a row that ends with its window. Only requests that act are counted, since a
GET never writes. Leaving has no row here on purpose: nobody is ever told to come back later with a no.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import ceil
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import ConsentmgrError


class Door(NamedTuple):
    """At most ``most`` requests of one client within each window of ``within``, which divides a day."""

    name: str
    most: int
    within: timedelta


#: Wide enough for an office or a school behind one address, narrow enough for a script to be of no use.
DOORS: tuple[Door, ...] = (
    Door("subscribe", 20, timedelta(minutes=10)),
    Door("confirm", 60, timedelta(minutes=10)),
    Door("link", 10, timedelta(minutes=10)),
    # Files behind a partner's link, and its word that they are in use: each has a limit of its own besides.
    Door("delivery", 60, timedelta(minutes=10)),
    # Signing in to the desk: by client, whichever accounts it tries, and by account, whichever clients try it.
    Door("sign-in", 30, timedelta(minutes=10)),
    Door("sign-in-account", 10, timedelta(minutes=10)),
    Door("second-factor", 10, timedelta(minutes=10)),
    # Requests at the door of senders that did not show whose they are; those that did are not counted.
    Door("sender", 60, timedelta(minutes=10)),
)
_BY_NAME = {door.name: door for door in DOORS}

#: Rows of windows that began before this are of no use to anybody.
KEEP_WINDOWS = timedelta(days=1)


class Allowed(NamedTuple):
    """The request may go on."""


class TooMany(NamedTuple):
    """It may not; ``retry_after`` is the number of whole seconds until the next window."""

    retry_after: int


class TooOften(ConsentmgrError):
    """A client did one thing too many times; the web answers 429 with ``Retry-After`` (RFC 6585; ``edge.problems``)."""

    problem: ClassVar[str] = "too-many-requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests; try again in {retry_after} seconds")
        self.retry_after = retry_after


def client_digest(client: str, keys: Keys, now: datetime) -> UUID:
    """Who it is, without saying: a keyed digest of the client's address (an IPv4 address or an IPv6 /64, as
    ``edge.clients.client_address`` gives it), another one each day, so that no two days can be put together.
    """
    told = f"{now.astimezone(UTC).date()} {client}".encode()
    return UUID(bytes=blake2b(told, digest_size=16, key=keys.session_secret, person=b"client-count").digest())


def count(session: Session, door: str, client: UUID, now: datetime) -> Allowed | TooMany:
    """Count a request of this client at this door, in the session's transaction, and say whether it may go on.

    ``client`` is a ``client_digest``. Raises ``ValueError`` for a door that is not in ``DOORS``.
    """
    row = _BY_NAME.get(door)
    if row is None:
        raise ValueError(f"there is no door called {door}")
    window = _window(now, row.within)
    counted: int = session.execute(
        text(
            'INSERT INTO client_count (door, client, "window", count) VALUES (:door, :client, :window, 1)'
            ' ON CONFLICT (door, client, "window") DO UPDATE SET count = client_count.count + 1 RETURNING count'
        ),
        {"door": door, "client": client, "window": window},
    ).scalar_one()
    if counted <= row.most:
        return Allowed()
    return TooMany(max(1, ceil((window + row.within - now).total_seconds())))


def hold(database: Database, door: str, client: UUID, now: datetime) -> None:
    """``count`` in a transaction of its own, so that a request that fails afterwards still counts.

    Raises ``TooOften``.
    """
    with database.transaction() as session:
        answer = count(session, door, client, now)
    if isinstance(answer, TooMany):
        raise TooOften(answer.retry_after)


def forget_windows(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """A job, for once an hour or so: remove the rows of windows that are over."""
    with database.transaction() as session:
        gone = session.execute(
            text('DELETE FROM client_count WHERE "window" < :before RETURNING 1'), {"before": now - KEEP_WINDOWS}
        )
        return f"{len(gone.all())} counts forgotten"


def _window(now: datetime, within: timedelta) -> datetime:
    seconds = int(within.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
