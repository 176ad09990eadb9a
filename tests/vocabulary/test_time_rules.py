"""Months, ages and hours as the law counts them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.vocabulary.policy import DEFAULT_POLICY, policy_from
from consentmgr.vocabulary.time_rules import (
    add_months,
    answer_due,
    born_after_for_age,
    may_call_at,
    oldest_inside,
    public_holidays,
)

DAYS = st.dates(date(1970, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 3, 6), 1, date(2026, 4, 6)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 1, 15), 0, date(2026, 1, 15)),
    ],
)
def test_add_months(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later


@pytest.mark.parametrize(
    ("today", "months", "oldest"),
    [
        (date(2026, 11, 2), 36, date(2023, 11, 2)),
        (date(2026, 3, 31), 1, date(2026, 3, 1)),
        (date(2026, 2, 28), 1, date(2026, 1, 28)),
        (date(2026, 2, 28), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 12, date(2023, 3, 1)),
    ],
)
def test_oldest_inside(today: date, months: int, oldest: date) -> None:
    assert oldest_inside(today, months) == oldest


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 11, 20), date(2026, 12, 21)),  # the 20th is a Sunday
        (date(2026, 1, 31), date(2026, 3, 2)),  # February ends on a Saturday
        (date(2026, 3, 6), date(2026, 4, 7)),  # the 6th is Easter Monday
        (date(2026, 9, 1), date(2026, 10, 1)),
    ],
)
def test_a_request_is_answered_within_a_month_or_on_the_next_working_day(received: date, due: date) -> None:
    assert answer_due(received) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 9, 1), date(2026, 12, 1)),
        (date(2026, 1, 31), date(2026, 4, 28)),  # from the end of February, not from the Monday after it
        (date(2026, 3, 6), date(2026, 6, 8)),  # the 6th is a Saturday
        (date(2025, 11, 30), date(2026, 3, 2)),  # February ends on a Saturday
    ],
)
def test_an_extended_request_is_answered_two_months_later(received: date, due: date) -> None:
    assert answer_due(received, extended=True) == due


@given(DAYS)
def test_an_extension_gives_no_more_than_three_months_and_the_days_to_a_working_day(received: date) -> None:
    due = answer_due(received, extended=True)
    assert answer_due(received) < due <= add_months(received, 3) + timedelta(days=6)


@given(DAYS, st.integers(0, 60))
def test_exactly_n_months_old_is_inside_and_a_day_more_is_not(today: date, months: int) -> None:
    oldest = oldest_inside(today, months)
    assert add_months(oldest, months) >= today
    assert add_months(oldest - timedelta(days=1), months) < today


@pytest.mark.parametrize(
    ("today", "years", "latest"),
    [
        (date(2026, 11, 2), 18, date(2008, 11, 2)),
        (date(2026, 2, 28), 18, date(2008, 2, 28)),
        (date(2026, 3, 1), 18, date(2008, 3, 1)),
        (date(2024, 2, 29), 13, date(2011, 2, 28)),
    ],
)
def test_ages(today: date, years: int, latest: date) -> None:
    assert born_after_for_age(today, years) == latest


def test_the_birthday_itself_is_of_age() -> None:
    born = date(2008, 11, 2)
    assert not born > born_after_for_age(date(2026, 11, 2), 18)
    assert born > born_after_for_age(date(2026, 11, 1), 18)
    # Born on 29 February: of age on 1 March where the year has no such day.
    assert date(2008, 2, 29) > born_after_for_age(date(2026, 2, 28), 18)
    assert not date(2008, 2, 29) > born_after_for_age(date(2026, 3, 1), 18)


@pytest.mark.parametrize(
    ("moment", "may_call"),
    [
        ("2026-11-02T09:00:00+02:00", True),
        ("2026-11-02T08:59:59+02:00", False),
        ("2026-11-02T19:59:59+02:00", True),
        ("2026-11-02T20:00:00+02:00", False),
        ("2026-11-02T20:30:00+00:00", False),
        ("2026-11-02T07:00:00+00:00", True),
        ("2026-11-02T18:00:00+00:00", False),
        ("2026-07-01T06:00:00+00:00", True),
        ("2026-07-01T05:59:59+00:00", False),
        ("2026-11-07T17:59:00+02:00", True),
        ("2026-11-07T18:00:00+02:00", False),
        ("2026-11-08T13:00:00+02:00", False),
        ("2026-01-06T12:00:00+02:00", False),
        ("2026-04-06T12:00:00+03:00", False),
        ("2026-05-01T12:00:00+03:00", False),
        ("2026-05-14T12:00:00+03:00", False),
        ("2026-06-19T12:00:00+03:00", False),
        ("2026-06-20T12:00:00+03:00", False),
        ("2026-10-31T12:00:00+02:00", False),
        ("2026-12-24T12:00:00+02:00", False),
        ("2026-12-28T12:00:00+02:00", True),
        # In Finland it is already Sunday, or still Friday.
        ("2026-11-07T23:30:00+00:00", False),
        ("2026-11-06T10:00:00-08:00", False),
    ],
)
def test_when_calls_may_be_made(moment: str, may_call: bool) -> None:
    assert may_call_at(datetime.fromisoformat(moment), DEFAULT_POLICY) is may_call


def test_policy_sets_the_hours() -> None:
    policy = policy_from({"quiet_hours": {"sunday": [12, 14], "public_holiday": [12, 13], "monday_to_friday": None}})
    assert may_call_at(datetime(2026, 11, 8, 12, tzinfo=ZoneInfo("Europe/Helsinki")), policy)
    assert not may_call_at(datetime(2026, 11, 2, 12, tzinfo=ZoneInfo("Europe/Helsinki")), policy)
    assert may_call_at(datetime(2026, 12, 6, 12, tzinfo=ZoneInfo("Europe/Helsinki")), policy)
    assert not may_call_at(datetime(2026, 12, 6, 13, tzinfo=ZoneInfo("Europe/Helsinki")), policy)


@given(st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2060-01-01")))
def test_the_offset_of_a_moment_does_not_matter(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    elsewhere = moment.astimezone(ZoneInfo("America/New_York"))
    assert may_call_at(moment, DEFAULT_POLICY) == may_call_at(elsewhere, DEFAULT_POLICY)


def test_a_moment_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        may_call_at(datetime.fromisoformat("2026-11-02T12:00"), DEFAULT_POLICY)


def test_moving_holidays() -> None:
    assert date(2026, 4, 3) in public_holidays(2026)
    assert date(2027, 3, 29) in public_holidays(2027)
    assert date(2026, 11, 7) not in public_holidays(2026)
    assert len(public_holidays(2026)) == 15
