"""A run of a schedule: claimed, prepared, written, delivered, published; each step safe to repeat.

Claiming takes the next sequence. Preparing stores the set at one position of the register, in one transaction with
that position. Files are written from the stored set into a spool folder and delivered under their names, the manifest
last. A run that stopped anywhere is taken up again from the last step that is in the database, under a higher fence:
whoever had it before finds the fence changed and leaves it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

from psycopg.errors import SerializationFailure
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection, ledger_head
from consentmgr.db import Database
from consentmgr.exports.content import gather
from consentmgr.exports.destinations import opened
from consentmgr.exports.formats import BY_NAME
from consentmgr.exports.formats.format import About
from consentmgr.exports.formats.hashed_lists import keyed_digest
from consentmgr.exports.manifest import WrittenFile, signed_manifest, written_file
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.sealing import unsealed
from consentmgr.exports.stored_set import portions, store
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.prohibitions import journal

#: A run whose heartbeat is older is taken for abandoned.
LEASE = timedelta(seconds=90)
#: The name of the partner's own key among a schedule's secrets.
DIGEST_KEY = "digest_key"

Tell = Callable[[str], None]


class Superseded(ConsentmgrError):
    """Another process has taken the run over."""

    problem = "superseded"


@dataclass(frozen=True, slots=True)
class Published:
    """What a run left behind."""

    schedule: str
    sequence: int
    mode: str
    came: int
    went: int
    files: tuple[WrittenFile, ...]


def schedule_of(session: Session, key: str) -> ExportSchedule:
    found = session.get(ExportSchedule, key)
    if found is None:
        raise NotFound(f"there is no export schedule {key}")
    return found


def last_acknowledged(session: Session, schedule: str) -> int | None:
    """The newest sequence the partner has said it holds."""
    return session.scalar(
        select(func.max(ExportRun.sequence)).where(
            ExportRun.schedule == schedule, ExportRun.acknowledged_at.is_not(None)
        )
    )


def last_published(session: Session, schedule: str) -> int | None:
    """The newest sequence that left whole."""
    return session.scalar(
        select(func.max(ExportRun.sequence)).where(ExportRun.schedule == schedule, ExportRun.state == "published")
    )


def runs_of(session: Session, key: str) -> list[ExportRun]:
    """The runs of a schedule, newest first."""
    schedule_of(session, key)
    return list(session.scalars(select(ExportRun).where(ExportRun.schedule == key).order_by(ExportRun.sequence.desc())))


def run_of(session: Session, key: str, sequence: int) -> ExportRun:
    """One run. Raises ``NotFound``."""
    schedule_of(session, key)
    run = session.scalar(select(ExportRun).where(ExportRun.schedule == key, ExportRun.sequence == sequence))
    if run is None:
        raise NotFound(f"the schedule {key} has no sequence {sequence}")
    return run


def claim(
    session: Session, key: str, *, slot: datetime | None, full: bool, claimed_by: str, now: datetime
) -> ExportRun | None:
    """The run to do: a new sequence, or one abandoned by its process. None where the slot is done or being done.

    Flushes; the caller commits before the work begins, so that others see the claim.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7))"), {"name": f"export:{key}"})
    schedule = schedule_of(session, key)
    open_run = session.scalar(
        select(ExportRun)
        .where(ExportRun.schedule == key, ExportRun.state.in_(("claimed", "prepared")))
        .order_by(ExportRun.sequence)
        .limit(1)
    )
    if open_run is not None:
        if open_run.heartbeat_at > now - LEASE and open_run.claimed_by != claimed_by:
            return None
        open_run.fence += 1
        open_run.claimed_by = claimed_by
        open_run.heartbeat_at = now
        return open_run
    if slot is not None and session.scalar(
        select(ExportRun.id).where(ExportRun.schedule == key, ExportRun.slot == slot)
    ):
        return None
    newest = session.scalar(select(func.max(ExportRun.sequence)).where(ExportRun.schedule == key)) or 0
    base = None if full or schedule.mode == "full" else last_acknowledged(session, key)
    run = ExportRun(
        schedule=key,
        sequence=newest + 1,
        slot=slot,
        mode="full" if base is None else "delta",
        base_sequence=base,
        state="claimed",
        fence=1,
        claimed_by=claimed_by,
        heartbeat_at=now,
        started_at=now,
    )
    session.add(run)
    session.flush()
    return run


