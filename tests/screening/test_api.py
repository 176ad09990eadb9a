"""Screenings through the API: the desk's own, brought in four ways, answered as at the terminal, and nobody else's."""

from __future__ import annotations

import json
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.desk.changed_now import changed_now
from consentmgr.screening.desk.lists import forget, list_by_id, result_folder
from consentmgr.screening.models import ListScreening, Screening
from consentmgr.staff.scopes import Scope
from consentmgr.timetable.models import Task
from tests.conftest import RunCommand
from tests.screening.desk_samples import (
    CAMPAIGN,
    LIST,
    OTHERS_CAMPAIGN,
    fill,
    screened,
    take,
    work,
)
from tests.staff.api_calling import ApiCalling, ApiClient
from tests.staff.signing_in import Desk

ROWS = [{"email": "aino@posti.example", "note": "yes, ä"}, {"email": "birger@posti.example"}, {"email": "x", "n": 3}]
QUERY = "/screenings?campaign=2026-11-offer"


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys)


def ordered(client: ApiClient, **body: Any) -> str:
    answer = client.post("/screenings", json={"campaign": "2026-11-offer", "rows": ROWS, **body})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def finished(client: ApiClient, database: Database, settings: Settings, **body: Any) -> dict[str, Any]:
    address = ordered(client, **body)
    work(database, settings)
    told: dict[str, Any] = client.get(address).json
    assert told["status"] == "done", told
    return told


def lists_kept(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(ListScreening)) or 0


def files_kept(settings: Settings) -> int:
    folder = settings.data_folder / "files"
    return len(list(folder.iterdir())) if folder.exists() else 0


# --- four ways in -----------------------------------------------------------------------------------------------------


def test_rows_in_the_body_are_a_list(api: ApiCalling, database: Database, settings: Settings) -> None:
    client = api(Scope.RUN_SCREENINGS, Scope.READ_SCREENINGS, controllers={"acme"})
    address = ordered(client, language="fi")
    waiting = client.get(address).json
    assert (waiting["status"], waiting["counts"], waiting["files"]) == ("queued", None, {})
    assert waiting["progress"] == {"done": 0, "total": None, "step": None, "rows": None}
    assert waiting["made_by"] == client.actor
    assert waiting["campaign_document"]["name"] == "November offer"
    assert [gate for gate in waiting["gates"] if not gate["holds"]] == []
    work(database, settings)
    done = client.get(address).json
    assert {name: done["counts"][name] for name in ("rows", "allow", "block")} == {"rows": 3, "allow": 1, "block": 2}
    assert done["counts"]["grounds"][0]["code"] == "CONSENT_OK"
    assert datetime.fromisoformat(done["valid_until"]) > clock.now()
    assert (done["expired"], done["problem"], done["lagging_partners"]) == (False, None, [])
    result = client.get(done["files"]["result"], buffered=True).data.decode("utf-8-sig")
    assert "yes, ä" in result
    assert "Suostumus" in result or "suostu" in result.lower(), "explanations are in the language asked for"


def test_a_file_as_the_body_is_answered_as_at_the_terminal_to_the_byte(
    api: ApiCalling, database: Database, settings: Settings, run_command: RunCommand, tmp_path: Path
) -> None:
    client = api(controllers={"acme"})
    begun = client.post(f"{QUERY}&name=marraskuu&language=en", data=LIST, content_type="text/csv")
    assert begun.status_code == 202, begun.text
    work(database, settings)
    done = client.get(begun.headers["Location"]).json
    (tmp_path / "marraskuu.csv").write_bytes(LIST)
    (tmp_path / "campaign.json").write_text(json.dumps(CAMPAIGN), encoding="utf-8")
    run_command("screen", "--campaign", "campaign.json", "marraskuu.csv")
    for name, file in (("result", "marraskuu.screened.csv"), ("allowed", "marraskuu.allowed.csv")):
        answer = client.get(done["files"][name], buffered=True)
        assert answer.data == (tmp_path / file).read_bytes()
        assert answer.mimetype == "text/csv"
        assert answer.headers["Content-Disposition"].endswith(file)
        assert answer.headers["Cache-Control"] == "no-store"
    assert client.get(done["files"]["certificate"], buffered=True).json["id"] == done["certificate"]
    assert client.get(done["files"]["figures"], buffered=True).json["certificate_id"] == done["certificate"]
    assert client.get(done["files"]["report"], buffered=True).mimetype == "text/html"


