"""The machine door of screenings: a list in, the answer out. They are the desk's own, and stand there beside the others."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Final, cast
from uuid import UUID

import msgspec
from flask import Response, request, send_file, url_for
from marshmallow import ValidationError
from webargs.core import missing
from webargs.flaskparser import abort
from werkzeug.exceptions import Conflict, Gone, RequestEntityTooLarge

from consentmgr.audit.service import read
from consentmgr.edge import application
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import (
    ApiBlueprint,
    Page,
    cursor,
    json_body,
    make_page_schema,
    page_of,
    reads,
    session,
    values_of,
    writes,
)
from consentmgr.importing.named_campaigns import campaign_named
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.kit.file_store import Readable, StoredFile
from consentmgr.prohibitions.journal import catch_up
from consentmgr.screening.api_schemas import (
    STATUS_OF_STEP,
    ChangedAnswerSchema,
    JsonOrderSchema,
    OrderSchema,
    ScreeningSchema,
    ScreeningsPage,
    WholeScreeningSchema,
    gates_told,
    progress_told,
    screening_told,
)
from consentmgr.screening.desk import lists
from consentmgr.screening.desk.changed_now import changed_now
from consentmgr.screening.desk.lists import ListView, Order, files_of, result_folder
from consentmgr.screening.desk.previews import LARGEST_LIST, is_quick, refuse_useless
from consentmgr.screening.desk.result_files import FILES, result_file
from consentmgr.staff.api_access import caller, scope, takes_up_to
from consentmgr.staff.scopes import Scope
from consentmgr.timetable import tasks
from consentmgr.vocabulary.documents import Campaign

screenings = ApiBlueprint(
    "api_screenings",
    __name__,
    description="Lists asked of the register row by row, with the files and the signed certificate that come of it.",
    tag="Screenings",
)

#: Around a file in a form there are some hundreds of bytes, and the campaign.
_FORM_BYTES: Final = 100_000
#: A list in JSON is read into memory, and has ten thousand rows at most.
_LARGEST_JSON: Final = 20_000_000
#: Bodies up to this size are in memory anyway once they have been digested.
_IN_MEMORY: Final = 8_000_000
#: What a list may say that it is; what it is, its own bytes tell.
_LISTS: Final = (
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "application/x-ndjson",
    "application/jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.apache.parquet",
    "application/octet-stream",
)
#: What says how the list is screened where the body is the list.
_IN_QUERY: Final = ("campaign", "columns", "sheet", "language", "links", "drop_duplicates", "name")

_ORDER: Final = {
    "campaign": "2026-11-payroll",
    "rows": [{"email": "aino.virtanen@esimerkki.example"}, {"email": "birger@posti.example"}],
    "links": True,
}
_ANSWER: Final[dict[str, Any]] = {
    "id": "0f0f7a3e-5d2b-4f55-8f0e-6f4f0c9b2a11",
    "status": "done",
    "controller": "acme",
    "campaign": "2026-11-payroll",
    "made_at": "2026-11-21T10:00:00+00:00",
    "made_by": "key:12",
    "previous": None,
    "screened_at": "2026-11-21T10:00:02+00:00",
    "certificate": "7b1d3c52-97f6-4d0c-8a3c-6d6a3a0f8e21",
    "valid_until": "2026-11-22T10:00:02+00:00",
    "expired": False,
    "counts": {
        "rows": 2,
        "allow": 1,
        "review": 0,
        "block": 1,
        "repeated": 0,
        "reasons": [
            {
                "code": "DM_OBJECTION_ALL",
                "review": 0,
                "block": 1,
                "fired": 1,
                "told": "The person has objected to direct marketing.",
                "law": "GDPR 21(2)–(3)",
            }
        ],
        "grounds": [
            {
                "code": "CONSENT_OK",
                "rows": 1,
                "legal_basis": "consent",
                "told": "The person has consented.",
                "law": "GDPR 6(1)(a)",
            }
        ],
    },
    "problem": None,
    "campaign_document": {"type": "campaign", "key": "2026-11-payroll", "controller": "acme", "channel": "email"},
    "progress": {"done": 4, "total": 4, "step": "recording", "rows": 2},
    "gates": [],
    "lagging_partners": [],
    "files": {"result": "/api/v1/screenings/0f0f7a3e-5d2b-4f55-8f0e-6f4f0c9b2a11/result"},
}


#: The same in a list of screenings.
_LISTED: Final = {name: value for name, value in _ANSWER.items() if name in ScreeningSchema().fields}
_CHANGED: Final = {
    "row": 1,
    "verdict_then": "allow",
    "reason_then": "CONSENT_OK",
    "verdict_now": "block",
    "reasons": ["CONSENT_WITHDRAWN"],
}


# --- asked for --------------------------------------------------------------------------------------------------------

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
#: Told here and not by a schema, because the body may be any of several things.
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {"schema": JsonOrderSchema, "example": _ORDER},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["list", "campaign"],
                "properties": {
                    "list": {"type": "string", "format": "binary", "description": "The file."},
                    "campaign": {"type": "string", "description": "The key of a kept campaign, or a document as JSON."},
                    "columns": {"type": "string", "description": 'As JSON: {"email": "Osoite"}.'},
                    "sheet": {"type": "string"},
                    "language": {"type": "string", "enum": ["fi", "sv", "en"]},
                    "links": {"type": "string", "enum": ["true", "false"]},
                    "drop_duplicates": {"type": "string", "enum": ["true", "false"]},
                    "name": {"type": "string"},
                },
            }
        },
        **dict.fromkeys(_LISTS, _BINARY),
    },
}
_QUERY: Final = [
    {
        "in": "query",
        "name": name,
        "schema": {"type": "string"},
        "description": "Where the body is the list itself: as the field of the same name.",
    }
    for name in _IN_QUERY
]


@screenings.route("/screenings", methods=["POST"])
@scope(Scope.RUN_SCREENINGS)
@takes_up_to(LARGEST_LIST + _FORM_BYTES)
@writes
@screenings.doc(requestBody=_BODY, parameters=_QUERY)
@screenings.response(
    202, WholeScreeningSchema, example={**_ANSWER, "status": "queued"}, description="It is under way: ask `Location`."
)
def add_screening() -> dict[str, Any]:
    """Screen a list.

    The list comes in one of four ways: as rows in JSON (up to 10,000); as a file in a form, with the campaign beside it;
    as the body itself, with the campaign and the rest in the query; or as `list`, the id of an earlier screening whose
    list is still kept. A file is CSV, TSV, XLSX, JSON Lines or Parquet of up to 200 MB; its encoding and separator are
    found by themselves, and its columns by their names in Finnish, Swedish or English, or by `columns`.

    The answer comes at once and the work is done behind it: ask the address in `Location` until `status` is `done`,
    `failed` or `cancelled`. The same bytes with the same `Idempotency-Key` are screened once.
    """
    who, now = caller(), clock.now()
    said, put = _asked()
    campaign = campaign_named(session(), said["campaign"], controllers=who.controllers)
    asked = Order(
        campaign=campaign,
        language=said["language"] or application.settings().language,
        columns=said["columns"],
        sheet=said["sheet"],
        links=said["links"],
        drop_duplicates=said["drop_duplicates"],
    )
    if put is None:
        earlier = _own(said["list"])
        with _told_below("campaign"):
            made = lists.order_of(session(), earlier, asked, actor=who.name, controllers=who.controllers, now=now)
        return _accepted(made)
    stored = put()
    try:
        _refuse_useless(stored, asked)
        with _told_below("campaign"):
            made = lists.order(session(), stored, asked, actor=who.name, controllers=who.controllers, now=now)
        return _accepted(made)
    except BaseException:
        files_of(application.settings()).forget(stored.id)
        raise


@contextmanager
def _told_below(field: str) -> Iterator[None]:
    """What is wrong with a field of the campaign is told of the body's field it came in."""
    try:
        yield
    except BadInput as error:
        if error.field not in Campaign.__struct_fields__:
            raise
        raise BadInput(error.message, field=f"{field}.{error.field}") from None


