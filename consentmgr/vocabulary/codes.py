"""Code lists of the contract (formats.md section 1).

Each list is a ``Literal`` (what the type checker and the document decoder enforce) and a tuple made from
it (what tables, forms and tests walk). Values are lower_snake_case and are never renamed.
"""

from typing import Literal, get_args

Channel = Literal[
    "email", "sms", "instant_message", "automated_call", "fax", "phone", "post", "online_audience"
]  # fmt: skip
Purpose = Literal["direct_marketing", "newsletter", "service_message", "research", "public_information"]
Verdict = Literal["allow", "review", "block"]
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]  # fmt: skip
OrganisationForm = Literal[
    "limited_company",
    "public_limited_company",
    "cooperative",
    "general_partnership",
    "limited_partnership",
    "sole_trader",
    "housing_company",
    "association",
    "foundation",
    "municipality",
    "state",
    "parish",
    "unregistered_association",
    "estate",
    "tax_grouping",
    "other",
    "unknown",
]
OrganisationStatus = Literal["active", "bankrupt", "in_liquidation", "ceased"]
Position = Literal[
    "managing_director",
    "deputy_managing_director",
    "board_chair",
    "board_member",
    "sole_trader",
    "general_partner",
    "silent_partner",
    "procuration_holder",
    "auditor",
    "liquidator",
    "other",
]
AreaEvidence = Literal["organisation", "vendor", "register", "title"]
PointKind = Literal["email", "phone", "post"]
PointUse = Literal["private", "work", "generic", "contact_address", "unknown"]
PointState = Literal["ok", "hard_bounce", "invalid"]
Relation = Literal["purchase", "membership", "free_account_of_paid_service", "free_account", "quote_only"]
ProhibitionSource = Literal[
    "self",
    "organisation",
    "guardian",
    "staff",
    "complaint",
    "robinson_phone",
    "robinson_post",
    "population_register",
    "telecom_authority",
    "vendor",
    "court",
]
ConsentMethod = Literal[
    "web_form", "email_link", "sms_reply", "phone", "paper", "in_person", "api", "import"
]  # fmt: skip
EventKind = Literal[
    "consent_given",
    "guardian_consented",
    "consent_refused",
    "consent_withdrawn",
    "objected",
    "objection_lifted",
    "complaint",
    "restricted",
    "restriction_lifted",
    "erasure_requested",
    "erased",
    "access_requested",
    "erasure_refused",
    "erasure_extended",
]
#: Why erasure is refused. What the data is needed for: GDPR 17(3)(a) to (e), in the law's order. Then what else the law
#: lets a request be refused for: nothing of 17(1) is met; 12(5); who asked is not known (12(2), 12(6), 11(2)).
RefusalGround = Literal[
    "freedom_of_expression",
    "legal_obligation",
    "public_health",
    "archiving_or_research",
    "legal_claims",
    "no_ground_applies",
    "unfounded_or_excessive",
    "identity_not_confirmed",
]
GivenBy = Literal["self", "representative", "unverified"]
DoubleOptIn = Literal["not_used", "pending", "confirmed"]
TopicKind = Literal["newsletter", "product_group"]
#: How often a newsletter comes.
Cadence = Literal["daily", "weekly", "monthly", "quarterly", "occasional"]
Platform = Literal["meta", "linkedin", "google"]
AudienceKind = Literal["inclusion", "exclusion", "lookalike_seed", "company_list"]
CampaignAudience = Literal["consumer", "business"]
ListSource = Literal["own", "vendor", "population_register", "unknown"]
Unsubscribe = Literal["link", "reply", "free_number", "paid_number", "none"]
UnsubscribeNeed = Literal["login", "fee", "reason"]
Language = Literal["fi", "sv", "en"]

CHANNELS: tuple[Channel, ...] = get_args(Channel)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
PLATFORMS: tuple[Platform, ...] = get_args(Platform)
LANGUAGES: tuple[Language, ...] = get_args(Language)
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
REFUSAL_GROUNDS: tuple[RefusalGround, ...] = get_args(RefusalGround)
PROHIBITION_SOURCES: tuple[ProhibitionSource, ...] = get_args(ProhibitionSource)
ORGANISATION_FORMS: tuple[OrganisationForm, ...] = get_args(OrganisationForm)
POSITIONS: tuple[Position, ...] = get_args(Position)

#: The sixteen responsibility areas that decision-maker data is sold by; a configurable list, these its defaults.
AREAS: tuple[str, ...] = (
    "general_management",
    "finance",
    "human_resources",
    "information_technology",
    "sales",
    "marketing",
    "communications",
    "customer_service",
    "procurement",
    "logistics",
    "production",
    "research_and_development",
    "quality_and_environment",
    "facilities",
    "risk_and_safety",
    "training",
)

#: Channels that need consent or the customer exception (Act 917/2014 section 200(1), (3)): "electronic" below.
ELECTRONIC_CHANNELS: tuple[Channel, ...] = ("email", "sms", "instant_message", "automated_call", "fax")
#: Channels allowed until forbidden (section 200(2)).
OPT_OUT_CHANNELS: tuple[Channel, ...] = ("phone", "post")

#: Which kind of contact point serves a channel. Online audiences match on e-mail or phone: resolved apart.
POINT_KIND_OF_CHANNEL: dict[Channel, PointKind] = {
    "email": "email",
    "sms": "phone",
    "instant_message": "phone",
    "automated_call": "phone",
    "fax": "phone",
    "phone": "phone",
    "post": "post",
    "online_audience": "email",
}

#: Organisations with legal personality: the first step of the business ladder (law.md section 2, stages 6-7).
LEGAL_PERSON_FORMS: tuple[OrganisationForm, ...] = (
    "limited_company",
    "public_limited_company",
    "cooperative",
    "general_partnership",
    "limited_partnership",
    "housing_company",
    "association",
    "foundation",
    "municipality",
    "state",
    "parish",
)
