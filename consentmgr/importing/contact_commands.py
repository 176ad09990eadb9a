"""The terminal door to single contacts: contacts merge."""

from __future__ import annotations

import os

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock


@click.group("contacts")
def contacts_group() -> None:
    """Work on single contacts."""


@contacts_group.command("merge")
@click.argument("ref")
@click.option("--into", required=True, metavar="REF", help="The contact that stays.")
@click.option("--reason", required=True, help="Why the two are one person; kept with the merge.")
@click.option("--dry-run", is_flag=True, help="Tell what would happen and change nothing.")
def merge_command(ref: str, into: str, reason: str, *, dry_run: bool) -> None:
    """Merge the contact REF into another, because they are one person. Every ban and objection of either stays."""
    from consentmgr.db import open_database
    from consentmgr.importing.merging import merge
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        done = merge(
            session,
            ref,
            into,
            reason=reason,
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            actor=signed_in_user(),
            now=clock.now(),
        )
        if dry_run:
            session.rollback()
    click.echo(f"{'would merge' if dry_run else 'merged'} {ref} into {into}")
    click.echo(f"addresses moved: {done.points}")
    click.echo(f"acts said again of {into}: {done.acts}")
    if done.reopened:
        click.echo(
            f"{done.reopened} objection(s) that {ref} had opened again by a later act hold anew; "
            "they are lifted by the person's own word"
        )
