"""The terminal door of recovery: backup, restore, recover."""

from __future__ import annotations

import os
from pathlib import Path

import click

from consentmgr.config import Settings, load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.progress import progress


def _attachments(settings: Settings) -> Path:
    """The store of the files of acts, as ``people.attachments`` has it."""
    return settings.data_folder / "files" / "attachments"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Write a backup of the register to the new FOLDER, tried by restoring it into a scratch database.

    Keys are not in it: keep a copy of the keys folder apart from it, and of the journal folder with it.
    """
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.recovery.backup import make_backup

    settings = load_settings(os.environ)
    with open_database(settings) as database, progress(2, "Backing up") as advance:
        made = make_backup(
            database, load_keys(settings), folder, now=clock.now(), tell=lambda _step: advance(1),
            attachments=_attachments(settings),
        )  # fmt: skip
    click.echo(f"{folder}: {made.about['dump']['bytes']:,} bytes, {made.about['contacts']:,} contacts; it restores")
    files = made.about["attachments"]
    click.echo(
        f"{files['files']:,} attachments, sealed"
        + (f"; {files['missing']:,} are gone or damaged" * bool(files["missing"]))
    )
    click.echo(
        f"Needed with it: the keys in {settings.keys_folder} and the journal in {settings.data_folder / 'journal'}."
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--replace", is_flag=True, help="There is a register: keep it under another name.")
def restore(folder: Path, *, replace: bool) -> None:
    """Put the backup in FOLDER in the register's place; then run consentmgr recover."""
    from consentmgr.db import open_unprepared
    from consentmgr.keys import load_keys
    from consentmgr.recovery.backup import read_backup
    from consentmgr.recovery.restore import restore as put_back

    settings = load_settings(os.environ)
    found = read_backup(folder, load_keys(settings))
    with open_unprepared(settings) as database, progress(None, "Restoring"):
        done = put_back(database, found, replace=replace, actor=signed_in_user(), now=clock.now(),
                        attachments=_attachments(settings))  # fmt: skip
    click.echo(f"restored the register as it was on {found.taken_at:%Y-%m-%d %H:%M} UTC")
    if done.kept_as is not None:
        click.echo(f"the register that was there is kept as the database {done.kept_as}")
    click.echo("People can leave now. Screening, exports and consents wait for: consentmgr recover")


@click.command()
@click.option("--skip-damaged", is_flag=True, help="Leave out lines of the journal that were changed.")
def recover(*, skip_damaged: bool) -> None:
    """After a restore: take who left or was erased since the backup from the journal, and open the register again."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.recovery.restore import recover as replay

    settings = load_settings(os.environ)
    with open_database(settings) as database, progress(None, "Replaying the journal"):
        done = replay(
            database, settings, load_keys(settings), skip_damaged=skip_damaged, actor=signed_in_user(), now=clock.now()
        )
    if done is None:
        click.echo("This register was not restored from a backup; there is nothing to recover.")
        return
    click.echo(f"taken from the journal: {done.replayed:,} acts since {done.backup_taken_at:%Y-%m-%d %H:%M} UTC")
    if sum(done.found.values()) > done.replayed:
        click.echo("The others below were taken before, as people left meanwhile.")
    for (day, act), number in sorted(done.found.items(), key=lambda one: (str(one[0][0]), one[0][1])):
        told = {
            "leave": "left",
            "pause": "asked for a pause",
            "resume": "ended a pause",
            "undo": "took their leaving back",
            "erased": "were erased",
            "erasure_requested": "asked to be erased",
            "damaged": "lines damaged and left out",
        }[act]
        click.echo(f"  {day or '':<10}  {number:,} {told}")
    click.echo("The register answers again.")
