"""People are found by what somebody types, in whatever spelling, and only those the reader may see."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from consentmgr.consents.sight import Sight
from consentmgr.people.search import find
from consentmgr.register.name_words import words_of
from tests.people.people import OF_ACME, OF_ALL, Register, refs


def found(register: Register, typed: str, sight: Sight = OF_ALL) -> list[str]:
    with register.database.reading() as session:
        return refs(find(session, typed, sight=sight, keys=register.keys).hits)


@pytest.mark.parametrize(
    "typed",
    ["mäki", "MÄKINEN", "makinen", "maija", "liisa", "Maija-Liisa Mäkinen", "mak lii", "mäkinen m", "  Liisa   MÄ "],
)
def test_any_part_of_a_name_is_found_by_its_beginning_in_any_case_and_without_its_dots(
    register: Register, typed: str
) -> None:
    assert found(register, typed) == ["both:maija"]


@pytest.mark.parametrize("typed", ["äkinen", "maijax", "m", " ", "", "'", "& | !", "maija:*", "\0", "x" * 5_000])
def test_the_middle_of_a_word_a_single_letter_and_signs_find_nobody_by_name(register: Register, typed: str) -> None:
    assert found(register, typed) in ([], ["both:maija"] if typed == "maija:*" else [])


@pytest.mark.parametrize(
    "typed",
    [
        "maija@posti.example", "MAIJA@POSTI.EXAMPLE ", "+358 50 100 0399", "0501000399", "050-1000399",
        "Mannerheimintie 5 A 12, 00100 Helsinki", "mannerheimintie 5 a 12 00100", "both:maija",
    ],
)  # fmt: skip
def test_an_address_is_found_in_any_spelling_of_it(register: Register, typed: str) -> None:
    assert found(register, typed) == ["both:maija"]


@pytest.mark.parametrize("typed", ["2800301-9", "28003019", "FI28003019"])
def test_a_business_id_finds_the_people_of_the_organisation(register: Register, typed: str) -> None:
    assert found(register, typed) == ["crm:ekman-hr"]


def test_people_of_other_controllers_are_never_found(register: Register) -> None:
    assert found(register, "virtanen") == ["crm:aino", "beta:vilho"]
    assert found(register, "virtanen", OF_ACME) == ["crm:aino"]
    for typed in ("beta:vilho", "vilho@posti.example", "vilho"):
        assert found(register, typed, OF_ACME) == []
        assert found(register, typed, Sight(frozenset({"beta"}))) == ["beta:vilho"]
    assert found(register, "maija", OF_ACME) == ["both:maija"]


def test_an_erased_person_is_found_by_ref_and_by_a_kept_address_and_by_no_name(register: Register) -> None:
    assert found(register, "crm:cecilia") == ["crm:cecilia"]
    assert found(register, "cecilia@posti.example") == ["crm:cecilia"]
    assert found(register, "cecilia@posti.example", Sight(frozenset({"beta"}))) == []
    assert found(register, "Holm") == []


def test_the_number_of_statements_does_not_grow_with_what_is_found(register: Register) -> None:
    people = [
        {
            "type": "contact", "ref": f"many:{number}", "controllers": ["acme"], "given_name": "Tuhat",
            "family_name": f"Sukunimi{number}",
            "points": [{"channel": "email", "value": f"tuhat{number}@posti.example"}],
        }
        for number in range(40)
    ]  # fmt: skip
    counts = []
    for portion in (people[:1], people):
        register.take(*portion)
        statements: list[object] = []
        with register.database.reading() as session:
            connection = session.connection()
            driver = connection.connection.driver_connection
            execute = driver.cursor

            def counting(
                *arguments: Any, execute: Any = execute, counted: list[object] = statements, **more: Any
            ) -> Any:
                counted.append(arguments)
                return execute(*arguments, **more)

            driver.cursor = counting
            try:
                result = find(session, "tuhat", sight=OF_ALL, keys=register.keys)
            finally:
                del driver.cursor
        counts.append(len(statements))
        assert len(result.hits) == min(len(portion), 20)
        assert result.more == (len(portion) > 20)
    assert counts[0] == counts[1] == 3


@pytest.mark.parametrize(
    ("given", "family"),
    [
        ("Åke", "Öström"), ("Élodie", "Čech-Łaski"), ("Ægir", "O'Brien"), ("J.P.", "von der Leyen"), ("Anna (Anni)", "X"),
        ("ÅKE", "ÖSTRÖM"), ("Jean-Luc", "D’Arc"), (None, "Ñandú"), ("Ülle", None),
    ],
)  # fmt: skip
def test_what_is_asked_is_folded_as_what_is_stored(register: Register, given: str | None, family: str | None) -> None:
    with register.database.connect() as connection:
        stored = connection.execute(
            text("SELECT tsvector_to_array(name_words(:given, :family))"), {"given": given, "family": family}
        ).scalar_one()
    assert sorted(stored) == sorted(set(words_of(f"{given or ''} {family or ''}")))
