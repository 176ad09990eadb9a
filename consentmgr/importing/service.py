"""Taking in whole files: batch by batch, each in one transaction with the number of the next line.

While PostgreSQL stores the rows of one batch and commits them, the next is read and its address keys are made. A killed
import goes on with the first line that was not committed; a finished one may be run again and changes nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any, NoReturn

import msgspec
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.importing.address_book import AddressBook, Names
from consentmgr.importing.admission import Rights
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.bringing import NOT_STORED
from consentmgr.importing.changes import REJECTED, Changes
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.rejects import Rejection, RejectsFile
from consentmgr.importing.sources import DocumentLines, Item, Source, items_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.copy_binary import Unwritable
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.kit.interpreter import without_collector
from consentmgr.kit.progress import Advance
from consentmgr.register.import_batches import (
    OpenBatch,
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
#: Batches after which the few circles that exceptions leave are collected.
_BATCHES_BETWEEN_COLLECTIONS = 25
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

    def halves(self, keys: AddressKeys) -> list[_Portion]:
        """The portion in two, between two lines; nothing where it is one line."""
        middle = self.items[len(self.items) // 2].line
        first = [item for item in self.items if item.line < middle]
        second = [item for item in self.items if item.line >= middle]
        if not first:
            first = [item for item in self.items if item.line == middle]
            second = [item for item in self.items if item.line > middle]
        return [_portion_of(first, keys), _portion_of(second, keys)] if second else []


def _portion_of(items: list[Item], keys: AddressKeys, names: Names | None = None) -> _Portion:
    portion = _Portion(items)
    for place, item in enumerate(items):
        if not isinstance(item.content, Rejection):
            portion.documents.append(item.content)
            portion.places.append(place)
    portion.book = AddressBook(keys, portion.documents, names)
    return portion


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
    clock: Callable[[], datetime] | None = None,
    rights: Rights | None = None,
) -> ImportReport:
    """Take in a source. Rejected lines go whole to ``rejects_path``; all others are in the register afterwards.

    ``options`` tell apart imports of the same bytes that mean different things (a table's kind, a source): only an
    import with the same bytes and options is taken up again. With ``dry_run`` everything is done in one transaction
    that is undone, and no rejects file is written. ``now`` is the time of everything that is taken in; ``clock`` tells
    when the import has ended, which without it is ``now`` too. ``rights`` are those of whoever brings the source, None
    where they may bring anything.
    """
    run = _Run(database, source, keys, actor, now, progress, batch_documents, clock or (lambda: now), rights)
    with without_collector():
        if dry_run:
            return _preview(run)
        with database.transaction() as holder:
            # Held by this transaction, so that it ends with the process, however that ends.
            for _ in range(_PATIENCE):
                if not is_importing(holder, source.sha256):
                    break
                sleep(1)
            else:
                raise Unavailable(f"{source.name} is being imported by another process")
            return _import(run, rejects_path, options or {})


class _Undone(Exception):
    """Ends the transaction of a preview."""


@dataclass(slots=True, repr=False)
class _Run:
    """One import or preview under way. ``previewing`` is the session of a preview, which is undone at the end."""

    database: Database
    source: Source | DocumentLines
    keys: AddressKeys
    actor: str
    now: datetime
    progress: Advance | None
    batch_documents: int
    clock: Callable[[], datetime]
    rights: Rights | None = None
    rejects: RejectsFile | None = None
    batch: OpenBatch | None = None
    previewing: Session | None = None
    changes: Changes = field(default_factory=Changes)
    told: list[tuple[int, Rejection]] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        return getattr(self.source, "in_order", True)

    def report(self) -> ImportReport:
        return ImportReport(
            self.source.name,
            self.source.sha256,
            len(self.source),
            self.changes,
            dry_run=self.previewing is not None,
            resumed_at=self.batch.next_line if self.batch is not None else 1,
            rejected=self.changes.total(REJECTED),
            told=tuple(self.told),
            rejects=self.rejects.path if self.rejects is not None and self.rejects.count else None,
        )

    def take_all(self, from_line: int) -> None:
        before = from_line - 1
        number = 0
        with closing(_Portions(self.source, from_line, self.keys, self.batch_documents)) as portions:
            while (portion := portions.next()) is not None:
                number += 1
                self.take(portion, portions.read_on)
                if self.progress is not None and self.in_order:
                    self.progress(portion.last_line - before)
                before = portion.last_line
                if number % _BATCHES_BETWEEN_COLLECTIONS == 0:
                    gc.collect()

    def take(self, portion: _Portion, meanwhile: Callable[[], None]) -> None:
        """Take one batch, in a transaction of its own (or a savepoint of the preview's).

        Every document was checked, so the database takes it. Should it refuse one all the same, the batch is cut in
        halves until the line is found, and that line alone is rejected.
        """
        try:
            with self._step() as session:
                done = apply_documents(
                    session,
                    portion.documents,
                    keys=self.keys,
                    actor=self.actor,
                    now=self.now,
                    book=portion.book,
                    meanwhile=meanwhile,
                    rights=self.rights,
                )
                self._note(portion, done)
                if self.batch is not None:
                    next_line = portion.last_line + 1 if self.in_order else 1
                    advance_batch(session, self.batch.id, next_line=next_line, counts=self.changes.as_json())
        except NOT_STORED as error:
            halves = portion.halves(self.keys)
            if not halves:
                reason = f"the database does not take it ({_fault(error)})"
                halves = [_portion_of([item.refused(reason) for item in portion.items], self.keys)]
            for half in halves:
                self.take(half, meanwhile)

    @contextmanager
    def _step(self) -> Iterator[Session]:
        if self.previewing is None:
            with self.database.transaction() as session:
                yield session
        else:
            with self.previewing.begin_nested():
                yield self.previewing

    def _note(self, portion: _Portion, done: Changes) -> None:
        """Sum up a batch, and put its rejected lines on the disk before the register forgets they were to be taken."""
        rejected = {portion.places[place]: self._in_columns(rejection) for place, rejection in done.rejected.items()}
        for place, item in enumerate(portion.items):
            if isinstance(item.content, Rejection):
                rejected[place] = item.content
                done.count("line", REJECTED)
        self.changes.add(done)
        for place in sorted(rejected):
            item, rejection = portion.items[place], rejected[place]
            if len(self.told) < TOLD_REJECTIONS:
                self.told.append((item.line, Rejection(rejection.reason, rejection.field)))
            if self.rejects is not None:
                header = getattr(self.source, "header", None)
                self.rejects.add(item.line, rejection, _whole(self.source, item, rejection), header)
        if self.rejects is not None:
            self.rejects.settle()

    def _in_columns(self, rejection: Rejection) -> Rejection:
        """Of a table, the column in place of a document's field that nobody has written."""
        column_of = getattr(self.source, "column_of", None)
        if column_of is None or rejection.field is None:
            return rejection
        return replace(rejection, field=column_of(rejection.field))


def _import(run: _Run, rejects_path: Path | None, options: Mapping[str, Any]) -> ImportReport:
    with run.database.transaction() as session:
        batch = unfinished_batch(session, run.source.sha256, options) or begin_batch(
            session,
            file_name=run.source.name,
            sha256=run.source.sha256,
            options=options,
            actor=run.actor,
            now=run.now,
        )
    if not run.in_order:
        # There is no first line that is not yet taken, so such a source is begun anew; what was taken is unchanged.
        batch = replace(batch, next_line=1, counts={})
    run.batch = batch
    run.changes = Changes.from_json(batch.counts)
    if rejects_path is not None:
        run.rejects = RejectsFile(rejects_path, from_line=batch.next_line)
    if run.progress is not None and batch.next_line > 1:
        run.progress(batch.next_line - 1)
    try:
        run.take_all(batch.next_line)
        with run.database.transaction() as session:
            finish_batch(session, batch.id, now=run.clock())
    finally:
        if run.rejects is not None:
            run.rejects.close()
    return run.report()


def _preview(run: _Run) -> ImportReport:
    with suppress(_Undone), run.database.transaction() as session:
        run.previewing = session
        run.take_all(1)
        _undo()
    return run.report()


def _undo() -> NoReturn:
    raise _Undone


def _whole(source: Source | DocumentLines, item: Item, rejection: Rejection) -> bytes | str:
    """The rejected line as it came."""
    if item.raw is not None:
        return item.raw
    if rejection.record is not None:
        return rejection.record
    assert not isinstance(source, DocumentLines)
    return source.record(item.line)


def _fault(error: Exception) -> str:
    """What was wrong with a value, without the value: PostgreSQL's own sentence may show it, so its name is told."""
    return str(error) if isinstance(error, Unwritable | BadInput) else type(error).__name__


class _Portions:
    """The source in batches; a line is never parted. ``read_on`` begins to read the next one in a thread of its own.

    Whoever takes a batch waits for PostgreSQL again and again, for its rows to be stored and for its commit; in those
    moments the next batch is read, and no more than that one.
    """

    def __init__(self, source: Source | DocumentLines, from_line: int, keys: AddressKeys, batch_documents: int) -> None:
        self._items = items_of(source, from_line)
        self._keys = keys
        self._batch_documents = batch_documents
        self._names: Names = {}
        self._pending: list[Item] = []
        self._reading: Future[_Portion | None] | None = None

    def read_on(self) -> None:
        """Begin to read the next batch. What goes wrong is told when the batch is asked for."""
        if self._reading is None:
            self._reading = Future()
            Thread(target=self._read, args=(self._reading,), name="import-reader").start()

    def next(self) -> _Portion | None:
        """The next batch; None after the last."""
        reading, self._reading = self._reading, None
        return self._next() if reading is None else reading.result()

    def close(self) -> None:
        """Nobody reads any more when this returns, so that the source may be closed."""
        if self._reading is not None:
            self._reading.exception()

    def _read(self, reading: Future[_Portion | None]) -> None:
        try:
            reading.set_result(self._next())
        except BaseException as error:  # noqa: BLE001 - raised again by next()
            reading.set_exception(error)

    def _next(self) -> _Portion | None:
        batch, size = self._pending, 0
        self._pending = []
        for item in self._items:
            full = len(batch) >= self._batch_documents or size >= BATCH_BYTES
            if full and item.line != batch[-1].line:
                self._pending.append(item)
                break
            batch.append(item)
            size += len(item.raw) if item.raw is not None else 0
        if not batch:
            return None
        settled = [item if item.raw is not None else _without_null(item) for item in batch]
        return _portion_of(settled, self._keys, self._names)


def _without_null(item: Item) -> Item:
    """Lines of documents were looked through for null characters; cells of tables are here."""
    if isinstance(item.content, Rejection) or b"\\u0000" not in msgspec.json.encode(item.content):
        return item
    return item.refused("the row holds a NUL character, which no text may have")
