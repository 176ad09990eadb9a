"""Documents as they come in and go out (formats.md section 2): one frozen struct a document type.

The structs are the contract. Unknown fields are an error that names the field; an absent field and ``null``
are the same thing and never erase what is stored (clearing is explicit: ``"clear": ["field", ...]``).
Decoding is msgspec's, because an import reads millions of them; marshmallow stands at the HTTP doors
(docs/decisions/0003).
"""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from consentmgr.vocabulary.codes import (
    AreaEvidence,
    AudienceKind,
    Cadence,
    CampaignAudience,
    Channel,
    ConsentMethod,
    DoubleOptIn,
    EventKind,
    GivenBy,
    Language,
    LegalBasis,
    ListSource,
    OrganisationForm,
    OrganisationStatus,
    Platform,
    PointKind,
    PointState,
    PointUse,
    Position,
    ProhibitionSource,
    Purpose,
    RefusalGround,
    Relation,
    TopicKind,
    Unsubscribe,
    UnsubscribeNeed,
)

Key = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=10_000)]
When = Annotated[datetime, Meta(tz=True)]


class Names(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    fi: Text | None = None
    sv: Text | None = None
    en: Text | None = None


class Document(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True, omit_defaults=True):
    """Base of every document; ``type`` in the JSON says which struct it is."""


class Controller(Document, tag="controller", frozen=True, kw_only=True):
    key: Key
    name: Text
    business_id: str | None = None
    contact: str | None = None
    default: bool = False
    #: How its public pages look, and where its own words are (``vocabulary.branding`` says what is taken).
    colour: str | None = None
    logo: str | None = None
    privacy_url: str | None = None
    clear: tuple[str, ...] = ()


class Topic(Document, tag="topic", frozen=True, kw_only=True):
    key: Key
    kind: TopicKind
    controller: Key | None = None
    names: Names = Names()
    #: What it is about, in a sentence or two, and how often it comes.
    descriptions: Names = Names()
    cadence: Cadence | None = None
    #: Whether a person may pick it on the page of choices; a new topic may be.
    public: bool | None = None
    clear: tuple[str, ...] = ()


class Notice(Document, tag="notice", frozen=True, kw_only=True):
    key: Key
    version: Annotated[int, Meta(ge=1)]
    language: Language
    text: Annotated[str, Meta(min_length=1)]
    controllers: tuple[Key, ...] = ()
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[Key, ...] = ()
    audiences: tuple[Platform, ...] = ()
    supersedes: str | None = None


class ProcessingPurpose(Document, tag="processing_purpose", frozen=True, kw_only=True):
    key: Key
    controller: Key | None = None
    names: Names = Names()
    basis: LegalBasis
    data_categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    retention_months: Annotated[int, Meta(ge=0)] | None = None
    balancing_test: str | None = None
    clear: tuple[str, ...] = ()


class PostalAddress(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    street: Text | None = None
    apartment: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Text | None = None


class Point(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A contact point of a contact, or one that an organisation lists as its own."""

    channel: PointKind
    value: str | PostalAddress
    use: PointUse | None = None
    organisation: Key | None = None
    source: Text | None = None
    acquired_on: date | None = None
    verified_on: date | None = None
    informed_on: date | None = None
    state: PointState | None = None
    soft_bounces: Annotated[int, Meta(ge=0)] | None = None
    published_by_organisation: bool | None = None
    clear: tuple[str, ...] = ()


class OrganisationCustomer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    controller: Key | None = None
    product_group: Key | None = None
    last_purchase_on: date | None = None


class Organisation(Document, tag="organisation", frozen=True, kw_only=True):
    business_id: Key | None = None
    ref: Key | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    name: Text | None = None
    form: OrganisationForm | None = None
    status: OrganisationStatus | None = None
    employees: Annotated[int, Meta(ge=0)] | None = None
    domains: tuple[str, ...] = ()
    industry: str | None = None
    source: Text | None = None
    verified_on: date | None = None
    customer_of: tuple[OrganisationCustomer, ...] = ()
    points: tuple[Point, ...] = ()
    clear: tuple[str, ...] = ()


class RoleArea(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    area: Key
    evidence: AreaEvidence | None = None
    verified_on: date | None = None
    source: Text | None = None


class Role(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    organisation: Key
    title: Text | None = None
    position: Position | None = None
    since: date | None = None
    until: date | None = None
    areas: tuple[RoleArea, ...] = ()


class CustomerRelation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    controller: Key | None = None
    product_group: Key | None = None
    relation: Relation | None = None
    last_purchase_on: date | None = None
    address_from_sale: bool | None = None
    opt_out_offered: bool | None = None


class LegalBasisTag(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    controller: Key | None = None
    purpose: Key
    basis: LegalBasis
    since: date | None = None
    until: date | None = None
    source: Text | None = None


class MessageSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    at: When
    controller: Key | None = None
    channel: Channel | None = None
    purpose: Purpose | None = None
    campaign: Text | None = None


class Evidence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What proves a consent. Personal parts are kept salted beside the ledger, so that they can be erased."""

    form: Text | None = None
    ip: str | None = None
    user_agent: Text | None = None
    double_opt_in: DoubleOptIn | None = None
    confirmed_at: When | None = None
    pre_ticked: bool | None = None
    condition_of_service: bool | None = None
    freely_joined: bool | None = None
    express_request: bool | None = None
    recording: Text | None = None
    attachment_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class EventFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An event as it stands inside a contact (``events``)."""

    event: EventKind
    at: When
    controller: Key | None = None
    method: ConsentMethod | None = None
    source: Text | None = None
    note: Text | None = None
    channels: tuple[Channel, ...] | None = None
    purposes: tuple[Purpose, ...] | None = None
    topics: tuple[Key, ...] | None = None
    audiences: tuple[Platform, ...] | None = None
    notice: Key | None = None
    evidence: Evidence | None = None
    prohibition: Key | None = None
    reason: Text | None = None
    given_by: GivenBy | None = None
    imported_without_date: bool | None = None
    #: Of ``erasure_refused``: why the data is not erased.
    ground: RefusalGround | None = None


class Event(EventFields, tag_field="type", tag="event", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event on its own: ``contact`` is the contact's ``ref``."""

    contact: Key


class Contact(Document, tag="contact", frozen=True, kw_only=True):
    ref: Key
    controllers: tuple[Key, ...] = ()
    given_name: Text | None = None
    family_name: Text | None = None
    language: Language | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    municipality: str | None = None
    born_on: date | None = None
    deceased_on: date | None = None
    non_disclosure: bool | None = None
    restricted_since: date | None = None
    last_interaction_on: date | None = None
    register_update_ban: bool | None = None
    points: tuple[Point, ...] = ()
    roles: tuple[Role, ...] = ()
    customer_of: tuple[CustomerRelation, ...] = ()
    legal_bases: tuple[LegalBasisTag, ...] = ()
    messages_sent: tuple[MessageSent, ...] = ()
    events: tuple[EventFields, ...] = ()
    clear: tuple[str, ...] = ()


class ProhibitionTarget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Exactly one of these says whom or what the prohibition protects (checked by ``target_of``)."""

    contact: Key | None = None
    email: str | None = None
    phone: str | None = None
    post: PostalAddress | None = None
    organisation: Key | None = None
    domain: str | None = None
    email_sha256: str | None = None
    phone_sha256: str | None = None


class Prohibition(Document, tag="prohibition", frozen=True, kw_only=True):
    target: ProhibitionTarget
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[Key, ...] = ()
    controllers: tuple[Key, ...] = ()
    source: ProhibitionSource
    valid_from: date | None = None
    valid_until: date | None = None
    reference: Text | None = None
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)


class ExternalList(Document, tag="external_list", frozen=True, kw_only=True):
    source: ProhibitionSource
    as_of: date


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the message itself says and offers; the defaults are those of the contract's example campaign."""

    sender_named: bool = True
    subject_honest: bool = True
    unsubscribe: Unsubscribe = "link"
    one_click: bool = True
    source_line: bool = True
    privacy_notice: bool = True
    objection_notice: bool = True
    article_14_notice: bool = True
    recipients_hidden: bool = True
    unsubscribe_needs: tuple[UnsubscribeNeed, ...] = ()


class Campaign(Document, tag="campaign", frozen=True, kw_only=True):
    """What is sent, to whom, saying what. Omitted fields take the contract's defaults (formats.md section 4)."""

    key: Key = "campaign"
    name: Text = ""
    controller: Key | None = None
    channel: Channel = "email"
    purpose: Purpose = "direct_marketing"
    topic: Key | None = None
    product_group: Key | None = None
    audience: CampaignAudience = "consumer"
    business_use: bool = False
    areas: tuple[Key, ...] = ()
    promotes: bool = True
    own_products: bool = True
    special_category: bool = False
    child_directed: bool = False
    sells_mobile_subscription: bool = False
    list_source: ListSource = "own"
    list_extracted_on: date | None = None
    vendor_licence_until: date | None = None
    planned_at: When | None = None
    platform: Platform | None = None
    audience_kind: AudienceKind | None = None
    message: Message = Message()
    addresses_handed_to_sender: bool = False
    joint_controllers: tuple[Key, ...] = ()
    sold_by: Key | None = None
    reminder_of_service: bool = False
    confirms_own_request: bool = False


AnyDocument = (
    Controller
    | Topic
    | Notice
    | ProcessingPurpose
    | Organisation
    | Contact
    | Event
    | Prohibition
    | ExternalList
    | Campaign
)

__all__ = [
    "AnyDocument",
    "Campaign",
    "Contact",
    "Controller",
    "CustomerRelation",
    "Event",
    "EventFields",
    "Evidence",
    "ExternalList",
    "LegalBasisTag",
    "Message",
    "MessageSent",
    "Names",
    "Notice",
    "Organisation",
    "OrganisationCustomer",
    "Point",
    "PostalAddress",
    "ProcessingPurpose",
    "Prohibition",
    "ProhibitionTarget",
    "Role",
    "RoleArea",
    "Topic",
]
