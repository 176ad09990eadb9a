"""The browser door of screening: from a file to the answer, the decisions on it, and the lists handed to mailers.

Every page works without script; with it, the form shows at once which gate fails, progress moves by itself, and the
table of rows changes in place. A list of another controller is not there for whoever asks (404).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import format_decimal, gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit.service import read
from consentmgr.edge import application
from consentmgr.edge.problems import problem_response
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound
from consentmgr.register.models import Controller
from consentmgr.screening import campaign_form, decisions, desk, desk_words, handing, stored_rows
from consentmgr.screening.desk import ListView, files_of, result_folder
from consentmgr.screening.desk_work import WORKBOOK_ROWS, keep_preview, kept_preview
from consentmgr.screening.explain import explained_row
from consentmgr.screening.masked import masked_cell, masked_value
from consentmgr.screening.message_check import LARGEST_MESSAGE
from consentmgr.screening.message_desk import checked_message
from consentmgr.screening.message_words import STATE_NAMES
from consentmgr.screening.previews import LARGEST_LIST, Preview, is_quick
from consentmgr.screening.reports import VERDICTS
from consentmgr.staff.access import actor, may, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.timetable import tasks
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import (
    BY_CODE,
    CHANNEL_LABELS,
    GROUNDS,
    LEGAL_BASIS_NAMES,
    PURPOSE_NAMES,
    STAGES,
    sentence,
)

screenings = Blueprint("screenings", __name__)

#: The form around a file has some hundreds of bytes of its own.
_FORM_BYTES: Final = 100_000
_TONES: Final = {"allow": "good", "review": "warn", "block": "bad"}
_LARGEST_PASTE: Final = 400_000
#: What is downloaded: the ending of its name, its type, and whether it holds people's data.
_FILES: Final[Mapping[str, tuple[str, str, bool]]] = {
    "result": (".screened.csv", "text/csv", True),
    "workbook": (".screened.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", True),
    "allowed": (".allowed.csv", "text/csv", True),
    "report": (".report.html", "text/html", False),
    "figures": (".report.json", "application/json", False),
    "certificate": (".certificate.json", "application/json", False),
}


# --- what every view needs --------------------------------------------------------------------------------------------


def _found(session: Session, list_id: UUID) -> ListView:
    who = actor()
    return desk.visible(session, list_id, actor=who.name, controllers=who.controllers)


def _task(session: Session, found: ListView) -> tasks.TaskView | None:
    return tasks.task_of(session, found.task) if found.task is not None else None


def _is_part() -> bool:
    """Whether the script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))


def _page(template: str, status: int = 200, **shown: Any) -> Response:
    language = application.language()
    words = {
        "verdict_name": desk_words.verdict_name,
        "field_name": desk_words.field_name,
        "channel_name": lambda code: CHANNEL_LABELS[code][language],
        "purpose_name": lambda code: PURPOSE_NAMES[code][language],
    }
    return make_response(render_template(f"screening/{template}", **words, **shown), status)


@screenings.errorhandler(413)
def too_large(_error: Exception) -> Response:
    if request.endpoint != "screenings.bring":
        return problem_response(413)
    return _page("desk_new.html", 413, fault=desk_words.fault_told("the file is larger than"), pasted="")


# --- the list of lists, and a new one ---------------------------------------------------------------------------------


