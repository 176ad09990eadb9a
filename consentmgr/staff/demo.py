"""Accounts of a demonstration: one for each role, whose password and codes everybody may know. For nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.keys import Keys
from consentmgr.staff import accounts, passwords, second_factor
from consentmgr.staff.roles import ROLES

PASSWORD = "aurora-harbour-lantern-42"  # noqa: S105 - of a demonstration, whose people are invented
DOMAIN = "desk.example"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What to print: how to sign in as this role. ``totp_key`` goes into an authenticator, in base32."""

    role: str
    email: str
    password: str = field(repr=False)
    totp_key: str = field(repr=False)


def make_demo_accounts(session: Session, keys: Keys, now: datetime) -> tuple[DemoAccount, ...]:
    """Make one account per role of ``staff.roles``; those that exist keep their codes. What to print for each."""
    made = []
    for role in ROLES:
        email = f"{role.key.replace('_', '-')}@{DOMAIN}"
        account = accounts.find(session, email)
        if account is None:
            account = accounts.create(session, email=email, name=role.names["en"], language=None, actor="demo", now=now)
            account.password = passwords.hashed(PASSWORD)
            account.tf_totp_secret = second_factor.new_secret(keys)
            account.confirmed_at = now
            accounts.grant(session, account, role.key, None, actor="demo", now=now)
        if account.tf_totp_secret is None:
            account.tf_totp_secret = second_factor.new_secret(keys)
        key = second_factor.key_of(account.tf_totp_secret, keys).replace("-", "")
        made.append(DemoAccount(role.key, email, PASSWORD, key))
    session.flush()
    return tuple(made)


def code_of(account: DemoAccount, now: datetime) -> str:
    """The code an authenticator shows for this account now, for those who have none at hand."""
    from passlib.totp import TOTP

    return str(TOTP(key=account.totp_key, format="base32").generate(time=now).token)
