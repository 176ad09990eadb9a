"""Plans of questions, kept so that each is made once: the most recently asked, for all threads of a process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

import msgspec

from consentmgr.screening.compiled.question_plan import QuestionPlan
from consentmgr.screening.facts import ListShape
from consentmgr.screening.question import Question
from consentmgr.vocabulary.time_rules import may_call_at

#: A plan takes about half a megabyte; a campaign has one for each kind of row it is asked of.
MOST: Final = 200

_kept: OrderedDict[object, QuestionPlan] = OrderedDict()
_lock = Lock()


def plan_of(question: Question, shape: ListShape, *, has_invalid: bool) -> QuestionPlan:
    """The plan for rows of this shape, made now or kept from before."""
    # What a campaign is called decides nothing, and when it goes out only by the day and by whether one may call then.
    asked = msgspec.structs.replace(question.campaign, key="", name="", planned_at=None)
    some, every = shape.presence()
    key = (
        asked,
        question.policy,
        question.default_controller,
        tuple(sorted(question.external_lists.items())),
        question.today,
        # Hours are of calls alone; for others nobody waits for the calendar of holidays.
        question.is_call and may_call_at(question.moment, question.policy),
        some,
        every,
        has_invalid,
    )
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    made = QuestionPlan(question, ListShape.of(some, every), has_invalid=has_invalid)
    with _lock:
        _kept[key] = made
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made
