"""Keys of the API: made once, shown once, kept as digests, bound to scopes and controllers, ending by themselves."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from zlib import crc32

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff.models import ApiKey, ApiKeySecret, ApiKeyUse
from consentmgr.staff.scopes import Scope

#: How long a key is good where nobody says otherwise.
USUAL_LIFE: Final = timedelta(days=365)
LONGEST_LIFE: Final = timedelta(days=732)
#: How long the secret before goes on beside a new one, so that systems can change over.
USUAL_OVERLAP: Final = timedelta(days=7)
LONGEST_OVERLAP: Final = timedelta(days=90)
#: How long before its end a key is told of.
WARN_BEFORE: Final = timedelta(days=30)
LONGEST_NAME: Final = 200

#: The controllers somebody may speak of: None for all.
Reach = frozenset[str] | None
State = Literal["good", "ends_soon", "ended", "revoked"]

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: As many of 62 letters as hold 256 bits.
_SECRET_LETTERS: Final = 43
_CHECK_LETTERS: Final = 6


def new_token(key_id: int) -> str:
    """A token of a key: ``cmk_<id>_<secret>``, 256 random bits and a checksum, by which a scanner of code that finds
    one knows it for one, and what is not one is refused without asking the database.
    """
    begun = f"cmk_{key_id}_" + "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS))
    return begun + _check(begun)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token, checksum and all."""
    return text.startswith("cmk_") and text.isascii() and _check(text[:-_CHECK_LETTERS]) == text[-_CHECK_LETTERS:]


def digest_of(token: str) -> bytes:
    """What is stored of a token: 256 random bits need no slow hash, and no key."""
    return sha256(token.encode()).digest()


def _check(begun: str) -> str:
    number, found = crc32(begun.encode()), ""
    for _ in range(_CHECK_LETTERS):
        number, letter = divmod(number, len(_LETTERS))
        found = _LETTERS[letter] + found
    return found


def add(
    session: Session,
    *,
    name: str,
    owner: str,
    scopes: Collection[str],
    controllers: Collection[str] | None,
    expires_at: datetime | None = None,
    actor: str,
    now: datetime,
    reach: Reach = None,
) -> tuple[ApiKey, str]:
    """A new key, and its token, which is told this once. ``controllers`` are keys, None for all; ``reach`` are those the
    giver may give for.

    Raises ``BadInput``, and ``NotFound`` for controllers beyond the reach or that are none.
    """
    unknown = set(scopes) - set(Scope)
    if unknown or not scopes:
        raise BadInput("name at least one scope; the scopes are " + ", ".join(Scope), field="scopes")
    key = ApiKey(
        name=_line(name, "name"),
        owner=_line(owner, "owner"),
        scopes=sorted(scopes),
        controllers=_checked_controllers(session, controllers, reach),
        made_by=actor,
        made_at=now,
        expires_at=_checked_end(expires_at or now + USUAL_LIFE, now),
    )
    session.add(key)
    session.flush()
    token = _add_secret(session, key, actor, now)
    record(
        session, at=now, actor=actor, action="api_key.add", object=object_of(key.id),
        detail={"scopes": key.scopes, "controllers": key.controllers, "expires_at": key.expires_at.isoformat()},
    )  # fmt: skip
    return key, token


def rotate(
    session: Session,
    key_id: int,
    *,
    overlap: timedelta = USUAL_OVERLAP,
    expires_at: datetime | None = None,
    actor: str,
    now: datetime,
    reach: Reach = None,
) -> str:
    """A second secret of a key, told this once; the one before is good for ``overlap`` longer, and with none ends at
    once, as one that leaked must. ``expires_at`` lets the key go on for longer than it would.

    Raises ``NotFound``, and ``BadInput`` for a key that has ended or has two secrets already.
    """
    key = _held(session, key_id, reach)
    if key.revoked_at is not None or key.expires_at <= now:
        raise BadInput("the key has ended; add a new one", field="key")
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise BadInput("the overlap is 0 to 90 days", field="overlap")
    if expires_at is not None:
        key.expires_at = _checked_end(expires_at, now)
    live = [one for one in _secrets(session, key_id) if one.ends_at is None or one.ends_at > now]
    if len(live) > 1 and overlap:
        raise BadInput(
            "the key has two secrets already; wait for the older one to end, or give no overlap", field="key"
        )
    for one in live:
        one.ends_at = now + overlap
    token = _add_secret(session, key, actor, now)
    record(
        session, at=now, actor=actor, action="api_key.rotate", object=object_of(key.id),
        detail={"overlap_hours": overlap / timedelta(hours=1), "expires_at": key.expires_at.isoformat()},
    )  # fmt: skip
    return token


def revoke(session: Session, key_id: int, *, actor: str, now: datetime, reach: Reach = None) -> None:
    """End a key with all its secrets, at once and for good. Again, it changes nothing. Raises ``NotFound``."""
    key = _held(session, key_id, reach)
    if key.revoked_at is not None:
        return
    key.revoked_at, key.revoked_by = now, actor
    session.flush()
    record(session, at=now, actor=actor, action="api_key.revoke", object=object_of(key.id))


