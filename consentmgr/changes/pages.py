"""The browser door of webhooks: who is told of changes, and how that goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.changes import feed
from consentmgr.changes import webhooks as service
from consentmgr.changes.feed import EVENT_TYPES
from consentmgr.changes.models import WebhookEndpoint
from consentmgr.consents.sight import Sight
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput
from consentmgr.register.models import Controller
from consentmgr.staff import asked
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.code_names import code_name

webhooks = Blueprint("webhooks", __name__)

STATES: Final = {"enabled": _("told at once"), "retrying": _("being tried again"), "disabled": _("disabled")}
TONES: Final = {"enabled": "good", "retrying": "calm", "disabled": "bad"}
WHY: Final = {
    "gone": _("The receiver has said that it is gone for good."),
    "given_up": _("The receiver did not take the same message for more than three days."),
    "by_hand": _("Somebody has disabled it."),
}
#: Hours that may be chosen for the old secret to go on.
OVERLAPS: Final = (24, 1, 168, 0)
_SHOWN_ATTEMPTS: Final = 30


@webhooks.get("/")
@needs(Permission.KEYS)
def overview() -> str:
    with application.database().reading() as session:
        return render_template(
            "changes/webhooks.html",
            rows=service.listed(session, _sight()),
            controllers=_names(session),
            states=STATES,
            tones=TONES,
            now=clock.now(),
        )


@webhooks.get("/add")
@needs(Permission.KEYS)
def add_page() -> str:
    return _add_page()


@webhooks.post("/add")
@needs(Permission.KEYS)
def add() -> Response:
    """Make the webhook and show its secret, this once."""
    try:
        with application.database().transaction() as session:
            endpoint, secret = service.add(
                session,
                service.Wanted(
                    url=asked.field("url"),
                    controllers=_controllers_asked(),
                    types=frozenset(request.form.getlist("type")),
                ),
                address_key=application.keys().address_key,
                named=application.settings().private_destinations,
                actor=actor().name,
                now=clock.now(),
            )
            return _secret_page(endpoint, secret)
    except BadInput as error:
        return make_response(_add_page({error.field or "url": _fault(error)}), 422)


def _add_page(faults: dict[str, str] | None = None) -> str:
    sight = _sight()
    with application.database().reading() as session:
        rows = session.execute(select(Controller.key, Controller.name).order_by(Controller.name))
        controllers = [(row.key, row.name) for row in rows if sight.sees(row.key)]
    return render_template(
        "changes/webhook_add.html",
        controllers=controllers,
        types=[(name, code_name("event", name, application.language())) for name in EVENT_TYPES],
        chosen_controllers=request.form.getlist("controller"),
        chosen_types=request.form.getlist("type"),
        faults=faults or {},
        given=request.form,
        limited=sight.controllers is not None,
    )


def _names(session: Session) -> dict[str, str]:
    """What controllers are called, by key."""
    return {row.key: row.name for row in session.execute(select(Controller.key, Controller.name))}


def _controllers_asked() -> frozenset[str] | None:
    """All controllers, only for those who work for all of them. Raises ``BadInput``."""
    sight = _sight()
    if asked.field("reach") == "all" and sight.controllers is None:
        return None
    named = frozenset(request.form.getlist("controller"))
    if not named or not sight.holds_all(named):
        raise BadInput("is missing", field="controllers")
    return named


def _fault(error: BadInput) -> str:
    told: str
    match error.field:
        case "controllers":
            told = gettext("Choose the controllers whose changes are told.")
        case "types":
            told = gettext("There is no such type of event.")
        case "since":
            told = gettext("Write a day.")
        case _:
            told = gettext(
                "Write an https address without a user or password. An address inside the house is reached only if the"
                " operator has named its network."
            )
    return told


@webhooks.get("/<int:webhook_id>")
@needs(Permission.KEYS)
def show(webhook_id: int) -> str:
    return _show(webhook_id)


def _show(webhook_id: int, faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        row = service.shown(session, service.found(session, webhook_id, _sight()))
        return render_template(
            "changes/webhook.html",
            row=row,
            controllers=_names(session),
            attempts=service.deliveries(session, webhook_id, limit=_SHOWN_ATTEMPTS),
            failures=service.deliveries(session, webhook_id, limit=_SHOWN_ATTEMPTS, failed=True),
            states=STATES,
            tones=TONES,
            why=WHY,
            overlaps=[(str(hours), _hours(hours)) for hours in OVERLAPS],
            faults=faults or {},
            now=clock.now(),
        )


def _hours(hours: int) -> str:
    told: str = gettext("%(number)s hours", number=hours) if hours else gettext("ends at once")
    return told


@webhooks.post("/<int:webhook_id>/rotate")
@needs(Permission.KEYS)
def rotate(webhook_id: int) -> Response:
    """Make a new secret and show it, this once."""
    given = asked.field("overlap")
    hours = int(given) if given in {str(one) for one in OVERLAPS} else OVERLAPS[0]
    with application.database().transaction() as session:
        endpoint = _held(session, webhook_id)
        secret = service.rotate(
            session,
            endpoint,
            address_key=application.keys().address_key,
            actor=actor().name,
            now=clock.now(),
            overlap=timedelta(hours=hours),
        )
        return _secret_page(endpoint, secret)


@webhooks.post("/<int:webhook_id>/replay")
@needs(Permission.KEYS)
def replay(webhook_id: int) -> Response:
    """Tell again from a day on, or leave out what waits."""
    try:
        with application.database().transaction() as session:
            endpoint = _held(session, webhook_id)
            if asked.field("from") == "now":
                place = feed.end(session)
            else:
                place = feed.place_before(session, _day("since"))
            service.replay(session, endpoint, place, actor=actor().name, now=clock.now())
            waiting = feed.waiting(session, place)
    except BadInput as error:
        return make_response(_show(webhook_id, {error.field or "since": _fault(error)}), 422)
    flash(gettext("%(number)s entries are before it now.", number=waiting), "done")
    return _back(webhook_id)


def _day(name: str) -> datetime:
    try:
        return datetime.fromisoformat(asked.field(name)[:10]).replace(tzinfo=HELSINKI)
    except ValueError:
        raise BadInput("is no day", field=name) from None


@webhooks.post("/<int:webhook_id>/enable")
@needs(Permission.KEYS)
def enable(webhook_id: int) -> Response:
    """Tell again, from where it was left."""
    with application.database().transaction() as session:
        service.enable(session, _held(session, webhook_id), actor=actor().name, now=clock.now())
    flash(gettext("It is told again, from where it was left."), "done")
    return _back(webhook_id)


@webhooks.post("/<int:webhook_id>/disable")
@needs(Permission.KEYS)
def disable(webhook_id: int) -> Response:
    """Tell nothing until it is enabled."""
    with application.database().transaction() as session:
        service.disable(session, _held(session, webhook_id), actor=actor().name, now=clock.now())
    flash(gettext("It is told nothing until it is enabled. What happens meanwhile waits for it."), "done")
    return _back(webhook_id)


@webhooks.post("/<int:webhook_id>/remove")
@needs(Permission.KEYS)
def remove(webhook_id: int) -> Response:
    """Forget it."""
    with application.database().transaction() as session:
        service.remove(session, _held(session, webhook_id), actor=actor().name, now=clock.now())
    flash(gettext("The webhook is gone."), "done")
    return make_response(redirect(url_for("webhooks.overview"), 303))


def _held(session: Session, webhook_id: int) -> WebhookEndpoint:
    return service.found(session, webhook_id, _sight(), lock=True)


def _sight() -> Sight:
    return Sight(actor().controllers)


def _secret_page(endpoint: WebhookEndpoint, secret: str) -> Response:
    page: Any = render_template("changes/webhook_secret.html", endpoint=endpoint, secret=secret)
    return make_response(page)


def _back(webhook_id: int) -> Response:
    return make_response(redirect(url_for("webhooks.show", webhook_id=webhook_id), 303))
