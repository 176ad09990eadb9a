"""Erasing people (GDPR 17): one, by whoever may; many, once a second person has agreed.

Those meant are named by reference or address and found all at once; what is kept of a list is their ids, never what it
said. The bans on them stay, and of their addresses the keyed digests by which they stay left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry, digest_of
from consentmgr.consents.heads import CHAINS
from consentmgr.consents.sight import SEEN, Sight
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people.attachments import forget_files, store_of
from consentmgr.people.models import ErasureList
from consentmgr.people.recording import SOURCE
from consentmgr.prohibitions.erasure import Erased, ErasedBy, erase_contacts
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.register.reading import merged_contacts, psycopg_connection
from consentmgr.staff import approvals
from consentmgr.timetable.tasks import Progress, TaskView, enqueue
from consentmgr.vocabulary.codes import ConsentMethod

#: The kind of what a second person decides (``staff.approvals``), and of the work that follows (``scheduler.TASKS``).
KIND: Final = "contacts.erase_many"
TASK: Final = "erase-contacts"
#: Names of one list.
MOST: Final = 50_000
#: Letters of one name that are looked at.
_LONGEST: Final = 320
#: People erased in one transaction: few enough that nobody who leaves meanwhile waits long for their chain.
_AT_ONCE: Final = 500
#: How long a list waits to be asked for.
PATIENCE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the names of a list. ``several``: an address that more than one person has, which does not say
    who is meant; ``others``: people who are other controllers' too.
    """

    given: int = 0
    found: int = 0
    unknown: int = 0
    erased: int = 0
    several: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Stays:
    """What erasing these people takes (``evidence``, ``files``, ``points``) and what stays of them."""

    people: int
    points: int
    evidence: int
    files: int
    bans: int
    keys: int
    entries: int


# --- who is meant -----------------------------------------------------------------------------------------------------


def names_in(text: str) -> list[str]:
    """The names of a pasted list, or of a file's text: of each line what stands first, each once.

    Raises ``BadInput`` where there is none, or more than ``MOST``.
    """
    found: dict[str, None] = {}
    for line in text.replace("\0", "").removeprefix("\ufeff").splitlines():
        first = line
        for mark in (";", "\t", ","):
            first = first.partition(mark)[0]
        name = first.strip().strip('"').strip()[:_LONGEST]
        if name:
            found[name] = None
            if len(found) > MOST:
                raise BadInput(f"a list has {MOST:,} names at most", field="names")
    if not found:
        raise BadInput("names nobody", field="names")
    return list(found)


def find_named(
    session: Session, names: Sequence[str], *, sight: Sight, keys: AddressKeys
) -> tuple[tuple[int, ...], Counted]:
    """The people these references and addresses name, merged ones as who they became; and what became of each name.

    One statement. Whom the reader does not see is unknown to them.
    """
    if len(names) > MOST:
        raise BadInput(f"a list has {MOST:,} names at most", field="names")
    places: list[int] = []
    addresses: list[UUID] = []
    for place, name in enumerate(names):
        point = keys.email(name) if "@" in name else keys.phone(name) if any(map(str.isdigit, name)) else None
        if point is not None:
            places.append(place)
            addresses.append(point.address_key)
    rows = psycopg_connection(session).execute(
        _FIND.encode(), {"names": list(names), "places": places, "keys": addresses, **sight.parameters}
    )
    by_ref: dict[int, set[_Match]] = defaultdict(set)
    by_address: dict[int, set[_Match]] = defaultdict(set)
    for place, number, is_ref, *state in rows:
        (by_ref if is_ref else by_address)[place].add(_Match(number, bool(state[0]), frozenset(state[1])))
    counts: dict[str, int] = defaultdict(int)
    people: dict[int, None] = {}
    for place in range(len(names)):
        # A reference says who is meant; an address only where one person has it.
        matches = by_ref.get(place) or by_address.get(place, set())
        living = {match for match in matches if not match.erased}
        if not matches:
            counts["unknown"] += 1
        elif not living:
            counts["erased"] += 1
        elif len(living) > 1:
            counts["several"] += 1
        elif not sight.holds_all((match := next(iter(living))).controllers):
            counts["others"] += 1
        else:
            people[match.contact_id] = None
    return tuple(people), Counted(given=len(names), found=len(people), **counts)


