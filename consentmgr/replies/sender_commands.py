"""The terminal door of connections to sending services."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput

_SECRETS = click.option(
    "--secret-file", "secret_files", multiple=True, metavar="NAME=FILE",
    help="A secret, read from a file or from - (standard input). It is kept encrypted and never shown.",
)  # fmt: skip


@click.group("senders")
def senders_group() -> None:
    """Sending services whose bounces, complaints and unsubscribes are taken in."""


@senders_group.command()
@click.argument("name")
@click.option("--kind", required=True, help="Which service: ses, sendgrid, mailgun, postmark or brevo.")
@click.option("--controller", required=True, help="In whose name it sends.")
@_SECRETS
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="What is no secret, such as topic=ARN.")
def add(name: str, kind: str, controller: str, secret_files: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Add the connection NAME, and tell the address that the service posts to.

    For Postmark and Brevo, which are told a secret of yours, one is made and shown this once where you give none.
    """
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.replies import sender_connections

    settings = load_settings(os.environ)
    given = _secrets(secret_files)
    made = {} if given else sender_connections.new_secrets(kind)
    secrets = given or made
    with open_database(settings) as database, database.transaction() as session:
        sender_connections.add(
            session,
            name,
            kind,
            controller,
            secrets=secrets,
            options=dict(_pair(option, "--option") for option in options),
            address_key=load_keys(settings).address_key,
            actor=signed_in_user(),
            now=clock.now(),
        )
    address = sender_connections.address_told(settings.public_url, sender_connections.path_of(kind, name), made)
    click.echo(f"{name} takes events at {address}")
    _tell_made(made)


@senders_group.command("secrets")
@click.argument("name")
@_SECRETS
def replace_secrets(name: str, secret_files: tuple[str, ...]) -> None:
    """Put other secrets in the place of those of the connection NAME; made and shown as by `add` where none are given."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.replies import sender_connections

    settings = load_settings(os.environ)
    given = _secrets(secret_files)
    with open_database(settings) as database, database.transaction() as session:
        found = sender_connections.found(session, name)
        made = {} if given else sender_connections.new_secrets(found.kind)
        sender_connections.replace_secrets(
            session,
            name,
            given or made,
            address_key=load_keys(settings).address_key,
            actor=signed_in_user(),
            now=clock.now(),
        )
    click.echo(f"{name} has other secrets now")
    if "credentials" in made:
        click.echo(f"Its address is {sender_connections.address_told(settings.public_url, found.path, made)}")
    _tell_made(made)


@senders_group.command()
@click.argument("name")
def disable(name: str) -> None:
    """Take nothing of the connection NAME until it is enabled."""
    _set_disabled(name, disabled=True)
    click.echo(f"{name} is disabled: nothing it posts is taken")


@senders_group.command()
@click.argument("name")
def enable(name: str) -> None:
    """Take what the connection NAME posts again."""
    _set_disabled(name, disabled=False)
    click.echo(f"{name} is enabled")


def _set_disabled(name: str, *, disabled: bool) -> None:
    from consentmgr.db import open_database
    from consentmgr.replies.sender_connections import set_disabled

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        set_disabled(session, name, disabled=disabled, actor=signed_in_user(), now=clock.now())


@senders_group.command("list")
def list_command() -> None:
    """List the connections, and what each has told within 90 days. No secret is shown."""
    from consentmgr.db import open_database
    from consentmgr.replies.sender_connections import listed

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.reading() as session:
        found = listed(session)
    for row in found:
        told = ", ".join(f"{number} {act}" for act, number in sorted(row.taken.items())) or "nothing yet"
        state = "  disabled" if row.disabled_at is not None else ""
        last = f"{row.last_at.astimezone(clock.HELSINKI):%Y-%m-%d %H:%M}" if row.last_at is not None else "-"
        click.echo(
            f"{row.name}  {row.kind}  {row.controller}  {settings.public_url}{row.path}  last {last}  {told}{state}"
        )
    if not found:
        click.echo("No sender is connected.")


@senders_group.command()
@click.argument("name")
def remove(name: str) -> None:
    """Hear the connection NAME no more. What it told stays."""
    from consentmgr.db import open_database
    from consentmgr.replies import sender_connections

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        sender_connections.remove(session, name, actor=signed_in_user(), now=clock.now())
    click.echo(f"{name} is heard no more")


def _tell_made(made: Mapping[str, str]) -> None:
    for name, value in made.items():
        if name != "credentials":
            click.echo(f"Its {name}, shown this once, is {value}")


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise BadInput("is NAME=VALUE", field=option)
    return name, value


def _secrets(files: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in files:
        name, place = _pair(text, "--secret-file")
        try:
            data = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise BadInput("cannot be read", field="--secret-file", file=place) from None
        found[name] = data.strip()
    return found
