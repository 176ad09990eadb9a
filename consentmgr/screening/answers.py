"""What a screening answers: one outcome a list row, in list order.

Rows share few distinct outcomes (a combination of reasons), so an answer is an index into them: a million rows
carry a million small integers, and each sentence is made once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from consentmgr.vocabulary.codes import Channel, Verdict
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import Policy


@dataclass(frozen=True, slots=True)
class Outcome:
    """One combination of reasons and what it means, with its sentence in the language asked for.

    ``banned_channel``: the channel whose ban stops the row, where it is another than the campaign's.
    """

    verdict: Verdict
    reason: str
    reasons: tuple[str, ...]
    ground: str | None
    legal_basis: str | None
    explanation: str
    banned_channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The whole answer. Arrays have one element a list row, in list order.

    ``evidence``: ids of the ledger entries (``E…``) and prohibitions (``P…``) that decided, joined by ``;``.
    ``duplicate_of``: row number (from 1) of the first row with the same address, or household for post; null else.
    ``links``: columns of links by name, where they were asked for; null where a row is not allowed.
    """

    outcomes: tuple[Outcome, ...]
    outcome: pa.Int32Array
    evidence: pa.StringArray
    duplicate_of: pa.Int64Array
    campaign: Campaign
    policy: Policy
    rule_pack: str
    now: datetime
    register_position: str
    ledger_head: str
    engine: str
    links: Mapping[str, pa.LargeStringArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.outcome)

    def counts(self) -> list[int]:
        """Rows per outcome, in the order of ``outcomes``."""
        found = {item["values"]: item["counts"] for item in self.outcome.value_counts().to_pylist()}
        return [int(found.get(index, 0)) for index in range(len(self.outcomes))]
