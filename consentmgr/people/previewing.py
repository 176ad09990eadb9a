"""What would change, before it is done: it is done within a savepoint, looked at, and undone.

So what is shown is what happens, by construction: no second account of the rules is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.consents.sight import Sight
from consentmgr.importing.merging import Merged, merge
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.people.grid import NO_CELL, Cell, Grid, Place, differences
from consentmgr.people.reading import Person, person_of
from consentmgr.register.reading import rows_by
from consentmgr.register.rows import ContactRow


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """The person before and after; ``changed`` are the places whose state would be another."""

    before: Person
    after: Person
    changed: tuple[Place, ...]

    @property
    def is_nothing(self) -> bool:
        return not self.changed


def preview(session: Session, contact_id: int, do: Callable[[], object], *, sight: Sight, now: datetime) -> Preview:
    """The person before and after ``do``, which is undone. What it raises is raised, and it is undone all the same."""
    after = _after(session, contact_id, do, sight, now)
    before = person_of(session, contact_id, sight, now, beside=after)
    return Preview(before, after, tuple(differences(before.grid, after.grid)))


def _after(session: Session, contact_id: int, do: Callable[[], object], sight: Sight, now: datetime) -> Person:
    savepoint = session.begin_nested()
    try:
        do()
        session.flush()
        session.expire_all()
        return person_of(session, contact_id, sight, now)
    finally:
        savepoint.rollback()
        session.expire_all()


@dataclass(frozen=True, slots=True, repr=False)
class MergePreview:
    """Two contacts, and the one they would become. ``cells``: of each place the state of the one that stays, of the
    other, and of both together; ``changed``: the places where that is another than the one's or the other's.
    """

    stays: Person
    goes: Person
    after: Person
    merged: Merged
    cells: Mapping[Place, tuple[Cell, Cell, Cell]] = field(default_factory=dict)
    changed: tuple[Place, ...] = ()


def preview_merge(
    session: Session,
    ref: str,
    into: str,
    *,
    reason: str,
    sight: Sight,
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> MergePreview:
    """What merging ``ref`` into ``into`` would make of both. Raises as ``merge`` does; nothing is changed."""
    found = {row.ref: row for row in rows_by(session, ContactRow, "ref", {ref, into})}
    done: list[Merged] = []

    def do() -> None:
        done.append(merge(session, ref, into, reason=reason, keys=keys, actor=actor, now=now))

    if ref not in found or into not in found:
        do()
        raise BadInput("names a contact there is not", field="into")
    after = _after(session, found[into].id, do, sight, now)
    stays, goes = (person_of(session, found[name].id, sight, now, beside=after) for name in (into, ref))
    cells = cells_of(stays.grid, goes.grid, after.grid)
    changed = tuple(
        place
        for place, (one, other, both) in cells.items()
        if any(before.state not in ("none", both.state) for before in (one, other))
    )
    return MergePreview(stays, goes, after, done[0], cells, changed)


def cells_of(stays: Grid, goes: Grid, after: Grid) -> dict[Place, tuple[Cell, Cell, Cell]]:
    """Every place of the three grids, in their order, with its three cells."""
    places = dict.fromkeys((*after, *stays, *goes))
    return {place: (stays.get(place, NO_CELL), goes.get(place, NO_CELL), after.get(place, NO_CELL)) for place in places}


def may_merge(sight: Sight, one: Person, other: Person) -> None:
    """Raises ``BadInput`` where either has to do with controllers the reader does not work for: what a merge changes
    must be seen by whoever decides it.
    """
    if not sight.holds_all([*one.contact.controllers, *other.contact.controllers]):
        raise BadInput("somebody who works for all controllers must merge these two", field="into")
