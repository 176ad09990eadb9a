"""The decision cases: those that were given (never edited here) and our own, both one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases"

#: The given files and how many cases each holds. A file or a case that goes missing is a failure, not a shorter run.
GIVEN = {
    "business": 43,
    "campaign_gates": 12,
    "consumer_electronic": 44,
    "online_audiences": 13,
    "phone_and_post": 24,
    "research_and_information": 11,
    "service_messages": 10,
    "variants": 19,
}
#: Our own, for every boundary that the text of the rules names.
OWN = (
    "own_audiences",
    "own_business",
    "own_campaign_gates",
    "own_consents",
    "own_customers",
    "own_data",
    "own_messages",
    "own_persons",
    "own_phone_and_post",
    "own_prohibitions",
    "own_research_and_information",
    "own_undated_bans",
)
#: The law read sentence by sentence: channel by addressee, ban by purpose, switch by value, and awkward meetings.
LAW = (
    "law_audiences",
    "law_business",
    "law_consumer_electronic",
    "law_messages",
    "law_phone_and_post",
    "law_research_and_information",
)


def cases_of(name: str) -> list[dict[str, Any]]:
    with (CASES / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def all_cases() -> Iterator[dict[str, Any]]:
    """The given cases and our own of every boundary: asked of the product each time."""
    for name in (*GIVEN, *OWN):
        yield from cases_of(name)


def cases_of_law() -> Iterator[dict[str, Any]]:
    """Hundreds more, which the oracle answers each time and the product in the long run."""
    for name in LAW:
        yield from cases_of(name)
