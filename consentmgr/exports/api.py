"""The machine door of exports: what leaves for whom, its runs and manifests, and the word that a partner holds one."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import Response, url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import (
    ApiBlueprint,
    ApiSchema,
    Moment,
    Page,
    cursor,
    make_page_schema,
    page_of,
    reads,
    session,
    values_of,
    writes,
)
from consentmgr.edge.document_schemas import YesOrNo
from consentmgr.exports import desk
from consentmgr.exports.acknowledgements import hold
from consentmgr.exports.desk import ScheduleRow
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import run_of, schedule_of
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff import approvals
from consentmgr.staff.api_access import caller, require_controller, scope
from consentmgr.staff.scopes import Scope
from consentmgr.timetable.tasks import TaskView, task_of

exports = ApiBlueprint(
    "api_exports", __name__, description="What leaves for partners: schedules, their runs, and what partners hold.",
    tag="Exports",
)  # fmt: skip

_EXPORT: Final = {
    "key": "mailer",
    "partner": "Postitalo Oy",
    "controller": "acme",
    "content": "suppressed",
    "channel": "email",
    "purpose": "direct_marketing",
    "format": "csv",
    "mode": "delta",
    "cron": "0 3 * * *",
    "next_at": "2026-11-22T01:00:00+00:00",
    "paused_at": None,
    "published": 12,
    "published_at": "2026-11-21T01:00:04+00:00",
    "acknowledged": 11,
    "acknowledged_at": "2026-11-20T05:12:00+00:00",
    "waiting_for": 12,
    "waiting_since": "2026-11-21T01:00:04+00:00",
    "most_lag_hours": 36,
    "lags": False,
    "running": False,
    "error": None,
}
_RUN: Final = {
    "sequence": 12,
    "mode": "delta",
    "base_sequence": 11,
    "state": "published",
    "slot": "2026-11-21T01:00:00+00:00",
    "started_at": "2026-11-21T01:00:00+00:00",
    "published_at": "2026-11-21T01:00:04+00:00",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "error": None,
    "files": [{"name": "mailer-000012-delta.csv", "sha256": "9f86d081884c7d65…", "bytes": 48_213, "rows": 1_204}],
}
_ORDERED: Final = {
    "id": "5b0c3b4e-6a33-4b4b-9d0a-0f3b8f2f6a55",
    "status": "queued",
    "export": "mailer",
    "full": False,
    "sequence": None,
    "detail": None,
}


# --- shapes -----------------------------------------------------------------------------------------------------------


class ExportSchema(ApiSchema):
    """A schedule, and where it stands with its partner."""

    key = fields.String(required=True)
    partner = fields.String(required=True)
    controller = fields.String(required=True)
    content = fields.String(
        required=True,
        metadata={"description": "`suppressed`: who may not be written to; `allowed`: who may, for one campaign."},
    )
    channel = fields.String(required=True)
    purpose = fields.String(required=True)
    format = fields.String(required=True)
    mode = fields.String(
        required=True, metadata={"description": "`full`, or `delta` since what was acknowledged last."}
    )
    cron = fields.String(required=True, allow_none=True, metadata={"description": "Null: only when somebody asks."})
    next_at = Moment(required=True, allow_none=True)
    paused_at = Moment(required=True, allow_none=True)
    published = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The newest sequence that left whole."}
    )
    published_at = Moment(required=True, allow_none=True)
    acknowledged = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The newest sequence the partner holds."}
    )
    acknowledged_at = Moment(required=True, allow_none=True)
    waiting_for = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The oldest sequence the partner owes a word about."}
    )
    waiting_since = Moment(required=True, allow_none=True)
    most_lag_hours = fields.Integer(required=True, allow_none=True)
    lags = fields.Boolean(required=True, metadata={"description": "Whether it owes it longer than was agreed."})
    running = fields.Boolean(required=True)
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "What was in the way of the run that is open."}
    )


class ExportedFileSchema(ApiSchema):
    """A file of a run."""

    name = fields.String(required=True)
    sha256 = fields.String(required=True)
    bytes = fields.Integer(required=True)
    rows = fields.Integer(required=True)


class ExportRunSchema(ApiSchema):
    """A sequence of an export."""

    sequence = fields.Integer(required=True)
    mode = fields.String(required=True)
    base_sequence = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The sequence a delta begins from."}
    )
    state = fields.String(
        required=True, validate=validate.OneOf(("claimed", "prepared", "published", "failed"))
    )  # fmt: skip
    slot = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "The moment of the timetable; null where somebody asked."},
    )
    started_at = Moment(required=True)
    published_at = Moment(required=True, allow_none=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class WholeExportRunSchema(ExportRunSchema):
    """The same with its files, as its manifest names them."""

    files = fields.List(fields.Nested(ExportedFileSchema), required=True)


class RunWantedSchema(ApiSchema):
    """What is to be run."""

    full = YesOrNo(
        load_default=False, metadata={"description": "The whole list, where the export would send what has changed."}
    )
    reason = fields.String(
        load_default="",
        validate=validate.Length(0, approvals.LONGEST_REASON),
        metadata={"description": "Why, in a sentence, for the second person where one must agree."},
    )


class OrderedRunSchema(ApiSchema):
    """A run that was asked for: put in the queue, or put to a second person."""

    id = fields.UUID(required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(
            ("waiting_for_approval", "refused", "queued", "running", "done", "failed", "cancelled")
        ),
    )
    export = fields.String(required=True)
    full = fields.Boolean(required=True)
    sequence = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The sequence it became, once it is done."}
    )
    detail = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What it waits for, or what went wrong, and what to do."},
    )


# --- schedules --------------------------------------------------------------------------------------------------------


@exports.route("/exports")
@scope(Scope.READ_EXPORTS)
@reads
@exports.arguments(Page, location="query")
@exports.response(200, make_page_schema(ExportSchema))
def list_exports(asked: dict[str, Any]) -> dict[str, Any]:
    """List exports.

    The schedules of the key's controllers, by their keys, and where each stands.
    """
    rows = desk.schedules(session(), controllers=caller().controllers, now=clock.now())
    rows.sort(key=lambda row: row.key)
    if asked["after"] is not None:
        (after,) = values_of(asked["after"], str)
        rows = [row for row in rows if row.key > after]
    shown = rows[: asked["limit"]]
    following = cursor(shown[-1].key) if len(rows) > len(shown) else None
    return page_of([_told(row) for row in shown], following)


@exports.route("/exports/<key>")
@scope(Scope.READ_EXPORTS)
@reads
@exports.response(200, ExportSchema, example=_EXPORT)
def get_export(key: str) -> dict[str, Any]:
    """Show an export.

    What the schedule sends, when it runs next, and what its partner holds.
    """
    _own(session(), key)
    return _told(desk.schedule_row(session(), key, now=clock.now()))


def _told(row: ScheduleRow) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in ScheduleRow.__dataclass_fields__}, "next_at": row.next_slot}


def _own(session: Session, key: str) -> ExportSchedule:
    """A schedule of a controller of the key's. Raises ``NotFound`` for any other."""
    schedule = schedule_of(session, key)
    require_controller(schedule.controller)
    return schedule


