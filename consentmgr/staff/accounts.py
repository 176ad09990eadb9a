"""Accounts of staff and their roles: made, granted, disabled. Whatever changes what an account may do ends its sessions."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.config import LANGUAGES
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import sessions
from consentmgr.staff.models import Account, Grant, Invitation, Passkey, StaffSession
from consentmgr.staff.roles import BY_KEY, Permission

_EMAIL: Final = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[^\s@<>\"(),:;\\]+\.[^\s@.<>\"(),:;\\]+")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LONGEST_NAME: Final = 200

#: The controllers somebody may speak of: None for all.
Reach = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as lists show it. ``grants`` has the roles and their controllers, None for all."""

    id: int
    email: str = field(repr=False)
    name: str = field(repr=False)
    active: bool
    has_password: bool
    has_totp: bool
    passkeys: int
    sessions: int
    is_invited: bool
    signed_in_at: datetime | None
    created_at: datetime
    grants: tuple[tuple[str, tuple[str, ...] | None], ...]


def actor_of(account_id: int) -> str:
    """How audit log and ledger name an account."""
    return f"staff:{account_id}"


def object_of(account_id: int) -> str:
    """What audit log calls an account that something was done to."""
    return f"account:{account_id}"


def canonical_email(given: str) -> str:
    """The one spelling of an address. Raises ``BadInput``."""
    email = given.strip().lower()
    if len(email) > 254 or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise BadInput("this is no e-mail address", field="email")
    return email


def create(
    session: Session, *, email: str, name: str, language: str | None, actor: str, now: datetime, active: bool = True
) -> Account:
    """Make an account that can do nothing yet. Raises ``BadInput`` where there is one of this address."""
    email = canonical_email(email)
    if find(session, email) is not None:
        raise BadInput("there is an account of this address already", field="email")
    account = Account(
        email=email,
        name=_checked_name(name),
        language=_checked_language(language),
        active=active,
        fs_uniquifier=secrets.token_hex(32),
        fs_webauthn_user_handle=secrets.token_hex(32),
        recovery_codes=[],
        created_at=now,
    )
    session.add(account)
    session.flush()
    audit.record(session, at=now, actor=actor, action="account.create", object=object_of(account.id))
    return account


def find(session: Session, email: str, *, for_update: bool = False) -> Account | None:
    """The account of an address, however it is spelled."""
    question = select(Account).where(Account.email == email.strip().lower())
    return session.scalar(question.with_for_update() if for_update else question)


def account_of(session: Session, account_id: int, *, for_update: bool = False) -> Account:
    """The account of this id, held against other changes where asked. Raises ``NotFound``."""
    question = select(Account).where(Account.id == account_id)
    found = session.scalar(question.with_for_update() if for_update else question)
    if found is None:
        raise NotFound("there is no such account")
    return found


def account_named(session: Session, email: str) -> Account:
    """The account of this address, held against other changes. Raises ``NotFound``."""
    found = find(session, email, for_update=True)
    if found is None:
        raise NotFound("there is no account of this address; consentmgr staff list shows all")
    return found


# --- roles ------------------------------------------------------------------------------------------------------------


def grant(
    session: Session,
    account: Account,
    role: str,
    controllers: Collection[str] | None,
    *,
    actor: str,
    now: datetime,
    reach: Reach = None,
) -> None:
    """Give a role, for all controllers (None) or for those of these keys; a role held already is held anew.

    ``reach`` are the controllers the giver may give for. Raises ``BadInput`` where the role or a key is none, and
    ``NotFound`` beyond the reach. The account's sessions end.
    """
    _set_grants(session, account, {**_grants(session, account.id), role: _checked(controllers)}, actor, now, reach)


def revoke(session: Session, account: Account, role: str, *, actor: str, now: datetime, reach: Reach = None) -> None:
    """Take a role away. Raises ``NotFound`` where it is not held, ``BadInput`` where the last administrator would go."""
    held = _grants(session, account.id)
    if role not in held:
        raise NotFound("the account does not have this role")
    _set_grants(session, account, {key: kept for key, kept in held.items() if key != role}, actor, now, reach)


def set_roles(
    session: Session,
    account: Account,
    roles: Collection[str],
    controllers: Collection[str] | None,
    *,
    actor: str,
    now: datetime,
    reach: Reach = None,
) -> None:
    """Let the account hold these roles and no others, all for the same controllers. Raises as ``grant`` does."""
    limit = _checked(controllers)
    _set_grants(session, account, dict.fromkeys(roles, limit), actor, now, reach)


