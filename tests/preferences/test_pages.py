"""The preference page and its neighbours as a browser asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from babel.dates import format_date
from flask.testing import FlaskClient
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys, distrust_link_key, load_link_keys, rotate_link_key
from consentmgr.kit.clock import local_date
from consentmgr.preferences.links import LinkUse
from consentmgr.vocabulary.time_rules import answer_due
from tests.preferences.choosers import AINO, COURSES, Choosers, person


@pytest.fixture
def people(database: Database, settings: Settings, keys: Keys) -> Iterator[Choosers]:
    choosers = Choosers(database, settings, keys)
    choosers.take(AINO)
    # The pages tell the time by the clock.
    choosers.now = datetime.now(UTC)
    yield choosers
    choosers.close()


@pytest.fixture
def path(people: Choosers) -> str:
    return f"/p/{people.token()}"


def fields(page: str) -> dict[str, list[str]]:
    """What a browser would send of the page's large form, unchanged."""
    form = page[page.index('<form method="post" id="choices">') :]
    form = form[: form.index("</form>")]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'([a-z_]+)="([^"]*)"', tag))
        if given["type"] != "checkbox" or (" checked" in tag and " disabled" not in tag):
            found.setdefault(given["name"], []).append(given.get("value", ""))
    chosen = re.search(r'<option value="(\w*)"[^>]* selected', form)
    found["language"] = [chosen[1] if chosen else ""]
    return found


def test_the_page_is_in_the_persons_language_unless_another_is_asked_for(client: FlaskClient, path: str) -> None:
    english = {"Accept-Language": "en"}
    assert "<h1>Valintasi</h1>" in client.get(path, headers=english).text
    assert "<h1>Dina val</h1>" in client.get(f"{path}?lang=sv", headers=english).text
    assert 'href="/p/' in client.get(f"{path}?lang=sv").text
    assert "/why?lang=sv" in client.get(f"{path}?lang=sv").text


def test_whose_language_is_not_known_reads_the_browsers(client: FlaskClient, people: Choosers) -> None:
    people.take({**person("birger"), "language": None})
    page = client.get(f"/p/{people.token('birger')}", headers={"Accept-Language": "sv"}).text
    assert '<html lang="sv">' in page


def test_the_page_tells_no_more_of_the_person_than_a_masked_address(client: FlaskClient, path: str) -> None:
    for page in ("", "/why", "/details"):
        shown = client.get(f"{path}{page}?lang=en").text
        assert shown.count("a•••@p•••.example") == (page != "/details")
        for secret in ("aino@", "Aino", "Virtanen", "posti.example", "+35850"):
            assert secret not in shown


def test_words_of_staff_that_look_like_a_template_stand_as_they_were_typed(
    client: FlaskClient, people: Choosers, path: str
) -> None:
    typed = "{{ 7*7 }} {% raw %} ${controller} %(name)s {0}"
    people.take({**COURSES, "names": dict.fromkeys(("fi", "sv", "en"), typed)})
    assert typed in unescape(client.get(path).text)


def test_asking_changes_nothing(client: FlaskClient, people: Choosers, path: str) -> None:
    entries = people.value("SELECT count(*) FROM ledger_entry")
    for page in ("", "/why", "/details"):
        assert client.get(path + page).status_code == 200
        assert client.head(path + page).status_code == 200
        assert client.options(path + page).status_code == 200
    assert people.value("SELECT count(*) FROM ledger_entry") == entries
    assert people.value("SELECT count(*) FROM prohibition") == 0


def test_a_form_sent_as_it_was_shown_changes_nothing_and_says_so(
    client: FlaskClient, people: Choosers, path: str
) -> None:
    entries = people.value("SELECT count(*) FROM ledger_entry")
    answer = client.post(f"{path}?lang=en", data=fields(client.get(path).text))
    assert answer.status_code == 200
    assert "Nothing was changed" in answer.text
    assert people.value("SELECT count(*) FROM ledger_entry") == entries


