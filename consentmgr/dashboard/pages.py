"""The browser door of the figures: the desk's front page, and the rows behind every number on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from consentmgr.consents.sight import Sight
from consentmgr.consents.waiting import waiting_for_erasure
from consentmgr.dashboard import figures, words
from consentmgr.dashboard.counting import POINTS, STANDING
from consentmgr.dashboard.overdue import TimedWork, job_states
from consentmgr.edge import application
from consentmgr.edge.navigation import menu
from consentmgr.exports import desk as exports_desk
from consentmgr.exports.alarms import sentence as alarm_sentence
from consentmgr.exports.alarms import standing_alarms
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import NotFound
from consentmgr.staff.access import actor, for_anyone_signed_in, may, needs
from consentmgr.staff.roles import Permission
from consentmgr.timetable.heartbeats import followed
from consentmgr.vocabulary.codes import CHANNELS

dashboard = Blueprint("dashboard", __name__)

#: Days of links and screenings on the front page.
_LATELY = 30
_PERIOD = 90


def link_to(endpoint: str, permission: Permission, **values: Any) -> str | None:
    """The address of another room's page, where it is there and open to whoever asks."""
    if endpoint not in current_app.view_functions or not may(permission):
        return None
    return url_for(endpoint, **values)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The controller that is looked at (None: all of them), and those there are to choose from."""

    controller: str | None
    choices: list[tuple[str, str]]
    #: Whether this member of staff may look at the register as a whole.
    whole: bool

    @property
    def name(self) -> str | None:
        return dict(self.choices).get(self.controller or "")

    def named(self, controller: str) -> str:
        """What a controller is called."""
        return dict(self.choices).get(controller, controller)

    @property
    def allowed(self) -> frozenset[str] | None:
        """The controllers that may be shown."""
        return frozenset([self.controller]) if self.controller is not None else None


def chosen(session: Session) -> Chosen:
    """Which controller the page is about. One of somebody else's is not there (404)."""
    allowed = actor().controllers_for(Permission.SEE_DASHBOARD)
    choices = figures.controllers_named(session, allowed)
    asked = request.args.get("controller") or None
    if asked is not None:
        if asked not in dict(choices):
            raise NotFound("there is no such controller")
        return Chosen(asked, choices, allowed is None)
    if allowed is None:
        return Chosen(None, choices, whole=True)
    if not choices:
        raise NotFound("there is no controller to look at")
    return Chosen(choices[0][0], choices, whole=False)


# --- the front page ---------------------------------------------------------------------------------------------------


@dashboard.get("/")
@for_anyone_signed_in
def front() -> Response:
    """The figures; whoever may not see them is led to the first page that is open to them."""
    if not may(Permission.SEE_DASHBOARD):
        entries = [entry for group in menu(may) for entry in group.entries]
        return make_response(redirect(entries[0].href if entries else "/desk/me", 303))
    now = clock.now()
    days = request.args.get("days", _PERIOD, int)
    if days not in figures.PERIODS:
        days = _PERIOD
    with application.database().reading() as session:
        about = chosen(session)
        acts = figures.acts_over_time(session, controller=about.controller, days=days, today=local_date(now))
        states = figures.states_of(session, controller=about.controller)
        screened = figures.screenings(session, controllers=about.allowed, since=now - timedelta(days=_LATELY))
        links = figures.links_by_campaign(
            session, controller=about.controller, since=figures.since_day(now, _LATELY), limit=8
        )
        keys = [*(row.campaign for row in screened[:6]), *(row.campaign for row in links)]
        names = figures.campaign_names(session, keys)
        found_bursts = figures.bursts(session, controller=about.controller, limit=5)
        schedules = (
            exports_desk.schedules(session, controllers=_shared(about, Permission.SEE_EXPORTS), now=now)
            if may(Permission.SEE_EXPORTS)
            else []
        )
        # Of all that whoever looks may erase, whatever controller is chosen: as many as the page of them lists.
        erasures = (
            waiting_for_erasure(session, Sight(actor().controllers_for(Permission.ERASE)))
            if may(Permission.ERASE)
            else []
        )
        jobs = job_states(session, timed_work(), now=now) if about.whole else []
        alive = followed(session.connection()).beats(now)
        alarms = (
            [alarm_sentence(alarm, application.language()) for alarm in standing_alarms(session)] if about.whole else []
        )
    body = render_template(
        "dashboard/front.html",
        about=about,
        days=days,
        periods=figures.PERIODS,
        acts=acts,
        chart_rows=[(day, *numbers) for day, numbers in acts.rows],
        acts_href={name: _acts_href(about, name, acts.first, acts.last) for name in figures.LINES},
        standing=states[STANDING],
        points=states[POINTS],
        mail=states["mail"],
        screenings=screened[:6],
        names=names,
        reasons=figures.reasons_added(screened)[:10],
        lists=len(screened),
        links=links,
        bursts=found_bursts,
        schedules=schedules,
        jobs=jobs,
        alive=alive,
        alarms=alarms,
        erasures=len(erasures),
        erasures_overdue=sum(one.asked.is_overdue(local_date(now)) for one in erasures),
        erasures_href=link_to("people.waiting_erasures", Permission.ERASE),
        overdue=[job for job in jobs if job.needs_a_look],
        now=now,
        words=words,
        does=words.DOES,
        soon=now + timedelta(hours=12),
        lately=_LATELY,
        screening_href=_screening_href,
        link_to=link_to,
        Permission=Permission,
        states=figures.STATES,
        query=_query(about),
    )
    return make_response(body)


