"""Which messages of which mailbox have been read, and which events of senders taken, so that each is taken once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class ReadMessage(Base):
    """A message as the mailbox numbers it (RFC 9051 section 2.3.1.1), and what it was taken for."""

    __tablename__ = "read_message"
    mailbox: Mapped[str] = mapped_column(Text, primary_key=True)
    uid_validity: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    uid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class SenderConnection(Base):
    """A sending service whose webhooks are taken in, under a name of its own, in the name of one controller.

    ``secrets`` is encrypted, written once and never shown; ``options`` holds what is no secret. Nothing is taken of one
    that is disabled.
    """

    __tablename__ = "sender_connection"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    created_by: Mapped[str] = mapped_column(Text)
    disabled_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class SenderEvent(Base):
    """An event of a sender that was taken, by a digest of the sender's own id for it: each is taken once.

    ``act`` is what it was taken for. A row of ``token`` is a signature that was used and is good no more.
    """

    __tablename__ = "sender_event"
    connection: Mapped[str] = mapped_column(ForeignKey("sender_connection.name", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    act: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (Index("ix_sender_event_taken", "taken_at"),)
