"""The terminal door of the ledger: verify, rebuild, export."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.kit.progress import progress

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("ledger")
def ledger_group() -> None:
    """Verify, rebuild or export the consent ledger.

    The ledger keeps every act as an entry that is never changed, chained by hashes to the one before it.
    """


@ledger_group.command()
@click.option("--offline", type=_FILE, metavar="FILE", help="Verify an exported file; no database is needed.")
@click.option("--public-key", type=_FILE, metavar="FILE", help="With --offline: check the signature with this key.")
def verify(offline: Path | None, public_key: Path | None) -> None:
    """Recompute every hash. Exit code 1 where the ledger is broken; the first break of each chain is named."""
    if offline is not None:
        _verify_file(offline, public_key)
        return
    if public_key is not None:
        raise BadInput("--public-key goes with --offline: the heads in the database bear no signature")
    from consentmgr.consents import verification
    from consentmgr.consents.heads import heads
    from consentmgr.consents.parts import PROCESSES
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        total = sum(head.seq for head in heads(session))
        with progress(total, "Verifying") as advance:
            found = verification.verify(session, advance, processes=PROCESSES)
    click.echo(f"{found.entries:,} entries, ledger head {found.ledger_head}")
    click.echo(f"evidence: {found.evidence_held:,} verified, {found.evidence_erased:,} erased")
    for fault in found.breaks:
        click.echo(f"BROKEN: {fault.sentence}")
    if not found.whole:
        raise CheckFailed("The ledger is broken.")
    click.echo("The ledger is whole.")


def _verify_file(path: Path, public_key: Path | None) -> None:
    from consentmgr.consents.offline_verifier import verify_lines

    key = _public_key(public_key) if public_key is not None else None
    try:
        with path.open("rb") as file:
            told, faults = verify_lines(file, key)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"it cannot be read as an exported ledger: {error}", file=path) from None
    for sentence in told:
        click.echo(sentence)
    for fault in faults:
        click.echo(f"BROKEN: {fault}")
    if faults:
        raise CheckFailed("The exported ledger is broken.")
    click.echo("The exported ledger is whole.")


def _public_key(path: Path) -> dict[str, Any]:
    try:
        key = json.loads(path.read_bytes())
    except ValueError:
        key = None
    if not isinstance(key, dict) or (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519") or "x" not in key:
        raise BadInput("not a public Ed25519 key in JWK form", file=path)
    return key


@ledger_group.command()
def rebuild() -> None:
    """Fold every contact's standing from the ledger again, compare it with what is stored, and put it right."""
    from consentmgr.audit import service as audit
    from consentmgr.consents.parts import PROCESSES
    from consentmgr.consents.rebuild import rebuild as rebuild_standing
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        with progress(None, "Folding contacts") as advance:
            done = rebuild_standing(session, advance, processes=PROCESSES)
        audit.record(
            session,
            at=clock.now(),
            actor=signed_in_user(),
            action="standing.rebuilt",
            object="ledger:standing",
            detail={"contacts": done.contacts, "rows": done.rows, "differing": done.differing},
        )
    click.echo(f"{done.rows:,} rows of standing for {done.contacts:,} contacts")
    if done.equal:
        click.echo("What was stored is equal to the ledger.")
    else:
        click.echo(f"{done.differing:,} contacts had other rows than the ledger gives; they are put right.")


@ledger_group.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
def export(file: Path) -> None:
    """Write the ledger to FILE (- for standard output), signed, without personal data, for verification elsewhere."""
    from consentmgr.consents import verification
    from consentmgr.consents.heads import heads
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    signing_key = load_keys(settings).signing_key
    with open_database(settings) as database, database.reading() as session, _writing(file) as target:
        total = sum(head.seq for head in heads(session))
        with progress(total, "Exporting") as advance:
            written = verification.export_ledger(
                session, target, signing_key=signing_key, now=clock.now(), progress=advance
            )
    if str(file) != "-":
        click.echo(f"{written:,} entries written to {file}")


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """The file, which appears whole under its name or not at all."""
    if str(path) == "-":
        yield sys.stdout.buffer
        return
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
