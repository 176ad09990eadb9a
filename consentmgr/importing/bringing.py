"""Documents that a machine brings in one request: taken in one transaction, and what became of each.

They take the importer's own way (``applying``); what the checks or the database refuse is refused alone, and the rest
is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import psycopg
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.importing.address_book import AddressBook
from consentmgr.importing.admission import Rights
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.changes import KEPT_ERASED
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.copy_binary import Unwritable
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.register.writing import lock_register
from consentmgr.vocabulary.documents import Event, Prohibition

Status = Literal["taken", "unchanged", "refused"]

#: What is said of values that the database cannot hold, by itself or in writing them for it.
NOT_STORED: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    Unwritable,
    BadInput,
)
#: Acts that a register restored from a copy may take before it knows who left since.
_STOPS: Final = (
    "consent_refused", "consent_withdrawn", "objected", "complaint", "restricted", "erasure_requested", "erased",
    "access_requested", "erasure_refused", "erasure_extended",
)  # fmt: skip
#: Told of a document about somebody who was erased.
ERASED: Final = Rejection("is erased: nothing of the document is kept but the acts in it", "ref")


@dataclass(slots=True)
class Brought:
    """What became of documents, by their places; those in none of the two were taken. ``erased``: nothing but their
    acts was kept. ``counts`` are of the audit log.
    """

    unchanged: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    refused: dict[int, Rejection] = field(default_factory=dict)

    def status(self, place: int) -> Status:
        return "refused" if place in self.refused else "unchanged" if place in self.unchanged else "taken"


def bring(
    session: Session,
    documents: Sequence[FileDocument],
    *,
    rights: Rights,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    object: str,  # noqa: A002 - the word of the audit log
    book: AddressBook | None = None,
) -> Brought:
    """Take documents into the register; does not commit. ``object`` is what the audit log calls them, where any was
    taken. ``book`` holds their address keys where they were made before. Raises ``NotRecovered`` where the register was
    restored and there is more among them than stops.
    """
    brought = Brought()
    if not documents:
        return brought
    if not all(map(_is_stop, documents)):
        refuse_unrecovered(session)
    # Outside of the savepoint: where that is undone, nobody else comes between the two halves.
    lock_register(session)
    book = book or AddressBook(keys, documents)
    _take(session, documents, range(len(documents)), brought, rights, keys, actor, now, book)
    taken = len(documents) - len(brought.unchanged) - len(brought.refused)
    if taken:
        record(
            session,
            at=now,
            actor=actor,
            action="documents.bring",
            object=object,
            detail={"taken": taken, "unchanged": len(brought.unchanged), "refused": len(brought.refused)},
        )
        session.flush()
    return brought


def bring_one(
    session: Session,
    document: FileDocument,
    *,
    rights: Rights,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    object: str,  # noqa: A002 - the word of the audit log
) -> Brought | Rejection:
    """The same with one document: why it was refused, where it was."""
    brought = bring(session, [document], rights=rights, keys=keys, actor=actor, now=now, object=object)
    return brought.refused.get(0) or brought


def _is_stop(document: FileDocument) -> bool:
    return isinstance(document, Prohibition) or (isinstance(document, Event) and document.event in _STOPS)


def _take(
    session: Session,
    documents: Sequence[FileDocument],
    places: Sequence[int],
    brought: Brought,
    rights: Rights,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    book: AddressBook,
) -> None:
    """Take those at ``places``. Every document is checked, so the database takes it; should it refuse one all the same,
    they are cut in halves until it is found, and it alone is refused.
    """
    try:
        with session.begin_nested():
            changes = apply_documents(
                session,
                [documents[place] for place in places],
                keys=keys,
                actor=actor,
                now=now,
                book=book,
                rights=rights,
            )
    except NOT_STORED as error:
        if len(places) == 1:
            reason = str(error) if isinstance(error, Unwritable | BadInput) else type(error).__name__
            brought.refused[places[0]] = Rejection(f"the database does not take it ({reason})")
            return
        middle = len(places) // 2
        for half in (places[:middle], places[middle:]):
            _take(session, documents, half, brought, rights, keys, actor, now, book)
        return
    for place, rejection in changes.rejected.items():
        brought.refused[places[place]] = rejection
    acted = changes.outcomes
    for place, outcome in acted.items():
        brought.unchanged.add(places[place])
        if outcome == KEPT_ERASED:
            brought.erased.add(places[place])
