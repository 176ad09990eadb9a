"""Operations that are on their way out: marked at the door, told in the document and with every answer.

What it means and for how long a marked operation goes on is in docs/api.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from flask import current_app, request
from werkzeug.http import http_date

from consentmgr.edge.api.blueprint import tell

if TYPE_CHECKING:
    from flask import Flask, Response

View = TypeVar("View", bound=Callable[..., Any])

_ENDS: Final = "_api_ends"


class Ends(NamedTuple):
    """Since when an operation is deprecated, the day after which it may be gone, and the path that takes its place."""

    since: date
    sunset: date
    instead: str | None


def deprecated(*, since: date, sunset: date, instead: str | None = None) -> Callable[[View], View]:
    """A view that is on its way out; under the route's decorator. It stays for a year at least (docs/api.md)."""
    assert (sunset - since).days >= 365, "a deprecated operation goes on for a year at least"

    def mark(view: View) -> View:
        view.__dict__[_ENDS] = Ends(since, sunset, instead)
        tell(view, deprecated=True)
        return view

    return mark


def tell_deprecation(app: Flask) -> None:
    """Tell with every answer of a marked operation since when (RFC 9745) and until when (RFC 8594)."""

    @app.after_request
    def _tell(response: Response) -> Response:
        view = current_app.view_functions.get(request.endpoint or "")
        ends: Ends | None = getattr(view, _ENDS, None)
        if ends is not None:
            response.headers["Deprecation"] = f"@{int(_midnight(ends.since).timestamp())}"
            response.headers["Sunset"] = http_date(_midnight(ends.sunset))
            if ends.instead is not None:
                response.headers.add("Link", f'<{ends.instead}>; rel="successor-version"')
        return response


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
