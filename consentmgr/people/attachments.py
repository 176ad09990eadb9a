"""Files that are the evidence of an act: a scanned letter, an e-mail, a recording.

The file itself lies in the file store, encrypted (``kit.sealed_files``) and private to the installation's account; the
ledger names it by its SHA-256. Files of the first versions lie open until they are read or the clock comes by. A
file comes in with the preview of an act and is kept once the act is recorded; otherwise it is forgotten after a day.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Final
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.file_store import FileStore, Readable, StoredFile
from consentmgr.kit.sealed_files import is_sealed, seal, unseal
from consentmgr.people.models import Attachment
from consentmgr.register.models import Contact

#: Bytes of one file.
LARGEST: Final = 10_000_000
#: Bytes by which a stored file may be longer than its content.
_SEAL: Final = 1_000
#: Files that are sealed at one time: old ones, of which there may be many.
_SEALED_AT_ONCE: Final = 200
#: How long a file waits for its act.
PATIENCE: Final = timedelta(days=1)


def store_of(settings: Settings) -> FileStore:
    """Where attachments lie."""
    return FileStore(settings.data_folder / "files" / "attachments")


def attach(
    session: Session,
    store: FileStore,
    stream: Readable,
    *,
    name: str,
    contact_id: int,
    address_key: bytes,
    actor: str,
    now: datetime,
) -> StoredFile:
    """Store a file, sealed, for an act of this contact that is yet to be recorded. Raises ``BadInput`` where it is
    empty or too large.
    """
    content = stream.read(LARGEST + 1)
    if not content or len(content) > LARGEST:
        raise BadInput("the file is empty, or too large", field="attachment")
    sealed = store.put(BytesIO(seal(content, address_key)), limit=LARGEST + _SEAL, name=name)
    stored = StoredFile(sealed.id, sealed.name, len(content), sha256(content).hexdigest())
    session.add(
        Attachment(
            id=stored.id,
            contact_id=contact_id,
            sha256=stored.sha256,
            name=stored.name,
            bytes=stored.bytes,
            stored_at=now,
            stored_by=actor,
            sealed=True,
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


def content_of(store: FileStore, row: Attachment, *, address_key: bytes) -> bytes:
    """What was attached. Raises ``NotFound`` where the file is gone, ``CheckFailed`` where it was changed."""
    try:
        stored = store.path(row.id).read_bytes()
    except OSError:
        raise NotFound("the file is not there") from None
    return unseal(stored, row.sha256, address_key)


def seal_open_files(session: Session, store: FileStore, *, address_key: bytes) -> int:
    """Seal files that lie open, some at a time; how many. Cut off at any moment, each is whole, open or sealed."""
    rows = session.scalars(
        select(Attachment).where(Attachment.sealed.is_(False)).order_by(Attachment.stored_at).limit(_SEALED_AT_ONCE)
    ).all()
    for row in rows:
        _seal_file(store, row, address_key)
        row.sealed = True
    session.flush()
    return len(rows)


def _seal_file(store: FileStore, row: Attachment, address_key: bytes) -> None:
    path = store.path(row.id)
    try:
        stored = path.read_bytes()
    except OSError:
        return
    if is_sealed(stored) and sha256(stored).hexdigest() != row.sha256:
        return
    passing = path.with_name(f"{path.name}.sealing")
    passing.unlink(missing_ok=True)
    # As private as the file itself: only its owner may read either.
    with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(seal(stored, address_key))
        file.flush()
        os.fsync(file.fileno())
    passing.replace(path)


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
