"""The register's tables: who is known, by which contact points, in which roles.

Dates are plain dates, times are ``timestamptz``. ``changed_xid`` is the transaction that last touched a contact
or organisation *or anything that belongs to it* (the writers set it); the screening snapshot asks by it what has
changed since (``consentmgr.screening.snapshot``). Controllers are named by key in every table: the key is the
word people and files use, never changes, and saves a join.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from consentmgr.register.name_words import NAME_WORDS
from consentmgr.tables import Base


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


def text_array() -> ARRAY[str]:
    return ARRAY(Text)


TIMESTAMPTZ = TIMESTAMP(timezone=True)
CURRENT_XID = text("pg_current_xact_id()")
EMPTY_ARRAY = text("'{}'")


class Controller(Base):
    """Who is responsible (GDPR 4(7))."""

    __tablename__ = "controller"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    business_id: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(Text)
    is_default: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    #: How its public pages look and where its own words are: ``colour``, ``logo`` (a data address), ``privacy_url``.
    branding: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    __table_args__ = (
        Index("ix_controller_one_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )


class Topic(Base):
    """What a person picks on the preference page, or a product group."""

    __tablename__ = "topic"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"))
    names: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    #: By language, as ``names``: what it is about, and how often it comes.
    descriptions: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    cadence: Mapped[str | None] = mapped_column(Text)
    public: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class Notice(Base):
    """The exact words shown, by version and language (GDPR 7(1)). Never changed once stored."""

    __tablename__ = "notice"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    language: Mapped[str] = mapped_column(Text, primary_key=True)
    words: Mapped[str] = mapped_column(Text)
    controllers: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    channels: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    purposes: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    topics: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    audiences: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    supersedes: Mapped[str | None] = mapped_column(Text)


class ProcessingPurpose(Base):
    """Why data is processed, on what legal basis, for how long (GDPR 6, 30)."""

    __tablename__ = "processing_purpose"
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    names: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    basis: Mapped[str] = mapped_column(Text)
    data_categories: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    recipients: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    retention_months: Mapped[int | None] = mapped_column(Integer)
    balancing_test: Mapped[str | None] = mapped_column(Text)


class Organisation(Base):
    """``identity`` is what documents call it by: its business id, or its ``ref`` where it has none."""

    __tablename__ = "organisation"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    identity: Mapped[str] = mapped_column(Text, unique=True)
    business_id: Mapped[str | None] = mapped_column(Text)
    ref: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default=text("'FI'"))
    name: Mapped[str | None] = mapped_column(Text)
    form: Mapped[str] = mapped_column(Text, server_default=text("'unknown'"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'active'"))
    employees: Mapped[int | None] = mapped_column(Integer)
    domains: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    industry: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    verified_on: Mapped[date | None]
    changed_xid: Mapped[int] = mapped_column(Xid8(), server_default=CURRENT_XID)
    __table_args__ = (
        Index("ix_organisation_domains", "domains", postgresql_using="gin"),
        # The list of organisations, and the search by the beginning of a name, go along it: ordered by characters, as
        # ``organisation_search`` asks, whatever order the database's own language would have.
        Index(
            "ix_organisation_name",
            literal_column("lower(coalesce(name, ''))").label("sort"),
            "id",
            postgresql_ops={"sort": "text_pattern_ops"},
        ),
        Index("ix_organisation_ref", "ref", postgresql_where=text("ref is not null")),
        Index("ix_organisation_changed", "changed_xid"),
    )


class OrganisationCustomer(Base):
    """An organisation is a customer of a controller, by product group."""

    __tablename__ = "organisation_customer"
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id", ondelete="CASCADE"), primary_key=True)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"), primary_key=True)
    product_group: Mapped[str] = mapped_column(Text, primary_key=True, server_default=text("''"))
    last_purchase_on: Mapped[date | None]


class Contact(Base):
    """A natural person, or a mailbox not known to be one.

    ``name_key`` is the keyed digest of the canonical name (``kit.address_keys``): post is matched to the named
    person by it without a name leaving the register. ``erased_at`` is set by erasure, which empties the personal
    columns and drops the addresses; the row stays, because the ledger speaks of its id.
    """

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ref: Mapped[str] = mapped_column(Text, unique=True)
    controllers: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    given_name: Mapped[str | None] = mapped_column(Text)
    family_name: Mapped[str | None] = mapped_column(Text)
    name_key: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    language: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    municipality: Mapped[str | None] = mapped_column(Text)
    born_on: Mapped[date | None]
    deceased_on: Mapped[date | None]
    non_disclosure: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    restricted_since: Mapped[date | None]
    last_interaction_on: Mapped[date | None]
    register_update_ban: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    erased_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    changed_xid: Mapped[int] = mapped_column(Xid8(), server_default=CURRENT_XID)
    __table_args__ = (
        Index("ix_contact_changed", "changed_xid"),
        Index("ix_contact_merged_into", "merged_into", postgresql_where=text("merged_into is not null")),
        # People are looked for by the beginnings of the words of their names.
        Index("ix_contact_name_words", text(NAME_WORDS), postgresql_using="gin"),
    )


class ContactPoint(Base):
    """An address of a contact (``contact_id``), or one an organisation lists as its own (``contact_id`` null).

    ``organisation_id`` is the employer of a contact's point, or the lister. ``address_key`` is the keyed digest of
    the canonical form, ``sha256_key`` that of the canonical form's SHA-256 (lists that arrive hashed), and
    ``sha256_digits_key`` the same for a phone written without its plus sign.
    """

    __tablename__ = "contact_point"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(Text)
    postal: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    address_key: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True))
    sha256_key: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    sha256_digits_key: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    key_id: Mapped[int] = mapped_column(SmallInteger)
    canonical_version: Mapped[int] = mapped_column(SmallInteger)
    use: Mapped[str] = mapped_column(Text, server_default=text("'unknown'"))
    source: Mapped[str | None] = mapped_column(Text)
    acquired_on: Mapped[date | None]
    verified_on: Mapped[date | None]
    informed_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(Text, server_default=text("'ok'"))
    soft_bounces: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    published_by_organisation: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    __table_args__ = (
        CheckConstraint("contact_id is not null or organisation_id is not null", name="has_owner"),
        Index("ix_contact_point_address_key", "address_key"),
        Index("ix_contact_point_sha256_key", "sha256_key", postgresql_where=text("sha256_key is not null")),
        Index(
            "ix_contact_point_sha256_digits_key",
            "sha256_digits_key",
            postgresql_where=text("sha256_digits_key is not null"),
        ),
        Index("ix_contact_point_organisation", "organisation_id", postgresql_where=text("organisation_id is not null")),
        # Points of a contact are found by this index too; one of its own would cost an import and gain nothing.
        UniqueConstraint("contact_id", "kind", "address_key", name="uq_contact_point_contact_kind_key"),
    )


class Role(Base):
    """A dated role of a contact in an organisation."""

    __tablename__ = "role"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    title: Mapped[str | None] = mapped_column(Text)
    position: Mapped[str | None] = mapped_column(Text)
    since: Mapped[date | None]
    until: Mapped[date | None]


class RoleArea(Base):
    """A responsibility area of a role, with its own evidence and date: freshness is per area."""

    __tablename__ = "role_area"
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id", ondelete="CASCADE"), primary_key=True)
    area: Mapped[str] = mapped_column(Text, primary_key=True)
    evidence: Mapped[str | None] = mapped_column(Text)
    verified_on: Mapped[date | None]
    source: Mapped[str | None] = mapped_column(Text)


class CustomerRelation(Base):
    """What a person has bought or joined, by controller and product group (section 200(3))."""

    __tablename__ = "customer_relation"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"), primary_key=True)
    product_group: Mapped[str] = mapped_column(Text, primary_key=True, server_default=text("''"))
    relation: Mapped[str] = mapped_column(Text, primary_key=True)
    last_purchase_on: Mapped[date | None]
    address_from_sale: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    opt_out_offered: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class MessageSent(Base):
    """What senders report they have sent: for the frequency cap and the first-message rule."""

    __tablename__ = "message_sent"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ, primary_key=True)
    controller: Mapped[str] = mapped_column(Text, primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True, server_default=text("''"))
    purpose: Mapped[str | None] = mapped_column(Text)
    campaign: Mapped[str] = mapped_column(Text, primary_key=True, server_default=text("''"))


class LegalBasisTag(Base):
    """Legal basis of one processing purpose for one contact; each change is also a ledger entry."""

    __tablename__ = "legal_basis_tag"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    controller: Mapped[str] = mapped_column(ForeignKey("controller.key"), primary_key=True)
    purpose: Mapped[str] = mapped_column(Text, primary_key=True)
    basis: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[date | None]
    until: Mapped[date | None]
    source: Mapped[str | None] = mapped_column(Text)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)


class ExternalList(Base):
    """The state of an outside ban list, for its freshness."""

    __tablename__ = "external_list"
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    as_of: Mapped[date]


class ImportBatch(Base):
    """One file taken in. ``next_line`` is the first line not yet committed: a killed import goes on from there."""

    __tablename__ = "import_batch"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    actor: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    next_line: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, server_default=text("'{}'"))
    __table_args__ = (Index("ix_import_batch_sha256", "sha256"),)
