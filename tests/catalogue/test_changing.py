"""What is changed on the catalogue's pages is in the register afterwards, checked and audited; what is not allowed is not."""

from __future__ import annotations

import base64
import csv
import json
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from consentmgr.audit.models import AuditEvent
from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.campaigns.policy import current, history
from consentmgr.prohibitions.models import Prohibition
from consentmgr.register.models import Controller, Notice, Organisation, OrganisationCustomer, ProcessingPurpose, Topic
from consentmgr.vocabulary.documents import Campaign
from tests.catalogue.conftest import take

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import DeclarativeBase

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunCommand
    from tests.staff.signing_in import Desk

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def stored(database: Database, kind: type[DeclarativeBase], key: Any) -> Any:
    with database.reading() as session:
        found = session.get(kind, key)
        if found is not None:
            session.expunge(found)
        return found


def actions(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as session:
        rows = session.execute(select(AuditEvent.actor, AuditEvent.action, AuditEvent.object).order_by(AuditEvent.id))
        return [(row.actor, row.action, row.object) for row in rows if row.action != "read"]


# --- controllers ------------------------------------------------------------------------------------------------------


def test_a_controller_gets_a_logo_and_a_colour_and_loses_them_again(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    given = {"key": "acme", "name": "Acme Oyj", "business_id": "2345678-9", "contact": "", "colour": "#7a1fa2",
             "privacy_url": "https://acme.example/tietosuoja"}  # fmt: skip
    sent = steward.post("/desk/controllers/acme", {**given, "picture": (BytesIO(PNG), "logo.png")})
    assert sent.status_code == 302
    row = stored(register, Controller, "acme")
    assert (row.name, row.contact, row.branding["colour"]) == ("Acme Oyj", None, "#7a1fa2")
    assert row.branding["logo"].startswith("data:image/png;base64,")
    assert (steward.actor, "catalogue.change", "controller:acme") in actions(register)
    assert steward.post("/desk/controllers/acme", {**given, "colour": "", "no_logo": "1"}).status_code == 302
    assert stored(register, Controller, "acme").branding == {"privacy_url": "https://acme.example/tietosuoja"}


def test_a_colour_nobody_can_read_text_on_is_refused_beside_its_field(register: Database, desk: Desk) -> None:
    sent = desk("data_steward").post(
        "/desk/controllers/acme", {"name": "Acme", "colour": "#12", "privacy_url": "http://x"}
    )
    assert sent.status_code == 422
    assert 'id="colour-error"' in sent.text
    assert 'id="privacy_url-error"' in sent.text
    assert stored(register, Controller, "acme").branding["colour"] == "#12496b"


def test_a_picture_that_runs_scripts_is_no_logo(register: Database, desk: Desk) -> None:
    bad = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    sent = desk("data_steward").post("/desk/controllers/acme", {"name": "Acme", "picture": (BytesIO(bad), "logo.svg")})
    assert sent.status_code == 422
    assert "logo" not in stored(register, Controller, "acme").branding


def test_the_preview_shows_the_masthead_and_its_contrast_and_saves_nothing(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    tried = steward.post(
        "/desk/controllers/preview",
        {"key": "acme", "name": "Uusi nimi", "colour": "#a51b2b", "picture": (BytesIO(PNG), "a.png")},
        headers={"HX-Request": "true"},
    )
    assert tried.status_code == 200
    assert "<html" not in tried.text
    assert "Uusi nimi" in tried.text
    assert "/desk/controllers/look/a51b2b.css" in tried.text
    assert "data:image/png;base64," in tried.text
    sheet = steward.get("/desk/controllers/look/a51b2b.css")
    assert ".look-a51b2b{--brand:#a51b2b" in sheet.text
    assert sheet.mimetype == "text/css"
    assert stored(register, Controller, "acme").name == "Acme Oy"


# --- topics, purposes, organisations ------------------------------------------------------------------------------------


def test_a_topic_is_described_hidden_and_its_words_are_taken_back(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    given = {"kind": "newsletter", "name_fi": "Koulutus", "name_en": "Training", "description_en": "Courses",
             "cadence": "weekly"}  # fmt: skip
    assert steward.post("/desk/topics/training-news", given).status_code == 302
    row = stored(register, Topic, "training-news")
    assert row.names == {"fi": "Koulutus", "en": "Training"}
    assert (row.descriptions, row.cadence, row.public) == ({"en": "Courses"}, "weekly", False)
    assert (
        steward.post("/desk/topics/training-news", {"kind": "newsletter", "name_fi": "K", "public": "1"}).status_code
        == 302
    )
    row = stored(register, Topic, "training-news")
    assert (row.names, row.descriptions, row.cadence, row.public) == ({"fi": "K"}, {}, None, True)


def test_a_new_topic_needs_a_key_a_name_and_a_controller(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    sent = steward.post("/desk/topics/new", {"key": "Ei käy!", "kind": "newsletter"})
    assert sent.status_code == 422
    assert all(f'id="{name}-error"' in sent.text for name in ("key", "name_fi", "controller"))
    given = {"key": "new-one", "kind": "newsletter", "name_fi": "Uusi", "controller": "acme", "public": "1"}
    assert steward.post("/desk/topics/new", given).status_code == 302
    assert steward.post("/desk/topics/new", given).status_code == 422
    assert (steward.actor, "catalogue.add", "topic:new-one") in actions(register)


def test_legitimate_interests_are_not_recorded_without_a_balancing_test(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    given = {"basis": "legitimate_interests", "name_en": "Customers", "retention_months": "12"}
    assert 'id="balancing_test-error"' in steward.post("/desk/purposes/acme/customers", given).text
    given |= {"balancing_test": "Weighed on 1 November.", "data_categories": "contact_data\npurchases"}
    assert steward.post("/desk/purposes/acme/customers", given).status_code == 302
    row = stored(register, ProcessingPurpose, ("acme", "customers"))
    assert (row.basis, row.retention_months, row.data_categories) == (
        "legitimate_interests", 12, ["contact_data", "purchases"],
    )  # fmt: skip
    cleared = {"basis": "contract", "name_en": "Customers"}
    assert steward.post("/desk/purposes/acme/customers", cleared).status_code == 302
    row = stored(register, ProcessingPurpose, ("acme", "customers"))
    assert (row.retention_months, row.data_categories, row.balancing_test) == (None, [], None)


def organisation(database: Database) -> Any:
    with database.reading() as session:
        found = session.scalars(select(Organisation).where(Organisation.name.is_not(None))).one()
        session.expunge(found)
        return found


def test_an_organisation_is_found_by_name_business_id_and_domain_and_edited(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    ekman = organisation(register)
    for words in (ekman.name[:4].lower(), ekman.business_id, ekman.business_id.replace("-", ""), *ekman.domains[:1]):
        found = steward.get("/desk/organisations", query_string={"q": words})
        assert f"/desk/organisations/{ekman.id}" in found.text, words
    assert "Nothing was found" in steward.get("/desk/organisations?q=zzzz").text
    given = {"business_id": ekman.business_id, "country": "FI", "name": "Ekman Ab", "form": "public_limited_company",
             "status": "active", "employees": "12", "domains": "ekman.example\nuusi.example", "customer_of": "acme",
             "product_group": "payroll", "last_purchase_on": "2026-03-01"}  # fmt: skip
    assert steward.post(f"/desk/organisations/{ekman.id}/edit", given).status_code == 302
    changed = organisation(register)
    assert (changed.name, changed.form, changed.employees) == ("Ekman Ab", "public_limited_company", 12)
    assert changed.domains == ["ekman.example", "uusi.example"]
    assert stored(register, OrganisationCustomer, (ekman.id, "acme", "payroll")) is not None
    emptied = {**given, "employees": "", "domains": "uusi.example", "customer_of": ""}
    assert steward.post(f"/desk/organisations/{ekman.id}/edit", emptied).status_code == 302
    changed = organisation(register)
    assert (changed.employees, changed.domains) == (None, ["uusi.example"])


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "Industry code (TOL)"), ("fi", "Toimialakoodi (TOL)"), ("sv", "Näringsgrenskod (TOL)")],
)
def test_a_code_of_an_industry_says_that_it_is_one(register: Database, desk: Desk, language: str, label: str) -> None:
    steward, ekman = desk("data_steward", language=language), organisation(register)
    given = {"business_id": ekman.business_id, "country": "FI", "name": ekman.name, "form": "limited_company",
             "status": "active", "industry": "62010"}  # fmt: skip
    assert steward.post(f"/desk/organisations/{ekman.id}/edit", given).status_code == 302
    shown = steward.get(f"/desk/organisations/{ekman.id}").text
    assert re.search(rf"<dt>{re.escape(label)}</dt>\s*<dd>62010</dd>", shown)
    assert f'for="industry">{label}<' in steward.get(f"/desk/organisations/{ekman.id}/edit").text
    assert f">{label}</th>" in steward.get("/desk/organisations", query_string={"q": ekman.name}).text


def test_an_organisation_never_turns_into_another_by_its_form(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    ekman = organisation(register)
    given = {"business_id": "0112038-9", "country": "FI", "name": "Muu Oy", "form": "unknown", "status": "active"}
    assert steward.post(f"/desk/organisations/{ekman.id}/edit", given).status_code == 422
    assert (
        steward.post(f"/desk/organisations/{ekman.id}/edit", {**given, "business_id": "0112038-8"}).status_code == 422
    )
    assert organisation(register).name == ekman.name


@pytest.mark.parametrize(
    ("number", "country", "field"),
    [("zzz", "ZZ", "country"), ("zzz", "EE", "business_id"), ("0112038-8", "FI", "business_id"), ("1234567891", "SE", "business_id")],
)  # fmt: skip
def test_an_organisation_with_a_number_or_country_that_is_none_is_told_what_to_do(
    register: Database, desk: Desk, number: str, country: str, field: str
) -> None:
    steward = desk("data_steward")
    given = {"business_id": number, "country": country, "name": "Muu Oy", "form": "unknown", "status": "active"}
    answer = steward.post("/desk/organisations/new", given)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert given["name"] in answer.text
    assert organisation(register).name != given["name"]


@pytest.mark.parametrize("number", ["01120389", "FI 0112038-9", "0112038 9"])
def test_an_organisation_is_added_however_its_number_is_written(register: Database, desk: Desk, number: str) -> None:
    given = {"business_id": number, "country": "Suomi", "name": "Muu Oy", "form": "unknown", "status": "active"}
    assert desk("data_steward").post("/desk/organisations/new", given).status_code == 302
    with register.transaction() as session:
        added = session.scalars(select(Organisation).where(Organisation.name == given["name"])).one()
        assert (added.business_id, added.country) == ("0112038-9", "FI")


# --- notices ------------------------------------------------------------------------------------------------------------

SCOPE = {"controllers": ["acme"], "channels": ["email", "sms"], "purposes": ["direct_marketing", "newsletter"],
         "audiences": ["meta"]}  # fmt: skip


def form(**given: Any) -> list[tuple[str, Any]]:
    """A form's fields: a list is as many fields of one name."""
    return [(name, one) for name, value in given.items() for one in (value if isinstance(value, list) else [value])]


def test_a_version_is_seen_before_it_is_published_and_never_changed(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    given = form(words_fi="Haluan Acme Oy:n uutiset sähköpostiini.", supersedes="major", **SCOPE)
    seen = steward.post("/desk/notices/signup/new-version/check", given)
    assert seen.status_code == 200
    assert "<del>" in seen.text
    assert "<ins>" in seen.text
    assert stored(register, Notice, ("signup", 2, "fi")) is None
    assert steward.post("/desk/notices/signup/new-version", [*given, ("version", "2")]).status_code == 302
    row = stored(register, Notice, ("signup", 2, "fi"))
    assert (row.words, row.supersedes) == ("Haluan Acme Oy:n uutiset sähköpostiini.", "major")
    # Whoever had the same form open publishes nothing over it.
    again = steward.post(
        "/desk/notices/signup/new-version", [*form(words_fi="Muuta.", supersedes="minor", **SCOPE), ("version", "2")]
    )
    assert again.status_code == 422
    assert stored(register, Notice, ("signup", 3, "fi")) is None
    assert stored(register, Notice, ("signup", 2, "fi")).words == row.words


def test_controllers_and_topics_are_named_as_people_write_them(register: Database, desk: Desk) -> None:
    steward = desk("data_steward", controllers={"acme"})
    for place in ("/desk/notices/signup", "/desk/prohibitions"):
        shown = steward.get(place).text
        assert re.search(r"(>|; )Acme Oy<", shown), place
        assert not re.search(r"(>|; )acme<", shown), place


def test_words_are_kept_to_the_letter(register: Database, desk: Desk) -> None:
    words = "  Kyllä,\r\n\r\nhaluan  uutiset.\r\n"
    sent = desk("data_steward").post("/desk/notices/new", form(key="letter", words_fi=words, **SCOPE))
    assert sent.status_code == 302
    assert stored(register, Notice, ("letter", 1, "fi")).words == words.replace("\r\n", "\n")


def test_a_notice_that_names_nothing_is_refused(register: Database, desk: Desk) -> None:
    sent = desk("data_steward").post("/desk/notices/new/check", {"key": "bare", "words_fi": "Kyllä."})
    assert sent.status_code == 422
    assert all(f'id="{name}-error"' in sent.text for name in ("controllers", "channels", "purposes"))


def error_of(page: str, name: str) -> str:
    """What a page says beside a field."""
    found = re.search(rf'id="{name}-error"><span class="unseen">[^<]*</span>([^<]*)<', page)
    assert found is not None, name
    return found[1]


@pytest.mark.parametrize(
    ("language", "one", "some"),
    [
        ("en", "Choose one.", "Choose at least one."),
        ("fi", "Valitse yksi vaihtoehto.", "Valitse ainakin yksi."),
        ("sv", "Välj ett alternativ.", "Välj minst ett."),
    ],
)
def test_of_a_choice_that_was_not_made_the_page_says_to_make_it(
    register: Database, desk: Desk, language: str, one: str, some: str
) -> None:
    officer, steward = desk("dpo", language=language), desk("data_steward", language=language)
    bare = steward.post("/desk/notices/new/check", {"key": "bare", "words_fi": "Kyllä."}).text
    assert error_of(bare, "controllers") == some
    newer = steward.post("/desk/notices/signup/new-version/check", {"words_fi": "Kyllä."}).text
    assert error_of(newer, "supersedes") == one
    ban = officer.post("/desk/prohibitions/new", {"note": "x"}).text
    assert (error_of(ban, "target_kind"), error_of(ban, "source")) == (one, one)
    decided = officer.post("/desk/policy/sole_trader", {"reason": "memo"}).text
    assert error_of(decided, "value") == one
    unsaid = officer.post("/desk/policy/sole_trader", {"value": "b2b"}).text
    assert error_of(unsaid, "reason") not in (one, some)


# --- bans -----------------------------------------------------------------------------------------------------------------


def bans(database: Database, **of: Any) -> list[Any]:
    with database.reading() as session:
        found = list(session.scalars(select(Prohibition).filter_by(**of).order_by(Prohibition.id)))
        for one in found:
            session.expunge(one)
        return found


def test_a_ban_told_by_phone_is_recorded_with_its_evidence_and_found_by_its_address(
    register: Database, desk: Desk
) -> None:
    officer = desk("dpo")
    given = form(target_kind="email", email="Uusi.Kielto@Posti.example", source="self", channels=["email", "sms"],
                 method="phone", note="Soitti 22.11.", controllers=["acme"])  # fmt: skip
    assert officer.post("/desk/prohibitions/new", given).status_code == 302
    (ban,) = [one for one in bans(register, target_kind="email") if one.evidence.get("note") == "Soitti 22.11."]
    assert (ban.channels, ban.controllers, ban.source) == (["email", "sms"], ["acme"], "self")
    assert ban.entry_id is not None
    found = officer.post("/desk/prohibitions/find", {"target": "uusi.kielto@posti.example"})
    assert f"/desk/prohibitions/{ban.id}" in found.text
    listed = officer.get("/desk/prohibitions")
    for shown in (found, listed):
        assert "kielto@posti" not in shown.text.casefold()
    assert "U•••@P•••.example" in listed.text


def test_a_ban_without_a_target_or_what_shows_it_is_refused(register: Database, desk: Desk) -> None:
    before = len(bans(register))
    for given in ({"target_kind": "phone", "source": "self", "note": "x"},
                  {"target_kind": "phone", "phone": "ei numero", "source": "self", "note": "x"},
                  {"target_kind": "email", "email": "a@posti.example", "source": "self"},
                  {"target_kind": "email", "email": "a@posti.example", "source": "vendor", "note": "x"},
                  {"target_kind": "email", "email": "a@posti.example", "source": "self", "note": "x",
                   "valid_from": "2026-02-01", "valid_until": "2026-01-01"}):  # fmt: skip
        sent = desk("dpo").post("/desk/prohibitions/new", given)
        assert sent.status_code == 422, given
        assert "-error" in sent.text
    assert len(bans(register)) == before


ACT = {"method": "phone", "reason": "Haluaa taas viestit", "note": "puhelu 17"}


def test_a_ban_is_lifted_by_a_newer_act_with_evidence_and_by_nobody_without_the_right(
    register: Database, desk: Desk
) -> None:
    from consentmgr.kit import clock
    from consentmgr.kit.clock import local_date

    (ban,) = bans(register, target_kind="email")
    steward, officer = desk("data_steward"), desk("dpo")
    act = {**ACT, "ids": str(ban.id), "at": local_date(clock.now()).isoformat()}
    assert steward.post("/desk/prohibitions/lift/now", act).status_code == 403
    assert officer.post("/desk/prohibitions/lift/now", {**act, "note": ""}).status_code == 422
    assert officer.post("/desk/prohibitions/lift/now", {**act, "at": "2026-01-01"}).status_code == 422
    assert bans(register, id=ban.id)[0].lifted_at is None
    assert officer.post("/desk/prohibitions/lift/now", act).status_code == 302
    assert bans(register, id=ban.id)[0].lifted_at is not None
    assert (officer.actor, "prohibitions.lift", f"prohibition:{ban.id}") in actions(register)


def test_a_courts_ban_is_not_lifted_here(register: Database, desk: Desk) -> None:
    from consentmgr.kit import clock
    from consentmgr.kit.clock import local_date

    (ban,) = bans(register, source="court")
    officer = desk("dpo")
    assert "Lift the ban" not in officer.get(f"/desk/prohibitions/{ban.id}").text
    act = {**ACT, "ids": str(ban.id), "at": local_date(clock.now()).isoformat()}
    assert officer.post("/desk/prohibitions/lift/now", act).status_code == 422
    assert bans(register, source="court")[0].lifted_at is None


def test_many_bans_are_lifted_only_when_a_second_person_agrees(register: Database, desk: Desk) -> None:
    from consentmgr.kit import clock
    from consentmgr.kit.clock import local_date
    from consentmgr.staff import approvals

    first, second = desk("dpo"), desk("dpo")
    for number in range(12):
        first.post(
            "/desk/prohibitions/new",
            {
                "target_kind": "email",
                "email": f"monta{number}@posti.example",
                "source": "self",
                "note": "lista",
                "channels": "sms",
            },
        )
    many = [one.id for one in bans(register) if one.evidence.get("note") == "lista"]
    ticked = [("ids", str(one)) for one in many]
    assert "second person" in first.post("/desk/prohibitions/lift", ticked).text
    act = [*ticked, *{**ACT, "at": local_date(clock.now()).isoformat()}.items()]
    assert first.post("/desk/prohibitions/lift/now", act).status_code == 302
    assert all(one.lifted_at is None for one in bans(register))
    with register.reading() as session:
        (asked,) = approvals.listed(session, waiting=True)
    assert (asked.kind, asked.asked_by) == ("prohibitions.lift", first.actor)
    with register.transaction() as session:
        approvals.decide(
            session, asked.id, accept=True, actor=second.actor, now=clock.now(),
            keys=desk.app.extensions["consentmgr.keys"],
        )  # fmt: skip
    assert {one.id for one in bans(register) if one.lifted_at is not None} == set(many)


# --- campaigns, forms, policy ---------------------------------------------------------------------------------------------


def test_a_campaign_shows_the_gate_it_fails_and_is_mended_on_its_form(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    shown = steward.get("/desk/campaigns/autumn").text
    assert "One-click unsubscribe is missing." in shown
    from html.parser import HTMLParser

    fields: list[tuple[str, str]] = []

    class Fields(HTMLParser):
        select = ""

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            given = dict(attributes)
            name, kind = given.get("name") or "", given.get("type") or "text"
            if tag == "select":
                self.select = name
            elif tag == "option" and "selected" in given:
                fields.append((self.select, given.get("value") or ""))
            elif (
                tag == "input"
                and name
                and name != "csrf_token"
                and (kind not in ("checkbox", "radio") or "checked" in given)
            ):
                fields.append((name, given.get("value") or ""))

    Fields().feed(steward.get("/desk/campaigns/edit/autumn").text)
    saved = steward.post("/desk/campaigns/edit/autumn", [*fields, ("message-one_click", "1")])
    assert saved.status_code == 302, saved.text
    assert (
        "One-click unsubscribe is missing."
        not in steward.get("/desk/campaigns/autumn").text.partition("gates are passed")[0]
    )
    with register.reading() as session:
        kept = kept_campaigns(session, ["autumn"])["autumn"]
    # What was not touched is as it was, what the contract leaves out too.
    assert kept == Campaign(key="autumn", name="Autumn letter", controller="acme", topic="training-news")
    assert (steward.actor, "catalogue.change", "campaign:autumn") in actions(register)


def test_a_form_is_opened_copied_and_closed(register: Database, desk: Desk) -> None:
    steward = desk("data_steward")
    refused = steward.post("/desk/forms/new", {"key": "footer", "controller": "acme", "notice": "nothing/1"})
    assert refused.status_code == 422
    given = {"key": "footer", "controller": "acme", "notice": "signup/1"}
    assert steward.post("/desk/forms/new", given).status_code == 302
    shown = steward.get("/desk/forms/footer?of=sv").text
    assert "&lt;form method=&#34;post&#34;" in shown
    assert "Prenumerera" in shown
    assert steward.post("/desk/forms/footer/close").status_code == 302
    assert "&lt;form method" not in steward.get("/desk/forms/footer").text


def test_a_policy_decided_on_the_page_is_in_force_with_who_and_why(register: Database, desk: Desk) -> None:
    officer = desk("dpo")
    assert officer.post("/desk/policy/sole_trader", {"value": "b2b"}).status_code == 422
    assert officer.post("/desk/policy/sole_trader", {"value": "sometimes", "reason": "memo"}).status_code == 422
    assert officer.post("/desk/policy/sole_trader", {"value": "b2b", "reason": "Memo 12"}).status_code == 302
    hours = {"monday_to_friday_from": "10", "monday_to_friday_to": "18", "reason": "House rule"}
    assert officer.post("/desk/policy/quiet_hours", hours).status_code == 302
    assert (
        officer.post("/desk/policy/country_rules", {"value": "DE review\n* block", "reason": "Memo 13"}).status_code
        == 302
    )
    assert (
        officer.post("/desk/policy/max_messages_per_7_days", {"value": "4", "reason": "House rule"}).status_code == 302
    )
    with register.reading() as session:
        policy = current(session)
        assert policy.sole_trader == "b2b"
        assert (policy.quiet_hours.monday_to_friday, policy.quiet_hours.saturday) == ((10, 18), None)
        assert dict(policy.country_rules)["*"] == "block"
        assert policy.max_messages_per_7_days == 4
        assert history(session, "sole_trader")[0].set_by == officer.actor
    page = officer.get("/desk/policy/sole_trader").text
    assert "Memo 12" in page
    assert "looser than default" in page
    assert officer.post("/desk/policy/sole_trader", {"do": "default", "reason": "Withdrawn"}).status_code == 302
    with register.reading() as session:
        assert current(session).sole_trader == "review"


def test_policy_is_for_those_who_answer_for_every_controller(register: Database, desk: Desk) -> None:
    assert desk("data_steward").post("/desk/policy/sole_trader", {"value": "b2b", "reason": "x"}).status_code == 403
    limited = desk("dpo", controllers={"acme"})
    assert limited.post("/desk/policy/sole_trader", {"value": "b2b", "reason": "x"}).status_code == 404
    with register.reading() as session:
        assert current(session).sole_trader == "review"


def test_a_policy_decided_on_the_page_decides_the_next_screening(
    register: Database, keys: Keys, desk: Desk, run_command: RunCommand, tmp_path: Path
) -> None:
    trader = {
        "type": "organisation", "ref": "firma-1", "name": "Toiminimi Testi", "form": "sole_trader", "status": "active",
        "points": [{"channel": "email", "value": "toimisto@firma.example", "use": "generic", "source": "ytj",
                    "acquired_on": "2026-09-01"}],
    }  # fmt: skip
    take(register, keys, [trader])
    campaign = {"type": "campaign", "key": "b2b", "name": "B2B", "controller": "acme", "channel": "email",
                "purpose": "direct_marketing", "audience": "business", "business_use": True, "areas": []}  # fmt: skip
    (tmp_path / "campaign.json").write_text(json.dumps(campaign))
    (tmp_path / "list.csv").write_text("email\ntoimisto@firma.example\n")

    def verdict() -> str:
        run_command("screen", "--campaign", tmp_path / "campaign.json", tmp_path / "list.csv")
        (row,) = csv.DictReader((tmp_path / "list.screened.csv").read_text(encoding="utf-8-sig").splitlines())
        for made in tmp_path.glob("list.*.*"):
            made.unlink()
        return row["cm_verdict"]

    assert verdict() == "review"
    officer = desk("dpo")
    assert officer.post("/desk/policy/sole_trader", {"value": "b2b", "reason": "Memo 12"}).status_code == 302
    assert verdict() == "allow"
    assert officer.post("/desk/policy/sole_trader", {"value": "strict", "reason": "Memo 13"}).status_code == 302
    assert verdict() == "block"
