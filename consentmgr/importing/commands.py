"""The terminal door of importing: take files in, write the register out."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast, get_args

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.kit.progress import progress
from consentmgr.vocabulary.codes import CHANNELS, PLATFORMS, PURPOSES, ConsentMethod, PointUse

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.importing.service import ImportReport
    from consentmgr.importing.sources import DocumentLines, Source
    from consentmgr.kit.address_keys import AddressKeys

KINDS = ("documents", "contacts", "consents", "prohibitions", "organisations")
#: Endings of files that hold documents where nothing else is said.
DOCUMENT_ENDINGS = (".jsonl", ".ndjson")
#: Documents after which PostgreSQL's picture of its tables is no longer true enough to plan by.
_MANY_DOCUMENTS = 10_000
_IN = click.Path(exists=True, path_type=Path, allow_dash=True)
_OUT = click.Path(dir_okay=False, path_type=Path, allow_dash=True)


@click.command("import")
@click.argument("file", type=_IN)
@click.option("--as", "kind", type=click.Choice(KINDS), help="What the rows are; documents for .jsonl files.")
@click.option("--source", metavar="TEXT", help="Where the addresses come from, or whose ban list it is.")
@click.option("--notice", metavar="KEY/VERSION/LANGUAGE", help="The notice people consented to.")
@click.option("--method", type=click.Choice(get_args(ConsentMethod)), help="How consents were given.")
@click.option("--at", metavar="TIME", help="When consents were given, or the day of a ban list.")
@click.option("--controller", metavar="KEY", help="Whose consents or bans they are; else the default controller's.")
@click.option("--channel", "channels", multiple=True, type=click.Choice(CHANNELS), help="What consents or bans cover.")
@click.option("--purpose", "purposes", multiple=True, type=click.Choice(PURPOSES), help="What they are for.")
@click.option("--topic", "topics", multiple=True, metavar="KEY", help="Topics they are about.")
@click.option("--audience", "audiences", multiple=True, type=click.Choice(PLATFORMS), help="Platforms consents name.")
@click.option("--use", type=click.Choice(get_args(PointUse)), help="What the addresses are used for.")
@click.option("--reference", metavar="TEXT", help="A note kept with every ban of the list.")
@click.option("--map", "mapping", multiple=True, metavar="FIELD=COLUMN", help="Where a field stands in a table.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook.")
@click.option("--format", "ban_format", metavar="NAME", help="The format of a ban list that does not tell it.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--rejects", type=_OUT, help="Where rejected lines go; else NAME.rejected.jsonl beside FILE.")
@click.option("--actor", metavar="NAME", help="Who imports; else the user at the terminal.")
def import_command(
    file: Path, kind: str | None, dry_run: bool, rejects: Path | None, actor: str | None, **given: Any
) -> None:
    """Take in documents (JSON Lines), a table, or a ban list; - reads standard input.

    Rejected lines go, whole and with their reason, to NAME.rejected.jsonl; the rest is taken, and the exit code is 1.
    That file, its lines mended, can be imported in its turn; of a table, by the same --as and options. An import that
    was killed goes on where it stopped when the same command is given again, and a finished one given again changes
    nothing. A blank never erases anything, and no import lifts a ban.
    """
    from consentmgr.db import open_database
    from consentmgr.importing.service import import_documents
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    kind = kind or _kind_of(file)
    named = {name: value for name, value in given.items() if value not in (None, ())}
    if kind == "documents" and named:
        flag = {"channels": "channel", "purposes": "purpose", "topics": "topic", "audiences": "audience",
                "mapping": "map", "ban_format": "format"}.get(next(iter(named)), next(iter(named)))  # fmt: skip
        raise BadInput(f"--{flag} goes with a table: say with --as what its rows are", file=file)
    now = clock.now()
    settings = load_settings(os.environ)
    loaded = load_keys(settings)
    keys = AddressKeys(loaded.address_key, loaded.address_key_id)
    who = actor or signed_in_user()
    rejected = taken = 0
    with open_database(settings) as database, _sources(database, file, kind, named, keys) as sources:
        targets = _rejects_paths(file, rejects, [part or source.name for source, part in sources])
        for (source, part), target in zip(sources, targets, strict=True):
            if not dry_run:
                _refuse_unwritable(target)
            with progress(len(source), "Looking" if dry_run else "Importing") as advance:
                report = import_documents(
                    database,
                    source,
                    keys=keys,
                    actor=who,
                    now=now,
                    rejects_path=target,
                    options={"as": kind, "part": part, **{name: _plain(value) for name, value in named.items()}},
                    dry_run=dry_run,
                    progress=advance,
                    clock=clock.now,
                )
            _tell(report, part)
            rejected += report.rejected
            taken += 0 if dry_run or report.changes.is_nothing else sum(report.changes.documents.values())
        if taken >= _MANY_DOCUMENTS:
            database.refresh_statistics()
    if rejected:
        verb = "would be rejected" if dry_run else "rejected"
        raise CheckFailed(f"{rejected:,} {'line' if rejected == 1 else 'lines'} {verb}")


def _kind_of(file: Path) -> str:
    if str(file) == "-" or file.suffix.lower() in DOCUMENT_ENDINGS:
        return "documents"
    raise BadInput(f"say what the rows are, with --as {', '.join(KINDS[1:-1])} or {KINDS[-1]}", file=file)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@contextmanager
def _sources(
    database: Database, file: Path, kind: str, named: dict[str, Any], keys: AddressKeys
) -> Iterator[Sequence[tuple[Source | DocumentLines, str]]]:
    from consentmgr.importing.sources import DocumentLines

    if kind == "documents":
        with _seekable(file) as opened:
            yield [(DocumentLines(opened, file.name), "")]
        return
    from consentmgr.importing.ban_lists.foreign_list import BAN_FORMATS
    from consentmgr.importing.foreign import TableKind, TableOptions, table_sources

    named = dict(named)
    ban_format = named.pop("ban_format", None)
    if ban_format is not None and ban_format not in BAN_FORMATS:
        raise BadInput(f"--format {ban_format}: there is no such format; there are {', '.join(BAN_FORMATS)}")
    options = TableOptions(now=clock.now(), **_table_options(named))
    yield table_sources(
        database,
        sys.stdin.buffer if str(file) == "-" else file,
        cast("TableKind", kind),
        options,
        keys,
        ban_format=ban_format,
        name=file.name,
    )


def _table_options(named: dict[str, Any]) -> dict[str, Any]:
    from consentmgr.importing.cell_values import parse_moment

    options = dict(named)
    if "at" in options:
        try:
            options["at"] = parse_moment(options["at"])
        except ValueError:
            raise BadInput("--at is no time, such as 2026-11-01 or 2026-11-01T09:00:00+02:00") from None
    if "mapping" in options:
        pairs = [pair.partition("=") for pair in options["mapping"]]
        if not all(name and separator and column for name, separator, column in pairs):
            raise BadInput("--map is written FIELD=COLUMN, such as --map email=Osoite")
        options["mapping"] = {name.strip(): column for name, _, column in pairs}
    return options


@contextmanager
def _seekable(file: Path) -> Iterator[BinaryIO]:
    """The file of documents; standard input is laid by first, because it is read twice."""
    if str(file) != "-":
        if file.is_dir():
            raise BadInput("this is a folder; documents are in a file", file=file)
        with file.open("rb") as opened:
            _refuse_no_documents(opened, str(file))
            yield opened
        return
    with tempfile.TemporaryFile() as laid_by:
        while piece := sys.stdin.buffer.read(1 << 20):
            laid_by.write(piece)
        laid_by.seek(0)
        _refuse_no_documents(cast("BinaryIO", laid_by), "standard input")
        yield cast("BinaryIO", laid_by)


def _refuse_no_documents(file: BinaryIO, name: str) -> None:
    """Say at once that a file is none of documents, instead of rejecting every line of it."""
    from consentmgr.importing.mended import begins_rejected_rows

    start = file.read(65_536)
    file.seek(0)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise BadInput("the file is empty", file=name)
    if b"\0" in start or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("the file is not text in UTF-8, as documents are", file=name, line=1)
    if begins_rejected_rows(start):
        raise BadInput(
            f"these are rejected rows of a table: say with --as {', '.join(KINDS[1:-1])} or {KINDS[-1]} what they are,"
            " and give the table's other options again",
            file=name,
        )
    if not text.startswith(b"{"):
        raise BadInput(
            "not a JSON object; documents are one a line, and a table is imported with --as", file=name, line=1
        )


def _rejects_paths(file: Path, given: Path | None, parts: Sequence[str]) -> list[Path]:
    if str(file) == "-":
        whole = given or Path("stdin.rejected.jsonl")
    else:
        whole = given or file.with_name(f"{file.stem or file.name}.rejected.jsonl")
    if len(parts) == 1:
        return [whole]
    stem = whole.name.removesuffix(".jsonl").removesuffix(".rejected")
    return [whole.with_name(f"{stem}.{number}.rejected.jsonl") for number, _ in enumerate(parts, start=1)]


def _refuse_unwritable(target: Path) -> None:
    if not os.access(target.parent, os.W_OK):
        raise BadInput(
            "rejected lines could not be written here; name another place with --rejects", file=target.parent
        )


# --- telling --------------------------------------------------------------------------------------------------------


def _tell(report: ImportReport, part: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from consentmgr.importing.changes import CHANGED, KEPT_ERASED, NEW, OUTCOMES, REJECTED, UNCHANGED

    changes = report.changes
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    title = f"{report.name}{f' ({part})' if part else ''}"
    console.print(
        f"{title}: nothing was changed; an import would do this:" if report.dry_run else f"{title}:", markup=False
    )
    if report.resumed_at > 1:
        console.print(f"taken up again at line {report.resumed_at:,}; the counts are of the whole file")
    headings = {
        NEW: "new",
        CHANGED: "changed",
        UNCHANGED: "unchanged",
        KEPT_ERASED: "kept erased",
        REJECTED: "rejected",
    }
    shown = [outcome for outcome in OUTCOMES if changes.total(outcome) or outcome in (NEW, CHANGED, UNCHANGED)]
    table = Table(box=None, pad_edge=False)
    table.add_column("document")
    for outcome in shown:
        table.add_column(headings[outcome], justify="right")
    for kind in sorted({kind for kind, _ in changes.documents}):
        table.add_row(kind, *(f"{changes.documents[kind, outcome]:,}" for outcome in shown))
    if changes.documents:
        console.print(table)
    else:
        console.print("It holds nothing.")
    _tell_counts(
        console.print, "Acts added to the ledger", {k: v for k, v in changes.decisions.items() if k != "prohibition"}
    )
    if changes.decisions["prohibition"]:
        console.print(f"Bans added: {changes.decisions['prohibition']:,}")
    _tell_counts(console.print, "Fields changed", changes.fields)
    if changes.stubs:
        console.print(f"{changes.stubs:,} organisation(s) named and not described, made with unknown form.")
    if report.told:
        where = f" Whole, with the reasons, in {report.rejects}." if report.rejects else ""
        console.print(f"Rejected: {report.rejected:,}.{where}", markup=False)
        for line, rejection in report.told:
            console.print(f"  line {line}, {rejection.sentence}", markup=False)
        if report.rejected > len(report.told):
            console.print(f"  and {report.rejected - len(report.told):,} more")


def _tell_counts(tell: Any, title: str, counts: Any) -> None:
    if counts:
        tell(f"{title}: " + ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items())))


# --- export ---------------------------------------------------------------------------------------------------------


@click.command("documents")
@click.argument("file", type=_OUT, default="-")
def export_documents(file: Path) -> None:
    """Write every document to FILE (- for standard output), one a line, as ``consentmgr import`` takes them.

    The file holds the personal data of everyone in the register.
    """
    from consentmgr.db import open_database
    from consentmgr.importing.export import exported_lines
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    key_id = load_keys(settings).address_key_id
    written = 0
    with (
        open_database(settings) as database,
        database.reading() as session,
        _writing(file) as target,
        progress(None, "Exporting") as advance,
    ):
        for line in exported_lines(session, key_id=key_id):
            target.write(line)
            written += 1
            advance(1)
    if str(file) != "-":
        click.echo(f"{written:,} documents written to {file}")


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """The file, which appears whole under its name or not at all, for nobody's eyes but its owner's."""
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not path.parent.is_dir():
        raise BadInput("there is no such folder", file=path.parent)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
