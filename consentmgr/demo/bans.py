"""Standing bans of every kind: the person's own, outside ban lists, vendors', organisations', courts'."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from consentmgr.demo.catalogue import GARDEN_LETTER, SHOP, VENDOR
from consentmgr.demo.draw import Draw
from consentmgr.demo.names import FAMILY_NAMES, GIVEN_NAMES, MAIL_DOMAINS, PLACES
from consentmgr.demo.organisations import OFFICE_FORMS, identity
from consentmgr.demo.sketch import Population
from consentmgr.vocabulary.documents import Contact, Organisation, PostalAddress, Prohibition, ProhibitionTarget
from consentmgr.vocabulary.time_rules import add_months


def value_of(contact: Contact, kind: str) -> str | PostalAddress | None:
    """The contact's first address of that kind (``email``, ``phone``, ``post``)."""
    return next((point.value for point in contact.points if point.channel == kind), None)


def text_of(contact: Contact, kind: str) -> str | None:
    """The contact's first e-mail address or telephone number."""
    value = value_of(contact, kind)
    return value if isinstance(value, str) else None


def make_bans(
    population: Population,
    draw: Draw,
    consumers: Sequence[Contact],
    business_people: Sequence[Contact],
    organisations: Sequence[Organisation],
) -> list[Prohibition]:
    """The bans; their number follows the number of people."""
    return [
        *_robinson_telephones(population, draw, consumers),
        *_robinson_homes(population, draw, consumers),
        *_population_register(draw, consumers),
        *_own(population, draw, consumers),
        *_on_behalf(draw, consumers),
        *_of_organisations(draw, organisations),
        *_of_vendors(draw, business_people),
    ]


def _some_telephones(draw: Draw, contacts: Sequence[Contact], count: int) -> list[str]:
    numbers = [number for contact in contacts if (number := text_of(contact, "phone"))]
    return draw.some(numbers, count)


def _some_mailboxes(draw: Draw, contacts: Sequence[Contact], count: int) -> list[str]:
    mailboxes = [mailbox for contact in contacts if (mailbox := text_of(contact, "email"))]
    return draw.some(mailboxes, count)


def _three_years(draw: Draw) -> tuple[date, date]:
    """An entry of the Robinson list is good for three years; one in eight has run out."""
    begun = draw.day(38, 60) if draw.chance(12) else draw.day(0.5, 33)
    return begun, add_months(begun, 36) - timedelta(days=1)


