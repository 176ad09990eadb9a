"""Every decision case gives its expected verdict and headline, through the same path as ``consentmgr decide``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import decide_case
from tests.oracle import judge
from tests.screening.case_files import GIVEN, OWN, all_cases, cases_of

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys

ALL = list(all_cases())
of_all = pytest.mark.parametrize("case", ALL, ids=[case["id"] for case in ALL])


@pytest.mark.parametrize("name", GIVEN)
def test_no_given_case_is_missing(name: str) -> None:
    assert len(cases_of(name)) == GIVEN[name]


def test_at_least_176_cases_were_given() -> None:
    assert sum(GIVEN.values()) >= 176


def test_every_own_file_has_cases_and_every_case_an_id_of_its_own() -> None:
    assert all(cases_of(name) for name in OWN)
    assert len({case["id"] for case in ALL}) == len(ALL)


def test_every_own_case_cites_its_law_and_says_how_sure_it_is() -> None:
    own = [case for name in OWN for case in cases_of(name)]
    assert all(case["citation"] and case["note"] for case in own)
    assert {case["confidence"] for case in own} <= {"settled", "guidance", "design", "uncertain"}


@of_all
def test_the_product_answers_as_the_case_expects(case: dict[str, Any], database: Database, keys: Keys) -> None:
    answer = decide_case(case, database, AddressKeys(keys.address_key, keys.address_key_id))
    assert (answer["verdict"], answer["reason"]) == (case["expect"]["verdict"], case["expect"]["reason"]), answer
    assert answer["matches"]


@of_all
def test_the_oracle_answers_as_the_case_expects(case: dict[str, Any]) -> None:
    now = datetime.fromisoformat(case["now"])
    answer = judge(case["register"], case["campaign"], case["row"], now, case.get("policy"))
    assert {"verdict": answer.verdict, "reason": answer.reason} == case["expect"]
