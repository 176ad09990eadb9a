"""What a document must hold before anything of it is taken: pure, one document at a time, all or nothing.

The structs have seen to types and code lists; here are the things a type cannot say: addresses that have a canonical
form, dates that can be, numbers whose check digits hold, controllers that exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn

from consentmgr.importing.address_book import AddressBook, KeyedAddress
from consentmgr.importing.kept_keys import KeptProhibition
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import canonical_domain
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.register.business_ids import canonical_business_id, canonical_reference
from consentmgr.vocabulary.documents import (
    Campaign,
    Contact,
    Controller,
    Event,
    EventFields,
    ExternalList,
    Notice,
    Organisation,
    Point,
    PostalAddress,
    ProcessingPurpose,
    Prohibition,
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
#: Fields that hold a decision of the person or of an authority: no import empties them.
DECISIONS = frozenset(("restricted_since", "non_disclosure", "register_update_ban", "controllers", "events"))


class Refused(Exception):
    """A document is not taken; carries the ``Rejection``. Never leaves the package."""

    def __init__(self, reason: str, field_path: str | None = None) -> None:
        super().__init__(reason)
        self.rejection = Rejection(reason, field_path)


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

    def controller(self, key: str | None, place: str) -> str:
        """The controller meant by ``key`` (absent: the default one)."""
        if key is None or not (key := key.strip()):
            if self.default_controller is None:
                raise Refused("is missing, and the register has no default controller", place)
            return self.default_controller
        if key not in self.controllers:
            raise Refused("names a controller the register does not know", place)
        return key


@dataclass(slots=True, repr=False, eq=False)
class CheckedPoint:
    """A point with its keys; ``postal`` are the parts of a postal address that are not blank."""

    point: Point
    keys: KeyedAddress
    postal: dict[str, str] | None
    organisation: str | None


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
    today = premises.today
    key_of(document.ref, "ref")
    _check_clear(document.clear, CLEARABLE_OF_CONTACT)
    for position, controller in enumerate(document.controllers):
        premises.controller(controller, f"controllers[{position}]")
    if document.born_on is not None:
        _not_future(document.born_on, today, "born_on")
        if document.born_on < EARLIEST_BIRTH:
            refuse(f"lies before {EARLIEST_BIRTH.year}", "born_on")
    if document.deceased_on is not None:
        _not_future(document.deceased_on, today, "deceased_on")
        if document.born_on is not None and document.deceased_on < document.born_on:
            refuse("lies before born_on", "deceased_on")
    if document.restricted_since is not None:
        _not_future(document.restricted_since, today, "restricted_since")
    if document.last_interaction_on is not None:
        _not_future(document.last_interaction_on, today, "last_interaction_on")
    points = [
        check_point(point, f"points[{position}]", premises, document.country)
        for position, point in enumerate(document.points)
    ]
    if document.roles:
        _check_roles(document, today)
    for position, customer in enumerate(document.customer_of):
        place = f"customer_of[{position}]"
        premises.controller(customer.controller, f"{place}.controller")
        _not_future(customer.last_purchase_on, today, f"{place}.last_purchase_on")
        if customer.relation is None and customer.last_purchase_on is None:
            refuse("is missing, and no last_purchase_on shows a purchase", f"{place}.relation")
    for position, tag in enumerate(document.legal_bases):
        place = f"legal_bases[{position}]"
        premises.controller(tag.controller, f"{place}.controller")
        key_of(tag.purpose, f"{place}.purpose")
        _in_order(tag.since, tag.until, "since", f"{place}.until")
    for position, message in enumerate(document.messages_sent):
        place = f"messages_sent[{position}]"
        premises.controller(message.controller, f"{place}.controller")
        _not_future_time(message.at, premises, f"{place}.at")
        if message.campaign is not None and len(message.campaign) > LONGEST_NAME:
            refuse(f"is longer than {LONGEST_NAME} characters", f"{place}.campaign")
    for position, event in enumerate(document.events):
        check_event(event, premises, f"events[{position}].")
    return points


def _check_roles(document: Contact, today: date) -> None:
    for position, role in enumerate(document.roles):
        place = f"roles[{position}]"
        reference(role.organisation, f"{place}.organisation")
        _in_order(role.since, role.until, "since", f"{place}.until")
        for number, area in enumerate(role.areas):
            key_of(area.area, f"{place}.areas[{number}].area")
            _not_future(area.verified_on, today, f"{place}.areas[{number}].verified_on")


def check_point(point: Point, place: str, premises: Premises, country: str | None) -> CheckedPoint:
    """One point's keys; ``country`` is its owner's, for numbers and addresses that do not say theirs."""
    keys: KeyedAddress | None
    postal: dict[str, str] | None = None
    value = point.value
    if isinstance(value, PostalAddress) is not (point.channel == "post"):
        wanted = "an object of street, apartment, postal_code, city, country" if point.channel == "post" else "text"
        refuse(f"must be {wanted}", f"{place}.value")
    if isinstance(value, PostalAddress):
        keys, postal = postal_keys(value, premises.book, country)
    elif point.channel == "email":
        keys = premises.book.email(value)
    else:
        keys = premises.book.phone(value, country or "FI")
    if keys is None:
        names = {"email": "an e-mail address", "phone": "a telephone number", "post": "a postal address"}
        refuse(f"is not {names[point.channel]} that can be matched", f"{place}.value")
    _fits(point.soft_bounces, f"{place}.soft_bounces")
    today = premises.today
    if point.acquired_on is not None:
        _not_future(point.acquired_on, today, f"{place}.acquired_on")
    if point.verified_on is not None:
        _not_future(point.verified_on, today, f"{place}.verified_on")
    if point.informed_on is not None:
        _not_future(point.informed_on, today, f"{place}.informed_on")
    if point.clear:
        _check_clear(point.clear, CLEARABLE_OF_POINT, f"{place}.")
    organisation = text_of(point.organisation)
    named = reference(organisation, f"{place}.organisation") if organisation is not None else None
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


def check_event(event: EventFields, premises: Premises, place: str = "") -> None:
    """Raises ``Refused`` where the event cannot have happened so."""
    if event.controller is not None:
        premises.controller(event.controller, f"{place}controller")
    elif event.event in ("consent_given", "guardian_consented"):
        premises.controller(None, f"{place}controller")
    _not_future_time(event.at, premises, f"{place}at")
    if event.evidence is not None and event.evidence.confirmed_at is not None:
        _not_future_time(event.evidence.confirmed_at, premises, f"{place}evidence.confirmed_at")
    if isinstance(event, Event):
        key_of(event.contact, "contact")


def check_organisation(document: Organisation, premises: Premises) -> tuple[str | None, str | None, list[CheckedPoint]]:
    """The organisation's canonical business id, its ref, and its points with their keys."""
    country = document.country or "FI"
    business_id, ref = text_of(document.business_id), text_of(document.ref)
    if business_id is not None:
        canonical = canonical_business_id(business_id, country)
        if canonical is None:
            refuse(f"is no organisation number of {country}: the check digits do not match", "business_id")
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
    for position, customer in enumerate(document.customer_of):
        place = f"customer_of[{position}]"
        premises.controller(customer.controller, f"{place}.controller")
        _not_future(customer.last_purchase_on, premises.today, f"{place}.last_purchase_on")
    points = []
    for position, point in enumerate(document.points):
        place = f"points[{position}]"
        if point.organisation is not None and reference(point.organisation, f"{place}.organisation") not in (
            business_id,
            ref,
        ):
            refuse("is another organisation than the one that lists the point", f"{place}.organisation")
        points.append(check_point(point, place, premises, document.country))
    return business_id, ref, points


def check_scope(document: Prohibition | KeptProhibition, premises: Premises) -> None:
    """A ban's controllers and days; its target is checked where it is made."""
    for position, controller in enumerate(document.controllers):
        premises.controller(controller, f"controllers[{position}]")
    _in_order(document.valid_from, document.valid_until, "valid_from", "valid_until")


def check_controller(document: Controller) -> None:
    key_of(document.key, "key")
    key_of(document.name, "name")


def check_topic(document: Topic, premises: Premises) -> None:
    key_of(document.key, "key")
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


def _check_clear(names: Iterable[str], allowed: Collection[str], place: str = "") -> None:
    for name in names:
        if name in DECISIONS:
            refuse("holds a decision, which no import clears", f"{place}{name}")
        if name not in allowed:
            refuse(f"is not a field that can be cleared; those are {', '.join(sorted(allowed))}", f"{place}clear")


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