def test_a_form_may_hold_the_whole_campaign(api: ApiCalling, database: Database, settings: Settings) -> None:
    client = api(controllers={"acme"})
    form = {
        "list": (BytesIO(b"osoite\naino@posti.example\n"), "a.csv"),
        "campaign": json.dumps({**CAMPAIGN, "key": "one-off"}),
        "columns": json.dumps({"email": "osoite"}),
    }
    begun = client.post("/screenings", data=form, content_type="multipart/form-data")
    assert begun.status_code == 202, begun.text
    work(database, settings)
    done = client.get(begun.headers["Location"]).json
    assert (done["campaign"], done["counts"]["allow"]) == ("one-off", 1)
    again = client.post(f"/screenings/{done['id']}/again")
    work(database, settings)
    assert client.get(again.headers["Location"]).json["counts"]["allow"] == 1, "its columns are read as before"


def test_a_list_that_was_brought_before_is_screened_for_another_campaign(
    api: ApiCalling, desk: Desk, database: Database, settings: Settings
) -> None:
    found = screened(desk("marketer"), database, settings)
    client = api(controllers={"acme"})
    answer = client.post("/screenings", json={"campaign": {"key": "sms", "channel": "sms"}, "list": str(found.id)})
    assert answer.status_code == 202, answer.text
    work(database, settings)
    done = client.get(answer.headers["Location"]).json
    assert (done["status"], done["campaign"], done["counts"]["rows"]) == ("done", "sms", 6)
    assert done["previous"] is None
    assert files_kept(settings) == 1


# --- one screening at desk, terminal and API --------------------------------------------------------------------------


def test_the_desk_and_the_api_see_the_same_screenings(
    api: ApiCalling, desk: Desk, database: Database, settings: Settings
) -> None:
    client = api(controllers={"acme"})
    ours = finished(client, database, settings)
    marketer = desk("marketer", controllers={"acme"})
    assert "Good for sending until" in marketer.get(f"/desk/screenings/{ours['id']}").text
    assert ours["id"] in marketer.get("/desk/screenings").text
    assert marketer.get(f"/desk/screenings/{ours['id']}/rows").text.count(">Why?<") == 3
    theirs = screened(marketer, database, settings)
    told = client.get(f"/screenings/{theirs.id}").json
    assert (told["status"], told["made_by"].partition(":")[0]) == ("done", "staff")
    assert client.get(told["files"]["allowed"], buffered=True).status_code == 200
    assert [one["id"] for one in client.get("/screenings").json["items"]] == [str(theirs.id), ours["id"]]


def test_what_people_are_read_of_is_noted(api: ApiCalling, database: Database, settings: Settings) -> None:
    client = api(controllers={"acme"})
    done = finished(client, database, settings)
    for name in ("result", "allowed", "report", "figures", "certificate"):
        assert client.get(done["files"][name], buffered=True).status_code == 200
    with database.engine.connect() as connection:
        noted = connection.execute(
            text("SELECT detail ->> 'file' FROM audit_event WHERE actor = :actor AND detail ? 'file' ORDER BY id"),
            {"actor": client.actor},
        )
        assert [name for (name,) in noted] == ["result", "allowed"]


def test_another_controllers_screening_is_not_there(api: ApiCalling, database: Database, settings: Settings) -> None:
    ours = finished(api(controllers={"acme"}), database, settings)
    theirs = api(controllers={"other"})
    place = f"/screenings/{ours['id']}"
    for path in ("", "/result", "/allowed", "/report", "/figures", "/certificate", "/delta"):
        assert theirs.get(place + path).status_code == 404, path
        assert theirs.get(f"/screenings/{uuid4()}{path}").status_code == 404, path
    for path in ("/again", "/cancel"):
        assert theirs.post(place + path).status_code == 404, path
    assert theirs.get("/screenings").json["items"] == []
    for campaign in ("2026-11-offer", CAMPAIGN, {"key": "x"}):
        assert theirs.post("/screenings", json={"campaign": campaign, "rows": ROWS}).status_code == 404
    reused = {"campaign": OTHERS_CAMPAIGN["key"], "list": ours["id"]}
    assert theirs.post("/screenings", json=reused).status_code == 404
    assert lists_kept(database) == 1


