"""The browser door of a person's own choices: the preference page, why a message came, and corrections.

A GET shows and changes nothing. The link is the whole permission; nothing here asks for a login or a cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from flask_babel import format_date, get_locale, gettext
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from consentmgr.config import LANGUAGES, Language
from consentmgr.consents.acts import digest_of
from consentmgr.edge import application, metrics
from consentmgr.edge.problems import problem_response, wants_json
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import Unavailable
from consentmgr.preferences import choosing, proposals, why
from consentmgr.preferences.branding import Sender, colour_stylesheet, language_asked, sender_of, speak_to
from consentmgr.preferences.choices import LONGEST_PAUSE, MOST_CONTROLS, PAGE, Choices, choices_of, known_of
from consentmgr.preferences.choosing import Applied, Form
from consentmgr.preferences.links import BadLink, Link, LinkKeys, LinkUse
from consentmgr.prohibitions.opt_outs import ACTOR
from consentmgr.vocabulary.code_names import code_name

preferences = Blueprint("preferences", __name__)

#: A year, in seconds: the stylesheet of a colour is always the same.
_A_YEAR = 31_536_000


# --- the preference page ----------------------------------------------------------------------------------------------


@preferences.get("/p/<token>")
def show_choices(token: str) -> Response:
    link = _open(token)
    with application.database().reading() as session:
        page = _Page(session, link, token)
        metrics.link_views.labels("preferences", metrics.campaign_label(link.campaign)).inc()
        return page.answer()


@preferences.post("/p/<token>")
def take_choices(token: str) -> Response:
    """One of the page's buttons: save, stop_all, take_back, resume."""
    link, now = _open(token), clock.now()
    do = request.form.get("do", "")
    metrics.link_acts.labels("preferences", metrics.campaign_label(link.campaign)).inc()
    with application.database().transaction() as session:
        page = _Page(session, link, token)
        if do == "stop_all":
            choosing.stop_all(_desk(), link, now=now)
            return _Page(session, link, token).answer(Applied(stopped_all=True))
        if page.limits is not None:
            return page.answer()
        if do == "take_back":
            lifted = choosing.take_back_all(
                session, link, language=page.language, keys=application.address_keys(), actor=ACTOR, now=now
            )
            return _Page(session, link, token).answer(Applied(taken_back=lifted > 0))
        if do == "resume":
            until = page.choices.paused_until
            rendered, submitted = Form(paused_until=until), Form()
        elif do == "save":
            try:
                rendered, submitted = _form(now)
            except _Unreadable as unreadable:
                return page.answer(fault=unreadable, status=422)
        else:
            abort(400)
        applied = choosing.apply(
            session,
            _desk(),
            link,
            rendered,
            submitted,
            language=page.language,
            keys=application.address_keys(),
            actor=ACTOR,
            now=now,
        )
        session.flush()
        session.expire_all()
        return _Page(session, link, token).answer(applied)


class _Unreadable(Exception):
    """The form holds something a person must mend; ``submitted`` is what was ticked."""

    def __init__(self, sentence: str, submitted: Mapping[str, bool]) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.submitted = submitted


def _form(now: datetime) -> tuple[Form, Form]:
    """The form as it was rendered and as it was sent. What is not of our making is a bad request."""
    rendered: dict[str, bool] = {}
    for text in request.form.getlist("was"):
        name, _, state = text.rpartition("=")
        if name.partition(":")[0] not in ("topic", "channel", "ban") or state not in ("0", "1") or len(name) > 250:
            abort(400)
        rendered[name] = state == "1"
    if len(rendered) > MOST_CONTROLS:
        abort(400)
    ticked = set(request.form.getlist("now"))
    submitted = {name: name in ticked for name in rendered}
    language_was, language = request.form.get("language_was") or None, request.form.get("language") or None
    if language is not None and language not in LANGUAGES:
        abort(400)
    pause_was, pause = request.form.get("pause_was", ""), request.form.get("pause", "").strip()
    paused_until = None
    if "pause" in request.form and pause and pause != pause_was:
        paused_until = _pause_until(pause, now, submitted)
    elif pause:
        paused_until = _day_of(pause)
    return (
        Form(rendered, language_was, _day_of(pause_was)),
        Form(submitted, language, paused_until),
    )


def _day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        abort(400)


