"""What goes wrong, told to whoever asked: a page in their language, or a problem document (RFC 9457) for a programme.

Every error a service raises on purpose (``kit.errors``) has a status here; what nobody foresaw is 500, and the page
then says nothing but the number under which the log has the line of code. Neither quotes what came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask import Response, has_request_context, jsonify, render_template, request
from flask.globals import request_ctx
from flask_babel import format_decimal, gettext, ngettext
from flask_babel import lazy_gettext as _
from psycopg import errors as psycopg_errors
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from consentmgr.edge.api_problems import MIMETYPE, FieldError, api_problem, errors_of, is_api
from consentmgr.edge.logs import log, request_id, where
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound, Unavailable

if TYPE_CHECKING:
    from flask import Flask

#: Seconds after which it is worth trying again when the database was away.
RETRY_AFTER: Final = 5


class Problem(NamedTuple):
    """A kind of failure: its name for machines, and what a person is told."""

    kind: str
    title: Any
    told: Any


#: By the ``problem`` of an error where that says more than the status, else by status.
PROBLEMS: Final[Mapping[str | int, Problem]] = {
    "bad_link": Problem(
        "bad-link",
        _("This link does not work"),
        _(
            "It may have been cut in two on its way. Open it again from the message, or copy the whole of it. "
            "Nothing has been changed."
        ),
    ),
    400: Problem("bad-request", _("The request was not understood"), _("Go back, and try again. Nothing has been changed.")),
    401: Problem("not-signed-in", _("Please sign in first"), _("Your session is over, or has not begun. Nothing has been changed.")),
    403: Problem("forbidden", _("This is not open to you"), _("Nothing has been changed.")),
    404: Problem("not-found", _("There is no such page"), _("Check the address, or open the link in your message again.")),
    405: Problem(
        "method-not-allowed", _("That is not how this page works"), _("Open the link in your message again. Nothing has been changed.")
    ),
    409: Problem(
        "not-recovered",
        _("Only leaving is possible just now"),
        _("The register has been put back from a copy and is being checked. You can leave at once; try anything else again later."),
    ),
    410: Problem(
        "gone", _("This link has ended"),
        _("Its time is over, or it was used as often as was agreed. Ask the sender for a new one."),
    ),
    413: Problem("too-large", _("That is too much at once"), _("What was sent is larger than this page takes. Nothing has been changed.")),
    429: Problem(
        "too-many-requests", _("Please wait a moment"), _("This was asked too many times in a short while. Try again a little later.")
    ),
    500: Problem(
        "unexpected", _("Something went wrong here"), _("This is our fault, not yours. Try again; if it happens again, please tell us.")
    ),
    503: Problem(
        "unavailable",
        _("This cannot be done just now"),
        _("The service is being restarted. Wait a few seconds and try again; trying twice does no harm."),
    ),
}  # fmt: skip

#: What staff are told otherwise at the desk, where no link in a message has brought them.
_AT_DESK: Final[Mapping[int, Any]] = {
    403: _("Your roles do not reach here; an administrator can give you others. Nothing has been changed."),
    404: _("What was here may have been removed, or the address is wrong. Begin at the front page."),
    405: _("Go back, and use the buttons of the page. Nothing has been changed."),
}

#: What is wrong with what was sent, so that going back to the form helps.
_OF_THE_FORM: Final = (400, 413, 429)

#: The status of the errors services raise; the first class that fits.
_STATUS: Final[tuple[tuple[type[ConsentmgrError], int], ...]] = ((BadInput, 400), (NotFound, 404), (Unavailable, 503))
_STATUS_OF_PROBLEM: Final = {
    "too-many-requests": 429, "not-recovered": 409, "in-flight": 409, "answer-lost": 409, "key-reused": 422,
}  # fmt: skip
#: What the API says otherwise than pages do: a body that was read and cannot be taken, a check that does not hold.
_STATUS_OF_API: Final = {"bad-input": 422, "check-failed": 409}


def tell_problems(app: Flask) -> None:
    """Answer every error of the application as this module says."""

    def of_http(error: HTTPException) -> Response:
        if error.response is not None or error.code is None or error.code < 400:
            # Not an error: a redirect, or an answer that was made already.
            return error.get_response()  # type: ignore[return-value]
        response = problem_response(error.code, errors=errors_of(error) if is_api(request.path) else ())
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After", "Accept", "WWW-Authenticate"):
                response.headers[name] = value
        return response

    def of_ours(error: ConsentmgrError) -> Response:
        status = status_of(error)
        if status >= 500:
            log().warning("refused", request=request_id(), endpoint=request.endpoint, status=status, **where(error))
        wait = getattr(error, "retry_after", None)
        response = problem_response(status, kind=error.problem, errors=errors_of(error), wait=wait)
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    def of_database(error: Exception) -> Response:
        log().warning("database_away", request=request_id(), endpoint=request.endpoint, **where(error))
        return problem_response(503)

    def of_anything(error: Exception) -> Response:
        if is_database_away(error):
            return of_database(error)
        if is_api(request.path) and isinstance(error, DataError | IntegrityError):
            # What no schema foresaw: a number or a text the database cannot hold, two who made the same at once.
            status = 422 if isinstance(error, DataError) else 409
            log().warning("refused_by_database", request=request_id(), endpoint=request.endpoint, **where(error))
            return problem_response(status)
        log().error("unexpected", request=request_id(), endpoint=request.endpoint, **where(error))
        return problem_response(500)

    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(ConsentmgrError, of_ours)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(away, of_database)
    app.register_error_handler(Exception, of_anything)


def is_database_away(error: BaseException) -> bool:
    """Whether an error says no more than that the database cannot be asked just now."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return isinstance(error, PoolTimeout | psycopg_errors.OperationalError | psycopg_errors.InterfaceError)


