"""How a partner says that it holds a run: by link, or by a file beside the manifest. Both end in ``runs.acknowledge``.

The file is called as the manifest says (``KEY-SEQUENCE.ack.json``) and is either the manifest itself, given back, or
an object with ``schedule``, ``sequence`` and the ``files`` with the hashes that were found. A partner that has read
neither manifest nor files can therefore not say that it holds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.logs import log
from consentmgr.exports.destinations import opened
from consentmgr.exports.destinations.destination import Readable
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.exports.runs import READ_BACK, acknowledge, last_acknowledged, stem_of
from consentmgr.keys import Keys
from consentmgr.kit.errors import CheckFailed, ConsentmgrError, NotFound
from consentmgr.kit.sealing import unsealed
from consentmgr.kit.signing import public_jwk, verify_jws
from consentmgr.prohibitions.recovered import refuse_unrecovered

#: Of one schedule's unanswered runs so many are asked for, the newest first: who holds one holds those before it.
MOST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the page of an acknowledging link tells."""

    schedule: str
    partner: str
    controller: str
    sequence: int
    mode: str
    at: datetime | None


def run_by_id(session: Session, run_id: int) -> Acknowledged:
    """The run a link speaks of. Raises ``NotFound`` where it is gone or has not left."""
    run = session.get(ExportRun, run_id) if run_id < 1 << 63 else None
    if run is None or run.state != "published":
        raise NotFound("there is no such run, or it has not been published")
    schedule = session.get(ExportSchedule, run.schedule)
    assert schedule is not None
    return Acknowledged(
        schedule.key, schedule.partner, schedule.controller, run.sequence, run.mode, run.acknowledged_at
    )


def acknowledge_by_link(session: Session, run_id: int, *, now: datetime) -> Acknowledged:
    """Note what the partner said by its link; saying it again changes nothing. Flushes."""
    found = run_by_id(session, run_id)
    hold(session, found.schedule, found.sequence, by="link", actor=f"partner:{found.schedule}", now=now)
    return run_by_id(session, run_id)


def hold(session: Session, key: str, sequence: int, *, by: str, actor: str, now: datetime) -> None:
    """Note that a partner itself said that it holds a sequence; saying it again changes nothing. Flushes.

    Raises ``NotFound`` or ``BadInput`` for a sequence that is not there or has not left, and ``NotRecovered``.
    """
    refuse_unrecovered(session)
    acknowledge(session, key, sequence, by=by, actor=actor, now=now)


def check_answer(document: bytes, run: ExportRun, public_key: Mapping[str, Any]) -> None:
    """Raise ``CheckFailed`` with a sentence where what a partner left does not prove that it holds the run."""
    assert run.manifest is not None
    claims = verify_jws(run.manifest, public_key)
    try:
        said = json.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CheckFailed("the acknowledgement is not JSON") from None
    if not isinstance(said, dict):
        raise CheckFailed("the acknowledgement is not a JSON object")
    if (said.get("schedule"), said.get("sequence")) != (run.schedule, run.sequence):
        raise CheckFailed("the acknowledgement is of another run")
    if said.get("manifest") is not None:
        if said["manifest"] != run.manifest:
            raise CheckFailed("the acknowledgement holds another manifest than the one that was sent")
        return
    if _hashes(said.get("files")) != _hashes(claims["files"]):
        raise CheckFailed("the acknowledgement does not name the files that were sent, with their hashes")


def _hashes(files: object) -> dict[str, str] | None:
    """Hash by name; None where it is no list of files."""
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        return None
    return {str(file.get("name")): str(file.get("sha256")).lower() for file in files}


def collect(database: Database, settings: Settings, keys: Keys, now: datetime) -> tuple[int, int]:
    """Look for answers in every destination that can be read, and take those that hold; (taken, refused)."""
    with database.reading() as session:
        waiting = [
            (schedule.key, dict(schedule.destination), schedule.secrets, runs)
            for schedule in session.scalars(select(ExportSchedule).order_by(ExportSchedule.key))
            if schedule.destination["kind"] in READ_BACK and (runs := _unanswered(session, schedule.key))
        ]
    taken = refused = 0
    for key, options, secrets, runs in waiting:
        try:
            destination = opened(options, unsealed(secrets, keys.address_key), settings.private_destinations)
        except ConsentmgrError as error:
            log().warning("answers not read", schedule=key, problem=error.problem)
            continue
        try:
            assert isinstance(destination, Readable)
            for run in runs:
                document = destination.read(f"{stem_of(run)}.ack.json")
                if document is None:
                    continue
                try:
                    check_answer(document, run, public_jwk(keys.signing_key))
                except CheckFailed as error:
                    refused += 1
                    log().warning("answer refused", schedule=key, sequence=run.sequence, why=str(error))
                    continue
                with database.transaction() as session:
                    acknowledge(session, key, run.sequence, by="file", actor=f"partner:{key}", now=now)
                taken += 1
                break
        except ConsentmgrError as error:
            log().warning("answers not read", schedule=key, problem=error.problem)
        finally:
            destination.close()
    return taken, refused


def _unanswered(session: Session, schedule: str) -> list[ExportRun]:
    """The newest published runs after the last that was acknowledged, newest first, out of the session."""
    runs = list(
        session.scalars(
            select(ExportRun)
            .where(
                ExportRun.schedule == schedule,
                ExportRun.state == "published",
                ExportRun.sequence > (last_acknowledged(session, schedule) or 0),
            )
            .order_by(ExportRun.sequence.desc())
            .limit(MOST_RUNS)
        )
    )
    session.expunge_all()
    return runs
