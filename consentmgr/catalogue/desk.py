"""The blueprint of the catalogue's pages, and what its doors have in common: where things are, and how forms are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar

from flask import Blueprint, current_app, flash, g, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.importing.cell_values import parse_country
from consentmgr.kit import clock
from consentmgr.register.models import Controller, Topic
from consentmgr.staff.access import actor, may
from consentmgr.staff.accounts import names_of
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.code_names import code_choices, code_name
from consentmgr.vocabulary.codes import LANGUAGES
from consentmgr.vocabulary.documents import Names

catalogue = Blueprint("catalogue", __name__)

#: What a topic or a purpose of processing may be called by in files.
KEY = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
#: Rows of a page of a long list.
PAGE = 50

C = TypeVar("C", bound=str)


def name_of(kind: str, code: str | None) -> str:
    """What a code is called in the language of the page."""
    return code_name(kind, code, application.language())


def choices_of(kind: str, *, without: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The codes of a list with their names in the language of the page: the choices of a field."""
    left_out = set(without)
    return [(code, name) for code, name in code_choices(kind, application.language()) if code not in left_out]


def in_words(texts: dict[str, str], fallback: str = "") -> str:
    """A text kept by language, in the page's language, else in the first of fi, sv, en that there is."""
    return next((texts[known] for known in (application.language(), *LANGUAGES) if texts.get(known)), fallback)


def _named_in_lists() -> tuple[dict[str, str], dict[str, str]]:
    """What one's controllers and their topics are called, by key; asked once a request, and only by pages that show any."""
    if "named_in_lists" not in g:
        with application.database().reading() as session:
            controllers = own_controllers(session)
            g.named_in_lists = controllers, topics_of(session, controllers)
    named: tuple[dict[str, str], dict[str, str]] = g.named_in_lists
    return named


def controllers_named(keys: Iterable[str]) -> str:
    """Controllers as people write them, with commas between; those of others by their keys."""
    return ", ".join(_named_in_lists()[0].get(key, key) for key in keys)


def topics_named(keys: Iterable[str]) -> str:
    """Topics by their names in the page's language, with commas between."""
    return ", ".join(_named_in_lists()[1].get(key, key) for key in keys)


@catalogue.context_processor
def _words() -> dict[str, Any]:
    return {
        "name_of": name_of,
        "in_words": in_words,
        "controllers_named": controllers_named,
        "topics_named": topics_named,
        "url_of_people": url_of_people,
        "url_of_person": url_of_person,
        "url_of_imports": lambda: _url_of("imports.overview"),
    }


def _url_of(*endpoints: str) -> str | None:
    """The address of the first of these pages that is there."""
    return next((url_for(name) for name in endpoints if name in current_app.view_functions), None)


def url_of_people() -> str | None:
    """Where people are looked for, by a form with the field ``q``; None for those who may not see them."""
    return url_for("people.find_people") if may(Permission.SEE_REGISTER) else None


def url_of_person(contact_id: int | None) -> str | None:
    """A person's page; None where there is none, and for those who may not see it."""
    if contact_id is None or not may(Permission.SEE_REGISTER):
        return None
    return url_for("people.show", contact_id=contact_id)


# --- controllers ------------------------------------------------------------------------------------------------------


def own_controllers(session: Session) -> dict[str, str]:
    """The controllers whoever is signed in works for, by key: their names."""
    mine = actor().controllers
    rows = session.execute(select(Controller.key, Controller.name).order_by(Controller.name, Controller.key))
    return {key: name for key, name in rows if mine is None or key in mine}


def topics_of(session: Session, controllers: Iterable[str]) -> dict[str, str]:
    """The topics of these controllers, by key: their names in the page's language."""
    rows = session.execute(
        select(Topic.key, Topic.names).where(Topic.controller.in_(list(controllers))).order_by(Topic.key)
    )
    return {key: in_words(names, key) for key, names in rows}


# --- forms ------------------------------------------------------------------------------------------------------------


