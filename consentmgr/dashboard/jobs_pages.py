"""The browser door of timed work: what there is, when it runs, how it last went. Nothing is started from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _

from consentmgr.dashboard.overdue import job_states
from consentmgr.dashboard.pages import timed_work
from consentmgr.dashboard.words import DOES, outcome
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.staff.access import needs
from consentmgr.staff.roles import Permission
from consentmgr.timetable.heartbeats import followed

jobs = Blueprint("jobs", __name__)

STANDINGS: Final[Mapping[str, Any]] = {
    "well": _("went well"),
    "running": _("running"),
    "overdue": _("overdue"),
    "failed": _("failed"),
    "died": _("cut short"),
    "waiting": _("has not run yet"),
    "idle": _("nothing to tell"),
    "not_wanted": _("not set up"),
}
TONES: Final[Mapping[str, str]] = {"well": "good", "overdue": "bad", "failed": "bad", "died": "bad", "running": "warn"}


@jobs.get("/")
@needs(Permission.SEE_DASHBOARD)
def show() -> str:
    now = clock.now()
    with application.database().reading() as session:
        rows = job_states(session, timed_work(), now=now)
        alive = followed(session.connection()).beats(now)
    return render_template(
        "dashboard/jobs.html",
        rows=rows,
        alive=alive,
        overdue=[row for row in rows if row.needs_a_look],
        does=DOES,
        outcome=outcome,
        standings=STANDINGS,
        tones=TONES,
    )
