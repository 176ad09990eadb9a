"""Erasures, and wishes to be erased, as the journal keeps them: a restored older backup brings nobody back.

A line names the contact by its id and a keyed digest of its reference, and holds the keyed digests of the addresses
that were kept; never an address, a name or a word that somebody wrote. Taking it does what the erasure did, by the
same services, and changes nothing where it was done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry, digest_of
from consentmgr.db import JOURNALLED
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions.erasure import ErasedBy, KeptKey, add_kept_keys, erase_contacts

#: Who acts, in the ledger of a register that learned of it from the journal.
ACTOR: Final = "journal"
#: Entries read in one portion, and synced to the disk together.
PORTION: Final = 5_000


class ErasureAct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the ledger. ``id`` is its digest in hex, by which it is taken once; ``at`` when it was recorded and
    ``acted`` when it happened; ``ref`` the keyed digest of the contact's reference; ``keys`` and ``hashed`` the digests
    kept of addresses and of their SHA-256; ``name`` that of the name.
    """

    v: Literal[2]
    act: Literal["erased", "erasure_requested"]
    id: str
    at: datetime
    acted: datetime
    contact: int
    ref: str
    keys: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    name: str | None = None
    controller: str | None = None
    method: str | None = None
    given_by: str = "self"
    order_known: bool = True
    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ErasureAct(id={self.id!r}, act={self.act!r})"


def digest_of_ref(keys: AddressKeys, ref: str) -> str:
    """What a contact's reference is in the journal: numbers are given anew after a restore, and may be another's."""
    return digest_of(keys, "contact in the journal", (ref,)).hex


# --- from the ledger ------------------------------------------------------------------------------------------------

# An entry that a savepoint took back is not there, and so not told of.
_ENTRIES = """
SELECT e.event, e.digest, e.recorded_at, e.at, e.contact_id, c.ref, c.name_key, e.controller, e.method, e.given_by,
  e.order_known, e.channels, e.purposes, e.topics, e.audiences, k.keys, k.hashed
FROM ledger_entry e JOIN contact c ON c.id = e.contact_id
LEFT JOIN LATERAL (
  SELECT array_agg(address_key) FILTER (WHERE NOT hashed) AS keys, array_agg(address_key) FILTER (WHERE hashed) AS hashed
  FROM erased_key WHERE contact_id = e.contact_id) k ON e.event = 'erased'
WHERE e.id = ANY(%s) ORDER BY e.id
"""


def acts_of(session: Session, entry_ids: Collection[int], *, keys: AddressKeys) -> Iterator[list[ErasureAct]]:
    """The acts that these entries of this transaction are, in portions."""
    wanted = sorted(entry_ids)
    for start in range(0, len(wanted), PORTION):
        with ledger.driver_connection(session).cursor() as cursor:
            cursor.execute(_ENTRIES, [wanted[start : start + PORTION]])
            yield [
                ErasureAct(
                    v=2,
                    act=event,
                    id=digest.hex,
                    at=recorded_at,
                    acted=at,
                    contact=contact_id,
                    ref=digest_of_ref(keys, ref),
                    name=name_key.hex if name_key is not None else None,
                    controller=controller,
                    method=method,
                    given_by=given_by,
                    order_known=order_known,
                    **dict(zip(("channels", "purposes", "topics", "audiences"), map(tuple, codes), strict=True)),
                    keys=_hex(kept),
                    hashed=_hex(hashed),
                )
                for event, digest, recorded_at, at, contact_id, ref, name_key, controller, method, given_by,
                order_known, *codes, kept, hashed in cursor
            ]  # fmt: skip


def _hex(keys: Iterable[UUID] | None) -> tuple[str, ...]:
    return tuple(sorted(key.hex for key in keys or ()))


# --- into the register ----------------------------------------------------------------------------------------------


