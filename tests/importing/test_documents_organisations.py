"""Organisations and roles: found again by what they are called, made where only named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.importing.registers import Register, contact, email

OY: dict[str, Any] = {
    "type": "organisation",
    "business_id": "0112038-9",
    "country": "FI",
    "name": "Esimerkki Oy",
    "form": "limited_company",
    "status": "active",
    "employees": 5,
    "domains": ["Esimerkki.example"],
    "industry": "62010",
    "source": "ytj",
    "verified_on": "2026-10-01",
    "customer_of": [{"controller": "acme", "product_group": "training", "last_purchase_on": "2026-02-01"}],
    "points": [{"channel": "email", "value": "info@esimerkki.example", "use": "generic", "source": "ytj"}],
}


def organisations(register: Register) -> list[tuple[Any, ...]]:
    return register.rows("SELECT identity, business_id, ref, form FROM organisation ORDER BY identity")


def test_the_same_organisation_again_changes_nothing(register: Register) -> None:
    register.take_well(OY)
    before = register.checksum()
    bare = {"type": "organisation", "business_id": "FI01120389", "name": "", "points": OY["points"]}
    assert register.take_well(OY, bare).is_nothing
    assert register.checksum() == before


@pytest.mark.parametrize("written", ["0112038-9", "01120389", "FI01120389", " 0112038-9 "])
def test_one_number_however_written_is_one_organisation(register: Register, written: str) -> None:
    register.take_well(OY, OY | {"business_id": written})
    assert organisations(register) == [("0112038-9", "0112038-9", None, "limited_company")]


@pytest.mark.parametrize(
    ("number", "country"), [("0112038-8", "FI"), ("12345", "FI"), ("123456-7891", "SE"), ("0112038-9", "SE")]
)
def test_a_number_with_wrong_check_digits_is_refused(register: Register, number: str, country: str) -> None:
    assert register.refusal(OY | {"business_id": number, "country": country}).field == "business_id"
    assert organisations(register) == []


def test_numbers_of_other_countries_are_taken_as_they_are(register: Register) -> None:
    register.take_well(
        OY | {"business_id": "DE130050518", "country": "DE"}, OY | {"business_id": "123456-7897", "country": "SE"}
    )
    assert [row[0] for row in organisations(register)] == ["123456-7897", "DE130050518"]


def test_an_organisation_with_neither_number_nor_ref_is_refused(register: Register) -> None:
    assert register.refusal({"type": "organisation", "name": "Esimerkki Oy"}).field == "business_id"


def test_an_organisation_only_named_is_made_with_unknown_form(register: Register) -> None:
    changes = register.take_well(
        contact(
            points=[email(organisation="0112038-9")],
            roles=[{"organisation": "club:1"}],
        ),
        {"type": "prohibition", "target": {"organisation": "DE130050518"}, "source": "organisation"},
    )
    assert changes.stubs == 3
    assert organisations(register) == [
        ("0112038-9", "0112038-9", None, "unknown"),
        ("DE130050518", None, "DE130050518", "unknown"),
        ("club:1", None, "club:1", "unknown"),
    ]


def test_a_stub_becomes_the_organisation_once_it_is_described(register: Register) -> None:
    register.take_well(contact(roles=[{"organisation": "0112038-9"}, {"organisation": "DE130050518"}]))
    ids = register.rows("SELECT id FROM organisation ORDER BY id")
    changes = register.take_well(OY, OY | {"business_id": "DE130050518", "country": "DE"})
    assert changes.documents["organisation", "changed"] == 2
    assert register.rows("SELECT id FROM organisation ORDER BY id") == ids
    assert organisations(register) == [
        ("0112038-9", "0112038-9", None, "limited_company"),
        ("DE130050518", "DE130050518", None, "limited_company"),
    ]


def test_an_organisation_may_come_with_its_ref_and_get_its_number_later(register: Register) -> None:
    club = {"type": "organisation", "ref": "crm:7", "name": "Esimerkki"}
    register.take_well(club, contact(roles=[{"organisation": "crm:7", "title": "Chair"}]))
    register.take_well(OY | {"ref": "crm:7"})
    assert organisations(register) == [("0112038-9", "0112038-9", "crm:7", "limited_company")]
    register.take_well(club, contact(roles=[{"organisation": "0112038-9", "until": "2026-10-01"}]))
    assert len(organisations(register)) == 1
    assert register.rows("SELECT title, until FROM role") == [("Chair", date(2026, 10, 1))]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_one_organisation_known_apart_by_number_and_by_ref_is_united(register: Register, in_one_batch: bool) -> None:
    documents = [
        {"type": "organisation", "ref": "crm:7", "name": "Esimerkki", "points": [{"channel": "email", "value": "a@x.example"}],
         "customer_of": [{"product_group": "payroll"}]},
        contact(roles=[{"organisation": "crm:7", "title": "Chair"}]),
        contact("crm:2", roles=[{"organisation": "0112038-9"}], points=[email("b@x.example", organisation="0112038-9")]),
        OY | {"ref": "crm:7"},
    ]  # fmt: skip
    if in_one_batch:
        register.take_well(*documents)
    else:
        for document in documents:
            register.take_well(document)
    assert organisations(register) == [("0112038-9", "0112038-9", "crm:7", "limited_company")]
    assert register.one("SELECT count(DISTINCT organisation_id) FROM role") == 1
    assert register.one("SELECT count(DISTINCT organisation_id) FROM contact_point") == 1
    assert register.one("SELECT count(*) FROM contact_point WHERE contact_id IS NULL") == 2
    assert register.rows("SELECT product_group FROM organisation_customer ORDER BY 1") == [("payroll",), ("training",)]


def test_two_numbers_of_one_ref_or_two_refs_of_one_number_are_refused(register: Register) -> None:
    register.take_well(OY | {"ref": "crm:7"})
    assert register.refusal(OY | {"business_id": "2345678-4", "ref": "crm:7"}).field in ("business_id", "ref")
    assert register.refusal(OY | {"ref": "crm:8"}).field == "ref"


# --- digits without their hyphen ------------------------------------------------------------------------------------

BARE = {"type": "prohibition", "target": {"organisation": "01120389"}, "source": "organisation"}


def bans(register: Register) -> list[str]:
    return [row[0] for row in register.rows("SELECT organisation FROM prohibition ORDER BY organisation")]


@pytest.mark.parametrize("ban_first", [True, False])
def test_digits_without_their_hyphen_are_the_business_id(register: Register, ban_first: bool) -> None:
    person = contact(
        points=[email(organisation="0112038 9")], roles=[{"organisation": "01120389"}, {"organisation": "1234567897"}]
    )
    swedish = OY | {"business_id": "1234567897", "country": "SE", "points": [], "domains": []}
    for document in (BARE, person, OY, swedish) if ban_first else (swedish, OY, person, BARE):
        register.take_well(document)
    assert organisations(register) == [
        ("0112038-9", "0112038-9", None, "limited_company"),
        ("123456-7897", "123456-7897", None, "limited_company"),
    ]
    assert bans(register) == ["0112038-9"]
    before = register.checksum()
    register.take_well(BARE)
    assert register.checksum() == before


def test_an_organisation_may_name_itself_by_its_digits_in_its_points(register: Register) -> None:
    (point,) = OY["points"]
    register.take_well(OY | {"points": [point | {"organisation": "01120389"}]})
    assert register.one("SELECT count(*) FROM organisation") == 1


@pytest.mark.parametrize("told", [{"ref": "01120389"}, {"business_id": "01120389", "country": "EE"}])
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_whoever_was_told_by_just_those_digits_is_meant(
    register: Register, told: dict[str, Any], in_one_batch: bool
) -> None:
    club = {"type": "organisation", "name": "Esimerkkiseura"} | told
    documents = (OY, club, BARE, contact(roles=[{"organisation": "01120389"}]))
    for part in [documents] if in_one_batch else [[document] for document in documents]:
        register.take_well(*part)
    assert [row[0] for row in organisations(register)] == ["0112038-9", "01120389"]
    assert bans(register) == ["01120389"]
    assert register.one("SELECT o.name FROM role r JOIN organisation o ON o.id = r.organisation_id") == club["name"]


def test_a_ban_on_digits_holds_for_both_where_it_came_before_anybody_was_told_by_them(register: Register) -> None:
    club = {"type": "organisation", "ref": "01120389", "name": "Esimerkkiseura"}
    register.take_well(BARE, BARE | {"target": {"organisation": "0112038-9"}, "reference": "of the company"})
    register.take_well(club)
    assert bans(register) == ["0112038-9", "0112038-9", "01120389"]
    before = register.checksum()
    register.take_well(BARE, club)
    assert register.checksum() == before


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_ban_follows_an_organisation_that_gets_its_number(register: Register, in_one_batch: bool) -> None:
    ban = {
        "type": "prohibition",
        "target": {"organisation": "crm:7"},
        "channels": ["email"],
        "source": "organisation",
        "evidence": {"note": "letter"},
    }
    documents = ({"type": "organisation", "ref": "crm:7"}, ban, OY | {"ref": "crm:7"})
    for part in [documents] if in_one_batch else [[document] for document in documents]:
        register.take_well(*part)
    assert "0112038-9" in bans(register)
    assert register.one("SELECT evidence ->> 'note' FROM prohibition WHERE organisation = '0112038-9'") == "letter"
    before = register.checksum()
    register.take_well(ban)
    assert register.checksum() == before


def test_a_ban_follows_an_organisation_that_was_known_apart(register: Register) -> None:
    register.take_well(OY, BARE | {"target": {"organisation": "crm:7"}})
    register.take_well(OY | {"ref": "crm:7"})
    assert bans(register) == ["0112038-9", "crm:7"]


def test_domains_are_added_to_and_cleared_only_by_name(register: Register) -> None:
    register.take_well(OY, OY | {"domains": ["xn--tykalu-xxa.example", "esimerkki.example"]})
    assert register.one("SELECT domains FROM organisation") == ["esimerkki.example", "työkalu.example"]
    register.take_well(
        {
            "type": "organisation",
            "business_id": "0112038-9",
            "clear": ["domains", "employees"],
            "domains": ["uusi.example"],
        }
    )
    assert register.rows("SELECT domains, employees FROM organisation") == [(["uusi.example"], None)]


def test_what_belongs_to_an_organisation_marks_it_as_changed(register: Register) -> None:
    register.take_well(OY)
    for fields in (
        {"points": [{"channel": "phone", "value": "+358 9 123456"}]},
        {"customer_of": [{"product_group": "training", "last_purchase_on": "2026-03-01"}]},
        {"status": "bankrupt"},
    ):
        before = register.one("SELECT changed_xid::text FROM organisation")
        changes = register.take_well({"type": "organisation", "business_id": "0112038-9", **fields})
        assert changes.documents["organisation", "changed"] == 1, fields
        assert register.one("SELECT changed_xid::text FROM organisation") != before, fields


# --- roles ----------------------------------------------------------------------------------------------------------


def roles(register: Register) -> list[tuple[Any, ...]]:
    return register.rows("SELECT title, position, since, until FROM role ORDER BY id")


def role(**fields: Any) -> dict[str, Any]:
    return {"organisation": "club:1", **fields}


def test_a_role_is_found_again_and_ended(register: Register) -> None:
    register.take_well(contact(roles=[role(title="HR manager", since="2024-01-01")]))
    register.take_well(contact(roles=[role(title="hr  Manager", since="2024-01-01", until="2026-06-30")]))
    assert roles(register) == [("hr  Manager", None, date(2024, 1, 1), date(2026, 6, 30))]


def test_a_role_told_in_part_is_filled_in(register: Register) -> None:
    register.take_well(contact(roles=[role(title="HR manager")]))
    register.take_well(contact(roles=[role(since="2024-01-01", position="other")]))
    assert roles(register) == [("HR manager", "other", date(2024, 1, 1), None)]


def test_another_title_or_another_beginning_is_another_role(register: Register) -> None:
    register.take_well(contact(roles=[role(title="HR manager", since="2024-01-01", until="2025-01-01")]))
    register.take_well(contact(roles=[role(title="HR manager", since="2026-01-01")]))
    register.take_well(contact(roles=[role(title="CEO", since="2024-01-01")]))
    assert len(roles(register)) == 3


def test_roles_of_one_document_are_different_roles(register: Register) -> None:
    document = contact(roles=[role(title="Chair"), role(position="board_member"), role(since="2020-01-01")])
    register.take_well(document)
    assert len(roles(register)) == 3
    assert register.take_well(document).is_nothing


def test_equal_roles_of_one_document_are_one_with_the_areas_of_both(register: Register) -> None:
    register.take_well(
        contact(
            roles=[
                role(areas=[{"area": "finance"}]),
                role(areas=[{"area": "training"}, {"area": "finance", "evidence": "title"}]),
            ]
        )
    )
    assert register.rows("SELECT area, evidence FROM role_area ORDER BY area") == [
        ("finance", "title"),
        ("training", None),
    ]
    assert len(roles(register)) == 1


def test_a_half_told_role_means_the_one_that_has_not_ended(register: Register) -> None:
    register.take_well(
        contact(roles=[role(title="A", since="2020-01-01", until="2021-01-01"), role(title="B", since="2022-01-01")])
    )
    register.take_well(contact(roles=[role(areas=[{"area": "finance", "verified_on": "2026-10-01"}])]))
    assert register.rows("SELECT title FROM role JOIN role_area ON role_id = id") == [("B",)]


def test_an_area_is_verified_anew_by_itself(register: Register) -> None:
    areas = [{"area": "finance", "evidence": "vendor", "verified_on": "2024-10-01"}, {"area": "training"}]
    register.take_well(contact(roles=[role(areas=areas)]))
    register.take_well(contact(roles=[role(areas=[{"area": "finance", "verified_on": "2026-10-01"}])]))
    assert register.rows("SELECT area, evidence, verified_on FROM role_area ORDER BY area") == [
        ("finance", "vendor", date(2026, 10, 1)),
        ("training", None, None),
    ]
