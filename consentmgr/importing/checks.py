"""What a document must hold before anything of it is taken: pure, one document at a time, all or nothing.

The structs have seen to types and code lists; here are the things a type cannot say: addresses that have a canonical
form, dates that can be, numbers whose check digits hold, controllers that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn, TypeVar

import msgspec

from consentmgr.importing.address_book import AddressBook, KeyedAddress
from consentmgr.importing.kept_keys import KeptProhibition
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.register.business_ids import (
    CHECKED_COUNTRIES,
    bare_business_id,
    canonical_business_id,
    canonical_reference,
)
from consentmgr.vocabulary.branding import colour_fault, logo_fault, privacy_url_fault
from consentmgr.vocabulary.countries import COUNTRIES
from consentmgr.vocabulary.documents import (
    Campaign,
    Contact,
    Controller,
    CustomerRelation,
    Event,
    EventFields,
    ExternalList,
    LegalBasisTag,
    MessageSent,
    Notice,
    Organisation,
    OrganisationCustomer,
    Point,
    PostalAddress,
    ProcessingPurpose,
    Prohibition,
    Role,
    RoleArea,
    Topic,
)

#: Nobody alive or newly dead was born earlier; such a date is a slip of the hand or a spreadsheet's zero.
EARLIEST_BIRTH = date(1850, 1, 1)

#: The largest number the database keeps in such a column.
LARGEST_NUMBER = 2_147_483_647

#: The longest text that is part of what tells two rows apart.
LONGEST_NAME = 200

#: What ``clear`` may empty. Everything else either holds a decision or is not a value but a list of things.
CLEARABLE_OF_CONTACT = frozenset(
    (
        "given_name",
        "family_name",
        "language",
        "country",
        "municipality",
        "born_on",
        "deceased_on",
        "last_interaction_on",
    )
)
CLEARABLE_OF_ORGANISATION = frozenset(("name", "employees", "domains", "industry", "source", "verified_on", "form"))
CLEARABLE_OF_POINT = frozenset(
    ("use", "organisation", "source", "acquired_on", "verified_on", "informed_on", "soft_bounces", "state",
     "published_by_organisation")
)  # fmt: skip
CLEARABLE_OF_CONTROLLER = frozenset(("business_id", "contact", "colour", "logo", "privacy_url"))
CLEARABLE_OF_TOPIC = frozenset(("names", "descriptions", "cadence"))
CLEARABLE_OF_PURPOSE = frozenset(("names", "data_categories", "recipients", "retention_months", "balancing_test"))
#: Fields that hold a decision of the person or of an authority: no import empties them.
DECISIONS = frozenset(("restricted_since", "non_disclosure", "register_update_ban", "controllers", "events"))


class Refused(Exception):
    """A document is not taken; carries the ``Rejection``. Never leaves the package."""

    def __init__(self, reason: str, field_path: str | None = None) -> None:
        super().__init__(reason)
        self.rejection = Rejection(reason, field_path)

    def within(self, place: str) -> Refused:
        """The same of a part at ``place``: paths are put together only when there is something to say."""
        inner = self.rejection.field
        return Refused(self.rejection.reason, f"{place}.{inner}" if inner else place)


@dataclass(slots=True)
class Premises:
    """What a check may know: the day, the keys, the controllers of the register and of this batch."""

    book: AddressBook
    now: datetime
    controllers: set[str] = field(default_factory=set)
    default_controller: str | None = None
    today: date = field(init=False)
    #: The first moment of tomorrow by Finnish time: nothing that is recorded today can have happened then.
    tomorrow: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.today = local_date(self.now)
        self.tomorrow = midnight(self.today + timedelta(days=1))

    def controller(self, key: str | None, place: str = "controller") -> str:
        """The controller meant by ``key`` (absent: the default one)."""
        if key is None:
            if self.default_controller is None:
                raise Refused("is missing, and the register has no default controller", place)
            return self.default_controller
        if key not in self.controllers:
            raise Refused("names a controller the register does not know", place)
        return key


class CheckedPoint(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A point with its keys; ``postal`` are the parts of a postal address that are not blank."""

    point: Point
    keys: KeyedAddress
    postal: dict[str, str] | None
    organisation: str | None

    def __repr__(self) -> str:
        # All of it is personal data.
        return f"CheckedPoint({self.point.channel})"


