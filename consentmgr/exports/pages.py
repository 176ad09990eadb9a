"""The browser door of exports: what they would send and have sent, what partners hold, and work that is under way.

Nothing is exported here: a run is put in the queue and goes by the claim that every run goes by.
"""

from __future__ import annotations

from datetime import datetime

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.exports import desk, schedule_pages, sent_pages, words
from consentmgr.exports.door import exports, own_schedule, to_schedule
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import acknowledge, run_of
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff.access import actor, may, needs
from consentmgr.staff.roles import Permission
from consentmgr.timetable.tasks import cancel, task_of

# Their views are this blueprint's too.
DOORS = (schedule_pages, sent_pages)


@exports.get("/")
@needs(Permission.SEE_EXPORTS)
def overview() -> str:
    with application.database().reading() as session:
        rows = desk.schedules(session, controllers=actor().controllers, now=clock.now())
    return render_template("exports/overview.html", rows=rows, words=words, may_run=may(Permission.RUN_EXPORTS))


# --- one schedule -----------------------------------------------------------------------------------------------------


@exports.get("/schedule/<key>")
@needs(Permission.SEE_EXPORTS)
def show(key: str) -> str:
    now = clock.now()
    with application.database().reading() as session:
        schedule = own_schedule(session, key)
        row = desk.schedule_row(session, key, now=now)
        tasks = desk.tasks_of(session, key)
        runs = desk.runs(session, key, before=request.args.get("before", None, int))
        preview = next((task for task in tasks if task.kind == desk.PREVIEW and task.state == "done"), None)
        sample = desk.sample_rows(session, (preview.result or {}).get("sample", ())) if preview else []
        return render_template(
            "exports/show.html",
            row=row,
            schedule=schedule,
            destination=_told(schedule),
            kept=desk.kept_secrets(session, schedule, address_key=application.keys().address_key),
            tasks=tasks,
            open_tasks=[task for task in tasks if not task.is_over],
            preview=preview,
            sample=sample,
            runs=runs,
            older=url_for("exports.show", key=key, before=runs[-1].sequence) if len(runs) == desk.PAGE else None,
            two=desk.needs_two(session, key, full=False),
            may_run=may(Permission.RUN_EXPORTS, schedule.controller),
            may_ask=may(Permission.SEE_REGISTER, schedule.controller),
            words=words,
            desk=desk,
            now=now,
        )


def _told(schedule: ExportSchedule) -> str:
    """Where files go, for people; a destination's options hold no secret."""
    options = schedule.destination
    return ", ".join(
        str(value) if not isinstance(value, list) else ", ".join(map(str, value))
        for name, value in options.items()
        if name != "kind" and value not in ("", None)
    )


@exports.post("/schedule/<key>/pause")
@needs(Permission.RUN_EXPORTS)
def pause(key: str) -> Response:
    with application.database().transaction() as session:
        own_schedule(session, key)
        desk.set_paused(session, key, paused=True, actor=actor().name, now=clock.now())
    flash(gettext("The export stands still until you let it go on."), "done")
    return to_schedule(key)


@exports.post("/schedule/<key>/resume")
@needs(Permission.RUN_EXPORTS)
def resume(key: str) -> Response:
    """Let the clock run it again. People who may be written to leave only when two people want it."""
    now = clock.now()
    with application.database().transaction() as session:
        schedule = own_schedule(session, key)
        if schedule.content == "allowed":
            _ask_second(session, schedule, what="resume", full=False, now=now)
        else:
            desk.set_paused(session, key, paused=False, actor=actor().name, now=now)
            flash(gettext("The export goes on by its timetable."), "done")
    return to_schedule(key)


def _ask_second(session: Session, schedule: ExportSchedule, *, what: str, full: bool, now: datetime) -> None:
    try:
        desk.ask_second(
            session,
            schedule,
            what=what,
            full=full,
            reason=request.form.get("reason", ""),
            actor=actor().name,
            now=now,
        )
    except BadInput:
        flash(gettext("Write why in a sentence, so that the second person can decide."), "fault")
        return
    flash(gettext("A second person has been asked. It happens as soon as they agree."), "done")


