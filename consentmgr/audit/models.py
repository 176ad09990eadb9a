"""Who did what: appended, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class AuditEvent(Base):
    """``object`` names a kind and an id, never a person's data (``policy:sole_trader``, ``batch:12``)."""

    __tablename__ = "audit_event"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    #: The trail is read newest first, by action, by actor or by object.
    __table_args__ = (
        Index("ix_audit_event_action", "action", "id"),
        Index("ix_audit_event_actor", "actor", "id"),
        Index("ix_audit_event_object", "object", "id"),
    )
