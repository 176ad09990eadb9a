"""A campaign given as a document, read as an import reads it."""

from __future__ import annotations

import json

from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.documents import Campaign


def campaign_of_document(raw: object, *, file: str | None = None, below: str | None = None) -> Campaign:
    """The campaign a document says, read as an import reads it. ``type`` may be left out.

    Raises ``BadInput`` naming the field: as it is, or ``below`` another one (``campaign.channel``).
    """
    if not isinstance(raw, dict):
        raise BadInput("a campaign is one JSON object", file=file, field=below)
    found = decode(json.dumps({"type": "campaign", **raw}, ensure_ascii=False).encode())
    if isinstance(found, Rejection):
        raise BadInput(found.reason, file=file, field=field_below(below, found.field))
    if not isinstance(found, Campaign):
        raise BadInput("this document is no campaign", file=file, field=field_below(below, "type"))
    return found


def field_below(below: str | None, field: str | None) -> str | None:
    """The field's name where the document itself is a field of another."""
    return ".".join(part for part in (below, field) if part) or None
