"""The desk's menu, in one table: what is in it, in which group, and who sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

if TYPE_CHECKING:
    from flask import Flask


class NavigationRow(NamedTuple):
    """One entry: the endpoint it leads to, what it is called, the permission (``staff.roles``) its page needs."""

    endpoint: str
    label: Any
    permission: str
    group: Any


WORK = _("Every day")
REGISTER = _("The register")
LEAVES = _("What leaves the house")
HOUSE = _("The house")

#: In the order of the menu. Groups come in the order of their first row.
NAVIGATION: tuple[NavigationRow, ...] = (
    NavigationRow("dashboard.front", _("Overview"), "dashboard.read", WORK),
    NavigationRow("screenings.overview", _("Screenings"), "screening.run", WORK),
    NavigationRow("screenings.message", _("Check a message"), "screening.run", WORK),
    NavigationRow("screenings.handed", _("Handed to me"), "lists.handed", WORK),
    NavigationRow("catalogue.campaigns", _("Campaigns"), "dashboard.read", WORK),
    NavigationRow("people.search", _("People"), "register.read", REGISTER),
    NavigationRow("catalogue.organisations", _("Organisations"), "register.read", REGISTER),
    NavigationRow("catalogue.bans", _("Prohibitions"), "register.read", REGISTER),
    NavigationRow("catalogue.topics", _("Topics"), "dashboard.read", REGISTER),
    NavigationRow("catalogue.notices", _("Notices"), "dashboard.read", REGISTER),
    NavigationRow("catalogue.forms", _("Subscription forms"), "dashboard.read", REGISTER),
    NavigationRow("imports.overview", _("Imports"), "import.run", REGISTER),
    NavigationRow("exports.overview", _("Exports"), "exports.read", LEAVES),
    NavigationRow("webhooks.overview", _("Webhooks"), "keys.write", LEAVES),
    NavigationRow("approvals.list_approvals", _("Second person"), "approvals.decide", HOUSE),
    NavigationRow("catalogue.rules", _("Rules"), "dashboard.read", HOUSE),
    NavigationRow("catalogue.policy", _("Policy switches"), "dashboard.read", HOUSE),
    NavigationRow("catalogue.purposes", _("Record of processing"), "dashboard.read", HOUSE),
    NavigationRow("catalogue.controllers", _("Controllers"), "dashboard.read", HOUSE),
    NavigationRow("audit.events", _("Audit trail"), "audit.read", HOUSE),
    NavigationRow("jobs.show", _("Work done by the clock"), "dashboard.read", HOUSE),
    NavigationRow("keys.overview", _("Keys"), "keys.write", HOUSE),
    NavigationRow("connections.overview", _("Sending services"), "keys.write", HOUSE),
    NavigationRow("api_keys.overview", _("Keys of the API"), "keys.write", HOUSE),
    NavigationRow("staff.list_accounts", _("Users"), "staff.write", HOUSE),
)


class Entry(NamedTuple):
    """A row as a page shows it. ``current``: the page is in this part; ``exact``: it is this very page."""

    label: str
    href: str
    current: bool
    exact: bool


class Group(NamedTuple):
    label: str
    entries: list[Entry]


def menu(may: Callable[[str], bool]) -> list[Group]:
    """The menu for whoever asks, in the language of the page: groups of what they may open, none empty."""
    groups: dict[str, list[Entry]] = {}
    here = request.path
    known = current_app.view_functions
    for row in NAVIGATION:
        if row.endpoint not in known or not may(row.permission):
            continue
        href = url_for(row.endpoint)
        # A page below another one belongs to it; the front page of the desk has everything below it, and claims nothing.
        inside = here == href or (href != "/desk/" and here.startswith(href.rstrip("/") + "/"))
        groups.setdefault(str(row.group), []).append(Entry(str(row.label), href, inside, here == href))
    return [Group(label, entries) for label, entries in groups.items()]


def in_language(code: str) -> str:
    """The address of this page in another language; where it answers no GET, the desk's front page."""
    if request.method != "GET":
        return f"/desk/?{urlencode({'lang': code})}"
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ("lang", "language")]
    return f"{request.path}?{urlencode([*kept, ('lang', code)])}"


def add_navigation(app: Flask, may: Callable[[str], bool]) -> None:
    """Make the menu known to every template."""
    app.jinja_env.globals.update(navigation=lambda: menu(may), in_language=in_language)
