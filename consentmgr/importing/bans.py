"""Standing bans, and the digests that outlive an erasure, handed to the room that keeps them.

A ban is added, never changed and never lifted here, whatever a document says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from consentmgr.consents.ledger import entries_of
from consentmgr.importing import checks
from consentmgr.importing.batch import Batch
from consentmgr.importing.checks import Refused, reference
from consentmgr.importing.kept_keys import KeptKey, KeptProhibition
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions.erasure import KeptKey as StoredKey
from consentmgr.prohibitions.erasure import add_kept_keys
from consentmgr.prohibitions.renaming import carry_over
from consentmgr.prohibitions.service import add_targeted, matching
from consentmgr.prohibitions.targets import Target, targets_of
from consentmgr.register.reading import contacts_by_ref
from consentmgr.register.rows import ContactRow
from consentmgr.register.writing import insert_rows, new_ids, update_rows
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

#: Place in the batch, document, and the target in the form it is matched by.
CheckedBan = tuple[int, Prohibition, Target]


def check_prohibitions(batch: Batch, placed: Sequence[tuple[int, Prohibition]], named: set[str]) -> list[CheckedBan]:
    """Those that can be taken; the organisations they speak of are added to ``named``."""
    checked: list[CheckedBan] = []
    targets = targets_of([document for _, document in placed], batch.keys)
    for (place, document), target in zip(placed, targets, strict=True):
        try:
            if isinstance(target, BadInput):
                raise Refused(target.message, target.field)
            checks.check_scope(document, batch.premises)
            if target.kind == "organisation":
                name = reference(target.name or "", "target.organisation")
                target = target._replace(name=name)
                named.add(name)
        except Refused as refused:
            batch.reject(place, "prohibition", refused.rejection)
            continue
        checked.append((place, document, target))
    return checked


def take_prohibitions(batch: Batch, checked: Sequence[CheckedBan]) -> None:
    """Add the bans not held yet, and those whose organisation is called otherwise from now on."""
    carried = carry_over(
        batch.session,
        {held: row.identity for held, row in batch.renamed.items()},
        {digits: row.identity for digits, row in batch.told_bare.items()},
        keys=batch.keys,
        actor=batch.actor,
        now=batch.now,
    )
    if carried:
        batch.changes.decisions["prohibition"] += carried
    if not checked:
        return
    checked = [(place, document, _identified(batch, target)) for place, document, target in checked]
    held = _without_evidence(batch, checked)
    for place in held:
        batch.count("prohibition", new=False, changed=False, places=(place,))
    fresh = [ban for ban in checked if ban[0] not in held]
    _begin_contacts(batch, {target.name for _, _, target in checked if target.kind == "contact" and target.name})
    added = add_targeted(
        batch.session,
        [document for _, document, _ in fresh],
        [target for _, _, target in fresh],
        keys=batch.keys,
        actor=batch.actor,
        now=batch.now,
    )
    unseen = set(added.new)
    for (place, _, _), identifier in zip(fresh, added.ids, strict=True):
        new = identifier in unseen
        unseen.discard(identifier)
        batch.count("prohibition", new=new, changed=False, places=(place,))
        if new:
            batch.changes.decisions["prohibition"] += 1


def _identified(batch: Batch, target: Target) -> Target:
    """An organisation is banned by its identity, whichever of its names the document has."""
    if target.kind != "organisation":
        return target
    return target._replace(name=batch.organisations[target.name or ""].identity)


def _begin_contacts(batch: Batch, refs: Collection[str]) -> None:
    """Contacts that bans name and nobody has told of begin with their ref alone, as organisations do that others name:
    whoever comes by that ref, from whatever list, meets the ban.
    """
    unknown = sorted(set(refs) - contacts_by_ref(batch.session, refs).keys()) if refs else []
    ids = new_ids(batch.session, "contact", len(unknown))
    insert_rows(batch.session, [ContactRow(identifier, ref) for identifier, ref in zip(ids, unknown, strict=True)])


def _without_evidence(batch: Batch, checked: Sequence[CheckedBan]) -> set[int]:
    """Places of bans on a contact that are held already, with evidence or with what an erasure left of it.

    Evidence is part of what tells two bans apart, so an export made after an erasure would otherwise come back as
    new bans.
    """
    on_contacts = [ban for ban in checked if ban[2].kind == "contact"]
    refs = {target.name for _, document, target in on_contacts if target.name is not None and not document.evidence}
    if not refs:
        return set()
    held = {(ban.contact_ref, _scope(ban.target_kind, ban)) for ban in matching(batch.session, refs=refs)}
    found: set[int] = set()
    for place, document, target in on_contacts:
        ban = target.name, _scope("contact", document)
        if ban in held and not document.evidence:
            found.add(place)
        held.add(ban)
    return found


def take_kept_prohibitions(batch: Batch, placed: Sequence[tuple[int, KeptProhibition]]) -> None:
    """Add bans on addresses of erased persons. One that is held already is told by everything but its evidence,
    which the erasure took.
    """
    kind = "kept_prohibition"
    wanted: list[tuple[KeptProhibition, Target]] = []
    for place, document in placed:
        try:
            checks.check_kept_key(document.key_id, batch.premises)
            checks.check_scope(document, batch.premises)
        except Refused as refused:
            batch.reject(place, kind, refused.rejection)
            continue
        wanted.append((document, Target(document.target_kind, bytes.fromhex(document.key))))
    if not wanted:
        return
    held: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for ban in matching(batch.session, address_keys=[UUID(document.key) for document, _ in wanted]):
        assert ban.address_key is not None
        held[ban.address_key.hex].add(_scope(ban.target_kind, ban))
    fresh: list[tuple[Prohibition, Target]] = []
    for document, target in wanted:
        scope = _scope(document.target_kind, document)
        new = scope not in held[document.key]
        if new:
            held[document.key].add(scope)
            fresh.append((_as_prohibition(document), target))
        batch.count(kind, new=new, changed=False)
        if new:
            batch.changes.decisions["prohibition"] += 1
    add_targeted(
        batch.session,
        [document for document, _ in fresh],
        [target for _, target in fresh],
        keys=batch.keys,
        actor=batch.actor,
        now=batch.now,
    )


def _scope(kind: str, ban: object) -> tuple[object, ...]:
    named = (tuple(sorted(getattr(ban, name))) for name in ("channels", "purposes", "topics", "controllers"))
    told = (getattr(ban, name) for name in ("source", "valid_from", "valid_until", "reference"))
    return kind, *named, *told


def _as_prohibition(document: KeptProhibition) -> Prohibition:
    return Prohibition(
        target=ProhibitionTarget(),
        channels=document.channels,
        purposes=document.purposes,
        topics=document.topics,
        controllers=document.controllers,
        source=document.source,
        valid_from=document.valid_from,
        valid_until=document.valid_until,
        reference=document.reference,
    )


def take_kept_keys(batch: Batch, placed: Sequence[tuple[int, KeptKey]]) -> None:
    """Keep digests of erased persons' addresses; the contact must be known, and erased."""
    kind = "kept_key"
    if not placed:
        return
    contacts = contacts_by_ref(batch.session, {document.contact.strip() for _, document in placed})
    erased = {row.id for row in contacts.values() if row.erased_at is not None}
    entries = {
        recorded.entry.contact_id: recorded.id
        for recorded in entries_of(batch.session, sorted(erased))
        if recorded.entry.event == "erased"
    }
    kept: list[StoredKey] = []
    renamed: dict[int, ContactRow] = {}
    for place, document in placed:
        contact = contacts.get(document.contact.strip())
        try:
            checks.check_kept_key(document.key_id, batch.premises)
        except Refused as refused:
            batch.reject(place, kind, refused.rejection)
            continue
        if contact is None or contact.id not in erased:
            batch.reject(place, kind, Rejection("names no contact that the register knows as erased", "contact"))
            continue
        if document.name_key is not None and contact.name_key is None:
            contact.name_key = document.name_key
            renamed[contact.id] = contact
        entry_id = entries.get(contact.id)
        kept.append(StoredKey(contact.id, UUID(document.key), document.hashed, document.erased_at, entry_id))
    update_rows(batch.session, list(renamed.values()))
    for new in add_kept_keys(batch.session, kept):
        batch.count(kind, new=new, changed=False)
