"""The browser door and the machine door of subscribing, and of asking for one's link.

A GET shows and changes nothing, so that no mail scanner ever confirms; a POST acts. What is answered to an address
that is known, unknown, banned or has had its mails for today is the same to the byte.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, current_app, g, make_response, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from consentmgr.config import LANGUAGES, Language
from consentmgr.edge import application, metrics
from consentmgr.edge.clients import client_address
from consentmgr.edge.limits import client_digest, hold
from consentmgr.edge.problems import wants_json
from consentmgr.kit import clock
from consentmgr.mail.postman import Postman
from consentmgr.preferences import my_link
from consentmgr.preferences.branding import sender_of, speak_to
from consentmgr.preferences.leave_state import masked_address
from consentmgr.preferences.links import BadLink, Link, LinkKeys, LinkUse
from consentmgr.preferences.models import PendingSubscription
from consentmgr.preferences.subscribing import (
    FaultCode,
    Field,
    Request,
    Unanswerable,
    ask,
    confirm,
    read_answer,
    request_of,
)
from consentmgr.preferences.subscription_forms import FormClosed, ShownForm, form_of, shown_form

subscribing = Blueprint("subscribing", __name__)

#: Who did it, in the ledger, where a person did it without a login.
PERSON = "person"
_POSTMAN = "consentmgr.postman"
_making_the_postman = Lock()


# --- the form ---------------------------------------------------------------------------------------------------------


@subscribing.get("/s/<form>")
def form_page(form: str) -> str:
    language = speak_to(None)
    with application.database().reading() as session:
        shown = shown_form(session, form, language)
        return _form_page(session, shown)


@subscribing.post("/s/<form>")
def take_form(form: str) -> Response:
    """A filled form: from our own page, or from one embedded elsewhere."""
    language = speak_to(None)
    _hold("subscribe")
    given = request.form
    with application.database().transaction() as session:
        shown = shown_form(session, form, language)
        sender = sender_of(session, shown.controller)
        try:
            asked = read_answer(
                session,
                shown,
                email=given.get("email", ""),
                topics=given.getlist("topic"),
                notice=given.get("notice"),
                keys=application.address_keys(),
            )
        except Unanswerable as unanswerable:
            return make_response(_form_page(session, shown, unanswerable.faults), 422)
        ask(session, shown, asked, language=language, now=clock.now())
    _postman().wake()
    return make_response(render_template("subscribing/asked.html", sender=sender))


def _form_page(session: Session, shown: ShownForm, faults: dict[Field, FaultCode] | None = None) -> str:
    return render_template(
        "subscribing/form.html",
        sender=sender_of(session, shown.controller),
        form=shown,
        faults={name: _fault(code) for name, code in (faults or {}).items()},
        email=request.form.get("email", "")[:320],
        picked=request.form.getlist("topic"),
    )


def _fault(code: FaultCode) -> str:
    words: dict[FaultCode, str] = {
        "address_missing": gettext("Enter your e-mail address."),
        "address_invalid": gettext("Enter an e-mail address in the form name@example.com."),
        "topics_missing": gettext("Choose at least one."),
        "topics_unknown": gettext("What you chose is not offered any more. Choose again."),
        "notice_unknown": gettext("The text on the form has changed. Read it and send the form again."),
    }
    return words[code]


# --- the same for machines -------------------------------------------------------------------------------------------


class AskSchema(Schema):
    """The JSON body of a subscription. ``notice`` names the words that stood beside the form: ``signup/3/fi``."""

    email = fields.String(required=True, validate=validate.Length(max=1_000))
    topics = fields.List(fields.String(validate=validate.Length(max=200)), load_default=list)
    language = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LANGUAGES))
    notice = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=300))


@subscribing.route("/s/<form>.json", methods=["POST", "OPTIONS"])
def ask_by_json(form: str) -> Response:
    """Ask by script from the pages of the form's origins, or from a server."""
    with application.database().reading() as session:
        origins = form_of(session, form).origins
    origin = request.headers.get("Origin")
    g.allowed_origin = origin if origin in origins else None
    if request.method == "OPTIONS":
        response = make_response("", 204)
        response.headers["Allow"] = "POST, OPTIONS"
        return response
    if origin is not None and g.allowed_origin is None:
        return problem(403, "origin-not-allowed", "The form takes no requests from this origin.")
    if request.mimetype != "application/json":
        # What a page may send without asking first (text/plain, a form) would pass by the rule above.
        return problem(415, "not-json", "The body must be application/json.")
    _hold("subscribe")
    try:
        given = _given_json()
    except BadRequest:
        return problem(400, "not-json", "The body is not a JSON object.")
    except ValidationError as error:
        return _invalid(error.messages)
    language = cast("Language | None", given["language"]) or speak_to(None)
    with application.database().transaction() as session:
        shown = shown_form(session, form, language)
        try:
            asked = read_answer(
                session,
                shown,
                email=given["email"],
                topics=given["topics"],
                notice=given["notice"],
                keys=application.address_keys(),
            )
        except Unanswerable as unanswerable:
            return _invalid({name: [code] for name, code in unanswerable.faults.items()})
        ask(session, shown, asked, language=language, now=clock.now())
    _postman().wake()
    return make_response({"status": "accepted"}, 202)


def _given_json() -> dict[str, Any]:
    """The fields of the body. Raises ``BadRequest`` or ``ValidationError``."""
    body = request.get_json()
    if not isinstance(body, dict):
        raise BadRequest
    return cast("dict[str, Any]", AskSchema().load(body))


