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
