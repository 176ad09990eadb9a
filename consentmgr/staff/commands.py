"""The terminal door of staff: accounts, roles, one-time addresses, sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click

from consentmgr.config import LANGUAGES, load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff.roles import ROLES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ROLES = tuple(role.key for role in ROLES)


@click.group("staff")
def staff_group() -> None:
    """Staff of the desk: who has an account, what each may do, one-time addresses, sessions.

    Whatever changes what an account may do signs it out everywhere.
    """


@contextmanager
def _register() -> Iterator[Session]:
    """The register of these settings, in one transaction."""
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        yield session


@staff_group.command("list")
def list_accounts() -> None:
    """List every account: its address, roles, and how it stands."""
    from consentmgr.staff import accounts

    with _register() as session:
        for row in accounts.listed(session, now=clock.now()):
            roles = ", ".join(role if keys is None else f"{role} ({' '.join(keys)})" for role, keys in row.grants)
            state = "open" if row.active else "closed"
            factor = "second factor" if row.has_totp else "no second factor"
            seen = row.signed_in_at.isoformat(timespec="minutes") if row.signed_in_at else "never"
            click.echo(f"{row.id}  {row.email}  {state}  {roles or 'no role'}  {factor}  signed in {seen}")


@staff_group.command("invite")
@click.argument("email")
@click.option("--name", metavar="NAME", help="What the person is called; needed for a new account.")
@click.option("--role", "roles", multiple=True, type=click.Choice(_ROLES), help="A role; give it again for more.")
@click.option("--controller", "controllers", multiple=True, metavar="KEY", help="Only for this controller.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of the desk.")
@click.option("--mail", is_flag=True, help="Mail the address where a mail server is set, in place of printing it.")
def invite(
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    controllers: tuple[str, ...],
    language: str | None,
    *,
    mail: bool,
) -> None:
    """Print a one-time address for EMAIL, and make the account if there is none.

    It works once, within three days, and ends the one before it. For an account that exists it sets a new password;
    the second factor stays.
    """
    from consentmgr.keys import load_keys
    from consentmgr.staff import accounts, invitations

    settings = load_settings(os.environ)
    actor, now = signed_in_user(), clock.now()
    with _register() as session:
        account = accounts.find(session, accounts.canonical_email(email), for_update=True)
        if account is None:
            if name is None:
                raise BadInput("there is no account of this address; give --name to make one", field="--name")
            account = accounts.create(session, email=email, name=name, language=language, actor=actor, now=now)
        for role in roles:
            accounts.grant(session, account, role, controllers or None, actor=actor, now=now)
        if mail:
            token = invitations.invite_by_mail_or_hand(
                session, account, settings=settings, keys=load_keys(settings), actor=actor, now=now
            )
        else:
            token = invitations.invite(session, account, actor=actor, now=now)
    click.echo(invitations.address(settings, token) if token is not None else "the address is on its way by e-mail")


@staff_group.command("grant")
@click.argument("email")
@click.argument("role", type=click.Choice(_ROLES))
@click.option("--controller", "controllers", multiple=True, metavar="KEY", help="Only for this controller.")
def grant(email: str, role: str, controllers: tuple[str, ...]) -> None:
    """Give EMAIL a role, for all controllers or for those named."""
    from consentmgr.staff import accounts

    with _register() as session:
        account = accounts.account_named(session, email)
        accounts.grant(session, account, role, controllers or None, actor=signed_in_user(), now=clock.now())
    click.echo("given")


@staff_group.command("revoke")
@click.argument("email")
@click.argument("role", type=click.Choice(_ROLES))
def revoke(email: str, role: str) -> None:
    """Take a role from EMAIL."""
    from consentmgr.staff import accounts

    with _register() as session:
        account = accounts.account_named(session, email)
        accounts.revoke(session, account, role, actor=signed_in_user(), now=clock.now())
    click.echo("taken")


@staff_group.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Close the account of EMAIL."""
    from consentmgr.staff import accounts

    with _register() as session:
        accounts.disable(session, accounts.account_named(session, email), actor=signed_in_user(), now=clock.now())
    click.echo("closed")


@staff_group.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Open the account of EMAIL again."""
    from consentmgr.staff import accounts

    with _register() as session:
        accounts.enable(session, accounts.account_named(session, email), actor=signed_in_user(), now=clock.now())
    click.echo("open")


@staff_group.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Forget the codes, recovery codes and passkeys of EMAIL; the next sign-in sets up new ones.

    Make sure first that it is really they who ask.
    """
    from consentmgr.staff import accounts

    with _register() as session:
        account = accounts.account_named(session, email)
        accounts.reset_second_factor(session, account, actor=signed_in_user(), now=clock.now())
    click.echo("reset")


@staff_group.command("sessions")
@click.argument("email")
@click.option("--end", is_flag=True, help="End all of them.")
@click.option("--end-one", type=int, metavar="NUMBER", help="End the one of this number.")
def list_sessions(email: str, *, end: bool, end_one: int | None) -> None:
    """List where EMAIL is signed in, or sign them out there or everywhere."""
    from consentmgr.staff import accounts, sessions

    now = clock.now()
    with _register() as session:
        account = accounts.account_named(session, email)
        if end_one is not None:
            accounts.end_session(session, account, end_one, actor=signed_in_user(), now=now)
            click.echo(f"{end_one} ended")
        for one in sessions.of_account(session, account.id, now):
            used = one.seen_at.isoformat(timespec="minutes")
            began = one.created_at.isoformat(timespec="minutes")
            click.echo(f"{one.number}  {one.browser or 'unknown browser'}  since {began}  used {used}  {one.method}")
        if end:
            accounts.end_sessions(session, account, actor=signed_in_user(), now=now)
            click.echo("ended")


@staff_group.command("approvals")
def list_approvals() -> None:
    """List what waits for a second person. It is decided at the desk, where it is sure that there are two."""
    from consentmgr.staff import approvals

    with _register() as session:
        for row in approvals.listed(session, waiting=True):
            asked = row.asked_at.isoformat(timespec="minutes")
            reach = ", ".join(row.controllers) if row.controllers is not None else "all controllers"
            click.echo(f"{row.id}  {row.kind}  {row.object}  {reach}  asked by {row.asked_by} at {asked}")


@staff_group.command("trail")
@click.option("--actor", metavar="ACTOR", help="Who did it, such as staff:7.")
@click.option("--action", metavar="ACTION", help="What was done; its beginning is enough.")
@click.option("--object", "object_", metavar="OBJECT", help="To what, such as account:7; its beginning is enough.")
@click.option("--since", metavar="DAY", help="From this day on, such as 2026-01-31.")
@click.option("--until", metavar="DAY", help="To this day, which belongs to it.")
def show_trail(
    actor: str | None, action: str | None, object_: str | None, since: str | None, until: str | None
) -> None:
    """Print the audit trail, newest first, one JSON object a line."""
    import msgspec

    from consentmgr.audit import service as audit
    from consentmgr.db import open_database

    wanted = audit.Wanted(actor, action, object_, _day(since, "--since"), _day(until, "--until"))
    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        for row in audit.every(session, wanted):
            told = {"id": row.id, "at": row.at, "actor": row.actor, "action": row.action, "object": row.object}
            click.echo(msgspec.json.encode({**told, "detail": row.detail}).decode())


def _day(given: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(given) if given is not None else None
    except ValueError:
        raise BadInput("a day is written 2026-01-31", field=option) from None
