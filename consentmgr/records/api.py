"""The machine door of consent records: a person's, by ref, as data and as a copy to hand out. Every reading is audited."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from consentmgr.consents.sight import Sight
from consentmgr.edge import application
from consentmgr.edge.api import ApiBlueprint, ApiSchema, Moment, reads, session
from consentmgr.kit import clock
from consentmgr.records import printed
from consentmgr.records.printed import Copy
from consentmgr.records.saving import saved
from consentmgr.records.service import PersonsRecords, receipt_file, record_file, records_of_ref, withdrawal_page
from consentmgr.staff.api_access import caller, scope
from consentmgr.staff.api_reading import audited
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.codes import LANGUAGES

records_api = ApiBlueprint(
    "api_records",
    __name__,
    description="What a person agreed to, refused and withdrew: signed records, receipts, and a copy for the person.",
    tag="Consent records",
)

_BINARY: Final = {"type": "string", "format": "binary"}
_REF: Final = {
    "in": "path",
    "name": "ref",
    "required": True,
    "description": "The contact's ref, or `id:` and its number.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "example": "crm:12345",
}


class ConsentRecordSchema(ApiSchema):
    """One record in short."""

    id = fields.UUID(required=True, metadata={"description": "Always the same for the same consent."})
    controller = fields.String(required=True)
    state = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(("given", "requested", "refused", "withdrawn", "invalid")),
        metadata={"description": "What all of it is in now; null where parts of it are in several."},
    )
    channels = fields.List(fields.String(), required=True)
    purposes = fields.List(fields.String(), required=True)
    topics = fields.List(fields.String(), required=True)
    platforms = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    changed_at = Moment(required=True)
    has_receipt = fields.Boolean(required=True, metadata={"description": "Whether a consent was given in it."})


class ConsentRecordsSchema(ApiSchema):
    """Every record of one person, oldest first."""

    items = fields.List(fields.Nested(ConsentRecordSchema), required=True)


class CopySchema(ApiSchema):
    """How the copy is to be."""

    language = fields.String(
        load_default=None,
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "Without it the person's own language, and Finnish where none is known."},
    )


@records_api.route("/contacts/<ref>/consent-records", parameters=[_REF])
@scope(Scope.READ_RECORDS)
@reads
@records_api.response(200, ConsentRecordsSchema)
def list_consent_records(ref: str) -> dict[str, Any]:
    """List a person's consent records.

    One record is one scope of consent: controller, channels, purposes, topics and platforms.
    """
    found = _found(ref)
    return {
        "items": [
            {
                "id": record.id,
                "controller": record.controller,
                "state": record.state,
                "channels": sorted({process.matter.channel for process in record.processes}),
                "purposes": sorted({process.matter.purpose for process in record.processes}),
                "topics": sorted({process.matter.topic for process in record.processes if process.matter.topic}),
                "platforms": sorted(
                    {process.matter.platform for process in record.processes if process.matter.platform}
                ),
                "created_at": record.created_at,
                "changed_at": record.changed_at,
                "has_receipt": record.given is not None,
            }
            for record in found.records
        ]
    }


@records_api.route("/contacts/<ref>/consent-records/<uuid:record_id>", parameters=[_REF])
@scope(Scope.READ_RECORDS)
@reads
@records_api.response(200, {"type": "object"}, content_type="application/ld+json")
def get_consent_record(ref: str, record_id: UUID) -> Response:
    """Read one consent record.

    JSON-LD in the structure of ISO/IEC TS 27560:2023 with terms of the Data Privacy Vocabulary, signed with the
    installation's key (`cm:signature`, a compact JWS of all the rest).
    """
    found = _found(ref)
    document = record_file(
        found, found.one(record_id), settings=application.settings(), key=application.keys().signing_key
    )
    return Response(document, mimetype="application/ld+json")


@records_api.route("/contacts/<ref>/consent-records/<uuid:record_id>/receipt", parameters=[_REF])
@scope(Scope.READ_RECORDS)
@reads
@records_api.response(200, {"type": "object"})
def get_consent_receipt(ref: str, record_id: UUID) -> Response:
    """Read the receipt of a consent.

    The Kantara consent receipt 1.1.0 of the newest consent of the record, signed as records are. Where no consent was
    given in the record there is none.
    """
    found = _found(ref)
    document = receipt_file(found, found.one(record_id), key=application.keys().signing_key)
    return Response(document, mimetype="application/json")


@records_api.route("/contacts/<ref>/consent-records/copy.html", parameters=[_REF])
@scope(Scope.READ_RECORDS)
@reads
@records_api.arguments(CopySchema, location="query")
@records_api.response(200, _BINARY, content_type="text/html")
def get_consent_copy(how: dict[str, Any], ref: str) -> Response:
    """Read the person's own copy as one HTML file."""
    return saved(printed.html_file(_copy(ref, how)), "text/html", "consents.html")


@records_api.route("/contacts/<ref>/consent-records/copy.pdf", parameters=[_REF])
@scope(Scope.READ_RECORDS)
@reads
@records_api.arguments(CopySchema, location="query")
@records_api.response(200, _BINARY, content_type="application/pdf")
def get_consent_copy_as_pdf(how: dict[str, Any], ref: str) -> Response:
    """Read the person's own copy as PDF."""
    return saved(printed.pdf_file(_copy(ref, how)), "application/pdf", "consents.pdf")


def _copy(ref: str, how: dict[str, Any]) -> Copy:
    found = _found(ref)
    return printed.copy_of(
        found,
        language=printed.language_of(how["language"], found.language),
        withdraw_at=withdrawal_page(application.settings()),
    )


def _found(ref: str) -> PersonsRecords:
    """The person's records; the reading is audited before anything is answered."""
    found = records_of_ref(
        session(), ref, sight=Sight(caller().controllers), keys=application.address_keys(), now=clock.now()
    )
    audited(f"contact:{found.contact_id}", {"consent_records": len(found.records)})
    return found
