"""Rows given one by one become the same columns and keys as a list of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import identifiers_of
from consentmgr.screening.facts.resolution import named_directly
from consentmgr.screening.few_rows import FewRows
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import HASHES_SCHEMA
from consentmgr.screening.row_frame import Addressed
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.generators import world

KEYS = AddressKeys(b"k" * 32, 1)
DIGEST = "a" * 64
CHANNELS = ("email", "phone", "sms", "post", "online_audience", "instant_message")
STRANGE: list[dict[str, str]] = [
    {"email": "not an address"},
    {"email": "Aino <AINO@posti.example>", "phone": "050 123 4567"},
    {"email": "aino@posti.example", "email_sha256": DIGEST},
    {"email": "broken", "email_sha256": DIGEST},
    {"email_sha256": "broken"},
    {"phone": "12"},
    {"phone": "12", "phone_sha256": DIGEST},
    {"ref": "  crm:1  "},
    {"ref": ""},
    {"email": "  "},
    {"business_id": "2345678-9"},
    {"business_id": "nonsense"},
    {"business_id": "nonsense", "email": "aino@posti.example"},
    {"street": "Esimerkkikatu 1", "postal_code": "00100", "given_name": "Aino", "family_name": "Virtanen"},
    {"street": "Esimerkkikatu 1 A 2", "postal_code": "00100", "city": "Helsinki", "country": "FI"},
    {"street": "Esimerkkikatu 1"},
    {"postal_code": "00100"},
    {"street": "Storgatan 1", "apartment": "3", "postal_code": "111 22", "country": "SE"},
    {"title": "johtaja", "area": "HR; talous, nonsense", "source": "ostettu", "acquired_on": "1.10.2026"},
    {"email": "a@b.example", "acquired_on": "2026-10-01", "area": ";", "title": " "},
    {"email": "a@b.example", "acquired_on": "yesterday"},
    {"given_name": "Aino"},
]


def question(channel: str, audience: str) -> Question:
    document = {"type": "campaign", "key": "c", "channel": channel, "audience": audience, "platform": "meta"}
    return Question(msgspec.convert(document, Campaign), policy_from({}), datetime(2026, 11, 2, tzinfo=UTC), "acme", {})


def same(rows: list[dict[str, str]], asked: Question, *, with_hashes: bool) -> None:
    few = FewRows(rows, KEYS)
    whole = Addressed(identifiers_of(rows), KEYS, with_hashes=True)
    nothing = HASHES_SCHEMA.empty_table()
    ours, theirs = few.keys(nothing), whole.keys(nothing)
    for name in ("address_keys", "sha256_keys", "refs", "business_ids", "domains", "prohibitions"):
        assert set(getattr(ours, name)) == set(getattr(theirs, name)), name
    if not with_hashes:
        whole.forget_hashes()
    frame = whole.rows(asked)
    columns, shape, has_invalid = few.columns(asked, with_hashes=with_hashes, survivors={})
    expected: dict[str, Any] = {name: frame.table()[name].to_pylist() for name in frame.table().column_names}
    assert {name: list(columns[name]) for name in expected} == expected, rows
    assert shape.presence() == frame.shape.presence()
    assert has_invalid == frame.has_invalid


@pytest.mark.parametrize("audience", ["consumer", "business"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_strange_rows_become_the_same_columns(channel: str, audience: str) -> None:
    asked = question(channel, audience)
    for with_hashes in (True, False):
        for row in STRANGE:
            same([row], asked, with_hashes=with_hashes)
        same(STRANGE, asked, with_hashes=with_hashes)


@pytest.mark.parametrize("seed", range(33_000, 33_010))
def test_random_rows_become_the_same_columns(seed: int) -> None:
    made = world(seed)
    for _ in range(5):
        campaign = made.campaign()
        asked = question(campaign["channel"], campaign.get("audience", "consumer"))
        rows = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(20)]
        same(rows, asked, with_hashes=bool(seed % 2))


def test_a_list_of_addresses_stays_one_though_some_ban_arrived_hashed() -> None:
    asked = question("phone", "consumer")
    rows = Addressed(identifiers_of([{"phone": "050 123 4567"}]), KEYS, with_hashes=True).rows(asked)
    assert rows.table()["phone_digits_hash"][0].is_valid
    assert named_directly(asked, rows.shape)
    assert rows.indirect.to_pylist() == [False]
    hashed = Addressed(identifiers_of([{"phone": "050 123 4567"}, {"phone_sha256": DIGEST}]), KEYS, with_hashes=True)
    assert not named_directly(asked, hashed.rows(asked).shape)
    assert hashed.rows(asked).indirect.to_pylist() == [False, True]
