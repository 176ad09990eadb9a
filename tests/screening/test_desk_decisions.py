"""Rows to review: a named person decides, with a note; the certificate's verdicts stay what they are."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from consentmgr.audit.models import AuditEvent
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.screening.models import HandedList, ListScreening, ReviewDecision
from tests.cast import AINO, consent
from tests.screening.desk_samples import fill, made, screened, seen, take, work
from tests.staff.signing_in import Desk, DeskClient

#: Two minors, whose rows a person must look at, and one who consented.
ELLA = {**AINO, "ref": "crm:ella", "given_name": "Ella", "born_on": "2010-01-01",
        "points": [{**AINO["points"][0], "value": "ella@posti.example"}]}  # fmt: skip
LIST = b'email,note\naino@posti.example,a\ndaniel@posti.example,"b, c"\nella@posti.example,d\n'


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys, ELLA)


def decide(client: DeskClient, list_id: UUID, **fields: object) -> str:
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    answer = client.post(f"/desk/screenings/{list_id}/decisions", pairs, follow_redirects=True)
    assert answer.status_code == 200
    return str(answer.text)


def download(client: DeskClient, list_id: UUID, name: str) -> str:
    return str(client.get(f"/desk/screenings/{list_id}/files/{name}", buffered=True).text)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Choose whether the rows are allowed or blocked."),
        ("fi", "Valitse, sallitaanko vai estetäänkö rivit."),
        ("sv", "Välj om raderna ska tillåtas eller spärras."),
    ],
)
def test_where_neither_was_chosen_the_page_says_to_choose(
    desk: Desk, database: Database, settings: Settings, language: str, told: str
) -> None:
    client = desk("marketer", language=language)
    found = screened(client, database, settings, LIST, "list.csv")
    assert told in decide(client, found.id, row="2", note="asked the guardian")


def test_a_decision_allows_one_row_and_changes_no_verdict(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    assert (found.summary or {})["verdicts"] == {"allow": 1, "review": 2, "block": 0}
    before = {
        name: made(settings, found, f"list.{name}") for name in ("screened.csv", "allowed.csv", "certificate.json")
    }
    assert "needs" not in decide(client, found.id, row=["2"], decision="allow", note="Guardian asked by phone")
    page = client.get(f"/desk/screenings/{found.id}").text
    assert "Rows that a person allowed" in page
    assert download(client, found.id, "decided") == 'email,note\ndaniel@posti.example,"b, c"\n'
    assert before == {name: made(settings, found, f"list.{name}") for name in before}
    rows = client.get(f"/desk/screenings/{found.id}/rows?verdict=review").text
    assert rows.count("a person allowed it") == 1
    assert "Guardian asked by phone" in client.get(f"/desk/screenings/{found.id}/rows/2").text
    with database.reading() as session:
        decision = session.scalars(select(ReviewDecision)).one()
        assert (decision.actor, decision.row, decision.note) == (client.actor, 2, "Guardian asked by phone")
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "review_decided")).one()
        assert event.actor == client.actor
        assert "Guardian" not in json.dumps(event.detail)


def test_the_newest_decision_holds(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv", links="yes")
    decide(client, found.id, reason="MINOR_REVIEW", decision="allow", note="all asked")
    both = download(client, found.id, "decided")
    assert both.splitlines()[0] == "email,note,cm_preference_url,cm_one_click_url"
    assert both.count("http://localhost:8000/u/") == 2
    decide(client, found.id, row=["3"], decision="block", note="but not her")
    assert "ella@" not in download(client, found.id, "decided")
    decide(client, found.id, reason="MINOR_REVIEW", decision="block", note="none after all")
    assert download(client, found.id, "decided").count("\n") == 1
    page = client.get(f"/desk/screenings/{found.id}").text
    assert "blocked by a person" in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"row": ["2"], "decision": "allow", "note": " "}, "Write a note"),
        ({"row": ["1"], "decision": "allow", "note": "x"}, "not to be reviewed cannot be decided"),
        ({"row": ["99"], "decision": "allow", "note": "x"}, "not to be reviewed cannot be decided"),
        ({"decision": "allow", "note": "x"}, "Tick the rows first"),
        ({"reason": "CONSENT_OK", "decision": "allow", "note": "x"}, "Tick the rows first"),
        ({"row": ["2"], "decision": "", "note": "x"}, "Choose whether the rows are allowed"),
    ],
)
def test_what_cannot_be_decided_is_told(
    desk: Desk, database: Database, settings: Settings, fields: dict[str, object], told: str
) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    assert told in decide(client, found.id, **fields)
    with database.reading() as session:
        assert session.scalars(select(ReviewDecision)).all() == []


def test_screening_again_shows_only_what_changed(
    desk: Desk, database: Database, settings: Settings, keys: Keys
) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    left = {"event": "objected", "at": "2026-11-20T10:00:00+02:00", "controller": "acme", "method": "phone"}
    take(database, keys, {**AINO, "events": [consent(), left]})
    answer = client.post(f"/desk/screenings/{found.id}/again")
    second = UUID(answer.location.rpartition("/")[2])
    work(database, settings)
    page = client.get(f"/desk/screenings/{second}/changes").text
    assert page.count(">Why?<") == 1
    assert "aino@posti.example" in page
    assert "daniel@posti.example" not in page
    third = UUID(client.post(f"/desk/screenings/{second}/again").location.rpartition("/")[2])
    work(database, settings)
    assert "No verdict has changed" in client.get(f"/desk/screenings/{third}/changes").text
    why = client.get(f"/desk/screenings/{found.id}/rows/1").text
    assert "The register says something else now" in why
    # What was consulted is told in names, not in keys.
    assert "<dd>Acme Oy</dd>" in why
    assert "<dd>acme</dd>" not in why


def test_a_decision_holds_on_where_nothing_about_the_row_has_changed(
    desk: Desk, database: Database, settings: Settings, keys: Keys
) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    decide(client, found.id, row=["2"], decision="allow", note="Guardian asked by phone")
    decide(client, found.id, row=["3"], decision="block", note="not her")
    second = again(client, database, settings, found.id)
    other = desk("marketer")
    why = other.get(f"/desk/screenings/{second}/rows/2").text
    assert "Guardian asked by phone" in why
    assert "carried over from the screening before" in why
    assert "marketer 1" in why
    rows = other.get(f"/desk/screenings/{second}/rows?verdict=review").text
    assert rows.count("carried over") == 2
    assert download(other, second, "decided") == 'email,note\ndaniel@posti.example,"b, c"\n'
    # A new act on one of them: its evidence is another, so it is decided anew; the other's decision holds on.
    take(database, keys, {**ELLA, "events": [{**consent(), "at": "2026-11-20T10:00:00+02:00"}]})
    third = again(other, database, settings, second)
    decided = other.get(f"/desk/screenings/{third}/rows?verdict=review").text
    assert decided.count("carried over") == 1
    assert "Guardian asked by phone" in other.get(f"/desk/screenings/{third}/rows/2").text
    assert "not her" not in other.get(f"/desk/screenings/{third}/rows/3").text
    with database.reading() as session:
        kept = session.scalars(select(ReviewDecision).where(ReviewDecision.list_screening == third)).all()
        assert [(one.actor, one.verdict, one.row, one.reason) for one in kept] == [(client.actor, "allow", None, None)]


def test_a_later_decision_of_a_row_carried_over_holds(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    decide(client, found.id, reason="MINOR_REVIEW", decision="allow", note="all asked")
    second = again(client, database, settings, found.id)
    assert download(client, second, "decided").count("\n") == 3
    decide(client, second, row=["3"], decision="block", note="not her after all")
    assert "ella@" not in download(client, second, "decided")
    assert "ella@" in download(client, found.id, "decided")


def again(client: DeskClient, database: Database, settings: Settings, list_id: UUID) -> UUID:
    second = UUID(client.post(f"/desk/screenings/{list_id}/again").location.rpartition("/")[2])
    work(database, settings)
    return second


def test_expiry_is_plain_to_see(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    assert "Good for sending until" in client.get(f"/desk/screenings/{found.id}").text
    expire(database, found.id)
    assert "The screening has expired" in client.get(f"/desk/screenings/{found.id}").text
    assert "expired" in client.get("/desk/screenings").text


def expire(database: Database, list_id: UUID) -> None:
    with database.transaction() as session:
        session.execute(
            update(ListScreening)
            .where(ListScreening.id == list_id)
            .values(valid_until=clock.now() - timedelta(hours=1))
        )


# --- handed lists -----------------------------------------------------------------------------------------------------


def hand(client: DeskClient, list_id: UUID, mailer: DeskClient, **fields: str) -> str:
    data = {"account": str(mailer.account_id), "note": "Tuesday", **fields}
    return str(client.post(f"/desk/screenings/{list_id}/hand", data, follow_redirects=True).text)


def handed_ids(database: Database) -> list[UUID]:
    with database.reading() as session:
        return list(session.scalars(select(HandedList.id).order_by(HandedList.handed_at)))


def test_a_mailer_sees_what_was_handed_and_nothing_else(desk: Desk, database: Database, settings: Settings) -> None:
    client, mailer, another = (
        desk("marketer"),
        desk("mailer", controllers={"acme"}),
        desk("mailer", controllers={"acme"}),
    )
    found = screened(client, database, settings, LIST, "list.csv")
    assert "Nothing has been handed to you" in mailer.get("/desk/handed").text
    assert "was handed over" in hand(client, found.id, mailer)
    assert "November offer" in mailer.get("/desk/handed").text
    assert "November offer" not in another.get("/desk/handed").text
    (handed,) = handed_ids(database)
    assert another.post(f"/desk/handed/{handed}").status_code == 404
    answer = mailer.post(f"/desk/handed/{handed}", {"part": "allowed"}, buffered=True)
    assert answer.text == "email,note\naino@posti.example,a\n"
    assert mailer.post(f"/desk/handed/{handed}", {"part": "decided"}).status_code == 404
    assert "fetched" in client.get(f"/desk/screenings/{found.id}").text
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.actor == mailer.actor)).all()
        assert [event.action for event in events] == ["read"]


def test_a_list_that_was_taken_back_or_has_expired_is_not_fetched(
    desk: Desk, database: Database, settings: Settings
) -> None:
    client, mailer = desk("marketer"), desk("mailer")
    found = screened(client, database, settings, LIST, "list.csv")
    hand(client, found.id, mailer)
    (handed,) = handed_ids(database)
    expire(database, found.id)
    told = mailer.post(f"/desk/handed/{handed}", {"part": "allowed"}, follow_redirects=True).text
    assert "The screening has expired" in told
    assert "aino@" not in told
    assert "has expired" in hand(client, found.id, mailer)
    client.post(f"/desk/screenings/{found.id}/hand/{handed}/withdraw")
    assert mailer.post(f"/desk/handed/{handed}").status_code == 404


def test_a_list_is_handed_to_mailers_of_its_controller_alone(
    desk: Desk, database: Database, settings: Settings
) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    for stranger in (desk("mailer", controllers={"other"}), desk("marketer"), desk("auditor")):
        assert "Choose who is to get the list" in hand(client, found.id, stranger)
    assert handed_ids(database) == []


def test_decided_rows_are_handed_where_that_was_asked(desk: Desk, database: Database, settings: Settings) -> None:
    client, mailer = desk("marketer"), desk("mailer")
    found = screened(client, database, settings, LIST, "list.csv")
    decide(client, found.id, row=["2"], decision="allow", note="asked")
    hand(client, found.id, mailer, with_decided="yes")
    (handed,) = handed_ids(database)
    answer = mailer.post(f"/desk/handed/{handed}", {"part": "decided"}, buffered=True)
    assert answer.text.splitlines()[1:] == ['daniel@posti.example,"b, c"']


def test_reading_is_recorded_without_saying_who(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings, LIST, "list.csv")
    client.get(f"/desk/screenings/{found.id}/rows/1")
    download(client, found.id, "allowed")
    with database.reading() as session:
        events = session.execute(text("SELECT object, detail::text FROM audit_event WHERE action = 'read'")).all()
    assert len(events) == 2
    assert all(str(found.id) in told for told, _ in events)
    assert "posti.example" not in str(events)
    assert seen(database, found.id).screening is not None
