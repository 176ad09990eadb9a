"""The doors of consent records: the person's own page, the desk, the API, the terminal."""

from __future__ import annotations

import hashlib
import html
import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from consentmgr.keys import distrust_link_key, load_link_keys, rotate_link_key
from consentmgr.kit import clock
from consentmgr.kit.signing import public_jwk
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.records import printed
from consentmgr.records.receipts import verified
from consentmgr.records.words import WORDS
from consentmgr.staff.scopes import Scope
from tests.records.keepers import NOW, Keepers, consent, person, said

if TYPE_CHECKING:
    from tests.conftest import RunCommand
    from tests.staff.api_calling import ApiCalling
    from tests.staff.signing_in import Desk

FONTS = Path(printed.__file__).parent / "fonts"


@pytest.fixture
def ake(keepers: Keepers) -> Keepers:
    """Somebody with a consent at two controllers, one of them withdrawn in part."""
    keepers.take(
        person(
            "ake",
            consent(topics=["garden"], purposes=["newsletter"]),
            consent(controller="beta", channels=["email"]),
            said("consent_withdrawn", "2026-09-01T10:00:00+03:00", channels=["sms"]),
            controllers=["acme", "beta"],
        )
    )
    return keepers


def link_of(keepers: Keepers, ref: str = "ake", use: LinkUse = LinkUse.VIEW, **more: Any) -> Link:
    return Link(
        **{
            "use": use,
            "controller": "acme",
            "contact_id": keepers.contact_id(ref),
            "address_kind": "email",
            "address_key": keepers.address_keys.email(f"{ref}@posti.example").address_key,  # type: ignore[union-attr]
            "channel": "email",
            "scope": "all",
            **more,
        }
    )


def token(keepers: Keepers, **more: Any) -> str:
    return link_keys(keepers.settings).mint(link_of(keepers, **more))


# --- the person's own -------------------------------------------------------------------------------------------------


