"""The blueprint of exports' pages, and what its doors have in common: whose a schedule is, and where its page is."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, url_for
from sqlalchemy.orm import Session

from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import schedule_of
from consentmgr.staff.access import require_controller

exports = Blueprint("exports", __name__)


def own_schedule(session: Session, key: str) -> ExportSchedule:
    """A schedule of a controller that whoever asks answers for. Raises ``NotFound`` for any other."""
    schedule = schedule_of(session, key)
    require_controller(schedule.controller)
    return schedule


def to_schedule(key: str, anchor: str | None = None) -> Response:
    return make_response(redirect(url_for("exports.show", key=key, _anchor=anchor), 303))
