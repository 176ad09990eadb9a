"""Organisations: found by business id or ref, made where something names one that is not known yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from consentmgr.importing import checks
from consentmgr.importing.batch import Batch, Fold
from consentmgr.importing.checks import CheckedPoint, Refused, refuse
from consentmgr.importing.points import PointKey, lay_point, new_point, point_key
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.register.business_ids import bare_business_id, is_finnish
from consentmgr.register.reading import organisations_named, rows_by
from consentmgr.register.rows import OrganisationCustomerRow, OrganisationRow, PointRow
from consentmgr.register.writing import insert_rows, mark_changed, move_organisation, new_ids, update_rows
from consentmgr.vocabulary.documents import Organisation


@dataclass(slots=True, repr=False, eq=False)
class _Taken:
    """A document that passed its checks, and the row it speaks of."""

    place: int
    document: Organisation
    business_id: str | None
    ref: str | None
    points: list[CheckedPoint]
    row: OrganisationRow
    made: bool = False
    changed: bool = False


def take_organisations(batch: Batch, placed: Sequence[tuple[int, Organisation]], named: Collection[str]) -> None:
    """Lay the documents over the register and fill ``batch.organisations`` with every name they and ``named`` use.

    ``named`` are canonical references from other documents; one that nobody has described yet becomes an
    organisation of unknown form, so that what is said of it is kept and the screening can say what it lacks. Digits
    alone name whoever was told by just them, and else the organisation whose business id they are.
    """
    checked: list[tuple[int, Organisation, str | None, str | None, list[CheckedPoint]]] = []
    names = set(named)
    for place, document in placed:
        try:
            business_id, ref, points = checks.check_organisation(document, batch.premises)
        except Refused as refused:
            batch.reject(place, "organisation", refused.rejection)
            continue
        checked.append((place, document, business_id, ref, points))
        names.update(name for name in (business_id, ref) if name is not None)
    if not names:
        return
    readings = {name: reading for name in named if (reading := bare_business_id(name)) is not None}
    known = organisations_named(batch.session, names.union(readings.values()))
    by_name = batch.organisations
    by_name.update(known)
    new: list[OrganisationRow] = []
    changed: dict[int, OrganisationRow] = {}
    taken = _resolve(batch, checked, new, changed)
    for name in sorted(set(named) - by_name.keys()):
        identity = readings.get(name, name)
        if identity not in by_name:
            finnish = is_finnish(identity)
            stub = OrganisationRow(0, identity, identity if finnish else None, None if finnish else identity)
            by_name[identity] = stub
            new.append(stub)
            batch.changes.stubs += 1
        by_name[name] = by_name[identity]
    for row, identifier in zip(new, new_ids(batch.session, "organisation", len(new)), strict=True):
        row.id = identifier
    fresh = {row.id for row in new}
    for one in taken:
        _lay(batch, one, fresh, changed)
    insert_rows(batch.session, new)
    update_rows(batch.session, [row for identifier, row in changed.items() if identifier not in fresh])
    _take_customers(batch, taken, fresh)
    _take_points(batch, taken, fresh)
    for one in taken:
        batch.count("organisation", new=one.made, changed=one.changed, places=(one.place,))
    mark_changed(batch.session, "organisation", batch.touched_organisations - fresh - changed.keys())


def _resolve(
    batch: Batch,
    checked: Sequence[tuple[int, Organisation, str | None, str | None, list[CheckedPoint]]],
    new: list[OrganisationRow],
    changed: dict[int, OrganisationRow],
) -> list[_Taken]:
    """Find each document's row. An organisation may come with its ref first and get its business id later."""
    by_name = batch.organisations
    taken: list[_Taken] = []
    for place, document, business_id, ref, points in checked:
        by_id = by_name.get(business_id) if business_id is not None else None
        by_ref = by_name.get(ref) if ref is not None else None
        try:
            _refuse_conflict(business_id, ref, by_id, by_ref)
        except Refused as refused:
            batch.reject(place, "organisation", refused.rejection)
            continue
        row = by_id or by_ref
        made = row is None
        if row is None:
            row = OrganisationRow(0, business_id or ref or "", business_id, ref)
            new.append(row)
        elif by_id is not None and by_ref is not None and by_id is not by_ref:
            row = _unite(batch, by_id, by_ref, taken, new, changed)
        had = (row.identity, row.ref)
        if _name(row, business_id, ref) and row.id:
            changed[row.id] = row
        if row.identity != had[0]:
            batch.renamed[had[0]] = row
        for name in (business_id, ref):
            if name is not None:
                by_name[name] = row
                if (made or name not in had) and bare_business_id(name) not in (None, name):
                    batch.told_bare[name] = row
        taken.append(_Taken(place, document, business_id, ref, points, row, made, bool(row.id and row.id in changed)))
    return taken


def _name(row: OrganisationRow, business_id: str | None, ref: str | None) -> bool:
    """Give the row the names of the document; whether that changed anything. Its ref stays beside a business id."""
    before = row.identity, row.business_id, row.ref
    if ref is not None:
        row.ref = ref
    if business_id is not None:
        row.identity = row.business_id = business_id
        if row.ref == business_id:
            row.ref = None
    return before != (row.identity, row.business_id, row.ref)


