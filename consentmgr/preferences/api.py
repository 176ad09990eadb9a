"""The machine door of links: minted for whoever sends, for many messages at once.

Nothing is written, and no token is kept or logged: asked again, the same links are made again.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, cast

from flask import current_app
from marshmallow import fields, validate

from consentmgr.edge import application
from consentmgr.edge.api import ApiBlueprint, ApiSchema, reads, session
from consentmgr.edge.api.schemas import ProblemErrorSchema
from consentmgr.edge.api_problems import field_error
from consentmgr.edge.document_schemas import KeyOrDocument, YesOrNo, document_schema
from consentmgr.importing.named_campaigns import campaign_named
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.links import LinkKeys
from consentmgr.preferences.minting import MOST_LINKS, mint
from consentmgr.staff.api_access import caller, scope
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import Campaign, PostalAddress

links = ApiBlueprint(
    "api_links", __name__, description="The personal links of messages: leave, or choose what to get.", tag="Links"
)

_EXAMPLE: Final = {
    "campaign": "2026-11-payroll",
    "items": [{"ref": "crm:12345"}, {"email": "aino.virtanen@esimerkki.example"}, {"ref": "crm:unknown"}],
}
_ANSWER: Final = {
    "items": [
        {
            "index": 0,
            "status": "minted",
            "preference_url": "https://consent.acme.example/p/ARsA…",
            "one_click_url": "https://consent.acme.example/u/ARsA…",
            "list_unsubscribe": "<https://consent.acme.example/u/ARsA…>",
            "list_unsubscribe_post": "List-Unsubscribe=One-Click",
            "errors": [],
        },
        {
            "index": 2,
            "status": "refused",
            "preference_url": None,
            "one_click_url": None,
            "list_unsubscribe": None,
            "list_unsubscribe_post": None,
            "errors": [{"pointer": "/items/2/ref", "detail": "there is no contact of this ref"}],
        },
    ],
    "minted": 1,
    "refused": 1,
}


class LinkWantedSchema(ApiSchema):
    """To whom a message goes: a contact by its ref, or an address of the kind the campaign's channel uses, or both."""

    ref = fields.String(validate=validate.Length(1, 200), metadata={"description": "The contact's ref."})
    email = fields.String(validate=validate.Length(1, 400), metadata={"description": "For a campaign by e-mail."})
    phone = fields.String(validate=validate.Length(1, 100), metadata={"description": "For one by phone or SMS."})
    post = fields.Nested(document_schema(PostalAddress), metadata={"description": "For one by post."})


class LinksWantedSchema(ApiSchema):
    """For which campaign, and for whom."""

    campaign = KeyOrDocument(
        Campaign, required=True, metadata={"description": "The key of a kept campaign, or a whole document."}
    )
    items = fields.List(
        fields.Nested(LinkWantedSchema),
        required=True,
        validate=validate.Length(1, MOST_LINKS),
        metadata={"description": "One for each message."},
    )
    everything = YesOrNo(
        load_default=False,
        metadata={"description": "Leaving ends everything, not this newsletter or channel alone."},
    )


class LinkMintedSchema(ApiSchema):
    """The links of one message, or why it has none."""

    index = fields.Integer(required=True, metadata={"description": "Which item of the request, from 0."})
    status = fields.String(required=True, validate=validate.OneOf(("minted", "refused")))
    preference_url = fields.String(
        required=True, allow_none=True, metadata={"description": "“Choose what you get”, in the footer."}
    )
    one_click_url = fields.String(
        required=True, allow_none=True, metadata={"description": "“Leave”, in the footer; a page with a button."}
    )
    list_unsubscribe = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The value of the header List-Unsubscribe (RFC 2369); null where it is no e-mail."},
    )
    list_unsubscribe_post = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The value of List-Unsubscribe-Post (RFC 8058); both must be signed by DKIM."},
    )
    errors = fields.List(fields.Nested(ProblemErrorSchema), required=True)


class LinksMintedSchema(ApiSchema):
    """One item for each that was asked for, in its order."""

    items = fields.List(fields.Nested(LinkMintedSchema), required=True)
    minted = fields.Integer(required=True)
    refused = fields.Integer(required=True)


_NONE: Final = dict.fromkeys(("preference_url", "one_click_url", "list_unsubscribe", "list_unsubscribe_post"))


@links.route("/links", methods=["POST"])
@scope(Scope.MINT_LINKS)
@reads
@links.arguments(LinksWantedSchema, example=_EXAMPLE)
@links.response(200, LinksMintedSchema, example=_ANSWER)
def mint_links(wanted: dict[str, Any]) -> dict[str, Any]:
    """Mint the links of messages.

    Up to 1,000 at once: a link to the page where the receiver chooses what to get, a link to leave, and for e-mail the
    values of the two header fields by which mail programmes offer leaving. Nobody is screened here: screen the list
    first, and send to the allowed rows only.

    An address gets its links whether the register knows somebody by it or not. A ref that is not known to the key is
    refused, that item alone. Links never expire. Nothing is written: asked again, the links are as good as the first.
    """
    who = caller()
    campaign = campaign_named(session(), wanted["campaign"], controllers=who.controllers)
    made = mint(
        session(),
        application.settings(),
        application.address_keys(),
        cast("LinkKeys", current_app.extensions["links"]),
        campaign,
        wanted["items"],
        controllers=who.controllers,
        everything=wanted["everything"],
    )
    items = [
        {"index": index, "status": "refused", **_NONE, "errors": [field_error(_at(one, index))]}
        if isinstance(one, BadInput)
        else {"index": index, "status": "minted", **asdict(one), "errors": []}
        for index, one in enumerate(made)
    ]
    refused = sum(item["status"] == "refused" for item in items)
    return {"items": items, "minted": len(items) - refused, "refused": refused}


def _at(fault: BadInput, index: int) -> BadInput:
    return BadInput(fault.message, field=f"items[{index}].{fault.field}")
