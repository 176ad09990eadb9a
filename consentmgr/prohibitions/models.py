"""Standing bans, whoever set them, and the digests that outlive erasure.

A prohibition is a row of its own: many may hold at once, no import, edit, merge, deletion or erasure touches them
(trigger in ``consents.append_only``); lifting sets ``lifted_at`` and nothing else. The target is kept as it was
named (``contact_ref``, ``organisation``, ``domain``) or as an ``address_key``, so that it needs no contact in the
register and finds one that comes later.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import CURRENT_XID, EMPTY_ARRAY, TIMESTAMPTZ, Xid8, text_array
from consentmgr.tables import Base


class Prohibition(Base):
    """``target_kind``: contact, email, phone, post, organisation, domain, email_sha256 or phone_sha256.

    For the four address kinds and the two hashed ones ``address_key`` is the keyed digest to match (hashed ones
    against ``contact_point.sha256_key`` and ``sha256_digits_key``).
    """

    __tablename__ = "prohibition"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    target_kind: Mapped[str] = mapped_column(Text)
    address_key: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    contact_ref: Mapped[str | None] = mapped_column(Text)
    organisation: Mapped[str | None] = mapped_column(Text)
    domain: Mapped[str | None] = mapped_column(Text)
    channels: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    purposes: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    topics: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    controllers: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    source: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    reference: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    digest: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), unique=True)
    recorded_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    lifted_by_entry: Mapped[int | None] = mapped_column(BigInteger)
    changed_xid: Mapped[int] = mapped_column(Xid8(), server_default=CURRENT_XID)
    __table_args__ = (
        CheckConstraint("num_nonnulls(address_key, contact_ref, organisation, domain) = 1", name="one_target"),
        Index("ix_prohibition_address_key", "address_key", postgresql_where=text("address_key is not null")),
        Index("ix_prohibition_contact_ref", "contact_ref", postgresql_where=text("contact_ref is not null")),
        Index("ix_prohibition_organisation", "organisation", postgresql_where=text("organisation is not null")),
        Index("ix_prohibition_domain", "domain", postgresql_where=text("domain is not null")),
        Index("ix_prohibition_changed", "changed_xid"),
        # Every long list asks whether any ban arrived hashed.
        Index(
            "ix_prohibition_hashed",
            "id",
            postgresql_where=text("target_kind in ('email_sha256', 'phone_sha256') and lifted_at is null"),
        ),
        # The desk's list by source goes along it; outside lists are so long that their rows are found without, and an
        # import of one pays nothing.
        Index(
            "ix_prohibition_source",
            "source",
            "id",
            postgresql_where=text("source not in ('robinson_phone', 'robinson_post', 'population_register')"),
        ),
        # Who left by a campaign's links, to be counted for it; only such bans have a campaign.
        Index(
            "ix_prohibition_campaign",
            text("(evidence ->> 'campaign')"),
            postgresql_where=text("(evidence ->> 'campaign') is not null"),
        ),
    )


class ProhibitionHash(Base):
    """The keyed digest of the SHA-256 of the address a ban is on, by which a list that arrives hashed finds it."""

    __tablename__ = "prohibition_hash"
    hash_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    prohibition_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class ProhibitionHashedTo(Base):
    """Up to which position of which database ``prohibition_hash`` has every ban on a plain address; one row at most.

    ``database`` names cluster, timeline, database and schema, ``position`` is a ``pg_snapshot``.
    """

    __tablename__ = "prohibition_hashed_to"
    canonical_version: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    database: Mapped[str] = mapped_column(Text)
    position: Mapped[str] = mapped_column(Text)


class ErasedKey(Base):
    """The keyed digest of an address of an erased person (GDPR 17(3), 21(3)); the address itself is gone."""

    __tablename__ = "erased_key"
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hashed: Mapped[bool] = mapped_column(primary_key=True, server_default=text("false"))
    erased_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_xid: Mapped[int] = mapped_column(Xid8(), server_default=CURRENT_XID)
    __table_args__ = (Index("ix_erased_key_changed", "changed_xid"),)


class JournalMark(Base):
    """How far a file of the prohibition journal has been taken into the register, in bytes.

    The mark moves in the transaction that takes the records: a restored backup has an older mark, and what lies
    behind it is taken again before anything is screened or exported.
    """

    __tablename__ = "journal_mark"
    file: Mapped[str] = mapped_column(Text, primary_key=True)
    taken_to: Mapped[int] = mapped_column(BigInteger)


class Restoration(Base):
    """A backup was put in this register's place. Until ``recovered_at`` is set, people can leave and nothing else:
    who left after the backup was taken is known to the journal alone.
    """

    __tablename__ = "restoration"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    backup_taken_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    restored_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    restored_by: Mapped[str] = mapped_column(Text)
    recovered_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    recovered_by: Mapped[str | None] = mapped_column(Text)
    replayed: Mapped[int | None] = mapped_column(BigInteger)