def test_what_is_changed_is_told_in_words_and_can_be_undone(client: FlaskClient, people: Choosers, path: str) -> None:
    sent = fields(client.get(path).text)
    sent["now"].remove("topic:courses")
    sent["now"].append("ban:post")
    answer = client.post(f"{path}?lang=en", data=sent)
    assert "Stopped: New courses" in answer.text
    assert "Forbidden: Letter post" in answer.text
    assert not people.control("topic:courses").on
    undo = answer.text[answer.text.index('class="message done"') :]
    undo = undo[undo.index("<form") : undo.index("</form>")]
    back: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', undo):
        back.setdefault(name, []).append(value)
    answer = client.post(f"{path}?lang=en", data=back)
    assert "You get: New courses" in answer.text
    assert "No longer forbidden: Letter post" in answer.text
    assert people.control("topic:courses").on
    assert not people.control("ban:post").on


def test_stopping_everything_and_taking_it_back(client: FlaskClient, people: Choosers, path: str) -> None:
    answer = client.post(f"{path}?lang=en", data={"do": "stop_all"})
    assert "Everything is stopped." in answer.text
    assert "You have stopped everything" in answer.text
    assert 'name="now"' not in answer.text
    answer = client.post(f"{path}?lang=en", data={"do": "take_back"})
    assert "Stopping everything is taken back." in answer.text
    assert people.control("topic:courses").on


def test_a_pause_is_kept_and_ended(client: FlaskClient, people: Choosers, path: str) -> None:
    until = (datetime.now(UTC) + timedelta(days=20)).date()
    sent = fields(client.get(path).text) | {"pause": [until.isoformat()]}
    answer = client.post(f"{path}?lang=en", data=sent)
    assert f"Paused until {until.day} {until:%B} {until.year}" in answer.text
    assert people.choices().paused_until == until
    assert people.control("topic:courses").on
    answer = client.post(f"{path}?lang=en", data={"do": "resume"})
    assert "The pause is over." in answer.text
    assert people.choices().paused_until is None


@pytest.mark.parametrize("day", ["1999-01-01", "2999-01-01", "tomorrow"])
def test_a_pause_that_cannot_be_is_sent_back_and_nothing_is_done(
    client: FlaskClient, people: Choosers, path: str, day: str
) -> None:
    sent = fields(client.get(path).text) | {"pause": [day]}
    sent["now"].remove("topic:courses")
    answer = client.post(f"{path}?lang=en", data=sent)
    assert answer.status_code == 422
    assert "Not saved" in answer.text
    assert "Nothing was saved yet" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert people.control("topic:courses").on
    # What was ticked is still as it was sent.
    assert "topic:courses" not in fields(answer.text)["now"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"do": "everything"},
        {"do": "save", "was": "topic:a=2"},
        {"do": "save", "was": "purpose:a=1"},
        {"do": "save", "was": [f"topic:{number}=1" for number in range(200)]},
        {"do": "save", "language": "de"},
        {"do": "save", "pause_was": "soon"},
    ],
)
def test_a_form_that_is_none_of_ours_is_refused(client: FlaskClient, people: Choosers, path: str, sent) -> None:
    assert client.post(path, data=sent).status_code == 400
    assert people.value("SELECT count(*) FROM prohibition") == 0


def test_a_damaged_link_and_one_of_another_use_open_nothing(client: FlaskClient, people: Choosers) -> None:
    for token in ("nonsense", people.token(use=LinkUse.LEAVE), people.token()[:-1]):
        for page in ("", "/why", "/details"):
            answer = client.get(f"/p/{token}{page}?lang=en")
            assert answer.status_code == 404
            assert "The link does not work" in answer.text
        assert client.post(f"/p/{token}", data={"do": "stop_all"}).status_code == 404
    assert people.value("SELECT count(*) FROM prohibition") == 0


