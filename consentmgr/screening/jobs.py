"""The clock's door to screening: the snapshot is kept fresh for long lists, and lets erased people go at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from consentmgr.consents.ledger import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_changes import erased_since, has_aged, has_changed
from consentmgr.screening.snapshot_store import SnapshotStore, store_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


def keep_snapshot(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Make the snapshot anew where somebody in it was erased, or where it has fallen too far behind; for every minute.

    There is nothing to do where nobody has had a snapshot made and no store is named: short lists need none.
    """
    store = _store(settings, keys)
    with database.reading() as session:
        newest = store.newest(driver_connection(session))
        if newest is None:
            return "" if store.shared is None else _made(session, store, now)
        if erased_since(driver_connection(session), newest):
            told = _made(session, store, now)
        elif has_aged(driver_connection(session), newest):
            return _made(session, store, now)
        else:
            told = ""
        # Also those that were being read, or lay in another machine's folder, when the new one was made.
        gone = _let_erased_go(session, store)
        return f"{told}, {gone} with erased people removed".removeprefix(", ") if gone else told


def renew_snapshot(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:
    """Make the snapshot anew where anything has changed, so that the day's lists have little to catch up; nightly."""
    store = _store(settings, keys)
    with database.reading() as session:
        newest = store.newest(driver_connection(session))
        if newest is None and store.shared is None:
            return ""
        if newest is not None and not has_changed(driver_connection(session), newest):
            return "nothing had changed"
        return _made(session, store, now)


def _store(settings: Settings, keys: Keys) -> SnapshotStore:
    return store_of(settings, AddressKeys(keys.address_key, keys.address_key_id))


def _made(session: Session, store: SnapshotStore, now: datetime) -> str:
    from consentmgr.screening.run import built

    snapshot = built(session, store, now, show=False)
    return f"{snapshot.name} made, {snapshot.rows['contacts']} contacts"


def _let_erased_go(session: Session, store: SnapshotStore) -> int:
    """Remove every snapshot that holds facts of somebody erased since; how many."""
    connection = driver_connection(session)
    every: dict[str, Snapshot] = {one.name: one for one in (*store.snapshots(), *store.shared_snapshots())}
    stale = [one for one in every.values() if store.is_of(connection, one) and erased_since(connection, one)]
    return sum(store.remove_everywhere(one.name) for one in stale)
