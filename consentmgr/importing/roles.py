"""Which stored role a document speaks of.

A role has no number of its own in the world; it is told apart by organisation, position, title and beginning. A
document may leave some of these out, and a later one may fill them in. So:

* within one document every role is another one, unless all four are equal;
* a role is first looked for by all four; then among the stored roles nothing of the document contradicts (absent
  contradicts nothing), the one with most in common, before others one that has not ended, then the latest begun, then the one known longest;
* where none fits, it is a new role. A changed title or a new beginning is therefore a new role, and the old one stays
  as history.

Two stored roles of one contact thus always differ in something both say, which is why an export taken into an empty
register makes the same roles again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from consentmgr.importing.batch import Fold
from consentmgr.importing.changes import Changes
from consentmgr.importing.checks import text_of
from consentmgr.register.rows import RoleAreaRow, RoleRow
from consentmgr.vocabulary.documents import Role

Identity = tuple[int, str | None, str | None, date | None]


@dataclass(slots=True, repr=False, eq=False)
class HeldRole:
    """A role with its areas; ``row.id`` is 0 until a new one is given its id."""

    row: RoleRow
    new: bool = False
    areas: dict[str, RoleAreaRow] = field(default_factory=dict)
    changed: bool = False
    new_areas: list[RoleAreaRow] = field(default_factory=list)
    changed_areas: dict[str, RoleAreaRow] = field(default_factory=dict)


def lay_roles(
    roles: Sequence[tuple[int, Role]], contact_id: int, held: list[HeldRole], changes: Changes | None
) -> bool:
    """Lay the roles of one document (with the ids of their organisations) over those held; whether any changed.

    New ones are added to ``held``.
    """
    found = _matches(roles, held)
    changed = False
    for (organisation_id, role), match in zip(roles, found, strict=True):
        if match is None:
            # Perhaps another role of this document that is equal in all four, added a moment ago.
            match = _same(_identity(organisation_id, role), held)
        if match is None:
            match = HeldRole(
                RoleRow(0, contact_id, organisation_id, text_of(role.title), role.position, role.since, role.until)
            )
            held.append(match)
            changed = True
        elif _lay(role, match, changes if match.row.id else None):
            match.changed = changed = True
        changed = _lay_areas(role, match, changes if match.row.id else None) or changed
    return changed


def _matches(roles: Sequence[tuple[int, Role]], held: list[HeldRole]) -> list[HeldRole | None]:
    if not held:
        return [None] * len(roles)
    found = [_same(_identity(organisation_id, role), held) for organisation_id, role in roles]
    taken = {id(match) for match in found if match is not None}
    for position, (organisation_id, role) in enumerate(roles):
        if found[position] is None:
            wanted = _identity(organisation_id, role)
            candidates = [
                (*_likeness(wanted, one.row), -number, one)
                for number, one in enumerate(held)
                if id(one) not in taken and _compatible(wanted, one.row)
            ]
            if candidates:
                best = max(candidates, key=lambda candidate: candidate[:-1])[-1]
                # Filled in, it may be just what another one is already; then that one is meant.
                best = _same(_filled(best.row, wanted), held) or best
                found[position] = best
                taken.add(id(best))
    return found


def _identity(organisation_id: int, role: Role) -> Identity:
    return organisation_id, role.position, _folded(role.title), role.since


def _row_identity(row: RoleRow) -> Identity:
    return row.organisation_id, row.position, _folded(row.title), row.since


def _filled(row: RoleRow, wanted: Identity) -> Identity:
    organisation_id, position, title, since = _row_identity(row)
    return organisation_id, wanted[1] or position, wanted[2] or title, wanted[3] or since


def _folded(title: str | None) -> str | None:
    return " ".join(title.casefold().split()) or None if title is not None else None


def _same(wanted: Identity, held: list[HeldRole]) -> HeldRole | None:
    return next((one for one in held if _row_identity(one.row) == wanted), None)


def _compatible(wanted: Identity, row: RoleRow) -> bool:
    return wanted[0] == row.organisation_id and all(
        one is None or other is None or one == other
        for one, other in zip(wanted[1:], _row_identity(row)[1:], strict=True)
    )


def _likeness(wanted: Identity, row: RoleRow) -> tuple[int, bool, date]:
    common = sum(one == other for one, other in zip(wanted, _row_identity(row), strict=True) if one is not None)
    return common, row.until is None, row.since or date.min


def _lay(role: Role, match: HeldRole, changes: Changes | None) -> bool:
    fold = Fold(match.row, changes)
    fold.text("title", role.title)
    fold.put("position", role.position)
    fold.put("since", role.since)
    fold.put("until", role.until)
    return fold.changed


def _lay_areas(role: Role, match: HeldRole, changes: Changes | None) -> bool:
    changed = False
    for area in role.areas:
        name = area.area.strip()
        row = match.areas.get(name)
        if row is None:
            row = RoleAreaRow(match.row.id, name, area.evidence, area.verified_on, text_of(area.source))
            match.areas[name] = row
            match.new_areas.append(row)
            changed = True
            continue
        fold = Fold(row, changes)
        fold.put("evidence", area.evidence)
        fold.put("verified_on", area.verified_on)
        fold.text("source", area.source)
        if fold.changed:
            changed = True
            if row not in match.new_areas:
                match.changed_areas[name] = row
    return changed
