"""Allowed rows handed to a mailer: who sees these lists and nothing else of the desk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.screening.desk.lists import ListView, as_view
from consentmgr.screening.models import HandedList, ListScreening
from consentmgr.staff.models import Account, Grant

_LONGEST_NOTE = 1_000
#: Lists are kept for weeks; nobody fetches more in that time.
_MOST_SHOWN = 200
_MAILER = "mailer"


@dataclass(frozen=True, slots=True)
class Mailer:
    """An account that may be handed lists."""

    account_id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Handed:
    """A list that was handed to an account; ``account_name`` is for those who hand it."""

    id: UUID
    list_id: UUID
    account_id: int
    account_name: str
    handed_by: str
    handed_at: datetime
    note: str
    with_decided: bool
    taken_at: datetime | None
    withdrawn_at: datetime | None


def mailers(session: Session, controller: str | None) -> Sequence[Mailer]:
    """Active mailers of this controller, by name."""
    rows = session.execute(
        select(Account.id, Account.name, Account.email, Grant.controllers)
        .join(Grant, Grant.account_id == Account.id)
        .where(Grant.role == _MAILER, Account.active)
        .order_by(Account.name, Account.id)
    )
    return [
        Mailer(row.id, row.name, row.email) for row in rows if row.controllers is None or controller in row.controllers
    ]


def hand(
    session: Session,
    found: ListView,
    *,
    account_id: int,
    note: str,
    with_decided: bool,
    actor: str,
    now: datetime,
) -> UUID:
    """Hand the allowed rows of a screening to a mailer. Raises ``BadInput`` where the screening has expired, or the
    account is no mailer of this controller.
    """
    if found.screening is None or found.forgotten_at is not None:
        raise BadInput("only the rows of a finished screening can be handed over")
    if found.is_expired(now):
        raise BadInput("the screening has expired: screen the list again first")
    if len(note) > _LONGEST_NOTE:
        raise BadInput(f"the note is longer than {_LONGEST_NOTE} characters", field="note")
    if account_id not in {one.account_id for one in mailers(session, found.controller)}:
        raise BadInput("choose who is to get the list", field="account")
    row = HandedList(
        id=uuid4(), list_screening=found.id, account=account_id, handed_by=actor, handed_at=now, note=note.strip(),
        with_decided=with_decided,
    )  # fmt: skip
    session.add(row)
    record(
        session, at=now, actor=actor, action="list_handed", object=f"list:{found.id}",
        detail={"to": f"staff:{account_id}", "handed": str(row.id), "with_decided": with_decided},
    )  # fmt: skip
    session.flush()
    return row.id


def withdraw(session: Session, found: ListView, handed_id: UUID, *, actor: str, now: datetime) -> None:
    """Take a handed list back: its mailer sees it no more. Raises ``NotFound``."""
    row = session.get(HandedList, handed_id, with_for_update=True)
    if row is None or row.list_screening != found.id:
        raise NotFound("there is no such list")
    if row.withdrawn_at is None:
        row.withdrawn_at = now
        record(session, at=now, actor=actor, action="list_withdrawn", object=f"list:{found.id}",
               detail={"handed": str(row.id)})  # fmt: skip
        session.flush()


def handed_of(session: Session, found: ListView) -> list[Handed]:
    """To whom a list was handed, newest first."""
    return [one for one, _ in _handed(session, HandedList.list_screening == found.id)]


def handed_to(session: Session, account_id: int, controllers: Collection[str] | None) -> list[tuple[Handed, ListView]]:
    """What this account may fetch: handed to it, not taken back, not forgotten, and of controllers it still works for."""
    mine = (HandedList.account == account_id) & HandedList.withdrawn_at.is_(None) & ListScreening.forgotten_at.is_(None)
    if controllers is not None:
        mine &= ListScreening.controller.in_(list(controllers))
    return _handed(session, mine)


def take(
    session: Session, handed_id: UUID, *, account_id: int, controllers: Collection[str] | None, now: datetime
) -> tuple[Handed, ListView]:
    """The list that an account fetches; noted. Raises ``NotFound`` for what is not its own, ``BadInput`` once expired."""
    for one, view in handed_to(session, account_id, controllers):
        if one.id == handed_id:
            if view.is_expired(now):
                raise BadInput("the screening has expired: ask for a new one")
            row = session.get_one(HandedList, handed_id)
            row.taken_at = row.taken_at or now
            session.flush()
            return one, view
    raise NotFound("there is no such list")


def _handed(session: Session, condition: ColumnElement[bool]) -> list[tuple[Handed, ListView]]:
    rows = session.execute(
        select(HandedList, ListScreening, Account.name)
        .join(ListScreening, ListScreening.id == HandedList.list_screening)
        .join(Account, Account.id == HandedList.account)
        .where(condition)
        .order_by(HandedList.handed_at.desc(), HandedList.id)
        .limit(_MOST_SHOWN)
    )
    return [
        (
            Handed(
                id=row.id,
                list_id=row.list_screening,
                account_id=row.account,
                account_name=name,
                handed_by=row.handed_by,
                handed_at=row.handed_at,
                note=row.note,
                with_decided=row.with_decided,
                taken_at=row.taken_at,
                withdrawn_at=row.withdrawn_at,
            ),
            as_view(of_list),
        )
        for row, of_list, name in rows
    ]
