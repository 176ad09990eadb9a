"""Files that are the evidence of an act: a scanned letter, an e-mail, a recording.

The file itself lies in the file store, private to the installation's account; the ledger names it by its SHA-256. A
file comes in with the preview of an act and is kept once the act is recorded; otherwise it is forgotten after a day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.kit.errors import NotFound
from consentmgr.kit.file_store import FileStore, Readable, StoredFile
from consentmgr.people.models import Attachment
from consentmgr.register.models import Contact

#: Bytes of one file.
LARGEST: Final = 10_000_000
#: How long a file waits for its act.
PATIENCE: Final = timedelta(days=1)


def store_of(settings: Settings) -> FileStore:
    """Where attachments lie."""
    return FileStore(settings.data_folder / "files" / "attachments")


def attach(
    session: Session, store: FileStore, stream: Readable, *, name: str, contact_id: int, actor: str, now: datetime
) -> StoredFile:
    """Store a file for an act of this contact that is yet to be recorded. Raises ``BadInput`` where it is too large."""
    stored = store.put(stream, limit=LARGEST, name=name)
    session.add(
        Attachment(
            id=stored.id,
            contact_id=contact_id,
            sha256=stored.sha256,
            name=stored.name,
            bytes=stored.bytes,
            stored_at=now,
            stored_by=actor,
        )
    )
    session.flush()
    return stored


def waiting(session: Session, file_id: UUID, *, contact_id: int, actor: str) -> Attachment:
    """A file that this actor attached for this contact, and that no act has used. Raises ``NotFound``."""
    row = session.get(Attachment, file_id)
    if row is None or row.contact_id != contact_id or row.stored_by != actor or row.used_at is not None:
        raise NotFound("there is no such file any more; attach it again")
    return row


def use(session: Session, file_id: UUID, *, now: datetime) -> None:
    """The act that the file is the evidence of is recorded."""
    session.execute(update(Attachment).where(Attachment.id == file_id).values(used_at=now))


def attached(session: Session, file_id: UUID, contact_ids: Collection[int]) -> Attachment:
    """A file of an act of one of these contacts, none of them erased. Raises ``NotFound``."""
    row = session.scalar(
        select(Attachment)
        .join(Contact, Contact.id == Attachment.contact_id)
        .where(
            Attachment.id == file_id,
            Attachment.contact_id.in_(contact_ids),
            Attachment.used_at.is_not(None),
            Contact.erased_at.is_(None),
        )
    )
    if row is None:
        raise NotFound("there is no such file")
    return row


def forget_files(session: Session, store: FileStore, *, now: datetime) -> int:
    """Remove the files of people who were erased, and those whose act was never recorded; how many.

    The file goes before its row: should this be cut off, the row brings the next one back to it.
    """
    erased = select(Contact.id).where(Contact.erased_at.is_not(None))
    ids = session.scalars(
        select(Attachment.id).where(
            or_(
                Attachment.contact_id.in_(erased),
                Attachment.used_at.is_(None) & (Attachment.stored_at < now - PATIENCE),
            )
        )
    ).all()
    for file_id in ids:
        store.forget(file_id)
    session.execute(delete(Attachment).where(Attachment.id.in_(ids)))
    return len(ids)
