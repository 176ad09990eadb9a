"""What the forms have in common by which somebody takes down what a person said.

Each goes in two steps: first what would change is shown, then it is recorded. A file attached with the first step waits
for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flask import abort, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import attachments
from consentmgr.people.desk import (
    Faults,
    day_of,
    hour_of,
    kept_fields,
    page,
    sight,
    uuid_of,
)
from consentmgr.people.previewing import Preview
from consentmgr.people.reading import Person, names_of_controllers, person_of
from consentmgr.people.recording import (
    moment_of,
)
from consentmgr.staff.access import actor
from consentmgr.vocabulary.codes import GivenBy

#: A file and the form around it.
LARGEST_FORM = attachments.LARGEST + 500_000
GIVEN_BY: tuple[GivenBy, ...] = ("self", "representative", "unverified")


@dataclass(slots=True)
class Form:
    """What a form is shown with, and what came of reading it."""

    person: Person
    session: Session
    faults: Faults = field(default_factory=Faults)
    file_id: UUID | None = None
    file_name: str | None = None
    sha256: str | None = None

    @property
    def now(self) -> datetime:
        return clock.now()

    def when(self, *, stops: bool) -> datetime:
        day = day_of("day", self.faults) or local_date(self.now)
        hour = hour_of("hour", self.faults)
        try:
            return moment_of(day, hour, stops=stops, now=self.now)
        except BadInput as refused:
            self.faults.refused(refused.field)
            return self.now


def controllers_seen(session: Session) -> dict[str, str]:
    return names_of_controllers(session, sight())


def controller_choices(controllers: dict[str, str], *, all_of_them: bool) -> list[tuple[str, str]]:
    """Those whoever is signed in works for; all at once only for those who work for all."""
    shown = list(controllers.items())
    if all_of_them and sight().controllers is None and len(shown) > 1:
        shown.insert(0, ("*", gettext("All controllers")))
    return shown


def attach_to(form: Form) -> None:
    """Take the file that came with the form, or find the one that came with its first step."""
    given = request.files.get("attachment")
    if given is not None and given.filename:
        try:
            with application.database().transaction() as session:
                stored = attachments.attach(
                    session,
                    attachments.store_of(application.settings()),
                    given.stream,
                    name=given.filename,
                    contact_id=form.person.contact.id,
                    address_key=application.keys().address_key,
                    actor=actor().name,
                    now=form.now,
                )
        except BadInput:
            form.faults["attachment"] = gettext("The file is empty, or larger than 10 MB.")
            return
        form.file_id, form.file_name, form.sha256 = stored.id, stored.name, stored.sha256
    elif (file_id := uuid_of("file")) is not None:
        row = attachments.waiting(form.session, file_id, contact_id=form.person.contact.id, actor=actor().name)
        form.file_id, form.file_name, form.sha256 = row.id, row.name, row.sha256


def preview_page(form: Form, title: str, shown: Preview, facts: Sequence[tuple[str, str]]) -> str:
    """What would change, and the form again as hidden fields."""
    kept = [(name, value) for name, value in kept_fields() if name != "file"]
    if form.file_id is not None:
        kept.append(("file", str(form.file_id)))
    return page(
        "preview",
        person=form.person,
        title=title,
        preview=shown,
        facts=[(name, value) for name, value in facts if value]
        + ([(gettext("Attachment"), form.file_name)] if form.file_name else []),
        kept=kept,
    )


def step_of() -> str:
    """Which button was pressed: preview, record, or change (the form again)."""
    step = request.form.get("do", "preview")
    if step not in ("preview", "record", "change"):
        abort(400)
    return step


def present(session: Session, contact_id: int) -> Person:
    """The person, to say something of. Of one who was erased nothing new is taken down."""
    person = person_of(session, contact_id, sight(), clock.now())
    if person.erased:
        raise NotFound("the contact is erased")
    return person


def reading(contact_id: int, render: Callable[[Form], str]) -> str:
    with application.database().reading() as session:
        return render(Form(present(session, contact_id), session))
