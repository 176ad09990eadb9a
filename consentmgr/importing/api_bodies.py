"""Documents in the bodies of the API: read as an import reads them, taken by the same writers, told one by one.

The structs of ``vocabulary.documents`` are what a document holds; msgspec reads the bytes straight into them. What an
operation's document says of them is made of the same structs (``edge.document_schemas``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, NoReturn, TypeVar, cast

import msgspec
from flask import Response, request
from marshmallow import Schema, fields, validate
from webargs.flaskparser import abort
from werkzeug.exceptions import UnsupportedMediaType

from consentmgr.edge import application
from consentmgr.edge.api import ApiSchema, session
from consentmgr.edge.api_problems import pointer_of
from consentmgr.importing.address_book import AddressBook
from consentmgr.importing.admission import Rights
from consentmgr.importing.bringing import ERASED, Brought, bring, bring_one
from consentmgr.importing.documents import FileDocument, decode_as
from consentmgr.importing.rejects import Rejection
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.interpreter import without_collector
from consentmgr.staff.api_access import caller
from consentmgr.staff.scopes import Scope

D = TypeVar("D", bound=msgspec.Struct)

#: Documents of one request, and bytes of its body.
MOST: Final = 5_000
LARGEST: Final = 20_000_000

_encode = msgspec.json.Encoder().encode


class _Items(msgspec.Struct, forbid_unknown_fields=True):
    items: list[msgspec.Raw]


_items_decoder = msgspec.json.Decoder(_Items)
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def items_schema(document: type[Schema], name: str) -> type[ApiSchema]:
    """The schema of a body of many documents."""
    return type(
        f"{name}Schema",
        (ApiSchema,),
        {
            "items": fields.List(
                fields.Nested(document), required=True, validate=validate.Length(1, MOST),
                metadata={"description": "The documents, in the order they are laid over each other."},
            )
        },
    )  # fmt: skip


def addressed(schema: type[Schema], name: str, *names: str) -> type[ApiSchema]:
    """The schema of a body of which the address says some fields."""
    made = cast("type[ApiSchema]", type(f"{name}Schema", (schema,), {}))
    for field in names:
        declared = deepcopy(schema._declared_fields[field])  # noqa: SLF001 - see edge.document_schemas
        declared.required, declared.allow_none = False, True
        declared.metadata = {**declared.metadata, "description": "Said by the address; it may be left out."}
        made._declared_fields[field] = declared  # noqa: SLF001 - see edge.document_schemas
    return made


def body_of(schema: type[Schema], example: object, description: str = "The document.") -> dict[str, Any]:
    """The ``requestBody`` of an operation that reads its body here."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"required": True, "description": description, "content": content}


def rights() -> Rights:
    """What the key that asks may bring."""
    who = caller()
    return Rights(
        who.controllers,
        records_acts=Scope.WRITE_EVENTS in who.scopes or Scope.WRITE_DOCUMENTS in who.scopes,
        lifts=Scope.LIFT_PROHIBITIONS in who.scopes,
    )


# --- one document -----------------------------------------------------------------------------------------------------


def document_of(
    struct: type[D],
    *,
    path: Mapping[str, object] | None = None,
    otherwise: Mapping[str, object] | None = None,
    left_out: Sequence[str] = (),
) -> D:
    """The document in the body. ``path`` are fields that the address says: in the body they may be left out, or say the
    same. ``otherwise`` are values of fields that the document needs and the body does not say. ``left_out`` are those an answer has beside the document; sent back, they are not looked at.

    Raises ``BadInput`` naming the field, and the statuses of a body that is no JSON.
    """
    raw = _body()
    try:
        given = _object_decoder.decode(raw)
    except msgspec.ValidationError:
        raise BadInput("must be an object", field="") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        _refuse_body()
    for name in left_out:
        given.pop(name, None)
    for name, value in (path or {}).items():
        said = bytes(given.get(name, b"null"))
        if said not in (b"null", b'""', encoded := _encode(value)) and _plain(said) != value:
            raise BadInput("is not what the address says", field=name)
        given[name] = msgspec.Raw(encoded)
    for name, value in (otherwise or {}).items():
        if bytes(given.get(name, b"null")) in (b"null", b'""'):
            given[name] = msgspec.Raw(_encode(value))
    found = decode_as(_encode(given), struct)
    if isinstance(found, Rejection):
        refuse(found)
    return found


