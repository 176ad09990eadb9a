"""The browser door of importing: bring a file, see what it is, count what it would change, take it in.

Nothing is read or imported here: each step is put in the queue, and its page tells how far it is.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.edge import application
from consentmgr.edge.problems import problem_response
from consentmgr.importing import uploads, words
from consentmgr.importing.ban_lists.foreign_list import BAN_FORMATS
from consentmgr.importing.models import ImportUpload
from consentmgr.importing.table_readers import FIELDS
from consentmgr.importing.upload_tasks import rejects_path, seen_of, store_of
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Controller, Notice, Topic
from consentmgr.staff.access import actor, needs, own, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.timetable.tasks import TaskView, cancel, task_of
from consentmgr.vocabulary.code_names import code_choices
from consentmgr.vocabulary.columns import column_name

imports = Blueprint("imports", __name__)

#: Bytes a form has around its file.
_AROUND: Final = 1_000_000
#: What the page says of the largest file.
_MEGABYTES: Final = uploads.LARGEST // 1_000_000
#: Choices of one list in a form.
_MOST_CHOICES: Final = 500


# --- bringing a file --------------------------------------------------------------------------------------------------


@imports.get("/")
@needs(Permission.IMPORT)
def overview() -> Response:
    return _overview()


def _overview(fault: str | None = None, status: int = 200) -> Response:
    who = actor()
    with application.database().reading() as session:
        brought = uploads.recent_uploads(session, actor=who.name, controllers=who.controllers)
        batches = uploads.batches(
            session, actor=who.name, controllers=who.controllers, before=request.args.get("before", None, int)
        )
    body = render_template(
        "importing/overview.html",
        brought=brought,
        batches=batches,
        older=url_for("imports.overview", before=batches[-1].id) if len(batches) == uploads.PAGE else None,
        counts=_counts_of_batch,
        fault=fault,
        megabytes=_MEGABYTES,
        limited=who.controllers is not None,
        words=words,
    )
    return make_response(body, status)


def _counts_of_batch(counts: Any) -> dict[str, int]:
    """What a batch did, by outcome."""
    found: dict[str, int] = {}
    for name, number in dict(counts.get("documents") or {}).items():
        outcome = str(name).rpartition(":")[2]
        found[outcome] = found.get(outcome, 0) + int(number)
    return found


@imports.post("/")
@needs(Permission.IMPORT)
@takes_up_to(uploads.LARGEST + _AROUND)
def bring() -> Response:
    """Keep the file and let it be looked at; with ``mends``, as the mended lines of an earlier one."""
    given, now, who = request.files.get("file"), clock.now(), actor()
    if given is None or not given.filename:
        return _overview(words.word(words.FAULTS, "file"), 422)
    mends = _uuid(request.form["mends"]) if request.form.get("mends") else None
    store = store_of(application.settings())
    if mends is not None:
        with application.database().reading() as session:
            _own_upload(session, mends)
    try:
        stored = store.put(given.stream, limit=uploads.LARGEST, name=given.filename)
    except BadInput:
        return _overview(words.word(words.FAULTS, "file"), 422)
    try:
        with application.database().transaction() as session:
            uploads.keep(session, stored, controllers=who.controllers, mends=mends, actor=who.name, now=now)
    except BaseException:
        store.forget(stored.id)
        raise
    return _to(stored.id)


@imports.errorhandler(413)
def too_large(_error: Exception) -> Response:
    """A file larger than is taken, said beside the field it was chosen in."""
    if request.endpoint != "imports.bring":
        return problem_response(413)
    sentence = gettext("The file is larger than %(number)s MB. Divide it, and bring the parts.", number=_MEGABYTES)
    return _overview(sentence, 413)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("there is no such upload") from None


def _to(upload_id: UUID) -> Response:
    return make_response(redirect(url_for("imports.show", upload_id=upload_id), 303))


def _own_upload(session: Session, upload_id: UUID) -> ImportUpload:
    """An upload that whoever asks may see. Raises ``NotFound`` for any other."""
    upload = uploads.upload_of(session, upload_id)
    who = actor()
    if not uploads.may_see(upload, actor=who.name, controllers=who.controllers):
        raise NotFound("there is no such upload")
    return upload


# --- one file ---------------------------------------------------------------------------------------------------------


def _tasks(session: Session, upload: ImportUpload) -> dict[str, TaskView | None]:
    ids = {"look": upload.look_task, "preview": upload.preview_task, "take": upload.apply_task}
    return {name: task_of(session, task_id) if task_id is not None else None for name, task_id in ids.items()}


def _under_way(tasks: dict[str, TaskView | None]) -> TaskView | None:
    return next((task for task in tasks.values() if task is not None and not task.is_over), None)


@imports.get("/<uuid:upload_id>")
@needs(Permission.IMPORT)
def show(upload_id: UUID) -> Response:
    return _show(upload_id)


def _show(upload_id: UUID, faults: dict[str, str] | None = None, status: int = 200) -> Response:
    with application.database().reading() as session:
        upload = _own_upload(session, upload_id)
        tasks = _tasks(session, upload)
        seen = seen_of(application.settings(), upload.id) if upload.forgotten_at is None else None
        kind, given = _said(upload, seen)
        body = render_template(
            "importing/show.html",
            upload=upload,
            tasks=tasks,
            under_way=_under_way(tasks),
            seen=seen,
            kind=kind,
            kinds=[(code, words.word(words.KINDS, code)) for code in _kinds(seen)],
            given=given,
            faults=faults or {},
            choices=_choices(session, seen, kind) if seen is not None and upload.applied_at is None else {},
            options=uploads.OPTIONS.get(kind, ()),  # type: ignore[call-overload]
            fields=[("", gettext("as recognised")), *_fields(kind)],
            recognised=_recognised(seen, kind),
            rejects=_rejects(upload, tasks["take"]),
            words=words,
        )
    return make_response(body, status)


def _said(upload: ImportUpload, seen: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """What the rows are taken for and by which options: as they were said, else as the file looks."""
    asked = request.args.get("kind") or request.form.get("kind")
    kind = asked if asked in uploads.KINDS else upload.kind or str((seen or {}).get("guess") or "contacts")
    if kind not in (open_kinds := _kinds(seen)):
        kind = open_kinds[0]
    given = dict(upload.options) if kind == upload.kind else {}
    if seen is not None and seen.get("ban_format") and kind == "prohibitions":
        given.setdefault("ban_format", seen["ban_format"])
    if request.method == "POST":
        given |= _given()
    return kind, given


def _kinds(seen: dict[str, Any] | None) -> tuple[str, ...]:
    if seen is not None and seen["form"] == "documents":
        return ("documents",)
    allowed = uploads.LIMITED_KINDS if actor().controllers is not None else uploads.KINDS
    return tuple(kind for kind in allowed if kind != "documents")


def _choices(session: Session, seen: dict[str, Any], kind: str) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen in the form, by option."""
    whole = actor().controllers is None
    controllers = [
        (row.key, row.name)
        for row in session.scalars(select(Controller).order_by(Controller.name, Controller.key))
        if own(row.key)
    ]
    notices = session.execute(
        select(Notice.key, Notice.version, Notice.language)
        .order_by(Notice.key, Notice.version.desc(), Notice.language)
        .limit(_MOST_CHOICES)
    )
    topics = session.execute(select(Topic.key, Topic.controller).order_by(Topic.key).limit(_MOST_CHOICES))
    nothing = ("", "–")
    return {
        "controller": [*([nothing] if whole else []), *controllers],
        "notice": [nothing, *((f"{row.key}/{row.version}/{row.language}",) * 2 for row in notices)],
        "topics": [(row.key, row.key) for row in topics if own(row.controller)],
        "channels": words.channels(),
        "purposes": words.purposes(),
        "method": [nothing, *code_choices("consent_method", application.language())],
        "use": [nothing, *code_choices("point_use", application.language())],
        "ban_format": [nothing, *((code, code) for code in BAN_FORMATS)],
        "sheet": [nothing, *((name, name) for name in seen.get("sheets") or ())],
        # A ban has one of the sources of bans; of anything else the source is free text.
        **({"source": [nothing, *words.ban_sources()]} if kind == "prohibitions" else {}),
    }


