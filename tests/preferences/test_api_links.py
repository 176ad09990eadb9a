"""Links minted through the API: as good as those of a list, for whom the key may write to, and written down nowhere."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import LinkUse, link_keys
from consentmgr.staff.scopes import Scope
from tests.cast import consent
from tests.screening.desk_samples import CAMPAIGN, fill, take
from tests.staff.api_calling import ApiCalling

THEIRS: dict[str, Any] = {
    "type": "contact", "ref": "other:vilho", "controllers": ["other"],
    "points": [{"channel": "email", "value": "vilho@posti.example", "use": "private"}],
    "events": [{**consent(), "controller": "other", "notice": None}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys, THEIRS)


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_link_by_ref_and_one_by_address_open_as_the_person_they_are_for(
    api: ApiCalling, settings: Settings, keys: Keys
) -> None:
    client = api(Scope.MINT_LINKS, controllers={"acme"})
    answer = client.post(
        "/links", json={"campaign": "2026-11-offer", "items": [{"ref": "crm:aino"}, {"email": " AINO@posti.example"}]}
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json["minted"], answer.json["refused"]) == (2, 0)
    opened = link_keys(settings)
    key = AddressKeys(keys.address_key, keys.address_key_id).email("aino@posti.example")
    assert key is not None
    for item in answer.json["items"]:
        leave = opened.open(LinkUse.LEAVE, token_of(item["one_click_url"]))
        assert (leave.controller, leave.campaign, leave.scope) == ("acme", "2026-11-offer", "channel")
        assert leave.address_key == key.address_key
        assert leave.contact_id is not None
        opened.open(LinkUse.PREFERENCES, token_of(item["preference_url"]))
        assert item["list_unsubscribe"] == f"<{item['one_click_url']}>"
        assert item["list_unsubscribe_post"] == "List-Unsubscribe=One-Click"
        assert "aino" not in answer.text.lower()


def test_what_is_not_known_is_refused_alone(api: ApiCalling) -> None:
    client = api(controllers={"acme"})
    items = [
        {"ref": "crm:nobody"},
        {"ref": "crm:birger"},
        {"ref": "other:vilho"},
        {"email": "no address"},
        {"phone": "+358501000301"},
        {},
    ]
    told = client.post("/links", json={"campaign": "2026-11-offer", "items": items}).json
    assert [item["status"] for item in told["items"]] == [
        "refused",
        "minted",
        "refused",
        "refused",
        "refused",
        "refused",
    ]
    assert [item["errors"][0]["pointer"] for item in told["items"] if item["errors"]] == [
        "/items/0/ref", "/items/2/ref", "/items/3/email", "/items/4/email", "/items/5/email",
    ]  # fmt: skip
    assert told["items"][0]["errors"][0]["detail"] == told["items"][2]["errors"][0]["detail"], "theirs is like none"
    assert (told["minted"], told["refused"]) == (1, 5)


def test_an_address_gets_its_links_whoever_has_it(api: ApiCalling, settings: Settings) -> None:
    client = api(controllers={"acme"})
    items = [{"email": "nobody@posti.example"}, {"email": "vilho@posti.example"}]
    told = client.post("/links", json={"campaign": "2026-11-offer", "items": items}).json
    assert told["minted"] == 2
    for item in told["items"]:
        link = link_keys(settings).open(LinkUse.LEAVE, token_of(item["one_click_url"]))
        assert link.contact_id is None, "nothing tells that another controller knows somebody by it"
        assert link.address_key is not None


def test_a_campaign_may_be_given_whole_and_ends_what_it_says(api: ApiCalling, settings: Settings) -> None:
    client = api(controllers={"acme"})
    text_message = {"key": "flash", "channel": "sms"}
    told = client.post("/links", json={"campaign": text_message, "items": [{"phone": "+358501000301"}]}).json
    (item,) = told["items"]
    assert item["list_unsubscribe"] is None
    link = link_keys(settings).open(LinkUse.LEAVE, token_of(item["one_click_url"]))
    assert (link.channel, link.campaign) == ("sms", "flash")
    letter = {"channel": "post", "key": "letter"}
    post = {"post": {"street": "Mannerheimintie 1 A 2", "postal_code": "00100", "city": "Helsinki"}}
    told = client.post("/links", json={"campaign": letter, "items": [post], "everything": True}).json
    assert link_keys(settings).open(LinkUse.LEAVE, token_of(told["items"][0]["one_click_url"])).scope == "all"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"campaign": "no-such", "items": [{"ref": "x"}]}, 404, None),
        ({"campaign": "others-secret", "items": [{"ref": "x"}]}, 404, None),
        ({"campaign": {**CAMPAIGN, "controller": "other"}, "items": [{"ref": "x"}]}, 404, None),
        ({"campaign": {"chanel": "sms"}, "items": [{"ref": "x"}]}, 422, "/campaign/chanel"),
        ({"campaign": 3, "items": [{"ref": "x"}]}, 422, "/campaign"),
        ({"campaign": "2026-11-offer", "items": []}, 422, "/items"),
        ({"campaign": "2026-11-offer", "items": [{"ref": "x"}] * 1_001}, 422, "/items"),
        ({"campaign": "2026-11-offer", "items": [{"mail": "x"}]}, 422, "/items/0/mail"),
    ],
)
def test_a_request_that_is_wrong_is_refused_whole(
    api: ApiCalling, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = api(controllers={"acme"}).post("/links", json=body)
    assert answer.status_code == status, answer.text
    assert [one["pointer"] for one in answer.json.get("errors", [])] == ([pointer] if pointer else [])


def test_a_thousand_are_minted_within_a_second_and_no_row_or_line_holds_a_token(
    api: ApiCalling, database: Database, keys: Keys, capfd: pytest.CaptureFixture[str]
) -> None:
    people = [
        {"type": "contact", "ref": f"crm:{number}", "controllers": ["acme"],
         "points": [{"channel": "email", "value": f"p{number}@posti.example", "use": "private"}]}
        for number in range(500)
    ]  # fmt: skip
    take(database, keys, *people)
    client = api(Scope.MINT_LINKS, controllers={"acme"})
    items = [{"ref": f"crm:{number}"} for number in range(500)] + [{"email": f"p{n}@posti.example"} for n in range(500)]
    client.post("/links", json={"campaign": "2026-11-offer", "items": items[:1]})
    began = time.perf_counter()
    answer = client.post("/links", json={"campaign": "2026-11-offer", "items": items}, key="a-thousand")
    took = time.perf_counter() - began
    assert answer.json["minted"] == 1_000
    assert took < 1, took
    written = capfd.readouterr()
    token = token_of(answer.json["items"][0]["one_click_url"])
    assert token not in written.out + written.err
    assert token.rpartition(".")[0] not in written.out + written.err
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM api_answer")) == 0


def test_another_scope_mints_nothing(api: ApiCalling) -> None:
    asked = {"campaign": "2026-11-offer", "items": [{"ref": "crm:aino"}]}
    assert api(Scope.RUN_SCREENINGS).post("/links", json=asked).status_code == 403
