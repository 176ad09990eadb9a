"""Standing bans: added by anyone, lifted only by a newer, explicit, evidenced act of the person.

Each addition and each lifting is also an entry of the ledger, written here in the same transaction, so that no caller
can forget it (docs/decisions/0005: this room stands above ``consents``). The table refuses everything else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection, Cursor
from psycopg.rows import class_row
from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import PROHIBITION_ADDED, PROHIBITION_LIFTED, NewEntry, digest_begun, digest_of
from consentmgr.consents.heads import CHAINS
from consentmgr.kit import copy_binary
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.prohibitions.targets import Target, targets_of
from consentmgr.register.writing import Copies, DirectCopies, PipelinedCopies, is_pipelined
from consentmgr.vocabulary.codes import ConsentMethod, GivenBy
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

#: Lifting more bans than this at once needs a second person.
LIFTED_ALONE = 10

#: Bans that are not the person's to lift.
NEVER_LIFTED = ("court",)


@dataclass(frozen=True, slots=True)
class Added:
    """``ids`` of the documents' prohibitions, in order, old and new; ``new`` are the ids that were not there before."""

    ids: tuple[int, ...]
    new: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ban:
    """A prohibition as it stands. ``valid_from`` and ``valid_until`` include their day (Finnish time)."""

    id: int
    target_kind: str
    address_key: UUID | None
    contact_ref: str | None
    organisation: str | None
    domain: str | None
    channels: list[str]
    purposes: list[str]
    topics: list[str]
    controllers: list[str]
    source: str
    valid_from: date | None
    valid_until: date | None
    reference: str | None
    recorded_at: datetime
    entry_id: int | None
    lifted_at: datetime | None
    lifted_by_entry: int | None

    def __repr__(self) -> str:
        return f"Ban(id={self.id}, target_kind={self.target_kind!r}, source={self.source!r})"

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        begun = self.valid_from is None or self.valid_from <= day
        return self.lifted_at is None and begun and (self.valid_until is None or day <= self.valid_until)


_BAN_COLUMNS = ", ".join(f"p.{name}" for name in Ban.__dataclass_fields__)


def add(session: Session, documents: Sequence[Prohibition], *, keys: AddressKeys, actor: str, now: datetime) -> Added:
    """Add prohibitions, all or none. Set-based, idempotent; does not commit.

    The same document again adds nothing, and lifts or revives nothing: a lifted ban stays lifted until a new document
    brings a new one. Raises ``BadInput`` naming the field where a target is missing or cannot be matched; to sort
    such documents out beforehand, ask ``targets.targets_of``.
    """
    return add_targeted(session, documents, _all_targets(documents, keys), keys=keys, actor=actor, now=now)


def _all_targets(documents: Sequence[Prohibition], keys: AddressKeys) -> list[Target]:
    targets = []
    for found in targets_of(documents, keys):
        if isinstance(found, BadInput):
            raise found
        targets.append(found)
    return targets


def add_targeted(
    session: Session,
    documents: Sequence[Prohibition],
    targets: Sequence[Target],
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    are_new: bool = False,
) -> Added:
    """``add`` for documents whose targets were made already, by ``targets_of`` or by a reader of columns.

    ``are_new``: each has evidence that nobody can have given before, such as a number drawn for it a moment ago, so that
    it is not looked for; were it there after all, the database refuses all of them (``UniqueViolation``).
    """
    if not documents:
        return Added((), frozenset())
    session.flush()
    shapes = _Shapes(keys, now)
    digests = [shapes.digest(document, target) for document, target in zip(documents, targets, strict=True)]
    contacts = _contact_ids(session, {target.name for target in targets if target.kind == "contact" and target.name})
    owners = [contacts.get(target.name or "") if target.kind == "contact" else None for target in targets]
    # The digest's chain too, held before the table is asked: nobody adds the same ban between the two.
    chains: Collection[int] | None = None
    if len(documents) < CHAINS:
        chains = {ledger.chain_of(owner, digest) for digest in digests for owner in (None, *owners)}
    connection = ledger.driver_connection(session)
    # On a connection in pipeline mode the ids come with the answer to the question after.
    drawn = _draw_ids(connection, len(documents)) if are_new else None
    held = ledger.hold_chains(session, chains)
    known = {} if are_new else _known(session, digests)
    fresh = [place for place, digest in enumerate(digests) if digest not in known]
    fresh = list({digests[place]: place for place in reversed(fresh)}.values())[::-1]
    new_ids = _ids_of(drawn or _draw_ids(connection, len(fresh)))[: len(fresh)]
    entries = [
        _addition(
            documents[place],
            shapes.of(documents[place], targets[place]),
            owners[place],
            digests[place],
            prohibition_id,
            now,
        )
        for place, prohibition_id in zip(fresh, new_ids, strict=True)
    ]
    copies: Copies = PipelinedCopies(connection) if is_pipelined(connection) else DirectCopies(session)
    entry_ids = ledger.append(session, entries, actor=actor, now=now, held=held, copies=copies)
    rows = (
        shapes.row(documents[place], targets[place], digests[place], prohibition_id, entry_id)
        for place, prohibition_id, entry_id in zip(fresh, new_ids, entry_ids, strict=True)
    )
    copies.copy(_COPY, ledger.blocks_of(rows))
    known.update(zip((digests[place] for place in fresh), new_ids, strict=True))
    return Added(tuple(known[digest] for digest in digests), frozenset(new_ids))


