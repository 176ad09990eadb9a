"""The engine and the oracle, which share nothing, give the same answer to random questions.

A question is one campaign and its rows asked of one random register; verdict, headline and ground must be the same.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generators import NOW, World, world, worlds
from tests.oracle import Register, judge
from tests.screening.asking import scratch

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: Asked of each register; a question costs far more than a row of it.
CAMPAIGNS, ROWS = 4, 25
#: Questions (registers x campaigns) of the everyday suite and of the long run, which takes a quarter of an hour on two
#: cores, and the registers of one test of each.
EVERYDAY, LONG = 20, 5_000
REGISTERS, MANY_REGISTERS = 2, 25


def disagreements(made: World, database: Database, keys: Keys, campaigns: int, rows: int) -> list[dict[str, Any]]:
    """Every row that the two answer differently, with what is needed to ask it again."""
    found = []
    told = Register(made.documents)
    with scratch(database, keys) as register:
        register.take(made.documents)
        for _ in range(campaigns):
            campaign, policy = made.campaign(), made.policy()
            asked = [made.row(campaign) for _ in range(rows)]
            for row, answer in zip(asked, register.ask(campaign, asked, policy), strict=True):
                wanted = judge(told, campaign, row, NOW, policy)
                if any(answer[name] != getattr(wanted, name) for name in ("verdict", "reason", "ground")):
                    question = {"campaign": campaign, "row": row, "policy": policy}
                    found.append({"engine": answer, "oracle": wanted, **question})
    return found


def agree(seeds: range, database: Database, keys: Keys) -> None:
    for seed in seeds:
        found = disagreements(world(seed), database, keys, CAMPAIGNS, ROWS)
        assert not found, (f"seed {seed}, {len(found)} rows", found[0])


@pytest.mark.parametrize("first", range(0, EVERYDAY // CAMPAIGNS, REGISTERS))
def test_engine_and_oracle_agree(first: int, database: Database, keys: Keys) -> None:
    agree(range(first, first + REGISTERS), database, keys)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(1_000, 1_000 + LONG // CAMPAIGNS, MANY_REGISTERS))
def test_engine_and_oracle_agree_on_many(first: int, database: Database, keys: Keys) -> None:
    agree(range(first, first + MANY_REGISTERS), database, keys)


@settings(max_examples=3)
@given(made=worlds(contacts=4))
def test_engine_and_oracle_agree_on_small_registers(made: World, database: Database, keys: Keys) -> None:
    """Few contacts and rows, so that hypothesis can shrink a disagreement to its cause."""
    assert not disagreements(made, database, keys, 1, 5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_the_oracle_does_not_depend_on_what_it_was_asked_before(seed: int) -> None:
    made = world(seed, contacts=8)
    campaign = made.campaign()
    rows = [made.row(campaign) for _ in range(6)]
    told = Register(made.documents)
    first = [judge(told, campaign, row, NOW) for row in rows]
    shuffled = Random(seed).sample(range(len(rows)), len(rows))
    assert {place: judge(told, campaign, rows[place], NOW) for place in shuffled} == dict(enumerate(first))
