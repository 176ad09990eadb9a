"""Merging: two contacts that turned out to be one person become one, and nobody becomes easier to contact by it.

The survivor takes the other's addresses, roles, relations and legal bases, and of two stored facts the stricter. The
other's row stays as a name for the survivor (``contact.merged_into``), and its ledger entries stay where they are:
appended, never changed. What they say is said again of the survivor, as new entries that name the old ones:

* a stop (objection, withdrawal, refusal, complaint) as an act without a date, as of the merge: where order decides,
  the stricter holds, so no consent that the survivor gave about another address lifts it. What the other contact had
  itself opened again by a later act is stopped anew; only the person's word opens it, and the preview says so;
* a consent with its own date and ``method`` ``import``, so that it may be a ground but lifts nothing;
* a lifting not at all: it spoke of the other contact's stops, and might open the survivor's.

Prohibitions need nothing: they are matched by address, and a merged contact's ref means the survivor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.campaigns.policy import current
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry, digest_of, register_change_entry
from consentmgr.consents.requests import ERASURE
from consentmgr.consents.standing import CONSENTS, KINDS
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.reading import psycopg_connection, rows_by
from consentmgr.register.rows import ContactRow
from consentmgr.register.writing import lock_register, update_rows

#: Acts of standing that are not said again of the survivor.
_NOT_REPEATED = ("objection_lifted", "restriction_lifted", "erased")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did. ``reopened`` are stops of the other contact that a later act of its own had opened."""

    survivor: int
    merged: int
    points: int
    acts: int
    reopened: int


def merge(
    session: Session, ref: str, into: str, *, reason: str, keys: AddressKeys, actor: str, now: datetime
) -> Merged:
    """Merge the contact ``ref`` into the contact ``into``; the caller commits.

    Raises ``NotFound`` for an unknown ref and ``BadInput`` where the two are one already, one of them is erased, or
    facts contradict each other so that they cannot be one person.
    """
    if not reason.strip():
        raise BadInput("a merge needs a reason", field="reason")
    session.flush()
    lock_register(session)
    ledger.hold_chains(session)
    found = {row.ref: row for row in rows_by(session, ContactRow, "ref", {ref, into})}
    for name in (ref, into):
        if name not in found:
            raise NotFound(f"there is no contact {name}")
    loser, survivor = found[ref], found[into]
    _refuse(loser, survivor, ref, into)
    points = _move_rows(session, loser.id, survivor.id)
    entries, reopened = _repeated(session, loser, survivor, keys, now)
    ledger.append(session, entries, actor=actor, now=now)
    _lay(survivor, loser)
    loser.merged_into = survivor.id
    for name in ("given_name", "family_name", "name_key", "language", "country", "municipality", "born_on"):
        setattr(loser, name, None)
    update_rows(session, [loser, survivor])
    psycopg_connection(session).execute(
        "UPDATE contact SET merged_into = %s, changed_xid = pg_current_xact_id() WHERE merged_into = %s",
        [survivor.id, loser.id],
    )
    # A snapshot of the register has these bans on the merged contact.
    psycopg_connection(session).execute(
        "UPDATE prohibition SET changed_xid = pg_current_xact_id() WHERE contact_ref = %s", [loser.ref]
    )
    acts = len(entries) - 2
    record(
        session,
        at=now,
        actor=actor,
        action="merged",
        object=f"contact:{survivor.id}",
        detail={"merged": loser.id, "acts": acts, "points": points, "reason": reason.strip()},
    )
    return Merged(survivor.id, loser.id, points, acts, reopened)


def _refuse(loser: ContactRow, survivor: ContactRow, ref: str, into: str) -> None:
    if loser.id == survivor.id:
        raise BadInput("a contact is not merged into itself", field="into")
    for row, name in ((loser, ref), (survivor, into)):
        if row.merged_into is not None:
            raise BadInput(f"{name} has been merged already; name the contact it was merged into", field="contact")
        if row.erased_at is not None:
            raise BadInput(f"{name} has been erased: nothing is known that could be merged", field="contact")
    if loser.born_on and survivor.born_on and loser.born_on != survivor.born_on:
        raise BadInput("the two have different dates of birth; correct one first", field="born_on")


def _lay(survivor: ContactRow, loser: ContactRow) -> None:
    """Of two facts the stricter; of names and the like the survivor's own, else the other's."""
    survivor.controllers = list(dict.fromkeys([*survivor.controllers, *loser.controllers]))
    if survivor.given_name is None and survivor.family_name is None:
        survivor.given_name, survivor.family_name = loser.given_name, loser.family_name
        survivor.name_key = loser.name_key
    for name in ("language", "country", "municipality", "born_on"):
        if getattr(survivor, name) is None:
            setattr(survivor, name, getattr(loser, name))
    survivor.deceased_on = _earlier(survivor.deceased_on, loser.deceased_on)
    survivor.restricted_since = _earlier(survivor.restricted_since, loser.restricted_since)
    survivor.non_disclosure = survivor.non_disclosure or loser.non_disclosure
    survivor.register_update_ban = survivor.register_update_ban or loser.register_update_ban
    # The newest sign of life is a fact of the person, whichever record heard of it.
    days = [day for day in (survivor.last_interaction_on, loser.last_interaction_on) if day is not None]
    survivor.last_interaction_on = max(days, default=None)


