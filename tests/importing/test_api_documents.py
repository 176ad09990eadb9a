"""Documents through the API: a file in by the desk's own task, the whole register out, part by part."""

from __future__ import annotations

import json
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text

from consentmgr.consents.verification import verify
from consentmgr.staff.scopes import Scope
from tests.importing.registers import ACME, Register, contact, email, event
from tests.screening.desk_samples import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from tests.conftest import RunningServer
    from tests.staff.api_calling import ApiCalling, ApiClient

BETA = {"type": "controller", "key": "beta", "name": "Beta Oy"}
LINES = "application/x-ndjson"


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)


def bring(client: ApiClient, body: bytes, **more: Any) -> Any:
    return client.post("/documents", data=body, content_type=LINES, **more)


def test_a_file_is_taken_in_by_a_task_and_its_rejected_lines_are_told(
    api: ApiCalling, register: Register, database: Database, settings: Settings
) -> None:
    client = api()
    body = lines(contact("crm:1", given_name="Åke"), contact("crm:2", points=[email("nothing")]), {"type": "?"})
    asked = bring(client, body, key="file")
    assert asked.status_code == 202, asked.text
    assert asked.json["state"] == "queued"
    path = asked.headers["Location"]
    assert bring(client, body, key="file").json["id"] == asked.json["id"]
    assert client.get(f"{path}/rejected").status_code == 404
    work(database, settings)
    done = client.get(path).json
    assert (done["state"], done["lines"], done["done"], done["rejected"]) == ("done", 3, 3, 2)
    assert {"type": "contact", "outcome": "new", "count": 1} in done["documents"]
    assert [told["line"] for told in done["told"]] == [2, 3]
    assert done["told"][0]["pointer"] == "/points/0/value"
    assert "nothing" not in json.dumps(done)
    rejected = client.get(f"{path}/rejected")
    assert rejected.mimetype == LINES
    assert [json.loads(line)["line"] for line in rejected.text.splitlines()] == [2, 3]
    rejected.close()
    assert register.contact("crm:1")["given_name"] == "Åke"
    assert register.one("SELECT count(*) FROM import_upload") == 1
    assert register.one("SELECT actor FROM import_batch") == client.actor


def test_a_body_of_another_kind_and_an_empty_one_are_refused(api: ApiCalling, register: Register) -> None:
    client = api()
    assert client.post("/documents", data=b"{}", content_type="text/csv").status_code == 415
    assert bring(client, b"").status_code == 422
    assert register.one("SELECT count(*) FROM import_upload") == 0


def test_what_lifts_and_what_is_others_comes_in_by_no_file_either(
    api: ApiCalling, register: Register, database: Database, settings: Settings
) -> None:
    register.take_well(BETA, contact("beta:1", controllers=["beta"]), contact("crm:1", controllers=["acme"]))
    lifting = {"type": "event", "contact": "crm:1", **event("objection_lifted", reason="asked")}
    without = api(Scope.WRITE_DOCUMENTS)
    first = bring(without, lines(lifting)).headers["Location"]
    bound = api(Scope.WRITE_DOCUMENTS, Scope.LIFT_PROHIBITIONS, controllers={"acme"})
    second = bring(
        bound,
        lines(
            contact("beta:1", given_name="X"),
            contact("beta:1", controllers=["acme"]),
            ACME,
            {"type": "external_list", "source": "robinson_phone", "as_of": "2026-11-01"},
            {"type": "prohibition", "target": {"domain": "x.example"}, "source": "self"},
            {"type": "event", "contact": "beta:1", **event("objected")},
            contact("crm:1", given_name="Oma"),
        ),
    ).headers["Location"]
    work(database, settings)
    assert without.get(first).json["rejected"] == 1
    assert bound.get(second).json["rejected"] == 6
    assert register.rows("SELECT event, detail FROM ledger_entry") == [
        ("register_change", {"fields": ["contact.given_name"]})
    ], "of all that, a name of one's own was taken"
    assert register.contact("beta:1")["given_name"] is None
    assert register.contact("crm:1")["given_name"] == "Oma"
    # What one key brought, a key of others does not see.
    assert api(Scope.WRITE_DOCUMENTS, controllers={"beta"}).get(second).status_code == 404


def test_the_register_goes_out_as_it_came(api: ApiCalling, register: Register) -> None:
    register.take_well(*(contact(f"crm:{number}", given_name="Åsa", points=[email(f"a{number}@x.example")])
                         for number in range(30)))  # fmt: skip
    answer = api().get("/documents")
    assert (answer.status_code, answer.mimetype) == (200, LINES)
    assert answer.data == b"".join(register.export())
    assert api(controllers={"acme"}).get("/documents").status_code == 404
    assert api(Scope.READ_CONTACTS).get("/documents").status_code == 403
    assert register.one("SELECT count(*) FROM audit_event WHERE object = 'documents' AND action = 'read'") == 1


