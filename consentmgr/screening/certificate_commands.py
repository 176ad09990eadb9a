"""The terminal door of certificates: ``consentmgr certificate verify``.

Offline it asks no database and no secret; with ``--online`` it also asks the register that issued the certificate.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.vocabulary.codes import LANGUAGES, Language

if TYPE_CHECKING:
    from consentmgr.screening.certificate import Verification

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
@click.option("--online", is_flag=True, help="Also ask this register: newer bans on the rows, partners that lag.")
def verify(
    certificate: Path,
    input_: Path | None,
    output: Path | None,
    allowed: Path | None,
    public_key: Path | None,
    language: str,
    *,
    online: bool,
) -> None:
    """Check CERTIFICATE offline: its signature, the files it names, and whether it is still valid.

    Exit code 0 where all is in order, 1 where something was changed or the screening has expired, 2 or 3 where a file
    or the key cannot be read. Files that are not beside the certificate are named as not checked. Before sending, ask
    the register too (--online).
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
    if online:
        found = _asked_online(found, allowed or certificate.absolute().parent / _allowed_name(found))
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


def _allowed_name(found: Verification) -> str:
    claim = found.claims.get("allowed") or {"name": ""}
    return Path(str(claim["name"])).name or "allowed rows are not there"


def _asked_online(found: Verification, allowed: Path) -> Verification:
    """The same, with what the register says now."""
    from dataclasses import replace

    from consentmgr.config import load_settings
    from consentmgr.kit import clock
    from consentmgr.screening.asking_again import against_register

    checked = any(check.role == "allowed" and check.status == "unchanged" for check in found.files)
    said = against_register(
        load_settings(os.environ), found.claims, allowed=allowed if checked else None, now=clock.now()
    )
    click.echo(f"register      asked; {'the allowed rows too' if checked else 'allowed rows are not here, not asked'}")
    return replace(found, since_then=tuple(said))


def _own_public_key() -> Path:
    from consentmgr.config import load_settings
    from consentmgr.keys import PUBLIC_KEY_FILE

    return load_settings(os.environ).keys_folder / PUBLIC_KEY_FILE


def _moment(text: str) -> str:
    from datetime import datetime

    from consentmgr.screening.report_words import moment

    return moment(datetime.fromisoformat(text), "en")
