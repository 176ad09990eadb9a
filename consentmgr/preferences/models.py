"""What people ask for before it is theirs, and what staff must look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import EMPTY_ARRAY, TIMESTAMPTZ, text_array
from consentmgr.tables import Base


class SubscriptionForm(Base):
    """A form anyone may fill: one controller, a set of topics, and the notice whose words stand on it.

    ``origins`` are the web origins whose pages may ask by script (CORS); a plain form needs none.
    """

    __tablename__ = "subscription_form"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"))
    topics: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    #: Key and version, without language: ``signup/3``.
    notice: Mapped[str] = mapped_column(Text)
    origins: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)


class PendingSubscription(Base):
    """A subscription that waits for its address's owner to confirm it; no contact exists for it yet.

    ``address`` is emptied when it is confirmed or has expired.
    """

    __tablename__ = "pending_subscription"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    form: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(Text)
    topics: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    notice: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    confirmed_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_pending_subscription_expires", "expires_at"),)


class LeaveReason(Base):
    """Why somebody left, if they said so afterwards: one of the fixed answers, never their own text."""

    __tablename__ = "leave_reason"
    prohibition_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)


class Proposal(Base):
    """Something a member of staff must decide: a correction a person asks for, a reply that sounds like leaving, a
    burst of clicks that may be a machine's.

    ``kind``: ``name_correction`` ``address_correction`` ``reply_leave`` ``burst_undo``. ``data`` is what to decide
    upon; it is emptied when the contact is erased.
    """

    __tablename__ = "proposal"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    controller: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    #: Identifies what it was made of, so that the same message read twice makes one proposal.
    digest: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), unique=True)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    state: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    decided_by: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("ix_proposal_contact", "contact_id", postgresql_where=text("contact_id is not null")),
        Index("ix_proposal_open", "created_at", postgresql_where=text("state = 'open'")),
    )
