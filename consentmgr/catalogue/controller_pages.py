"""Controllers: their names and addresses, and how their public pages look, tried before it is saved."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from flask import Response, make_response, redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.catalogue.desk import catalogue, done, page, text, told_of
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.branding import Sender, sender_from
from consentmgr.register.models import Controller as StoredController
from consentmgr.staff.access import actor, needs, own, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.branding import (
    DARK_SHEET,
    LONGEST_LOGO,
    TEXT_CONTRAST,
    WHITE,
    colour_fault,
    contrast,
    logo_fault,
    palette,
    privacy_url_fault,
)
from consentmgr.vocabulary.documents import Controller

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_A_YEAR = 31_536_000


class Contrast(NamedTuple):
    """One pair of colours as the pages use them: what it is, the ratio (1 to 21), and whether people can read it."""

    what: str
    ratio: float
    enough: bool


@catalogue.get("/controllers")
@needs(Permission.SEE_DASHBOARD)
def controllers() -> str:
    """The controllers whoever asks works for."""
    with application.database().reading() as session:
        rows = session.scalars(select(StoredController).order_by(StoredController.name, StoredController.key)).all()
        found = [(row, sender_from(row.key, row.name, row.contact, row.branding)) for row in rows if own(row.key)]
    return page("controllers", controllers=found, may_add=actor().controllers_for(Permission.CATALOGUE) is None)


@catalogue.get("/controllers/new")
@needs(Permission.CATALOGUE)
def new_controller() -> str:
    require_controller(None)
    return _form({}, None)


@catalogue.post("/controllers/new")
@needs(Permission.CATALOGUE)
def add_controller() -> AnyResponse | tuple[str, int]:
    require_controller(None)
    return _save(None)


@catalogue.get("/controllers/<path:key>")
@needs(Permission.CATALOGUE)
def controller(key: str) -> str:
    """One controller, as a form with its pages' look beside it."""
    with application.database().reading() as session:
        row = _controller(session, key)
        return _form(_values(row), row)


@catalogue.post("/controllers/<path:key>")
@needs(Permission.CATALOGUE)
def change_controller(key: str) -> AnyResponse | tuple[str, int]:
    return _save(key)


@catalogue.post("/controllers/preview")
@needs(Permission.CATALOGUE)
def preview_controller() -> str:
    """How the masthead of a public page would look, of what stands in the form. Nothing is saved.

    Without script the whole form comes again, filled as it was.
    """
    faults, key = Faults(), text("key", longest=200)
    with application.database().reading() as session:
        row = session.get(StoredController, key) if key and own(key) else None
    logo = _logo(faults, None if row is None else row.branding.get("logo"))
    if request.headers.get("HX-Request"):
        return page("look", **_look(text("name"), _colour(), logo, faults), faults=faults)
    return _form({**request.form.to_dict(), "logo": logo}, row, faults)


@catalogue.get("/controllers/look/<colour>.css")
@needs(Permission.SEE_DASHBOARD)
def look_of_colour(colour: str) -> Response:
    """A colour for the preview alone: the desk around it keeps its own."""
    shown = f"#{colour}"
    if colour_fault(shown) is not None:
        raise NotFound("there is no such colour")
    shades = palette(shown)
    response = make_response(
        f".look-{colour.lower()}{{--brand:{shades.brand};--on-brand:{shades.on_brand};"
        f"--accent:{shades.accent};--accent-in-dark:{shades.accent_in_dark}}}\n"
    )
    response.mimetype = "text/css"
    response.headers["Cache-Control"] = f"private, max-age={_A_YEAR}, immutable"
    return response


# --- saving -----------------------------------------------------------------------------------------------------------