def midnight(day: date) -> datetime:
    """The first moment of a Finnish calendar day, in UTC."""
    return datetime.combine(day, time(), HELSINKI).astimezone(UTC)


def text_of(value: str | None) -> str | None:
    """The text without blanks around it; None where nothing is left."""
    return (value.strip() or None) if value is not None else None


def key_of(value: str, place: str) -> str:
    """A key without blanks around it."""
    key = value.strip()
    if not key:
        refuse("is blank", place)
    return key


def refuse(reason: str, place: str | None = None) -> NoReturn:
    raise Refused(reason, place)


def reference(name: str, place: str) -> str:
    """The canonical name another document calls an organisation by."""
    canonical = canonical_reference(name)
    if canonical is None:
        refuse("is no business id: the check digits do not match", place)
    return canonical


def check_contact(document: Contact, premises: Premises) -> list[CheckedPoint]:
    """The contact's points with their keys. Raises ``Refused``."""
    key_of(document.ref, "ref")
    if document.clear:
        _check_clear(document.clear, CLEARABLE_OF_CONTACT)
    for controller in document.controllers:
        premises.controller(controller, "controllers")
    _check_days(document, premises.today)
    points = []
    for position, point in enumerate(document.points):
        try:
            points.append(check_point(point, premises, document.country))
        except Refused as refused:
            raise refused.within(f"points[{position}]") from None
    for position, event in enumerate(document.events):
        try:
            check_event(event, premises)
        except Refused as refused:
            raise refused.within(f"events[{position}]") from None
    if document.roles:
        _check_each(document.roles, "roles", _check_role, premises)
    if document.customer_of:
        _check_each(document.customer_of, "customer_of", _check_customer, premises)
    if document.legal_bases:
        _check_each(document.legal_bases, "legal_bases", _check_legal_basis, premises)
    if document.messages_sent:
        _check_each(document.messages_sent, "messages_sent", _check_message, premises)
    return points


P = TypeVar("P")


def _check_each(parts: Sequence[P], name: str, check: Callable[[P, Premises], None], premises: Premises) -> None:
    for position, part in enumerate(parts):
        try:
            check(part, premises)
        except Refused as refused:
            raise refused.within(f"{name}[{position}]") from None


def _check_days(document: Contact, today: date) -> None:
    born, died = document.born_on, document.deceased_on
    _not_future(born, today, "born_on")
    _not_future(died, today, "deceased_on")
    _not_future(document.restricted_since, today, "restricted_since")
    _not_future(document.last_interaction_on, today, "last_interaction_on")
    if born is not None and born < EARLIEST_BIRTH:
        refuse(f"lies before {EARLIEST_BIRTH.year}", "born_on")
    if born is not None and died is not None and died < born:
        refuse("lies before born_on", "deceased_on")


def _check_role(role: Role, premises: Premises) -> None:
    reference(role.organisation, "organisation")
    _in_order(role.since, role.until, "since", "until")
    _check_each(role.areas, "areas", _check_area, premises)


def _check_area(area: RoleArea, premises: Premises) -> None:
    key_of(area.area, "area")
    _not_future(area.verified_on, premises.today, "verified_on")


def _check_customer(customer: CustomerRelation, premises: Premises) -> None:
    premises.controller(customer.controller)
    _not_future(customer.last_purchase_on, premises.today, "last_purchase_on")
    if customer.relation is None and customer.last_purchase_on is None:
        refuse("is missing, and no last_purchase_on shows a purchase", "relation")


def _check_legal_basis(tag: LegalBasisTag, premises: Premises) -> None:
    premises.controller(tag.controller)
    key_of(tag.purpose, "purpose")
    _in_order(tag.since, tag.until, "since", "until")


def _check_message(message: MessageSent, premises: Premises) -> None:
    premises.controller(message.controller)
    _not_future_time(message.at, premises, "at")
    if message.campaign is not None and len(message.campaign) > LONGEST_NAME:
        refuse(f"is longer than {LONGEST_NAME} characters", "campaign")


