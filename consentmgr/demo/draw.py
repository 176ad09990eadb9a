"""Chance with a seed, and a calendar seen from one day: what everything made up here is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TypeVar

from consentmgr.kit.clock import HELSINKI
from consentmgr.vocabulary.time_rules import add_months

Thing = TypeVar("Thing")

#: Days in a month where a month is only a measure of how long ago something was.
_MONTH = 30


class Draw:
    """One stream of chance. ``name`` keeps streams apart, so that a change in one room leaves the others as they are."""

    def __init__(self, seed: int, name: str, today: date) -> None:
        self.today = today
        self._random = Random(f"{seed}:{name}")  # noqa: S311 - made-up people, not secrets

    def chance(self, percent: float) -> bool:
        return self._random.random() * 100 < percent

    def pick(self, things: Sequence[Thing]) -> Thing:
        return self._random.choice(things)

    def some(self, things: Sequence[Thing], count: int) -> list[Thing]:
        """``count`` different ones, or all there are, in any order."""
        return self._random.sample(things, min(count, len(things)))

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        return self._random.sample(things, len(things))

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def day(self, nearest: float, farthest: float) -> date:
        """A day from ``nearest`` to ``farthest`` months ago; both may be parts of a month."""
        return self.today - timedelta(days=self.number(round(nearest * _MONTH), round(farthest * _MONTH)))

    def day_between(self, first: date, last: date) -> date:
        return first + timedelta(days=self.number(0, (last - first).days))

    def moment(self, day: date) -> datetime:
        """A moment of ``day`` at which people are awake, by Finnish time. Never later than this morning."""
        hour = self.number(7, 21) if day < self.today else 0
        return datetime.combine(day, time(hour, self.number(0, 59), self.number(0, 59)), HELSINKI)

    def born(self, youngest: int, oldest: int) -> date:
        """A birthday of somebody who is from ``youngest`` to ``oldest`` years old now, and still is in a month."""
        # A month is kept clear on either side: the lists are screened for a day to come.
        first = add_months(self.today, -12 * (oldest + 1)) + timedelta(days=2)
        last = add_months(self.today, -12 * youngest) - timedelta(days=1)
        return self.day_between(first + timedelta(days=31), last)
