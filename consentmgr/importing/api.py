"""The machine door of documents: a whole file of them in, by the same task as the desk's uploads; the whole register out."""

from __future__ import annotations

from collections.abc import Generator
from hashlib import sha256
from io import BytesIO
from itertools import chain
from typing import Any, Final
from uuid import UUID

import msgspec
from flask import Response, request, send_file, url_for
from marshmallow import fields, validate
from werkzeug.exceptions import UnsupportedMediaType

from consentmgr.audit import service as audit
from consentmgr.db import Database
from consentmgr.edge import application
from consentmgr.edge.answers import tell_header
from consentmgr.edge.api import ApiBlueprint, ApiSchema, Moment, reads, session, writes
from consentmgr.edge.api_problems import pointer_of
from consentmgr.importing import uploads
from consentmgr.importing.export import exported_lines
from consentmgr.importing.models import ImportUpload
from consentmgr.importing.upload_tasks import rejects_path, store_of
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff.api_access import caller, require_controller, scope, takes_up_to
from consentmgr.staff.scopes import Scope
from consentmgr.timetable.tasks import TaskView, task_of

files = ApiBlueprint(
    "api_documents",
    __name__,
    description="Documents of the contract as JSON Lines: a file in, the whole register out.",
    tag="Documents",
)

LINES: Final = "application/x-ndjson"
_TAKEN: Final = (LINES, "application/jsonl", "application/json-lines")
_NAME: Final = "documents.jsonl"
#: Bytes of a body that is in the memory as it is (``edge.idempotency``).
_IN_MEMORY: Final = 8_000_000
#: Bytes of one part of the register as it goes out.
_PART: Final = 256_000


class DocumentCountSchema(ApiSchema):
    """How many documents of a type something became of."""

    type = fields.String(required=True)
    outcome = fields.String(
        required=True, validate=validate.OneOf(("new", "changed", "unchanged", "kept_erased", "rejected"))
    )
    count = fields.Integer(required=True)


class RegisterQuery(ApiSchema):
    """How the register is to be told."""

    end = fields.Boolean(
        load_default=False,
        metadata={
            "description": "A last line of type `end`, with the number of documents and the SHA-256 of all that stands "
            "before it. It is no document: take it off before the lines are brought anywhere."
        },
    )


class RejectedLineSchema(ApiSchema):
    """Why a line was rejected, without the line."""

    line = fields.Integer(required=True, metadata={"description": "From 1."})
    pointer = fields.String(metadata={"description": "Where in the document, as a JSON pointer (RFC 6901)."})
    detail = fields.String(required=True)