def lift(
    session: Session,
    ids: Collection[int],
    *,
    at: datetime,
    method: ConsentMethod,
    reason: str,
    evidence: Mapping[str, Any],
    keys: AddressKeys,
    actor: str,
    now: datetime,
    given_by: GivenBy = "self",
    contact_id: int | None = None,
    approved_by: str | None = None,
) -> list[int]:
    """Lift prohibitions by an act of the person at ``at``; the ids lifted now (those lifted before are left out).

    The act must be newer than each ban (recorded after it, or of a later day than the one it is dated), told by the
    person or a proven representative, by a way other than an import, with a reason and evidence. Court bans are never
    lifted, and more than ``LIFTED_ALONE`` at once need ``approved_by``, a second person. Raises ``BadInput`` naming
    the field, ``NotFound`` for an unknown id; then nothing is lifted.
    """
    wanted = sorted(set(ids))
    _check_act(method, given_by, reason, evidence)
    if at > now:
        raise BadInput("the act has not happened yet", field="at")
    if len(wanted) > LIFTED_ALONE and approved_by in (None, "", actor):
        raise BadInput(f"more than {LIFTED_ALONE} prohibitions at once are lifted by two people", field="approved_by")
    session.flush()
    ledger.hold_chains(session)
    bans = by_ids(session, wanted)
    if len(bans) != len(wanted):
        missing = sorted(set(wanted) - {ban.id for ban in bans})
        raise NotFound(f"there is no prohibition {missing[0]}")
    lifted = [ban for ban in bans if ban.lifted_at is None]
    for ban in lifted:
        _check_newer(ban, at)
    personal = {"reason": reason, "evidence": dict(evidence)}
    entries = [
        NewEntry(
            contact_id=contact_id,
            event=PROHIBITION_LIFTED,
            at=at,
            digest=digest_of(keys, PROHIBITION_LIFTED, (ban.id,)),
            method=method,
            source=ban.source,
            given_by=given_by,
            prohibition=str(ban.id),
            has_proof=True,
            detail={"approved_by": approved_by} if approved_by else {},
            personal=personal,
        )
        for ban in lifted
    ]
    entry_ids = ledger.append(session, entries, actor=actor, now=now)
    ledger.driver_connection(session).execute(
        "UPDATE prohibition p SET lifted_at = %s, lifted_by_entry = n.entry_id, changed_xid = pg_current_xact_id()"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS n (id, entry_id) WHERE p.id = n.id AND p.lifted_at IS NULL",
        [at, [ban.id for ban in lifted], entry_ids],
    )
    return [ban.id for ban in lifted]


def by_ids(session: Session, ids: Collection[int]) -> list[Ban]:
    """These prohibitions, by id, lifted ones too."""
    return _bans(session, "p.id = ANY(%(ids)s)", {"ids": list(ids)})


def matching(
    session: Session,
    *,
    address_keys: Collection[UUID] = (),
    refs: Collection[str] = (),
    organisations: Collection[str] = (),
    domains: Collection[str] = (),
) -> list[Ban]:
    """Every prohibition not lifted on any of these: addresses (and hashes) by key, contacts by ref, organisations by
    identity, domains in canonical form. One query for any number. Whether one holds on a day, ask ``holds_on``.
    """
    return _bans(
        session,
        "p.lifted_at IS NULL AND (p.address_key = ANY(%(keys)s) OR p.contact_ref = ANY(%(refs)s)"
        " OR p.organisation = ANY(%(organisations)s) OR p.domain = ANY(%(domains)s))",
        {
            "keys": list(address_keys),
            "refs": list(refs),
            "organisations": list(organisations),
            "domains": list(domains),
        },
    )


