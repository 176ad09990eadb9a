"""What the desk's long work does, in a process of its own: looking at a packed list, and screening one.

Both may be done twice: a look writes one file anew, and a screening that ended before its process died is found
recorded and is not made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.uploads import held as held_uploads
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.screening.answers import Answers
from consentmgr.screening.desk.decisions import Decision, carried_in, decisions_of, keep_carried
from consentmgr.screening.desk.lists import (
    ListView,
    campaign_of_list,
    files_of,
    forget,
    held,
    list_by_id,
    result_folder,
    to_forget,
)
from consentmgr.screening.desk.previews import LIMITS, Preview, looked_at
from consentmgr.screening.desk.stored_rows import write_rows
from consentmgr.screening.lists import CampaignList, read_list
from consentmgr.screening.models import ListScreening
from consentmgr.screening.outputs import refuse_screened_before, write_results
from consentmgr.screening.publication import OutputPaths
from consentmgr.screening.reports import ReportData, workbook_summary
from consentmgr.screening.run import screen_and_publish
from consentmgr.timetable.tasks import Progress, TaskView

#: A file without a row was brought by nobody: no upload takes so long.
STRAY_AFTER: Final = timedelta(days=1)
#: The clock's part acts under this name.
ACTOR: Final = "scheduler"
#: Longer results get no workbook: a person does not read so many rows, and Excel opens a million of them only just.
WORKBOOK_ROWS: Final = 100_000
_PREVIEW: Final = "preview.json"
_STEPS: Final = 4


def look_at_list(
    database: Database,
    settings: Settings,
    keys: Keys,
    task: TaskView,
    progress: Progress,
) -> dict[str, Any]:
    """Keep a first look at a list beside it."""
    del keys  # A look asks for none; every task is handed them.
    found = _list_of(database, task)
    progress(0, 1, step="looking")
    preview = keep_preview(settings, found)
    progress(1, 1)
    return {"columns": len(preview.columns)}


def keep_preview(settings: Settings, found: ListView) -> Preview:
    """Look at a list and keep what was seen beside it; it is seen again wherever it is asked for."""
    store = files_of(settings)
    preview = looked_at(store.path(found.file_id), name=found.file_name, sheet=found.sheet)
    told = json.dumps(preview.as_json(), ensure_ascii=False)
    place = store.folder(found.file_id) / f"{found.id.hex}.{_PREVIEW}"
    passing = place.with_suffix(f".{os.getpid()}")
    passing.write_text(told, encoding="utf-8")
    passing.replace(place)
    return preview


def kept_preview(settings: Settings, found: ListView) -> Preview | None:
    """What was seen of a list, if it was looked at, and at the sheet that is meant."""
    place = files_of(settings).folder(found.file_id) / f"{found.id.hex}.{_PREVIEW}"
    if not place.is_file():
        return None
    preview = Preview.of_json(json.loads(place.read_text(encoding="utf-8")))
    return preview if found.sheet in (None, preview.sheet) else None


def screen_list(
    database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress
) -> dict[str, Any]:
    """Screen a list as the command does, and keep its rows for the pages."""
    found = _list_of(database, task)
    if found.screening is not None:
        return {"screening": str(found.screening)}
    progress(0, _STEPS, step="reading")
    # What a person confirmed is all there is to know of the columns; what a programme named comes beside their names.
    named = found.mapping if found.mapping is not None else found.options.get("columns") or {}
    lst = read_list(
        files_of(settings).path(found.file_id),
        name=found.file_name,
        mapping={field: str(column) for field, column in named.items()} or None,
        sheet=found.sheet,
        limits=LIMITS,
        only_mapped=found.mapping is not None,
    )
    refuse_screened_before(lst)
    progress(1, _STEPS, step="asking", rows=len(lst))
    folder = result_folder(settings, found)
    # What a process that died left half done is no use to anybody.
    shutil.rmtree(folder, ignore_errors=True)
    make_private_folder(folder)
    name = Path(lst.name).stem or "list"
    done = 1

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, _STEPS, step="writing")

    carried: list[Decision] = []

    def beside(answers: Answers, report: ReportData) -> None:
        write_rows(lst, answers, folder)
        carried.extend(_carried(database, settings, found))
        _write_workbook(lst, answers, report, folder / f"{name}.screened.xlsx")
        progress(_STEPS - 1, _STEPS, step="recording")

    now = clock.now()
    report = screen_and_publish(
        database,
        settings,
        keys,
        lst,
        lambda _session: campaign_of_list(found),
        paths_in(folder, name),
        language=found.language,
        engine=None,
        actor=found.actor,
        now=now,
        drop_duplicates=bool(found.options.get("drop_duplicates")),
        stdout=None,
        advance=advance,
        with_links=bool(found.options.get("links")),
        beside=beside,
        record_too=lambda session, made: _record(session, found, made, carried, now),
    )
    return {"screening": str(report.certificate_id), "rows": report.rows}


def paths_in(folder: Path, name: str) -> OutputPaths:
    """The files of a screening, named as beside a list at the terminal."""
    endings = (".allowed.csv", ".report.html", ".report.json", ".certificate.json")
    return OutputPaths(folder / f"{name}.screened.csv", "csv", *(folder / f"{name}{ending}" for ending in endings))


def _write_workbook(lst: CampaignList, answers: Answers, report: ReportData, path: Path) -> None:
    if len(lst) <= WORKBOOK_ROWS:
        write_results(lst, answers, path, "xlsx", summary=workbook_summary(report))


def _carried(database: Database, settings: Settings, found: ListView) -> list[Decision]:
    """Decisions of the screening before that hold on."""
    if found.previous is None:
        return []
    with database.reading() as session:
        earlier = list_by_id(session, found.previous)
        return carried_in(settings, found, earlier, decisions_of(session, earlier))


def _record(session: Session, found: ListView, report: ReportData, carried: Sequence[Decision], now: datetime) -> None:
    keep_carried(session, found, carried, screening=report.certificate_id, now=now)
    session.execute(
        update(ListScreening)
        .where(ListScreening.id == found.id)
        .values(
            screening=report.certificate_id,
            rows=report.rows,
            screened_at=now,
            valid_until=report.valid_until,
            summary=summary_of(report),
        )
    )


def summary_of(report: ReportData) -> dict[str, Any]:
    """What the pages show of a screening without opening its rows: counts and codes, no personal data."""
    return {
        "verdicts": {str(verdict): count for verdict, count in report.verdicts.items()},
        "reasons": [
            {"code": one.code, "review": one.review, "block": one.block, "fired": one.fired} for one in report.reasons
        ],
        "grounds": [{"code": one.code, "rows": one.rows, "basis": one.legal_basis} for one in report.grounds],
        "gates": [one.code for one in report.gates],
        "repeated": report.repeated,
        "name": Path(report.list.name).stem or "list",
        "looser": list(report.looser),
        "relies_on": [
            {"schedule": one.schedule, "partner": one.name, "most_lag_hours": one.most_lag_hours}
            for one in report.partners
        ],
    }


def _list_of(database: Database, task: TaskView) -> ListView:
    with database.reading() as session:
        return list_by_id(session, UUID(str(task.subject["list_screening"])))


def forget_lists(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Forget lists and results whose time is over, and files nobody ever noted; for once a day."""
    with database.reading() as session:
        over = to_forget(session, now=now)
    for found in over:
        with database.transaction() as session:
            forget(session, found, settings, actor=ACTOR, now=now)
    strays = forget_strays(database, settings, now)
    told = [f"{len(over)} lists forgotten"] * bool(over) + [f"{strays} stray files removed"] * bool(strays)
    return ", ".join(told)


def forget_strays(database: Database, settings: Settings, now: datetime) -> int:
    """Remove files of the store that no row speaks of; how many.

    A file is there before the row that notes it. Where the transaction of that row came to nothing, or its process died,
    a list of people would lie there for ever. Lists and files to import lie in the one store.
    """
    store = files_of(settings)
    found = store.untouched_since(now - STRAY_AFTER)
    if not found:
        return 0
    with database.reading() as session:
        strays = found - held(session, found) - held_uploads(session, found)
    for file_id in strays:
        store.forget(file_id)
    return len(strays)
