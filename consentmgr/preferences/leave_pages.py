"""The browser door of leaving, and the machine door of mail programmes (RFC 8058).

A GET shows what would happen, with a real button, and changes nothing: mail scanners follow every link they see. A
POST acts. A mail programme's POST is answered in one word, without a cookie or a redirect, and its repeats alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request
from markupsafe import escape

from consentmgr.edge import metrics
from consentmgr.edge.problems import problem_response, wants_json
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.preferences.branding import Sender, sender_from, speak_to
from consentmgr.preferences.leave_state import LeaveState
from consentmgr.preferences.leaving import LEAVE_REASONS, LeavingDesk
from consentmgr.preferences.links import BadLink, Link, LinkKeys, LinkUse

leaving = Blueprint("leaving", __name__)

#: The body of RFC 8058, section 3.1, and its name and value.
_ONE_CLICK_NAME, _ONE_CLICK_VALUE = "List-Unsubscribe", "One-Click"
_ONE_CLICK_BODY = b"List-Unsubscribe=One-Click"

#: Seconds after which it is worth trying again; a restart of the database takes about as long.
RETRY_AFTER = "30"


@leaving.get("/u/<token>")
def show(token: str) -> Response:
    """What leaving would do, or what it has done."""
    link = _links().open(LinkUse.LEAVE, token)
    state = _desk().state(link, clock.now())
    metrics.link_views.labels("leave", metrics.campaign_label(link.campaign)).inc()
    return make_response(_shown(link, state))


@leaving.post("/u/<token>")
def act(token: str) -> Response:
    """``List-Unsubscribe=One-Click`` of a mail programme, or a button of the page: leave, undo, reason."""
    link = _links().open(LinkUse.LEAVE, token)
    if _is_one_click():
        _desk().leave(link, method="one_click", now=clock.now())
        _count("one_click", link)
        return _words("unsubscribed")
    action = request.form.get("action")
    if action == "leave":
        return _leave(link)
    if action == "undo":
        return _undo(link)
    if action == "reason":
        return _reason(link)
    # Some other POST: a person is shown the button, and nothing was done.
    response = _page("leave", link, _desk().state(link, clock.now()))
    response.status_code = 400
    return response


def _leave(link: Link) -> Response:
    now = clock.now()
    left = _desk().leave(link, method="page", now=now)
    _count("leave", link)
    return _page("left", link, _desk().state(link, now), left=left, reasons=() if link.distrusted else LEAVE_REASONS)


def _undo(link: Link) -> Response:
    now = clock.now()
    undone = _desk().undo(link, now=now)
    if undone:
        _count("undo", link)
    return _page("undone", link, _desk().state(link, now), undone=undone)


def _reason(link: Link) -> Response:
    now = clock.now()
    try:
        _desk().tell_reason(link, request.form.get("reason", ""), now=now)
    except BadInput:
        # No box was ticked: nothing is said, and nothing is asked again.
        return _page("left", link, _desk().state(link, now), left=None, reasons=LEAVE_REASONS)
    return _page("left", link, _desk().state(link, now), left=None, reasons=(), thanked=True)


def _is_one_click() -> bool:
    if request.mimetype == "application/x-www-form-urlencoded" and request.get_data() == _ONE_CLICK_BODY:
        return True
    return request.form.get(_ONE_CLICK_NAME) == _ONE_CLICK_VALUE


#: Stand for the two things of a leave page that are the person's own, in the page kept for all who get the same one.
_ADDRESS_MARK, _PREFERENCES_MARK = "\ue000", "\ue001"
_MOST_KEPT = 500
_kept: dict[tuple[Any, ...], str] = {}


def _shown(link: Link, state: LeaveState) -> str:
    """The leave page. A campaign's receivers get the same page but for their address and the link to their choices:
    it is rendered once, because every mail scanner asks for it too.
    """
    language = speak_to(state.language)
    key = (
        language,
        state.scope,
        state.channel,
        state.controller,
        state.controller_name,
        state.controller_contact,
        tuple(state.branding.items()),
        tuple((state.topic_names or {}).items()),
        state.has_left,
        state.left_on,
        state.undo_until,
        state.masked_address is None,
        link.distrusted,
    )
    page = _kept.get(key)
    if page is None:
        marked = replace(state, masked_address=None if state.masked_address is None else _ADDRESS_MARK)
        page = _rendered("leave", marked, None if link.distrusted else _PREFERENCES_MARK)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = page
    if state.masked_address is not None:
        page = page.replace(_ADDRESS_MARK, escape(state.masked_address))
    return page.replace(_PREFERENCES_MARK, _preferences(link) or "")


def _page(name: str, link: Link, state: LeaveState, **context: Any) -> Response:
    """A page in the person's language, in the controller's name where it still has one."""
    return make_response(_rendered(name, state, _preferences(link), **context))


def _rendered(name: str, state: LeaveState, preferences: str | None, **context: Any) -> str:
    speak_to(state.language)
    return render_template(
        f"preferences/{name}.html",
        sender=_sender(state),
        state=state,
        topic_name=_topic_name(state),
        preferences=preferences,
        **context,
    )


def _sender(state: LeaveState) -> Sender | None:
    if state.controller_name is None:
        return None
    return sender_from(state.controller, state.controller_name, state.controller_contact, dict(state.branding))


def _topic_name(state: LeaveState) -> str | None:
    """The newsletter's name in the language of the page, or in any it has."""
    names = state.topic_names
    if names is None:
        return None
    language = speak_to(state.language)
    return names.get(language) or names.get("en") or next(iter(names.values()), None)


def _preferences(link: Link) -> str | None:
    """The path of the same person's preference page; none with a key that leaked."""
    if link.distrusted:
        return None
    return f"/p/{_links().mint(replace(link, use=LinkUse.PREFERENCES))}"


def _words(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")


def _count(act: str, link: Link) -> None:
    metrics.link_acts.labels(act, metrics.campaign_label(link.campaign)).inc()


@leaving.errorhandler(BadLink)
def _bad_link(_: BadLink) -> Response:
    metrics.bad_links.labels("leave").inc()
    speak_to(None)
    if request.method == "POST" and _is_one_click():
        return _words("no such link", 404)
    if wants_json():
        return problem_response(404, kind="bad_link")
    return make_response(render_template("preferences/bad_link.html", sender=None), 404)


@leaving.errorhandler(Unavailable)
def _unavailable(_: Unavailable) -> Response:
    """Honest: it may be done soon, it is not done now, and pressing again does no harm."""
    speak_to(None)
    if request.method == "POST" and _is_one_click():
        response = _words("not done yet; try again", 503)
    elif wants_json():
        response = problem_response(503)
    else:
        response = make_response(render_template("preferences/unavailable.html", sender=None), 503)
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _desk() -> LeavingDesk:
    desk: LeavingDesk = current_app.extensions["leaving"]
    return desk


def _links() -> LinkKeys:
    links: LinkKeys = current_app.extensions["links"]
    return links
