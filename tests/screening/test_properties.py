"""What holds of every register, campaign and list, on random ones."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import ACME, identifiers_of, told
from consentmgr.screening.engine import EngineName
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.generators import NOW, World, world
from tests.oracle import Register, judge

Row = dict[str, str]
Asked = tuple[dict[str, Any], Sequence[Row], dict[str, Any]]
ENGINES: tuple[EngineName, ...] = ("compiled", "duckdb", "polars")
WEIGHT = {"allow": 0, "review": 1, "block": 2}


def first_of(start: int, end: int) -> list[Any]:
    """Seeds of which the first is tried every time, and the others in the long run."""
    return [start, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(start + 1, end))]


class Scratch:
    """A register of given documents that is undone after each question."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.database = database
        self.keys = AddressKeys(keys.address_key, keys.address_key_id)

    def answers(
        self, documents: Sequence[dict[str, Any]], asked: Sequence[Asked], *, engine: EngineName = "compiled"
    ) -> list[list[dict[str, Any]]]:
        taken = [msgspec.convert(document, AnyDocument) for document in documents]
        with Session(self.database.engine) as session:
            try:
                changes = apply_documents(session, [ACME, *taken], keys=self.keys, actor="test", now=NOW)
                assert not changes.rejected
                session.flush()
                return [
                    told(
                        screen(
                            session,
                            identifiers_of(rows),
                            msgspec.convert(campaign, Campaign),
                            keys=self.keys,
                            policy=policy_from(policy),
                            now=NOW,
                            engine=engine,
                        )
                    )
                    for campaign, rows, policy in asked
                ]
            finally:
                session.rollback()


@pytest.fixture
def scratch(database: Database, keys: Keys) -> Scratch:
    return Scratch(database, keys)


def questions(made: World, campaigns: int, rows: int) -> list[Asked]:
    asked: list[Asked] = []
    for _ in range(campaigns):
        campaign = made.campaign()
        listed = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(rows)]
        asked.append((campaign, listed, made.policy()))
    return asked


@pytest.mark.parametrize("engine", ENGINES)
def test_the_product_and_the_oracle_agree_on_random_registers(engine: EngineName, scratch: Scratch) -> None:
    """Verdict, headline and ground of every row; ``test_oracle_agreement`` asks thousands of them."""
    made = world(2000 + ENGINES.index(engine))
    asked = questions(made, 2, 15)
    register = Register(made.documents)
    answers = scratch.answers(made.documents, asked, engine=engine)
    for (campaign, rows, policy), told_rows in zip(asked, answers, strict=True):
        for row, answer in zip(rows, told_rows, strict=True):
            expected = judge(register, campaign, row, NOW, policy)
            assert (answer["verdict"], answer["reason"], answer["ground"]) == (
                expected.verdict, expected.reason, expected.ground,
            ), (campaign, row, answer, expected)  # fmt: skip


@pytest.mark.parametrize("seed", first_of(4000, 4003))
def test_another_prohibition_never_makes_an_answer_milder(seed: int, scratch: Scratch) -> None:
    made = world(seed)
    asked = questions(made, 3, 20)
    before = scratch.answers(made.documents, asked)
    random = Random(seed)
    held = [point["value"] for document in made.documents for point in document.get("points", ())]
    mails = [value for value in held if isinstance(value, str) and "@" in value]
    bans = [
        {"type": "prohibition", "target": {"email": mail}, "source": random.choice(["self", "staff", "vendor", "court"]),
         "valid_from": random.choice(["2020-01-01", "2026-10-01"])}
        for mail in random.sample(mails, min(6, len(mails)))
    ]  # fmt: skip
    after = scratch.answers([*made.documents, *bans], asked)
    for campaign_before, campaign_after in zip(before, after, strict=True):
        for one, other in zip(campaign_before, campaign_after, strict=True):
            assert WEIGHT[other["verdict"]] >= WEIGHT[one["verdict"]]


@pytest.mark.parametrize("seed", first_of(5000, 5002))
def test_order_batches_and_repeats_of_rows_change_no_answer(seed: int, scratch: Scratch) -> None:
    made = world(seed)
    ((campaign, rows, policy),) = questions(made, 1, 24)
    order = list(range(len(rows)))
    Random(seed).shuffle(order)
    shuffled = [rows[place] for place in order]
    asked: list[Asked] = [(campaign, rows, policy), (campaign, shuffled, policy), (campaign, [*rows, *rows], policy)]
    asked += [(campaign, rows[start : start + 7], policy) for start in range(0, len(rows), 7)]
    whole, mixed, twice, *parts = scratch.answers(made.documents, asked)
    assert [mixed[order.index(place)] for place in range(len(rows))] == whole
    assert twice == [*whole, *whole]
    assert [answer for part in parts for answer in part] == whole
    assert all(answer["verdict"] in WEIGHT for answer in whole)
    assert len(whole) == len(rows)


@pytest.mark.parametrize("seed", range(6000, 6001))
def test_every_engine_gives_the_same_answers(seed: int, scratch: Scratch) -> None:
    made = world(seed)
    asked = questions(made, 2, 25)
    first, *others = (scratch.answers(made.documents, asked, engine=engine) for engine in ENGINES)
    for found in others:
        for one, other in zip(first, found, strict=True):
            for answer, same in zip(one, other, strict=True):
                # Each question is a register of its own, whose entries have ids of their own.
                assert {**answer, "evidence": None} == {**same, "evidence": None}
                assert bool(answer["evidence"]) == bool(same["evidence"])


@pytest.mark.parametrize("seed", first_of(7000, 7002))
def test_importing_everything_again_revives_nobody(seed: int, scratch: Scratch) -> None:
    made = world(seed)
    asked = questions(made, 2, 20)
    once = scratch.answers(made.documents, asked)
    contacts = [document for document in made.documents if document["type"] == "contact"]
    stripped = [
        {name: value for name, value in contact.items() if name not in ("events", "legal_bases")}
        for contact in contacts
    ]
    again = scratch.answers([*made.documents, *stripped, *made.documents], asked)
    for one, other in zip(once, again, strict=True):
        for before, after in zip(one, other, strict=True):
            assert WEIGHT[after["verdict"]] >= WEIGHT[before["verdict"]]