def run_schedule(
    database: Database,
    settings: Settings,
    keys: Keys,
    key: str,
    *,
    slot: datetime | None = None,
    full: bool = False,
    actor: str,
    claimed_by: str,
    now: datetime,
    tell: Tell = lambda _step: None,
) -> Published | None:
    """Do one run from claim to manifest; None where somebody else has it or the slot is done.

    Raises ``NotDelivered`` where the destination does not take it: the run stays open and goes on next time.
    """
    with database.transaction() as session:
        run = claim(session, key, slot=slot, full=full, claimed_by=claimed_by, now=now)
        if run is None:
            return None
        run_id, fence = run.id, run.fence
    try:
        return _carry_out(database, settings, keys, run_id, fence, actor=actor, now=now, tell=tell)
    except Superseded:
        raise
    except ConsentmgrError as error:
        _let_go(database, run_id, fence, str(error))
        raise
    except OperationalError as error:
        if isinstance(error.orig, SerializationFailure):
            raise Superseded(f"another process has taken over a run of {key}") from None
        raise


def _carry_out(
    database: Database,
    settings: Settings,
    keys: Keys,
    run_id: int,
    fence: int,
    *,
    actor: str,
    now: datetime,
    tell: Tell,
) -> Published:
    tell("gather")
    # What left by a link and is in the journal alone must be in the set.
    journal.catch_up(database, settings, keys, now)
    came, went = _prepare(database, keys, run_id, fence, now)
    tell("write")
    with _spool(settings, run_id, fence) as folder:
        with database.reading() as session:
            run = _run(session, run_id)
            schedule = schedule_of(session, run.schedule)
            files = _write(session, schedule, run, keys, folder, now)
            secrets = unsealed(schedule.secrets, keys.address_key)
        token, document = signed_manifest(schedule, run, files, keys.signing_key)
        manifest = folder / f"{_stem(schedule, run)}.manifest.json"
        manifest.write_bytes(document)
        tell("deliver")
        _beat(database, run_id, fence)
        _deliver(settings, schedule, secrets, files, manifest)
    with database.transaction() as session:
        done = session.execute(
            update(ExportRun)
            .where(ExportRun.id == run_id, ExportRun.fence == fence)
            .values(state="published", published_at=clock_now(), manifest=token, error=None)
        )
        if not cast("int", done.rowcount):  # type: ignore[attr-defined]
            raise Superseded(f"another process has taken over sequence {run.sequence} of {schedule.key}")
        record(
            session,
            at=now,
            actor=actor,
            action="exported",
            object=f"export:{schedule.key}",
            detail={"sequence": run.sequence, "mode": run.mode, "rows": sum(file.rows for file in files)},
        )
    return Published(schedule.key, run.sequence, run.mode, came, went, tuple(files))


def _let_go(database: Database, run_id: int, fence: int, sentence: str) -> None:
    """Leave the run to whoever comes next, and say what was in the way."""
    with database.transaction() as session:
        session.execute(
            update(ExportRun)
            .where(ExportRun.id == run_id, ExportRun.fence == fence)
            .values(heartbeat_at=clock_now() - LEASE, error=sentence[:500])
        )


def _run(session: Session, run_id: int) -> ExportRun:
    found = session.get(ExportRun, run_id)
    assert found is not None
    return found


def _prepare(database: Database, keys: Keys, run_id: int, fence: int, now: datetime) -> tuple[int, int]:
    """Store the set, once: a run that has its set keeps it."""
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(engine) as session, session.begin():
        run = session.get(ExportRun, run_id)
        assert run is not None
        if run.fence != fence:
            raise Superseded(f"another process has taken over sequence {run.sequence} of {run.schedule}")
        if run.state != "claimed":
            return 0, 0
        schedule = schedule_of(session, run.schedule)
        connection = driver_connection(session)
        gather(session, schedule, keys=AddressKeys(keys.address_key, keys.address_key_id), now=now)
        counts = store(connection, schedule.key, run.sequence)
        if schedule.format == "keyed":
            _keep_digests(session, schedule, run.sequence, keys)
        run.state = "prepared"
        run.heartbeat_at = clock_now()
        run.register_position = session.scalar(text("SELECT pg_current_snapshot()::text"))
        run.ledger_head = ledger_head(session)
        return counts