_ADDRESSES = {"email": "an e-mail address", "phone": "a telephone number", "post": "a postal address"}


def check_point(point: Point, premises: Premises, country: str | None) -> CheckedPoint:
    """One point's keys; ``country`` is its owner's, for numbers and addresses that do not say theirs."""
    keys: KeyedAddress | None
    postal: dict[str, str] | None = None
    value = point.value
    if isinstance(value, PostalAddress) is not (point.channel == "post"):
        wanted = "an object of street, apartment, postal_code, city, country" if point.channel == "post" else "text"
        refuse(f"must be {wanted}", "value")
    if isinstance(value, PostalAddress):
        keys, postal = postal_keys(value, premises.book, country)
    elif point.channel == "email":
        keys = premises.book.email(value)
    else:
        keys = premises.book.phone(value, country or "FI")
    if keys is None:
        refuse(f"is not {_ADDRESSES[point.channel]} that can be matched", "value")
    _fits(point.soft_bounces, "soft_bounces")
    today = premises.today
    _not_future(point.acquired_on, today, "acquired_on")
    _not_future(point.verified_on, today, "verified_on")
    _not_future(point.informed_on, today, "informed_on")
    if point.clear:
        _check_clear(point.clear, CLEARABLE_OF_POINT)
    organisation = text_of(point.organisation)
    named = reference(organisation, "organisation") if organisation is not None else None
    return CheckedPoint(point, keys, postal, named)


def postal_keys(
    address: PostalAddress, book: AddressBook, country: str | None
) -> tuple[KeyedAddress | None, dict[str, str]]:
    """Keys of a postal address, and its parts that are not blank."""
    parts = {
        name: text
        for name in ("street", "apartment", "postal_code", "city", "country")
        if (text := text_of(getattr(address, name))) is not None
    }
    return book.post(PostalAddress(**parts), parts.get("country") or country or "FI"), parts


def check_event(event: EventFields, premises: Premises) -> None:
    """Raises ``Refused`` where the event cannot have happened so."""
    if event.controller is not None or event.event in ("consent_given", "guardian_consented"):
        premises.controller(event.controller)
    _not_future_time(event.at, premises, "at")
    _check_answer(event)
    if event.evidence is not None and event.evidence.confirmed_at is not None:
        _not_future_time(event.evidence.confirmed_at, premises, "evidence.confirmed_at")
    if isinstance(event, Event):
        key_of(event.contact, "contact")


def _check_answer(event: EventFields) -> None:
    """An answer to a wish to be erased says when it was given, and one that refuses on which ground (GDPR 12(3)-(4)).

    No other event has such a ground. The reason of an extension is not asked for here: an erasure takes it away, and what
    was exported is taken again.
    """
    if event.event == "erasure_refused" and event.ground is None:
        refuse("is missing: an answer that refuses erasure says on which ground (GDPR 12(4))", "ground")
    if event.event != "erasure_refused" and event.ground is not None:
        refuse("is of an event erasure_refused", "ground")
    if event.event in ("erasure_refused", "erasure_extended") and event.imported_without_date:
        refuse("cannot be: an answer without its date answers no request", "imported_without_date")


def check_organisation(document: Organisation, premises: Premises) -> tuple[str | None, str | None, list[CheckedPoint]]:
    """The organisation's canonical business id, its ref, and its points with their keys."""
    country = document.country or "FI"
    if country not in COUNTRIES:
        refuse("is not a country's two letters, such as FI", "country")
    business_id, ref = text_of(document.business_id), text_of(document.ref)
    if business_id is not None:
        canonical = canonical_business_id(business_id, country)
        if canonical is None:
            fault = "the check digits do not match" if country in CHECKED_COUNTRIES else "no digit is in it"
            refuse(f"is no organisation number of {country}: {fault}", "business_id")
        business_id = canonical
    elif ref is not None:
        ref = reference(ref, "ref")
    else:
        refuse("is missing, and so is ref: one of them must say which organisation this is", "business_id")
    _check_clear(document.clear, CLEARABLE_OF_ORGANISATION)
    _not_future(document.verified_on, premises.today, "verified_on")
    _fits(document.employees, "employees")
    for position, domain in enumerate(document.domains):
        if canonical_domain(domain) is None:
            refuse("is not a domain", f"domains[{position}]")
    _check_each(document.customer_of, "customer_of", _check_organisation_customer, premises)
    points, own = [], {business_id, ref} - {None}
    for position, point in enumerate(document.points):
        try:
            points.append(check_point(point, premises, document.country))
            named = points[-1].organisation
            if named is not None and named not in own and bare_business_id(named) not in own:
                refuse("is another organisation than the one that lists the point", "organisation")
        except Refused as refused:
            raise refused.within(f"points[{position}]") from None
    return business_id, ref, points


