"""Every door to the web, in one table: what is there, where it is mounted, who may come in.

A test holds that every route belongs to a row, so that none is ever forgotten.
"""

from __future__ import annotations

from typing import NamedTuple

from consentmgr.edge.access import Access


class BlueprintRow(NamedTuple):
    """One blueprint: its name, ``module:attribute``, the path it is mounted at, and who may call it."""

    name: str
    place: str
    mounted_at: str
    access: Access


BLUEPRINTS: tuple[BlueprintRow, ...] = (
    BlueprintRow("house", "consentmgr.pages:house", "/", "anyone"),
    BlueprintRow("leaving", "consentmgr.preferences.leave_pages:leaving", "/", "anyone"),
    BlueprintRow("preferences", "consentmgr.preferences.pages:preferences", "/", "anyone"),
    BlueprintRow("subscribing", "consentmgr.preferences.subscribe_pages:subscribing", "/", "anyone"),
    BlueprintRow("deliveries", "consentmgr.exports.link_pages:deliveries", "/", "anyone"),
    BlueprintRow("signing", "consentmgr.staff.sign_in_pages:signing", "/", "staff"),
    BlueprintRow("me", "consentmgr.staff.me_pages:me", "/", "staff"),
    BlueprintRow("staff", "consentmgr.staff.pages:staff", "/", "staff"),
    BlueprintRow("audit", "consentmgr.staff.audit_pages:trail", "/", "staff"),
    BlueprintRow("approvals", "consentmgr.staff.approval_pages:waiting", "/", "staff"),
    BlueprintRow("catalogue", "consentmgr.catalogue.pages:catalogue", "/desk", "staff"),
    BlueprintRow("dashboard", "consentmgr.dashboard.pages:dashboard", "/desk", "staff"),
    BlueprintRow("exports", "consentmgr.exports.pages:exports", "/desk/exports", "staff"),
    BlueprintRow("imports", "consentmgr.importing.pages:imports", "/desk/imports", "staff"),
    BlueprintRow("keys", "consentmgr.dashboard.keys_pages:keys", "/desk/keys", "staff"),
    BlueprintRow("jobs", "consentmgr.dashboard.jobs_pages:jobs", "/desk/jobs", "staff"),
    BlueprintRow("screenings", "consentmgr.screening.desk.pages:screenings", "/desk", "staff"),
    BlueprintRow("people", "consentmgr.people.pages:people", "/desk/people", "staff"),
)