def test_a_link_of_a_leaked_key_stops_and_shows_nothing_else(
    client: FlaskClient, people: Choosers, settings: Settings, path: str
) -> None:
    (old,) = load_link_keys(settings)
    rotate_link_key(settings, today=people.now.date())
    distrust_link_key(settings, old.id, today=people.now.date())
    for page in ("", "/why", "/details"):
        shown = client.get(f"{path}{page}?lang=en").text
        assert "may have come into wrong hands" in shown
        assert "•••" not in shown
        assert 'name="now"' not in shown
    for do in ("save", "take_back", "resume"):
        client.post(path, data={"do": do, "was": "topic:guidance=0", "now": "topic:guidance"})
    assert people.value("SELECT count(*) FROM ledger_entry WHERE method = 'email_link'") == 0
    assert "Everything is stopped" in client.post(f"{path}?lang=en", data={"do": "stop_all"}).text
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")


def test_an_erased_person_is_told_so_and_may_stop(client: FlaskClient, people: Choosers) -> None:
    token = people.token()
    people.take(person("aino", {"event": "erased", "at": "2026-10-01T10:00:00+03:00", "method": "paper"}))
    shown = client.get(f"/p/{token}?lang=en").text
    assert "Your details have been erased" in shown
    assert client.post(f"/p/{token}", data={"do": "stop_all"}).status_code == 200
    assert people.value("SELECT count(*) FROM prohibition") == 1


@pytest.mark.parametrize("ago", [3, 60])
@pytest.mark.parametrize(
    ("language", "waits", "late"),
    [
        ("fi", "saat vastauksen viimeistään", "vastauksen olisi pitänyt tulla"),
        ("sv", "du får svar senast", "borde ha fått svar"),
        ("en", "you get an answer by", "you should have had an answer by"),
    ],
)
def test_whoever_asked_to_be_erased_sees_by_when_it_is_answered_and_is_not_invited_back(
    client: FlaskClient, people: Choosers, path: str, language: str, waits: str, late: str, ago: int
) -> None:
    asked = (people.now - timedelta(days=ago)).isoformat()
    people.take(person("aino", {"event": "erasure_requested", "at": asked, "method": "email_link"}))
    shown = client.get(f"{path}?lang={language}").text
    assert (waits in shown, late in shown) == (ago == 3, ago == 60)
    # Every box that could be ticked stands behind what is opened on purpose.
    assert shown.index('<details class="later">') < shown.index('name="now"') < shown.index("</details>")
    assert client.post(f"{path}?lang={language}", data=fields(shown)).status_code == 200
    assert people.verdict(topic="courses") == ("block", "ERASED_SUPPRESSED")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("fi", "Kerroimme sinulle {told}, että saat vastauksen viimeistään {due}."),
        ("sv", "Den {told} meddelade vi dig att du får svar senast den {due}."),
        ("en", "We told you on {told} that answering takes until {due}."),
    ],
)
@pytest.mark.parametrize("controller", ["acme", "beta"])
def test_whoever_was_told_that_the_answer_takes_longer_sees_until_when(
    client: FlaskClient, people: Choosers, path: str, language: str, told: str, controller: str
) -> None:
    """What another controller told is not for this one's page; nor is the reason, which the person has."""
    people.take({"type": "controller", "key": "beta", "name": "Beta Oy"})
    asked, answered = people.now - timedelta(days=40), people.now - timedelta(days=20)
    wish = {"event": "erasure_requested", "at": asked.isoformat(), "controller": controller, "method": "paper"}
    longer = {**wish, "event": "erasure_extended", "at": answered.isoformat(), "reason": "A secret."}
    people.take(person("aino", wish, longer))
    shown = unescape(client.get(f"{path}?lang={language}").text)
    due, told_on = (
        format_date(day, "long", locale="en_GB" if language == "en" else language)
        for day in (answer_due(local_date(asked), extended=True), local_date(answered))
    )
    assert due in shown
    assert (told.format(told=told_on, due=due) in shown) == (controller == "acme")
    assert "A secret" not in shown
    assert people.verdict(topic="courses") == ("block", "ERASED_SUPPRESSED")


