"""Which slots of which jobs have run: the row decides who runs one. And long work that somebody asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class JobRun(Base):
    """One slot of one job. Whoever inserts the row runs it; ``finished_at`` stays null where that process died."""

    __tablename__ = "job_run"
    job: Mapped[str] = mapped_column(Text, primary_key=True)
    slot: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    outcome: Mapped[str | None] = mapped_column(Text)


class Task(Base):
    """Long work that somebody asked for, done by a process of its own. No column holds personal data.

    ``subject`` says what to do it to, in the words of its kind; ``told`` where it is, for people (codes, not
    sentences); ``result`` what came of it. ``attempt`` counts the processes that have begun it: only the newest may
    write. ``controller`` null: of no single controller.
    """

    __tablename__ = "task"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor: Mapped[str] = mapped_column(Text)
    controller: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    done: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    total: Mapped[int | None] = mapped_column(BigInteger)
    told: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    heartbeat_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        Index("ix_task_open", "created_at", postgresql_where=text("state IN ('queued', 'running')")),
        Index("ix_task_kind", "kind", "created_at"),
    )


class SchedulerHeartbeat(Base):
    """That a scheduler is alive, and what it found overdue when it last looked: names of jobs and schedules."""

    __tablename__ = "scheduler_heartbeat"
    process: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    beaten_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    overdue: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
