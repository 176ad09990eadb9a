"""Headers an answer of the API gets beside its body: its tag, the address of the next page."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, current_app, g

_HEADERS: Final = "api_headers"


def tell_header(name: str, value: str) -> None:
    """Give this header to the answer that is being made, instead of one of that name."""
    g.setdefault(_HEADERS, {})[name] = value


def finished(given: Any) -> Response:
    """What a view returned as a whole answer, with the headers that were told meanwhile where it went well."""
    response = current_app.make_response(given)
    if response.status_code < 300:
        for name, value in g.get(_HEADERS, {}).items():
            response.headers[name] = value
    return response
