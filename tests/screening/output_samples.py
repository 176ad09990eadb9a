"""Lists and answers made directly, so that outputs are tested without a register."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from uuid import UUID

import pyarrow as pa

from consentmgr.screening.answers import Answers, Outcome
from consentmgr.screening.lists import CampaignList, read_list
from consentmgr.screening.outputs import RESULT_COLUMNS
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import DEFAULT_POLICY, Policy
from consentmgr.vocabulary.reason_codes import LEGAL_BASIS_OF_GROUND, RULE_PACK_VERSION, explanation

NOW = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
CERTIFICATE_ID = UUID("5d0c1f5e-52c3-4f4b-9c1e-2f1d6c1a7b10")
CAMPAIGN = Campaign(key="2026-11-payroll", name="Payroll software", controller="acme")


def made_list(data: bytes | str, *, name: str = "list.csv") -> CampaignList:
    return read_list(BytesIO(data.encode() if isinstance(data, str) else data), name=name)


def outcome(verdict: str, *codes: str, language: Language = "en", told: str | None = None) -> Outcome:
    ground = codes[0] if verdict == "allow" else None
    return Outcome(
        verdict=verdict,  # type: ignore[arg-type]
        reason=codes[0],
        reasons=codes,
        ground=ground,
        legal_basis=LEGAL_BASIS_OF_GROUND[ground] if ground else None,
        explanation=told or explanation(codes[0], language, "email"),
    )


ALLOW = outcome("allow", "CONSENT_OK")
REVIEW = outcome("review", "CONSENT_STALE")
BLOCK = outcome("block", "DM_OBJECTION_ALL", "CONSENT_MISSING")
OUTCOMES = (ALLOW, REVIEW, BLOCK)


def made_answers(
    chosen: Sequence[int],
    *,
    outcomes: tuple[Outcome, ...] = OUTCOMES,
    evidence: Sequence[str | None] | None = None,
    duplicate_of: Sequence[int | None] | None = None,
    policy: Policy = DEFAULT_POLICY,
    campaign: Campaign = CAMPAIGN,
) -> Answers:
    """One answer a row: ``chosen`` are indexes into ``outcomes``."""
    rows = len(chosen)
    return Answers(
        outcomes=outcomes,
        outcome=pa.array(chosen, pa.int32()),
        evidence=pa.array(evidence if evidence is not None else [None] * rows, pa.string()),
        duplicate_of=pa.array(duplicate_of if duplicate_of is not None else [None] * rows, pa.int64()),
        campaign=campaign,
        policy=policy,
        rule_pack=RULE_PACK_VERSION,
        now=NOW,
        register_position="1042:1042:",
        ledger_head="ab" * 32,
        engine="polars",
    )


def parsed(text: bytes, delimiter: str = ",") -> list[list[str]]:
    """A CSV result as an independent reader sees it."""
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def without_our_columns(record: str, delimiter: str) -> str:
    """The record's own text: what stands before the last eight fields."""
    fields, inside, at = len(RESULT_COLUMNS), False, len(record)
    while fields:
        at -= 1
        if record[at] == '"':
            inside = not inside
        elif record[at] == delimiter and not inside:
            fields -= 1
    return record[:at]
