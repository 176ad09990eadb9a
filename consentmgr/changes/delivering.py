"""Posting changes to webhooks, as Standard Webhooks 1.0 says: signed, at least once, in the order of the feed.

Each endpoint is sent one message at a time, so that what happened to a contact arrives in the order it happened. The
first message that is not taken waits, and all behind it; other endpoints have threads of their own and go on. After
the last wait of the schedule, or where the receiver answers *410 Gone*, the endpoint is disabled until somebody
enables it.

Whoever delivers holds the endpoint for a while (``in_hand_until``) and says how far it has come after some messages,
not after each. A process that dies leaves an endpoint that another takes up when that while is over; what had been
sent since then is sent again, with the same id (the entry's number and a piece of its hash).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import httpx
import msgspec
from sqlalchemy import insert, or_, select, update
from standardwebhooks.webhooks import Webhook

from consentmgr.changes import feed
from consentmgr.changes.feed import Change, Place
from consentmgr.changes.models import WebhookDelivery, WebhookEndpoint
from consentmgr.changes.webhooks import secrets_of
from consentmgr.config import Settings
from consentmgr.consents.sight import Sight
from consentmgr.db import Database
from consentmgr.edge import metrics
from consentmgr.edge.web_requests import client
from consentmgr.keys import Keys
from consentmgr.kit.errors import NotDelivered

#: How long to wait after the first failed attempt, the second, and so on (Standard Webhooks 1.0, *Deliverability and
#: reliability*); the first attempt is at once. After the last one fails the endpoint is disabled.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: A receiver has so long to take a message.
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
#: Bytes of an answer that are read, and thrown away: enough for the connection to be used again.
_LARGEST_ANSWER: Final = 4_096
#: The longest that a receiver's ``Retry-After`` is heeded.
_LONGEST_RETRY_AFTER: Final = timedelta(hours=1)
#: Longer than one message can take, and told anew before it is over.
IN_HAND: Final = timedelta(seconds=40)
#: Messages, and seconds, after which it is written how far an endpoint has come.
_SETTLED_AFTER: Final = 50
_SETTLED_EVERY: Final = 2.0
#: Seconds after which an endpoint with much to send is given back, for whoever looks next.
_LONGEST_TURN: Final = 5.0
#: Endpoints that are sent to at the same time.
_AT_ONCE: Final = 8
#: Seconds between two looks at whether there is anything new, and how long one call goes on looking.
_LOOK_EVERY: Final = 0.15
_LOOK_FOR: Final = 0.75

log = logging.getLogger(__name__)


class _Taken(NamedTuple):
    """An endpoint that is in hand."""

    id: int
    url: str
    controllers: list[str] | None
    types: list[str]
    secrets: bytes
    previous_until: datetime | None
    positions: list[int]
    attempts: int
    turn: int


class _Answer(NamedTuple):
    """What came of one attempt: ``error`` None where it was taken."""

    status: int | None
    error: str | None
    retry_after: timedelta | None = None


@dataclass(slots=True)
class _Progress:
    """What has to be written of an endpoint."""

    place: Place
    begun: float
    delivered: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)


class Deliverer:
    """Delivers for one process; its threads end by themselves when there is nothing to send."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self._database = database
        self.settings = settings
        self._keys = keys
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook")
        self._under_way: dict[int, Future[None]] = {}
        self._lock = threading.Lock()

    def look(self, now: datetime) -> None:
        """Begin to send to every endpoint that has something due, and go on looking for most of a second."""
        begun = time.monotonic()
        while self.begin(now + timedelta(seconds=time.monotonic() - begun)):
            if time.monotonic() - begun + _LOOK_EVERY > _LOOK_FOR:
                break
            time.sleep(_LOOK_EVERY)

    def begin(self, now: datetime) -> bool:
        """Begin what is due, and return; whether there is any endpoint to look at."""
        with self._database.reading() as session:
            rows = session.execute(
                select(
                    WebhookEndpoint.id, WebhookEndpoint.positions, WebhookEndpoint.due_at, WebhookEndpoint.in_hand_until
                ).where(WebhookEndpoint.disabled_at.is_(None))
            ).all()
            if not rows:
                return False
            ends = feed.end(session)
        for row in rows:
            behind = any(last > seq for seq, last in zip(row.positions, ends, strict=True))
            free = row.in_hand_until is None or row.in_hand_until < now
            if behind and free and row.due_at <= now:
                self._start(row.id, now)
        return True

    def wait(self, seconds: float | None = None) -> None:
        """Wait until what was begun is done."""
        with self._lock:
            under_way = list(self._under_way.values())
        wait(under_way, seconds)

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def _start(self, endpoint_id: int, now: datetime) -> None:
        with self._lock:
            before = self._under_way.get(endpoint_id)
            if before is None or before.done():
                self._under_way[endpoint_id] = self._threads.submit(self._deliver, endpoint_id, now)

    def _deliver(self, endpoint_id: int, now: datetime) -> None:
        try:
            deliver(self._database, self.settings, self._keys, endpoint_id, now)
        except Exception as error:  # noqa: BLE001 - it is taken up again when the time in hand is over
            log.warning("webhook %d was left: %s", endpoint_id, type(error).__name__)


