"""The browser door of people: finding them, seeing one whole, asking why, and a copy of what was attached.

The search box posts, so that nothing of what is typed stands in an address or a log. A GET of a person's page changes
nothing but the audit log, which says who read it.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Response, flash, request, send_file
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import NotFound
from consentmgr.people import act_pages, ban_pages, basis_pages, edit_pages, erasure_pages
from consentmgr.people.attachments import attached, content_of, store_of
from consentmgr.people.desk import Faults, audited, one_of, page, people, seen, sight, text, to_person
from consentmgr.people.grid import LINES, TOPIC_LINES
from consentmgr.people.reading import names_of_controllers, person_of
from consentmgr.people.search import SHORTEST, Found, find
from consentmgr.preferences.proposals import open_proposals
from consentmgr.screening.explain import explained
from consentmgr.staff.access import needs
from consentmgr.staff.accounts import names_of
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import PURPOSES
from consentmgr.vocabulary.documents import Campaign

# Their views are this blueprint's too.
DOORS = (act_pages, ban_pages, basis_pages, edit_pages, erasure_pages)


@people.get("/")
@needs(Permission.SEE_REGISTER)
def search() -> str:
    return page("search", typed="", found=None, shortest=SHORTEST)


@people.post("/")
@needs(Permission.SEE_REGISTER)
def find_people() -> str:
    """The people found; as a part of the page where the box asks while somebody types."""
    typed = text("q", longest=300)
    found = Found(too_short=True)
    if typed:
        with application.database().reading() as session:
            found = find(session, typed, sight=sight(), keys=application.address_keys())
        if found.hits:
            audited("contacts", "search", {"found": [hit.id for hit in found.hits]})
    template = "results" if request.headers.get("HX-Request") == "true" else "search"
    return page(template, typed=typed, found=found, shortest=SHORTEST)


@people.get("/<int:contact_id>")
@needs(Permission.SEE_REGISTER)
def show(contact_id: int) -> str | AnyResponse:
    """One person. Who was merged leads to the one that stays."""
    person = seen(contact_id)
    if person.contact.id != contact_id:
        flash(gettext("This contact was merged; here is the one that stays."), "note")
        return to_person(person.contact.id)
    with application.database().reading() as session:
        names = names_of(session, {step.actor for step in person.steps})
    return page(
        "contact",
        person=person,
        actors=names,
        lines=LINES,
        purposes=PURPOSES,
        topic_lines=TOPIC_LINES,
    )


@people.post("/<int:contact_id>/why")
@needs(Permission.SEE_REGISTER)
def why(contact_id: int) -> str:
    """What the rules say of one cell, for an ordinary campaign: the same answer as ``explain`` at the terminal."""
    faults = Faults()
    now = clock.now()
    line = one_of("line", LINES, faults)
    purpose = one_of("purpose", PURPOSES, faults)
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), now)
        controller = one_of("controller", names_of_controllers(session, sight()), faults)
        if faults or line is None or purpose is None or controller is None:
            raise NotFound("there is no such cell")
        channel, _, platform = line.partition(":")
        topic = text("topic")
        known = person.topics.get(topic)
        answer = explained(
            session,
            f"ref:{person.contact.ref}",
            Campaign(
                key="desk",
                controller=controller,
                channel=channel,  # type: ignore[arg-type]
                purpose=purpose,
                topic=topic if known is not None and known.kind == "newsletter" else None,
                product_group=topic if known is not None and known.kind == "product_group" else None,
                platform=platform or None,  # type: ignore[arg-type]
                promotes=purpose in ("direct_marketing", "newsletter"),
                planned_at=_an_ordinary_hour(now),
            ),
            keys=application.address_keys(),
            now=now,
            language=application.language(),
        )
    audited("contact", person.contact.id, {"explained": f"{line} {purpose}"})
    template = "why_part" if request.headers.get("HX-Request") == "true" else "why"
    return page(template, person=person, answer=answer, line=line, purpose=purpose, controller=controller, topic=topic)


def _an_ordinary_hour(now: datetime) -> datetime:
    """Noon of the next working day: the hour of asking is no reason for a verdict."""
    day = now.astimezone(HELSINKI).date() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, time(12), HELSINKI)


@people.get("/<int:contact_id>/files/<uuid:file_id>")
@needs(Permission.SEE_REGISTER)
def attachment(contact_id: int, file_id: UUID) -> Response:
    """A copy of what was attached to an act; to be kept, never shown within our pages."""
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), clock.now())
        shown = {file.id for step in person.steps for file in step.files}
        ids = {person.contact.id, *(step.of for step in person.steps if step.of is not None)}
        if file_id not in shown:
            raise NotFound("there is no such file")
        row = attached(session, file_id, ids)
        content = content_of(store_of(application.settings()), row, address_key=application.keys().address_key)
        name = row.name
    audited("contact", person.contact.id, {"attachment": str(file_id)})
    response = send_file(BytesIO(content), mimetype="application/octet-stream", as_attachment=True, download_name=name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@people.get("/proposals")
@needs(Permission.RECORD_ACTS)
def proposals() -> str:
    """What waits to be decided, oldest first."""
    allowed = sight()
    with application.database().reading() as session:
        rows: list[Any] = [row for row in open_proposals(session) if allowed.sees(row.controller)]
    return page("proposals", rows=rows)