def _fields(kind: str) -> list[tuple[str, str]]:
    """What a column may be used as, with what people call it."""
    names: tuple[str, ...] = FIELDS.get(kind, ())  # type: ignore[call-overload]
    return [(name, column_name(name, application.language())) for name in names]


def _recognised(seen: dict[str, Any] | None, kind: str) -> dict[int, str]:
    """What each column (from 0) is, where its name says so."""
    known = ((seen or {}).get("known") or {}).get(kind, {})
    return {int(column): column_name(str(name), application.language()) for name, column in known.items()}


def _rejects(upload: ImportUpload, task: TaskView | None) -> list[int]:
    """The numbers of the parts that have rejected lines to fetch."""
    if upload.forgotten_at is not None or task is None or task.state != "done":
        return []
    parts = (task.result or {}).get("parts", ())
    return [
        number
        for number, _ in enumerate(parts, start=1)
        if rejects_path(store_of(application.settings()), upload.id, number).is_file()
    ]


def _given() -> dict[str, Any]:
    """The options of the form, as they were written."""
    form = request.form
    given: dict[str, Any] = {
        name: form.get(name, "").strip() for name in words.LABELS if name not in ("channels", "purposes", "topics")
    }
    given |= {name: form.getlist(name) for name in ("channels", "purposes", "topics")}
    columns = [name.removeprefix("column_") for name in form if name.startswith("column_")]
    given["mapping"] = {
        form[f"column_{number}"]: str(int(number) + 1)
        for number in columns
        if number.isdecimal() and form.get(f"column_{number}")
    }
    return given