def _refuse_useless(stored: StoredFile, asked: Order) -> None:
    """Refuse at once what a look at the beginning tells cannot be screened; a packed file is looked at by the task."""
    path = files_of(application.settings()).path(stored.id)
    if not is_quick(path):
        return
    try:
        refuse_useless(path, name=stored.name, columns=asked.columns, sheet=asked.sheet)
    except BadInput as error:
        # The reader's own sentences name the terminal's option.
        told = error.message.replace("--map email=COLUMN", "`columns`")
        raise BadInput(told, field="columns" if asked.columns else "list", line=error.line) from None


def _accepted(list_id: UUID) -> dict[str, Any]:
    tell_header("Location", url_for("api_screenings.get_screening", list_id=list_id))
    return _whole(_own(list_id))


def _asked() -> tuple[dict[str, Any], Callable[[], StoredFile] | None]:
    """How the list is to be screened, and what puts it into the store; None where it lies there already."""
    length = request.content_length or 0
    if request.args and request.mimetype not in _LISTS:
        beside = {name: ["Only where the body is the list itself."] for name in request.args}
        abort(422, messages={"query": beside})
    if request.mimetype == "multipart/form-data":
        return _in_form()
    if request.mimetype in _LISTS:
        said = _loaded(OrderSchema(), _of_text(request.args), place="query")
        return said, lambda: _stored(_body(length), said["name"])
    if length > _LARGEST_JSON:
        raise RequestEntityTooLarge
    body = json_body()
    if body is missing or not isinstance(body, dict):
        raise BadInput("say the campaign, and give `rows` or `list`", field="")
    said = _loaded(JsonOrderSchema(), body)
    if (said["rows"] is None) == (said["list"] is None):
        raise BadInput("give either the rows themselves or the id of an earlier screening", field="rows")
    if said["rows"] is None:
        return said, None
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in said["rows"])
    return said, lambda: _stored(io.BytesIO(lines), said["name"], ending="jsonl")


