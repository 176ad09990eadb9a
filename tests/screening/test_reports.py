"""The report: counts that add up, in three languages, as a page that stands alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from consentmgr.screening.report_page import report_page, stacked
from consentmgr.screening.report_words import WORDS
from consentmgr.screening.reports import (
    ControllerFacts,
    OutputFile,
    ReportData,
    campaign_document,
    report_data,
    report_json,
    terminal_summary,
    workbook_summary,
)
from consentmgr.vocabulary.codes import LANGUAGES, Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.local_forms import number, percent
from consentmgr.vocabulary.policy import POLICY, policy_from
from consentmgr.vocabulary.policy_words import SETTING_WORDS
from consentmgr.vocabulary.policy_words.values import setting_value
from consentmgr.vocabulary.reason_codes import BY_CODE, REASON_CODES, explanation
from tests.screening.output_samples import (
    CAMPAIGN,
    CERTIFICATE_ID,
    NOW,
    made_answers,
    made_list,
    outcome,
)

FILES = (
    OutputFile("input", "list.csv", 4, None, "aa" * 32),
    OutputFile("result", "list.screened.csv", 4, 100, "bb" * 32),
    OutputFile("certificate", "list.certificate.json"),
)


def made_report(
    chosen: list[int] | None = None, *, language: Language = "en", campaign: Campaign = CAMPAIGN, **more: object
) -> ReportData:
    chosen = [0, 1, 2, 0] if chosen is None else chosen
    lst = made_list("Sähköposti,Nimi\n" + "".join(f"secret{n}@a.example,Aino\n" for n in range(len(chosen))))
    answers = made_answers(chosen, campaign=campaign, **more)  # type: ignore[arg-type]
    return report_data(
        lst,
        answers,
        language=language,
        certificate_id=CERTIFICATE_ID,
        controller=ControllerFacts("acme", "Acme <Oy>", "2345678-9"),
    ).with_files(FILES)


# --- counts ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2), max_size=50))
def test_rows_in_are_allow_and_review_and_block(chosen: list[int]) -> None:
    report = made_report(chosen)
    assert report.rows == len(chosen) == sum(report.verdicts.values())
    assert sum(reason.first for reason in report.reasons) == report.verdicts["review"] + report.verdicts["block"]
    assert sum(reason.block for reason in report.reasons) == report.verdicts["block"]
    assert sum(ground.rows for ground in report.grounds) == report.verdicts["allow"] == sum(report.legal_bases.values())
    assert sum(stage.first for stage in report.stages) == report.verdicts["review"] + report.verdicts["block"]


def test_headlines_and_every_code_that_fired_are_counted_apart() -> None:
    report = made_report([2, 2, 1, 0])
    reasons = {reason.code: (reason.first, reason.block, reason.review, reason.fired) for reason in report.reasons}
    assert reasons == {
        "DM_OBJECTION_ALL": (2, 2, 0, 2),
        "CONSENT_STALE": (1, 0, 1, 1),
        "CONSENT_MISSING": (0, 0, 0, 2),
    }
    assert [reason.code for reason in report.reasons] == ["DM_OBJECTION_ALL", "CONSENT_STALE", "CONSENT_MISSING"]
    assert {stage.stage: (stage.first, stage.fired) for stage in report.stages} == {5: (2, 2), 7: (1, 3)}


def test_a_ground_that_holds_on_a_stopped_row_does_not_speak_against_it() -> None:
    stopped = outcome("block", "DM_OBJECTION_ALL", "CONSENT_OK")
    asked = outcome("review", "B2B_ROLE_OK")
    report = made_report([0, 1], outcomes=(stopped, asked))
    assert {reason.code for reason in report.reasons} == {"DM_OBJECTION_ALL", "B2B_ROLE_OK"}
    assert report.grounds == ()


def test_the_banned_channel_is_named_where_all_rows_of_the_reason_have_the_same() -> None:
    own = outcome("block", "DM_OBJECTION_CHANNEL")
    by_text = replace(own, verdict="review", banned_channel="sms")
    told = [made_report([0], outcomes=outcomes).reasons[0].sentence for outcomes in ((by_text,), (own,))]
    assert told == ["Has forbidden text message marketing.", "Has forbidden e-mail marketing."]
    assert made_report([0, 1], outcomes=(own, by_text)).reasons[0].sentence == "Has forbidden e-mail marketing."


def test_grounds_name_their_legal_basis_or_why_none_is_needed() -> None:
    outcomes = tuple(outcome("allow", code) for code in ("CONSENT_OK", "SOFT_OPT_IN_OK", "B2B_ROLE_OK"))
    report = made_report([0, 1, 1, 2], outcomes=outcomes)
    assert [(ground.code, ground.legal_basis, ground.rows) for ground in report.grounds] == [
        ("SOFT_OPT_IN_OK", None, 2),
        ("CONSENT_OK", "consent", 1),
        ("B2B_ROLE_OK", "legitimate_interests", 1),
    ]
    assert report.grounds[0].note == "§ 200(3) is enough (CJEU C-654/23)"
    assert report.legal_bases == {"none": 2, "consent": 1, "legitimate_interests": 1}


def test_repeated_rows_are_counted_and_those_that_are_allowed() -> None:
    report = made_report([0, 0, 2, 1], duplicate_of=[None, 1, 1, None])
    assert (report.repeated, report.repeated_allowed) == (2, 1)


def test_settings_looser_than_their_default_are_marked() -> None:
    report = made_report(policy=policy_from({"sole_trader": "b2b", "certificate_valid_hours": 12}))
    assert report.looser == ("sole_trader",)
    settings = {setting.name: setting for setting in report.policy}
    assert len(settings) == len(POLICY)
    assert (settings["sole_trader"].value, settings["sole_trader"].default) == ("b2b", "review")
    assert not settings["certificate_valid_hours"].is_default
    assert (report.valid_until - NOW).total_seconds() == 12 * 3600


def test_a_gate_that_stops_every_row_is_told_as_the_campaigns_own_fault() -> None:
    gate = outcome("block", "CAMPAIGN_NO_SENDER", "CONSENT_MISSING")
    report = made_report([0, 0], outcomes=(gate,))
    assert [reason.code for reason in report.gates] == ["CAMPAIGN_NO_SENDER"]
    assert WORDS["en"].campaign_stopped in report_page(report)


def test_the_campaign_is_spelled_out_with_its_defaults() -> None:
    document = campaign_document(Campaign(key="k"))
    assert document["type"] == "campaign"
    assert document["promotes"] is True
    assert document["message"]["unsubscribe"] == "link"
    assert "topic" not in document


# --- JSON -----------------------------------------------------------------------------------------------------------


def test_the_report_as_data_says_what_the_page_says() -> None:
    report = made_report(policy=policy_from({"sole_trader": "b2b"}))
    data = json.loads(report_json(report))
    assert data["schema"] == "consentmgr.screening_report/1"
    assert data["verdicts"] == {"allow": 2, "review": 1, "block": 1}
    assert data["rows"] == 4
    stopped = next(reason for reason in data["reasons"] if reason["code"] == "DM_OBJECTION_ALL")
    assert (stopped["headline"], stopped["fired"], stopped["citation"]) == (1, 1, "GDPR art. 21(2)–(3)")
    assert data["policy_looser_than_default"] == ["sole_trader"]
    assert data["certificate_id"] == str(CERTIFICATE_ID)
    assert data["list"]["recognised"] == {"email": "Sähköposti"}
    assert (data["register_position"], data["ledger_head"], data["rule_pack"]) == ("1042:1042:", "ab" * 32, "2026.2")


# --- the page -------------------------------------------------------------------------------------------------------

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Every element, and a complaint for each one that is not closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.complaints: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        self.complaints += [f"<{name}> is never closed" for name in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_in_its_language(language: Language) -> None:
    report = made_report(language=language, policy=policy_from({"sole_trader": "b2b"}), duplicate_of=[None, 1, None, 1])
    text = report_page(report)
    page = Page(text)
    assert page.complaints == []
    assert ("html", {"lang": language}) in page.elements
    assert f"<title>{WORDS[language].title}: Payroll software</title>" in text
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "href"):
            if name in attributes:
                assert str(attributes[name]).removeprefix("#") in ids
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert headings.count(1) == 1
    assert set(headings) == {1, 2}
    shown = " ".join(page.text)
    for reason in report.reasons:
        assert reason.sentence in shown
        assert reason.citation in shown
    assert WORDS[language].looser in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone(language: Language) -> None:
    text = report_page(made_report(language=language))
    page = Page(text)
    names = {tag for tag, _ in page.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video"}
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "srcset", "style", "xlink:href") for name in attributes)
        assert str(attributes.get("href", "#")).startswith("#")
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#fill-)", text)


def test_the_page_tells_nobodys_address_or_name() -> None:
    for made in (report_page(made_report()).encode(), report_json(made_report())):
        assert b"secret" not in made
        assert b"Aino" not in made


def test_what_others_wrote_is_text_in_the_page() -> None:
    campaign = Campaign(key="<b>k</b>", name='<script>alert(1)</script>"&')
    text = report_page(made_report(campaign=campaign))
    assert "<script" not in text
    assert "Acme &lt;Oy&gt;" in text
    assert Page(text).complaints == []


@pytest.mark.parametrize("chosen", [[], [0], [2], [0] * 3000 + [2]])
def test_a_page_of_few_or_lopsided_rows(chosen: list[int]) -> None:
    assert Page(report_page(made_report(chosen))).complaints == []


@given(st.lists(st.integers(0, 10**7), min_size=3, max_size=3))
def test_a_bar_is_never_wider_than_its_drawing_and_shows_all_that_is_there(rows: list[int]) -> None:
    whole = sum(rows)
    parts = stacked(list(zip(("allow", "review", "block"), rows, strict=True)), whole)  # type: ignore[arg-type]
    assert len(parts) == (sum(count > 0 for count in rows) if whole else 0)
    assert all(part.width > 0.6 for part in parts)
    assert sum(part.width for part in parts) <= 100.01
    for before, after in pairwise(parts):
        assert after.x == pytest.approx(before.x + before.width, abs=0.01)


# --- words ----------------------------------------------------------------------------------------------------------


def test_every_setting_has_a_name_in_three_languages() -> None:
    assert list(SETTING_WORDS) == [row.name for row in POLICY]
    for words in SETTING_WORDS.values():
        assert set(words.name) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_allowed_value_of_a_setting_can_be_told(language: Language) -> None:
    for row in POLICY:
        for value in (row.default, *row.values) if row.kind == "switch" else (row.default,):
            assert setting_value(row, value, language)


def test_placeholders_are_the_same_in_every_language() -> None:
    for field in WORDS["en"].__slots__:
        texts = [getattr(WORDS[language], field) for language in LANGUAGES]
        if isinstance(texts[0], str):
            assert len({frozenset(re.findall(r"{(\w+)", text)) for text in texts}) == 1, field
        else:
            assert len({frozenset(text) for text in texts}) == 1, field


def test_shares_never_hide_the_few() -> None:
    assert percent(1, 1_000_000, "en") == "< 0.1%"
    assert percent(999_999, 1_000_000, "fi") == "> 99,9 %"
    assert percent(0, 5, "sv") == "0,0 %"
    assert percent(5, 5, "en") == "100.0%"
    assert percent(0, 0, "en") == "–"
    assert number(1_234_567, "fi") == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567"


def test_every_reason_code_can_stand_in_a_report() -> None:
    outcomes = tuple(
        outcome("allow" if row.kind == "ground" else "block", row.code, told=explanation(row.code, "fi", "email"))
        for row in REASON_CODES
    )
    report = made_report(list(range(len(outcomes))), outcomes=outcomes, language="fi")
    assert Page(report_page(report)).complaints == []
    assert {reason.code for reason in report.reasons} | {ground.code for ground in report.grounds} == set(BY_CODE)


# --- workbook and terminal ------------------------------------------------------------------------------------------


def test_the_terminal_shows_counts_reasons_with_sentences_and_files() -> None:
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        console.print(terminal_summary(made_report(policy=policy_from({"sole_trader": "b2b"}))))
    text = captured.get()
    for part in ("50.0%", "Has forbidden all direct marketing.", "list.screened.csv", "sole_trader", "CONSENT_STALE"):
        assert part in text
    assert "\x1b" not in text


def test_a_workbook_says_that_it_is_for_reading() -> None:
    lines = workbook_summary(made_report(language="fi"))
    assert lines[0] == ["Seulontaraportti"]
    assert any(WORDS["fi"].for_reading in line for line in lines)
