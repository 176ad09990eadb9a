"""The machine door of what people say: consents, refusals, withdrawals, objections, into the ledger and out of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response

from consentmgr.edge.api import (
    ApiBlueprint,
    Page,
    bulk_schema,
    cursor,
    make_page_schema,
    page_of,
    reads,
    session,
    values_of,
    writes,
)
from consentmgr.importing.api_bodies import LARGEST, MOST, body_of, document_of, take_many, take_one
from consentmgr.people.api import REF, meant, sight
from consentmgr.people.api_schemas import ACT, EVENT, ActSchema, EventRecordedSchema, EventsSchema, LedgerEntrySchema
from consentmgr.people.listing import Entry, EntryPlace, contact_row, list_acts
from consentmgr.staff.api_access import scope, takes_up_to
from consentmgr.staff.api_reading import audited
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import Event

events = ApiBlueprint(
    "api_events",
    __name__,
    description="What people said and did, entry by entry; appended and never changed.",
    tag="Events",
)

_ENTRY: dict[str, Any] = {
    "id": 160,
    "event": "consent_given",
    "at": "2026-11-01T08:00:00+00:00",
    "recorded_at": "2026-11-01T08:04:10+00:00",
    "order_known": True,
    "actor": "key:3",
    "controller": "acme",
    "method": "web_form",
    "source": "web",
    "given_by": "self",
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "topics": [],
    "audiences": [],
    "notice": "signup/3/fi",
    "prohibition": None,
    "evidence": {
        "double_opt_in": "confirmed",
        "confirmed_at": "2026-11-01T08:04:00.000000Z",
        "pre_ticked": False,
        "condition_of_service": False,
        "freely_joined": False,
        "express_request": False,
        "has_recording_or_attachment": False,
    },
    "ground": None,
    "legal_basis": None,
}


@events.route("/events", methods=["POST"])
@scope(Scope.WRITE_EVENTS)
@takes_up_to(LARGEST)
@writes
@events.response(
    200,
    bulk_schema(),
    example={
        "items": [{"index": 0, "status": "taken", "errors": []}],
        "taken": 1,
        "unchanged": 0,
        "refused": 0,
    },
)
@events.doc(requestBody=body_of(EventsSchema, {"items": [EVENT]}, f"Up to {MOST:,} events."))
def bring_events() -> Response:
    """Record what people said.

    All in one transaction; an event that is in the ledger already is `unchanged`. `method` says by which way the person
    said it: without one it counts as imported, and an import opens nothing that was stopped. A consent without `notice`,
    recording or attachment is unproven. What lifts (`objection_lifted`, `restriction_lifted`) needs the scope
    prohibitions:lift, a `reason`, and the person's or a proven representative's own word; without the scope it is
    refused with the code `forbidden`. A key for some controllers names one of them in each event.
    """
    return take_many(Event, "events")


@events.route("/contacts/<ref>/events", methods=["POST"], parameters=[REF])
@scope(Scope.WRITE_EVENTS)
@writes
@events.response(201, EventRecordedSchema, example={"status": "taken"})
@events.alt_response(200, schema=EventRecordedSchema, description="It was in the ledger already.")
@events.doc(requestBody=body_of(ActSchema, ACT, "The event; `contact` is said by the address."))
def record_event(ref: str) -> tuple[dict[str, Any] | Response, int]:
    """Record what a contact said.

    As `POST /events` with this contact.
    """
    row = contact_row(session(), meant(ref))
    event = document_of(Event, path={"contact": row.ref})
    status = take_one(event, f"contact:{row.id}").status(0)
    if status == "taken":
        return {"status": status}, 201
    return Response('{"status":"unchanged"}', mimetype="application/json"), 200


@events.route("/contacts/<ref>/events", parameters=[REF])
@scope(Scope.READ_CONTACTS)
@reads
@events.arguments(Page, location="query")
@events.response(200, make_page_schema(LedgerEntrySchema), example={"items": [_ENTRY], "next": None})
def list_events(page: dict[str, Any], ref: str) -> dict[str, Any]:
    """List what a contact said.

    The entries of the ledger that concern the key's controllers, by when they happened, the newest first; evidence
    without what is personal in it. That they were read is recorded.
    """
    number = meant(ref)
    after = None
    if page["after"] is not None:
        after = EntryPlace(*values_of(page["after"], datetime, int))
    limit = page["limit"]
    found = list_acts(session(), number, sight=sight(), after=after, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    answer = page_of([_told(entry) for entry in found[:limit]], cursor(last.at, last.id) if last is not None else None)
    audited(f"contact:{number}", {"what": "events", "entries": len(found[:limit])})
    return answer


def _told(entry: Entry) -> dict[str, Any]:
    told = entry._asdict()
    detail = told.pop("detail")
    evidence = {
        name: told.pop(name)
        for name in ("double_opt_in", "pre_ticked", "condition_of_service", "freely_joined", "express_request")
    }
    told["evidence"] = {
        **evidence,
        "confirmed_at": detail.get("confirmed_at"),
        "has_recording_or_attachment": told.pop("has_proof"),
    }
    told["ground"] = detail.get("ground") if entry.event == "erasure_refused" else None
    told["legal_basis"] = detail if entry.event == "legal_basis_set" else None
    return told
