"""The terminal door of screening: screen, explain, decide, snapshot; rules, policy and certificate stand beside it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.kit.progress import progress
from consentmgr.screening.certificate_commands import certificate_group
from consentmgr.screening.policy_commands import policy_group, rules_group
from consentmgr.screening.snapshot_commands import snapshot_group
from consentmgr.vocabulary.codes import LANGUAGES, Language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consentmgr.screening.engine import EngineName

__all__ = ["certificate_group", "decide", "explain", "policy_group", "rules_group", "screen", "snapshot_group"]

_language = click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default=None,
    help="Language of explanations and report; the installation's unless given.",
)
_engine = click.option(
    "--engine",
    type=click.Choice(["duckdb", "polars", "spark"]),
    default=None,
    help="Run on this engine; chosen by size else.",
)


@click.command()
@click.argument("source", metavar="LIST", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True))
@click.option(
    "--campaign", "campaign_name", required=True, metavar="FILE|KEY", help="Campaign file, or a stored campaign's key."
)
@click.option(
    "--output",
    default=None,
    metavar="PATH|-",
    help="Result file (.csv .xlsx .parquet .jsonl), or - for standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx", "parquet", "jsonl"]),
    default=None,
    help="Format of the result.",
)
@click.option(
    "--map", "mapped", multiple=True, metavar="FIELD=COLUMN", help="Which column is what, where names do not tell."
)
@click.option("--sheet", default=None, help="Sheet of an Excel file; the first unless given.")
@_language
@_engine
@click.option(
    "--drop-duplicates", is_flag=True, help="Keep only the first of repeated addresses among the allowed rows."
)
@click.option("--links", is_flag=True, help="Add the links of each allowed row: preference page and one-click leaving.")
@click.option("--replace", is_flag=True, help="Replace the columns of an earlier screening.")
@click.option("--side-files/--no-side-files", default=None, help="Write allowed rows, report and certificate too.")
@click.option("--actor", default=None, help="Who screens; the signed-in user unless given.")
def screen(
    source: Path,
    campaign_name: str,
    output: str | None,
    form: str | None,
    mapped: tuple[str, ...],
    sheet: str | None,
    language: Language | None,
    engine: EngineName | None,
    actor: str | None,
    *,
    drop_duplicates: bool,
    links: bool,
    replace: bool,
    side_files: bool | None,
) -> None:
    """Screen LIST against the register: every row back, in order, with its verdict, every reason and the law.

    Writes NAME.screened.csv, NAME.allowed.csv, NAME.report.html and .json, and the signed NAME.certificate.json
    beside the list. With - as LIST it reads standard input and writes the result to standard output.
    """
    from pyarrow import set_memory_pool, system_memory_pool

    from consentmgr.screening.lists import read_list
    from consentmgr.screening.outputs import Format, refuse_screened_before, without_screening_columns
    from consentmgr.screening.publication import output_paths

    settings = load_settings(os.environ)
    told = language or settings.language
    # A long list makes columns by the hundred and lets them go at once; Arrow's own allocator gives each back to the
    # system and asks for it anew, which is half of the time the system itself takes.
    set_memory_pool(system_memory_pool())
    # What the next step needs is loaded while the list is read, which mostly needs no Python.
    Thread(target=import_module, args=("consentmgr.screening.run",), name="load").start()
    steps = ("Reading the list", "Asking the register", "Writing the files")
    with progress(len(steps), "Screening") as advance:
        paths = output_paths(source, output, fmt=cast("Format | None", form), side_files=side_files)
        lst = read_list(source, mapping=mapping_of(mapped), sheet=sheet)
        if replace:
            lst = without_screening_columns(lst)
        refuse_screened_before(lst)
        advance(1)
        from consentmgr.screening.run import run_screening

        finished = run_screening(
            settings,
            lst,
            campaign_name,
            paths,
            language=told,
            engine=engine,
            actor=actor or signed_in_user(),
            now=clock.now(),
            drop_duplicates=drop_duplicates,
            with_links=links,
            stdout=sys.stdout.buffer,
            advance=advance,
        )
    from rich.console import Console

    from consentmgr.screening.campaign_checks import past_warning
    from consentmgr.screening.relied_partners import lag_sentence
    from consentmgr.screening.reports import terminal_summary

    # The result may be on standard output, so what is told to people goes to the other stream.
    Console(stderr=True).print(terminal_summary(finished))
    warning = past_warning(finished.campaign, finished.screened_at, told)
    if warning:
        click.echo(warning, err=True)
    for partner in finished.partners:
        if partner.lags(finished.screened_at):
            click.echo(f"{lag_sentence(partner)}: the certificate is not valid for sending until it has.", err=True)


def mapping_of(mapped: tuple[str, ...]) -> dict[str, str] | None:
    """The answers of ``--map``, by field."""
    pairs = {}
    for item in mapped:
        field, separator, column = item.partition("=")
        if not separator or not field or not column:
            raise BadInput(f"--map takes FIELD=COLUMN, such as email=Osoite; this is not one: {item}")
        pairs[field.strip()] = column
    return pairs or None


@click.command()
@click.argument("address")
@click.option(
    "--campaign", "campaign_name", required=True, metavar="FILE|KEY", help="Campaign file, or a stored campaign's key."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_language
def explain(address: str, campaign_name: str, form: str, language: Language | None) -> None:
    """Tell one person's answer and everything that was consulted for it.

    ADDRESS is an e-mail address, a phone number, a ref, a business id or a SHA-256 of an address. Where it could be
    several of these, say which: phone:…, business_id:…, ref:….
    """
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.prohibitions.journal_taken import catch_up_plainly
    from consentmgr.screening.explain import as_text, explained
    from consentmgr.screening.run import campaign_of

    settings = load_settings(os.environ)
    told = language or settings.language
    keys = load_keys(settings)
    with open_database(settings) as database:
        catch_up_plainly(database, settings, keys, clock.now())
        with database.reading_plainly() as connection:
            answer = explained(
                connection,
                address,
                campaign_of(connection, campaign_name),
                keys=AddressKeys(keys.address_key, keys.address_key_id),
                now=clock.now(),
                language=told,
            )
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2) if form == "json" else as_text(answer, told))


@click.command()
@click.argument(
    "source", metavar="CASES", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True)
)
@_language
@_engine
def decide(source: Path, language: Language | None, engine: EngineName | None) -> None:
    """Run decision cases (JSON Lines), each in a scratch register that touches nothing else.

    Prints one JSON line a case; exit code 1 where an expectation is not met. A case that cannot be taken in is told
    with its line and field, the rest are answered, and the exit code is 2.
    """
    from consentmgr.db import open_scratch
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.screening.decide import case_of, decide_case, written_cases

    settings = load_settings(os.environ)
    # A scratch register has addresses of its own, so it needs no installation's keys.
    keys = AddressKeys(os.urandom(32), 1)
    asked = missed = 0
    refused: list[BadInput] = []
    with click.open_file(str(source), encoding="utf-8") as lines:
        cases = list(written_cases(lines))
    with ExitStack() as stack:
        database = stack.enter_context(open_scratch(settings))
        advance = stack.enter_context(progress(len(cases), "Deciding"))
        for number, line in cases:
            case: Mapping[str, Any] = {}
            try:
                case = case_of(line)
                answer = decide_case(case, database, keys, engine=engine, language=language or "en")
            except BadInput as error:
                refused.append(BadInput(error.message, file=source, line=number, field=error.field))
                answer = {"id": str(case.get("id", "")), "error": str(refused[-1]), "matches": False}
            click.echo(json.dumps(answer, ensure_ascii=False))
            asked += "matches" in answer
            missed += answer.get("matches") is False
            advance(1)
    if refused:
        raise refused[0]
    if missed:
        raise CheckFailed(f"{missed} of {asked} cases did not give what they expect")
