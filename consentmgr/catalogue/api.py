"""The machine door of the catalogue: controllers, organisations, topics, notices."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Response, url_for
from marshmallow import fields, validate
from sqlalchemy import ColumnElement, cast, func, select, tuple_

from consentmgr.catalogue.api_schemas import (
    BESIDE,
    NOTICE,
    ORGANISATION,
    TOPIC,
    AddressedNoticeSchema,
    AddressedTopicSchema,
    ControllerSchema,
    KeptOrganisationSchema,
    NoticeSchema,
    TopicSchema,
)
from consentmgr.consents.sight import Sight
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import (
    ApiBlueprint,
    Page,
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
from consentmgr.importing.api_bodies import body_of, document_of, take_one
from consentmgr.importing.export import (
    controller_document,
    notice_document,
    organisation_documents,
    topic_document,
)
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.business_ids import canonical_business_id, canonical_reference, names_meant
from consentmgr.register.models import Controller as StoredController
from consentmgr.register.models import Notice as StoredNotice
from consentmgr.register.models import Organisation as StoredOrganisation
from consentmgr.register.models import Topic as StoredTopic
from consentmgr.register.models import text_array
from consentmgr.register.reading import organisations_named, rows_by
from consentmgr.register.rows import ControllerRow, NoticeRow, OrganisationRow, TopicRow
from consentmgr.register.writing import lock_register
from consentmgr.staff.api_access import caller, own, require_controller, scope
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.codes import LANGUAGES
from consentmgr.vocabulary.documents import Notice, Organisation, Topic

things = ApiBlueprint(
    "api_catalogue",
    __name__,
    description="Controllers, organisations, topics, and the words people are shown.",
    tag="Catalogue",
)

_KEPT_ORGANISATION: Final = {"type": "organisation", "id": 31, **ORGANISATION}
_KEPT_TOPIC: Final = {"type": "topic", "key": "training-news", **TOPIC}
_KEPT_NOTICE: Final = {"type": "notice", "key": "signup", "version": 3, "language": "fi", **NOTICE}
_TOPIC_KEY: Final = {
    "in": "path",
    "name": "key",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "example": "training-news",
}
_NOTICE_PARTS: Final = [
    {**_TOPIC_KEY, "example": "signup"},
    {
        "in": "path",
        "name": "version",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
        "example": 3,
    },
    {"in": "path", "name": "language", "required": True, "schema": {"type": "string", "enum": list(LANGUAGES)}, "example": "fi"},
]  # fmt: skip


def _json(told: object) -> Response:
    return Response(msgspec.json.encode(told), mimetype="application/json")


def _own_of(column: Any) -> ColumnElement[bool]:
    mine = caller().controllers
    found: ColumnElement[bool] = column.is_not(None) if mine is None else column.in_(sorted(mine))
    return found


# --- controllers ------------------------------------------------------------------------------------------------------


@things.route("/controllers")
@scope(Scope.READ_CATALOGUE)
@reads
@things.arguments(Page, location="query")
@things.response(
    200,
    make_page_schema(ControllerSchema),
    example={
        "items": [
            {"type": "controller", "key": "acme", "name": "Acme Oy", "business_id": "2345678-9", "default": True}
        ],
        "next": None,
    },
)
def list_controllers(page: dict[str, Any]) -> Response:
    """List controllers.

    Those the key is for, by their keys (GDPR 4(7)).
    """
    after = values_of(page["after"], str)[0] if page["after"] is not None else ""
    keys = session().scalars(
        select(StoredController.key)
        .where(_own_of(StoredController.key), StoredController.key > after)
        .order_by(StoredController.key)
        .limit(page["limit"] + 1)
    )
    rows = rows_by(session(), ControllerRow, "key", keys.all())
    following = cursor(rows[page["limit"] - 1].key) if len(rows) > page["limit"] else None
    return _json(page_of([controller_document(row) for row in rows[: page["limit"]]], following))


# --- organisations ----------------------------------------------------------------------------------------------------


class OrganisationsPage(Page):
    """Which organisations."""

    business_id = fields.String(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "The one with this business id, or this ref where it has none."},
    )
    domain = fields.String(
        load_default=None, validate=validate.Length(1, 253), metadata={"description": "Those with this domain."}
    )


def _organisations_told(rows: list[OrganisationRow]) -> list[dict[str, Any]]:
    documents = organisation_documents(session(), rows, sight=Sight(caller().controllers))
    return [{"id": row.id, **msgspec.to_builtins(document)} for row, document in zip(rows, documents, strict=True)]


@things.route("/organisations")
@scope(Scope.READ_CATALOGUE)
@reads
@things.arguments(OrganisationsPage, location="query")
@things.response(200, make_page_schema(KeptOrganisationSchema), example={"items": [_KEPT_ORGANISATION], "next": None})
def list_organisations(page: dict[str, Any]) -> Response:
    """List organisations.

    In the order they came into the register. Organisations are nobody's in particular; whose customers they are is told
    of the key's controllers.
    """
    after = values_of(page["after"], int)[0] if page["after"] is not None else 0
    wanted = select(StoredOrganisation.id).where(StoredOrganisation.id > after)
    if (given := page["business_id"]) is not None:
        names = names_meant(given)
        wanted = wanted.where(StoredOrganisation.identity.in_(names) | StoredOrganisation.ref.in_(names))
    if page["domain"] is not None:
        wanted = wanted.where(StoredOrganisation.domains.op("@>")(cast([page["domain"].strip().lower()], text_array())))
    ids = session().scalars(wanted.order_by(StoredOrganisation.id).limit(page["limit"] + 1)).all()
    rows = rows_by(session(), OrganisationRow, "id", ids)
    following = cursor(rows[page["limit"] - 1].id) if len(rows) > page["limit"] else None
    return _json(page_of(_organisations_told(rows[: page["limit"]]), following))


def _organisation(number: int) -> OrganisationRow:
    rows = rows_by(session(), OrganisationRow, "id", {number})
    if not rows:
        raise NotFound("there is no such organisation")
    return rows[0]


@things.route("/organisations/<int(max=9223372036854775807):organisation_id>")
@scope(Scope.READ_CATALOGUE)
@reads
@things.response(200, KeptOrganisationSchema, example=_KEPT_ORGANISATION)
def show_organisation(organisation_id: int) -> Response:
    """Show an organisation.

    The document; whose customer it is, as far as it concerns the key's controllers.
    """
    (found,) = _organisations_told([_organisation(organisation_id)])
    checked_etag(etag_of(found))
    return _json(found)


@things.route("/organisations", methods=["POST"])
@scope(Scope.WRITE_CATALOGUE)
@writes
@things.response(201, KeptOrganisationSchema, example=_KEPT_ORGANISATION)
@things.alt_response(200, schema=KeptOrganisationSchema, description="It was known; the document was laid over it.")
@things.doc(requestBody=body_of(KeptOrganisationSchema, ORGANISATION))
def bring_organisation() -> tuple[Response, int]:
    """Add or change an organisation.

    Found by its business id, or by its ref where it has none; a field that is absent, null or blank is left as it is.
    """
    lock_register(session())
    document = document_of(Organisation, left_out=BESIDE)
    before = _named(document)
    take_one(document, f"organisation:{before.id}" if before is not None else "organisation:new")
    row = _named(document)
    assert row is not None
    (found,) = _organisations_told([row])
    tagged(etag_of(found))
    tell_header("Location", url_for("api_catalogue.show_organisation", organisation_id=row.id))
    return _json(found), 201 if before is None else 200


def _named(document: Organisation) -> OrganisationRow | None:
    given, ref = (document.business_id or "").strip(), (document.ref or "").strip()
    identity = canonical_business_id(given, document.country or "FI") or given
    names = [name for name in (identity, canonical_reference(ref) if ref else None) if name]
    known = organisations_named(session(), names) if names else {}
    return next((known[name] for name in names if name in known), None)


@things.route("/organisations/<int(max=9223372036854775807):organisation_id>", methods=["PUT"])
@scope(Scope.WRITE_CATALOGUE)
@writes
@things.response(200, KeptOrganisationSchema, example=_KEPT_ORGANISATION)
@things.alt_response(412, "Problem412")
@things.doc(requestBody=body_of(KeptOrganisationSchema, ORGANISATION))
def put_organisation(organisation_id: int) -> Response:
    """Change an organisation.

    The document is laid over what the register holds, and its business id and ref may be left out; `clear` empties a
    field.
    """
    lock_register(session())
    row = _organisation(organisation_id)
    (told,) = _organisations_told([row])
    checked_etag(etag_of(told))
    document = document_of(Organisation, left_out=BESIDE)
    if document.business_id is None and document.ref is None:
        document = msgspec.structs.replace(
            document, business_id=row.business_id, ref=row.ref, country=document.country or row.country
        )
    named = _named(document)
    if named is None or named.id != row.id:
        raise BadInput("is another organisation's than the one of this address", field="business_id")
    take_one(document, f"organisation:{row.id}")
    (found,) = _organisations_told([_organisation(organisation_id)])
    tagged(etag_of(found))
    return _json(found)


# --- topics -----------------------------------------------------------------------------------------------------------


@things.route("/topics")
@scope(Scope.READ_CATALOGUE)
@reads
@things.arguments(Page, location="query")
@things.response(200, make_page_schema(TopicSchema), example={"items": [_KEPT_TOPIC], "next": None})
def list_topics(page: dict[str, Any]) -> Response:
    """List topics.

    What people pick on the preference page, and product groups; those of the key's controllers, by their keys.
    """
    after = values_of(page["after"], str)[0] if page["after"] is not None else ""
    keys = session().scalars(
        select(StoredTopic.key)
        .where(_own_of(StoredTopic.controller), StoredTopic.key > after)
        .order_by(StoredTopic.key)
        .limit(page["limit"] + 1)
    )
    rows = rows_by(session(), TopicRow, "key", keys.all())
    following = cursor(rows[page["limit"] - 1].key) if len(rows) > page["limit"] else None
    return _json(page_of([msgspec.to_builtins(topic_document(row)) for row in rows[: page["limit"]]], following))


def _topic(key: str) -> TopicRow | None:
    rows = rows_by(session(), TopicRow, "key", {key}) if "\0" not in key else []
    if rows:
        require_controller(rows[0].controller)
    return rows[0] if rows else None


def _topic_told(row: TopicRow) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(topic_document(row))
    return found


@things.route("/topics/<key>", methods=["PUT"], parameters=[_TOPIC_KEY])
@scope(Scope.WRITE_CATALOGUE)
@writes
@things.response(200, TopicSchema, example=_KEPT_TOPIC)
@things.alt_response(201, schema=TopicSchema, description="It is new.")
@things.alt_response(412, "Problem412")
@things.doc(requestBody=body_of(AddressedTopicSchema, TOPIC))
def put_topic(key: str) -> tuple[Response, int]:
    """Add or change a topic.

    The document is laid over what the register holds; `clear` empties a field. A topic is hidden (`"public": false`) and
    never removed, because consents speak of it.
    """
    lock_register(session())
    row = _topic(key)
    checked_etag(None if row is None else etag_of(_topic_told(row)))
    kept = {} if row is None else {"public": row.public, "kind": row.kind, "controller": row.controller}
    document = document_of(Topic, path={"key": key}, otherwise=kept)
    take_one(document, f"topic:{key}")
    after = _topic(document.key.strip())
    assert after is not None
    found = _topic_told(after)
    tagged(etag_of(found))
    return _json(found), 201 if row is None else 200


# --- notices ----------------------------------------------------------------------------------------------------------


def _seen_notices() -> ColumnElement[bool]:
    mine = caller().controllers
    if mine is None:
        return StoredNotice.version > 0
    return (func.cardinality(StoredNotice.controllers) == 0) | StoredNotice.controllers.op("&&")(sorted(mine))


def _notice_told(row: StoredNotice) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(
        notice_document(NoticeRow(**{name: getattr(row, name) for name in NoticeRow.columns()}))
    )
    if (named := found.get("controllers")) is not None:
        found["controllers"] = [controller for controller in named if own(controller)]
    return found


class NoticesPage(Page):
    """Which notices."""

    key = fields.String(
        load_default=None, validate=validate.Length(1, 200), metadata={"description": "The versions of this one alone."}
    )


@things.route("/notices")
@scope(Scope.READ_CATALOGUE)
@reads
@things.arguments(NoticesPage, location="query")
@things.response(200, make_page_schema(NoticeSchema), example={"items": [_KEPT_NOTICE], "next": None})
def list_notices(page: dict[str, Any]) -> Response:
    """List notices.

    The exact words people were shown (GDPR 7(1)): those that name one of the key's controllers, or nobody's, by key,
    version and language.
    """
    wanted = select(StoredNotice).where(_seen_notices())
    place = (StoredNotice.key, StoredNotice.version, StoredNotice.language)
    if page["key"] is not None:
        wanted = wanted.where(StoredNotice.key == page["key"])
    if page["after"] is not None:
        wanted = wanted.where(tuple_(*place) > values_of(page["after"], str, int, str))
    rows = session().scalars(wanted.order_by(*place).limit(page["limit"] + 1)).all()
    last = rows[page["limit"] - 1] if len(rows) > page["limit"] else None
    following = cursor(last.key, last.version, last.language) if last is not None else None
    return _json(page_of([_notice_told(row) for row in rows[: page["limit"]]], following))


@things.route(
    "/notices/<key>/<int(min=1,max=2147483647):version>/<language>", methods=["PUT"], parameters=_NOTICE_PARTS
)
@scope(Scope.WRITE_CATALOGUE)
@writes
@things.response(200, NoticeSchema, example=_KEPT_NOTICE)
@things.alt_response(201, schema=NoticeSchema, description="It is new.")
@things.doc(requestBody=body_of(AddressedNoticeSchema, NOTICE))
def put_notice(key: str, version: int, language: str) -> tuple[Response, int]:
    """Add a notice.

    What somebody was shown never changes: the same words and scope again are no change, others are refused (422) and need
    a new version. A new version says with `supersedes` whether consents given to the old one go on (`minor`) or go stale
    (`major`).
    """
    if language not in LANGUAGES or "\0" in key:
        raise NotFound("there is no such language")
    lock_register(session())
    document = document_of(Notice, path={"key": key, "version": version, "language": language})
    known = session().get(StoredNotice, (document.key.strip(), version, language)) is not None
    take_one(document, f"notice:{key}/{version}/{language}")
    row = session().get(StoredNotice, (document.key.strip(), version, language), populate_existing=True)
    assert row is not None
    return _json(_notice_told(row)), 200 if known else 201
