"""Campaigns through the API: the document of the contract in and out, its gates, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from consentmgr.db import Database
from consentmgr.staff.scopes import Scope
from tests.staff.api_calling import ApiCalling
from tests.staff.signing_in import Desk

pytestmark = pytest.mark.usefixtures("register")

SPRING: dict[str, Any] = {
    "type": "campaign", "key": "spring", "name": "Spring", "controller": "acme", "channel": "email",
    "purpose": "direct_marketing", "audience": "consumer",
}  # fmt: skip


def failed(answer: Any) -> list[str]:
    return [gate["code"] for gate in answer.json["gates"] if not gate["holds"]]


def test_a_campaign_is_kept_and_answered_with_its_gates(api: ApiCalling, desk: Desk) -> None:
    client = api(Scope.READ_CATALOGUE, Scope.WRITE_CATALOGUE, controllers={"acme"})
    made = client.put("/campaigns/spring", json={**SPRING, "message": {"sender_named": False, "one_click": False}})
    assert made.status_code == 201, made.text
    assert made.headers["Location"] == "/api/v1/campaigns/spring"
    assert failed(made) == ["CAMPAIGN_NO_SENDER", "CAMPAIGN_NO_ONE_CLICK"]
    assert all(gate["told"] and gate["law"] for gate in made.json["gates"])
    assert made.json["message"]["sender_named"] is False
    mended = client.put("/campaigns/spring", json=SPRING)
    assert (mended.status_code, failed(mended)) == (200, [])
    assert any(gate["holds"] for gate in mended.json["gates"]), "what it passes is told too"
    shown = client.get("/campaigns/spring")
    assert {name: value for name, value in shown.json.items() if name in SPRING} == SPRING
    assert shown.json["gates"] == mended.json["gates"]
    assert "Spring" in desk("data_steward").get("/desk/campaigns").text


def test_what_was_read_may_be_sent_back_and_changes_nothing(api: ApiCalling) -> None:
    client = api(controllers={"acme"})
    client.put("/campaigns/spring", json=SPRING)
    read = client.get("/campaigns/spring")
    put = client.put("/campaigns/spring", json=read.json)
    assert put.status_code == 200, put.text
    assert put.headers["ETag"] == read.headers["ETag"]
    assert put.json["recorded_at"] == read.json["recorded_at"]


def test_two_who_change_it_at_once_are_told(api: ApiCalling) -> None:
    client = api()
    tag = client.put("/campaigns/spring", json=SPRING).headers["ETag"]
    assert client.get("/campaigns/spring", headers={"If-None-Match": tag}).status_code == 304
    changed = client.put("/campaigns/spring", json={**SPRING, "name": "First"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] == tag) == (200, False)
    late = client.put("/campaigns/spring", json={**SPRING, "name": "Second"}, headers={"If-Match": tag})
    assert (late.status_code, late.json["type"]) == (412, "urn:consentmgr:problem:changed-meanwhile")
    assert client.put("/campaigns/spring", json=SPRING, headers={"If-None-Match": "*"}).status_code == 412
    assert client.put("/campaigns/new", json={}, headers={"If-Match": tag}).status_code == 412
    assert client.get("/campaigns/spring").json["name"] == "First"


def test_another_controllers_campaign_is_not_there(api: ApiCalling) -> None:
    client = api(controllers={"acme"})
    assert client.get("/campaigns/their-campaign").status_code == 404
    assert client.put("/campaigns/their-campaign", json={"controller": "acme"}).status_code == 404
    assert client.put("/campaigns/spring", json={**SPRING, "controller": "other"}).status_code == 404
    assert client.put("/campaigns/spring", json={**SPRING, "controller": "no-such"}).status_code == 404
    assert client.put("/campaigns/spring", json={**SPRING, "joint_controllers": ["other"]}).status_code == 404
    assert client.get("/campaigns/spring").status_code == 404
    assert [one["key"] for one in client.get("/campaigns").json["items"]] == ["autumn"]
    assert {one["key"] for one in api().get("/campaigns").json["items"]} == {"autumn", "their-campaign"}
    assert api().get("/campaigns/their-campaign").json["controller"] == "other"
    assert api(controllers={"other"}).put("/campaigns/spring", json={"name": "Default"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"chanel": "email"}, "/chanel"),
        ({"channel": "pigeon"}, "/channel"),
        ({"areas": ["astrology"]}, "/areas"),
        ({"channel": "online_audience"}, "/platform"),
        ({"message": {"unsubscribe": "never"}}, "/message/unsubscribe"),
        ({"planned_at": "2026-11-24T10:00:00"}, "/planned_at"),
        ({"key": "autumn"}, "/key"),
        ({"promotes": "yes"}, "/promotes"),
        ({"joint_controllers": ["nobody"]}, "/joint_controllers"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_kept(api: ApiCalling, change: dict[str, Any], pointer: str) -> None:
    client = api()
    answer = client.put("/campaigns/spring", json={**SPRING, **change})
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]
    assert client.get("/campaigns/spring").status_code == 404


def test_blank_fields_are_fields_that_were_not_given(api: ApiCalling) -> None:
    answer = api().put("/campaigns/spring", json={**SPRING, "topic": "", "platform": None, "areas": [""]})
    assert answer.status_code == 201, answer.text
    assert "topic" not in answer.json
    assert answer.json["areas"] == []


def test_campaigns_are_listed_page_by_page(api: ApiCalling) -> None:
    client = api()
    for number in range(5):
        client.put(f"/campaigns/c{number}", json={"channel": "sms", "controller": "acme"})
    seen, after = [], None
    while True:
        page = client.get(
            "/campaigns", query_string={"limit": 2, "channel": "sms", **({"after": after} if after else {})}
        )
        seen += [one["key"] for one in page.json["items"]]
        after = page.json["next"]
        if after is None:
            break
        assert 'rel="next"' in page.headers["Link"]
    assert seen == ["c4", "c3", "c2", "c1", "c0"]
    assert client.get("/campaigns?after=nonsense").status_code == 422
    assert client.get("/campaigns?channel=pigeon").status_code == 422


def test_a_key_with_a_slash_is_one_key(api: ApiCalling) -> None:
    client = api()
    assert client.put("/campaigns/2026/spring", json={"controller": "acme"}).status_code == 201
    assert client.get("/campaigns/2026/spring").json["key"] == "2026/spring"


def test_reading_does_not_let_write(api: ApiCalling, database: Database) -> None:
    client = api(Scope.READ_CATALOGUE)
    assert client.put("/campaigns/spring", json=SPRING).status_code == 403
    assert api(Scope.WRITE_CATALOGUE).get("/campaigns").status_code == 403