def test_reading_is_another_scope_than_screening(api: ApiCalling, database: Database, settings: Settings) -> None:
    reads, runs = api(Scope.READ_SCREENINGS), api(Scope.RUN_SCREENINGS)
    assert reads.post("/screenings", json={"campaign": "2026-11-offer", "rows": ROWS}).status_code == 403
    address = ordered(runs)
    assert runs.get(address).status_code == 403
    assert runs.get("/screenings").status_code == 403
    assert reads.get(address).status_code == 200
    assert reads.post(f"{address}/cancel").status_code == 403


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"rows": ROWS}, 422, "/campaign"),
        ({"campaign": "2026-11-offer"}, 422, "/rows"),
        ({"campaign": "2026-11-offer", "rows": ROWS, "list": str(uuid4())}, 422, "/rows"),
        ({"campaign": "2026-11-offer", "rows": []}, 422, "/rows"),
        ({"campaign": "2026-11-offer", "rows": [{}]}, 422, "/rows/0"),
        ({"campaign": "2026-11-offer", "rows": [{"email": {"a": 1}}]}, 422, "/rows/0/email"),
        ({"campaign": "2026-11-offer", "rows": [{"email": "a@b.example"}] * 10_001}, 422, "/rows"),
        ({"campaign": "2026-11-offer", "rows": [{"colour": "red"}]}, 422, "/list"),
        ({"campaign": "2026-11-offer", "rows": ROWS, "columns": {"email": "no such"}}, 422, "/columns"),
        ({"campaign": "2026-11-offer", "rows": ROWS, "columns": {"colour": "n"}}, 422, "/columns/colour/key"),
        ({"campaign": "2026-11-offer", "rows": ROWS, "name": "aino@posti"}, 422, "/name"),
        ({"campaign": "2026-11-offer", "rows": ROWS, "colour": 1}, 422, "/colour"),
        ({"campaign": {"areas": ["astrology"]}, "rows": ROWS}, 422, "/campaign/areas"),
        ({"campaign": {"message": {"one_click": 3}}, "rows": ROWS}, 422, "/campaign/message/one_click"),
        ({"campaign": "no-such", "rows": ROWS}, 404, None),
        ({"campaign": "2026-11-offer", "list": str(uuid4())}, 404, None),
    ],
)
def test_what_cannot_be_screened_is_told_and_not_kept(
    api: ApiCalling, database: Database, settings: Settings, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = api().post("/screenings", json=body)
    assert answer.status_code == status, answer.text
    assert [one["pointer"] for one in answer.json.get("errors", [])] == ([pointer] if pointer is not None else [])
    assert (lists_kept(database), files_kept(settings)) == (0, 0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"%PDF-1.7 something", "not a table"),
        (b"name;colour\nAino;red\n", "`columns`"),
        (b'email\n"aino@posti.example\n', "quot"),
    ],
)
def test_what_is_no_list_is_told_and_not_kept(
    api: ApiCalling, database: Database, settings: Settings, content: bytes, told: str
) -> None:
    answer = api().post(QUERY, data=content, content_type="text/csv")
    assert answer.status_code == 422, answer.text
    assert told in answer.text
    assert "--map" not in answer.text
    assert (lists_kept(database), files_kept(settings)) == (0, 0)


def test_a_body_of_another_kind_or_without_a_campaign_is_refused(api: ApiCalling) -> None:
    client = api()
    assert client.post("/screenings", data=b"x", content_type="image/png").status_code == 415
    assert client.post("/screenings", data=b"{", content_type="application/json").status_code == 400
    assert client.post("/screenings", data=b"[]", content_type="application/json").status_code == 422
    assert client.post("/screenings").status_code == 422
    without = client.post("/screenings?colour=red", data=LIST, content_type="text/csv")
    assert sorted(one["parameter"] for one in without.json["errors"]) == ["campaign", "colour"]
    beside = client.post(QUERY, json={"campaign": "2026-11-offer", "rows": ROWS})
    assert (beside.status_code, beside.json["errors"][0]["parameter"]) == (422, "campaign")
    form = client.post("/screenings", data={"campaign": "2026-11-offer"}, content_type="multipart/form-data")
    assert [one["pointer"] for one in form.json["errors"]] == ["/list"]
    too_large = {"CONTENT_LENGTH": str(300_000_000)}
    assert client.post(QUERY, data=b"x", content_type="text/csv", environ_overrides=too_large).status_code == 413
    too_large = {"CONTENT_LENGTH": str(50_000_000)}
    assert client.post("/screenings", json={}, environ_overrides=too_large).status_code == 413


