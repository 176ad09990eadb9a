"""The record of files taken in: what lets a killed import go on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from consentmgr.register.models import ImportBatch


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """``next_line`` is the first line (from 1) that is not yet in the register; ``counts`` those of the lines before."""

    id: int
    next_line: int
    counts: Mapping[str, Any]


def unfinished_batch(session: Session, sha256: str, options: Mapping[str, Any]) -> OpenBatch | None:
    """The import of the same bytes with the same options that was begun and not finished."""
    row = session.execute(
        select(ImportBatch.id, ImportBatch.next_line, ImportBatch.counts)
        .where(
            ImportBatch.sha256 == sha256,
            ImportBatch.options == dict(options),
            ImportBatch.finished_at.is_(None),
        )
        .order_by(ImportBatch.id.desc())
        .limit(1)
    ).first()
    return OpenBatch(*row) if row is not None else None


def begin_batch(
    session: Session, *, file_name: str, sha256: str, options: Mapping[str, Any], actor: str, now: datetime
) -> OpenBatch:
    batch_id = session.scalar(
        insert(ImportBatch)
        .values(file_name=file_name, sha256=sha256, options=dict(options), actor=actor, started_at=now)
        .returning(ImportBatch.id)
    )
    assert batch_id is not None
    return OpenBatch(batch_id, 1, {})


def advance_batch(session: Session, batch_id: int, *, next_line: int, counts: Mapping[str, Any]) -> None:
    """In the transaction that takes the lines before ``next_line``: both are there, or neither."""
    session.execute(
        update(ImportBatch).where(ImportBatch.id == batch_id).values(next_line=next_line, counts=dict(counts))
    )


def finish_batch(session: Session, batch_id: int, *, now: datetime) -> None:
    session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(finished_at=now))


def is_importing(session: Session, sha256: str) -> bool:
    """Take the right to import this file for as long as the transaction; whether somebody else has it."""
    return not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"import {sha256}", 0))))