class DocumentImportSchema(ApiSchema):
    """A file of documents, and how far it was taken in."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(("queued", "running", "done", "failed", "cancelled")))
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
    lines = fields.Integer(required=True, allow_none=True, metadata={"description": "Null before they were counted."})
    done = fields.Integer(required=True, metadata={"description": "Lines read so far."})
    documents = fields.List(
        fields.Nested(DocumentCountSchema), required=True, metadata={"description": "Once it is done."}
    )
    rejected = fields.Integer(required=True, allow_none=True, metadata={"description": "Lines that were not taken."})
    told = fields.List(
        fields.Nested(RejectedLineSchema), required=True, metadata={"description": "The first of the rejected lines."}
    )
    problem = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it failed, as a kind of problem."}
    )


_IMPORT: Final = {
    "id": "5f0c1f5e-6f7b-4b0e-9b6a-0d6a7c0c2f11",
    "state": "done",
    "bytes": 1_024,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": "2026-11-21T10:00:00+00:00",
    "started_at": "2026-11-21T10:00:02+00:00",
    "finished_at": "2026-11-21T10:00:03+00:00",
    "lines": 3,
    "done": 3,
    "documents": [{"type": "contact", "outcome": "new", "count": 2}, {"type": "contact", "outcome": "rejected", "count": 1}],
    "rejected": 1,
    "told": [{"line": 3, "pointer": "/points/0/value", "detail": "is not an e-mail address that can be matched"}],
    "problem": None,
}  # fmt: skip


# --- in ---------------------------------------------------------------------------------------------------------------


@files.route("/documents", methods=["POST"])
@scope(Scope.WRITE_DOCUMENTS)
@takes_up_to(uploads.LARGEST)
@writes
@files.response(202, DocumentImportSchema, example={**_IMPORT, "state": "queued", "documents": [], "told": []})
@files.doc(
    requestBody={
        "required": True,
        "description": f"Documents, one a line; up to {uploads.LARGEST // 1_000_000} MB.",
        "content": {
            LINES: {
                "schema": {"type": "string"},
                "example": '{"type":"contact","ref":"crm:12345","controllers":["acme"],"given_name":"Aino"}\n',
            },
            "application/jsonl": {"schema": {"type": "string"}},
            "application/json-lines": {"schema": {"type": "string"}},
        },
    }
)
def import_documents() -> dict[str, Any]:
    """Take in a file of documents.

    Any mix of documents, each with its `type`. The file is kept and taken in by a task; `Location` tells where its state
    is read. Lines that cannot be taken are rejected, whole and alone. A key for some controllers brings contacts, events,
    prohibitions, organisations, topics, notices and campaigns of theirs, and a key without prohibitions:lift nothing
    that lifts.
    """
    if request.mimetype not in _TAKEN:
        raise UnsupportedMediaType
    who, now = caller(), clock.now()
    store = store_of(application.settings())
    # A small body was read already, to tell whether the same was asked before; a large one lies in a file.
    small = (request.content_length or 0) <= _IN_MEMORY
    stored = store.put(BytesIO(request.get_data()) if small else request.stream, limit=uploads.LARGEST, name=_NAME)
    try:
        upload = uploads.keep_documents(
            session(),
            stored,
            controllers=who.controllers,
            lifts=Scope.LIFT_PROHIBITIONS in who.scopes,
            actor=who.name,
            now=now,
        )
    except BaseException:
        store.forget(stored.id)
        raise
    tell_header("Location", url_for("api_documents.show_import", import_id=stored.id))
    return _told(upload)


def _upload(import_id: UUID) -> ImportUpload:
    upload = uploads.upload_of(session(), import_id)
    who = caller()
    if upload.kind != "documents" or not uploads.may_see(upload, actor=who.name, controllers=who.controllers):
        raise NotFound("there is no such import")
    return upload


def _told(upload: ImportUpload) -> dict[str, Any]:
    task = task_of(session(), upload.apply_task) if upload.apply_task is not None else None
    parts = list((task.result or {}).get("parts") or ()) if task is not None else []
    # A task's row is forgotten before its upload: what is known then is that it was taken in.
    state = task.state if task is not None else "done" if upload.applied_at is not None else "cancelled"
    return {
        "id": upload.id,
        "state": state,
        "bytes": upload.file_bytes,
        "sha256": upload.sha256,
        "created_at": upload.created_at,
        "started_at": task.started_at if task is not None else None,
        "finished_at": task.finished_at if task is not None else upload.applied_at,
        "lines": parts[0]["lines"] if parts else task.total if task is not None else None,
        "done": parts[0]["lines"] if parts else task.done if task is not None else 0,
        "documents": [
            {"type": kind, "outcome": outcome, "count": number}
            for part in parts
            for kind, outcome, number in part["documents"]
        ],
        "rejected": upload.rejected,
        "told": [
            {"line": line, **({"pointer": pointer_of(field)} if field else {}), "detail": reason}
            for part in parts
            for line, field, reason in part["told"]
        ],
        "problem": _problem(task),
    }


def _problem(task: TaskView | None) -> str | None:
    if task is None or task.state != "failed":
        return None
    return str((task.result or {}).get("problem") or "unexpected")


@files.route("/documents/imports/<uuid:import_id>")
@scope(Scope.WRITE_DOCUMENTS)
@reads
@files.response(200, DocumentImportSchema, example=_IMPORT)
def show_import(import_id: UUID) -> dict[str, Any]:
    """Show how far an import is.

    How many lines were read, what became of the documents, and why the first of the rejected lines were rejected.
    """
    return _told(_upload(import_id))


@files.route("/documents/imports/<uuid:import_id>/rejected")
@scope(Scope.WRITE_DOCUMENTS)
@files.response(
    200,
    {"type": "string"},
    content_type=LINES,
    example='{"line":3,"reason":"is missing","field":"ref","document":{}}\n',
)
def show_rejected(import_id: UUID) -> Response:
    """Fetch the rejected lines of an import.

    Each whole, with its number, its reason and its field; mended, the file can be brought again. Not found where there
    are none. That they were fetched is recorded.
    """
    who = caller()
    with application.database().transaction() as opened:
        upload = uploads.upload_of(opened, import_id)
        path = rejects_path(store_of(application.settings()), upload.id, 1)
        seen = uploads.may_see(upload, actor=who.name, controllers=who.controllers)
        if upload.kind != "documents" or not seen or upload.forgotten_at is not None or not path.is_file():
            raise NotFound("there are no rejected lines")
        audit.read(
            opened,
            at=clock.now(),
            actor=who.name,
            object=f"upload:{upload.id}",
            detail={"what": "rejected lines", "part": 1},
        )
    response: Response = send_file(
        path, mimetype=LINES, as_attachment=True, download_name="documents.rejected.jsonl", max_age=0,
        conditional=False, etag=False,
    )  # fmt: skip
    return response


# --- out --------------------------------------------------------------------------------------------------------------


@files.route("/documents")
@scope(Scope.READ_DOCUMENTS)
@files.arguments(RegisterQuery, location="query")
@files.response(
    200, {"type": "string"}, content_type=LINES, example='{"type":"controller","key":"acme","name":"Acme Oy"}\n'
)
def export_documents(how: dict[str, Any]) -> Response:
    """Fetch the whole register as documents.

    Every document, one a line, in an order in which it can be brought into another register; all at one position of the
    database. An answer that breaks off ends without the last chunk, and the client's library says so; where something
    on the way hides that, `end` asks for a mark. For keys for all controllers: it holds the personal data of everyone.
    That it was fetched is recorded.
    """
    if caller().controllers is not None:
        require_controller(None)
    database = application.database()
    with database.transaction() as opened:
        audit.read(opened, at=clock.now(), actor=caller().name, object="documents", detail={"what": "the register"})
    parts = _parts(database, application.keys().address_key_id, end=how["end"])
    # The first part is made before the answer begins, so that what goes wrong at once is told as a problem.
    first = next(parts, b"")
    response = Response(chain((first,), parts), mimetype=LINES)
    response.call_on_close(parts.close)
    response.headers["Content-Disposition"] = 'attachment; filename="register.jsonl"'
    return response


def _parts(database: Database, key_id: int, *, end: bool) -> Generator[bytes]:
    """The lines of an export, many together: sending each alone would take longer than reading it. ``end``: and a last
    one that tells how many there were and what they come to.
    """
    held, size, count, digest = [], 0, 0, sha256()
    with database.reading() as reading:
        for line in exported_lines(reading, key_id=key_id):
            held.append(line)
            size += len(line)
            count += 1
            if size >= _PART:
                part = b"".join(held)
                digest.update(part)
                yield part
                held, size = [], 0
    part = b"".join(held)
    digest.update(part)
    if end:
        part += msgspec.json.encode({"type": "end", "documents": count, "sha256": digest.hexdigest()}) + b"\n"
    if part:
        yield part
