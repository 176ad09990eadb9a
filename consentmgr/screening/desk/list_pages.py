"""From a file to its columns: the lists there are, a new one, and what its columns mean."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from flask import Response, abort, request, url_for
from flask_babel import gettext

from consentmgr.edge import application
from consentmgr.edge.problems import problem_response
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.screening.desk import lists, words
from consentmgr.screening.desk.door import FORM_BYTES, own_list, page, screenings, see_other, task_of_list
from consentmgr.screening.desk.lists import ListView, files_of
from consentmgr.screening.desk.masked import masked_cell, masked_value
from consentmgr.screening.desk.previews import LARGEST_LIST, Preview, is_quick
from consentmgr.screening.desk.work import keep_preview, kept_preview
from consentmgr.staff.access import actor, may, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.timetable import tasks

_LARGEST_PASTE: Final = 400_000


# --- the list of lists, and a new one ---------------------------------------------------------------------------------


@screenings.get("/screenings")
@needs(Permission.SCREEN)
def overview() -> Response:
    """The newest lists, and where each is on its way."""
    before = _moment_of(request.args.get("before"))
    who = actor()
    with application.database().reading() as session:
        found = lists.newest(session, actor=who.name, controllers=who.controllers, before=before, limit=26)
        by_id = tasks.tasks_of(session, [one.task for one in found if one.task is not None])
    steps = {one.id: lists.step_of(one, by_id.get(one.task) if one.task is not None else None) for one in found}
    older = found[24].created_at.isoformat() if len(found) > 25 else None
    return page(
        "overview.html",
        found=found[:25],
        steps=steps,
        now=clock.now(),
        older=url_for("screenings.overview", before=older) if older else None,
        newer=url_for("screenings.overview") if before else None,
    )


def _moment_of(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


@screenings.get("/screenings/new")
@needs(Permission.SCREEN)
def new() -> Response:
    return page("new.html", pasted="")


@screenings.post("/screenings/new")
@needs(Permission.SCREEN)
@takes_up_to(LARGEST_LIST + FORM_BYTES)
def bring() -> Response:
    """A file, or rows pasted from somewhere."""
    now, who = clock.now(), actor()
    store = files_of(application.settings())
    pasted = request.form.get("pasted", "")
    given = request.files.get("list")
    try:
        if given is not None and given.filename:
            with given.stream as stream:
                stored = store.put(stream, limit=LARGEST_LIST, name=given.filename)
        elif pasted.strip():
            name = gettext("pasted list") + ".csv"
            stored = store.put(io.BytesIO(pasted.encode()), limit=_LARGEST_PASTE, name=name)
        else:
            told = gettext("Choose a file, or paste the rows.")
            return page("new.html", 422, fault=told, pasted=pasted)
        quick = is_quick(store.path(stored.id))
        try:
            with application.database().transaction() as session:
                list_id = lists.bring(
                    session, stored, quick=quick, actor=who.name, language=application.language(), now=now
                )
                found = lists.list_by_id(session, list_id)
            if quick:
                keep_preview(application.settings(), found)
        except BadInput:
            with application.database().transaction() as session:
                lists.forget(session, found, application.settings(), actor=who.name, now=now)
            raise
    except BadInput as error:
        return page("new.html", 422, fault=words.fault_told(error.message), pasted=pasted)
    return see_other("screenings.columns" if quick else "screenings.show", list_id=list_id)


@screenings.errorhandler(413)
def too_large(_error: Exception) -> Response:
    if request.endpoint != "screenings.bring":
        return problem_response(413)
    return page("new.html", 413, fault=words.fault_told("the file is larger than"), pasted="")


# --- columns ----------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/columns")
@needs(Permission.SCREEN)
def columns(list_id: UUID) -> Response:
    """The columns as they were recognised, with some rows, to confirm or correct."""
    with application.database().reading() as session:
        found = own_list(session, list_id)
        if lists.step_of(found, task_of_list(session, found)) not in ("columns", "campaign"):
            return see_other("screenings.show", list_id=list_id)
    preview = _preview(found)
    if preview is None:
        return see_other("screenings.show", list_id=list_id)
    return _columns_page(found, preview)


def _preview(found: ListView) -> Preview | None:
    """What was seen of a list; a list that is quickly seen is looked at again where that is missing."""
    preview = kept_preview(application.settings(), found)
    if preview is None and is_quick(files_of(application.settings()).path(found.file_id)):
        preview = keep_preview(application.settings(), found)
    return preview


def _columns_page(
    found: ListView, preview: Preview, *, chosen: Mapping[int, str] | None = None, fault: str | None = None
) -> Response:
    meant = dict(chosen) if chosen is not None else _meant(found, preview)
    unmasked = may(Permission.SEE_REGISTER)
    sample = [
        [cell if unmasked else _masked(cell, meant.get(number)) for number, cell in enumerate(row)]
        for row in preview.sample
    ]
    return page(
        "columns.html",
        422 if fault else 200,
        found=found,
        preview=preview,
        meant=meant,
        sample=sample,
        fields=words.field_choices(),
        fault=fault,
        unclear=[words.field_name(field) for field in preview.unclear],
        sheets=[(name, name) for name in preview.sheets],
    )


def _masked(cell: str, field: str | None) -> str:
    return masked_value(field, cell) if field else masked_cell(cell)


def _meant(found: ListView, preview: Preview) -> dict[int, str]:
    if found.mapping is not None:
        return {int(column) - 1: field for field, column in found.mapping.items()}
    return {number: field for field, number in preview.recognised.items()}


@screenings.post("/screenings/<uuid:list_id>/columns")
@needs(Permission.SCREEN)
def confirm(list_id: UUID) -> Response:
    with application.database().reading() as session:
        found = own_list(session, list_id)
    preview = _preview(found)
    if preview is None:
        return see_other("screenings.show", list_id=list_id)
    if request.form.get("do") == "sheet":
        return _other_sheet(found, preview, request.form.get("sheet", ""))
    chosen = {
        number: request.form.get(f"column-{number}", "")
        for number in range(len(preview.columns))
        if request.form.get(f"column-{number}")
    }
    try:
        with application.database().transaction() as session:
            lists.confirm_columns(session, own_list(session, list_id), preview, chosen)
    except BadInput as error:
        return _columns_page(found, preview, chosen=chosen, fault=words.fault_told(error.message))
    return see_other("screenings.campaign", list_id=list_id)


def _other_sheet(found: ListView, preview: Preview, sheet: str) -> Response:
    if sheet not in preview.sheets:
        abort(400)
    quick = is_quick(files_of(application.settings()).path(found.file_id))
    try:
        with application.database().transaction() as session:
            lists.choose_sheet(session, found, sheet, quick=quick, actor=actor().name, now=clock.now())
            if quick:
                keep_preview(application.settings(), lists.list_by_id(session, found.id))
    except BadInput as error:
        return _columns_page(found, preview, fault=words.fault_told(error.message))
    return see_other("screenings.columns" if quick else "screenings.show", list_id=found.id)
