"""The browser door of connections to sending services: which are heard, under which address, and with what secret."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.consents.sight import Sight
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Controller
from consentmgr.replies import sender_connections as service
from consentmgr.replies.senders import BY_KIND, SENDERS
from consentmgr.replies.senders.sender import Sender
from consentmgr.staff import asked
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission

connections = Blueprint("connections", __name__)

ACTS: Final = {
    "bounce_permanent": _("permanent bounces"),
    "bounce_temporary": _("temporary bounces"),
    "complaint": _("complaints"),
    "unsubscribe": _("unsubscribes"),
    "other": _("others"),
}
#: What each service has to be told or tells, and where it is found there.
FIELDS: Final = {
    "topic": (
        _("ARN of the SNS topic"),
        _("Such as arn:aws:sns:eu-north-1:123456789012:bounces. Only messages of this topic are taken."),
    ),
    "certificates": (
        _("Address of the certificates (your own cloud only)"),
        _(
            "Leave it empty for Amazon. Where an SNS of your own keeps its certificates: an https address that ends"
            " with a slash. What is signed with a certificate from there is believed."
        ),
    ),
    "verification_key": (
        _("Verification key"),
        _("In SendGrid: Settings, Mail settings, Event webhook, Signed event webhook."),
    ),
    "signing_key": (_("HTTP webhook signing key"), _("In Mailgun: Settings, API security.")),
}


@connections.get("/")
@needs(Permission.KEYS)
def overview() -> str:
    with application.database().reading() as session:
        rows = [row for row in service.listed(session) if _sight().sees(row.controller)]
        controllers = _controllers(session)
    return render_template(
        "replies/connections.html", rows=rows, names=_names(), controllers=dict(controllers), acts=ACTS
    )


@connections.get("/add")
@needs(Permission.KEYS)
def add_page() -> str:
    """First which service it is, then what that one needs."""
    return _add_page(BY_KIND.get(request.args.get("kind", "")))


@connections.post("/add")
@needs(Permission.KEYS)
def add() -> Response:
    """Make the connection, and show what the service has to be told."""
    sender = BY_KIND.get(asked.field("kind"))
    if sender is None:
        return make_response(_add_page(None), 422)
    name, controller = asked.field("name").strip(), asked.field("controller")
    if controller and not _sight().sees(controller):
        raise NotFound("there is no such controller")
    secrets = service.new_secrets(sender.kind) or _given(sender.secrets)
    try:
        with application.database().transaction() as session:
            service.add(
                session,
                name,
                sender.kind,
                controller,
                secrets=secrets,
                options=_given(sender.options),
                address_key=application.keys().address_key,
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as error:
        return make_response(_add_page(sender, {error.field or "name": _fault(error)}), 422)
    return _told(name, sender, secrets if sender.made else {})


def _given(names: Any) -> dict[str, str]:
    """What was filled in of these fields."""
    return {name: value for name in names if (value := asked.field(name).strip())}


def _fault(error: BadInput) -> str:
    told: str
    match error.field:
        case "name" if "already" in error.message:
            told = gettext("There is a connection of this name already.")
        case "name":
            told = gettext("Use small letters a–z, digits and hyphens, and begin with a letter or digit.")
        case "controller":
            told = gettext("Choose in whose name it sends.")
        case "topic":
            told = gettext("This is no ARN of an SNS topic. Copy it from the topic's own page.")
        case "certificates":
            told = gettext("Write an https address that ends with a slash, or leave the field empty.")
        case _:
            told = gettext("This does not look like the key. Copy the whole of it from the service.")
    return told


def _add_page(sender: Sender | None, faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        controllers = _controllers(session)
    return render_template(
        "replies/connection_add.html",
        senders=SENDERS,
        sender=sender,
        fields=_fields(sender) if sender is not None else (),
        controllers=controllers,
        faults=faults or {},
        given=request.form,
        public_url=application.settings().public_url,
    )


def _fields(sender: Sender) -> list[tuple[str, Any, Any, bool, bool]]:
    """What is asked of a service: name, label, hint, whether it is a secret, and whether it must be given."""
    names = [*sender.options, *(() if sender.made else sender.secrets)]
    needed = frozenset().union(*sender.needs)
    return [(name, *FIELDS[name], name in sender.secrets, name in needed) for name in names if name in FIELDS]


@connections.get("/<name>")
@needs(Permission.KEYS)
def show(name: str) -> str:
    return _show(name)


def _show(name: str, faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        row = _seen(session, name)
        controllers = dict(_controllers(session))
    sender = BY_KIND[row.kind]
    return render_template(
        "replies/connection.html",
        row=row,
        sender=sender,
        fields=[one for one in _fields(sender) if one[3]],
        controllers=controllers,
        acts=ACTS,
        address=application.settings().public_url + row.path,
        faults=faults or {},
    )


@connections.post("/<name>/secrets")
@needs(Permission.KEYS)
def replace_secrets(name: str) -> Response:
    """Another secret: one that is made and shown this once, or one that the service has made."""
    try:
        with application.database().transaction() as session:
            sender = BY_KIND[_seen(session, name).kind]
            made = service.new_secrets(sender.kind)
            service.replace_secrets(
                session,
                name,
                made or _given(sender.secrets),
                address_key=application.keys().address_key,
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as error:
        return make_response(_show(name, {error.field or "": _fault(error)}), 422)
    if made:
        return _told(name, sender, made)
    flash(gettext("The new key is in use."), "done")
    return _back(name)


@connections.post("/<name>/disable")
@needs(Permission.KEYS)
def disable(name: str) -> Response:
    """Take nothing until it is enabled."""
    return _set_disabled(name, disabled=True)


@connections.post("/<name>/enable")
@needs(Permission.KEYS)
def enable(name: str) -> Response:
    return _set_disabled(name, disabled=False)


def _set_disabled(name: str, *, disabled: bool) -> Response:
    with application.database().transaction() as session:
        service.set_disabled(session, _seen(session, name).name, disabled=disabled, actor=actor().name, now=clock.now())
    flash(gettext("Nothing it posts is taken now.") if disabled else gettext("What it posts is taken again."), "done")
    return _back(name)


@connections.post("/<name>/remove")
@needs(Permission.KEYS)
def remove(name: str) -> Response:
    """Forget the connection; what it told stays."""
    with application.database().transaction() as session:
        service.remove(session, _seen(session, name).name, actor=actor().name, now=clock.now())
    flash(gettext("The connection is gone. What it told stays in the register."), "done")
    return make_response(redirect(url_for("connections.overview"), 303))


def _seen(session: Session, name: str) -> service.Listed:
    """The connection, where it is of a controller of theirs. Raises ``NotFound``."""
    row = service.found(session, name.replace("\0", ""))
    if not _sight().sees(row.controller):
        raise NotFound("there is no such connection")
    return row


def _sight() -> Sight:
    return Sight(actor().controllers)


def _controllers(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(select(Controller.key, Controller.name).order_by(Controller.name))
    sight = _sight()
    return [(row.key, row.name or row.key) for row in rows if sight.sees(row.key)]


def _names() -> dict[str, str]:
    return {kind: sender.name for kind, sender in BY_KIND.items()}


def _told(name: str, sender: Sender, made: dict[str, str]) -> Response:
    """What the service has to be told: the address, and a secret that is shown this once."""
    public_url = application.settings().public_url
    page: Any = render_template(
        "replies/connection_told.html",
        name=name,
        sender=sender,
        address=service.address_told(public_url, service.path_of(sender.kind, name), made),
        token=made.get("token"),
        secret_inside="credentials" in made,
    )
    return make_response(page)


def _back(name: str) -> Response:
    return make_response(redirect(url_for("connections.show", name=name), 303))