def of_contact(session: Session, contact_ids: Collection[int]) -> dict[int, list[Ban]]:
    """Every prohibition, lifted or not, on each contact or on any address it has or had before erasure."""
    found: dict[int, list[Ban]] = {contact_id: [] for contact_id in contact_ids}
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute(_OF_CONTACT, {"ids": list(contact_ids)})
        pairs = cursor.fetchall()
    bans = {ban.id: ban for ban in by_ids(session, {prohibition_id for _, prohibition_id in pairs})}
    for contact_id, prohibition_id in pairs:
        found[contact_id].append(bans[prohibition_id])
    return found


_OF_CONTACT = """
WITH key AS (
  SELECT p.contact_id, k.key FROM contact_point p,
    unnest(ARRAY[p.address_key, p.sha256_key, p.sha256_digits_key]) AS k (key)
  WHERE p.contact_id = ANY(%(ids)s) AND k.key IS NOT NULL
  UNION SELECT contact_id, address_key FROM erased_key WHERE contact_id = ANY(%(ids)s)
)
SELECT key.contact_id, p.id FROM key JOIN prohibition p ON p.address_key = key.key
UNION SELECT c.id, p.id FROM contact c JOIN prohibition p ON p.contact_ref = c.ref WHERE c.id = ANY(%(ids)s)
ORDER BY 1, 2
"""


def _bans(session: Session, condition: str, parameters: Mapping[str, Any]) -> list[Ban]:
    question = f"SELECT {_BAN_COLUMNS} FROM prohibition p WHERE {condition} ORDER BY p.id"  # noqa: S608 - our own words
    with ledger.driver_connection(session).cursor(row_factory=class_row(Ban)) as cursor:
        cursor.execute(question.encode(), parameters)
        return cursor.fetchall()


# --- adding ---------------------------------------------------------------------------------------------------------

_COPY = (
    "COPY prohibition (target_kind, channels, purposes, topics, controllers, source, valid_from, valid_until, reference,"
    " recorded_at, digest, id, entry_id, address_key, contact_ref, organisation, domain, evidence, document)"
    " FROM STDIN (FORMAT binary)"
)
_ROW_BEGINNING = copy_binary.columns(19)
_NOBODY = ProhibitionTarget()
_NO_EVIDENCE = copy_binary.jsonb(b"{}")
_SHAPE_KEY = attrgetter(
    "channels", "purposes", "topics", "controllers", "source", "valid_from", "valid_until", "reference"
)


class _Shape:
    """What bans alike in everything but target and evidence share: a list brings a million of one shape."""

    __slots__ = ("begun", "controller", "detail", "row")

    def __init__(self, document: Prohibition, kind: str, keys: AddressKeys, now: datetime) -> None:
        scope = (document.channels, document.purposes, document.topics, document.controllers)
        days = (document.valid_from, document.valid_until)
        content = (kind, *map(sorted, scope), document.source, *days, document.reference)
        self.begun = digest_begun(keys, "prohibition", content)
        self.row = b"".join(
            (
                _ROW_BEGINNING,
                copy_binary.text(kind),
                *map(copy_binary.texts, scope),
                copy_binary.text(document.source),
                *map(copy_binary.day, days),
                copy_binary.text(document.reference),
                copy_binary.timestamp(now),
            )
        )
        self.controller = document.controllers[0] if len(document.controllers) == 1 else None
        self.detail: dict[str, Any] = {"target": kind}
        for name, day in zip(("valid_from", "valid_until"), days, strict=True):
            if day is not None:
                self.detail[name] = day.isoformat()
        if len(document.controllers) > 1:
            self.detail["controllers"] = list(document.controllers)


