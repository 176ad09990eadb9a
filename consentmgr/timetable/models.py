"""Which slots of which jobs have run: the row decides who runs one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.db import Base


class JobRun(Base):
    """One slot of one job. Whoever inserts the row runs it; ``finished_at`` stays null where that process died."""

    __tablename__ = "job_run"
    job: Mapped[str] = mapped_column(Text, primary_key=True)
    slot: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    outcome: Mapped[str | None] = mapped_column(Text)
