"""The browser door of exports: schedules, what they would send and have sent, and what partners hold.

Nothing is exported here: a run is put in the queue and goes by the claim that every run goes by. Secrets go in and
never come out; a page says since when one is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.consents.ledger import driver_connection
from consentmgr.edge import application
from consentmgr.exports import desk, words
from consentmgr.exports.destinations import BY_SCHEME, DESTINATIONS
from consentmgr.exports.formats import BY_NAME as FORMATS_BY_NAME
from consentmgr.exports.formats import FORMATS
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import DIGEST_KEY, acknowledge, run_of, schedule_of
from consentmgr.exports.schedules import NewSchedule
from consentmgr.exports.stored_set import stood_in
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Controller, Topic
from consentmgr.staff import approvals
from consentmgr.staff.access import actor, may, needs, own, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.timetable.tasks import cancel, task_of
from consentmgr.vocabulary.documents import Campaign

exports = Blueprint("exports", __name__)


# --- the form of a destination, by kind -------------------------------------------------------------------------------


class Blank(NamedTuple):
    """One field of a destination's form. ``example`` shows how it is filled in."""

    name: str
    label: Any
    example: str
    required: bool = True


_URL = (Blank("url", _("Web address"), "https://partner.example/in"),)
_PLAIN = (Blank("address", _("Address"), ""),)
BLANKS: Final[Mapping[str, tuple[Blank, ...]]] = {
    "folder": (Blank("path", _("Folder"), "/srv/exports"),),
    "sftp": (
        Blank("host", _("Server"), "sftp.partner.example"),
        Blank("port", _("Port"), "22", required=False),
        Blank("user", _("User name"), "acme"),
        Blank("path", _("Folder on the server"), "/in"),
    ),
    "s3": (
        Blank("bucket", _("Bucket"), "acme-exports"),
        Blank("prefix", _("Prefix"), "in", required=False),
        Blank("region", _("Region"), "eu-north-1", required=False),
        Blank("endpoint", _("Address of the store, where it is not Amazon's"), "https://s3.partner.example", required=False),
    ),
    "https": _URL,
    "http": _URL,
    "webhook+https": _URL,
    "webhook+http": _URL,
}  # fmt: skip


def _address(kind: str, form: Mapping[str, str]) -> str:
    """The destination's address as its kind reads it, made of the form's fields."""
    given = {blank.name: form.get(f"to_{blank.name}", "").strip() for blank in BLANKS.get(kind, _PLAIN)}
    match kind:
        case "folder":
            return f"folder:{quote(given['path'])}"
        case "sftp":
            port = f":{given['port']}" if given["port"] else ""
            return f"sftp://{quote(given['user'], safe='')}@{given['host']}{port}/{quote(given['path'].lstrip('/'))}"
        case "s3":
            asked = urlencode({name: given[name] for name in ("region", "endpoint") if given[name]})
            return f"s3://{given['bucket']}/{quote(given['prefix'].strip('/'))}{'?' if asked else ''}{asked}"
        case "https" | "http":
            return given["url"]
        case "webhook+https" | "webhook+http":
            return given["url"] if given["url"].startswith("webhook+") else f"webhook+{given['url']}"
    return given["address"]


def _filled(schedule: ExportSchedule) -> dict[str, str]:
    """The fields of a stored destination."""
    kind, options = str(schedule.destination["kind"]), schedule.destination
    if kind in BLANKS:
        return {f"to_{blank.name}": str(options.get(blank.name, "")) for blank in BLANKS[kind]}
    told = [str(value) for name, value in options.items() if name == "addresses" for value in value]
    rest = urlencode({name: value for name, value in options.items() if name not in ("kind", "addresses")})
    return {"to_address": f"{kind}:{','.join(told)}{'?' if rest else ''}{rest}"}


# --- the list ---------------------------------------------------------------------------------------------------------


