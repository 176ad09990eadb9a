"""The browser door of signing in and out.

What a visitor is told is the same whatever went wrong. Every step that believes somebody gives the browser a session
under a new value. Where to go afterwards is a path of the desk and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound as NoSuchPage

from consentmgr.edge import application
from consentmgr.edge.navigation import NAVIGATION
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import asked, identity_provider, invitations, second_factor, sessions, signing_in
from consentmgr.staff.access import (
    actor,
    current,
    desk_session,
    for_anyone_signed_in,
    for_those_who_began,
    for_visitors,
    may,
    safe_next,
    signed_in,
)
from consentmgr.staff.models import Account
from consentmgr.staff.wording import password_fault

signing = Blueprint("signing", __name__)

#: Where a visitor's passkey challenge is kept: the value, and the second it was made.
CHALLENGE: Final = "passkey"
PROVIDER: Final = "provider"


# --- address and password ---------------------------------------------------------------------------------------------


@signing.get("/desk/sign-in")
@for_visitors
def sign_in_page() -> Response:
    next_page = safe_next(request.args.get("next"))
    found = desk_session().found
    if signed_in() is not None:
        return _go(next_page)
    if found is not None:
        return _go(url_for("signing.second_step"))
    return _sign_in_page(next_page)


@signing.post("/desk/sign-in")
@for_visitors
def take_password() -> Response:
    email, next_page = asked.field("email"), safe_next(request.form.get("next"))
    asked.hold_client("sign-in")
    asked.hold_account("sign-in-account", email)
    with application.database().transaction() as session:
        value = signing_in.by_password(
            session,
            email=email,
            password=asked.field("password"),
            next_page=next_page,
            browser=asked.browser(),
            keys=application.keys(),
            now=clock.now(),
        )
    if value is None:
        return _sign_in_page(next_page, email, gettext("Address and password do not fit together."), status=422)
    _replace(value)
    return _go(url_for("signing.second_step"))


def _sign_in_page(next_page: str, email: str = "", fault: str | None = None, *, status: int = 200) -> Response:
    from consentmgr.staff import passkeys

    page = render_template(
        "staff/sign_in.html",
        next=next_page,
        email=email,
        fault=fault,
        has_passkeys=passkeys.party(application.settings()) is not None,
        has_provider=identity_provider.is_configured(application.settings()),
        ended="ended" in request.args,
    )
    return make_response(page, status)


# --- the second factor ------------------------------------------------------------------------------------------------


@signing.get("/desk/sign-in/code")
@for_those_who_began
def second_step() -> Response:
    """The field for a code, or the picture to scan where there is no second factor yet."""
    if signed_in() is not None:
        return _go("/desk/")
    return _second_step()


@signing.post("/desk/sign-in/code")
@for_those_who_began
def take_code() -> Response:
    if signed_in() is not None:
        return _go("/desk/")
    found = current()
    asked.hold_account("second-factor", str(found.account_id))
    code, now = asked.field("code"), clock.now()
    sets_up = signing_in.needs_set_up(found)
    with application.database().transaction() as session:
        if sets_up:
            opened = signing_in.by_set_up(session, found, code=code, keys=application.keys(), now=now)
        else:
            opened = signing_in.by_code(session, found, code=code, keys=application.keys(), now=now)
    if opened is None:
        return _second_step(gettext("This code is not right, or was used already. Wait for the next one."), status=422)
    _replace(opened.value)
    if opened.recovery_codes:
        return make_response(
            render_template("staff/recovery_codes.html", codes=opened.recovery_codes, onwards=safe_next(opened.next))
        )
    return _go(safe_next(opened.next))


def _second_step(fault: str | None = None, *, status: int = 200) -> Response:
    found = current()
    if signing_in.needs_set_up(found):
        secret = str(found.data["totp"])
        page = render_template(
            "staff/set_up_codes.html",
            picture=second_factor.picture_of(secret, found.email, application.keys()),
            key=second_factor.key_of(secret, application.keys()),
            fault=fault,
        )
    else:
        page = render_template("staff/code.html", fault=fault)
    return make_response(page, status)


# --- passkeys ---------------------------------------------------------------------------------------------------------


@signing.post("/desk/sign-in/passkey/options")
@for_visitors
def passkey_options() -> Response:
    """What the browser needs to ask its owner; the challenge goes into the visitor's signed cookie."""
    from consentmgr.staff import passkeys

    asked.hold_client("sign-in")
    party = passkeys.party(application.settings())
    if party is None or desk_session().found is not None:
        raise NoSuchPage
    challenge = passkeys.new_challenge()
    desk_session()[CHALLENGE] = [challenge, int(clock.now().timestamp())]
    return make_response(passkeys.options_to_sign_in(party, challenge))


@signing.post("/desk/sign-in/passkey")
@for_visitors
def take_passkey() -> Response:
    """The browser's answer; JSON with where to go, or 422."""
    from consentmgr.staff import passkeys

    asked.hold_client("sign-in")
    party = passkeys.party(application.settings())
    challenge, answer, now = take_challenge(), request.get_json(silent=True), clock.now()
    opened = None
    if party is not None and challenge is not None and isinstance(answer, dict):
        given = answer.get("credential")
        with application.database().transaction() as session:
            account = (
                passkeys.sign_in(session, answer=given, challenge=challenge, party=party, now=now)
                if isinstance(given, dict)
                else None
            )
            if account is not None:
                opened = signing_in.open_at_once(
                    session,
                    account,
                    method="passkey",
                    next_page=safe_next(str(answer.get("next", ""))),
                    browser=asked.browser(),
                    now=now,
                )
    if opened is None:
        return make_response({"told": gettext("This passkey does not sign in here.")}, 422)
    _replace(opened.value)
    return make_response({"next": opened.next})


