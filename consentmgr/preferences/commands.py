"""The terminal door of link keys: list, rotate, distrust, export for other senders."""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.keys import (
    LINK,
    LinkKeyState,
    distrust_link_key,
    link_key_file,
    load_link_keys,
    rotate_link_key,
)
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput

if TYPE_CHECKING:
    from consentmgr.config import Settings

_STATES = {
    LinkKeyState.CURRENT: "signs new links",
    LinkKeyState.OLD: "its links go on working",
    LinkKeyState.DISTRUSTED: "its links are good for leaving, and for nothing else",
}


@contextmanager
def _recording(settings: Settings, actor: str | None) -> Iterator[Callable[[str, str], None]]:
    """Open the register before a key is changed, and record in its audit log what was done with which key.

    The record is written last: should it fail, the change stands and the command says so.
    """
    from consentmgr.audit.service import record
    from consentmgr.db import open_database

    done: list[tuple[str, str]] = []
    with open_database(settings) as database:
        yield lambda action, key_id: done.append((action, key_id))
        with database.transaction() as session:
            for action, key_id in done:
                record(
                    session,
                    at=clock.now(),
                    actor=actor or signed_in_user(),
                    action=action,
                    object=f"link_key:{key_id}",
                )


@click.group("keys")
def keys_group() -> None:
    """Show and change the keys of mailed links; no command shows a secret.

    A key that may have leaked is distrusted: people can still leave by the links it signed, and do nothing else.
    """


@keys_group.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_keys(form: str) -> None:
    """Show the link keys by id, oldest first."""
    settings = load_settings(os.environ)
    keys = load_link_keys(settings)
    if form == "json":
        rows = [
            {"id": key.id, "state": key.state.value, "since": key.since.isoformat() if key.since else None}
            for key in keys
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for key in keys:
        since = key.since.isoformat() if key.since else "-"
        click.echo(f"{key.id}  {key.state.value:<10}  {since:<10}  {_STATES[key.state]}")
    click.echo(f"from {link_key_file(settings) or LINK.variable}")


@keys_group.command()
@click.option("--actor", default=None, help="Who rotates; the signed-in user unless given.")
def rotate(actor: str | None) -> None:
    """Sign new links with a new key. Links mailed before go on working; running servers notice by themselves."""
    settings = load_settings(os.environ)
    with _recording(settings, actor) as record:
        key = rotate_link_key(settings, today=local_date(clock.now()))
        record("link_key_rotated", key.id)
    click.echo(f"Link key {key.id} signs from now on. Make a copy of the keys folder.")


@keys_group.command()
@click.argument("key_id", metavar="ID")
@click.option("--actor", default=None, help="Who distrusts; the signed-in user unless given.")
def distrust(key_id: str, actor: str | None) -> None:
    """Distrust the link key ID: its links are good for leaving, and for nothing else. There is no way back."""
    settings = load_settings(os.environ)
    with _recording(settings, actor) as record:
        fresh = distrust_link_key(settings, key_id, today=local_date(clock.now()))
        record("link_key_distrusted", key_id)
        if fresh is not None:
            record("link_key_rotated", fresh.id)
    click.echo(f"Link key {key_id} is distrusted.")
    if fresh is not None:
        click.echo(f"Link key {fresh.id} signs from now on. Make a copy of the keys folder.")


@keys_group.command("export-minting")
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--actor", default=None, help="Who exports; the signed-in user unless given.")
def export_minting(target: Path, actor: str | None) -> None:
    """Write FILE, with which another sender makes leave and preference links by itself (docs/links.md).

    It holds what is needed for these two uses and not the secret itself. Whoever has it can make links for anybody:
    keep it as a password, and after a leak run keys distrust.
    """
    from consentmgr.preferences.links import SALTS, LinkUse

    settings = load_settings(os.environ)
    key = next(key for key in load_link_keys(settings) if key.state is LinkKeyState.CURRENT)
    derived = {
        use.value: base64.urlsafe_b64encode(hmac.digest(key.secret, SALTS[use], "sha256")).decode()
        for use in (LinkUse.LEAVE, LinkUse.PREFERENCES)
    }
    content = {
        "format": "consentmgr-minting/1",
        "key_id": key.id,
        "public_url": settings.public_url,
        "keys": derived,
    }
    with _recording(settings, actor) as record:
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BadInput("the file is there already", file=target) from None
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        record("link_key_exported", key.id)
    click.echo(f"{target} makes links signed with key {key.id}. Only its owner can read it; keep it so.")
