"""Alarms: what a person must look at, told by mail or webhook until it is mended, once a day at most.

One row a kind says what it looks for, and how it is told. What is found is kept (``Alarm``), so that a restart tells
nothing twice and the end of a trouble is known. A scheduler that is dead can raise no alarm: that is what
``/healthz/jobs`` is for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from consentmgr.config import Language, Settings
from consentmgr.db import Database
from consentmgr.edge.logs import log
from consentmgr.edge.web_requests import client, send
from consentmgr.exports.due import lagging
from consentmgr.exports.models import Alarm, ExportRun
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import NotDelivered
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.outbox import post
from consentmgr.staff import api_keys
from consentmgr.timetable.heartbeats import followed
from consentmgr.timetable.running import newest_runs

#: What is wrong with what: details of counts and codes by the name of a schedule or job.
Found = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One kind of trouble: how it is found, how it is said, and how often it is said again until it is mended."""

    name: str
    find: Callable[[Session, datetime], Found]
    says: Mapping[Language, str]
    again_after: timedelta = timedelta(days=1)


def _lagging(session: Session, now: datetime) -> Found:
    return {
        schedule.key: {"partner": schedule.partner, "sequence": run.sequence, "hours": schedule.most_lag_hours}
        for schedule, run in lagging(session, now)
    }


def _overdue(session: Session, _now: datetime) -> Found:
    return {name: {} for name in followed(session.connection()).overdue}


def _failed(session: Session, _now: datetime) -> Found:
    found: dict[str, Mapping[str, Any]] = {
        f"job:{name}": {"outcome": run.outcome}
        for name, run in newest_runs(session.connection()).items()
        if (run.outcome or "").startswith("failed")
    }
    runs = session.scalars(
        select(ExportRun).where(ExportRun.state.in_(("claimed", "prepared")), ExportRun.error.is_not(None))
    )
    return found | {f"export:{run.schedule}": {"sequence": run.sequence, "outcome": run.error} for run in runs}


def _webhooks(session: Session, now: datetime) -> Found:
    # A place and not an import: the room is beside this one.
    found: Found = import_module("consentmgr.changes.webhooks").given_up(session, now)
    return found


def _ending_keys(session: Session, now: datetime) -> Found:
    """Keys of the API that somebody must change before their systems are refused."""
    return api_keys.ending(session, now)


ALARMS: tuple[AlarmKind, ...] = (
    AlarmKind(
        "partner_lag",
        _lagging,
        {
            "fi": "{partner} ei ole {hours} tunnissa kuitannut, että aikataulun {subject} ajo {sequence} on käytössä.",
            "sv": "{partner} har inte inom {hours} timmar kvitterat att körning {sequence} enligt tidtabellen {subject}"
            " är i bruk.",
            "en": "{partner} has not acknowledged sequence {sequence} of the schedule {subject} within {hours} hours.",
        },
    ),
    AlarmKind(
        "overdue_slot",
        _overdue,
        {
            "fi": "Ajastettu työ on myöhässä: {subject}.",
            "sv": "Ett schemalagt arbete är försenat: {subject}.",
            "en": "Timed work is overdue: {subject}.",
        },
    ),
    AlarmKind(
        "failed_run",
        _failed,
        {
            "fi": "Ajastettu työ epäonnistui: {subject} ({outcome}).",
            "sv": "Ett schemalagt arbete misslyckades: {subject} ({outcome}).",
            "en": "Timed work failed: {subject} ({outcome}).",
        },
    ),
    AlarmKind(
        "webhook_given_up",
        _webhooks,
        {
            "fi": "Muutoksia ei enää lähetetä vastaanottajalle {host} ({subject}), koska se ei ottanut niitä vastaan.",
            "sv": "Ändringar skickas inte längre till {host} ({subject}), eftersom mottagaren inte tog emot dem.",
            "en": "Changes are no longer sent to {host} ({subject}), because it did not take them.",
        },
    ),
    AlarmKind(
        "key_ends",
        _ending_keys,
        {
            "fi": "Rajapinnan avain {name} päättyy {day}.",
            "sv": "API-nyckeln {name} upphör den {day}.",
            "en": "The API key {name} ends on {day}.",
        },
        again_after=timedelta(days=7),
    ),
)
BY_NAME = {kind.name: kind for kind in ALARMS}


@dataclass(slots=True)
class Watched:
    """What one look came to."""

    standing: int = 0
    told: str = ""


def watch(database: Database, settings: Settings, keys: Keys, now: datetime) -> Watched:
    """Find what is wrong, keep it, and tell of what has not been told today. Safe to repeat at any moment."""
    with database.transaction() as session:
        counts = [_note(session, kind, now) for kind in ALARMS]
        mailed = _mail(session, settings, keys, now) if settings.alarm_mail is not None else 0
    posted = _post(database, settings, now) if settings.alarm_webhook is not None else 0
    standing = sum(counts)
    told = f"{standing} alarms stand, {mailed} mailed, {posted} posted" if standing or mailed or posted else ""
    return Watched(standing, told)


