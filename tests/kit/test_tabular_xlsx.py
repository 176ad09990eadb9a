"""Workbooks: cells as a person reads them, and no harm from one that was made to do harm."""

from __future__ import annotations

import datetime
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Limits, Table, read_table


def read(data: bytes, **options: object) -> Table:
    return read_table(io.BytesIO(data), name="lista.xlsx", **options)  # type: ignore[arg-type]


def rows(table: Table) -> list[list[str | None]]:
    columns = [column.to_pylist() for column in table.strings(range(len(table.columns)))]
    return [list(row) for row in zip(*columns, strict=True)]


def workbook(**sheets: list[list[object]]) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    day = book.add_format({"num_format": "d.m.yyyy"})
    for name, content in sheets.items():
        sheet = book.add_worksheet(name.removesuffix("_hidden"))
        if name.endswith("_hidden"):
            sheet.hide()
        else:
            # A workbook opens on a sheet that shows; Excel ignores the hiding of the one it opens on.
            sheet.activate()
            sheet.set_first_sheet()
        for row, cells in enumerate(content):
            for column, cell in enumerate(cells):
                if isinstance(cell, datetime.date):
                    sheet.write_datetime(row, column, cell, day)
                elif isinstance(cell, str) and not cell.startswith("="):
                    sheet.write_string(row, column, cell)
                elif cell is not None:
                    sheet.write(row, column, cell)
    book.close()
    return sink.getvalue()


def test_cells_are_what_a_person_sees() -> None:
    data = workbook(
        Lista=[
            ["Sähköposti", "Puhelin", "Hankittu", "Sekä", "Osuus", "Aika", "Tosi", "Teksti", " email "],
            ["=1+1", 401234567, datetime.date(2026, 1, 2), 401234567, 0.5,
             datetime.datetime(2026, 1, 2, 10, 30), True, "0401", "'a@x.example"],  # noqa: DTZ001 - a cell has no zone
            [],
            ["b@x.example", 401234568, datetime.date(2026, 1, 3), "text", 2,
             datetime.datetime(2026, 1, 2), None, "007", "b@x.example"],  # noqa: DTZ001 - a cell has no zone
            [None, None, None, datetime.date(2026, 1, 4), None, None, None, None, None],
        ]
    )  # fmt: skip
    table = read(data)
    assert table.format == "xlsx"
    assert table.columns[-1] == "email"
    assert table.values is not None
    assert table.values.schema.types[1:3] == [pa.int64(), pa.date32()]
    assert [table.line_of(row) for row in range(len(table))] == [2, 4, 5]
    found = rows(table)
    assert found[0][1:] == ["401234567", "2026-01-02", "401234567", "0.5", "2026-01-02T10:30:00", "true", "0401",
                            "'a@x.example"]  # fmt: skip
    assert found[1][1:] == ["401234568", "2026-01-03", "text", "2", "2026-01-02T00:00:00", None, "007", "b@x.example"]
    assert found[2][3] == "2026-01-04"


def test_formulas_give_the_value_that_was_saved_and_errors_are_blank() -> None:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["email", "kaava", "virhe"])
    sheet.write_string(1, 0, "a@x.example")
    sheet.write_formula(1, 1, '=HYPERLINK("http://evil.example")', None, "näkyy")
    sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
    book.close()
    assert rows(read(sink.getvalue())) == [["a@x.example", "näkyy", None]]


def test_the_header_is_the_first_row_that_is_not_blank_and_keeps_its_names() -> None:
    data = workbook(Lista=[[], [None, "email", None, "email", "email_1"], [None, "a@x.example", "x", "b", "c"]])
    table = read(data)
    assert table.columns == ("email", "", "email", "email_1")
    assert rows(table) == [["a@x.example", "x", "b", "c"]]
    assert table.line_of(0) == 3


def test_hidden_sheets_are_passed_over_and_sheets_can_be_named() -> None:
    data = workbook(Vanha_hidden=[["email"], ["old@x.example"]], Uusi=[["email"], ["new@x.example"]], Tyhjä=[])
    assert rows(read(data)) == [["new@x.example"]]
    assert rows(read(data, sheet="Vanha")) == [["old@x.example"]]
    with pytest.raises(BadInput, match="there is no sheet named so; there are Vanha, Uusi, Tyhjä"):
        read(data, sheet="Lista")
    with pytest.raises(BadInput, match="the sheet Tyhjä is empty; name another with --sheet: Vanha, Uusi"):
        read(data, sheet="Tyhjä")
    with pytest.raises(BadInput, match="a sheet can be named only of an XLSX file"):
        read(b"email\na@x.example\n", sheet="Uusi")


def test_a_header_alone_is_a_list_of_no_rows() -> None:
    table = read(workbook(Lista=[["email", "nimi"]]))
    assert (len(table), table.columns) == (0, ("email", "nimi"))


def test_merged_cells_have_their_value_once() -> None:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["email", "yritys"])
    sheet.merge_range(1, 1, 2, 1, "Yritys Oy")
    sheet.write_string(1, 0, "a@x.example")
    sheet.write_string(2, 0, "b@x.example")
    book.close()
    assert rows(read(sink.getvalue())) == [["a@x.example", "Yritys Oy"], ["b@x.example", None]]


