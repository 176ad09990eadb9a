"""What people did, on its way into the ledger: events, legal bases, restrictions, erasures.

An import brings acts that happened elsewhere. It records them all, and lifts nothing by itself (law.md section 2,
stage 5): an ``objection_lifted`` or ``restriction_lifted`` counts only where it says by which way the person gave it.
One that came by ``import`` or by no named way is recorded as proving no order, so the stricter act stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from consentmgr.consents.acts import (
    REGISTER_CHANGE,
    EventEntries,
    NewEntry,
    digest_of,
    legal_basis_entry,
    register_change_entry,
)
from consentmgr.consents.heads import CHAINS, Head
from consentmgr.consents.ledger import append, entries_of
from consentmgr.importing.admission import LIFTING
from consentmgr.importing.batch import Batch
from consentmgr.importing.checks import midnight
from consentmgr.importing.contacts import RESTRICTING, People, Person
from consentmgr.importing.returning import Act, came_back
from consentmgr.kit.clock import local_date
from consentmgr.prohibitions.erasure import erase_contacts
from consentmgr.register.reading import merged_contacts
from consentmgr.register.rows import LegalBasisRow
from consentmgr.register.writing import Copies
from consentmgr.vocabulary.codes import ConsentMethod
from consentmgr.vocabulary.documents import Event, EventFields, LegalBasisTag

IMPORT: ConsentMethod = "import"
_TEXTS = ("source", "note", "reason")
_EVIDENCE_TEXTS = ("form", "ip", "user_agent", "recording")


def as_imported(event: EventFields) -> EventFields:
    """The event as an import may record it: blanks absent, the way it came, and lifting nothing it cannot show."""
    if _may_have_blanks(event):
        event = _without_blanks(event)
    if event.method is None:
        event = replace(event, method=IMPORT)
    if event.method == IMPORT and event.event in LIFTING and not event.imported_without_date:
        event = replace(event, imported_without_date=True)
    return event


def let_back(people: People, said: Iterable[tuple[str, EventFields]]) -> None:
    """Make contacts again of erased ones who consented themselves since: in the ledger, or in what the batch says, as
    refs with acts. Before their documents are laid over them.
    """
    erased = {person.row.id: person for person in people.known if person.erased}
    if not erased:
        return
    told: dict[int, list[Act]] = defaultdict(list)
    for ref, event in said:
        person = people.by_ref.get(ref.strip())
        if person is not None and person.row.id in erased:
            act = as_imported(event)
            by, ordered = act.given_by or "self", not act.imported_without_date
            told[person.row.id].append(Act(act.event, act.at, act.method, by, ordered))
    for contact_id in came_back(people.batch.session, erased, told):
        erased[contact_id].row.erased_at = None
        erased[contact_id].changed = True


def _may_have_blanks(event: EventFields) -> bool:
    evidence = event.evidence
    if evidence is not None and (
        "" in (evidence.form, evidence.ip, evidence.user_agent) or evidence.recording is not None
    ):
        return True
    return "" in (event.source, event.note, event.reason) or event.note is not None or event.reason is not None


def _is_blank(text: str | None) -> bool:
    return text is not None and (not text or text.isspace())


def _without_blanks(event: EventFields) -> EventFields:
    """A blank recording is no recording, and shows nothing."""
    evidence = event.evidence
    if evidence is not None:
        blank = {name: None for name in _EVIDENCE_TEXTS if _is_blank(getattr(evidence, name))}
        if blank:
            event = replace(event, evidence=replace(evidence, **blank))
    blank = {name: None for name in _TEXTS if _is_blank(getattr(event, name))}
    return replace(event, **blank) if blank else event


class Acts:
    """The ledger entries of one batch, in the order of the documents."""

    def __init__(self, batch: Batch, people: People) -> None:
        self.batch = batch
        self.people = people
        self.entries: list[NewEntry] = []
        #: For each entry: the place of a document of type ``event``, or None where it stood inside a contact.
        self._places: list[int | None] = []
        self._bases: list[tuple[int, LegalBasisRow]] = []
        #: Ids of contacts with a new entry, once appended.
        self.acted: set[int] = set()
        #: Contacts erased by this batch, with the moment and the entry that says so.
        self.erased: dict[int, tuple[datetime, int]] = {}
        self._made = {person.row.id for person in people.all[len(people.known) :]}
        self._made_of = EventEntries(default_controller=batch.premises.default_controller, keys=batch.keys)
        self._own_events: list[int] = []
        #: Per erased contact, what the ledger says of them already.
        self._recorded: dict[int, set[tuple[Any, ...]]] = {}

    def gather(self, events: Sequence[tuple[int, Event]]) -> None:
        """Take the events, and set ``restricted_since`` of contacts as they will leave it."""
        people = self.people
        for place, event in events:
            people.add_event(place, event, people.by_ref[event.contact.strip()])
            self._own_events.append(place)
        self._settle_restrictions()
        self._recorded = self._recorded_of_erased()

    def make(self, held: Mapping[int, Head]) -> None:
        """Make the entries of what was gathered, and of what became different in the register. ``held`` as ``append``
        has it. Asks nothing of the database, so that it may be busy meanwhile.
        """
        own = set(self._own_events)
        for person in self.people.all:
            if not person.events and not person.wanted_bases:
                continue
            # Acts are entered in the order of the documents, however they were cut into batches.
            for place, act in sorted(person.events, key=itemgetter(0)) if len(person.events) > 1 else person.events:
                self._add(person, act, place if place in own else None)
            for row in person.wanted_bases.values():
                self._add_basis(person, row)
        for person in self.people.known:
            if (person.changed or person.touched) and (fields := self.people.fields_changed(person)):
                self._add_change(person.row.id, fields, held)

    @property
    def asks(self) -> bool:
        """Whether ``append`` has to ask the ledger, because not every contact with an entry is new."""
        return any(entry.contact_id not in self._made for entry in self.entries)

    def _add(self, person: Person, event: EventFields, place: int | None) -> None:
        batch = self.batch
        entry = self._made_of.entry_of(as_imported(event), person.row.id)
        if person.erased:
            # What the erasure took away is not brought back by the document it first came in.
            if _public(entry) in self._recorded.get(person.row.id, ()):
                if place is not None:
                    batch.count("event", new=False, changed=False, places=(place,))
                return
            entry = replace(entry, personal=None)
        self.entries.append(entry)
        self._places.append(place)

    def _add_basis(self, person: Person, row: LegalBasisRow) -> None:
        batch = self.batch
        tag = LegalBasisTag(
            controller=row.controller,
            purpose=row.purpose,
            basis=row.basis,  # type: ignore[arg-type]
            since=row.since,
            until=row.until,
            source=row.source,
        )
        known_since = row.since is not None and row.since <= batch.premises.today
        entry = legal_basis_entry(
            tag,
            person.row.id,
            at=midnight(row.since) if known_since and row.since is not None else batch.now,
            default_controller=batch.premises.default_controller,
            keys=batch.keys,
            replaces=row.entry_id,
        )
        self._bases.append((len(self.entries), row))
        self.entries.append(entry)
        self._places.append(None)

    def _add_change(self, contact_id: int, fields: Collection[str], held: Mapping[int, Head]) -> None:
        """The names of the fields. What makes it this change and no other is where its chain stood: the same fields may
        change again, and with the entry the chain goes on.
        """
        batch = self.batch
        chain = held[contact_id % CHAINS]
        entry = register_change_entry(
            contact_id,
            sorted(fields),
            at=batch.now,
            source=batch.source,
            change=f"documents:{chain.chain}:{chain.seq}",
            keys=batch.keys,
        )
        self.entries.append(entry)
        self._places.append(None)

    def append(self, held: Mapping[int, Head], copies: Copies) -> None:
        """Append the entries and tell the rows that wait for their ids. ``held`` and ``copies`` are the ledger's."""
        batch = self.batch
        ids = append(
            batch.session,
            self.entries,
            actor=batch.actor,
            now=batch.now,
            made=self._made,
            held=held,
            copies=copies,
        )
        for entry, entry_id, place in zip(self.entries, ids, self._places, strict=True):
            if entry_id is not None:
                if entry.event != REGISTER_CHANGE:
                    batch.changes.decisions[entry.event] += 1
                if entry.contact_id is not None:
                    self.acted.add(entry.contact_id)
                    if entry.event == "erased":
                        self.erased.setdefault(entry.contact_id, (entry.at, entry_id))
            if place is not None:
                batch.count("event", new=entry_id is not None, changed=False, places=(place,))
        for position, row in self._bases:
            row.entry_id = ids[position] or row.entry_id

    def erase(self) -> None:
        """Carry out the erasures that this batch brought word of, of contacts merged into these people too.

        A merged contact's entries stay under its own id, and with them the proof of what it said. Whoever has come back
        since, by an act of their own, is told of because of that act: nothing of theirs goes.
        """
        for contact_id in came_back(self.batch.session, self.erased):
            del self.erased[contact_id]
        merged = merged_contacts(self.batch.session, self.erased)
        if merged:
            entries = [
                NewEntry(
                    contact_id=contact_id,
                    event="erased",
                    at=self.erased[survivor][0],
                    digest=digest_of(self.batch.keys, "merged erased", (contact_id, survivor)),
                    method=IMPORT,
                )
                for contact_id, survivor in merged
            ]
            ids = append(self.batch.session, entries, actor=self.batch.actor, now=self.batch.now)
            for entry, entry_id in zip(entries, ids, strict=True):
                if entry_id is not None and entry.contact_id is not None:
                    self.erased[entry.contact_id] = (entry.at, entry_id)
        erase_contacts(self.batch.session, self.erased)

    # --- restriction ------------------------------------------------------------------------------------------------

    def _settle_restrictions(self) -> None:
        """``restricted_since`` and the event ``restricted`` mean the same: each brings the other.

        The field follows from all such events, so a document taken again after a restriction was lifted does not
        restrict anew.
        """
        affected = [person for person in self.people.restricted.values() if not person.erased]
        if not affected:
            return
        held: dict[int, list[tuple[str, datetime, bool]]] = defaultdict(list)
        known = [person.row.id for person in affected if not person.new]
        for recorded in entries_of(self.batch.session, known):
            entry = recorded.entry
            if entry.event in RESTRICTING and entry.contact_id is not None:
                held[entry.contact_id].append((entry.event, entry.at, entry.order_known))
        for person in affected:
            acts = held[person.row.id]
            acts += [
                (event.event, event.at, not as_imported(event).imported_without_date)
                for _, event in person.events
                if event.event in RESTRICTING
            ]
            days = {local_date(at) for kind, at, _ in acts if kind == "restricted"}
            for place, day in person.restricted_on:
                if day not in days:
                    event = EventFields(event="restricted", at=midnight(day), method=IMPORT)
                    person.events.append((place, event))
                    acts.append(("restricted", event.at, True))
                    days.add(day)
            since = restricted_since(acts)
            if since != person.row.restricted_since:
                person.row.restricted_since = since
                person.changed = True
                if not person.new:
                    self.batch.changes.fields["contact.restricted_since"] += 1

    # --- erased contacts --------------------------------------------------------------------------------------------

    def _recorded_of_erased(self) -> dict[int, set[tuple[Any, ...]]]:
        """What the ledger already says of erased contacts, without the personal parts that are gone."""
        erased = [person.row.id for person in self.people.known if person.erased and person.events]
        found: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
        if erased:
            for recorded in entries_of(self.batch.session, erased):
                assert recorded.entry.contact_id is not None
                found[recorded.entry.contact_id].add(_public(recorded.entry))
        return found


def restricted_since(acts: Iterable[tuple[str, datetime, bool]]) -> date | None:
    """The day since which processing is restricted, by events (kind, at, order known); None where it is not.

    A restriction ends only by a lifting that is strictly later and whose order is known.
    """
    acts = list(acts)
    lifted = max((at for kind, at, ordered in acts if kind == "restriction_lifted" and ordered), default=None)
    standing = [at for kind, at, _ in acts if kind == "restricted" and (lifted is None or at >= lifted)]
    return local_date(min(standing)) if standing else None


def _public(entry: NewEntry) -> tuple[Any, ...]:
    return (
        entry.event,
        entry.at if entry.order_known else None,
        entry.controller,
        entry.method,
        entry.source,
        entry.given_by,
        tuple(sorted(entry.channels)),
        tuple(sorted(entry.purposes)),
        tuple(sorted(entry.topics)),
        tuple(sorted(entry.audiences)),
        entry.notice,
        entry.prohibition,
        entry.double_opt_in,
        entry.pre_ticked,
        entry.condition_of_service,
        entry.freely_joined,
        entry.express_request,
        # A detail may be a list: of the fields that a change of the register named.
        msgspec.json.encode(entry.detail, order="sorted"),
    )
