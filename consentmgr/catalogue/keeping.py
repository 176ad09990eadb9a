"""One document of the catalogue into the register, by the importer's own path: checked, laid over what is there, audited.

A form of the desk is a document (formats.md section 2) typed by hand. It is taken exactly as ``consentmgr import`` would
take it, so that nothing can be stored here that a file could not bring, and ``consentmgr export documents`` writes it back.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.documents import FileDocument
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput


def keep(
    session: Session,
    *documents: FileDocument,
    object: str,  # noqa: A002 - the word of the audit log
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> bool:
    """Take the documents, all or none; whether anything changed. ``object`` names the thing in the audit log.

    Raises ``BadInput`` naming the field of the first document that cannot be taken. Flushes; does not commit.
    """
    # A savepoint, so that the door can go on with the session when one of them was refused and the others were not.
    with session.begin_nested():
        changes = apply_documents(session, list(documents), keys=keys, actor=actor, now=now)
        for place in sorted(changes.rejected):
            rejection = changes.rejected[place]
            raise BadInput(rejection.reason, field=rejection.field)
    if changes.is_nothing:
        return False
    new = changes.total("new") > 0
    record(
        session,
        at=now,
        actor=actor,
        action="catalogue.add" if new else "catalogue.change",
        object=object,
        # Names of columns and counts: what stands in them may be somebody's own words.
        detail={"fields": sorted(changes.fields)} if changes.fields else {},
    )
    session.flush()
    return True