@dataclass(frozen=True, slots=True)
class _Match:
    contact_id: int
    erased: bool
    controllers: frozenset[str]


_FIND = f"""
WITH n (place, name) AS (SELECT ordinality - 1, name FROM unnest(%(names)s::text[]) WITH ORDINALITY AS u (name)),
  k (place, key) AS (SELECT * FROM unnest(%(places)s::bigint[], %(keys)s::uuid[])),
  m (place, id, is_ref) AS (
    SELECT n.place, c.id, true FROM n JOIN contact c ON c.ref = n.name
    UNION SELECT k.place, p.contact_id, false FROM k JOIN contact_point p ON p.address_key = k.key
      WHERE p.contact_id IS NOT NULL
    UNION SELECT k.place, e.contact_id, false FROM k JOIN erased_key e ON e.address_key = k.key AND NOT e.hashed)
SELECT m.place, c.id, m.is_ref, c.erased_at IS NOT NULL, c.controllers
FROM m JOIN contact w ON w.id = m.id JOIN contact c ON c.id = coalesce(w.merged_into, w.id) WHERE {SEEN}
"""  # noqa: S608 - our own words


def what_stays(session: Session, contact_ids: Collection[int]) -> Stays:
    """What erasing these would take and leave. One statement."""
    ids = _with_merged(session, contact_ids)
    row = psycopg_connection(session).execute(_STAYS, {"ids": list(ids)}).fetchone()
    assert row is not None
    return Stays(len(set(contact_ids)), *row)


_STAYS = """
WITH p AS (SELECT address_key FROM contact_point WHERE contact_id = ANY(%(ids)s)),
  e AS (SELECT id FROM ledger_entry WHERE contact_id = ANY(%(ids)s))
SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM ledger_evidence v JOIN e ON e.id = v.entry_id),
  (SELECT count(*) FROM attachment WHERE contact_id = ANY(%(ids)s)),
  (SELECT count(*) FROM (
    SELECT b.id FROM prohibition b JOIN p ON p.address_key = b.address_key WHERE b.lifted_at IS NULL
    UNION SELECT b.id FROM prohibition b JOIN contact c ON c.ref = b.contact_ref
      WHERE c.id = ANY(%(ids)s) AND b.lifted_at IS NULL) AS b),
  (SELECT count(DISTINCT address_key) FROM p), (SELECT count(*) FROM e)
"""


def _with_merged(session: Session, contact_ids: Collection[int]) -> dict[int, int]:
    """These contacts and those merged into them: of each, the contact it is part of."""
    return {
        **{number: number for number in contact_ids},
        **dict(merged_contacts(session, list(contact_ids))),
    }


# --- erasing ----------------------------------------------------------------------------------------------------------


def erase(
    session: Session,
    contact_ids: Collection[int],
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    method: ConsentMethod | None = None,
    approved_by: str | None = None,
) -> Erased:
    """Erase these people, and the contacts merged into them: their entries ``erased`` first, then what is known of them.

    Does not commit. Who is erased already is left as they are, so that doing it again changes nothing. ``method`` is
    how the person asked. Raises ``NotRecovered`` in a register that does not know yet who left since its backup.
    """
    refuse_unrecovered(session)
    session.flush()
    everyone = _with_merged(session, contact_ids)
    ledger.hold_chains(session, {number % CHAINS for number in everyone})
    rows = psycopg_connection(session).execute(
        "SELECT id FROM contact WHERE id = ANY(%s) AND erased_at IS NULL ORDER BY id FOR UPDATE", [list(everyone)]
    )
    left = [row[0] for row in rows]
    entries = [
        NewEntry(
            contact_id=number,
            event="erased",
            at=now,
            digest=digest_of(keys, "erased at the desk", (number, everyone[number])),
            method=method,
            source=SOURCE,
            detail={"approved_by": approved_by} if approved_by else {},
        )
        for number in left
    ]
    ids = ledger.append(session, entries, actor=actor, now=now)
    return erase_contacts(
        session, {number: ErasedBy(now, entry) for number, entry in zip(left, ids, strict=True) if entry is not None}
    )