def _save(key: str | None) -> AnyResponse | tuple[str, int]:
    faults, now = Faults(), clock.now()
    name, given_key = text("name", longest=300), key or text("key", longest=64)
    faults.missing("name", name)
    if key is None and not _KEY.fullmatch(given_key):
        faults["key"] = gettext("This identifier cannot be used. It may hold small letters, digits and hyphens.")
    colour, privacy_url = _colour(), text("privacy_url", longest=2_001)
    if colour and colour_fault(colour) is not None:
        faults["colour"] = told_of("colour")
    if privacy_url and privacy_url_fault(privacy_url) is not None:
        faults["privacy_url"] = told_of("privacy_url")
    with application.database().transaction() as session:
        row = None if key is None else _controller(session, key)
        if key is None and not faults and session.get(StoredController, given_key) is not None:
            faults["key"] = gettext("This identifier is in use already.")
        stored = None if row is None else row.branding.get("logo")
        logo = _logo(faults, stored)
        given = {
            "business_id": text("business_id", longest=40) or None,
            "contact": text("contact", longest=300) or None,
            "colour": colour or None,
            "logo": logo,
            "privacy_url": privacy_url or None,
        }
        if not faults:
            before = {} if row is None else _values(row)
            document = Controller(
                key=given_key,
                name=name,
                # Which is the default is a matter of all controllers.
                default=bool(request.form.get("default")) and actor().controllers is None,
                clear=tuple(field for field, value in given.items() if value is None and before.get(field)),
                **given,
            )
            try:
                keep(
                    session,
                    document,
                    object=f"controller:{given_key}",
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                )
            except BadInput as error:
                faults[error.field or "name"] = told_of(error.field)
        if faults:
            return _form({**request.form.to_dict(), "logo": stored}, row, faults), 422
    done(gettext("Saved. Public pages look like this from now on."))
    return redirect(url_for("catalogue.controller", key=given_key))


def _controller(session: Session, key: str) -> StoredController:
    require_controller(key)
    row = session.get(StoredController, key)
    if row is None:
        raise NotFound("there is no such controller")
    return row


def _colour() -> str:
    return text("colour", longest=20).lower()


def _logo(faults: Faults, stored: str | None) -> str | None:
    """The picture that was sent, as a data address; else the one there was, unless it is to go."""
    sent = request.files.get("picture")
    data = sent.stream.read(LONGEST_LOGO + 1) if sent is not None and sent.filename else b""
    if not data:
        return None if request.form.get("no_logo") else stored
    kind = "image/png" if data.startswith(b"\x89PNG\r\n\x1a\n") else "image/svg+xml"
    made = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    if len(made) > LONGEST_LOGO:
        faults["picture"] = gettext(
            "The picture is too large: it may have %(size)s kilobytes.", size=LONGEST_LOGO * 3 // 4000
        )
        return stored
    if logo_fault(made) is not None:
        faults["picture"] = told_of("logo")
        return stored
    return made


# --- showing ----------------------------------------------------------------------------------------------------------


def _values(row: StoredController) -> dict[str, str | None]:
    return {
        "key": row.key,
        "name": row.name,
        "business_id": row.business_id,
        "contact": row.contact,
        **{name: row.branding.get(name) for name in ("colour", "logo", "privacy_url")},
    }


def _form(values: dict[str, str | None], row: StoredController | None, faults: Faults | None = None) -> str:
    faults = faults or Faults()
    return page(
        "controller_form",
        controller=row,
        values=values,
        faults=faults,
        all_controllers=actor().controllers is None,
        **_look(values.get("name") or "", values.get("colour") or "", values.get("logo"), faults),
    )


def _look(name: str, colour: str, logo: str | None, faults: Faults) -> dict[str, object]:
    """The masthead that is tried, and whether people can read what would stand on it."""
    if colour and colour_fault(colour) is not None:
        faults.setdefault("colour", told_of("colour"))
        colour = ""
    contrasts: list[Contrast] = []
    if colour:
        shades = palette(colour)
        pairs = (
            (gettext("Text on the colour"), shades.brand, shades.on_brand),
            (gettext("Links on white"), shades.accent, WHITE),
            (gettext("Links in the dark scheme"), shades.accent_in_dark, DARK_SHEET),
        )
        contrasts = [
            Contrast(what, round(ratio, 1), ratio >= TEXT_CONTRAST)
            for what, one, other in pairs
            for ratio in (contrast(one, other),)
        ]
    sender = Sender("", name or gettext("Name of the controller"), None, colour or None, logo, None)
    return {"look": sender, "contrasts": contrasts}
