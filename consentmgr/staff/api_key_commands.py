"""The terminal door of the API's keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput
from consentmgr.staff.scopes import TOLD, Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_SHOWN_ONCE = "The key above is shown this one time. Whoever has it may do what its scopes say."


@click.group("api-keys")
def api_keys_group() -> None:
    """Keys of the API: what other systems call it with, what each may do, until when."""


@contextmanager
def _register() -> Iterator[Session]:
    """The register of these settings, in one transaction."""
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        yield session


@api_keys_group.command("scopes")
def list_scopes() -> None:
    """List the scopes a key may have."""
    for scope in Scope:
        click.echo(f"{scope.value:<22} {TOLD[scope]['en']}")


@api_keys_group.command("list")
def list_keys() -> None:
    """List every key: what it may do, for whom, how it stands."""
    from consentmgr.staff import api_keys

    with _register() as session:
        rows = api_keys.listed(session, now=clock.now())
    for row in rows:
        click.echo(f"{row.id}  {row.name}  {row.state.replace('_', ' ')}  until {_day(row.expires_at)}")
        click.echo(f"    owner {row.owner}; scopes {' '.join(row.scopes)}")
        reach = " ".join(row.controllers) if row.controllers is not None else "all"
        click.echo(
            f"    controllers {reach}; used {_moment(row.used_at)}; made by {row.made_by} on {_day(row.made_at)}"
        )
        if row.older_ends_at is not None:
            click.echo(f"    the secret before ends {_moment(row.older_ends_at)}; used {_moment(row.older_used_at)}")


@api_keys_group.command("add")
@click.argument("name")
@click.option("--owner", required=True, metavar="WHO", help="Who answers for it: a person or a team.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]),
    metavar="SCOPE", help="What it may do; give it again for more. consentmgr api-keys scopes lists them.",
)  # fmt: skip
@click.option("--controller", "controllers", multiple=True, metavar="KEY", help="Only for this controller.")
@click.option(
    "--until", metavar="DAY", help="The last day it is good, such as 2027-06-30; without it, a year from now."
)
def add(name: str, owner: str, scopes: tuple[str, ...], controllers: tuple[str, ...], until: str | None) -> None:
    """Make a key for the system NAME, and print it, this once."""
    from consentmgr.staff import api_keys

    with _register() as session:
        key, token = api_keys.add(
            session,
            name=name,
            owner=owner,
            scopes=scopes,
            controllers=controllers or None,
            expires_at=_end_of(until),
            actor=signed_in_user(),
            now=clock.now(),
        )
        told = f"Key {key.id} is good until {_day(key.expires_at)}."
    click.echo(token)
    click.echo(f"{told} {_SHOWN_ONCE}", err=True)


@api_keys_group.command("rotate")
@click.argument("key_id", type=int)
@click.option(
    "--overlap", type=click.IntRange(0, 90), default=7, show_default=True, metavar="DAYS",
    help="How long the secret before goes on; 0 ends it at once.",
)  # fmt: skip
@click.option("--until", metavar="DAY", help="Let the key be good until the end of this day.")
def rotate(key_id: int, overlap: int, until: str | None) -> None:
    """Make a second secret of key KEY_ID, and print it, this once; the one before ends after the overlap."""
    from consentmgr.staff import api_keys

    with _register() as session:
        token = api_keys.rotate(
            session,
            key_id,
            overlap=timedelta(days=overlap),
            expires_at=_end_of(until),
            actor=signed_in_user(),
            now=clock.now(),
        )
    click.echo(token)
    ends = f"in {overlap} days" if overlap else "now"
    click.echo(f"The secret before ends {ends}. {_SHOWN_ONCE}", err=True)


@api_keys_group.command("revoke")
@click.argument("key_id", type=int)
def revoke(key_id: int) -> None:
    """End key KEY_ID at once and for good."""
    from consentmgr.staff import api_keys

    with _register() as session:
        api_keys.revoke(session, key_id, actor=signed_in_user(), now=clock.now())
    click.echo("revoked")


def _end_of(day: str | None) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=HELSINKI) + timedelta(days=1)
    except ValueError:
        raise BadInput("a day is written 2027-06-30", field="--until") from None


def _day(moment: datetime) -> str:
    return (moment - timedelta(seconds=1)).astimezone(HELSINKI).date().isoformat()


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(HELSINKI).strftime("%Y-%m-%d %H:%M") if moment is not None else "never"
