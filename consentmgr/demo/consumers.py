"""What happens between a shop and its people: one small story a row, and how many of a thousand live it.

Every story gets at least one person, so that a small register shows as many reasons as a large one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, NamedTuple

from consentmgr.demo.catalogue import EVENTS, GARDEN, GARDEN_LETTER, HOME, OFFERS, SHOP, TRAVEL, VENDOR
from consentmgr.demo.draw import Draw
from consentmgr.demo.organisations import shared_out
from consentmgr.demo.sketch import MARKETING, Population, Sketch
from consentmgr.vocabulary.documents import Contact, MessageSent, PostalAddress

# --- those who said yes -----------------------------------------------------------------------------------------------


def reads_the_letter(p: Sketch) -> None:
    day = p.consents(1, 33)
    p.person["last_interaction_on"] = p.later(day).date()
    for weeks in range(1, p.draw.number(2, 5)):
        sent = p.draw.moment(p.draw.today - timedelta(weeks=weeks))
        p.messages.append(
            MessageSent(at=sent, controller=SHOP, channel="email", purpose="newsletter", campaign=f"letter-{weeks}")
        )


def chose_the_letter(p: Sketch) -> None:
    p.consents(1, 30, topics=(GARDEN_LETTER, OFFERS) if p.draw.chance(50) else (GARDEN_LETTER,))


def reads_and_buys(p: Sketch) -> None:
    p.consents(2, 30)
    p.buys(p.draw.pick((GARDEN, HOME)), 1, 24)


def joined_by_telephone(p: Sketch) -> None:
    p.consents(
        1, 20, notice=None, method="phone", channels=("email", "phone", "sms"), recording=f"call-{p.ref[4:]}",
        express_request=True,
    )  # fmt: skip


def came_back(p: Sketch) -> None:
    left = p.draw.day(14, 40)
    p.consents(on=left - timedelta(days=200))
    p.happens("consent_withdrawn", p.draw.moment(left), controller=SHOP, method="email_link", channels=("email",))
    p.consents(1, 12)


# --- customers --------------------------------------------------------------------------------------------------------


def bought_for_the_garden(p: Sketch) -> None:
    p.buys(GARDEN, 1, 33)


def member_of_the_garden_club(p: Sketch) -> None:
    p.buys(GARDEN, 1, 12, relation="membership")


def bought_for_the_home(p: Sketch) -> None:
    p.buys(HOME, 1, 33)


def bought_long_ago(p: Sketch) -> None:
    p.buys(GARDEN, 40, 80)


def only_asked_the_price(p: Sketch) -> None:
    p.buys(GARDEN, 1, 20, relation="quote_only")


def has_a_free_account(p: Sketch) -> None:
    p.buys(GARDEN, 1, 20, relation="free_account")


def was_not_asked_at_the_till(p: Sketch) -> None:
    p.buys(GARDEN, 1, 30, opt_out_offered=False)


def address_came_otherwise(p: Sketch) -> None:
    p.buys(GARDEN, 1, 30, address_from_sale=False)


def travels_with_the_other(p: Sketch) -> None:
    p.buys("city-breaks", 1, 30, controller=TRAVEL)


# --- consents that do not reach ---------------------------------------------------------------------------------------


def consented_to_the_other(p: Sketch) -> None:
    p.consents(1, 30, controller=TRAVEL, notice=f"travel/1/{p.language}")


def consented_to_text_messages(p: Sketch) -> None:
    p.consents(1, 30, notice=f"text-club/1/{p.language}", channels=("sms",), method="sms_reply")


def consented_to_events(p: Sketch) -> None:
    p.consents(1, 30, topics=(EVENTS,))


def box_was_ticked_already(p: Sketch) -> None:
    p.consents(50, 80, pre_ticked=True)


def had_to_consent_to_order(p: Sketch) -> None:
    p.consents(30, 60, condition_of_service=True, freely_joined=False)


def has_not_confirmed(p: Sketch) -> None:
    p.consents(0.1, 3, double_opt_in="pending")


def nobody_kept_the_words(p: Sketch) -> None:
    p.consents(on=p.draw.today - timedelta(days=500), notice=None, method="import", undated=True)
    p.source = "old_register"


def silent_for_years(p: Sketch) -> None:
    day = p.consents(48, 82)
    p.person["last_interaction_on"] = day + timedelta(days=p.draw.number(1, 200))


# --- those who said no ------------------------------------------------------------------------------------------------


def withdrew(p: Sketch) -> None:
    day = p.consents(6, 40)
    p.happens(
        "consent_withdrawn", p.later(day), controller=SHOP, method="email_link",
        channels=("email",) if p.draw.chance(60) else None,
    )  # fmt: skip


def left_the_letter(p: Sketch) -> None:
    day = p.consents(6, 40)
    p.happens("consent_withdrawn", p.later(day), controller=SHOP, method="email_link", topics=(GARDEN_LETTER,))


def refused(p: Sketch) -> None:
    day = p.buys(GARDEN, 2, 30)
    p.happens(
        "consent_refused", p.draw.moment(day), controller=SHOP, method="web_form", channels=("email", "sms"),
        purposes=MARKETING,
    )  # fmt: skip


def objected_to_everything(p: Sketch) -> None:
    day = p.consents(4, 40) if p.draw.chance(60) else p.buys(GARDEN, 4, 30)
    p.happens("objected", p.later(day), method=p.draw.pick(("phone", "email_link", "paper")))


def objected_to_mail(p: Sketch) -> None:
    day = p.buys(GARDEN, 2, 30)
    p.happens("objected", p.later(day), controller=SHOP, method="email_link", channels=("email",))


def objected_to_calls(p: Sketch) -> None:
    day = p.consents(4, 30)
    p.happens("objected", p.later(day), controller=SHOP, method="phone", channels=("phone", "automated_call"))


def stopped_by_text_message(p: Sketch) -> None:
    day = p.consents(4, 22)
    p.happens("objected", p.later(day), controller=SHOP, method="sms_reply", channels=("sms",))


def somebody_else_called(p: Sketch) -> None:
    day = p.consents(4, 30)
    p.happens(
        "objected", p.later(day), controller=SHOP, method="phone", channels=("email", "phone"), given_by="unverified"
    )


def represented_by_another(p: Sketch) -> None:
    day = p.buys(GARDEN, 4, 30)
    p.happens("objected", p.later(day), method="paper", given_by="representative")


def objected_and_took_it_back(p: Sketch) -> None:
    day = p.consents(12, 30)
    objected = p.later(day, 6)
    p.happens("objected", objected, controller=SHOP, method="phone")
    p.happens(
        "objection_lifted", p.later(objected.date()), controller=SHOP, method="email_link", reason="asked for it again"
    )


def complained(p: Sketch) -> None:
    day = p.consents(2, 30)
    p.happens("complaint", p.later(day), controller=SHOP, source="feedback loop", channels=("email",))


# --- those who must be left alone -------------------------------------------------------------------------------------


def has_died(p: Sketch) -> None:
    p.born_on = p.draw.born(60, 95)
    day = p.consents(8, 40)
    p.person["deceased_on"] = p.later(day).date()


def asked_for_erasure(p: Sketch) -> None:
    p.buys(GARDEN, 4, 30)
    p.happens("erasure_requested", p.draw.moment(p.draw.day(0.1, 0.8)), method="email_link")


def was_erased(p: Sketch) -> None:
    day = p.consents(10, 40)
    asked = p.later(day, 3)
    p.happens("erasure_requested", asked, method="web_form")
    p.happens("erased", asked + timedelta(days=9))


def restricted(p: Sketch) -> None:
    day = p.consents(4, 30)
    if p.draw.chance(50):
        p.person["restricted_since"] = p.later(day).date()
    else:
        p.happens("restricted", p.later(day), method="paper")


def restricted_for_a_while(p: Sketch) -> None:
    day = p.consents(12, 30)
    began = p.later(day, 6)
    p.happens("restricted", began, method="paper")
    p.happens("restriction_lifted", p.later(began.date()))


def small_child(p: Sketch) -> None:
    p.born_on = p.draw.born(8, 11)
    p.post = None
    p.consents(1, 6)


def small_child_with_guardian(p: Sketch) -> None:
    p.born_on = p.draw.born(8, 11)
    p.consents(1, 6, event="guardian_consented", given_by="representative")


def teenager(p: Sketch) -> None:
    p.born_on = p.draw.born(14, 16)
    p.consents(1, 12)


def hides_the_address(p: Sketch) -> None:
    p.person["non_disclosure"] = True
    p.consents(1, 30)
    if p.post is not None:
        p.post = PostalAddress(street="PL 900", postal_code=p.post.postal_code, city=p.post.city, country="FI")
        p.facts["post"] = {"use": "contact_address"}


# --- addresses --------------------------------------------------------------------------------------------------------


def mailbox_is_gone(p: Sketch) -> None:
    p.consents(6, 40)
    p.facts["email"] = {"state": "hard_bounce"}


def mailbox_is_full(p: Sketch) -> None:
    p.consents(6, 30)
    p.facts["email"] = {"soft_bounces": p.draw.number(5, 9)}


def only_in_the_register(p: Sketch) -> None:
    p.person["last_interaction_on"] = p.draw.day(1, 20)


def from_the_directory(p: Sketch) -> None:
    """Bought with a telephone number, and not yet told of it."""
    p.email = None
    p.source = VENDOR
    p.joined = p.draw.day(0.2, 9)
    facts = {"informed_on": None}
    if p.draw.chance(35):
        facts = {}
    p.facts = {"phone": dict(facts), "post": dict(facts)}


def moved_by_the_population_register(p: Sketch) -> None:
    p.consents(4, 30)
    p.facts["post"] = {"source": "population_register", "informed_on": None, "verified_on": p.draw.day(0.2, 3)}


def forbids_updates(p: Sketch) -> None:
    p.consents(4, 30)
    p.person["register_update_ban"] = True


def lives_abroad(p: Sketch) -> None:
    p.country = p.draw.pick(("SE", "SE", "EE", "DE"))
    p.municipality = p.post = None
    p.phone = None
    p.consents(1, 30)


def asked_what_we_know(p: Sketch) -> None:
    p.consents(6, 30)
    p.happens("access_requested", p.draw.moment(p.draw.day(0.1, 0.9)), method="email_link")


class Story(NamedTuple):
    live: Callable[[Sketch], None]
    #: Of a thousand consumers.
    share: int


STORIES: Final = (
    Story(reads_the_letter, 190),
    Story(chose_the_letter, 60),
    Story(reads_and_buys, 80),
    Story(joined_by_telephone, 15),
    Story(came_back, 15),
    Story(bought_for_the_garden, 100),
    Story(member_of_the_garden_club, 15),
    Story(bought_for_the_home, 70),
    Story(bought_long_ago, 35),
    Story(only_asked_the_price, 12),
    Story(has_a_free_account, 18),
    Story(was_not_asked_at_the_till, 12),
    Story(address_came_otherwise, 8),
    Story(travels_with_the_other, 25),
    Story(consented_to_the_other, 20),
    Story(consented_to_text_messages, 15),
    Story(consented_to_events, 20),
    Story(box_was_ticked_already, 10),
    Story(had_to_consent_to_order, 8),
    Story(has_not_confirmed, 15),
    Story(nobody_kept_the_words, 15),
    Story(silent_for_years, 22),
    Story(withdrew, 42),
    Story(left_the_letter, 10),
    Story(refused, 12),
    Story(objected_to_everything, 20),
    Story(objected_to_mail, 10),
    Story(objected_to_calls, 14),
    Story(stopped_by_text_message, 6),
    Story(somebody_else_called, 3),
    Story(represented_by_another, 3),
    Story(objected_and_took_it_back, 4),
    Story(complained, 6),
    Story(has_died, 9),
    Story(asked_for_erasure, 4),
    Story(was_erased, 7),
    Story(restricted, 4),
    Story(restricted_for_a_while, 2),
    Story(small_child, 3),
    Story(small_child_with_guardian, 3),
    Story(teenager, 7),
    Story(hides_the_address, 6),
    Story(mailbox_is_gone, 14),
    Story(mailbox_is_full, 7),
    Story(only_in_the_register, 30),
    Story(from_the_directory, 28),
    Story(moved_by_the_population_register, 8),
    Story(forbids_updates, 3),
    Story(lives_abroad, 14),
    Story(asked_what_we_know, 3),
)
_NEED_A_TELEPHONE: Final = (joined_by_telephone, consented_to_text_messages, objected_to_calls, from_the_directory)
#: Of a thousand consumers, pairs of contacts that share a mailbox; one of the two has objected.
_SHARED_MAILBOXES: Final = 5


def make_consumers(population: Population, draw: Draw, count: int) -> list[Contact]:
    """``count`` private persons, each with a story, in any order."""
    stories = shared_out(tuple((story.live, story.share) for story in STORIES), count)
    made = []
    for live in draw.shuffled(stories):
        person = population.consumer()
        live(person)
        if live not in _NEED_A_TELEPHONE and draw.chance(15):
            person.phone = None
        made.append(person)
    for _ in range(max(1, count * _SHARED_MAILBOXES // 1000)):
        _share_a_mailbox(draw, made)
    return [person.document() for person in made]


def _share_a_mailbox(draw: Draw, people: list[Sketch]) -> None:
    """A couple with one mailbox: one of them wants the letter, the other nothing at all."""
    wanting = draw.pick([person for person in people if person.email and not person.person and person.events])
    other = draw.pick([person for person in people if person.email and not person.events and not person.facts])
    other.email = wanting.email
    other.happens("objected", other.later(date(draw.today.year - 1, 1, 1)), method="phone")
