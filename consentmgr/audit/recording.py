"""Adding an event to the audit log in plain SQL, for who has no session; ``service.record`` is the same for a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def record_plainly(
    connection: psycopg.Connection[Any],
    *,
    at: datetime,
    actor: str,
    action: str,
    object: str,  # noqa: A002 - the word of the table
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Add an event in the connection's transaction; arguments and answer as ``service.record`` has them."""
    added = connection.execute(
        "INSERT INTO audit_event (at, actor, action, object, detail) VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [at, actor, action, object, json.dumps(dict(detail or {}))],
    )
    row = added.fetchone()
    assert row is not None
    return int(row[0])
