"""What the desk asks of exports: where each schedule stands, changes to one, and work put in the queue.

Reads are set-based: as many questions for any number of schedules and runs. Long work (a run, a preview, a try of the
connection) is a task (``timetable.tasks``) that ``desk_tasks`` does in a process of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.exports.destinations import BY_SCHEME, checked
from consentmgr.exports.encryption import check_recipient
from consentmgr.exports.manifest import document_of
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import LEASE, delta_base, run_of, schedule_of
from consentmgr.exports.schedules import NewSchedule, check_timetable, create, keep_reliance
from consentmgr.kit.errors import BadInput, CheckFailed, NotFound
from consentmgr.kit.sealing import sealed, unsealed
from consentmgr.kit.signing import SigningKey, public_jwk, verify_jws
from consentmgr.register.models import ContactPoint
from consentmgr.staff import approvals
from consentmgr.timetable.models import Task
from consentmgr.timetable.slots import next_slot
from consentmgr.timetable.tasks import TaskView, enqueue, task_of

#: Kinds of long work, rows of ``scheduler.TASKS``.
RUN, PREVIEW, TRY = "run-export", "preview-export", "try-export"
KINDS: Final = (RUN, PREVIEW, TRY)
#: Runs of one page.
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """Where a schedule stands. ``waiting_since``: since when the partner owes an acknowledgement of ``waiting_for``."""

    key: str
    partner: str
    controller: str
    controller_name: str
    content: str
    channel: str
    purpose: str
    format: str
    mode: str
    cron: str | None
    next_slot: datetime | None
    paused_at: datetime | None
    most_lag_hours: int | None
    published: int | None
    published_at: datetime | None
    acknowledged: int | None
    acknowledged_at: datetime | None
    waiting_for: int | None
    waiting_since: datetime | None
    #: What was in the way of the run that is open, and whether somebody is at it now.
    error: str | None
    running: bool
    lags: bool


_SCHEDULES: Final = """
SELECT s.key, s.partner, s.controller, c.name AS controller_name, s.content, s.channel, s.purpose, s.format, s.mode,
  s.cron, s.time_zone, s.paused_at, s.most_lag_hours, p.sequence AS published, p.published_at,
  a.sequence AS acknowledged, a.acknowledged_at, w.sequence AS waiting_for, w.published_at AS waiting_since, o.error,
  o.heartbeat_at
FROM export_schedule s
JOIN controller c ON c.key = s.controller
LEFT JOIN LATERAL (SELECT sequence, published_at FROM export_run r WHERE r.schedule = s.key AND r.state = 'published'
  ORDER BY sequence DESC LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT sequence, acknowledged_at FROM export_run r WHERE r.schedule = s.key
  AND r.acknowledged_at IS NOT NULL ORDER BY sequence DESC LIMIT 1) a ON true
LEFT JOIN LATERAL (SELECT sequence, published_at FROM export_run r WHERE r.schedule = s.key AND r.state = 'published'
  AND r.acknowledged_at IS NULL AND r.sequence > coalesce(a.sequence, 0) ORDER BY sequence LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT error, heartbeat_at FROM export_run r WHERE r.schedule = s.key
  AND r.state IN ('claimed', 'prepared') ORDER BY sequence LIMIT 1) o ON true
