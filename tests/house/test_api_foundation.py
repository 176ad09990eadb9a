"""What every door of the API has: one transaction, one effect however often it is asked, problems that say what to mend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.api import deprecated
from consentmgr.edge.idempotency import KEEP_ANSWERS, forget_answers
from consentmgr.edge.paging import cursor, values_of
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff.scopes import Scope
from tests.application import NOTES, application
from tests.staff.api_calling import ApiCalling

if TYPE_CHECKING:
    from werkzeug.test import TestResponse


@pytest.fixture
def notes(settings: Settings, database: Database) -> Iterator[ApiCalling]:
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (id serial PRIMARY KEY, controller text, said text, by text)"))
    with application(settings, database, NOTES) as app:
        yield ApiCalling(app, database)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE note"))


def said(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(text("SELECT said FROM note ORDER BY id")))


def problem(answer: TestResponse) -> str:
    assert answer.mimetype == "application/problem+json", answer.text
    told = answer.json
    assert {"type", "title", "status", "detail", "instance"} <= set(told)
    assert told["status"] == answer.status_code
    return str(told["type"]).removeprefix("urn:consentmgr:problem:")


NOTE = {"controller": "acme", "said": "moi"}


def test_a_note_is_added_read_and_listed(notes: ApiCalling, database: Database) -> None:
    client = notes()
    added = client.post("/notes", json=NOTE)
    assert added.status_code == 201, added.text
    assert client.get(f"/notes/{added.json['id']}").json == {"id": 1, **NOTE} | {"id": added.json["id"]}
    with database.connect() as connection:
        assert connection.scalar(text("SELECT by FROM note")) == client.actor


def kept(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM api_answer")) or 0)


# --- one effect -------------------------------------------------------------------------------------------------------


def test_a_write_asked_five_times_has_one_effect_and_one_answer(notes: ApiCalling, database: Database) -> None:
    client = notes()
    answers = [client.post("/notes", json=NOTE, key="f3a0") for _ in range(5)]
    assert {(answer.status_code, answer.text, answer.mimetype) for answer in answers} == {
        (201, answers[0].text, "application/json")
    }
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, *["true"] * 4]
    assert said(database) == ["moi"]


def test_the_quotes_of_a_structured_field_mean_the_same_key(notes: ApiCalling, database: Database) -> None:
    client = notes()
    assert client.post("/notes", json=NOTE, key="f3a0").json == client.post("/notes", json=NOTE, key='"f3a0"').json
    assert said(database) == ["moi"]


def test_without_a_key_each_request_acts(notes: ApiCalling, database: Database) -> None:
    client = notes()
    assert client.post("/notes", json=NOTE).json["id"] != client.post("/notes", json=NOTE).json["id"]
    assert said(database) == ["moi", "moi"]
    assert kept(database) == 0


def test_another_body_or_path_under_the_same_key_is_refused(notes: ApiCalling, database: Database) -> None:
    client = notes()
    note_id = client.post("/notes", json=NOTE, key="f3a0").json["id"]
    other = client.post("/notes", json={**NOTE, "said": "hei"}, key="f3a0")
    elsewhere = client.put(f"/notes/{note_id}", json=NOTE, key="f3a0")
    assert [(answer.status_code, problem(answer)) for answer in (other, elsewhere)] == [(422, "key-reused")] * 2
    assert said(database) == ["moi"]


def test_the_same_key_of_another_caller_is_another_key(notes: ApiCalling, database: Database) -> None:
    assert notes().post("/notes", json=NOTE, key="f3a0").status_code == 201
    assert "Idempotent-Replayed" not in notes().post("/notes", json=NOTE, key="f3a0").headers
    assert said(database) == ["moi", "moi"]


@pytest.mark.parametrize("said_first", ["crash", "not after all"])
def test_what_failed_has_no_effect_and_may_be_asked_again(
    notes: ApiCalling, database: Database, said_first: str
) -> None:
    client = notes()
    notes.app.testing = False
    notes.app.config["PROPAGATE_EXCEPTIONS"] = False
    first = client.post("/notes", json={**NOTE, "said": said_first}, key="f3a0")
    assert first.status_code == (500 if said_first == "crash" else 422)
    assert said(database) == []
    assert kept(database) == 0
    assert client.post("/notes", json=NOTE, key="f3a0").status_code == 201


def test_an_answer_of_no_undoes_what_was_written(notes: ApiCalling, database: Database) -> None:
    assert notes().post("/notes/refused", key="f3a0").status_code == 409
    assert said(database) == []


def test_the_same_request_in_flight_is_told_to_wait(notes: ApiCalling, database: Database) -> None:
    client = notes()
    with database.transaction() as session:
        # What the first of two does as long as it is being answered.
        client.post("/notes", json=NOTE, key="f3a0")
        row = session.execute(text("DELETE FROM api_answer RETURNING key")).scalar_one()
        number = int.from_bytes(row[:8], signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        answer = client.post("/notes", json=NOTE, key="f3a0")
        assert (answer.status_code, problem(answer), answer.headers["Retry-After"]) == (409, "in-flight", "1")
    assert said(database) == ["moi"]


def test_kept_answers_can_be_read_by_nobody_else(notes: ApiCalling, database: Database, keys: Keys) -> None:
    notes().post("/notes", json={**NOTE, "said": "Aino Virtanen"}, key="f3a0")
    with database.connect() as connection:
        row = connection.execute(text("SELECT * FROM api_answer")).one()
    assert b"Virtanen" not in b"".join(value for value in row if isinstance(value, bytes))
    assert b"f3a0" not in b"".join(value for value in row if isinstance(value, bytes))


def test_an_answer_whose_secret_was_changed_is_not_given_and_nothing_is_done_twice(
    notes: ApiCalling, database: Database
) -> None:
    client = notes()
    client.post("/notes", json=NOTE, key="f3a0")
    from dataclasses import replace

    notes.app.extensions["consentmgr.keys"] = replace(
        notes.app.extensions["consentmgr.keys"], session_secret=b"another secret of thirty-two bytes"[:32]
    )
    answer = client.post("/notes", json=NOTE, key="f3a0")
    assert (answer.status_code, problem(answer)) == (409, "answer-lost")
    assert said(database) == ["moi"]


def test_answers_are_forgotten_after_two_days(
    notes: ApiCalling, database: Database, settings: Settings, keys: Keys
) -> None:
    client = notes()
    client.post("/notes", json=NOTE, key="f3a0")
    forget_answers(database, settings, keys, clock.now() + KEEP_ANSWERS - timedelta(minutes=1))
    assert kept(database) == 1
    assert forget_answers(database, settings, keys, clock.now() + KEEP_ANSWERS + timedelta(minutes=1)).startswith("1 ")
    assert kept(database) == 0


@pytest.mark.parametrize("key", ["", "ä", "a" * 256, "two words", '"'])
def test_a_key_that_is_none_is_refused(notes: ApiCalling, database: Database, key: str) -> None:
    answer = notes().post("/notes", json=NOTE, key=key)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == "Idempotency-Key"
    assert said(database) == []


def test_a_large_body_is_digested_and_still_read_by_the_view(notes: ApiCalling, database: Database) -> None:
    client = notes()
    body = b"x" * 9_000_001
    first, again = (client.post("/notes/count", data=body, key="f3a0") for _ in range(2))
    assert first.json == again.json == {"bytes": len(body)}
    assert client.post("/notes/count", data=body + b"y", key="f3a0").status_code == 422
    assert said(database) == [str(len(body))]


def test_a_body_larger_than_the_view_takes_is_refused(notes: ApiCalling) -> None:
    client = notes()
    for key in (None, "f3a0"):
        assert problem(client.post("/notes/count", data=b"x" * 20_000_001, key=key)) == "too-large"
        assert problem(client.post("/notes", data=b" " * 1_000_001, key=key, content_type="application/json")) == (
            "too-large"
        )


# --- problems ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b'{"controller": "acme"}', 422, "/said"),
        (b'{"controller": "acme", "said": "x", "sed": 1}', 422, "/sed"),
        (b'{"controller": "acme", "said": 7}', 422, "/said"),
        (b'{"controller": "acme", "said": "x", "at": "2026-03-29T03:30:00"}', 422, "/at"),
        (b'{"controller": "acme", "said": "x", "at": "0001-01-01T00:00:00Z"}', 422, "/at"),
        (b'{"controller": "acme", "said": "a\\u0000b"}', 422, ""),
        (b'{"controller": "acme", "said": "\\ud800"}', 400, ""),
        (b'{"controller": "acme", "said": ', 400, ""),
        (b"[" * 100_000, 400, ""),
        (b"\xff", 400, ""),
        (b"[]", 422, ""),
        (b"null", 422, ""),
        (b"", 400, ""),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_with_the_field(
    notes: ApiCalling, database: Database, body: bytes, status: int, pointer: str
) -> None:
    answer = notes().post("/notes", data=body, content_type="application/json")
    assert answer.status_code == status, answer.text
    assert problem(answer) == {400: "bad-request", 422: "invalid"}[status]
    assert [error["pointer"] for error in answer.json["errors"]][:1] == [pointer]
    assert said(database) == []


def test_an_escaped_backslash_is_no_nul(notes: ApiCalling) -> None:
    assert notes().post("/notes", json={**NOTE, "said": "\\u0000"}).status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/html"])
def test_another_media_type_is_refused(notes: ApiCalling, media_type: str) -> None:
    answer = notes().post("/notes", data=b"{}", content_type=media_type)
    assert (answer.status_code, problem(answer)) == (415, "unsupported-media-type")


def test_no_body_at_all_is_refused(notes: ApiCalling) -> None:
    assert notes().post("/notes").status_code == 422


@pytest.mark.parametrize(
    ("accept", "status"),
    [("*/*", 200), ("application/json", 200), ("application/*;q=0.5", 200), ("application/problem+json", 200),
     ("text/html", 406), ("application/json;q=0", 406), ("text/csv, image/png", 406)],
)  # fmt: skip
def test_an_answer_that_would_not_be_accepted_is_not_made(notes: ApiCalling, accept: str, status: int) -> None:
    assert notes().get("/notes", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "colour=red", "after=x", "after=%00", "after="])
def test_a_parameter_that_cannot_be_taken_is_refused_by_name(notes: ApiCalling, query: str) -> None:
    answer = notes().get(f"/notes?{query}")
    assert answer.status_code == 422
    named = answer.json["errors"][0]
    assert (named.get("parameter") or named["pointer"].strip("/")) == query.partition("=")[0]


def test_a_parameter_of_a_view_that_has_none_is_refused(notes: ApiCalling) -> None:
    answer = notes().get("/notes/1?colour=red")
    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, "colour")


@pytest.mark.parametrize("path", ["/nowhere", "/notes/0", "/notes/99999999999999999999", "/notes/x"])
def test_what_is_not_there_is_a_problem_document(notes: ApiCalling, path: str) -> None:
    answer = notes().get(path, headers={"Accept": "text/html, */*"})
    assert (answer.status_code, problem(answer)) == (404, "not-found")


def test_a_method_that_is_not_there_names_those_that_are(notes: ApiCalling) -> None:
    answer = notes().delete("/notes")
    assert (answer.status_code, problem(answer)) == (405, "method-not-allowed")
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["Allow"].split(",")}


def test_problems_are_in_english_whatever_language_is_asked_for(notes: ApiCalling) -> None:
    answer = notes().get("/nowhere?lang=fi", headers={"Accept-Language": "fi"})
    assert answer.json["title"] == "There is nothing here for this key"


def test_what_the_database_cannot_hold_is_the_callers_and_not_a_fault_of_ours(
    notes: ApiCalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import select

    client = notes()

    def view(note_id: int) -> Any:
        return notes.app.extensions["consentmgr"].engine.connect().execute(select(text("1/0"))).scalar()

    # The mark of who may call it stays on the view that is there.
    view.__dict__.update(notes.app.view_functions["api_notes.show_note"].__dict__)
    monkeypatch.setitem(notes.app.view_functions, "api_notes.show_note", view)
    answer = client.get("/notes/1")
    assert (answer.status_code, problem(answer)) == (422, "invalid")


# --- pages, tags ------------------------------------------------------------------------------------------------------


def test_a_list_is_read_page_by_page_by_cursor_and_by_link(notes: ApiCalling) -> None:
    client = notes()
    for number in range(5):
        client.post("/notes", json={**NOTE, "said": str(number)})
    seen, path = [], "/api/v1/notes?limit=2"
    while path:
        answer = client.get(path)
        seen.append([item["said"] for item in answer.json["items"]])
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next"] is None)
        path = link.partition("<")[2].partition(">")[0] if link else ""
    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_a_cursor_gives_back_its_values_and_nothing_else_does() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    told = cursor("a", 7, moment, date(2026, 3, 1), UUID(int=5))
    assert values_of(told, str, int, datetime, date, UUID) == ("a", 7, moment, date(2026, 3, 1), UUID(int=5))
    for bad in ("", "x", told[:-2], told + "AA", "A" * 3_000, cursor("a"), cursor("a\0", 7), "[1]"):
        with pytest.raises(BadInput):
            values_of(bad, str, int)


def test_tags_answer_conditions(notes: ApiCalling) -> None:
    client = notes()
    path = f"/notes/{client.post('/notes', json=NOTE).json['id']}"
    tag = client.get(path).headers["ETag"]
    unchanged = client.get(path, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tag)
    stale = client.put(path, json=NOTE, headers={"If-Match": '"other"'})
    assert (stale.status_code, problem(stale)) == (412, "changed-meanwhile")
    changed = client.put(path, json={**NOTE, "said": "hei"}, headers={"If-Match": tag}, key="f3a0")
    assert changed.status_code == 200
    assert changed.headers["ETag"] not in (tag, None)
    again = client.put(path, json={**NOTE, "said": "hei"}, headers={"If-Match": tag}, key="f3a0")
    assert (again.status_code, again.headers["ETag"]) == (200, changed.headers["ETag"])
    assert client.put(path, json=NOTE, headers={"If-Match": tag}).status_code == 412


# --- rights -----------------------------------------------------------------------------------------------------------


def test_a_view_without_a_mark_is_closed(notes: ApiCalling) -> None:
    assert notes().get("/notes/open").status_code == 403


def test_a_key_is_for_its_controllers_alone(notes: ApiCalling) -> None:
    owner, other = notes(controllers={"acme"}), notes(controllers={"umbrella"})
    path = f"/notes/{owner.post('/notes', json=NOTE).json['id']}"
    assert owner.get(path).status_code == 200
    foreign, missing = other.get(path), other.get("/notes/123456")
    assert foreign.status_code == missing.status_code == 404
    assert {**foreign.json, "instance": ""} == {**missing.json, "instance": ""}
    assert other.post("/notes", json=NOTE).status_code == 404
    assert other.get("/notes").json["items"] == []


def test_without_the_scope_the_answer_names_it(notes: ApiCalling) -> None:
    answer = notes(Scope.CHECK).get("/notes")
    assert (answer.status_code, problem(answer)) == (403, "forbidden")
    told = answer.headers["WWW-Authenticate"]
    assert told == 'Bearer realm="consentmgr", error="insufficient_scope", scope="catalogue:read"'


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_document_is_openapi_and_tells_scopes_problems_and_keys(notes: ApiCalling) -> None:
    from openapi_spec_validator import validate

    told = notes.app.test_client().get("/api/v1/openapi.json").json
    validate(told)
    adding = told["paths"]["/api/v1/notes"]["post"]
    assert (adding["operationId"], adding["security"]) == ("add_note", [{"key": ["catalogue:write"]}])
    assert {"201", "400", "401", "403", "404", "406", "409", "413", "415", "422", "429", "503"} <= set(
        adding["responses"]
    )
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in adding["parameters"]
    assert told["openapi"].startswith("3.1")


def test_an_operation_on_its_way_out_says_so_in_the_document_and_with_every_answer(notes: ApiCalling) -> None:
    answer = notes().get("/notes/old")
    assert answer.headers["Deprecation"] == "@1793491200"
    assert answer.headers["Sunset"] == "Mon, 01 Nov 2027 00:00:00 GMT"
    assert answer.headers["Link"] == '</api/v1/notes>; rel="successor-version"'
    told = notes.app.test_client().get("/api/v1/openapi.json").json
    assert told["paths"]["/api/v1/notes/old"]["get"]["deprecated"] is True
    assert "deprecated" in notes.app.test_client().get("/api/v1/").text
    assert "Deprecation" not in notes().get("/notes").headers
    with pytest.raises(AssertionError, match="a year"):
        deprecated(since=date(2026, 1, 1), sunset=date(2026, 6, 1))


# --- the readable page ------------------------------------------------------------------------------------------------


def test_the_readable_page_tells_every_operation_without_script_or_anything_from_elsewhere(notes: ApiCalling) -> None:
    client = notes.app.test_client()
    page, told = client.get("/api/v1/"), client.get("/api/v1/openapi.json").json
    assert page.mimetype == "text/html"
    assert "script" not in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert not re.findall(r'(?:src|href)="(?!/|#)', page.text)
    for path, item in told["paths"].items():
        for method, one in item.items():
            if method != "parameters":
                assert f'id="{one["operationId"]}"' in page.text, (method, path)
                assert f'<a href="#{one["operationId"]}">' in page.text
    for scope in ("catalogue:read", "catalogue:write", "check"):
        assert f"<code>{scope}</code>" in page.text
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= set(ids)