def _plain(raw: bytes) -> object:
    try:
        found: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found.strip() if isinstance(found, str) else found


def take_one(document: FileDocument, object: str) -> Brought:  # noqa: A002 - the word of the audit log
    """Take the document into the register, in the view's transaction. Raises what ``refuse`` raises."""
    found = bring_one(
        session(),
        document,
        rights=rights(),
        keys=application.address_keys(),
        actor=caller().name,
        now=clock.now(),
        object=object,
    )
    if isinstance(found, Rejection):
        refuse(found)
    return found


def refuse(rejection: Rejection) -> NoReturn:
    """Answer that the one document of a request is refused: 422, 403 or 404."""
    if rejection.code == "not-found":
        raise NotFound("there is nothing of that name")
    if rejection.code == "forbidden":
        messages: Any = [rejection.reason]
        for step in reversed(pointer_of(rejection.field or "").split("/")[1:]):
            messages = {step: messages}
        abort(403, messages={"json": messages})
    raise BadInput(rejection.reason, field=rejection.field)


def _body() -> bytes:
    raw = request.get_data(cache=True)
    if not request.is_json:
        raise UnsupportedMediaType
    return raw


def _refuse_body() -> NoReturn:
    abort(400, messages={"json": ["It is not JSON (RFC 8259) in UTF-8."]})
    raise AssertionError("abort has raised")


# --- many documents ---------------------------------------------------------------------------------------------------


def take_many(struct: type[msgspec.Struct], object: str) -> Response:  # noqa: A002 - the word of the audit log
    """Take the documents in the body, ``{"items": […]}``, in the view's transaction; what became of each.

    The bytes go straight into the structs, and the answer is written at once: a schema for each item would take longer
    than the register does.
    """
    with without_collector():
        return _taken(struct, object)


def _taken(struct: type[msgspec.Struct], object: str) -> Response:  # noqa: A002 - the word of the audit log
    documents: list[Any] = []
    places: list[int] = []
    refused: dict[int, Rejection] = {}
    items = _items()
    for place, raw in enumerate(items):
        found = decode_as(bytes(raw), struct)
        if isinstance(found, Rejection):
            refused[place] = found
        else:
            documents.append(found)
            places.append(place)
    keys = application.address_keys()
    brought = bring(
        session(),
        documents,
        rights=rights(),
        keys=keys,
        actor=caller().name,
        now=clock.now(),
        object=object,
        # Made before the register is locked, so that others write meanwhile.
        book=AddressBook(keys, documents),
    )
    refused |= {places[place]: rejection for place, rejection in brought.refused.items()}
    unchanged = {places[place] for place in brought.unchanged}
    erased = {places[place] for place in brought.erased}
    told: list[dict[str, Any]] = []
    for place in range(len(items)):
        if place in refused:
            told.append({"index": place, "status": "refused", "errors": [told_of(refused[place])]})
        else:
            status = "unchanged" if place in unchanged else "taken"
            told.append({"index": place, "status": status, "errors": [told_of(ERASED)] if place in erased else []})
    answer = {
        "items": told,
        "taken": len(items) - len(unchanged) - len(refused),
        "unchanged": len(unchanged),
        "refused": len(refused),
    }
    return Response(_encode(answer), mimetype="application/json")


def _items() -> list[msgspec.Raw]:
    try:
        items = _items_decoder.decode(_body()).items
    except msgspec.ValidationError:
        raise BadInput(
            'must be an object with a list of documents, {"items": […]}, and nothing else', field=""
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        _refuse_body()
    if not 1 <= len(items) <= MOST:
        raise BadInput(f"must be 1 to {MOST:,} documents", field="items")
    return items


def told_of(rejection: Rejection) -> dict[str, str]:
    """A refusal as an entry of ``errors``."""
    told = {"pointer": pointer_of(rejection.field)} if rejection.field else {}
    return {**told, "code": rejection.code, "detail": rejection.reason}
