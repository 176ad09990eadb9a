"""Nothing that is done to a register brings back a person who was stopped, and a new ban only ever makes stricter."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.importing.merging import merge
from consentmgr.kit.errors import BadInput, NotFound
from tests.cast import CAST, EXPECTED
from tests.generators import NOW, TODAY, World, world
from tests.oracle import CODES, WEIGHTS
from tests.screening.asking import scratch

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.screening.asking import Scratch

#: Bans, and what outlives erasure: what no import may undo.
BANS = {*CODES[CODES.index("DM_OBJECTION_ALL") : CODES.index("ORG_CEASED")], "ERASED_SUPPRESSED"}
BANS -= {"ROBINSON_STALE", "PHONE_SUBSCRIPTION_BAN"}
SEEDS = range(3)


def questions(made: World, number: int = 3, rows: int = 20) -> list[tuple[dict[str, Any], list[dict[str, Any]], Any]]:
    asked = []
    for _ in range(number):
        campaign = made.campaign()
        asked.append((campaign, [made.row(campaign) for _ in range(rows)], made.policy()))
    return asked


def weight(answer: dict[str, Any]) -> int:
    return WEIGHTS.index(answer["verdict"])


def test_the_cast_gets_what_its_stories_deserve(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        register.take(CAST)
        for row, campaign, verdict, reason in EXPECTED:
            (answer,) = register.ask(campaign, [row])
            assert (answer["verdict"], answer["reason"]) == (verdict, reason), row


@pytest.mark.parametrize("seed", SEEDS)
def test_new_prohibitions_and_objections_never_loosen_an_answer(seed: int, database: Database, keys: Keys) -> None:
    """Of every target, source and scope; and not only block to allow, but nothing to anything milder."""
    made = world(seed)
    asked = questions(made)
    objection = {"type": "event", "event": "objected", "at": "2026-10-20T10:00:00+03:00", "method": "email_link"}
    new = [made.prohibition() for _ in range(8)]
    new += [{**objection, "contact": made.random.choice(made.refs), **made.scope()} for _ in range(8)]
    with scratch(database, keys) as register:
        register.take(made.documents)
        before = [register.ask(*question) for question in asked]
        register.take(new)
        after = [register.ask(*question) for question in asked]
    for (campaign, rows, _), earlier, later in zip(asked, before, after, strict=True):
        for row, old, answer in zip(rows, earlier, later, strict=True):
            assert weight(answer) >= weight(old), (campaign, row, old, answer)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_row_is_allowed_reviewed_or_blocked_once(seed: int, database: Database, keys: Keys) -> None:
    made = world(seed)
    with scratch(database, keys) as register:
        register.take(made.documents)
        for campaign, rows, policy in questions(made, 2):
            answers = register.answers(campaign, rows, policy)
            counts = dict.fromkeys(WEIGHTS, 0)
            for outcome, number in zip(answers.outcomes, answers.counts(), strict=True):
                counts[outcome.verdict] += number
            assert sum(counts.values()) == len(answers) == len(rows)


def edits(made: World) -> list[dict[str, Any]]:
    """What people do to registers: blank cells, other names, doubles, old permissions by import, erasures."""
    random = made.random
    found: list[dict[str, Any]] = []
    for contact in random.sample(made.contacts, len(made.contacts) // 2):
        ref, points = contact["ref"], contact["points"]
        permission = {
            **made.consent(),
            "event": "consent_given",
            "at": "2026-10-30T10:00:00+02:00",
            "method": "import",
            "notice": f"{made.notices[0]['key']}/1/fi",
        }
        old = {"type": "event", "contact": ref, **permission, "at": "2012-01-01T10:00:00+02:00", "method": "web_form"}
        verified = [{**point, "verified_on": str(TODAY)} for point in points]
        found += [
            {"type": "contact", "ref": ref, "given_name": "", "family_name": "Uusi", "customer_of": []},
            {"type": "contact", "ref": f"list:{ref}", "points": points, "events": [permission]},
            {"type": "contact", "ref": ref, "points": verified},
            old,
        ]
        if made.chance(30):
            gone = {"event": random.choice(("erasure_requested", "erased")), "at": "2026-10-31T10:00:00+02:00"}
            found.append({"type": "event", "contact": ref, **gone})
        if made.chance(30):
            found.append({"type": "contact", "ref": ref, "clear": ["country", "born_on", "last_interaction_on"]})
    narrower = random.sample(made.prohibitions, len(made.prohibitions) // 2)
    found += [{**prohibition, "channels": ["fax"], "valid_until": "2029-01-01"} for prohibition in narrower]
    return random.sample(found, len(found))


def merge_some(made: World, register: Scratch) -> int:
    """Contacts that staff take for one person are merged, doubles and strangers; how many were."""
    refs = [*made.refs, *(f"list:{ref}" for ref in made.refs)]
    merged = 0
    for _ in range(12):
        ref, into = made.random.sample(refs, 2)
        # A contact that is not there, was erased or merged, or has another date of birth.
        with suppress(BadInput, NotFound):
            merge(register.session, ref, into, reason="the same", keys=register.keys, actor="test", now=NOW)
            merged += 1
    register.session.flush()
    return merged


def revive(seed: int, database: Database, keys: Keys) -> None:
    """Do all that can be done to a register, and ask again."""
    made = world(seed)
    asked = questions(made)
    merged = 0
    with scratch(database, keys) as register:
        register.take(made.documents)
        before = [register.ask(*question) for question in asked]
        for _ in range(2):
            changes = edits(made)
            register.take(changes[: len(changes) // 2])
            merged += merge_some(made, register)
            register.take(changes[len(changes) // 2 :])
        after = [register.ask(*question) for question in asked]
    assert merged
    for (campaign, rows, _), earlier, later in zip(asked, before, after, strict=True):
        for row, old, answer in zip(rows, earlier, later, strict=True):
            if old["verdict"] == "block" and BANS & {*old["reasons"]}:
                assert answer["verdict"] != "allow", (campaign, row, old, answer)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_sequence_of_imports_edits_merges_and_erasures_revives_anyone(
    seed: int, database: Database, keys: Keys
) -> None:
    revive(seed, database, keys)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(100, 220, 30))
def test_no_sequence_revives_anyone_in_many_registers(first: int, database: Database, keys: Keys) -> None:
    for seed in range(first, first + 30):
        revive(seed, database, keys)
