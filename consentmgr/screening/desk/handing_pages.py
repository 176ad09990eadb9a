"""What leaves the desk: files of an answer, and allowed rows handed to a mailer."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from flask import Response, flash, request, send_file
from flask_babel import gettext
from sqlalchemy.orm import Session

from consentmgr.audit.service import read
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.screening.desk import decisions, handing, words
from consentmgr.screening.desk.door import own_list, page, screened_list, screenings, see_other, whole_number
from consentmgr.screening.desk.lists import ListView
from consentmgr.screening.desk.result_files import FILES, result_file
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission

# --- downloads --------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/files/<name>")
@needs(Permission.SCREEN)
def download(list_id: UUID, name: str) -> Response:
    """One of the files of a screening, named as beside a list at the terminal."""
    now = clock.now()
    if name not in (*FILES, "decided"):
        raise NotFound("there is no such file")
    with application.database().transaction() as session:
        found = screened_list(session, list_id)
        path, mimetype = _file(session, found, name)
        if name == "decided" or FILES[name].personal:
            read(
                session, at=now, actor=actor().name, object=f"list:{list_id}", detail={"file": name, "rows": found.rows}
            )
    return _sent(path, mimetype)


def _file(session: Session, found: ListView, name: str) -> tuple[Path, str]:
    if name == "decided":
        made = decisions.decisions_of(session, found)
        return decisions.write_decided(session, found, application.settings(), application.keys(), made), "text/csv"
    return result_file(application.settings(), found, name), FILES[name].mimetype


def _sent(path: Path, mimetype: str) -> Response:
    # Always as a file: nothing that somebody brought is shown as a page of ours.
    response = send_file(path, mimetype=mimetype, as_attachment=True, download_name=path.name, conditional=False)
    response.headers["Cache-Control"] = "no-store"
    return response


# --- handing over -----------------------------------------------------------------------------------------------------


@screenings.post("/screenings/<uuid:list_id>/hand")
@needs(Permission.SCREEN)
def hand(list_id: UUID) -> Response:
    """Hand the allowed rows to a mailer."""
    try:
        with application.database().transaction() as session:
            handing.hand(
                session,
                own_list(session, list_id),
                account_id=whole_number(request.form.get("account")) or 0,
                note=request.form.get("note", ""),
                with_decided=bool(request.form.get("with_decided")),
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as error:
        flash(words.fault_told(error.message), "fault")
    else:
        flash(gettext("The list was handed over. The mailer finds it under “Handed to me”."), "done")
    return see_other("screenings.show", list_id=list_id)


@screenings.post("/screenings/<uuid:list_id>/hand/<uuid:handed_id>/withdraw")
@needs(Permission.SCREEN)
def withdraw(list_id: UUID, handed_id: UUID) -> Response:
    with application.database().transaction() as session:
        handing.withdraw(session, own_list(session, list_id), handed_id, actor=actor().name, now=clock.now())
    flash(gettext("The list was taken back."), "done")
    return see_other("screenings.show", list_id=list_id)


@screenings.get("/handed")
@needs(Permission.HANDED_LISTS)
def handed() -> Response:
    """What was handed to whoever asks, and nothing else."""
    who = actor()
    with application.database().reading() as session:
        found = handing.handed_to(session, who.account_id, who.controllers)
    return page("handed.html", handed=found, now=clock.now())


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
        flash(words.fault_told(error.message), "fault")
        return see_other("screenings.handed")
    return _sent(path, mimetype)