def take(session: Session, acts: Sequence[ErasureAct], *, keys: AddressKeys, now: datetime) -> None:
    """Do what these acts say, as far as the register does not know it; does not commit.

    Somebody the register does not know at all, having come after the backup, is kept as an erased contact without any
    data, so that the digests stop them in a list they come back in.
    """
    # Whoever erases holds their chains from the entry to the commit: what is not known afterwards was not committed.
    ledger.hold_chains(session)
    missing = _missing(session, acts, keys)
    contacts = _contacts(session, missing, keys)
    contacts |= _add_unknown(session, [act for act in missing if act.act == "erased" and act.ref not in contacts])
    told = [(act, contacts[act.ref]) for act in missing if act.ref in contacts]
    entries = [_entry(act, contact_id, _identity(act, contact_id, keys)) for act, contact_id in told]
    ids = ledger.append(session, entries, actor=ACTOR, now=now)
    # The journal has them.
    session.info.get(JOURNALLED, set()).difference_update(ids)
    kept: list[KeptKey] = []
    erased: dict[int, ErasedBy] = {}
    for (act, contact_id), entry_id in zip(told, ids, strict=True):
        if act.act == "erased" and entry_id is not None:
            erased.setdefault(contact_id, ErasedBy(act.acted, entry_id))
            for found, hashed in ((act.keys, False), (act.hashed, True)):
                kept += [KeptKey(contact_id, UUID(key), hashed, act.acted, entry_id) for key in found]
    add_kept_keys(session, kept)
    erase_contacts(session, erased)


def _identity(act: ErasureAct, contact_id: int, keys: AddressKeys) -> UUID:
    """The digest of the act's entry in this register.

    The digest it had speaks of a contact's number. After a restore that number may be another's, who may be erased
    too, one day, and must not then be found erased already.
    """
    return UUID(act.id) if contact_id == act.contact else _apart(act, keys)


def _apart(act: ErasureAct, keys: AddressKeys) -> UUID:
    return digest_of(keys, "erasure in the journal", (act.id, act.ref))


def _missing(session: Session, acts: Sequence[ErasureAct], keys: AddressKeys) -> list[ErasureAct]:
    fresh = list({(act.id, act.ref): act for act in acts}.values())
    wanted = [UUID(act.id) for act in fresh] + [_apart(act, keys) for act in fresh]
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute(
            "SELECT e.digest, c.ref FROM ledger_entry e JOIN contact c ON c.id = e.contact_id"
            " WHERE e.digest = ANY(%s::uuid[])",
            [wanted],
        )
        known = {digest: digest_of_ref(keys, ref) for digest, ref in cursor}
    return [act for act in fresh if known.get(UUID(act.id)) != act.ref and _apart(act, keys) not in known]


_CONTACTS = """
SELECT id, ref FROM contact WHERE id = ANY(%(ids)s::bigint[])
UNION SELECT c.id, c.ref FROM contact_point p JOIN contact c ON c.id = p.contact_id
  WHERE p.address_key = ANY(%(keys)s::uuid[])
UNION SELECT id, ref FROM contact WHERE ref = ANY(%(refs)s::text[])
"""


def _contacts(session: Session, acts: Sequence[ErasureAct], keys: AddressKeys) -> dict[str, int]:
    """Who is meant, by the digest of the reference: whose number or address it is, if the reference is theirs too.

    A number alone says nothing: after a restore it is given to the next who comes.
    """
    if not acts:
        return {}
    unknown = {_unknown_ref(act): act.ref for act in acts}
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute(
            _CONTACTS,
            {
                "ids": [act.contact for act in acts],
                "keys": [key for act in acts for key in act.keys],
                "refs": list(unknown),
            },
        )
        found = {unknown.get(ref) or digest_of_ref(keys, ref): contact_id for contact_id, ref in cursor}
    return {act.ref: found[act.ref] for act in acts if act.ref in found}


def _unknown_ref(act: ErasureAct) -> str:
    return f"erased:{act.ref}"


def _add_unknown(session: Session, acts: Sequence[ErasureAct]) -> dict[str, int]:
    if not acts:
        return {}
    fresh = {act.ref: act for act in acts}
    columns: list[list[Any]] = [
        [_unknown_ref(act) for act in fresh.values()],
        [act.name for act in fresh.values()],
        [act.acted for act in fresh.values()],
    ]
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute(
            "INSERT INTO contact (ref, name_key, erased_at)"
            " SELECT * FROM unnest(%s::text[], %s::uuid[], %s::timestamptz[]) RETURNING ref, id",
            columns,
        )
        ids = dict(cursor.fetchall())
    return {ref: ids[_unknown_ref(act)] for ref, act in fresh.items()}


def _entry(act: ErasureAct, contact_id: int, digest: UUID) -> NewEntry:
    return NewEntry(
        contact_id=contact_id,
        event=act.act,
        at=act.acted,
        digest=digest,
        controller=act.controller,
        method=act.method,
        given_by=act.given_by,
        order_known=act.order_known,
        channels=act.channels,
        purposes=act.purposes,
        topics=act.topics,
        audiences=act.audiences,
    )
