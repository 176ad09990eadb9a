"""Restoring a backup, and recovering: the two steps between which people can leave and nothing else is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.db import Database, migrate
from consentmgr.keys import Keys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.prohibitions import journal
from consentmgr.prohibitions.journal_taken import journal_folder
from consentmgr.prohibitions.models import Restoration
from consentmgr.prohibitions.recovered import open_restoration
from consentmgr.recovery.backup import Backup, check_restored, load, owner, packed_files

#: The longest name PostgreSQL gives a database, in bytes; it cuts a longer one off.
LONGEST_NAME: Final = 63
#: Seconds that connections which were given back may take to end.
LEAVING_LIMIT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the register that was replaced is kept; None where there was none."""

    kept_as: str | None


def restore(
    database: Database, backup: Backup, *, replace: bool, actor: str, now: datetime, attachments: Path | None = None
) -> Restored:
    """Put the backup in the register's place. The register that was there is renamed, never dropped.

    The files of acts are put back into ``attachments``, their store, where they are not there any more.

    Raises ``BadInput`` where there is a register and ``replace`` is not asked for.
    """
    name = database.engine.url.database
    assert name is not None
    filled = _is_filled(database)
    if filled and not replace:
        raise BadInput("there is a register already; with --replace it is kept under another name", field="--replace")
    database.engine.dispose()
    with owner(database) as engine:
        with engine.connect() as connection:
            if not _is_left_alone(connection, name):
                raise Unavailable("the register is in use; stop consentmgr serve and every other command first")
            kept = _free_name(connection, name, now)
            role = database.engine.url.username
            connection.execute(text(f'ALTER DATABASE "{name}" RENAME TO "{kept}"'))
            owned = f' OWNER "{role}"' if role else ""
            connection.execute(text(f'CREATE DATABASE "{name}"{owned} TEMPLATE template0'))
        try:
            load(database.engine.url, backup)
            fresh = create_engine(database.engine.url, hide_parameters=True)
            try:
                check_restored(fresh, backup)
                with fresh.begin() as connection:
                    migrate(connection)
                with Session(fresh) as session, session.begin():
                    _mark(session, backup, actor, now)
            finally:
                fresh.dispose()
        except BaseException:
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
                connection.execute(text(f'ALTER DATABASE "{kept}" RENAME TO "{name}"'))
            raise
        if not filled:
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{kept}"'))
    if attachments is not None:
        _put_back(backup, attachments)
    return Restored(kept if filled else None)


def _is_left_alone(connection: Connection, name: str) -> bool:
    """Whether nobody is connected to the database. A connection that was just given back takes the server a moment to
    end, and its own housekeeping makes way by itself.
    """
    question = text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = :name AND backend_type = :client)")
    deadline = monotonic() + LEAVING_LIMIT
    while connection.scalar(question, {"name": name, "client": "client backend"}):
        if monotonic() > deadline:
            return False
        sleep(0.02)
    return True


def _free_name(connection: Connection, name: str, now: datetime) -> str:
    """What the register that was there is called from now on. It tells when, and is no other database's name: two
    restores may come within a second.
    """
    taken = set(connection.scalars(text("SELECT datname FROM pg_database")))
    endings = (f"_before_{now:%Y%m%d%H%M%S}" + (f"_{number}" if number > 1 else "") for number in count(1))
    names = (name.encode()[: LONGEST_NAME - len(ending)].decode(errors="ignore") + ending for ending in endings)
    return next(kept for kept in names if kept not in taken)


def _put_back(backup: Backup, store: Path) -> None:
    """A file that is there stays: under one id there is ever only one content."""
    for file_id, sealed in packed_files(backup):
        folder = store / file_id.hex
        if (folder / "file").exists():
            continue
        make_private_folder(store)
        make_private_folder(folder)
        passing = folder / "file.restoring"
        passing.write_bytes(sealed)
        passing.replace(folder / "file")


def _is_filled(database: Database) -> bool:
    with database.connect() as connection:
        if connection.scalar(text("SELECT to_regclass('ledger_entry')")) is None:
            return False
        return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM contact) OR EXISTS (SELECT FROM ledger_entry)")))


def _mark(session: Session, backup: Backup, actor: str, now: datetime) -> None:
    session.add(Restoration(backup_taken_at=backup.taken_at, restored_at=now, restored_by=actor))
    record(
        session,
        at=now,
        actor=actor,
        action="restored",
        object="register:backup",
        detail={"taken_at": backup.about["taken_at"], "sha256": backup.about["dump"]["sha256"]},
    )


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery did: ``replayed`` acts were taken now; ``found`` counts all that the journal holds from after the
    backup, by Finnish day and act (``leave``, ``undo``, ``damaged``). The rest were taken as others left meanwhile.
    """

    replayed: int
    backup_taken_at: datetime
    found: Mapping[tuple[date | None, str], int]


def recover(
    database: Database, settings: Settings, keys: Keys, *, skip_damaged: bool, actor: str, now: datetime
) -> Recovered | None:
    """Replay the prohibition journal and open the register again; None where it was not restored.

    Raises ``DamagedJournal`` where a line was changed: a person must look before anybody is written to.
    """
    with database.transaction() as session:
        found = open_restoration(session)
        if found is None:
            return None
        identifier, taken_at = found.id, found.backup_taken_at
        files = journal.files(session, settings)
    counted = _since(settings, files, taken_at)
    replayed = journal.replay(database, settings, keys, now, skip_damaged=skip_damaged)
    with database.transaction() as session:
        row = session.get(Restoration, identifier)
        assert row is not None
        row.recovered_at, row.recovered_by, row.replayed = now, actor, replayed
        by_act: Counter[str] = Counter()
        for (_, act_name), number in counted.items():
            by_act[act_name] += number
        record(
            session,
            at=now,
            actor=actor,
            action="recovered",
            object="register:backup",
            detail={"replayed": replayed, **by_act},
        )
    return Recovered(replayed, taken_at, counted)


def _since(
    settings: Settings, files: Sequence[journal.FileState], moment: datetime
) -> Counter[tuple[date | None, str]]:
    """What the journal holds from after a moment. A file's name begins with the day (UTC) it was begun."""
    counted: Counter[tuple[date | None, str]] = Counter()
    first_day = (moment.astimezone(UTC).date() - timedelta(days=1)).isoformat()
    for state in files:
        if state.name < first_day:
            continue
        for act, _ in journal.read(journal_folder(settings) / state.name, 0):
            if act is None:
                counted[None, "damaged"] += 1
            elif act.at > moment:
                counted[local_date(act.at), act.act] += 1
    return counted
