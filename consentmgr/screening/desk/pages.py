"""The browser door of screening, gathered: importing it puts the views on the blueprint.

Every page works without script; with it, the form shows at once which gate fails, progress moves by itself, and the
table of rows changes in place.
"""

from __future__ import annotations

from consentmgr.screening.desk import (
    campaign_pages,
    handing_pages,
    list_pages,
    message_pages,
    result_pages,
    row_pages,
)
from consentmgr.screening.desk.door import screenings

__all__ = [
    "campaign_pages",
    "handing_pages",
    "list_pages",
    "message_pages",
    "result_pages",
    "row_pages",
    "screenings",
]
