"""Erasing one person, and many with a second person: what goes, what stays, and that they are left alone for good."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from babel.dates import format_date
from sqlalchemy import text

from consentmgr.consents.rebuild import rebuild
from consentmgr.consents.verification import verify
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.people import erasing
from consentmgr.people.attachments import store_of
from consentmgr.people.erasing import Counted
from consentmgr.vocabulary.time_rules import answer_due
from tests.cast import consent
from tests.people.people import OF_ACME, OF_ALL, Register
from tests.screening.desk_samples import work

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from tests.conftest import RunCommand
    from tests.staff.signing_in import Desk, DeskClient

NAMES = "crm:aino\r\nbirger@posti.example;Birger\n nobody@posti.example \ncrm:aino\n"


def facts_of(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", page))


def listed(client: DeskClient, names: str = NAMES) -> str:
    answer = client.post("/desk/people/erase", {"names": names})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def approval_of(register: Register) -> UUID:
    with register.database.connect() as connection:
        found: UUID = connection.execute(
            text("SELECT id FROM staff_approval WHERE kind = 'contacts.erase_many' ORDER BY asked_at DESC LIMIT 1")
        ).scalar_one()
    return found


def everything_said(register: Register) -> str:
    """Every text of the tables that hold people, and of those beside them."""
    found = []
    with register.database.connect() as connection:
        for table in connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")):
            found += [str(tuple(row)) for row in connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(found)


def test_many_are_erased_when_a_second_person_has_agreed(register: Register, desk: Desk, settings: Settings) -> None:
    asks, agrees = desk("dpo"), desk("dpo")
    place = listed(asks)
    page = asks.get(place).text
    told = facts_of(page)
    assert (told["Names given"], told["People to be erased"], told["Not found"]) == ("3", "2", "1")
    assert int(told["Digests of addresses"]) >= 2
    assert "posti.example" not in page
    assert asks.post(place, {"reason": "Both asked for it in letters."}).status_code == 303
    assert "Another person has to agree" in asks.get(place).text
    approval = approval_of(register)
    refused = asks.post(f"/desk/approvals/{approval}", {"decision": "accept"}, follow_redirects=True)
    assert "Somebody else has to decide" in refused.text
    assert register.verdict({"ref": "crm:aino"})[0] is not None
    agrees.post(f"/desk/approvals/{approval}", {"decision": "accept"})
    assert "People are being erased" in agrees.get(place).text
    work(register.database, settings)
    assert "Erased: 2" in agrees.get(place).text

    said = everything_said(register)
    for gone in ("Aino", "aino@", "birger@", "Salonen"):
        assert gone not in said, gone
    for address in ("aino@posti.example", "birger@posti.example"):
        assert register.verdict({"email": address}, now=clock.now()) == ("block", "ERASED_SUPPRESSED")
    with register.database.connect() as connection:
        rows = connection.execute(
            text("SELECT actor, detail->>'approved_by' FROM ledger_entry WHERE event = 'erased' AND source = 'desk'")
        ).all()
        assert set(rows) == {(asks.actor, agrees.actor)}
        bans = connection.execute(text("SELECT count(*) FROM prohibition WHERE lifted_at IS NULL")).scalar_one()
    assert bans
    with register.writing() as session:
        assert verify(session).whole
        assert rebuild(session).differing == 0


def test_a_list_is_erased_once_however_often_its_work_is_begun(
    register: Register, desk: Desk, settings: Settings
) -> None:
    asks, agrees = desk("dpo"), desk("dpo")
    place = listed(asks)
    asks.post(place, {"reason": "Both asked for it."})
    agrees.post(f"/desk/approvals/{approval_of(register)}", {"decision": "accept"})
    work(register.database, settings)
    before = entries(register)
    with register.database.transaction() as session:
        session.execute(text("UPDATE task SET state = 'queued', finished_at = NULL"))
    work(register.database, settings)
    assert entries(register) == before
    again = asks.get(listed(asks)).text
    assert facts_of(again)["Erased already"] == "2"
    assert "Nobody on the list can be erased" in again


def entries(register: Register) -> list[tuple[int, str]]:
    with register.database.connect() as connection:
        return [
            (row[0], row[1])
            for row in connection.execute(text("SELECT contact_id, event FROM ledger_entry ORDER BY id"))
        ]


def test_refused_is_refused(register: Register, desk: Desk, settings: Settings) -> None:
    asks, decides = desk("dpo"), desk("administrator")
    place = listed(asks)
    asks.post(place, {"reason": "Both asked for it."})
    decides.post(f"/desk/approvals/{approval_of(register)}", {"decision": "refuse", "note": "Not these."})
    work(register.database, settings)
    assert "Not these." in asks.get(place).text
    assert "Aino" in everything_said(register)
    assert decides.get(place).status_code == 403


def test_one_is_erased_whose_reference_was_typed(register: Register, desk: Desk, settings: Settings) -> None:
    officer = desk("dpo")
    number = register.id_of("crm:aino")
    address = f"/desk/people/{number}"
    form = {"method": "phone"}
    officer.post(f"{address}/record/objected", {
        "do": "preview", "controller": "acme", "day": "2026-11-11", "method": "paper",
        "attachment": (io.BytesIO(b"a letter"), "letter.pdf"),
    })  # fmt: skip
    page = officer.get(f"{address}/erase").text
    assert "crm:aino" in page
    wrong = officer.post(f"{address}/erase", {**form, "confirm": "crm:birger"})
    assert wrong.status_code == 422
    assert "not the reference of this person" in wrong.text
    assert officer.post(f"{address}/erase", {**form, "confirm": "crm:aino"}).status_code == 303
    assert "was erased on" in officer.get(address).text
    assert officer.get(f"{address}/erase").status_code == 404
    assert officer.post(f"{address}/erase", {**form, "confirm": "crm:aino"}).status_code in (404, 422)
    assert register.verdict({"email": "aino@posti.example"}, now=clock.now()) == ("block", "ERASED_SUPPRESSED")
    with register.writing() as session:
        from consentmgr.people.attachments import forget_files

        forget_files(session, store_of(settings), now=clock.now())
    assert not list((settings.data_folder / "files" / "attachments").glob("*"))


def test_a_person_who_is_anothers_too_is_erased_by_those_who_work_for_all(register: Register, desk: Desk) -> None:
    own = desk("dpo", controllers={"acme"})
    number = register.id_of("both:maija")
    answer = own.post(f"/desk/people/{number}/erase", {"method": "phone", "confirm": "both:maija"})
    assert answer.status_code == 422
    assert "known to other controllers too" in answer.text
    with register.database.reading() as session:
        for sight, wanted in (
            (OF_ACME, Counted(given=2, found=0, unknown=1, others=1)), (OF_ALL, Counted(given=2, found=2))
        ):  # fmt: skip
            found = erasing.find_named(session, ["both:maija", "beta:vilho"], sight=sight, keys=register.keys)
            assert found[1] == wanted


def test_a_merged_contact_goes_with_the_one_it_became(register: Register, desk: Desk) -> None:
    officer = desk("dpo")
    keeps = register.id_of("crm:aino")
    register.take({
        "type": "contact", "ref": "crm:twice", "controllers": ["acme"],
        "points": [{"channel": "email", "value": "twice@posti.example"}],
        "events": [{"event": "objected", "at": "2026-11-01T10:00:00+02:00", "controller": "acme", "method": "phone",
                    "note": "a word of hers"}],
    })  # fmt: skip
    merged = officer.post(f"/desk/people/{keeps}/merge", {"ref": "crm:twice", "reason": "one person", "do": "merge"})
    assert merged.status_code == 303, merged.text
    with register.database.reading() as session:
        ids, counted = erasing.find_named(session, ["crm:twice", "crm:aino"], sight=OF_ALL, keys=register.keys)
    assert (ids, counted.found) == ((keeps,), 1)
    officer.post(f"/desk/people/{keeps}/erase", {"method": "phone", "confirm": "crm:aino"})
    said = everything_said(register)
    assert "twice@" not in said
    assert "a word of hers" not in said
    with register.database.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM contact WHERE erased_at IS NOT NULL")).scalar_one()
    assert left >= 2


def test_an_address_of_several_says_not_who_is_meant(register: Register) -> None:
    register.take({
        "type": "contact", "ref": "crm:namesake", "controllers": ["acme"],
        "points": [{"channel": "email", "value": "aino@posti.example"}],
    })  # fmt: skip
    with register.database.reading() as session:
        ids, counted = erasing.find_named(session, ["Aino@Posti.example"], sight=OF_ALL, keys=register.keys)
        assert (ids, counted) == ((), Counted(given=1, several=1))
        ids, counted = erasing.find_named(session, ["crm:namesake"], sight=OF_ALL, keys=register.keys)
        assert counted.found == 1


@pytest.mark.parametrize("name", ["people.csv", "people.xlsx", "people.txt"])
def test_a_list_comes_as_a_file(register: Register, desk: Desk, name: str) -> None:
    content: bytes = "Sähköposti;Nimi\r\naino@posti.example;Aino\r\n".encode("cp1252")
    if name.endswith("xlsx"):
        from xlsxwriter import Workbook

        made = io.BytesIO()
        with Workbook(made) as book:
            sheet = book.add_worksheet()
            sheet.write_column(0, 0, ["Email", "aino@posti.example"])
        content = made.getvalue()
    if name.endswith("txt"):
        content = b"\xef\xbb\xbfcrm:aino\nbirger@posti.example\n"
    client = desk("dpo")
    answer = client.post("/desk/people/erase", {"list": (io.BytesIO(content), name)})
    assert answer.status_code == 303, answer.text
    assert facts_of(client.get(answer.location).text)["People to be erased"] == ("2" if name.endswith("txt") else "1")


def test_what_is_no_list_is_told(register: Register, desk: Desk) -> None:
    client = desk("dpo")
    assert client.post("/desk/people/erase", {"names": " \n;\n"}).status_code == 422
    assert client.post("/desk/people/erase", {"list": (io.BytesIO(b""), "x.csv")}).status_code == 422
    place = listed(client)
    assert client.post(place, {"reason": "no"}).status_code == 422
    assert client.post(place, {"reason": "They asked for it."}).status_code == 303
    assert client.post(place, {"reason": "They asked for it."}).status_code == 422
    with pytest.raises(BadInput):
        erasing.names_in("\n".join(f"p{number}@x.example" for number in range(erasing.MOST + 1)))


def test_a_larger_list_takes_no_more_statements(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    statements: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, *arguments: Any, **more: Any) -> Any:
        statements.append(arguments[0])
        return execute(self, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)

    def cost(number: int) -> int:
        documents = [
            {"type": "contact", "ref": f"m{number}:{place}", "controllers": ["acme"],
             "points": [{"channel": "email", "value": f"m{number}.{place}@posti.example"}]}
            for place in range(number)
        ]  # fmt: skip
        register.take(*documents)
        names = [f"m{number}.{place}@posti.example" for place in range(number)]
        statements.clear()
        with register.writing() as session:
            ids, _ = erasing.find_named(session, names, sight=OF_ALL, keys=register.keys)
            erasing.what_stays(session, ids)
            done = erasing.erase(session, ids, keys=register.keys, actor="test", now=clock.now())
        assert done.contacts == number
        return len(statements)

    assert cost(20) == cost(200)


def test_the_terminal_erases_one_and_asks_for_many(
    register: Register, desk: Desk, settings: Settings, run_command: RunCommand, tmp_path: Any
) -> None:
    dry = run_command("people", "erase", "crm:aino", "--dry-run")
    assert "nothing was erased" in dry.stdout
    assert run_command("people", "erase", "crm:aino", "--confirm", "crm:other", expect=2).stdout.count("erased;") == 0
    assert "erased; the bans stay" in run_command("people", "erase", "crm:aino", "--confirm", "crm:aino").stdout
    assert register.verdict({"email": "aino@posti.example"}, now=clock.now())[1] == "ERASED_SUPPRESSED"
    file = tmp_path / "names.txt"
    file.write_text("birger@posti.example\n", encoding="utf-8")
    asked = run_command("people", "erase", "--from", file, "--reason", "Asked for in a letter.")
    assert "1 people found" in asked.stdout
    assert "another person decides" in asked.stdout
    assert "Birger" in everything_said(register)
    desk("dpo").post(f"/desk/approvals/{approval_of(register)}", {"decision": "accept"})
    work(register.database, settings)
    assert "Birger" not in everything_said(register)


def test_no_address_stands_in_what_is_kept_of_a_list(register: Register, desk: Desk) -> None:
    client = desk("dpo")
    client.post(listed(client), {"reason": "They asked for it."})
    with register.database.connect() as connection:
        kept = [tuple(row) for row in connection.execute(text("SELECT * FROM erasure_list"))]
        kept += [tuple(row) for row in connection.execute(text("SELECT detail, object FROM staff_approval"))]
        kept += [tuple(row) for row in connection.execute(text("SELECT detail, object FROM audit_event"))]
    assert "@" not in json.dumps(kept, default=str)


# --- who waits --------------------------------------------------------------------------------------------------------


def asking(name: str, *acts: tuple[str, int], controller: str = "acme") -> dict[str, Any]:
    """Somebody with acts so many days ago, at noon by Finnish time."""
    noon = datetime.combine(clock.local_date(clock.now()), time(12), clock.HELSINKI)
    return {
        "type": "contact", "ref": f"asks:{name.lower()}", "controllers": [controller], "given_name": name,
        "points": [{"channel": "email", "value": f"{name.lower()}@posti.example", "use": "private"}],
        "events": [
            {"event": event, "at": (noon - timedelta(days=days)).isoformat(), "controller": controller,
             "method": "web_form"}
            for event, days in acts
        ],
    }  # fmt: skip


def rows_of(client: DeskClient, address: str = "/desk/people/erase/waiting") -> list[str]:
    """The rows of the list, as they are read."""
    body = client.get(address).text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>") if "<td" in row]


def told_day(days_ago: int) -> tuple[str, str]:
    """The day of a wish and the last day to answer it, as the page writes them."""
    came = clock.local_date(clock.now()) - timedelta(days=days_ago)
    return format_date(came, "medium", locale="en_GB"), format_date(answer_due(came), "medium", locale="en_GB")


def test_who_waits_is_listed_by_the_oldest_wish_and_what_is_late_is_said(register: Register, desk: Desk) -> None:
    register.take(
        asking("Newcomer", ("erasure_requested", 3)),
        asking("Patient", ("erasure_requested", 60), ("erasure_requested", 2)),
        asking("Gone", ("erasure_requested", 50), ("erased", 40)),
        asking("Foreign", ("erasure_requested", 70), controller="beta"),
        now=clock.now(),
    )
    own = desk("dpo", controllers={"acme"})
    patient, newcomer = rows_of(own)
    assert patient.startswith("Patient asks:patient")
    assert newcomer.startswith("Newcomer asks:newcomer")
    for row, days in ((patient, 60), (newcomer, 3)):
        assert all(day in row for day in told_day(days)), row
    assert ("the day has passed" in patient, "the day has passed" in newcomer) == (True, False)
    page = own.get("/desk/people/erase/waiting").text
    assert "The last day to answer has passed for 1 person." in page
    for ref in ("asks:patient", "asks:newcomer"):
        assert f'href="/desk/people/{register.id_of(ref)}/erase"' in page
    assert [row.split()[0] for row in rows_of(desk("dpo"))] == ["Foreign", "Patient", "Newcomer"]
    with register.database.connect() as connection:
        read = connection.execute(
            text("SELECT object, detail::text FROM audit_event WHERE action = 'read' AND actor = :actor"),
            {"actor": own.actor},
        ).all()
    assert any(row[0] == "contacts:erasure_requested" and str(register.id_of("asks:patient")) in row[1] for row in read)

    number = register.id_of("asks:patient")
    own.post(f"/desk/people/{number}/erase", {"method": "email_link", "confirm": "asks:patient"})
    assert [row.split()[0] for row in rows_of(own)] == ["Newcomer"]


def test_a_wish_waits_after_a_merge_and_after_an_earlier_erasure(register: Register, desk: Desk) -> None:
    """Standing says of the one who came back that erasure holds; the later wish is to be answered all the same."""
    officer = desk("dpo")
    register.take(asking("Twice", ("erasure_requested", 9)), asking("Again", ("erased", 90)), now=clock.now())
    keeps = register.id_of("crm:aino")
    officer.post(f"/desk/people/{keeps}/merge", {"ref": "asks:twice", "reason": "one person", "do": "merge"})
    came_back = asking("Again", ("consent_given", 80), ("erasure_requested", 7))
    came_back["events"][0] = consent(at=came_back["events"][0]["at"])
    register.take(came_back, now=clock.now())
    aino, again = rows_of(officer)
    assert aino.startswith("Aino Virtanen crm:aino")
    assert told_day(9)[0] in aino
    assert again.startswith("Again asks:again")
    assert told_day(7)[1] in again


def test_a_long_list_of_those_who_wait_is_turned_page_by_page(register: Register, desk: Desk) -> None:
    officer = desk("dpo")
    assert "Nobody waits to be erased" in officer.get("/desk/people/erase/waiting").text
    register.take(*(asking(f"N{number}", ("erasure_requested", 5)) for number in range(51)), now=clock.now())
    first, second = rows_of(officer), rows_of(officer, "/desk/people/erase/waiting?page=2")
    assert (len(first), len(second)) == (50, 1)
    assert not set(first) & set(second)
    assert rows_of(officer, "/desk/people/erase/waiting?page=9") == second
    assert "51 people wait to be erased" in officer.get("/desk/people/erase/waiting").text


def test_who_may_not_erase_sees_neither_the_list_nor_how_many_wait(register: Register, desk: Desk) -> None:
    register.take(asking("Patient", ("erasure_requested", 60)), asking("Newcomer", ("erasure_requested", 3)),
                  asking("Foreign", ("erasure_requested", 2), controller="beta"), now=clock.now())  # fmt: skip
    place = "/desk/people/erase/waiting"
    for role in ("marketer", "data_steward", "auditor"):
        other = desk(role)
        assert other.get(place).status_code == 403
        assert place not in other.get("/desk/people/").text
        overview = other.get("/desk/").text
        assert place not in overview
        assert "to be erased" not in overview
    own = desk("dpo", controllers={"acme"})
    assert place in own.get("/desk/people/").text
    overview = own.get("/desk/").text
    assert "2 people wait to be erased" in overview
    assert "The last day to answer has passed for 1 person." in overview
    assert f'href="{place}"' in overview
    foreign = desk("dpo", controllers={"beta"}).get("/desk/").text
    assert "1 person waits to be erased" in foreign
    assert "No answer is late." in foreign


# --- refusing ---------------------------------------------------------------------------------------------------------


def refusing(register: Register, client: DeskClient, ref: str, **given: str) -> Any:
    """The form of a refusal, as it is sent."""
    today = clock.local_date(clock.now()).isoformat()
    form = {"controller": "acme", "day": today, "hour": "", "method": "email_link", "ground": "legal_obligation"}
    return client.post(f"/desk/people/{register.id_of(ref)}/refuse-erasure", form | given)


def test_a_refused_wish_leaves_the_list_and_the_overview_and_a_new_one_waits_anew(
    register: Register, desk: Desk
) -> None:
    register.take(asking("Patient", ("erasure_requested", 60)), now=clock.now())
    officer = desk("dpo")
    number = register.id_of("asks:patient")
    place = f"/desk/people/{number}/refuse-erasure"
    for page in ("/desk/people/erase/waiting", f"/desk/people/{number}", f"/desk/people/{number}/erase"):
        assert f'href="{place}"' in officer.get(page).text, page
    shown = officer.get(place).text
    assert "to establish, exercise or defend a legal claim (17(3)(e))" in shown
    answer = refusing(register, officer, "asks:patient", reason="The accounts are kept for six years.")
    assert (answer.status_code, answer.location) == (303, f"/desk/people/{number}")
    assert "Nobody waits to be erased" in officer.get("/desk/people/erase/waiting").text
    assert "to be erased" not in officer.get("/desk/").text
    person = officer.get(f"/desk/people/{number}").text
    assert "erasure refused" in person
    assert "for a task in the public interest or official authority (17(3)(b))." in person
    assert "The accounts are kept for six years." in person
    assert f'href="{place}"' not in person
    assert officer.get(place).status_code == 404
    again = refusing(register, officer, "asks:patient")
    assert again.status_code == 422
    assert "No request waits" in again.text

    register.take(asking("Patient", ("erasure_requested", 0)), now=clock.now() + timedelta(days=1))
    (row,) = rows_of(officer)
    assert told_day(0)[1] in row
    assert "the day has passed" not in row


@pytest.mark.parametrize(
    ("ground", "language", "sentence"),
    [
        ("legal_claims", "en", "The data is needed to establish, exercise or defend a legal claim (17(3)(e))"),
        ("no_ground_applies", "en", "None of the grounds on which the law requires erasure applies (17(1))"),
        ("no_ground_applies", "fi", "Mikään laissa säädetyistä poistamisen perusteista ei täyty (17 artiklan 1 kohta)"),
        ("unfounded_or_excessive", "en", "The request was manifestly unfounded or excessive (12(5))"),
        ("unfounded_or_excessive", "sv", "Begäran var uppenbart ogrundad eller orimlig (artikel 12.5)"),
        ("identity_not_confirmed", "fi", "Pyynnön esittäjän henkilöllisyyttä ei voitu vahvistaa (12 artiklan 2 kohta)"),
        (
            "identity_not_confirmed",
            "sv",
            "Identiteten hos den som framställde begäran kunde inte bekräftas (artikel 12.2)",
        ),
    ],
)
def test_every_ground_is_told_in_a_sentence_of_its_own(
    register: Register, desk: Desk, ground: str, language: str, sentence: str
) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo", language=language)
    number = register.id_of("asks:patient")
    assert f">{sentence}</span>" in officer.get(f"/desk/people/{number}/refuse-erasure").text
    assert refusing(register, officer, "asks:patient", ground=ground).status_code == 303
    assert not rows_of(officer)
    # Once above all else, and once where it happened.
    assert officer.get(f"/desk/people/{number}").text.count(f"{sentence}.") == 2


def test_a_refusal_is_in_the_ledger_and_the_audit_log_and_its_words_go_with_an_erasure(
    register: Register, desk: Desk
) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    refusing(register, officer, "asks:patient", reason="A secret of hers.")
    number = register.id_of("asks:patient")
    with register.database.connect() as connection:
        event, detail, told = connection.execute(
            text("SELECT event, detail, controller FROM ledger_entry WHERE contact_id = :id ORDER BY id DESC LIMIT 1"),
            {"id": number},
        ).one()
        done = connection.execute(
            text("SELECT object, detail::text FROM audit_event WHERE action = 'contacts.refuse_erasure'")
        ).one()
    assert (event, detail, told) == ("erasure_refused", {"ground": "legal_obligation"}, "acme")
    assert done[0] == f"contact:{number}"
    assert "secret" not in done[1]
    officer.post(f"/desk/people/{number}/erase", {"method": "paper", "confirm": "asks:patient"})
    assert "A secret of hers" not in everything_said(register)
    assert "data was erased" in officer.get(f"/desk/people/{number}").text
    with register.database.reading() as session:
        assert verify(session).whole


@pytest.mark.parametrize("purpose", ["direct_marketing", "newsletter", "service_message", "research"])
def test_a_refusal_changes_no_answer_of_screening(register: Register, desk: Desk, purpose: str) -> None:
    """law.md stage 3 knows the wish and nothing of an answer that refuses: what was blocked stays blocked."""
    person = asking("Patient", ("erasure_requested", 9))
    agreed = consent(at="2026-01-05T10:00:00+02:00")
    person["events"].insert(0, agreed)
    register.take(person, now=clock.now())
    row, now = {"email": "patient@posti.example"}, clock.now()
    promotes = purpose in ("direct_marketing", "newsletter")
    before = register.verdict(row, now=now, purpose=purpose, promotes=promotes)
    assert before == ("review" if purpose == "service_message" else "block", "ERASED_SUPPRESSED")
    assert refusing(register, desk("dpo"), "asks:patient").status_code == 303
    assert register.verdict(row, now=clock.now(), purpose=purpose, promotes=promotes) == before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ground": ""}, "Choose one."),
        ({"ground": "we_would_rather_not"}, "Choose one of the list."),
        ({"method": ""}, "Choose one."),
        ({"day": "2999-01-01"}, "The day lies in the future."),
        ({"day": "2020-01-01"}, "The answer was given before the request came."),
        ({"controller": "beta"}, "The request was made to another controller, or to all of them."),
        ({"controller": "gamma"}, "Choose one of the list."),
    ],
)
def test_a_refusal_without_ground_or_day_or_to_another_wish_is_not_recorded(
    register: Register, desk: Desk, given: dict[str, str], told: str
) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    answer = refusing(register, officer, "asks:patient", reason="as it was", **given)
    assert answer.status_code == 422
    assert told in answer.text
    assert ">as it was</textarea>" in answer.text
    assert len(rows_of(officer)) == 1


@pytest.mark.parametrize(
    ("language", "told"), [("en", "Choose one."), ("fi", "Valitse yksi vaihtoehto."), ("sv", "Välj ett alternativ.")]
)
def test_of_a_choice_that_was_not_made_the_page_says_to_make_it(
    register: Register, desk: Desk, language: str, told: str
) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    answer = refusing(register, desk("dpo", language=language), "asks:patient", ground="", day="")
    assert f"</span>{told}</p>" in answer.text.partition('id="ground-error"')[2][:200]
    assert told not in answer.text.partition('id="day-error"')[2][:200]


def test_an_answer_of_the_day_of_the_wish_needs_no_hour(register: Register, desk: Desk) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    came = clock.local_date(clock.now()) - timedelta(days=9)
    assert refusing(register, officer, "asks:patient", day=came.isoformat(), hour="08:00").status_code == 422
    assert refusing(register, officer, "asks:patient", day=came.isoformat()).status_code == 303
    assert not rows_of(officer)


def test_only_who_may_erase_refuses_and_only_for_their_own_controllers(register: Register, desk: Desk) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)),
                  asking("Foreign", ("erasure_requested", 9), controller="beta"), now=clock.now())  # fmt: skip
    for role in ("marketer", "data_steward", "auditor"):
        other = desk(role)
        assert refusing(register, other, "asks:patient").status_code == 403
        if role != "auditor":
            assert "refuse-erasure" not in other.get(f"/desk/people/{register.id_of('asks:patient')}").text
    own = desk("dpo", controllers={"acme"})
    assert refusing(register, own, "asks:foreign").status_code == 404
    # A wish made to all controllers is answered for one's own, and waits at the others.
    both = asking("Both", ("erasure_requested", 5))
    both["controllers"] = ["acme", "beta"]
    both["events"][0]["controller"] = None
    register.take(both, now=clock.now())
    assert refusing(register, own, "asks:both", controller="acme").status_code == 303
    assert [row.split()[0] for row in rows_of(own)] == ["Patient"]
    assert [row.split()[0] for row in rows_of(desk("dpo", controllers={"beta"}))] == ["Foreign", "Both"]


def test_a_wish_refused_before_a_merge_stays_answered(register: Register, desk: Desk) -> None:
    register.take(asking("Twice", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    refusing(register, officer, "asks:twice", reason="Said once.")
    keeps = register.id_of("crm:aino")
    officer.post(f"/desk/people/{keeps}/merge", {"ref": "asks:twice", "reason": "one person", "do": "merge"})
    assert not rows_of(officer)
    assert "The person was answered that their data is not erased" in officer.get(f"/desk/people/{keeps}").text
    with register.database.connect() as connection:
        own = connection.scalars(text("SELECT event FROM ledger_entry WHERE contact_id = :id"), {"id": keeps}).all()
    assert {"erasure_requested", "erasure_refused"} <= set(own)


def test_an_erasure_is_refused_at_the_terminal_too(register: Register, desk: Desk, run_command: RunCommand) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    words = ("people", "refuse-erasure", "asks:patient", "--ground", "public_health", "--method", "paper")
    early = (clock.local_date(clock.now()) - timedelta(days=30)).isoformat()
    assert "lies before the wish" in run_command(*words, "--day", early, expect=2).stderr
    assert "waits no longer" in run_command(*words, "--controller", "acme").stdout
    assert not rows_of(desk("dpo"))
    assert "no wish to be erased waits" in run_command(*words, expect=2).stderr


# --- taking longer ----------------------------------------------------------------------------------------------------


def extending(register: Register, client: DeskClient, ref: str, **given: str) -> Any:
    """The form of an extension, as it is sent."""
    today = clock.local_date(clock.now()).isoformat()
    form = {"controller": "acme", "day": today, "hour": "", "method": "email_link", "reason": "Many registers."}
    return client.post(f"/desk/people/{register.id_of(ref)}/extend-erasure", form | given)


def longer_day(days_ago: int) -> str:
    """The last day to answer a wish whose time was extended, as the page writes it."""
    came = clock.local_date(clock.now()) - timedelta(days=days_ago)
    return format_date(answer_due(came, extended=True), "medium", locale="en_GB")


def test_an_extended_wish_waits_two_months_more_and_stands_behind_those_before_it(
    register: Register, desk: Desk
) -> None:
    register.take(
        asking("Patient", ("erasure_requested", 20)), asking("Newcomer", ("erasure_requested", 3)), now=clock.now()
    )
    officer = desk("dpo")
    number = register.id_of("asks:patient")
    place = f"/desk/people/{number}/extend-erasure"
    for page in ("/desk/people/erase/waiting", f"/desk/people/{number}"):
        assert f'href="{place}"' in officer.get(page).text, page
    shown = " ".join(officer.get(place).text.split())
    assert f"The request is then answered by {longer_day(20)} at the latest." in shown
    answer = extending(register, officer, "asks:patient")
    assert (answer.status_code, answer.location) == (303, f"/desk/people/{number}")
    newcomer, patient = rows_of(officer)
    assert newcomer.startswith("Newcomer")
    assert f"extended, answer by {longer_day(20)}" in patient
    for page in ("/desk/people/erase/waiting", f"/desk/people/{number}"):
        assert f'href="{place}"' not in officer.get(page).text, page
    person = " ".join(officer.get(f"/desk/people/{number}").text.split())
    assert "time to answer extended" in person
    assert "Many registers." in person
    assert f"that the answer takes longer: it is answered by {longer_day(20)} at the latest" in person
    assert officer.get(place).status_code == 404
    again = extending(register, officer, "asks:patient")
    assert again.status_code == 422
    assert "The law lets it be extended once." in again.text
    assert refusing(register, officer, "asks:patient").status_code == 303
    assert [row.split()[0] for row in rows_of(officer)] == ["Newcomer"]
    answered = extending(register, officer, "asks:patient")
    assert (answered.status_code, "No request waits" in answered.text) == (422, True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"reason": " "}, "Fill in this field."),
        ({"method": ""}, "Choose one."),
        ({"day": "2999-01-01"}, "The day lies in the future."),
        ({"day": "2020-01-01"}, "The answer was given before the request came."),
        ({"day": ""}, "Fill in this field."),
        ({"controller": "beta"}, "The request was made to another controller, or to all of them."),
    ],
)
def test_an_extension_without_reason_or_day_or_of_another_wish_is_not_recorded(
    register: Register, desk: Desk, given: dict[str, str], told: str
) -> None:
    register.take(asking("Patient", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    answer = extending(register, officer, "asks:patient", **given)
    assert answer.status_code == 422
    assert told in answer.text
    (row,) = rows_of(officer)
    assert told_day(9)[1] in row
    assert "extended" not in row


def test_who_was_told_in_time_only_has_their_time_extended(register: Register, desk: Desk) -> None:
    """Told within the month and written down after it is told in time; told after it is not, and the wish is late."""
    register.take(asking("Patient", ("erasure_requested", 60)), now=clock.now())
    officer = desk("dpo")
    place = f"/desk/people/{register.id_of('asks:patient')}/extend-erasure"
    assert place not in officer.get("/desk/people/erase/waiting").text
    late = extending(register, officer, "asks:patient")
    assert late.status_code == 422
    assert "The first month had passed by then" in late.text
    assert "the day has passed" in rows_of(officer)[0]
    in_time = clock.local_date(clock.now()) - timedelta(days=40)
    assert extending(register, officer, "asks:patient", day=in_time.isoformat()).status_code == 303
    assert f"extended, answer by {longer_day(60)}" in rows_of(officer)[0]
    assert "the day has passed" not in rows_of(officer)[0]
    assert "No answer is late." in officer.get("/desk/").text


@pytest.mark.parametrize("purpose", ["direct_marketing", "newsletter", "service_message", "research"])
def test_an_extension_changes_no_answer_of_screening(register: Register, desk: Desk, purpose: str) -> None:
    person = asking("Patient", ("erasure_requested", 9))
    person["events"].insert(0, consent(at="2026-01-05T10:00:00+02:00"))
    register.take(person, now=clock.now())
    row, promotes = {"email": "patient@posti.example"}, purpose in ("direct_marketing", "newsletter")
    before = register.verdict(row, now=clock.now(), purpose=purpose, promotes=promotes)
    assert before == ("review" if purpose == "service_message" else "block", "ERASED_SUPPRESSED")
    assert extending(register, desk("dpo"), "asks:patient").status_code == 303
    assert register.verdict(row, now=clock.now(), purpose=purpose, promotes=promotes) == before


def test_only_who_may_erase_extends_and_only_for_their_own_controllers(register: Register, desk: Desk) -> None:
    both = asking("Both", ("erasure_requested", 5))
    both["controllers"] = ["acme", "beta"]
    both["events"][0]["controller"] = None
    register.take(both, asking("Foreign", ("erasure_requested", 9), controller="beta"), now=clock.now())
    for role in ("marketer", "data_steward", "auditor"):
        assert extending(register, desk(role), "asks:both").status_code == 403
    own, foreign = desk("dpo", controllers={"acme"}), desk("dpo", controllers={"beta"})
    assert extending(register, own, "asks:foreign").status_code == 404
    # A wish made to all controllers takes longer at one's own, and no longer at the others.
    assert extending(register, own, "asks:both").status_code == 303
    assert longer_day(5) in rows_of(own)[0]
    assert [longer_day(5) in row for row in rows_of(foreign)] == [False, False]


def test_the_reason_of_an_extension_stays_in_the_ledger_until_an_erasure_and_outlives_a_merge(
    register: Register, desk: Desk
) -> None:
    register.take(asking("Twice", ("erasure_requested", 9)), now=clock.now())
    officer = desk("dpo")
    extending(register, officer, "asks:twice", reason="A secret of hers.")
    with register.database.connect() as connection:
        done = connection.execute(
            text("SELECT object, detail::text FROM audit_event WHERE action = 'contacts.extend_erasure'")
        ).one()
    assert done[0] == f"contact:{register.id_of('asks:twice')}"
    assert "secret" not in done[1]
    keeps = register.id_of("crm:aino")
    officer.post(f"/desk/people/{keeps}/merge", {"ref": "asks:twice", "reason": "one person", "do": "merge"})
    assert f"extended, answer by {longer_day(9)}" in rows_of(officer)[0]
    assert "A secret of hers." in officer.get(f"/desk/people/{keeps}").text
    officer.post(f"/desk/people/{keeps}/erase", {"method": "paper", "confirm": "crm:aino"})
    assert "A secret of hers" not in everything_said(register)
    with register.database.reading() as session:
        assert verify(session).whole


def test_the_time_to_answer_is_extended_at_the_terminal_too(
    register: Register, desk: Desk, run_command: RunCommand
) -> None:
    register.take(asking("Patient", ("erasure_requested", 60)), now=clock.now())
    words = ("people", "extend-erasure", "asks:patient", "--method", "paper", "--controller", "acme")
    assert "lies after the first month" in run_command(*words, "--reason", "Many registers.", expect=2).stderr
    in_time = (clock.local_date(clock.now()) - timedelta(days=40)).isoformat()
    assert "told why" in run_command(*words, "--day", in_time, "--reason", " ", expect=2).stderr
    until = answer_due(clock.local_date(clock.now()) - timedelta(days=60), extended=True)
    done = run_command(*words, "--day", in_time, "--reason", "Many registers.").stdout
    assert f"answered by {until.isoformat()}" in done
    assert "extended" in rows_of(desk("dpo"))[0]
    assert "extended once" in run_command(*words, "--reason", "Many registers.", expect=2).stderr