def _check_organisation_customer(customer: OrganisationCustomer, premises: Premises) -> None:
    premises.controller(customer.controller)
    _not_future(customer.last_purchase_on, premises.today, "last_purchase_on")


def check_scope(document: Prohibition | KeptProhibition, premises: Premises) -> None:
    """A ban's controllers and days; its target is checked where it is made."""
    for controller in document.controllers:
        premises.controller(controller, "controllers")
    _in_order(document.valid_from, document.valid_until, "valid_from", "valid_until")


def check_controller(document: Controller) -> None:
    key_of(document.key, "key")
    key_of(document.name, "name")
    _check_clear(document.clear, CLEARABLE_OF_CONTROLLER)
    for name, fault_of in (("colour", colour_fault), ("logo", logo_fault), ("privacy_url", privacy_url_fault)):
        value = text_of(getattr(document, name))
        fault = fault_of(value) if value is not None else None
        if fault is not None:
            refuse(fault, name)


def check_topic(document: Topic, premises: Premises) -> None:
    key_of(document.key, "key")
    _check_clear(document.clear, CLEARABLE_OF_TOPIC)
    premises.controller(document.controller, "controller")


def check_notice(document: Notice) -> None:
    key_of(document.key, "key")
    if "/" in document.key:
        refuse("must hold no stroke, because events name a notice as key/version/language", "key")
    _fits(document.version, "version")
    if document.supersedes not in (None, "minor", "major"):
        refuse("is none of minor, major", "supersedes")


def check_purpose(document: ProcessingPurpose, premises: Premises) -> None:
    key_of(document.key, "key")
    _check_clear(document.clear, CLEARABLE_OF_PURPOSE)
    _fits(document.retention_months, "retention_months")
    premises.controller(document.controller, "controller")


def check_external_list(document: ExternalList, premises: Premises) -> None:
    # A date to come would make an old ban list look fresh.
    _not_future(document.as_of, premises.today, "as_of")


def check_campaign(document: Campaign, premises: Premises) -> None:
    key_of(document.key, "key")
    if document.controller is not None:
        premises.controller(document.controller, "controller")


def check_kept_key(key_id: int, premises: Premises) -> None:
    if key_id != premises.book.keys.key_id:
        refuse("was made with another address key, so it can match nothing here", "key_id")


def _check_clear(names: Iterable[str], allowed: Collection[str]) -> None:
    for name in names:
        if name in DECISIONS:
            refuse("holds a decision, which no import clears", name)
        if name not in allowed:
            refuse(f"is not a field that can be cleared; those are {', '.join(sorted(allowed))}", "clear")


def _fits(number: int | None, place: str) -> None:
    if number is not None and number > LARGEST_NUMBER:
        refuse(f"is larger than {LARGEST_NUMBER:,}", place)


def _not_future(day: date | None, today: date, place: str) -> None:
    if day is not None and day > today:
        refuse("lies in the future", place)


def _not_future_time(moment: datetime, premises: Premises, place: str) -> None:
    # Compared by the day: clocks of two systems differ by minutes, and a slip of the hand by months.
    if moment >= premises.tomorrow:
        refuse("lies in the future", place)
    if moment.year < EARLIEST_BIRTH.year:
        refuse(f"lies before {EARLIEST_BIRTH.year}", place)


def _in_order(first: date | None, last: date | None, name: str, place: str) -> None:
    if first is not None and last is not None and last < first:
        refuse(f"lies before {name}", place)
