"""Requests of people that wait for an answer, or were refused, told from their acts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol, Self, TypeVar

from consentmgr.kit.clock import local_date
from consentmgr.vocabulary.time_rules import answer_due

#: The events that requests to be erased are told from.
ERASURE: Final = ("erasure_requested", "erasure_refused", "erased")


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
    answer it. ``at`` and ``controller`` are of the oldest such wish.
    """

    on: date
    due: date
    at: datetime
    controller: str | None

    @classmethod
    def of(cls, entries: Iterable[Act], controllers: Collection[str] | None = None) -> Self | None:
        """The oldest wish that waits since the person was last erased; None where none does.

        ``entries``: acts of one contact. ``controllers``: those it is looked at for; None for all. Erasure answers every
        wish before it. A refusal answers those made to its own controller; a wish made to all is answered once each of
        ``controllers`` has refused, or one refusal has spoken for all.
        """
        waiting: list[_Wish] = []
        for entry in _in_order(entries):
            if entry.event == "erasure_requested":
                waiting.append(_Wish(entry, set()))
            elif entry.event == "erased" or entry.controller is None:
                waiting.clear()
            else:
                for wish in waiting:
                    wish.refused_by.add(entry.controller)
                waiting = [wish for wish in waiting if not wish.is_answered(controllers)]
        if not waiting:
            return None
        oldest = waiting[0].act
        on = local_date(oldest.at)
        return cls(on, answer_due(on), oldest.at, oldest.controller)

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
    act: Act
    refused_by: set[str]

    def is_answered(self, controllers: Collection[str] | None) -> bool:
        reach = controllers if self.act.controller is None else (self.act.controller,)
        return reach is not None and self.refused_by.issuperset(reach)


def _in_order(entries: Iterable[A]) -> list[A]:
    """By time; of one instant the wish comes before its answer."""
    told = [entry for entry in entries if entry.event in ERASURE]
    return sorted(told, key=lambda entry: (entry.at, ERASURE.index(entry.event)))