WHERE (:every OR s.controller = ANY(:controllers)) AND (CAST(:key AS text) IS NULL OR s.key = :key)
ORDER BY s.partner, s.key
"""


def schedules(
    session: Session, *, controllers: Collection[str] | None, now: datetime, key: str | None = None
) -> list[ScheduleRow]:
    """Every schedule of these controllers (None: of all) and where it stands, in one question."""
    rows = session.execute(
        text(_SCHEDULES), {"every": controllers is None, "controllers": sorted(controllers or ()), "key": key}
    )
    return [_row(row, now) for row in rows]


def _row(row: Any, now: datetime) -> ScheduleRow:
    lag = timedelta(hours=row.most_lag_hours) if row.most_lag_hours is not None else None
    return ScheduleRow(
        key=row.key,
        partner=row.partner,
        controller=row.controller,
        controller_name=row.controller_name,
        content=row.content,
        channel=row.channel,
        purpose=row.purpose,
        format=row.format,
        mode=row.mode,
        cron=row.cron,
        next_slot=next_slot(row.cron, now, zone=ZoneInfo(row.time_zone)) if row.cron and not row.paused_at else None,
        paused_at=row.paused_at,
        most_lag_hours=row.most_lag_hours,
        published=row.published,
        published_at=row.published_at,
        acknowledged=row.acknowledged,
        acknowledged_at=row.acknowledged_at,
        waiting_for=row.waiting_for,
        waiting_since=row.waiting_since,
        error=row.error,
        running=row.heartbeat_at is not None and row.heartbeat_at > now - LEASE,
        lags=lag is not None and row.waiting_since is not None and row.waiting_since + lag < now,
    )


def schedule_row(session: Session, key: str, *, now: datetime) -> ScheduleRow:
    """One schedule and where it stands. Raises ``NotFound``."""
    found = schedules(session, controllers=None, now=now, key=key)
    if not found:
        raise NotFound(f"there is no export schedule {key}")
    return found[0]


# --- secrets, which are kept and never shown --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """That a secret is kept, and since when where the audit log knows; never the secret."""

    name: str
    since: datetime | None


def kept_secrets(session: Session, schedule: ExportSchedule, *, address_key: bytes) -> dict[str, KeptSecret]:
    """The secrets a schedule has, by name."""
    names = unsealed(schedule.secrets, address_key)
    if not names:
        return {}
    given = {
        row.name: row.at
        for row in session.execute(
            text(
                "SELECT name.value AS name, max(a.at) AS at FROM audit_event a CROSS JOIN LATERAL"
                " jsonb_array_elements_text(a.detail -> 'secrets') AS name (value)"
                " WHERE a.object = :object AND a.action = 'export schedule changed'"
                " AND jsonb_typeof(a.detail -> 'secrets') = 'array' GROUP BY 1"
            ),
            {"object": f"export:{schedule.key}"},
        )
    }
    return {name: KeptSecret(name, given.get(name, schedule.created_at)) for name in sorted(names)}


# --- making and changing ----------------------------------------------------------------------------------------------


def make(
    session: Session, new: NewSchedule, *, paused: bool, address_key: bytes, actor: str, now: datetime
) -> ExportSchedule:
    """Store a schedule, paused where asked; flushes. Raises ``BadInput``."""
    schedule = create(session, new, address_key=address_key, actor=actor, now=now)
    if paused:
        schedule.paused_at = now
    session.flush()
    return schedule


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Change:
    """What may be changed of a schedule: who gets it, where to and when. What it sends stays what it was, because
    the partner's list is made of it, sequence by sequence; another content is another schedule.

    ``secrets`` replace those of the same name; the others are kept.
    """

    partner: str
    destination: str | None
    secrets: Mapping[str, str]
    encrypt_to: str | None
    cron: str | None
    time_zone: str
    catch_up: str
    skip_older_hours: int | None
    most_lag_hours: int | None
    lag_ends_certificates: bool


def change(session: Session, key: str, new: Change, *, address_key: bytes, actor: str, now: datetime) -> ExportSchedule:
    """Change a schedule; flushes. Raises ``BadInput`` naming the option that is wrong, and ``NotFound``."""
    schedule = schedule_of(session, key)
    check_timetable(_asked(schedule, new))
    if new.encrypt_to is not None:
        check_recipient(new.encrypt_to, now)
    if new.lag_ends_certificates and (new.most_lag_hours is None or schedule.content != "suppressed"):
        raise BadInput("is for lists of suppressed people with hours of lag", field="--lag-ends-certificates")
    if not new.partner.strip():
        raise BadInput("who gets it is missing", field="--partner")
    secrets = unsealed(schedule.secrets, address_key)
    if new.destination is not None:
        destination = checked(new.destination)
        if destination["kind"] != schedule.destination["kind"]:
            # What was kept for another way in is of no use any more.
            secrets = {name: value for name, value in secrets.items() if name not in _secrets_of(schedule)}
        elif destination != schedule.destination and not new.secrets:
            _refuse_lent_secrets(schedule, destination, secrets)
        schedule.destination = destination
    schedule.secrets = sealed({**secrets, **new.secrets}, address_key)
    schedule.partner = new.partner.strip()
    schedule.encrypt_to = new.encrypt_to
    schedule.cron, schedule.time_zone, schedule.catch_up = new.cron, new.time_zone, new.catch_up
    schedule.skip_older_hours = new.skip_older_hours
    relied = (new.most_lag_hours, new.lag_ends_certificates)
    if relied != (schedule.most_lag_hours, schedule.lag_ends_certificates):
        schedule.most_lag_hours, schedule.lag_ends_certificates = relied
        keep_reliance(session, schedule)
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        action="export schedule changed",
        object=f"export:{key}",
        detail={"destination": schedule.destination["kind"], "cron": schedule.cron, "secrets": sorted(new.secrets)},
    )
    return schedule


def _asked(schedule: ExportSchedule, new: Change) -> NewSchedule:
    return NewSchedule(
        key=schedule.key,
        partner=new.partner,
        controller=schedule.controller,
        content=schedule.content,  # type: ignore[arg-type]
        channel=schedule.channel,
        purpose=schedule.purpose,
        topic=schedule.topic,
        campaign=None,
        format=schedule.format,
        delta=schedule.mode == "delta",
        destination=new.destination or "",
        cron=new.cron,
        time_zone=new.time_zone,
    )


def _secrets_of(schedule: ExportSchedule) -> tuple[str, ...]:
    kind = BY_SCHEME.get(str(schedule.destination["kind"]))
    return kind.secrets if kind is not None else ()


def _refuse_lent_secrets(schedule: ExportSchedule, destination: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Secrets that were given for one machine do not go to another one: whoever changes the address gives them anew."""
    machine = ("host", "port", "user", "endpoint", "bucket", "url")
    moved = any(destination.get(name) != schedule.destination.get(name) for name in machine)
    if moved and any(name in secrets for name in _secrets_of(schedule)):
        raise BadInput("the files go somewhere else now: give its secrets again", field="--secret-file")


