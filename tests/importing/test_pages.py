"""Imports at the desk: a file is looked at, counted and taken in by the queue, and speaks only of whom it may."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import xlsxwriter
from sqlalchemy import event, func, select, text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.models import ImportUpload
from consentmgr.importing.table_readers import FIELDS
from consentmgr.importing.upload_tasks import forget_old_uploads, store_of
from consentmgr.importing.uploads import KEEP
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.register.models import Contact, ImportBatch
from consentmgr.scheduler import TASKS, do_task
from consentmgr.timetable.models import Task
from consentmgr.vocabulary.codes import LANGUAGES, Language
from consentmgr.vocabulary.columns import column_name
from tests.importing.registers import Register
from tests.staff.signing_in import Desk, DeskClient

OTHER = {"type": "controller", "key": "other", "name": "Toinen Oy"}
CONTACTS = (
    "Sähköposti;Etunimi;Sukunimi;Muuta\naino@posti.example;Aino;Virtanen;x\nbirger@posti.example;Birger;Salonen;\n"
)
REFUSED = "Sähköposti;Etunimi\naino@posti.example;Aino\nno address at all;Birger\n"


@pytest.fixture
def do_tasks(database: Database, settings: Settings) -> Callable[[], None]:
    """Do what waits in the queue, in this process."""

    def do() -> None:
        with database.reading() as session:
            waiting = session.scalars(select(Task.id).where(Task.state == "queued").order_by(Task.created_at)).all()
        for task_id in waiting:
            do_task(database, settings, task_id, TASKS)

    return do


def bring(client: DeskClient, content: str | bytes, name: str = "lista.csv", **more: str) -> str:
    """Bring a file; the address of its page."""
    data = content.encode() if isinstance(content, str) else content
    answer = client.post("/desk/imports/", {"file": (io.BytesIO(data), name), **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def upload_id(path: str) -> UUID:
    return UUID(path.rpartition("/")[2])


def contacts(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Contact)) or 0


# --- from file to register --------------------------------------------------------------------------------------------


def test_a_file_is_looked_at_counted_and_taken_in(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    assert "There is none" in client.get("/desk/imports/").text
    path = bring(client, CONTACTS)
    assert "The file is being looked at" in client.get(path).text
    do_tasks()
    page = client.get(path).text
    assert re.findall(r'tone-good">([\w ]+)<', page) == ["email", "given name", "family name"]
    assert "Aino · Birger" in page
    assert "not used" in page
    client.post(f"{path}/preview", {"kind": "contacts", "source": "trade fair"})
    do_tasks()
    assert contacts(database) == 0
    page = client.get(path).text
    assert "Nothing has been changed yet" in page
    assert re.search(r'Contacts</th><td class="number">2</td>', page)
    client.post(f"{path}/apply")
    assert contacts(database) == 0
    do_tasks()
    assert contacts(database) == 2
    assert "Taken in at" in client.get(path).text
    overview = client.get("/desk/imports/").text
    assert overview.count("lista.csv") == 2
    with database.reading() as session:
        (batch,) = session.scalars(select(ImportBatch)).all()
        assert (batch.actor, batch.options["as"]) == (client.actor, "contacts")
        assert session.scalar(text("SELECT source FROM contact_point LIMIT 1")) == "trade fair"


def test_a_file_taken_in_is_not_taken_in_again_and_a_second_upload_changes_nothing(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    for _ in range(2):
        path = bring(client, CONTACTS)
        do_tasks()
        client.post(f"{path}/preview", {"kind": "contacts"})
        do_tasks()
        client.post(f"{path}/apply")
        do_tasks()
        assert contacts(database) == 2
        assert client.post(f"{path}/apply").status_code == 422
    assert re.search(r'Contacts</th><td class="number">0</td><td class="number">0</td><td class="number">2</td>',
                     client.get(path).text)  # fmt: skip


def test_refused_lines_are_fetched_mended_and_brought_back(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, REFUSED)
    do_tasks()
    client.post(f"{path}/preview", {"kind": "contacts", "source": "fair"})
    do_tasks()
    preview = client.get(path).text
    assert "1 lines refused" in preview
    assert "no address at all" not in preview.partition("What would change")[2].partition("What the file is")[0]
    client.post(f"{path}/apply")
    do_tasks()
    page = client.get(path).text
    assert "Fetch the refused lines" in page
    fetched = client.get(f"{path}/rejects/1")
    assert fetched.headers["Content-Disposition"] == "attachment; filename=lista.rejected.jsonl"
    (line,) = fetched.text.splitlines()
    fetched.close()
    assert json.loads(line)["document"] == "no address at all;Birger"
    mended = fetched.text.replace("no address at all", "birger@posti.example")
    again = bring(client, mended, "lista.rejected.jsonl", mends=str(upload_id(path)))
    do_tasks()
    page = client.get(again).text
    assert "rejected lines of an earlier import" in page
    assert 'value="fair"' in page
    client.post(f"{again}/preview", {"kind": "contacts", "source": "fair"})
    do_tasks()
    client.post(f"{again}/apply")
    do_tasks()
    assert contacts(database) == 2
    with database.reading() as session:
        read = session.scalars(text("SELECT object FROM audit_event WHERE action = 'read'")).all()
    assert read == [f"upload:{upload_id(path)}"]


def test_documents_and_workbooks_are_recognised(desk: Desk, register: Register, do_tasks: Callable[[], None]) -> None:
    client = desk("data_steward")
    lines = [OTHER, {"type": "contact", "ref": "a"}, {"type": "contact", "ref": "b"}]
    path = bring(client, "".join(json.dumps(line) + "\n" for line in lines), "rekisteri.jsonl")
    do_tasks()
    page = client.get(path).text
    assert "Documents (JSON Lines)" in page
    assert "Contacts: 2" in page
    book = io.BytesIO()
    with xlsxwriter.Workbook(book, {"in_memory": True}) as workbook:
        for name in ("Yksi", "Kaksi"):
            workbook.add_worksheet(name).write_row(0, 0, ["email", "suostumus", name])
    path = bring(client, book.getvalue(), "suostumukset.xlsx")
    do_tasks()
    page = client.get(path).text
    assert "Consents and refusals" in page
    assert '<option value="Kaksi"' in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_a_name_that_people_use(language: Language) -> None:
    for fields in FIELDS.values():
        names = [column_name(field, language) for field in fields]
        assert not any("_" in name for name in names)
        assert len(set(names)) == len(names), names


def test_columns_are_named_in_the_readers_language(
    desk: Desk, register: Register, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, "sposti;etunimi\naino@posti.example;Aino\n")
    do_tasks()
    shown = client.get(f"{path}?kind=contacts&lang=fi").text
    assert '<option value="email">sähköposti</option>' in shown
    assert "Tiedostomuoto" in shown


@pytest.mark.parametrize(("language", "name"), [("en", "the person"), ("fi", "henkilö itse"), ("sv", "personen själv")])
def test_codes_that_a_file_holds_are_shown_with_their_names(
    desk: Desk, register: Register, do_tasks: Callable[[], None], language: Language, name: str
) -> None:
    client = desk("data_steward", language=language)
    path = bring(client, "email;lähde\na@posti.example;naapuri\n")
    do_tasks()
    form = client.get(f"{path}?kind=prohibitions").text
    assert f'<option value="self">self ({name})</option>' in form
    assert "robinson_phone" not in re.sub(r"robinson_phone \([^)]+\)|value=\"robinson_phone\"", "", form)
    client.post(f"{path}/preview", {"kind": "prohibitions"})
    do_tasks()
    assert f"self ({name})" in client.get(path).text.partition('/apply"')[0]


def test_fields_that_change_are_shown_with_their_names(
    desk: Desk, register: Register, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward", language="fi")
    for rows in (CONTACTS, CONTACTS.replace("Aino;", "Aina;")):
        path = bring(client, rows)
        do_tasks()
        client.post(f"{path}/preview", {"kind": "contacts"})
        do_tasks()
        client.post(f"{path}/apply")
        do_tasks()
    assert "1 contact.given_name (etunimi)" in client.get(path).text


def test_a_column_is_used_as_somebody_says(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, "osoite X;Kutsumanimi\naino@posti.example;Aino\n")
    do_tasks()
    client.post(f"{path}/preview", {"kind": "contacts", "column_0": "email", "column_1": "given_name"})
    do_tasks()
    client.post(f"{path}/apply")
    do_tasks()
    with database.reading() as session:
        (contact,) = session.scalars(select(Contact)).all()
    assert contact.given_name == "Aino"
    assert client.post(f"{path}/preview", {"kind": "contacts", "column_0": "nonsense"}).status_code == 422


def test_what_is_said_wrong_is_told_and_nothing_is_counted(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, CONTACTS)
    do_tasks()
    for wrong in (
        {"kind": "nonsense"},
        {"kind": "consents", "notice": "signup"},
        {"kind": "consents", "at": "yesterday"},
        {"kind": "consents", "method": "telepathy"},
    ):
        answer = client.post(f"{path}/preview", wrong)
        assert answer.status_code == 422, wrong
        assert "Not counted yet" in answer.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 1
    client.post(f"{path}/preview", {"kind": "organisations"})
    do_tasks()
    assert "It cannot be counted" in client.get(path).text


# --- awkward files ----------------------------------------------------------------------------------------------------


def test_no_file_and_an_empty_one_are_refused_at_once(desk: Desk, register: Register, settings: Settings) -> None:
    client = desk("data_steward")
    assert client.post("/desk/imports/", {}).status_code == 422
    assert client.post("/desk/imports/", {"file": (io.BytesIO(b""), "empty.csv")}).status_code == 422
    folder = settings.data_folder / "files"
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../../../etc/passwd", b"email\naino@posti.example\n"),
        ("<img src=x onerror=alert(1)>.csv", b"email\naino@posti.example\n"),
        ("nul\x00byte.csv", b"email;<script>alert(1)</script>\naino@posti.example;<script>alert(2)</script>\n"),
        ("binary.csv", bytes(range(256)) * 40),
        ("packed.xlsx", b"PK\x03\x04" + b"\0" * 200),
        ("one-long-line.csv", b"a" * 300_000),
        ("no-columns.csv", b";;;\n;;;\n"),
        ("equal.csv", b"email;email\na@x.example;b@x.example\n"),
        ("half.jsonl", b'{"type": "contact", "ref": '),
        ("blank.csv", b"\xef\xbb\xbf \n\n"),
        ("formula.csv", b"email;Etunimi\naino@posti.example;=cmd|' /C calc'!A0\n"),
    ],
)
def test_awkward_files_are_looked_at_without_harm(
    name: str, content: bytes, desk: Desk, register: Register, settings: Settings, do_tasks: Callable[[], None],
    database: Database,
) -> None:  # fmt: skip
    client = desk("data_steward")
    path = bring(client, content, name)
    do_tasks()
    answer = client.get(path)
    assert answer.status_code == 200
    for script in ("<script>alert", "<img src=x"):
        assert script not in answer.text
        assert script not in client.get("/desk/imports/").text
    store = store_of(settings)
    assert store.path(upload_id(path)).read_bytes() == content
    assert (
        store.path(upload_id(path)).stat().st_mode & 0o077 == 0
        or store.folder(upload_id(path)).stat().st_mode & 0o077 == 0
    )
    with database.reading() as session:
        (row,) = session.execute(select(Task.state, Task.result)).all()
    assert row.state in ("done", "failed")
    assert "posti.example" not in json.dumps(row.result)
    assert row.result.get("problem") != "unexpected"


def test_the_tasks_row_holds_nobodys_data(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, REFUSED)
    do_tasks()
    client.post(f"{path}/preview", {"kind": "contacts"})
    do_tasks()
    client.post(f"{path}/apply")
    do_tasks()
    with database.reading() as session:
        told = session.scalars(text("SELECT subject::text || result::text FROM task")).all()
        audited = session.scalars(text("SELECT detail::text FROM audit_event")).all()
    assert len(told) == 3
    for one in (*told, *audited):
        assert "posti.example" not in one
        assert "Aino" not in one


def test_a_file_larger_than_allowed_is_refused(
    desk: Desk, register: Register, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr("consentmgr.importing.uploads.LARGEST", 1_000)
    client = desk("data_steward")
    answer = client.post("/desk/imports/", {"file": (io.BytesIO(b"x" * 1_001), "large.csv")})
    assert answer.status_code == 422
    assert list((settings.data_folder / "files").iterdir()) == []


def test_a_file_that_is_said_to_be_too_large_is_refused_where_it_was_chosen(desk: Desk, register: Register) -> None:
    answer = desk("data_steward").post(
        "/desk/imports/", {"file": (io.BytesIO(b"x"), "large.csv")}, content_type="multipart/form-data",
        environ_overrides={"CONTENT_LENGTH": str(300_000_000)},
    )  # fmt: skip
    assert answer.status_code == 413
    assert "The file is larger than 200 MB." in answer.text
    assert 'name="file"' in answer.text


# --- removing ---------------------------------------------------------------------------------------------------------


def test_a_removed_file_is_gone_with_all_that_was_made_of_it(
    desk: Desk, register: Register, settings: Settings, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, REFUSED)
    do_tasks()
    client.post(f"{path}/preview", {"kind": "contacts"})
    client.post(f"{path}/forget")
    do_tasks()
    assert not store_of(settings).folder(upload_id(path)).exists()
    page = client.get(path).text
    assert "The file was removed" in page
    assert "Aino" not in page
    assert client.post(f"{path}/apply").status_code == 422


def test_files_are_removed_by_the_clock_after_a_month(
    desk: Desk, register: Register, settings: Settings, database: Database, keys: Keys
) -> None:
    client = desk("data_steward")
    path = bring(client, CONTACTS)
    assert forget_old_uploads(database, settings, keys, clock.now()) == ""
    assert forget_old_uploads(database, settings, keys, clock.now() + KEEP) == "1 removed"
    assert not store_of(settings).folder(upload_id(path)).exists()


def test_work_that_was_begun_by_mistake_is_cancelled(
    desk: Desk, register: Register, database: Database, do_tasks: Callable[[], None]
) -> None:
    client = desk("data_steward")
    path = bring(client, CONTACTS)
    client.post(f"{path}/cancel")
    do_tasks()
    with database.reading() as session:
        assert session.scalars(select(Task.state)).all() == ["cancelled"]


# --- whose ------------------------------------------------------------------------------------------------------------


def test_who_may_not_import_comes_nowhere(desk: Desk, register: Register) -> None:
    client = desk("marketer", "administrator", "dpo")
    assert client.get("/desk/imports/").status_code == 403
    assert client.post("/desk/imports/", {"file": (io.BytesIO(b"x"), "x.csv")}).status_code == 403


def test_files_of_others_are_not_there(
    desk: Desk, register: Register, do_tasks: Callable[[], None], database: Database
) -> None:
    register.take_well(OTHER)
    whole, acme, other = desk("data_steward"), *(desk("data_steward", controllers={key}) for key in ("acme", "other"))
    mine, foreign, everybodys = (
        bring(acme, CONTACTS, "mine.csv"),
        bring(other, CONTACTS, "foreign.csv"),
        bring(whole, REFUSED, "whole.csv"),
    )
    do_tasks()
    for path in (foreign, everybodys):
        for page in ("", "/work", "/rejects/1"):
            assert acme.get(path + page).status_code == 404
        for act in ("/preview", "/apply", "/cancel", "/forget"):
            assert acme.post(path + act, {"kind": "consents", "controller": "acme"}).status_code == 404
        answer = acme.post("/desk/imports/", {"file": (io.BytesIO(b"x"), "x.csv"), "mends": str(upload_id(path))})
        assert answer.status_code == 404
    overview = acme.get("/desk/imports/").text
    assert "mine.csv" in overview
    assert "foreign.csv" not in overview
    assert "whole.csv" not in overview
    page = acme.get(mine).text
    assert "Toinen" not in page
    assert 'value="contacts"' not in page
    assert whole.get(foreign).status_code == 200
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ImportUpload)) == 3


def test_who_answers_for_one_controller_brings_acts_and_bans_of_that_one_alone(
    desk: Desk, register: Register, do_tasks: Callable[[], None], database: Database
) -> None:
    register.take_well(OTHER, {"type": "contact", "ref": "known", "given_name": "Oikea", "controllers": ["other"],
                               "points": [{"channel": "email", "value": "known@x.example"}]})  # fmt: skip
    client = desk("data_steward", controllers={"acme"})
    table = (
        "email;Etunimi;suostumus;rekisterinpitäjä\nknown@x.example;Väärä;kyllä;acme\n"
        "uusi@x.example;Uusi;kyllä;\nvieras@x.example;Vieras;kyllä;other\n"
    )
    path = bring(client, table)
    do_tasks()
    for kind in ("contacts", "organisations", "documents"):
        assert client.post(f"{path}/preview", {"kind": kind}).status_code == 422
    assert client.post(f"{path}/preview", {"kind": "consents", "controller": "other"}).status_code == 422
    assert client.post(f"{path}/preview", {"kind": "consents"}).status_code == 422
    asked = {"kind": "consents", "controller": "acme", "column_3": "controller"}
    assert client.post(f"{path}/preview", asked).status_code == 303
    do_tasks()
    client.post(f"{path}/apply")
    do_tasks()
    with database.reading() as session:
        named = session.scalars(text("SELECT DISTINCT controller FROM ledger_entry")).all()
        names = session.scalars(select(Contact.given_name).where(Contact.ref == "known")).all()
    assert named == ["acme"]
    assert names == ["Oikea"]
    assert "1 lines refused" in client.get(path).text


def test_questions_do_not_grow_with_files(desk: Desk, register: Register, database: Database) -> None:
    asked: list[str] = []
    client = desk("data_steward")

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def statements() -> int:
        asked.clear()
        event.listen(database.engine, "before_cursor_execute", note)
        try:
            assert client.get("/desk/imports/").status_code == 200
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        return len(asked)

    bring(client, CONTACTS)
    few = statements()
    for number in range(8):
        bring(client, CONTACTS, f"{number}.csv")
    assert statements() == few
