"""Contacts through the API: brought by the importer's own way, read as far as the key reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consentmgr.staff.scopes import Scope
from tests.people.people import Register

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.staff.api_calling import ApiCalling

CONTACT: dict[str, Any] = {
    "ref": "shop:1",
    "controllers": ["acme"],
    "given_name": "Åsa",
    "family_name": "Öhman",
    "points": [{"channel": "email", "value": "asa.ohman@posti.example", "use": "private"}],
}


def one(database: Database, question: str, **values: Any) -> Any:
    with database.connect() as connection:
        return connection.scalar(text(question), values)


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["status"] for item in answer.json["items"]]


def codes(answer: Any) -> list[str | None]:
    assert answer.status_code == 200, answer.text
    return [next((error.get("code") for error in item["errors"]), None) for item in answer.json["items"]]


# --- bringing ---------------------------------------------------------------------------------------------------------


def test_contacts_are_taken_changed_unchanged_and_refused_one_by_one(api: ApiCalling, register: Register) -> None:
    client = api()
    bad = {**CONTACT, "ref": "shop:2", "points": [{"channel": "email", "value": "no address"}]}
    unknown = {**CONTACT, "ref": "shop:3", "shoe_size": 44}
    answer = client.post("/contacts", json={"items": [CONTACT, bad, unknown, {"type": "event", "ref": "x"}]})
    assert statuses(answer) == ["taken", "refused", "refused", "refused"]
    assert (answer.json["taken"], answer.json["refused"]) == (1, 3)
    assert [item["errors"][0].get("pointer") for item in answer.json["items"][1:]] == [
        "/points/0/value", "/shoe_size", "/type"
    ]  # fmt: skip
    assert statuses(client.post("/contacts", json={"items": [CONTACT]})) == ["unchanged"]
    moved = {**CONTACT, "municipality": "091"}
    assert statuses(client.post("/contacts", json={"items": [moved, CONTACT]})) == ["taken", "taken"]
    assert one(register.database, "SELECT count(*) FROM contact WHERE ref LIKE 'shop:%'") == 1


def test_nothing_is_erased_by_what_is_absent_null_or_blank_and_clear_empties(
    api: ApiCalling, register: Register
) -> None:
    client = api()
    client.put("/contacts/shop:1", json=CONTACT)
    answer = client.put("/contacts/shop:1", json={"given_name": None, "family_name": "  ", "points": []})
    assert answer.status_code == 200, answer.text
    assert answer.json["given_name"] == "Åsa"
    assert answer.json["family_name"] == "Öhman"
    assert len(answer.json["points"]) == 1
    answer = client.put("/contacts/shop:1", json={"clear": ["given_name"]})
    assert "given_name" not in answer.json
    refused = client.put("/contacts/shop:1", json={"clear": ["controllers"]})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/controllers"


def test_what_was_read_can_be_sent_back_and_changes_nothing(api: ApiCalling, register: Register) -> None:
    client = api()
    made = client.put("/contacts/shop:1", json=CONTACT)
    assert made.status_code == 201
    found = client.get(made.headers["Location"])
    assert found.status_code == 200
    again = client.put(f"/contacts/id:{found.json['id']}", json=found.json, headers={"If-Match": found.headers["ETag"]})
    assert again.status_code == 200, again.text
    assert again.json == found.json
    assert again.headers["ETag"] == found.headers["ETag"]


def test_a_change_of_somebody_else_is_not_written_over(api: ApiCalling, register: Register) -> None:
    client = api()
    tag = client.put("/contacts/shop:1", json=CONTACT).headers["ETag"]
    client.put("/contacts/shop:1", json={"municipality": "091"})
    assert client.put("/contacts/shop:1", json=CONTACT, headers={"If-Match": tag}).status_code == 412
    assert client.put("/contacts/shop:1", json=CONTACT, headers={"If-None-Match": "*"}).status_code == 412
    assert client.get("/contacts/shop:1", headers={"If-None-Match": tag}).status_code == 200
    now = client.get("/contacts/shop:1").headers["ETag"]
    assert client.get("/contacts/shop:1", headers={"If-None-Match": now}).status_code == 304


def test_the_ref_of_the_body_is_that_of_the_address(api: ApiCalling, register: Register) -> None:
    client = api()
    assert client.put("/contacts/shop:1", json={**CONTACT, "ref": "shop:2"}).status_code == 422
    assert client.put("/contacts/id:999999", json={**CONTACT, "ref": None}).status_code == 404
    assert client.put("/contacts/shop:1", json=[1]).status_code == 422
    assert client.put("/contacts/shop:1", data=b"{", content_type="application/json").status_code == 400
    assert client.put("/contacts/shop:1", data=b"a=b").status_code == 415
    assert client.get("/contacts/shop:1").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"items": []}, 422),
        ({"items": [CONTACT], "more": 1}, 422),
        ({"items": {}}, 422),
        ({}, 422),
        ([], 422),
        ({"items": [CONTACT] * 5_001}, 422),
        ({"items": [1, None, "x", [], {}]}, 200),
    ],
)
def test_bodies_that_are_no_list_of_documents_are_refused(
    api: ApiCalling, register: Register, body: Any, status: int
) -> None:
    answer = api().post("/contacts", json=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json["refused"] == 5
    assert one(register.database, "SELECT count(*) FROM contact WHERE ref LIKE 'shop:%'") == 0


def test_a_retry_five_times_has_one_effect(api: ApiCalling, register: Register) -> None:
    client = api()
    event = {"event": "objected", "at": "2026-11-01T10:00:00+02:00", "controller": "acme", "method": "phone"}
    body = {"items": [{**CONTACT, "events": [event]}]}
    answers = [client.post("/contacts", json=body, key="once") for _ in range(5)]
    assert len({answer.text for answer in answers}) == 1
    assert client.post("/contacts", json={"items": [CONTACT]}, key="once").status_code == 422
    # Without a key the documents themselves see to it.
    assert [statuses(client.post("/contacts", json=body)) for _ in range(4)] == [["unchanged"]] * 4
    assert one(register.database, "SELECT count(*) FROM ledger_entry WHERE actor = :actor", actor=client.actor) == 1
    assert one(register.database, "SELECT count(*) FROM contact WHERE ref = 'shop:1'") == 1


def test_of_an_erased_contact_nothing_is_kept_and_the_answer_says_so(api: ApiCalling, register: Register) -> None:
    client = api()
    answer = client.post("/contacts", json={"items": [{"ref": "crm:cecilia", "given_name": "Cecilia"}]})
    assert statuses(answer) == ["unchanged"]
    assert answer.json["items"][0]["errors"][0]["detail"].startswith("is erased")
    shown = client.get("/contacts/crm:cecilia").json
    assert shown["erased"] is True
    assert "given_name" not in shown


def test_a_contact_without_the_scope_for_events_brings_none(api: ApiCalling, register: Register) -> None:
    client = api(Scope.WRITE_CONTACTS)
    event = {"event": "objected", "at": "2026-11-01T10:00:00+02:00", "controller": "acme", "method": "phone"}
    answer = client.post("/contacts", json={"items": [{**CONTACT, "events": [event]}, CONTACT]})
    assert statuses(answer) == ["refused", "taken"]
    assert codes(answer) == ["forbidden", None]
    restricted = client.put("/contacts/shop:1", json={"restricted_since": "2026-01-01"})
    assert restricted.status_code == 403
    assert restricted.json["errors"][0]["pointer"] == "/restricted_since"
    assert client.get("/contacts/shop:1").status_code == 403


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_a_contact_of_other_controllers_is_neither_seen_nor_written(api: ApiCalling, register: Register) -> None:
    client = api(controllers={"acme"})
    for path in ("", "/points", "/roles", "/events", "/standing", "/prohibitions"):
        assert client.get(f"/contacts/beta:vilho{path}").status_code == 404, path
    number = one(register.database, "SELECT id FROM contact WHERE ref = 'beta:vilho'")
    assert client.get(f"/contacts/id:{number}").status_code == 404
    assert client.put("/contacts/beta:vilho", json={"given_name": "X"}).status_code == 404
    assert client.put(f"/contacts/id:{number}", json={"given_name": "X"}).status_code == 404
    # Nor is it taken over by naming oneself.
    taken = {"ref": "beta:vilho", "controllers": ["acme"], "given_name": "X"}
    answer = client.post("/contacts", json={"items": [taken, {"ref": "beta:vilho", "given_name": "X"}]})
    assert statuses(answer) == ["refused", "refused"]
    assert codes(answer) == ["not-found", "not-found"]
    assert one(register.database, "SELECT given_name FROM contact WHERE ref = 'beta:vilho'") == "Vilho"
    assert client.get("/contacts").json["items"]
    assert "beta:vilho" not in [found["ref"] for found in client.get("/contacts").json["items"]]
    assert client.post("/contacts/search", json={"ref": "beta:vilho"}).json["items"] == []
    assert client.get("/contacts?controller=beta").status_code == 404


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"controllers": ["beta"]}, "/controllers"),
        ({"controllers": ["acme", "beta"]}, "/controllers"),
        ({"customer_of": [{"controller": "beta", "relation": "purchase"}]}, "/customer_of/0/controller"),
        ({"legal_bases": [{"controller": "beta", "purpose": "x", "basis": "contract"}]}, "/legal_bases/0/controller"),
        ({"messages_sent": [{"at": "2026-11-01T10:00:00+02:00", "controller": "beta"}]}, "/messages_sent/0/controller"),
        ({"events": [{"event": "objected", "at": "2026-11-01T10:00:00+02:00", "controller": "beta"}]},
         "/events/0/controller"),
        ({"events": [{"event": "objected", "at": "2026-11-01T10:00:00+02:00"}]}, "/events/0/controller"),
        ({"restricted_since": "2026-11-01"}, "/restricted_since"),
    ],
)  # fmt: skip
def test_a_key_for_some_writes_nothing_of_others(
    api: ApiCalling, register: Register, part: dict[str, Any], field: str
) -> None:
    client = api(controllers={"acme"})
    before = register.database
    answer = client.post("/contacts", json={"items": [{"ref": "both:maija", **part}, {**CONTACT, **part}]})
    assert statuses(answer) == ["refused", "refused"]
    assert codes(answer) == ["forbidden", "forbidden"]
    assert [item["errors"][0]["pointer"] for item in answer.json["items"]] == [field, field]
    assert one(before, "SELECT count(*) FROM contact WHERE ref = 'shop:1'") == 0


def test_of_a_shared_contact_only_ones_own_is_told(api: ApiCalling, register: Register) -> None:
    found = api(controllers={"acme"}).get("/contacts/both:maija").json
    assert found["controllers"] == ["acme"]
    assert "customer_of" not in found
    assert "legal_bases" not in found
    whole = api().get("/contacts/both:maija").json
    assert whole["controllers"] == ["acme", "beta"]
    assert whole["legal_bases"][0]["controller"] == "beta"


def test_a_new_contact_of_a_bound_key_says_whose_it_is(api: ApiCalling, register: Register) -> None:
    client = api(controllers={"acme"})
    nobody = {name: value for name, value in CONTACT.items() if name != "controllers"}
    answer = client.post("/contacts", json={"items": [nobody]})
    assert statuses(answer) == ["refused"]
    assert answer.json["items"][0]["errors"][0]["pointer"] == "/controllers"
    assert statuses(client.post("/contacts", json={"items": [CONTACT, nobody]})) == ["taken", "taken"]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_contacts_are_listed_page_by_page_each_once(api: ApiCalling, register: Register) -> None:
    client = api()
    seen: list[str] = []
    path = "/contacts?limit=2"
    while True:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        seen += [found["ref"] for found in answer.json["items"]]
        if answer.json["next"] is None:
            break
        path = f"/contacts?limit=2&after={answer.json['next']}"
    assert len(seen) == len(set(seen)) == one(register.database, "SELECT count(*) FROM contact")
    for tampered in ("x", "WzEsInkiXQ", "W10", "A" * 3_000):
        assert client.get(f"/contacts?after={tampered}").status_code == 422, tampered
    assert client.get("/contacts?limit=201").status_code == 422
    assert client.get("/contacts?limt=1").status_code == 422


def test_a_page_of_a_key_that_sees_few_goes_on_where_enough_was_looked_at(
    api: ApiCalling, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentmgr.people.listing._LOOKED_AT", 2)
    client = api(controllers={"beta"})
    seen: list[str] = []
    after: str | None = None
    for _ in range(50):
        answer = client.get("/contacts?limit=1" + (f"&after={after}" if after else "")).json
        seen += [found["ref"] for found in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == ["beta:vilho", "both:maija"]


def test_people_are_found_by_what_stands_in_the_body(api: ApiCalling, register: Register) -> None:
    client = api()
    for asked, ref, way in (
        ({"email": " MAIJA@posti.example "}, "both:maija", "address"),
        ({"phone": "050 1000399"}, "both:maija", "address"),
        ({"name": "mäkin"}, "both:maija", "name"),
        ({"ref": "both:maija"}, "both:maija", "ref"),
        ({"business_id": "28003019"}, "crm:ekman-hr", "organisation"),
        ({"email": "cecilia@posti.example"}, "crm:cecilia", "address"),
    ):
        found = client.post("/contacts/search", json=asked)
        assert found.status_code == 200, found.text
        assert [(hit["ref"], hit["found_by"]) for hit in found.json["items"]] == [(ref, way)], asked
    for wrong in ({}, {"email": "a@b.example", "ref": "x"}, {"email": "nothing"}, {"name": "x"}, {"street": "x"}):
        assert client.post("/contacts/search", json=wrong).status_code == 422, wrong


def test_that_a_key_read_is_recorded(api: ApiCalling, register: Register) -> None:
    client = api()
    number = client.get("/contacts/crm:aino").json["id"]
    client.post("/contacts/search", json={"email": "aino@posti.example"})
    for part in ("points", "roles", "events", "standing", "prohibitions"):
        assert client.get(f"/contacts/crm:aino/{part}").status_code == 200, part
    with register.database.connect() as connection:
        rows = connection.execute(
            text("SELECT object, detail::text FROM audit_event WHERE actor = :actor AND action = 'read'"),
            {"actor": client.actor},
        ).all()
    assert [row[0] for row in rows].count(f"contact:{number}") == 6
    assert "posti.example" not in str(rows)


def test_standing_is_the_grid_and_the_ledgers_fold(api: ApiCalling, register: Register) -> None:
    found = api(controllers={"acme"}).get("/contacts/crm:aino/standing").json
    cell = next(
        one for one in found["grid"]
        if (one["channel"], one["purpose"], one["topic"]) == ("email", "direct_marketing", None)
    )  # fmt: skip
    assert (cell["state"], cell["ground"], cell["since"]) == ("may", "consent", "2026-08-01")
    assert {row["state"] for row in found["rows"]} == {"consented"}
    birger = api().get("/contacts/crm:birger/standing").json
    stopped = {one["state"] for one in birger["grid"] if one["purpose"] == "direct_marketing"}
    assert stopped == {"stopped"}
    shared = api(controllers={"acme"}).get("/contacts/both:maija/standing").json
    assert {one["controller"] for one in shared["grid"]} == {"acme"}
    assert shared["rows"] == []


def test_prohibitions_of_a_contact_are_told_of_ones_own_controllers(api: ApiCalling, register: Register) -> None:
    (ban,) = api().get("/contacts/both:maija/prohibitions").json["items"]
    assert (ban["channels"], ban["controllers"], ban["in_force"]) == (["phone"], ["beta"], True)
    assert api(controllers={"acme"}).get("/contacts/both:maija/prohibitions").json["items"] == []


def test_a_page_takes_as_many_statements_as_one_contact(
    api: ApiCalling, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    asked: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, *arguments: Any, **more: Any) -> Any:
        asked.append(arguments[0])
        return execute(self, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    client = api()
    paths = ("/contacts", "/contacts/crm:aino/events")
    for path in paths:
        client.get(f"{path}?limit=1")
    for path in paths:
        counts = []
        for limit in (1, 200):
            before = len(asked)
            assert client.get(f"{path}?limit={limit}").status_code == 200
            counts.append(len(asked) - before)
        # Of one contact there may be no role, and so no question for what belongs to it.
        assert counts[1] <= counts[0] + 3 < 25, path
