"""What has been screened: one row a run, so that a certificate can be found again by its id.

And what staff do at the desk: lists they brought, what they decided of rows to review, lists handed to mailers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


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


class ReliedPartner(Base):
    """A partner whose suppression list a certificate relies on: it sends for ``controller`` by ``channel``.

    Until it has acknowledged what it was sent last, ``waiting_since`` is when that was (or when the schedule was made,
    where it holds nothing yet). After ``most_lag_hours`` of waiting, certificates that name the schedule are invalid.
    Written by whoever delivers, through ``screening.partners``.
    """

    __tablename__ = "relied_partner"
    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    partner: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    topic: Mapped[str | None] = mapped_column(Text)
    most_lag_hours: Mapped[int] = mapped_column(Integer)
    waiting_since: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    waiting_for: Mapped[int | None] = mapped_column(BigInteger)


class ListScreening(Base):
    """A list that somebody brought to the desk: from the file to the answer. No row of the list is in the database.

    ``controller`` is null until the campaign is known; until then only its ``actor`` sees it. ``file_id`` names the
    list in the file store, ``mapping`` which column is what (field -> column's number from 1), ``campaign`` the
    document it is screened for. ``task`` does the work, ``screening`` is what came of it, with its ``summary``
    (counts); ``previous`` is the screening this one repeats. ``forgotten_at``: when list and result were removed.
    """

    __tablename__ = "list_screening"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    controller: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    file_id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    file_name: Mapped[str] = mapped_column(Text)
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    file_sha256: Mapped[str] = mapped_column(Text)
    mapping: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    sheet: Mapped[str | None] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    language: Mapped[str] = mapped_column(Text)
    campaign: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    task: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    screening: Mapped[UUID | None] = mapped_column(ForeignKey("screening.id"))
    rows: Mapped[int | None] = mapped_column(BigInteger)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    screened_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    valid_until: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    previous: Mapped[UUID | None] = mapped_column(ForeignKey("list_screening.id"))
    forgotten_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (
        Index("ix_list_screening_created_at", "created_at", "id"),
        Index("ix_list_screening_controller", "controller", "created_at"),
    )


class ReviewDecision(Base):
    """What a named person decided of rows to review: of one row (from 1), or of all rows with that headline reason.

    Never changed; of several that speak of a row the newest holds. It changes no verdict of the certificate.
    ``carried_from`` is the decision of the screening before that holds on: it names no rows itself, they are kept
    beside the result. Actor and time are then those of whoever decided.
    """

    __tablename__ = "review_decision"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    list_screening: Mapped[UUID] = mapped_column(ForeignKey("list_screening.id"))
    row: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    carried_from: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        CheckConstraint("verdict IN ('allow', 'block')", name="verdict"),
        CheckConstraint('num_nonnulls("row", reason, carried_from) = 1', name="scope"),
        Index("ix_review_decision_list_screening", "list_screening", "id"),
    )


class HandedList(Base):
    """Allowed rows handed to a mailer's account, who sees these and nothing else. ``with_decided``: also the rows to
    review that were allowed by a person. ``taken_at`` is the first download.
    """

    __tablename__ = "handed_list"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    list_screening: Mapped[UUID] = mapped_column(ForeignKey("list_screening.id"))
    account: Mapped[int] = mapped_column(BigInteger)
    handed_by: Mapped[str] = mapped_column(Text)
    handed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    note: Mapped[str] = mapped_column(Text)
    with_decided: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    taken_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (
        Index("ix_handed_list_account", "account", "handed_at"),
        Index("ix_handed_list_list_screening", "list_screening"),
    )
