"""The register's rows as they travel between reading, importing and writing: plain, mutable, no session.

A row is what one batch knows and wants of one table row. ``id`` 0 means not yet given. Fields are named and ordered
as the columns are. Keyed digests are 32 hexadecimal digits, because making a million ``UUID`` objects takes seconds.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import msgspec


class Row(msgspec.Struct, eq=False, gc=False):
    """Base of the rows: the table's name, its columns and those that identify a row in it.

    Structs and not dataclasses, because an import makes millions: they are made in a quarter of the time.
    """

    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]] = ("id",)
    #: Columns that mostly differ from row to row, lists and objects always among them; at least one other is left.
    OWN: ClassVar[tuple[str, ...]] = ("id",)
    #: Whether the table carries ``changed_xid`` itself.
    MARKED: ClassVar[bool] = False

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        return cls.__struct_fields__

    def __repr__(self) -> str:
        # The other fields are personal data.
        return f"{type(self).__name__}({', '.join(f'{name}=…' for name in self.KEY)})"


class ContactRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "contact"
    OWN: ClassVar[tuple[str, ...]] = (
        "id",
        "ref",
        "controllers",
        "given_name",
        "family_name",
        "name_key",
        "born_on",
    )
    MARKED: ClassVar[bool] = True
    id: int
    ref: str
    controllers: list[str] = []
    given_name: str | None = None
    family_name: str | None = None
    name_key: str | None = None
    language: str | None = None
    country: str | None = None
    municipality: str | None = None
    born_on: date | None = None
    deceased_on: date | None = None
    non_disclosure: bool = False
    restricted_since: date | None = None
    last_interaction_on: date | None = None
    register_update_ban: bool = False
    erased_at: datetime | None = None
    merged_into: int | None = None


class PointRow(Row, eq=False, gc=False):
    """``postal`` holds the five fields of a postal address that are not blank; ``value`` is null for post."""

    TABLE: ClassVar[str] = "contact_point"
    OWN: ClassVar[tuple[str, ...]] = (
        "id",
        "contact_id",
        "value",
        "postal",
        "address_key",
        "sha256_key",
        "sha256_digits_key",
    )
    id: int
    contact_id: int | None
    organisation_id: int | None
    kind: str
    value: str | None
    postal: dict[str, str] | None
    address_key: str
    sha256_key: str | None
    sha256_digits_key: str | None
    key_id: int
    canonical_version: int
    use: str = "unknown"
    source: str | None = None
    acquired_on: date | None = None
    verified_on: date | None = None
    informed_on: date | None = None
    state: str = "ok"
    soft_bounces: int = 0
    published_by_organisation: bool = False


class RoleRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "role"
    OWN: ClassVar[tuple[str, ...]] = (
        "id",
        "contact_id",
        "title",
    )
    id: int
    contact_id: int
    organisation_id: int
    title: str | None = None
    position: str | None = None
    since: date | None = None
    until: date | None = None


class RoleAreaRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "role_area"
    OWN: ClassVar[tuple[str, ...]] = ("role_id",)
    KEY: ClassVar[tuple[str, ...]] = ("role_id", "area")
    role_id: int
    area: str
    evidence: str | None = None
    verified_on: date | None = None
    source: str | None = None


class CustomerRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "customer_relation"
    OWN: ClassVar[tuple[str, ...]] = ("contact_id",)
    KEY: ClassVar[tuple[str, ...]] = ("contact_id", "controller", "product_group", "relation")
    contact_id: int
    controller: str
    product_group: str
    relation: str
    last_purchase_on: date | None = None
    address_from_sale: bool = False
    opt_out_offered: bool = False


class MessageRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "message_sent"
    OWN: ClassVar[tuple[str, ...]] = (
        "contact_id",
        "at",
    )
    KEY: ClassVar[tuple[str, ...]] = ("contact_id", "at", "controller", "channel", "campaign")
    contact_id: int
    at: datetime
    controller: str
    channel: str
    purpose: str | None
    campaign: str


class LegalBasisRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "legal_basis_tag"
    OWN: ClassVar[tuple[str, ...]] = (
        "contact_id",
        "entry_id",
    )
    KEY: ClassVar[tuple[str, ...]] = ("contact_id", "controller", "purpose", "basis")
    contact_id: int
    controller: str
    purpose: str
    basis: str
    since: date | None = None
    until: date | None = None
    source: str | None = None
    entry_id: int | None = None


class OrganisationRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "organisation"
    OWN: ClassVar[tuple[str, ...]] = (
        "id",
        "identity",
        "business_id",
        "ref",
        "name",
        "domains",
    )
    MARKED: ClassVar[bool] = True
    id: int
    identity: str
    business_id: str | None = None
    ref: str | None = None
    country: str = "FI"
    name: str | None = None
    form: str = "unknown"
    status: str = "active"
    employees: int | None = None
    domains: list[str] = []
    industry: str | None = None
    source: str | None = None
    verified_on: date | None = None


class OrganisationCustomerRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "organisation_customer"
    OWN: ClassVar[tuple[str, ...]] = ("organisation_id",)
    KEY: ClassVar[tuple[str, ...]] = ("organisation_id", "controller", "product_group")
    organisation_id: int
    controller: str
    product_group: str
    last_purchase_on: date | None = None


class ControllerRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "controller"
    OWN: ClassVar[tuple[str, ...]] = (
        "key",
        "name",
        "branding",
    )
    KEY: ClassVar[tuple[str, ...]] = ("key",)
    key: str
    name: str
    business_id: str | None = None
    contact: str | None = None
    is_default: bool = False
    branding: dict[str, str] = {}


class TopicRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "topic"
    OWN: ClassVar[tuple[str, ...]] = (
        "key",
        "names",
        "descriptions",
    )
    KEY: ClassVar[tuple[str, ...]] = ("key",)
    key: str
    kind: str
    controller: str
    names: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    cadence: str | None = None
    public: bool = True


class NoticeRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "notice"
    OWN: ClassVar[tuple[str, ...]] = (
        "key",
        "words",
        "controllers",
        "channels",
        "purposes",
        "topics",
        "audiences",
    )
    KEY: ClassVar[tuple[str, ...]] = ("key", "version", "language")
    key: str
    version: int
    language: str
    words: str
    controllers: list[str] = []
    channels: list[str] = []
    purposes: list[str] = []
    topics: list[str] = []
    audiences: list[str] = []
    supersedes: str | None = None


class PurposeRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "processing_purpose"
    OWN: ClassVar[tuple[str, ...]] = (
        "key",
        "names",
        "data_categories",
        "recipients",
    )
    KEY: ClassVar[tuple[str, ...]] = ("controller", "key")
    controller: str
    key: str
    names: dict[str, str]
    basis: str
    data_categories: list[str] = []
    recipients: list[str] = []
    retention_months: int | None = None
    balancing_test: str | None = None


class ExternalListRow(Row, eq=False, gc=False):
    TABLE: ClassVar[str] = "external_list"
    OWN: ClassVar[tuple[str, ...]] = ("source",)
    KEY: ClassVar[tuple[str, ...]] = ("source",)
    source: str
    as_of: date
