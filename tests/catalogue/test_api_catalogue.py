"""Controllers, organisations, topics and notices through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.staff.scopes import Scope

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.staff.api_calling import ApiCalling

pytestmark = pytest.mark.usefixtures("register")

TOPIC: dict[str, Any] = {"kind": "newsletter", "controller": "acme", "names": {"fi": "Työelämän uutiset"}}
NOTICE: dict[str, Any] = {
    "text": "Haluan Acme Oy:n uutiset.", "controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"],
}  # fmt: skip


def test_controllers_topics_and_notices_of_the_key_are_listed_page_by_page(api: ApiCalling) -> None:
    client, bound = api(), api(controllers={"acme"})
    assert [one["key"] for one in client.get("/controllers").json["items"]] == ["acme", "other"]
    assert [one["key"] for one in bound.get("/controllers").json["items"]] == ["acme"]
    first = client.get("/topics?limit=2").json
    assert [one["key"] for one in first["items"]] == ["payroll", "their-news"]
    assert [one["key"] for one in client.get(f"/topics?after={first['next']}").json["items"]] == ["training-news"]
    assert [one["key"] for one in bound.get("/topics").json["items"]] == ["payroll", "training-news"]
    notices = client.get("/notices?limit=1").json
    assert [one["key"] for one in notices["items"]] == ["signup"]
    assert [one["key"] for one in client.get(f"/notices?after={notices['next']}").json["items"]] == ["theirs"]
    assert [one["key"] for one in bound.get("/notices").json["items"]] == ["signup"]
    assert bound.get("/notices?key=theirs").json["items"] == []
    for path in ("/controllers", "/topics", "/notices", "/organisations"):
        assert client.get(f"{path}?after=nonsense").status_code == 422
        assert client.get(f"{path}?colour=red").status_code == 422


def test_a_topic_is_added_changed_and_never_shown_again_by_silence(api: ApiCalling) -> None:
    client = api()
    made = client.put("/topics/work-news", json=TOPIC)
    assert made.status_code == 201, made.text
    assert client.put("/topics/work-news", json={"public": False}).json["public"] is False
    kept = client.put("/topics/work-news", json={"cadence": "weekly", "names": {"fi": " ", "en": "Work news"}})
    assert kept.status_code == 200
    assert (kept.json["public"], kept.json["names"]) == (False, {"fi": "Työelämän uutiset", "en": "Work news"})
    again = client.put("/topics/work-news", json=kept.json, headers={"If-Match": kept.headers["ETag"]})
    assert again.json == kept.json
    assert client.put("/topics/work-news", json=TOPIC, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    assert client.put("/topics/work-news", json={**TOPIC, "key": "other-news"}).status_code == 422
    assert client.put("/topics/new", json={"controller": "acme"}).json["errors"][0]["pointer"] == "/kind"


def test_a_notice_is_added_once_and_its_words_never_change(api: ApiCalling) -> None:
    client = api()
    assert client.put("/notices/letters/1/fi", json=NOTICE).status_code == 201
    assert client.put("/notices/letters/1/fi", json=NOTICE).status_code == 200
    changed = client.put("/notices/letters/1/fi", json={**NOTICE, "text": "Muut sanat."})
    assert changed.status_code == 422
    assert changed.json["errors"][0]["pointer"] == "/text"
    assert client.put("/notices/letters/1/de", json=NOTICE).status_code == 404
    assert client.put("/notices/letters/0/fi", json=NOTICE).status_code == 404


def test_a_bound_key_touches_no_topic_or_notice_of_others(api: ApiCalling) -> None:
    client = api(controllers={"acme"})
    assert client.put("/topics/their-news", json=TOPIC).status_code == 404
    assert client.put("/topics/new-one", json={**TOPIC, "controller": "other"}).status_code == 403
    assert client.put("/topics/training-news", json={**TOPIC, "controller": "other"}).status_code == 403
    assert client.put("/notices/theirs/2/fi", json={**NOTICE, "supersedes": "major"}).status_code == 404
    assert client.put("/notices/new/1/fi", json={**NOTICE, "controllers": ["other"]}).status_code == 403
    assert client.put("/notices/new/1/fi", json={**NOTICE, "controllers": []}).status_code == 403
    assert client.put("/notices/signup/2/fi", json=NOTICE).status_code == 201


def test_an_organisation_is_found_added_and_changed(api: ApiCalling) -> None:
    client = api()
    (found,) = client.get("/organisations?business_id=28003019&domain=ekman.example").json["items"] or [{}]
    shown = client.get(f"/organisations/{found['id']}")
    assert (shown.json["name"], shown.json["employees"]) == ("Ekman Oy", 40)
    changed = client.put(
        f"/organisations/{found['id']}", json={"employees": 41}, headers={"If-Match": shown.headers["ETag"]}
    )
    assert changed.status_code == 200, changed.text
    assert (changed.json["name"], changed.json["employees"]) == ("Ekman Oy", 41)
    assert client.put(f"/organisations/{found['id']}", json={"business_id": "0112038-9"}).status_code == 422
    club = client.post("/organisations", json={"ref": "club:1", "name": "Pyöräilijät"})
    assert club.status_code == 201, club.text
    assert client.post("/organisations", json={"ref": "club:1", "form": "association"}).status_code == 200
    assert client.get(club.headers["Location"]).json["form"] == "association"
    assert (
        client.post("/organisations", json={"business_id": "1234567-0"}).json["errors"][0]["pointer"] == "/business_id"
    )
    assert client.get("/organisations/999999").status_code == 404
    assert client.get("/organisations/99999999999999999999").status_code == 404


def test_whose_customer_an_organisation_is_concerns_the_keys_controllers(api: ApiCalling) -> None:
    client, bound = api(), api(controllers={"acme"})
    (found,) = client.get("/organisations").json["items"]
    path = f"/organisations/{found['id']}"
    client.put(path, json={"customer_of": [{"controller": "other"}, {"controller": "acme"}]})
    assert [one["controller"] for one in bound.get(path).json["customer_of"]] == ["acme"]
    assert bound.put(path, json={"customer_of": [{"controller": "other"}]}).status_code == 403
    assert bound.put(path, json={"customer_of": [{"controller": "acme", "product_group": "x"}]}).status_code == 200


def test_reading_and_writing_are_scopes_of_their_own(api: ApiCalling) -> None:
    reading, writing = api(Scope.READ_CATALOGUE), api(Scope.WRITE_CATALOGUE)
    assert reading.put("/topics/work-news", json=TOPIC).status_code == 403
    assert reading.post("/organisations", json={"ref": "x"}).status_code == 403
    assert writing.get("/topics").status_code == 403
    assert writing.put("/topics/work-news", json=TOPIC).status_code == 201


def test_what_is_written_is_audited_by_the_key(api: ApiCalling, database: Database) -> None:
    from sqlalchemy import text

    client = api()
    client.put("/topics/work-news", json=TOPIC)
    with database.connect() as connection:
        rows = connection.execute(
            text("SELECT action, object FROM audit_event WHERE actor = :actor"), {"actor": client.actor}
        ).all()
    assert [tuple(row) for row in rows] == [("documents.bring", "topic:work-news")]
