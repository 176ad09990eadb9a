"""Doors of an API of notes, which no installation has: what the foundation of the API is tried on."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response
from marshmallow import fields, validate
from sqlalchemy import text

from consentmgr.edge.api import (
    ApiBlueprint,
    ApiSchema,
    Moment,
    Page,
    checked_etag,
    cursor,
    deprecated,
    etag_of,
    make_page_schema,
    page_of,
    reads,
    session,
    tagged,
    values_of,
    writes,
)
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff.api_access import caller, own, require_controller, scope, takes_up_to
from consentmgr.staff.scopes import Scope

notes = ApiBlueprint("api_notes", __name__, description="Notes, to try doors on.")


class NoteSchema(ApiSchema):
    id = fields.Integer(dump_only=True)
    controller = fields.String(required=True, validate=validate.Length(1, 64))
    said = fields.String(required=True, validate=validate.Length(1, 200))
    at = Moment(load_default=None, allow_none=True)


class NotesPage(Page):
    controller = fields.String(load_default=None)


@notes.route("/notes")
@scope(Scope.READ_CATALOGUE)
@reads
@notes.arguments(NotesPage, location="query")
@notes.response(200, make_page_schema(NoteSchema))
def list_notes(page: dict[str, Any]) -> dict[str, Any]:
    """List notes."""
    after = values_of(page["after"], int)[0] if page["after"] is not None else 0
    found = session().execute(
        text("SELECT * FROM note WHERE id > :after ORDER BY id LIMIT :limit"),
        {"after": after, "limit": page["limit"] + 1},
    ).mappings().all()  # fmt: skip
    items = [dict(row) for row in found[: page["limit"]] if own(row["controller"])]
    return page_of(items, cursor(items[-1]["id"]) if len(found) > page["limit"] else None)


@notes.route("/notes", methods=["POST"])
@scope(Scope.WRITE_CATALOGUE)
@writes
@notes.arguments(NoteSchema)
@notes.response(201, NoteSchema)
def add_note(note: dict[str, Any]) -> dict[str, Any]:
    """Add a note."""
    require_controller(note["controller"])
    row = session().execute(
        text("INSERT INTO note (controller, said, by) VALUES (:controller, :said, :by) RETURNING id"),
        {**note, "by": caller().name},
    )
    if note["said"] == "not after all":
        raise BadInput("it says so itself", field="said")
    if note["said"] == "crash":
        raise RuntimeError
    return {"id": row.scalar_one(), **note}


def _note(note_id: int) -> dict[str, Any]:
    found = session().execute(text("SELECT * FROM note WHERE id = :id"), {"id": note_id}).mappings().one_or_none()
    if found is None:
        raise NotFound("there is nothing of that name")
    require_controller(found["controller"])
    return dict(found)


@notes.route("/notes/<int:note_id>")
@scope(Scope.READ_CATALOGUE)
@reads
@notes.response(200, NoteSchema)
def show_note(note_id: int) -> dict[str, Any]:
    """Show a note."""
    note = _note(note_id)
    checked_etag(etag_of(note["said"]))
    return note


@notes.route("/notes/<int:note_id>", methods=["PUT"])
@scope(Scope.WRITE_CATALOGUE)
@writes
@notes.arguments(NoteSchema)
@notes.response(200, NoteSchema)
def put_note(note: dict[str, Any], note_id: int) -> dict[str, Any]:
    """Say a note anew."""
    checked_etag(etag_of(_note(note_id)["said"]))
    session().execute(text("UPDATE note SET said = :said WHERE id = :id"), {"said": note["said"], "id": note_id})
    tagged(etag_of(note["said"]))
    return {"id": note_id, **note}


@notes.route("/notes/count", methods=["POST"])
@scope(Scope.CHECK)
@takes_up_to(20_000_000)
@writes
@notes.response(200)
def count_bytes() -> Any:
    """Count the bytes of a body."""
    from flask import request

    size = 0
    while part := request.stream.read(65_536):
        size += len(part)
    session().execute(text("INSERT INTO note (controller, said, by) VALUES ('acme', :said, '')"), {"said": str(size)})
    return {"bytes": size}


@notes.route("/notes/refused", methods=["POST"])
@scope(Scope.CHECK)
@writes
@notes.response(200)
def refuse_note() -> Any:
    """Write, and then refuse."""
    session().execute(text("INSERT INTO note (controller, said, by) VALUES ('acme', 'no', '')"))
    return Response("no", 409)


@notes.route("/notes/open")
@notes.response(200)
def unmarked() -> Any:
    """A view somebody forgot to mark."""
    return {}


@notes.route("/notes/me")
@scope(Scope.CHECK)
@reads
@notes.response(200)
def who_asks() -> Any:
    """Tell who asks."""
    found = caller()
    controllers = None if found.controllers is None else sorted(found.controllers)
    return {"name": found.name, "scopes": sorted(found.scopes), "controllers": controllers}


@notes.route("/notes/old")
@deprecated(since=date(2026, 11, 1), sunset=date(2027, 11, 1), instead="/api/v1/notes")
@scope(Scope.READ_CATALOGUE)
@reads
@notes.response(200)
def old_notes() -> Any:
    """List notes as they were listed before."""
    return []
