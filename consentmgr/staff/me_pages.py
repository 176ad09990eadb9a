"""The browser door of one's own account: name and language, password, second factor, passkeys, sessions.

What signs in is changed only by somebody who has just shown who they are (``staff.sessions.PROVED``); whoever has not
is asked first, and comes back.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff import accounts, asked, second_factor, sessions, signing_in
from consentmgr.staff.access import actor, current, desk_session, for_anyone_signed_in, safe_next
from consentmgr.staff.cookies import LANGUAGE
from consentmgr.staff.sign_in_pages import CHALLENGE, take_challenge
from consentmgr.staff.wording import password_fault

me = Blueprint("me", __name__)

_DRAWN = "new_totp"


@me.get("/desk/me")
@for_anyone_signed_in
def my_account() -> str:
    return _page()


def _page(faults: dict[str, str] | None = None) -> str:
    from consentmgr.staff import passkeys

    found, now = current(), clock.now()
    with application.database().reading() as session:
        row = accounts.listed(session, now=now, account_id=found.account_id)[0]
        account = accounts.account_of(session, found.account_id)
        return render_template(
            "staff/me.html",
            row=row,
            language=account.language,
            recovery_left=len(account.recovery_codes),
            passkeys=passkeys.of_account(session, found.account_id),
            can_make_passkeys=passkeys.party(application.settings()) is not None,
            sessions=sessions.of_account(session, found.account_id, now),
            this_session=found.number,
            is_proved=found.is_proved(now),
            faults=faults or {},
        )


@me.post("/desk/me/details")
@for_anyone_signed_in
def change_details() -> Response:
    try:
        with application.database().transaction() as session:
            account = accounts.account_of(session, actor().account_id, for_update=True)
            accounts.describe(
                session,
                account,
                name=asked.field("name"),
                language=asked.field("language") or None,
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as error:
        return make_response(_page({error.field or "name": password_fault(error.message)}), 422)
    # What was chosen in the head of a page gives way to what was saved.
    desk_session().pop(LANGUAGE, None)
    return _done(gettext("Saved."))


# --- showing once more who one is -------------------------------------------------------------------------------------


@me.get("/desk/me/prove")
@for_anyone_signed_in
def prove_page() -> Response:
    return _prove_page(safe_next(request.args.get("next")))


@me.post("/desk/me/prove")
@for_anyone_signed_in
def prove() -> Response:
    found, next_page = current(), safe_next(request.form.get("next"))
    asked.hold_account("second-factor", str(found.account_id))
    with application.database().transaction() as session:
        holds = signing_in.prove(
            session,
            found,
            password=asked.field("password"),
            code=asked.field("code"),
            keys=application.keys(),
            now=clock.now(),
        )
    if not holds:
        return _prove_page(next_page, gettext("Password and code do not fit together."), status=422)
    return _go(next_page)


def _prove_page(next_page: str, fault: str | None = None, *, status: int = 200) -> Response:
    return make_response(render_template("staff/prove.html", next=next_page, fault=fault), status)


def _proof_first(back: str) -> Response | None:
    """Where to go first, where what was shown is too old; None where it is not."""
    if current().is_proved(clock.now()):
        return None
    return _go(url_for("me.prove_page", next=back))


# --- password and codes -----------------------------------------------------------------------------------------------


@me.post("/desk/me/password")
@for_anyone_signed_in
def change_password() -> Response:
    if (first := _proof_first(url_for("me.my_account"))) is not None:
        return first
    password = asked.field("password")
    if password != asked.field("again"):
        return make_response(_page({"again": gettext("The two passwords are not the same.")}), 422)
    try:
        with application.database().transaction() as session:
            value = signing_in.change_password(
                session, current(), password=password, browser=asked.browser(), now=clock.now()
            )
    except BadInput as error:
        return make_response(_page({"password": password_fault(error.message)}), 422)
    desk_session().become(value)
    return _done(gettext("Your password is changed. Every other browser has been signed out."))


@me.post("/desk/me/codes/begin")
@for_anyone_signed_in
def begin_codes() -> Response:
    """Draw a new secret; it is not the account's before a code of it was shown."""
    if (first := _proof_first(url_for("me.my_account"))) is not None:
        return first
    desk_session()[_DRAWN] = second_factor.new_secret(application.keys())
    return _go(url_for("me.codes_page"))


@me.get("/desk/me/codes")
@for_anyone_signed_in
def codes_page() -> Response:
    return _codes_page()