def test_what_only_the_work_finds_is_a_problem_with_what_to_do(
    api: ApiCalling, database: Database, settings: Settings
) -> None:
    client = api()
    address = ordered(client, rows=[{"email": "aino@posti.example", "cm_verdict": "allow"}])
    work(database, settings)
    told = client.get(address).json
    assert told["status"] == "failed"
    assert told["problem"]["type"] == "urn:consentmgr:problem:invalid"
    assert "columns of an earlier screening" in told["problem"]["detail"]
    assert told["problem"]["detail"].endswith("bring the list again.")
    assert "--replace" not in told["problem"]["detail"]
    broken = ordered(client)
    with database.transaction() as session:
        row = session.get_one(Task, session.get_one(ListScreening, UUID(broken[-36:])).task)
        row.state, row.result = "failed", {"problem": "died"}
    told = client.get(broken).json
    assert (told["status"], told["problem"]["status"]) == ("failed", 500)
    (listed, _) = client.get("/screenings").json["items"]
    assert listed["problem"] == told["problem"]


def test_what_is_not_there_yet_and_what_is_there_no_more(
    api: ApiCalling, database: Database, settings: Settings
) -> None:
    client = api()
    address = ordered(client)
    for path in ("/result", "/delta"):
        answer = client.get(address + path)
        assert (answer.status_code, answer.json["type"]) == (409, "urn:consentmgr:problem:conflict")
    assert client.post(f"{address}/again").status_code == 409
    work(database, settings)
    with database.transaction() as session:
        forget(session, list_by_id(session, UUID(address[-36:])), settings, actor="test", now=clock.now())
    for path in ("/result", "/certificate", "/delta"):
        assert client.get(address + path).status_code == 410, path
    assert client.post(f"{address}/again").status_code == 410
    gone = client.get(address).json
    assert (gone["status"], gone["files"], gone["counts"]["allow"]) == ("forgotten", {}, 1)
    reused = {"campaign": "2026-11-offer", "list": address[-36:]}
    assert client.post("/screenings", json=reused).status_code == 422


def test_a_cancelled_screening_comes_to_nothing(api: ApiCalling, database: Database, settings: Settings) -> None:
    client = api()
    address = ordered(client)
    assert client.post(f"{address}/cancel").json["status"] == "cancelled"
    work(database, settings)
    assert client.get(address).json["status"] == "cancelled"
    assert client.post(f"{address}/cancel").json["status"] == "cancelled"


def test_a_screening_is_removed_with_its_files_and_its_certificate_stays(
    api: ApiCalling, database: Database, settings: Settings
) -> None:
    client = api()
    address = ordered(client)
    work(database, settings)
    certificate = client.get(address).json["certificate"]
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 204, "once more changes nothing"
    assert client.get(address).json["status"] == "forgotten"
    assert client.get(f"{address}/result").status_code == 410
    assert not list((settings.data_folder / "files").iterdir())
    with database.reading() as session:
        assert session.get(Screening, UUID(certificate)) is not None
    waiting = ordered(client, name="toinen.csv")
    assert client.delete(waiting).status_code == 204
    work(database, settings)
    assert client.get(waiting).json["status"] == "forgotten"


# --- asked again ------------------------------------------------------------------------------------------------------


