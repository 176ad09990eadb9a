"""The outbox: every mail the product sends is a row first, in the transaction of what it tells about."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class OutgoingMail(Base):
    """One mail to one address. ``address`` is emptied when it has been sent or given up; ``address_key`` stays, so
    that the mails of an address can be counted.

    ``fields`` fill the template's placeholders: never a user's own text, never a token in clear (links are made when
    the mail is sent).
    """

    __tablename__ = "outgoing_mail"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    template: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    sent_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    given_up_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    last_error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("ix_outgoing_mail_address_key", "address_key", "created_at"),
        Index("ix_outgoing_mail_due", "due_at", postgresql_where=text("sent_at is null and given_up_at is null")),
    )
