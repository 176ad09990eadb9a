"""Processes that deliver or run exports and may be killed: each is forked, so that one costs milliseconds.

``python -m tests.exports.forks`` in an installation's environment reads one JSON command a line and answers with one
line for the processes it forked, ``{"pids": [...]}``, and one when they have ended, ``{"ended": [...]}``: the exit
code of each, or the negative number of the signal that ended it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

# Imported once here, not in each child.
import asyncssh  # noqa: F401
import botocore.auth
import botocore.credentials  # noqa: F401
import pyarrow.csv  # noqa: F401
from sqlalchemy import create_engine, event

from consentmgr.config import load_settings
from consentmgr.db import Database
from consentmgr.exports.destinations import opened
from consentmgr.exports.due import due_slots
from consentmgr.exports.jobs import run_due
from consentmgr.exports.models import ExportSchedule
from consentmgr.keys import load_keys
from consentmgr.kit.errors import NotDelivered

HERE = (ip_network("127.0.0.0/8"),)
#: What a child ends with where the destination did not take the file.
NOT_DELIVERED = 3
#: What the world can see of a process: what it does to files. Statements and commits are counted by SQLAlchemy.
SEEN = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "shutil.rmtree"}


def put(asked: dict[str, Any]) -> int:
    """Deliver one file. ``room``: bytes a file may grow to before the disk is full."""
    if asked.get("room") is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["room"], resource.RLIM_INFINITY))
    try:
        destination = opened(asked["options"], asked["secrets"], HERE)
        try:
            for _ in range(asked.get("times", 1)):
                destination.put(asked["name"], Path(asked["source"]))
        finally:
            destination.close()
    except NotDelivered:
        return NOT_DELIVERED
    return 0


def _own_database() -> Database:
    url = load_settings(os.environ).database_url
    assert url is not None
    return Database(create_engine(url.replace("postgresql://", "postgresql+psycopg://"), hide_parameters=True))


def follow(asked: dict[str, Any]) -> int:
    """Be a scheduler until every slot that has come by ``now`` was run."""
    settings = load_settings(os.environ)
    keys, now = load_keys(settings), datetime.fromisoformat(asked["now"])
    with _own_database() as database:
        while True:
            with database.reading() as session:
                schedule = session.get(ExportSchedule, asked["key"])
                assert schedule is not None
                if not due_slots(session, schedule, now):
                    return 0
            run_due(database, settings, keys, now)


def run(asked: dict[str, Any]) -> int:
    """Look once what is due and run it; with ``die_at`` be killed at the so manieth thing that is seen outside.

    Without, their number is written to the file ``count``.
    """
    settings = load_settings(os.environ)
    keys = load_keys(settings)
    counted = 0

    def count(*_: object, **__: object) -> None:
        nonlocal counted
        counted += 1
        if counted == asked.get("die_at"):
            os.kill(os.getpid(), signal.SIGKILL)

    with _own_database() as database:
        # What was done is lost if the process ends before the commit, and stands if it ends after.
        for when in ("before_cursor_execute", "commit"):
            event.listen(database.engine, when, count)
        sys.addaudithook(lambda name, _arguments: count() if name in SEEN else None)
        told = run_due(database, settings, keys, datetime.fromisoformat(asked["now"]))
    total = counted
    if asked.get("count"):
        Path(asked["count"]).write_text(str(total), encoding="ascii")
    return 0 if told == "1 published, 0 failed" else 1


DOES: dict[str, Callable[[dict[str, Any]], int]] = {"put": put, "follow": follow, "run": run}


def forked(work: Callable[[dict[str, Any]], int], asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = work(asked)
    except BaseException:  # noqa: BLE001 - told where the test looks
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def answer(**told: list[int]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        pids = [forked(DOES[asked["do"]], asked) for _ in range(asked.get("processes", 1))]
        answer(pids=pids)
        ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        answer(ended=ended)


if __name__ == "__main__":
    main()