_deliverers: WeakKeyDictionary[Database, Deliverer] = WeakKeyDictionary()


def deliverer_of(database: Database, settings: Settings, keys: Keys) -> Deliverer:
    """The deliverer of this process for a database, under these settings: they say where it may post to."""
    found = _deliverers.get(database)
    if found is None or found.settings != settings:
        found = _deliverers[database] = Deliverer(database, settings, keys)
    return found


def deliver_due(database: Database, settings: Settings, keys: Keys, now: datetime) -> None:
    """Send what is due to every endpoint, each in a thread of its own, and return when that is done."""
    deliverer = Deliverer(database, settings, keys)
    try:
        deliverer.begin(now)
    finally:
        deliverer.close()


# --- one endpoint ---------------------------------------------------------------------------------------------------


def deliver(database: Database, settings: Settings, keys: Keys, endpoint_id: int, now: datetime) -> None:
    """Send an endpoint what it has not had, until there is no more, one is not taken, or its turn is over.

    Does nothing where it is not due, disabled, or in the hands of another process.
    """
    begun = time.monotonic()

    def moment() -> datetime:
        return now + timedelta(seconds=time.monotonic() - begun)

    taken = _take_in_hand(database, endpoint_id, now)
    if taken is None:
        return
    attempts = taken.attempts
    sight = Sight(None if taken.controllers is None else frozenset(taken.controllers))
    place: Place = tuple(taken.positions)
    with client(settings.private_destinations, TIMEOUT) as http:
        while True:
            with database.reading() as session:
                portion = feed.read(session, place, limit=_SETTLED_AFTER, sight=sight, types=taken.types)
            progress = _Progress(place, time.monotonic())
            for change in portion.changes:
                sent_at = moment()
                answer = _post(http, taken, change, keys, sent_at)
                took = moment() - sent_at
                progress.attempts.append(_attempt(taken, change, answer, attempts + 1, sent_at, took))
                if answer.error is not None:
                    _failed(database, taken, progress, answer, attempts + 1, moment())
                    return
                attempts = 0
                progress.place = change.place
                progress.delivered += 1
                if time.monotonic() - progress.begun > _SETTLED_EVERY:
                    if not _settle(database, taken, progress, moment(), hold=True):
                        return
                    progress = _Progress(progress.place, time.monotonic())
            progress.place = place = portion.place
            hold = portion.more and time.monotonic() - begun < _LONGEST_TURN
            if not _settle(database, taken, progress, moment(), hold=hold) or not hold:
                return


