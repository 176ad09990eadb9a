"""What a rule is: a code and when it fires, as a column expression over the facts. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import narwhals as nw

from consentmgr.screening.question import Question
from consentmgr.vocabulary.codes import Channel

#: Weights of a stop: it does not fire, a named person must decide, or it blocks.
NONE, REVIEW, BLOCK = 0, 1, 2
#: Weights of a ground, ordered so that the larger is the stricter, as for stops.
GROUND_ALLOW, GROUND_REVIEW, GROUND_BLOCK = 1, 2, 3

Weight = nw.Expr | int
WeightOf = Callable[[Question], Weight]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the rule pack. ``weight`` gives 0, 1 or 2 (a ground: 0 to 3) per candidate.

    A plain number where the campaign alone decides; an expression over the fact columns else. ``stage`` and the
    words of the code stand in ``vocabulary.reason_codes``; a code may be asked more than once. ``banned`` is the channel
    that its sentence names, where that is not the campaign's.
    """

    code: str
    weight: WeightOf
    stage: int
    is_ground: bool = False
    banned: Channel | None = None


def switch_weight(value: str) -> int:
    """The weight a policy switch gives a stop: ``allow`` means that the code does not fire at all."""
    return {"allow": NONE, "review": REVIEW, "block": BLOCK}[value]


def ground_weight(value: str) -> int:
    """The weight a policy switch gives a ground."""
    return {"allow": GROUND_ALLOW, "review": GROUND_REVIEW, "block": GROUND_BLOCK}[value]


def form_weight(value: str) -> int:
    """The weight of ``strict``, ``review``, ``b2b``: how a form of organisation without legal personality is taken."""
    return {"b2b": NONE, "review": REVIEW, "strict": BLOCK}[value]


def blocks(condition: nw.Expr) -> nw.Expr:
    return weighs(condition, BLOCK)


def reviews(condition: nw.Expr) -> nw.Expr:
    return weighs(condition, REVIEW)


def weighs(condition: nw.Expr, weight: Weight) -> nw.Expr:
    """``weight`` where the condition holds, else nothing."""
    return nw.when(condition).then(nw.lit(weight) if isinstance(weight, int) else weight).otherwise(nw.lit(NONE))