@exports.get("/")
@needs(Permission.SEE_EXPORTS)
def overview() -> str:
    with application.database().reading() as session:
        rows = desk.schedules(session, controllers=actor().controllers, now=clock.now())
    return render_template("exports/overview.html", rows=rows, words=words, may_run=may(Permission.RUN_EXPORTS))


# --- making one -------------------------------------------------------------------------------------------------------


@exports.get("/new")
@needs(Permission.RUN_EXPORTS)
def new() -> Response:
    kind = request.args.get("kind", "")
    if kind not in BY_SCHEME:
        kinds = [row.scheme for row in DESTINATIONS if row.scheme not in ("http", "webhook+http")]
        return make_response(render_template("exports/kinds.html", kinds=kinds, words=words))
    return _form_page(kind, {"cron": "0 3 * * *", "time_zone": "Europe/Helsinki", "most_lag": "36", "delta": "1"})


def _form_page(
    kind: str, values: Mapping[str, str], *, faults: Mapping[str, str] | None = None, key: str | None = None,
    status: int = 200,
) -> Response:  # fmt: skip
    with application.database().reading() as session:
        controllers = [
            (row.key, row.name)
            for row in session.query(Controller).order_by(Controller.name, Controller.key)
            if own(row.key)
        ]
        topics = [(row.key, row.key) for row in session.query(Topic).order_by(Topic.key) if own(row.controller)]
        kept: Mapping[str, desk.KeptSecret] = {}
        schedule = None
        if key is not None:
            schedule = schedule_of(session, key)
            kept = desk.kept_secrets(session, schedule, address_key=application.keys().address_key)
        secrets = [*BY_SCHEME[kind].secrets]
        if schedule is None or FORMATS_BY_NAME[schedule.format].needs_secret:
            secrets.append(DIGEST_KEY)
        body = render_template(
            "exports/form.html",
            key=key,
            schedule=schedule,
            kind=kind,
            blanks=BLANKS.get(kind, _PLAIN),
            secrets=secrets,
            kept=kept,
            values=values,
            faults=faults or {},
            controllers=controllers,
            topics=topics,
            formats=[(form.name, words.word(words.FORMATS, form.name)) for form in FORMATS],
            words=words,
        )
    return make_response(body, status)


@exports.post("/new")
@needs(Permission.RUN_EXPORTS)
def create() -> Response:
    """Make a schedule. One that sends people who may be written to waits for a second person."""
    form, now = request.form, clock.now()
    kind = form.get("kind", "")
    if kind not in BY_SCHEME:
        raise NotFound("there is no such destination")
    hours = _Hours(form)
    faults = hours.faults
    asked = None
    if not own(form.get("controller") or None):
        faults["controller"] = words.word(words.FAULTS, "controller")
    if not faults:
        try:
            with application.database().transaction() as session:
                asked = _wanted(session, kind, form, hours)
                desk.make(
                    session,
                    asked,
                    paused=asked.content == "allowed",
                    address_key=application.keys().address_key,
                    actor=actor().name,
                    now=now,
                )
        except (BadInput, NotFound) as error:
            faults = _fault(error)
    if faults or asked is None:
        return _form_page(kind, _without_secrets(form), faults=faults, status=422)
    if asked.content == "allowed":
        flash(gettext("The export is made and stands still: a second person must let it run."), "note")
    else:
        flash(gettext("The export is made. Look at what it would send before it runs for the first time."), "done")
    return _to(asked.key)