def _as_sent(name: str) -> str:
    """A day of the form as it was sent, where it is one: a browser shows nothing else."""
    try:
        return date.fromisoformat(request.form.get(name, "")).isoformat()
    except ValueError:
        return ""


def _pause_until(text: str, now: datetime, submitted: Mapping[str, bool]) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _Unreadable(gettext("Enter the day as year, month and day: 2027-01-31."), submitted) from None
    first, last = _pause_days(now)
    if not first <= day <= last:
        sentence = gettext("Choose a day between %(first)s and %(last)s.", first=_day_text(first), last=_day_text(last))
        raise _Unreadable(sentence, submitted)
    return day


def _pause_days(now: datetime) -> tuple[date, date]:
    today = local_date(now)
    return today, today + LONGEST_PAUSE


@preferences.app_template_filter("long_day")
def _day_text(day: date) -> str:
    """A day as people write it: 5 March 2027."""
    return str(format_date(day, "d MMMM y" if str(get_locale()) == "en" else "long"))


@dataclass
class _Page:
    """A preference page in the making: the choices as they are now, in the reader's language."""

    session: Session
    link: Link
    token: str

    def __post_init__(self) -> None:
        self.now = clock.now()
        self.known = known_of(self.session, self.link)
        contact = self.known.contact
        self.language: Language = speak_to(
            contact.language if contact is not None and not self.link.distrusted else None
        )
        self.sender = _sender(self.session, self.link)
        self.choices = choices_of(self.known, self.link, self.now, self.language)

    @property
    def limits(self) -> str | None:
        """Why the page can do no more than stop: None where it can."""
        if self.link.distrusted:
            return "distrusted"
        return "erased" if self.choices.erased else None

    def answer(self, done: Applied | None = None, *, fault: _Unreadable | None = None, status: int = 200) -> Response:
        if self.limits is not None:
            stopped = done if done is not None and done.stopped_all else None
            page = render_template("preferences/limited.html", sender=self.sender, why=self.limits, done=stopped)
            return make_response(page, status)
        choices = self.choices
        ticked = {control.name: control.on for control in choices.controls}
        if fault is not None:
            ticked |= fault.submitted
        first, last = _pause_days(self.now)
        pause = choices.paused_until.isoformat() if choices.paused_until is not None else ""
        page = render_template(
            "preferences/preferences.html",
            sender=self.sender,
            choices=choices,
            address_mark=_address_mark(choices),
            ticked=ticked,
            language=request.form.get("language") or choices.language,
            pause=_as_sent("pause") if fault is not None else pause,
            fault=fault.sentence if fault is not None else None,
            refusal_ground=code_name("refusal_ground", choices.refusal.ground, self.language)
            if choices.refusal is not None
            else "",
            today=local_date(self.now),
            first_day=first,
            last_day=last,
            done=done,
            undo=_undo(done),
            named={control.name: control for control in choices.controls},
            why_url=_beside(self.token, "preferences.show_why"),
            details_url=_beside(self.token, "preferences.show_details"),
            consents_url=self.consents_url(),
        )
        return make_response(page, status)

    def consents_url(self) -> str | None:
        """The page of the person's own consents: a link of its own kind, because showing is more than choosing."""
        if self.known.contact_id is None:
            return None
        token = _link_keys().mint(replace(self.link, use=LinkUse.VIEW))
        return url_for("records.show_consents", token=token, lang=language_asked())


def _undo(done: Applied | None) -> dict[str, bool] | None:
    """What a form that takes the changes back would set, by control; None where there is nothing to take back."""
    if done is None:
        return None
    changed = {name: name.startswith("ban:") is False for name in done.turned_off}
    changed |= {name: name.startswith("ban:") for name in done.turned_on}
    return changed or None


def _address_mark(choices: Choices) -> Markup | None:
    if choices.address is None:
        return None
    return Markup('<span class="address">{}</span>').format(escape(choices.address))


# --- why did I get this -----------------------------------------------------------------------------------------------


@preferences.get("/p/<token>/why")
def show_why(token: str) -> Response:
    link = _open(token)
    with application.database().reading() as session:
        page = _Page(session, link, token)
        if page.limits is not None or not page.choices.known:
            return page.answer()
        reasons = why.reasons_of(session, page.known, link, clock.now(), page.language)
        body = render_template(
            "preferences/why.html",
            sender=page.sender,
            why=reasons,
            address_mark=_address_mark(page.choices),
            choices_url=_beside(token, "preferences.show_choices"),
            details_url=_beside(token, "preferences.show_details"),
        )
        return make_response(body)


