"""Who asks, and whether they may: what doors of the desk lean on.

Every view of a blueprint whose row says ``staff`` carries one mark, under its route: the permission it needs, or that
it is for anybody signed in, or for visitors. A view without a mark is closed. One hook looks at the mark before the
view runs; it also holds the CSRF token of every request that acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import Response, current_app, g, make_response, redirect, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup
from werkzeug.exceptions import Forbidden

from consentmgr.config import LANGUAGES, Language
from consentmgr.edge import application
from consentmgr.edge.problems import problem_response, wants_json
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff.cookies import DESK, LANGUAGE, DeskSession, is_desk
from consentmgr.staff.roles import BY_KEY, Permission, permissions_of
from consentmgr.staff.sessions import Found, Granted

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response as AnyResponse

View = TypeVar("View", bound=Callable[..., Any])

#: ``visitor``: nobody need be signed in. ``started``: the first factor was shown. ``anyone``: all who are signed in.
Other = Literal["visitor", "started", "anyone"]
Need = Permission | Other

SIGN_IN: Final = "/desk/sign-in"
_NEED: Final = "_desk_need"
_LARGEST: Final = "_desk_largest"


def needs(permission: Permission) -> Callable[[View], View]:
    """A view for those who hold this permission, for some controller at least; under the route's decorator."""
    return _marked(permission)


def for_anyone_signed_in(view: View) -> View:
    """A view for everybody who is signed in: it shows nothing but their own."""
    return _marked("anyone")(view)


def for_visitors(view: View) -> View:
    """A view for those who are not signed in yet."""
    return _marked("visitor")(view)


def for_those_who_began(view: View) -> View:
    """A view of signing in for those who have shown the first factor, or both."""
    return _marked("started")(view)


def takes_up_to(size: int) -> Callable[[View], View]:
    """A view that takes bodies of up to ``size`` bytes, where others take a megabyte: an upload."""

    def mark(view: View) -> View:
        view.__dict__[_LARGEST] = size
        return view

    return mark


def _marked(need: Need) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.__dict__[_NEED] = need
        return view

    return mark


def need_of(view: Callable[..., Any]) -> Need | None:
    """The mark of a view; None where it has none and is closed."""
    return cast("Need | None", getattr(view, _NEED, None))


def largest_of(view: Callable[..., Any]) -> int | None:
    """The most bytes a view takes where it takes more than others; None where it does not."""
    return cast("int | None", getattr(view, _LARGEST, None))


# --- who asks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is signed in. ``permissions`` are those of all roles; ``controllers`` those for which the permission of the
    view that runs is held, None for all: what a page lists is limited to them.
    """

    account_id: int
    email: str = field(repr=False)
    #: What the person is called, for pages; never for logs.
    name_shown: str = field(repr=False)
    language: Language | None
    grants: tuple[Granted, ...]
    permissions: frozenset[Permission]
    controllers: frozenset[str] | None

    @property
    def name(self) -> str:
        """What audit log and ledger store: ``staff:7``."""
        return f"staff:{self.account_id}"

    def controllers_for(self, permission: Permission) -> frozenset[str] | None:
        """The controllers this permission is held for: None for all, an empty set for none."""
        return controllers_for(self.grants, permission)


def controllers_for(grants: tuple[Granted, ...], permission: Permission | None) -> frozenset[str] | None:
    """The controllers for which these grants give a permission, or any where it is None."""
    found: frozenset[str] = frozenset()
    for grant in grants:
        role = BY_KEY.get(grant.role)
        if role is None or (permission is not None and permission not in role.permissions):
            continue
        if grant.controllers is None:
            return None
        found |= grant.controllers
    return found


def signed_in() -> Actor | None:
    """Who is signed in, or nobody; also known to templates."""
    return cast("Actor | None", g.get("desk_actor"))


def actor() -> Actor:
    """Who is signed in. Asked for by a view that is open to visitors, it raises ``Forbidden``."""
    found = signed_in()
    if found is None:
        raise Forbidden
    return found


def may(permission: Permission | str, controller: str | None = None) -> bool:
    """Whether whoever asks holds a permission: for this controller, or where none is named, for any at all."""
    found = signed_in()
    if found is None or permission not in found.permissions:
        return False
    if controller is None:
        return True
    held = found.controllers_for(Permission(permission))
    return held is None or controller in held


def own(controller: str | None) -> bool:
    """Whether the permission of the view that runs is held for this controller. What is of no controller in
    particular is open to those alone who hold it for all.
    """
    held = actor().controllers
    return held is None or (controller is not None and controller in held)


def require_controller(controller: str | None) -> None:
    """Raise ``NotFound`` for what belongs to another controller, so that not even its being there is told."""
    if not own(controller):
        raise NotFound("there is nothing of that name")


def desk_session() -> DeskSession:
    """Flask's session, at the desk."""
    found = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own way
    assert isinstance(found, DeskSession)
    return found


