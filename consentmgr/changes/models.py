"""Webhooks: where changes are posted, how far each has come, and how the attempts went.

The ledger is the outbox: nothing is written for an endpoint when something changes. An endpoint keeps how far it has
come in each of the ledger's chains (``positions``), and that moves when its receiver has taken what lies before.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import EMPTY_ARRAY, TIMESTAMPTZ, text_array
from consentmgr.tables import Base


class WebhookEndpoint(Base):
    """One receiver. ``controllers`` null: all of them; ``types`` empty: every type of event.

    ``secrets`` holds the signing secrets, encrypted, shown when they are made and never again. Between two attempts
    the first message that was not taken waits until ``due_at``; ``attempts`` counts its failures. Whoever delivers
    holds the endpoint until ``in_hand_until``, so that one process at a time does.
    """

    __tablename__ = "webhook_endpoint"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    controllers: Mapped[list[str] | None] = mapped_column(text_array())
    types: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    secrets: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    created_by: Mapped[str] = mapped_column(Text)
    #: Until then the secret before the newest signs too; null where there is none.
    previous_until: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    positions: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    in_hand_until: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    #: Raised by whoever moves the endpoint (a replay, enabling): what a delivery begun before finds moved, it leaves.
    turn: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    delivered: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    delivered_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    failed_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    last_error: Mapped[str | None] = mapped_column(Text)
    disabled_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    #: ``gone``: the receiver answered 410. ``given_up``: every attempt of the schedule failed. ``by_hand``.
    disabled_why: Mapped[str | None] = mapped_column(Text)


class WebhookDelivery(Base):
    """One attempt at one message, for looking up; it decides about nothing, and is forgotten."""

    __tablename__ = "webhook_delivery"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    entry_id: Mapped[int] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    milliseconds: Mapped[int] = mapped_column(Integer)
    #: The receiver's answer; null where there was none.
    status: Mapped[int | None] = mapped_column(SmallInteger)
    #: Why it counts as failed, in our words; null where it was taken.
    error: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),)
