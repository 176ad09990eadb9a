"""The installation's keys as a page may show them: what each is for, how old it is, how it is known again.

A fingerprint belongs to a key and says nothing of it; no secret leaves ``consentmgr.keys``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.keys import (
    ADDRESS,
    SESSION,
    SIGNING,
    KeyRow,
    Keys,
    LinkKey,
    distrust_link_key,
    link_key_file,
    load_link_keys,
    rotate_link_key,
)
from consentmgr.kit.errors import BadInput
from consentmgr.kit.signing import public_jwk

#: The longest reason that is kept.
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class ShownKey:
    """One key: what it is, its id where it has one, since when (None: not known), whether its file is there."""

    kind: Literal["address", "signing", "session"]
    id: str
    since: date | None
    #: The variable that gives it, or None where it is in a file of the keys folder.
    variable: str | None


def shown_keys(settings: Settings, keys: Keys) -> list[ShownKey]:
    """The address, signing and session keys, without their secrets."""
    return [
        ShownKey("address", str(keys.address_key_id), *_place(settings, ADDRESS)),
        ShownKey("signing", str(public_jwk(keys.signing_key)["kid"]), *_place(settings, SIGNING)),
        ShownKey("session", _fingerprint(keys.session_secret), *_place(settings, SESSION)),
    ]


def _fingerprint(secret: bytes) -> str:
    """Four bytes of a digest: enough to tell two keys apart, and nothing to guess a random key by."""
    return blake2b(secret, digest_size=4, person=b"shown-key").hexdigest()


def _place(settings: Settings, row: KeyRow) -> tuple[date | None, str | None]:
    if row.variable in settings.secrets:
        return None, row.variable
    try:
        made = (settings.keys_folder / row.file).stat().st_mtime
    except OSError:
        return None, None
    return datetime.fromtimestamp(made, UTC).date(), None


@dataclass(frozen=True, slots=True)
class Distrusted:
    """Why a link key was distrusted, as the audit log has it."""

    reason: str
    actor: str
    at: datetime


def link_key_rows(settings: Settings) -> list[LinkKey]:
    """The link keys, the newest first."""
    return list(reversed(load_link_keys(settings)))


def may_change_link_keys(settings: Settings) -> bool:
    """Whether the link keys are in a file; those of the environment are changed where they come from."""
    return link_key_file(settings) is not None


def reasons_of_distrust(session: Session) -> dict[str, Distrusted]:
    """Why each link key was distrusted, by its id; where it was done at the terminal, without a reason."""
    rows = session.execute(
        text(
            "SELECT substr(object, 10) AS id, actor, at, coalesce(detail ->> 'reason', '') AS reason FROM audit_event"
            " WHERE action = 'link_key_distrusted' AND object LIKE 'link_key:%' ORDER BY at"
        )
    )
    return {row.id: Distrusted(row.reason, row.actor, row.at) for row in rows}


def rotate(session: Session, settings: Settings, *, actor: str, today: date, now: datetime) -> LinkKey:
    """Sign new links with a new key, and record it; flushes. Raises ``Unavailable`` as ``rotate_link_key``."""
    key = rotate_link_key(settings, today=today)
    record(session, at=now, actor=actor, action="link_key_rotated", object=f"link_key:{key.id}")
    return key


def distrust(
    session: Session, settings: Settings, key_id: str, *, reason: str, actor: str, today: date, now: datetime
) -> LinkKey | None:
    """Distrust a link key for a reason, and record both; flushes. The new key, where it was the one that signed.

    Raises ``BadInput`` without a reason, ``NotFound`` and ``Unavailable`` as ``distrust_link_key``.
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise BadInput("write why the key is distrusted", field="reason")
    fresh = distrust_link_key(settings, key_id, today=today)
    record(
        session,
        at=now,
        actor=actor,
        action="link_key_distrusted",
        object=f"link_key:{key_id}",
        detail={"reason": reason},
    )
    if fresh is not None:
        record(session, at=now, actor=actor, action="link_key_rotated", object=f"link_key:{fresh.id}")
    return fresh