def set_paused(session: Session, key: str, *, paused: bool, actor: str, now: datetime) -> None:
    """Stop or go on running a schedule by the clock; flushes. Doing it again changes nothing. Raises ``NotFound``."""
    schedule = schedule_of(session, key)
    if (schedule.paused_at is not None) == paused:
        return
    schedule.paused_at = now if paused else None
    action = "export schedule paused" if paused else "export schedule resumed"
    record(session, at=now, actor=actor, action=action, object=f"export:{key}")
    session.flush()


def needs_two(session: Session, key: str, *, full: bool) -> bool:
    """Whether a run now would send everybody who may be contacted: the one export that two people decide."""
    schedule = schedule_of(session, key)
    if schedule.content != "allowed":
        return False
    return full or schedule.mode == "full" or delta_base(session, key) is None


def ask_second(
    session: Session, schedule: ExportSchedule, *, what: str, full: bool, reason: str, actor: str, now: datetime
) -> UUID:
    """Put to a second person that a schedule of people who may be written to runs (``run``) or goes on (``resume``);
    the id of what waits. Raises ``BadInput`` without a reason.
    """
    return approvals.ask(
        session,
        kind="export.allowed",
        object=f"export:{schedule.key}",
        detail={"schedule": schedule.key, "what": what, "full": full},
        reason=reason,
        actor=actor,
        now=now,
        controllers=[schedule.controller],
    )


# --- work in the queue ------------------------------------------------------------------------------------------------


