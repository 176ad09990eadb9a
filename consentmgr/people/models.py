"""What is attached to acts as their evidence (a scanned letter, an e-mail), and lists of people to be erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import TIMESTAMPTZ
from consentmgr.tables import Base


class Attachment(Base):
    """A private file of the file store; the act's evidence names it by ``sha256``.

    ``used_at`` is when the act it belongs to was recorded; a file whose act was only previewed has none and goes
    after a day. When the contact is erased, file and row go.
    """

    __tablename__ = "attachment"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    #: As its bringer called it; shown, and never part of a path.
    name: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    stored_by: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    #: Whether the file lies encrypted; those of the first versions do not until they are read or the clock comes by.
    sealed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    __table_args__ = (
        Index("ix_attachment_contact", "contact_id"),
        Index("ix_attachment_unused", "stored_at", postgresql_where=text("used_at is null")),
    )


class ErasureList(Base):
    """People whose erasure somebody proposes, by id; what they were named by is not kept.

    ``approval`` is what waits for a second person, ``task`` the work once they agreed, ``outcome`` what it did.
    ``controllers`` are those of whoever proposed it, None for all.
    """

    __tablename__ = "erasure_list"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    contact_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    counted: Mapped[dict[str, Any]] = mapped_column(JSONB)
    controllers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    approval: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    approved_by: Mapped[str | None] = mapped_column(Text)
    task: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    __table_args__ = (Index("ix_erasure_list_created", "created_at"),)
