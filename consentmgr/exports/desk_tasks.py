"""The clock's door to what was asked for at the desk: a run, a preview, a try of the connection. Each may run twice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.exports.content import gather, reasons_of_set
from consentmgr.exports.destinations import BY_SCHEME, opened
from consentmgr.exports.runs import host_and_process, run_schedule, schedule_of
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import NotDelivered
from consentmgr.kit.sealing import unsealed
from consentmgr.timetable.tasks import Progress, TaskView

#: Steps of a run, for its bar.
_STEPS = 4
#: Rows of a preview that are shown.
_SAMPLE = 10


def run_export(
    database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress
) -> dict[str, Any]:
    """Run a schedule now, by the claim that every run goes by, so that it never happens beside another one."""
    done = 0

    def tell(_step: str) -> None:
        nonlocal done
        done += 1
        progress(done, _STEPS)

    published = run_schedule(
        database,
        settings,
        keys,
        str(task.subject["schedule"]),
        full=bool(task.subject.get("full")),
        actor=task.actor,
        claimed_by=host_and_process(),
        now=clock.now(),
        tell=tell,
    )
    if published is None:
        return {"elsewhere": True}
    return {
        "sequence": published.sequence,
        "mode": published.mode,
        "came": published.came,
        "went": published.went,
        "rows": sum(file.rows for file in published.files),
    }


def preview_export(
    database: Database,
    settings: Settings,  # noqa: ARG001 - a task
    keys: Keys,
    task: TaskView,
    progress: Progress,  # noqa: ARG001 - a task
) -> dict[str, Any]:
    """Count what a schedule would send now and why, and send nothing. Of the first rows only their keys are kept."""
    with Session(database.engine.execution_options(isolation_level="REPEATABLE READ")) as session:
        counts = gather(
            session,
            schedule_of(session, str(task.subject["schedule"])),
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            now=clock.now(),
        )
        reasons = reasons_of_set(session)
        first = driver_connection(session).execute(
            "SELECT address_key, kind, reason FROM export_now ORDER BY address_key LIMIT %s", [_SAMPLE]
        )
        sample = [{"key": str(key), "kind": kind, "reason": reason} for key, kind, reason in first]
        session.rollback()
    return {
        "rows": counts.rows,
        "weighed": counts.weighed,
        "left_out": counts.left_out,
        "reasons": [[reason, number] for reason, number in reasons],
        "sample": sample,
    }


def try_export(
    database: Database,
    settings: Settings,
    keys: Keys,
    task: TaskView,
    progress: Progress,  # noqa: ARG001 - a task
) -> dict[str, Any]:
    """Put a file of one line where a schedule's files go; it holds nobody's data and tells that the way is open."""
    with database.reading() as session:
        schedule = schedule_of(session, str(task.subject["schedule"]))
        options, name = dict(schedule.destination), f"{schedule.key}.connection-test.txt"
        secrets = unsealed(schedule.secrets, keys.address_key)
    kind = BY_SCHEME.get(str(options["kind"]))
    if kind is not None and kind.open_here is not None:
        # Nothing leaves the house by itself; the mail of a run is what would.

        return {"reached": True, "file": None}
    with tempfile.TemporaryDirectory(prefix="consentmgr-") as folder:
        file = Path(folder) / name
        file.write_text("This file shows that files arrive here. It may be removed.\n", encoding="utf-8")
        try:
            destination = opened(options, secrets, settings.private_destinations)
            try:
                destination.put(name, file)
            finally:
                destination.close()
        except NotDelivered as error:
            return {"reached": False, "told": str(error)[:300]}
    return {"reached": True, "file": None if str(options["kind"]).startswith("webhook") else name}
