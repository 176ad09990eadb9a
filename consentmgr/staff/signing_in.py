"""Signing in, step by step: what a door calls once each, in one transaction.

A password, an invitation or an identity provider begins a session that is ``started`` and opens nothing but the
second step; a one-time code, or a recovery code, makes it ``open`` under a new value. A passkey, which asks its owner
for a finger or a PIN itself, is both at once. Everybody needs a second factor: no role of the desk is without
personal data or power.

What did not work is told nobody in detail: an unknown address, a closed account, one without a password and a wrong
password take the same time, write the same row and give the same None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.keys import Keys
from consentmgr.staff import accounts, passwords, second_factor, sessions
from consentmgr.staff.models import Account, StaffSession
from consentmgr.staff.sessions import Found

#: Who tried, in the audit log, before it is known who it is.
VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open session: the value of its cookie, where to go, and recovery codes where they were just made."""

    value: str = field(repr=False)
    account_id: int
    next: str
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)


def by_password(
    session: Session, *, email: str, password: str, next_page: str, browser: str, keys: Keys, now: datetime
) -> str | None:
    """Begin a session with address and password; the value of its cookie, or None where they do not fit."""
    account = accounts.find(session, email)
    usable = account is not None and account.active
    fits = passwords.matches(password, account.password if account is not None and usable else None)
    if account is None or not fits:
        _refused(session, account, "password", now)
        return None
    if account.password is not None and passwords.needs_new_hash(account.password):
        account.password = passwords.hashed(password)
    return begin(session, account, method="password", next_page=next_page, browser=browser, keys=keys, now=now)


def begin(
    session: Session, account: Account, *, method: str, next_page: str, browser: str, keys: Keys, now: datetime
) -> str:
    """Begin a session whose first factor was shown; the value of its cookie."""
    data: dict[str, Any] = {"next": next_page}
    if account.tf_totp_secret is None:
        # Drawn here, since no GET writes anything.
        data["totp"] = second_factor.new_secret(keys)
    return sessions.begin(session, account, stage="started", method=method, browser=browser, now=now, data=data)


def needs_set_up(found: Found) -> bool:
    """Whether a started session's account has no second factor yet."""
    return found.stage == "started" and "totp" in found.data


def by_code(session: Session, found: Found, *, code: str, keys: Keys, now: datetime) -> Opened | None:
    """Open a started session with a one-time code or a recovery code; None where it is not right, or used."""
    account = _held(session, found)
    if account is None or account.tf_totp_secret is None:
        return None
    if second_factor.take_code(account, code, keys, now):
        return _open(session, found, account, f"{found.method}+totp", now)
    if second_factor.take_recovery_code(account, code, keys):
        audit.record(
            session, at=now, actor=accounts.actor_of(account.id), action="account.use_recovery_code",
            object=accounts.object_of(account.id), detail={"left": len(account.recovery_codes)},
        )  # fmt: skip
        return _open(session, found, account, f"{found.method}+recovery", now)
    _refused(session, account, "code", now)
    return None


def by_set_up(session: Session, found: Found, *, code: str, keys: Keys, now: datetime) -> Opened | None:
    """Set up one-time codes with the first of them, which opens the session; None where the code is not right."""
    account = _held(session, found)
    secret = found.data.get("totp")
    if account is None or account.tf_totp_secret is not None or not isinstance(secret, str):
        return None
    codes = second_factor.set_up(account, secret, code, keys, now)
    if codes is None:
        return None
    _told_set_up(session, account, now)
    return _open(session, found, account, f"{found.method}+totp", now, tuple(codes))


def open_at_once(
    session: Session, account: Account, *, method: str, next_page: str, browser: str, now: datetime
) -> Opened:
    """Open a session of somebody who showed both factors in one."""
    value = sessions.begin(session, account, stage="open", method=method, browser=browser, now=now)
    account.signed_in_at = now
    _signed_in(session, account, method, now)
    return Opened(value, account.id, next_page)


def sign_out(session: Session, found: Found, *, now: datetime) -> None:
    """End this session."""
    sessions.end(session, found.id)
    if found.stage == "open":
        actor = accounts.actor_of(found.account_id)
        audit.record(session, at=now, actor=actor, action="sign_out", object=accounts.object_of(found.account_id))


