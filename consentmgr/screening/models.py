"""What has been screened: one row a run, so that a certificate can be found again by its id."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.db import Base


class Screening(Base):
    """``certificate`` is the signed statement itself (no addresses in it)."""

    __tablename__ = "screening"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    campaign: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    screened_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    valid_until: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    register_position: Mapped[str] = mapped_column(Text)
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    certificate: Mapped[str] = mapped_column(Text)
