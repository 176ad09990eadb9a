"""How often a client did something, counted where every process sees it; answers of the API that are given again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class ClientCount(Base):
    """Requests of one client to one door within one window. ``client`` is a keyed digest, never an address."""

    __tablename__ = "client_count"
    door: Mapped[str] = mapped_column(Text, primary_key=True)
    client: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    window: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    __table_args__ = (Index("ix_client_count_window", "window"),)


class ApiAllowance(Base):
    """Requests a caller of the API was allowed within a window, as processes took them, a portion at a time."""

    __tablename__ = "api_allowance"
    #: ``key:12``, as ``staff.api_access`` names it.
    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    window: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    taken: Mapped[int] = mapped_column(Integer)


class ApiAnswer(Base):
    """An answer of the API that is given again to whoever asks the same with the same key (``edge.idempotency``).

    ``key`` is the SHA-256 of caller and idempotency key, ``request`` that of method, path and body; ``answer`` is
    encrypted, under a key that no row and no file holds.
    """

    __tablename__ = "api_answer"
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    request: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (Index("ix_api_answer_answered_at", "answered_at"),)