# --- for those who are signed in --------------------------------------------------------------------------------------


def prove(session: Session, found: Found, *, password: str, code: str, keys: Keys, now: datetime) -> bool:
    """Show once more who one is, with both factors, before what signs in is changed."""
    account = _held(session, found)
    if account is None:
        return False
    # An account that came by an identity provider may have no password; its code is asked all the same.
    fits = account.password is None or passwords.matches(password, account.password)
    if not fits or not (
        second_factor.take_code(account, code, keys, now) or second_factor.take_recovery_code(account, code, keys)
    ):
        _refused(session, account, "proof", now)
        return False
    sessions.prove(session, found.id, now)
    return True


def change_password(session: Session, found: Found, *, password: str, browser: str, now: datetime) -> str:
    """Set another password: every session of the account ends, and the one that asked goes on under a new value.

    Raises ``BadInput`` as ``passwords.check`` does.
    """
    account = accounts.account_of(session, found.account_id, for_update=True)
    passwords.check(password, personal=(account.email, account.name))
    account.password = passwords.hashed(password)
    sessions.end_all(session, account)
    actor = accounts.actor_of(account.id)
    audit.record(session, at=now, actor=actor, action="account.set_password", object=accounts.object_of(account.id))
    return sessions.begin(session, account, stage="open", method=found.method, browser=browser, now=now)


def replace_codes(
    session: Session, found: Found, *, secret: str, code: str, keys: Keys, now: datetime
) -> Opened | None:
    """Take another authenticator's secret; every other session ends. None where the code is not of it."""
    account = accounts.account_of(session, found.account_id, for_update=True)
    codes = second_factor.set_up(account, secret, code, keys, now)
    if codes is None:
        return None
    _told_set_up(session, account, now)
    sessions.end_all(session, account)
    value = sessions.begin(session, account, stage="open", method=found.method, now=now)
    return Opened(value, account.id, "/desk/me", tuple(codes))


def renew_recovery_codes(session: Session, found: Found, *, keys: Keys, now: datetime) -> list[str]:
    """New recovery codes; those from before are good no more."""
    account = accounts.account_of(session, found.account_id, for_update=True)
    codes = second_factor.new_recovery_codes(account, keys)
    actor = accounts.actor_of(account.id)
    audit.record(
        session, at=now, actor=actor, action="account.renew_recovery_codes", object=accounts.object_of(account.id)
    )
    return codes


# --- inside -----------------------------------------------------------------------------------------------------------


def _held(session: Session, found: Found) -> Account | None:
    """The account of a session, held, unless the session ended meanwhile."""
    account = session.scalar(select(Account).where(Account.id == found.account_id, Account.active).with_for_update())
    lasts = session.scalar(select(StaffSession.fs_uniquifier).where(StaffSession.id == found.id))
    return account if account is not None and lasts == account.fs_uniquifier else None


def _open(
    session: Session, found: Found, account: Account, method: str, now: datetime, codes: tuple[str, ...] = ()
) -> Opened:
    browser = session.scalar(select(StaffSession.browser).where(StaffSession.id == found.id)) or ""
    sessions.end(session, found.id)
    account.signed_in_at = now
    value = sessions.begin(session, account, stage="open", method=method, browser=browser, now=now)
    _signed_in(session, account, method, now)
    return Opened(value, account.id, str(found.data.get("next", "/desk/")), codes)


def _signed_in(session: Session, account: Account, method: str, now: datetime) -> None:
    audit.record(
        session, at=now, actor=accounts.actor_of(account.id), action="sign_in",
        object=accounts.object_of(account.id), detail={"method": method},
    )  # fmt: skip


def _told_set_up(session: Session, account: Account, now: datetime) -> None:
    actor = accounts.actor_of(account.id)
    audit.record(
        session, at=now, actor=actor, action="account.set_up_second_factor", object=accounts.object_of(account.id)
    )


def _refused(session: Session, account: Account | None, step: str, now: datetime) -> None:
    told = accounts.object_of(account.id) if account is not None else "account:none"
    audit.record(session, at=now, actor=VISITOR, action="sign_in.refused", object=told, detail={"step": step})
