"""One ban of a person lifted by their own word; many at once are lifted from the list of bans, by two people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people.recording import SOURCE
from consentmgr.people.sight import Sight
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.vocabulary.codes import ConsentMethod, GivenBy


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Word:
    """The person's word that lifts: when, how, by whom it was given, why, and what shows it."""

    at: datetime
    method: ConsentMethod
    reason: str
    given_by: GivenBy = "self"
    attachment_sha256: str | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        found: dict[str, Any] = {"method": self.method, "at": self.at.isoformat(), "taken_at": SOURCE}
        if self.attachment_sha256 is not None:
            found["attachment_sha256"] = self.attachment_sha256
        return found


def check(session: Session, contact_id: int, ban_id: int, sight: Sight) -> None:
    """Raises ``NotFound`` where the ban is not on this person, and ``BadInput`` where it concerns controllers of others.

    A ban that names no controller speaks of all, and is lifted by those alone who work for all.
    """
    own = {ban.id: ban for ban in prohibitions.of_contact(session, [contact_id])[contact_id]}
    # A ban on the person's organisation or domain is not this person's to lift.
    if ban_id not in own or not sight.sees_any(own[ban_id].controllers):
        raise NotFound("there is no such ban on this person")
    if not sight.holds_all(own[ban_id].controllers):
        raise BadInput("the ban speaks of controllers you do not work for", field="ids")


def lift(
    session: Session, contact_id: int, ban_id: int, word: Word, *, keys: AddressKeys, actor: str, now: datetime
) -> list[int]:
    """Lift a ban of a contact by the person's word; its id, or nothing where it was lifted before.

    Raises ``BadInput`` naming the field.
    """
    refuse_unrecovered(session)
    return prohibitions.lift(
        session,
        [ban_id],
        at=word.at,
        method=word.method,
        reason=word.reason,
        evidence=word.evidence,
        keys=keys,
        actor=actor,
        now=now,
        given_by=word.given_by,
        contact_id=contact_id,
    )
