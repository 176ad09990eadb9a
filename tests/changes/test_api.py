"""The machine doors of changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consentmgr.changes.delivering import deliver_due
from consentmgr.config import Settings
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.staff.scopes import Scope
from tests.changes.conftest import Changing, act, person
from tests.changes.receivers import receiving
from tests.changes.test_delivering import HERE

if TYPE_CHECKING:
    from tests.staff.api_calling import ApiCalling


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Receivers of this machine may be told."""
    return replace(settings, private_destinations=HERE)


def test_a_client_reads_on_from_its_cursor_and_sees_its_own_controllers(api: ApiCalling, changing: Changing) -> None:
    changing.take_well(
        person("aino", act("consent_given"), act("consent_withdrawn", 5)),
        person("birger", act("objected", controller="beta"), controllers=["beta"]),
    )
    client = api(Scope.READ_CHANGES, controllers={"acme"})
    first = client.get("/changes?limit=1").get_json()
    assert [item["type"] for item in first["items"]] == ["consent_given"]
    assert first["more"] is True
    rest = client.get("/changes", query_string={"after": first["next"]}).get_json()
    assert [(item["type"], item["contact"]["ref"]) for item in rest["items"]] == [("consent_withdrawn", "crm:aino")]
    assert rest["more"] is False
    assert client.get("/changes", query_string={"after": rest["next"]}).get_json()["items"] == []
    assert client.get("/changes?after=now").get_json()["items"] == []
    everything = api(Scope.READ_CHANGES).get("/changes?types=objected").get_json()
    assert [item["controller"] for item in everything["items"]] == ["beta"]
    assert client.get("/changes?after=nonsense").status_code == 422
    assert client.get("/changes?types=nonsense").status_code == 422
    assert client.get("/changes?limit=0").status_code == 422
    assert api(Scope.CHECK).get("/changes").status_code == 403


def test_an_endpoint_is_made_used_rotated_replayed_and_removed(
    api: ApiCalling, changing: Changing, settings: Settings, keys: Keys
) -> None:
    client = api(Scope.WRITE_WEBHOOKS)
    with receiving() as receiver:
        made = client.post("/webhooks", json={"url": receiver.url, "types": ["objected"]}, key="one")
        assert made.status_code == 201, made.get_json()
        again = client.post("/webhooks", json={"url": receiver.url, "types": ["objected"]}, key="one")
        assert again.get_json() == made.get_json()
        endpoint = made.get_json()
        path = f"/webhooks/{endpoint['id']}"
        changing.take_well(person("aino", act("consent_given"), act("objected", 5)))
        deliver_due(changing.database, settings, keys, clock.now())
        (message,) = receiver.taken
        receiver.verify(message, endpoint["secret"])

        shown = client.get(path)
        assert "secret" not in shown.get_json()
        assert shown.get_json()["delivered"] == 1
        (attempt,) = client.get(f"{path}/deliveries").get_json()["items"]
        assert (attempt["event_id"], attempt["error"]) == (message.document["data"]["id"], None)
        assert client.get(f"{path}/deliveries?failed=true").get_json()["items"] == []

        changed = {"url": receiver.url, "types": []}
        assert client.put(path, json=changed, headers={"If-Match": '"other"'}).status_code == 412
        put = client.put(path, json=changed, headers={"If-Match": shown.headers["ETag"]})
        assert put.get_json()["types"] == []
        rotated = client.post(f"{path}/rotate", json={"overlap_hours": 0}).get_json()
        assert client.post(f"{path}/replay", json={}).status_code == 422
        assert client.post(f"{path}/replay", json={"since": "2020-01-01T00:00:00Z"}).get_json()["waiting"] == 2
        deliver_due(changing.database, settings, keys, clock.now())
        receiver.verify(receiver.taken[-1], rotated["secret"])
        assert len(receiver.first_of_each()) == 2

        assert client.post(f"{path}/disable").get_json()["disabled_why"] == "by_hand"
        assert client.post(f"{path}/enable").get_json()["state"] == "enabled"
        assert len(client.get("/webhooks?limit=1").get_json()["items"]) == 1
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404


def test_a_key_for_one_controller_makes_and_sees_endpoints_of_that_one_alone(
    api: ApiCalling, changing: Changing
) -> None:
    everybody, acme = api(Scope.WRITE_WEBHOOKS), api(Scope.WRITE_WEBHOOKS, controllers={"acme"})
    with receiving() as receiver:
        all_of_it = everybody.post("/webhooks", json={"url": receiver.url}).get_json()
        mine = acme.post("/webhooks", json={"url": receiver.url}).get_json()
        assert (all_of_it["controllers"], mine["controllers"]) == (None, ["acme"])
        assert acme.post("/webhooks", json={"url": receiver.url, "controllers": ["beta"]}).status_code == 404
    assert acme.get(f"/webhooks/{all_of_it['id']}").status_code == 404
    assert acme.delete(f"/webhooks/{all_of_it['id']}").status_code == 404
    assert [item["id"] for item in acme.get("/webhooks").get_json()["items"]] == [mine["id"]]
    refused = everybody.post("/webhooks", json={"url": "https://10.0.0.1/x"})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/url"
