"""What goes wrong at the API, told to programmes and those who write them: problem documents (RFC 9457), in English."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypedDict

from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from consentmgr.edge.logs import request_id
from consentmgr.kit.errors import BadInput, ConsentmgrError

#: Where the API begins.
API: Final = "/api/"
MIMETYPE: Final = "application/problem+json"


class ApiProblem(NamedTuple):
    """A kind of failure: its name for machines, its title, and what to do about it."""

    kind: str
    title: str
    detail: str


class FieldError(TypedDict, total=False):
    """One entry of ``errors``. ``detail`` never shows the value."""

    pointer: str
    parameter: str
    line: int
    detail: str


class BadParameter(BadInput):
    """A parameter of the address or a header, named by ``field``, cannot be taken as it is."""


#: By the ``problem`` of an error where that says more than its status, else by status.
API_PROBLEMS: Final[Mapping[str | int, ApiProblem]] = {
    400: ApiProblem("bad-request", "The request was not understood", "Send a request as the document of the API says."),
    401: ApiProblem(
        "not-authenticated", "No valid key came with the request",
        "Send `Authorization: Bearer` and a key that is neither revoked nor past its end.",
    ),
    403: ApiProblem("forbidden", "The key does not open this", "Ask for a key with the scope this operation needs."),
    404: ApiProblem(
        "not-found", "There is nothing here for this key",
        "Check the path and the id; what belongs to controllers the key is not for is not found either.",
    ),
    405: ApiProblem(
        "method-not-allowed", "The path has no such method", "Use one of the methods that the header Allow names."
    ),
    406: ApiProblem(
        "not-acceptable", "The answer has no form that is accepted",
        "Send an Accept header with a media type this operation answers in, or none.",
    ),
    409: ApiProblem(
        "conflict", "It is in the way of something else", "Read how things stand now, and decide what to send."
    ),
    410: ApiProblem("gone", "It has ended", "It will not come back; take it off your list."),
    412: ApiProblem(
        "changed-meanwhile", "It is not as the request supposes",
        "It was changed or made meanwhile, or is not there: read it again and send its ETag.",
    ),
    413: ApiProblem("too-large", "The body is too large", "Send less at once; the document of the API says how much."),
    415: ApiProblem(
        "unsupported-media-type", "The body is of another media type",
        "Send the media type the document of the API names, in Content-Type; for most operations application/json.",
    ),
    422: ApiProblem(
        "invalid", "The request cannot be taken as it is", "Nothing was changed. `errors` says what to mend."
    ),
    429: ApiProblem(
        "too-many-requests", "Too many requests", "Wait as many seconds as the header Retry-After says, and go on."
    ),
    500: ApiProblem(
        "unexpected", "Something went wrong here",
        "This is our fault. Ask again with the same Idempotency-Key; if it happens again, tell us `instance`.",
    ),
    503: ApiProblem(
        "unavailable", "This cannot be done just now",
        "Wait as many seconds as the header Retry-After says, and ask again with the same Idempotency-Key.",
    ),
    "in-flight": ApiProblem(
        "in-flight", "The same request is being answered", "Wait a second, and ask again with the same Idempotency-Key."
    ),
    "key-reused": ApiProblem(
        "key-reused", "The idempotency key was used for another request",
        "Send a new Idempotency-Key with each new request. Nothing was changed.",
    ),
    "answer-lost": ApiProblem(
        "answer-lost", "The request was answered before",
        "It took effect once, and its answer can no longer be shown: read how things stand.",
    ),
    "check-failed": ApiProblem(
        "check-failed", "A check does not hold", "Read how things stand now, and mend what the check is about."
    ),
    "not-recovered": ApiProblem(
        "not-recovered", "The register is being checked after a restore",
        "It was put back from a copy. Ask again later, with the same Idempotency-Key.",
    ),
}  # fmt: skip

#: A step of a field's name in any of the forms services use: ``$.points[0].value``, ``points/0/value``.
_STEP: Final = re.compile(r"[^.\[\]/$]+")


def is_api(path: str) -> bool:
    """Whether a request of this path is answered as the API answers."""
    return path.startswith(API)


def api_problem(
    status: int, *, kind: str | None = None, detail: str | None = None, errors: Sequence[FieldError] = ()
) -> dict[str, Any]:
    """A problem document. ``detail`` replaces the usual sentence."""
    known = API_PROBLEMS.get(kind or status) or API_PROBLEMS.get(status) or API_PROBLEMS[400 if status < 500 else 500]
    document: dict[str, Any] = {
        "type": f"urn:consentmgr:problem:{known.kind}",
        "title": known.title,
        "status": status,
        "detail": detail or known.detail,
        "instance": f"urn:consentmgr:request:{request_id()}",
    }
    if errors:
        document["errors"] = list(errors)
    return document


def pointer_of(field: str) -> str:
    """The JSON pointer (RFC 6901) of a field as services name it."""
    return _pointer(_STEP.findall(field))


def errors_of(error: Exception) -> list[FieldError]:
    """The entries of ``errors`` of something a service or a schema refused."""
    if isinstance(error, BadInput):
        return [field_error(error)]
    if isinstance(error, ValidationError):
        return list(_of_messages(error.messages, []))
    if isinstance(error, HTTPException):
        # What webargs gives: messages by place, ``{"json": {"points": {0: {"value": ["…"]}}}}``.
        messages = (getattr(error, "data", None) or {}).get("messages")
        if isinstance(messages, Mapping):
            return [told for place, found in messages.items() for told in _of_place(str(place), found)]
    return []


def field_error(error: ConsentmgrError) -> FieldError:
    """One entry for an error a service raised about one item."""
    if not isinstance(error, BadInput):
        return {"detail": str(error)}
    told: FieldError = {}
    if isinstance(error, BadParameter):
        told["parameter"] = error.field or ""
    elif error.field is not None:
        told["pointer"] = pointer_of(error.field)
    if error.line is not None:
        told["line"] = error.line
    told["detail"] = error.message
    return told


def _of_place(place: str, messages: Any) -> Iterator[FieldError]:
    for told in _of_messages(messages, []):
        if place in ("json", "form", "files"):
            yield told
        else:
            entry: FieldError = {"parameter": told.get("pointer", "").strip("/").partition("/")[0]}
            entry["detail"] = told["detail"]
            yield entry


def _of_messages(messages: Any, steps: list[Any]) -> Iterator[FieldError]:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            yield from _of_messages(below, steps if name == "_schema" else [*steps, name])
    elif isinstance(messages, str):
        yield {"pointer": _pointer(steps), "detail": messages}
    else:
        for below in messages:
            yield from _of_messages(below, steps)


def _pointer(steps: Sequence[Any]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
