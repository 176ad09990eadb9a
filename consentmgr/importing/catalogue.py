"""The small documents everything else speaks of: controllers, topics, notices, purposes, list dates, campaigns.

Each step reads what is there, lays the documents over it in their order, and writes what became different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import keep_campaigns, kept_campaigns
from consentmgr.importing import checks
from consentmgr.importing.address_book import AddressBook
from consentmgr.importing.batch import Batch, Fold
from consentmgr.importing.checks import Premises, Refused, refuse, text_of
from consentmgr.register.reading import all_rows, default_controller, rows_by
from consentmgr.register.rows import ControllerRow, ExternalListRow, NoticeRow, PurposeRow, Row, TopicRow
from consentmgr.register.writing import insert_rows, update_rows
from consentmgr.vocabulary.documents import (
    Campaign,
    Controller,
    ExternalList,
    Names,
    Notice,
    ProcessingPurpose,
    Topic,
)

D = TypeVar("D", bound=msgspec.Struct)
R = TypeVar("R", bound=Row)

#: Documents of one type with their places in the batch.
Placed = Sequence[tuple[int, D]]


def premises_of(session: Session, book: AddressBook, now: datetime) -> Premises:
    """What the register knows before the batch: the day, the controllers, and which is the default."""
    controllers = {row.key: row.is_default for row in all_rows(session, ControllerRow)}
    return Premises(book, now, set(controllers), default_controller(controllers))


class _Shelf(Generic[R]):
    """Rows of one table by their key: what is there, what is new, what became different."""

    def __init__(self, rows: Iterable[R]) -> None:
        self.rows: dict[tuple[object, ...], R] = {self.key(row): row for row in rows}
        self.new: dict[tuple[object, ...], R] = {}
        self.changed: dict[tuple[object, ...], R] = {}

    @staticmethod
    def key(row: R) -> tuple[object, ...]:
        return tuple(getattr(row, name) for name in row.KEY)

    def place(self, row: R) -> None:
        self.rows[self.key(row)] = self.new[self.key(row)] = row

    def note_change(self, row: R) -> None:
        if self.key(row) not in self.new:
            self.changed[self.key(row)] = row

    def is_new(self, row: R) -> bool:
        return self.key(row) in self.new

    def write(self, session: Session) -> None:
        insert_rows(session, list(self.new.values()))
        update_rows(session, list(self.changed.values()))


def _take(
    batch: Batch,
    kind: str,
    placed: Placed[D],
    shelf: _Shelf[R],
    begin: Callable[[D], R],
    lay: Callable[[D, R, Fold], None],
) -> None:
    """Lay each document over its row. ``begin`` makes the row a new document starts from; both may refuse."""
    for place, document in placed:
        try:
            blank = begin(document)
            row = shelf.rows.get(shelf.key(blank))
            fold = Fold(row or blank, None if row is None or shelf.is_new(row) else batch.changes)
            lay(document, row or blank, fold)
        except Refused as refused:
            batch.reject(place, kind, refused.rejection)
            continue
        if row is None:
            shelf.place(blank)
        elif fold.changed:
            shelf.note_change(row)
        batch.count(kind, new=row is None, changed=fold.changed, places=(place,))


def take_controllers(batch: Batch, placed: Placed[Controller]) -> None:
    """Controllers first: everything else is checked against them. The last one marked default is the default."""
    if not placed:
        return
    shelf = _Shelf(all_rows(batch.session, ControllerRow))

    def begin(document: Controller) -> ControllerRow:
        checks.check_controller(document)
        return ControllerRow(document.key.strip(), document.name.strip())

    def lay(document: Controller, row: ControllerRow, fold: Fold) -> None:
        for name in document.clear:
            if name in ("business_id", "contact"):
                fold.clear(name)
        kept = {name: text for name, text in row.branding.items() if name not in document.clear}
        fold.text("name", document.name)
        fold.text("contact", document.contact)
        # Taken as it stands: a controller says no country, so there is no telling whose check digits it has.
        fold.text("business_id", document.business_id)
        fold.put("branding", {**kept, **_branding(document)})
        if document.default:
            fold.put("is_default", True)
            for other in shelf.rows.values():
                if other is not row and other.is_default:
                    other.is_default = False
                    shelf.note_change(other)

    _take(batch, "controller", placed, shelf, begin, lay)
    # One default at a time, held by an index: the old one must have gone before the new one is written.
    update_rows(batch.session, [row for row in shelf.changed.values() if not row.is_default])
    update_rows(batch.session, [row for row in shelf.changed.values() if row.is_default])
    insert_rows(batch.session, list(shelf.new.values()))
    controllers = {row.key: row.is_default for row in shelf.rows.values()}
    batch.premises.controllers = set(controllers)
    batch.premises.default_controller = default_controller(controllers)


def take_topics(batch: Batch, placed: Placed[Topic]) -> None:
    if not placed:
        return
    shelf = _Shelf(rows_by(batch.session, TopicRow, "key", [document.key.strip() for _, document in placed]))

    def begin(document: Topic) -> TopicRow:
        checks.check_topic(document, batch.premises)
        controller = batch.premises.controller(document.controller, "controller")
        return TopicRow(document.key.strip(), document.kind, controller, public=document.public is not False)

    def lay(document: Topic, row: TopicRow, fold: Fold) -> None:
        names = {} if "names" in document.clear else row.names
        descriptions = {} if "descriptions" in document.clear else row.descriptions
        if "cadence" in document.clear and document.cadence is None:
            fold.clear("cadence")
        fold.put("kind", document.kind)
        fold.text("controller", document.controller)
        fold.put("names", {**names, **_names(document.names)})
        fold.put("descriptions", {**descriptions, **_names(document.descriptions)})
        fold.put("cadence", document.cadence)
        fold.put("public", document.public)

    _take(batch, "topic", placed, shelf, begin, lay)
    shelf.write(batch.session)


def take_notices(batch: Batch, placed: Placed[Notice]) -> None:
    """A notice is what somebody read before consenting: once stored, no word and no scope of it changes."""
    if not placed:
        return
    shelf = _Shelf(rows_by(batch.session, NoticeRow, "key", {document.key.strip() for _, document in placed}))

    def begin(document: Notice) -> NoticeRow:
        checks.check_notice(document)
        return NoticeRow(
            document.key.strip(),
            document.version,
            document.language,
            document.text,
            list(document.controllers),
            list(document.channels),
            list(document.purposes),
            list(document.topics),
            list(document.audiences),
            document.supersedes,
        )

    def lay(document: Notice, row: NoticeRow, _fold: Fold) -> None:
        if row.words != document.text:
            refuse(
                "differs from the words stored for this version: shown words never change, give it a new version",
                "text",
            )
        for name in ("controllers", "channels", "purposes", "topics", "audiences"):
            named = set(getattr(document, name))
            if named and named != set(getattr(row, name)):
                refuse("differs from what is stored for this version: give the notice a new version", name)
        if document.supersedes is not None and document.supersedes != row.supersedes:
            refuse("differs from what is stored for this version: give the notice a new version", "supersedes")

    _take(batch, "notice", placed, shelf, begin, lay)
    shelf.write(batch.session)


def take_purposes(batch: Batch, placed: Placed[ProcessingPurpose]) -> None:
    if not placed:
        return
    shelf = _Shelf(rows_by(batch.session, PurposeRow, "key", {document.key.strip() for _, document in placed}))

    def begin(document: ProcessingPurpose) -> PurposeRow:
        checks.check_purpose(document, batch.premises)
        controller = batch.premises.controller(document.controller, "controller")
        return PurposeRow(controller, document.key.strip(), {}, document.basis)

    def lay(document: ProcessingPurpose, row: PurposeRow, fold: Fold) -> None:
        names = {} if "names" in document.clear else row.names
        for name in document.clear:
            if name != "names":
                fold.clear(name, [] if name in ("data_categories", "recipients") else None)
        fold.put("names", {**names, **_names(document.names)})
        fold.put("basis", document.basis)
        fold.put("data_categories", list(document.data_categories) or None)
        fold.put("recipients", list(document.recipients) or None)
        fold.put("retention_months", document.retention_months)
        fold.text("balancing_test", document.balancing_test)

    _take(batch, "processing_purpose", placed, shelf, begin, lay)
    shelf.write(batch.session)


def take_external_lists(batch: Batch, placed: Placed[ExternalList]) -> None:
    """The newest date of each list wins: an older copy taken in later makes nothing fresher or staler."""
    if not placed:
        return
    shelf = _Shelf(all_rows(batch.session, ExternalListRow))

    def begin(document: ExternalList) -> ExternalListRow:
        checks.check_external_list(document, batch.premises)
        return ExternalListRow(document.source, document.as_of)

    def lay(document: ExternalList, row: ExternalListRow, fold: Fold) -> None:
        fold.put("as_of", max(row.as_of, document.as_of))

    _take(batch, "external_list", placed, shelf, begin, lay)
    shelf.write(batch.session)


def take_campaigns(batch: Batch, placed: Placed[Campaign]) -> None:
    """A campaign document is whole in itself: the newest replaces what was kept under its key."""
    if not placed:
        return
    kept = kept_campaigns(batch.session, {document.key.strip() for _, document in placed})
    written: dict[str, Campaign] = {}
    for place, document in placed:
        try:
            checks.check_campaign(document, batch.premises)
        except Refused as refused:
            batch.reject(place, "campaign", refused.rejection)
            continue
        key = document.key.strip()
        before = written.get(key, kept.get(key))
        if before != document:
            written[key] = document
        batch.count("campaign", new=before is None, changed=before != document, places=(place,))
    keep_campaigns(batch.session, written, now=batch.now)


def _branding(document: Controller) -> dict[str, str]:
    return {
        name: text
        for name in ("colour", "logo", "privacy_url")
        if (text := text_of(getattr(document, name))) is not None
    }


def _names(names: Names) -> dict[str, str]:
    return {
        language: text for language in ("fi", "sv", "en") if (text := text_of(getattr(names, language))) is not None
    }
