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


@pytest.mark.parametrize("code", CODES)
def test_a_case_shows_the_code_firing_and_another_shows_it_silent(code: str) -> None:
    assert any(code in reasons for reasons in fired())
    assert any(code not in reasons for reasons in fired())


@pytest.mark.parametrize("code", CODES)
def test_a_case_has_the_code_as_its_headline(code: str) -> None:
    assert code in headlines()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(BY_CODE))
def test_the_code_has_a_sentence_and_its_law_in_every_language(code: str, language: str) -> None:
    told = explanation(code, language, "email")  # type: ignore[arg-type]
    assert told.endswith(").")
    assert "{" not in told
    assert len(told) > 15
