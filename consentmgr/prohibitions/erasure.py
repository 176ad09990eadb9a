"""Erasure of contacts (GDPR 17): what is known of them goes, what keeps them from being contacted again stays.

It spans four rooms and stands in the highest of them: the register's rows, the ledger's evidence, the words of
prohibitions, and the keyed digests of the addresses, which is all that is left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.heads import CHAINS
from consentmgr.register.erasure import forget_contacts


class ErasedBy(NamedTuple):
    """The ``erased`` entry of a contact: when the erasure was, and the entry's id."""

    at: datetime
    entry_id: int


class KeptKey(NamedTuple):
    """The keyed digest of an erased contact's address; ``hashed``: of the address's SHA-256."""

    contact_id: int
    address_key: UUID
    hashed: bool
    erased_at: datetime
    entry_id: int | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """How many contacts were erased, digests kept, and entries whose personal part was deleted."""

    contacts: int
    keys_kept: int
    evidence_deleted: int


def erase_contacts(session: Session, erased: Mapping[int, ErasedBy | tuple[datetime, int]]) -> Erased:
    """Erase contacts whose ``erased`` entry is in the ledger; does not commit. Doing it again changes nothing.

    ``erased`` maps a contact's id to the moment and the id of that entry: append it first. Raises ``ValueError`` where
    there is none (and the ledger itself refuses to let evidence go without one). Set-based. Prohibitions on the contacts
    or their addresses stay; the documents they came in and the evidence they named are emptied.
    """
    if not erased:
        return Erased(0, 0, 0)
    session.flush()
    ledger.hold_chains(session, {contact_id % CHAINS for contact_id in erased})
    by = {contact_id: ErasedBy(*entry) for contact_id, entry in erased.items()}
    connection = ledger.driver_connection(session)
    _check_entries(connection, by)
    keys_kept = keep_erased(session, by)
    _forget_elsewhere(session, connection, list(by))
    ids = {"ids": list(by)}
    connection.execute(_EMPTY_PROHIBITIONS, ids)
    contacts = forget_contacts(session, {contact_id: entry.at for contact_id, entry in by.items()})
    evidence = connection.execute(_DELETE_EVIDENCE, ids).rowcount
    return Erased(contacts, keys_kept, evidence)


#: Who else may hold an address of somebody erased: ``module:function`` of ``(session, address_keys)``. Places and not
#: functions, because some of these rooms are above this one.
ALSO_FORGET: tuple[str, ...] = (
    "consentmgr.mail.outbox:forget_addresses",
    "consentmgr.preferences.subscribing:forget_addresses",
)


def _forget_elsewhere(session: Session, connection: psycopg.Connection[Any], contact_ids: list[int]) -> None:
    """Have the addresses of these contacts forgotten where they stand outside the register, before they go from it.

    An address that somebody else has too, who is not being erased, is left alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.address_key FROM contact_point p WHERE p.contact_id = ANY(%(ids)s)"
            " AND p.address_key IS NOT NULL AND NOT EXISTS (SELECT FROM contact_point o JOIN contact c"
            " ON c.id = o.contact_id WHERE o.address_key = p.address_key AND o.contact_id <> ALL(%(ids)s)"
            " AND c.erased_at IS NULL AND c.merged_into IS NULL)",
            {"ids": contact_ids},
        )
        address_keys = [row[0] for row in cursor]
    if not address_keys:
        return
    for place in ALSO_FORGET:
        module, _, name = place.partition(":")
        forget: Callable[[Session, Sequence[UUID]], None] = getattr(import_module(module), name)
        forget(session, address_keys)


def _check_entries(connection: psycopg.Connection[Any], by: Mapping[int, ErasedBy]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contact_id FROM ledger_entry WHERE id = ANY(%s) AND event = 'erased'",
            [[entry.entry_id for entry in by.values()]],
        )
        unrecorded = set(by) - {row[0] for row in cursor}
    if unrecorded:
        raise ValueError(f"the ledger has no such erasure of contact {min(unrecorded)}")


def keep_erased(session: Session, erased: Mapping[int, ErasedBy]) -> int:
    """Copy the digests of all points of these contacts, of addresses and of their SHA-256, to ``erased_key``."""
    kept = ledger.driver_connection(session).execute(
        _KEEP,
        {
            "ids": list(erased),
            "moments": [entry.at for entry in erased.values()],
            "entries": [entry.entry_id for entry in erased.values()],
        },
    )
    return kept.rowcount


def add_kept_keys(session: Session, keys: Sequence[KeptKey]) -> list[bool]:
    """Take in digests kept elsewhere (an export of another register with the same key); which were new, in order."""
    connection = ledger.driver_connection(session)
    fresh = _insert_keys(connection, keys)
    told: list[bool] = []
    for key in keys:
        identity = (key.address_key, key.contact_id, key.hashed)
        told.append(identity in fresh)
        fresh.discard(identity)
    return told


def kept_keys(session: Session, contact_ids: Sequence[int]) -> list[KeptKey]:
    """The digests kept of these contacts."""
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute(
            "SELECT contact_id, address_key, hashed, erased_at, entry_id FROM erased_key WHERE contact_id = ANY(%s)"
            " ORDER BY contact_id, hashed, address_key",
            [list(contact_ids)],
        )
        return [KeptKey(*row) for row in cursor]


def _insert_keys(connection: psycopg.Connection[Any], keys: Sequence[KeptKey]) -> set[tuple[UUID, int, bool]]:
    if not keys:
        return set()
    columns = [list(column) for column in zip(*keys, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO erased_key (contact_id, address_key, hashed, erased_at, entry_id)"
            " SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::boolean[], %s::timestamptz[], %s::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING address_key, contact_id, hashed",
            columns,
        )
        return {(row[0], row[1], row[2]) for row in cursor}


_KEEP = """
INSERT INTO erased_key (address_key, contact_id, hashed, erased_at, entry_id)
SELECT DISTINCT k.key, n.id, k.hashed, n.at, n.entry_id
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[], %(entries)s::bigint[]) AS n (id, at, entry_id)
JOIN contact_point p ON p.contact_id = n.id,
  LATERAL (VALUES (p.address_key, false), (p.sha256_key, true), (p.sha256_digits_key, true)) AS k (key, hashed)
WHERE k.key IS NOT NULL
ON CONFLICT DO NOTHING
"""

# Prohibitions of these contacts: on their ref, or on a key that was kept of them.
_BANS = """
  SELECT p.id, p.entry_id, p.lifted_by_entry FROM prohibition p JOIN erased_key k ON k.address_key = p.address_key
    WHERE k.contact_id = ANY(%(ids)s)
  UNION SELECT p.id, p.entry_id, p.lifted_by_entry FROM prohibition p JOIN contact c ON c.ref = p.contact_ref
    WHERE c.id = ANY(%(ids)s)
"""

_EMPTY_PROHIBITIONS = """
WITH ban AS (BANS)
UPDATE prohibition SET document = NULL, evidence = '{}'
WHERE id IN (SELECT id FROM ban) AND (document IS NOT NULL OR evidence <> '{}')
""".replace("BANS", _BANS)

_DELETE_EVIDENCE = """
WITH ban AS (BANS)
DELETE FROM ledger_evidence WHERE entry_id IN (
  SELECT id FROM ledger_entry WHERE contact_id = ANY(%(ids)s)
  UNION SELECT entry_id FROM ban UNION SELECT lifted_by_entry FROM ban)
""".replace("BANS", _BANS)