def _take_in_hand(database: Database, endpoint_id: int, now: datetime) -> _Taken | None:
    columns = (getattr(WebhookEndpoint, name) for name in _Taken._fields)
    with database.transaction() as session:
        row = session.execute(
            update(WebhookEndpoint)
            .where(
                WebhookEndpoint.id == endpoint_id,
                WebhookEndpoint.disabled_at.is_(None),
                WebhookEndpoint.due_at <= now,
                or_(WebhookEndpoint.in_hand_until.is_(None), WebhookEndpoint.in_hand_until < now),
            )
            .values(in_hand_until=now + IN_HAND)
            .returning(*columns)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return _Taken(*row) if row is not None else None


def message_id(change: Change) -> str:
    """The id of a message: the same each time it is sent, and another's in a register that was put back from a copy."""
    return f"msg_{change.entry_id}_{change.hash.hex()[:12]}"


def message_of(change: Change) -> bytes:
    """The body: ``type``, ``timestamp`` (when it happened) and ``data``, the event as the feed gives it."""
    return msgspec.json.encode({"type": change.event, "timestamp": change.at, "data": change.document})


def signed_headers(identity: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0; one signature for each secret that is live."""
    text = body.decode()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(identity, now, text) for secret in secrets),
        "Content-Type": "application/json",
        "User-Agent": "consentmgr",
    }


def _post(http: httpx.Client, taken: _Taken, change: Change, keys: Keys, now: datetime) -> _Answer:
    body = message_of(change)
    secrets = secrets_of(taken.secrets, taken.previous_until, keys.address_key, now)
    request = http.build_request(
        "POST", taken.url, content=body, headers=signed_headers(message_id(change), body, secrets, now)
    )
    try:
        response = http.send(request, stream=True)
        try:
            _read_little(response)
        finally:
            response.close()
    except NotDelivered as error:
        return _Answer(None, str(error))
    except httpx.HTTPError as error:
        return _Answer(None, f"did not answer: {type(error).__name__}")
    if response.is_success:
        return _Answer(response.status_code, None)
    if response.is_redirect:
        return _Answer(response.status_code, "sends on to another address, which is not followed")
    return _Answer(response.status_code, f"answered {response.status_code}", _retry_after(response))


def _read_little(response: httpx.Response) -> None:
    """The status has been told; of what follows as much is read as a receiver of good will writes."""
    deadline = time.monotonic() + 10
    size = 0
    for block in response.iter_raw(1024):
        size += len(block)
        if size > _LARGEST_ANSWER or time.monotonic() > deadline:
            return


def _retry_after(response: httpx.Response) -> timedelta | None:
    """A number of seconds (RFC 9110, section 10.2.3); a date is not heeded, since clocks differ."""
    told = response.headers.get("Retry-After", "")
    if response.status_code not in (429, 503) or not (told.isascii() and told.isdigit()) or len(told) > 9:
        return None
    return min(timedelta(seconds=int(told)), _LONGEST_RETRY_AFTER)


def _attempt(
    taken: _Taken, change: Change, answer: _Answer, attempt: int, at: datetime, took: timedelta
) -> dict[str, Any]:
    metrics.webhook_messages.labels(str(taken.id), "taken" if answer.error is None else "failed").inc()
    return {
        "endpoint_id": taken.id,
        "entry_id": change.entry_id,
        "event": change.event,
        "attempt": attempt,
        "at": at,
        "milliseconds": int(took.total_seconds() * 1000),
        "status": answer.status,
        "error": answer.error,
    }


def _failed(
    database: Database, taken: _Taken, progress: _Progress, answer: _Answer, attempts: int, now: datetime
) -> None:
    told: dict[str, Any] = {"attempts": attempts, "failed_at": now, "last_error": answer.error}
    gone = answer.status == 410
    if gone or attempts > len(WAITS):
        told |= {"disabled_at": now, "disabled_why": "gone" if gone else "given_up"}
        metrics.webhook_messages.labels(str(taken.id), "given_up").inc()
        log.error("webhook %d was disabled: %s", taken.id, answer.error)
    else:
        told["due_at"] = now + max(WAITS[attempts - 1], answer.retry_after or timedelta())
    _settle(database, taken, progress, now, hold=False, **told)


def _settle(database: Database, taken: _Taken, progress: _Progress, now: datetime, *, hold: bool, **told: Any) -> bool:
    """Write how far the endpoint has come, and give it back unless it is held; whether it is still ours to send to.

    Where somebody moved it meanwhile, what they said stands.
    """
    values: dict[str, Any] = {"positions": list(progress.place), "in_hand_until": now + IN_HAND if hold else None}
    if progress.delivered:
        values |= {"delivered": WebhookEndpoint.delivered + progress.delivered, "delivered_at": now, "attempts": 0}
    mine = update(WebhookEndpoint).where(WebhookEndpoint.id == taken.id).execution_options(synchronize_session=False)
    with database.transaction() as session:
        settled = session.scalar(
            mine.where(WebhookEndpoint.turn == taken.turn).values(**(values | told)).returning(WebhookEndpoint.id)
        )
        if settled is None and session.scalar(mine.values(in_hand_until=None).returning(WebhookEndpoint.id)) is None:
            # It was removed.
            return False
        if progress.attempts:
            session.execute(insert(WebhookDelivery), progress.attempts)
    return settled is not None