def _wanted(session: Session, kind: str, form: Mapping[str, str], hours: _Hours) -> NewSchedule:
    campaign: Campaign | None = None
    if form.get("content") == "allowed" and form.get("campaign", "").strip():
        campaign = _own_campaign(session, form["campaign"].strip())
    return NewSchedule(
        key=form.get("key", "").strip(),
        partner=form.get("partner", ""),
        controller=form.get("controller") or None,
        content="allowed" if form.get("content") == "allowed" else "suppressed",
        channel=form.get("channel", ""),
        purpose=form.get("purpose", ""),
        topic=form.get("topic") or None,
        campaign=campaign,
        format=form.get("format", ""),
        delta=bool(form.get("delta")),
        destination=_address(kind, form),
        secrets=_secrets(kind, form),
        encrypt_to=form.get("encrypt_to", "").strip() or None,
        cron=form.get("cron", "").strip() or None,
        time_zone=form.get("time_zone", "").strip(),
        catch_up="all" if form.get("catch_up") == "all" else "latest",
        skip_older_hours=hours.skip_older,
        most_lag_hours=hours.most_lag,
        lag_ends_certificates=bool(form.get("lag_ends_certificates")),
    )


def _own_campaign(session: Session, key: str) -> Campaign:
    """The stored campaign of this key. Raises ``NotFound``, also for that of another controller."""
    stored = session.get(StoredCampaign, key)
    if stored is None or not own(stored.document.get("controller")):
        raise NotFound("there is no such campaign")
    return msgspec.convert({**stored.document, "type": "campaign"}, Campaign)


class _Hours:
    """The two fields of hours, and what is wrong with them."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self.faults: dict[str, str] = {}
        self.skip_older = self._hours(form, "skip_older")
        self.most_lag = self._hours(form, "most_lag")

    def _hours(self, form: Mapping[str, str], name: str) -> int | None:
        given = form.get(name, "").strip()
        if not given:
            return None
        if not given.isdecimal() or not 0 < int(given) <= 100_000:
            self.faults[name] = words.word(words.FAULTS, "hours")
            return None
        return int(given)


def _secrets(kind: str, form: Mapping[str, str]) -> dict[str, str]:
    """What was written into the fields of secrets; an empty one leaves what is kept."""
    names = (*BY_SCHEME[kind].secrets, DIGEST_KEY)
    given = {name: form.get(f"secret_{name}", "").replace("\r\n", "\n").strip() for name in names}
    return {name: value for name, value in given.items() if value}


def _without_secrets(form: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in form.items() if not name.startswith("secret_")}


def _fault(error: BadInput | NotFound) -> dict[str, str]:
    """What is to be mended, by field. The service's own sentence is for the terminal; what was typed is not repeated."""
    name = words.FIELDS.get(error.field or "", "destination") if isinstance(error, BadInput) else "campaign"
    return {name: words.word(words.FAULTS, name)}


def _to(key: str, anchor: str | None = None) -> Response:
    return make_response(redirect(url_for("exports.show", key=key, _anchor=anchor), 303))


# --- one schedule -----------------------------------------------------------------------------------------------------


def _own_schedule(session: Session, key: str) -> ExportSchedule:
    """A schedule of a controller that whoever asks answers for. Raises ``NotFound`` for any other."""
    schedule = schedule_of(session, key)
    require_controller(schedule.controller)
    return schedule


@exports.get("/schedule/<key>")
@needs(Permission.SEE_EXPORTS)
def show(key: str) -> str:
    now = clock.now()
    with application.database().reading() as session:
        schedule = _own_schedule(session, key)
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


@exports.get("/schedule/<key>/edit")
@needs(Permission.RUN_EXPORTS)
def edit(key: str) -> Response:
    with application.database().reading() as session:
        schedule = _own_schedule(session, key)
    values = {
        "partner": schedule.partner,
        "encrypt_to": schedule.encrypt_to or "",
        "cron": schedule.cron or "",
        "time_zone": schedule.time_zone,
        "catch_up": schedule.catch_up,
        "skip_older": str(schedule.skip_older_hours or ""),
        "most_lag": str(schedule.most_lag_hours or ""),
        "lag_ends_certificates": "1" if schedule.lag_ends_certificates else "",
        **_filled(schedule),
    }
    return _form_page(str(schedule.destination["kind"]), values, key=key)