def _keep_digests(session: Session, schedule: ExportSchedule, sequence: int, keys: Keys) -> None:
    """Keep what the partner is told of each new address, for the day its owner is erased here."""
    secret = _digest_key(schedule, keys)
    assert secret is not None
    connection = driver_connection(session)
    with connection.cursor("export_digests") as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (e.address_key) e.address_key, p.value FROM exported_entry e JOIN contact_point p"
            " ON p.address_key = e.address_key WHERE e.schedule = %s AND e.from_seq = %s AND p.value IS NOT NULL",
            [schedule.key, sequence],
        )
        while rows := cursor.fetchmany(20_000):
            connection.execute(
                "UPDATE exported_entry e SET partner_digest = n.digest FROM unnest(%s::uuid[], %s::text[]) AS n (key, digest)"
                " WHERE e.schedule = %s AND e.from_seq = %s AND e.address_key = n.key",
                [
                    [key for key, _ in rows],
                    [keyed_digest(secret, value) for _, value in rows],
                    schedule.key,
                    sequence,
                ],
            )


def _digest_key(schedule: ExportSchedule, keys: Keys) -> bytes | None:
    secret = unsealed(schedule.secrets, keys.address_key).get(DIGEST_KEY)
    if secret is None and BY_NAME[schedule.format].needs_secret:
        raise BadInput(f"the format {schedule.format} needs the key agreed with the partner", field="--digest-key-file")
    return secret.encode() if secret is not None else None


def _stem(schedule: ExportSchedule, run: ExportRun) -> str:
    return f"{schedule.key}-{run.sequence:06d}{'-delta' if run.mode == 'delta' else ''}"


@contextmanager
def _spool(settings: Settings, run_id: int, fence: int) -> Iterator[Path]:
    """A folder for the files until they are delivered; they hold addresses, so it is closed to others and emptied."""
    base = settings.data_folder / "exports"
    make_private_folder(base)
    folder = base / f"{run_id}-{fence}"
    shutil.rmtree(folder, ignore_errors=True)
    make_private_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(
    session: Session, schedule: ExportSchedule, run: ExportRun, keys: Keys, folder: Path, now: datetime
) -> list[WrittenFile]:
    form = BY_NAME[schedule.format]
    opened_files: dict[str, tuple[Path, BinaryIO]] = {}

    def open_file(suffix: str) -> BinaryIO:
        path = folder / f"{_stem(schedule, run)}{suffix}{form.ending}"
        opened_files[suffix] = (path, path.open("xb"))
        return opened_files[suffix][1]

    about = About(
        partner=schedule.partner,
        content=schedule.content,  # type: ignore[arg-type]
        generated_at=now,
        secret=_digest_key(schedule, keys),
    )
    try:
        rows = form.write(
            portions(driver_connection(session), schedule.key, run.sequence, run.base_sequence), about, open_file
        )
    finally:
        for _, file in opened_files.values():
            file.close()
    paths = [(path, rows[suffix]) for suffix, (path, _) in opened_files.items()]
    if schedule.encrypt_to is not None:
        paths = [(_encrypted(path, schedule.encrypt_to), count) for path, count in paths]
    return [written_file(path, count) for path, count in paths]


def _encrypted(path: Path, recipient: str) -> Path:
    """The file encrypted to the partner's age key; what was in clear goes."""
    import pyrage

    target = path.with_name(f"{path.name}.age")
    with path.open("rb") as reading, target.open("xb") as writing:
        pyrage.encrypt_io(reading, writing, [pyrage.x25519.Recipient.from_str(recipient)])
    path.unlink()
    return target


def _beat(database: Database, run_id: int, fence: int) -> None:
    """Say that the run is alive, and find out whether it is still ours."""
    with database.transaction() as session:
        done = session.execute(
            update(ExportRun).where(ExportRun.id == run_id, ExportRun.fence == fence).values(heartbeat_at=clock_now())
        )
        if not cast("int", done.rowcount):  # type: ignore[attr-defined]
            raise Superseded("another process has taken over this run")


def _deliver(
    settings: Settings, schedule: ExportSchedule, secrets: dict[str, str], files: Sequence[WrittenFile], manifest: Path
) -> None:
    destination = opened(schedule.destination, secrets, settings.private_destinations)
    try:
        for file in files:
            destination.put(file.name, file.path)
        destination.put(manifest.name, manifest)
    finally:
        destination.close()


def acknowledge(session: Session, key: str, sequence: int, *, by: str, actor: str, now: datetime) -> None:
    """Note that the partner holds a sequence; deltas are from there on. Raises ``NotFound`` or ``BadInput``."""
    run = run_of(session, key, sequence)
    if run.state != "published":
        raise BadInput(f"sequence {sequence} has not been published", field="sequence")
    if run.acknowledged_at is None:
        run.acknowledged_at, run.acknowledged_by = now, by
        record(
            session, at=now, actor=actor, action="acknowledged", object=f"export:{key}", detail={"sequence": sequence}
        )


def host_and_process() -> str:
    """Who claims runs here."""
    import socket
    import threading

    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
