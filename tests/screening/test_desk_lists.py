"""Awkward lists at the desk: none is taken for what it is not, and each is told in words what is wrong."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import UUID

import polars
import pytest
import xlsxwriter

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing import uploads
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.screening.desk import previews
from consentmgr.screening.desk.lists import files_of
from consentmgr.screening.desk.previews import looked_at
from consentmgr.screening.desk.work import forget_lists
from tests.screening.desk_samples import bring, confirm, fill, id_of, made, screened, seen, start_stored, work
from tests.staff.signing_in import Desk, DeskClient


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys)


def refused(client: DeskClient, content: bytes, name: str = "list.csv") -> str:
    answer = client.post(
        "/desk/screenings/new", {"list": (io.BytesIO(content), name)}, content_type="multipart/form-data"
    )
    assert answer.status_code == 422, answer.status
    return str(answer.text)


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return sink.getvalue()


def test_letters_and_separators_of_windows_come_back_as_they_were(
    desk: Desk, database: Database, settings: Settings
) -> None:
    client = desk("marketer")
    list_id = id_of(bring(client))
    assert "Ekman Öy" in client.get(f"/desk/screenings/{list_id}/columns").text
    found = screened(client, database, settings)
    result = made(settings, found, "marraskuu.screened.csv").decode("utf-8-sig")
    assert result.splitlines()[0].startswith("nimi;sähköposti;cm_verdict;")
    assert "Ekman Öy;info@ekman.example;" in result


def test_a_cell_that_looks_like_a_formula_is_text_everywhere(
    desk: Desk, database: Database, settings: Settings
) -> None:
    client = desk("marketer")
    formula = '=HYPERLINK("http://evil.example","x")'
    content = f'email,note\naino@posti.example,"{formula.replace(chr(34), chr(34) * 2)}"\n'.encode()
    list_id = id_of(bring(client, content, "formula.csv"))
    assert "=HYPERLINK(&#34;http://evil.example&#34;" in client.get(f"/desk/screenings/{list_id}/columns").text
    found = screened(client, database, settings, content, "formula.csv")
    book = polars.read_excel(io.BytesIO(made(settings, found, "formula.screened.xlsx")), sheet_id=0)
    texts = [str(cell) for sheet in book.values() for row in sheet.rows() for cell in row]
    assert any(formula in text for text in texts), "as text, not as what it would compute"


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"", "empty.csv", "The file is empty"),
        (b"\n\n\n", "blank.csv", "The file is empty"),
        (b"%PDF-1.7 something", "list.csv", "This is not a list"),
        (b"\x89PNG\r\n\x1a\n", "list.xlsx", "This is not a list"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old.xls", "old Excel file"),
    ],
)
def test_what_is_no_list_is_told_and_not_kept(
    desk: Desk, settings: Settings, content: bytes, name: str, told: str
) -> None:
    assert told in refused(desk("marketer"), content, name)
    folder = settings.data_folder / "files"
    assert not folder.exists() or not list(folder.iterdir())


def test_the_ending_of_a_name_decides_nothing(desk: Desk, database: Database, settings: Settings) -> None:
    content = workbook(("Lista", [["Sähköposti"], ["aino@posti.example"]]))
    found = screened(desk("marketer"), database, settings, content, "wrong.csv")
    assert found.rows == 1
    assert (found.summary or {})["verdicts"]["allow"] == 1


def test_a_second_line_of_headers_is_a_row_that_nobody_is(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    content = b"email,name\nE-mail address,Name of the person\naino@posti.example,Aino\n"
    list_id = id_of(bring(client, content))
    assert "Name of the person" in client.get(f"/desk/screenings/{list_id}/columns").text, "the sample shows it"
    found = screened(client, database, settings, content)
    assert (found.rows, (found.summary or {})["verdicts"]) == (2, {"allow": 1, "review": 0, "block": 1})
    assert "ADDRESS_INVALID" in client.get(f"/desk/screenings/{found.id}").text


def test_a_workbook_of_two_sheets_is_asked_which(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    content = workbook(
        ("Ohje", [["Luettelo"], ["Katso toinen välilehti"]]),
        ("Lista", [["Sähköposti", "Nimi"], ["aino@posti.example", "Aino"], ["birger@posti.example", "Birger"]]),
    )
    list_id = id_of(bring(client, content, "lista.xlsx"))
    place = f"/desk/screenings/{list_id}/columns"
    page = client.get(place).text
    assert "Sheet of the workbook" in page
    assert client.post(place, {}).status_code == 422, "the first sheet says nobody"
    assert client.post(place, {"do": "sheet", "sheet": "No such"}).status_code == 400
    assert client.post(place, {"do": "sheet", "sheet": "Lista"}).status_code == 303
    assert "aino@posti.example" in client.get(place).text
    confirm(client, list_id)
    start_stored(client, list_id)
    work(database, settings)
    found = seen(database, list_id)
    assert (found.rows, found.sheet) == (2, "Lista")


def test_columns_can_be_corrected(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    content = b"email,real address\nnobody@posti.example,aino@posti.example\n"
    list_id = id_of(bring(client, content))
    place = f"/desk/screenings/{list_id}/columns"
    both = client.post(place, {"column-0": "email", "column-1": "email"})
    assert both.status_code == 422
    assert "Two columns cannot mean the same" in both.text
    assert "No column says who each row is" in client.post(place, {"column-0": "city"}).text
    confirm(client, list_id, **{"column-0": "", "column-1": "email"})
    start_stored(client, list_id)
    work(database, settings)
    assert (seen(database, list_id).summary or {})["verdicts"]["allow"] == 1


def test_columns_of_one_meaning_are_asked_about(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    content = b"email,e-mail\nnobody@posti.example,aino@posti.example\n"
    list_id = id_of(bring(client, content))
    assert "Several columns seem to mean the same" in client.get(f"/desk/screenings/{list_id}/columns").text
    confirm(client, list_id, **{"column-1": "email"})
    start_stored(client, list_id)
    work(database, settings)
    assert (seen(database, list_id).summary or {})["verdicts"]["allow"] == 1


def test_the_result_of_an_earlier_screening_is_refused(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings)
    list_id = id_of(bring(client, made(settings, found, "marraskuu.screened.csv"), "again.csv"))
    confirm(client, list_id)
    start_stored(client, list_id)
    work(database, settings)
    assert "the result of an earlier screening" in client.get(f"/desk/screenings/{list_id}").text


def test_a_long_list_is_looked_at_by_its_beginning(tmp_path) -> None:
    rows = b"".join(b'a%d@posti.example,"two\nlines"\n' % number for number in range(60_000))
    path = tmp_path / "long"
    path.write_bytes(b"email,note\n" + rows)
    assert path.stat().st_size > previews.HEAD_BYTES
    preview = looked_at(path, name="long.csv")
    assert (preview.rows, preview.columns, dict(preview.recognised)) == (None, ("email", "note"), {"email": 0})
    assert preview.sample[0] == ("a0@posti.example", "two lines")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_a_long_list_of_any_encoding_is_looked_at(tmp_path, encoding: str) -> None:
    path = tmp_path / "long"
    path.write_bytes(("sähköposti;nimi\n" + "a@posti.example;Öystilä\n" * 60_000).encode(encoding))
    preview = looked_at(path, name="long.csv")
    assert preview.columns == ("sähköposti", "nimi")
    assert preview.sample[0] == ("a@posti.example", "Öystilä")


def test_a_large_workbook_is_looked_at_in_the_background(
    desk: Desk, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "HEAD_BYTES", 100)
    client = desk("marketer")
    content = workbook(("Lista", [["Sähköposti"], ["aino@posti.example"]]))
    address = bring(client, content, "suuri.xlsx")
    list_id = id_of(address)
    assert "It waits for its turn" in client.get(address).text
    work(database, settings)
    assert client.get(address).location.endswith("/columns")
    confirm(client, list_id)
    start_stored(client, list_id)
    work(database, settings)
    assert seen(database, list_id).rows == 1


def test_lists_are_forgotten_in_time_and_the_certificate_stays(
    desk: Desk, database: Database, settings: Settings, keys: Keys
) -> None:
    from consentmgr.screening.models import Screening

    client = desk("marketer")
    kept, draft = screened(client, database, settings), id_of(bring(client))
    later = clock.now() + timedelta(days=3)
    assert forget_lists(database, settings, keys, later) == "1 lists forgotten"
    assert seen(database, draft).forgotten_at is not None
    assert seen(database, kept.id).forgotten_at is None
    forget_lists(database, settings, keys, clock.now() + timedelta(days=31))
    assert not list((settings.data_folder / "files").iterdir())
    page = client.get(f"/desk/screenings/{kept.id}").text
    assert "were removed" in page
    assert str(kept.screening) in page
    assert client.get(f"/desk/screenings/{kept.id}/rows").status_code == 404
    with database.reading() as session:
        assert kept.screening is not None
        assert session.get(Screening, kept.screening) is not None


def test_a_file_that_no_row_speaks_of_is_removed_after_a_day(
    desk: Desk, database: Database, settings: Settings, keys: Keys
) -> None:
    kept = seen(database, id_of(bring(desk("marketer"))))
    store = files_of(settings)
    # A server that died before its transaction was committed leaves a file and no row.
    stray = store.put(io.BytesIO(b"email\naino@posti.example\n"), limit=1_000)
    with database.transaction() as session:
        upload = uploads.keep(
            session, store.put(io.BytesIO(b"email\n"), limit=1_000), controllers=None, mends=None, actor="test",
            now=clock.now(),
        ).id  # fmt: skip
    attachments = settings.data_folder / "files" / "attachments"
    attachments.mkdir()
    assert forget_lists(database, settings, keys, clock.now() + timedelta(hours=23)) == ""
    assert store.has(stray.id)
    assert forget_lists(database, settings, keys, clock.now() + timedelta(hours=25)) == "1 stray files removed"
    assert not store.folder(stray.id).exists()
    assert store.has(kept.file_id)
    assert store.has(upload)
    assert attachments.exists()


def test_a_list_is_removed_when_somebody_asks(desk: Desk, database: Database, settings: Settings) -> None:
    client = desk("marketer")
    found = screened(client, database, settings)
    again = client.post(f"/desk/screenings/{found.id}/again")
    second = UUID(again.location.rpartition("/")[2])
    work(database, settings)
    assert client.post(f"/desk/screenings/{found.id}/forget").status_code == 303
    assert client.get(f"/desk/screenings/{second}/rows").status_code == 200, "the other screening of the file is kept"
    assert client.get(f"/desk/screenings/{second}/changes").status_code == 404, "there is nothing to compare with"
    assert client.post(f"/desk/screenings/{second}/forget").status_code == 303
    assert not list((settings.data_folder / "files").iterdir())
