"""Lifting bans by hand: one or a few by whoever may, many only when a second person has agreed.

What is asked for waits in ``staff.approvals`` with the act it rests on; ``lift_approved`` does it when accepted, by the
same service and with the same checks, as of that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.prohibitions.service import NEVER_LIFTED, by_ids, lift
from consentmgr.register.models import Contact
from consentmgr.staff import approvals
from consentmgr.vocabulary.codes import ConsentMethod, GivenBy

#: The kind of what a second person decides (``staff.approvals``).
KIND = "prohibitions.lift"


@dataclass(frozen=True, slots=True, repr=False)
class Act:
    """What the person did, as staff learnt of it: when, how, by whom, and what shows it."""

    at: datetime
    method: ConsentMethod
    given_by: GivenBy
    reason: str
    note: str = ""
    recorded_by: str = ""
    #: The form it was taken down in, where the person's own page of the desk was used.
    taken_at: str | None = None
    attachment_sha256: str | None = None

    def evidence(self) -> dict[str, Any]:
        if self.taken_at is None:
            return {"note": self.note, "recorded_by": self.recorded_by}
        found: dict[str, Any] = {"method": self.method, "at": self.at.isoformat(), "taken_at": self.taken_at}
        if self.attachment_sha256 is not None:
            found["attachment_sha256"] = self.attachment_sha256
        return found


def lift_by_act(
    session: Session,
    ids: Collection[int],
    act: Act,
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    approved_by: str | None = None,
    contact_id: int | None = None,
) -> list[int]:
    """Lift these bans by the act; the ids lifted now. Audited. Raises as ``service.lift`` does.

    The entry is of ``contact_id``, or, where all of them name one contact, of that one.
    """
    refuse_unrecovered(session)
    refs = {ban.contact_ref for ban in by_ids(session, ids)}
    if contact_id is None and len(refs) == 1 and (ref := next(iter(refs))) is not None:
        contact_id = session.scalar(select(Contact.id).where(Contact.ref == ref))
    lifted = lift(
        session,
        ids,
        at=act.at,
        method=act.method,
        reason=act.reason,
        evidence=act.evidence(),
        keys=keys,
        actor=actor,
        now=now,
        given_by=act.given_by,
        contact_id=contact_id,
        approved_by=approved_by,
    )
    record(
        session,
        at=now,
        actor=actor,
        action="prohibitions.lift",
        object=f"prohibition:{min(ids)}" if len(ids) == 1 else "prohibitions",
        detail={"ids": lifted, **({"approved_by": approved_by} if approved_by else {})},
    )
    session.flush()
    return lifted


def ask(session: Session, ids: Collection[int], act: Act, *, actor: str, now: datetime) -> UUID:
    """Ask for a second person to lift these; the id of what waits. Raises ``BadInput`` where ``lift`` could not do it
    either: an act in the future, a ban set by a court, a reason too short to decide upon.
    """
    if act.at > now:
        raise BadInput("the act has not happened yet", field="at")
    bans = by_ids(session, ids)
    if any(ban.source in NEVER_LIFTED for ban in bans):
        raise BadInput("a ban set by a court is not lifted by the person", field="ids")
    named = {controller for ban in bans for controller in ban.controllers}
    return approvals.ask(
        session,
        kind=KIND,
        object="prohibitions",
        detail={
            "ids": sorted(ids),
            "at": act.at.isoformat(),
            "method": act.method,
            "given_by": act.given_by,
            "reason": act.reason,
            "note": act.note,
            "recorded_by": act.recorded_by,
        },
        reason=act.reason,
        actor=actor,
        now=now,
        # A ban that names no controller concerns them all.
        controllers=named if all(ban.controllers for ban in bans) else None,
    )


def lift_approved(
    session: Session, detail: Mapping[str, Any], *, actor: str, now: datetime, keys: Keys, approval: approvals.Asked
) -> dict[str, Any]:
    """Do what was asked, now that a second person, ``actor``, has agreed: the act is that of whoever asked.

    Raises as ``service.lift`` does, and then nothing is decided.
    """
    act = Act(
        at=datetime.fromisoformat(detail["at"]),
        method=cast("ConsentMethod", detail["method"]),
        given_by=cast("GivenBy", detail["given_by"]),
        reason=detail["reason"],
        note=detail["note"],
        recorded_by=detail["recorded_by"],
    )
    lifted = lift_by_act(
        session,
        detail["ids"],
        act,
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        actor=approval.asked_by,
        now=now,
        approved_by=actor,
    )
    return {"lifted": len(lifted)}
