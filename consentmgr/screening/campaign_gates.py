"""What a campaign fails before any row is looked at: the rule pack's own rules, asked of the campaign alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from consentmgr.screening.question import Question
from consentmgr.screening.rules import RULES
from consentmgr.screening.rules.campaign import RULES as CAMPAIGN_RULES
from consentmgr.screening.rules.rule import BLOCK
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Message
from consentmgr.vocabulary.reason_codes import BY_CODE, sentence

#: A message that keeps none of the rules, to learn which gates a campaign meets at all.
_CARELESS: Final = Message(
    sender_named=False,
    subject_honest=False,
    unsubscribe="none",
    one_click=False,
    source_line=False,
    privacy_notice=False,
    objection_notice=False,
    article_14_notice=False,
    recipients_hidden=False,
    unsubscribe_needs=("login",),
)

#: ``stops``: every row is blocked; ``review``: every row needs a person; ``some``: it depends on the row.
Effect = Literal["stops", "review", "some"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule that speaks against a campaign as it is described."""

    code: str
    effect: Effect

    def sentence(self, language: Language, channel: str) -> str:
        return sentence(self.code, language, channel)  # type: ignore[arg-type]

    def law(self, language: Language) -> str:
        return BY_CODE[self.code].law(language)


def failing_gates(question: Question) -> list[Gate]:
    """What speaks against the campaign, in evaluation order, each code once.

    A rule whose answer is a number is decided by the campaign alone; of those that depend on the row only the
    campaign's own are named, because everything else is a matter of the list.
    """
    found: dict[str, Effect] = {}
    own = {rule.code for rule in CAMPAIGN_RULES}
    for rule in RULES:
        if rule.is_ground:
            continue
        weight = rule.weight(question)
        if not isinstance(weight, int):
            if rule.code in own:
                found.setdefault(rule.code, "some")
        elif weight:
            found[rule.code] = "stops" if weight >= BLOCK else "review"
    return [Gate(code, effect) for code, effect in found.items()]


def gates_met(question: Question) -> tuple[list[Gate], list[Gate]]:
    """The gates a campaign fails, and those it meets and passes: the rule pack's own rules, asked twice."""
    failing = failing_gates(question)
    campaign = question.campaign
    careless = msgspec.structs.replace(
        campaign,
        message=_CARELESS,
        promotes=True if campaign.purpose == "research" else campaign.promotes,
        addresses_handed_to_sender=True,
    )
    failed = {gate.code for gate in failing}
    met = failing_gates(replace(question, campaign=careless))
    return failing, [gate for gate in met if gate.code not in failed]
