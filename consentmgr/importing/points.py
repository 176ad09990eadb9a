"""Contact points, a contact's and an organisation's own: one address of one owner is one row."""

from __future__ import annotations

from consentmgr.importing.batch import Fold
from consentmgr.importing.changes import Changes
from consentmgr.importing.checks import CheckedPoint, text_of
from consentmgr.kit.address_keys import CANONICAL_VERSION
from consentmgr.register.rows import PointRow

#: Kind and address key: what makes a point the same one within its owner.
PointKey = tuple[str, str]

#: What a cleared field of a point becomes where that is not null.
_EMPTY: dict[str, object] = {"use": "unknown", "state": "ok", "soft_bounces": 0, "published_by_organisation": False}


def point_key(checked: CheckedPoint) -> PointKey:
    return checked.point.channel, checked.keys.address_key


def new_point(checked: CheckedPoint, key_id: int, *, contact_id: int | None, organisation_id: int | None) -> PointRow:
    """A row for a point not known before; its id is given when it is written."""
    point, keys = checked.point, checked.keys
    return PointRow(
        0,
        contact_id,
        organisation_id,
        point.channel,
        keys.canonical if checked.postal is None else None,
        checked.postal,
        keys.address_key,
        keys.sha256_key,
        keys.sha256_digits_key,
        key_id,
        CANONICAL_VERSION,
        point.use or "unknown",
        text_of(point.source),
        point.acquired_on,
        point.verified_on,
        point.informed_on,
        point.state or "ok",
        point.soft_bounces or 0,
        point.published_by_organisation or False,
    )


def lay_point(checked: CheckedPoint, row: PointRow, organisation_id: int | None, changes: Changes | None) -> bool:
    """Lay a point over the row of the same address; whether anything became different."""
    point, fold = checked.point, Fold(row, changes)
    for name in point.clear:
        fold.clear("organisation_id" if name == "organisation" else name, _EMPTY.get(name))
    if checked.postal is not None:
        # The same letter box written more fully, such as with its city: the parts given replace the parts held.
        fold.put("postal", {**(row.postal or {}), **checked.postal})
    if row.contact_id is not None:
        fold.put("organisation_id", organisation_id)
    fold.put("use", point.use)
    fold.text("source", point.source)
    fold.put("acquired_on", point.acquired_on)
    fold.put("verified_on", point.verified_on)
    fold.put("informed_on", point.informed_on)
    fold.put("state", point.state)
    fold.put("soft_bounces", point.soft_bounces)
    fold.put("published_by_organisation", point.published_by_organisation)
    return fold.changed