def test_a_wish_to_be_erased_is_told_until_it_is_carried_out_only(
    client: FlaskClient, people: Choosers, path: str
) -> None:
    assert "erase your details" not in client.get(f"{path}?lang=en").text
    people.take(
        person(
            "aino",
            {"event": "erasure_requested", "at": "2026-10-01T10:00:00+03:00", "method": "paper"},
            {"event": "erased", "at": "2026-10-02T10:00:00+03:00", "method": "paper"},
        )
    )
    assert "erase your details" not in client.get(f"{path}?lang=en").text


@pytest.mark.parametrize(
    ("language", "told", "needed", "rights"),
    [
        (
            "fi",
            "Tietojasi ei ole poistettu",
            "oikeudellisen vaateen laatimiseksi",
            "valituksen tietosuojavaltuutetulle",
        ),
        ("sv", "Dina uppgifter har inte raderats", "ett rättsligt anspråk", "klagomål till dataombudsmannen"),
        (
            "en",
            "Your details have not been erased",
            "defend a legal claim",
            "complain to the Data Protection Ombudsman",
        ),
    ],
)
def test_whoever_is_refused_erasure_sees_why_and_where_to_turn_and_is_not_invited_back(
    client: FlaskClient, people: Choosers, path: str, language: str, told: str, needed: str, rights: str
) -> None:
    wish = {"event": "erasure_requested", "at": "2026-09-01T10:00:00+03:00", "method": "email_link"}
    refused = {
        "event": "erasure_refused", "at": "2026-09-20T10:00:00+03:00", "controller": "acme", "method": "email_link",
        "ground": "legal_claims", "reason": "Lasku 12 on <riitainen>.",
    }  # fmt: skip
    people.take(person("aino", wish, refused))
    shown = client.get(f"{path}?lang={language}").text
    assert all(words in shown for words in (told, needed, rights, "Lasku 12 on &lt;riitainen&gt;."))
    assert shown.index('<details class="later">') < shown.index('name="now"') < shown.index("</details>")
    assert client.post(f"{path}?lang={language}", data=fields(shown)).status_code == 200
    assert people.verdict(topic="courses") == ("block", "ERASED_SUPPRESSED")
    again = {"event": "erasure_requested", "at": "2026-10-01T10:00:00+03:00", "method": "email_link"}
    people.take(person("aino", again))
    assert told not in client.get(f"{path}?lang={language}").text


@pytest.mark.parametrize(
    ("ground", "language", "told", "yours"),
    [
        ("no_ground_applies", "fi", "Mikään laissa säädetyistä poistamisen perusteista ei täyty.", True),
        ("no_ground_applies", "sv", "Ingen av de grunder som enligt lagen kräver radering är tillämplig.", True),
        ("unfounded_or_excessive", "fi", "Pyyntö oli ilmeisen perusteeton tai kohtuuton.", True),
        ("unfounded_or_excessive", "en", "The request was manifestly unfounded or excessive.", True),
        ("identity_not_confirmed", "fi", "Pyynnön esittäjän henkilöllisyyttä ei voitu vahvistaa.", False),
        ("identity_not_confirmed", "sv", "Identiteten hos den som framställde begäran kunde inte bekräftas.", False),
        ("identity_not_confirmed", "en", "The identity of whoever made the request could not be confirmed.", False),
    ],
)
def test_a_refusal_without_a_need_for_the_data_is_told_in_its_own_sentence(
    client: FlaskClient, people: Choosers, path: str, ground: str, language: str, told: str, yours: bool
) -> None:
    """Whose identity was not confirmed is not told that it was they who asked, but how to ask so that it counts."""
    wish = {"event": "erasure_requested", "at": "2026-09-01T10:00:00+03:00", "method": "email_link"}
    refused = {
        "event": "erasure_refused", "at": "2026-09-20T10:00:00+03:00", "controller": "acme", "method": "email_link",
        "ground": ground,
    }  # fmt: skip
    people.take(person("aino", wish, refused))
    shown = unescape(client.get(f"{path}?lang={language}").text)
    asked = {"fi": "Pyysit meitä", "sv": "Du bad oss", "en": "You asked us"}[language]
    write = {"fi": "kirjoita meille", "sv": "skriv till oss", "en": "write to us"}[language]
    assert told in shown
    assert (asked in shown, write in shown) == (yours, not yours)
    assert people.verdict(topic="courses") == ("block", "ERASED_SUPPRESSED")


