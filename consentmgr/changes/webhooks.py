"""Webhooks: who is told of changes, of which, and how they stand. What is sent and when is ``delivering``'s.

An endpoint is bound to controllers and types of events when it is made. It is sent what happens from then on, or from
an earlier place of the feed; ``replay`` takes it back to any place, and what is sent again has the same ids.
"""

from __future__ import annotations

import base64
import secrets as random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.changes import feed
from consentmgr.changes.feed import EVENT_TYPES, Place
from consentmgr.changes.models import WebhookDelivery, WebhookEndpoint
from consentmgr.consents.heads import CHAINS
from consentmgr.consents.sight import EVERYTHING, Sight
from consentmgr.edge.reachable import Network, checked_address
from consentmgr.edge.web_requests import checked_url
from consentmgr.kit.errors import BadInput, NotDelivered, NotFound
from consentmgr.kit.sealing import sealed, unsealed
from consentmgr.register.models import Controller

#: Standard Webhooks 1.0: a secret has 24 to 64 bytes.
_SECRET_BYTES: Final = 32
#: How long the old secret signs beside a new one where nobody says, and at most.
USUAL_OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=30)
#: Endpoints of one installation; each is a place that every change is held against.
MOST_ENDPOINTS: Final = 100
_LONGEST_URL: Final = 2_000
#: How long attempts are kept for looking up, and how many of one endpoint at most.
KEEP_DELIVERIES: Final = timedelta(days=30)
MOST_DELIVERIES: Final = 10_000

