"""The processes that do long work: started here, and looked after until they end.

A process of a task outlives the one that started it, so a restart of the web server ends no screening. Where the one
that started it is still there it learns of its end at once; otherwise the heartbeat tells.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import consentmgr
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.kit import clock
from consentmgr.timetable.models import Task
from consentmgr.timetable.tasks import claim, give_back


@dataclass(frozen=True, slots=True)
class _Started:
    process: subprocess.Popen[bytes]
    #: The attempt it will be.
    attempt: int


#: The children of this process, by task.
_CHILDREN: Final[dict[UUID, _Started]] = {}
_LOCK: Final = threading.Lock()


def environment_of(settings: Settings) -> dict[str, str]:
    """Our own environment, saying what these settings say and finding this very code."""
    told = {
        "CONSENTMGR_DATA": str(settings.data_folder),
        "CONSENTMGR_PUBLIC_URL": settings.public_url,
        "CONSENTMGR_LANGUAGE": settings.language,
        "CONSENTMGR_SCREENING_MEMORY": f"{settings.screening_memory // 1_000_000}MB",
        **settings.secrets,
    }
    if settings.database_url is not None:
        told["CONSENTMGR_DATABASE_URL"] = settings.database_url
    code = str(Path(consentmgr.__file__).resolve().parents[1])
    path = os.pathsep.join(part for part in (code, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, **told, "PYTHONPATH": path}


def start(settings: Settings, task_id: UUID) -> subprocess.Popen[bytes]:
    """Start the process of a claimed task, apart from ours: what ends us does not end it."""
    return subprocess.Popen(
        [sys.executable, "-m", "consentmgr", "task", "run", str(task_id)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment_of(settings),
        start_new_session=True,
    )


def start_waiting(database: Database, settings: Settings) -> int:
    """Start a process for every task that waits, as many as may run at once; how many were started."""
    look_after_children(database)
    started = 0
    while True:
        with database.transaction() as session:
            task_id = claim(session, now=clock.now())
            row = session.get(Task, task_id) if task_id is not None else None
            attempt = row.attempt + 1 if row is not None else 0
        if task_id is None:
            return started
        with _LOCK:
            _CHILDREN[task_id] = _Started(start(settings, task_id), attempt)
        started += 1


def look_after_children(database: Database) -> None:
    """Give back the tasks of children that ended without a word."""
    with _LOCK:
        ended = {task: child for task, child in _CHILDREN.items() if child.process.poll() is not None}
        for task in ended:
            del _CHILDREN[task]
    for task, child in ended.items():
        with database.transaction() as session:
            give_back(session, task, attempt=child.attempt, now=clock.now())


def child_of(task_id: UUID) -> subprocess.Popen[bytes] | None:
    """The process of a task where this process started it and it has not been seen to end."""
    with _LOCK:
        child = _CHILDREN.get(task_id)
    return child.process if child is not None else None
