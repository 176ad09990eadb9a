"""Contacts added, mended and merged by hand; proposals decided; the person's own link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import text

from consentmgr.kit import clock
from consentmgr.preferences.links import LinkUse, link_keys
from consentmgr.preferences.proposals import propose
from tests.people.people import Register

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from tests.staff.signing_in import Desk

#: A form in which nothing was filled in.
BLANK: dict[str, Any] = dict.fromkeys(
    (
        "given_name", "family_name", "language", "country", "municipality", "born_on", "deceased_on", "email", "phone",
        "post_street", "post_postal_code", "post_city", "email_source", "phone_source",
    ),
    "",
)  # fmt: skip
NEW: dict[str, Any] = {
    **BLANK, "given_name": "Uuno", "family_name": "Uusi", "email": "uuno@posti.example", "email_use": "private",
    "controllers": "acme",
}  # fmt: skip


def held(register: Register) -> list[Any]:
    """Everything the register holds of everybody."""
    with register.database.connect() as connection:
        return [
            connection.execute(text(f"SELECT to_jsonb(t) - 'changed_xid' FROM {table} t ORDER BY 1")).scalars().all()
            for table in ("contact", "contact_point", "role", "customer_relation", "legal_basis_tag", "ledger_entry")
        ]


def url(register: Register, ref: str, path: str) -> str:
    return f"/desk/people/{register.id_of(ref)}/{path}"


def test_a_blank_edit_erases_nothing_and_changes_nothing(register: Register, desk: Desk) -> None:
    before = held(register)
    for fields in (BLANK, dict.fromkeys(BLANK, "  ")):
        answer = desk("marketer").post(url(register, "both:maija", "edit"), fields)
        assert answer.status_code == 303, answer.text
    assert held(register) == before


def test_what_is_filled_in_is_changed_and_the_rest_stays(register: Register, desk: Desk) -> None:
    marketer = desk("marketer", controllers={"acme"})
    form = marketer.get(url(register, "both:maija", "edit"))
    assert "Now: Mäkinen" in form.text
    fields = {**BLANK, "family_name": "Mäki", "phone": "050 100 0398", "phone_use": "work", "phone_source": "paper"}
    assert marketer.post(url(register, "both:maija", "edit"), fields).status_code == 303
    page = marketer.get(url(register, "both:maija", "")[:-1]).text
    for shown in (
        "Maija-Liisa Mäki",
        "+358501000398",
        "+358501000399",
        "maija@posti.example",
        "change in the register",
    ):
        assert shown in page, shown
    assert "Maija-Liisa Mäki" in marketer.post("/desk/people/", {"q": "mäki"}).text


def test_a_contact_becomes_another_controllers_too(register: Register, desk: Desk) -> None:
    assert desk("marketer").post(url(register, "crm:aino", "edit"), {**BLANK, "controllers": "beta"}).status_code == 303
    assert desk("marketer", controllers={"beta"}).get(url(register, "crm:aino", "")[:-1]).status_code == 200


def test_only_what_is_ticked_is_taken_away(register: Register, desk: Desk) -> None:
    marketer = desk("marketer")
    assert marketer.post(url(register, "both:maija", "edit"), {**BLANK, "clear": "given_name"}).status_code == 303
    with register.database.connect() as connection:
        row = connection.execute(
            text("SELECT given_name, family_name, born_on FROM contact WHERE ref = 'both:maija'")
        ).one()
    assert row[0] is None
    assert row[1] == "Mäkinen"
    assert row[2] is not None


def test_an_address_that_cannot_be_matched_is_told_beside_the_form(register: Register, desk: Desk) -> None:
    before = held(register)
    for fields in ({"email": "no address"}, {"phone": "12"}, {"post_street": "Katu"}, {"born_on": "2030-01-01"}):
        answer = desk("marketer").post(url(register, "both:maija", "edit"), {**BLANK, **fields})
        assert answer.status_code == 422, fields
    assert held(register) == before


def test_a_new_contact_is_entered_and_a_known_one_is_shown_first(register: Register, desk: Desk) -> None:
    marketer = desk("marketer", controllers={"acme"})
    assert marketer.get("/desk/people/new").status_code == 200
    added = marketer.post("/desk/people/new", NEW)
    assert added.status_code == 303, added.text
    assert "Uuno Uusi" in marketer.get(added.location).text
    again = marketer.post("/desk/people/new", NEW)
    assert again.status_code == 422
    assert "Is it one of these?" in again.text
    assert marketer.post("/desk/people/new", {**NEW, "another_person": "1"}).status_code == 303
    assert marketer.post("/desk/people/new", {**NEW, "ref": "crm:aino", "another_person": "1"}).status_code == 422
    assert marketer.post("/desk/people/new", {**NEW, "controllers": "beta"}).status_code == 422
    assert marketer.post("/desk/people/new", {**BLANK, "controllers": "acme"}).status_code == 422
    # Somebody whom only Beta knows is not told of.
    foreign = marketer.post("/desk/people/new", {**NEW, "email": "vilho@posti.example", "given_name": "V"})
    assert foreign.status_code == 303
    assert desk("auditor").get("/desk/people/new").status_code == 403


def test_a_proposal_is_accepted_or_rejected_on_the_persons_page(register: Register, desk: Desk) -> None:
    number = register.id_of("crm:aino")
    with register.writing() as session:
        for name in ("Aina", "Aune"):
            assert propose(
                session, kind="name_correction", contact_id=number, controller="acme", source="preference_page",
                data={"given_name": name}, digest=uuid4(), now=clock.now(),
            )  # fmt: skip
    marketer = desk("marketer", controllers={"acme"})
    page = marketer.get(f"/desk/people/{number}")
    assert "Aina" in page.text
    assert "correction of a name" in marketer.get("/desk/people/proposals").text
    with register.database.connect() as connection:
        first, second = connection.scalars(text("SELECT id FROM proposal ORDER BY id")).all()
    assert desk("marketer", controllers={"beta"}).post(
        f"/desk/people/{number}/proposals/{first}", {"do": "accept"}
    ).status_code == 404  # fmt: skip
    assert marketer.post(f"/desk/people/{number}/proposals/{first}", {"do": "accept"}).status_code == 303
    assert marketer.post(f"/desk/people/{number}/proposals/{second}", {"do": "reject"}).status_code == 303
    assert "Aina Virtanen" in marketer.get(f"/desk/people/{number}").text
    again = marketer.post(f"/desk/people/{number}/proposals/{second}", {"do": "accept"})
    assert "decided already" in marketer.get(again.location).text
    other = register.id_of("crm:birger")
    assert marketer.post(f"/desk/people/{other}/proposals/{first}", {"do": "accept"}).status_code == 404


def test_two_contacts_are_merged_after_their_states_were_shown(register: Register, desk: Desk) -> None:
    register.take(
        {
            "type": "contact", "ref": "crm:birger-again", "controllers": ["acme"], "given_name": "Birger",
            "family_name": "Salonen", "points": [{"channel": "email", "value": "b.salonen@posti.example"}],
        }
    )  # fmt: skip
    steward = desk("data_steward")
    address = url(register, "crm:birger-again", "merge")
    before = held(register)
    fields = {"ref": "crm:birger", "reason": "same person"}
    shown = steward.post(address, {**fields, "do": "preview"})
    assert shown.status_code == 200, shown.text
    assert "Every state that changes" in shown.text
    assert "stopped" in shown.text
    assert held(register) == before
    assert desk("marketer").post(address, {**fields, "do": "merge"}).status_code == 403
    assert steward.post(address, {"ref": "crm:nobody", "reason": "x", "do": "preview"}).status_code == 422
    assert steward.post(address, {"ref": "crm:birger", "reason": "", "do": "merge"}).status_code == 422
    old = register.id_of("crm:birger")
    assert steward.post(address, {**fields, "do": "merge"}).status_code == 303
    led = steward.get(f"/desk/people/{old}")
    assert led.status_code == 303
    assert led.location.endswith(str(register.id_of("crm:birger-again")))
    page = steward.get(led.location).text
    assert "birger@posti.example" in page
    assert "of a contact merged into this one" in page
    assert register.verdict({"email": "b.salonen@posti.example"})[1] == "DM_OBJECTION_ALL"
    assert "crm:birger-again" in steward.post("/desk/people/", {"q": "crm:birger"}).text


def test_somebody_of_one_controller_does_not_merge_what_concerns_another(register: Register, desk: Desk) -> None:
    steward = desk("data_steward", controllers={"acme"})
    before = held(register)
    for ref in ("both:maija", "beta:vilho"):
        answer = steward.post(url(register, "crm:aino", "merge"), {"ref": ref, "reason": "same", "do": "merge"})
        assert answer.status_code == 422, ref
        assert "Vilho" not in answer.text
    assert held(register) == before


def test_the_persons_own_link_is_shown_or_mailed_and_either_is_audited(
    register: Register, desk: Desk, settings: Settings
) -> None:
    marketer = desk("marketer", controllers={"acme"})
    address = url(register, "crm:aino", "link")
    with register.database.connect() as connection:
        point = connection.execute(text("SELECT id FROM contact_point WHERE value = 'aino@posti.example'")).scalar_one()
    shown = marketer.post(address, {"link_controller": "acme", "do": "show", "point": point})
    assert shown.status_code == 200, shown.text
    token = shown.text.partition("/p/")[2].partition("<")[0]
    link = link_keys(settings).open(LinkUse.PREFERENCES, token)
    assert link.contact_id == register.id_of("crm:aino")
    assert marketer.post(address, {"link_controller": "acme", "do": "mail", "point": point}).status_code == 303
    assert marketer.post(address, {"link_controller": "beta", "do": "show"}).status_code == 400
    with register.database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outgoing_mail")).scalar_one() == 1
        done = connection.scalars(
            text("SELECT action FROM audit_event WHERE actor = :a ORDER BY id"), {"a": marketer.actor}
        )
        assert [action for action in done if action.startswith("link")] == ["link_shown", "link_mailed"]
