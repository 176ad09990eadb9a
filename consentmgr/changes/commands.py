"""The terminal door of webhooks."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.changes.feed import Place


@click.group("webhooks")
def webhooks_group() -> None:
    """Receivers that are told of every change."""


@webhooks_group.command()
@click.argument("url")
@click.option("--controller", "controllers", multiple=True, help="Whose events; repeat for more. Without it, all.")
@click.option("--type", "types", multiple=True, help="A type of event; repeat or use commas. Without it, all.")
@click.option("--after", help="A cursor of the feed, or beginning, to tell what was before as well.")
def add(url: str, controllers: tuple[str, ...], types: tuple[str, ...], after: str | None) -> None:
    """Tell the receiver at URL of what happens from now on, and print its secret, this once."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    wanted = webhooks.Wanted(url=url, controllers=frozenset(controllers) or None, types=webhooks.types_of(types))
    with open_database(settings) as database, database.transaction() as session:
        endpoint, secret = webhooks.add(
            session,
            wanted,
            address_key=load_keys(settings).address_key,
            named=settings.private_destinations,
            actor=signed_in_user(),
            now=clock.now(),
            after=_place(session, after) if after is not None else None,
        )
    click.echo(f"Webhook {endpoint.id} tells {webhooks.host_of(url)}. Its secret is shown this once:\n{secret}")


@webhooks_group.command("list")
def list_command() -> None:
    """List the webhooks, how they stand and how far behind they are. No secret is shown."""
    from consentmgr.changes.webhooks import listed
    from consentmgr.db import open_database

    now = clock.now()
    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        found = listed(session)
        for shown in found:
            endpoint = shown.endpoint
            whose = ", ".join(endpoint.controllers) if endpoint.controllers is not None else "all controllers"
            which = ", ".join(endpoint.types) or "all types"
            state = shown.state if endpoint.disabled_why is None else f"{shown.state} ({endpoint.disabled_why})"
            lag = f"{shown.waiting} waiting, {int(shown.lag(now).total_seconds())} s behind"
            click.echo(f"{endpoint.id}  {state}  {endpoint.url}  {whose}  {which}  {endpoint.delivered} taken, {lag}")
            if endpoint.last_error is not None and endpoint.failed_at is not None:
                click.echo(
                    f"    failed {endpoint.failed_at.astimezone(clock.HELSINKI):%Y-%m-%d %H:%M}: {endpoint.last_error}"
                )
    if not found:
        click.echo("There are no webhooks.")


@webhooks_group.command()
@click.argument("number", type=int)
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1_000), help="How many, newest first.")
@click.option("--failed", is_flag=True, help="Only those that failed.")
def attempts(number: int, last: int, failed: bool) -> None:
    """Show the newest attempts of the webhook NUMBER."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        webhooks.found(session, number)
        for row in webhooks.deliveries(session, number, limit=last, failed=failed):
            at = f"{row.at.astimezone(clock.HELSINKI):%Y-%m-%d %H:%M:%S}"
            outcome = row.error or f"taken ({row.status})"
            click.echo(f"{at}  E{row.entry_id}  {row.event}  attempt {row.attempt}  {row.milliseconds} ms  {outcome}")


@webhooks_group.command()
@click.argument("number", type=int)
@click.option("--overlap-hours", default=24, show_default=True, help="For how long the old secret signs as well.")
def rotate(number: int, overlap_hours: int) -> None:
    """Make a new secret for the webhook NUMBER, and print it, this once."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.transaction() as session:
        secret = webhooks.rotate(
            session,
            webhooks.found(session, number, lock=True),
            address_key=load_keys(settings).address_key,
            actor=signed_in_user(),
            now=clock.now(),
            overlap=timedelta(hours=overlap_hours),
        )
    click.echo(f"The old secret signs for {overlap_hours} hours more. The new one is shown this once:\n{secret}")


@webhooks_group.command()
@click.argument("number", type=int)
@click.option("--after", help="A cursor of the feed, beginning, or now to leave out what waits.")
@click.option("--since", help="All that was recorded then or later: a day or a moment with an offset.")
def replay(number: int, after: str | None, since: str | None) -> None:
    """Tell the webhook NUMBER again from a place on. Messages have the ids of the first time."""
    from consentmgr.changes import feed, webhooks
    from consentmgr.db import open_database

    if (after is None) == (since is None):
        raise BadInput("give --after or --since, and not both")
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        endpoint = webhooks.found(session, number, lock=True)
        place = feed.place_before(session, _moment(since)) if since is not None else _place(session, after or "")
        webhooks.replay(session, endpoint, place, actor=signed_in_user(), now=clock.now())
        waiting = feed.waiting(session, place)
    click.echo(f"Webhook {number} has {waiting} entries before it.")


@webhooks_group.command()
@click.argument("number", type=int)
def enable(number: int) -> None:
    """Tell the webhook NUMBER again, from where it was left."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        webhooks.enable(session, webhooks.found(session, number, lock=True), actor=signed_in_user(), now=clock.now())
    click.echo(f"Webhook {number} is told again.")


@webhooks_group.command()
@click.argument("number", type=int)
def disable(number: int) -> None:
    """Tell the webhook NUMBER nothing until it is enabled; nothing is lost."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        webhooks.disable(session, webhooks.found(session, number, lock=True), actor=signed_in_user(), now=clock.now())
    click.echo(f"Webhook {number} is told nothing.")


@webhooks_group.command()
@click.argument("number", type=int)
def remove(number: int) -> None:
    """Forget the webhook NUMBER."""
    from consentmgr.changes import webhooks
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        webhooks.remove(session, webhooks.found(session, number, lock=True), actor=signed_in_user(), now=clock.now())
    click.echo(f"Webhook {number} is gone.")


def _place(session: Session, text: str) -> Place:
    from consentmgr.changes import feed

    return feed.BEGINNING if text == "beginning" else feed.place_of(session, text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("is a day or a moment, as 2026-11-01 or 2026-11-01T08:00+02:00", field="--since") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=clock.HELSINKI)
