"""Which key asks, and whether it may: what doors of the API lean on.

Every view of a blueprint whose row says ``api`` carries the scope it needs, under its route. A view without one is
closed. One hook looks at the key and at the mark before the view runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeVar, cast

from flask import current_app, g, request
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.http import http_date

from consentmgr.edge import application
from consentmgr.edge.allowances import Allowances, tell_standing
from consentmgr.edge.api.blueprint import refuse_unanswerable, tell
from consentmgr.edge.api.document import SECURITY
from consentmgr.edge.limits import TooOften
from consentmgr.edge.problems import problem_response
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff import api_keys
from consentmgr.staff.access import largest_of, takes_up_to
from consentmgr.staff.api_tokens import ProviderKeys
from consentmgr.staff.scopes import Scope

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask, Response
    from werkzeug.wrappers import Response as AnyResponse

__all__ = [
    "Caller",
    "add_api_access",
    "caller",
    "for_any_key",
    "hold_api",
    "own",
    "require_controller",
    "scope",
    "scope_of",
    "takes_up_to",
]

View = TypeVar("View", bound=Callable[..., Any])
#: What a view needs: a scope, or any key that is good.
Need = Scope | Literal["any"]

_SCOPE: Final = "_api_scope"
REALM: Final = "consentmgr"
#: Seconds a key is taken for good without asking the database again: so long a revoked one may go on.
REMEMBER: Final = 1.0
#: Seconds between two notes that a secret is in use.
NOTE_EVERY: Final = 60.0
_LONGEST_TOKEN: Final = 8_000
#: Keys remembered at a time.
_MOST_REMEMBERED: Final = 1_000


def scope(needed: Scope) -> Callable[[View], View]:
    """A view for keys with this scope; under the route's decorator."""

    def mark(view: View) -> View:
        view.__dict__[_SCOPE] = needed
        tell(view, security=[{SECURITY: [needed.value]}])
        return view

    return mark


def for_any_key(view: View) -> View:
    """A view for every key that is good: it tells nothing but the key's own; under the route's decorator."""
    view.__dict__[_SCOPE] = "any"
    tell(view, security=[{SECURITY: []}])
    return view


def scope_of(view: Callable[..., Any]) -> Need | None:
    """The mark of a view; None where it has none and is closed."""
    return cast("Need | None", getattr(view, _SCOPE, None))


@dataclass(frozen=True, slots=True)
class Caller:
    """Which key asks: ``key:12``, or of an outside provider's token ``client:<id>``. ``name`` is what audit log and ledger
    store; ``controllers`` those it is for, None for all.
    """

    name: str
    key_id: int | None
    scopes: frozenset[Scope]
    controllers: frozenset[str] | None
    #: When the key, or its secret, or the token ends.
    until: datetime


def caller() -> Caller:
    """Which key asks. Raises ``Unauthorized`` outside of the API's doors."""
    found = g.get("api_caller")
    if found is None:
        raise Unauthorized
    return cast("Caller", found)


def own(controller: str | None) -> bool:
    """Whether the key is for this controller. What is of no controller in particular is open to keys for all."""
    held = caller().controllers
    return held is None or (controller is not None and controller in held)


def require_controller(controller: str | None) -> None:
    """Raise ``NotFound`` for what belongs to another controller, so that not even its being there is told."""
    if not own(controller):
        raise NotFound("there is nothing of that name")


# --- the hook ---------------------------------------------------------------------------------------------------------


def hold_api() -> AnyResponse | None:
    """The check before every view of the API. Raises 401 without a good key, 429 where it asks too often and 403 without
    the scope; and what no view could answer: 404 for ids no database holds, 406, 422 for parameters nobody knows.
    """
    view = current_app.view_functions[request.endpoint or ""]
    needed = scope_of(view)
    if needed is None:
        raise Forbidden
    found = _caller()
    g.api_caller = found
    g.api_caller_name = found.name
    standing = _allowances().take(application.database(), found.name, clock.now())
    g.api_standing = standing
    if not standing.allowed:
        raise TooOften(standing.reset)
    if needed != "any" and needed not in found.scopes:
        raise Forbidden(response=_challenged(403, error="insufficient_scope", scope=needed.value))
    largest = largest_of(view)
    if largest is not None:
        request.max_content_length = largest
    refuse_unanswerable(view)
    return None