def _refuse_conflict(
    business_id: str | None, ref: str | None, by_id: OrganisationRow | None, by_ref: OrganisationRow | None
) -> None:
    if business_id is not None and by_ref is not None and by_ref.business_id not in (None, business_id):
        refuse("belongs to an organisation with another business id", "ref")
    if ref is not None and by_id is not None and by_id.ref not in (None, ref, by_id.identity):
        refuse("differs from the ref stored for this business id", "ref")


def _unite(
    batch: Batch,
    winner: OrganisationRow,
    loser: OrganisationRow,
    taken: list[_Taken],
    new: list[OrganisationRow],
    changed: dict[int, OrganisationRow],
) -> OrganisationRow:
    """One organisation was known by its business id and, apart, by its ref; the document says they are one."""
    if loser.id and not winner.id:
        winner, loser = loser, winner
    batch.renamed[loser.identity] = winner
    if loser.id:
        move_organisation(batch.session, loser.id, winner.id)
        changed.pop(loser.id, None)
        batch.touched_organisations.add(winner.id)
    else:
        new.remove(loser)
    fold = Fold(winner, None)
    for name in ("name", "employees", "industry", "source", "verified_on"):
        if getattr(winner, name) is None:
            fold.put(name, getattr(loser, name))
    if winner.form == "unknown":
        fold.put("form", loser.form)
    if winner.status == "active":
        fold.put("status", loser.status)
    fold.unite("domains", loser.domains)
    for one in taken:
        if one.row is loser:
            one.row = winner
    for name, row in batch.organisations.items():
        if row is loser:
            batch.organisations[name] = winner
    return winner


def _lay(batch: Batch, one: _Taken, fresh: set[int], changed: dict[int, OrganisationRow]) -> None:
    document, row = one.document, one.row
    fold = Fold(row, None if row.id in fresh else batch.changes)
    for name in document.clear:
        fold.clear(name, [] if name == "domains" else "unknown" if name == "form" else None)
    fold.put("country", document.country)
    fold.text("name", document.name)
    fold.put("form", document.form)
    fold.put("status", document.status)
    fold.put("employees", document.employees)
    fold.unite("domains", [domain for text in document.domains if (domain := canonical_domain(text)) is not None])
    fold.text("industry", document.industry)
    fold.text("source", document.source)
    fold.put("verified_on", document.verified_on)
    if fold.changed:
        one.changed = True
        changed[row.id] = row


def _take_customers(batch: Batch, taken: Sequence[_Taken], fresh: set[int]) -> None:
    ids = {one.row.id for one in taken if one.document.customer_of} - fresh
    stored = rows_by(batch.session, OrganisationCustomerRow, "organisation_id", ids)
    rows = {(row.organisation_id, row.controller, row.product_group): row for row in stored}
    new: list[OrganisationCustomerRow] = []
    changed: dict[int, OrganisationCustomerRow] = {}
    for one in taken:
        for customer in one.document.customer_of:
            controller = batch.premises.controller(customer.controller, "customer_of")
            key = (one.row.id, controller, (customer.product_group or "").strip())
            row = rows.get(key)
            if row is None:
                rows[key] = row = OrganisationCustomerRow(*key, customer.last_purchase_on)
                new.append(row)
            else:
                fold = Fold(row, batch.changes)
                fold.put("last_purchase_on", customer.last_purchase_on)
                if not fold.changed:
                    continue
                changed[id(row)] = row
            one.changed = True
            batch.touched_organisations.add(one.row.id)
    insert_rows(batch.session, new)
    added = {id(row) for row in new}
    update_rows(batch.session, [row for mark, row in changed.items() if mark not in added])


def _take_points(batch: Batch, taken: Sequence[_Taken], fresh: set[int]) -> None:
    ids = {one.row.id for one in taken if one.points} - fresh
    stored = rows_by(batch.session, PointRow, "organisation_id", ids, also="AND contact_id IS NULL")
    rows: dict[tuple[int | None, PointKey], PointRow] = {
        (row.organisation_id, (row.kind, row.address_key)): row for row in stored
    }
    new: list[PointRow] = []
    changed: dict[int, PointRow] = {}
    for one in taken:
        for checked in one.points:
            key = (one.row.id, point_key(checked))
            row = rows.get(key)
            if row is None:
                rows[key] = row = new_point(checked, batch.keys.key_id, contact_id=None, organisation_id=one.row.id)
                new.append(row)
            elif lay_point(checked, row, None, batch.changes if row.id else None):
                if row.id:
                    changed[row.id] = row
            else:
                continue
            one.changed = True
            batch.touched_organisations.add(one.row.id)
    for row, identifier in zip(new, new_ids(batch.session, "contact_point", len(new)), strict=True):
        row.id = identifier
    insert_rows(batch.session, new)
    update_rows(batch.session, list(changed.values()))
