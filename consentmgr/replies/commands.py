"""The terminal door of replies: read the mailbox, take single messages, list what was taken."""

from __future__ import annotations

import os
from pathlib import Path

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, Unavailable

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("replies")
def replies_group() -> None:
    """Read bounces, complaints and replies by mail."""


@replies_group.command()
def read() -> None:
    """Take what has come to the mailbox of CONSENTMGR_IMAP_URL. Each message is taken once."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.replies.jobs import read_mailbox

    settings = load_settings(os.environ)
    if settings.imap_url is None:
        raise Unavailable("CONSENTMGR_IMAP_URL is not set, so there is no mailbox to read")
    with open_database(settings) as database:
        click.echo(read_mailbox(database, settings, load_keys(settings), clock.now()))


@replies_group.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE.eml...")
def take(files: tuple[Path, ...]) -> None:
    """Take single messages from files, and say what each was. The same message again changes nothing."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.replies.jobs import open_office
    from consentmgr.replies.mail import MOST_BYTES
    from consentmgr.replies.taking import KIND_OF, place_of_file, take

    settings = load_settings(os.environ)
    with (
        open_database(settings) as database,
        open_office(database, settings, load_keys(settings), actor=signed_in_user(), now=clock.now()) as office,
    ):
        for file in files:
            if file.stat().st_size > MOST_BYTES:
                raise BadInput("is larger than 10 MB", file=file)
            raw = file.read_bytes()
            taken = take(database, place_of_file(raw), raw, office)
            again = "" if taken.now else "; it was taken before, and changed nothing now"
            click.echo(f"{file}: {taken.kind}: {KIND_OF[taken.kind].meaning}{again}")


@replies_group.command("list")
@click.option("--kind", metavar="NAME", help="Messages of one kind only.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
def list_command(kind: str | None, last: int) -> None:
    """List what was taken: how many of each kind, then the newest. What a message said is not shown."""
    from consentmgr.db import open_database
    from consentmgr.replies.taking import KIND_OF, count_taken, newest_taken

    if kind is not None and kind not in KIND_OF:
        raise BadInput(f"there is no such kind; the kinds are {', '.join(KIND_OF)}", field="--kind")
    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        counts = count_taken(session)
        for name, number in counts.items():
            where = KIND_OF[name].folder if name in KIND_OF else None
            meaning = KIND_OF[name].meaning if name in KIND_OF else "of another version"
            click.echo(f"{number:>7,}  {name:<20}  {where or '-':<10}  {meaning}")
        if not counts:
            click.echo("No message was taken yet.")
        for message in newest_taken(session, kind, last):
            click.echo(f"{message.read_at:%Y-%m-%d %H:%M}  {message.kind:<20}  {message.mailbox} #{message.uid}")