State = Literal["enabled", "retrying", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an endpoint is to be: ``controllers`` None is all of them, no ``types`` is every type."""

    url: str
    controllers: frozenset[str] | None
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An endpoint as it stands. ``waiting`` counts entries it has not come past, its own and others'; ``oldest`` is when
    the oldest of them was recorded.
    """

    endpoint: WebhookEndpoint
    waiting: int
    oldest: datetime | None
    cursor: str

    @property
    def state(self) -> State:
        if self.endpoint.disabled_at is not None:
            return "disabled"
        return "retrying" if self.endpoint.attempts else "enabled"

    @property
    def host(self) -> str:
        return host_of(self.endpoint.url)

    def lag(self, now: datetime) -> timedelta:
        """How far behind what happens it is."""
        return max(now - self.oldest, timedelta()) if self.oldest is not None else timedelta()


def host_of(url: str) -> str:
    """Where an endpoint is, without its path, which may hold a secret."""
    return urlsplit(url).netloc


# --- making and changing --------------------------------------------------------------------------------------------


def add(
    session: Session,
    wanted: Wanted,
    *,
    address_key: bytes,
    named: Sequence[Network],
    actor: str,
    now: datetime,
    after: Place | None = None,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is told this once. It is sent what comes ``after`` a place, or from now on.

    ``named`` are the private networks that may be reached. Raises ``BadInput`` naming the field.
    """
    _check(session, wanted, named)
    if (session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0) >= MOST_ENDPOINTS:
        raise BadInput(f"there are {MOST_ENDPOINTS} endpoints already; remove one first", field="url")
    secret = _new_secret()
    endpoint = WebhookEndpoint(
        url=wanted.url,
        controllers=None if wanted.controllers is None else sorted(wanted.controllers),
        types=sorted(wanted.types),
        secrets=sealed({"current": secret}, address_key),
        created_at=now,
        created_by=actor,
        positions=list(feed.end(session) if after is None else after),
        due_at=now,
    )
    session.add(endpoint)
    session.flush()
    _note(session, "add", endpoint, actor, now, types=endpoint.types)
    return endpoint, secret


def change(
    session: Session,
    endpoint: WebhookEndpoint,
    wanted: Wanted,
    *,
    named: Sequence[Network],
    actor: str,
    now: datetime,
) -> None:
    """Send elsewhere, or something else, from where the endpoint has come to. Raises ``BadInput``."""
    _check(session, wanted, named)
    endpoint.url = wanted.url
    endpoint.controllers = None if wanted.controllers is None else sorted(wanted.controllers)
    endpoint.types = sorted(wanted.types)
    _moved(endpoint, now)
    session.flush()
    _note(session, "change", endpoint, actor, now, types=endpoint.types)


def rotate(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    address_key: bytes,
    actor: str,
    now: datetime,
    overlap: timedelta = USUAL_OVERLAP,
) -> str:
    """A new secret, told this once. Until ``overlap`` is over every message is signed with the old one too.

    Raises ``BadInput`` where that is longer than ``LONGEST_OVERLAP``.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise BadInput(f"is at most {LONGEST_OVERLAP.days} days", field="overlap")
    secret = _new_secret()
    before = unsealed(endpoint.secrets, address_key)["current"]
    kept = sealed({"current": secret, "previous": before}, address_key)
    assert kept is not None
    endpoint.secrets = kept
    endpoint.previous_until = now + overlap
    _moved(endpoint, endpoint.due_at)
    session.flush()
    _note(session, "rotate", endpoint, actor, now, hours=round(overlap.total_seconds() / 3600, 1))
    return secret


def enable(session: Session, endpoint: WebhookEndpoint, *, actor: str, now: datetime) -> None:
    """Send again, from where it was left, with the whole schedule of attempts before it. Repeating it is no harm."""
    endpoint.disabled_at = endpoint.disabled_why = None
    endpoint.attempts = 0
    _moved(endpoint, now)
    session.flush()
    _note(session, "enable", endpoint, actor, now)


def disable(session: Session, endpoint: WebhookEndpoint, *, actor: str, now: datetime) -> None:
    """Send nothing until it is enabled again; where it has come to is kept."""
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_why = now, "by_hand"
        _moved(endpoint, now)
        session.flush()
        _note(session, "disable", endpoint, actor, now)


def replay(session: Session, endpoint: WebhookEndpoint, place: Place, *, actor: str, now: datetime) -> None:
    """Send all that comes after a place, again or leaving some out; ids are those of the first time."""
    endpoint.positions = list(place)
    endpoint.attempts = 0
    _moved(endpoint, now)
    session.flush()
    _note(session, "replay", endpoint, actor, now, waiting=feed.waiting(session, place))


def remove(session: Session, endpoint: WebhookEndpoint, *, actor: str, now: datetime) -> None:
    """Forget the endpoint and its attempts; that it was there stays in the audit trail."""
    _note(session, "remove", endpoint, actor, now)
    session.delete(endpoint)
    session.flush()


def _moved(endpoint: WebhookEndpoint, due_at: datetime) -> None:
    """What is being delivered just now ends with the message that is under way."""
    endpoint.turn += 1
    endpoint.due_at = due_at


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(random.token_bytes(_SECRET_BYTES)).decode()}"


def _note(session: Session, action: str, endpoint: WebhookEndpoint, actor: str, now: datetime, **detail: Any) -> None:
    told = {"host": host_of(endpoint.url), "controllers": endpoint.controllers, **detail}
    record(session, at=now, actor=actor, action=f"webhooks.{action}", object=f"webhook:{endpoint.id}", detail=told)


def _check(session: Session, wanted: Wanted, named: Sequence[Network]) -> None:
    if len(wanted.url) > _LONGEST_URL:
        raise BadInput("is too long", field="url")
    checked_url(wanted.url, field="url")
    parts = urlsplit(wanted.url)
    try:
        checked_address(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), named)
    except NotDelivered as error:
        raise BadInput(str(error), field="url") from None
    unknown = sorted(wanted.types - set(EVENT_TYPES))
    if unknown:
        raise BadInput(f"there is no type {unknown[0]}; the types are {', '.join(EVENT_TYPES)}", field="types")
    if wanted.controllers is not None:
        if not wanted.controllers:
            raise BadInput("name a controller, or leave it out for all", field="controllers")
        known = set(session.scalars(select(Controller.key).where(Controller.key.in_(wanted.controllers))))
        if wanted.controllers - known:
            raise BadInput(f"there is no controller {min(wanted.controllers - known)}", field="controllers")