def text(name: str, *, longest: int = 10_000) -> str:
    """A field without blanks around it; a null character is in no text we keep."""
    return request.form.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()[:longest]


def texts(name: str) -> list[str]:
    """Ticked boxes, or the lines of an area; each once, none blank."""
    found = (line.strip() for value in request.form.getlist(name) for line in value.replace("\0", "").splitlines())
    return list(dict.fromkeys(line for line in found if line))


def words_of(prefix: str) -> Names:
    """A text by language: fields ``PREFIX_fi``, ``PREFIX_sv``, ``PREFIX_en``."""
    return Names(**{code: text(f"{prefix}_{code}") or None for code in LANGUAGES})


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


def number_of(name: str, faults: Faults, *, largest: int = 2_147_483_647) -> int | None:
    """A whole number from 0. What is none is a fault."""
    given = text(name)
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or int(given[:12]) > largest:
        faults[name] = gettext("Enter a whole number.")
        return None
    return int(given)


def country_of(name: str, faults: Faults) -> str | None:
    """A country by its two letters or its name, as imports read it; None where the field is empty."""
    given = text(name, longest=100)
    try:
        return parse_country(given) if given else None
    except ValueError:
        faults[name] = gettext(
            "There is no country with these letters. Enter the two letters of the country, such as FI or SE."
        )
        return None


def one_of(name: str, allowed: Iterable[C], faults: Faults, *, given: str | None = None) -> C | None:
    """A choice of a list; None where nothing was chosen. What the list does not have is a fault."""
    value = text(name) if given is None else given
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
    given = set(texts(name))
    if given - set(listed):
        faults[name] = gettext("Choose from the list.")
    return tuple(code for code in listed if code in given)


def page(template: str, /, **values: Any) -> str:
    """A page of the catalogue."""
    rendered: str = render_template(f"catalogue/{template}.html", **values)
    return rendered


def audited(thing: str, detail: dict[str, Any]) -> None:
    """Record that whoever is signed in read this of people."""
    with application.database().transaction() as session:
        audit.read(session, at=clock.now(), actor=actor().name, object=thing, detail=detail)


def called(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """What to call those who did something: members of staff by their names, everybody else as the logs have them."""
    wanted = set(actors)
    return {name: name for name in wanted} | names_of(session, wanted)


def done(sentence: str) -> None:
    """Tell on the next page what was done."""
    flash(sentence, "done")


def told_of(field: str | None) -> str:
    """What a page says of a field that a service would not take; the service's own sentence is for programmes."""
    sentences: dict[str, str] = {
        "business_id": gettext("This is no organisation number of the country given below: check its digits. A Finnish one looks like 0112038-9. Where the organisation has none, leave the field empty and give an identifier of your own."),
        "ref": gettext("The identifier belongs to another organisation."),
        "colour": gettext("The colour cannot be used: it must be # and six hexadecimal digits, and readable text must fit on it."),
        "logo": gettext("The picture cannot be used: it must be a small PNG or SVG that only draws."),
        "privacy_url": gettext("The address must begin with https://."),
        "domains": gettext("One of the lines is not a domain, such as acme.example."),
        "target": gettext("Fill in exactly one of the targets."),
        "valid_until": gettext("The last day lies before the first."),
        "verified_on": gettext("The day lies in the future."),
        "last_purchase_on": gettext("The day lies in the future."),
        "origins": gettext("One of the lines is not a web origin, such as https://www.acme.example."),
        "key": gettext("This identifier cannot be used. It may hold small letters, digits and hyphens."),
        "notice": gettext("The notice does not name all that the form would ask for."),
        "at": gettext("The act must be newer than the ban, and must have happened already."),
    }  # fmt: skip
    plain = (field or "").partition("[")[0]
    whole = plain.partition(".")[0]
    otherwise = str(gettext("This value cannot be taken. Check it."))
    return sentences.get(plain) or sentences.get(whole) or otherwise