def test_why_another_controller_refused_is_not_told(client: FlaskClient, people: Choosers, path: str) -> None:
    people.take({"type": "controller", "key": "beta", "name": "Beta Oy"})
    wish = {"event": "erasure_requested", "at": "2026-09-01T10:00:00+03:00", "controller": "beta", "method": "paper"}
    refused = {
        **wish, "event": "erasure_refused", "at": "2026-09-20T10:00:00+03:00", "ground": "legal_claims",
        "reason": "A secret of Beta's.",
    }  # fmt: skip
    people.take(person("aino", wish, refused))
    shown = client.get(f"{path}?lang=en").text
    assert "You have asked to have your details erased" in shown
    assert "nothing is sent to you for marketing" in shown
    assert "legal claim" not in shown
    assert "A secret" not in shown


def test_a_correction_becomes_a_proposal_and_changes_nothing(client: FlaskClient, people: Choosers, path: str) -> None:
    sent = {"given_name": "Áine", "family_name": "", "street": "", "postal_code": "", "city": ""}
    answer = client.post(f"{path}/details?lang=en", data=sent)
    assert "Thank you, the correction is sent" in answer.text
    client.post(f"{path}/details", data=sent)
    with people.database.reading() as session:
        rows = session.execute(text("SELECT kind, data, state, source FROM proposal")).all()
    assert [tuple(row) for row in rows] == [("name_correction", {"given_name": "Áine"}, "open", "preference_page")]
    assert people.value("SELECT given_name FROM contact WHERE ref = 'crm:aino'") == "Aino"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "Write what is right in at least one of the boxes."),
        ({"given_name": "x" * 101}, "write at most 100 characters"),
        ({"given_name": "<b>"}, "Leave out the characters"),
        ({"street": "Mannerheimintie 1"}, "A new address needs its street, postal code and town."),
    ],
)
def test_a_correction_that_cannot_be_is_sent_back(
    client: FlaskClient, people: Choosers, path: str, sent: dict[str, str], sentence: str
) -> None:
    answer = client.post(f"{path}/details?lang=en", data=sent)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<b>" not in answer.text
    assert people.value("SELECT count(*) FROM proposal") == 0


def test_a_controllers_colour_is_a_stylesheet_that_is_the_same_for_ever(client: FlaskClient, path: str) -> None:
    page = client.get(path).text
    assert 'href="/colour/12496b.css"' in page
    answer = client.get("/colour/12496b.css")
    assert answer.mimetype == "text/css"
    assert "--brand:#12496b" in answer.text
    assert "immutable" in answer.headers["Cache-Control"]
    for colour in ("808080", "12496", "12496B;}", "zzzzzz"):
        assert client.get(f"/colour/{colour}.css").status_code == 404


def test_with_the_largest_logo_a_page_weighs_less_than_50_kilobytes(client: FlaskClient, people: Choosers) -> None:
    logo = "data:image/png;base64," + "iVBORw0KGgoA".ljust(23_900, "A")
    people.take({"type": "controller", "key": "acme", "name": "Acme Oy", "logo": logo})
    token = people.token()
    with client.get("/static/house/page.css") as sheet, client.get("/colour/12496b.css") as colour:
        styles = len(sheet.data) + len(colour.data)
    for page in ("", "/why", "/details"):
        assert len(client.get(f"/p/{token}{page}").data) + styles <= 50_000
