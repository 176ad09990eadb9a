"""Contacts and everything that belongs to them, laid over what the register holds.

Three steps for a whole batch: find who is there (``People``), lay every document over them in order, write what is
new or different. Events go on to ``acts``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cached_property

import msgspec

from consentmgr.importing.batch import Batch, Fold
from consentmgr.importing.changes import CHANGED, KEPT_ERASED, NEW, UNCHANGED, Changes
from consentmgr.importing.checks import CheckedPoint, refuse, text_of
from consentmgr.importing.points import PointKey, lay_point, new_point, point_key
from consentmgr.importing.roles import HeldRole, lay_roles
from consentmgr.register.business_ids import canonical_reference
from consentmgr.register.reading import contacts_by_ref, rows_by
from consentmgr.register.rows import (
    ContactRow,
    CustomerRow,
    LegalBasisRow,
    MessageRow,
    PointRow,
    RoleAreaRow,
    RoleRow,
    Row,
)
from consentmgr.register.writing import insert_rows, mark_changed, new_ids, update_rows
from consentmgr.vocabulary.documents import Contact, CustomerRelation, EventFields, LegalBasisTag, MessageSent

#: A contact's document that passed its checks, with its place in the batch and its points' keys.
CheckedContact = tuple[int, Contact, list[CheckedPoint]]

#: Acts that ``restricted_since`` follows from.
RESTRICTING = frozenset(("restricted", "restriction_lifted"))

MessageKey = tuple[datetime, str, str, str]


class Person(msgspec.Struct, eq=False, gc=False):
    """One contact of the batch: what is stored of them, and what the documents make of it."""

    row: ContactRow
    new: bool
    #: Whether the contact's own row, or anything that belongs to them, became different.
    changed: bool = False
    touched: bool = False
    #: Where in the batch the documents are that speak of the contact.
    places: list[int] = []
    points: dict[PointKey, PointRow] = {}
    roles: list[HeldRole] = []
    customers: dict[tuple[str, str, str], CustomerRow] = {}
    messages: set[MessageKey] = set()
    bases: dict[tuple[str, str, str], LegalBasisRow] = {}
    #: Bases to enter in the ledger, the last wish for each.
    wanted_bases: dict[tuple[str, str, str], LegalBasisRow] = {}
    #: Events with the place of the document they came in.
    events: list[tuple[int, EventFields]] = []
    #: Days of ``restricted_since``, which mean the same as an event ``restricted``, with their documents' places.
    restricted_on: list[tuple[int, date]] = []

    def __repr__(self) -> str:
        # The other fields are personal data.
        return f"Person({self.row!r})"

    @property
    def erased(self) -> bool:
        return self.row.erased_at is not None


class People:
    """The persons of a batch by ref, and the rows that have to be written for them."""

    def __init__(self, batch: Batch, contacts: Sequence[CheckedContact], refs_of_events: Iterable[str]) -> None:
        self.batch = batch
        refs = dict.fromkeys(document.ref.strip() for _, document, _ in contacts)
        known = contacts_by_ref(batch.session, {*refs, *refs_of_events})
        #: Two refs of merged contacts mean one person.
        by_id = {row.id: Person(row, new=False) for row in known.values()}
        self.by_ref: dict[str, Person] = {ref: by_id[row.id] for ref, row in known.items()}
        unknown = [ref for ref in refs if ref not in known]
        for ref, identifier in zip(unknown, new_ids(batch.session, "contact", len(unknown)), strict=True):
            self.by_ref[ref] = Person(ContactRow(identifier, ref), new=True)
        #: Those who were there before; what is done to every new one of a large file is done a million times.
        self.known = list(by_id.values())
        self.all = [*self.known, *(self.by_ref[ref] for ref in unknown)]
        #: Those a document says something of that has to be looked at afterwards, in the order it was said.
        self.with_roles: dict[int, Person] = {}
        self.with_bases: dict[int, Person] = {}
        self.restricted: dict[int, Person] = {}
        self._new_points: list[PointRow] = []
        self._changed_points: dict[int, PointRow] = {}
        self._new_customers: list[CustomerRow] = []
        self._changed_customers: dict[int, CustomerRow] = {}
        self._new_messages: list[MessageRow] = []
        self._load(contacts)

    def _load(self, contacts: Sequence[CheckedContact]) -> None:
        """What is stored of those who are known, as far as a document speaks of it."""
        session = self.batch.session
        wanted: dict[str, set[int]] = {
            name: set() for name in ("points", "roles", "customer_of", "messages_sent", "legal_bases")
        }
        people: dict[int, Person] = {}
        for _, document, _ in contacts:
            person = self.by_ref[document.ref.strip()]
            if person.new or person.erased:
                continue
            people[person.row.id] = person
            for name, ids in wanted.items():
                if getattr(document, name):
                    ids.add(person.row.id)
        for point in rows_by(session, PointRow, "contact_id", wanted["points"]):
            assert point.contact_id is not None
            people[point.contact_id].points[point.kind, point.address_key] = point
        roles = rows_by(session, RoleRow, "contact_id", wanted["roles"])
        held = {role.id: HeldRole(role) for role in roles}
        for role in roles:
            people[role.contact_id].roles.append(held[role.id])
        for area in rows_by(session, RoleAreaRow, "role_id", held.keys()):
            held[area.role_id].areas[area.area] = area
        for relation in rows_by(session, CustomerRow, "contact_id", wanted["customer_of"]):
            key = relation.controller, relation.product_group, relation.relation
            people[relation.contact_id].customers[key] = relation
        for message in rows_by(session, MessageRow, "contact_id", wanted["messages_sent"]):
            people[message.contact_id].messages.add((message.at, message.controller, message.channel, message.campaign))
        for basis in rows_by(session, LegalBasisRow, "contact_id", wanted["legal_bases"]):
            people[basis.contact_id].bases[basis.controller, basis.purpose, basis.basis] = basis

    # --- laying -----------------------------------------------------------------------------------------------------

    def check(self, document: Contact) -> None:
        """What only the stored contact can contradict. Raises ``Refused``."""
        person = self.by_ref[document.ref.strip()]
        born = document.born_on or (None if "born_on" in document.clear else person.row.born_on)
        died = document.deceased_on or (None if "deceased_on" in document.clear else person.row.deceased_on)
        if born is not None and died is not None and died < born and not person.erased:
            refuse("lies before the stored born_on", "deceased_on" if document.deceased_on else "born_on")

    def lay(self, place: int, document: Contact, points: list[CheckedPoint]) -> None:
        """Lay one document over its person; of an erased one only the events are taken."""
        person = self.by_ref[document.ref.strip()]
        person.places.append(place)
        for event in document.events:
            self.add_event(place, event, person)
        if person.row.erased_at is not None:
            return
        changes = None if person.new else self.batch.changes
        if person.new and len(person.places) == 1 and not document.clear:
            self._begin(document, person.row)
        elif self._lay_own(document, person, changes):
            person.changed = True
        if document.restricted_since is not None:
            person.restricted_on.append((place, document.restricted_since))
            self.restricted[person.row.id] = person
        touched = False
        for checked in points:
            touched = self._lay_point(checked, person) or touched
        if document.roles:
            self.with_roles[person.row.id] = person
            named = [
                (self.batch.organisations[canonical_reference(role.organisation) or ""].id, role)
                for role in document.roles
            ]
            touched = lay_roles(named, person.row.id, person.roles, changes) or touched
        for customer in document.customer_of:
            touched = self._lay_customer(customer, person) or touched
        for message in document.messages_sent:
            touched = self._lay_message(message, person) or touched
        for tag in document.legal_bases:
            self._lay_basis(tag, person)
        person.touched = person.touched or touched

    def add_event(self, place: int, event: EventFields, person: Person) -> None:
        """One more act of the person, in the document at ``place``."""
        person.events.append((place, event))
        if event.event in RESTRICTING:
            self.restricted[person.row.id] = person

    def _begin(self, document: Contact, row: ContactRow) -> None:
        """What ``_lay_own`` does for the first document of a new contact, where nothing has to be compared."""
        if document.controllers:
            row.controllers = list(dict.fromkeys(document.controllers))
        given, family = text_of(document.given_name), text_of(document.family_name)
        if given is not None or family is not None:
            row.given_name, row.family_name = given, family
            row.name_key = self.batch.premises.book.name(given, family)
        row.language = document.language
        row.country = document.country
        if document.municipality is not None:
            row.municipality = text_of(document.municipality)
        row.born_on = document.born_on
        row.deceased_on = document.deceased_on
        row.non_disclosure = document.non_disclosure or False
        row.register_update_ban = document.register_update_ban or False
        row.last_interaction_on = document.last_interaction_on

    def _lay_own(self, document: Contact, person: Person, changes: Changes | None) -> bool:
        row = person.row
        fold = Fold(row, changes)
        for name in document.clear:
            fold.clear(name)
        if document.controllers:
            fold.unite("controllers", list(document.controllers))
        before = row.given_name, row.family_name
        fold.text("given_name", document.given_name)
        fold.text("family_name", document.family_name)
        if (
            before != (row.given_name, row.family_name)
            or "given_name" in document.clear
            or "family_name" in document.clear
        ):
            row.name_key = self.batch.premises.book.name(row.given_name, row.family_name)
        fold.put("language", document.language)
        fold.put("country", document.country)
        fold.text("municipality", document.municipality)
        fold.put("born_on", document.born_on)
        fold.put("deceased_on", document.deceased_on)
        # Decisions of a person or an authority: a document makes them and never unmakes them.
        if document.non_disclosure:
            fold.put("non_disclosure", True)
        if document.register_update_ban:
            fold.put("register_update_ban", True)
        latest = document.last_interaction_on
        if latest is not None and (row.last_interaction_on is None or latest > row.last_interaction_on):
            fold.put("last_interaction_on", latest)
        return fold.changed

    def _lay_point(self, checked: CheckedPoint, person: Person) -> bool:
        organisation_id = (
            self.batch.organisations[checked.organisation].id if checked.organisation is not None else None
        )
        key = point_key(checked)
        row = person.points.get(key)
        if row is None:
            row = person.points[key] = new_point(
                checked, self.batch.keys.key_id, contact_id=person.row.id, organisation_id=organisation_id
            )
            self._new_points.append(row)
            return True
        if not lay_point(checked, row, organisation_id, self.batch.changes if row.id else None):
            return False
        if row.id:
            self._changed_points[row.id] = row
        return True

    def _lay_customer(self, customer: CustomerRelation, person: Person) -> bool:
        controller = self.batch.premises.controller(customer.controller, "customer_of")
        # A relation that only tells of a purchase is one; the check has refused one that tells nothing.
        key = controller, (customer.product_group or "").strip(), customer.relation or "purchase"
        row = person.customers.get(key)
        if row is None:
            row = person.customers[key] = CustomerRow(
                person.row.id,
                *key,
                customer.last_purchase_on,
                customer.address_from_sale or False,
                customer.opt_out_offered or False,
            )
            self._new_customers.append(row)
            return True
        fold = Fold(row, None if person.new else self.batch.changes)
        fold.put("last_purchase_on", customer.last_purchase_on)
        fold.put("address_from_sale", customer.address_from_sale)
        fold.put("opt_out_offered", customer.opt_out_offered)
        if fold.changed:
            self._changed_customers[id(row)] = row
        return fold.changed

    def _lay_message(self, message: MessageSent, person: Person) -> bool:
        controller = self.batch.premises.controller(message.controller, "messages_sent")
        key = message.at, controller, message.channel or "", text_of(message.campaign) or ""
        if key in person.messages:
            return False
        person.messages.add(key)
        at, _, channel, campaign = key
        self._new_messages.append(MessageRow(person.row.id, at, controller, channel, message.purpose, campaign))
        return True

    def _lay_basis(self, tag: LegalBasisTag, person: Person) -> None:
        controller = self.batch.premises.controller(tag.controller, "legal_bases")
        key = controller, tag.purpose.strip(), tag.basis
        held = person.wanted_bases.get(key) or person.bases.get(key)
        row = LegalBasisRow(
            person.row.id,
            *key,
            tag.since or (held.since if held else None),
            tag.until or (held.until if held else None),
            text_of(tag.source) or (held.source if held else None),
            held.entry_id if held else None,
        )
        if held is None or (row.since, row.until, row.source) != (held.since, held.until, held.source):
            person.wanted_bases[key] = row
            self.with_bases[person.row.id] = person

    def fields_changed(self, person: Person) -> set[str]:
        """What became different of somebody who was there before, as the ledger names it. Messages sent are no change
        of what is held of a person, and acts and legal bases have entries of their own.
        """
        different = self.batch.changes.different
        fields = {f"contact.{name}" for name in different(person.row)}
        for point in person.points.values():
            if id(point) in self._added or different(point):
                fields.add(f"contact_point.{point.kind}")
        for role in person.roles:
            if role.new or role.new_areas or different(role.row) or any(map(different, role.areas.values())):
                fields.add("role")
        for relation in person.customers.values():
            if id(relation) in self._added or different(relation):
                fields.add("customer_relation")
        return fields

    @cached_property
    def _added(self) -> set[int]:
        """Which points and relations are new, once all documents were laid."""
        return {id(row) for row in (*self._new_points, *self._new_customers)}

    # --- writing ----------------------------------------------------------------------------------------------------

    def number(self) -> None:
        """Give the new rows their ids."""
        session = self.batch.session
        for point, identifier in zip(
            self._new_points, new_ids(session, "contact_point", len(self._new_points)), strict=True
        ):
            point.id = identifier
        new_roles = [role for person in self.with_roles.values() for role in person.roles if not role.row.id]
        for role, identifier in zip(new_roles, new_ids(session, "role", len(new_roles)), strict=True):
            role.row.id = identifier
            role.new = True
            for area in role.new_areas:
                area.role_id = identifier

    def insert(self, insert: Callable[[Sequence[Row]], None]) -> None:
        """Write the rows that are new, but for the legal bases, which wait for their ledger entries."""
        held = [role for person in self.with_roles.values() for role in person.roles]
        insert([person.row for person in self.all[len(self.known) :]])
        insert(self._new_points)
        insert([role.row for role in held if role.new])
        insert([area for role in held for area in role.new_areas])
        insert(self._new_customers)
        insert(self._new_messages)

    def update(self) -> None:
        """Write the rows that became different."""
        session = self.batch.session
        held = [role for person in self.with_roles.values() for role in person.roles]
        update_rows(session, [person.row for person in self.known if person.changed])
        update_rows(session, list(self._changed_points.values()))
        update_rows(session, [role.row for role in held if role.changed and not role.new])
        update_rows(session, [area for role in held for area in role.changed_areas.values()])
        added = {id(row) for row in self._new_customers}
        update_rows(session, [row for mark, row in self._changed_customers.items() if mark not in added])
        touched = [person.row.id for person in self.known if person.touched and not person.changed]
        mark_changed(session, "contact", touched)

    def write_bases(self) -> None:
        """Write the legal bases, once ``acts`` has put the ids of their entries in."""
        new: list[Row] = []
        changed: list[Row] = []
        for person in self.with_bases.values():
            for key, row in person.wanted_bases.items():
                (changed if key in person.bases else new).append(row)
        insert_rows(self.batch.session, new)
        update_rows(self.batch.session, changed)

    def count(self, acted: set[int]) -> None:
        """Count the documents; ``acted`` are the ids of contacts with a new ledger entry."""
        changes = self.batch.changes
        made = self.all[len(self.known) :]
        if new := sum([1 for person in made if person.places]):
            changes.count("contact", NEW, new)
        for person in made:
            if len(person.places) > 1:
                changes.count("contact", self._again(person, acted), len(person.places) - 1)
        for person in self.known:
            if not person.places:
                continue
            if person.erased:
                changes.count("contact", KEPT_ERASED, len(person.places), places=person.places)
                continue
            became = self._again(person, acted)
            changes.count("contact", became, places=person.places)
            if len(person.places) > 1:
                changes.count("contact", became, len(person.places) - 1)

    def _again(self, person: Person, acted: set[int]) -> str:
        """What became of a document about somebody who was there."""
        return CHANGED if person.changed or person.touched or person.row.id in acted else UNCHANGED