@exports.post("/schedule/<key>/edit")
@needs(Permission.RUN_EXPORTS)
def change(key: str) -> Response:
    form, hours = request.form, _Hours(request.form)
    faults = hours.faults
    with application.database().reading() as session:
        kind = str(_own_schedule(session, key).destination["kind"])
    if not faults:
        try:
            with application.database().transaction() as session:
                desk.change(
                    session,
                    key,
                    desk.Change(
                        partner=form.get("partner", ""),
                        destination=_address(kind, form),
                        secrets=_secrets(kind, form),
                        encrypt_to=form.get("encrypt_to", "").strip() or None,
                        cron=form.get("cron", "").strip() or None,
                        time_zone=form.get("time_zone", "").strip(),
                        catch_up="all" if form.get("catch_up") == "all" else "latest",
                        skip_older_hours=hours.skip_older,
                        most_lag_hours=hours.most_lag,
                        lag_ends_certificates=bool(form.get("lag_ends_certificates")),
                    ),
                    address_key=application.keys().address_key,
                    actor=actor().name,
                    now=clock.now(),
                )
        except BadInput as error:
            faults = _fault(error)
    if faults:
        return _form_page(kind, _without_secrets(form), faults=faults, key=key, status=422)
    flash(gettext("The export is changed. Try the connection, if the files go somewhere else now."), "done")
    return _to(key)


@exports.post("/schedule/<key>/pause")
@needs(Permission.RUN_EXPORTS)
def pause(key: str) -> Response:
    with application.database().transaction() as session:
        _own_schedule(session, key)
        desk.set_paused(session, key, paused=True, actor=actor().name, now=clock.now())
    flash(gettext("The export stands still until you let it go on."), "done")
    return _to(key)


@exports.post("/schedule/<key>/resume")
@needs(Permission.RUN_EXPORTS)
def resume(key: str) -> Response:
    """Let the clock run it again. People who may be written to leave only when two people want it."""
    now = clock.now()
    with application.database().transaction() as session:
        schedule = _own_schedule(session, key)
        if schedule.content == "allowed":
            _ask_second(session, schedule, what="resume", full=False, now=now)
        else:
            desk.set_paused(session, key, paused=False, actor=actor().name, now=now)
            flash(gettext("The export goes on by its timetable."), "done")
    return _to(key)


