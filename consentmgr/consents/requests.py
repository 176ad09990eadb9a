"""Requests of people that wait for an answer, or were refused, told from their acts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Protocol, Self, TypeVar

from consentmgr.kit.clock import local_date
from consentmgr.vocabulary.time_rules import answer_due

#: The events that requests to be erased are told from.
ERASURE: Final = ("erasure_requested", "erasure_extended", "erasure_refused", "erased")


class Act(Protocol):
    """What is asked of an act here. ``controller``: whom it speaks to or for; None for all of them."""

    @property
    def event(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def controller(self) -> str | None: ...


class Recorded(Act, Protocol):
    """The same with what a refusal says: its ground in ``detail``, and its sentence in ``personal``."""

    @property
    def detail(self) -> dict[str, Any]: ...
    @property
    def personal(self) -> dict[str, Any] | None: ...


A = TypeVar("A", bound=Act)


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """A wish to be erased (GDPR 17) that has been neither carried out nor refused: the day it came, and the last day to
    answer it. Of several it is the one that must be answered first, which is the oldest unless that was extended.

    ``extended``: the day on which the person was told that the answer takes two months more; None where they were not.
    """

    on: date
    due: date
    at: datetime
    controller: str | None
    extended: date | None = None

    @classmethod
    def of(cls, entries: Iterable[Act], controllers: Collection[str] | None = None) -> Self | None:
        """The wish that waits since the person was last erased; None where none does.

        ``entries``: acts of one contact. ``controllers``: those it is looked at for; None for all. Erasure answers every
        wish before it. A refusal answers those made to its own controller; a wish made to all is answered once each of
        ``controllers`` has refused, or one refusal has spoken for all. An extension reaches the same wishes as a refusal
        would, each once, and only within its first month (GDPR 12(3)).
        """
        waiting: list[_Wish] = []
        for entry in _in_order(entries):
            if entry.event == "erasure_requested":
                waiting.append(_Wish(entry, local_date(entry.at)))
            elif entry.event == "erasure_extended":
                for wish in waiting:
                    wish.extend(entry)
            elif entry.event == "erased" or entry.controller is None:
                waiting.clear()
            else:
                for wish in waiting:
                    wish.refused_by.add(entry.controller)
                waiting = [wish for wish in waiting if not wish.is_answered(controllers)]
        found = []
        for wish in waiting:
            extended = wish.extended_on(controllers)
            due = answer_due(wish.on, extended=extended is not None)
            found.append(cls(wish.on, due, wish.act.at, wish.act.controller, extended))
        return min(found, key=lambda one: one.due, default=None)

    def is_overdue(self, today: date) -> bool:
        """Whether the last day to answer has passed; on that day itself there is time."""
        return self.due < today


@dataclass(frozen=True, slots=True)
class ErasureRefused:
    """The newest refusal to erase (GDPR 12(4)) since the person was last erased.

    ``ground``: None where it may not be told. ``sentence`` is what was said beside it; None where nothing was, or the
    proof of it lies elsewhere.
    """

    on: date
    ground: str | None
    sentence: str | None
    controller: str | None

    @classmethod
    def of(cls, entries: Iterable[Recorded]) -> Self | None:
        """``entries``: acts of one contact. Whether a wish waits again after it is told by ``ErasureAsked``."""
        found: Recorded | None = None
        for entry in _in_order(entries):
            if entry.event == "erased":
                found = None
            # Said again at a merge, it is without its sentence.
            elif entry.event == "erasure_refused" and (found is None or entry.at > found.at or entry.personal):
                found = entry
        if found is None:
            return None
        sentence = (found.personal or {}).get("reason")
        return cls(local_date(found.at), found.detail.get("ground"), sentence, found.controller)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A wish, the day it came, and what it was answered: who refused, and on which day who (None: all) asked for time."""

    act: Act
    on: date
    refused_by: set[str] = field(default_factory=set)
    extended_by: dict[str | None, date] = field(default_factory=dict)

    def extend(self, answer: Act) -> None:
        """Once, and in time: what is told after the first month, or again, moves nothing."""
        told_on = local_date(answer.at)
        if told_on <= answer_due(self.on):
            self.extended_by.setdefault(answer.controller, told_on)

    def is_answered(self, controllers: Collection[str] | None) -> bool:
        reach = self._reach(controllers)
        return reach is not None and self.refused_by.issuperset(reach)

    def extended_on(self, controllers: Collection[str] | None) -> date | None:
        """The day by which all who have yet to answer had told that it takes longer; None where one of them has not."""
        if None in self.extended_by:
            return self.extended_by[None]
        still = set(self._reach(controllers) or ()) - self.refused_by
        told = [self.extended_by[key] for key in still if key in self.extended_by]
        return max(told) if told and len(told) == len(still) else None

    def _reach(self, controllers: Collection[str] | None) -> Collection[str] | None:
        return controllers if self.act.controller is None else (self.act.controller,)


def _in_order(entries: Iterable[A]) -> list[A]:
    """By time; of one instant the wish comes before its answer."""
    told = [entry for entry in entries if entry.event in ERASURE]
    return sorted(told, key=lambda entry: (entry.at, ERASURE.index(entry.event)))
