"""A run of a schedule: claimed, prepared, written, delivered, published; each step safe to repeat.

Claiming takes the next sequence. Preparing stores the set at one position of the register, in one transaction with
that position. Files are written from the stored set into a spool folder and delivered under their names, the manifest
last. A run that stopped anywhere is taken up again from the last step that is in the database, under a higher fence:
whoever had it before finds the fence changed and leaves it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

from psycopg.errors import SerializationFailure
from sqlalchemy import func, select, text, true, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.consents.heads import ledger_head
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.exports.changed import Asked, ask_again, asked_by, build_on_nothing
from consentmgr.exports.content import gather
from consentmgr.exports.delivery_links import url_of
from consentmgr.exports.destinations import opened
from consentmgr.exports.destinations.destination import Here
from consentmgr.exports.destinations.mail_link import acknowledging
from consentmgr.exports.encryption import encrypted
from consentmgr.exports.formats import BY_NAME
from consentmgr.exports.formats.format import About
from consentmgr.exports.formats.hashed_lists import keyed_digest
from consentmgr.exports.manifest import WrittenFile, signed_manifest, written_file
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.stored_set import portions, store
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.kit.sealing import unsealed
from consentmgr.prohibitions import journal
from consentmgr.prohibitions.models import Restoration
from consentmgr.screening.partners import note_held, note_waiting

#: A run whose heartbeat is older is taken for abandoned.
LEASE = timedelta(seconds=90)
#: Sequences left out after a restore. Those between were used by runs that the backup does not know; a run a second
#: for a day is fewer.
LEAP = 100_000
#: The name of the partner's own key among a schedule's secrets.
DIGEST_KEY = "digest_key"
#: Kinds of destination in which a partner's answer is looked for.
READ_BACK = ("folder", "sftp", "s3")

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


def delta_base(session: Session, schedule: str) -> int | None:
    """The sequence a delta may begin from: the newest acknowledged, of those made since the register was restored.

    A partner may hold a later sequence of the register that was lost, so nothing before a restore is built upon.
    """
    restored_at = _restored_at(session)
    return session.scalar(
        select(func.max(ExportRun.sequence)).where(
            ExportRun.schedule == schedule,
            ExportRun.acknowledged_at.is_not(None),
            true() if restored_at is None else ExportRun.started_at > restored_at,
        )
    )


def _restored_at(session: Session) -> datetime | None:
    return session.scalar(select(func.max(Restoration.restored_at)))


def _next_sequence(session: Session, schedule: str) -> int:
    newest = session.execute(
        select(ExportRun.sequence, ExportRun.started_at)
        .where(ExportRun.schedule == schedule)
        .order_by(ExportRun.sequence.desc())
        .limit(1)
    ).one_or_none()
    restored_at = _restored_at(session)
    if restored_at is not None and (newest is None or newest.started_at <= restored_at):
        return (newest.sequence if newest is not None else 0) + LEAP
    return (newest.sequence if newest is not None else 0) + 1


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
    restored_at = _restored_at(session)
    if open_run is not None and restored_at is not None and open_run.started_at <= restored_at:
        # It may have been published before the register was lost; another set under its number would be a lie.
        open_run.state, open_run.error = "failed", "the register was restored from a backup"
        open_run = None
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
    base = None if full or schedule.mode == "full" else delta_base(session, key)
    run = ExportRun(
        schedule=key,
        sequence=_next_sequence(session, key),
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
    note_waiting(session, key, run.sequence, now)
    return run


def run_schedule(
    database: Database,
    settings: Settings,
    keys: Keys,
    key: str,
    *,
    slot: datetime | None = None,
    full: bool = False,
    anew: bool = False,
    actor: str,
    claimed_by: str,
    now: datetime,
    tell: Tell = lambda _step: None,
) -> Published | None:
    """Do one run from claim to manifest; None where somebody else has it or the slot is done.

    ``full``: the whole list is sent, also where the schedule sends deltas. ``anew``: the register is asked about
    everybody, whatever the stored set says.

    Raises ``NotDelivered`` where the destination does not take it: the run stays open and goes on next time.
    """
    with database.transaction() as session:
        run = claim(session, key, slot=slot, full=full, claimed_by=claimed_by, now=now)
        if run is None:
            return None
        if anew:
            build_on_nothing(session, key)
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
        token, document = signed_manifest(
            schedule, run, files, keys.signing_key, acknowledge=_how_to_acknowledge(settings, schedule, run)
        )
        manifest = folder / f"{stem_of(run)}.manifest.json"
        manifest.write_bytes(document)
        tell("deliver")
        _beat(database, run_id, fence)
        here = Here(database, settings, keys, run_id, clock_now())
        destination = opened(schedule.destination, secrets, settings.private_destinations, here)
        try:
            for file in files:
                destination.put(file.name, file.path)
            destination.put(manifest.name, manifest)
        finally:
            destination.close()
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
    """Store the set, once: a run that has its set keeps it. It is told from what changed, where that is known."""
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
        asked = Asked(local_date(now), asked_by(session, schedule, keys.address_key_id), now)
        # Of a full list too: what is sent and what is asked are two things.
        whole_at = ask_again(session, schedule, asked)
        of_asked = whole_at is not None
        gather(session, schedule, keys=AddressKeys(keys.address_key, keys.address_key_id), now=now, of_asked=of_asked)
        counts = store(connection, schedule.key, run.sequence, of_asked=of_asked)
        if schedule.format == "keyed":
            _keep_digests(session, schedule, run.sequence, keys)
        run.state = "prepared"
        run.heartbeat_at = clock_now()
        run.asked_on, run.asked_by, run.whole_at = asked.day, asked.by, whole_at or now
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


def stem_of(run: ExportRun) -> str:
    """What the names of all files of a run begin with."""
    return f"{run.schedule}-{run.sequence:06d}{'-delta' if run.mode == 'delta' else ''}"


def _how_to_acknowledge(settings: Settings, schedule: ExportSchedule, run: ExportRun) -> dict[str, str]:
    """What the manifest says of it: a link, and the name of the file to put beside the manifest where that is read."""
    told = {"url": url_of(settings, acknowledging(run))}
    if schedule.destination["kind"] in READ_BACK:
        told["file"] = f"{stem_of(run)}.ack.json"
    return told


@contextmanager
def _spool(settings: Settings, run_id: int, fence: int) -> Iterator[Path]:
    """A folder for the files until they are delivered; they hold addresses, so it is closed to others and emptied."""
    base = settings.data_folder / "exports"
    make_private_folder(base)
    folder = base / f"{run_id}-{fence}"
    # Also what those who had the run before left here when they were killed.
    for left in base.glob(f"{run_id}-*"):
        shutil.rmtree(left, ignore_errors=True)
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
        path = folder / f"{stem_of(run)}{suffix}{form.ending}"
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
            portions(driver_connection(session), schedule.key, run.sequence, run.base_sequence, people=form.people),
            about,
            open_file,
        )
    finally:
        for _, file in opened_files.values():
            file.close()
    paths = [(path, rows[suffix]) for suffix, (path, _) in opened_files.items()]
    if schedule.encrypt_to is not None:
        paths = [(encrypted(path, schedule.encrypt_to, now), count) for path, count in paths]
    return [written_file(path, count) for path, count in paths]


def _beat(database: Database, run_id: int, fence: int) -> None:
    """Say that the run is alive, and find out whether it is still ours."""
    with database.transaction() as session:
        done = session.execute(
            update(ExportRun).where(ExportRun.id == run_id, ExportRun.fence == fence).values(heartbeat_at=clock_now())
        )
        if not cast("int", done.rowcount):  # type: ignore[attr-defined]
            raise Superseded("another process has taken over this run")


def acknowledge(session: Session, key: str, sequence: int, *, by: str, actor: str, now: datetime) -> None:
    """Note that the partner holds a sequence; deltas are from there on. Raises ``NotFound`` or ``BadInput``."""
    run = run_of(session, key, sequence)
    if run.state != "published":
        raise BadInput(f"sequence {sequence} has not been published", field="sequence")
    if run.acknowledged_at is None:
        run.acknowledged_at, run.acknowledged_by = now, by
        session.flush()
        note_held(session, key, next_sent=oldest_waiting(session, key))
        record(
            session, at=now, actor=actor, action="acknowledged", object=f"export:{key}", detail={"sequence": sequence}
        )


def oldest_waiting(session: Session, schedule: str) -> tuple[int, datetime] | None:
    """The first sequence after the newest acknowledged one, and when it left or was begun."""
    row = session.execute(
        select(ExportRun.sequence, func.coalesce(ExportRun.published_at, ExportRun.started_at))
        .where(
            ExportRun.schedule == schedule,
            ExportRun.state != "failed",
            ExportRun.sequence > (last_acknowledged(session, schedule) or 0),
        )
        .order_by(ExportRun.sequence)
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def host_and_process() -> str:
    """Who claims runs here."""
    import socket
    import threading

    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
