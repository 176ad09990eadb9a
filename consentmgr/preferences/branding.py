"""In whose name a page speaks, how it looks, and in which language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from flask import g, request
from flask_babel import get_locale, refresh
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Language
from consentmgr.register.models import Controller
from consentmgr.vocabulary.branding import colour_fault, palette


@dataclass(frozen=True, slots=True)
class Sender:
    """The controller whose page it is. ``colour`` is ``#rrggbb``, ``logo`` a data address; both were checked when they
    came in (``vocabulary.branding``). Hand it to any template that extends ``preferences/page.html``.
    """

    key: str
    name: str
    contact: str | None = None
    colour: str | None = None
    logo: str | None = None
    privacy_url: str | None = None

    @property
    def initial(self) -> str:
        """What stands where there is no logo."""
        return self.name[:1].upper()


def sender_of(session: Session, controller: str) -> Sender | None:
    """The controller by its key; None where there is no such controller any more."""
    row = session.scalar(select(Controller).where(Controller.key == controller))
    return sender_from(row.key, row.name, row.contact, row.branding) if row is not None else None


def sender_from(key: str, name: str, contact: str | None, branding: dict[str, str]) -> Sender:
    """The same from columns that were read already."""
    return Sender(key, name, contact, branding.get("colour"), branding.get("logo"), branding.get("privacy_url"))


def speak_to(persons: str | None) -> Language:
    """Answer this request in the language asked for (``?lang=``), else in the person's own where it is known, else in
    the browser's; which one it became. To be called before anything is translated or rendered.
    """
    g.persons_language = persons
    refresh()
    return cast("Language", str(get_locale()))


def language_asked() -> str | None:
    """The language chosen on the page, to be kept in links from it; None where nobody chose."""
    return request.args.get("lang")


@lru_cache(maxsize=256)
def colour_stylesheet(colour: str) -> str | None:
    """The stylesheet of a colour given as six hexadecimal digits; None where no page may have it."""
    if colour_fault(f"#{colour}") is not None:
        return None
    shades = palette(f"#{colour}")
    return (
        f":root{{--brand:{shades.brand};--on-brand:{shades.on_brand};"
        f"--accent:{shades.accent};--accent-in-dark:{shades.accent_in_dark}}}\n"
    )