def erase_one(
    session: Session,
    contact_id: int,
    typed: str,
    *,
    sight: Sight,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    method: ConsentMethod | None = None,
) -> Erased:
    """Erase one person; ``typed`` is the reference as whoever does it typed it, which must be this person's.

    Audited. Raises ``BadInput`` naming the field, ``NotFound`` where the person is not seen.
    """
    row = (
        psycopg_connection(session)
        .execute(
            f"SELECT c.ref, c.controllers FROM contact c"  # noqa: S608 - our own words
            f" WHERE c.id = %(id)s AND c.erased_at IS NULL AND {SEEN}".encode(),
            {"id": contact_id, **sight.parameters},
        )
        .fetchone()
    )
    if row is None:
        raise NotFound("there is no such contact")
    if not sight.holds_all(row[1]):
        raise BadInput("the person is other controllers' too", field="controllers")
    if typed.strip() != row[0]:
        raise BadInput("is not this person's reference", field="confirm")
    done = erase(session, [contact_id], keys=keys, actor=actor, now=now, method=method)
    record(
        session, at=now, actor=actor, action="contacts.erase", object=f"contact:{contact_id}",
        detail={"contacts": done.contacts, "keys_kept": done.keys_kept},
    )  # fmt: skip
    return done


# --- many, by two people ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListOfErasure:
    """A list of people to be erased, as far as it has come. ``outcome`` is None until it is done."""

    id: UUID
    contact_ids: tuple[int, ...]
    counted: Counted
    created_by: str
    created_at: datetime
    approval: UUID | None
    task: UUID | None
    outcome: Mapping[str, Any] | None


def keep_list(
    session: Session, names: Iterable[str], *, sight: Sight, keys: AddressKeys, actor: str, now: datetime
) -> ListOfErasure:
    """Find the people named and keep who they are, to be looked at and asked for. Raises ``BadInput``. Flushes."""
    ids, counted = find_named(session, list(names), sight=sight, keys=keys)
    row = ErasureList(
        id=uuid4(),
        contact_ids=sorted(ids),
        counted=asdict(counted),
        controllers=None if sight.controllers is None else sorted(sight.controllers),
        created_by=actor,
        created_at=now,
    )
    session.add(row)
    session.flush()
    record(
        session, at=now, actor=actor, action="contacts.erase_listed", object=f"erasure:{row.id}", detail=asdict(counted)
    )  # fmt: skip
    return _view(row)


def list_of(session: Session, list_id: UUID, *, sight: Sight) -> ListOfErasure:
    """Raises ``NotFound`` where there is none, or it speaks of controllers the reader does not work for."""
    row = session.get(ErasureList, list_id)
    if row is None or not sight.holds_all(row.controllers or ()):
        raise NotFound("there is no such list")
    return _view(row)


def lists(session: Session, *, sight: Sight, limit: int = 20) -> list[ListOfErasure]:
    """The newest lists that were asked for, newest first."""
    wanted = select(ErasureList).where(ErasureList.approval.is_not(None)).order_by(ErasureList.created_at.desc())
    if sight.controllers is not None:
        wanted = wanted.where(ErasureList.controllers.contained_by(sorted(sight.controllers)))
    return [_view(row) for row in session.scalars(wanted.limit(limit))]