def _in_form() -> tuple[dict[str, Any], Callable[[], StoredFile]]:
    given = request.files.get("list")
    unknown = [name for name in request.files if name != "list"]
    if unknown:
        raise BadInput("there is no such part", field="list")
    if given is None:
        raise BadInput("the part with the file is missing", field="list")
    said = _loaded(OrderSchema(), _of_text(request.form))
    return said, lambda: _stored(given.stream, said["name"])


def _of_text(given: Mapping[str, str]) -> dict[str, Any]:
    """Fields that came as text, as they would be in JSON."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        found[name] = value
        if name in ("links", "drop_duplicates"):
            found[name] = {"true": True, "false": False}.get(value, value)
        elif name == "columns" or (name == "campaign" and value.lstrip().startswith("{")):
            try:
                found[name] = json.loads(value)
            except ValueError:
                raise BadInput("it is not JSON", field=name) from None
    if any("\0" in value for value in given.values()):
        raise BadInput("it holds the character U+0000, which no text here may hold", field="campaign")
    return found


def _loaded(schema: OrderSchema, given: Mapping[str, Any], place: str = "json") -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", schema.load(given))
    except ValidationError as error:
        abort(422, messages={place: error.messages})
        raise AssertionError("abort has raised") from error


def _body(length: int) -> Readable:
    """The body as a stream, read where it lies; a small one may have been read already, to know it again."""
    if length <= _IN_MEMORY:
        return io.BytesIO(request.get_data(cache=True))
    return cast("BinaryIO", request.stream)


def _stored(stream: Readable, name: str, ending: str = "csv") -> StoredFile:
    # A name that somebody gave the file may be a person's, so it is called as was asked for and by nothing else.
    stem = name.rpartition(".")[0] or name
    return files_of(application.settings()).put(stream, limit=LARGEST_LIST, name=f"{stem}.{ending}")


# --- how they stand ---------------------------------------------------------------------------------------------------


@screenings.route("/screenings")
@scope(Scope.READ_SCREENINGS)
@reads
@screenings.arguments(ScreeningsPage, location="query")
@screenings.response(200, make_page_schema(ScreeningSchema), example={"items": [_LISTED], "next": None})
def list_screenings(asked: dict[str, Any]) -> dict[str, Any]:
    """List screenings.

    Those of the key's controllers, the newest first, whether they were asked for here or at the desk.
    """
    who, now, limit = caller(), clock.now(), asked["limit"]
    before, before_id = values_of(asked["after"], datetime, UUID) if asked["after"] is not None else (None, None)
    found = lists.newest(
        session(),
        actor=who.name,
        controllers=who.controllers,
        before=before,
        before_id=before_id,
        campaign=asked["campaign"],
        limit=limit + 1,
    )
    shown = found[:limit]
    by_id = tasks.tasks_of(session(), [one.task for one in shown if one.task is not None])
    items = []
    for one in shown:
        task = by_id.get(one.task) if one.task is not None else None
        items.append(screening_told(one, STATUS_OF_STEP[lists.step_of(one, task)], task, now=now))
    following = cursor(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
    return page_of(items, following)


@screenings.route("/screenings/<uuid:list_id>")
@scope(Scope.READ_SCREENINGS)
@reads
@screenings.response(200, WholeScreeningSchema, example=_ANSWER)
def get_screening(list_id: UUID) -> dict[str, Any]:
    """Show a screening.

    How far it is, and once it is `done`: rows by verdict, reason and ground, until when its certificate is good, and
    where its files are. Why one `failed`, and what to do, is in `problem`.
    """
    return _whole(_own(list_id))


def _own(list_id: UUID) -> ListView:
    """A screening that the key may see. Raises ``NotFound``."""
    who = caller()
    return lists.visible(session(), list_id, actor=who.name, controllers=who.controllers)


def _finished(found: ListView) -> ListView:
    """The same where it has an answer that is kept. Raises 409 and 410."""
    if found.forgotten_at is not None:
        raise Gone
    if found.screening is None:
        raise Conflict
    return found


def _whole(found: ListView) -> dict[str, Any]:
    now = clock.now()
    task = tasks.task_of(session(), found.task) if found.task is not None else None
    status = STATUS_OF_STEP[lists.step_of(found, task)]
    campaign = lists.campaign_of_list(found) if found.campaign is not None else None
    gates = gates_told(session(), campaign, now=now) if campaign is not None else []
    return {
        **screening_told(found, status, task, now=now),
        "campaign_document": found.campaign,
        "progress": progress_told(task),
        "gates": gates,
        "lagging_partners": lists.partners_that_lag(session(), found, now=now) if status == "done" else [],
        "files": {
            name: url_for(f"api_screenings.{view}", list_id=found.id) for name, view in _DOWNLOADS.items()
        } if status == "done" else {},
    }  # fmt: skip


# --- files ------------------------------------------------------------------------------------------------------------

#: The files that are given out, and the operation of each.
_DOWNLOADS: Final = {
    "result": "download_result",
    "allowed": "download_allowed",
    "report": "download_report",
    "figures": "download_figures",
    "certificate": "download_certificate",
}
_FILE: Final = {"type": "string", "format": "binary"}
#: What stands inside is the contract of their own ``schema`` field, not of the API.
_OBJECT: Final = {"type": "object", "required": ["schema"], "properties": {"schema": {"type": "string"}}}


def _download(list_id: UUID, name: str) -> Response:
    """A file of a screening; that people's data was read is noted, as at the desk."""
    who, now = caller(), clock.now()
    with application.database().transaction() as opened:
        found = _finished(lists.visible(opened, list_id, actor=who.name, controllers=who.controllers))
        path = result_file(application.settings(), found, name)
        if FILES[name].personal:
            read(opened, at=now, actor=who.name, object=f"list:{list_id}", detail={"file": name, "rows": found.rows})
    response = send_file(
        path, mimetype=FILES[name].mimetype, as_attachment=True, download_name=path.name, conditional=False
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@screenings.route("/screenings/<uuid:list_id>/result")
@scope(Scope.READ_SCREENINGS)
@screenings.response(200, _FILE, content_type="text/csv", description="Every row of the list, with its answer.")
@screenings.alt_response(410, "Problem410")
def download_result(list_id: UUID) -> Response:
    """Download the result.

    Every row of the list, once, in its order and untouched, and after it the columns of the answer (`cm_verdict` and
    so on): to the byte what the terminal writes. 409 until the screening is done, 410 after its time.
    """
    return _download(list_id, "result")


@screenings.route("/screenings/<uuid:list_id>/allowed")
@scope(Scope.READ_SCREENINGS)
@screenings.response(200, _FILE, content_type="text/csv", description="The rows that may be sent.")
@screenings.alt_response(410, "Problem410")
def download_allowed(list_id: UUID) -> Response:
    """Download the allowed rows.

    Only what may be sent, ready for a sender. It is good until `valid_until` of the screening: after that, screen
    again.
    """
    return _download(list_id, "allowed")


@screenings.route("/screenings/<uuid:list_id>/report")
@scope(Scope.READ_SCREENINGS)
@screenings.response(200, _FILE, content_type="text/html", description="The report, as a page.")
@screenings.alt_response(410, "Problem410")
def download_report(list_id: UUID) -> Response:
    """Download the report.

    Counts, reasons and the law behind them, for people. There is nobody's data in it.
    """
    return _download(list_id, "report")


@screenings.route("/screenings/<uuid:list_id>/figures")
@scope(Scope.READ_SCREENINGS)
@screenings.response(200, _OBJECT, content_type="application/json", description="The report, for programmes.")
@screenings.alt_response(410, "Problem410")
def download_figures(list_id: UUID) -> Response:
    """Download the report's figures.

    The report as JSON. There is nobody's data in it.
    """
    return _download(list_id, "figures")


@screenings.route("/screenings/<uuid:list_id>/certificate")
@scope(Scope.READ_SCREENINGS)
@screenings.response(200, _OBJECT, content_type="application/json", description="The signed certificate.")
@screenings.alt_response(410, "Problem410")
def download_certificate(list_id: UUID) -> Response:
    """Download the certificate.

    What was screened, how, and for how long it is good, signed: `consentmgr certificate verify` checks it and the files
    beside it without a network.
    """
    return _download(list_id, "certificate")


# --- later ------------------------------------------------------------------------------------------------------------


@screenings.route("/screenings/<uuid:list_id>/again", methods=["POST"])
@scope(Scope.RUN_SCREENINGS)
@writes
@screenings.response(
    202, WholeScreeningSchema, example={**_ANSWER, "status": "queued"}, description="It is under way: ask `Location`."
)
@screenings.alt_response(410, "Problem410")
def screen_again(list_id: UUID) -> dict[str, Any]:
    """Screen the same list again.

    For the same campaign, as a screening of its own. A planned time that has passed is left out: what is asked is
    whether it may be sent now. 409 until the screening is done, 410 where the list is not kept any more.
    """
    found = _finished(_own(list_id))
    return _accepted(lists.again(session(), found, actor=caller().name, now=clock.now()))


@screenings.route("/screenings/<uuid:list_id>/cancel", methods=["POST"])
@scope(Scope.RUN_SCREENINGS)
@writes
@screenings.response(200, WholeScreeningSchema, example={**_ANSWER, "status": "cancelled"})
def cancel_screening(list_id: UUID) -> dict[str, Any]:
    """Cancel a screening.

    One that waits or runs ends within seconds, and nothing comes of it; one that is over stays as it is.
    """
    found = _own(list_id)
    lists.stop(session(), found, actor=caller().name, now=clock.now())
    return _whole(_own(list_id))


@screenings.route("/screenings/<uuid:list_id>", methods=["DELETE"])
@scope(Scope.RUN_SCREENINGS)
@writes
@screenings.response(204)
def remove_screening(list_id: UUID) -> None:
    """Remove a screening.

    Its files, and the list itself where no other screening of it is kept, before their thirty days are over; one that
    waits or runs is cancelled first. The screening stays in the list as `forgotten`, and its certificate in the
    register as proof. Removing it again changes nothing.
    """
    found, who, now = _own(list_id), caller(), clock.now()
    lists.stop(session(), found, actor=who.name, now=now)
    lists.forget(session(), found, application.settings(), actor=who.name, now=now)


@screenings.route("/screenings/<uuid:list_id>/delta")
@scope(Scope.READ_SCREENINGS)
@reads
@screenings.arguments(Page, location="query")
@screenings.response(200, make_page_schema(ChangedAnswerSchema), example={"items": [_CHANGED], "next": None})
@screenings.alt_response(410, "Problem410")
def list_changed_answers(asked: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """List the rows whose answer would be another one now.

    The rows are asked of the register again as it is now, and those are told whose verdict is not the one they got:
    somebody has said no since, or yes. It is what screening again would find, and nothing is kept. Of a long list one
    page looks at some thousands of rows, so a page may be short or empty and still have a `next`.
    """
    now = clock.now()
    # A database restored from a copy has forgotten who left since; the journal has not.
    catch_up(application.database(), application.settings(), application.keys(), now)
    found = _finished(_own(list_id))
    (after,) = values_of(asked["after"], int) if asked["after"] is not None else (0,)
    changed = changed_now(
        session(),
        found,
        result_folder(application.settings(), found),
        after=max(0, after),
        limit=asked["limit"],
        keys=application.address_keys(),
        now=now,
    )
    return page_of(list(changed.rows), cursor(changed.looked_to) if changed.more else None)
