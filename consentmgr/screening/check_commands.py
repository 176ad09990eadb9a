"""The terminal door of checks: may these people be sent this campaign?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consentmgr.config import load_settings
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import LANGUAGES, Language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command()
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option(
    "--rows",
    "source",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True),
    help="JSON Lines of rows, with the fields of a campaign list; - for standard input.",
)
@click.option(
    "--campaign", "campaign_name", required=True, metavar="FILE|KEY", help="Campaign file, or a stored campaign's key."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default=None,
    help="Language of explanations; the installation's unless given.",
)
def check(
    addresses: tuple[str, ...], source: Path | None, campaign_name: str, form: str, language: Language | None
) -> None:
    """Tell who may be sent a campaign: one answer for each ADDRESS, or each row of --rows, in order.

    ADDRESS is what consentmgr explain takes. The answer is that of a screening and of POST /api/v1/check; as JSON it
    says which position of the register it is of.
    """
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.screening.checking import MOST_ROWS
    from consentmgr.screening.checking import check as answers_to
    from consentmgr.screening.explain import row_of
    from consentmgr.screening.run import campaign_of

    if bool(addresses) == (source is not None):
        raise BadInput("give addresses, or a file of rows with --rows")
    rows = [row_of(address) for address in addresses] if source is None else list(_rows(source))
    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database:
        with database.reading_plainly() as connection:
            campaign = campaign_of(connection, campaign_name)
        for start in range(0, len(rows), MOST_ROWS):
            found = answers_to(
                database,
                rows[start : start + MOST_ROWS],
                campaign,
                settings=settings,
                keys=keys,
                now=clock.now(),
                language=language or settings.language,
            )
            for told in found.told():
                click.echo(json.dumps(told, ensure_ascii=False) if form == "json" else _as_text(told))


def _rows(source: Path) -> Iterator[Mapping[str, str]]:
    from consentmgr.screening.decide import checked_row

    with click.open_file(str(source), encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield checked_row(json.loads(line), "row")
                except json.JSONDecodeError as error:
                    raise BadInput(f"this is not JSON: {error.msg}", file=str(source), line=number) from None
                except BadInput as error:
                    raise BadInput(error.message, file=str(source), line=number, field=error.field) from None


def _as_text(told: dict[str, Any]) -> str:
    reasons = f" ({', '.join(told['reasons'])})" if told["reasons"] != [told["reason"]] else ""
    return f"{told['verdict']}  {told['reason']}{reasons}  {told['explanation']}"
