"""A finished message, checked against what its campaign states."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.edge.filters import moment
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.screening.desk import lists, words
from consentmgr.screening.desk.door import FORM_BYTES, own_list, page, screenings, stored_campaign
from consentmgr.screening.message_check import LARGEST_MESSAGE
from consentmgr.screening.message_service import checked_message
from consentmgr.screening.message_words import STATE_NAMES
from consentmgr.staff.access import actor, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.documents import Campaign


@screenings.get("/messages")
@needs(Permission.SCREEN)
def message() -> Response:
    """Upload a finished message and see whether it satisfies the gates of its campaign."""
    with application.database().reading() as session:
        return _message_page(session)


@screenings.post("/messages")
@needs(Permission.SCREEN)
@takes_up_to(LARGEST_MESSAGE + FORM_BYTES)
def check_message() -> Response:
    given = request.files.get("message")
    with application.database().reading() as session:
        described = _campaign_named(session, request.form.get("campaign", ""))
        if described is None:
            return _message_page(session, fault=gettext("Choose the campaign that the message belongs to."))
        if given is None or not given.filename:
            return _message_page(session, fault=gettext("Choose the message: a file whose name ends in .eml."))
        try:
            findings = checked_message(
                session,
                given.stream.read(LARGEST_MESSAGE + 1),
                described,
                settings=application.settings(),
                links=current_app.extensions["links"],
                language=application.language(),
                now=clock.now(),
            )
        except BadInput as error:
            return _message_page(session, fault=words.fault_told(error.message))
        return _message_page(session, findings=findings, described=described)


def _campaign_named(session: Session, named: str) -> Campaign | None:
    """A stored campaign (``campaign:KEY``), or that of a list screened here (``list:ID``)."""
    kind, _, key = named.partition(":")
    if kind == "campaign":
        return stored_campaign(session, key)
    if kind == "list":
        try:
            found = own_list(session, UUID(key))
        except (ValueError, NotFound):
            return None
        return lists.campaign_of_list(found) if found.campaign is not None else None
    return None


def _message_page(
    session: Session, *, findings: Any = None, described: Campaign | None = None, fault: str | None = None
) -> Response:
    who = actor()
    language = application.language()
    newest = lists.newest(session, actor=who.name, controllers=who.controllers, limit=25)
    screened = [
        # Told apart from its campaign, and from the campaign's other lists, by when it came.
        (f"list:{one.id}", gettext("%(campaign)s (list of %(when)s)", campaign=one.title, when=moment(one.created_at)))
        for one in newest
        if one.campaign is not None and one.campaign.get("channel") == "email"
    ]
    stored = [
        (f"campaign:{one.key}", one.name)
        for one in lists.known_campaigns(session, who.controllers)
        if one.campaign.channel == "email"
    ]
    return page(
        "message.html",
        422 if fault else 200,
        choices=[("", gettext("Choose")), *screened, *stored],
        chosen=request.form.get("campaign") or request.args.get("campaign") or "",
        findings=[
            {
                "name": one.name(language),
                "state": one.state,
                "state_name": STATE_NAMES[one.state][language],
                "tone": {"ok": "good", "failed": "bad", "unknown": "warn"}[one.state],
                "sentence": one.sentence,
                "law": one.law,
                "code": one.gate,
            }
            for one in findings or ()
        ],
        checked=findings is not None,
        failed=sum(one.state == "failed" for one in findings or ()),
        described=described,
        fault=fault,
    )
