"""Schedules, their runs, and the stored set: which address stood in which sequence of which schedule."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import CURRENT_XID, TIMESTAMPTZ, Xid8
from consentmgr.tables import Base


class ExportSchedule(Base):
    """What leaves, in which form, where to and when. ``cron`` null: only when somebody asks.

    ``destination`` is ``{"kind": "folder", …}`` without secrets; those are in ``secrets``, encrypted, written and never
    shown. ``mode`` is full, or delta since the last acknowledged sequence.
    """

    __tablename__ = "export_schedule"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    partner: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"))
    content: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    topic: Mapped[str | None] = mapped_column(Text)
    #: The campaign that allowed people are asked for; stops are asked for without one.
    campaign: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    format: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text, server_default=text("'full'"))
    destination: Mapped[dict[str, Any]] = mapped_column(JSONB)
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    encrypt_to: Mapped[str | None] = mapped_column(Text)
    cron: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text, server_default=text("'Europe/Helsinki'"))
    catch_up: Mapped[str] = mapped_column(Text, server_default=text("'latest'"))
    skip_older_hours: Mapped[int | None] = mapped_column(Integer)
    #: Hours after which a sequence that was not acknowledged raises an alarm.
    most_lag_hours: Mapped[int | None] = mapped_column(Integer)
    lag_ends_certificates: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    paused_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)


class ExportRun(Base):
    """One run: a sequence of a schedule. ``state``: claimed, prepared (the set is stored), published, failed.

    ``slot`` is the moment of the timetable it was for; null where somebody asked. ``fence`` grows with every claim of
    the run, so that a scheduler that was thought dead cannot publish over its successor.
    """

    __tablename__ = "export_run"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    schedule: Mapped[str] = mapped_column(ForeignKey("export_schedule.key"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    slot: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    mode: Mapped[str] = mapped_column(Text)
    base_sequence: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    claimed_by: Mapped[str] = mapped_column(Text)
    heartbeat_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    published_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    register_position: Mapped[str | None] = mapped_column(Text)
    ledger_head: Mapped[str | None] = mapped_column(Text)
    manifest: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    acknowledged_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    #: What the next set is told from, beside ``register_position`` (``exports.changed``): the day the set was asked
    #: for, a digest of everything that was asked by beside the rows, and when the set was last asked for whole.
    asked_on: Mapped[date | None]
    asked_by: Mapped[str | None] = mapped_column(Text)
    whole_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    __table_args__ = (
        UniqueConstraint("schedule", "sequence", name="uq_export_run_schedule_sequence"),
        UniqueConstraint("schedule", "slot", name="uq_export_run_schedule_slot"),
    )


class ExportedEntry(Base):
    """An address stood in the set of a schedule from sequence ``from_seq`` until before ``to_seq`` (null: still).

    It is what "was this address in the file sent to X on D?" is answered from, and what deltas are made of. No
    address is kept: the digest under the partner's own key (``partner_digest``) is, where the format has one, so that
    an erased person can still be named to that partner and to nobody else.
    """

    __tablename__ = "exported_entry"
    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    from_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    to_seq: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    partner_digest: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("ix_exported_entry_from", "schedule", "from_seq"),
        Index("ix_exported_entry_to", "schedule", "to_seq", postgresql_where=text("to_seq is not null")),
    )


class WeighedAddress(Base):
    """An address that screening weighed when the schedule's set was last made, whether it stayed in the set or not.

    What the law says of it may change by the passing of days alone, so it is asked again when the day has changed.
    """

    __tablename__ = "export_weighed"
    schedule: Mapped[str] = mapped_column(Text, primary_key=True)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)


class PointGone(Base):
    """An address was taken from a contact or organisation; by it a set learns that nobody there has it any more.

    Written by a trigger on ``contact_point`` in whatever transaction does it, and kept for a month.
    """

    __tablename__ = "contact_point_gone"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    changed_xid: Mapped[int] = mapped_column(Xid8(), server_default=CURRENT_XID)
    gone_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ, server_default=text("clock_timestamp()"))
    __table_args__ = (Index("ix_contact_point_gone_changed", "changed_xid"),)


class ExportLink(Base):
    """A link to the files of one run, mailed to one address of the partner.

    The token names the row and nothing else; what the link is good for is decided here. ``files`` is
    ``[{"name", "bytes", "sha256"}]``, as they lie in the data folder until ``closed_at``. No address is kept.
    """

    __tablename__ = "export_link"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("export_run.id"))
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    #: How often each file may be downloaded.
    most_downloads: Mapped[int] = mapped_column(Integer)
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    __table_args__ = (UniqueConstraint("run_id", "address_key", name="uq_export_link_run_address"),)


class ExportDownload(Base):
    """One download of one file by a link."""

    __tablename__ = "export_download"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    link_id: Mapped[UUID] = mapped_column(ForeignKey("export_link.id"))
    name: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    __table_args__ = (Index("ix_export_download_link", "link_id", "name"),)


class Alarm(Base):
    """Something a person must look at: of one kind, about one thing, since a moment, until ``resolved_at``.

    ``mailed_at`` and ``posted_at`` are when it was last told of. ``detail`` holds counts and codes, no personal data.
    """

    __tablename__ = "alarm"
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    since: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    mailed_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    posted_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    resolved_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