def standing_alarms(session: Session) -> list[Alarm]:
    """What is wrong now, the oldest first."""
    return list(session.scalars(select(Alarm).where(Alarm.resolved_at.is_(None)).order_by(Alarm.since)))


def sentence(alarm: Alarm, language: Language) -> str:
    """An alarm in words."""
    told = {"subject": alarm.subject, "name": alarm.subject, **alarm.detail}
    if "day" in told:
        locale = "en_GB" if language == "en" else language
        told["day"] = format_date(date.fromisoformat(told["day"]), "long", locale=locale)
    return BY_NAME[alarm.kind].says[language].format(**told)


def _note(session: Session, kind: AlarmKind, now: datetime) -> int:
    """Bring the rows of a kind in line with what is found; how many stand."""
    found = kind.find(session, now)
    known = {row.subject: row for row in session.scalars(select(Alarm).where(Alarm.kind == kind.name))}
    for subject, detail in found.items():
        row = known.get(subject)
        if row is None:
            row = Alarm(kind=kind.name, subject=subject, since=now)
            session.add(row)
        elif row.resolved_at is not None:
            # The old trouble was told of; this is another.
            row.since, row.resolved_at, row.mailed_at, row.posted_at = now, None, None, None
        if row.mailed_at is None and row.posted_at is None and row.since == now:
            log().error("alarm", kind=kind.name, subject=subject)
        row.detail = dict(detail)
    for subject, row in known.items():
        if subject not in found and row.resolved_at is None:
            row.resolved_at = now
            log().info("alarm over", kind=kind.name, subject=subject)
    session.flush()
    return len(found)


def _due(kind: str, told_at: datetime | None, now: datetime) -> bool:
    return told_at is None or told_at <= now - BY_NAME[kind].again_after


# --- by mail ----------------------------------------------------------------------------------------------------------


def _mail(session: Session, settings: Settings, keys: Keys, now: datetime) -> int:
    known = AddressKeys(keys.address_key, keys.address_key_id).email(settings.alarm_mail or "")
    if known is None:
        return 0
    mailed = 0
    for row in standing_alarms(session):
        if _due(row.kind, row.mailed_at, now):
            row.mailed_at = now
            mailed += post(
                session,
                template="alarm",
                language=settings.language,
                controller="",
                address=known.canonical,
                address_key=known.address_key,
                fields={"kind": row.kind, "subject": row.subject},
                now=now,
                most=None,
            )
    session.flush()
    return mailed


def complete_alarm(session: Session, mail: QueuedMail, _settings: Settings, _now: datetime) -> Completion | None:
    """What the mail of an alarm is completed with; None where it is over by the time it could be sent."""
    row = session.get(Alarm, (str(mail.fields["kind"]), str(mail.fields["subject"])))
    if row is None or row.resolved_at is not None:
        return None
    return Completion(
        sender="consentmgr",
        values={
            "what": sentence(row, mail.language),
            "since": f"{row.since.astimezone(HELSINKI):%Y-%m-%d %H:%M}",
        },
    )


# --- by webhook -------------------------------------------------------------------------------------------------------


def _post(database: Database, settings: Settings, now: datetime) -> int:
    """Post what stands and has not been posted today, and what is over and had been posted. The row says so only when
    the receiver has taken it: one that is away is asked again in a minute, and knows a repeat by its id.
    """
    with database.reading() as session:
        rows = list(session.scalars(select(Alarm).order_by(Alarm.since)))
        session.expunge_all()
    posted = 0
    for row in rows:
        if row.resolved_at is None and _due(row.kind, row.posted_at, now):
            event = "alarm.raised"
        elif row.resolved_at is not None and row.posted_at is not None and row.posted_at < row.resolved_at:
            event = "alarm.resolved"
        else:
            continue
        try:
            _send(settings, event, row, now)
        except NotDelivered as error:
            log().warning("alarm not posted", why=str(error))
            break
        with database.transaction() as session:
            kept = session.get(Alarm, (row.kind, row.subject))
            if kept is not None:
                kept.posted_at = now
        posted += 1
    return posted


def _send(settings: Settings, event: str, row: Alarm, now: datetime) -> None:
    assert settings.alarm_webhook is not None
    data = {
        "kind": row.kind,
        "subject": row.subject,
        "since": row.since.isoformat(),
        "told": sentence(row, settings.language),
        "detail": row.detail,
    }
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    named = f"{event} {row.kind} {row.subject} {row.since.isoformat()} {row.posted_at}"
    identity = f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(settings.alarm_secret or "").sign(identity, now, body),
        "Content-Type": "application/json",
    }
    with client(settings.private_destinations) as http:
        send(http, http.build_request("POST", settings.alarm_webhook, content=body.encode(), headers=headers))
