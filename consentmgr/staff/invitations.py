"""One-time addresses: to take an account over, to set a new password, or to be the first administrator.

The token stands in the address alone and is stored as its SHA-256. It is good once and for some days, and a newer one
of the same account ends the older. One that is shown is random; one that is mailed is made of the session key when the
mail is sent, so that it lies nowhere in between.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Final

from babel.dates import format_date
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.config import LANGUAGES, Settings
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.outbox import post
from consentmgr.staff import accounts, passwords, sessions
from consentmgr.staff.models import Account, Invitation

LASTS: Final = timedelta(days=3)
#: Two who take the same first invitation at once: the second waits and finds it used.
_FIRST: Final = "consentmgr first administrator"


@dataclass(frozen=True, slots=True)
class Open:
    """An invitation that can still be taken. ``email`` is None where it is for the first administrator."""

    id: int
    account_id: int | None
    email: str | None = field(repr=False)
    name: str | None = field(repr=False)
    expires_at: datetime


def address(settings: Settings, token: str) -> str:
    """The address to open, built from the public one."""
    return f"{settings.public_url}/desk/invitation/{token}"


def invite(session: Session, account: Account, *, actor: str, now: datetime) -> str:
    """A new one-time token for an account; the ones before it are over. Raises ``BadInput`` for a closed account."""
    if not account.active:
        raise BadInput("the account is closed; open it first")
    session.execute(delete(Invitation).where(Invitation.account_id == account.id, Invitation.used_at.is_(None)))
    token = _add(session, account.id, actor, now)
    audit.record(session, at=now, actor=actor, action="account.invite", object=accounts.object_of(account.id))
    return token


def invite_by_mail_or_hand(
    session: Session, account: Account, *, settings: Settings, keys: Keys, actor: str, now: datetime
) -> str | None:
    """Mail the account its one-time address, and None; the token to pass on by hand where there is no mail server, or
    the address has had as many mails as any gets in a day. Raises ``BadInput`` for a closed account.
    """
    token = invite(session, account, actor=actor, now=now)
    known = AddressKeys(keys.address_key, keys.address_key_id).email(account.email)
    if settings.smtp_url is None or known is None:
        return token
    invitation = session.scalar(select(Invitation).where(Invitation.token == sha256(token.encode()).digest()))
    assert invitation is not None
    language = next((one for one in LANGUAGES if one == account.language), settings.language)
    fields = {"invitation": invitation.id}
    if not post(
        session, template="staff_invitation", language=language, controller="", address=known.canonical,
        address_key=known.address_key, fields=fields, now=now,
    ):  # fmt: skip
        return token
    invitation.token = sha256(_mailed_token(invitation, keys).encode()).digest()
    session.flush()
    return None


def _mailed_token(invitation: Invitation, keys: Keys) -> str:
    """The token of an invitation that is mailed: the same whenever it is asked for, and known to nobody without the key."""
    told = f"{invitation.id} {invitation.account_id} {int(invitation.made_at.timestamp() * 1_000_000)}"
    made = blake2b(told.encode(), digest_size=32, key=keys.session_secret[:64], person=b"invitation").digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def complete_invitation(session: Session, mail: QueuedMail, settings: Settings, now: datetime) -> Completion | None:
    """What the mail of an invitation is completed with; None where it was taken, is over, or a newer one was made."""
    invitation = session.get(Invitation, int(mail.fields["invitation"]))
    if invitation is None or invitation.used_at is not None or invitation.expires_at <= now:
        return None
    token = _mailed_token(invitation, load_keys(settings))
    if sha256(token.encode()).digest() != invitation.token:
        return None
    return Completion(
        sender="consentmgr",
        values={
            "invitation_url": address(settings, token),
            "last_day": format_date(
                local_date(invitation.expires_at - timedelta(microseconds=1)), "long", locale=mail.language
            ),
        },
    )


def invite_first(session: Session, *, actor: str, now: datetime) -> str | None:
    """The token of the first administrator, once in an installation's life, and only while it has no account."""
    _hold_first(session)
    if not accounts.is_empty(session) or session.scalar(select(Invitation.id).limit(1)) is not None:
        return None
    return _add(session, None, actor, now)


def find(session: Session, token: str, now: datetime, *, for_update: bool = False) -> Open | None:
    """The invitation of a token, where it can still be taken."""
    question = select(Invitation).where(Invitation.token == sha256(token.encode()).digest())
    found = session.scalar(question.with_for_update() if for_update else question)
    if found is None or found.used_at is not None or found.expires_at <= now:
        return None
    if found.account_id is None:
        return Open(found.id, None, None, None, found.expires_at) if accounts.is_empty(session) else None
    account = session.get(Account, found.account_id)
    if account is None or not account.active:
        return None
    return Open(found.id, account.id, account.email, account.name, found.expires_at)


def take(
    session: Session, token: str, *, password: str, email: str = "", name: str = "", language: str | None, now: datetime
) -> Account:
    """Take an invitation: set the password, and for the first administrator make the account.

    Every session of the account ends. Raises ``NotFound`` where the token is no good, ``BadInput`` where the password
    or, of a first administrator, address or name is none; the invitation can then be taken again.
    """
    _hold_first(session)
    found = find(session, token, now, for_update=True)
    if found is None:
        raise NotFound("this invitation was used already, or is over")
    if found.account_id is None:
        passwords.check(password, personal=(email, name))
        actor = "invitation"
        account = accounts.create(session, email=email, name=name, language=language, actor=actor, now=now)
        accounts.grant(session, account, "administrator", None, actor=actor, now=now)
    else:
        account = accounts.account_of(session, found.account_id, for_update=True)
        passwords.check(password, personal=(account.email, account.name))
    invitation = session.get(Invitation, found.id)
    assert invitation is not None
    invitation.used_at = now
    invitation.account_id = account.id
    account.password = passwords.hashed(password)
    account.confirmed_at = account.confirmed_at or now
    sessions.end_all(session, account)
    actor = accounts.actor_of(account.id)
    audit.record(session, at=now, actor=actor, action="account.set_password", object=accounts.object_of(account.id))
    return account


def _add(session: Session, account_id: int | None, actor: str, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        Invitation(
            account_id=account_id,
            token=sha256(token.encode()).digest(),
            made_by=actor,
            made_at=now,
            expires_at=now + LASTS,
        )
    )
    session.flush()
    return token


def _hold_first(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": _FIRST})
