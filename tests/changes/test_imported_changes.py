"""What documents change of somebody who is there already is told in the feed, by the names of the fields and no more."""

from __future__ import annotations

from typing import Any

import msgspec

from consentmgr.changes.feed import Change
from tests.changes.conftest import Changing, Reader, act, person
from tests.importing.registers import contact, email

COMPANY = {"type": "organisation", "ref": "org:1", "name": "Ekman Oy"}


def changes_told(changing: Changing) -> list[Change]:
    reader = Reader(changing.database, types=["register_change"])
    return reader.read(limit=100)


def fields_told(changing: Changing) -> list[list[str]]:
    return [change.document["fields"] for change in changes_told(changing)]


def test_what_a_document_changes_of_somebody_known_is_told_by_its_fields(changing: Changing) -> None:
    changing.take_well(person("aino"), person("birger"), COMPANY)
    assert fields_told(changing) == [], "who is new has changed in nothing"

    changing.take_well(
        contact(
            "crm:aino",
            given_name="Aino-Maija",
            language="sv",
            points=[
                email("aino@posti.example", state="hard_bounce"),
                {"channel": "phone", "value": "+358 40 123 4567"},
            ],
            roles=[{"organisation": "org:1", "position": "managing_director"}],
            customer_of=[{"controller": "acme", "relation": "membership"}],
        ),
        person("birger"),
    )

    (change,) = changes_told(changing)
    assert change.document["contact"]["ref"] == "crm:aino"
    assert change.document["fields"] == [
        "contact.given_name", "contact.language", "contact_point.email", "contact_point.phone", "customer_relation",
        "role",
    ]  # fmt: skip
    told = msgspec.json.encode(change.document).decode().casefold()
    assert not [word for word in ("maija", "posti.example", "1234567", "ekman") if word in told]


def test_the_same_documents_again_are_no_change(changing: Changing) -> None:
    documents: list[dict[str, Any]] = [
        contact("crm:aino", given_name="Aina", clear=["language", "given_name"]),
        contact("crm:aino", given_name="Aino", points=[email(use="private", clear=["use"])]),
    ]
    changing.take_well(person("aino"), *documents)
    changing.take_well(*documents)
    before = len(fields_told(changing))

    changing.take_well(*documents)

    assert len(fields_told(changing)) == before, "what one document replaces and the next puts back is no change"


def test_a_field_that_changes_there_and_back_is_told_each_time(changing: Changing) -> None:
    changing.take_well(person("aino"))

    for language in ("fi", "sv", "fi"):
        changing.take_well(contact("crm:aino", language=language))

    assert fields_told(changing) == [["contact.language"]] * 3


def test_acts_and_sent_messages_alone_are_no_change_of_what_is_held(changing: Changing) -> None:
    changing.take_well(person("aino"))

    changing.take_well(
        contact(
            "crm:aino",
            events=[act("objected", controller=None)],
            messages_sent=[{"controller": "acme", "at": "2026-10-01T10:00:00+03:00", "channel": "email"}],
        )
    )

    assert fields_told(changing) == []


def test_a_change_leaves_the_standing_as_it_is(changing: Changing) -> None:
    changing.take_well(person("aino", act("consent_given")))
    before = changing.rows("SELECT xmin, * FROM standing")

    changing.take_well(contact("crm:aino", given_name="Aina"))

    assert len(fields_told(changing)) == 1
    assert changing.rows("SELECT xmin, * FROM standing") == before
