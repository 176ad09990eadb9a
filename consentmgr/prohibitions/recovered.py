"""Whether the register may answer at all: a restored one may not, before it knows who left meanwhile."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.kit.errors import ConsentmgrError
from consentmgr.prohibitions.models import Restoration


class NotRecovered(ConsentmgrError):
    """A backup was restored and the journal not replayed yet (HTTP 409)."""

    exit_code = 3
    problem = "not-recovered"


def open_restoration(session: Session) -> Restoration | None:
    """The restoration that has not been recovered from, or None."""
    return session.scalar(
        select(Restoration).where(Restoration.recovered_at.is_(None)).order_by(Restoration.id.desc()).limit(1)
    )


def refuse_unrecovered(session: Session) -> None:
    """Raise ``NotRecovered`` where a restored register must not answer or take consents yet."""
    found = open_restoration(session)
    if found is not None:
        raise NotRecovered(
            f"this register was restored from a backup of {found.backup_taken_at:%Y-%m-%d %H:%M} UTC, and who left since"
            " is not known yet; run consentmgr recover"
        )
