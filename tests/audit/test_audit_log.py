"""The audit log takes events and nothing else (that it takes no change is in tests/consents/test_append_only.py)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from consentmgr.audit.service import record
from consentmgr.db import Database


def test_events_are_kept_in_order_with_who_when_and_what(database: Database) -> None:
    at = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
    with database.transaction() as session:
        first = record(session, at=at, actor="aino", action="policy.set", object="policy:sole_trader", detail={"to": 1})
        second = record(session, at=at, actor="aino", action="policy.shown", object="policy:sole_trader")
        assert first < second
    with database.connect() as connection:
        rows = connection.execute(text("SELECT id, at, actor, action, object, detail FROM audit_event")).all()
    assert [tuple(row) for row in rows] == [
        (first, at, "aino", "policy.set", "policy:sole_trader", {"to": 1}),
        (second, at, "aino", "policy.shown", "policy:sole_trader", {}),
    ]