def _ask_second(session: Session, schedule: ExportSchedule, *, what: str, full: bool, now: datetime) -> None:
    try:
        approvals.ask(
            session,
            kind="export.allowed",
            object=f"export:{schedule.key}",
            detail={"schedule": schedule.key, "what": what, "full": full},
            reason=request.form.get("reason", ""),
            actor=actor().name,
            now=now,
            controllers=[schedule.controller],
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
        schedule = _own_schedule(session, key)
        if desk.needs_two(session, key, full=full):
            _ask_second(session, schedule, what="run", full=full, now=now)
        else:
            desk.ask_for(session, desk.RUN, key, full=full, actor=actor().name, now=now)
            flash(gettext("The export runs now. You need not wait on this page."), "done")
    return _to(key, "work")


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
        _own_schedule(session, key)
        desk.ask_for(session, kind, key, actor=actor().name, now=clock.now())
    return _to(key, "work")


@exports.get("/schedule/<key>/work")
@needs(Permission.SEE_EXPORTS)
def work(key: str) -> Response:
    """The part of the page that tells how far the work is; asked for again by script while there is any."""
    with application.database().reading() as session:
        _own_schedule(session, key)
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
        _own_schedule(session, key)
        for task in desk.tasks_of(session, key):
            if not task.is_over and task_of(session, task.id) is not None:
                cancel(session, task.id, now=now)
    return _to(key, "work")


# --- runs -------------------------------------------------------------------------------------------------------------


@exports.get("/schedule/<key>/runs/<int:sequence>")
@needs(Permission.SEE_EXPORTS)
def show_run(key: str, sequence: int) -> str:
    with application.database().reading() as session:
        schedule = _own_schedule(session, key)
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
        _own_schedule(session, key)
        found = desk.manifest_of(session, key, sequence, signing_key=application.keys().signing_key)
    if found is None or not found.holds:
        raise NotFound("there is no such manifest")
    document = json.dumps({**found.claims, "manifest": found.token}, ensure_ascii=False, indent=2) + "\n"
    response = make_response(document)
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{key}-{sequence:06d}.manifest.json"'
    return response


@exports.post("/schedule/<key>/runs/<int:sequence>/acknowledge")
@needs(Permission.RUN_EXPORTS)
def acknowledge_run(key: str, sequence: int) -> Response:
    by = request.form.get("by", "").strip()[:100]
    with application.database().transaction() as session:
        _own_schedule(session, key)
        acknowledge(session, key, sequence, by=by or actor().name, actor=actor().name, now=clock.now())
    flash(
        gettext("Noted: the partner holds sequence %(number)s. Changes are made from there on.", number=sequence),
        "done",
    )
    return make_response(redirect(url_for("exports.show_run", key=key, sequence=sequence), 303))


# --- was this address in the file? ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found. ``day`` is the day asked about."""

    day: date
    sequence: int | None
    published_at: datetime | None


@exports.get("/schedule/<key>/sent")
@needs(Permission.SEE_REGISTER)
def sent(key: str) -> Response:
    return _sent_page(key, None, {})


@exports.post("/schedule/<key>/sent")
@needs(Permission.SEE_REGISTER)
def was_sent(key: str) -> Response:
    """Whether an address stood in the newest file sent by the end of a day. The address is in no URL and no log."""
    now, faults = clock.now(), dict[str, str]()
    keys = AddressKeys(application.keys().address_key, application.keys().address_key_id)
    address = request.form.get("address", "").strip()
    found = keys.email(address) if "@" in address else keys.phone(address)
    if found is None:
        faults["address"] = gettext("Write a whole e-mail address or telephone number.")
    try:
        day = date.fromisoformat(request.form.get("day", "") or local_date(now).isoformat())
    except ValueError:
        day, faults["day"] = local_date(now), gettext("Write the day as year, month and day: 2027-01-31.")
    if faults or found is None:
        return _sent_page(key, None, faults, 422)
    with application.database().transaction() as session:
        _own_schedule(session, key)
        at = min(now, datetime.combine(day, time(), HELSINKI) + timedelta(days=1))
        held = stood_in(driver_connection(session), key, found.address_key, at)
        audit.read(
            session,
            at=now,
            actor=actor().name,
            object=f"export:{key}",
            detail={"asked": "was this address in the file", "day": day.isoformat()},
        )
    return _sent_page(key, Answer(day, *(held or (None, None))), {})


def _sent_page(key: str, answer: Answer | None, faults: Mapping[str, str], status: int = 200) -> Response:
    with application.database().reading() as session:
        schedule = _own_schedule(session, key)
        body = render_template(
            "exports/sent.html",
            schedule=schedule,
            answer=answer,
            faults=faults,
            day=request.form.get("day") or local_date(clock.now()).isoformat(),
        )
    return make_response(body, status)


# --- what a second person agreed to -----------------------------------------------------------------------------------


def approved(session: Session, detail: Mapping[str, Any], *, actor: str, now: datetime) -> dict[str, Any]:
    """Do what two people agreed to (``staff.approvals``): let a schedule go on, or put its run in the queue."""
    key = str(detail["schedule"])
    if detail.get("what") == "resume":
        desk.set_paused(session, key, paused=False, actor=actor, now=now)
        return {"resumed": key}
    task = desk.ask_for(session, desk.RUN, key, full=bool(detail.get("full")), actor=actor, now=now)
    return {"task": str(task)}
