"""The terminal door of certificates: ``consentmgr certificate verify``. Offline; asks no database and no secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import click

from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.vocabulary.codes import LANGUAGES, Language

_FILE = click.Path(dir_okay=False, path_type=Path)
_ROLES = {"input": "input list", "output": "result", "allowed": "allowed rows", "report": "report"}


@click.group("certificate")
def certificate_group() -> None:
    """Check that a screening certificate, and the files it names, are what was signed."""


@certificate_group.command()
@click.argument("certificate", type=_FILE)
@click.option("--input", "input_", type=_FILE, help="The list that was screened, where it is not beside CERTIFICATE.")
@click.option("--output", type=_FILE, help="The result, where it is not beside CERTIFICATE.")
@click.option("--allowed", type=_FILE, help="The file of allowed rows, where it is not beside CERTIFICATE.")
@click.option("--public-key", type=_FILE, help="The signer's public key (JWK); without it, this installation's own.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the reasons.")
def verify(
    certificate: Path,
    input_: Path | None,
    output: Path | None,
    allowed: Path | None,
    public_key: Path | None,
    language: str,
) -> None:
    """Check CERTIFICATE offline: its signature, the files it names, and whether it is still valid.

    Exit code 0 where all is in order, 1 where something was changed or the screening has expired, 2 or 3 where a file
    or the key cannot be read. Files that are not beside the certificate are named as not checked.
    """
    from consentmgr.kit import clock
    from consentmgr.screening.certificate import read_public_key, verify_certificate

    key = read_public_key(public_key or _own_public_key())
    try:
        document = certificate.read_bytes()
    except OSError as error:
        raise BadInput(f"the certificate cannot be read ({error.strerror})", file=certificate) from None
    given = {"input": input_, "output": output, "allowed": allowed}
    found = verify_certificate(
        document,
        key,
        folder=certificate.absolute().parent,
        now=clock.now(),
        given={role: path for role, path in given.items() if path is not None},
    )
    campaign = found.claims["campaign"]["document"]
    click.echo(f"signature     holds, key {found.claims['signing_key']}")
    click.echo(f"certificate   {found.claims['id']}")
    click.echo(f"campaign      {campaign.get('name') or campaign.get('key')}")
    click.echo(f"screened      {_moment(found.claims['issued_at'])}")
    click.echo(f"valid until   {_moment(found.claims['valid_until'])}{', expired' if found.expired else ''}")
    for check in found.files:
        state = "not found here, not checked" if check.status == "not found" else check.status
        click.echo(f"{_ROLES[check.role]:<14}{check.name}: {state}")
    if faults := found.faults(cast(Language, language)):
        raise CheckFailed("; ".join(fault.rstrip(".") for fault in faults))


def _own_public_key() -> Path:
    from consentmgr.config import load_settings
    from consentmgr.keys import PUBLIC_KEY_FILE

    return load_settings(os.environ).keys_folder / PUBLIC_KEY_FILE


def _moment(text: str) -> str:
    from datetime import datetime

    from consentmgr.screening.report_words import moment

    return moment(datetime.fromisoformat(text), "en")
