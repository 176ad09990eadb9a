"""Taking two months more to answer somebody who has asked to be erased, as it was told to them (GDPR 12(3))."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.consents.requests import Act, ErasureAsked
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.people.reading import Person
from consentmgr.people.recording import SOURCE, take
from consentmgr.people.refusing import answered_at
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import ConsentMethod

#: Letters of the reason.
LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Extension:
    """What the person was told: on which day, by which way, for which controller (None: for all), and why.

    ``reason`` is personal and goes with an erasure.
    """

    day: date
    hour: time | None
    controller: str | None
    method: ConsentMethod
    reason: str


def extend(session: Session, person: Person, told: Extension, *, keys: AddressKeys, actor: str, now: datetime) -> date:
    """Enter the extension in the ledger, and return the last day to answer; does not commit. Audited.

    What screening answers stays as it is. Raises ``BadInput``: where no wish waits (``form``), its time was extended before
    (``extended``), the person was told before the wish or after its first month (``day``, ``hour``, ``day_before``,
    ``late``), this extends none (``wish``), or no reason is given (``reason``).
    """
    asked = person.erasure
    if asked is None:
        raise BadInput("no wish to be erased waits for an answer", field="form")
    if asked.extended is not None:
        raise BadInput("the time to answer was extended before, and is extended once", field="extended")
    if not told.reason.strip():
        raise BadInput("is missing: whoever is to wait longer is told why", field="reason")
    at = answered_at(asked, told.day, told.hour, now=now)
    if local_date(at) > asked.due:
        raise BadInput("lies after the first month: the time to answer can be extended no more", field="late")
    event = documents.Event(
        contact=person.contact.ref,
        event="erasure_extended",
        at=at,
        controller=told.controller,
        method=told.method,
        source=SOURCE,
        reason=told.reason,
    )
    acts: list[Act] = [*(step.entry for step in person.entries.values()), event]
    after = ErasureAsked.of(acts, person.sight.controllers)
    if after is None or after == asked:
        raise BadInput("extends no wish that waits", field="wish")
    take(session, [event], keys=keys, actor=actor, now=now, counted=event.event)
    record(
        session, at=now, actor=actor, action="contacts.extend_erasure", object=f"contact:{person.contact.id}",
        detail={"until": after.due.isoformat(), "controller": told.controller},
    )  # fmt: skip
    return after.due
