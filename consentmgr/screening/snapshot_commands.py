"""The terminal door of the columnar snapshot that long lists are answered from."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consentmgr.screening.snapshot import Snapshot
    from consentmgr.screening.snapshot_store import SnapshotStore


@click.group("snapshot")
def snapshot_group() -> None:
    """The columnar snapshot that long lists are answered from; made by itself when it is needed."""


@snapshot_group.command("build")
def build_snapshot() -> None:
    """Make a snapshot of the register as it is now, and share it where CONSENTMGR_SNAPSHOTS names a store."""
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.prohibitions.journal import catch_up
    from consentmgr.screening.run import built

    settings = load_settings(os.environ)
    with open_database(settings) as database, _store() as store:
        catch_up(database, settings, load_keys(settings), clock.now())
        with database.reading() as session:
            snapshot = built(session, store, clock.now())
    click.echo(f"made {snapshot.folder}")
    _tell_snapshot(snapshot)


@snapshot_group.command("list")
def list_snapshots() -> None:
    """Show the snapshots there are, newest first; those of the store are marked."""
    with _store() as store:
        here = store.snapshots()
        shared = {snapshot.name: snapshot for snapshot in store.shared_snapshots()}
    every = shared | {snapshot.name: snapshot for snapshot in here}
    if not every:
        click.echo("There is no snapshot; the first long list makes one.")
    for name in sorted(every, reverse=True):
        _tell_snapshot(every[name], mark="  (in the store)" if name in shared else "")


@snapshot_group.command("show")
@click.argument("name", required=False)
@click.option("--check", is_flag=True, help="Hash its files again and compare.")
def show_snapshot(name: str | None, *, check: bool) -> None:
    """Print the manifest of the snapshot NAME, or of the newest, as JSON: position, layout, rows, files, hashes."""
    with _store() as store:
        found = [snapshot for snapshot in store.snapshots() if name in (None, snapshot.name)]
        if not found:
            raise NotFound(f"there is no snapshot {name} here" if name else "there is no snapshot here")
        snapshot = found[0]
        click.echo(json.dumps(json.loads(snapshot.manifest(store.keys)), ensure_ascii=False, indent=2))
        if check and not store.is_undamaged(snapshot, afresh=True):
            raise CheckFailed(f"the snapshot {snapshot.name} is not what was written")


@snapshot_group.command("prune")
@click.option("--keep", type=click.IntRange(min=0), default=1, show_default=True, help="How many of the newest stay.")
@click.option("--younger", default="0h", show_default=True, metavar="TIME", help="Those younger stay too: 6h, 7d.")
def prune_snapshots(keep: int, younger: str) -> None:
    """Remove old snapshots; one that is being read stays."""
    age = _age(younger)
    with _store() as store:
        removed = store.prune(clock.now(), keep=keep, younger=age)
    click.echo(f"removed {len(removed)}: {', '.join(removed)}" if removed else "nothing to remove")


def _age(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in ("h", "d") or len(number) > 5:
        raise BadInput("--younger takes hours or days, such as 6h or 7d")
    return timedelta(hours=int(number) * (24 if unit == "d" else 1))


@contextmanager
def _store() -> Iterator[SnapshotStore]:
    """The installation's snapshots; what was refused is told at the end."""
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.screening.snapshot_store import store_of

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    store = store_of(settings, AddressKeys(keys.address_key, keys.address_key_id))
    yield store
    for sentence in store.told:
        click.echo(sentence, err=True)


def _tell_snapshot(snapshot: Snapshot, mark: str = "") -> None:
    contacts, acts = snapshot.rows["contacts"], snapshot.rows["acts"]
    click.echo(
        f"{snapshot.name}  {contacts:,} contacts, {acts:,} acts, {snapshot.rows['prohibitions']:,} prohibitions, "
        f"{snapshot.bytes / 1e6:,.1f} MB, position {snapshot.position}{mark}"
    )