@imports.post("/<uuid:upload_id>/preview")
@needs(Permission.IMPORT)
def preview(upload_id: UUID) -> Response:
    """Keep what the rows are, and count what would change."""
    who, now = actor(), clock.now()
    try:
        with application.database().transaction() as session:
            upload = _own_upload(session, upload_id)
            kind, options = uploads.checked_options(request.form.get("kind", ""), _given(), controllers=who.controllers)
            uploads.ask_preview(session, upload, kind, options, actor=who.name, now=now)
    except BadInput as error:
        field = error.field or "kind"
        known = field if field in words.FAULTS else "kind"
        return _show(upload_id, {field: words.word(words.FAULTS, known)}, 422)
    return _to(upload_id)


@imports.post("/<uuid:upload_id>/apply")
@needs(Permission.IMPORT)
def take(upload_id: UUID) -> Response:
    """Take the file in, by what was said of it."""
    now = clock.now()
    try:
        with application.database().transaction() as session:
            upload = _own_upload(session, upload_id)
            uploads.ask_apply(session, upload, actor=actor().name, now=now)
    except BadInput as error:
        return _show(upload_id, {error.field or "kind": words.word(words.FAULTS, error.field or "kind")}, 422)
    return _to(upload_id)


@imports.get("/<uuid:upload_id>/work")
@needs(Permission.IMPORT)
def work(upload_id: UUID) -> Response:
    """How far the work is; asked for again by script while there is any."""
    with application.database().reading() as session:
        upload = _own_upload(session, upload_id)
        under_way = _under_way(_tasks(session, upload))
    if under_way is None and request.headers.get("HX-Request") == "true":
        response = make_response("")
        response.headers["HX-Refresh"] = "true"
        return response
    return make_response(render_template("importing/work.html", upload=upload, under_way=under_way))


@imports.post("/<uuid:upload_id>/cancel")
@needs(Permission.IMPORT)
def stop(upload_id: UUID) -> Response:
    """Cancel what is under way. What an import has taken in by then stays taken in."""
    now = clock.now()
    with application.database().transaction() as session:
        upload = _own_upload(session, upload_id)
        under_way = _under_way(_tasks(session, upload))
        if under_way is not None:
            cancel(session, under_way.id, now=now)
    return _to(upload_id)


@imports.get("/<uuid:upload_id>/rejects/<int:number>")
@needs(Permission.IMPORT)
def rejects(upload_id: UUID, number: int) -> Response:
    """The rejected lines of a part, whole and each with its reason; that they were fetched is recorded."""
    with application.database().transaction() as session:
        upload = _own_upload(session, upload_id)
        path = rejects_path(store_of(application.settings()), upload.id, number)
        if upload.forgotten_at is not None or not path.is_file():
            raise NotFound("there are no rejected lines")
        audit.read(
            session,
            at=clock.now(),
            actor=actor().name,
            object=f"upload:{upload.id}",
            detail={"what": "rejected lines", "part": number},
        )
        stem = upload.file_name.rpartition(".")[0] or upload.file_name
    suffix = "" if number == 1 else f".{number}"
    response: Response = send_file(
        path,
        mimetype="application/x-ndjson",
        as_attachment=True,
        download_name=f"{stem}{suffix}.rejected.jsonl",
        max_age=0,
        conditional=False,
        etag=False,
    )
    return response


@imports.post("/<uuid:upload_id>/forget")
@needs(Permission.IMPORT)
def forget(upload_id: UUID) -> Response:
    """Remove the file and its rejected lines."""
    now = clock.now()
    with application.database().transaction() as session:
        upload = _own_upload(session, upload_id)
        under_way = _under_way(_tasks(session, upload))
        if under_way is not None:
            cancel(session, under_way.id, now=now)
        uploads.forget(session, upload, store_of(application.settings()), actor=actor().name, now=now)
    flash(gettext("The file is removed. What it did to the register stays."), "done")
    return make_response(redirect(url_for("imports.overview"), 303))