@me.post("/desk/me/codes")
@for_anyone_signed_in
def take_codes() -> Response:
    if (first := _proof_first(url_for("me.my_account"))) is not None:
        return first
    secret = desk_session().get(_DRAWN)
    if not isinstance(secret, str):
        return _go(url_for("me.my_account"))
    asked.hold_account("second-factor", str(actor().account_id))
    with application.database().transaction() as session:
        opened = signing_in.replace_codes(
            session, current(), secret=secret, code=asked.field("code"), keys=application.keys(), now=clock.now()
        )
    if opened is None:
        return _codes_page(gettext("This code is not right. Wait for the next one."), status=422)
    desk_session().become(opened.value)
    return make_response(render_template("staff/my_recovery_codes.html", codes=opened.recovery_codes))


def _codes_page(fault: str | None = None, *, status: int = 200) -> Response:
    secret = desk_session().get(_DRAWN)
    if not isinstance(secret, str):
        return _go(url_for("me.my_account"))
    page = render_template(
        "staff/my_codes.html",
        picture=second_factor.picture_of(secret, actor().email, application.keys()),
        key=second_factor.key_of(secret, application.keys()),
        fault=fault,
    )
    return make_response(page, status)


@me.post("/desk/me/recovery-codes")
@for_anyone_signed_in
def renew_recovery_codes() -> Response:
    if (first := _proof_first(url_for("me.my_account"))) is not None:
        return first
    with application.database().transaction() as session:
        codes = signing_in.renew_recovery_codes(session, current(), keys=application.keys(), now=clock.now())
    return make_response(render_template("staff/my_recovery_codes.html", codes=codes))


# --- passkeys ---------------------------------------------------------------------------------------------------------


@me.post("/desk/me/passkeys/options")
@for_anyone_signed_in
def passkey_options() -> Response:
    from consentmgr.staff import passkeys

    party = passkeys.party(application.settings())
    if party is None:
        return _refused(gettext("Passkeys need an address with a name, and https."))
    if not current().is_proved(clock.now()):
        return _refused(gettext("Show first who you are: reload this page."))
    challenge = passkeys.new_challenge()
    desk_session()[CHALLENGE] = [challenge, int(clock.now().timestamp())]
    with application.database().reading() as session:
        account = accounts.account_of(session, actor().account_id)
        return make_response(passkeys.options_to_make(session, account, party, challenge))


@me.post("/desk/me/passkeys")
@for_anyone_signed_in
def make_passkey() -> Response:
    from consentmgr.staff import passkeys

    party, challenge = passkeys.party(application.settings()), take_challenge()
    given: Any = request.get_json(silent=True)
    credential = given.get("credential") if isinstance(given, dict) else None
    if party is None or challenge is None or not isinstance(credential, dict) or not current().is_proved(clock.now()):
        return _refused(gettext("The passkey was not made. Try again."))
    try:
        with application.database().transaction() as session:
            account = accounts.account_of(session, actor().account_id, for_update=True)
            passkeys.make(
                session,
                account,
                answer=credential,
                challenge=challenge,
                party=party,
                name=str(given.get("name", ""))[:200],
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput:
        return _refused(gettext("The passkey was not made. Try again."))
    flash(gettext("The passkey is kept. Next time you can sign in with it alone."), "done")
    return make_response({"next": url_for("me.my_account")})


@me.post("/desk/me/passkeys/<int:number>/remove")
@for_anyone_signed_in
def remove_passkey(number: int) -> Response:
    from consentmgr.staff import passkeys

    if (first := _proof_first(url_for("me.my_account"))) is not None:
        return first
    with application.database().transaction() as session:
        passkeys.remove(session, actor().account_id, number, actor=actor().name, now=clock.now())
    return _done(gettext("The passkey is removed."))


# --- sessions ---------------------------------------------------------------------------------------------------------


@me.post("/desk/me/sessions/<int:number>/end")
@for_anyone_signed_in
def end_session(number: int) -> Response:
    with application.database().transaction() as session:
        sessions.end_numbered(session, actor().account_id, number)
    return _done(gettext("That browser has been signed out."))


def _refused(told: str) -> Response:
    return make_response({"told": told}, 422)


def _done(told: str) -> Response:
    flash(told, "done")
    return _go(url_for("me.my_account"))


def _go(path: str) -> Response:
    return make_response(redirect(path, 303))
