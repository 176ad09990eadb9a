"""How often a client did something, counted where every process sees it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.db import Base


class ClientCount(Base):
    """Requests of one client to one door within one window. ``client`` is a keyed digest, never an address."""

    __tablename__ = "client_count"
    door: Mapped[str] = mapped_column(Text, primary_key=True)
    client: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    window: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    __table_args__ = (Index("ix_client_count_window", "window"),)
