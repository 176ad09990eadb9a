"""Sessions of staff: rows of the database, so that they end when they must.

A cookie holds a random value and nothing else; the row has its SHA-256. A session begins when a password, a passkey
or an identity provider was believed, under a value nobody knew before (so that none can be fixed beforehand), and
gets another one when the second factor was shown. It ends with the person's signing out, after some time of silence,
after a working day whatever happens, and for every browser of an account when its password, its roles or its status
change: ``end_all`` removes the rows and draws the account's ``fs_uniquifier`` anew.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

from sqlalchemy import cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.staff.models import Account, Grant, StaffSession

#: Silence after which a session is over.
IDLE: Final = timedelta(minutes=60)
#: After this it is over whatever happens: a working day and some.
LONGEST: Final = timedelta(hours=12)
#: Between password and second factor.
STARTED: Final = timedelta(minutes=15)
#: How long what was shown (password, passkey, code) stays good for changing what signs in.
PROVED: Final = timedelta(minutes=15)
#: A row is touched at most this often, so that reading pages writes next to nothing.
TOUCH: Final = timedelta(minutes=1)

Stage = Literal["started", "open"]


@dataclass(frozen=True, slots=True)
class Granted:
    """A role of ``staff.roles``, and the controllers it is for; None means all."""

    role: str
    controllers: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A session that lasts, and the account it is of."""

    id: bytes = field(repr=False)
    number: int
    stage: str
    data: dict[str, Any] = field(repr=False)
    account_id: int
    email: str = field(repr=False)
    name: str = field(repr=False)
    language: str | None
    grants: tuple[Granted, ...]
    seen_at: datetime
    proved_at: datetime
    method: str

    def is_proved(self, now: datetime) -> bool:
        """Whether what signs in may be changed without showing it again."""
        return now - self.proved_at <= PROVED


def begin(
    session: Session,
    account: Account,
    *,
    stage: Stage,
    method: str,
    now: datetime,
    browser: str = "",
    data: dict[str, Any] | None = None,
) -> str:
    """Begin a session of this account; the value for its cookie, which is stored nowhere."""
    value = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            id=_digest(value),
            account_id=account.id,
            fs_uniquifier=account.fs_uniquifier,
            stage=stage,
            data=data or {},
            created_at=now,
            seen_at=now,
            proved_at=now,
            method=method,
            browser=browser,
        )
    )
    session.flush()
    return value


def find(session: Session, value: str, now: datetime) -> Found | None:
    """The session of a cookie, unless it is over. One question to the database."""
    held = (
        select(func.jsonb_object_agg(Grant.role, func.to_jsonb(Grant.controllers)))
        .where(Grant.account_id == Account.id)
        .scalar_subquery()
    )
    row = session.execute(
        select(StaffSession, Account, held)
        .join(Account, Account.id == StaffSession.account_id)
        .where(StaffSession.id == _digest(value))
    ).one_or_none()
    if row is None:
        return None
    kept, account, roles = row
    if not account.active or kept.fs_uniquifier != account.fs_uniquifier or _is_over(kept, now):
        return None
    granted = tuple(
        Granted(role, None if keys is None else frozenset(keys)) for role, keys in sorted((roles or {}).items())
    )
    return Found(
        id=kept.id,
        number=kept.number,
        stage=kept.stage,
        data=dict(kept.data),
        account_id=account.id,
        email=account.email,
        name=account.name,
        language=account.language,
        grants=granted,
        seen_at=kept.seen_at,
        proved_at=kept.proved_at,
        method=kept.method,
    )


def _is_over(kept: StaffSession, now: datetime) -> bool:
    if now - kept.created_at > (STARTED if kept.stage == "started" else LONGEST):
        return True
    return now - kept.seen_at > IDLE


def touch(session: Session, session_id: bytes, now: datetime) -> None:
    """Note that the session was used."""
    session.execute(update(StaffSession).where(StaffSession.id == session_id).values(seen_at=now))


def keep_data(session: Session, session_id: bytes, data: dict[str, Any]) -> None:
    """Store what the session holds. A session that has ended meanwhile stays ended."""
    session.execute(update(StaffSession).where(StaffSession.id == session_id).values(data=data))


def add_data(session: Session, value: str, data: dict[str, Any]) -> None:
    """Add to what a session holds that was begun under this value a moment ago."""
    held = StaffSession.data.op("||")(cast(data, JSONB))
    session.execute(update(StaffSession).where(StaffSession.id == _digest(value)).values(data=held))


def prove(session: Session, session_id: bytes, now: datetime) -> None:
    """Note that the person has shown once more who they are."""
    session.execute(update(StaffSession).where(StaffSession.id == session_id).values(proved_at=now))


def end(session: Session, session_id: bytes) -> None:
    """End one session; one that is over already stays so."""
    session.execute(delete(StaffSession).where(StaffSession.id == session_id))


def end_numbered(session: Session, account_id: int, number: int) -> bool:
    """End one session of an account by its number; whether there was one."""
    gone = delete(StaffSession).where(StaffSession.account_id == account_id, StaffSession.number == number)
    return session.execute(gone.returning(StaffSession.number)).one_or_none() is not None


def end_all(session: Session, account: Account) -> None:
    """End every session of an account, those that are being begun just now too."""
    account.fs_uniquifier = secrets.token_hex(32)
    session.flush()
    session.execute(delete(StaffSession).where(StaffSession.account_id == account.id))


def of_account(session: Session, account_id: int, now: datetime) -> list[StaffSession]:
    """The sessions of an account that last, the newest first."""
    rows = session.scalars(
        select(StaffSession)
        .where(StaffSession.account_id == account_id, StaffSession.stage == "open")
        .order_by(StaffSession.seen_at.desc(), StaffSession.number.desc())
    )
    return [row for row in rows if not _is_over(row, now)]


def forget_sessions(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """A job, for once an hour or so: remove the rows of sessions that are over."""
    with database.transaction() as session:
        over = (StaffSession.seen_at < now - IDLE) | (StaffSession.created_at < now - LONGEST)
        gone = session.execute(delete(StaffSession).where(over).returning(StaffSession.number)).all()
        return f"{len(gone)} sessions forgotten"


def _digest(value: str) -> bytes:
    return sha256(value.encode()).digest()
