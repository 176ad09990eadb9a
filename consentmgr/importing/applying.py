"""``apply_documents``: many documents into the register in one transaction, set-based, without a commit.

The order inside a batch matters only among documents of one thing, where later ones are laid over earlier ones; a
contact may stand before its controller, an event before its contact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from consentmgr.consents.ledger import hold_chains
from consentmgr.importing import catalogue, checks
from consentmgr.importing.acts import Acts, let_back
from consentmgr.importing.address_book import AddressBook
from consentmgr.importing.admission import Rights, refusals
from consentmgr.importing.bans import (
    check_prohibitions,
    take_kept_keys,
    take_kept_prohibitions,
    take_prohibitions,
)
from consentmgr.importing.batch import Batch
from consentmgr.importing.changes import Changes
from consentmgr.importing.checks import Refused, reference
from consentmgr.importing.contacts import CheckedContact, People
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.kept_keys import KeptKey, KeptProhibition
from consentmgr.importing.organisations import take_organisations
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.register.writing import BackgroundCopies, DirectCopies, lock_register
from consentmgr.vocabulary.documents import (
    Campaign,
    Contact,
    Controller,
    Event,
    ExternalList,
    Notice,
    Organisation,
    ProcessingPurpose,
    Prohibition,
    Topic,
)

#: From this many contacts or events on a thread costs less than it saves.
_WORTH_A_THREAD = 1_000


def apply_documents(
    session: Session,
    docs: Sequence[FileDocument],
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    book: AddressBook | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    rights: Rights | None = None,
    source: str | None = None,
) -> Changes:
    """Take ``docs`` into the register within the session's transaction; the caller commits.

    Documents that cannot be taken are in ``Changes.rejected`` by their place in ``docs``, whole; the others are
    taken. ``book`` holds the keys of their addresses where the caller has made them already, and ``meanwhile`` is
    called, perhaps more than once, while the database is busy. ``rights`` are those of whoever brings them, None where
    they may bring anything. What the register holds of somebody and becomes different is entered in the ledger, by the
    names of the fields, as a ``register_change`` with this ``source``. The same documents again change nothing. A fixed
    number of statements for any number of documents.
    """
    lock_register(session)
    # Before any contact is touched: the ledger's rule against deadlocks with somebody leaving at the same moment.
    hold_chains(session)
    session.flush()
    premises = catalogue.premises_of(session, book or AddressBook(keys, docs), now)
    batch = Batch(session, keys, actor, now, premises, source)
    by_type: dict[type, list[tuple[int, Any]]] = defaultdict(list)
    barred = refusals(session, docs, rights, batch.premises) if rights is not None else {}
    for place, document in enumerate(docs):
        if place in barred:
            batch.reject(place, str(document.__struct_config__.tag), barred[place])
        else:
            by_type[type(document)].append((place, document))
    catalogue.take_controllers(batch, by_type[Controller])
    catalogue.take_topics(batch, by_type[Topic])
    catalogue.take_notices(batch, by_type[Notice])
    catalogue.take_purposes(batch, by_type[ProcessingPurpose])
    catalogue.take_external_lists(batch, by_type[ExternalList])
    catalogue.take_campaigns(batch, by_type[Campaign])
    named: set[str] = set()
    contacts = _checked_contacts(batch, by_type[Contact], named)
    events = _checked_events(batch, by_type[Event])
    prohibitions = check_prohibitions(batch, by_type[Prohibition], named)
    take_organisations(batch, by_type[Organisation], named)
    acts = _take_contacts(batch, contacts, events, meanwhile)
    take_prohibitions(batch, prohibitions)
    if acts is not None:
        # After the bans, so that an erasure takes the words of those that came with it.
        acts.erase()
    take_kept_prohibitions(batch, by_type[KeptProhibition])
    take_kept_keys(batch, by_type[KeptKey])
    return batch.changes


def _checked_contacts(batch: Batch, placed: Sequence[tuple[int, Contact]], named: set[str]) -> list[CheckedContact]:
    """Those that can be taken; the organisations they speak of are added to ``named``."""
    checked: list[CheckedContact] = []
    for place, document in placed:
        try:
            points = checks.check_contact(document, batch.premises)
        except Refused as refused:
            batch.reject(place, "contact", refused.rejection)
            continue
        checked.append((place, document, points))
        for point in points:
            if point.organisation is not None:
                named.add(point.organisation)
        for role in document.roles:
            named.add(reference(role.organisation, "roles"))
    return checked


def _checked_events(batch: Batch, placed: Sequence[tuple[int, Event]]) -> list[tuple[int, Event]]:
    checked: list[tuple[int, Event]] = []
    for place, event in placed:
        try:
            checks.check_event(event, batch.premises)
        except Refused as refused:
            batch.reject(place, "event", refused.rejection)
            continue
        checked.append((place, event))
    return checked


def _take_contacts(
    batch: Batch,
    contacts: Sequence[CheckedContact],
    events: Sequence[tuple[int, Event]],
    meanwhile: Callable[[], None],
) -> Acts | None:
    if not contacts and not events:
        return None
    people = People(batch, contacts, {event.contact.strip() for _, event in events})
    of_contacts = ((document.ref, event) for _, document, _ in contacts for event in document.events)
    let_back(people, chain(of_contacts, ((event.contact, event) for _, event in events)))
    for place, document, points in contacts:
        try:
            people.check(document)
        except Refused as refused:
            batch.reject(place, "contact", refused.rejection)
            continue
        people.lay(place, document, points)
    known: list[tuple[int, Event]] = []
    for place, event in events:
        if event.contact.strip() in people.by_ref:
            known.append((place, event))
        else:
            unknown = Rejection("names a contact that neither the register nor this part of the file knows", "contact")
            batch.reject(place, "event", unknown)
    acts = Acts(batch, people)
    acts.gather(known)
    people.number()
    held = hold_chains(batch.session)
    large = max(len(contacts), len(events)) >= _WORTH_A_THREAD
    with BackgroundCopies(batch.session) if large else DirectCopies(batch.session) as copies:
        people.insert(copies.insert)
        acts.make(held)
        asks = acts.asks
        if asks:
            meanwhile()
            # The ledger marks whom it speaks of as changed; a row that is written before is not written again for that.
            copies.wait()
            people.update()
        acts.append(held, copies)
        meanwhile()
    if not asks:
        people.update()
    people.write_bases()
    people.count(acts.acted)
    return acts