def ask_for(
    session: Session, kind: str, key: str, *, full: bool = False, language: str = "en", actor: str, now: datetime
) -> UUID:
    """Put a run, a preview or a try of the connection in the queue; the id of the task. Raises ``NotFound``."""
    schedule = schedule_of(session, key)
    subject = {"schedule": key, "full": full, "language": language}
    return enqueue(session, kind=kind, subject=subject, actor=actor, now=now, controller=schedule.controller)


def tasks_of(session: Session, key: str, *, limit: int = 5) -> list[TaskView]:
    """The newest work of a schedule that was asked for at the desk, of each kind."""
    ids = session.scalars(
        select(Task.id)
        .where(Task.kind.in_(KINDS), Task.subject["schedule"].astext == key)
        .order_by(Task.created_at.desc())
        .limit(limit)
    ).all()
    return [task for task_id in ids if (task := task_of(session, task_id)) is not None]


# --- runs -------------------------------------------------------------------------------------------------------------


def runs(session: Session, key: str, *, before: int | None = None, limit: int = PAGE) -> Sequence[ExportRun]:
    """Runs of a schedule, newest first, below sequence ``before``."""
    wanted = select(ExportRun).where(ExportRun.schedule == key).order_by(ExportRun.sequence.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(ExportRun.sequence < before)
    return session.scalars(wanted).all()


@dataclass(frozen=True, slots=True)
class ShownManifest:
    """A run's manifest as it was signed; ``holds``: its signature is that of this installation's key."""

    claims: Mapping[str, Any]
    token: str
    holds: bool


def manifest_of(session: Session, key: str, sequence: int, *, signing_key: SigningKey) -> ShownManifest | None:
    """The manifest of a run, checked now; None where it has not been published. Raises ``NotFound``."""
    run = run_of(session, key, sequence)
    if run.manifest is None:
        return None
    try:
        return ShownManifest(verify_jws(run.manifest, public_jwk(signing_key)), run.manifest, holds=True)
    except CheckFailed:
        return ShownManifest({}, run.manifest, holds=False)


def manifest_document(session: Session, key: str, sequence: int, *, signing_key: SigningKey) -> bytes:
    """The manifest's file as the partner has it, to the byte. Raises ``NotFound`` where none was published."""
    found = manifest_of(session, key, sequence, signing_key=signing_key)
    if found is None or not found.holds:
        raise NotFound("there is no such manifest")
    return document_of(found.claims, found.token)


# --- the first rows of a preview --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One address of a preview: masked, with the reason it is in the list for."""

    kind: str
    address: str | None
    reason: str


def sample_rows(session: Session, sample: Sequence[Mapping[str, Any]]) -> list[SampleRow]:
    """The first rows of a preview as a page may show them; ``sample`` is a task's (keys, no addresses)."""
    from consentmgr.preferences.leave_state import masked_address

    keys = [UUID(str(row["key"])) for row in sample]
    found = session.execute(
        select(ContactPoint.address_key, ContactPoint.kind, ContactPoint.value, ContactPoint.postal)
        .where(ContactPoint.address_key.in_(keys))
        .order_by(ContactPoint.id.desc())
    ).all()
    known = {row.address_key: masked_address(row.kind, row.value, row.postal) for row in found}
    return [
        SampleRow(str(row["kind"]), known.get(key), str(row["reason"])) for key, row in zip(keys, sample, strict=True)
    ]


# --- what a second person agreed to -----------------------------------------------------------------------------------


def approved(session: Session, detail: Mapping[str, Any], *, actor: str, now: datetime) -> dict[str, Any]:
    """Do what two people agreed to (``staff.approvals``): let a schedule go on, or put its run in the queue."""
    key = str(detail["schedule"])
    if detail.get("what") == "resume":
        set_paused(session, key, paused=False, actor=actor, now=now)
        return {"resumed": key}
    task = ask_for(session, RUN, key, full=bool(detail.get("full")), actor=actor, now=now)
    return {"task": str(task)}
