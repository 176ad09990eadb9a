"""The browser door of the keys: which there are, a new link key, and one that is no longer trusted. No secret is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from consentmgr.dashboard import key_ring
from consentmgr.edge import application
from consentmgr.keys import LinkKeyState
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission

keys = Blueprint("keys", __name__)

KINDS: Final[Mapping[str, Any]] = {
    "address": _("Address key"),
    "signing": _("Signing key"),
    "session": _("Session key"),
}
PURPOSES: Final[Mapping[str, Any]] = {
    "address": _("Every ban is found by it. If it is lost, every ban is; it is never changed."),
    "signing": _("Signs certificates, manifests and the head of the ledger."),
    "session": _("Keeps members of staff signed in. With a new one everybody signs in again."),
}
STATES: Final[Mapping[LinkKeyState, Any]] = {
    LinkKeyState.CURRENT: _("signs new links"),
    LinkKeyState.OLD: _("its links go on working"),
    LinkKeyState.DISTRUSTED: _("its links are good for leaving, and for nothing else"),
}
TONES: Final[Mapping[LinkKeyState, str]] = {
    LinkKeyState.CURRENT: "good",
    LinkKeyState.OLD: "calm",
    LinkKeyState.DISTRUSTED: "bad",
}


@keys.get("/")
@needs(Permission.KEYS)
def overview() -> str:
    settings = application.settings()
    with application.database().reading() as session:
        reasons = key_ring.reasons_of_distrust(session)
    return render_template(
        "dashboard/keys.html",
        rows=key_ring.shown_keys(settings, application.keys()),
        link_keys=key_ring.link_key_rows(settings),
        may_change=key_ring.may_change_link_keys(settings),
        reasons=reasons,
        kinds=KINDS,
        purposes=PURPOSES,
        states=STATES,
        tones=TONES,
        today=local_date(clock.now()),
        distrusted=LinkKeyState.DISTRUSTED,
    )


@keys.post("/rotate")
@needs(Permission.KEYS)
def rotate() -> Response:
    now = clock.now()
    with application.database().transaction() as session:
        key = key_ring.rotate(session, application.settings(), actor=actor().name, today=local_date(now), now=now)
    flash(gettext("Link key %(id)s signs from now on. Make a copy of the keys folder.", id=key.id), "done")
    return make_response(redirect(url_for("keys.overview"), 303))


@keys.get("/<key_id>/distrust")
@needs(Permission.KEYS)
def ask(key_id: str) -> Response:
    """Tell what distrusting means, and ask why."""
    return _ask(key_id, None)


def _ask(key_id: str, fault: str | None, status: int = 200) -> Response:
    found = next((key for key in key_ring.link_key_rows(application.settings()) if key.id == key_id), None)
    if found is None or not key_ring.may_change_link_keys(application.settings()):
        raise NotFound("there is no such link key")
    body = render_template(
        "dashboard/distrust.html", key=found, fault=fault, signs=found.state is LinkKeyState.CURRENT,
        done=found.state is LinkKeyState.DISTRUSTED,
    )  # fmt: skip
    return make_response(body, status)


@keys.post("/<key_id>/distrust")
@needs(Permission.KEYS)
def distrust(key_id: str) -> Response:
    now = clock.now()
    try:
        with application.database().transaction() as session:
            fresh = key_ring.distrust(
                session,
                application.settings(),
                key_id,
                reason=request.form.get("reason", ""),
                actor=actor().name,
                today=local_date(now),
                now=now,
            )
    except BadInput:
        return _ask(key_id, gettext("Write why. It is kept in the audit log."), 422)
    flash(gettext("Link key %(id)s is distrusted: by its links people can leave, and nothing else.", id=key_id), "done")
    if fresh is not None:
        flash(gettext("Link key %(id)s signs from now on. Make a copy of the keys folder.", id=fresh.id), "done")
    return make_response(redirect(url_for("keys.overview"), 303))