def take_challenge() -> str | None:
    """The challenge this browser was given, once, and while it lasts."""
    from consentmgr.staff import passkeys

    kept = desk_session().pop(CHALLENGE, None)
    if not isinstance(kept, list) or len(kept) != 2 or clock.now().timestamp() - kept[1] > passkeys.CHALLENGE_SECONDS:
        return None
    return str(kept[0])


# --- an identity provider ---------------------------------------------------------------------------------------------


@signing.get("/desk/sign-in/provider")
@for_visitors
def to_provider() -> Response:
    """Send the browser to the identity provider, with what shows later that it was this browser."""
    if not identity_provider.is_configured(application.settings()) or desk_session().found is not None:
        raise NoSuchPage
    begun = identity_provider.begin(application.settings())
    desk_session()[PROVIDER] = {
        **begun.kept,
        "next": safe_next(request.args.get("next")),
        "at": int(clock.now().timestamp()),
    }
    return make_response(redirect(begun.address, 303))


@signing.get("/desk/sign-in/provider/back")
@for_visitors
def from_provider() -> Response:
    """The provider sends the browser back. Without the state this browser was given, nothing happens."""
    kept: Any = desk_session().pop(PROVIDER, None)
    if not identity_provider.is_configured(application.settings()) or desk_session().found is not None:
        raise NoSuchPage
    identity = None
    if (
        isinstance(kept, dict)
        and clock.now().timestamp() - kept["at"] <= 600
        and request.args.get("state") == kept["state"]
    ):
        asked.hold_client("sign-in")
        identity = identity_provider.identity_of(application.settings(), kept, request.args.get("code"), clock.now())
    value = None
    if identity is not None:
        with application.database().transaction() as session:
            account = identity_provider.account_of(session, identity, now=clock.now())
            if account is not None:
                value = signing_in.begin(
                    session,
                    account,
                    method="oidc",
                    next_page=safe_next(kept.get("next")),
                    browser=asked.browser(),
                    keys=application.keys(),
                    now=clock.now(),
                )
    if value is None:
        return _sign_in_page(
            "/desk/", fault=gettext("Your organisation's sign-in did not let you in here."), status=422
        )
    _replace(value)
    return _go(url_for("signing.second_step"))


# --- invitations ------------------------------------------------------------------------------------------------------


@signing.get("/desk/invitation/<token>")
@for_visitors
def invitation_page(token: str) -> Response:
    return _invitation_page(token)


@signing.post("/desk/invitation/<token>")
@for_visitors
def take_invitation(token: str) -> Response:
    asked.hold_client("sign-in")
    password = asked.field("password")
    if password != asked.field("again"):
        return _invitation_page(token, {"again": gettext("The two passwords are not the same.")}, status=422)
    language = asked.field("language") or None
    try:
        with application.database().transaction() as session:
            account = invitations.take(
                session,
                token,
                password=password,
                email=asked.field("email"),
                name=asked.field("name"),
                language=language,
                now=clock.now(),
            )
            value = _begin_invited(session, account)
    except NotFound:
        return _invitation_over()
    except BadInput as error:
        return _invitation_page(token, {error.field or "password": password_fault(error.message)}, status=422)
    _replace(value)
    return _go(url_for("signing.second_step"))


def _begin_invited(session: Any, account: Account) -> str:
    return signing_in.begin(
        session,
        account,
        method="invitation",
        next_page="/desk/",
        browser=asked.browser(),
        keys=application.keys(),
        now=clock.now(),
    )


def _invitation_page(token: str, faults: dict[str, str] | None = None, *, status: int = 200) -> Response:
    with application.database().reading() as session:
        found = invitations.find(session, token, clock.now())
    if found is None:
        return _invitation_over()
    page = render_template(
        "staff/invitation.html",
        invited=found,
        token=token,
        faults=faults or {},
        given={name: asked.field(name) for name in ("email", "name")},
    )
    return make_response(page, status)


def _invitation_over() -> Response:
    return make_response(render_template("staff/invitation_over.html"), 410)


# --- the way out, and the way in --------------------------------------------------------------------------------------


@signing.post("/desk/sign-out")
@for_those_who_began
def sign_out() -> Response:
    with application.database().transaction() as session:
        signing_in.sign_out(session, current(), now=clock.now())
    desk_session().leave()
    return _go(url_for("signing.sign_in_page", ended=1))


@signing.get("/desk")
@for_anyone_signed_in
def front() -> Response:
    """The first page of the menu that is open to whoever asks."""
    return _go(first_page())


def first_page() -> str:
    """The first page of the menu that whoever is signed in may open, or their own account's."""
    actor()
    for row in NAVIGATION:
        if row.endpoint in current_app.view_functions and may(row.permission):
            return url_for(row.endpoint)
    return url_for("me.my_account")


def _replace(value: str) -> None:
    """Give the browser another session; the row it had, if any, ends, and the rest of it with it."""
    browser_session = desk_session()
    before = browser_session.found
    if before is not None:
        with application.database().transaction() as session:
            sessions.end(session, before.id)
    browser_session.become(value)


def _go(path: str) -> Response:
    return make_response(redirect(path, 303))