class _Shapes:
    """The shapes of one call, and what is made of a document with them."""

    def __init__(self, keys: AddressKeys, now: datetime) -> None:
        self.keys = keys
        self.now = now
        self._found: dict[tuple[Any, ...], _Shape] = {}

    def of(self, document: Prohibition, target: Target) -> _Shape:
        key = (target.kind, _SHAPE_KEY(document))
        shape = self._found.get(key)
        if shape is None:
            shape = self._found[key] = _Shape(document, target.kind, self.keys, self.now)
        return shape

    def digest(self, document: Prohibition, target: Target) -> UUID:
        """The document's identity: by whom it protects, not by how the address was spelt."""
        digest = self.of(document, target).begun.copy()
        digest.update(target.key if target.key is not None else (target.name or "").encode())
        if document.evidence:
            digest.update(b"\0" + digest_of(self.keys, "evidence", (document.evidence,)).bytes)
        return UUID(bytes=digest.digest())

    def row(
        self, document: Prohibition, target: Target, digest: UUID, prohibition_id: int, entry_id: int | None
    ) -> bytes:
        text, kind, name = copy_binary.text, target.kind, target.name
        return b"".join(
            (
                self.of(document, target).row,
                copy_binary.uuid(digest.bytes),
                copy_binary.bigint(prohibition_id),
                copy_binary.bigint(entry_id),
                copy_binary.uuid(target.key),
                text(name if kind == "contact" else None),
                text(name if kind == "organisation" else None),
                text(name if kind == "domain" else None),
                copy_binary.jsonb(msgspec.json.encode(document.evidence)) if document.evidence else _NO_EVIDENCE,
                # A ban whose target is known by its key alone has no document, as one that erasure has emptied.
                copy_binary.jsonb(None if document.target == _NOBODY else msgspec.json.encode(document)),
            )
        )


def _contact_ids(session: Session, refs: Collection[str]) -> dict[str, int]:
    if not refs:
        return {}
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute("SELECT ref, coalesce(merged_into, id) FROM contact WHERE ref = ANY(%s)", [list(refs)])
        return dict(cursor.fetchall())


def _known(session: Session, digests: Sequence[UUID]) -> dict[UUID, int]:
    wanted = "{" + ",".join([digest.hex for digest in digests]) + "}"
    with ledger.driver_connection(session).cursor() as cursor:
        cursor.execute("SELECT digest, id FROM prohibition WHERE digest = ANY(%s::uuid[])", [wanted])
        return dict(cursor.fetchall())


def _draw_ids(connection: Connection[Any], count: int) -> Cursor[Any]:
    return connection.execute(
        "SELECT nextval(pg_get_serial_sequence('prohibition', 'id')) FROM generate_series(1, %s)", [count]
    )


def _ids_of(drawn: Cursor[Any]) -> list[int]:
    return sorted(row[0] for row in drawn.fetchall())


def _addition(
    document: Prohibition, shape: _Shape, contact_id: int | None, digest: UUID, prohibition_id: int, now: datetime
) -> NewEntry:
    return NewEntry(
        contact_id=contact_id,
        event=PROHIBITION_ADDED,
        at=now,
        digest=digest,
        controller=shape.controller,
        source=document.source,
        channels=document.channels,
        purposes=document.purposes,
        topics=document.topics,
        prohibition=str(prohibition_id),
        detail=shape.detail,
        personal={"evidence": document.evidence} if document.evidence else None,
    )


# --- lifting --------------------------------------------------------------------------------------------------------


def _check_act(method: str, given_by: str, reason: str, evidence: Mapping[str, Any]) -> None:
    if method == "import":
        raise BadInput("an import lifts no prohibition", field="method")
    if given_by == "unverified":
        raise BadInput("only the person, or a representative who has shown it, lifts a prohibition", field="given_by")
    if not reason.strip():
        raise BadInput("a prohibition is not lifted without a reason", field="reason")
    if not evidence:
        raise BadInput("a prohibition is not lifted without evidence of the person's act", field="evidence")


def _check_newer(ban: Ban, at: datetime) -> None:
    if ban.source in NEVER_LIFTED:
        raise BadInput(f"prohibition {ban.id} was set by a court and is not lifted by the person", field="ids")
    # What was recorded was there before; only a day yet to come when it was recorded says nothing of the hour.
    begun = ban.valid_from is None or ban.valid_from <= local_date(ban.recorded_at)
    newer = (begun and at > ban.recorded_at) or (ban.valid_from is not None and local_date(at) > ban.valid_from)
    if not newer:
        raise BadInput(f"the act is not newer than prohibition {ban.id}", field="at")