def timed_work() -> list[tuple[TimedWork, bool]]:
    """The timetable, which the application hands over, and what of it these settings want."""
    settings = application.settings()
    return [(job, job.is_wanted(settings)) for job in current_app.extensions["consentmgr.jobs"]]


def _shared(about: Chosen, permission: Permission) -> frozenset[str] | None:
    """The controllers the page is about for which another permission is held as well (None: all)."""
    held = actor().controllers_for(permission)
    if held is None or about.allowed is None:
        return about.allowed if held is None else held
    return held & about.allowed


def _query(about: Chosen) -> dict[str, Any]:
    """What a link to a page of rows takes along."""
    return {"controller": about.controller} if about.controller is not None else {}


def _acts_href(about: Chosen, line: str, first: date, last: date) -> str:
    return url_for("dashboard.acts", line=line, first=first.isoformat(), last=last.isoformat(), **_query(about))


def _screening_href(row: figures.ScreeningRow) -> str:
    """The screening's own page where the screening room has one, else the rows of the figure."""
    if row.list_id is not None and (href := link_to("screenings.show", Permission.SCREEN, list_id=row.list_id)):
        return href
    known: dict[str, Any] = {"controller": row.controller} if row.controller else {}
    return url_for("dashboard.screenings", _anchor=f"s-{row.id}", **known)


# --- the rows behind the figures --------------------------------------------------------------------------------------


@dashboard.get("/figures/acts")
@needs(Permission.SEE_DASHBOARD)
def acts() -> str:
    """Ledger entries of a line of the chart and some days."""
    today = local_date(clock.now())
    line = request.args.get("line", "given")
    first, last = _day("first", today), _day("last", today)
    if line not in figures.LINES or first > last:
        raise NotFound("there is no such figure")
    with application.database().reading() as session:
        about = chosen(session)
        rows, number = figures.act_rows(
            session,
            controller=about.controller,
            events=figures.LINES[line],
            first=first,
            last=last,
            before=request.args.get("before", None, int),
        )
    return render_template(
        "dashboard/acts.html",
        about=about,
        line=line,
        first=first,
        last=last,
        rows=rows,
        number=number,
        older=_next("dashboard.acts", rows, "before", _query(about) | {"line": line, "first": first, "last": last}),
        words=words,
        contact_href=_contact_href(),
    )


