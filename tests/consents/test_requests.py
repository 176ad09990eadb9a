"""Requests to be erased: who waits, until when, and what an answer that refuses ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from consentmgr.consents.requests import ErasureAsked, ErasureRefused

DAY = datetime(2026, 3, 6, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    event: str
    at: datetime
    controller: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    personal: dict[str, Any] | None = None


def asked(day: float, controller: str | None = "acme") -> Told:
    return Told("erasure_requested", DAY + timedelta(days=day), controller)


def refused(day: float, controller: str | None = "acme", sentence: str | None = None) -> Told:
    personal = {"reason": sentence} if sentence else None
    return Told("erasure_refused", DAY + timedelta(days=day), controller, {"ground": "legal_claims"}, personal)


def extended(day: float, controller: str | None = "acme") -> Told:
    return Told("erasure_extended", DAY + timedelta(days=day), controller, personal={"reason": "Many registers."})


def erased(day: float) -> Told:
    return Told("erased", DAY + timedelta(days=day))


def waits_since(*acts: Told, controllers: tuple[str, ...] | None = None) -> date | None:
    found = ErasureAsked.of(acts, controllers)
    return found.on if found is not None else None


def test_a_refused_wish_waits_no_more_and_a_later_one_waits_anew() -> None:
    assert waits_since(asked(0)) == date(2026, 3, 6)
    assert waits_since(asked(0), asked(2), refused(5)) is None
    assert waits_since(asked(0), refused(5), asked(9)) == date(2026, 3, 15)
    again = ErasureAsked.of([asked(9), refused(5), asked(0)])
    assert again is not None
    assert again.due == date(2026, 4, 15)


def test_a_refusal_answers_what_came_before_it_or_at_its_own_instant() -> None:
    assert waits_since(refused(0), asked(1)) == date(2026, 3, 7)
    assert waits_since(refused(1), asked(1)) is None


@pytest.mark.parametrize(
    ("wished", "answered", "looked_at", "waits"),
    [
        ("acme", "acme", None, False),
        ("acme", "beta", None, True),
        ("acme", None, None, False),
        ("beta", "acme", ("acme",), True),
        (None, "acme", ("acme",), False),
        (None, "acme", ("acme", "beta"), True),
        (None, "acme", None, True),
        (None, None, None, False),
    ],
)
def test_a_refusal_answers_for_its_own_controller(
    wished: str | None, answered: str | None, looked_at: tuple[str, ...] | None, waits: bool
) -> None:
    found = waits_since(asked(0, wished), refused(3, answered), controllers=looked_at)
    assert (found is not None) == waits


def test_a_wish_to_all_is_answered_when_each_has_refused() -> None:
    acts = (asked(0, None), refused(3, "acme"), refused(4, "beta"))
    assert waits_since(*acts, controllers=("acme", "beta")) is None
    assert waits_since(*acts[:2], asked(4, None), refused(5, "beta"), controllers=("acme", "beta")) == date(2026, 3, 10)


def test_the_newest_refusal_is_told_with_its_sentence_until_the_person_is_erased() -> None:
    acts = [asked(0), refused(5, sentence="A claim is open."), asked(8), refused(9)]
    assert ErasureRefused.of(acts[:2]) == ErasureRefused(date(2026, 3, 11), "legal_claims", "A claim is open.", "acme")
    newest = ErasureRefused.of(acts)
    assert newest is not None
    assert (newest.on, newest.sentence) == (date(2026, 3, 15), None)
    assert ErasureRefused.of([*acts, erased(20)]) is None
    assert waits_since(*acts, erased(20), asked(30)) == date(2026, 4, 5)


def test_a_refusal_said_again_at_a_merge_does_not_hide_its_sentence() -> None:
    acts = [refused(5, sentence="A claim is open."), refused(5)]
    for order in (acts, acts[::-1]):
        found = ErasureRefused.of(order)
        assert found is not None
        assert found.sentence == "A claim is open."


# --- an answer that takes longer --------------------------------------------------------------------------------------

FIRST, LONGER = date(2026, 4, 7), date(2026, 6, 8)


def due_of(*acts: Told, controllers: tuple[str, ...] | None = None) -> date | None:
    found = ErasureAsked.of(acts, controllers)
    return found.due if found is not None else None


@pytest.mark.parametrize(
    ("told_after", "due"),
    [(0, LONGER), (31, LONGER), (32, LONGER), (33, FIRST), (60, FIRST), (-1, FIRST)],
)
def test_the_time_is_extended_within_the_first_month_and_no_later(told_after: float, due: date) -> None:
    """The first month ends after Easter Monday, 32 days on."""
    assert due_of(asked(0), extended(told_after)) == due


def test_the_time_is_extended_once() -> None:
    found = ErasureAsked.of([asked(0), extended(20), extended(30), extended(80)])
    assert found is not None
    assert (found.due, found.extended) == (LONGER, date(2026, 3, 26))
    assert found.is_overdue(date(2026, 6, 9))
    assert not found.is_overdue(LONGER)


@pytest.mark.parametrize(
    ("wished", "told", "looked_at", "due"),
    [
        ("acme", "acme", None, LONGER),
        ("acme", "beta", None, FIRST),
        ("acme", None, None, LONGER),
        ("beta", "acme", ("acme",), FIRST),
        (None, "acme", ("acme",), LONGER),
        (None, "acme", ("acme", "beta"), FIRST),
        (None, "acme", None, FIRST),
        (None, "acme", (), FIRST),
        (None, None, None, LONGER),
    ],
)
def test_an_extension_speaks_for_its_own_controller(
    wished: str | None, told: str | None, looked_at: tuple[str, ...] | None, due: date
) -> None:
    assert due_of(asked(0, wished), extended(9, told), controllers=looked_at) == due


def test_a_wish_to_all_has_the_longer_time_where_whoever_has_not_refused_has_told_so() -> None:
    both = ("acme", "beta")
    assert due_of(asked(0, None), extended(9, "acme"), extended(12, "beta"), controllers=both) == LONGER
    assert due_of(asked(0, None), extended(9, "acme"), refused(12, "beta"), controllers=both) == LONGER
    assert due_of(asked(0, None), refused(9, "acme"), controllers=both) == FIRST
    assert due_of(asked(0, None), extended(9, "acme"), refused(12, "acme"), controllers=("acme",)) is None


def test_a_wish_made_after_an_extension_has_a_month_of_its_own_and_comes_first() -> None:
    found = ErasureAsked.of([asked(0), extended(9), asked(20)])
    assert found is not None
    assert (found.on, found.due, found.extended) == (date(2026, 3, 26), date(2026, 4, 27), None)
    assert due_of(asked(0), extended(9), asked(20), extended(30)) == LONGER
    assert due_of(asked(0), extended(9), erased(12), asked(20)) == date(2026, 4, 27)


def test_an_extension_said_again_at_a_merge_moves_nothing_more() -> None:
    assert due_of(asked(0), asked(0), extended(9), extended(9)) == LONGER


def test_an_extended_wish_is_refused_as_another() -> None:
    assert waits_since(asked(0), extended(9), refused(60)) is None
    # Of one instant the extension comes before the refusal, which is the last word.
    assert waits_since(asked(0), refused(9), extended(9)) is None
