"""The terminal door of proposals: list, show, accept, reject."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.vocabulary.codes import ConsentMethod


@click.group("proposals")
def proposals_group() -> None:
    """Decide what people and machines have proposed: corrections, replies that sound like leaving, bursts of clicks."""


@proposals_group.command("list")
def list_command() -> None:
    """List what waits to be decided, oldest first. No personal data."""
    from consentmgr.preferences.proposals import open_proposals

    with _register() as (session, _):
        for row in open_proposals(session):
            about = f"contact {row.contact_id}" if row.contact_id is not None else "no contact"
            click.echo(f"{row.id}\t{row.created_at:%Y-%m-%d}\t{row.kind}\t{row.controller or '-'}\t{about}")


@proposals_group.command("show")
@click.argument("proposal_id", metavar="ID", type=int)
def show_command(proposal_id: int) -> None:
    """Show one proposal whole, personal data included."""
    from consentmgr.preferences.proposals import proposal_of

    with _register() as (session, _):
        row = proposal_of(session, proposal_id)
        click.echo(f"{row.kind}, {row.state}, made {row.created_at:%Y-%m-%d %H:%M} UTC from {row.source}")
        if row.contact_id is not None:
            click.echo(f"contact: {row.contact_id}")
        if row.controller is not None:
            click.echo(f"controller: {row.controller}")
        for name, value in row.data.items():
            click.echo(f"{name}: {_on_one_line(value)}")
        if row.decided_at is not None:
            click.echo(f"{row.state} {row.decided_at:%Y-%m-%d} by {row.decided_by}: {row.note or 'no note'}")


@proposals_group.command("accept")
@click.argument("proposal_id", metavar="ID", type=int)
@click.option("--note", help="Why, kept with the decision; for a burst, how the people were asked.")
@click.option(
    "--method",
    type=click.Choice(["phone", "paper", "in_person", "email_link"]),
    default="phone",
    help="For a burst: how the people told that they had not left.",
)
@click.option("--approved-by", metavar="NAME", help="For a burst: the second person who agrees.")
def accept_command(proposal_id: int, note: str | None, method: str, approved_by: str | None) -> None:
    """Do what a proposal asks for: correct the register, add the ban, or take a machine's leavings back."""
    from consentmgr.preferences.proposals import decide

    with _register() as (session, keys):
        decide(
            session,
            proposal_id,
            accept=True,
            actor=signed_in_user(),
            now=clock.now(),
            note=note,
            keys=keys,
            method=cast("ConsentMethod", method),
            approved_by=approved_by,
        )
    click.echo(f"accepted {proposal_id}")


@proposals_group.command("reject")
@click.argument("proposal_id", metavar="ID", type=int)
@click.option("--note", help="Why, kept with the decision.")
def reject_command(proposal_id: int, note: str | None) -> None:
    """Decide that a proposal is not followed; nothing else changes."""
    from consentmgr.preferences.proposals import decide

    with _register() as (session, keys):
        decide(session, proposal_id, accept=False, actor=signed_in_user(), now=clock.now(), note=note, keys=keys)
    click.echo(f"rejected {proposal_id}")


def _on_one_line(value: object) -> str:
    """What others wrote, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in str(value))


@contextmanager
def _register() -> Iterator[tuple[Session, AddressKeys]]:
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        yield session, AddressKeys(keys.address_key, keys.address_key_id)
