"""The audit log: who did what to the product itself (settings, rebuilds, exports). Acts of people are in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from consentmgr.audit.models import AuditEvent


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
    added = insert(AuditEvent).values(at=at, actor=actor, action=action, object=object, detail=dict(detail or {}))
    event_id: int = session.execute(added.returning(AuditEvent.id)).scalar_one()
    return event_id
