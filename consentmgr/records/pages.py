"""The browser door of consent records: a person's own, by a link; and the copy staff hand out, at the desk.

The person's pages show what the link's controller has and nothing of others', with the address masked: a message may
have been forwarded. A GET shows and changes nothing. A link that leaked does nothing but stop messages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for

from consentmgr.audit import service as audit
from consentmgr.consents.sight import Sight
from consentmgr.edge import application, metrics
from consentmgr.edge.problems import problem_response, wants_json
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound, Unavailable
from consentmgr.preferences import choosing
from consentmgr.preferences.branding import Sender, language_asked, sender_of, speak_to
from consentmgr.preferences.choices import choices_of, known_of
from consentmgr.preferences.choosing import Applied
from consentmgr.preferences.links import BadLink, LinkKeys, LinkUse
from consentmgr.records import printed
from consentmgr.records.printed import Copy
from consentmgr.records.saving import saved
from consentmgr.records.service import (
    PersonsRecords,
    everything_file,
    receipt_file,
    records_of_contact,
    withdrawal_page,
)
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission

records = Blueprint("records", __name__)
copies = Blueprint("copies", __name__)

_JSON = "application/json"
_PDF = "application/pdf"


# --- the person's own -------------------------------------------------------------------------------------------------


@records.get("/v/<token>")
def show_consents(token: str) -> Response:
    """What the person agreed to, refused and withdrew."""
    page = _Page(token)
    metrics.link_views.labels("records", metrics.campaign_label(page.link.campaign)).inc()
    if page.limits is not None:
        return page.limited()
    lang = language_asked()
    body = render_template(
        "records/consents.html",
        sender=page.sender,
        copy=page.copy(),
        receipt_urls={
            str(record.id): url_for("records.save_receipt", record=record.id, token=token, lang=lang)
            for record in page.found.records
            if record.given is not None
        },
        pdf_url=url_for("records.save_pdf", token=token, lang=lang),
        json_url=url_for("records.save_json", token=token, lang=lang),
        choices_url=url_for("preferences.show_choices", token=page.choices_token(), lang=lang),
    )
    return make_response(body)


@records.post("/v/<token>")
def stop(token: str) -> Response:
    """The one thing a link can do that leaked, or whose person was erased: stop everything."""
    page = _Page(token)
    if page.limits is None or request.form.get("do") != "stop_all":
        abort(400)
    choosing.stop_all(current_app.extensions["leaving"], page.link, now=clock.now())
    return page.limited(Applied(stopped_all=True))


@records.get("/v/<token>/copy.pdf")
def save_pdf(token: str) -> Response:
    """The same as PDF, to keep."""
    page = _Page(token)
    return page.limited() if page.limits is not None else saved(printed.pdf_file(page.copy()), _PDF, "consents.pdf")


@records.get("/v/<token>/records.json")
def save_json(token: str) -> Response:
    """Every record and receipt, signed, to keep."""
    page = _Page(token)
    if page.limits is not None:
        return page.limited()
    settings, key = application.settings(), application.keys().signing_key
    return saved(everything_file(page.found, settings=settings, key=key), _JSON, "consents.json")


@records.get("/v/<token>/receipts/<uuid:record>.json")
def save_receipt(token: str, record: UUID) -> Response:
    """The signed receipt of one consent."""
    page = _Page(token)
    if page.limits is not None:
        return page.limited()
    found = receipt_file(page.found, page.found.one(record), key=application.keys().signing_key)
    return saved(found, _JSON, f"receipt-{record}.json")


class _Page:
    """What a link shows, in the reader's language."""

    def __init__(self, token: str) -> None:
        self.link = _link_keys().open(LinkUse.VIEW, token)
        self.now = clock.now()
        with application.database().reading() as session:
            known = known_of(session, self.link)
            own = known.contact.language if known.contact is not None and not self.link.distrusted else None
            self.language = speak_to(own)
            self.sender = sender_of(session, self.link.controller) or Sender(self.link.controller, self.link.controller)
            choices = choices_of(known, self.link, self.now, self.language)
            self.address = choices.address
            self.limits = "distrusted" if self.link.distrusted else "erased" if choices.erased else None
            if self.limits is None and known.contact_id is not None:
                self.found = records_of_contact(
                    session,
                    known.contact_id,
                    sight=Sight(frozenset({self.link.controller})),
                    keys=application.address_keys(),
                    now=self.now,
                )
            elif self.limits is None:
                raise NotFound("the link does not say whose consents to show")

    def copy(self) -> Copy:
        return printed.copy_of(
            self.found,
            language=self.language,
            withdraw_at=withdrawal_page(application.settings()),
            address=self.address,
        )

    def choices_token(self) -> str:
        """The token of the page of choices, as the link that led here had."""
        return _link_keys().mint(replace(self.link, use=LinkUse.PREFERENCES))

    def limited(self, done: Applied | None = None) -> Response:
        return make_response(
            render_template("preferences/limited.html", sender=self.sender, why=self.limits, done=done), 200
        )


@records.errorhandler(BadLink)
def _bad_link(_: BadLink) -> Response:
    metrics.bad_links.labels("records").inc()
    speak_to(None)
    if wants_json():
        return problem_response(404, kind="bad_link")
    return make_response(render_template("preferences/bad_link.html", sender=None), 404)


@records.errorhandler(Unavailable)
def _unavailable(_: Unavailable) -> Response:
    speak_to(None)
    response = (
        problem_response(503)
        if wants_json()
        else make_response(render_template("preferences/unavailable.html", sender=None), 503)
    )
    response.headers["Retry-After"] = "30"
    return response


def _link_keys() -> LinkKeys:
    return cast("LinkKeys", current_app.extensions["links"])


# --- at the desk ------------------------------------------------------------------------------------------------------


@copies.get("/<int:contact_id>/consents.pdf")
@needs(Permission.SEE_REGISTER)
def desk_pdf(contact_id: int) -> Response:
    """The person's copy, to print or to send."""
    found = _of_desk(contact_id)
    copy = printed.copy_of(
        found,
        language=printed.language_of(request.args.get("lang"), found.language),
        withdraw_at=withdrawal_page(application.settings()),
    )
    return saved(printed.pdf_file(copy), _PDF, f"consents-{contact_id}.pdf")


@copies.get("/<int:contact_id>/consents.json")
@needs(Permission.SEE_REGISTER)
def desk_json(contact_id: int) -> Response:
    """The person's signed records and receipts."""
    found = _of_desk(contact_id)
    document = everything_file(found, settings=application.settings(), key=application.keys().signing_key)
    return saved(document, _JSON, f"consents-{contact_id}.json")


def _of_desk(contact_id: int) -> PersonsRecords:
    now = clock.now()
    with application.database().transaction() as session:
        found = records_of_contact(
            session, contact_id, sight=Sight(actor().controllers), keys=application.address_keys(), now=now
        )
        audit.read(
            session,
            at=now,
            actor=actor().name,
            object=f"contact:{found.contact_id}",
            detail={"consent_records": len(found.records)},
        )
    return found
