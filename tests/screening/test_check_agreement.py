"""The same rules for one check through the API, a file at the terminal and a list: the same answers to random questions.

A question is a row asked for a campaign, of a register and under a policy that are drawn as well. The list is answered by
another engine than the checks are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from consentmgr.campaigns.policy import current, set_value
from consentmgr.importing.service import apply_documents
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.checking import MOST_ROWS
from consentmgr.screening.decide import ACME, identifiers_of
from consentmgr.screening.service import screen
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from tests.generators import NOW, World, world

if TYPE_CHECKING:
    from pathlib import Path

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunCommand
    from tests.staff.api_calling import ApiCalling, ApiClient

#: Campaigns of a register, rows of a campaign, and rows that are asked one by one as well.
CAMPAIGNS, ROWS, ALONE = 5, 100, 10
Answer = dict[str, Any]


class Asking:
    """One register, and its three doors."""

    def __init__(
        self, database: Database, keys: Keys, client: ApiClient, run_command: RunCommand, folder: Path
    ) -> None:
        self.database, self.client, self.run_command, self.folder = database, client, run_command, folder
        self.keys = AddressKeys(keys.address_key, keys.address_key_id)

    def take(self, made: World) -> None:
        documents = [ACME, *(msgspec.convert(document, AnyDocument) for document in made.documents)]
        with self.database.transaction() as session:
            assert not apply_documents(session, documents, keys=self.keys, actor="test", now=NOW).rejected
            for name, value in made.policy().items():
                set_value(session, name, value, actor="test", now=NOW, reason="drawn")

    def as_list(self, campaign: Answer, rows: list[dict[str, str]]) -> list[Answer]:
        with self.database.reading() as session:
            found = screen(
                session,
                identifiers_of(rows),
                msgspec.convert(campaign, Campaign),
                keys=self.keys,
                policy=current(session),
                now=clock.now(),
                engine="polars",
            )
        outcomes = [found.outcomes[place] for place in found.outcome.to_pylist()]
        return [
            {
                "verdict": outcome.verdict,
                "reason": outcome.reason,
                "reasons": list(outcome.reasons),
                "ground": outcome.ground,
                "legal_basis": outcome.legal_basis,
                "evidence": ids.split(";") if ids else [],
                "explanation": outcome.explanation,
            }
            for outcome, ids in zip(outcomes, found.evidence.to_pylist(), strict=True)
        ]

    def by_api(self, campaign: Answer, rows: list[dict[str, str]]) -> list[Answer]:
        asked = {"campaign": campaign, "rows": rows, "language": "en"}
        return list(self.client.post("/check/many", json=asked).get_json()["items"])

    def one_by_api(self, campaign: Answer, row: dict[str, str]) -> Answer:
        answer: Answer = self.client.post(
            "/check", json={"campaign": campaign, "row": row, "language": "en"}
        ).get_json()
        return bare(answer)

    def at_the_terminal(self, campaign: Answer, rows: list[dict[str, str]]) -> list[Answer]:
        (self.folder / "campaign.json").write_text(json.dumps(campaign), encoding="utf-8")
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        asked = ("check", "--campaign", "campaign.json", "--rows", "-", "--format", "json", "--language", "en")
        said = self.run_command(*asked, stdin=lines).stdout
        return [bare(json.loads(line)) for line in said.splitlines()]


def bare(answer: Answer) -> Answer:
    return {
        name: value for name, value in answer.items() if name not in ("controller", "register_position", "rule_pack")
    }


@pytest.fixture
def asking(database: Database, keys: Keys, api: ApiCalling, run_command: RunCommand, tmp_path: Path) -> Asking:
    return Asking(database, keys, api(Scope.CHECK), run_command, tmp_path)


def agree(asking: Asking, made: World, campaigns: int, rows: int) -> None:
    asking.take(made)
    for _ in range(campaigns):
        # The day and the hour are the campaign's, and not those at which each door happens to be asked.
        campaign = {"planned_at": NOW.isoformat(), **made.campaign(), "controller": "acme"}
        asked = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(rows)]
        expected = asking.as_list(campaign, asked)
        assert asking.by_api(campaign, asked) == expected, campaign
        assert asking.at_the_terminal(campaign, asked) == expected, campaign
        for row, answer in list(zip(asked, expected, strict=True))[:ALONE]:
            assert asking.one_by_api(campaign, row) == answer, (campaign, row)


@pytest.mark.parametrize("seed", [30_000, pytest.param(30_001, marks=pytest.mark.slow)])
def test_every_door_gives_the_same_answers(seed: int, asking: Asking) -> None:
    agree(asking, world(seed), CAMPAIGNS, ROWS)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(31_000, 31_020))
def test_every_door_gives_the_same_answers_to_many(seed: int, asking: Asking) -> None:
    agree(asking, world(seed, contacts=100), 10, 500)


def test_the_longest_list_of_rows_is_answered(asking: Asking) -> None:
    made = world(32_000)
    asking.take(made)
    campaign = {**made.campaign(), "planned_at": NOW.isoformat(), "controller": "acme"}
    rows = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(MOST_ROWS)]
    assert asking.by_api(campaign, rows) == asking.as_list(campaign, rows)
