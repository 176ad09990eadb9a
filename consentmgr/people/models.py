"""What is attached to acts as their evidence: a scanned letter, an e-mail, a recording."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.db import Base
from consentmgr.register.models import TIMESTAMPTZ


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
    __table_args__ = (
        Index("ix_attachment_contact", "contact_id"),
        Index("ix_attachment_unused", "stored_at", postgresql_where=text("used_at is null")),
    )
