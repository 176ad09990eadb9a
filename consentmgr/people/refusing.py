"""Refusing to erase somebody who has asked for it, as it was answered to them (GDPR 12(4))."""

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
from consentmgr.people.recording import SOURCE, moment_of, take
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import ConsentMethod, RefusalGround

#: Letters of the sentence beside the ground.
LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Refusal:
    """The answer as it was given: on which day, by which way, for which controller (None: for all), on which ground.

    ``sentence`` is personal, is shown to the person too, and goes with an erasure.
    """

    day: date
    hour: time | None
    controller: str | None
    method: ConsentMethod
    ground: RefusalGround
    sentence: str | None = None


def answered_at(asked: ErasureAsked, day: date, hour: time | None, *, now: datetime) -> datetime:
    """When the wish was answered. Raises ``BadInput`` where that lies in the future, or before the wish."""
    at = moment_of(day, hour, stops=False, now=now)
    if hour is None and day == local_date(asked.at):
        # No hour is known, and an answer comes after what it answers.
        at = max(at, asked.at)
    if at < asked.at:
        raise BadInput("lies before the wish", field="day_before")
    return at


def refuse(session: Session, person: Person, answer: Refusal, *, keys: AddressKeys, actor: str, now: datetime) -> None:
    """Enter the refusal in the ledger; does not commit. Audited. What screening answers stays as it is.

    Raises ``BadInput``: where no wish waits (``form``), or this answers none (``day``, ``hour``, ``controller``).
    """
    asked = person.erasure
    if asked is None:
        raise BadInput("no wish to be erased waits for an answer", field="form")
    at = answered_at(asked, answer.day, answer.hour, now=now)
    event = documents.Event(
        contact=person.contact.ref,
        event="erasure_refused",
        at=at,
        controller=answer.controller,
        method=answer.method,
        source=SOURCE,
        ground=answer.ground,
        reason=answer.sentence or None,
    )
    acts: list[Act] = [*(step.entry for step in person.entries.values()), event]
    if ErasureAsked.of(acts, person.sight.controllers) == asked:
        raise BadInput("answers no wish that waits", field="wish")
    take(session, [event], keys=keys, actor=actor, now=now, counted=event.event)
    record(
        session, at=now, actor=actor, action="contacts.refuse_erasure", object=f"contact:{person.contact.id}",
        detail={"ground": answer.ground, "controller": answer.controller},
    )  # fmt: skip
