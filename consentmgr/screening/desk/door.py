"""The blueprint of the desk's screening pages, and what its views have in common.

A list of another controller is not there for whoever asks (404).
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.kit.errors import NotFound
from consentmgr.screening.desk import lists, words
from consentmgr.screening.desk.lists import ListView
from consentmgr.staff.access import actor
from consentmgr.timetable import tasks
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import CHANNEL_LABELS, PURPOSE_NAMES

screenings = Blueprint("screenings", __name__)

#: The form around a file has some hundreds of bytes of its own.
FORM_BYTES: Final = 100_000


def own_list(session: Session, list_id: UUID) -> ListView:
    """The list, where whoever is signed in may see it. Raises ``NotFound``."""
    who = actor()
    return lists.visible(session, list_id, actor=who.name, controllers=who.controllers)


def screened_list(session: Session, list_id: UUID) -> ListView:
    """The list, where it has an answer that is still kept. Raises ``NotFound``."""
    found = own_list(session, list_id)
    if found.screening is None or found.forgotten_at is not None:
        raise NotFound("there are no rows to see")
    return found


def task_of_list(session: Session, found: ListView) -> tasks.TaskView | None:
    return tasks.task_of(session, found.task) if found.task is not None else None


def stored_campaign(session: Session, key: str | None) -> Campaign | None:
    """The stored campaign of this key, where it is of a controller of theirs."""
    if not key:
        return None
    for known in lists.known_campaigns(session, actor().controllers):
        if known.key == key:
            return known.campaign
    return None


def is_part() -> bool:
    """Whether the script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def whole_number(text: str | None) -> int | None:
    """A row's number as somebody wrote it."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def see_other(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))


def page(template: str, status: int = 200, **shown: Any) -> Response:
    language = application.language()
    named = {
        "verdict_name": words.verdict_name,
        "field_name": words.field_name,
        "channel_name": lambda code: CHANNEL_LABELS[code][language],
        "purpose_name": lambda code: PURPOSE_NAMES[code][language],
    }
    return make_response(render_template(f"screening/desk/{template}", **named, **shown), status)
