"""The machine door of people: contacts brought, read and looked for; how one of them stands.

A ref that is an address or a name would stand in addresses and so in logs; ``id:NUMBER`` stands for any contact.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Response, url_for
from marshmallow import fields, validate

from consentmgr.consents.sight import Sight
from consentmgr.edge import application
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import (
    ApiBlueprint,
    Page,
    bulk_schema,
    checked_etag,
    cursor,
    etag_of,
    make_page_schema,
    page_of,
    reads,
    session,
    tagged,
    values_of,
    writes,
)
from consentmgr.importing.api_bodies import LARGEST, MOST, body_of, document_of, rights, take_many, take_one
from consentmgr.importing.export import contact_documents
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people.api_schemas import (
    BESIDE,
    CONTACT,
    KEPT_CONTACT,
    AddressedContactSchema,
    ContactBansSchema,
    ContactPointsSchema,
    ContactRolesSchema,
    ContactSearchSchema,
    ContactsFoundSchema,
    ContactsSchema,
    KeptContactSchema,
    StandingSchema,
)
from consentmgr.people.listing import contact_meant, contact_row, list_people, standing_rows
from consentmgr.people.reading import ShownBan, person_of
from consentmgr.people.search import Question, look_for
from consentmgr.register.business_ids import names_meant
from consentmgr.register.name_words import words_of
from consentmgr.register.reading import contacts_by_ref
from consentmgr.register.rows import ContactRow
from consentmgr.register.writing import lock_register
from consentmgr.staff.api_access import caller, require_controller, scope, takes_up_to
from consentmgr.staff.api_reading import audited
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import Contact

contacts = ApiBlueprint(
    "api_contacts",
    __name__,
    description="Natural persons, and mailboxes not known to be one: what is known of them and how they stand.",
    tag="Contacts",
)

REF: Final = {
    "in": "path",
    "name": "ref",
    "required": True,
    "description": "The contact's ref, or `id:` and its number. A ref that is an address, or holds a stroke, is not "
    "written into an address: every answer tells the number beside it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "example": "crm:12345",
}  # fmt: skip
_DONE: Final = {
    "items": [
        {"index": 0, "status": "taken", "errors": []},
        {
            "index": 1,
            "status": "refused",
            "errors": [
                {
                    "pointer": "/points/0/value",
                    "code": "invalid",
                    "detail": "is not an e-mail address that can be matched",
                }
            ],
        },
    ],
    "taken": 1,
    "unchanged": 0,
    "refused": 1,
}


def sight() -> Sight:
    """What the key that asks may see."""
    return Sight(caller().controllers)


def told(row: ContactRow) -> dict[str, Any]:
    """A contact as the API tells it."""
    return _all_told([row])[0]


def _all_told(rows: list[ContactRow]) -> list[dict[str, Any]]:
    documents = contact_documents(session(), rows, sight=sight(), acts=False)
    return [
        {"id": row.id, "erased": row.erased_at is not None, **msgspec.to_builtins(document)}
        for row, document in zip(rows, documents, strict=True)
    ]


def _json(told: object) -> Response:
    return Response(msgspec.json.encode(told), mimetype="application/json")


# --- many -------------------------------------------------------------------------------------------------------------


class ContactsPage(Page):
    """Which contacts."""

    controller = fields.String(
        load_default=None, validate=validate.Length(1, 200), metadata={"description": "Contacts of this one alone."}
    )


@contacts.route("/contacts")
@scope(Scope.READ_CONTACTS)
@reads
@contacts.arguments(ContactsPage, location="query")
@contacts.response(200, make_page_schema(KeptContactSchema), example={"items": [KEPT_CONTACT], "next": None})
def list_contacts(page: dict[str, Any]) -> Response:
    """List contacts.

    Those of the key's controllers, in the order they came into the register, without their acts. A page may have fewer
    contacts than were asked for and still not be the last: go on until `next` is null. That they were read is recorded.
    """
    if page["controller"] is not None:
        require_controller(page["controller"])
    after = values_of(page["after"], int)[0] if page["after"] is not None else 0
    rows, following = list_people(
        session(), sight=sight(), after=after, limit=page["limit"], controller=page["controller"]
    )
    items = _all_told(rows)
    answer = page_of(items, cursor(following) if following is not None else None)
    audited("contacts", {"ids": [row.id for row in rows]})
    return _json(answer)


@contacts.route("/contacts", methods=["POST"])
@scope(Scope.WRITE_CONTACTS)
@takes_up_to(LARGEST)
@writes
@contacts.response(200, bulk_schema(), example=_DONE)
@contacts.doc(requestBody=body_of(ContactsSchema, {"items": [CONTACT]}, f"Up to {MOST:,} contacts."))
def bring_contacts() -> Response:
    """Add and change contacts.

    Each document is laid over what the register holds of its `ref`, as an import does it: a field that is absent, null
    or blank is left as it is, `clear` empties one, and the same document again is `unchanged`. All of a request is one
    transaction; a document that cannot be taken is `refused`, alone and whole, and the answer says why. Of a contact who
    was erased nothing is kept but acts.
    """
    return take_many(Contact, "contacts")


@contacts.route("/contacts/search", methods=["POST"])
@scope(Scope.READ_CONTACTS)
@reads
@contacts.arguments(ContactSearchSchema, example={"email": "aino.virtanen@posti.example"})
@contacts.response(
    200,
    ContactsFoundSchema,
    example={
        "items": [
            {
                "id": 4711,
                "ref": "crm:12345",
                "given_name": "Aino",
                "family_name": "Virtanen",
                "erased": False,
                "deceased": False,
                "found_by": "address",
            }
        ],
        "more": False,
    },
)
def search_contacts(asked: dict[str, Any]) -> dict[str, Any]:
    """Look for contacts.

    By an address, a business id, a ref or a name, which stand in the body and in no address. An erased contact is found
    by its ref, and by an address it had. That it was asked is recorded, without what was asked.
    """
    limit = asked.pop("limit")
    if len(asked) != 1:
        raise BadInput("exactly one of email, phone, business_id, ref and name says whom", field="")
    ((way, given),) = asked.items()
    found = look_for(session(), _question(way, given), sight=sight(), limit=limit)
    items = [
        {
            "id": hit.id,
            "ref": hit.ref,
            "given_name": hit.given_name,
            "family_name": hit.family_name,
            "erased": hit.erased,
            "deceased": hit.deceased,
            "found_by": hit.way,
        }
        for hit in found.hits
    ]
    audited("contacts", {"found": [hit.id for hit in found.hits]})
    return {"items": items, "more": found.more}


def _question(way: str, given: str) -> Question:
    keys = application.address_keys()
    if way in ("email", "phone"):
        point = keys.email(given) if way == "email" else keys.phone(given)
        if point is None:
            raise BadInput("is no address that can be matched", field=way)
        return Question(address_keys=(point.address_key,))
    if way == "business_id":
        return Question(organisations=tuple(names_meant(given)))
    if way == "ref":
        return Question(ref=given.strip())
    words = tuple(words_of(given))
    if not any(len(word) > 1 for word in words):
        raise BadInput("has no word of two letters", field="name")
    return Question(words=words)


# --- one --------------------------------------------------------------------------------------------------------------


def meant(ref: str) -> int:
    """The contact an address names. Raises ``NotFound`` where the key does not see it."""
    return contact_meant(session(), ref, sight())


@contacts.route("/contacts/<ref>", parameters=[REF])
@scope(Scope.READ_CONTACTS)
@reads
@contacts.response(200, KeptContactSchema, example=KEPT_CONTACT)
def show_contact(ref: str) -> Response:
    """Show a contact.

    The document, without its acts, as far as it concerns the key's controllers; a ref of a contact that was merged shows
    the one it was merged into. That it was read is recorded.
    """
    found = told(contact_row(session(), meant(ref)))
    checked_etag(etag_of(found))
    audited(f"contact:{found['id']}")
    return _json(found)


@contacts.route("/contacts/<ref>", methods=["PUT"], parameters=[REF])
@scope(Scope.WRITE_CONTACTS)
@writes
@contacts.response(200, KeptContactSchema, example=KEPT_CONTACT)
@contacts.alt_response(201, schema=KeptContactSchema, description="It is new.")
@contacts.alt_response(412, "Problem412")
@contacts.doc(requestBody=body_of(AddressedContactSchema, CONTACT))
def put_contact(ref: str) -> tuple[Response, int]:
    """Add or change a contact.

    The document is laid over what the register holds: a field that is absent, null or blank is left as it is, and `clear`
    empties one. `If-Match` makes sure of what is changed, `If-None-Match: *` that it is new. The answer is the whole
    contact as it stands.
    """
    asked = session()
    # Held from here on, so that what the tag was made of is what is changed.
    lock_register(asked)
    row: ContactRow | None
    try:
        row = contact_row(asked, meant(ref))
    except NotFound:
        if ref.startswith("id:") or contacts_by_ref(asked, [ref]):
            raise
        row = None
    checked_etag(None if row is None else etag_of(told(row)))
    document = document_of(Contact, path={"ref": ref if row is None else row.ref}, left_out=BESIDE)
    take_one(document, f"contact:{row.id}" if row is not None else "contact:new")
    after = contact_row(asked, meant(document.ref.strip()))
    found = told(after)
    tagged(etag_of(found))
    if row is None:
        tell_header("Location", url_for("api_contacts.show_contact", ref=f"id:{after.id}"))
    return _json(found), 201 if row is None else 200


@contacts.route("/contacts/<ref>/points", parameters=[REF])
@scope(Scope.READ_CONTACTS)
@reads
@contacts.response(200, ContactPointsSchema, example={"items": CONTACT["points"]})
def list_points(ref: str) -> Response:
    """List a contact's points.

    Every address and number, with where it came from and whether it works.
    """
    return _part(ref, "points")


@contacts.route("/contacts/<ref>/roles", parameters=[REF])
@scope(Scope.READ_CONTACTS)
@reads
@contacts.response(
    200,
    ContactRolesSchema,
    example={"items": [{"organisation": "0112038-9", "title": "HR manager", "areas": [{"area": "human_resources"}]}]},
)
def list_roles(ref: str) -> Response:
    """List a contact's roles.

    In which organisations, since when, and answering for what.
    """
    return _part(ref, "roles")


def _part(ref: str, name: str) -> Response:
    found = told(contact_row(session(), meant(ref)))
    audited(f"contact:{found['id']}", {"what": name})
    return _json({"items": found.get(name, [])})


# --- how they stand ---------------------------------------------------------------------------------------------------


@contacts.route("/contacts/<ref>/standing", parameters=[REF])
@scope(Scope.READ_CONTACTS)
@reads
@contacts.response(
    200,
    StandingSchema,
    example={
        "id": 4711,
        "whole": [],
        "grid": [
            {
                "controller": "acme",
                "channel": "email",
                "platform": None,
                "purpose": "direct_marketing",
                "topic": None,
                "state": "may",
                "ground": "consent",
                "since": "2026-11-01",
                "consent": 160,
                "prohibitions": [],
                "events": [],
                "whole": [],
            }
        ],
        "rows": [
            {
                "matter": "permission",
                "controller": "acme",
                "channel": "email",
                "purpose": "direct_marketing",
                "topic": "*",
                "state": "consented",
                "at": "2026-11-01T08:00:00+00:00",
                "entry_id": 160,
            }
        ],
    },
)
def show_standing(ref: str) -> dict[str, Any]:
    """Show how a contact stands.

    For each of the key's controllers that the contact has to do with: what acts and prohibitions amount to, channel by
    channel and purpose by purpose, with the ground and its day; and the rows of the ledger's own fold. It is no
    screening: what a campaign may do is asked of `check`.
    """
    number = meant(ref)
    person = person_of(session(), number, sight(), clock.now())
    rows = [row._asdict() for row in standing_rows(session(), person.contact.id, sight())]
    grid = []
    for place, cell in person.grid.items():
        channel, _, platform = place.line.partition(":")
        grid.append(
            {
                "controller": place.controller,
                "channel": channel,
                "platform": platform or None,
                "purpose": place.purpose,
                "topic": place.topic or None,
                "state": cell.state,
                "ground": cell.ground,
                "since": cell.since,
                "consent": cell.consent,
                "prohibitions": list(cell.bans),
                "events": list(cell.acts),
                "whole": list(cell.whole),
            }
        )
    audited(f"contact:{person.contact.id}", {"what": "standing"})
    return {"id": person.contact.id, "whole": list(person.whole), "grid": grid, "rows": rows}


@contacts.route("/contacts/<ref>/prohibitions", parameters=[REF])
@scope(Scope.READ_PROHIBITIONS)
@reads
@contacts.response(
    200,
    ContactBansSchema,
    example={
        "items": [
            {
                "id": 12,
                "target_kind": "email",
                "target": "aino.virtanen@posti.example",
                "channels": ["email"],
                "purposes": [],
                "topics": [],
                "controllers": [],
                "source": "self",
                "valid_from": "2026-01-01",
                "valid_until": None,
                "reference": None,
                "recorded_at": "2026-01-01T10:00:00+02:00",
                "lifted_at": None,
                "in_force": True,
            }
        ]
    },
)
def list_contact_prohibitions(ref: str) -> dict[str, Any]:
    """List the prohibitions that reach a contact.

    On the contact, on any address it has or had, on its organisations and their domains; lifted and ended ones after
    those in force.
    """
    person = person_of(session(), meant(ref), sight(), clock.now())
    items = [_ban_told(one) for one in person.bans]
    audited(f"contact:{person.contact.id}", {"what": "prohibitions", "bans": len(items)})
    return {"items": items}


def _ban_told(one: ShownBan) -> dict[str, Any]:
    ban = one.ban
    names = (
        "id", "target_kind", "channels", "purposes", "topics", "source", "valid_from", "valid_until", "reference",
        "recorded_at", "lifted_at",
    )  # fmt: skip
    return {
        **{name: getattr(ban, name) for name in names},
        "target": one.target if ban.contact_ref is None else ban.contact_ref,
        "controllers": list(one.controllers),
        "in_force": one.in_force,
    }


__all__ = ["contacts", "meant", "rights", "sight"]
