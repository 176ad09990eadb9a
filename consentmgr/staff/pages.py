"""The browser door of users: who has an account, what each may do, and the one-time addresses that let them in.

Whoever looks after users for some controllers sees and changes the accounts whose every role lies within those;
another account does not exist for them.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import accounts, asked, invitations, sessions
from consentmgr.staff.access import actor, current, needs
from consentmgr.staff.models import Account
from consentmgr.staff.roles import BY_KEY, ROLES, Permission
from consentmgr.staff.wording import page_language, password_fault

staff = Blueprint("staff", __name__)


@staff.get("/desk/staff")
@needs(Permission.STAFF)
def list_accounts() -> str:
    with application.database().reading() as session:
        rows = accounts.listed(session, now=clock.now(), reach=actor().controllers)
    return render_template("staff/accounts.html", rows=rows)


@staff.get("/desk/staff/invite")
@needs(Permission.STAFF)
def invite_page() -> str:
    return _invite_page()


@staff.post("/desk/staff/invite")
@needs(Permission.STAFF)
def invite() -> Response:
    """Make the account, give its roles, and show its one-time address, this once."""
    try:
        with application.database().transaction() as session:
            now, who = clock.now(), actor()
            account = accounts.create(
                session,
                email=asked.field("email"),
                name=asked.field("name"),
                language=asked.field("language") or None,
                actor=who.name,
                now=now,
            )
            roles = request.form.getlist("role")
            if not roles:
                raise BadInput("no role", field="role")
            accounts.set_roles(
                session, account, roles, _wanted_controllers(session), actor=who.name, now=now, reach=who.controllers
            )
            token = _invite(session, account)
            name = account.name
    except BadInput as error:
        told = gettext("Choose at least one role.") if error.field == "role" else password_fault(error.message)
        return make_response(_invite_page({error.field or "email": told}), 422)
    return _address_page(name, token)


def _invite_page(faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        return render_template(
            "staff/invite.html",
            roles=_roles(),
            controllers=_controllers(session),
            faults=faults or {},
            given=request.form,
            limited=actor().controllers is not None,
        )


def _invite(session: Session, account: Account) -> str | None:
    return invitations.invite_by_mail_or_hand(
        session,
        account,
        settings=application.settings(),
        keys=application.keys(),
        actor=actor().name,
        now=clock.now(),
    )


def _address_page(name: str, token: str | None) -> Response:
    """The address to pass on by hand, this once; where it was mailed, that it is on its way."""
    if token is None:
        flash(gettext("The one-time address is on its way to %(name)s by e-mail.", name=name), "done")
        return make_response(redirect(url_for("staff.list_accounts"), 303))
    address = invitations.address(application.settings(), token)
    return make_response(render_template("staff/invited.html", name=name, address=address))


@staff.get("/desk/staff/<int:account_id>")
@needs(Permission.STAFF)
def account_page(account_id: int) -> str:
    return _account_page(account_id)


def _account_page(account_id: int, faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        rows = accounts.listed(session, now=clock.now(), reach=actor().controllers, account_id=account_id)
        if not rows:
            raise NotFound("there is no such account")
        return render_template(
            "staff/account.html",
            row=rows[0],
            held=dict(rows[0].grants),
            roles=ROLES,
            language=page_language(),
            controllers=_controllers(session),
            faults=faults or {},
            is_own=account_id == actor().account_id,
            limited=actor().controllers is not None,
            sessions=sessions.of_account(session, account_id, clock.now()),
            this_session=current().number,
        )


@staff.post("/desk/staff/<int:account_id>/roles")
@needs(Permission.STAFF)
def change_roles(account_id: int) -> Response:
    """Each role with its controllers: ``role`` those that are held, ``for-<role>`` their controllers, none for all."""
    wanted = {
        role: (request.form.getlist(f"for-{role}") or None) if request.form.get(f"reach-{role}") != "all" else None
        for role in request.form.getlist("role")
        if role in BY_KEY
    }
    some = [role for role in wanted if request.form.get(f"reach-{role}") == "some" and wanted[role] is None]
    if some:
        return make_response(
            _account_page(account_id, {"roles": gettext("Choose at least one controller, or all.")}), 422
        )

    def change(session: Session, account: Account) -> None:
        accounts.set_grants(
            session, account, dict(wanted), actor=actor().name, now=clock.now(), reach=actor().controllers
        )

    return _act(account_id, change, gettext("The roles are changed. Every browser of the account has been signed out."))


@staff.post("/desk/staff/<int:account_id>/disable")
@needs(Permission.STAFF)
def disable(account_id: int) -> Response:
    return _act(
        account_id,
        lambda session, account: accounts.disable(session, account, actor=actor().name, now=clock.now()),
        gettext("The account is closed."),
    )


@staff.post("/desk/staff/<int:account_id>/enable")
@needs(Permission.STAFF)
def enable(account_id: int) -> Response:
    return _act(
        account_id,
        lambda session, account: accounts.enable(session, account, actor=actor().name, now=clock.now()),
        gettext("The account is open."),
    )


@staff.post("/desk/staff/<int:account_id>/reset-second-factor")
@needs(Permission.STAFF)
def reset_second_factor(account_id: int) -> Response:
    return _act(
        account_id,
        lambda session, account: accounts.reset_second_factor(session, account, actor=actor().name, now=clock.now()),
        gettext("The second factor is reset. The next sign-in sets up a new one."),
    )


@staff.post("/desk/staff/<int:account_id>/end-sessions")
@needs(Permission.STAFF)
def end_sessions(account_id: int) -> Response:
    return _act(
        account_id,
        lambda session, account: accounts.end_sessions(session, account, actor=actor().name, now=clock.now()),
        gettext("Every browser of the account has been signed out."),
    )


@staff.post("/desk/staff/<int:account_id>/sessions/<int:number>/end")
@needs(Permission.STAFF)
def end_session(account_id: int, number: int) -> Response:
    """Sign one browser of an account out; the others stay."""
    return _act(
        account_id,
        lambda session, account: accounts.end_session(session, account, number, actor=actor().name, now=clock.now()),
        gettext("That browser has been signed out."),
    )


@staff.post("/desk/staff/<int:account_id>/invitation")
@needs(Permission.STAFF)
def renew_invitation(account_id: int) -> Response:
    """A new one-time address, also for a forgotten password."""
    try:
        with application.database().transaction() as session:
            account = _account(session, account_id)
            token = _invite(session, account)
            name = account.name
    except BadInput as error:
        return make_response(_account_page(account_id, {"account": password_fault(error.message)}), 422)
    return _address_page(name, token)


def _act(account_id: int, change: Callable[[Session, Account], None], told: str) -> Response:
    try:
        with application.database().transaction() as session:
            change(session, _account(session, account_id))
            stays = accounts.is_within(session, account_id, actor().controllers)
    except BadInput as error:
        return make_response(_account_page(account_id, {"account": password_fault(error.message)}), 422)
    flash(told, "done")
    if not stays:
        return make_response(redirect(url_for("staff.list_accounts"), 303))
    return make_response(redirect(url_for("staff.account_page", account_id=account_id), 303))


def _account(session: Session, account_id: int) -> Account:
    """The account, where it lies within the reach of whoever asks. Raises ``NotFound``."""
    account = accounts.account_of(session, account_id, for_update=True)
    if not accounts.is_within(session, account_id, actor().controllers):
        raise NotFound("there is no such account")
    return account


def _wanted_controllers(session: Session) -> list[str] | None:
    """Of the invitation's form: all, or those that were ticked."""
    if request.form.get("reach") == "all":
        return None
    known = {key for key, _ in _controllers(session)}
    return [key for key in request.form.getlist("controller") if key in known]


def _controllers(session: Session) -> list[tuple[str, str]]:
    """The controllers whoever asks may speak of: key and name. The register lies above, so the table is asked."""
    reach = actor().controllers
    rows = session.execute(text("SELECT key, name FROM controller ORDER BY name, key"))
    return [(key, name) for key, name in rows if reach is None or key in reach]


def _roles() -> list[tuple[str, str, str]]:
    language = page_language()
    return [(role.key, role.names[language], role.told[language]) for role in ROLES]
