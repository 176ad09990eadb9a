"""The terminal door of messages: ``consentmgr message check``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.vocabulary.codes import LANGUAGES, Language


@click.group("message")
def message_group() -> None:
    """Check that a message says and offers what its campaign must."""


@message_group.command("check")
@click.argument("message", metavar="FILE.eml", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--campaign", "campaign_name", required=True, metavar="FILE|KEY", help="Campaign file, or a stored campaign's key."
)
@click.option(
    "--language", type=click.Choice(LANGUAGES), default=None, help="Of the sentences; the installation's else."
)
def check(message: Path, campaign_name: str, language: Language | None) -> None:
    """Check one finished message against the gates of its campaign: headers, DKIM coverage, links, sender, words.

    Exit code 0 where nothing is missing, 1 where something is. What only a person can judge is told and is no fault.
    """
    from consentmgr.config import load_settings
    from consentmgr.db import open_database
    from consentmgr.kit import clock
    from consentmgr.preferences.links import link_keys
    from consentmgr.screening.message_check import LARGEST_MESSAGE
    from consentmgr.screening.message_service import checked_message
    from consentmgr.screening.message_words import STATE_NAMES
    from consentmgr.screening.run import campaign_of

    settings = load_settings(os.environ)
    told = language or settings.language
    try:
        with message.open("rb") as file:
            content = file.read(LARGEST_MESSAGE + 1)
    except OSError as error:
        raise BadInput(f"the message cannot be read ({error.strerror})", file=message) from None
    with open_database(settings) as database, database.reading() as session:
        campaign = campaign_of(session, campaign_name)
        findings = checked_message(
            session, content, campaign, settings=settings, links=link_keys(settings), language=told, now=clock.now()
        )
    for found in findings:
        click.echo(f"{STATE_NAMES[found.state][told]:<20}{found.name(told)}: {found.sentence}")
    if failed := sum(found.state == "failed" for found in findings):
        raise CheckFailed(f"{failed} of {len(findings)} checks failed")
