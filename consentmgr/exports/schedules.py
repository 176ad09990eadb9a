"""Schedules of exports: made, listed, paused. What is asked for is checked before it is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cronsim import CronSim, CronSimError
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.exports.content import kinds_of
from consentmgr.exports.destinations import checked
from consentmgr.exports.encryption import check_recipient
from consentmgr.exports.formats import BY_NAME, FORMATS
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import DIGEST_KEY, last_acknowledged, oldest_waiting
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.kit.sealing import sealed
from consentmgr.register.models import Controller, Topic
from consentmgr.screening.partners import rely_no_more, rely_on
from consentmgr.screening.service import default_controller
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.documents import Campaign

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
#: Shorter keys of digests could be guessed.
_LEAST_DIGEST_KEY = 32


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class NewSchedule:
    """What somebody asks for, as they said it."""

    key: str
    partner: str
    controller: str | None
    content: Literal["suppressed", "allowed"]
    channel: str
    purpose: str
    topic: str | None
    campaign: Campaign | None
    format: str
    delta: bool
    destination: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    encrypt_to: str | None = None
    cron: str | None = None
    time_zone: str = "Europe/Helsinki"
    catch_up: Literal["latest", "all"] = "latest"
    skip_older_hours: int | None = None
    most_lag_hours: int | None = None
    lag_ends_certificates: bool = False


def create(session: Session, new: NewSchedule, *, address_key: bytes, actor: str, now: datetime) -> ExportSchedule:
    """Store a schedule; flushes. Raises ``BadInput`` naming the option that is wrong."""
    controller = new.controller or default_controller(session)
    _check(session, new, controller, now)
    assert controller is not None
    schedule = ExportSchedule(
        key=new.key,
        partner=new.partner.strip(),
        controller=controller,
        content=new.content,
        channel=new.channel,
        purpose=new.purpose,
        topic=new.topic,
        campaign=_campaign(new, controller),
        format=new.format,
        mode="delta" if new.delta else "full",
        destination=checked(new.destination),
        secrets=sealed(new.secrets, address_key),
        encrypt_to=new.encrypt_to,
        cron=new.cron,
        time_zone=new.time_zone,
        catch_up=new.catch_up,
        skip_older_hours=new.skip_older_hours,
        most_lag_hours=new.most_lag_hours,
        lag_ends_certificates=new.lag_ends_certificates,
        created_at=now,
    )
    session.add(schedule)
    session.flush()
    keep_reliance(session, schedule)
    record(
        session,
        at=now,
        actor=actor,
        action="export schedule created",
        object=f"export:{new.key}",
        detail={"partner": schedule.partner, "format": new.format, "destination": schedule.destination["kind"]},
    )
    return schedule


def keep_reliance(session: Session, schedule: ExportSchedule) -> None:
    """Tell screening whether certificates rely on this schedule's partner; to be called when one is made or changed.

    Where they do, the partner owes the oldest sequence it has not acknowledged, or, holding nothing, all of it since
    the schedule was made.
    """
    if not schedule.lag_ends_certificates or schedule.most_lag_hours is None:
        rely_no_more(session, schedule.key)
        return
    waiting: tuple[int | None, datetime] | None = oldest_waiting(session, schedule.key)
    if waiting is None and last_acknowledged(session, schedule.key) is None:
        waiting = (None, schedule.created_at)
    rely_on(
        session,
        schedule=schedule.key,
        partner=schedule.partner,
        controller=schedule.controller,
        channel=schedule.channel,
        purpose=schedule.purpose,
        topic=schedule.topic,
        most_lag_hours=schedule.most_lag_hours,
        waiting=waiting,
    )


def all_schedules(session: Session) -> list[ExportSchedule]:
    return list(session.scalars(select(ExportSchedule).order_by(ExportSchedule.key)))


def _campaign(new: NewSchedule, controller: str) -> dict[str, Any] | None:
    if new.campaign is None:
        return None
    document: dict[str, Any] = msgspec.to_builtins(new.campaign)
    return {**document, "controller": new.campaign.controller or controller, "type": "campaign"}


def _check(session: Session, new: NewSchedule, controller: str | None, now: datetime) -> None:
    if not _KEY.fullmatch(new.key):
        raise BadInput("a key is of small letters, digits, - and _, and begins with a letter or digit", field="KEY")
    if session.get(ExportSchedule, new.key) is not None:
        raise BadInput(f"there is a schedule {new.key} already", field="KEY")
    if not new.partner.strip():
        raise BadInput("who gets it is missing", field="--partner")
    if controller is None or session.get(Controller, controller) is None:
        raise BadInput(f"the register knows no controller “{controller or ''}”", field="--controller")
    if new.channel not in CHANNELS:
        raise BadInput(f"must be one of {', '.join(CHANNELS)}", field="--channel")
    if new.purpose not in PURPOSES:
        raise BadInput(f"must be one of {', '.join(PURPOSES)}", field="--purpose")
    if new.topic is not None and session.get(Topic, new.topic) is None:
        raise BadInput(f"the register knows no topic “{new.topic}”", field="--topic")
    _check_format(new)
    check_timetable(new)
    if new.encrypt_to is not None:
        check_recipient(new.encrypt_to, now)
    if new.lag_ends_certificates and (new.most_lag_hours is None or new.content != "suppressed"):
        raise BadInput(
            "is for lists of suppressed people with --most-lag, which says when a partner lags",
            field="--lag-ends-certificates",
        )


def _check_format(new: NewSchedule) -> None:
    form = BY_NAME.get(new.format)
    if form is None:
        raise BadInput(f"must be one of {', '.join(row.name for row in FORMATS)}", field="--format")
    if new.content not in form.contents:
        raise BadInput(f"the format {form.name} is not for {new.content} people", field="--format")
    if not set(kinds_of(new.channel)) & set(form.kinds):
        raise BadInput(f"the format {form.name} does not take addresses of the channel {new.channel}", field="--format")
    if form.needs_secret and len(new.secrets.get(DIGEST_KEY, "")) < _LEAST_DIGEST_KEY:
        raise BadInput(
            f"the format {form.name} needs a key of at least {_LEAST_DIGEST_KEY} characters agreed with the partner",
            field="--digest-key-file",
        )


def check_timetable(new: NewSchedule) -> None:
    try:
        zone = ZoneInfo(new.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInput(f"“{new.time_zone}” is no time zone, as Europe/Helsinki is", field="--time-zone") from None
    if new.cron is not None:
        try:
            next(CronSim(new.cron, clock.now().astimezone(zone)))
        except (CronSimError, StopIteration):
            raise BadInput("is no cron expression, as “0 3 * * *” is for three every night", field="--cron") from None
