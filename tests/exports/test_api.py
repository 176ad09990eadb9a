"""Exports through the API: seen, run and acknowledged as at the desk, by whoever answers for the controller."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.runs import delta_base
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.scheduler import TASKS, do_task
from consentmgr.staff import api_keys, approvals
from consentmgr.staff.approvals import SamePerson
from consentmgr.staff.scopes import Scope
from consentmgr.timetable.models import Task
from consentmgr.vocabulary.documents import Campaign
from tests.exports.conftest import Run, Take
from tests.staff.api_calling import ApiCalling, ApiClient

OBJECTED = {"event": "objected", "at": "2026-10-01T10:00:00+03:00", "method": "email_link"}
OTHER = {"type": "controller", "key": "other", "name": "Toinen Oy"}
REASON = "The campaign goes out this afternoon."


def person(ref: str, *events: dict[str, Any]) -> dict[str, Any]:
    point = {"channel": "email", "value": f"{ref}@x.example", "use": "private", "source": "web_form"}
    return {"type": "contact", "ref": ref, "points": [point], "events": [*events]}


@pytest.fixture
def exported(take: Take, schedule: Callable[..., str], run: Run) -> str:
    """A schedule with two published runs."""
    take([OTHER, person("a", OBJECTED), person("b", OBJECTED)])
    key = schedule(delta=True, most_lag_hours=36)
    run()
    run()
    return key


@pytest.fixture
def do_tasks(database: Database, settings: Settings) -> Callable[[], None]:
    def do() -> None:
        with database.reading() as session:
            waiting = session.scalars(select(Task.id).where(Task.state == "queued").order_by(Task.created_at)).all()
        for task_id in waiting:
            do_task(database, settings, task_id, TASKS)

    return do


def test_where_an_export_stands_is_told(api: ApiCalling, exported: str, schedule: Callable[..., str]) -> None:
    schedule("theirs", controller="other")
    schedule("another", controller="acme", cron="0 3 * * *")
    client = api(Scope.READ_EXPORTS, controllers={"acme"})
    assert [one["key"] for one in client.get("/exports").json["items"]] == ["another", "mailer"]
    told = client.get("/exports/mailer").json
    assert (told["partner"], told["mode"], told["published"], told["acknowledged"]) == (
        "Postitalo Oy",
        "delta",
        2,
        None,
    )
    assert (told["waiting_for"], told["next_at"], told["running"]) == (1, None, False)
    assert client.get("/exports/another").json["next_at"] is not None
    first = client.get("/exports?limit=1").json
    assert [one["key"] for one in client.get(f"/exports?limit=1&after={first['next']}").json["items"]] == ["mailer"]
    assert len(api().get("/exports").json["items"]) == 3


def test_runs_are_listed_and_each_names_its_files(api: ApiCalling, exported: str, target: Path) -> None:
    client = api(Scope.READ_EXPORTS)
    page = client.get("/exports/mailer/runs?limit=1").json
    assert [run["sequence"] for run in page["items"]] == [2]
    page = client.get(f"/exports/mailer/runs?limit=1&after={page['next']}").json
    assert ([run["sequence"] for run in page["items"]], page["next"]) == ([1], None)
    run = client.get("/exports/mailer/runs/2").json
    assert (run["state"], run["mode"]) == ("published", "full")
    (file,) = run["files"]
    assert (target / file["name"]).stat().st_size == file["bytes"]
    assert "files" not in page["items"][0]
    assert client.get("/exports/mailer/runs/3").status_code == 404
    assert client.get(f"/exports/mailer/runs/{2**70}").status_code == 404


def test_the_manifest_is_the_partners_to_the_byte(api: ApiCalling, exported: str, target: Path) -> None:
    answer = api(Scope.READ_EXPORTS).get("/exports/mailer/runs/2/manifest")
    assert answer.data == (target / "mailer-000002.manifest.json").read_bytes()
    assert answer.mimetype == "application/json"
    assert answer.json["sequence"] == 2


def test_a_run_is_put_in_the_queue_and_told_of_until_it_is_done(
    api: ApiCalling, exported: str, do_tasks: Callable[[], None], target: Path
) -> None:
    client = api(Scope.READ_EXPORTS, Scope.RUN_EXPORTS, controllers={"acme"})
    asked = [client.post("/exports/mailer/runs", json={}, key="now") for _ in range(3)]
    assert {answer.status_code for answer in asked} == {202}
    assert len({answer.data for answer in asked}) == 1, "one run, however often it was asked for"
    assert asked[0].json["status"] == "queued"
    do_tasks()
    done = client.get(asked[0].headers["Location"]).json
    assert (done["status"], done["sequence"]) == ("done", 3)
    assert (target / "mailer-000003.manifest.json").exists()
    assert client.get(f"/exports/mailer/ordered/{uuid4()}").status_code == 404


def test_a_run_that_does_not_arrive_says_so(
    api: ApiCalling, exported: str, do_tasks: Callable[[], None], target: Path
) -> None:
    client = api()
    target.rename(target.with_name("away"))
    asked = client.post("/exports/mailer/runs", json={"full": True})
    do_tasks()
    told = client.get(asked.headers["Location"]).json
    assert (told["status"], told["sequence"]) == ("failed", None)
    assert "taken up again" in told["detail"]


def test_everybody_who_may_be_written_to_leaves_only_where_two_people_want_it(
    api: ApiCalling, take: Take, schedule: Callable[..., str], database: Database, keys: Keys,
    do_tasks: Callable[[], None],
) -> None:  # fmt: skip
    take([person("a")])
    schedule("everybody", content="allowed", campaign=Campaign(key="x", controller="acme"))
    client = api(controllers={"acme"})
    refused = client.post("/exports/everybody/runs", json={})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/reason")
    asked = client.post("/exports/everybody/runs", json={"reason": REASON})
    assert (asked.status_code, asked.json["status"]) == (202, "waiting_for_approval")
    do_tasks()
    place = asked.headers["Location"]
    assert client.get(place).json["status"] == "waiting_for_approval"
    with database.transaction() as session:
        (waiting,) = approvals.listed(session, waiting=True, reach=frozenset({"acme"}))
        assert (waiting.kind, waiting.asked_by, waiting.reason) == ("export.allowed", client.actor, REASON)
    with pytest.raises(SamePerson), database.transaction() as session:
        # The fixture's keys were made by "test": whoever makes a key is no second person to it.
        approvals.decide(session, waiting.id, accept=True, actor="test", now=clock.now())
    with database.transaction() as session:
        approvals.decide(session, waiting.id, accept=True, actor="staff:7", now=clock.now())
    assert client.get(place).json["status"] == "queued"
    do_tasks()
    done = client.get(place).json
    assert (done["status"], done["sequence"]) == ("done", 1)
    second = client.post("/exports/everybody/runs", json={"reason": REASON}).headers["Location"]
    with database.transaction() as session:
        (waiting,) = approvals.listed(session, waiting=True)
        approvals.decide(session, waiting.id, accept=False, actor="staff:7", now=clock.now())
    assert client.get(second).json["status"] == "refused"


def test_a_partner_says_what_it_holds_once_or_often(api: ApiCalling, exported: str, database: Database) -> None:
    client = api(Scope.ACKNOWLEDGE_EXPORTS, controllers={"acme"})
    first = client.post("/exports/mailer/runs/2/acknowledge")
    assert (first.status_code, first.json["acknowledged_by"]) == (200, "api")
    again = client.post("/exports/mailer/runs/2/acknowledge")
    assert again.json == first.json
    with database.reading() as session:
        assert delta_base(session, "mailer") == 2
    assert api().get("/exports/mailer").json["acknowledged"] == 2


def test_a_sequence_that_has_not_left_cannot_be_acknowledged(
    api: ApiCalling, exported: str, run: Run, target: Path
) -> None:
    client = api()
    assert client.post("/exports/mailer/runs/9/acknowledge").status_code == 404
    target.rename(target.with_name("away"))
    with pytest.raises(Exception, match=r"."):
        run(full=True)
    answer = client.post("/exports/mailer/runs/3/acknowledge")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/sequence")
    assert client.get("/exports/mailer/runs/3").json["state"] == "prepared"
    assert client.get("/exports/mailer/runs/3/manifest").status_code == 404


def test_another_controllers_export_is_not_there(api: ApiCalling, exported: str, schedule: Callable[..., str]) -> None:
    theirs = api(controllers={"other"})
    assert theirs.get("/exports").json["items"] == []
    for path in ("", "/runs", "/runs/1", "/runs/1/manifest", f"/ordered/{uuid4()}"):
        assert theirs.get(f"/exports/mailer{path}").status_code == 404, path
        assert theirs.get(f"/exports/no-such{path}").status_code == 404, path
    assert theirs.post("/exports/mailer/runs", json={}).status_code == 404
    assert theirs.post("/exports/mailer/runs/1/acknowledge").status_code == 404
    schedule("theirs", controller="other")
    ours = api().post("/exports/mailer/runs", json={}).json["id"]
    assert theirs.get(f"/exports/theirs/ordered/{ours}").status_code == 404, "an order is its export's alone"


def test_each_scope_opens_its_own_operations(api: ApiCalling, exported: str) -> None:
    calls: list[tuple[Scope, Callable[[ApiClient], Any]]] = [
        (Scope.READ_EXPORTS, lambda client: client.get("/exports/mailer/runs")),
        (Scope.RUN_EXPORTS, lambda client: client.post("/exports/mailer/runs", json={})),
        (Scope.ACKNOWLEDGE_EXPORTS, lambda client: client.post("/exports/mailer/runs/1/acknowledge")),
    ]
    for held, _ in calls:
        client = api(held)
        for needed, call in calls:
            assert (call(client).status_code == 403) == (needed is not held), (held, needed)


def test_no_secret_or_place_is_told(api: ApiCalling, exported: str, target: Path) -> None:
    client = api()
    for path in ("/exports", "/exports/mailer", "/exports/mailer/runs", "/exports/mailer/runs/1"):
        assert str(target) not in client.get(path).text
    assert json.loads(client.get("/exports/mailer").data).keys().isdisjoint({"destination", "secrets"})
    assert api_keys.is_token(client.token)
