"""What the API says of checks: the shapes."""

from __future__ import annotations

from typing import Any, Final, get_args

from marshmallow import ValidationError, fields, validate

from consentmgr.edge.api import ApiSchema
from consentmgr.edge.document_schemas import KeyOrDocument
from consentmgr.screening.checking import MOST_ROWS
from consentmgr.vocabulary.codes import LANGUAGES, LegalBasis, Verdict
from consentmgr.vocabulary.columns import LIST_FIELDS
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE

#: A row as the API's document tells it. What is wrong with one is found by the service, in the terminal's words too.
_ROW: Final[dict[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "properties": {name: {"type": ["string", "number", "null"]} for name in LIST_FIELDS},
    "additionalProperties": False,
    "description": "Identifiers and facts of one row of a campaign list, as the fields are called there.",
}


class Row(fields.Field[Any]):
    """One row; ``decide.checked_row`` looks at its fields."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata={**_ROW, "example": {"email": "aino.virtanen@esimerkki.example"}}, **more)


class Rows(fields.Field[Any]):
    """Some rows."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata={"type": "array", "minItems": 1, "maxItems": MOST_ROWS, "items": _ROW}, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ROWS:
            raise ValidationError(f"Must be a list of 1 to {MOST_ROWS:,} rows.")
        return value


class CheckOrderSchema(ApiSchema):
    """What is asked: a campaign, whole or by its key, and who."""

    campaign = KeyOrDocument(
        Campaign,
        required=True,
        metadata={"description": "The key of a kept campaign, or a whole campaign document."},
    )
    row = Row(required=True)
    language = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "The language of explanations; the installation's unless given."},
    )


class CheckManyOrderSchema(CheckOrderSchema):
    """The same of some rows."""

    class Meta(CheckOrderSchema.Meta):
        exclude = ("row",)

    rows = Rows(required=True)


class CheckedSchema(ApiSchema):
    """The answer for one row."""

    verdict = fields.String(
        required=True,
        validate=validate.OneOf(get_args(Verdict)),
        metadata={"description": "`allow`, `review` (a named person must decide) or `block`."},
    )
    reason = fields.String(
        required=True,
        validate=validate.OneOf(tuple(BY_CODE)),
        metadata={"description": "The headline: the first stop in evaluation order, or the ground where allowed."},
    )
    reasons = fields.List(
        fields.String(), required=True, metadata={"description": "Every code that fired, in evaluation order."}
    )
    ground = fields.String(required=True, allow_none=True, metadata={"description": "The ground, where allowed."})
    legal_basis = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": [*get_args(LegalBasis), None],
            "description": "What the ground rests on (GDPR 6(1)); null where not allowed, and for lists of companies.",
        },
    )
    evidence = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Ids of the ledger entries (`E…`) and prohibitions (`P…`) that decided."},
    )
    explanation = fields.String(required=True, metadata={"description": "The headline in one sentence, with its law."})


class _OfRegister(ApiSchema):
    """What of the register and the rules an answer is."""

    controller = fields.String(required=True, metadata={"description": "Who is responsible for the campaign."})
    register_position = fields.String(
        required=True,
        metadata={"description": "The position of the register that was asked, as certificates name it."},
    )
    rule_pack = fields.String(required=True, metadata={"description": "The version of the rules."})


class CheckAnswerSchema(CheckedSchema, _OfRegister):
    """The answer for one row, and what it is an answer of."""


class CheckManyAnswerSchema(_OfRegister):
    """The answers in the order of the rows."""

    items = fields.List(fields.Nested(CheckedSchema), required=True)
