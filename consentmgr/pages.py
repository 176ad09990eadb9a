"""The browser door of the house itself: the front page, and the question whether all is well."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from consentmgr import __version__
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.timetable.heartbeats import followed

house = Blueprint("house", __name__)


@house.get("/")
def front_page() -> str:
    return render_template("house/front_page.html", version=__version__)


@house.get("/healthz")
def health() -> tuple[dict[str, str], int]:
    """200 while the database answers, 503 while it does not; nothing else is told to a stranger."""
    try:
        with application.database().connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return {"status": "unavailable"}, 503
    return {"status": "ok"}, 200


@house.get("/healthz/jobs")
def jobs_health() -> tuple[dict[str, str], int]:
    """200 while the timetable is followed and nothing is overdue; else 503 with which of the two it is."""
    try:
        with application.database().connect() as connection:
            found = followed(connection)
    except SQLAlchemyError:
        return {"status": "unavailable"}, 503
    if found.is_well(clock.now()):
        return {"status": "ok"}, 200
    return {"status": "overdue" if found.beats(clock.now()) else "no heartbeat"}, 503


@house.get("/livez")
def alive() -> dict[str, str]:
    """200 while this process answers at all, whatever the database does: for whoever would otherwise restart it."""
    return {"status": "ok"}
