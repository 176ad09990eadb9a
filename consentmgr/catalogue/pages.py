"""The catalogue's browser doors, gathered: importing them puts their routes on the blueprint."""

from __future__ import annotations

from consentmgr.catalogue import (
    ban_pages,
    campaign_pages,
    controller_pages,
    form_pages,
    notice_pages,
    organisation_pages,
    purpose_pages,
    rule_pages,
    topic_pages,
)
from consentmgr.catalogue.desk import catalogue

__all__ = [
    "ban_pages",
    "campaign_pages",
    "catalogue",
    "controller_pages",
    "form_pages",
    "notice_pages",
    "organisation_pages",
    "purpose_pages",
    "rule_pages",
    "topic_pages",
]
