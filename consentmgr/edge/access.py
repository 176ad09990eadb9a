"""Who may call a route: what its blueprint's row says, and nobody where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from flask import request
from werkzeug.exceptions import Forbidden

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

#: ``anyone``: no login asked; the token of a link, where a route has one, is all that is needed. ``staff``: what the
#: mark on the view says (``staff.access``), and a CSRF token with all that acts. ``api``: a key with the scope that the
#: mark on the view says (``staff.api_access``).
Access = Literal["anyone", "staff", "api"]
#: Asked before a view: an answer in its place, or None to let the request through; or it raises.
Hold = Callable[[], "Response | None"]


def access_of(endpoint: str, rows: Mapping[str, Access]) -> Access | None:
    """Who may call this endpoint: anyone in the case of files under ``static``; None where no row speaks of it, which means nobody.

    ``rows`` has the access of each blueprint by the blueprint's name.
    """
    if endpoint == "static":
        return "anyone"
    return rows.get(endpoint.partition(".")[0])


def hold_access(app: Flask, rows: Mapping[str, Access], *, staff: Hold, api: Hold) -> None:
    """Let a request through only where a row says who may make it, so that a route nobody thought of is closed.

    ``staff`` is asked for routes of staff and ``api`` for those of the API: each answers in the view's place, raises,
    or lets the request through.
    """

    @app.before_request
    def _hold() -> Response | None:
        if request.endpoint is None:
            return None
        access = access_of(request.endpoint, rows)
        if access == "staff":
            return staff()
        if access == "api":
            return api()
        if access != "anyone":
            raise Forbidden
        return None