def _earlier(one: date | None, other: date | None) -> date | None:
    days = [day for day in (one, other) if day is not None]
    return min(days, default=None)


# --- what was said ---------------------------------------------------------------------------------------------------


def _repeated(
    session: Session, loser: ContactRow, survivor: ContactRow, keys: AddressKeys, now: datetime
) -> tuple[list[NewEntry], int]:
    """The entries to append, the two that say that the merge happened last; and how many stops had been opened."""
    bans_before: date = current(session).research_bans_before
    told = {*KINDS, *ERASURE}
    found = [recorded for recorded in ledger.entries_of(session, [loser.id]) if recorded.entry.event in told]
    holding = _still_holding(session, loser.id)
    entries: list[NewEntry] = []
    reopened = 0
    for recorded in found:
        entry = recorded.entry
        if entry.event in _NOT_REPEATED:
            continue
        kind = KINDS.get(entry.event)
        if entry.event == "restricted" and loser.restricted_since is None:
            continue
        again = replace(
            entry,
            contact_id=survivor.id,
            digest=digest_of(keys, "merged", (recorded.id, survivor.id)),
            # The proof stays with the entry it came with, which this one names.
            personal=None,
            detail={**entry.detail, "merged_from": recorded.id},
        )
        if entry.event in CONSENTS:
            again = replace(again, method="import")
        elif kind is not None and kind.matter == "permission":
            reopened += recorded.id not in holding
            again = replace(
                again, at=now, order_known=False, purposes=_with_surveys(entry, bans_before), method=entry.method
            )
        entries.append(again)
    entries += [
        register_change_entry(row.id, ["merged"], at=now, source=None, change=f"merge:{loser.id}", keys=keys)
        for row in (loser, survivor)
    ]
    return entries, reopened


def _with_surveys(entry: NewEntry, bans_before: date) -> Sequence[Any]:
    """A marketing ban of the time when such bans covered surveys still covers them, though its date is the merge's."""
    speaks_of_marketing = not entry.purposes or "direct_marketing" in entry.purposes
    if entry.event != "objected" or not speaks_of_marketing or local_date(entry.at) >= bans_before:
        return entry.purposes
    return tuple(dict.fromkeys([*(entry.purposes or ("direct_marketing",)), "research"]))


def _still_holding(session: Session, contact_id: int) -> Collection[int]:
    """The entries that a scope of the contact's standing rests on."""
    rows = psycopg_connection(session).execute("SELECT entry_id FROM standing WHERE contact_id = %s", [contact_id])
    return {row[0] for row in rows}


# --- what is held ----------------------------------------------------------------------------------------------------

# Where both have an address, the survivor's row stays and takes what is stricter or better known of the two.
_UNITE_POINTS = """
UPDATE contact_point k SET
  state = CASE WHEN 'hard_bounce' IN (k.state, o.state) THEN 'hard_bounce'
               WHEN 'invalid' IN (k.state, o.state) THEN 'invalid' ELSE k.state END,
  soft_bounces = greatest(k.soft_bounces, o.soft_bounces),
  use = CASE WHEN k.use = 'unknown' THEN o.use ELSE k.use END,
  source = coalesce(k.source, o.source),
  organisation_id = coalesce(k.organisation_id, o.organisation_id),
  acquired_on = coalesce(k.acquired_on, o.acquired_on),
  verified_on = greatest(k.verified_on, o.verified_on),
  informed_on = coalesce(k.informed_on, o.informed_on)
FROM contact_point o
WHERE k.contact_id = %(survivor)s AND o.contact_id = %(loser)s AND k.kind = o.kind AND k.address_key = o.address_key
"""

_MOVE_POINTS = (
    """DELETE FROM contact_point o USING contact_point k WHERE o.contact_id = %(loser)s
         AND k.contact_id = %(survivor)s AND k.kind = o.kind AND k.address_key = o.address_key""",
    "UPDATE contact_point SET contact_id = %(survivor)s WHERE contact_id = %(loser)s",
)

#: Tables whose key holds the contact: what the survivor has already stays as it is.
_KEYED: Mapping[str, str] = {
    "customer_relation": "controller, product_group, relation",
    "message_sent": "at, controller, channel, campaign",
    "legal_basis_tag": "controller, purpose, basis",
}


def _move_rows(session: Session, loser: int, survivor: int) -> int:
    """Everything that hangs on the one now hangs on the other; how many addresses moved."""
    connection = psycopg_connection(session)
    both = {"loser": loser, "survivor": survivor}
    connection.execute(_UNITE_POINTS, both)
    for statement in _MOVE_POINTS:
        moved = connection.execute(statement.encode(), both).rowcount
    connection.execute("UPDATE role SET contact_id = %(survivor)s WHERE contact_id = %(loser)s", both)
    for table, key in _KEYED.items():
        same = " AND ".join(f"o.{name} = k.{name}" for name in key.split(", "))
        connection.execute(
            f"DELETE FROM {table} o USING {table} k WHERE o.contact_id = %(loser)s"  # noqa: S608 - our own table
            f" AND k.contact_id = %(survivor)s AND {same}".encode(),
            both,
        )
        connection.execute(
            f"UPDATE {table} SET contact_id = %(survivor)s WHERE contact_id = %(loser)s".encode(),  # noqa: S608
            both,
        )
    return moved
