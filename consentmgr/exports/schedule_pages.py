"""The browser door of schedules of exports being made and changed: the form, by kind of destination.

Secrets go in and never come out; a page says since when one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from flask import Response, flash, make_response, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.edge import application
from consentmgr.exports import desk, words
from consentmgr.exports.destinations import BY_SCHEME, DESTINATIONS
from consentmgr.exports.door import exports, own_schedule, to_schedule
from consentmgr.exports.formats import BY_NAME as FORMATS_BY_NAME
from consentmgr.exports.formats import FORMATS
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import DIGEST_KEY, schedule_of
from consentmgr.exports.schedules import NewSchedule
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Controller, Topic
from consentmgr.staff.access import actor, needs, own
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.documents import Campaign

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
        language = application.language()
        topics = [
            (row.key, row.names.get(language) or row.key)
            for row in session.query(Topic).order_by(Topic.key)
            if own(row.controller)
        ]
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
            often=OFTEN,
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
    return to_schedule(asked.key)


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
        cron=_cron(form),
        time_zone=form.get("time_zone", "").strip(),
        catch_up="all" if form.get("catch_up") == "all" else "latest",
        skip_older_hours=hours.skip_older,
        most_lag_hours=hours.most_lag,
        lag_ends_certificates=bool(form.get("lag_ends_certificates")),
    )


#: Timetables that can be chosen by their names; any other is written as cron has it.
OFTEN: Final = ("0 3 * * *", "0 6 * * 1-5", "0 3 * * 1", "0 * * * *")


def _cron(form: Mapping[str, str]) -> str | None:
    """The timetable that was chosen or written; None for only when asked."""
    chosen = form.get("often", "own")
    return (form.get("cron", "").strip() if chosen == "own" else chosen) or None


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


# --- changing one -----------------------------------------------------------------------------------------------------


@exports.get("/schedule/<key>/edit")
@needs(Permission.RUN_EXPORTS)
def edit(key: str) -> Response:
    with application.database().reading() as session:
        schedule = own_schedule(session, key)
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
        kind = str(own_schedule(session, key).destination["kind"])
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
                        cron=_cron(form),
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
    return to_schedule(key)
