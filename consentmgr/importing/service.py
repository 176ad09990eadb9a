"""Taking in whole files: batch by batch, each in one transaction with the number of the next line.

While one batch is being written, the next is read and its address keys are made in a thread of their own, because
most of the time of a write is PostgreSQL's. A killed import goes on with the first line that was not committed; a
finished one may be run again and changes nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import sleep
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.importing.address_book import AddressBook
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.changes import REJECTED, Changes
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.rejects import Rejection, RejectsFile
from consentmgr.importing.sources import DocumentLines, Item, Source, items_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import Unavailable
from consentmgr.kit.progress import Advance
from consentmgr.register.import_batches import (
    advance_batch,
    begin_batch,
    finish_batch,
    is_importing,
    unfinished_batch,
)

__all__ = ["BATCH_DOCUMENTS", "ImportReport", "apply_documents", "import_documents"]

#: Documents, and bytes of lines, after which a batch is full.
BATCH_DOCUMENTS = 20_000
BATCH_BYTES = 32_000_000
#: Rejections that are told in the report itself; the rejects file has them all.
TOLD_REJECTIONS = 20
#: Seconds to wait for another process that imports the same file, such as one just killed, to be gone.
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or with ``dry_run`` would do.

    ``resumed_at`` is the line a killed import was taken up at, else 1. ``told`` are the first rejections, in order.
    ``rejects`` is the file of all rejected lines, None where there is none.
    """

    name: str
    sha256: str
    lines: int
    changes: Changes
    dry_run: bool
    resumed_at: int = 1
    rejected: int = 0
    told: tuple[tuple[int, Rejection], ...] = ()
    rejects: Path | None = None


@dataclass(slots=True, repr=False)
class _Portion:
    """A batch as it is read: what can be applied, and what was refused in reading."""

    items: list[Item]
    documents: list[FileDocument] = field(default_factory=list)
    #: The place in ``items`` of each document.
    places: list[int] = field(default_factory=list)
    book: AddressBook | None = None

    @property
    def last_line(self) -> int:
        return self.items[-1].line


def import_documents(
    database: Database,
    source: Source | DocumentLines,
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    rejects_path: Path | None = None,
    options: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    progress: Advance | None = None,
    batch_documents: int = BATCH_DOCUMENTS,
) -> ImportReport:
    """Take in a source. Rejected lines go whole to ``rejects_path``; all others are in the register afterwards.

    ``options`` tell apart imports of the same bytes that mean different things (a table's kind, a source): only an
    import with the same bytes and options is taken up again. With ``dry_run`` everything is done in one transaction
    that is undone, and no rejects file is written.
    """
    with _without_collector():
        if dry_run:
            return _preview(database, source, keys, actor, now, progress, batch_documents)
        with database.transaction() as holder:
            # Held by this connection, so that it ends with the process, however that ends.
            for _ in range(_PATIENCE):
                if not is_importing(holder, source.sha256):
                    break
                sleep(1)
            else:
                raise Unavailable(f"{source.name} is being imported by another process")
            return _import(database, source, keys, actor, now, rejects_path, options or {}, progress, batch_documents)


def _import(
    database: Database,
    source: Source | DocumentLines,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    rejects_path: Path | None,
    options: Mapping[str, Any],
    progress: Advance | None,
    batch_documents: int,
) -> ImportReport:
    with database.transaction() as session:
        batch = unfinished_batch(session, source.sha256, options) or begin_batch(
            session, file_name=source.name, sha256=source.sha256, options=options, actor=actor, now=now
        )
    in_order = getattr(source, "in_order", True)
    if not in_order:
        # There is no first line that is not yet taken, so such a source is begun anew; what was taken is unchanged.
        batch = replace(batch, next_line=1, counts={})
    changes = Changes.from_json(batch.counts)
    told: list[tuple[int, Rejection]] = []
    rejects = RejectsFile(rejects_path, from_line=batch.next_line) if rejects_path is not None else None
    if progress is not None and batch.next_line > 1:
        progress(batch.next_line - 1)
    before = batch.next_line - 1
    try:
        for portion in _portions(source, batch.next_line, keys, batch_documents):
            with database.transaction() as session:
                done = _apply(session, portion, keys, actor, now, changes)
                _note(source, portion, done, rejects, told)
                if rejects is not None:
                    # On the disk before the register forgets that these lines are still to be taken.
                    rejects.settle()
                next_line = portion.last_line + 1 if in_order else 1
                advance_batch(session, batch.id, next_line=next_line, counts=changes.as_json())
            if progress is not None and in_order:
                progress(portion.last_line - before)
            before = portion.last_line
            gc.collect()
        with database.transaction() as session:
            finish_batch(session, batch.id, now=now)
    finally:
        if rejects is not None:
            rejects.close()
    return ImportReport(
        source.name,
        source.sha256,
        len(source),
        changes,
        dry_run=False,
        resumed_at=batch.next_line,
        rejected=changes.total(REJECTED),
        told=tuple(told),
        rejects=rejects.path if rejects is not None and rejects.count else None,
    )


