"""A person while being made up: who it is, where the person is reached, and what has happened so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from consentmgr.demo.catalogue import SHOP, sign_up_on
from consentmgr.demo.draw import Draw
from consentmgr.demo.invented_numbers import phones
from consentmgr.demo.names import (
    FAMILY_NAMES,
    FIRST_HALVES,
    GIVEN_NAMES,
    MAIL_DOMAINS,
    PLACES,
    SECOND_HALVES,
    STREET_ENDS,
    SWEDISH_PLACES,
    SWEDISH_STREETS,
    plain,
)
from consentmgr.vocabulary.codes import Channel, EventKind, Language, LegalBasis, Relation
from consentmgr.vocabulary.documents import (
    Contact,
    CustomerRelation,
    EventFields,
    Evidence,
    LegalBasisTag,
    MessageSent,
    Point,
    PostalAddress,
    Role,
)

MARKETING: Final = ("direct_marketing", "newsletter")
#: Mother tongues, of a hundred people.
_LANGUAGES: Final[tuple[Language, ...]] = ("fi",) * 88 + ("sv",) * 8 + ("en",) * 4


@dataclass(slots=True, repr=False)
class Sketch:
    """One person. Stories change it; ``document`` makes the contact of it.

    ``joined`` is the day the person came to the register. ``facts`` are laid over what every contact point has, by
    kind of point; a fact that is None is left out. ``person`` holds further fields of the contact.
    """

    draw: Draw
    ref: str
    language: Language
    given_name: str
    family_name: str
    joined: date
    email: str | None = None
    phone: str | None = None
    post: PostalAddress | None = None
    country: str | None = "FI"
    municipality: str | None = None
    born_on: date | None = None
    source: str = "web_form"
    use: str = "private"
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)
    customer_of: list[CustomerRelation] = field(default_factory=list)
    tags: list[LegalBasisTag] = field(default_factory=list)
    events: list[EventFields] = field(default_factory=list)
    messages: list[MessageSent] = field(default_factory=list)

    # --- what people do -------------------------------------------------------------------------------------------

    def consents(
        self,
        nearest: float = 1,
        farthest: float = 30,
        *,
        on: date | None = None,
        topics: tuple[str, ...] = (),
        notice: str | None = "signup",
        controller: str = SHOP,
        channels: tuple[Channel, ...] | None = None,
        event: EventKind = "consent_given",
        method: str = "web_form",
        given_by: str | None = None,
        undated: bool = False,
        **evidence: Any,
    ) -> date:
        """A consent of a day some months ago, to the words shown that day (``signup``), to another notice, or to
        words nobody kept (None). Gives the day.
        """
        day = on or self.draw.day(nearest, farthest)
        sign_up = sign_up_on(day, self.draw.today)
        shown = notice
        if notice == "signup":
            shown = f"signup/{sign_up.version}/{self.language}"
            channels = channels or sign_up.channels
        moment = self.draw.moment(day)
        if shown is not None and "double_opt_in" not in evidence and self.draw.chance(40):
            evidence |= {"double_opt_in": "confirmed", "confirmed_at": moment + timedelta(minutes=7)}
        if notice is not None and method == "web_form":
            evidence = {"form": "uutiskirje", "ip": self._ip(), "user_agent": "Mozilla/5.0 (X11; Linux)"} | evidence
        self.happens(
            event,
            moment,
            controller=controller,
            method=method,
            channels=channels or ("email",),
            purposes=MARKETING,
            topics=topics,
            audiences=sign_up.audiences if notice == "signup" and not topics else (),
            notice=shown,
            evidence=Evidence(**evidence) if evidence else None,
            given_by=given_by,
            imported_without_date=True if undated else None,
        )
        self.joined = min(self.joined, day)
        if controller == SHOP and event == "consent_given":
            self.tags.append(LegalBasisTag(controller=SHOP, purpose="marketing", basis="consent", since=day))
        return day

    def happens(self, event: EventKind, moment: datetime, **fields: Any) -> None:
        """An event; fields that are None are left out."""
        given = {name: value for name, value in fields.items() if value is not None}
        self.events.append(msgspec.convert({"event": event, "at": moment, **given}, EventFields))

    def later(self, day: date, nearest: float = 0.2) -> datetime:
        """A moment after ``day``, and not later than ``nearest`` months ago."""
        last = self.draw.today - timedelta(days=max(1, round(nearest * 30)))
        first = day + timedelta(days=1)
        return self.draw.moment(self.draw.day_between(first, max(first, last)))

    def buys(
        self,
        group: str | None,
        nearest: float,
        farthest: float,
        *,
        controller: str = SHOP,
        relation: Relation = "purchase",
        address_from_sale: bool = True,
        opt_out_offered: bool = True,
    ) -> date:
        """A customer relation whose last purchase was some months ago. Gives its day."""
        day = self.draw.day(nearest, farthest)
        self.customer_of.append(
            CustomerRelation(
                controller=controller,
                product_group=group,
                relation=relation,
                last_purchase_on=day,
                address_from_sale=address_from_sale,
                opt_out_offered=opt_out_offered,
            )
        )
        if self.source == "web_form":
            self.source = "order_form"
        self.joined = min(self.joined, day)
        if relation in ("purchase", "membership"):
            self.tagged(
                "customer_relationship" if controller == SHOP else "travel_bookings", "contract", day, controller
            )
            if controller == SHOP and self.draw.chance(30):
                self.tagged("bookkeeping", "legal_obligation", day, controller, years=6)
        return day

    def tagged(
        self, purpose: str, basis: LegalBasis, since: date, controller: str = SHOP, years: int | None = None
    ) -> None:
        self.tags.append(
            LegalBasisTag(
                controller=controller,
                purpose=purpose,
                basis=basis,
                since=since,
                until=since + timedelta(days=365 * years) if years else None,
                source="crm",
            )
        )

    def _ip(self) -> str:
        # RFC 5737: addresses kept free for documentation.
        return f"203.0.113.{self.draw.number(1, 254)}"

    # --- the document ---------------------------------------------------------------------------------------------

    def document(self) -> Contact:
        """The contact. An erased person's document still has the address: the importer is what forgets it."""
        controllers = {relation.controller for relation in self.customer_of} | {
            event.controller for event in self.events
        }
        return Contact(
            ref=self.ref,
            controllers=tuple(sorted({SHOP, *(key for key in controllers if key)})),
            given_name=self.given_name,
            family_name=self.family_name,
            language=self.language,
            country=self.country,
            municipality=self.municipality,
            born_on=self.born_on,
            points=tuple(self._points()),
            roles=tuple(self.roles),
            customer_of=tuple(self.customer_of),
            legal_bases=tuple({(tag.controller, tag.purpose): tag for tag in self.tags}.values()),
            messages_sent=tuple(self.messages),
            events=tuple(sorted(self.events, key=lambda event: event.at)),
            **self.person,
        )

    def _points(self) -> Iterator[Point]:
        for kind, value in (("email", self.email), ("phone", self.phone), ("post", self.post)):
            if value is not None:
                facts = {
                    "use": self.use if kind == "email" else "private",
                    "source": self.source,
                    "acquired_on": self.joined,
                    "informed_on": self.joined,
                    **self.facts.get(kind, {}),
                }
                given = {name: fact for name, fact in facts.items() if fact is not None}
                yield msgspec.convert({"channel": kind, "value": value, **given}, Point)


