"""What the API says of screenings and gates: the shapes, and how rows and campaigns are told in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import ValidationError, fields, validate
from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.edge.api import ApiSchema, Moment, Page
from consentmgr.edge.api_problems import api_problem
from consentmgr.edge.document_schemas import KeyOrDocument, YesOrNo, document_schema
from consentmgr.kit.errors import BadInput
from consentmgr.screening.campaign_gates import Gate, gates_met
from consentmgr.screening.desk.lists import ListView, Step, campaign_of_list
from consentmgr.screening.desk.result_files import FILES
from consentmgr.screening.reports import VERDICTS
from consentmgr.screening.service import question_of
from consentmgr.timetable.tasks import TaskView
from consentmgr.vocabulary.codes import LANGUAGES
from consentmgr.vocabulary.columns import LIST_FIELDS
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE, sentence

#: Rows of a list that comes as JSON; a longer one comes as a file.
MOST_ROWS: Final = 10_000
#: Where a screening is on its way, by the step of the desk.
STATUS_OF_STEP: Final[Mapping[Step, str]] = {
    "columns": "draft",
    "campaign": "draft",
    "waiting": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "forgotten": "forgotten",
}
STATUSES: Final = tuple(dict.fromkeys(STATUS_OF_STEP.values()))


class GateSchema(ApiSchema):
    """A rule of the rule pack that speaks of the campaign itself, before any row is looked at."""

    code = fields.String(required=True, metadata={"description": "The reason code; never reused or renamed."})
    holds = fields.Boolean(required=True, metadata={"description": "Whether the campaign keeps the rule."})
    effect = fields.String(
        required=True,
        validate=validate.OneOf(("stops", "review", "some")),
        metadata={"description": "Where it does not hold: every row is blocked, every row needs a person, or some do."},
    )
    told = fields.String(required=True, metadata={"description": "What is wrong where it does not hold."})
    law = fields.String(required=True, metadata={"description": "The law behind it."})


def gates_told(session: Session, campaign: Campaign, *, now: datetime) -> list[dict[str, Any]]:
    """The gates a campaign meets, those that fail first; none while its controller is not known."""
    try:
        question = question_of(session, campaign, current(session), now)
    except BadInput:
        return []
    failing, passed = gates_met(question)
    return [
        *(gate_told(gate, campaign, holds=False) for gate in failing),
        *(gate_told(gate, campaign, holds=True) for gate in passed),
    ]


def gate_told(gate: Gate, campaign: Campaign, *, holds: bool) -> dict[str, Any]:
    return {
        "code": gate.code,
        "holds": holds,
        "effect": gate.effect,
        "told": gate.sentence("en", campaign.channel),
        "law": gate.law("en"),
    }


# --- what is asked for ------------------------------------------------------------------------------------------------


class Rows(fields.Field[Any]):
    """Rows of a list as objects, whose values are text, numbers, true, false or null; they come back as they were."""

    def __init__(self, **more: Any) -> None:
        more["metadata"] = {
            **more.get("metadata", {}),
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ROWS,
            "items": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        }
        super().__init__(**more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ROWS:
            raise ValidationError(f"Must be a list of 1 to {MOST_ROWS:,} rows.")
        faults: dict[int, Any] = {}
        for number, row in enumerate(value):
            if not isinstance(row, dict) or not row:
                faults[number] = ["Must be an object with at least one field."]
            elif wrong := [name for name, cell in row.items() if isinstance(cell, dict | list)]:
                faults[number] = {name: ["Must be text, a number, true, false or null."] for name in wrong[:10]}
            if len(faults) == 20:
                break
        if faults:
            raise ValidationError(faults)
        return value


class OrderSchema(ApiSchema):
    """How a list is to be screened; the same for a list in JSON, in a form, or as a body of its own."""

    campaign = KeyOrDocument(
        Campaign, required=True, metadata={"description": "The key of a kept campaign, or a whole document."}
    )
    columns = fields.Dict(
        keys=fields.String(validate=validate.OneOf(LIST_FIELDS)),
        values=fields.String(validate=validate.Length(1, 500)),
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Which column is which field, where their names do not tell: a header, or a number from 1.",
            "example": {"email": "Osoite"},
        },
    )
    sheet = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 200),
        metadata={"description": "Which sheet of a workbook; the first unless given."},
    )
    language = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "The language of explanations and report; the installation's unless given."},
    )
    links = YesOrNo(
        load_default=False, metadata={"description": "Give every allowed row its links to leave and to choose."}
    )
    drop_duplicates = YesOrNo(
        load_default=False,
        metadata={
            "description": "Leave repeated addresses out of the allowed rows; no row of the result is ever left out."
        },
    )
    name = fields.String(
        load_default="list",
        validate=validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}\Z"),
        metadata={
            "description": "What files are called: NAME.screened.csv and so on. Not anybody's name or address.",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$",
        },
    )


class JsonOrderSchema(OrderSchema):
    """The same with its rows, or with the list of an earlier screening."""

    rows = Rows(load_default=None, allow_none=True, metadata={"description": "The list itself, up to 10,000 rows."})
    list = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The id of an earlier screening, whose list is screened for this campaign."},
    )


class ScreeningsPage(Page):
    """Which screenings."""

    campaign = fields.String(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "Those for the campaign of this key alone."},
    )


# --- what is told -----------------------------------------------------------------------------------------------------


class ProgressSchema(ApiSchema):
    """How far it is. Counted in steps, of which the longest is asking the register."""

    done = fields.Integer(required=True)
    total = fields.Integer(required=True, allow_none=True)
    step = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`looking`, `reading`, `asking`, `writing` or `recording`; null while it waits."},
    )
    rows = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Rows of the list, once it is read."}
    )


class ReasonCountSchema(ApiSchema):
    """A reason, and for how many rows it spoke."""

    code = fields.String(required=True)
    review = fields.Integer(required=True, metadata={"description": "Rows to review whose headline it is."})
    block = fields.Integer(required=True, metadata={"description": "Blocked rows whose headline it is."})
    fired = fields.Integer(required=True, metadata={"description": "Rows it is among the reasons of."})
    told = fields.String(required=True)
    law = fields.String(required=True)


class GroundCountSchema(ApiSchema):
    """A ground on which rows are allowed."""

    code = fields.String(required=True)
    rows = fields.Integer(required=True)
    legal_basis = fields.String(required=True, allow_none=True)
    told = fields.String(required=True)
    law = fields.String(required=True)


class CountsSchema(ApiSchema):
    """Rows by verdict, reason and ground; every row of the list is counted once among the verdicts."""

    rows = fields.Integer(required=True)
    allow = fields.Integer(required=True)
    review = fields.Integer(required=True)
    block = fields.Integer(required=True)
    repeated = fields.Integer(required=True, metadata={"description": "Rows whose address stands in an earlier row."})
    reasons = fields.List(fields.Nested(ReasonCountSchema), required=True)
    grounds = fields.List(fields.Nested(GroundCountSchema), required=True)


class FailureSchema(ApiSchema):
    """Why a screening came to nothing, as a problem document (RFC 9457) without a request."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What is wrong, and what to do."})


