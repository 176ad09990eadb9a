"""Why did I get this: the source, the ground, who is responsible, and what Article 14 asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.preferences.choices import known_of
from consentmgr.preferences.why import Why, reasons_of
from tests.preferences.choosers import AINO, Choosers, person


@pytest.fixture
def people(database: Database, settings: Settings, keys: Keys) -> Iterator[Choosers]:
    choosers = Choosers(database, settings, keys)
    choosers.take(AINO, CAMPAIGN)
    yield choosers
    choosers.close()


CAMPAIGN = {
    "type": "campaign",
    "key": "2026-11-courses",
    "name": "Uudet kurssit, marraskuu",
    "controller": "acme",
    "channel": "email",
    "purpose": "newsletter",
    "topic": "courses",
    "product_group": None,
    "audience": "consumer",
    "business_use": False,
    "areas": [],
}
OFFER = CAMPAIGN | {"key": "offer", "name": "Tarjous", "purpose": "direct_marketing", "topic": None}
COMPANY = {
    "type": "organisation",
    "business_id": "0112038-9",
    "name": "Esimerkki Oy",
    "form": "limited_company",
    "status": "active",
}


def why(people: Choosers, name: str = "aino", campaign: str | None = "2026-11-courses", **fields: Any) -> Why:
    link = people.link(name, campaign=campaign, **fields)
    with people.database.reading() as session:
        return reasons_of(session, known_of(session, link), link, people.now, "fi")


def from_source(name: str, source: str | None, **more: Any) -> dict[str, Any]:
    point = {
        "channel": "email",
        "value": f"{name}@posti.example",
        "acquired_on": "2026-05-02",
        "source": source,
        **more,
    }
    return {"type": "contact", "ref": f"crm:{name}", "controllers": ["acme"], "points": [point]}


def test_a_newsletter_that_was_asked_for(people: Choosers) -> None:
    found = why(people)
    assert (found.campaign, found.basis, found.source_kind) == ("Uudet kurssit, marraskuu", "consent", "person")
    assert found.consented_on == date(2026, 3, 1)
    assert found.consent_words is not None
    assert found.consent_words.text == "Opisto saa lähettää minulle uutiskirjeitä sähköpostilla."
    assert found.acquired_on == date(2026, 3, 1)
    assert not found.from_outside


def test_a_customer(people: Choosers) -> None:
    sale = {
        "controller": "acme",
        "product_group": "training",
        "relation": "purchase",
        "last_purchase_on": "2026-05-01",
        "address_from_sale": True,
        "opt_out_offered": True,
    }
    people.take(person("birger", customer_of=[sale]), OFFER)
    found = why(people, "birger", "offer", scope="channel", topic=None)
    assert (found.basis, found.bought_on) == ("customer", date(2026, 5, 1))


def test_somebody_at_work_whose_address_was_bought(people: Choosers, client: FlaskClient) -> None:
    people.take(COMPANY, OFFER, from_source("eero", "vendor-x", use="work", organisation="0112038-9"))
    found = why(people, "eero", "offer", scope="channel", topic=None)
    assert (found.basis, found.source_kind, found.source, found.from_outside) == ("work", "vendor", "vendor-x", True)
    token = people.token("eero", campaign="offer", scope="channel", topic=None)
    page = client.get(f"/p/{token}/why?lang=en").text
    assert "Address source: vendor-x" in page
    assert "GDPR, Article 14" in page
    assert "Data Protection Ombudsman" in page
    assert "section 202" in page
    assert "https://opisto.example/tietosuoja" in page
    assert "tietosuoja@opisto.example" in page


def test_the_population_registers_source_line_is_printed_to_the_letter(people: Choosers, client: FlaskClient) -> None:
    people.take(from_source("eero", "population_register"))
    path = f"/p/{people.token('eero', campaign=None)}/why"
    assert (
        "Osoitelähde: Väestötietojärjestelmä/Digi- ja väestötietovirasto."
        " Tietoja ei ole luovutettu kirjeen lähettäjän haltuun."
    ) in client.get(f"{path}?lang=fi").text
    assert (
        "Adresskälla: Befolkningsdatasystemet/Myndigheten för digitalisering och befolkningsdata."
        " Personuppgifter har inte lämnats till avsändaren av detta brev."
    ) in client.get(f"{path}?lang=sv").text


@pytest.mark.parametrize(
    ("source", "kind", "shown", "outside"),
    [
        ("ytj", "business_register", "ytj", True),
        ("website", "website", "website", True),
        ("paper", "person", "paper", False),
        ("fair-2026", "other", "fair-2026", False),
        (None, "unknown", None, True),
        # A free text may name a person, who is nobody's business.
        ("tip from Matti Meikäläinen", "vendor", None, False),
    ],
)
def test_sources(people: Choosers, source: str | None, kind: str, shown: str | None, outside: bool) -> None:
    people.take(from_source("eero", source))
    found = why(people, "eero")
    assert (found.source_kind, found.source, found.from_outside) == (kind, shown, outside)


def test_what_was_stopped_since_has_no_ground_any_more(people: Choosers, client: FlaskClient) -> None:
    withdrawn = {
        "event": "consent_withdrawn",
        "at": "2026-11-01T10:00:00+02:00",
        "controller": "acme",
        "method": "phone",
    }
    people.take(person("aino", withdrawn))
    assert why(people).basis is None
    assert "The register shows no ground for it today" in client.get(f"/p/{people.token()}/why?lang=en").text


def test_a_service_message_needs_no_permission(people: Choosers) -> None:
    people.take(CAMPAIGN | {"key": "notice", "purpose": "service_message", "topic": None, "promotes": False})
    assert why(people, campaign="notice").basis == "service"