def ask(session: Session, list_id: UUID, *, reason: str, sight: Sight, actor: str, now: datetime) -> UUID:
    """Ask for a second person to let these be erased; the id of what waits.

    Raises ``BadInput`` where it was asked for before, where nobody is left to be erased, and without a reason.
    """
    row = session.get(ErasureList, list_id, with_for_update=True, populate_existing=True)
    if row is None or row.created_by != actor or not sight.holds_all(row.controllers or ()):
        raise NotFound("there is no such list")
    if row.approval is not None:
        raise BadInput("was asked for already", field="list")
    if not row.contact_ids:
        raise BadInput("names nobody who could be erased", field="names")
    row.approval = approvals.ask(
        session,
        kind=KIND,
        object=f"erasure:{row.id}",
        detail={"list": str(row.id), "contacts": len(row.contact_ids)},
        reason=reason,
        actor=actor,
        now=now,
        controllers=row.controllers,
    )
    session.flush()
    return row.approval


def erase_approved(
    session: Session, detail: Mapping[str, Any], *, actor: str, now: datetime, approval: approvals.Asked
) -> dict[str, Any]:
    """Put the work in the queue, now that a second person, ``actor``, has agreed; the act is that of whoever asked."""
    row = session.get(ErasureList, UUID(detail["list"]), with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("there is no such list any more")
    if row.task is None:
        row.approved_by = actor
        row.task = enqueue(session, kind=TASK, subject={"list": str(row.id)}, actor=approval.asked_by, now=now)
        session.flush()
    return {"task": str(row.task), "contacts": len(row.contact_ids)}


def erase_listed(
    database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress
) -> dict[str, Any]:
    """Erase the people of a list, some in each transaction; one that was cut off goes on with those who are left."""
    with database.reading() as session:
        row = session.get(ErasureList, UUID(str(task.subject["list"])))
        if row is None or row.approved_by is None:
            raise NotFound("there is no such list")
        contact_ids, approved_by, list_id = list(row.contact_ids), row.approved_by, row.id
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    progress(0, len(contact_ids))
    done = Erased(0, 0, 0)
    for start in range(0, len(contact_ids), _AT_ONCE):
        now = clock.now()
        with database.transaction() as session:
            part = erase(
                session, contact_ids[start : start + _AT_ONCE], keys=address_keys, actor=task.actor, now=now,
                approved_by=approved_by,
            )  # fmt: skip
            if part.contacts:
                record(
                    session, at=now, actor=task.actor, action="contacts.erase", object=f"erasure:{list_id}",
                    detail={"contacts": part.contacts, "keys_kept": part.keys_kept, "approved_by": approved_by},
                )  # fmt: skip
        done = Erased(
            done.contacts + part.contacts,
            done.keys_kept + part.keys_kept,
            done.evidence_deleted + part.evidence_deleted,
        )
        progress(min(start + _AT_ONCE, len(contact_ids)), len(contact_ids))
    with database.transaction() as session:
        # Files of people who are erased go with them, not when the clock next comes by.
        files = forget_files(session, store_of(settings), now=clock.now())
        row = session.get(ErasureList, list_id, with_for_update=True)
        outcome = {"contacts": done.contacts, "keys": done.keys_kept, "evidence": done.evidence_deleted, "files": files}
        if row is not None:
            row.outcome = outcome
    return outcome


def forget_unasked(session: Session, *, now: datetime) -> int:
    """Remove lists that nobody asked for in time; how many."""
    old = delete(ErasureList).where(ErasureList.approval.is_(None), ErasureList.created_at < now - PATIENCE)
    return len(session.execute(old.returning(ErasureList.id)).all())


def _view(row: ErasureList) -> ListOfErasure:
    return ListOfErasure(
        id=row.id,
        contact_ids=tuple(row.contact_ids),
        counted=Counted(**row.counted),
        created_by=row.created_by,
        created_at=row.created_at,
        approval=row.approval,
        task=row.task,
        outcome=row.outcome,
    )