def status_of(error: ConsentmgrError) -> int:
    """The HTTP status of an error that a service raised."""
    found = _STATUS_OF_PROBLEM.get(error.problem)
    if found is None and has_request_context() and is_api(request.path):
        found = _STATUS_OF_API.get(error.problem)
    return found or next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem_response(
    status: int,
    *,
    kind: str | None = None,
    detail: str | None = None,
    errors: Sequence[FieldError] = (),
    wait: int | None = None,
) -> Response:
    """The answer for a status: a problem document where JSON is asked for, and a page otherwise.

    The API's says what is wrong with which field, and may have a ``detail`` of its own. ``wait``: seconds until it is
    worth trying again, where that is known.
    """
    if is_api(request.path):
        return _of_api(status, kind, detail, errors)
    problem = PROBLEMS.get(kind or status) or PROBLEMS.get(status) or _by_class(status)
    if wants_json():
        response = jsonify(
            {
                "type": f"urn:consentmgr:problem:{problem.kind}",
                "title": str(problem.title),
                "status": status,
                "detail": str(problem.told),
                "instance": f"urn:consentmgr:request:{request_id()}",
            }
        )
        response.mimetype = "application/problem+json"
    else:
        at_desk = request.path.startswith("/desk/")
        known = _told(status, problem, wait)
        told = _AT_DESK.get(status, known) if at_desk and kind not in PROBLEMS else known
        page = render_template(
            "edge/problem.html",
            title=problem.title,
            told=told,
            at_desk=at_desk,
            back=request.path if status in _OF_THE_FORM and _has_page() else None,
            number=request_id() if status == HTTPStatus.INTERNAL_SERVER_ERROR else None,
            lost=status == HTTPStatus.NOT_FOUND and not at_desk and kind not in PROBLEMS,
            again=request.method in ("GET", "HEAD") and status in (500, 503),
        )
        response = Response(page, mimetype="text/html")
    response.status_code = status
    response.headers["Vary"] = "Accept, Accept-Language"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _told(status: int, problem: Problem, wait: int | None) -> str:
    """What a person is told, with what is known of this case: how much the page takes, how long to wait."""
    if status == HTTPStatus.TOO_MANY_REQUESTS and wait is not None:
        return str(
            ngettext(
                "This was asked too many times in a short while. Try again in %(num)d minute.",
                "This was asked too many times in a short while. Try again in %(num)d minutes.",
                -(-wait // 60),
            )
        )
    most = request.max_content_length
    # A form of too many parts is refused by the same status, however small it is.
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and most is not None and (request.content_length or 0) > most:
        much = gettext("At most %(number)s MB are taken.", number=format_decimal(most // 1_000_000))
        return f"{problem.told} {much}"
    return str(problem.told)


def _has_page() -> bool:
    """Whether what was sent came from a form that can be opened again: its address answers GET too."""
    adapter = request_ctx.url_adapter
    return request.method == "POST" and adapter is not None and adapter.test(request.path, "GET")


def _of_api(status: int, kind: str | None, detail: str | None, errors: Sequence[FieldError]) -> Response:
    response = jsonify(api_problem(status, kind=kind, detail=detail, errors=errors))
    response.mimetype = MIMETYPE
    response.status_code = status
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def wants_json() -> bool:
    """Whether the request comes from a programme: it sent JSON, or would rather have JSON than a page."""
    if request.mimetype == "application/json" or request.path.endswith(".json"):
        return True
    accepts = request.accept_mimetypes
    best = accepts.best_match(["text/html", "application/json", "application/problem+json"], default="text/html")
    return best != "text/html" and accepts[best] > accepts["text/html"]


def _by_class(status: int) -> Problem:
    return PROBLEMS[400 if status < 500 else 500]
