"""What the API tells of people: the documents of the contract, and what is told beside them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields, validate

from consentmgr.edge.api import ApiSchema, Moment
from consentmgr.edge.document_schemas import document_schema
from consentmgr.importing.api_bodies import addressed, items_schema
from consentmgr.people.grid import LINES
from consentmgr.vocabulary.codes import (
    CHANNELS,
    PLATFORMS,
    PURPOSES,
)
from consentmgr.vocabulary.documents import Contact, Event, EventFields, Point, Role

#: What an answer says of a contact beside the document. Sent back, it is not looked at.
BESIDE: Final = ("id", "erased")

CONTACT: Final[dict[str, Any]] = {
    "ref": "crm:12345",
    "controllers": ["acme"],
    "given_name": "Aino",
    "family_name": "Virtanen",
    "language": "fi",
    "country": "FI",
    "points": [
        {
            "channel": "email",
            "value": "aino.virtanen@posti.example",
            "use": "private",
            "source": "web_form",
            "acquired_on": "2026-01-10",
            "informed_on": "2026-01-10",
        }
    ],
    "customer_of": [
        {
            "controller": "acme",
            "product_group": "training",
            "relation": "purchase",
            "last_purchase_on": "2026-03-01",
            "address_from_sale": True,
            "opt_out_offered": True,
        }
    ],
}
KEPT_CONTACT: Final = {"type": "contact", "id": 4711, "erased": False, **CONTACT}
ACT: Final[dict[str, Any]] = {
    "event": "consent_given",
    "at": "2026-11-01T10:00:00+02:00",
    "controller": "acme",
    "method": "web_form",
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "notice": "signup/3/fi",
    "evidence": {"form": "signup", "double_opt_in": "confirmed", "confirmed_at": "2026-11-01T10:04:00+02:00"},
}
EVENT: Final = {"contact": "crm:12345", **ACT}

_OF_CONTACT: Final = {
    "ref": "What your system calls the contact; opaque, unique in the register. It should be no address and no name.",
    "controllers": "Whose contact it is. Others are added and none is taken away.",
    "clear": "Fields to empty; a field that is absent, null or blank is left as it is.",
    "events": "Acts of the person, for which the key needs events:write.",
    "restricted_since": "Means an event `restricted` that speaks for all controllers.",
}

ContactSchema = document_schema(Contact, told=_OF_CONTACT)
ContactsSchema = items_schema(ContactSchema, "Contacts")
KeptContactSchema = document_schema(
    Contact,
    name="KeptContact",
    told=_OF_CONTACT,
    more={
        "id": fields.Integer(
            metadata={
                "readOnly": True,
                "description": "The contact's number: `id:4711` stands for its ref in addresses.",
            }
        ),
        "erased": fields.Boolean(metadata={"readOnly": True, "description": "Whether all that was known was erased."}),
    },
)
AddressedContactSchema = addressed(KeptContactSchema, "AddressedContact", "ref")
ActSchema = document_schema(EventFields, name="Act")
EventSchema = document_schema(Event, told={"contact": "The contact's ref."})
EventsSchema = items_schema(EventSchema, "Events")


class ContactPointsSchema(ApiSchema):
    """Every contact point of a contact."""

    items = fields.List(fields.Nested(document_schema(Point)), required=True)


class ContactRolesSchema(ApiSchema):
    """Every role of a contact."""

    items = fields.List(fields.Nested(document_schema(Role)), required=True)


# --- looking for people -----------------------------------------------------------------------------------------------

_WAYS: Final = ("email", "phone", "business_id", "ref", "name")


class ContactSearchSchema(ApiSchema):
    """Whom is looked for: exactly one of these."""

    email = fields.String(validate=validate.Length(1, 320), metadata={"description": "In any spelling."})
    phone = fields.String(
        validate=validate.Length(1, 60), metadata={"description": "In any spelling; Finnish where no country is said."}
    )
    business_id = fields.String(
        validate=validate.Length(1, 200),
        metadata={"description": "Of an organisation in which they have a role or an address."},
    )
    ref = fields.String(validate=validate.Length(1, 200))
    name = fields.String(
        validate=validate.Length(2, 200), metadata={"description": "Words of the name, or how they begin."}
    )
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))


class ContactHitSchema(ApiSchema):
    """Somebody found."""

    id = fields.Integer(required=True)
    ref = fields.String(required=True)
    given_name = fields.String(required=True, allow_none=True)
    family_name = fields.String(required=True, allow_none=True)
    erased = fields.Boolean(required=True)
    deceased = fields.Boolean(required=True)
    found_by = fields.String(required=True, validate=validate.OneOf(("ref", "address", "organisation", "name")))


class ContactsFoundSchema(ApiSchema):
    """Who was found, the surest first."""

    items = fields.List(fields.Nested(ContactHitSchema), required=True)
    more = fields.Boolean(required=True, metadata={"description": "Whether there are others: ask for less at once."})


# --- acts and standing ------------------------------------------------------------------------------------------------


def _codes(description: str) -> fields.List[str]:
    return fields.List(fields.String(), required=True, metadata={"description": description})


class EvidenceToldSchema(ApiSchema):
    """What shows a consent, without what is personal in it."""

    double_opt_in = fields.String(required=True, allow_none=True)
    confirmed_at = fields.String(required=True, allow_none=True)
    pre_ticked = fields.Boolean(required=True)
    condition_of_service = fields.Boolean(required=True)
    freely_joined = fields.Boolean(required=True)
    express_request = fields.Boolean(required=True)
    has_recording_or_attachment = fields.Boolean(required=True)


class LegalBasisSetSchema(ApiSchema):
    """A legal-basis tag as an entry set it."""

    purpose = fields.String(required=True)
    basis = fields.String(required=True)
    since = fields.String()
    until = fields.String()
    source = fields.String()


class LedgerEntrySchema(ApiSchema):
    """One entry of the ledger."""

    id = fields.Integer(required=True)
    event = fields.String(
        required=True,
        metadata={
            "description": "An event, or legal_basis_set, prohibition_added, prohibition_lifted, register_change."
        },
    )
    at = Moment(required=True, metadata={"description": "When it happened."})
    recorded_at = Moment(required=True)
    order_known = fields.Boolean(
        required=True, metadata={"description": "False where it was imported without its date."}
    )
    actor = fields.String(required=True, metadata={"description": "Who recorded it."})
    controller = fields.String(
        required=True, allow_none=True, metadata={"description": "Null: it speaks of all controllers."}
    )
    method = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)
    given_by = fields.String(required=True)
    channels = _codes("Empty: all.")
    purposes = _codes("Empty: all.")
    topics = _codes("Empty: all.")
    audiences = _codes("Platforms a consent names.")
    notice = fields.String(required=True, allow_none=True)
    prohibition = fields.String(required=True, allow_none=True)
    evidence = fields.Nested(EvidenceToldSchema, required=True)
    ground = fields.String(
        required=True, allow_none=True, metadata={"description": "Of `erasure_refused`: why the data is not erased."}
    )
    legal_basis = fields.Nested(LegalBasisSetSchema, required=True, allow_none=True)


class StandingCellSchema(ApiSchema):
    """One place of the grid."""

    controller = fields.String(required=True)
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    platform = fields.String(
        required=True, allow_none=True, validate=validate.OneOf(PLATFORMS),
        metadata={"description": "Of an online audience."},
    )  # fmt: skip
    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))
    topic = fields.String(required=True, allow_none=True, metadata={"description": "Null: the whole purpose."})
    state = fields.String(
        required=True, validate=validate.OneOf(("may", "review", "stopped", "nothing", "none")),
        metadata={
            "description": "`may`; a person decides first (`review`); something stops it; nothing allows it; there is no "
            "such thing (`none`)."
        },
    )  # fmt: skip
    ground = fields.String(required=True, allow_none=True, metadata={"description": "Why it may be."})
    since = fields.Date(required=True, allow_none=True, metadata={"description": "Since when it is so."})
    consent = fields.Integer(required=True, allow_none=True, metadata={"description": "The entry that permits it."})
    prohibitions = fields.List(fields.Integer(), required=True)
    events = fields.List(fields.Integer(), required=True, metadata={"description": "Entries that stop it."})
    whole = fields.List(fields.String(), required=True, metadata={"description": "What is true of the whole person."})


class StandingRowSchema(ApiSchema):
    """What holds in one scope, and the entry that made it so; `*` speaks of all."""

    matter = fields.String(required=True)
    controller = fields.String(required=True)
    channel = fields.String(required=True)
    purpose = fields.String(required=True)
    topic = fields.String(required=True)
    state = fields.String(required=True)
    at = Moment(required=True)
    entry_id = fields.Integer(required=True)


class StandingSchema(ApiSchema):
    """How a contact stands. It is no screening: whether a campaign may be sent, `check` says."""

    id = fields.Integer(required=True)
    whole = fields.List(
        fields.String(), required=True, metadata={"description": "What is true of the person, whatever the channel."}
    )
    grid = fields.List(
        fields.Nested(StandingCellSchema),
        required=True,
        metadata={"description": f"For each controller: {', '.join(LINES)}, by purpose; and topics."},
    )
    rows = fields.List(fields.Nested(StandingRowSchema), required=True)


class ContactBanSchema(ApiSchema):
    """A prohibition that reaches a contact."""

    id = fields.Integer(required=True)
    target_kind = fields.String(required=True)
    target = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The address it is on, where the contact still has it."},
    )
    channels = _codes("Empty: all.")
    purposes = _codes("Empty: all.")
    topics = _codes("Empty: all.")
    controllers = _codes("Empty: all; of others than the key's none is told.")
    source = fields.String(required=True)
    valid_from = fields.Date(required=True, allow_none=True)
    valid_until = fields.Date(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    recorded_at = Moment(required=True)
    lifted_at = Moment(required=True, allow_none=True)
    in_force = fields.Boolean(required=True)


class ContactBansSchema(ApiSchema):
    """Every prohibition that reaches a contact, those in force first."""

    items = fields.List(fields.Nested(ContactBanSchema), required=True)


class EventRecordedSchema(ApiSchema):
    """What became of one document."""

    status = fields.String(required=True, validate=validate.OneOf(("taken", "unchanged")))
