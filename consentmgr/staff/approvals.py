"""What needs two people: asked by one, decided once by another, and done in the transaction of the decision.

A kind is a row of ``KINDS``: who may ask, and the function that does it. The function tells counts and ids; it raises
where it cannot be done, and then nothing is decided.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar, Final, Literal, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.config import Language
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound
from consentmgr.staff.models import ApiKey, Approval
from consentmgr.staff.roles import Permission


class Kind(NamedTuple):
    """``place`` is ``module:function``, called as ``function(session, detail, actor=…, now=…)`` when accepted, with
    the arguments ``wants`` names beside them: ``keys``, the installation's, and ``approval``, who asked and why.
    """

    key: str
    place: str
    #: Who may ask for it.
    asks: Permission
    names: Mapping[Language, str]
    wants: tuple[Literal["keys", "approval"], ...] = ()


KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "prohibitions.lift",
        "consentmgr.prohibitions.lifting:lift_approved",
        Permission.LIFT_BANS,
        {"fi": "Monen kiellon kumoaminen", "sv": "Häva många förbud", "en": "Lifting many bans"},
        ("keys", "approval"),
    ),
    Kind(
        "contacts.erase_many",
        "consentmgr.people.erasing:erase_approved",
        Permission.ERASE,
        {
            "fi": "Monen henkilön tietojen poistaminen",
            "sv": "Radera många personers uppgifter",
            "en": "Erasing many people",
        },
        ("approval",),
    ),
    Kind(
        "export.allowed",
        "consentmgr.exports.desk:approved",
        Permission.RUN_EXPORTS,
        {"fi": "Suuri vienti", "sv": "Stor export", "en": "Mass export"},
    ),
)
_BY_KEY: Final = {kind.key: kind for kind in KINDS}
SHORTEST_REASON: Final = 5
LONGEST_REASON: Final = 1_000


class DecidedAlready(ConsentmgrError):
    """Somebody was quicker: it was decided, and it stays so."""

    problem: ClassVar[str] = "decided-already"


class SamePerson(ConsentmgrError):
    """Who asked may not be the one who decides."""

    problem: ClassVar[str] = "same-person"


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval as it was asked for, and as it was decided, if it was."""

    id: UUID
    kind: str
    object: str
    detail: Mapping[str, Any]
    controllers: tuple[str, ...] | None
    reason: str = field(repr=False)
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    accepted: bool | None
    note: str | None = field(repr=False)
    outcome: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        return self.decided_at is None


def kind_of(key: str) -> Kind:
    """Raises ``BadInput`` where there is no such kind."""
    if key not in _BY_KEY:
        raise BadInput(f"there is no approval of kind {key}")
    return _BY_KEY[key]


def ask(
    session: Session,
    *,
    kind: str,
    object: str,  # noqa: A002 - the word of the audit log
    detail: Mapping[str, Any],
    reason: str,
    actor: str,
    now: datetime,
    controllers: Collection[str] | None = None,
) -> UUID:
    """Ask for a second person; the id of what waits. ``detail`` is what the kind's function needs, without personal
    data; ``controllers`` are those it touches, None for all. Raises ``BadInput`` without a reason.
    """
    kind_of(kind)
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON or len(reason) > LONGEST_REASON:
        raise BadInput("say why, in a sentence", field="reason")
    approval = Approval(
        id=uuid4(),
        kind=kind,
        object=object,
        detail=dict(detail),
        controllers=None if controllers is None else sorted(controllers),
        reason=reason,
        asked_by=actor,
        asked_at=now,
        outcome={},
    )
    session.add(approval)
    session.flush()
    audit.record(
        session, at=now, actor=actor, action="approval.ask", object=f"approval:{approval.id}",
        detail={"kind": kind, "of": object},
    )  # fmt: skip
    return approval.id


def decide(
    session: Session,
    approval_id: UUID,
    *,
    accept: bool,
    actor: str,
    now: datetime,
    note: str | None = None,
    keys: Keys | None = None,
) -> Asked:
    """Decide, and where accepted, do it. The row is held, so that of two who decide at once one is told it is done.

    Raises ``NotFound``, ``SamePerson``, ``DecidedAlready``, or what the kind's function raises.
    """
    approval = session.scalar(select(Approval).where(Approval.id == approval_id).with_for_update())
    if approval is None:
        raise NotFound("there is no such approval")
    if approval.decided_at is not None:
        raise DecidedAlready("this was decided already")
    if actor in (approval.asked_by, _maker(session, approval.asked_by)):
        raise SamePerson("somebody else has to decide what you asked for")
    approval.decided_by, approval.decided_at, approval.accepted = actor, now, accept
    approval.note = (note or "").strip()[:LONGEST_REASON] or None
    session.flush()
    if accept:
        kind = kind_of(approval.kind)
        module, _, function = kind.place.partition(":")
        beside: dict[str, Any] = {"keys": keys, "approval": _asked(approval)}
        outcome = getattr(import_module(module), function)(
            session, dict(approval.detail), actor=actor, now=now, **{name: beside[name] for name in kind.wants}
        )
        approval.outcome = dict(outcome or {})
    audit.record(
        session, at=now, actor=actor, action="approval.accept" if accept else "approval.refuse",
        object=f"approval:{approval.id}",
        detail={"kind": approval.kind, "of": approval.object, "asked_by": approval.asked_by},
    )  # fmt: skip
    session.flush()
    return _asked(approval)


def _maker(session: Session, asked_by: str) -> str | None:
    """Who made the key of the API that asked: a programme of one's own is no second person."""
    if not asked_by.startswith("key:"):
        return None
    return session.scalar(select(ApiKey.made_by).where(ApiKey.id == int(asked_by.removeprefix("key:"))))


def approval_of(session: Session, approval_id: UUID) -> Asked:
    """Raises ``NotFound``."""
    found = session.get(Approval, approval_id)
    if found is None:
        raise NotFound("there is no such approval")
    return _asked(found)


def listed(
    session: Session,
    *,
    waiting: bool,
    reach: frozenset[str] | None = None,
    asked_by: str | None = None,
    limit: int = 100,
) -> Sequence[Asked]:
    """Approvals that wait, oldest first, or that were decided, newest first: those within a reach of controllers, and
    those that ``asked_by`` asked for.
    """
    question = select(Approval).limit(limit)
    if waiting:
        question = question.where(Approval.decided_at.is_(None)).order_by(Approval.asked_at)
    else:
        question = question.where(Approval.decided_at.is_not(None)).order_by(Approval.decided_at.desc())
    if reach is not None:
        within = Approval.controllers.contained_by(sorted(reach))
        question = question.where(or_(within, Approval.asked_by == asked_by) if asked_by else within)
    return [_asked(row) for row in session.scalars(question)]


def _asked(row: Approval) -> Asked:
    return Asked(
        id=row.id,
        kind=row.kind,
        object=row.object,
        detail=dict(row.detail),
        controllers=None if row.controllers is None else tuple(row.controllers),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        accepted=row.accepted,
        note=row.note,
        outcome=dict(row.outcome),
    )