def test_a_list_without_header_is_a_list() -> None:
    table = read(workbook(Lista=[["a@x.example"], ["b@x.example"]]), headerless=lambda fields: "@" in fields[0])
    assert rows(table) == [["a@x.example"], ["b@x.example"]]
    assert [table.line_of(row) for row in range(2)] == [1, 2]


def test_a_long_cell_is_named() -> None:
    # Excel itself stops at 32,767 characters, so only another program can write one that is too long.
    data = workbook(Lista=[["email", "note"], ["a@x.example", "y" * 30_000]])
    with pytest.raises(BadInput, match=r"lista.xlsx, line 2, field note: the cell holds 30,000 bytes; 20,000 is"):
        read(data, limits=Limits(cell_bytes=20_000))


# ------------------------------------------------------------------------------------------------- made to do harm


def repacked(data: bytes, name: str, content: bytes, *, declared: int | None = None) -> bytes:
    """The workbook with one member's content replaced; ``declared`` writes another size into both its headers."""
    source, sink = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, content if member.filename == name else source.read(member))
    packed = bytearray(sink.getvalue())
    if declared is not None:
        real = struct.pack("<I", len(content))
        at = packed.find(real)
        while at >= 0:
            packed[at : at + 4] = struct.pack("<I", declared)
            at = packed.find(real, at + 4)
    return bytes(packed)


SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(scope="module")
def small() -> bytes:
    return workbook(Lista=[["email"], ["a@x.example"]])


def test_a_bomb_that_tells_its_size_is_refused(small: bytes) -> None:
    bomb = repacked(small, SHEET, b" " * 200_000_000)
    assert len(bomb) < 1_000_000
    with pytest.raises(BadInput, match="unpacks to more than 100 times its size"):
        read(bomb)
    with pytest.raises(BadInput, match="unpacks to more than 1,000,000 bytes"):
        read(bomb, limits=Limits(unpacked_bytes=1_000_000))


def test_a_bomb_that_hides_its_size_is_refused(small: bytes) -> None:
    bomb = repacked(small, SHEET, b" " * 50_000_001, declared=1_000)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        assert archive.getinfo(SHEET).file_size == 1_000
    with pytest.raises(BadInput, match="holds more than it declares"):
        read(bomb)


def test_a_workbook_that_needs_too_much_memory_only_stops_its_own_process(small: bytes) -> None:
    cells = b"".join(b'<row r="%d"><c r="A%d" t="str"><v>x</v></c></row>' % (n, n) for n in range(1, 200_000))
    sheet = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData>" + cells + b"</sheetData></worksheet>"
    )
    with pytest.raises(BadInput, match=r"lista.xlsx: the workbook (needs more memory|cannot be read)"):
        read(repacked(small, SHEET, sheet), limits=Limits(child_memory=120_000_000))


def test_a_sheet_that_spans_the_whole_grid_is_survived(small: bytes) -> None:
    # Two far cells make a grid of 17 thousand million; a naive reader would set aside room for all of them.
    sheet = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b'<sheetData><row r="1"><c r="A1" t="str"><v>email</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576" t="str"><v>x</v></c></row></sheetData></worksheet>'
    )
    with pytest.raises(BadInput, match="needs more memory or time|cannot be read"):
        read(repacked(small, SHEET, sheet), limits=Limits(child_memory=2_000_000_000))


def test_damaged_and_foreign_archives_are_named(small: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cut short or damaged"):
        read(small[: len(small) // 2])
    with pytest.raises(BadInput, match="cannot be read; it may be damaged"):
        read(repacked(small, SHEET, b"<worksheet><sheetData><row"))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("lista.csv", "email\n")
    with pytest.raises(BadInput, match="zip archive, not a workbook"):
        read(sink.getvalue())
    for member, sentence in (("content.xml", "OpenDocument"), ("word/document.xml", "word processor"),
                             ("xl/workbook.bin", "binary workbook")):  # fmt: skip
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr(member, "x")
        with pytest.raises(BadInput, match=sentence):
            read(sink.getvalue())


def test_a_member_with_a_broken_stream_is_damaged(small: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(small)) as archive:
        member = archive.getinfo(SHEET)
    start = member.header_offset + 30 + len(SHEET)
    broken = bytearray(small)
    broken[start : start + 8] = b"\xff" * 8
    with pytest.raises(BadInput, match="damaged"):
        read(bytes(broken))
    assert zlib.MAX_WBITS == 15


def test_the_child_sees_no_key_of_ours(small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: dict[str, str] = {}
    run = subprocess.run

    def spy(*arguments: object, **options: object) -> object:
        seen.update(options["env"])  # type: ignore[call-overload]
        return run(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("CONSENTMGR_ADDRESS_KEY", "a" * 64)
    monkeypatch.setattr(subprocess, "run", spy)
    read(small)
    assert not [name for name in seen if name.startswith("CONSENTMGR")]