def test_a_last_line_tells_that_it_was_all_where_it_is_asked_for(api: ApiCalling, register: Register) -> None:
    register.take_well(*(contact(f"crm:{number}", municipality="x" * 5_000) for number in range(200)))
    plain = api().get("/documents").data
    marked = api().get("/documents?end=true").data
    assert marked.startswith(plain)
    assert json.loads(marked.removeprefix(plain)) == {
        "type": "end",
        "documents": plain.count(b"\n"),
        "sha256": sha256(plain).hexdigest(),
    }
    assert api().get("/documents?end=perhaps").status_code == 422


# --- a real server ----------------------------------------------------------------------------------------------------


def test_the_register_is_sent_part_by_part(
    api: ApiCalling, register: Register, serve: Callable[..., RunningServer]
) -> None:
    long = "x" * 5_000
    register.take_well(*(contact(f"crm:{number}", municipality=long) for number in range(200)))
    client = api()
    running = serve("--no-jobs")
    parts = []
    with httpx.stream(
        "GET", f"{running.url}/api/v1/documents", headers={"Authorization": f"Bearer {client.token}"}, timeout=60
    ) as answer:
        assert answer.status_code == 200
        assert "content-length" not in answer.headers
        parts = list(answer.iter_raw())
    assert len(parts) > 2
    assert b"".join(parts) == b"".join(register.export())


def test_a_register_that_breaks_off_is_not_taken_for_the_whole(
    api: ApiCalling, register: Register, database: Database, serve: Callable[..., RunningServer]
) -> None:
    register.take_well(*(contact(f"crm:{number}", municipality="x" * 5_000) for number in range(100)))
    running = serve("--no-jobs")
    headers = {"Authorization": f"Bearer {api().token}"}
    waiting = text("SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'prohibition'::regclass")
    url = f"{running.url}/api/v1/documents"
    with database.connect() as holder, database.connect() as other:
        # Contacts go out, and what comes after them cannot be read.
        holder.execute(text("LOCK TABLE prohibition IN ACCESS EXCLUSIVE MODE"))
        with httpx.stream("GET", url, params={"end": "true"}, headers=headers, timeout=60) as answer:
            assert answer.status_code == 200
            parts = answer.iter_raw()
            came = next(parts)
            while (pid := other.scalar(waiting)) is None:
                other.rollback()
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            with pytest.raises(httpx.RemoteProtocolError):
                came += b"".join(parts)
    assert b'"type":"end"' not in came
    # The server goes on, and asking again gives everything.
    whole = httpx.get(url, headers=headers, timeout=60).content
    assert whole == b"".join(register.export())


def test_a_server_killed_in_the_middle_of_many_leaves_nothing_and_a_retry_takes_all_once(
    api: ApiCalling, register: Register, database: Database, serve: Callable[..., RunningServer]
) -> None:
    act = event("consent_given", notice="signup/1/fi", channels=["email"], purposes=["newsletter"])
    items = [
        contact(f"crm:{number}", controllers=["acme"], points=[email(f"p{number}@posti.example")], events=[act])
        for number in range(2_000)
    ]
    headers = {"Authorization": f"Bearer {api().token}", "Idempotency-Key": "many"}
    running = serve("--no-jobs")
    failed: list[Exception] = []

    def ask() -> None:
        try:
            httpx.post(f"{running.url}/api/v1/contacts", json={"items": items}, headers=headers, timeout=60)
        except httpx.HTTPError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    with database.connect() as holder:
        # Contacts are written and their points cannot be: the transaction is in the middle.
        holder.execute(text("LOCK TABLE contact_point IN SHARE MODE"))
        asking.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'contact_point'::regclass")
        while not holder.scalar(waiting):
            assert not failed
        running.kill()
        asking.join(60)
    assert failed
    ended = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%contact_point%' AND pid <> pg_backend_pid()"
                 " AND state = 'active'")  # fmt: skip
    with database.connect() as connection:
        while connection.scalar(ended):
            connection.rollback()
    assert register.one("SELECT count(*) FROM contact") == 0
    again = serve("--no-jobs")
    for _ in range(5):
        answer = httpx.post(f"{again.url}/api/v1/contacts", json={"items": items}, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.json()["taken"] == 2_000
    assert register.one("SELECT count(*) FROM contact") == 2_000
    assert register.one("SELECT count(*) FROM contact_point") == 2_000
    assert register.one("SELECT count(*) FROM ledger_entry WHERE event = 'consent_given'") == 2_000
    with database.reading() as session:
        assert verify(session).whole
