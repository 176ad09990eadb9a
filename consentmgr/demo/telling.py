"""The outcome of the demonstration in a terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consentmgr.demo.run import Demonstration
from consentmgr.demo.words import DEMO_WORDS
from consentmgr.kit.clock import local_date
from consentmgr.screening.report_words import WORDS, moment
from consentmgr.screening.reports import VERDICTS, ReportData
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.local_forms import day, number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

#: Reasons told of each list; its report has them all.
_REASONS: Final = 6
_COLOURS: Final = {"allow": "green", "review": "yellow", "block": "red"}
#: After so many days the outside ban lists of the register are close to too old.
_GROWS_OLD_AFTER_DAYS: Final = 20


def tell(found: Demonstration, console: Console, language: Language) -> None:
    """Print what was made, what came of each list, and where everything is."""
    from rich.text import Text

    words = DEMO_WORDS[language]
    console.print(Text(words.title, style="bold"))
    console.print(Text(words.made_up, style="dim"))
    console.print()
    _tell_register(found, console, language)
    console.print()
    console.print(_verdict_table(found, language))
    for one, report in found.screened:
        console.print()
        console.print(Text(one.file, style="bold"))
        for heading, table in _counted(report, language):
            console.print(f"  {heading}")
            console.print(table)
    console.print()
    report = found.screened[0][1]
    planned = report.campaign.planned_at
    assert planned is not None
    until = moment(report.valid_until, language)
    console.print(words.valid.format(until=until, planned=moment(planned, language)))
    if (local_date(report.screened_at) - found.made_on).days > _GROWS_OLD_AFTER_DAYS:
        console.print(Text(words.old.format(day=day(found.made_on, language)), style="yellow"))
    _tell_files(found, console, language)
    _tell_export(found, console, language)
    _tell_next(found, console, language)


def _tell_register(found: Demonstration, console: Console, language: Language) -> None:
    from rich.text import Text

    words, register = DEMO_WORDS[language], found.register
    acts = sum(len(one.events) + len(one.legal_bases) for one in (*register.consumers, *register.business_people))
    console.print(Text(words.register, style="bold"))
    if found.imported.changes.is_nothing:
        console.print(words.nothing_new.format(day=day(found.made_on, language)))
    table = _grid()
    for count, what in (
        (len(register.consumers) + len(register.business_people), words.contacts),
        (len(register.organisations), words.organisations),
        (acts, words.acts),
        (len(register.bans), words.bans),
    ):
        table.add_row(number(count, language), what)
    console.print(table)


def _verdict_table(found: Demonstration, language: Language) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    words, told = DEMO_WORDS[language], WORDS[language]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(words.list)
    table.add_column(words.rows, justify="right")
    for verdict in VERDICTS:
        table.add_column(told.verdicts[verdict], justify="right")
    for one, report in found.screened:
        table.add_row(
            Text.assemble((one.campaign.name, "bold"), "\n", (one.file, "dim")),
            number(report.rows, language),
            *(Text(number(report.verdicts[verdict], language), style=_COLOURS[verdict]) for verdict in VERDICTS),
        )
    return table


def _counted(report: ReportData, language: Language) -> Iterator[tuple[str, RenderableType]]:
    """What stopped the list's rows and what let them through, each with its heading."""
    from rich.text import Text

    words, told = DEMO_WORDS[language], WORDS[language]
    stops = [reason for reason in report.reasons if reason.first]
    table = _grid()
    for reason in stops[:_REASONS]:
        colour = _COLOURS["block" if reason.block >= reason.review else "review"]
        table.add_row(number(reason.first, language), Text(reason.code, style=colour), reason.sentence)
    if len(stops) > _REASONS:
        rest = sum(reason.first for reason in stops[_REASONS:])
        table.add_row(number(rest, language), Text(words.more.format(count=len(stops) - _REASONS), style="dim"), "")
    yield told.common_reasons, table
    table = _grid()
    for ground in report.grounds:
        table.add_row(number(ground.rows, language), Text(ground.code, style=_COLOURS["allow"]), ground.sentence)
    yield told.grounds, table


def _grid() -> Table:
    """Columns of a number, a code and a sentence."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=6)
    return table


def _tell_files(found: Demonstration, console: Console, language: Language) -> None:
    from rich.table import Table
    from rich.text import Text

    words, roles = DEMO_WORDS[language], WORDS[language].roles
    console.print()
    console.print(Text(words.reports, style="bold"))
    for one, _ in found.screened:
        tell_line(console, f"  {found.lists_folder / Path(one.file).stem}.report.html")
    console.print()
    tell_line(console, words.beside.format(folder=found.lists_folder), style="bold")
    table = Table.grid(padding=(0, 2))
    for ending, role in (
        ("screened.csv", "result"),
        ("allowed.csv", "allowed"),
        ("report.json", "report_json"),
        ("certificate.json", "certificate"),
    ):
        table.add_row(f"  ….{ending}", roles[role])
    console.print(table)


def _tell_export(found: Demonstration, console: Console, language: Language) -> None:
    """What the nightly list for a partner came to: its files and the signed manifest, which comes last."""
    from rich.table import Table
    from rich.text import Text

    words, done = DEMO_WORDS[language], found.exported
    console.print()
    console.print(Text(words.exported.format(sequence=done.sequence), style="bold"))
    tell_line(console, f"  {found.partner_folder}", style="dim")
    table = Table.grid(padding=(0, 2))
    for file in done.files:
        table.add_row(f"  {file.name}", words.addresses.format(count=number(file.rows, language)), _short(file.sha256))
    (manifest,) = found.partner_folder.glob(f"{done.schedule}-{done.sequence:06d}*.manifest.json")
    table.add_row(f"  {manifest.name}", words.manifest, "")
    console.print(table)


def _short(digest: str) -> RenderableType:
    from rich.text import Text

    return Text(f"SHA-256 {digest[:16]}…", style="dim")


def _tell_next(found: Demonstration, console: Console, language: Language) -> None:
    from rich.text import Text

    words = DEMO_WORDS[language]
    command = _this_command(found.folder)
    stem = found.lists_folder / Path(found.screened[0][0].file).stem
    console.print()
    console.print(Text(words.next, style="bold"))
    for what, rest in (
        (words.why, ["explain", found.asked, "--campaign", f"{stem}.campaign.json", "--language", language]),
        (words.proof, ["certificate", "verify", f"{stem}.certificate.json"]),
        (words.sent, ["export", "show", found.exported.schedule, str(found.exported.sequence)]),
    ):
        tell_line(console, f"  # {what}", style="dim")
        tell_line(console, f"  {command} {shlex.join(rest)}")


def tell_line(console: Console, text: str, *, style: str = "") -> None:
    """A line that is copied: never wrapped, nothing in it taken for markup."""
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True)


def _this_command(folder: Path) -> str:
    """How the demonstration was called, told to use its folder and its own database."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        program = "python -m consentmgr"
    elif shutil.which(called.name) and Path(str(shutil.which(called.name))).resolve() == called.resolve():
        program = called.name
    else:
        program = shlex.quote(str(called))
    variables = [f"CONSENTMGR_DATA={shlex.quote(str(folder))}"]
    if os.environ.get("CONSENTMGR_DATABASE_URL"):
        variables.append("CONSENTMGR_DATABASE_URL=")
    return " ".join((*variables, program))
