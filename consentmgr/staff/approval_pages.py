"""The browser door of what needs a second person."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff import accounts, approvals, asked
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.staff.wording import page_language

waiting = Blueprint("approvals", __name__)


@waiting.get("/desk/approvals")
@needs(Permission.APPROVE)
def list_approvals() -> str:
    who = actor()
    with application.database().reading() as session:
        open_ones = approvals.listed(session, waiting=True, reach=who.controllers, asked_by=who.name)
        decided = approvals.listed(session, waiting=False, reach=who.controllers, asked_by=who.name, limit=50)
        actors = {one for row in (*open_ones, *decided) for one in (row.asked_by, row.decided_by) if one}
        names = accounts.names_of(session, actors)
    kinds = {kind.key: kind.names[page_language()] for kind in approvals.KINDS}
    return render_template(
        "staff/approvals.html", waiting=open_ones, decided=decided, names=names, kinds=kinds, own=who.name
    )


@waiting.post("/desk/approvals/<uuid:approval_id>")
@needs(Permission.APPROVE)
def decide(approval_id: UUID) -> Response:
    accept = {"accept": True, "refuse": False}.get(request.form.get("decision", ""))
    who = actor()
    try:
        with application.database().transaction() as session:
            found = approvals.approval_of(session, approval_id)
            if who.controllers is not None and (
                found.controllers is None or not set(found.controllers) <= who.controllers
            ):
                raise NotFound("there is no such approval")
            if accept is None:
                return _go()
            approvals.decide(
                session,
                approval_id,
                accept=accept,
                actor=who.name,
                now=clock.now(),
                note=asked.field("note"),
                keys=application.keys(),
            )
    except approvals.SamePerson:
        flash(gettext("Somebody else has to decide what you asked for."), "fault")
        return _go()
    except approvals.DecidedAlready:
        flash(gettext("Somebody was quicker: this was decided already."), "note")
        return _go()
    flash(gettext("Accepted, and done.") if accept else gettext("Refused. Nothing was done."), "done")
    return _go()


def _go() -> Response:
    return make_response(redirect(url_for("approvals.list_approvals"), 303))
