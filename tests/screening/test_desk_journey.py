"""From a file in the browser to the answer: the same answer as at the terminal, and nobody else's."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from tests.conftest import RunCommand
from tests.screening.desk_samples import (
    CAMPAIGN,
    LIST,
    bring,
    confirm,
    fill,
    id_of,
    made,
    screened,
    seen,
    start_stored,
    work,
)
from tests.staff.signing_in import Desk


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys)


def test_the_answer_is_that_of_the_terminal_to_the_byte(
    desk: Desk, database: Database, settings: Settings, run_command: RunCommand, tmp_path: Path
) -> None:
    found = screened(desk("marketer"), database, settings)
    (tmp_path / "marraskuu.csv").write_bytes(LIST)
    (tmp_path / "campaign.json").write_text(json.dumps(CAMPAIGN), encoding="utf-8")
    run_command("screen", "--campaign", "campaign.json", "marraskuu.csv")
    for name in ("marraskuu.screened.csv", "marraskuu.allowed.csv"):
        assert made(settings, found, name) == (tmp_path / name).read_bytes()
    assert b"aino@posti.example" in made(settings, found, "marraskuu.allowed.csv")


def test_every_page_on_the_way_shows_what_it_must(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    assert "No list has been screened yet" in client.get("/desk/screenings").text
    address = bring(client)
    page = client.get(address).text
    assert "sähköposti" in page
    assert "aino@posti.example" in page
    list_id = id_of(address)
    confirm(client, list_id)
    page = client.get(f"/desk/screenings/{list_id}/campaign?stored=2026-11-offer").text
    assert "Nothing speaks against the campaign itself" in page
    assert "Others secret" in page, "the marketer is for all controllers"
    start_stored(client, list_id)
    page = client.get(f"/desk/screenings/{list_id}").text
    assert "It waits for its turn" in page
    assert "<progress" in page
    part = client.get(f"/desk/screenings/{list_id}/progress", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    work(database, settings)
    part = client.get(f"/desk/screenings/{list_id}/progress", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == f"/desk/screenings/{list_id}"
    page = client.get(f"/desk/screenings/{list_id}").text
    assert "Good for sending until" in page
    for code in ("DM_OBJECTION_ALL", "ERASED_SUPPRESSED", "MINOR_REVIEW", "CONSENT_OK"):
        assert code in page
    assert "November offer" in client.get("/desk/screenings").text


def test_rows_are_filtered_and_each_says_why(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings)
    place = f"/desk/screenings/{found.id}/rows"
    page = client.get(place).text
    assert page.count(">Why?<") == 6
    blocked = client.get(f"{place}?verdict=block&reason=DM_OBJECTION_ALL").text
    assert "birger@posti.example" in blocked
    assert "aino@posti.example" not in blocked
    assert "No row is like that" in client.get(f"{place}?row=99").text
    assert client.get(f"{place}?row=1").text.count(">Why?<") == 1
    assert client.get(f"{place}?reason=NO_SUCH").status_code == 400
    part = client.get(f"{place}?verdict=allow", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "aino@posti.example" in part
    why = client.get(f"{place}/2").text
    assert "DM_OBJECTION_ALL" in why
    assert "decided the answer" in why
    assert client.get(f"{place}/99").status_code == 404


def test_files_are_those_that_were_certified(
    desk: Desk, database: Database, settings: Settings, run_command: RunCommand, tmp_path: Path
) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, links="yes")
    for name, file in (
        ("result", "marraskuu.screened.csv"),
        ("allowed", "marraskuu.allowed.csv"),
        ("certificate", "marraskuu.certificate.json"),
        ("report", "marraskuu.report.html"),
        ("workbook", "marraskuu.screened.xlsx"),
    ):
        answer = client.get(f"/desk/screenings/{found.id}/files/{name}", buffered=True)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].endswith(file)
        (tmp_path / file).write_bytes(answer.data)
    (tmp_path / "marraskuu.csv").write_bytes(LIST)
    assert "cm_one_click_url" in (tmp_path / "marraskuu.allowed.csv").read_text("utf-8-sig")
    said = run_command("certificate", "verify", "marraskuu.certificate.json").stdout
    assert said.count("unchanged") >= 4
    assert client.get(f"/desk/screenings/{found.id}/files/passwd").status_code == 404


def test_a_list_of_another_controller_is_not_there(desk: Desk, database: Database, settings: Settings) -> None:
    ours = desk("marketer", controllers={"acme"})
    theirs = desk("marketer", controllers={"other"})
    found = screened(ours, database, settings)
    place = f"/desk/screenings/{found.id}"
    for path in ("", "/columns", "/campaign", "/progress", "/rows", "/rows/1", "/changes", "/files/allowed"):
        assert theirs.get(place + path).status_code == 404, path
    for path in (
        "/columns",
        "/campaign",
        "/cancel",
        "/again",
        "/forget",
        "/decisions",
        "/hand",
        f"/hand/{uuid4()}/withdraw",
    ):
        assert theirs.post(place + path).status_code == 404, path
    assert "November offer" not in theirs.get("/desk/screenings").text
    draft = id_of(bring(ours))
    assert theirs.get(f"/desk/screenings/{draft}/columns").status_code == 404, "a draft is its bringer's alone"
    confirm(ours, draft)
    page = ours.get(f"/desk/screenings/{draft}/campaign?stored=others-secret").text
    assert "Others secret" not in page
    assert (
        ours.post(f"/desk/screenings/{draft}/campaign", {"do": "start-stored", "stored": "others-secret"}).status_code
        == 400
    )
    assert seen(database, draft).task is None


def test_addresses_are_masked_for_those_who_may_not_see_the_register(desk: Desk, database: Database) -> None:
    from consentmgr.screening.desk.masked import masked_cell, masked_value

    assert masked_value("email", "aino.virtanen@posti.example") == "a…@p….example"
    assert masked_value("phone", "+358501000301") == "…01"
    assert masked_value("ref", "crm:1") == "c…"
    assert masked_value("city", "Turku") == "Turku"
    assert masked_cell("aino@posti.example") == "a…@p….example"
    assert masked_cell("Turku") == "Turku"


def test_roles_that_do_not_screen_see_nothing(desk: Desk, database: Database, settings: Settings) -> None:
    found = screened(desk("marketer"), database, settings)
    for role in ("mailer", "auditor", "administrator"):
        client = desk(role)
        assert client.get("/desk/screenings").status_code == 403
        assert client.get(f"/desk/screenings/{found.id}/rows").status_code == 403


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_pages_speak_each_language(desk: Desk, database: Database, settings: Settings, language: str) -> None:
    client = desk("marketer", language=language)
    found = screened(client, database, settings)
    page = client.get(f"/desk/screenings/{found.id}").text
    assert f'<html lang="{language}">' in page
    told = {"fi": "Estetty", "sv": "Spärrad", "en": "Blocked"}[language]
    assert told in page
    assert b"SVPL" in made(settings, found, "marraskuu.screened.csv") or language


def test_pasted_rows_are_a_list_too(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    answer = client.post("/desk/screenings/new", {"pasted": "aino@posti.example\nbirger@posti.example\n"})
    list_id = id_of(answer.location)
    confirm(client, list_id)
    start_stored(client, list_id)
    work(database, settings)
    found = seen(database, list_id)
    assert found.summary is not None
    assert found.summary["verdicts"] == {"allow": 1, "review": 0, "block": 1}
    assert client.post("/desk/screenings/new", {"pasted": " "}).status_code == 422


def test_a_campaign_described_in_the_form_is_asked_only_what_it_needs(desk: Desk, database: Database) -> None:
    client = desk("marketer", controllers={"acme"})
    list_id = id_of(bring(client))
    confirm(client, list_id)
    place = f"/desk/screenings/{list_id}/campaign"
    page = client.get(place).text
    assert 'name="message-one_click"' in page
    assert 'name="message-source_line"' not in page
    assert "CAMPAIGN_NO_SENDER" in page
    assert "CAMPAIGN_NO_ONE_CLICK" in page
    shown = re.findall(r'name="shown" value="([^"]+)"', page)
    fields = [("do", "look"), *(("shown", name) for name in shown), ("channel", "phone"), ("purpose", "direct_marketing"),
              ("list_source", "vendor"), ("message-sender_named", "yes"), ("audience", "business")]  # fmt: skip
    part = client.post(place, fields, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert 'name="message-one_click"' not in part
    assert 'name="message-source_line"' in part
    assert 'name="areas"' in part
    assert "CAMPAIGN_NO_SENDER" not in part
    assert "CAMPAIGN_NO_SOURCE" in part


def test_a_described_campaign_is_screened_for(desk: Desk, database: Database, settings: Settings) -> None:
    from tests.screening.desk_samples import STATED

    client = desk("marketer", controllers={"acme"})
    list_id = id_of(bring(client))
    confirm(client, list_id)
    place = f"/desk/screenings/{list_id}/campaign"
    shown = re.findall(r'name="shown" value="([^"]+)"', client.get(place).text)
    stated = {"name": "Syksyn kirje", "controller": "acme", "channel": "email", "purpose": "direct_marketing",
              "audience": "consumer", "list_source": "own", "own_products": "yes", "message-unsubscribe": "link", **STATED}  # fmt: skip
    fields = [("do", "start"), *(("shown", name) for name in shown), *stated.items()]
    nameless = [(name, "" if name == "name" else value) for name, value in fields]
    assert "Give the campaign a name" in client.post(place, nameless).text
    assert client.post(place, fields).status_code == 303
    work(database, settings)
    found = seen(database, list_id)
    assert found.summary is not None
    assert found.summary["verdicts"]["allow"] == 1
    assert found.campaign is not None
    assert str(found.campaign["key"]).endswith(list_id.hex[:6])
    assert "syksyn-kirje" in str(found.campaign["key"])
    # It was this list's alone; stored, it can be chosen for the next one, under the key it was screened by.
    form = f"/desk/campaigns/new?list={list_id}"
    assert form in client.get(f"/desk/screenings/{list_id}").text
    page = client.get(form).text
    assert "Syksyn kirje" in page
    assert desk("marketer", controllers={"other"}).get(form).status_code == 404
    kept = client.post("/desk/campaigns/new", [("list", str(list_id)), *fields, ("name", "Syksyn kirje")])
    assert kept.status_code == 302, kept.text
    assert kept.location == f"/desk/campaigns/{found.campaign['key']}"
    assert "Syksyn kirje" in client.get(kept.location).text
    assert form not in client.get(f"/desk/screenings/{list_id}").text
    assert client.get(form).location == kept.location
    second = id_of(bring(client))
    confirm(client, second)
    assert str(found.campaign["key"]) in client.get(f"/desk/screenings/{second}/campaign").text


def test_a_cancelled_screening_leaves_nothing_and_can_be_started_again(
    desk: Desk, database: Database, settings: Settings
) -> None:
    client = desk("marketer")
    list_id = id_of(bring(client))
    confirm(client, list_id)
    start_stored(client, list_id)
    assert client.post(f"/desk/screenings/{list_id}/cancel").status_code == 303
    work(database, settings)
    assert "was cancelled" in client.get(f"/desk/screenings/{list_id}").text
    start_stored(client, list_id)
    work(database, settings)
    assert seen(database, list_id).screening is not None


def test_a_list_above_the_limit_is_told_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = desk("marketer")
    big = BytesIO(b"email\n")
    answer = client.post(
        "/desk/screenings/new", {"list": (big, "big.csv")}, content_type="multipart/form-data",
        environ_overrides={"CONTENT_LENGTH": str(300_000_000)},
    )  # fmt: skip
    assert answer.status_code == 413
    assert "At most 200 MB" in answer.text or "too large" in answer.text
