"""Every decision case gives its expected verdict and headline, through the same path as ``consentmgr decide``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import decide_case
from tests.oracle import judge
from tests.screening.case_files import GIVEN, LAW, OWN, all_cases, cases_of, cases_of_law

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from consentmgr.screening.engine import EngineName

ALL = list(all_cases())
OF_LAW = list(cases_of_law())
of_all = pytest.mark.parametrize("case", ALL, ids=[case["id"] for case in ALL])


@pytest.mark.parametrize("name", GIVEN)
def test_no_given_case_is_missing(name: str) -> None:
    assert len(cases_of(name)) == GIVEN[name]


def test_at_least_176_cases_were_given() -> None:
    assert sum(GIVEN.values()) >= 176


def test_every_own_file_has_cases_and_every_case_an_id_of_its_own() -> None:
    assert all(cases_of(name) for name in (*OWN, *LAW))
    assert len({case["id"] for case in (*ALL, *OF_LAW)}) == len(ALL) + len(OF_LAW)


def test_every_own_case_cites_its_law_and_says_how_sure_it_is() -> None:
    own = [case for name in (*OWN, *LAW) for case in cases_of(name)]
    assert all(case["citation"] and case["note"] for case in own)
    assert {case["confidence"] for case in own} <= {"settled", "guidance", "design", "uncertain"}


@of_all
def test_the_product_answers_as_the_case_expects(case: dict[str, Any], database: Database, keys: Keys) -> None:
    answer = decide_case(case, database, AddressKeys(keys.address_key, keys.address_key_id))
    assert (answer["verdict"], answer["reason"]) == (case["expect"]["verdict"], case["expect"]["reason"]), answer
    assert answer["matches"]


#: On the engines of long lists one case takes as long as a list, so they are asked every tenth.
ENGINES: tuple[tuple[EngineName, int], ...] = (("compiled", 1), ("polars", 10), ("duckdb", 10))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("engine", "every"), ENGINES)
@pytest.mark.parametrize("name", LAW)
def test_the_product_answers_as_the_text_of_the_law(
    name: str, engine: EngineName, every: int, database: Database, keys: Keys
) -> None:
    addresses = AddressKeys(keys.address_key, keys.address_key_id)
    answers = [(case, decide_case(case, database, addresses, engine=engine)) for case in cases_of(name)[::every]]
    assert not [(case["id"], case["note"], answer) for case, answer in answers if not answer["matches"]]


def oracle_answers(case: dict[str, Any]) -> bool:
    answer = judge(
        case["register"], case["campaign"], case["row"], datetime.fromisoformat(case["now"]), case.get("policy")
    )
    told = answer._asdict() | {"reasons": list(answer.reasons)}
    return all(told[name] == value for name, value in case["expect"].items())


@pytest.mark.parametrize("name", [*GIVEN, *OWN])
def test_the_oracle_answers_as_the_cases_of_the_file_expect(name: str) -> None:
    assert not [case["id"] for case in cases_of(name) if not oracle_answers(case)]


@pytest.mark.parametrize("name", LAW)
def test_the_oracle_answers_as_the_text_of_the_law(name: str) -> None:
    assert not [(case["id"], case["note"]) for case in cases_of(name) if not oracle_answers(case)]
