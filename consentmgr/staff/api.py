"""The API's own door for whoever holds a key: whose it is, what it may do, and until when."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from consentmgr.edge.api import ApiBlueprint, ApiSchema, Moment, reads
from consentmgr.staff.api_access import caller, for_any_key

own_key = ApiBlueprint("api_me", __name__, description="The key that asks.", tag="Keys")


class MeSchema(ApiSchema):
    name = fields.String(
        required=True, metadata={"description": "What audit log and ledger call it.", "example": "key:12"}
    )
    scopes = fields.List(fields.String(), required=True, metadata={"description": "What it may do."})
    controllers = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"description": "Whom it is for; null: all."}
    )
    expires_at = Moment(required=True, metadata={"description": "When the key, or this secret of it, ends."})


@own_key.route("/me", methods=["GET"])
@for_any_key
@reads
@own_key.response(
    200,
    MeSchema,
    example={
        "name": "key:12",
        "scopes": ["check", "contacts:read"],
        "controllers": ["acme"],
        "expires_at": "2027-11-21T22:00:00+00:00",
    },
)
def show_me() -> dict[str, Any]:
    """Tell whose key this is, and what it may do.

    Open to every key that is good, whatever its scopes.
    """
    found = caller()
    return {
        "name": found.name,
        "scopes": sorted(scope.value for scope in found.scopes),
        "controllers": None if found.controllers is None else sorted(found.controllers),
        "expires_at": found.until,
    }
