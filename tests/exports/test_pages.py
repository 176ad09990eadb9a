"""Exports at the desk: made, changed, run by the claim of every run, and no secret or foreign schedule ever shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, text, update

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.keys import Keys
from consentmgr.kit.clock import local_date
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.sealing import unsealed
from consentmgr.scheduler import TASKS, do_task
from consentmgr.staff import approvals
from consentmgr.timetable.models import Task
from tests.conftest import RunCommand
from tests.exports.conftest import Run, Take
from tests.staff.signing_in import Desk

OBJECTED = {"event": "objected", "at": "2026-10-01T10:00:00+03:00", "method": "email_link"}
OTHER = {"type": "controller", "key": "other", "name": "Toinen Oy"}
SECRET = "hunter2-hunter2-hunter2-hunter2-0123456789"  # a made-up one
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFjbWVhY21lYWNtZWFjbWVhY21lYWNtZWFjbWVhY21l"


def person(ref: str, *events: dict[str, Any]) -> dict[str, Any]:
    point = {"channel": "email", "value": f"{ref}@x.example", "use": "private", "source": "web_form"}
    return {"type": "contact", "ref": ref, "points": [point], "events": [*events]}


@pytest.fixture
def form(target: Path) -> dict[str, str]:
    """A filled form of a new schedule into a folder."""
    return {
        "kind": "folder",
        "key": "mailer",
        "partner": "Postitalo Oy",
        "controller": "acme",
        "content": "suppressed",
        "channel": "email",
        "purpose": "direct_marketing",
        "format": "csv",
        "to_path": str(target),
        "cron": "0 3 * * *",
        "time_zone": "Europe/Helsinki",
        "catch_up": "latest",
        "most_lag": "36",
    }


@pytest.fixture
def do_tasks(database: Database, settings: Settings) -> Callable[[], None]:
    """Do what waits in the queue, in this process."""

    def do() -> None:
        with database.reading() as session:
            waiting = session.scalars(select(Task.id).where(Task.state == "queued").order_by(Task.created_at)).all()
        for task_id in waiting:
            do_task(database, settings, task_id, TASKS)

    return do


def stored(database: Database, key: str = "mailer") -> ExportSchedule:
    with database.reading() as session:
        found = session.get(ExportSchedule, key)
        assert found is not None
        session.expunge(found)
        return found


# --- making and changing ----------------------------------------------------------------------------------------------


def test_without_an_export_the_page_says_what_to_do(desk: Desk, take: Take) -> None:
    take([])
    assert "Nothing is sent to anybody yet" in desk("data_steward").get("/desk/exports/").text
    assert 'href="/desk/exports/new"' not in desk("marketer").get("/desk/exports/").text.partition("<main")[2]


def test_an_export_is_made_by_a_form_of_its_destination(
    desk: Desk, take: Take, database: Database, form: dict[str, str]
) -> None:
    take([])
    client = desk("data_steward")
    kinds = client.get("/desk/exports/new").text
    assert 'href="/desk/exports/new?kind=sftp"' in kinds
    assert 'name="secret_host_key"' in client.get("/desk/exports/new?kind=sftp").text
    made = client.post("/desk/exports/new", form)
    assert (made.status_code, made.headers["Location"]) == (303, "/desk/exports/schedule/mailer")
    schedule = stored(database)
    assert schedule.destination == {"kind": "folder", "path": form["to_path"]}
    assert (schedule.cron, schedule.most_lag_hours, schedule.paused_at) == ("0 3 * * *", 36, None)
    page = client.get("/desk/exports/schedule/mailer").text
    assert "Postitalo Oy" in page
    assert "It has not run yet" in page


@pytest.mark.parametrize(
    ("kind", "fields", "destination"),
    [
        (
            "sftp",
            {"to_host": "sftp.x.example", "to_port": "2222", "to_user": "ac me", "to_path": "/in/acme ä"},
            {"kind": "sftp", "host": "sftp.x.example", "port": 2222, "user": "ac me", "path": "/in/acme ä"},
        ),
        (
            "s3",
            {"to_bucket": "lists", "to_prefix": "in", "to_endpoint": "https://s3.x.example", "to_region": "eu-west-1"},
            {
                "kind": "s3",
                "endpoint": "https://s3.x.example",
                "bucket": "lists",
                "prefix": "in",
                "region": "eu-west-1",
            },
        ),
        ("https", {"to_url": "https://x.example/in"}, {"kind": "https", "url": "https://x.example/in"}),
        ("webhook+https", {"to_url": "https://x.example/h"}, {"kind": "webhook+https", "url": "https://x.example/h"}),
    ],
)
def test_each_destination_is_stored_as_the_terminal_would_and_filled_in_again(
    kind: str, fields: dict[str, str], destination: dict[str, Any], desk: Desk, take: Take, database: Database,
    form: dict[str, str],
) -> None:  # fmt: skip
    take([])
    client = desk("data_steward")
    assert client.post("/desk/exports/new", {**form, "kind": kind, **fields}).status_code == 303
    found = stored(database).destination
    assert found == destination | ({"path": found["path"]} if kind == "sftp" else {})
    page = client.get("/desk/exports/schedule/mailer/edit").text
    for value in fields.values():
        assert f'value="{value}"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", "Not A Key"), ("partner", " "), ("controller", "nobody"), ("format", "e164"), ("cron", "whenever"),
        ("time_zone", "Mars/Olympus"), ("to_path", "/no/such/folder"), ("encrypt_to", "age1nonsense"), ("most_lag", "x"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_made(
    field: str, value: str, desk: Desk, take: Take, database: Database, form: dict[str, str]
) -> None:
    take([])
    answer = desk("data_steward").post("/desk/exports/new", {**form, field: value})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExportSchedule)) == 0


def test_secrets_go_in_and_never_come_out(
    desk: Desk, take: Take, database: Database, keys: Keys, form: dict[str, str]
) -> None:
    take([])
    client = desk("data_steward")
    sftp = {
        **form, "kind": "sftp", "to_host": "sftp.x.example", "to_user": "acme", "to_path": "/in",
        "secret_password": SECRET, "secret_host_key": HOST_KEY,
    }  # fmt: skip
    refused = client.post("/desk/exports/new", {**sftp, "cron": "whenever"})
    assert refused.status_code == 422
    assert client.post("/desk/exports/new", sftp).status_code == 303
    changed = client.post(
        "/desk/exports/schedule/mailer/edit", {**sftp, "secret_password": SECRET[::-1], "secret_host_key": ""}
    )
    assert changed.status_code == 303
    assert unsealed(stored(database).secrets, keys.address_key) == {"password": SECRET[::-1], "host_key": HOST_KEY}
    pages = [refused.text] + [
        desk(role).get(path, follow_redirects=True).text
        for role in ("data_steward", "administrator", "auditor", "dpo")
        for path in (
            "/desk/exports/",
            "/desk/exports/schedule/mailer",
            "/desk/exports/schedule/mailer/edit",
            "/desk/audit/",
        )
    ]
    for page in pages:
        assert SECRET not in page
        assert SECRET[::-1] not in page
        assert HOST_KEY not in page
    assert "Kept since" in client.get("/desk/exports/schedule/mailer/edit").text
    with database.reading() as session:
        told = session.scalars(text("SELECT detail::text FROM audit_event")).all()
    assert not any(SECRET in one or SECRET[::-1] in one for one in told)


def test_secrets_are_not_lent_to_another_machine(
    desk: Desk, take: Take, database: Database, form: dict[str, str]
) -> None:
    take([])
    client = desk("data_steward")
    https = {**form, "kind": "https", "to_url": "https://x.example/in", "secret_token": SECRET}
    client.post("/desk/exports/new", https)
    elsewhere = {**https, "to_url": "https://evil.example/in", "secret_token": ""}
    assert client.post("/desk/exports/schedule/mailer/edit", elsewhere).status_code == 422
    assert stored(database).destination["url"] == "https://x.example/in"
    assert client.post("/desk/exports/schedule/mailer/edit", {**elsewhere, "secret_token": SECRET}).status_code == 303


def test_pausing_stops_the_clock_and_resuming_lets_it_go_on(
    desk: Desk, take: Take, schedule: Callable[..., str], database: Database
) -> None:
    take([])
    schedule(cron="0 3 * * *")
    client = desk("data_steward")
    client.post("/desk/exports/schedule/mailer/pause")
    assert stored(database).paused_at is not None
    assert "stands still" in client.get("/desk/exports/").text
    client.post("/desk/exports/schedule/mailer/resume")
    assert stored(database).paused_at is None


# --- work -------------------------------------------------------------------------------------------------------------


def test_a_run_is_put_in_the_queue_and_goes_by_the_claim(
    desk: Desk, take: Take, schedule: Callable[..., str], target: Path, database: Database, do_tasks: Callable[[], None]
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    client = desk("data_steward")
    client.post("/desk/exports/schedule/mailer/run")
    assert list(target.iterdir()) == []
    assert "The export is being made" in client.get("/desk/exports/schedule/mailer").text
    do_tasks()
    assert {path.name for path in target.iterdir()} >= {"mailer-000001.csv", "mailer-000001.manifest.json"}
    page = client.get("/desk/exports/schedule/mailer").text
    assert "Sequence 1 was delivered" in page
    refreshed = client.get("/desk/exports/schedule/mailer/work", headers={"HX-Request": "true"})
    assert refreshed.headers["HX-Refresh"] == "true"


def test_a_preview_counts_and_masks_and_sends_nothing(
    desk: Desk, take: Take, schedule: Callable[..., str], target: Path, database: Database, do_tasks: Callable[[], None]
) -> None:
    take([person("objector", OBJECTED), person("second", OBJECTED), person("willing")])
    schedule()
    client = desk("marketer")
    client.post("/desk/exports/schedule/mailer/preview")
    do_tasks()
    page = client.get("/desk/exports/schedule/mailer").text
    assert "2 addresses" in page
    assert "o•••@x•••" in page
    assert "objector@" not in page
    assert list(target.iterdir()) == []
    with database.reading() as session:
        (result,) = session.scalars(select(Task.result)).all()
        assert session.scalar(select(func.count()).select_from(ExportRun)) == 0
    assert "@" not in json.dumps(result)


def test_the_connection_is_tried_with_a_file_of_nobodys_data(
    desk: Desk, take: Take, schedule: Callable[..., str], target: Path, do_tasks: Callable[[], None]
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    client = desk("data_steward")
    client.post("/desk/exports/schedule/mailer/try")
    do_tasks()
    assert [path.name for path in target.iterdir()] == ["mailer.connection-test.txt"]
    assert "The connection works" in client.get("/desk/exports/schedule/mailer").text
    (target / "mailer.connection-test.txt").unlink()
    target.rmdir()
    client.post("/desk/exports/schedule/mailer/try")
    do_tasks()
    assert "The connection does not work" in client.get("/desk/exports/schedule/mailer").text


def test_everybody_who_may_be_written_to_leaves_only_when_two_people_want_it(
    desk: Desk, take: Take, database: Database, form: dict[str, str], target: Path, do_tasks: Callable[[], None]
) -> None:
    take([person("one")])
    client = desk("data_steward")
    assert client.post("/desk/exports/new", {**form, "content": "allowed", "format": "csv"}).status_code == 303
    assert stored(database).paused_at is not None
    client.post("/desk/exports/schedule/mailer/run", {"full": "1"})
    client.post("/desk/exports/schedule/mailer/run", {"reason": "The yearly letter to our customers"})
    client.post("/desk/exports/schedule/mailer/resume", {"reason": "Every month from now on"})
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 0
        waiting = [one.id for one in approvals.listed(session, waiting=True)]
    assert len(waiting) == 2
    assert stored(database).paused_at is not None
    with pytest.raises(approvals.SamePerson), database.transaction() as session:
        approvals.decide(session, waiting[0], accept=True, actor=client.actor, now=clock_now())
    for approval in waiting:
        with database.transaction() as session:
            approvals.decide(session, approval, accept=True, actor="staff:0", now=clock_now())
    assert stored(database).paused_at is None
    do_tasks()
    assert any(path.name.endswith(".manifest.json") for path in target.iterdir())


# --- runs -------------------------------------------------------------------------------------------------------------


def test_a_runs_manifest_is_checked_shown_and_acknowledged(
    desk: Desk, take: Take, schedule: Callable[..., str], run: Run, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    run()
    client = desk("data_steward")
    page = client.get("/desk/exports/schedule/mailer/runs/1").text
    assert "signature checked" in page
    assert "mailer-000001.csv" in page
    manifest = client.get("/desk/exports/schedule/mailer/runs/1/manifest.json").get_json()
    assert manifest["sequence"] == 1
    assert manifest["manifest"].count(".") == 2
    client.post("/desk/exports/schedule/mailer/runs/1/acknowledge", {"by": "Postitalo, Liisa"})
    with database.reading() as session:
        (row,) = session.scalars(select(ExportRun)).all()
        assert row.acknowledged_by == "Postitalo, Liisa"
    with database.transaction() as session:
        session.execute(update(ExportRun).values(manifest=func.concat(ExportRun.manifest, "x")))
    forged = client.get("/desk/exports/schedule/mailer/runs/1").text
    assert "Its signature does not hold" in forged
    assert client.get("/desk/exports/schedule/mailer/runs/1/manifest.json").status_code == 404


def test_a_partner_that_lags_is_told(
    desk: Desk, take: Take, schedule: Callable[..., str], run: Run, database: Database
) -> None:
    take([])
    schedule(most_lag_hours=1)
    run()
    with database.transaction() as session:
        session.execute(text("UPDATE export_run SET published_at = now() - interval '2 hours'"))
    client = desk("data_steward")
    assert "The partner lags" in client.get("/desk/exports/schedule/mailer").text
    assert ">lags<" in client.get("/desk/").text


def test_whether_an_address_was_in_the_file_is_answered_and_recorded(
    desk: Desk, take: Take, schedule: Callable[..., str], run: Run, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    run()
    client = desk("dpo")
    path = "/desk/exports/schedule/mailer/sent"
    today = local_date(clock_now()).isoformat()
    yes = client.post(path, {"address": " Objector@X.example ", "day": today}).text
    assert "Sequence 1" in yes
    assert "bjector@" not in yes
    assert "<strong>No</strong>" in client.post(path, {"address": "willing@x.example", "day": today}).text
    assert "<strong>No</strong>" in client.post(path, {"address": "objector@x.example", "day": "2026-01-01"}).text
    assert client.post(path, {"address": "nobody"}).status_code == 422
    assert client.post(path, {"address": "a@x.example", "day": "tomorrow"}).status_code == 422
    with database.reading() as session:
        told = session.execute(text("SELECT actor, object, detail::text FROM audit_event WHERE action = 'read'")).all()
    assert {(row.actor, row.object) for row in told} == {(client.actor, "export:mailer")}
    assert len(told) == 3
    assert not any("x.example" in row.detail for row in told)


# --- whose -----------------------------------------------------------------------------------------------------------


def test_schedules_of_other_controllers_are_not_there(
    desk: Desk, take: Take, schedule: Callable[..., str], run: Run, form: dict[str, str], database: Database
) -> None:
    take([OTHER])
    schedule("foreign", controller="other", partner="Vieras Kumppani")
    run("foreign")
    client = desk("data_steward", controllers={"acme"})
    assert "foreign" not in client.get("/desk/exports/").text
    assert "Vieras" not in client.get("/desk/").text
    assert "Toinen" not in client.get("/desk/exports/new?kind=folder").text
    for path in ("", "/edit", "/work", "/runs/1", "/runs/1/manifest.json", "/sent"):
        assert client.get(f"/desk/exports/schedule/foreign{path}").status_code == 404, path
    for path in ("/edit", "/pause", "/resume", "/run", "/preview", "/try", "/cancel", "/runs/1/acknowledge", "/sent"):
        asked = {"address": "a@x.example", "partner": "x"}
        assert client.post(f"/desk/exports/schedule/foreign{path}", asked).status_code == 404, path
    assert client.post("/desk/exports/new", {**form, "controller": "other"}).status_code == 422
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 0
        assert session.scalars(select(ExportSchedule.key)).all() == ["foreign"]


def test_who_may_only_see_exports_changes_none(desk: Desk, take: Take, schedule: Callable[..., str]) -> None:
    take([])
    schedule()
    client = desk("auditor")
    assert client.get("/desk/exports/schedule/mailer").status_code == 200
    for path in ("/edit", "/pause", "/resume", "/run", "/try", "/cancel", "/runs/1/acknowledge"):
        assert client.post(f"/desk/exports/schedule/mailer{path}").status_code == 403, path


def test_questions_do_not_grow_with_schedules_and_runs(
    desk: Desk, take: Take, schedule: Callable[..., str], run: Run, database: Database
) -> None:
    asked: list[str] = []
    client = desk("data_steward")

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def statements(path: str) -> int:
        asked.clear()
        event.listen(database.engine, "before_cursor_execute", note)
        try:
            assert client.get(path).status_code == 200
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        return len(asked)

    take([person("objector", OBJECTED)])
    schedule()
    run()
    paths = ("/desk/exports/", "/desk/exports/schedule/mailer")
    few = [statements(path) for path in paths]
    for number in range(5):
        schedule(f"more-{number}")
        run()
    assert [statements(path) for path in paths] == few


def test_addresses_typed_by_people_are_text_on_every_page(
    desk: Desk, take: Take, form: dict[str, str], database: Database
) -> None:
    take([])
    client = desk("data_steward")
    script = "<script>alert(1)</script>"
    client.post("/desk/exports/new", {**form, "partner": script})
    for path in ("/desk/exports/", "/desk/exports/schedule/mailer", "/desk/exports/schedule/mailer/edit", "/desk/"):
        assert script not in client.get(path).text
    refused = client.post("/desk/exports/new", {**form, "key": f'"{script}', "partner": script})
    assert refused.status_code == 422
    assert script not in refused.text
    assert re.search(r"&lt;script&gt;", refused.text)


def test_the_task_of_a_run_is_of_the_schedules_controller(
    desk: Desk, take: Take, schedule: Callable[..., str], database: Database
) -> None:
    take([])
    schedule()
    client = desk("data_steward")
    client.post("/desk/exports/schedule/mailer/preview")
    with database.reading() as session:
        (task,) = session.scalars(select(Task)).all()
    assert isinstance(task.id, UUID)
    assert (task.controller, task.actor, task.kind) == ("acme", client.actor, "preview-export")


def test_a_schedule_is_changed_and_paused_at_the_terminal_too(
    desk: Desk, take: Take, database: Database, form: dict[str, str], run_command: RunCommand, tmp_path: Path
) -> None:
    take([person("aino", OBJECTED)])
    assert desk("data_steward").post("/desk/exports/new", form).status_code == 303
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run_command("export", "change", "mailer", "--cron", "never", "--most-lag", "0", "--to", f"folder:{elsewhere}")
    changed = stored(database)
    assert (changed.cron, changed.most_lag_hours, changed.partner) == (None, None, "Postitalo Oy")
    assert changed.destination["path"] == str(elsewhere)
    run_command("export", "change", "mailer", "--time-zone", "Nowhere/At all", expect=2)
    run_command("export", "pause", "mailer")
    assert stored(database).paused_at is not None
    assert "goes on by its timetable" in run_command("export", "resume", "mailer").stdout
    assert stored(database).paused_at is None