def test_the_page_of_choices_leads_to_the_persons_consents(ake: Keepers, client: FlaskClient) -> None:
    page = client.get(f"/p/{token(ake, use=LinkUse.PREFERENCES)}")
    (there,) = re.findall(r'href="(/v/[^"]+)"', page.text)
    assert client.get(html.unescape(there)).status_code == 200


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_tells_what_was_agreed_to_in_the_readers_language(
    ake: Keepers, client: FlaskClient, language: str
) -> None:
    page = client.get(f"/v/{token(ake)}?lang={language}")
    words = WORDS[language]  # type: ignore[index]
    assert page.status_code == 200
    for shown in (words.title, words.states["given"], words.states["withdrawn"], words.how_to_withdraw):
        assert shown in page.text, shown
    assert "Acme Oy saa lähettää minulle" in page.text
    assert {"fi": "Puutarhakirje", "sv": "Trädgårdsbrevet", "en": "Garden letter"}[language] in page.text
    assert f'<html lang="{language}">' in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_shows_a_masked_address_and_nothing_of_another_controllers(ake: Keepers, client: FlaskClient) -> None:
    here = f"/v/{token(ake)}"
    for path in (here, f"{here}/records.json", f"{here}/copy.pdf"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        for hidden in (b"ake@posti", b"Beta", b"beta", "Öhman".encode()):
            assert hidden not in answer.data, (path, hidden)
    assert "a•••@p•••.example" in client.get(here).text


def test_what_the_page_gives_to_keep_is_signed(ake: Keepers, client: FlaskClient) -> None:
    here = f"/v/{token(ake)}"
    saved = client.get(f"{here}/records.json")
    key = public_jwk(ake.keys.signing_key)
    assert [one.kind for one in verified(saved.data, key)] == ["record", "receipt"]
    (receipt,) = re.findall(r'href="([^"]+/receipts/[^"]+)"', client.get(here).text)
    assert [one.kind for one in verified(client.get(html.unescape(receipt)).data, key)] == ["receipt"]
    assert "attachment" in saved.headers["Content-Disposition"]
    assert client.get(f"{here}/receipts/{uuid4()}.json").status_code == 404


def test_a_distrusted_link_does_nothing_but_leaving(ake: Keepers, client: FlaskClient) -> None:
    here = f"/v/{token(ake)}"
    (old,) = load_link_keys(ake.settings)
    rotate_link_key(ake.settings, today=NOW.date())
    distrust_link_key(ake.settings, old.id, today=NOW.date())
    for path in ("", "/copy.pdf", "/records.json", f"/receipts/{uuid4()}.json"):
        page = client.get(here + path)
        assert page.status_code == 200
        assert page.mimetype == "text/html"
        assert "Puutarhakirje" not in page.text
        assert "garden" not in page.text
    assert client.post(here, data={"do": "stop_all"}).status_code == 200
    assert {"withdrawn"} == {state for one in ake.states("ake", now=clock.now())[:1] for state in one.values()}


def test_a_good_link_here_changes_nothing(ake: Keepers, client: FlaskClient) -> None:
    assert client.post(f"/v/{token(ake)}", data={"do": "stop_all"}).status_code == 400
    assert ake.states("ake")[0]["email/newsletter/garden"] == "given"


@pytest.mark.parametrize("use", [LinkUse.LEAVE, LinkUse.PREFERENCES, LinkUse.CONFIRM])
def test_a_link_of_another_use_opens_nothing(ake: Keepers, client: FlaskClient, use: LinkUse) -> None:
    assert client.get(f"/v/{token(ake, use=use)}").status_code == 404


def test_a_link_that_names_nobody_shows_nobodys_consents(ake: Keepers, client: FlaskClient) -> None:
    assert client.get(f"/v/{token(ake, contact_id=None)}").status_code == 404
    assert "/v/" not in client.get(f"/p/{token(ake, use=LinkUse.PREFERENCES, contact_id=None)}").text


# --- the copy ---------------------------------------------------------------------------------------------------------


def test_the_pdf_is_titled_in_its_language_and_always_the_same(ake: Keepers, caplog: pytest.LogCaptureFixture) -> None:
    found = ake.records("ake")
    copy = printed.copy_of(found, language="fi", withdraw_at="https://acme.example/link")
    with caplog.at_level(logging.WARNING, logger="fpdf"):
        document = printed.pdf_file(copy)
    # A letter the font does not have would be warned of.
    assert not [record for record in caplog.records if record.name.startswith("fpdf")]
    assert document.startswith(b"%PDF-")
    for told in (b"/Lang (fi)", b"/StructTreeRoot", b"/DisplayDocTitle true", b"/Outlines"):
        assert told in document, told
    assert document == printed.pdf_file(printed.copy_of(found, language="fi", withdraw_at="https://acme.example/link"))


def test_the_html_copy_needs_nothing_beside_it(ake: Keepers) -> None:
    copy = printed.copy_of(ake.records("ake"), language="sv", withdraw_at="https://acme.example/link")
    page = printed.html_file(copy).decode()
    assert '<html lang="sv">' in page
    assert not re.findall(r"<(?:script|link|img)\b|src=|url\(", page)
    assert "Trädgårdsbrevet" in page


def test_hostile_words_are_shown_as_words(keepers: Keepers) -> None:
    keepers.take(
        {"type": "controller", "key": "odd", "name": "<script>x</script>"}, person("eva", consent(controller="odd"))
    )
    page = printed.html_file(
        printed.copy_of(keepers.records("eva"), language="en", withdraw_at="https://acme.example/link")
    ).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_fonts_are_as_they_were_published() -> None:
    listed = re.findall(
        r"^\| `([^`]+)` \|.*\| ([0-9a-f]{64}) \|$", (FONTS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FONTS.glob("*.ttf")}
    assert dict(listed) == there
    assert (FONTS / "DejaVu.LICENSE").is_file()


# --- the desk ---------------------------------------------------------------------------------------------------------


def test_staff_save_the_copy_and_it_is_audited(ake: Keepers, desk: Desk) -> None:
    marketer = desk("marketer", controllers={"acme"})
    number = ake.contact_id("ake")
    assert f"/desk/people/{number}/consents.pdf" in marketer.get(f"/desk/people/{number}").text
    assert marketer.get(f"/desk/people/{number}/consents.pdf").data.startswith(b"%PDF-")
    saved = marketer.get(f"/desk/people/{number}/consents.json")
    assert b"beta" not in saved.data
    assert len(verified(saved.data, public_jwk(ake.keys.signing_key))) == 2
    with ake.database.connect() as connection:
        rows = connection.execute(
            text("SELECT count(*) FROM audit_event WHERE object = :object AND detail ? 'consent_records'"),
            {"object": f"contact:{number}"},
        )
        assert rows.scalar_one() == 2


def test_another_controllers_person_is_not_there(ake: Keepers, desk: Desk) -> None:
    ake.take(person("eva", consent()))
    staff = desk("dpo", controllers={"beta"})
    for name in ("pdf", "json"):
        assert staff.get(f"/desk/people/{ake.contact_id('eva')}/consents.{name}").status_code == 404


# --- the API ----------------------------------------------------------------------------------------------------------


def test_systems_read_records_and_receipts(ake: Keepers, api: ApiCalling) -> None:
    crm = api(Scope.READ_RECORDS)
    listed = crm.get("/contacts/ake/consent-records")
    assert listed.status_code == 200, listed.text
    first, second = listed.json["items"]
    assert (first["controller"], first["state"], first["channels"]) == ("acme", None, ["email", "sms"])
    assert (second["controller"], second["state"], second["has_receipt"]) == ("beta", "given", True)
    key = public_jwk(ake.keys.signing_key)
    assert crm.get(f"/contacts/id:{ake.contact_id('ake')}/consent-records").json == listed.json
    here = f"/contacts/ake/consent-records/{first['id']}"
    record = crm.get(here)
    assert record.mimetype == "application/ld+json"
    assert [one.kind for one in verified(record.data, key)] == ["record"]
    assert [one.kind for one in verified(crm.get(f"{here}/receipt").data, key)] == ["receipt"]
    assert crm.get("/contacts/ake/consent-records/copy.pdf?language=en").data.startswith(b"%PDF-")
    assert "Mina samtycken" in crm.get("/contacts/ake/consent-records/copy.html").text
    assert crm.get("/contacts/ake/consent-records/copy.html?language=xx").status_code == 422
    with ake.database.connect() as connection:
        reads = connection.execute(
            text("SELECT count(*) FROM audit_event WHERE actor = :actor AND action = 'read'"), {"actor": crm.actor}
        )
        assert reads.scalar_one() == 6


def test_systems_of_one_controller_see_its_records_alone(ake: Keepers, api: ApiCalling) -> None:
    of_beta = api(Scope.READ_RECORDS, controllers={"beta"})
    (only,) = of_beta.get("/contacts/ake/consent-records").json["items"]
    assert only["controller"] == "beta"
    (first, _) = api(Scope.READ_RECORDS).get("/contacts/ake/consent-records").json["items"]
    assert of_beta.get(f"/contacts/ake/consent-records/{first['id']}").status_code == 404
    ake.take(person("eva", consent()))
    for ref in ("eva", "nobody"):
        assert of_beta.get(f"/contacts/{ref}/consent-records").status_code == 404


def test_no_other_scope_reads_records(ake: Keepers, api: ApiCalling) -> None:
    others = api(*(scope for scope in Scope if scope is not Scope.READ_RECORDS))
    assert others.get("/contacts/ake/consent-records").status_code == 403


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_records_are_shown_exported_and_verified_at_the_terminal(
    ake: Keepers, run_command: RunCommand, tmp_path: Path
) -> None:
    shown = run_command("records", "show", "ake").stdout
    assert "newsletter – e-mail – Garden letter: in force" in shown, shown
    number = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", shown)[0]
    whole, receipt, pdf = tmp_path / "whole.json", tmp_path / "receipt.json", tmp_path / "copy.pdf"
    run_command("records", "export", "ake", "--to", whole)
    run_command("records", "export", "ake", "--record", number, "--as", "receipt", "--to", receipt)
    run_command("records", "export", "ake", "--as", "pdf", "--language", "fi", "--to", pdf)
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert run_command("records", "verify", whole).stdout.count("signature holds") == 4
    assert "receipt" in run_command("records", "verify", receipt).stdout
    document = json.loads(whole.read_text("utf-8"))
    document["records"][0]["dct:modified"] = "2030-01-01T00:00:00Z"
    whole.write_text(json.dumps(document), "utf-8")
    assert "something else than what was signed" in run_command("records", "verify", whole, expect=1).stderr
    run_command("records", "show", "nobody", expect=2)
    run_command("records", "export", "ake", "--as", "receipt", expect=2)


def test_words_are_complete_in_every_language() -> None:
    for words in WORDS.values():
        assert all(getattr(words, name) for name in words.__dataclass_fields__)
        assert replace(words).states.keys() == WORDS["en"].states.keys()
