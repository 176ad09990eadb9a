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
    BlueprintRow("records", "consentmgr.records.pages:records", "/", "anyone"),
    BlueprintRow("deliveries", "consentmgr.exports.link_pages:deliveries", "/", "anyone"),
    BlueprintRow("senders", "consentmgr.replies.sender_pages:senders", "/", "anyone"),
    BlueprintRow("api_document", "consentmgr.edge.api.document_pages:api_document", "/api/v1", "anyone"),
    BlueprintRow("signing", "consentmgr.staff.sign_in_pages:signing", "/", "staff"),
    BlueprintRow("me", "consentmgr.staff.me_pages:me", "/", "staff"),
    BlueprintRow("staff", "consentmgr.staff.pages:staff", "/", "staff"),
    BlueprintRow("api_keys", "consentmgr.staff.api_key_pages:keys_of_api", "/", "staff"),
    BlueprintRow("audit", "consentmgr.staff.audit_pages:trail", "/", "staff"),
    BlueprintRow("approvals", "consentmgr.staff.approval_pages:waiting", "/", "staff"),
    BlueprintRow("catalogue", "consentmgr.catalogue.pages:catalogue", "/desk", "staff"),
    BlueprintRow("dashboard", "consentmgr.dashboard.pages:dashboard", "/desk", "staff"),
    BlueprintRow("exports", "consentmgr.exports.pages:exports", "/desk/exports", "staff"),
    BlueprintRow("imports", "consentmgr.importing.pages:imports", "/desk/imports", "staff"),
    BlueprintRow("keys", "consentmgr.dashboard.keys_pages:keys", "/desk/keys", "staff"),
    BlueprintRow("jobs", "consentmgr.dashboard.jobs_pages:jobs", "/desk/jobs", "staff"),
    BlueprintRow("webhooks", "consentmgr.changes.pages:webhooks", "/desk/webhooks", "staff"),
    BlueprintRow("connections", "consentmgr.replies.connection_pages:connections", "/desk/senders", "staff"),
    BlueprintRow("screenings", "consentmgr.screening.desk.pages:screenings", "/desk", "staff"),
    BlueprintRow("people", "consentmgr.people.pages:people", "/desk/people", "staff"),
    BlueprintRow("copies", "consentmgr.records.pages:copies", "/desk/people", "staff"),
    BlueprintRow("api_me", "consentmgr.staff.api:own_key", "/api/v1", "api"),
    BlueprintRow("api_changes", "consentmgr.changes.api:changes", "/api/v1", "api"),
    BlueprintRow("api_records", "consentmgr.records.api:records_api", "/api/v1", "api"),
    BlueprintRow("api_campaigns", "consentmgr.catalogue.campaign_api:campaigns", "/api/v1", "api"),
    BlueprintRow("api_screenings", "consentmgr.screening.api:screenings", "/api/v1", "api"),
    BlueprintRow("api_checks", "consentmgr.screening.check_api:checks", "/api/v1", "api"),
    BlueprintRow("api_links", "consentmgr.preferences.api:links", "/api/v1", "api"),
    BlueprintRow("api_exports", "consentmgr.exports.api:exports", "/api/v1", "api"),
    BlueprintRow("api_contacts", "consentmgr.people.api:contacts", "/api/v1", "api"),
    BlueprintRow("api_events", "consentmgr.people.event_api:events", "/api/v1", "api"),
    BlueprintRow("api_catalogue", "consentmgr.catalogue.api:things", "/api/v1", "api"),
    BlueprintRow("api_prohibitions", "consentmgr.catalogue.ban_api:bans", "/api/v1", "api"),
    BlueprintRow("api_documents", "consentmgr.importing.api:files", "/api/v1", "api"),
)
