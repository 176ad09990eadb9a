"""One ban of a person lifted by their own word; many at once are lifted from the list of bans, by two people.

The word is an act of ``prohibitions.lifting``, which lifts; here is only whose ban it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.consents.sight import Sight
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people.recording import SOURCE
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.lifting import Act, lift_by_act
from consentmgr.vocabulary.codes import ConsentMethod, GivenBy


def word(
    at: datetime,
    method: ConsentMethod,
    reason: str,
    *,
    given_by: GivenBy = "self",
    attachment_sha256: str | None = None,
) -> Act:
    """The person's word that lifts, as it was taken down: when, how, by whom it was given, why, and what shows it."""
    return Act(at, method, given_by, reason, taken_at=SOURCE, attachment_sha256=attachment_sha256)


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
    session: Session, contact_id: int, ban_id: int, act: Act, *, keys: AddressKeys, actor: str, now: datetime
) -> list[int]:
    """Lift a ban of a contact by the person's word; its id, or nothing where it was lifted before.

    Raises ``BadInput`` naming the field.
    """
    return lift_by_act(session, [ban_id], act, keys=keys, actor=actor, now=now, contact_id=contact_id)
