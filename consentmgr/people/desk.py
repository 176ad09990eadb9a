"""The blueprint of people's pages, and what its doors have in common: where things are, and how forms are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from consentmgr.audit import service as audit
from consentmgr.config import LANGUAGES
from consentmgr.consents.sight import Sight
from consentmgr.edge import application, forms
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI
from consentmgr.people import words
from consentmgr.people.reading import Person, address_of, person_of
from consentmgr.staff.access import actor

people = Blueprint("people", __name__)

C = TypeVar("C", bound=str)


def sight() -> Sight:
    """What whoever is signed in may see on this page."""
    return Sight(actor().controllers)


def seen(contact_id: int) -> Person:
    """The person, read by whoever is signed in; the reading is audited before anything is shown."""
    now = clock.now()
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), now)
    audited("contact", person.contact.id, {"entries": len(person.steps), "bans": len(person.bans)})
    return person


def audited(kind: str, number: object, detail: dict[str, Any] | None = None) -> None:
    """Record that whoever is signed in read this."""
    with application.database().transaction() as session:
        audit.read(session, at=clock.now(), actor=actor().name, object=f"{kind}:{number}", detail=detail)


# --- words ------------------------------------------------------------------------------------------------------------


def word(kind: str, code: str | None) -> str:
    """What a code is called in the language of the page."""
    return words.word(kind, code, application.language())


def names_of(kind: str, codes: Iterable[str]) -> str:
    """Several codes, with commas between."""
    return ", ".join(word(kind, code) for code in codes)


def choices(kind: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    return words.choices(kind, tuple(codes), application.language())


def in_words(texts: dict[str, str] | None, fallback: str = "") -> str:
    """A text kept by language, in the page's language, else in the first of fi, sv, en that there is."""
    return next(
        (texts[known] for known in (application.language(), *LANGUAGES) if texts and texts.get(known)), fallback
    )


@people.context_processor
def _words() -> dict[str, Any]:
    return {
        "word": word,
        "names_of": names_of,
        "line_name": lambda line: words.line_name(line, application.language()),
        "in_words": in_words,
        "address_of": address_of,
        "today": clock.local_date(clock.now()),
    }


# --- forms ------------------------------------------------------------------------------------------------------------


class Faults(forms.Faults):
    """The same, and what services say of a person's data."""

    def refused(self, name: str | None) -> None:
        """Note what a service would not take; its own sentence is for programmes."""
        field, sentence = told_of(name)
        self.setdefault(field, sentence)


def text(name: str, *, longest: int = 2_000) -> str:
    """A field without blanks around it; a null character is in no text we keep."""
    return request.form.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()[:longest]


def ticked(name: str) -> bool:
    return bool(request.form.get(name))


def day_of(name: str, faults: Faults) -> date | None:
    """A day as browsers send it. What is none is a fault."""
    given = text(name)
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        faults[name] = gettext("Enter the day as year, month and day: 2027-01-31.")
        return None


def hour_of(name: str, faults: Faults) -> time | None:
    """A time of day as browsers send it. What is none is a fault."""
    given = text(name)
    if not given:
        return None
    try:
        return time.fromisoformat(given).replace(tzinfo=None)
    except ValueError:
        faults[name] = gettext("Enter the time as hours and minutes: 14:05.")
        return None


def one_of(name: str, allowed: Iterable[C], faults: Faults) -> C | None:
    """A choice of a list; None where nothing was chosen. What the list does not have is a fault."""
    value = text(name)
    if not value:
        return None
    for code in allowed:
        if code == value:
            return code
    faults[name] = gettext("Choose one of the list.")
    return None


def some_of(name: str, allowed: Iterable[C], faults: Faults) -> tuple[C, ...]:
    """Ticked boxes that the list has, in the list's order. What the list does not have is a fault."""
    listed = list(allowed)
    given = set(request.form.getlist(name))
    if given - set(listed):
        faults[name] = gettext("Choose from the list.")
    return tuple(code for code in listed if code in given)


def uuid_of(name: str) -> UUID | None:
    try:
        return UUID(text(name))
    except ValueError:
        return None


def kept_fields() -> list[tuple[str, str]]:
    """All that was sent, to be sent again with the next step of a form."""
    left_out = ("csrf_token", "do", "attachment")
    return [(name, value) for name, value in request.form.items(multi=True) if name not in left_out]


def now_fields() -> dict[str, str]:
    """The day and the hour a form begins with: now, by Finnish time."""
    local = clock.now().astimezone(HELSINKI)
    return {"day": local.date().isoformat(), "hour": local.strftime("%H:%M")}


def page(template: str, /, **values: Any) -> str:
    """A page of ours."""
    return render_template(f"people/{template}.html", **values)


def done(sentence: str) -> None:
    """Tell on the next page what was done."""
    flash(sentence, "done")


def to_person(contact_id: int) -> Response:
    from flask import redirect

    return redirect(url_for("people.show", contact_id=contact_id), 303)


def told_of(name: str | None) -> tuple[str, str]:
    """The field of the form, and what the page says of it."""
    plain = (name or "").partition("[")[0].partition(".")[0]
    sentences = {
        "day": gettext("The day lies in the future."),
        "hour": gettext("The time lies in the future."),
        "at": gettext("What the person said must be newer than the ban, and must have happened already."),
        "ids": gettext("One of the bans cannot be lifted here: a court set it, or it speaks of others' business too."),
        "given_by": gettext("Only the person, or a representative who has shown it, can say this."),
        "reason": gettext("Say why, in a few words."),
        "evidence": gettext("Say what shows that the person said so."),
        "notice": gettext("Choose the words that the consent was given in."),
        "channels": gettext("Choose channels that the words speak of, at least one."),
        "purposes": gettext("Choose purposes that the words speak of, at least one."),
        "topics": gettext("Choose topics that the words speak of."),
        "audiences": gettext("Choose platforms that the words speak of."),
        "controller": gettext("The words do not speak of this controller."),
        "valid_until": gettext("The last day lies before the first."),
        "target": gettext("The address cannot be matched. Check it."),
        "until": gettext("The last day lies before the first."),
        "reference": gettext("A reference holds letters, digits and simple signs, 80 at most, and no name of a person."),
        "ref": gettext("There is a contact of this reference already."),
        "given_name": gettext("Give a name or an address."),
        "points": gettext("The address cannot be matched. Check it."),
        "born_on": gettext("The date cannot be right. Check it."),
        "deceased_on": gettext("The date cannot be right. Check it."),
        "controllers": gettext("Choose whose contact this is."),
        "into": gettext("These two cannot be merged. Check the other contact's reference."),
        "contact": gettext("One of the two has been merged or erased already."),
        "id": gettext("It has been decided already, or cannot be done."),
    }  # fmt: skip
    if plain in sentences:
        return plain, sentences[plain]
    return plain or "form", gettext("This cannot be taken. Check it.")
