"""The browser door of partners: the files behind a link, and the word that they are in use. The link is all they need.

A GET shows and changes nothing, so that a mail scanner that follows every link uses none up. A POST downloads a file,
or acknowledges. Programmes that ask for JSON get JSON.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, send_file
from sqlalchemy.orm import Session

from consentmgr.edge import application, metrics
from consentmgr.edge.clients import client_address
from consentmgr.edge.limits import client_digest, hold
from consentmgr.edge.problems import problem_response, wants_json
from consentmgr.exports.acknowledgements import Acknowledged, acknowledge_by_link, run_by_id
from consentmgr.exports.delivery_links import BadDeliveryLink, DeliveryLink, LinkEnded, LinkUse, link_of
from consentmgr.exports.kept_files import Shown, shown, take
from consentmgr.kit import clock
from consentmgr.preferences.branding import Sender, sender_of, speak_to

deliveries = Blueprint("deliveries", __name__)


@deliveries.get("/x/<token>")
def show(token: str) -> Response:
    """What the link leads to."""
    link, now = _link(token), clock.now()
    speak_to(None)
    with application.database().reading() as session:
        if link.use is LinkUse.DOWNLOAD:
            return _files_page(session, shown(session, link.subject, now))
        return _acknowledging_page(session, run_by_id(session, link.subject.int))


@deliveries.post("/x/<token>")
def act(token: str) -> Response:
    """Download the file that the form names, or acknowledge. Counted: whoever tries links by the thousand is stopped."""
    now = clock.now()
    client = client_digest(client_address(request), application.keys(), now)
    hold(application.database(), "delivery", client, now)
    link = _link(token)
    speak_to(None)
    if link.use is LinkUse.ACKNOWLEDGE:
        with application.database().transaction() as session:
            return _acknowledging_page(session, acknowledge_by_link(session, link.subject.int, now=now), done=True)
    name = request.form.get("file", "")
    with application.database().transaction() as session:
        path = take(session, application.settings(), link.subject, name, now=now)
    response = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _files_page(session: Session, found: Shown) -> Response:
    if wants_json():
        return jsonify(
            {
                "schedule": found.schedule,
                "sequence": found.sequence,
                "mode": found.mode,
                "ends_at": found.ends_at.isoformat(),
                "files": [
                    {"name": file.name, "bytes": file.bytes, "sha256": file.sha256, "downloads_left": file.left}
                    for file in found.files
                ],
            }
        )
    return _page("files", session, found.controller, found=found)


def _acknowledging_page(session: Session, found: Acknowledged, *, done: bool = False) -> Response:
    if wants_json():
        return jsonify(
            {
                "schedule": found.schedule,
                "sequence": found.sequence,
                "acknowledged_at": found.at.isoformat() if found.at is not None else None,
            }
        )
    return _page("acknowledge", session, found.controller, found=found, done=done)


def _page(name: str, session: Session, controller: str, **context: Any) -> Response:
    sender = sender_of(session, controller) or Sender(controller, controller)
    return make_response(render_template(f"exports/partner_{name}.html", sender=sender, **context))


@deliveries.errorhandler(BadDeliveryLink)
def _bad_link(_: BadDeliveryLink) -> Response:
    metrics.bad_links.labels("delivery").inc()
    speak_to(None)
    return problem_response(404, kind="bad_link")


@deliveries.errorhandler(LinkEnded)
def _ended(_: LinkEnded) -> Response:
    speak_to(None)
    return problem_response(410)


def _link(token: str) -> DeliveryLink:
    return link_of(application.settings(), token, clock.now())
