"""One organisation number, however written, is one text; a mistyped one is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.register.business_ids import (
    bare_business_id,
    canonical_business_id,
    canonical_in_list,
    canonical_reference,
    is_finnish,
    names_meant,
)


@pytest.mark.parametrize(
    "written",
    ["0112038-9", "01120389", " 0112038-9", "FI01120389", "fi01120389", "FI 0112038-9", "FI-01120389", "0112038–9"],
)
def test_finnish_numbers_have_one_written_form(written: str) -> None:
    assert canonical_business_id(written) == "0112038-9"


@pytest.mark.parametrize("written", ["0112038-1", "112038-99", "FI0112038", "abc", "", " "])
def test_what_is_no_finnish_number_has_none(written: str) -> None:
    assert canonical_business_id(written) is None


def test_swedish_numbers_are_checked_and_written_with_a_hyphen() -> None:
    assert canonical_business_id("1234567897", "SE") == "123456-7897"
    assert canonical_business_id("123456-7897", "SE") == "123456-7897"
    assert canonical_business_id("123456-7891", "SE") is None


def test_numbers_of_other_countries_stand_as_they_are() -> None:
    assert canonical_business_id(" DE130050518 ", "DE") == "DE130050518"


def test_a_reference_of_finnish_shape_must_be_a_number() -> None:
    assert canonical_reference("0112038-9") == "0112038-9"
    assert canonical_reference("FI01120389") == "0112038-9"
    assert canonical_reference("0112038-1") is None
    # Digits alone may be anybody's number: what they are is told where it is known who has been told by them.
    assert canonical_reference("01120389") == "01120389"
    assert canonical_reference(" crm:7 ") == "crm:7"
    assert canonical_reference("  ") is None


@pytest.mark.parametrize("written", ["29050028", " 2905002 8 ", "29 05 00 28"])
def test_eight_digits_are_a_business_id_by_their_check_digit(written: str) -> None:
    assert bare_business_id(written) == canonical_in_list(written) == "2905002-8"
    assert names_meant(written) == [written.strip(), "2905002-8"]


def test_ten_digits_are_a_swedish_number_by_their_check_digit() -> None:
    assert bare_business_id("123456 7897") == canonical_in_list("1234567897") == "123456-7897"


@pytest.mark.parametrize("written", ["29050027", "1234567891", "123456789", "crm:29050028", "\u0662905002\u0668", ""])
def test_digits_that_are_no_business_id_stay_a_reference(written: str) -> None:
    assert bare_business_id(written) is None
    assert canonical_reference(written) == (written or None)


@given(st.text(max_size=20), st.sampled_from(["FI", "SE", "DE"]))
def test_a_written_form_is_its_own_written_form(text: str, country: str) -> None:
    found = canonical_business_id(text, country)
    assert found is None or canonical_business_id(found, country) == found
    named = canonical_reference(text)
    assert named is None or canonical_reference(named) == named


def test_finnish_numbers_are_told_by_their_shape() -> None:
    assert is_finnish("0112038-9")
    assert not is_finnish("club:1")