def set_grants(
    session: Session,
    account: Account,
    wanted: dict[str, Collection[str] | None],
    *,
    actor: str,
    now: datetime,
    reach: Reach = None,
) -> None:
    """Let the account hold these roles, each for its controllers, and no others. Raises as ``grant`` does."""
    _set_grants(session, account, {role: _checked(keys) for role, keys in wanted.items()}, actor, now, reach)


def _set_grants(
    session: Session, account: Account, wanted: dict[str, Reach], actor: str, now: datetime, reach: Reach
) -> None:
    unknown = wanted.keys() - BY_KEY.keys()
    if unknown:
        raise BadInput("there is no such role; the roles are " + ", ".join(BY_KEY), field="role")
    if any(keys is not None and not keys for keys in wanted.values()):
        raise BadInput("a role is for all controllers, or for one at least", field="controllers")
    held = _grants(session, account.id)
    changed = {role for role in held.keys() | wanted.keys() if held.get(role, _NONE) != wanted.get(role, _NONE)}
    if reach is not None:
        touched = [grants[role] for grants in (held, wanted) for role in changed if role in grants]
        if any(keys is None or not keys <= reach for keys in touched):
            raise NotFound("there is no such controller")
    if not changed:
        return
    _keep_an_administrator(session, account, wanted.get("administrator", _NONE) is None)
    for role in changed:
        existing = session.get(Grant, (account.id, role))
        if existing is not None:
            session.delete(existing)
    session.flush()
    for role in sorted(changed & wanted.keys()):
        keys = wanted[role]
        limit = None if keys is None else sorted(keys)
        session.add(Grant(account_id=account.id, role=role, controllers=limit, granted_by=actor, granted_at=now))
        detail: dict[str, Any] = {"role": role, "controllers": limit}
        audit.record(session, at=now, actor=actor, action="account.grant", object=object_of(account.id), detail=detail)
    for role in sorted(changed - wanted.keys()):
        audit.record(
            session, at=now, actor=actor, action="account.revoke", object=object_of(account.id), detail={"role": role}
        )
    sessions.end_all(session, account)


#: Stands for a role that is not held, which differs from one that is held for all (None).
_NONE: Final[Reach] = frozenset()


def _grants(session: Session, account_id: int) -> dict[str, Reach]:
    rows = session.execute(select(Grant.role, Grant.controllers).where(Grant.account_id == account_id))
    return {role: None if keys is None else frozenset(keys) for role, keys in rows}


def grants_of(session: Session, account_id: int) -> dict[str, Reach]:
    """The roles of an account, and the controllers each is for."""
    return _grants(session, account_id)


def _keep_an_administrator(session: Session, account: Account, stays: bool) -> None:  # noqa: FBT001 - what the caller found out
    """Refuse to leave nobody who could let others in. Held against two who take each other's role at once."""
    if stays or not _is_administrator(session, account):
        return
    # One at a time: the second of two waits here, and then sees what the first has done.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('consentmgr administrators', 0))"))
    others = session.scalars(
        select(Account.id)
        .join(Grant, Grant.account_id == Account.id)
        .where(Grant.role == "administrator", Grant.controllers.is_(None), Account.active)
    ).all()
    if account.active and not set(others) - {account.id}:
        raise BadInput("this is the last administrator; make another one first")


def _is_administrator(session: Session, account: Account) -> bool:
    return _grants(session, account.id).get("administrator", _NONE) is None


def is_within(session: Session, account_id: int, reach: Reach) -> bool:
    """Whether an account lies within what somebody may look after: it holds something, and all of it is for controllers
    of theirs. One that holds nothing was somebody's for any controller, and is for those who look after all.
    """
    return _lies_within(list(_grants(session, account_id).values()), reach)


def _lies_within(held: Sequence[Collection[str] | None], reach: Reach) -> bool:
    return reach is None or (bool(held) and all(keys is not None and set(keys) <= reach for keys in held))


# --- status -----------------------------------------------------------------------------------------------------------


