"""The rule pack in words: complete, in order, citable, in three languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from consentmgr.vocabulary.areas import AREA_NAMES, area_name, area_of_text
from consentmgr.vocabulary.citations import SOURCES, cite
from consentmgr.vocabulary.codes import AREAS, CHANNELS, LANGUAGES, PURPOSES, Language
from consentmgr.vocabulary.printed_rules import rules_as_json, rules_document
from consentmgr.vocabulary.reason_codes import (
    BY_CODE,
    CHANNEL_LABELS,
    CHANNEL_NAMES,
    GROUNDS,
    LEGAL_BASIS_OF_GROUND,
    NO_LEGAL_BASIS_NOTES,
    PURPOSE_NAMES,
    REASON_CODES,
    RULE_PACK_VERSION,
    STAGES,
    VERDICT_NAMES,
    explanation,
    legal_basis_text,
    sentence,
)

RULES_FILE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"

#: Every code ever given out, in evaluation order. A code is never reused or renamed; new ones are added here.
CODES = [
    "RESEARCH_IS_SALES",
    "SERVICE_HAS_PROMO",
    "CAMPAIGN_NO_SENDER",
    "CAMPAIGN_DISGUISED",
    "CAMPAIGN_NO_UNSUB",
    "CAMPAIGN_NO_ONE_CLICK",
    "CAMPAIGN_NO_SOURCE",
    "CAMPAIGN_EXPOSES_RECIPIENTS",
    "VTJ_ADDRESS_NOT_HELD",
    "DECEASED",
    "ERASED_SUPPRESSED",
    "PROCESSING_RESTRICTED",
    "MINOR_UNDER_13",
    "MINOR_REVIEW",
    "NON_DISCLOSURE",
    "DM_OBJECTION_ALL",
    "DM_OBJECTION_CHANNEL",
    "DM_OBJECTION_TOPIC",
    "CONSENT_WITHDRAWN",
    "SPAM_COMPLAINT",
    "ORG_PROHIBITION",
    "VENDOR_PROHIBITION",
    "ROBINSON_PHONE",
    "ROBINSON_POST",
    "DVV_DM_BAN",
    "ROBINSON_STALE",
    "PHONE_SUBSCRIPTION_BAN",
    "RESEARCH_OBJECTION",
    "PUBLIC_INFO_OBJECTION",
    "ORG_CEASED",
    "FOREIGN_LAW",
    "ORGANISATION_UNKNOWN",
    "CONTACT_UNKNOWN",
    "B2B_NOT_LEGAL_PERSON",
    "B2B_CONSUMER_PRODUCT",
    "B2B_PRIVATE_ADDRESS",
    "B2B_ROLE_STALE",
    "B2B_ROLE_MISMATCH",
    "B2B_ROLE_TITLE_ONLY",
    "B2B_ROLE_MISSING",
    "SPECIAL_CATEGORY",
    "SOCIAL_CONSENT_MISSING",
    "CONSENT_SCOPE_CONTROLLER",
    "CONSENT_SCOPE_CHANNEL",
    "CONSENT_SCOPE_TOPIC",
    "CONSENT_INVALID_FORM",
    "CONSENT_UNCONFIRMED",
    "CONSENT_UNPROVEN",
    "CONSENT_STALE",
    "SOFT_OPT_IN_CHANNEL",
    "SOFT_OPT_IN_OTHER_SELLER",
    "SOFT_OPT_IN_NO_SALE",
    "SOFT_OPT_IN_NOT_FROM_CUSTOMER",
    "SOFT_OPT_IN_NO_OPTOUT",
    "SOFT_OPT_IN_GROUP",
    "SOFT_OPT_IN_STALE",
    "CONSENT_MISSING",
    "CONSENT_OK",
    "SOFT_OPT_IN_OK",
    "OPT_OUT_CHANNEL_OK",
    "B2B_GENERIC_OK",
    "B2B_ROLE_OK",
    "B2B_CUSTOMER_OK",
    "SERVICE_OK",
    "RESEARCH_OK",
    "PUBLIC_INFO_OK",
    "SOCIAL_OK",
    "ADDRESS_MISSING",
    "ADDRESS_INVALID",
    "SOFT_BOUNCE_LIMIT",
    "DATA_STALE",
    "SOURCE_UNKNOWN",
    "VENDOR_LICENCE_EXPIRED",
    "ART14_NOT_INFORMED",
    "QUIET_HOURS",
    "FREQ_CAP",
    "NOT_DECIDABLE",
    "SCREENING_EXPIRED",
]


def test_codes_stand_in_evaluation_order_and_are_never_renamed() -> None:
    assert [row.code for row in REASON_CODES] == CODES
    assert [row.stage for row in REASON_CODES] == sorted(row.stage for row in REASON_CODES)
    assert {row.stage for row in REASON_CODES} == set(STAGES)
    assert len(BY_CODE) == len(REASON_CODES) == 78


@pytest.mark.parametrize("row", REASON_CODES, ids=lambda row: row.code)
def test_every_code_has_its_words_and_its_law(row: object) -> None:
    code = BY_CODE[row.code]  # type: ignore[attr-defined]
    assert code.confidence
    for language in LANGUAGES:
        when = code.when(language)
        assert when[0].isupper()
        assert when.endswith(".")
        assert not re.search(r"  |[{}]", when)
        text = code.text(language)
        assert text.endswith(".")
        assert text[0].isupper()
        assert set(re.findall(r"\{\w+\}", text)) <= {"{channel}"}
        assert code.law(language)
    assert len({code.en, code.fi, code.sv}) == len({code.when_en, code.when_fi, code.when_sv}) == 3
    assert code.since <= RULE_PACK_VERSION


def test_no_two_codes_say_the_same() -> None:
    for language in LANGUAGES:
        assert len({row.text(language) for row in REASON_CODES}) == len(REASON_CODES)


def test_a_sentence_names_the_banned_channel() -> None:
    assert sentence("DM_OBJECTION_CHANNEL", "en", "email") == "Has forbidden e-mail marketing."
    assert sentence("DM_OBJECTION_CHANNEL", "en", "post") == "Has forbidden postal marketing."
    assert sentence("DM_OBJECTION_CHANNEL", "fi", "sms") == "On kieltänyt markkinoinnin: tekstiviestit."
    assert sentence("DM_OBJECTION_CHANNEL", "sv", "email") == "Har förbjudit marknadsföring: e-post."
    assert sentence("DECEASED", "en") == "The person has died."
    with pytest.raises(ValueError, match="channel"):
        sentence("DM_OBJECTION_CHANNEL", "en")


def test_an_explanation_is_the_sentence_and_its_law() -> None:
    assert explanation("DM_OBJECTION_CHANNEL", "en", "email") == (
        "Has forbidden e-mail marketing (Act 917/2014 § 200(2); GDPR art. 21(3))."
    )
    assert explanation("DM_OBJECTION_ALL", "fi", "email") == (
        "On kieltänyt kaiken suoramarkkinoinnin (tietosuoja-asetus 21 artikla 2–3 kohta)."
    )
    assert explanation("ORG_PROHIBITION", "sv", "email") == (
        "Organisationen har förbjudit marknadsföring "
        "(lagen om tjänster inom elektronisk kommunikation 917/2014, 202 §)."
    )


def test_an_explanation_adds_the_blocker() -> None:
    assert explanation("SOFT_BOUNCE_LIMIT", "en", "email", then="QUIET_HOURS") == (
        "Delivery fails repeatedly (precaution of this rule pack). "
        "Not a decent time to call (Competition and Consumer Authority, guidance)."
    )
    assert explanation("DECEASED", "en", "email", then="DECEASED") == explanation("DECEASED", "en", "email")


@pytest.mark.parametrize(
    ("citation", "language", "written"),
    [
        ("SVPL 200(1)", "en", "Act 917/2014 § 200(1)"),
        ("SVPL 200(1)", "fi", "laki sähköisen viestinnän palveluista 917/2014, 200 § 1 mom."),
        ("SVPL 200(1)", "sv", "lagen om tjänster inom elektronisk kommunikation 917/2014, 200 § 1 mom."),
        ("SVPL 202; SVPL 203", "en", "Act 917/2014 § 202, § 203"),
        ("GDPR 21(2)", "en", "GDPR art. 21(2)"),
        ("GDPR 21(2)", "fi", "tietosuoja-asetus 21 artikla 2 kohta"),
        ("GDPR 21(2)", "sv", "dataskyddsförordningen artikel 21.2"),
        ("GDPR 6(1)(b)–(d)", "en", "GDPR art. 6(1)(b)–(d)"),
        ("GDPR 6(1)(b)–(d)", "fi", "tietosuoja-asetus 6 artikla 1 kohta b–d alakohta"),
        ("GDPR 6(1)(b)–(d)", "sv", "dataskyddsförordningen artikel 6.1 b–d"),
        ("GDPR 4(11)", "fi", "tietosuoja-asetus 4 artikla 11 alakohta"),
        ("GDPR 13; GDPR 14(3)", "en", "GDPR art. 13, 14(3)"),
        ("recital 42", "sv", "dataskyddsförordningen skäl 42"),
        ("ePD 13(4)", "fi", "direktiivi 2002/58/EY 13 artikla 4 kohta"),
        ("DSA 28(2)", "fi", "digipalvelusäädös 2022/2065, 28 artikla 2 kohta"),
        ("KSL 2", "fi", "kuluttajansuojalaki 38/1978, 2 luku"),
        ("TSV 2020-07-23", "en", "Data Protection Ombudsman, 23 July 2020"),
        ("TSV 2020-07-23", "fi", "tietosuojavaltuutettu, 23.7.2020"),
        ("KKV", "en", "Competition and Consumer Authority, guidance"),
        ("RFC 8058", "sv", "RFC 8058"),
        ("MFL-SE 19–20", "en", "Sweden: marknadsföringslagen §§ 19–20"),
    ],
)
def test_citations_are_written_out(citation: str, language: Language, written: str) -> None:
    assert cite(citation, language) == written


@pytest.mark.parametrize("citation", ["", "XYZ 1", "GDPR x", "GDPR 6(", "guide 3"])
def test_what_nobody_can_look_up_may_not_be_cited(citation: str) -> None:
    with pytest.raises(ValueError, match=r"no source|no place|no places"):
        cite(citation, "en")


def test_every_source_is_named_in_three_languages_and_cited() -> None:
    cited = {part.strip().split(" ")[0] for row in REASON_CODES for part in row.citation.split(";")}
    assert cited == set(SOURCES)
    for source in SOURCES.values():
        assert all(source.name(language) for language in LANGUAGES)


def test_every_ground_rests_on_something() -> None:
    assert set(LEGAL_BASIS_OF_GROUND) == set(GROUNDS)
    for ground in GROUNDS:
        for language in LANGUAGES:
            assert legal_basis_text(ground, language)
    assert {ground for ground, basis in LEGAL_BASIS_OF_GROUND.items() if basis is None} <= set(NO_LEGAL_BASIS_NOTES)


def test_names_are_complete() -> None:
    assert set(CHANNEL_NAMES) == set(CHANNEL_LABELS) == set(CHANNELS)
    assert set(PURPOSE_NAMES) == set(PURPOSES)
    assert set(VERDICT_NAMES) == {"allow", "review", "block"}
    assert set(AREA_NAMES) == set(AREAS)
    for names in (*CHANNEL_NAMES.values(), *PURPOSE_NAMES.values(), *VERDICT_NAMES.values(), *AREA_NAMES.values()):
        assert set(names) == set(LANGUAGES)
        assert all(names.values())


def test_areas_are_found_by_code_or_name() -> None:
    assert area_of_text("human_resources") == "human_resources"
    assert area_of_text(" Henkilöstö ") == "human_resources"
    assert area_of_text("PERSONAL") == "human_resources"
    assert area_of_text("Tutkimus  ja kehitys") == "research_and_development"
    assert area_of_text("henkilö") is None
    assert area_name("finance", "sv") == "ekonomi"
    assert area_name("own_area", "sv") == "own area"


def test_the_document_is_the_print_of_the_code() -> None:
    """If this fails: ``consentmgr rules show > docs/rules.md``, and read what changed."""
    assert RULES_FILE.read_text(encoding="utf-8") == rules_document("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_has_every_code_and_switch(language: Language) -> None:
    document = rules_document(language)
    headings = re.findall(r"^### `(\w+)`$", document, re.MULTILINE)
    assert headings == CODES
    for name in ("sole_trader", "quiet_hours", "free_mail_domains", "country_rules"):
        assert f"`{name}`" in document
    assert RULE_PACK_VERSION in document


@pytest.mark.parametrize(("language", "foreign"), [("fi", "When"), ("sv", "The person")])
def test_the_document_is_in_one_language(language: Language, foreign: str) -> None:
    document = rules_document(language)
    assert foreign not in document
    assert not re.search("englanniksi|på engelska", document)
    for row in REASON_CODES:
        assert row.when(language) in document
        assert row.when_en not in document


def test_the_json_has_the_same() -> None:
    pack = json.loads(json.dumps(rules_as_json()))
    assert pack["rule_pack"] == RULE_PACK_VERSION
    assert [row["code"] for row in pack["codes"]] == CODES
    first = pack["codes"][CODES.index("CONSENT_OK")]
    assert first["legal_basis"] == "consent"
    assert first["law"]["en"] == "Act 917/2014 § 200(1); GDPR art. 6(1)(a)"
    assert first["when"] == first["when_in"]["en"]
    assert set(first["when_in"]) == set(LANGUAGES)
    assert {row["name"] for row in pack["policy"]} >= {"sole_trader", "free_mail_domains"}
