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
)
