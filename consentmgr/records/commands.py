"""The terminal door of consent records: show, export, verify."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import LANGUAGES

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.keys import Keys
    from consentmgr.records.service import PersonsRecords

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("records")
def records_group() -> None:
    """Show what a person agreed to, refused and withdrew; export it signed; check such a file.

    Readings are written in the audit log.
    """


@contextmanager
def _read(ref: str) -> Iterator[tuple[PersonsRecords, Settings, Keys]]:
    """The person's records; the session stays open while they are used, and the reading is audited with it."""
    from consentmgr.audit import service as audit
    from consentmgr.config import load_settings
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.db import open_database
    from consentmgr.edge.terminal import signed_in_user
    from consentmgr.keys import load_keys
    from consentmgr.kit import clock
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.records.service import records_of_ref

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    now = clock.now()
    with open_database(settings) as database, database.transaction() as session:
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        found = records_of_ref(session, ref, sight=EVERYTHING, keys=address_keys, now=now)
        audit.read(
            session, at=now, actor=signed_in_user(), object=f"contact:{found.contact_id}",
            detail={"consent_records": len(found.records)},
        )  # fmt: skip
        yield found, settings, keys


@records_group.command("show")
@click.argument("ref")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def show_command(ref: str, language: Any) -> None:
    """Show the consent records of the contact REF."""
    from consentmgr.records.printed import copy_of
    from consentmgr.records.service import withdrawal_page

    with _read(ref) as (found, settings, _):
        copy = copy_of(found, language=language, withdraw_at=withdrawal_page(settings))
    if not copy.records:
        click.echo(copy.about)
    for record in copy.records:
        click.echo(f"{record.heading}  {record.id}  {record.state}")
        for thing, state in record.what:
            click.echo(_on_one_line(f"  {thing}: {state}"))
        for when, what in record.history:
            click.echo(_on_one_line(f"  {when}  {what}"))


@records_group.command("export")
@click.argument("ref")
@click.option("--record", "record_id", type=click.UUID, help="One record only, by its number (as show prints it).")
@click.option(
    "--as",
    "form",
    type=click.Choice(("json", "receipt", "html", "pdf")),
    default="json",
    show_default=True,
    help="Signed records and receipts; the signed receipt of one record; or the person's copy.",
)
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the copy; without it the person's own.")
@click.option("--to", type=_FILE, help="Write here instead of to standard output.")
def export_command(ref: str, record_id: Any, form: str, language: Any, to: Path | None) -> None:
    """Write the consent records of the contact REF.

    Without --record, json is one file of all records and receipts of the person, each signed by itself.
    """
    from consentmgr.kit.errors import Unavailable
    from consentmgr.records import printed
    from consentmgr.records.service import everything_file, receipt_file, record_file, withdrawal_page

    if form == "receipt" and record_id is None:
        raise BadInput("a receipt is of one record: name it with --record")
    with _read(ref) as (found, settings, keys):
        one = found.one(record_id) if record_id is not None else None
        if form == "receipt" and one is not None:
            document = receipt_file(found, one, key=keys.signing_key)
        elif form == "json":
            document = (
                record_file(found, one, settings=settings, key=keys.signing_key)
                if one is not None
                else everything_file(found, settings=settings, key=keys.signing_key)
            )
        else:
            copy = printed.copy_of(
                found,
                language=printed.language_of(language, found.language),
                withdraw_at=withdrawal_page(settings),
                only=None if one is None else [one],
            )
            document = printed.html_file(copy) if form == "html" else printed.pdf_file(copy)
    if to is None:
        sys.stdout.buffer.write(document)
        return
    try:
        to.write_bytes(document)
    except OSError as error:
        raise Unavailable(f"{to} cannot be written ({error.strerror})") from None


@records_group.command("verify")
@click.argument("file", type=_FILE)
@click.option("--public-key", type=_FILE, help="The signer's public key (JWK); without it, this installation's own.")
def verify_command(file: Path, public_key: Path | None) -> None:
    """Check FILE offline: that its records and receipts say what was signed.

    Asks no database and no secret. Exit code 0 where all is in order, 1 where something was changed, 2 or 3 where the
    file or the key cannot be read. A record tells how things stood when it was issued; ask for a new one to know how
    they stand now.
    """
    from consentmgr.config import load_settings
    from consentmgr.keys import PUBLIC_KEY_FILE
    from consentmgr.records.receipts import verified
    from consentmgr.screening.certificate import read_public_key

    key = read_public_key(public_key or load_settings(os.environ).keys_folder / PUBLIC_KEY_FILE)
    try:
        document = file.read_bytes()
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror})", file=file) from None
    for one in verified(document, key):
        said = one.said
        if one.kind == "record":
            click.echo(f"record   {said['dct:identifier']}  signature holds, issued {said['dct:issued']}")
        else:
            click.echo(f"receipt  {said['consentReceiptID']}  signature holds")


def _on_one_line(text: str) -> str:
    """What others wrote, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