def object_of(key_id: int) -> str:
    """What audit log calls a key that something was done to; as an actor it is called the same."""
    return f"key:{key_id}"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as lists show it. ``secrets`` is how many are good now; ``older_ends_at`` when the older of two ends."""

    id: int
    name: str
    owner: str = field(repr=False)
    scopes: tuple[Scope, ...]
    controllers: tuple[str, ...] | None
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    secrets: int
    older_ends_at: datetime | None
    older_used_at: datetime | None
    used_at: datetime | None
    state: State


def listed(session: Session, *, now: datetime, reach: Reach = None, key_id: int | None = None) -> list[KeyRow]:
    """Every key within somebody's reach, those that are good first, by name; two questions however many there are."""
    question = select(ApiKey)
    uses = (
        select(ApiKeySecret, ApiKeyUse.used_at)
        .outerjoin(ApiKeyUse, ApiKeyUse.secret_id == ApiKeySecret.id)
        .order_by(ApiKeySecret.id)
    )
    if key_id is not None:
        question, uses = question.where(ApiKey.id == key_id), uses.where(ApiKeySecret.key_id == key_id)
    by_key: dict[int, list[tuple[ApiKeySecret, datetime | None]]] = {}
    for secret, used_at in session.execute(uses):
        by_key.setdefault(secret.key_id, []).append((secret, used_at))
    rows = []
    for key in session.scalars(question):
        if not _is_within(key, reach):
            continue
        known = by_key.get(key.id, [])
        live = [(one, used) for one, used in known if one.ends_at is None or one.ends_at > now]
        older = next(((one, used) for one, used in live if one.ends_at is not None), None)
        rows.append(
            KeyRow(
                id=key.id,
                name=key.name,
                owner=key.owner,
                scopes=tuple(known_one for known_one in Scope if known_one.value in key.scopes),
                controllers=None if key.controllers is None else tuple(key.controllers),
                made_by=key.made_by,
                made_at=key.made_at,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
                secrets=len(live),
                older_ends_at=older[0].ends_at if older else None,
                older_used_at=older[1] if older else None,
                used_at=max((used for _, used in known if used is not None), default=None),
                state=_state(key, now),
            )
        )
    return sorted(rows, key=lambda row: (row.state in ("revoked", "ended"), row.name.lower(), row.id))


def ending(session: Session, now: datetime) -> dict[str, dict[str, Any]]:
    """The keys that end within ``WARN_BEFORE``: what an alarm tells, by the key's object."""
    rows = [row for row in listed(session, now=now) if row.state == "ends_soon"]
    return {object_of(row.id): {"day": row.expires_at.date().isoformat(), "name": row.name} for row in rows}


def _state(key: ApiKey, now: datetime) -> State:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= now:
        return "ended"
    return "ends_soon" if key.expires_at <= now + WARN_BEFORE else "good"


def _held(session: Session, key_id: int, reach: Reach) -> ApiKey:
    """The key, held against other changes. Raises ``NotFound``."""
    key = session.get(ApiKey, key_id, with_for_update=True) if 0 < key_id < 2**63 else None
    if key is None or not _is_within(key, reach):
        raise NotFound("there is no such key")
    return key


def _is_within(key: ApiKey, reach: Reach) -> bool:
    return reach is None or (key.controllers is not None and set(key.controllers) <= reach)


def _secrets(session: Session, key_id: int) -> Sequence[ApiKeySecret]:
    return session.scalars(select(ApiKeySecret).where(ApiKeySecret.key_id == key_id).order_by(ApiKeySecret.id)).all()


def _add_secret(session: Session, key: ApiKey, actor: str, now: datetime) -> str:
    token = new_token(key.id)
    session.add(ApiKeySecret(key_id=key.id, digest=digest_of(token), made_by=actor, made_at=now))
    session.flush()
    return token


def _line(given: str, name: str) -> str:
    told = given.strip()
    if not told or len(told) > LONGEST_NAME or not told.isprintable():
        raise BadInput(f"a line of at most {LONGEST_NAME} letters is needed", field=name)
    return told


def _checked_end(expires_at: datetime, now: datetime) -> datetime:
    if not now < expires_at <= now + LONGEST_LIFE:
        raise BadInput("a key ends within two years from now", field="expires_at")
    return expires_at


def _checked_controllers(session: Session, controllers: Collection[str] | None, reach: Reach) -> list[str] | None:
    if controllers is None:
        if reach is not None:
            raise NotFound("there is no such controller")
        return None
    wanted = set(controllers)
    # The register lies above, so the table is asked.
    known = set(session.scalars(text("SELECT key FROM controller WHERE key = ANY(:keys)"), {"keys": sorted(wanted)}))
    if not wanted:
        raise BadInput("a key is for all controllers, or for one at least", field="controllers")
    if wanted - known or (reach is not None and not wanted <= reach):
        raise NotFound("there is no such controller")
    return sorted(wanted)


# --- asked at every request -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opens, until then."""

    key_id: int
    secret_id: int
    scopes: frozenset[str]
    controllers: frozenset[str] | None
    until: datetime


def opened_by(session: Session, token: str, now: datetime) -> Opened | None:
    """What a token opens now; None where it is unknown, revoked or past its end."""
    found = session.execute(
        select(ApiKeySecret.id, ApiKeySecret.ends_at, ApiKey)
        .join(ApiKey, ApiKey.id == ApiKeySecret.key_id)
        .where(ApiKeySecret.digest == digest_of(token))
    ).one_or_none()
    if found is None:
        return None
    key = found.ApiKey
    until = min(key.expires_at, found.ends_at or key.expires_at)
    if key.revoked_at is not None or until <= now:
        return None
    return Opened(
        key_id=key.id,
        secret_id=found.id,
        scopes=frozenset(key.scopes),
        controllers=None if key.controllers is None else frozenset(key.controllers),
        until=until,
    )


def note_use(session: Session, secret_id: int, now: datetime) -> None:
    """Remember that a secret was used. Asked for at most once a minute by each process."""
    used = insert(ApiKeyUse).values(secret_id=secret_id, used_at=now)
    session.execute(
        used.on_conflict_do_update(
            index_elements=[ApiKeyUse.secret_id],
            set_={"used_at": now},
            where=ApiKeyUse.used_at < now - timedelta(seconds=50),
        )
    )