@screenings.get("/screenings")
@needs(Permission.SCREEN)
def overview() -> Response:
    """The newest lists, and where each is on its way."""
    before = _moment_of(request.args.get("before"))
    who = actor()
    with application.database().reading() as session:
        found = desk.newest(session, actor=who.name, controllers=who.controllers, before=before, limit=26)
        by_id = tasks.tasks_of(session, [one.task for one in found if one.task is not None])
    steps = {one.id: desk.step_of(one, by_id.get(one.task) if one.task is not None else None) for one in found}
    older = found[24].created_at.isoformat() if len(found) > 25 else None
    return _page(
        "desk_overview.html",
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
    return _page("desk_new.html", pasted="")


@screenings.post("/screenings/new")
@needs(Permission.SCREEN)
@takes_up_to(LARGEST_LIST + _FORM_BYTES)
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
            return _page("desk_new.html", 422, fault=told, pasted=pasted)
        quick = is_quick(store.path(stored.id))
        try:
            with application.database().transaction() as session:
                list_id = desk.bring(
                    session, stored, quick=quick, actor=who.name, language=application.language(), now=now
                )
                found = desk.list_by_id(session, list_id)
            if quick:
                keep_preview(application.settings(), found)
        except BadInput:
            with application.database().transaction() as session:
                desk.forget(session, found, application.settings(), actor=who.name, now=now)
            raise
    except BadInput as error:
        return _page("desk_new.html", 422, fault=desk_words.fault_told(error.message), pasted=pasted)
    return _to("screenings.columns" if quick else "screenings.show", list_id=list_id)


# --- columns ----------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/columns")
@needs(Permission.SCREEN)
def columns(list_id: UUID) -> Response:
    """The columns as they were recognised, with some rows, to confirm or correct."""
    with application.database().reading() as session:
        found = _found(session, list_id)
        if desk.step_of(found, _task(session, found)) not in ("columns", "campaign"):
            return _to("screenings.show", list_id=list_id)
    preview = _preview(found)
    if preview is None:
        return _to("screenings.show", list_id=list_id)
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
    return _page(
        "desk_columns.html",
        422 if fault else 200,
        found=found,
        preview=preview,
        meant=meant,
        sample=sample,
        fields=desk_words.field_choices(),
        fault=fault,
        unclear=[desk_words.field_name(field) for field in preview.unclear],
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
        found = _found(session, list_id)
    preview = _preview(found)
    if preview is None:
        return _to("screenings.show", list_id=list_id)
    if request.form.get("do") == "sheet":
        return _other_sheet(found, preview, request.form.get("sheet", ""))
    chosen = {
        number: request.form.get(f"column-{number}", "")
        for number in range(len(preview.columns))
        if request.form.get(f"column-{number}")
    }
    try:
        with application.database().transaction() as session:
            desk.confirm_columns(session, _found(session, list_id), preview, chosen)
    except BadInput as error:
        return _columns_page(found, preview, chosen=chosen, fault=desk_words.fault_told(error.message))
    return _to("screenings.campaign", list_id=list_id)


def _other_sheet(found: ListView, preview: Preview, sheet: str) -> Response:
    if sheet not in preview.sheets:
        abort(400)
    quick = is_quick(files_of(application.settings()).path(found.file_id))
    try:
        with application.database().transaction() as session:
            desk.choose_sheet(session, found, sheet, quick=quick, actor=actor().name, now=clock.now())
            if quick:
                keep_preview(application.settings(), desk.list_by_id(session, found.id))
    except BadInput as error:
        return _columns_page(found, preview, fault=desk_words.fault_told(error.message))
    return _to("screenings.columns" if quick else "screenings.show", list_id=found.id)


# --- the campaign -----------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/campaign")
@needs(Permission.SCREEN)
def campaign(list_id: UUID) -> Response:
    """Which campaign the list is for: a stored one, or one described here."""
    with application.database().reading() as session:
        found = _found(session, list_id)
        if desk.step_of(found, _task(session, found)) not in ("campaign", "failed", "cancelled"):
            return _to("screenings.show", list_id=list_id)
        chosen = _stored(session, request.args.get("stored"))
        return _campaign_page(session, found, campaign_form.values_of({}), stored=chosen)


@screenings.post("/screenings/<uuid:list_id>/campaign")
@needs(Permission.SCREEN)
def describe(list_id: UUID) -> Response:
    """The form: looked at while it is filled in, and at last taken."""
    now = clock.now()
    do = request.form.get("do", "look")
    given = {name: request.form.getlist(name) for name in request.form}
    values = campaign_form.values_of(given)
    if do != "start-stored" and (do != "start" or campaign_form.not_shown(values, given)):
        with application.database().reading() as session:
            found = _found(session, list_id)
            if _is_part():
                return _campaign_part(session, found, values)
            return _campaign_page(session, found, values, asked_more=do == "start")
    try:
        with application.database().transaction() as session:
            found = _found(session, list_id)
            if do == "start-stored":
                chosen = _stored(session, request.form.get("stored")) or abort(400)
            else:
                key = campaign_form.key_of(str(values["name"]), _planned(values) or now, list_id.hex[:6])
                chosen = campaign_form.campaign_from(values, key=key)
            desk.start(
                session,
                found,
                chosen,
                actor=actor().name,
                controllers=actor().controllers,
                language=application.language(),
                now=now,
                links=bool(request.form.get("links")),
                drop_duplicates=bool(request.form.get("drop_duplicates")),
            )
    except BadInput as error:
        told = desk_words.fault_told_of_campaign(error)
        with application.database().reading() as session:
            return _campaign_page(session, _found(session, list_id), values, fault=(error.field, told))
    return _to("screenings.show", list_id=list_id)


def _planned(values: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(values.get("planned_at") or ""))
    except ValueError:
        return None


def _stored(session: Session, key: str | None) -> Campaign | None:
    """The stored campaign of this key, where it is of a controller of theirs."""
    if not key:
        return None
    for known in desk.known_campaigns(session, actor().controllers):
        if known.key == key:
            return known.campaign
    return None


def _choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """What the selects of the form are filled with."""
    held = actor().controllers
    language = application.language()
    wanted = select(Controller.key, Controller.name).order_by(Controller.is_default.desc(), Controller.name)
    if held is not None:
        wanted = wanted.where(Controller.key.in_(list(held)))
    controllers = [(key, name or key) for key, name in session.execute(wanted)]

    def of(kind: str) -> list[tuple[str, str]]:
        named = [(key, names.get(language) or key) for key, names in desk.topics_of(session, held, kind)]
        return [("", gettext("None")), *named]

    return {"controllers": controllers, "newsletters": of("newsletter"), "product_groups": of("product_group")}


def _form_shown(session: Session, values: dict[str, Any]) -> dict[str, Any]:
    own = _choices(session)
    if not values.get("controller") and own["controllers"]:
        values["controller"] = own["controllers"][0][0]
    asked = campaign_form.questions_for(values)
    choices = {
        question.choices: own.get(question.choices) or desk_words.fixed_choices(question.choices)
        for question in asked
        if question.choices is not None
    }
    return {
        "asked": [question for question in asked if question.group == "campaign"],
        "message_asked": [question for question in asked if question.group == "message"],
        "values": values,
        "choices": choices,
        "gates": _gates(session, values),
        "with_links": values["channel"] in ELECTRONIC_CHANNELS,
    }


def _gates(session: Session, values: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """What speaks against the campaign as described so far; None while it cannot be judged."""
    try:
        described = campaign_form.campaign_from(
            {**values, "name": values.get("name") or "-", "topic": values.get("topic") or "-"}, key="look"
        )
    except BadInput:
        return None
    return _gates_told(session, described)


def _gates_told(session: Session, described: Campaign) -> list[dict[str, str]] | None:
    language = application.language()
    try:
        gates = desk.gates_of(session, described, now=clock.now())
    except ConsentmgrError:
        return None
    return [
        {
            "code": gate.code,
            "effect": gate.effect,
            "sentence": gate.sentence(language, described.channel),
            "law": gate.law(language),
        }
        for gate in gates
    ]


def _campaign_part(session: Session, found: ListView, values: dict[str, Any]) -> Response:
    return _page("desk_campaign_part.html", found=found, fault=None, **_form_shown(session, values))


def _campaign_page(
    session: Session,
    found: ListView,
    values: dict[str, Any],
    *,
    stored: Campaign | None = None,
    fault: tuple[str | None, str] | None = None,
    asked_more: bool = False,
) -> Response:
    known = desk.known_campaigns(session, actor().controllers)
    return _page(
        "desk_campaign.html",
        422 if fault else 200,
        found=found,
        known=[(one.key, one.name) for one in known],
        stored=stored,
        stored_gates=_gates_told(session, stored) if stored is not None else None,
        stored_links=stored is not None and stored.channel in ELECTRONIC_CHANNELS,
        fault=fault,
        asked_more=asked_more,
        **_form_shown(session, values),
    )


# --- under way, and done ----------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>")
@needs(Permission.SCREEN)
def show(list_id: UUID) -> Response:
    """Wherever the list is: the next question, the progress, or the answer."""
    with application.database().reading() as session:
        found = _found(session, list_id)
        task = _task(session, found)
        step = desk.step_of(found, task)
        if step in ("columns", "campaign"):
            return _to(f"screenings.{step}", list_id=list_id)
        if step == "done":
            return _result(session, found)
    if step in ("waiting", "running"):
        return _page("desk_progress.html", found=found, **_progress(task))
    if step == "forgotten":
        return _page("desk_forgotten.html", found=found, days=desk.KEEP_LISTS.days)
    told = str((task.result or {}).get("told") or "") if task is not None else ""
    fault = desk_words.fault_told(told) if told else gettext("Something went wrong here. Try again.")
    looked = task is None or task.kind != "look-at-list"
    return _page("desk_stopped.html", found=found, cancelled=step == "cancelled", fault=fault, again=looked)


def _progress(task: tasks.TaskView | None) -> dict[str, Any]:
    told = gettext("It waits for its turn.")
    if task is not None and task.state == "running":
        told = str(desk_words.STEPS.get(str(task.told.get("step")), gettext("It is under way.")))
        rows = task.told.get("rows")
        if rows:
            told = gettext("%(told)s %(rows)s rows.", told=told, rows=format_decimal(int(rows)))
    return {
        "done": task.done if task is not None else 0,
        "total": task.total if task is not None else None,
        "told": told,
    }


@screenings.get("/screenings/<uuid:list_id>/progress")
@needs(Permission.SCREEN)
def progress(list_id: UUID) -> Response:
    """The part of the progress page that moves; when all is done it sends the browser on."""
    with application.database().reading() as session:
        found = _found(session, list_id)
        task = _task(session, found)
        step = desk.step_of(found, task)
    if step not in ("waiting", "running"):
        if not _is_part():
            return _to("screenings.show", list_id=list_id)
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url_for("screenings.show", list_id=list_id)
        return response
    return _page("desk_progress_part.html", found=found, **_progress(task))


@screenings.post("/screenings/<uuid:list_id>/cancel")
@needs(Permission.SCREEN)
def cancel(list_id: UUID) -> Response:
    with application.database().transaction() as session:
        desk.stop(session, _found(session, list_id), actor=actor().name, now=clock.now())
    return _to("screenings.show", list_id=list_id)


@screenings.post("/screenings/<uuid:list_id>/again")
@needs(Permission.SCREEN)
def again(list_id: UUID) -> Response:
    """Screen the same list for the same campaign once more."""
    with application.database().transaction() as session:
        new_id = desk.again(session, _found(session, list_id), actor=actor().name, now=clock.now())
    return _to("screenings.show", list_id=new_id)


@screenings.post("/screenings/<uuid:list_id>/forget")
@needs(Permission.SCREEN)
def forget(list_id: UUID) -> Response:
    """Remove list and result now."""
    with application.database().transaction() as session:
        desk.forget(session, _found(session, list_id), application.settings(), actor=actor().name, now=clock.now())
    flash(gettext("The list and its result were removed. The certificate stays."), "done")
    return _to("screenings.overview")


def _result(session: Session, found: ListView) -> Response:
    """The answer: counts, reasons, rows, downloads, and what can be done now."""
    language = application.language()
    now = clock.now()
    summary = found.summary or {}
    described = desk.campaign_of_list(found)
    made = decisions.decisions_of(session, found)
    folder = result_folder(application.settings(), found)
    verdicts = {verdict: int(summary.get("verdicts", {}).get(verdict, 0)) for verdict in VERDICTS}
    here = url_for("screenings.rows", list_id=found.id)
    counted = None
    if verdicts["review"] and made:
        counted = stored_rows.decided_counts(folder, decisions.as_decided(made))
    known_mailers = handing.mailers(session, found.controller)
    return _page(
        "desk_result.html",
        found=found,
        campaign=described,
        now=now,
        expired=found.is_expired(now),
        lagging=desk.partners_that_lag(session, found, now=now),
        verdict_bars=[
            (desk_words.verdict_name(verdict), count, f"{here}?{urlencode({'verdict': verdict})}", _TONES[verdict])
            for verdict, count in verdicts.items()
        ],
        verdicts=verdicts,
        reasons=_reasons(summary, described, here, language),
        grounds=_grounds(summary, described, here, language),
        gates=[(code, sentence(code, language, described.channel)) for code in summary.get("gates", ())],
        decided=counted,
        review_reasons=_review_reasons(summary, described, language),
        handed=handing.handed_of(session, found),
        mailers=known_mailers,
        mailer_choices=[(str(one.account_id), one.name) for one in known_mailers],
        may_decide=may(Permission.DECIDE_REVIEW, found.controller),
        has_workbook=(found.rows or 0) <= WORKBOOK_ROWS,
        keep_days=desk.KEEP_LISTS.days,
        forgotten_on=found.created_at + desk.KEEP_LISTS,
    )


def _reasons(summary: Mapping[str, Any], described: Campaign, here: str, language: Any) -> list[dict[str, Any]]:
    """Reasons by how many rows they are the first of, with the law."""
    return [
        {
            "code": one["code"],
            "sentence": sentence(one["code"], language, described.channel),
            "law": BY_CODE[one["code"]].law(language),
            "stage": STAGES[BY_CODE[one["code"]].stage][language],
            "rows": one["review"] + one["block"],
            "fired": one["fired"],
            "tone": "bad" if one["block"] else "warn",
            "href": f"{here}?{urlencode({'reason': one['code']})}" if one["review"] + one["block"] else None,
        }
        for one in summary.get("reasons", ())
    ]


def _grounds(summary: Mapping[str, Any], described: Campaign, here: str, language: Any) -> list[dict[str, Any]]:
    return [
        {
            "code": one["code"],
            "sentence": sentence(one["code"], language, described.channel),
            "law": BY_CODE[one["code"]].law(language),
            "basis": LEGAL_BASIS_NAMES[one["basis"]][language] if one.get("basis") else None,
            "rows": one["rows"],
            "tone": "good",
            "href": f"{here}?{urlencode({'verdict': 'allow', 'reason': one['code']})}",
        }
        for one in summary.get("grounds", ())
    ]


def _review_reasons(summary: Mapping[str, Any], described: Campaign, language: Any) -> list[tuple[str, str]]:
    return [
        (one["code"], f"{sentence(one['code'], language, described.channel)} ({format_decimal(one['review'])})")
        for one in summary.get("reasons", ())
        if one["review"]
    ]


# --- rows -------------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/rows")
@needs(Permission.SCREEN)
def rows(list_id: UUID) -> Response:
    """The rows with one verdict, reason or number, some at a time."""
    verdict = request.args.get("verdict") or None
    reason = request.args.get("reason") or None
    number = _number(request.args.get("row"))
    if (verdict is not None and verdict not in VERDICTS) or (reason is not None and reason not in BY_CODE):
        abort(400)
    with application.database().reading() as session:
        found = _done(session, list_id)
        made = decisions.decisions_of(session, found)
    folder = result_folder(application.settings(), found)
    page = stored_rows.page_of(
        folder,
        verdict=verdict,
        reason=reason,
        number=number,
        after=_number(request.args.get("after")),
        before=_number(request.args.get("before")),
    )
    summary = found.summary or {}
    described = desk.campaign_of_list(found)
    language = application.language()
    newest = _decisions_shown(folder, made, page.rows)
    kept: dict[str, Any] = {
        name: value for name, value in (("verdict", verdict), ("reason", reason), ("row", number)) if value
    }

    def place(**more: Any) -> str:
        return url_for("screenings.rows", list_id=list_id, **kept, **more)

    reasons = [(code, sentence(code, language, described.channel)) for code in _codes(summary)]
    shown: dict[str, Any] = {
        "found": found,
        "rows": [_shown_row(row, described, newest.get(row.number)) for row in page.rows],
        "newer": place(before=page.before) if page.before else None,
        "older": place(after=page.after) if page.after else None,
        "verdict": verdict,
        "reason": reason,
        "number": number,
        "filtered": bool(kept),
        "may_decide": may(Permission.DECIDE_REVIEW, found.controller) and verdict == "review",
        "masked": not may(Permission.SEE_REGISTER, found.controller),
    }
    if _is_part():
        return _page("desk_rows_part.html", **shown)
    return _page(
        "desk_rows.html",
        verdict_choices=[("", gettext("All")), *((code, desk_words.verdict_name(code)) for code in VERDICTS)],
        reason_choices=[("", gettext("All")), *reasons],
        **shown,
    )


def _codes(summary: Mapping[str, Any]) -> list[str]:
    """The headline codes of a screening, commonest first."""
    against = [one["code"] for one in summary.get("reasons", ()) if one["review"] + one["block"]]
    return list(dict.fromkeys([*against, *(one["code"] for one in summary.get("grounds", ()))]))


def _number(text: str | None) -> int | None:
    """A row's number as somebody wrote it."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _done(session: Session, list_id: UUID) -> ListView:
    found = _found(session, list_id)
    if found.screening is None or found.forgotten_at is not None:
        raise NotFound("there are no rows to see")
    return found


def _decisions_shown(
    folder: Path, made: Sequence[decisions.Decision], shown: Sequence[stored_rows.Row]
) -> dict[int, decisions.Decision]:
    numbers = [row.number for row in shown if row.verdict == "review"]
    if not made or not numbers:
        return {}
    by_id = decisions.newest_for(made)
    newest = stored_rows.decided_of(folder, decisions.as_decided(made), numbers)
    return {number: by_id[decision] for number, decision in newest.items()}


def _shown_row(row: stored_rows.Row, described: Campaign, decided: decisions.Decision | None) -> dict[str, Any]:
    language = application.language()
    return {
        "number": row.number,
        "verdict": row.verdict,
        "reason": row.reason,
        "sentence": sentence(row.reason, language, described.channel),
        "law": BY_CODE[row.reason].law(language),
        "more": len(row.reasons) - 1,
        "who": _who(row, described.controller),
        "duplicate_of": row.duplicate_of,
        "decided": decided,
    }


def _who(row: stored_rows.Row, controller: str | None) -> list[str]:
    """What the list says of who the row is, masked unless the register may be seen."""
    seen = may(Permission.SEE_REGISTER, controller)
    fields = [field for field in ("email", "phone", "ref", "business_id", "street", "email_sha256", "phone_sha256")
              if field in row.identifiers][:2]  # fmt: skip
    return [row.identifiers[field] if seen else masked_value(field, row.identifiers[field]) for field in fields]


@screenings.get("/screenings/<uuid:list_id>/rows/<int:number>")
@needs(Permission.SCREEN)
def why(list_id: UUID, number: int) -> Response:
    """Why one row got its answer: the rules that spoke, the law, and what the register has of it."""
    now = clock.now()
    language = application.language()
    with application.database().reading() as session:
        found = _done(session, list_id)
        folder = result_folder(application.settings(), found)
        row = stored_rows.row_of(folder, number)
        described = desk.campaign_of_list(found)
        address_keys = AddressKeys(application.keys().address_key, application.keys().address_key_id)
        answer = explained_row(session, row.identifiers, described, keys=address_keys, now=now, language=language)
        made = decisions.decisions_of(session, found)
    newest = _decisions_shown(folder, made, [row]).get(number)
    seen = may(Permission.SEE_REGISTER, found.controller)
    if seen:
        with application.database().transaction() as session:
            read(session, at=now, actor=actor().name, object=f"list:{list_id}", detail={"row": number})
    reasons = [
        {
            "code": code,
            "sentence": sentence(code, language, described.channel),
            "law": BY_CODE[code].law(language),
            "when": BY_CODE[code].when,
            "stage": STAGES[BY_CODE[code].stage][language],
            "is_ground": code in GROUNDS,
        }
        for code in row.reasons
    ]
    who = [
        (desk_words.field_name(field), value if seen else masked_value(field, value))
        for field, value in row.identifiers.items()
    ]
    return _page(
        "desk_why.html",
        found=found,
        row=row,
        who=who,
        reasons=reasons,
        now_verdict=answer["verdict"],
        now_reason=sentence(answer["reason"], language, described.channel),
        changed=answer["verdict"] != row.verdict or answer["reason"] != row.reason,
        consulted=_consulted(answer["consulted"], row.evidence),
        decided=newest,
        may_decide=may(Permission.DECIDE_REVIEW, found.controller) and row.verdict == "review",
        kind_names=desk_words.KIND_NAMES,
        told=desk_words.entry_told,
    )


def _consulted(found: Mapping[str, Any], evidence: Sequence[str]) -> list[dict[str, Any]]:
    """What was consulted, by kind; what is of a controller whose data may not be seen is only counted."""
    held = actor().controllers_for(Permission.SEE_REGISTER)
    shown = []
    for kind, entries in found.items():
        theirs, others = [], 0
        for entry in entries:
            controllers = entry.get("controllers") or ([entry["controller"]] if entry.get("controller") else [])
            if held is not None and controllers and not held.intersection(controllers):
                others += 1
                continue
            theirs.append({"entry": entry, "decided": entry.get("id") in evidence})
        if theirs or others:
            shown.append({"kind": kind, "entries": theirs, "others": others})
    return shown


# --- decisions --------------------------------------------------------------------------------------------------------


@screenings.post("/screenings/<uuid:list_id>/decisions")
@needs(Permission.DECIDE_REVIEW)
def decide(list_id: UUID) -> Response:
    """Allow or block rows to review: those that were ticked, or all of one reason."""
    numbers = [number for text in request.form.getlist("row") if (number := _number(text)) is not None]
    reason = request.form.get("reason") or None
    back = url_for("screenings.rows", list_id=list_id, verdict="review")
    try:
        with application.database().transaction() as session:
            concerned = decisions.decide(
                session,
                _found(session, list_id),
                application.settings(),
                verdict=request.form.get("decision", ""),
                note=request.form.get("note", ""),
                actor=actor().name,
                now=clock.now(),
                rows=numbers,
                reason=reason if not numbers else None,
            )
    except BadInput as error:
        flash(desk_words.fault_told(error.message), "fault")
    else:
        flash(gettext("The decision on %(count)s rows is kept.", count=format_decimal(concerned)), "done")
        if reason:
            back = url_for("screenings.show", list_id=list_id)
    return make_response(redirect(back, 303))


# --- downloads --------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/files/<name>")
@needs(Permission.SCREEN)
def download(list_id: UUID, name: str) -> Response:
    """One of the files of a screening, named as beside a list at the terminal."""
    now = clock.now()
    if name not in (*_FILES, "decided"):
        raise NotFound("there is no such file")
    with application.database().transaction() as session:
        found = _done(session, list_id)
        path, mimetype = _file(session, found, name)
        if name == "decided" or _FILES[name][2]:
            read(
                session, at=now, actor=actor().name, object=f"list:{list_id}", detail={"file": name, "rows": found.rows}
            )
    return _sent(path, mimetype)


def _file(session: Session, found: ListView, name: str) -> tuple[Path, str]:
    if name == "decided":
        made = decisions.decisions_of(session, found)
        return decisions.write_decided(session, found, application.settings(), application.keys(), made), "text/csv"
    ending, mimetype, _ = _FILES[name]
    path = result_folder(application.settings(), found) / f"{(found.summary or {}).get('name') or 'list'}{ending}"
    if not path.is_file():
        raise NotFound("there is no such file")
    return path, mimetype


def _sent(path: Path, mimetype: str) -> Response:
    # Always as a file: nothing that somebody brought is shown as a page of ours.
    response = send_file(path, mimetype=mimetype, as_attachment=True, download_name=path.name, conditional=False)
    response.headers["Cache-Control"] = "no-store"
    return response


# --- what has changed -------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/changes")
@needs(Permission.SCREEN)
def changes(list_id: UUID) -> Response:
    """Which rows changed their verdict since the screening before."""
    with application.database().reading() as session:
        found = _done(session, list_id)
        if found.previous is None:
            raise NotFound("there was no screening before")
        earlier = _found(session, found.previous)
    before, after = result_folder(application.settings(), earlier), result_folder(application.settings(), found)
    described = desk.campaign_of_list(found)
    language = application.language()
    follow = _number(request.args.get("after")) or 0
    changed, on = stored_rows.changed_page(before, after, follow=follow)
    return _page(
        "desk_changes.html",
        found=found,
        earlier=earlier,
        counted=stored_rows.changes(before, after),
        rows=[
            {
                **_shown_row(row, described, None),
                "had": had,
                "had_reason": sentence(reason, language, described.channel),
            }
            for row, had, reason in changed
        ],
        newer=url_for("screenings.changes", list_id=list_id) if follow else None,
        older=url_for("screenings.changes", list_id=list_id, after=on) if on else None,
    )


# --- handing over -----------------------------------------------------------------------------------------------------


@screenings.post("/screenings/<uuid:list_id>/hand")
@needs(Permission.SCREEN)
def hand(list_id: UUID) -> Response:
    """Hand the allowed rows to a mailer."""
    try:
        with application.database().transaction() as session:
            handing.hand(
                session,
                _found(session, list_id),
                account_id=_number(request.form.get("account")) or 0,
                note=request.form.get("note", ""),
                with_decided=bool(request.form.get("with_decided")),
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as error:
        flash(desk_words.fault_told(error.message), "fault")
    else:
        flash(gettext("The list was handed over. The mailer finds it under “Handed to me”."), "done")
    return _to("screenings.show", list_id=list_id)


@screenings.post("/screenings/<uuid:list_id>/hand/<uuid:handed_id>/withdraw")
@needs(Permission.SCREEN)
def withdraw(list_id: UUID, handed_id: UUID) -> Response:
    with application.database().transaction() as session:
        handing.withdraw(session, _found(session, list_id), handed_id, actor=actor().name, now=clock.now())
    flash(gettext("The list was taken back."), "done")
    return _to("screenings.show", list_id=list_id)


@screenings.get("/handed")
@needs(Permission.HANDED_LISTS)
def handed() -> Response:
    """What was handed to whoever asks, and nothing else."""
    who = actor()
    with application.database().reading() as session:
        found = handing.handed_to(session, who.account_id, who.controllers)
    return _page("desk_handed.html", handed=found, now=clock.now())


@screenings.post("/handed/<uuid:handed_id>")
@needs(Permission.HANDED_LISTS)
def fetch(handed_id: UUID) -> Response:
    """Fetch a handed list: the allowed rows, or those a person allowed. It is noted, so it is asked for by a button."""
    now, who = clock.now(), actor()
    part = request.form.get("part", "allowed")
    try:
        with application.database().transaction() as session:
            one, found = handing.take(
                session, handed_id, account_id=who.account_id, controllers=who.controllers, now=now
            )
            if part not in ("allowed", "decided") or (part == "decided" and not one.with_decided):
                raise NotFound("there is no such file")
            path, mimetype = _file(session, found, part)
            read(
                session, at=now, actor=who.name, object=f"list:{found.id}", detail={"handed": str(one.id), "file": part}
            )
    except BadInput as error:
        flash(desk_words.fault_told(error.message), "fault")
        return _to("screenings.handed")
    return _sent(path, mimetype)


# --- a message --------------------------------------------------------------------------------------------------------


@screenings.get("/messages")
@needs(Permission.SCREEN)
def message() -> Response:
    """Upload a finished message and see whether it satisfies the gates of its campaign."""
    with application.database().reading() as session:
        return _message_page(session)


@screenings.post("/messages")
@needs(Permission.SCREEN)
@takes_up_to(LARGEST_MESSAGE + _FORM_BYTES)
def check_message() -> Response:
    given = request.files.get("message")
    with application.database().reading() as session:
        described = _campaign_named(session, request.form.get("campaign", ""))
        if described is None:
            return _message_page(session, fault=gettext("Choose the campaign that the message belongs to."))
        if given is None or not given.filename:
            return _message_page(session, fault=gettext("Choose the message: a file whose name ends in .eml."))
        try:
            findings = checked_message(
                session,
                given.stream.read(LARGEST_MESSAGE + 1),
                described,
                settings=application.settings(),
                links=current_app.extensions["links"],
                language=application.language(),
                now=clock.now(),
            )
        except BadInput as error:
            return _message_page(session, fault=desk_words.fault_told(error.message))
        return _message_page(session, findings=findings, described=described)


def _campaign_named(session: Session, named: str) -> Campaign | None:
    """A stored campaign (``campaign:KEY``), or that of a list screened here (``list:ID``)."""
    kind, _, key = named.partition(":")
    if kind == "campaign":
        return _stored(session, key)
    if kind == "list":
        try:
            found = _found(session, UUID(key))
        except (ValueError, NotFound):
            return None
        return desk.campaign_of_list(found) if found.campaign is not None else None
    return None


def _message_page(
    session: Session, *, findings: Any = None, described: Campaign | None = None, fault: str | None = None
) -> Response:
    who = actor()
    language = application.language()
    newest = desk.newest(session, actor=who.name, controllers=who.controllers, limit=25)
    lists = [
        (f"list:{one.id}", one.title)
        for one in newest
        if one.campaign is not None and one.campaign.get("channel") == "email"
    ]
    stored = [
        (f"campaign:{one.key}", one.name)
        for one in desk.known_campaigns(session, who.controllers)
        if one.campaign.channel == "email"
    ]
    return _page(
        "desk_message.html",
        422 if fault else 200,
        choices=[("", gettext("Choose")), *lists, *stored],
        chosen=request.form.get("campaign") or request.args.get("campaign") or "",
        findings=[
            {
                "name": one.name(language),
                "state": one.state,
                "state_name": STATE_NAMES[one.state][language],
                "tone": {"ok": "good", "failed": "bad", "unknown": "warn"}[one.state],
                "sentence": one.sentence,
                "law": one.law,
                "code": one.gate,
            }
            for one in findings or ()
        ],
        checked=findings is not None,
        failed=sum(one.state == "failed" for one in findings or ()),
        described=described,
        fault=fault,
    )