@subscribing.after_request
def _allow_origin(response: Response) -> Response:
    """Let pages of the form's origins, and no others, read the answer, an error too (the Fetch standard, CORS)."""
    if request.endpoint == "subscribing.ask_by_json":
        response.vary.add("Origin")
        if g.get("allowed_origin") is not None:
            response.headers["Access-Control-Allow-Origin"] = g.allowed_origin
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = "600"
    return response


def problem(status: int, kind: str, title: str, **more: Any) -> Response:
    """A problem document (RFC 9457) of this door's own; the others are ``edge.problems``'s."""
    body = {"type": f"urn:consentmgr:problem:{kind}", "title": title, "status": status, **more}
    response = make_response(body, status)
    response.mimetype = "application/problem+json"
    return response


def _invalid(errors: Any) -> Response:
    """``errors`` has a list of what is wrong for each field."""
    return problem(422, "invalid-answer", "Some fields are not as they must be.", errors=errors)


# --- confirming ------------------------------------------------------------------------------------------------------


@subscribing.get("/c/<token>")
def confirm_page(token: str) -> Response:
    """What would be confirmed, and the button that does it."""
    link = _confirm_link(token)
    now = clock.now()
    with application.database().reading() as session:
        language = speak_to(_language_of(session, link.subject))
        found = request_of(session, link.subject, language, now)
        metrics.link_views.labels("confirm", "none").inc()
        return _request_page(session, found)


@subscribing.post("/c/<token>")
def take_confirmation(token: str) -> Response:
    """The owner of the address presses the button. Again and again gives the same page."""
    link = _confirm_link(token)
    _hold("confirm")
    with application.database().transaction() as session:
        language = speak_to(_language_of(session, link.subject))
        found = confirm(
            session, link.subject, language=language, keys=application.address_keys(), actor=PERSON, now=clock.now()
        )
        page = _request_page(session, found)
    metrics.link_acts.labels("confirm", "none").inc()
    return page


def _confirm_link(token: str) -> Link:
    """Raises ``BadLink``, also for a link that was signed with a key that leaked."""
    try:
        link = cast("LinkKeys", current_app.extensions["links"]).open(LinkUse.CONFIRM, token)
        if link.distrusted:
            raise BadLink
    except BadLink:
        metrics.bad_links.labels("confirm").inc()
        raise
    return link


def _language_of(session: Session, subject: UUID | None) -> str | None:
    pending = session.get(PendingSubscription, subject) if subject is not None else None
    return pending.language if pending is not None else None


def _request_page(session: Session, found: Request | None) -> Response:
    sender = sender_of(session, found.controller) if found is not None else None
    if found is None or found.state == "expired" or sender is None:
        again = None
        if found is not None and sender is not None:
            form = form_of(session, found.form)
            again = url_for("subscribing.form_page", form=form.key) if form.closed_at is None else None
        return make_response(render_template("subscribing/expired.html", sender=sender, again=again), 410)
    page = "subscribing/confirmed.html" if found.state == "confirmed" else "subscribing/confirm.html"
    return make_response(
        render_template(page, sender=sender, asked=found, address=masked_address("email", found.address))
    )


# --- my link ---------------------------------------------------------------------------------------------------------


@subscribing.get("/link")
def link_page() -> str:
    speak_to(None)
    with application.database().reading() as session:
        return _link_page(session)


@subscribing.post("/link")
def take_link_request() -> Response:
    """Mail the link to the address, if the register knows it; the answer does not tell."""
    language = speak_to(None)
    _hold("link")
    address = application.address_keys().email(request.form.get("email", ""))
    with application.database().transaction() as session:
        chosen = _chosen_sender(session)
        if address is None:
            code: FaultCode = "address_invalid" if request.form.get("email", "").strip() else "address_missing"
            return make_response(_link_page(session, {"email": _fault(code)}), 422)
        if chosen is None:
            fault = gettext("Choose whose messages you mean.")
            return make_response(_link_page(session, {"controller": fault}), 422)
        my_link.ask_for_link(session, address=address, controller=chosen, language=language, now=clock.now())
        sender = sender_of(session, chosen)
    _postman().wake()
    return make_response(render_template("subscribing/link_asked.html", sender=sender))


def _chosen_sender(session: Session) -> str | None:
    """The controller chosen on the page, or the only one."""
    known = my_link.senders(session)
    given = request.values.get("controller") or next((row.key for row in known if len(known) == 1), None)
    return next((row.key for row in known if row.key == given), None)


def _link_page(session: Session, faults: dict[str, str] | None = None) -> str:
    known = my_link.senders(session)
    chosen = _chosen_sender(session)
    return render_template(
        "subscribing/link.html",
        # The page is the house's own until it is clear in whose name it speaks.
        sender=sender_of(session, chosen) if chosen is not None else None,
        senders=known if len(known) > 1 else [],
        chosen=chosen or next((row.key for row in known if row.default), None),
        faults=faults or {},
        email=request.form.get("email", "")[:320],
    )


@subscribing.errorhandler(FormClosed)
def _closed(error: FormClosed) -> Response:
    """Gone, and not unknown: who embeds the form should learn of it. All else is told by ``edge.problems``."""
    if wants_json():
        return problem(410, error.problem, "The form takes no subscriptions any more.")
    return make_response(render_template("subscribing/closed.html"), 410)


# --- what the application holds --------------------------------------------------------------------------------------


def _hold(door: str) -> None:
    """Count the request; raises ``TooOften``."""
    now = clock.now()
    hold(application.database(), door, client_digest(client_address(request), application.keys(), now), now)


def _postman() -> Postman:
    """The application's one, made when first needed."""
    with _making_the_postman:
        held = current_app.extensions.get(_POSTMAN)
        if held is None:
            held = current_app.extensions[_POSTMAN] = Postman(
                application.database(), application.settings(), application.keys(), clock.now
            )
    return cast("Postman", held)
