"""The API's document, for programmes and for people; it tells nothing of this installation, and anybody may read it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Blueprint, Response, current_app, render_template

from consentmgr.edge.api.document import VERSION, document
from consentmgr.edge.api.readable import groups, paragraphs, problems

api_document = Blueprint("api_document", __name__)
_MADE: Final = "consentmgr.api_document"


@api_document.get("/")
def readable() -> str:
    """The document, for people."""
    return str(_made()["page"])


@api_document.get("/openapi.json")
def openapi() -> Response:
    """The document of the API (OpenAPI 3.1)."""
    return Response(_made()["text"], mimetype="application/json")


def _made() -> dict[str, Any]:
    """Both forms, made when they are first asked for: the doors do not change while the application runs."""
    found = current_app.extensions.get(_MADE)
    if found is None:
        told = document(current_app)
        page = render_template(
            "edge/api.html",
            groups=groups(told),
            problems=problems(told),
            about=paragraphs(told["info"]["description"]),
            version=VERSION,
        )
        found = {"text": msgspec.json.encode(told, enc_hook=str), "page": page}
        current_app.extensions[_MADE] = found
    return dict(found)