class _Undone(Exception):
    """Ends the transaction of a preview."""


def _preview(
    database: Database,
    source: Source | DocumentLines,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    progress: Advance | None,
    batch_documents: int,
) -> ImportReport:
    changes = Changes()
    told: list[tuple[int, Rejection]] = []
    before = 0
    try:
        with database.transaction() as session:
            for portion in _portions(source, 1, keys, batch_documents):
                _note(source, portion, _apply(session, portion, keys, actor, now, changes), None, told)
                if progress is not None:
                    progress(portion.last_line - before)
                before = portion.last_line
                gc.collect()
            raise _Undone
    except _Undone:
        pass
    return ImportReport(
        source.name,
        source.sha256,
        len(source),
        changes,
        dry_run=True,
        rejected=changes.total(REJECTED),
        told=tuple(told),
    )


def _apply(
    session: Session, portion: _Portion, keys: AddressKeys, actor: str, now: datetime, changes: Changes
) -> dict[int, Rejection]:
    """Apply a batch, sum up its changes, and give its rejections by their place in the batch."""
    done = apply_documents(session, portion.documents, keys=keys, actor=actor, now=now, book=portion.book)
    rejected = {portion.places[place]: rejection for place, rejection in done.rejected.items()}
    for place, item in enumerate(portion.items):
        if isinstance(item.content, Rejection):
            rejected[place] = item.content
            done.count("line", REJECTED)
    changes.add(done)
    return rejected


def _note(
    source: Source | DocumentLines,
    portion: _Portion,
    rejected: Mapping[int, Rejection],
    rejects: RejectsFile | None,
    told: list[tuple[int, Rejection]],
) -> None:
    for place in sorted(rejected):
        item, rejection = portion.items[place], rejected[place]
        if len(told) < TOLD_REJECTIONS:
            told.append((item.line, Rejection(rejection.reason, rejection.field)))
        if rejects is not None:
            rejects.add(item.line, rejection, _whole(source, item, rejection))


def _whole(source: Source | DocumentLines, item: Item, rejection: Rejection) -> bytes | str:
    """The rejected line as it came."""
    if item.raw is not None:
        return item.raw
    if rejection.record is not None:
        return rejection.record
    assert not isinstance(source, DocumentLines)
    return source.record(item.line)


def _portions(
    source: Source | DocumentLines, from_line: int, keys: AddressKeys, batch_documents: int
) -> Iterator[_Portion]:
    """The source in batches, each read while the one before it is written. A line is never parted."""
    items = items_of(source, from_line)
    pending: list[Item] = []

    def read() -> _Portion | None:
        batch, size = list(pending), 0
        pending.clear()
        for item in items:
            full = len(batch) >= batch_documents or size >= BATCH_BYTES
            if full and item.line != batch[-1].line:
                pending.append(item)
                break
            batch.append(item)
            size += len(item.raw) if item.raw is not None else 0
        if not batch:
            return None
        portion = _Portion([item if item.raw is not None else _without_null(item) for item in batch])
        for place, item in enumerate(portion.items):
            if not isinstance(item.content, Rejection):
                portion.documents.append(item.content)
                portion.places.append(place)
        portion.book = AddressBook(keys, portion.documents)
        return portion

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-reader") as reader:
        coming: Future[_Portion | None] = reader.submit(read)
        while (portion := coming.result()) is not None:
            coming = reader.submit(read)
            yield portion


def _without_null(item: Item) -> Item:
    """Lines of documents were looked through for null characters; cells of tables are here."""
    if isinstance(item.content, Rejection) or b"\\u0000" not in msgspec.json.encode(item.content):
        return item
    return Item(item.line, Rejection("the row holds a NUL character, which no text may have"))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of small objects live and die here without ever pointing in circles.

    Looking for circles among them takes a third of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