def _robinson_telephones(population: Population, draw: Draw, consumers: Sequence[Contact]) -> Iterator[Prohibition]:
    known = max(4, len(consumers) * 6 // 100)
    numbers = _some_telephones(draw, consumers, known) + [population.new_phone() for _ in range(known)]
    for number in draw.shuffled(numbers):
        begun, ended = _three_years(draw)
        # Some deliveries of the list are hashed.
        target = (
            ProhibitionTarget(phone_sha256=hashlib.sha256(number.encode()).hexdigest())
            if draw.chance(10)
            else ProhibitionTarget(phone=number)
        )
        yield Prohibition(
            target=target,
            channels=("phone",),
            purposes=("direct_marketing",),
            source="robinson_phone",
            valid_from=begun,
            valid_until=ended,
            reference="robinson-phone",
        )


def _robinson_homes(population: Population, draw: Draw, consumers: Sequence[Contact]) -> Iterator[Prohibition]:
    homes = [home for contact in consumers if isinstance(home := value_of(contact, "post"), PostalAddress)]
    count = max(3, len(consumers) * 3 // 100)
    strangers = [
        PostalAddress(street=population.street("fi"), postal_code=draw.pick(PLACES).postal_code, country="FI")
        for _ in range(count)
    ]
    for home in draw.some(homes, count) + strangers:
        begun, ended = _three_years(draw)
        yield Prohibition(
            target=ProhibitionTarget(post=home),
            channels=("post",),
            purposes=("direct_marketing",),
            source="robinson_post",
            valid_from=begun,
            valid_until=ended,
            reference="robinson-post",
        )


def _population_register(draw: Draw, consumers: Sequence[Contact]) -> Iterator[Prohibition]:
    for contact in draw.some([one for one in consumers if value_of(one, "post")], max(2, len(consumers) // 100)):
        yield Prohibition(
            target=ProhibitionTarget(contact=contact.ref),
            channels=("post",),
            purposes=("direct_marketing", "research"),
            source="population_register",
            valid_from=draw.day(1, 40),
        )


def _own(population: Population, draw: Draw, consumers: Sequence[Contact]) -> Iterator[Prohibition]:
    """Bans that people who are not in the register have sent, and hashed ones kept from an earlier system."""
    strangers = [
        population.new_email(draw.pick(GIVEN_NAMES["fi"]), draw.pick(FAMILY_NAMES["fi"]), draw.pick(MAIL_DOMAINS))
        for _ in range(max(4, len(consumers) * 2 // 100))
    ]
    for mailbox in strangers:
        yield Prohibition(
            target=ProhibitionTarget(email=mailbox),
            purposes=("direct_marketing",),
            controllers=(SHOP,),
            source="self",
            valid_from=draw.day(0.2, 50),
            evidence={"form": "kieltolomake"},
        )
    for mailbox in _some_mailboxes(draw, consumers, max(3, len(consumers) // 80)):
        yield Prohibition(
            target=ProhibitionTarget(email_sha256=hashlib.sha256(mailbox.encode()).hexdigest()),
            channels=("email",),
            purposes=("direct_marketing",),
            source="self",
            valid_from=draw.day(48, 60),
            reference="old-mailing-service",
        )
    for mailbox in _some_mailboxes(draw, consumers, max(2, len(consumers) // 200)):
        yield Prohibition(
            target=ProhibitionTarget(email=mailbox),
            channels=("email",),
            source="complaint",
            valid_from=draw.day(0.5, 9),
        )
    for contact in draw.some(consumers, max(2, len(consumers) // 200)):
        yield Prohibition(
            target=ProhibitionTarget(contact=contact.ref),
            channels=("email",),
            topics=(GARDEN_LETTER,),
            controllers=(SHOP,),
            source="self",
            valid_from=draw.day(0.5, 20),
        )
    for number in _some_telephones(draw, consumers, max(3, len(consumers) // 120)):
        yield Prohibition(
            target=ProhibitionTarget(phone=number), channels=("phone",), source="self", valid_from=draw.day(0.2, 30)
        )


def _on_behalf(draw: Draw, consumers: Sequence[Contact]) -> Iterator[Prohibition]:
    few = max(1, len(consumers) // 400)
    for contact in draw.some(consumers, few):
        yield Prohibition(target=ProhibitionTarget(contact=contact.ref), source="guardian", valid_from=draw.day(1, 30))
    for contact in draw.some(consumers, few):
        yield Prohibition(
            target=ProhibitionTarget(contact=contact.ref),
            purposes=("direct_marketing",),
            source="staff",
            valid_from=draw.day(1, 30),
            reference="asiakaspalvelu",
        )
    for contact in draw.some(consumers, 1):
        yield Prohibition(target=ProhibitionTarget(contact=contact.ref), source="court", valid_from=draw.day(2, 20))
    for number in _some_telephones(draw, consumers, few):
        yield Prohibition(
            target=ProhibitionTarget(phone=number),
            channels=("phone", "sms"),
            source="telecom_authority",
            valid_from=draw.day(2, 20),
        )


def _of_organisations(draw: Draw, organisations: Sequence[Organisation]) -> Iterator[Prohibition]:
    offices = [one for one in organisations if one.form in OFFICE_FORMS and one.country == "FI"]
    count = max(2, len(organisations) // 40)
    chosen = draw.some(offices, 2 * count)
    for organisation in chosen[:count]:
        yield Prohibition(
            target=ProhibitionTarget(organisation=identity(organisation)),
            purposes=("direct_marketing",),
            source="organisation",
            valid_from=draw.day(1, 40),
        )
    for organisation in chosen[count:]:
        yield Prohibition(
            target=ProhibitionTarget(domain=organisation.domains[0]),
            channels=("email",),
            source="organisation",
            valid_from=draw.day(1, 40),
        )


def _of_vendors(draw: Draw, business_people: Sequence[Contact]) -> Iterator[Prohibition]:
    for mailbox in _some_mailboxes(draw, business_people, max(3, len(business_people) // 40)):
        yield Prohibition(
            target=ProhibitionTarget(email=mailbox),
            channels=("email",),
            purposes=("direct_marketing",),
            source="vendor",
            valid_from=draw.day(0.5, 20),
            reference=VENDOR,
        )
