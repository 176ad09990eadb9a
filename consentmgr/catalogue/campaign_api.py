"""The machine door of campaigns: the documents, kept whole, and the gates each of them passes or fails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from flask import url_for
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.campaigns.listing import list_campaigns as listed_campaigns
from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.campaigns.policy import current
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import (
    ApiBlueprint,
    Moment,
    Page,
    checked_etag,
    cursor,
    etag_of,
    make_page_schema,
    page_of,
    reads,
    session,
    tagged,
    values_of,
    writes,
)
from consentmgr.edge.document_schemas import document_schema
from consentmgr.importing.named_campaigns import campaign_named
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.screening.api_schemas import GateSchema, gates_told
from consentmgr.screening.campaign_checks import refuse_unclear
from consentmgr.screening.reports import campaign_document
from consentmgr.screening.service import default_controller, question_of
from consentmgr.staff.api_access import caller, require_controller, scope
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.documents import Campaign

campaigns = ApiBlueprint(
    "api_campaigns",
    __name__,
    description="What is sent, to whom, saying what; and which gates it passes.",
    tag="Campaigns",
)

_DOCUMENT: Final[dict[str, Any]] = {
    "key": "2026-11-payroll",
    "name": "Payroll software",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
    "product_group": "payroll",
    "audience": "business",
    "business_use": True,
    "areas": ["human_resources", "finance"],
    "planned_at": "2026-11-24T10:00:00+02:00",
    "message": {"sender_named": True, "unsubscribe": "link", "one_click": False},
}
_ANSWER: Final = {
    "type": "campaign",
    **_DOCUMENT,
    "gates": [
        {
            "code": "CAMPAIGN_NO_ONE_CLICK",
            "holds": False,
            "effect": "stops",
            "told": "The message has no one-click unsubscribe.",
            "law": "RFC 8058",
        }
    ],
    "recorded_at": "2026-11-21T10:00:00+00:00",
}


#: What an answer says of a campaign beside the document. Sent back, it is not looked at.
_BESIDE: Final = ("gates", "recorded_at")
CampaignSchema = document_schema(Campaign)
KeptCampaignSchema = document_schema(
    Campaign,
    name="KeptCampaign",
    more={
        "gates": fields.List(
            fields.Nested(GateSchema),
            metadata={"readOnly": True, "description": "Which gates it passes and fails; sent, it is not looked at."},
        ),
        "recorded_at": Moment(
            metadata={"readOnly": True, "description": "When it was kept as it is; sent, it is not looked at."}
        ),
    },
)


class CampaignsPage(Page):
    """Which campaigns."""

    channel = fields.String(load_default=None, validate=validate.OneOf(CHANNELS))
    purpose = fields.String(load_default=None, validate=validate.OneOf(PURPOSES))


@campaigns.route("/campaigns")
@scope(Scope.READ_CATALOGUE)
@reads
@campaigns.arguments(CampaignsPage, location="query")
@campaigns.response(200, make_page_schema(CampaignSchema))
def list_campaigns(asked: dict[str, Any]) -> dict[str, Any]:
    """List campaigns.

    Those of the key's controllers, the last one kept first; each is the whole document.
    """
    limit = asked["limit"]
    before = values_of(asked["after"], datetime, str) if asked["after"] is not None else None
    found = listed_campaigns(
        session(),
        controllers=caller().controllers,
        default_controller=default_controller(session()),
        channel=asked["channel"],
        purpose=asked["purpose"],
        before=before,
        limit=limit + 1,
    )
    shown = found[:limit]
    kept = kept_campaigns(session(), [one.key for one in shown])
    following = cursor(shown[-1].recorded_at, shown[-1].key) if len(found) > limit else None
    return page_of([campaign_document(kept[one.key]) for one in shown], following)


@campaigns.route("/campaigns/<path:key>")
@scope(Scope.READ_CATALOGUE)
@reads
@campaigns.response(200, KeptCampaignSchema, example=_ANSWER)
@campaigns.alt_response(304, description="It is as the ETag of the request says.")
def get_campaign(key: str) -> dict[str, Any]:
    """Show a campaign.

    The document with every field spelled out, and its gates under the policy in force. The ETag is the document's.
    """
    found, recorded_at = _kept(session(), key)
    if found is None:
        raise NotFound("there is no such campaign")
    checked_etag(etag_of(campaign_document(found)))
    return _told(session(), found, recorded_at)


@campaigns.route("/campaigns/<path:key>", methods=["PUT"])
@scope(Scope.WRITE_CATALOGUE)
@writes
@campaigns.arguments(KeptCampaignSchema, example=_DOCUMENT)
@campaigns.response(200, KeptCampaignSchema, example=_ANSWER)
@campaigns.alt_response(201, schema=KeptCampaignSchema, description="It was not kept before.", success=True)
@campaigns.alt_response(412, "Problem412")
def put_campaign(document: dict[str, Any], key: str) -> Any:
    """Keep a campaign.

    The document replaces what was kept under its key, whole: what is left out takes its default. The answer has the
    gates: a campaign that fails one is kept, and a screening for it blocks or asks for a review as the gate says.

    With `If-Match` it is kept only where the document is as was read; with `If-None-Match: *` only where there is none.
    """
    who, now = caller(), clock.now()
    if document.get("key", key) != key or not key.strip() or key != key.strip() or len(key) > 200:
        raise BadInput("it must be the key of the path, of up to 200 characters", field="key")
    kept, _ = _kept(session(), key)
    checked_etag(etag_of(campaign_document(kept)) if kept is not None else None)
    said = {name: value for name, value in document.items() if name not in _BESIDE}
    campaign = campaign_named(session(), {**said, "key": key}, controllers=who.controllers, field="")
    refuse_unclear(session(), campaign, file="")
    question_of(session(), campaign, current(session()), now)
    keep(
        session(), campaign, object=f"campaign:{key}", keys=application.address_keys(), actor=who.name, now=now
    )  # fmt: skip
    found, recorded_at = _kept(session(), key)
    assert found is not None
    tagged(etag_of(campaign_document(found)))
    told = _told(session(), found, recorded_at)
    if kept is not None:
        return told
    tell_header("Location", url_for("api_campaigns.get_campaign", key=key))
    return told, 201


def _kept(session: Session, key: str) -> tuple[Campaign | None, datetime | None]:
    """The campaign kept under this key. Raises ``NotFound`` for another controller's."""
    row = (
        session.execute(
            select(StoredCampaign.document, StoredCampaign.recorded_at).where(StoredCampaign.key == key)
        ).one_or_none()
        if "\0" not in key
        else None
    )
    if row is None:
        return None, None
    found = msgspec.convert(row.document, Campaign)
    require_controller(found.controller or default_controller(session))
    return found, row.recorded_at


def _told(session: Session, found: Campaign, recorded_at: datetime | None) -> dict[str, Any]:
    return {
        **campaign_document(found),
        "gates": gates_told(session, found, now=clock.now()),
        "recorded_at": recorded_at,
    }
