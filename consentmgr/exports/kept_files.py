"""Files that stay here for a partner to fetch: where they lie, who may take them, and when they go.

The rows decide (``ExportLink``, ``ExportDownload``); the folder ``<data>/exports/kept/<run>`` only holds the bytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.exports.delivery_links import LinkEnded
from consentmgr.exports.models import ExportDownload, ExportLink, ExportRun, ExportSchedule
from consentmgr.kit.errors import BadInput
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.prohibitions.recovered import refuse_unrecovered


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file and how often it may still be taken by this link."""

    name: str
    bytes: int
    sha256: str
    left: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a link tells."""

    schedule: str
    partner: str
    controller: str
    sequence: int
    mode: str
    ends_at: datetime
    files: tuple[KeptFile, ...]


def kept_folder(settings: Settings, run_id: int, *, make: bool = False) -> Path:
    """Where the files of a run lie."""
    folder = settings.data_folder / "exports" / "kept" / str(run_id)
    if make:
        for part in (folder.parent.parent, folder.parent, folder):
            make_private_folder(part)
    return folder


def shown(session: Session, link_id: UUID, now: datetime) -> Shown:
    """What a link leads to. Changes nothing. Raises ``LinkEnded``."""
    link, run, schedule = _living(session, link_id, now)
    counted = session.execute(
        select(ExportDownload.name, func.count()).where(ExportDownload.link_id == link_id).group_by(ExportDownload.name)
    )
    taken = {str(row[0]): int(row[1]) for row in counted}
    files = tuple(
        KeptFile(file["name"], file["bytes"], file["sha256"], max(0, link.most_downloads - taken.get(file["name"], 0)))
        for file in link.files
    )
    return Shown(schedule.key, schedule.partner, schedule.controller, run.sequence, run.mode, link.expires_at, files)


def take(session: Session, settings: Settings, link_id: UUID, name: str, *, now: datetime) -> Path:
    """Count a download of one file and tell where it lies; the caller commits before a byte leaves.

    Raises ``LinkEnded`` where it may not be taken any more, ``BadInput`` where the link has no such file.
    """
    refuse_unrecovered(session)
    # Held until the commit, so that two who take the last one at once do not both get it.
    session.execute(select(ExportLink.id).where(ExportLink.id == link_id).with_for_update())
    found = shown(session, link_id, now)
    file = next((one for one in found.files if one.name == name), None)
    if file is None:
        raise BadInput("this link has no such file", field="file")
    if file.left == 0:
        raise LinkEnded("the file has been downloaded as often as was agreed")
    link, run, _ = _living(session, link_id, now)
    path = kept_folder(settings, run.id) / name
    if not path.is_file():
        raise LinkEnded("the file is no longer kept here")
    session.add(ExportDownload(link_id=link.id, name=name, at=now))
    record(
        session,
        at=now,
        actor=f"partner:{found.schedule}",
        action="downloaded",
        object=f"export:{found.schedule}",
        detail={"sequence": found.sequence, "file": name},
    )
    session.flush()
    return path


def close_ended(session: Session, settings: Settings, now: datetime) -> int:
    """Take away files whose links have all ended; how many links were closed. The bytes go first."""
    ended = list(
        session.scalars(select(ExportLink).where(ExportLink.closed_at.is_(None), ExportLink.expires_at <= now))
    )
    for link in ended:
        link.closed_at = now
    session.flush()
    for run_id in {link.run_id for link in ended}:
        open_ones = session.scalar(
            select(func.count())
            .select_from(ExportLink)
            .where(ExportLink.run_id == run_id, ExportLink.closed_at.is_(None))
        )
        if not open_ones:
            shutil.rmtree(kept_folder(settings, run_id), ignore_errors=True)
    return len(ended)


def _living(session: Session, link_id: UUID, now: datetime) -> tuple[ExportLink, ExportRun, ExportSchedule]:
    row: Any = session.execute(
        select(ExportLink, ExportRun, ExportSchedule)
        .join(ExportRun, ExportRun.id == ExportLink.run_id)
        .join(ExportSchedule, ExportSchedule.key == ExportRun.schedule)
        .where(ExportLink.id == link_id)
    ).one_or_none()
    if row is None or row[0].closed_at is not None or row[0].expires_at <= now:
        raise LinkEnded("the time of this link is over")
    return row[0], row[1], row[2]