# --- looking --------------------------------------------------------------------------------------------------------


def found(session: Session, endpoint_id: int, sight: Sight = EVERYTHING, *, lock: bool = False) -> WebhookEndpoint:
    """An endpoint, of those whose controllers are all seen. Raises ``NotFound``."""
    question = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    endpoint = session.scalar(question.with_for_update() if lock else question)
    if endpoint is None or not sight.holds_all(endpoint.controllers or ()):
        raise NotFound(f"there is no webhook {endpoint_id}")
    return endpoint


def listed(session: Session, sight: Sight = EVERYTHING, *, after: int = 0, limit: int = MOST_ENDPOINTS) -> list[Shown]:
    """The endpoints whose controllers are all seen, in the order they were made, from behind a number on."""
    question = select(WebhookEndpoint).where(WebhookEndpoint.id > after).order_by(WebhookEndpoint.id)
    mine = [one for one in session.scalars(question) if sight.holds_all(one.controllers or ())]
    return [shown(session, endpoint) for endpoint in mine[:limit]]


def shown(session: Session, endpoint: WebhookEndpoint) -> Shown:
    """How an endpoint stands."""
    place = tuple(endpoint.positions)
    return Shown(
        endpoint=endpoint,
        waiting=feed.waiting(session, place),
        oldest=session.scalar(_OLDEST, {"ids": [(seq + 1) * CHAINS + chain for chain, seq in enumerate(place)]}),
        cursor=feed.cursor_of(session, place),
    )


_OLDEST = text("SELECT min(recorded_at) FROM ledger_entry WHERE id = ANY(:ids)")


def deliveries(
    session: Session, endpoint_id: int, *, before: int | None = None, limit: int, failed: bool = False
) -> Sequence[WebhookDelivery]:
    """Attempts, the newest first, from before a number on; those that failed alone if asked."""
    question = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if before is not None:
        question = question.where(WebhookDelivery.id < before)
    if failed:
        question = question.where(WebhookDelivery.error.is_not(None))
    return session.scalars(question.order_by(WebhookDelivery.id.desc()).limit(limit)).all()


def given_up(session: Session, _now: datetime) -> Mapping[str, Mapping[str, Any]]:
    """The endpoints that were disabled because they took nothing, for alarms: ``webhook:3`` and where it is."""
    question = select(WebhookEndpoint).where(
        WebhookEndpoint.disabled_at.is_not(None), WebhookEndpoint.disabled_why.in_(("gone", "given_up"))
    )
    return {f"webhook:{one.id}": {"host": host_of(one.url)} for one in session.scalars(question)}


def forget_deliveries(session: Session, now: datetime) -> int:
    """Remove attempts of long ago, and of each endpoint all but the newest; how many."""
    old = session.execute(delete(WebhookDelivery).where(WebhookDelivery.at < now - KEEP_DELIVERIES))
    many = session.execute(_TOO_MANY, {"most": MOST_DELIVERIES})
    return int(old.rowcount) + len(many.all())  # type: ignore[attr-defined]


_TOO_MANY = text(
    "DELETE FROM webhook_delivery d USING (SELECT e.id, (SELECT n.id FROM webhook_delivery n WHERE n.endpoint_id = e.id"
    " ORDER BY n.id DESC OFFSET :most LIMIT 1) AS last FROM webhook_endpoint e) k"
    " WHERE d.endpoint_id = k.id AND d.id <= k.last RETURNING d.id"
)


def secrets_of(
    endpoint_secrets: bytes, previous_until: datetime | None, address_key: bytes, now: datetime
) -> list[str]:
    """The secrets a message is signed with now, the newest first."""
    kept = unsealed(endpoint_secrets, address_key)
    live = [kept["current"]]
    if previous_until is not None and now < previous_until and "previous" in kept:
        live.append(kept["previous"])
    return live


def types_of(texts: Collection[str]) -> frozenset[str]:
    """Types as somebody listed them: by commas, one by one, or both."""
    return frozenset(part for one in texts for part in one.replace(",", " ").split())
