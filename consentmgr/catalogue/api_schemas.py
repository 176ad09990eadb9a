"""What the API tells of the catalogue and of prohibitions: the documents of the contract, and what is told beside them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields, validate

from consentmgr.edge.api import ApiSchema, Moment
from consentmgr.edge.document_schemas import document_schema
from consentmgr.importing.api_bodies import addressed, items_schema
from consentmgr.prohibitions.listing import STATES
from consentmgr.vocabulary.codes import CHANNELS, PROHIBITION_SOURCES, PURPOSES
from consentmgr.vocabulary.documents import Controller, Notice, Organisation, Prohibition, ProhibitionTarget, Topic

ORGANISATION: Final[dict[str, Any]] = {
    "business_id": "2800301-9",
    "country": "FI",
    "name": "Ekman Oy",
    "form": "limited_company",
    "status": "active",
    "employees": 40,
    "domains": ["ekman.example"],
    "points": [{"channel": "email", "value": "info@ekman.example", "use": "generic", "source": "ytj"}],
}
TOPIC: Final[dict[str, Any]] = {
    "kind": "newsletter",
    "controller": "acme",
    "names": {"fi": "Koulutusuutiset", "sv": "Utbildningsnytt", "en": "Training news"},
    "cadence": "monthly",
    "public": True,
}
NOTICE: Final[dict[str, Any]] = {
    "text": "Haluan Acme Oy:n markkinointia sähköpostiini.",
    "controllers": ["acme"],
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "supersedes": "minor",
}
PROHIBITION: Final[dict[str, Any]] = {
    "target": {"email": "aino.virtanen@posti.example"},
    "channels": ["email"],
    "controllers": ["acme"],
    "source": "self",
    "valid_from": "2026-11-01",
    "evidence": {"note": "told the customer service by phone"},
}

#: What an answer says of an organisation beside the document. Sent back, it is not looked at.
BESIDE: Final = ("id",)

ControllerSchema = document_schema(Controller)
KeptOrganisationSchema = document_schema(
    Organisation,
    name="KeptOrganisation",
    told={"ref": "What identifies it where there is no business id.", "customer_of": "Of the key's controllers."},
    more={
        "id": fields.Integer(metadata={"readOnly": True, "description": "The organisation's number, for addresses."})
    },
)
#: Fields that the address says.
TopicSchema = document_schema(Topic)
NoticeSchema = document_schema(Notice)
AddressedTopicSchema = addressed(TopicSchema, "AddressedTopic", "key")
AddressedNoticeSchema = addressed(NoticeSchema, "AddressedNotice", "key", "version", "language")

# --- prohibitions -----------------------------------------------------------------------------------------------------

ProhibitionSchema = document_schema(
    Prohibition,
    told={
        "channels": "Empty: all.",
        "purposes": "Empty: all.",
        "topics": "Empty: all.",
        "controllers": "Empty: all; a key for some controllers names one of them at least.",
        "evidence": "What shows it, such as who told whom and when.",
    },
)
ProhibitionsSchema = items_schema(ProhibitionSchema, "Prohibitions")


def _codes() -> fields.List[str]:
    return fields.List(fields.String(), required=True, metadata={"description": "Empty: all."})


class KeptProhibitionSchema(ApiSchema):
    """A prohibition as it stands."""

    id = fields.Integer(required=True)
    target_kind = fields.String(required=True, validate=validate.OneOf(tuple(ProhibitionTarget.__struct_fields__)))
    target = fields.String(
        required=True,
        metadata={
            "description": "The contact's ref, the organisation, the domain; of an address no more than its beginnings, of "
            "one known by its digest alone the digest's."
        },
    )
    channels = _codes()
    purposes = _codes()
    topics = _codes()
    controllers = _codes()
    source = fields.String(required=True)
    valid_from = fields.Date(required=True, allow_none=True)
    valid_until = fields.Date(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    recorded_at = Moment(required=True)
    lifted_at = Moment(required=True, allow_none=True)
    in_force = fields.Boolean(required=True)
    entry_id = fields.Integer(required=True, allow_none=True, metadata={"description": "The ledger's entry of it."})
    lifted_by_entry = fields.Integer(required=True, allow_none=True)


KEPT_PROHIBITION: Final = {
    "id": 12,
    "target_kind": "email",
    "target": "a•••@p•••.example",
    "channels": ["email"],
    "purposes": [],
    "topics": [],
    "controllers": ["acme"],
    "source": "self",
    "valid_from": "2026-11-01",
    "valid_until": None,
    "reference": None,
    "recorded_at": "2026-11-01T10:00:00+02:00",
    "lifted_at": None,
    "in_force": True,
    "entry_id": 160,
    "lifted_by_entry": None,
}


class LiftingActSchema(ApiSchema):
    """The person's own act that lifts."""

    at = Moment(required=True, metadata={"description": "When the person acted: later than the prohibition."})
    method = fields.String(
        required=True,
        validate=validate.OneOf(("web_form", "email_link", "sms_reply", "phone", "paper", "in_person")),
        metadata={"description": "By which way the person told it."},
    )
    given_by = fields.String(
        load_default="self",
        validate=validate.OneOf(("self", "representative")),
        metadata={"description": "A representative has shown the authority."},
    )
    reason = fields.String(required=True, validate=(validate.Length(1, 2_000), validate.Regexp(r"(?s).*\S")))
    evidence = fields.String(
        required=True,
        validate=(validate.Length(1, 2_000), validate.Regexp(r"(?s).*\S")),
        metadata={"description": "What shows that the person said so: a case, a recording, a form."},
    )


LIFT: Final = {
    "at": "2026-11-20T10:00:00+02:00",
    "method": "phone",
    "reason": "asked to get the newsletter again",
    "evidence": "call 20261120-1043, recorded",
}


class FilterFields(ApiSchema):
    """Which prohibitions."""

    state = fields.String(load_default="in_force", validate=validate.OneOf(STATES))
    source = fields.String(load_default=None, validate=validate.OneOf(PROHIBITION_SOURCES))
    target_kind = fields.String(load_default=None, validate=validate.OneOf(tuple(ProhibitionTarget.__struct_fields__)))
    channel = fields.String(load_default=None, validate=validate.OneOf(CHANNELS))
    purpose = fields.String(load_default=None, validate=validate.OneOf(PURPOSES))
    controller = fields.String(load_default=None, validate=validate.Length(1, 200))


class ProhibitionSearchSchema(ApiSchema):
    """Whose prohibitions: exactly one of these."""

    email = fields.String(validate=validate.Length(1, 320))
    phone = fields.String(validate=validate.Length(1, 60))
    contact = fields.String(validate=validate.Length(1, 200))
    organisation = fields.String(validate=validate.Length(1, 200))
    domain = fields.String(validate=validate.Length(1, 253))


class ProhibitionsFoundSchema(ApiSchema):
    """The prohibitions on what was asked for, the newest 200 of them."""

    items = fields.List(fields.Nested(KeptProhibitionSchema), required=True)
