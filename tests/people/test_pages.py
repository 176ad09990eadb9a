"""What staff see of a person, and what they cannot see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from tests.people.people import Register

if TYPE_CHECKING:
    from tests.staff.signing_in import Desk


def test_the_page_shows_all_that_is_held_of_a_person(register: Register, desk: Desk) -> None:
    page = desk("dpo").get(f"/desk/people/{register.id_of('both:maija')}")
    assert page.status_code == 200, page.text
    for shown in (
        "Maija-Liisa", "Mäkinen", "maija@posti.example", "+358501000399", "Mannerheimintie 5 A 12", "web form",
        "Beta Oy saa lähettää minulle viestejä.", "betas/1/fi", "consent given", "a word of Beta&#39;s", "betas-form",
        "reference-of-beta", "P", "deliveries-of-beta", "contract", "purchase", "lamps",
    ):  # fmt: skip
        assert shown in page.text, shown


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [("en", "Municipality code", "Municipality"), ("fi", "Kuntakoodi", "Kunta"), ("sv", "Kommunkod", "Kommun")],
)
def test_a_code_of_a_municipality_says_that_it_is_one(
    register: Register, desk: Desk, language: str, code: str, name: str
) -> None:
    officer, path = desk("dpo", language=language), f"/desk/people/{register.id_of('both:maija')}"
    for given, label in (("091", code), ("Helsinki", name)):
        register.take({"type": "contact", "ref": "both:maija", "municipality": given})
        assert re.search(rf"<dt>{label}</dt>\s*<dd>{given}</dd>", officer.get(path).text), given
    assert f'for="municipality">{code}<' in officer.get(f"{path}/edit").text


def test_nothing_of_another_controller_is_shown(register: Register, desk: Desk) -> None:
    marketer = desk("marketer", controllers={"acme"})
    page = marketer.get(f"/desk/people/{register.id_of('both:maija')}")
    assert page.status_code == 200
    assert "Mäkinen" in page.text
    for hidden in (
        "Beta", "beta", "betas/1/fi", "a word of", "reference-of-beta", "deliveries-of-beta", "lamps", "purchase",
    ):  # fmt: skip
        assert hidden not in page.text, hidden


def test_whoever_answers_a_person_sees_that_they_wait_to_be_erased(register: Register, desk: Desk) -> None:
    staff, number = desk("dpo"), register.id_of("both:maija")
    pages = [f"/desk/people/{number}{page}" for page in ("", "/record/objected", "/record/consent_given")]
    told = "is answered by"
    assert all(told not in staff.get(page).text for page in pages)
    asked = {"event": "erasure_requested", "at": "2026-11-02T09:00:00+02:00", "controller": "beta", "method": "paper"}
    register.take({"type": "event", "contact": "both:maija", **asked})
    for page in pages:
        assert "2\u00a0Dec\u00a02026" in staff.get(page).text


@pytest.mark.parametrize(
    "path",
    [
        "", "/edit", "/merge", "/ban", "/basis", "/record/objected", "/record/consent_given", "/lift/1",
        "/files/0b6f8c1e-8d3c-4a55-9a43-111111111111",
    ],
)  # fmt: skip
def test_a_person_of_another_controller_is_not_there(register: Register, desk: Desk, path: str) -> None:
    staff = desk("dpo", controllers={"acme"})
    foreign = staff.get(f"/desk/people/{register.id_of('beta:vilho')}{path}")
    nobody = staff.get(f"/desk/people/999999{path}")
    assert foreign.status_code == nobody.status_code == 404
    assert "Vilho" not in foreign.text


def test_each_reading_is_in_the_audit_log_and_none_of_the_search_words(register: Register, desk: Desk) -> None:
    auditor = desk("auditor")
    number = register.id_of("crm:aino")
    auditor.get(f"/desk/people/{number}")
    auditor.post("/desk/people/", {"q": "Virtanen"})
    with register.database.connect() as connection:
        rows = connection.execute(
            text("SELECT action, object, detail::text FROM audit_event WHERE actor = :actor ORDER BY id"),
            {"actor": auditor.actor},
        ).all()
    assert ("read", f"contact:{number}") in [(row[0], row[1]) for row in rows]
    assert any(row[1] == "contacts:search" and str(number) in row[2] for row in rows)
    assert not any("irtanen" in str(row) for row in rows)


def test_the_search_is_posted_and_its_part_comes_alone(register: Register, desk: Desk) -> None:
    marketer = desk("marketer")
    whole = marketer.post("/desk/people/", {"q": "aino"})
    assert "Aino Virtanen" in whole.text
    assert "<html" in whole.text
    part = marketer.post("/desk/people/", {"q": "aino"}, headers={"HX-Request": "true"})
    assert "Aino Virtanen" in part.text
    assert "<html" not in part.text
    assert "Type at least" in marketer.post("/desk/people/", {"q": "a"}).text
    assert "Nobody was found" in marketer.post("/desk/people/", {"q": "nobody-at-all"}).text
    assert 'value="aino"' not in marketer.get("/desk/people/?q=aino").text


def test_an_erased_person_shows_what_remains(register: Register, desk: Desk) -> None:
    page = desk("dpo").get(f"/desk/people/{register.id_of('crm:cecilia')}")
    assert page.status_code == 200
    assert "was erased on" in page.text
    assert "2 digests" in page.text
    assert "consent given" in page.text
    for gone in ("Cecilia", "Holm", "cecilia@posti", "+358501000303", "Take down", "Edit"):
        assert gone not in page.text, gone


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_is_in_the_readers_language(register: Register, desk: Desk, language: str) -> None:
    page = desk("dpo", language=language).get(f"/desk/people/{register.id_of('both:maija')}")
    assert f'<html lang="{language}"' in page.text
    expected = {"fi": "suoramarkkinointi", "sv": "direktmarknadsföring", "en": "direct marketing"}
    assert expected[language] in page.text


def test_the_number_of_statements_does_not_grow_with_what_is_shown(register: Register, desk: Desk) -> None:
    register.take(
        {
            "type": "contact", "ref": "many", "controllers": ["acme"], "given_name": "Paljon",
            "points": [{"channel": "email", "value": f"paljon{number}@posti.example"} for number in range(30)],
            "roles": [
                {"organisation": "2800301-9", "title": f"title {number}", "areas": [{"area": "finance"}]}
                for number in range(10)
            ],
            "events": [
                {"event": "objected", "at": f"2026-0{number % 9 + 1}-01T10:00:00+02:00", "channels": ["sms"],
                 "controller": "acme", "method": "phone", "note": f"note {number}"}
                for number in range(30)
            ],
        },
        *(
            {"type": "prohibition", "target": {"email": f"paljon{number}@posti.example"}, "source": "self",
             "channels": ["email"], "valid_from": "2026-01-01"}
            for number in range(20)
        ),
    )  # fmt: skip
    dpo = desk("dpo")
    counts = []
    for ref in ("crm:aino", "many"):
        statements: list[str] = []

        def count(_c: object, _u: object, statement: str, *_: object, statements: list[str] = statements) -> None:
            statements.append(statement)

        event.listen(register.database.engine, "before_cursor_execute", count)
        try:
            page = dpo.get(f"/desk/people/{register.id_of(ref)}")
        finally:
            event.remove(register.database.engine, "before_cursor_execute", count)
        assert page.status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] < 40


def test_the_rules_are_asked_for_one_thing(register: Register, desk: Desk) -> None:
    marketer = desk("marketer")
    question = {"controller": "acme", "line": "email", "purpose": "direct_marketing"}
    answer = marketer.post(f"/desk/people/{register.id_of('crm:aino')}/why", question)
    assert answer.status_code == 200, answer.text
    assert "CONSENT_OK" in answer.text
    part = marketer.post(f"/desk/people/{register.id_of('crm:birger')}/why", question, headers={"HX-Request": "true"})
    assert "DM_OBJECTION_ALL" in part.text
    assert "<html" not in part.text
    foreign = {**question, "controller": "beta"}
    limited = desk("marketer", controllers={"acme"})
    assert limited.post(f"/desk/people/{register.id_of('crm:aino')}/why", foreign).status_code == 404
