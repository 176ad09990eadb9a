"""The browser door of timed work: what there is, when it runs, how it last went. Nothing is started from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _

from consentmgr.dashboard.overdue import job_states
from consentmgr.dashboard.pages import timed_work
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.staff.access import needs
from consentmgr.staff.roles import Permission
from consentmgr.timetable.heartbeats import followed

jobs = Blueprint("jobs", __name__)

#: What each job does; one that is not here tells it in its own words.
DOES: Final[Mapping[str, Any]] = {
    "send-mail": _("sends the mails that are due"),
    "read-mailbox": _("reads bounces, complaints and replies"),
    "take-journal": _("takes acts that a process which died left in the journal"),
    "run-exports": _("runs the exports that are due"),
    "run-tasks": _("starts the long work that was asked for at the desk"),
    "read-answers": _("looks whether partners have acknowledged by a file"),
    "raise-alarms": _("tells of partners that lag, slots that are overdue and runs that failed"),
    "end-links": _("takes away files whose links to partners have ended"),
    "forget-sessions": _("removes rows of sessions of staff that are over"),
    "forget-attachments": _("removes files attached for people who were erased, and files no act has used"),
    "forget-lists": _("removes lists brought to the desk, and their results, when their time is over"),
    "keep-snapshot": _(
        "makes the snapshot for long lists anew where somebody in it was erased or too much has changed"
    ),
    "renew-snapshot": _("makes the snapshot for long lists anew at night, where anything has changed"),
    "flag-bursts": _("proposes to look at many opt-outs of one domain within minutes"),
    "expire-pending": _("forgets subscriptions that nobody confirmed within a week"),
    "forget-proposals": _("empties what erased people had proposed"),
    "forget-counts": _("removes counts of clients' requests"),
    "forget-mail": _("removes rows of mails sent long ago"),
    "forget-old-runs": _("removes rows of runs long ago"),
    "forget-tasks": _("removes rows of long work that ended long ago"),
    "forget-uploads": _("removes files that were brought to be imported long ago"),
    "count-acts": _("counts what people did, day by day"),
    "count-standing": _("counts how contacts stand and which addresses do not work"),
}
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
        standings=STANDINGS,
        tones=TONES,
    )
