"""Prohibitions through the API: adding is one scope, lifting another, and of others' there is nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consentmgr.kit import clock
from consentmgr.staff.scopes import Scope

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.staff.api_calling import ApiCalling, ApiClient

pytestmark = pytest.mark.usefixtures("register")

BAN: dict[str, Any] = {
    "target": {"email": "Uusi@Posti.example"}, "channels": ["email"], "controllers": ["acme"], "source": "self",
    "valid_from": "2026-01-02", "evidence": {"note": "kertoi puhelimessa"},
}  # fmt: skip
WORD: dict[str, Any] = {"method": "phone", "reason": "haluaa kirjeen taas", "evidence": "puhelu 17"}


def now(later: timedelta = timedelta()) -> str:
    return (clock.now() + later).isoformat()


def found(client: ApiClient, **asked: str) -> list[dict[str, Any]]:
    answer = client.post("/prohibitions/search", json=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["status"] for item in answer.json["items"]]


def test_a_ban_is_added_once_and_found_by_any_spelling(api: ApiCalling) -> None:
    client = api()
    wrong = {**BAN, "target": {"email": "x@y.example", "phone": "+358501000111"}}
    assert statuses(client.post("/prohibitions", json={"items": [BAN, BAN, wrong]})) == [
        "taken",
        "unchanged",
        "refused",
    ]
    assert statuses(client.post("/prohibitions", json={"items": [BAN]})) == ["unchanged"]
    (one,) = found(client, email="uusi@POSTI.example")
    assert (one["in_force"], one["controllers"], one["target"]) == (True, ["acme"], "U•••@P•••.example")
    shown = client.get(f"/prohibitions/{one['id']}")
    assert shown.json == one
    assert "uusi" not in shown.text.lower()
    assert found(client, phone="0501000999")[0]["source"] == "robinson_phone"
    assert found(client, domain="Salainen.example")[0]["reference"] == "foreign-reference"
    assert found(client, contact="crm:aino")[0]["source"] == "court"
    assert client.post("/prohibitions/search", json={"email": "x", "phone": "y"}).status_code == 422


def test_bans_are_listed_newest_first_by_page_and_filter(api: ApiCalling) -> None:
    client = api()
    first = client.get("/prohibitions?limit=3").json
    second = client.get(f"/prohibitions?limit=3&after={first['next']}").json
    numbers = [one["id"] for one in first["items"] + second["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 4
    assert [one["target_kind"] for one in client.get("/prohibitions?source=robinson_phone").json["items"]] == ["phone"]
    assert client.get("/prohibitions?source=nobody").status_code == 422
    assert client.get("/prohibitions?after=zz").status_code == 422
    bound = api(controllers={"acme"}).get("/prohibitions").json["items"]
    assert sorted(one["target_kind"] for one in bound) == ["contact", "email", "phone"]
    assert "foreign-reference" not in str(bound)


def test_a_ban_is_lifted_by_a_newer_act_and_stays_lifted(api: ApiCalling, database: Database) -> None:
    client = api(Scope.READ_PROHIBITIONS, Scope.LIFT_PROHIBITIONS)
    (one,) = found(client, email="kielto@posti.example")
    path = f"/prohibitions/{one['id']}/lift"
    for wrong in ({}, {**WORD}, {**WORD, "at": now(), "reason": " "}, {**WORD, "at": now(), "evidence": ""},
                  {**WORD, "at": now(), "method": "import"}, {**WORD, "at": now(), "given_by": "unverified"},
                  {**WORD, "at": "2026-01-01T10:00:00+02:00"}, {**WORD, "at": now(timedelta(hours=1))}):  # fmt: skip
        assert client.post(path, json=wrong).status_code == 422, wrong
    assert client.get(f"/prohibitions/{one['id']}").json["in_force"] is True
    done = client.post(path, json={**WORD, "at": now()}, key="lift")
    assert done.status_code == 200, done.text
    assert (done.json["in_force"], done.json["lifted_at"] is not None) == (False, True)
    again = client.post(path, json={**WORD, "at": now()})
    assert again.json == done.json
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ledger_entry WHERE event = 'prohibition_lifted'")) == 1


def test_a_key_without_the_scope_lifts_nothing(api: ApiCalling) -> None:
    client = api(*(scope for scope in Scope if scope is not Scope.LIFT_PROHIBITIONS))
    (one,) = found(client, email="kielto@posti.example")
    refused = client.post(f"/prohibitions/{one['id']}/lift", json={**WORD, "at": now()})
    assert refused.status_code == 403
    assert "prohibitions:lift" in refused.headers["WWW-Authenticate"]
    assert client.get(f"/prohibitions/{one['id']}").json["in_force"] is True
    adding = api(Scope.ADD_PROHIBITIONS)
    assert statuses(adding.post("/prohibitions", json={"items": [BAN]})) == ["taken"]
    assert adding.get("/prohibitions").status_code == 403


def test_a_court_ban_and_bans_of_others_or_of_all_are_not_a_bound_keys_to_lift(api: ApiCalling) -> None:
    client = api()
    court, theirs, everybodys = (
        found(client, contact="crm:aino")[0],
        found(client, domain="salainen.example")[0],
        found(client, phone="+358501000999")[0],
    )
    bound = api(controllers={"acme"})
    for one, status in ((court, 422), (theirs, 404), (everybodys, 404)):
        assert bound.post(f"/prohibitions/{one['id']}/lift", json={**WORD, "at": now()}).status_code == status
    assert bound.get(f"/prohibitions/{theirs['id']}").status_code == 404
    assert found(bound, domain="salainen.example") == []
    assert client.post(f"/prohibitions/{everybodys['id']}/lift", json={**WORD, "at": now()}).status_code == 200
    assert client.post("/prohibitions/999999/lift", json={**WORD, "at": now()}).status_code == 404


def test_a_bound_key_adds_bans_of_its_own_controllers_alone(api: ApiCalling) -> None:
    client = api(controllers={"acme"})
    answer = client.post(
        "/prohibitions",
        json={"items": [{**BAN, "controllers": []}, {**BAN, "controllers": ["other"]},
                        {**BAN, "controllers": ["acme", "other"]}, BAN]},
    )  # fmt: skip
    assert statuses(answer) == ["refused", "refused", "refused", "taken"]
    assert {item["errors"][0]["code"] for item in answer.json["items"][:3]} == {"forbidden"}