# --- runs -------------------------------------------------------------------------------------------------------------


@exports.route("/exports/<key>/runs")
@scope(Scope.READ_EXPORTS)
@reads
@exports.arguments(Page, location="query")
@exports.response(200, make_page_schema(ExportRunSchema))
def list_export_runs(asked: dict[str, Any], key: str) -> dict[str, Any]:
    """List the runs of an export.

    The newest first.
    """
    _own(session(), key)
    limit = asked["limit"]
    before = values_of(asked["after"], int)[0] if asked["after"] is not None else None
    found = desk.runs(session(), key, before=before, limit=limit + 1)
    shown = found[:limit]
    return page_of([_run(run) for run in shown], cursor(shown[-1].sequence) if len(found) > limit else None)


@exports.route("/exports/<key>/runs/<int:sequence>")
@scope(Scope.READ_EXPORTS)
@reads
@exports.response(200, WholeExportRunSchema, example=_RUN)
def get_export_run(key: str, sequence: int) -> dict[str, Any]:
    """Show a run of an export.

    How far the sequence is, its files with their hashes once it is published, and since when the partner holds it.
    """
    _own(session(), key)
    return _whole_run(session(), key, _fits(sequence))


def _run(run: ExportRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ExportRunSchema._declared_fields}  # noqa: SLF001 - the names it tells


def _fits(sequence: int) -> int:
    if sequence >= 1 << 63:
        raise NotFound("there is no such sequence")
    return sequence


@exports.route("/exports/<key>/runs/<int:sequence>/manifest")
@scope(Scope.READ_EXPORTS)
@reads
@exports.response(
    200,
    {"type": "object", "required": ["manifest"], "properties": {"manifest": {"type": "string"}}},
    description="The manifest's file, to the byte; `manifest` is the same as a compact JWS (Ed25519).",
)
def get_export_manifest(key: str, sequence: int) -> Response:
    """Show the manifest of a run.

    The signed manifest as its partner has it, to the byte: the files of the sequence, their hashes, and the position of
    the register they were made at.
    """
    _own(session(), key)
    document = desk.manifest_document(
        session(), key, _fits(sequence), signing_key=application.keys().signing_key
    )  # fmt: skip
    return Response(document, mimetype="application/json")