def disable(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Close an account: nobody signs in with it, and whoever is signed in is not any more."""
    if not account.active:
        return
    _keep_an_administrator(session, account, stays=False)
    account.active = False
    sessions.end_all(session, account)
    _forget_invitations(session, account.id)
    audit.record(session, at=now, actor=actor, action="account.disable", object=object_of(account.id))


def enable(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Open a closed account again."""
    if account.active:
        return
    account.active = True
    sessions.end_all(session, account)
    audit.record(session, at=now, actor=actor, action="account.enable", object=object_of(account.id))


def reset_second_factor(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Forget the account's one-time codes, recovery codes and passkeys: the next sign-in sets up new ones."""
    account.tf_totp_secret = None
    account.totp_counter = None
    account.recovery_codes = []
    for passkey in session.scalars(select(Passkey).where(Passkey.account_id == account.id)):
        session.delete(passkey)
    sessions.end_all(session, account)
    audit.record(session, at=now, actor=actor, action="account.reset_second_factor", object=object_of(account.id))


def describe(session: Session, account: Account, *, name: str, language: str | None, actor: str, now: datetime) -> None:
    """Change what a person is called and spoken to in. Raises ``BadInput``."""
    account.name = _checked_name(name)
    account.language = _checked_language(language)
    session.flush()
    audit.record(session, at=now, actor=actor, action="account.describe", object=object_of(account.id))


def end_sessions(session: Session, account: Account, *, actor: str, now: datetime) -> None:
    """End every session of an account."""
    sessions.end_all(session, account)
    audit.record(session, at=now, actor=actor, action="account.end_sessions", object=object_of(account.id))


def end_session(session: Session, account: Account, number: int, *, actor: str, now: datetime) -> None:
    """End one session of an account, by its number. Raises ``NotFound`` where there is none."""
    if not sessions.end_numbered(session, account.id, number):
        raise NotFound("there is no such session")
    audit.record(
        session, at=now, actor=actor, action="account.end_session", object=object_of(account.id),
        detail={"session": number},
    )  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------------------------


def is_empty(session: Session) -> bool:
    """Whether there is no account at all."""
    return session.scalar(select(Account.id).limit(1)) is None


def listed(session: Session, *, now: datetime, reach: Reach = None, account_id: int | None = None) -> list[AccountRow]:
    """Every account within somebody's reach, by name; one question however many there are."""
    grants = (
        select(Grant.account_id, func.jsonb_object_agg(Grant.role, func.to_jsonb(Grant.controllers)).label("held"))
        .group_by(Grant.account_id)
        .subquery()
    )
    question = select(
        Account,
        grants.c.held,
        select(func.count()).where(Passkey.account_id == Account.id).scalar_subquery(),
        select(func.count())
        .where(
            StaffSession.account_id == Account.id,
            StaffSession.stage == "open",
            StaffSession.seen_at > now - sessions.IDLE,
            StaffSession.created_at > now - sessions.LONGEST,
        )
        .scalar_subquery(),
        select(func.count())
        .where(Invitation.account_id == Account.id, Invitation.used_at.is_(None), Invitation.expires_at > now)
        .scalar_subquery(),
    ).outerjoin(grants, grants.c.account_id == Account.id)
    if account_id is not None:
        question = question.where(Account.id == account_id)
    rows = []
    for account, held, passkeys, lasting, invited in session.execute(question.order_by(Account.name, Account.id)):
        order = [role for role in BY_KEY if role in (held or {})]
        granted = tuple((role, None if held[role] is None else tuple(held[role])) for role in order)
        if not _lies_within([keys for _, keys in granted], reach):
            continue
        rows.append(
            AccountRow(
                id=account.id,
                email=account.email,
                name=account.name,
                active=account.active,
                has_password=account.password is not None,
                has_totp=account.tf_totp_secret is not None,
                passkeys=passkeys,
                sessions=lasting,
                is_invited=invited > 0,
                signed_in_at=account.signed_in_at,
                created_at=account.created_at,
                grants=granted,
            )
        )
    return rows


def holders(session: Session, permission: Permission) -> Sequence[int]:
    """The active accounts that hold a permission for some controller."""
    roles = [role.key for role in BY_KEY.values() if permission in role.permissions]
    question = (
        select(Account.id).join(Grant, Grant.account_id == Account.id).where(Grant.role.in_(roles), Account.active)
    )
    return session.scalars(question.distinct().order_by(Account.id)).all()


def names_of(session: Session, actors: Collection[str]) -> dict[str, str]:
    """What to call these actors on a page: the names of accounts; others are not in the answer."""
    ids = [int(actor.removeprefix("staff:")) for actor in actors if re.fullmatch(r"staff:\d{1,18}", actor)]
    rows = session.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))
    return {actor_of(account_id): name for account_id, name in rows}


def _forget_invitations(session: Session, account_id: int) -> None:
    for invitation in session.scalars(
        select(Invitation).where(Invitation.account_id == account_id, Invitation.used_at.is_(None))
    ):
        session.delete(invitation)


def _checked(controllers: Collection[str] | None) -> Reach:
    if controllers is None:
        return None
    if not all(_KEY.fullmatch(key) for key in controllers):
        raise BadInput("this is no controller's key", field="controllers")
    return frozenset(controllers)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput("a name is needed, in one line", field="name")
    return name


def _checked_language(language: str | None) -> str | None:
    if not language:
        return None
    if language not in LANGUAGES:
        raise BadInput("the language is fi, sv or en", field="language")
    return language
