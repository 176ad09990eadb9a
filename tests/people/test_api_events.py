"""What people say, through the API: into the ledger, and out of it; and what a key may not lift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consentmgr.staff.scopes import Scope
from tests.people.people import Register
from tests.people.test_api_contacts import CONTACT, codes, one, statuses

if TYPE_CHECKING:
    from tests.staff.api_calling import ApiCalling

AT = "2026-11-10T10:00:00+02:00"
OBJECTION: dict[str, Any] = {
    "contact": "crm:aino",
    "event": "objected",
    "at": AT,
    "controller": "acme",
    "method": "phone",
}
LIFTING: dict[str, Any] = {
    "contact": "crm:birger", "event": "objection_lifted", "at": AT, "controller": "acme", "method": "phone",
    "reason": "asked for the letter again",
}  # fmt: skip
WITHOUT_LIFTING = tuple(scope for scope in Scope if scope is not Scope.LIFT_PROHIBITIONS)


def lifted(register: Register) -> int:
    return int(
        one(
            register.database,
            "SELECT count(*) FROM ledger_entry WHERE event IN ('objection_lifted', 'restriction_lifted')",
        )
    )


def test_events_are_recorded_once_and_told_newest_first(api: ApiCalling, register: Register) -> None:
    client = api()
    consent = {**OBJECTION, "event": "consent_given", "at": "2026-11-12T10:00:00+02:00", "channels": ["email"],
               "purposes": ["newsletter"], "notice": "signup/1/fi",
               "evidence": {"ip": "192.0.2.7", "form": "päivitys", "double_opt_in": "confirmed"}}  # fmt: skip
    answer = client.post("/events", json={"items": [OBJECTION, consent, OBJECTION]})
    assert statuses(answer) == ["taken", "taken", "unchanged"]
    assert statuses(client.post("/events", json={"items": [consent]})) == ["unchanged"]
    told = client.get("/contacts/crm:aino/events").json["items"]
    assert [entry["event"] for entry in told] == ["consent_given", "objected", "consent_given"]
    newest = told[0]
    assert newest["actor"] == client.actor
    assert (newest["channels"], newest["purposes"], newest["notice"]) == (["email"], ["newsletter"], "signup/1/fi")
    assert newest["evidence"]["double_opt_in"] == "confirmed"
    assert "192.0.2.7" not in str(told)
    assert "päivitys" not in str(told)


def test_one_event_of_a_contact_is_recorded_at_its_own_address(api: ApiCalling, register: Register) -> None:
    client = api()
    act = {name: value for name, value in OBJECTION.items() if name != "contact"}
    assert client.post("/contacts/crm:aino/events", json=act).status_code == 201
    again = client.post("/contacts/crm:aino/events", json=act)
    assert (again.status_code, again.json) == (200, {"status": "unchanged"})
    assert client.post("/contacts/crm:aino/events", json={**act, "contact": "crm:birger"}).status_code == 422
    assert client.post("/contacts/crm:nobody/events", json=act).status_code == 404
    unknown = client.post("/contacts/crm:aino/events", json={**act, "mood": "good"})
    assert unknown.json["errors"] == [{"pointer": "/mood", "detail": "is not a field of this document"}]
    late = client.post("/contacts/crm:aino/events", json={**act, "at": "2126-01-01T00:00:00+02:00"})
    assert late.json["errors"][0]["pointer"] == "/at"
    assert client.post("/contacts/crm:aino/events", json={**act, "at": "2026-01-01T00:00:00"}).status_code == 422


def test_pages_of_events_go_on_where_they_ended(api: ApiCalling, register: Register) -> None:
    client = api()
    days = [{**OBJECTION, "at": f"2026-10-{day:02}T10:00:00+03:00"} for day in range(1, 8)]
    client.post("/events", json={"items": days})
    seen: list[str] = []
    after: str | None = None
    while True:
        answer = client.get("/contacts/crm:aino/events?limit=3" + (f"&after={after}" if after else ""))
        seen += [entry["at"] for entry in answer.json["items"]]
        after = answer.json["next"]
        if after is None:
            break
        assert 'rel="next"' in answer.headers["Link"]
    assert len(seen) == 8
    assert seen == sorted(seen, reverse=True)
    assert client.get("/contacts/crm:aino/events?after=WzEsNV0").status_code == 422


@pytest.mark.parametrize("kind", ["objection_lifted", "restriction_lifted"])
def test_a_key_without_the_scope_lifts_nothing_by_any_way(api: ApiCalling, register: Register, kind: str) -> None:
    client = api(*WITHOUT_LIFTING)
    event = {**LIFTING, "event": kind}
    act = {name: value for name, value in event.items() if name != "contact"}
    answer = client.post("/events", json={"items": [event, OBJECTION]})
    assert statuses(answer) == ["refused", "taken"]
    assert codes(answer) == ["forbidden", None]
    inside = client.post("/contacts", json={"items": [{"ref": "crm:birger", "events": [act]}]})
    assert codes(inside) == ["forbidden"]
    assert client.post("/contacts/crm:birger/events", json=act).status_code == 403
    assert client.put("/contacts/crm:birger", json={"events": [act]}).status_code == 403
    assert lifted(register) == 0


def test_what_lifts_is_the_persons_own_explicit_act_with_its_reason(api: ApiCalling, register: Register) -> None:
    client = api(Scope.WRITE_EVENTS, Scope.LIFT_PROHIBITIONS)
    for wrong, pointer in (
        ({"reason": " "}, "/reason"),
        ({"method": None}, "/method"),
        ({"method": "import"}, "/method"),
        ({"given_by": "unverified"}, "/given_by"),
    ):
        answer = client.post("/events", json={"items": [{**LIFTING, **wrong}]})
        assert answer.json["items"][0]["errors"][0]["pointer"] == pointer
    assert lifted(register) == 0
    assert statuses(client.post("/events", json={"items": [LIFTING]})) == ["taken"]
    assert lifted(register) == 1


def test_who_is_to_wait_longer_is_told_why_and_an_answer_has_its_ground(api: ApiCalling, register: Register) -> None:
    client = api()
    wish = {"contact": "crm:aino", "event": "erasure_requested", "at": AT, "controller": "acme", "method": "web_form"}
    longer = {**wish, "event": "erasure_extended", "at": "2026-11-12T10:00:00+02:00", "reason": "Many registers."}
    for reason in (None, " "):
        answer = client.post("/events", json={"items": [{**longer, "reason": reason}]})
        assert answer.json["items"][0]["errors"][0]["pointer"] == "/reason"
    refused = {**wish, "event": "erasure_refused", "at": "2026-11-14T10:00:00+02:00", "ground": "no_ground_applies"}
    assert statuses(client.post("/events", json={"items": [wish, longer, refused]})) == ["taken"] * 3
    told = client.get("/contacts/crm:aino/events").json["items"][:3]
    assert [(entry["event"], entry["ground"]) for entry in told] == [
        ("erasure_refused", "no_ground_applies"), ("erasure_extended", None), ("erasure_requested", None),
    ]  # fmt: skip
    assert "Many registers" not in str(told)


def test_a_bound_key_records_nothing_of_others(api: ApiCalling, register: Register) -> None:
    client = api(controllers={"acme"})
    shared = {**OBJECTION, "contact": "both:maija"}
    answer = client.post(
        "/events",
        json={
            "items": [
                {**shared, "controller": "beta"},
                {name: value for name, value in shared.items() if name != "controller"},
                {**OBJECTION, "contact": "beta:vilho"},
                {**OBJECTION, "contact": "nobody:knows"},
                {**shared, "event": "erased"},
                {**LIFTING, "contact": "both:maija", "event": "restriction_lifted"},
                {**LIFTING, "contact": "both:maija", "prohibition": "P1"},
                shared,
            ]
        },
    )
    assert statuses(answer) == ["refused"] * 7 + ["taken"]
    assert codes(answer)[:7] == [
        "forbidden",
        "forbidden",
        "not-found",
        "invalid",
        "forbidden",
        "forbidden",
        "forbidden",
    ]
    # A contact of others is told in the words of one that is not there.
    told = [item["errors"][0]["detail"] for item in answer.json["items"][:7]]
    assert told[2] == told[3]
    assert one(register.database, "SELECT erased_at FROM contact WHERE ref = 'both:maija'") is None
    assert client.post("/contacts/beta:vilho/events", json={"event": "objected", "at": AT}).status_code == 404


def test_acts_of_others_are_not_told(api: ApiCalling, register: Register) -> None:
    assert api(controllers={"acme"}).get("/contacts/both:maija/events").json["items"] == []
    told = api(controllers={"beta"}).get("/contacts/both:maija/events").json["items"]
    assert {entry["event"] for entry in told} == {"consent_given", "legal_basis_set", "prohibition_added"}
    assert next(entry["legal_basis"] for entry in told if entry["legal_basis"])["purpose"] == "deliveries-of-beta"
    assert "a word of Beta's" not in str(told)


def test_a_restored_register_takes_stops_and_no_consents(api: ApiCalling, register: Register) -> None:
    with register.database.transaction() as session:
        session.execute(
            text("INSERT INTO restoration (backup_taken_at, restored_at, restored_by) VALUES (now(), now(), 'test')")
        )
    client = api()
    consent = {**OBJECTION, "event": "consent_given"}
    assert client.post("/events", json={"items": [OBJECTION]}).status_code == 200
    refused = client.post("/events", json={"items": [consent]})
    assert (refused.status_code, refused.json["type"]) == (409, "urn:consentmgr:problem:not-recovered")
    assert client.post("/contacts", json={"items": [CONTACT]}).status_code == 409


def test_five_thousand_events_of_one_request_are_recorded(api: ApiCalling, register: Register) -> None:
    many = [
        {**OBJECTION, "at": f"2026-10-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:{number // 100:02}+03:00"}
        for number in range(5_000)
    ]
    answer = api().post("/events", json={"items": many})
    assert answer.status_code == 200
    assert answer.json["refused"] == 0
    assert answer.json["taken"] + answer.json["unchanged"] == 5_000