# --- work in the queue ------------------------------------------------------------------------------------------------


@exports.post("/schedule/<key>/run")
@needs(Permission.RUN_EXPORTS)
def run(key: str) -> Response:
    """Put a run in the queue; one of everybody who may be written to is put to a second person."""
    full, now = bool(request.form.get("full")), clock.now()
    with application.database().transaction() as session:
        schedule = own_schedule(session, key)
        if desk.needs_two(session, key, full=full):
            _ask_second(session, schedule, what="run", full=full, now=now)
        else:
            desk.ask_for(session, desk.RUN, key, full=full, actor=actor().name, now=now)
            flash(gettext("The export runs now. You need not wait on this page."), "done")
    return to_schedule(key, "work")


@exports.post("/schedule/<key>/preview")
@needs(Permission.SEE_EXPORTS)
def preview(key: str) -> Response:
    return _queue(key, desk.PREVIEW)


@exports.post("/schedule/<key>/try")
@needs(Permission.RUN_EXPORTS)
def try_connection(key: str) -> Response:
    return _queue(key, desk.TRY)


def _queue(key: str, kind: str) -> Response:
    with application.database().transaction() as session:
        own_schedule(session, key)
        desk.ask_for(session, kind, key, actor=actor().name, now=clock.now())
    return to_schedule(key, "work")


@exports.get("/schedule/<key>/work")
@needs(Permission.SEE_EXPORTS)
def work(key: str) -> Response:
    """The part of the page that tells how far the work is; asked for again by script while there is any."""
    with application.database().reading() as session:
        own_schedule(session, key)
        tasks = desk.tasks_of(session, key)
    open_tasks = [task for task in tasks if not task.is_over]
    if not open_tasks and request.headers.get("HX-Request") == "true":
        response = make_response("")
        response.headers["HX-Refresh"] = "true"
        return response
    return make_response(
        render_template("exports/work.html", key=key, tasks=tasks, open_tasks=open_tasks, words=words, desk=desk)
    )


@exports.post("/schedule/<key>/cancel")
@needs(Permission.RUN_EXPORTS)
def stop(key: str) -> Response:
    """Cancel work that was asked for here."""
    now = clock.now()
    with application.database().transaction() as session:
        own_schedule(session, key)
        for task in desk.tasks_of(session, key):
            if not task.is_over and task_of(session, task.id) is not None:
                cancel(session, task.id, now=now)
    return to_schedule(key, "work")


# --- runs -------------------------------------------------------------------------------------------------------------


@exports.get("/schedule/<key>/runs/<int:sequence>")
@needs(Permission.SEE_EXPORTS)
def show_run(key: str, sequence: int) -> str:
    with application.database().reading() as session:
        schedule = own_schedule(session, key)
        run = run_of(session, key, sequence)
        manifest = desk.manifest_of(session, key, sequence, signing_key=application.keys().signing_key)
        return render_template(
            "exports/run.html",
            schedule=schedule,
            run=run,
            manifest=manifest,
            may_run=may(Permission.RUN_EXPORTS, schedule.controller),
            words=words,
        )


@exports.get("/schedule/<key>/runs/<int:sequence>/manifest.json")
@needs(Permission.SEE_EXPORTS)
def manifest(key: str, sequence: int) -> Response:
    """The signed manifest as the partner has it."""
    with application.database().reading() as session:
        own_schedule(session, key)
        document = desk.manifest_document(session, key, sequence, signing_key=application.keys().signing_key)
    response = make_response(document)
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{key}-{sequence:06d}.manifest.json"'
    return response


@exports.post("/schedule/<key>/runs/<int:sequence>/acknowledge")
@needs(Permission.RUN_EXPORTS)
def acknowledge_run(key: str, sequence: int) -> Response:
    by = request.form.get("by", "").strip()[:100]
    with application.database().transaction() as session:
        own_schedule(session, key)
        acknowledge(session, key, sequence, by=by or actor().name, actor=actor().name, now=clock.now())
    flash(
        gettext("Noted: the partner holds sequence %(number)s. Changes are made from there on.", number=sequence),
        "done",
    )
    return make_response(redirect(url_for("exports.show_run", key=key, sequence=sequence), 303))
