"""The terminal door of the demonstration."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from consentmgr.config import Settings, load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import LANGUAGES, Language

_DEFAULT_FOLDER = "consentmgr-demo"


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where to; else CONSENTMGR_DATA, else {_DEFAULT_FOLDER} in this folder.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="What the people are drawn with."
)
@click.option("--language", type=click.Choice(LANGUAGES), help="Of what is told and of the reports.")
def demo(folder: Path | None, seed: int, language: Language | None) -> None:
    """Make a register of invented people, screen three lists with it, show what came of them, and serve the pages that
    the people in it would see, until Ctrl-C. With CONSENTMGR_DEMO_ONCE=1 it ends after the report.

    It has a folder and a built-in database of its own and touches no other register. Run again, it screens anew with
    the register that is there; remove the folder to be rid of all of it.
    """
    from rich.console import Console

    from consentmgr.demo.run import demonstrate
    from consentmgr.demo.telling import tell

    settings = load_settings(os.environ)
    told = language or settings.language
    settings = _of_its_own(settings, folder)
    found = demonstrate(settings, seed=seed, language=told, actor=signed_in_user(), now=clock.now())
    console = Console(highlight=False)
    tell(found, console, told)
    if os.environ.get("CONSENTMGR_DEMO_ONCE") != "1":
        from consentmgr.demo.pages_shown import show_pages

        show_pages(found, settings, console, told)


def _of_its_own(settings: Settings, folder: Path | None) -> Settings:
    """The settings without the installation's database and keys: the demonstration makes its own."""
    if folder is None:
        place = settings.data_folder if os.environ.get("CONSENTMGR_DATA") else Path.cwd() / _DEFAULT_FOLDER
    else:
        place = folder.expanduser().absolute()
        if place.exists() and any(place.iterdir()) and not _is_ours(place):
            raise BadInput("this folder holds other things; name a new one", file=place)
    return replace(settings, data_folder=place, database_url=None, secrets={}, metrics=None, imap_url=None)


def _is_ours(place: Path) -> bool:
    """A demonstration, or an installation, of which the service tells whether it may be used."""
    from consentmgr.demo.run import MARKER

    return any((place / name).exists() for name in (MARKER, "postgres", "keys"))