def test_an_upload_that_is_tried_again_is_screened_once(
    api: ApiCalling, database: Database, settings: Settings
) -> None:
    client = api()
    answers = [client.post(QUERY, data=LIST, content_type="text/csv", key="upload-1") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len({answer.data for answer in answers}) == 1
    assert (lists_kept(database), files_kept(settings)) == (1, 1)
    other = client.post(QUERY, data=LIST + b"x;y@z.example\r\n", content_type="text/csv", key="upload-1")
    assert (other.status_code, other.json["type"]) == (422, "urn:consentmgr:problem:key-reused")
    refused = [client.post(QUERY, data=b"%PDF", content_type="text/csv", key="upload-2") for _ in range(2)]
    assert {answer.status_code for answer in refused} == {422}
    assert files_kept(settings) == 1


def test_a_large_body_is_read_from_where_it_lies(api: ApiCalling, database: Database, settings: Settings) -> None:
    client = api()
    large = b"email;note\n" + b"".join(b"p%d@posti.example;%s\n" % (n, b"x" * 400) for n in range(22_000))
    assert len(large) > 9_000_000
    begun = [client.post(QUERY, data=large, content_type="text/csv", key="large") for _ in range(2)]
    assert [answer.status_code for answer in begun] == [202, 202]
    assert begun[0].headers["Location"] == begun[1].headers["Location"]
    with database.reading() as session:
        found = list_by_id(session, UUID(begun[0].headers["Location"][-36:]))
    assert found.file_bytes == len(large)


def test_screenings_are_listed_page_by_page(api: ApiCalling) -> None:
    client = api()
    made = [ordered(client)[-36:] for _ in range(4)]
    ordered(client, campaign={"key": "another"})
    seen, after = [], None
    while True:
        asked = {"limit": 3, "campaign": "2026-11-offer", **({"after": after} if after else {})}
        page = client.get("/screenings", query_string=asked)
        seen += [one["id"] for one in page.json["items"]]
        after = page.json["next"]
        if after is None:
            break
    assert seen == made[::-1]


# --- what would change ------------------------------------------------------------------------------------------------


def test_the_delta_is_what_screening_again_would_find_whatever_the_window(
    api: ApiCalling, database: Database, settings: Settings, keys: Keys
) -> None:
    client = api()
    people = [
        {"type": "contact", "ref": f"crm:{number}", "controllers": ["acme"],
         "points": [{"channel": "email", "value": f"p{number}@posti.example", "use": "private", "source": "web_form"}],
         "events": [{"event": "consent_given", "at": "2026-08-01T10:00:00+03:00", "controller": "acme",
                     "method": "web_form", "channels": ["email"], "purposes": ["direct_marketing"],
                     "notice": "signup/1/fi", "evidence": {"form": "signup"}}]}
        for number in range(30)
    ]  # fmt: skip
    take(database, keys, *people)
    rows = [{"email": f"p{number}@posti.example"} for number in range(30)] + [
        {"ref": "crm:3"},
        {"email": "q@x.example"},
    ]
    done = finished(client, database, settings, rows=rows)
    left = [
        {
            "type": "event",
            "contact": f"crm:{number}",
            "event": "objected",
            "at": clock.now().isoformat(),
            "method": "phone",
        }
        for number in (0, 3, 4, 17, 29)
    ]
    take(database, keys, *left, {**people[29], "ref": "crm:q", "points": [{**people[29]["points"][0], "value": "q@x.example"}]},
         now=clock.now())  # fmt: skip
    with database.reading() as session:
        found = list_by_id(session, UUID(done["id"]))

    def asked(limit: int, window: int) -> list[tuple[int, str, str]]:
        seen, after = [], 0
        while True:
            with database.reading() as session:
                page = changed_now(
                    session, found, result_folder(settings, found), after=after, limit=limit,
                    keys=AddressKeys(keys.address_key, keys.address_key_id), now=clock.now(), window=window,
                    most=3 * window,
                )  # fmt: skip
            seen += [(row.row, str(row.verdict_then), str(row.verdict_now)) for row in page.rows]
            if not page.more:
                return seen
            after = page.looked_to

    again = client.post(f"/screenings/{done['id']}/again").headers["Location"]
    work(database, settings)
    first, second = (
        [line.split(",") for line in client.get(f"{place}/result", buffered=True).text.splitlines()]
        for place in (f"/screenings/{done['id']}", again)
    )
    verdict = first[0].index("cm_verdict")
    truth = [
        (number, one[verdict], other[verdict])
        for number, (one, other) in enumerate(zip(first, second, strict=True))
        if one[verdict] != other[verdict]
    ]
    assert [row for row, _, _ in truth] == [1, 4, 5, 18, 30, 31, 32]
    for limit, window in ((50, 20_000), (1, 20_000), (2, 1), (50, 1), (3, 7)):
        assert asked(limit, window) == truth, (limit, window)
    pages, after = [], None
    while True:
        page = client.get(
            f"/screenings/{done['id']}/delta", query_string={"limit": 4, **({"after": after} if after else {})}
        )
        pages.append([one["row"] for one in page.json["items"]])
        after = page.json["next"]
        if after is None:
            break
    assert pages == [[1, 4, 5, 18], [30, 31, 32]]


def test_a_row_that_may_be_sent_now_is_told_too(
    api: ApiCalling, database: Database, settings: Settings, keys: Keys
) -> None:
    client = api()
    done = finished(client, database, settings, rows=[{"email": "new@posti.example"}])
    assert done["counts"]["block"] == 1
    take(
        database, keys,
        {"type": "contact", "ref": "crm:new", "controllers": ["acme"],
         "points": [{"channel": "email", "value": "new@posti.example", "use": "private", "source": "web_form"}],
         "events": [{"event": "consent_given", "at": "2026-08-01T10:00:00+03:00", "controller": "acme",
                     "method": "web_form", "channels": ["email"], "purposes": ["direct_marketing"],
                     "notice": "signup/1/fi", "evidence": {"form": "signup"}}]},
    )  # fmt: skip
    (row,) = client.get(f"/screenings/{done['id']}/delta").json["items"]
    assert (row["verdict_then"], row["verdict_now"], row["reasons"]) == ("block", "allow", ["CONSENT_OK"])
