"""What every sender is: how its requests are known to be its own, and what they tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as secrets_of_chance
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from consentmgr.edge.reachable import Network
from consentmgr.kit.errors import BadInput, ConsentmgrError

#: What an event means for us. ``other``: nothing changes by it.
Act = Literal["bounce_permanent", "bounce_temporary", "complaint", "unsubscribe", "other"]

#: Events of one request that are looked at; the largest any sender here puts together is about a thousand.
MOST_EVENTS: Final = 5_000
_LONGEST_ID: Final = 1_000


class NotVerified(ConsentmgrError):
    """The request does not show that it is the sender's. Why not is told to nobody outside."""

    problem = "not-verified"


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A request as it came. Header names are in lower case."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """The connection a request came to. ``named`` are the private networks that may be reached."""

    name: str
    kind: str
    controller: str
    options: Mapping[str, str]
    secrets: Mapping[str, str]
    named: Sequence[Network]
    now: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """One event: the sender's own id for it, what it means, the address it is about, and when it was (None: unknown)."""

    id: str
    act: Act
    address: str
    at: datetime | None


@dataclass(slots=True, repr=False)
class Read:
    """What a request tells. ``unread`` counts items that could not be understood. ``once`` is a part of the signature
    that must not come again with other events; ``visit`` an address to be asked before the answer.
    """

    told: list[Told] = field(default_factory=list)
    unread: int = 0
    once: str | None = None
    visit: str | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """One row of ``SENDERS``. ``read`` verifies a request before it looks at anything else in it, and raises
    ``NotVerified``; ``check`` refuses settings it could not work with, with ``BadInput``.

    ``secrets`` and ``options`` are by name, with what they are; ``needs`` are those that must be given: one of each
    group of names. ``made`` are secrets that the sender has no way to choose and is told by us, by how each is made.
    """

    kind: str
    name: str
    read: Callable[[Asked, Connection], Read]
    secrets: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[frozenset[str]] = ()
    check: Callable[[Mapping[str, str], Mapping[str, str]], None] = lambda _secrets, _options: None
    made: Mapping[str, Callable[[], str]] = field(default_factory=dict)


class Unreadable(Exception):
    """An item of a request is not as its sender documents it."""


def json_of(body: bytes) -> Any:
    """The body as JSON. Raises ``BadInput``, which quotes nothing."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("is not JSON", field="body") from None


def unverified_json(body: bytes) -> Any:
    """The same of a body that holds its own signature. Raises ``NotVerified``."""
    try:
        return json_of(body)
    except BadInput:
        raise NotVerified("it is not JSON") from None


def read_each(items: Any, read: Callable[[Mapping[str, Any]], Told | None]) -> Read:
    """Each item by itself: one that cannot be understood is counted and hinders no other."""
    found = Read()
    if not isinstance(items, list):
        items = [items]
    if len(items) > MOST_EVENTS:
        raise BadInput(f"holds more than {MOST_EVENTS} events", field="body")
    for item in items:
        try:
            if not isinstance(item, Mapping):
                raise Unreadable
            told = read(item)
        except (Unreadable, KeyError, TypeError, ValueError, OverflowError):
            found.unread += 1
            continue
        if told is not None:
            found.told.append(told)
    return found


def text_of(item: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A field that is text. Raises ``Unreadable`` where it is missing, something else, or far too long."""
    value = item.get(name, default)
    if not isinstance(value, str) or len(value) > _LONGEST_ID or "\0" in value:
        raise Unreadable
    # Half of a surrogate pair cannot be written; this raises ``ValueError`` for it.
    value.encode()
    return value


def identity(*parts: object) -> str:
    """An id made of parts, where a sender gives none of its own."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def moment(value: Any) -> datetime | None:
    """A moment as seconds since 1970 or as ISO 8601; None where it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None


class Scheme(NamedTuple):
    """``Authorization`` as a sender is told to send it: the secret it is held against, and how that is written."""

    secret: str
    written: Callable[[str], str]


def _basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


#: ``user:password`` in the address that the sender was given (RFC 7617), and a token (RFC 6750).
BASIC: Final = Scheme("credentials", _basic)
BEARER: Final = Scheme("token", lambda token: f"Bearer {token}")


def require_authorization(asked: Asked, connection: Connection, *schemes: Scheme) -> None:
    """Hold the header against each secret that is set. Raises ``NotVerified``."""
    given = asked.headers.get("authorization", "").encode()
    good = False
    for scheme in schemes:
        secret = connection.secrets.get(scheme.secret)
        if secret is not None:
            good |= hmac.compare_digest(scheme.written(secret).encode(), given)
    if not good:
        raise NotVerified("the authorization is another one")


def new_token() -> str:
    """A secret that nobody guesses: 32 bytes of chance, as text."""
    return secrets_of_chance.token_urlsafe(32)


def new_credentials() -> str:
    """The same as ``user:password``; neither needs escaping in an address."""
    return f"consentmgr:{new_token()}"


def check_credentials(secrets: Mapping[str, str], _options: Mapping[str, str]) -> None:
    """Refuse what could be guessed. Raises ``BadInput`` naming the secret."""
    for name, value in secrets.items():
        if len(value) < 16 or not value.isascii() or not value.isprintable():
            raise BadInput("needs at least 16 visible ASCII characters", field=name)
    if ":" not in secrets.get("credentials", ":"):
        raise BadInput("is user:password", field="credentials")
