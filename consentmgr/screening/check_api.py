"""The machine door of checks: may this person be sent this campaign? Nothing is written, and nothing personal logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from flask import Response

from consentmgr.edge import application
from consentmgr.edge.api import ApiBlueprint
from consentmgr.importing.campaign_documents import campaign_of_document
from consentmgr.kit import clock
from consentmgr.screening.check_schemas import (
    CheckAnswerSchema,
    CheckManyAnswerSchema,
    CheckManyOrderSchema,
    CheckOrderSchema,
)
from consentmgr.screening.checking import Checks, check
from consentmgr.screening.decide import checked_row
from consentmgr.staff.api_access import caller, scope
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.codes import Language

checks = ApiBlueprint(
    "api_checks",
    __name__,
    description="Whether one person, or some, may be sent a campaign: the answer of a screening, at once.",
    tag="Checks",
)

_ANSWER: Final = {
    "verdict": "allow",
    "reason": "CONSENT_OK",
    "reasons": ["CONSENT_OK"],
    "ground": "CONSENT_OK",
    "legal_basis": "consent",
    "evidence": ["E1204"],
    "explanation": "The person has consented (Act 917/2014 § 200(1), GDPR 6(1)(a)).",
}
_OF_REGISTER: Final = {"controller": "acme", "register_position": "90412:90412:", "rule_pack": "2026.2"}


@checks.route("/check", methods=["POST"])
@scope(Scope.CHECK)
@checks.arguments(CheckOrderSchema, example={"campaign": "2026-11-payroll", "row": {"email": "aino@posti.example"}})
@checks.response(200, CheckAnswerSchema, example={**_ANSWER, **_OF_REGISTER})
def check_one(asked: dict[str, Any]) -> Response:
    """Check one person.

    The row says who: by e-mail address, telephone number, postal address, ref, business id or the SHA-256 of an address,
    with the facts that a campaign list may have beside. The answer is the one a screening of a list with this row would
    give. An address that has no canonical form is no fault of the request: its verdict is `block`, `ADDRESS_INVALID`.
    """
    found = _check(asked, [checked_row(asked["row"], "row")])
    (answer,) = found.told()
    return _answered(answer)


@checks.route("/check/many", methods=["POST"])
@scope(Scope.CHECK)
@checks.arguments(
    CheckManyOrderSchema,
    example={"campaign": "2026-11-payroll", "rows": [{"email": "aino@posti.example"}, {"phone": "+358 50 123 4567"}]},
)
@checks.response(200, CheckManyAnswerSchema, example={"items": [_ANSWER, _ANSWER], **_OF_REGISTER})
def check_many(asked: dict[str, Any]) -> Response:
    """Check up to 1,000 rows.

    One answer each, in order, all of one position of the register. More rows than that are a screening.
    """
    found = _check(asked, [checked_row(row, f"rows[{place}]") for place, row in enumerate(asked["rows"])])
    return _answered({"items": [answer.told() for answer in found.answers], **found.of_register()})


def _answered(told: Mapping[str, Any]) -> Response:
    """What was found as it is: plain data in the shape of the schema, which would only be copied field by field."""
    return Response(msgspec.json.encode(told, order="sorted"), mimetype="application/json")


def _check(asked: Mapping[str, Any], rows: Sequence[Mapping[str, str]]) -> Checks:
    campaign = asked["campaign"]
    settings = application.settings()
    return check(
        application.database(),
        rows,
        campaign if isinstance(campaign, str) else campaign_of_document(campaign, below="campaign"),
        settings=settings,
        keys=application.keys(),
        now=clock.now(),
        language=cast("Language", asked["language"] or settings.language),
        controllers=caller().controllers,
    )