# --- corrections ------------------------------------------------------------------------------------------------------


@preferences.get("/p/<token>/details")
def show_details(token: str) -> Response:
    link = _open(token)
    with application.database().reading() as session:
        page = _Page(session, link, token)
        if page.limits is not None or not page.choices.known:
            return page.answer()
        return _details_page(page, {}, {})


@preferences.post("/p/<token>/details")
def take_details(token: str) -> Response:
    """A correction becomes a proposal; the register is changed by a person, or not at all."""
    link, now = _open(token), clock.now()
    with application.database().transaction() as session:
        page = _Page(session, link, token)
        if page.limits is not None or page.known.contact_id is None:
            return page.answer()
        given = {name: request.form.get(name, "").strip() for name in proposals.CORRECTED}
        faults = proposals.faults_of(given)
        if faults:
            return _details_page(page, given, {name: _fault_text(code) for name, code in faults.items()}, 422)
        for kind, data in proposals.corrections_of(given).items():
            proposals.propose(
                session,
                kind=kind,
                contact_id=page.known.contact_id,
                controller=link.controller,
                source=PAGE,
                data=data,
                digest=_digest(kind, page.known.contact_id, data, now),
                now=now,
            )
        body = render_template(
            "preferences/details_sent.html",
            sender=page.sender,
            choices_url=_beside(token, "preferences.show_choices"),
        )
        return make_response(body)


def _digest(kind: str, contact_id: int, data: Mapping[str, str], now: datetime) -> UUID:
    """The same correction on the same day is one."""
    return digest_of(
        application.address_keys(), "proposal", (kind, contact_id, dict(data), local_date(now).isoformat())
    )


def _fault_text(code: proposals.Fault) -> str:
    match code:
        case "nothing":
            return str(gettext("Write what is right in at least one of the boxes."))
        case "too_long":
            return str(gettext("This is too long: write at most 100 characters."))
        case "markup":
            return str(gettext("Leave out the characters < and >."))
        case "address_incomplete":
            return str(gettext("A new address needs its street, postal code and town."))


def _details_page(page: _Page, given: Mapping[str, str], faults: Mapping[str, str], status: int = 200) -> Response:
    body = render_template(
        "preferences/details.html",
        sender=page.sender,
        given=given,
        faults=faults,
        choices_url=_beside(page.token, "preferences.show_choices"),
    )
    return make_response(body, status)


# --- colours ----------------------------------------------------------------------------------------------------------


@preferences.get("/colour/<colour>.css")
def show_colour(colour: str) -> Response:
    """The stylesheet that gives a page its controller's colour; the same for ever, and of nobody's."""
    sheet = colour_stylesheet(colour)
    if sheet is None:
        abort(404)
    response = Response(sheet, mimetype="text/css")
    response.headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
    return response


# --- what all share ---------------------------------------------------------------------------------------------------


@preferences.errorhandler(BadLink)
def _bad_link(_: BadLink) -> Response:
    metrics.bad_links.labels("preferences").inc()
    speak_to(None)
    if wants_json():
        return problem_response(404, kind="bad_link")
    return make_response(render_template("preferences/bad_link.html", sender=None), 404)


@preferences.errorhandler(Unavailable)
def _unavailable(_: Unavailable) -> Response:
    speak_to(None)
    if wants_json():
        response = problem_response(503)
    else:
        response = make_response(render_template("preferences/unavailable.html", sender=None), 503)
    response.headers["Retry-After"] = "30"
    return response


def _open(token: str) -> Link:
    return _link_keys().open(LinkUse.PREFERENCES, token)


def _sender(session: Session, link: Link) -> Sender:
    """In whose name the page speaks; a controller that is gone is called by its key."""
    return sender_of(session, link.controller) or Sender(link.controller, link.controller)


def _beside(token: str, endpoint: str) -> str:
    """Another page of the same link, in the language that was chosen on this one."""
    return url_for(endpoint, token=token, lang=language_asked())


def _desk() -> Any:
    return current_app.extensions["leaving"]


def _link_keys() -> LinkKeys:
    keys: LinkKeys = current_app.extensions["links"]
    return keys
