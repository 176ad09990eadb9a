"""Requests of people that wait for an answer, told from their acts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, Self

from consentmgr.kit.clock import local_date
from consentmgr.vocabulary.time_rules import answer_due


class Act(Protocol):
    """What is asked of an act here."""

    @property
    def event(self) -> str: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """A wish to be erased (GDPR 17) that has not been carried out: the day it came, and the last day to answer it."""

    on: date
    due: date

    @classmethod
    def of(cls, entries: Iterable[Act]) -> Self | None:
        """The oldest wish since the person was last erased; None where none waits. ``entries``: acts of one contact."""
        told = [entry for entry in entries if entry.event in ("erasure_requested", "erased")]
        told.sort(key=lambda entry: (entry.at, entry.event == "erased"))
        asked_on: date | None = None
        for entry in told:
            if entry.event == "erased":
                asked_on = None
            else:
                asked_on = asked_on or local_date(entry.at)
        return cls(asked_on, answer_due(asked_on)) if asked_on is not None else None

    def is_overdue(self, today: date) -> bool:
        """Whether the last day to answer has passed; on that day itself there is time."""
        return self.due < today
