"""Kinds of work for the tests of long work, and a process that does one, whose argument is its id."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

from consentmgr.config import Settings, load_settings
from consentmgr.db import Database, open_database
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput
from consentmgr.scheduler import TaskKind, do_task
from consentmgr.timetable.tasks import Progress, TaskView


def count(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:
    """Counts to ``to``; before the last it waits until the file ``wait_for`` is there, or for ever."""
    to = int(task.subject["to"])
    for number in range(1, to):
        progress(number, to, step="counting")
    waits_for = task.subject.get("wait_for")
    pause = threading.Event()
    while waits_for and not Path(waits_for).exists():
        pause.wait(0.02)
        progress(to - 1, to)
    return {"counted": to, "attempt": task.attempt}


def refuse(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:
    raise BadInput("there is no such column", file="list.csv")


def fail(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:
    raise ValueError("aino.virtanen@posti.example")


WORKS = tuple(TaskKind(name, f"tests.timetable.works:{name}") for name in ("count", "refuse", "fail"))

if __name__ == "__main__":
    told = load_settings(os.environ)
    with open_database(told) as opened:
        do_task(opened, told, UUID(sys.argv[1]), WORKS)
