"""The terminal door of the prohibition journal: how far it was taken, and taking what was not."""

from __future__ import annotations

import json
import os

import click

from consentmgr.config import load_settings
from consentmgr.kit import clock


@click.group("journal")
def journal_group() -> None:
    """Show the journal of leavings and erasures, or take into the register what a restored database has forgotten.

    Screening does the second by itself before it answers.
    """


@journal_group.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(form: str) -> None:
    """Tell how many files the journal has, and how much of it the register has not taken."""
    from consentmgr.db import open_database
    from consentmgr.prohibitions import journal
    from consentmgr.prohibitions.journal_taken import journal_folder

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.reading() as session:
        files = journal.files(session, settings)
        behind = [state for state in files if state.is_behind]
        waiting, damaged = journal.waiting(settings, behind)
    if form == "json":
        told = {
            "files": len(files),
            "bytes": sum(state.size for state in files),
            "waiting": waiting,
            "damaged": damaged,
        }
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{len(files):,} files, {sum(state.size for state in files):,} bytes in {journal_folder(settings)}")
    click.echo(f"{waiting:,} acts wait to be taken" if waiting else "the register has taken all of it")
    if damaged:
        click.echo(f"{damaged:,} lines are damaged: put the files back from a copy")


@journal_group.command()
@click.option("--skip-damaged", is_flag=True, help="Leave out lines that are not what was written; they are logged.")
def replay(*, skip_damaged: bool) -> None:
    """Take every act that the register has not. Safe to repeat, and beside running servers."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.prohibitions import journal

    settings = load_settings(os.environ)
    with open_database(settings) as database:
        taken = journal.replay(database, settings, load_keys(settings), clock.now(), skip_damaged=skip_damaged)
    click.echo(f"{taken:,} acts taken")