@dashboard.get("/figures/standing")
@needs(Permission.SEE_DASHBOARD)
def standing() -> str:
    """Contacts that stand in one way on one channel."""
    channel, state = request.args.get("channel", ""), request.args.get("state", "")
    if state not in figures.STATES or not (channel == "*" or channel in CHANNELS):
        raise NotFound("there is no such figure")
    with application.database().reading() as session:
        about = chosen(session)
        rows = figures.standing_rows(
            session,
            controller=about.controller,
            channel=channel,
            state=state,
            after=request.args.get("after", 0, int),
        )
        number = figures.states_of(session, controller=about.controller)[STANDING].of(channel, state)
        topics = figures.topic_names(session, [row.topic for row in rows], application.language())
    return render_template(
        "dashboard/standing.html",
        about=about,
        channel=channel,
        state=state,
        rows=rows,
        topics=topics,
        number=number,
        older=_next(
            "dashboard.standing", rows, "after", _query(about) | {"channel": channel, "state": state}, "contact_id"
        ),
        words=words,
        contact_href=_contact_href(),
    )


@dashboard.get("/figures/addresses")
@needs(Permission.SEE_DASHBOARD)
def addresses() -> str:
    """Contact points that do not work. None of them is shown."""
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    if kind not in words.POINTS or state not in words.FAULTS:
        raise NotFound("there is no such figure")
    with application.database().reading() as session:
        about = chosen(session)
        rows = figures.point_rows(
            session, controller=about.controller, kind=kind, state=state, after=request.args.get("after", 0, int)
        )
        number = figures.states_of(session, controller=about.controller)[POINTS].of(kind, state)
    return render_template(
        "dashboard/addresses.html",
        about=about,
        kind=kind,
        state=state,
        rows=rows,
        number=number,
        older=_next("dashboard.addresses", rows, "after", _query(about) | {"kind": kind, "state": state}),
        words=words,
        contact_href=_contact_href(),
    )


@dashboard.get("/figures/screenings")
@needs(Permission.SEE_DASHBOARD)
def screenings() -> str:
    """Screenings of the last days with their counts; with ``reason``, those whose rows it kept back."""
    now = clock.now()
    reason = request.args.get("reason")
    with application.database().reading() as session:
        about = chosen(session)
        rows = figures.screenings(session, controllers=about.allowed, since=now - timedelta(days=_LATELY))
        names = figures.campaign_names(session, [row.campaign for row in rows])
    if reason is not None:
        rows = [row for row in rows if row.reasons.get(reason)]
    return render_template(
        "dashboard/screenings.html",
        about=about,
        names=names,
        rows=rows,
        reason=reason,
        now=now,
        words=words,
        lately=_LATELY,
        list_href=lambda row: _screening_href(row) if row.list_id is not None else None,
    )


@dashboard.get("/figures/links/<campaign>")
@needs(Permission.SEE_DASHBOARD)
def links(campaign: str) -> str:
    """What was done with the links of one campaign, day by day."""
    now = clock.now()
    since = figures.since_day(now, 365)
    with application.database().reading() as session:
        about = chosen(session)
        known = figures.links_by_campaign(session, controller=about.controller, since=since, campaign=campaign)
        if not known:
            raise NotFound("there is no such figure")
        rows = figures.link_days(session, campaign=campaign, since=since)
        name = figures.campaign_names(session, [campaign]).get(campaign, campaign)
    return render_template("dashboard/links.html", about=about, campaign=known[0], name=name, rows=rows, words=words)


@dashboard.get("/figures/bursts")
@needs(Permission.SEE_DASHBOARD)
def bursts() -> str:
    """Many leavings of one domain within minutes, which may be a machine's."""
    with application.database().reading() as session:
        about = chosen(session)
        rows = figures.bursts(session, controller=about.controller)
    return render_template(
        "dashboard/bursts.html",
        about=about,
        rows=rows,
        words=words,
        proposals=link_to("people.proposals", Permission.RECORD_ACTS),
    )


def _day(name: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(request.args.get(name, otherwise.isoformat()))
    except ValueError:
        raise NotFound("there is no such day") from None


def _next(endpoint: str, rows: list[Any], name: str, values: Mapping[str, Any], column: str = "id") -> str | None:
    """The address of the next page of a long list; None at its end."""
    if len(rows) < figures.PAGE:
        return None
    return url_for(endpoint, **values, **{name: getattr(rows[-1], column)})


def _contact_href() -> Any:
    """How a contact's page is called, where there is one and it is open to whoever asks."""

    def href(contact_id: int | None) -> str | None:
        return None if contact_id is None else link_to("people.show", Permission.SEE_REGISTER, contact_id=contact_id)

    return href
