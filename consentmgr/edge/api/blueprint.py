"""A blueprint of the API: flask-smorest's, told our way.

Bodies are read once and strictly, fields nobody knows are errors, and every operation's document has the problems it
may answer with. No rights are decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from flask import Request, request
from flask_smorest import Blueprint
from flask_smorest.utils import deepupdate
from marshmallow import RAISE, Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser, abort
from werkzeug.exceptions import NotAcceptable, NotFound, UnsupportedMediaType

from consentmgr.edge.api_problems import MIMETYPE
from consentmgr.edge.idempotency import is_writing

View = TypeVar("View", bound=Callable[..., Any])

#: The escape of the one character PostgreSQL's text cannot hold, not itself escaped.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
#: The largest id PostgreSQL's bigint holds.
_LARGEST_ID: Final = 2**63 - 1
#: The statuses every operation may answer with, and the problems they are (``edge.api_problems``).
EVERY_OPERATION: Final = (400, 401, 403, 404, 406, 409, 422, 429, 503)
#: Those of operations that take a body.
WITH_BODY: Final = (413, 415)


class ApiParser(FlaskParser):
    """webargs, strict: a parameter nobody knows is an error, as a field is."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
        "querystring": RAISE,
    }

    def load_json(self, req: Request, schema: Schema) -> Any:
        return json_body()


def json_body() -> Any:
    """The body, which must be JSON: its value, or webargs' ``missing`` where there is no body at all.

    Raises 415 for another media type and 400 for what is not JSON; nothing is quoted from it.
    """
    raw = request.get_data(cache=True)
    if not raw and not request.mimetype:
        return missing
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        _refuse_body(400, "It is not JSON (RFC 8259) in UTF-8.")
    if _NUL.search(raw):
        _refuse_body(422, "It holds the character U+0000, which no text here may hold.")
    return found


def _refuse_body(status: int, sentence: str) -> NoReturn:
    abort(status, messages={"json": [sentence]})
    raise AssertionError("abort has raised")


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint whose views are operations: their ids are the functions' names, their words the docstrings'."""

    ARGUMENTS_PARSER = ApiParser()

    def __init__(self, name: str, import_name: str, *, description: str, tag: str | None = None) -> None:
        super().__init__(name, import_name, description=description)
        #: What the readable document calls this group of operations.
        self.tag = tag or name.removeprefix("api_").replace("_", " ").capitalize()
        self._prepare_doc_cbks.append(self._prepare_our_doc)

    def route(
        self, rule: str, *, methods: list[str] | None = None, parameters: list[Any] | None = None, **options: Any
    ) -> Callable[[View], View]:
        """Mount a function. One route has one method, so that one name is one operation."""
        methods = methods or ["GET"]
        assert len(methods) == 1, "an operation has one method"

        def mount(view: View) -> View:
            tell(view, operationId=view.__name__)
            self.add_url_rule(
                rule, None, view, parameters=parameters, tags=[self.tag], methods=methods, **options
            )  # fmt: skip
            return view

        return mount

    def arguments(
        self, schema: type[Schema] | Schema, *, location: str = "json", **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Give the view what the request says, as the schema reads it; see flask-smorest."""
        # Made once: a class is made into a schema for each request, field by field.
        made = schema() if isinstance(schema, type) else schema
        return super().arguments(made, location=location, **options)  # type: ignore[no-any-return]

    def response(
        self, status_code: int, schema: type[Schema] | Schema | dict[str, Any] | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Answer with what the view returns, as the schema writes it; see flask-smorest."""
        return super().response(status_code, schema, **options)  # type: ignore[no-any-return]

    def alt_response(
        self, status_code: int, response: str | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Tell of another answer the view may return; see flask-smorest."""
        return super().alt_response(status_code, response, **options)  # type: ignore[no-any-return]

    @staticmethod
    def doc(**told: Any) -> Callable[[View], View]:
        """Add to the operation's document, word for word."""

        def mark(view: View) -> View:
            tell(view, **told)
            return view

        return mark

    def _prepare_our_doc(
        self, doc: dict[str, Any], doc_info: dict[str, Any], *, method: str, **_: Any
    ) -> dict[str, Any]:
        """The problems every operation may answer with, and the key of idempotency of those that act."""
        responses = doc.setdefault("responses", {})
        manual = doc_info.get("manual_doc", {})
        with_body = "requestBody" in doc or "requestBody" in manual
        # webargs names its refusals by the phrase of the running Python, which newer ones spell otherwise.
        for status in (*EVERY_OPERATION, *(WITH_BODY if with_body else ())):
            if isinstance(responses.get(status), str) or not responses.get(status):
                responses[status] = f"Problem{status}"
        responses["default"] = "Problem"
        if doc_info.get("api_writes"):
            doc.setdefault("parameters", []).append("IdempotencyKey")
        return doc


def tell(view: Callable[..., Any], **told: Any) -> None:
    """Add to what the document says of a view, which keeps what it was told before."""
    known = deepcopy(getattr(view, "_apidoc", {}))
    known["manual_doc"] = deepupdate(known.get("manual_doc", {}), told)
    known["api_writes"] = bool(is_writing(view))
    view.__dict__["_apidoc"] = known


def produces(view: Callable[..., Any]) -> frozenset[str]:
    """The media types a view answers in where all goes well, as it was told."""
    found: set[str] = set()
    for status, told in _responses(view):
        if status < 400:
            found.add(
                (told.get("content_type") or "application/json") if isinstance(told, dict) else "application/json"
            )
    return frozenset(found or {"application/json"})


def takes_query(view: Callable[..., Any]) -> bool:
    """Whether a view was told of any parameter in the address."""
    parameters = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", [])
    manual = getattr(view, "_apidoc", {}).get("manual_doc", {}).get("parameters", [])
    return any(isinstance(one, dict) and one.get("in") in ("query", "querystring") for one in (*parameters, *manual))


def refuse_unanswerable(view: Callable[..., Any]) -> None:
    """Raise where no view could answer: 404 for an id no database holds, 406 where no form of the answer is accepted,
    422 for a parameter nobody knows or can be read.
    """
    for value in (request.view_args or {}).values():
        if (isinstance(value, str) and "\0" in value) or (isinstance(value, int) and value > _LARGEST_ID):
            raise NotFound
    accepted = request.accept_mimetypes
    if accepted and not any(accepted.quality(kind) for kind in (*produces(view), MIMETYPE)):
        raise NotAcceptable
    if request.args and not takes_query(view):
        abort(422, messages={"query": {name: ["There is no such parameter."] for name in request.args}})
    unreadable = [name for name, value in request.args.items(multi=True) if "\0" in value]
    if unreadable:
        abort(422, messages={"query": {name: ["It is not readable text."] for name in unreadable}})


def _responses(view: Callable[..., Any]) -> Iterator[tuple[int, Any]]:
    known = getattr(view, "_apidoc", {}).get("response", {}).get("responses", {})
    for status, told in known.items():
        for one in told if isinstance(told, list) else [told]:
            yield int(status), one
