"""People as others meet them at work: decision-makers, their duties, and how certain those duties are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from consentmgr.demo.catalogue import OFFICE, SHOP, VENDOR
from consentmgr.demo.draw import Draw
from consentmgr.demo.names import MAIL_DOMAINS, TITLES, VAGUE_TITLES
from consentmgr.demo.organisations import OFFICE_FORMS, identity, shared_out
from consentmgr.demo.sketch import Population, Sketch
from consentmgr.vocabulary.codes import AREAS, AreaEvidence, OrganisationForm, Position
from consentmgr.vocabulary.documents import Contact, Organisation, Role, RoleArea

#: Duties that office furniture concerns.
FITTING: Final = ("procurement", "facilities")
_OTHER_AREAS: Final = tuple(area for area in AREAS if area not in (*FITTING, "general_management"))


class Colleague(NamedTuple):
    """A person and the organisation the person is met at."""

    person: Sketch
    organisation: Organisation

    @property
    def draw(self) -> Draw:
        return self.person.draw

    def works(
        self,
        areas: Sequence[str] = (),
        *,
        title: str | None = None,
        position: Position | None = None,
        evidence: AreaEvidence = "organisation",
        verified_on: date | None = None,
        until: date | None = None,
    ) -> None:
        """Gives the person a role at the organisation."""
        self.person.roles.append(
            Role(
                organisation=identity(self.organisation),
                title=title,
                position=position,
                since=self.draw.day(26, 140),
                until=until,
                areas=tuple(
                    RoleArea(
                        area=area,
                        evidence=evidence,
                        verified_on=verified_on,
                        source=VENDOR if evidence == "vendor" else None,
                    )
                    for area in areas
                ),
            )
        )

    def answers_for(self, area: str, nearest: float, farthest: float) -> None:
        """A role with a title and an area, verified some months ago by the organisation or a data vendor."""
        vendor = self.person.source == VENDOR
        self.works(
            (area,),
            title=self.draw.pick(TITLES[area]),
            evidence="vendor" if vendor else "organisation",
            verified_on=self.draw.day(nearest, farthest),
        )


def buys_for_the_firm(c: Colleague) -> None:
    c.answers_for(c.draw.pick(FITTING), 0.5, 10)


def verified_last_year(c: Colleague) -> None:
    c.answers_for(c.draw.pick(FITTING), 14, 22)


def verified_years_ago(c: Colleague) -> None:
    c.answers_for(c.draw.pick(FITTING), 26, 60)


def answers_for_something_else(c: Colleague) -> None:
    c.answers_for(c.draw.pick(_OTHER_AREAS), 0.5, 11)


def has_only_a_title(c: Colleague) -> None:
    c.works(title=c.draw.pick(VAGUE_TITLES))


def area_guessed_from_title(c: Colleague) -> None:
    c.works(("procurement",), title="Hankintapäällikkö", evidence="title")


def nobody_knows_what(c: Colleague) -> None:
    c.works()


def managing_director(c: Colleague) -> None:
    c.works(title="Toimitusjohtaja", position="managing_director")
    c.person.source = "ytj"


def on_the_board(c: Colleague) -> None:
    c.works(position=c.draw.pick(("board_chair", "board_member")))
    c.person.source = "ytj"


def auditor(c: Colleague) -> None:
    c.works(title="Tilintarkastaja", position="auditor")
    c.person.source = "ytj"


def left_the_firm(c: Colleague) -> None:
    c.works(("procurement",), title="Ostaja", verified_on=c.draw.day(8, 20), until=c.draw.day(0.5, 6))


def objected_at_work(c: Colleague) -> None:
    buys_for_the_firm(c)
    c.person.happens("objected", c.person.later(c.person.joined), controller=SHOP, method="email_link")


def consented_at_work(c: Colleague) -> None:
    answers_for_something_else(c)
    c.person.consents(1, 20, topics=())


def wants_it_to_the_private_mailbox(c: Colleague) -> None:
    managing_director(c)
    c.person.use = "private"
    c.person.source = "website"


def address_with_initials(c: Colleague) -> None:
    c.person.use = "unknown"
    c.works()


def not_told_yet(c: Colleague) -> None:
    """Bought some months ago and never written to, so never told where the data is from."""
    buys_for_the_firm(c)
    c.person.joined = c.draw.day(2, 8)
    c.person.facts["email"] = {"informed_on": None}


# Those of other forms than an office.


def sole_trader(c: Colleague) -> None:
    c.works(position="sole_trader", title="Yrittäjä")
    c.person.source = "ytj"


def partner(c: Colleague) -> None:
    c.works(position="general_partner")
    c.person.source = "ytj"


def keeps_the_housing_company(c: Colleague) -> None:
    c.works(position=c.draw.pick(("board_chair", "board_member")))
    c.person.use = "private"


def acts_for_it(c: Colleague) -> None:
    c.works(title="Yhteyshenkilö")
    c.person.use = "private"


class Post(NamedTuple):
    """A story, how many of a thousand business people live it, and at which organisations."""

    live: Callable[[Colleague], None]
    share: int
    forms: tuple[OrganisationForm, ...] = OFFICE_FORMS


POSTS: Final = (
    Post(buys_for_the_firm, 190),
    Post(verified_last_year, 80),
    Post(verified_years_ago, 60),
    Post(answers_for_something_else, 200),
    Post(has_only_a_title, 60),
    Post(area_guessed_from_title, 15),
    Post(nobody_knows_what, 35),
    Post(managing_director, 90, ("limited_company", "public_limited_company", "cooperative")),
    Post(on_the_board, 35, ("limited_company", "public_limited_company", "association", "foundation")),
    Post(auditor, 12, ("limited_company",)),
    Post(left_the_firm, 25),
    Post(objected_at_work, 18),
    Post(consented_at_work, 12),
    Post(wants_it_to_the_private_mailbox, 15, ("limited_company",)),
    Post(address_with_initials, 10),
    Post(not_told_yet, 15),
    Post(sole_trader, 55, ("sole_trader",)),
    Post(partner, 15, ("general_partnership",)),
    Post(keeps_the_housing_company, 40, ("housing_company",)),
    Post(acts_for_it, 18, ("unregistered_association", "estate", "tax_grouping", "unknown")),
)


def make_business_people(
    population: Population, draw: Draw, count: int, organisations: Sequence[Organisation]
) -> list[Contact]:
    """``count`` people at these organisations, in any order."""
    posts = shared_out(tuple((post, post.share) for post in POSTS), count)
    by_form = {
        post.forms: [organisation for organisation in organisations if organisation.form in post.forms]
        for post in POSTS
    }
    made = []
    for post in draw.shuffled(posts):
        person = population.somebody()
        person.use = "work"
        person.source = draw.pick(("organisation", "organisation", "website", VENDOR, VENDOR))
        person.joined = draw.day(1, 24)
        colleague = Colleague(person, draw.pick(by_form[post.forms]))
        post.live(colleague)
        _give_addresses(population, colleague)
        made.append(person.document())
    return made


def _give_addresses(population: Population, colleague: Colleague) -> None:
    person, organisation, draw = colleague.person, colleague.organisation, colleague.draw
    person.country = organisation.country
    private = person.use == "private" or not organisation.domains
    domain = draw.pick(MAIL_DOMAINS) if private else organisation.domains[0]
    person.email = population.new_email(person.given_name, person.family_name, domain)
    if private:
        person.use = "private"
    facts = person.facts.setdefault("email", {})
    if not private:
        facts["organisation"] = identity(organisation)
    facts["verified_on"] = max(person.joined, draw.today - timedelta(days=draw.number(20, 400)))
    if draw.chance(60):
        person.phone = population.new_phone()
        person.facts["phone"] = {"use": "work", "organisation": identity(organisation)}
    if person.source != "website" and not any(tag.purpose == "marketing" for tag in person.tags):
        person.tagged("business_marketing", "legitimate_interests", person.joined)
    if draw.chance(10):
        person.buys(OFFICE, 1, 20)
