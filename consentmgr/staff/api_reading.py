"""That a key read personal data: told to the audit log by the doors of the API that show any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consentmgr.audit import service as audit
from consentmgr.edge import application
from consentmgr.edge.api import session
from consentmgr.kit import clock
from consentmgr.staff.api_access import caller


def audited(object: str, detail: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - the word of the audit log
    """Record that the key that asks has read this, before it is answered; for the end of a view of ``@reads``.

    What was read must be read to its end: the view's session gives its connection back first, so that no view holds one
    while it waits for another.
    """
    session().close()
    with application.database().transaction() as writing:
        audit.read(writing, at=clock.now(), actor=caller().name, object=object, detail=detail)