class Population:
    """Makes persons who differ: every ref, mailbox and telephone number once."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self._phones = phones()
        self._mailboxes: set[str] = set()
        self._count = 0

    def new_phone(self) -> str:
        return next(self._phones)

    def new_email(self, given: str, family: str, domain: str) -> str:
        """given.family@domain, with a number where that is taken."""
        local = f"{plain(given)}.{plain(family)}"
        number, address = 1, f"{local}@{domain}"
        while address in self._mailboxes:
            number += 1
            address = f"{local}{number}@{domain}"
        self._mailboxes.add(address)
        return address

    def somebody(self) -> Sketch:
        """A person with a name, a mother tongue and a ref, and no address yet."""
        draw = self.draw
        language = draw.pick(_LANGUAGES)
        self._count += 1
        return Sketch(
            draw=draw,
            ref=f"crm:{10_000 + self._count}",
            language=language,
            given_name=draw.pick(GIVEN_NAMES[language]),
            family_name=draw.pick(FAMILY_NAMES[language]),
            joined=draw.day(1, 70),
        )

    def consumer(self) -> Sketch:
        """A private person with a mailbox, a telephone and mostly a home."""
        draw, person = self.draw, self.somebody()
        place = draw.pick(SWEDISH_PLACES if person.language == "sv" else PLACES)
        person.municipality = place.municipality
        person.email = self.new_email(
            person.given_name, person.family_name, draw.pick(MAIL_DOMAINS[:-1] * 4 + MAIL_DOMAINS[-1:])
        )
        person.phone = self.new_phone()
        if draw.chance(70):
            person.post = PostalAddress(
                street=self.street(person.language),
                apartment=f"{draw.pick('ABC')} {draw.number(1, 48)}" if draw.chance(60) else None,
                postal_code=place.postal_code,
                city=place.sv if person.language == "sv" else place.fi,
                country="FI",
            )
        if draw.chance(80):
            person.born_on = draw.born(19, 88)
        return person

    def street(self, language: Language) -> str:
        """A street that does not exist, and a house in it."""
        draw = self.draw
        if language == "sv":
            name = draw.pick(SWEDISH_STREETS)
        else:
            name = f"{draw.pick(FIRST_HALVES)}{draw.pick(SECOND_HALVES)[1]}{draw.pick(STREET_ENDS)}"
        return f"{name} {draw.number(1, 90)}"