def add_api_access(app: Flask) -> None:
    """Tell how the caller stands with every answer to one that was let in."""

    @app.after_request
    def _tell(response: Response) -> Response:
        standing = g.get("api_standing")
        if standing is not None:
            tell_standing(response, standing)
        found = g.get("api_caller")
        if found is not None and found.until - clock.now() < api_keys.WARN_BEFORE and found.key_id is not None:
            # Whoever runs the system sees that its key ends soon, weeks before it does.
            response.headers["Key-Expires"] = http_date(found.until)
        return response


def _allowances() -> Allowances:
    made = current_app.extensions.get("consentmgr.api_allowances")
    if made is None:
        made = current_app.extensions.setdefault(
            "consentmgr.api_allowances", Allowances(application.settings().api_rate)
        )
    return cast("Allowances", made)


def _caller() -> Caller:
    given = request.authorization
    if given is None:
        _refuse()
    if given.type != "bearer" or not given.token:
        _refuse("invalid_token")
    found = _of_key(given.token) if given.token.startswith("cmk_") else _of_token(given.token)
    if found is None:
        _refuse("invalid_token")
    return found


def _of_key(token: str) -> Caller | None:
    """Whose key a token of ours is; its use is remembered."""
    if not api_keys.is_token(token):
        return None
    remembered = current_app.extensions.setdefault("consentmgr.api_keys", Remembered())
    digest, now = api_keys.digest_of(token), clock.now()
    opened = remembered.get(digest)
    if opened is None:
        with application.database().reading() as session:
            opened = api_keys.opened_by(session, token, now)
        if opened is not None:
            remembered.put(digest, opened)
    if opened is None or opened.until <= now:
        return None
    if remembered.is_use_news(opened.secret_id):
        with application.database().transaction() as session:
            api_keys.note_use(session, opened.secret_id, now)
    return Caller(f"key:{opened.key_id}", opened.key_id, _known(opened.scopes), opened.controllers, opened.until)


def _of_token(token: str) -> Caller | None:
    """Whose access token of the outside provider it is, where there is one."""
    if application.settings().api_oidc_issuer is None or len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    provider = current_app.extensions.get("consentmgr.api_provider")
    if provider is None:
        provider = current_app.extensions.setdefault("consentmgr.api_provider", ProviderKeys(application.settings()))
    opened = provider.opened_by(token, clock.now())
    if opened is None:
        return None
    return Caller(f"client:{opened.client}", None, _known(opened.scopes), opened.controllers, opened.until)


@lru_cache(maxsize=256)
def _known(scopes: frozenset[str]) -> frozenset[Scope]:
    return frozenset(scope for scope in Scope if scope.value in scopes)


def _refuse(error: str | None = None) -> NoReturn:
    raise Unauthorized(response=_challenged(401, **({} if error is None else {"error": error})))


def _challenged(status: int, **told: str) -> AnyResponse:
    """A refusal that says how to come in (RFC 6750, section 3)."""
    response = problem_response(status)
    parts = ", ".join(f'{name}="{value}"' for name, value in {"realm": REALM, **told}.items())
    response.headers["WWW-Authenticate"] = f"Bearer {parts}"
    return response


class Remembered:
    """Keys that were good a moment ago, by the digest of their token, in this process."""

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[float, api_keys.Opened]] = {}
        self._noted: dict[int, float] = {}
        self._lock = Lock()

    def get(self, digest: bytes) -> api_keys.Opened | None:
        found = self._held.get(digest)
        return found[1] if found is not None and time.monotonic() - found[0] < REMEMBER else None

    def put(self, digest: bytes, opened: api_keys.Opened) -> None:
        with self._lock:
            if len(self._held) >= _MOST_REMEMBERED:
                self._held.clear()
            self._held[digest] = (time.monotonic(), opened)

    def is_use_news(self, secret_id: int) -> bool:
        """Whether the use of a secret was not told to the database for a minute; then it is to be told now."""
        now = time.monotonic()
        with self._lock:
            told = self._noted.get(secret_id)
            if told is not None and now - told < NOTE_EVERY:
                return False
            self._noted[secret_id] = now
            return True