@exports.route("/exports/<key>/runs/<int:sequence>/acknowledge", methods=["POST"])
@scope(Scope.ACKNOWLEDGE_EXPORTS)
@writes
@exports.response(200, WholeExportRunSchema, example={**_RUN, "acknowledged_by": "api"})
def acknowledge_export_run(key: str, sequence: int) -> dict[str, Any]:
    """Acknowledge a run.

    The partner holds this sequence, and with it all before: deltas are made from here on. Saying it again changes
    nothing. A sequence that has not been published cannot be acknowledged (422), and one there is not is not found.
    """
    _own(session(), key)
    hold(session(), key, _fits(sequence), by="api", actor=caller().name, now=clock.now())
    return _whole_run(session(), key, sequence)


def _whole_run(session: Session, key: str, sequence: int) -> dict[str, Any]:
    manifest = desk.manifest_of(session, key, sequence, signing_key=application.keys().signing_key)
    files = manifest.claims.get("files", []) if manifest is not None else []
    return {**_run(run_of(session, key, sequence)), "files": files}


# --- run now ----------------------------------------------------------------------------------------------------------


@exports.route("/exports/<key>/runs", methods=["POST"])
@scope(Scope.RUN_EXPORTS)
@writes
@exports.arguments(RunWantedSchema, example={"full": False, "reason": "The campaign goes out this afternoon."})
@exports.response(202, OrderedRunSchema, example=_ORDERED, description="It was asked for: see `Location`.")
def run_export(wanted: dict[str, Any], key: str) -> dict[str, Any]:
    """Run an export now.

    It is put in the queue, and goes by the claim that every run goes by: never beside another one. Everybody who may
    be written to leaves only where two people want it: such a run is put to somebody of the staff with the `reason`, and
    `status` is `waiting_for_approval` until they have decided.
    """
    who, now = caller(), clock.now()
    schedule = _own(session(), key)
    if desk.needs_two(session(), key, full=wanted["full"]):
        asked_for = desk.ask_second(
            session(), schedule, what="run", full=wanted["full"], reason=wanted["reason"], actor=who.name, now=now
        )
    else:
        asked_for = desk.ask_for(session(), desk.RUN, key, full=wanted["full"], actor=who.name, now=now)
    tell_header("Location", url_for("api_exports.get_ordered_run", key=key, order_id=asked_for))
    return _ordered(session(), key, asked_for)


@exports.route("/exports/<key>/ordered/<uuid:order_id>")
@scope(Scope.READ_EXPORTS)
@reads
@exports.response(200, OrderedRunSchema, example={**_ORDERED, "status": "done", "sequence": 13})
def get_ordered_run(key: str, order_id: UUID) -> dict[str, Any]:
    """Show a run that was asked for.

    Whether it waits for a second person, waits for its turn, runs, or is over; and the sequence it became.
    """
    _own(session(), key)
    return _ordered(session(), key, order_id)


def _ordered(session: Session, key: str, order_id: UUID) -> dict[str, Any]:
    task = _task(session, key, order_id)
    if task is not None:
        return _of_task(key, order_id, task)
    approval = approvals.approval_of(session, order_id)
    if (
        approval.kind != "export.allowed"
        or approval.detail.get("schedule") != key
        or approval.detail.get("what") != "run"
    ):
        raise NotFound("there is no such order")
    told = {"id": order_id, "export": key, "full": bool(approval.detail.get("full")), "sequence": None}
    if approval.is_open:
        detail = "It sends everybody who may be written to: somebody of the staff must agree first, at the desk."
        return {**told, "status": "waiting_for_approval", "detail": detail}
    if not approval.accepted:
        return {**told, "status": "refused", "detail": "Somebody of the staff refused it. Ask them why."}
    task = _task(session, key, UUID(str(approval.outcome["task"])))
    if task is None:
        return {**told, "status": "done", "detail": "It was run long ago: see the runs of the export."}
    return _of_task(key, order_id, task)


def _task(session: Session, key: str, task_id: UUID) -> TaskView | None:
    task = task_of(session, task_id)
    if task is None:
        return None
    if task.kind != desk.RUN or task.subject.get("schedule") != key:
        raise NotFound("there is no such order")
    return task


def _of_task(key: str, order_id: UUID, task: TaskView) -> dict[str, Any]:
    result = task.result or {}
    detail = None
    if task.state == "failed":
        told = str(result.get("told") or "Something went wrong here, and the log tells more").rstrip(".")
        detail = f"{told}. The sequence stays open: it is taken up again by the timetable, or when it is run again."
    elif result.get("elsewhere"):
        detail = "Another run of it was under way already: see the runs of the export."
    return {
        "id": order_id,
        "status": task.state,
        "export": key,
        "full": bool(task.subject.get("full")),
        "sequence": result.get("sequence"),
        "detail": detail,
    }