def current() -> Found:
    """The session of whoever is signed in or on the way. Raises ``Forbidden`` for a visitor."""
    found = desk_session().found
    if found is None:
        raise Forbidden
    return found


# --- the hook ---------------------------------------------------------------------------------------------------------


def add_access(app: Flask) -> None:
    """Make CSRF tokens and the questions above known to the templates."""
    app.config.update(
        # Only the desk's hook asks for tokens; pages a person reaches from a message work without.
        WTF_CSRF_CHECK_DEFAULT=False,
        # A token lasts as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
        # Our pages send no referrer on purpose; the token and the cookie's SameSite hold.
        WTF_CSRF_SSL_STRICT=False,
    )
    CSRFProtect(app)
    app.jinja_env.globals.update(may=may, own=own, signed_in=signed_in, csrf_field=csrf_field)


def csrf_field() -> Markup:
    """The hidden field every form of the desk has."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def hold_staff() -> AnyResponse | None:
    """The check before every view of the desk; an answer instead of the view, or None.

    Raises ``Forbidden`` where the permission is missing, ``CSRFError`` (400) where the token is.
    """
    view = current_app.view_functions[request.endpoint or ""]
    need = need_of(view)
    if need is None or not is_desk(request.path):
        raise Forbidden
    largest = getattr(view, _LARGEST, None)
    found = desk_session().load(application.database(), clock.now())
    if found is not None and found.stage == "open":
        g.desk_actor = _actor_of(found, need if isinstance(need, Permission) else None)
    _speak(found)
    if need != "visitor" and (found is None or (found.stage != "open" and need != "started")):
        return _sign_in_first()
    if isinstance(need, Permission) and need not in actor().permissions:
        if request.path == f"{DESK}/":
            # Everybody comes here first; those to whom this page is closed go to the first that is open.
            return redirect(DESK, 303)
        raise Forbidden
    if largest is not None:
        request.max_content_length = largest
    current_app.extensions["csrf"].protect()
    return None


def _speak(found: Found | None) -> None:
    """The page's language: what was chosen in the head of a page of this session, else the account's own."""
    chosen = request.args.get("lang")
    held = desk_session()
    if chosen in LANGUAGES and held.get(LANGUAGE) != chosen:
        held[LANGUAGE] = chosen
    g.persons_language = held.get(LANGUAGE) or (found.language if found is not None else None)


def _actor_of(found: Found, permission: Permission | None) -> Actor:
    return Actor(
        account_id=found.account_id,
        email=found.email,
        name_shown=found.name,
        language=next((language for language in LANGUAGES if language == found.language), None),
        grants=found.grants,
        permissions=permissions_of(grant.role for grant in found.grants),
        controllers=controllers_for(found.grants, permission),
    )


def _sign_in_first() -> Response:
    if wants_json():
        return problem_response(401)
    place = SIGN_IN
    if request.method == "GET" and request.path.rstrip("/") != "/desk":
        place = f"{SIGN_IN}?{urlencode({'next': request.full_path.removesuffix('?')})}"
    if request.headers.get("HX-Request") == "true":
        # A part of a page cannot show the sign-in; the script opens it whole.
        response = make_response("", 401)
        response.headers["HX-Redirect"] = SIGN_IN
        return response
    return make_response(redirect(place, 303))


def safe_next(given: str | None) -> str:
    """Where to go after signing in: a path of the desk, or its front page. Nothing leads out of the house.

    A browser takes a backslash for a slash and drops tabs and line ends, so that ``//host`` in any of its spellings is
    another site's address.
    """
    path = given or ""
    plain = len(path) <= 1_000 and path.isprintable() and "\\" not in path
    if not plain or not is_desk(urlsplit(path).path) or not path.startswith("/desk") or urlsplit(path).netloc:
        return "/desk/"
    if urlsplit(path).path.startswith((SIGN_IN, "/desk/sign-out")) or "/.." in path:
        return "/desk/"
    return path
