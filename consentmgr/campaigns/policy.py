"""Policy as an installation has set it: who decided what, when and why. The newest decision on a name holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.campaigns.models import PolicySetting
from consentmgr.campaigns.policy_in_force import current, policy_of_decisions
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.policy import (
    BY_NAME,
    Policy,
    checked_value,
    is_looser,
    plain_value,
    policy_from,
    policy_row,
)

__all__ = ["Decision", "current", "decisions_in_force", "history", "policy_of_decisions", "set_value"]

_LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on a switch, limit or list. ``value`` is as JSON keeps it; ``None`` is a return to the default."""

    name: str
    value: Any
    set_at: datetime
    set_by: str
    reason: str

    @classmethod
    def of(cls, row: PolicySetting) -> Decision:
        """The decision a stored row holds."""
        return cls(row.name, row.value, row.set_at, row.set_by, row.reason)


def decisions_in_force(session: Session) -> Mapping[str, Decision]:
    """The newest decision of each name that has one. A name this version no longer knows decides nothing."""
    newest = (
        select(PolicySetting).ext(distinct_on(PolicySetting.name)).order_by(PolicySetting.name, PolicySetting.id.desc())
    )
    return {row.name: Decision.of(row) for row in session.scalars(newest) if row.name in BY_NAME}


def history(session: Session, name: str | None = None) -> list[Decision]:
    """Every decision, of one name or of all, newest first."""
    rows = select(PolicySetting).order_by(PolicySetting.id.desc())
    if name is not None:
        rows = rows.where(PolicySetting.name == policy_row(name).name)
    return [Decision.of(row) for row in session.scalars(rows)]


def set_value(session: Session, name: str, value: object, *, actor: str, now: datetime, reason: str) -> Policy:
    """Decide ``value`` (JSON; ``None`` for the default) for ``name`` and return the policy then in force.

    Kept with ``actor``, ``now`` and ``reason``, and audited. Raises ``PolicyError`` for an unknown name or a value it
    may not have, ``BadInput`` for a missing reason. Flushes; does not commit.
    """
    row = policy_row(name)
    reason, actor = reason.strip(), actor.strip()
    if not reason or not actor:
        raise BadInput("a change of policy needs a reason and somebody who made it", field=name)
    if len(reason) > _LONGEST_REASON:
        raise BadInput(f"the reason is longer than {_LONGEST_REASON} characters", field=name)
    checked = checked_value(name, value)
    kept = None if value is None else plain_value(checked)
    in_force = {other: decision.value for other, decision in decisions_in_force(session).items()}
    before = in_force.get(name)
    # Asked of the whole policy, because some limits bind each other.
    policy = policy_from(in_force | {name: kept})
    session.add(PolicySetting(name=name, value=kept, set_at=now, set_by=actor, reason=reason))
    record(
        session,
        at=now,
        actor=actor,
        action="policy_set",
        object=f"policy:{name}",
        detail={"before": before, "after": kept, "looser_than_default": is_looser(row, checked), "reason": reason},
    )
    session.flush()
    return policy