class ScreeningSchema(ApiSchema):
    """A screening: a list, the campaign it is for, and how far the answer is."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    controller = fields.String(required=True, allow_none=True)
    campaign = fields.String(required=True, allow_none=True, metadata={"description": "The campaign's key."})
    made_at = Moment(required=True)
    made_by = fields.String(
        required=True, metadata={"description": "`key:` or `staff:` and a number, as the audit log has it."}
    )
    previous = fields.UUID(required=True, allow_none=True, metadata={"description": "The screening this one repeats."})
    screened_at = Moment(required=True, allow_none=True)
    certificate = fields.UUID(required=True, allow_none=True, metadata={"description": "The certificate's id."})
    valid_until = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Until when the certificate is good for sending; later, screen again."},
    )
    expired = fields.Boolean(required=True, metadata={"description": "Whether it must be screened again to be sent."})
    counts = fields.Nested(CountsSchema, required=True, allow_none=True)
    problem = fields.Nested(FailureSchema, required=True, allow_none=True)


class WholeScreeningSchema(ScreeningSchema):
    """The same with what is asked for seldom."""

    campaign_document = fields.Nested(document_schema(Campaign), required=True, allow_none=True)
    progress = fields.Nested(ProgressSchema, required=True)
    gates = fields.List(
        fields.Nested(GateSchema),
        required=True,
        metadata={
            "description": "The campaign's gates now; where the screening is done, those it failed then are among them."
        },
    )
    lagging_partners = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Partners that have not acknowledged in time, because of which nothing may be sent."},
    )
    files = fields.Dict(
        keys=fields.String(validate=validate.OneOf(tuple(FILES))),
        values=fields.String(),
        required=True,
        metadata={"description": "Where its files are; none until it is done."},
    )


class ChangedAnswerSchema(ApiSchema):
    """A row whose answer is another one now."""

    row = fields.Integer(required=True, metadata={"description": "The row's number in the list, from 1."})
    verdict_then = fields.String(required=True, validate=validate.OneOf(VERDICTS))
    reason_then = fields.String(required=True)
    verdict_now = fields.String(required=True, validate=validate.OneOf(VERDICTS))
    reasons = fields.List(
        fields.String(), required=True, metadata={"description": "All reasons of now, in evaluation order."}
    )


def screening_told(found: ListView, status: str, task: TaskView | None, *, now: datetime) -> dict[str, Any]:
    """A screening as a list of them tells it."""
    return {
        "id": found.id,
        "status": status,
        "controller": found.controller,
        "campaign": (found.campaign or {}).get("key"),
        "made_at": found.created_at,
        "made_by": found.actor,
        "previous": found.previous,
        "screened_at": found.screened_at,
        "certificate": found.screening,
        "valid_until": found.valid_until,
        "expired": found.is_expired(now),
        "counts": _counts(found),
        "problem": _failure(task) if status == "failed" else None,
    }


def _counts(found: ListView) -> dict[str, Any] | None:
    if found.summary is None:
        return None
    channel = campaign_of_list(found).channel
    verdicts = found.summary.get("verdicts", {})
    return {
        "rows": found.rows or 0,
        **{verdict: int(verdicts.get(verdict, 0)) for verdict in VERDICTS},
        "repeated": int(found.summary.get("repeated", 0)),
        "reasons": [
            {
                **{name: one[name] for name in ("code", "review", "block", "fired")},
                "told": sentence(one["code"], "en", channel),
                "law": BY_CODE[one["code"]].law("en"),
            }
            for one in found.summary.get("reasons", ())
        ],
        "grounds": [
            {
                "code": one["code"],
                "rows": one["rows"],
                "legal_basis": one.get("basis"),
                "told": sentence(one["code"], "en", channel),
                "law": BY_CODE[one["code"]].law("en"),
            }
            for one in found.summary.get("grounds", ())
        ],
    }


def progress_told(task: TaskView | None) -> dict[str, Any]:
    if task is None:
        return {"done": 0, "total": None, "step": None, "rows": None}
    return {
        "done": task.done,
        "total": task.total,
        "step": task.told.get("step"),
        "rows": task.told.get("rows"),
    }


def _failure(task: TaskView | None) -> dict[str, Any]:
    """What a task's end says, with what to do about it."""
    result = (task.result if task is not None else None) or {}
    told = str(result.get("told") or "")
    if told:
        # The reader's own sentences name the terminal's options.
        told = told.replace("--map email=COLUMN", "`columns`").replace("or give --replace to have them replaced", "")
        told = told.strip().rstrip(",.")
        found = api_problem(422, detail=f"{told}. Mend that, and bring the list again.")
    elif result.get("problem") == "died":
        found = api_problem(
            500,
            detail="The process that screened it ended three times over. Bring the list again, in parts if it is long.",
        )
    else:
        found = api_problem(500, detail="This is our fault, and the log tells more. Bring the list again.")
    return {name: found[name] for name in ("type", "title", "status", "detail")}
