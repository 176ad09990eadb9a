"""The audit log: who did what to the product itself (settings, rebuilds, exports). Acts of people are in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from consentmgr.audit.models import AuditEvent
from consentmgr.audit.recording import record_plainly
from consentmgr.db import written_connection
from consentmgr.kit.clock import HELSINKI


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    object: str,  # noqa: A002 - the word of the table
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Add an event in the session's transaction; its id.

    ``object`` is a kind and an id (``policy:sole_trader``), ``detail`` a JSON object; neither holds personal data.
    The table takes no change afterwards (``consents.append_only``).
    """
    connection = written_connection(session)
    return record_plainly(connection, at=at, actor=actor, action=action, object=object, detail=detail)


#: The action of a reading of personal data.
READ: Final = "read"


def read(
    session: Session,
    *,
    at: datetime,
    actor: str,
    object: str,  # noqa: A002 - the word of the table
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Add that ``actor`` read personal data; the event's id. For every page and file that shows one person's data, or
    many people's: ``object`` names the contact or the file by id, ``detail`` how much was shown, and neither who.
    """
    return record(session, at=at, actor=actor, action=READ, object=object, detail=detail)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: what is None is not asked about. ``action`` and ``object`` match from their beginning, so that
    ``account`` finds all of accounts; days are Finnish ones and both belong to the span.
    """

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    since: date | None = None
    until: date | None = None


def trail(
    session: Session, wanted: Wanted, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> list[AuditEvent]:
    """Events, newest first: the ``limit`` that come before an id, or right after one, or the newest of all."""
    question = _asked(wanted)
    if after is not None:
        rows = session.scalars(question.where(AuditEvent.id > after).order_by(AuditEvent.id).limit(limit)).all()
        return list(reversed(rows))
    if before is not None:
        question = question.where(AuditEvent.id < before)
    return list(session.scalars(question.order_by(AuditEvent.id.desc()).limit(limit)))


def every(session: Session, wanted: Wanted, *, at_once: int = 1_000) -> Iterator[AuditEvent]:
    """Every event of a trail, newest first, a batch at a time."""
    question = _asked(wanted).order_by(AuditEvent.id.desc()).execution_options(yield_per=at_once)
    yield from session.scalars(question)


def actions(session: Session) -> list[str]:
    """The actions there are, each found by one step along their index: they are few, events many."""
    return list(
        session.scalars(
            text(
                "WITH RECURSIVE step AS ("
                " (SELECT action FROM audit_event ORDER BY action LIMIT 1)"
                " UNION ALL SELECT (SELECT e.action FROM audit_event e WHERE e.action > step.action"
                " ORDER BY e.action LIMIT 1) FROM step WHERE step.action IS NOT NULL"
                ") SELECT action FROM step WHERE action IS NOT NULL"
            )
        )
    )


def _asked(wanted: Wanted) -> Select[AuditEvent]:
    question = select(AuditEvent)
    if wanted.actor is not None:
        question = question.where(AuditEvent.actor == wanted.actor)
    if wanted.action is not None:
        question = question.where(AuditEvent.action.startswith(wanted.action, autoescape=True))
    if wanted.object is not None:
        question = question.where(AuditEvent.object.startswith(wanted.object, autoescape=True))
    if wanted.since is not None:
        question = question.where(AuditEvent.at >= datetime.combine(wanted.since, time(), HELSINKI))
    if wanted.until is not None:
        question = question.where(AuditEvent.at < datetime.combine(wanted.until + timedelta(days=1), time(), HELSINKI))
    return question
