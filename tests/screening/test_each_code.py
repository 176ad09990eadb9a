"""Each reason code has a case where it fires and one where it does not, and its words in three languages."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import pytest

from consentmgr.vocabulary.codes import LANGUAGES
from consentmgr.vocabulary.reason_codes import BY_CODE, REASON_CODES, explanation
from tests.oracle import judge
from tests.screening.case_files import all_cases

#: Said at sending, of a certificate and not of a row; a rule that failed has no case that a register could hold.
NOT_OF_A_ROW = {"SCREENING_EXPIRED", "NOT_DECIDABLE"}
CODES = [code.code for code in REASON_CODES if code.code not in NOT_OF_A_ROW]


@cache
def fired() -> tuple[frozenset[str], ...]:
    """What fires in each case, by the oracle, which ``test_cases`` holds to the same answers as the product."""
    answers = (
        judge(case["register"], case["campaign"], case["row"], datetime.fromisoformat(case["now"]), case.get("policy"))
        for case in all_cases()
    )
    return tuple(frozenset(answer.reasons) for answer in answers)


@cache
def headlines() -> frozenset[str]:
    return frozenset(case["expect"]["reason"] for case in all_cases())


def test_a_case_shows_each_code_firing_and_another_shows_it_silent() -> None:
    assert len(CODES) > 70
    assert not [code for code in CODES if not any(code in reasons for reasons in fired())]
    assert not [code for code in CODES if all(code in reasons for reasons in fired())]


def test_a_case_has_each_code_as_its_headline() -> None:
    assert set(CODES) <= headlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_code_has_a_sentence_and_its_law(language: str) -> None:
    told = {code: explanation(code, language, "email") for code in BY_CODE}  # type: ignore[arg-type]
    # A sentence, with its law in brackets at the end, and nothing left to fill in.
    wrong = {
        code: words for code, words in told.items() if not words.endswith(").") or "{" in words or len(words) <= 15
    }
    assert not wrong
