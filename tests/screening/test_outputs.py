"""The result and the allowed rows: every input row once, in order, and not a byte of it changed."""

from __future__ import annotations

import contextlib
import hashlib
import html
import json
import re
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consentmgr.kit.errors import BadInput
from consentmgr.screening.lists import CampaignList, read_list
from consentmgr.screening.outputs import (
    RESULT_COLUMNS,
    allowed_rows,
    format_of,
    refuse_screened_before,
    without_screening_columns,
    write_allowed,
    write_results,
)
from consentmgr.screening.pending_files import PendingFiles
from tests.screening.output_samples import (
    ALLOW,
    BLOCK,
    OUTCOMES,
    made_answers,
    made_list,
    outcome,
    parsed,
    without_our_columns,
)

OURS = ",".join(RESULT_COLUMNS)


def result(lst: CampaignList, chosen: list[int], **more: object) -> bytes:
    stream = BytesIO()
    write_results(lst, made_answers(chosen, **more), stream, "csv")  # type: ignore[arg-type]
    return stream.getvalue()


def allowed(lst: CampaignList, chosen: list[int], *, drop_duplicates: bool = False, **more: object) -> bytes:
    stream = BytesIO()
    answers = made_answers(chosen, **more)  # type: ignore[arg-type]
    write_allowed(lst, answers, stream, drop_duplicates=drop_duplicates)
    return stream.getvalue()


# --- CSV ------------------------------------------------------------------------------------------------------------


def test_a_result_is_the_input_with_our_columns_after_it() -> None:
    lst = made_list("email,name\naino@a.example,Aino\nbirger@a.example,Birger\n")
    rows = parsed(result(lst, [0, 2], evidence=["E16", "E32;P7"], duplicate_of=[None, 1]))
    assert rows == [
        ["email", "name", *RESULT_COLUMNS],
        ["aino@a.example", "Aino", "allow", "CONSENT_OK", "CONSENT_OK", "CONSENT_OK", "E16", ALLOW.explanation, "consent", ""],
        ["birger@a.example", "Birger", "block", "DM_OBJECTION_ALL", "DM_OBJECTION_ALL;CONSENT_MISSING", "", "E32;P7",
         BLOCK.explanation, "", "1"],
    ]  # fmt: skip


def test_columns_stand_in_the_order_of_the_contract() -> None:
    assert RESULT_COLUMNS[:6] == (
        "cm_verdict", "cm_reason", "cm_reasons", "cm_ground", "cm_evidence", "cm_explanation",
    )  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    [
        "=a@x.example",
        "+358401234567",
        "-1",
        "@x",
        "'quoted",
        '"a, b"',
        '"say ""hi"""',
        '"two\nlines"',
        '"two\r\nlines"',
        "  spaces ",
        "\N{ZERO WIDTH SPACE}x",
        "=HYPERLINK(1)",
    ],
)
def test_cells_are_byte_exact(cell: str) -> None:
    text = f"email,note\naino@a.example,{cell}\n"
    lst = made_list(text)
    written = result(lst, [0]).decode()
    assert written.startswith(f"email,note,{OURS}\naino@a.example,{cell},allow,CONSENT_OK,")
    assert allowed(lst, [0]).decode() == text


def test_a_list_out_of_excel_keeps_semicolons_and_line_ends_and_becomes_utf8_with_a_mark() -> None:
    text = "Sähköposti;Nimi\r\näiti@a.example;Åsa\r\n"
    lst = made_list(text.encode("cp1252"))
    written = result(lst, [0])
    assert written.startswith(b"\xef\xbb\xbfS\xc3\xa4hk\xc3\xb6posti;Nimi;cm_verdict;")
    assert written.endswith(b"\r\n")
    assert written.count(b"\n") == written.count(b"\r\n") == 2
    assert parsed(written, ";")[1][:3] == ["äiti@a.example", "Åsa", "allow"]
    assert allowed(lst, [0]) == b"\xef\xbb\xbf" + text.encode()


@pytest.mark.parametrize(
    ("data", "marked"),
    [
        (b"email,n\na@a.example,1\n", False),
        (b"\xef\xbb\xbfemail,n\na@a.example,1\n", True),
        ("email,n\na@a.example,1\n".encode("utf-16"), True),
    ],
)
def test_a_byte_order_mark_stands_where_the_input_had_one_or_was_not_utf8(data: bytes, marked: bool) -> None:
    lst = made_list(data)
    for written in (result(lst, [0]), allowed(lst, [0])):
        assert written.startswith(b"\xef\xbb\xbf") == marked
        assert written.count(b"\xef\xbb\xbf") == marked


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_our_fields_are_quoted_for_the_lists_own_delimiter(mark: str) -> None:
    told = outcome("block", "DM_OBJECTION_ALL", "CONSENT_MISSING", told='Says "no", or; not\t| ever.')
    lst = made_list(f"email{mark}name\naino@a.example{mark}Aino\n")
    rows = parsed(result(lst, [0], outcomes=(told,), evidence=["E1;P2"]), mark)
    assert rows[1][2:] == [
        "block", "DM_OBJECTION_ALL", "DM_OBJECTION_ALL;CONSENT_MISSING", "", "E1;P2", told.explanation, "", "",
    ]  # fmt: skip


def test_a_short_record_is_filled_up_so_that_our_columns_align() -> None:
    lst = made_list('email,name,city\na@a.example\n"b@a.example",B\n"c@a.example","C, c",Vasa\n')
    rows = parsed(result(lst, [0, 1, 2]))
    assert {len(row) for row in rows} == {3 + len(RESULT_COLUMNS)}
    assert [row[3] for row in rows[1:]] == ["allow", "review", "block"]


def test_a_bare_list_of_addresses_gets_a_header_in_the_result_and_none_in_the_allowed_rows() -> None:
    lst = made_list("a@a.example\nb@a.example\n")
    rows = parsed(result(lst, [0, 2]))
    assert rows[0] == ["email", *RESULT_COLUMNS]
    assert rows[1][:2] == ["a@a.example", "allow"]
    assert allowed(lst, [0, 2]) == b"a@a.example\n"


_CELL = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\0\ufeff", exclude_categories=["Cs"]), max_size=12
)
_DELIMITER = st.sampled_from([",", ";", "\t", "|"])


def _as_field(cell: str, mark: str, quoted: bool) -> str:
    if quoted or any(special in cell for special in (mark, '"', "\r", "\n")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


@given(
    st.lists(st.tuples(_CELL, st.booleans(), st.integers(0, 2)), min_size=1, max_size=12),
    _DELIMITER,
    st.sampled_from(["\n", "\r\n"]),
)
@example([("=a@x.example", False, 0), ('"', False, 2), ("\n", True, 1)], ";", "\r\n")
def test_without_our_columns_the_result_is_the_input(
    cells: list[tuple[str, bool, int]], mark: str, newline: str
) -> None:
    records = [f"row{n}@a.example{mark}{_as_field(cell, mark, quoted)}" for n, (cell, quoted, _) in enumerate(cells)]
    header = f"email{mark}note"
    lst = made_list("".join(line + newline for line in (header, *records)))
    chosen = [verdict for _, _, verdict in cells]
    written = result(lst, chosen, evidence=[f"E{n};P{n}" if n % 2 else None for n in range(len(cells))]).decode()

    stripped, rest = [], written
    for line in (header, *records):
        # A record begins with its own text, so the next one begins after our fields, which hold no line end.
        assert rest.startswith(line + mark)
        end = rest.index(newline, len(line))
        stripped.append(without_our_columns(rest[:end], mark))
        rest = rest[end + len(newline) :]
    assert rest == ""
    assert stripped == [header, *records]

    rows = parsed(written.encode(), mark)
    verdicts = [row[2] for row in rows[1:]]
    assert verdicts == [OUTCOMES[index].verdict for index in chosen]
    assert len(records) == sum(verdicts.count(verdict) for verdict in ("allow", "review", "block"))
    sent = [record for record, verdict in zip(records, chosen, strict=True) if verdict == 0]
    assert allowed(lst, chosen).decode() == "".join(line + newline for line in (header, *sent))


def test_pieces_join_without_a_seam(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lst = made_list("email,n\n" + "".join(f"a{n}@a.example,{n}\n" for n in range(1000)))
    chosen = [n % 3 for n in range(1000)]
    duplicate_of = [None if n % 7 else n + 1 for n in range(1000)]
    whole = [result(lst, chosen, duplicate_of=duplicate_of), allowed(lst, chosen)]
    monkeypatch.setattr("consentmgr.screening.list_text._PIECE_ROWS", 17)
    assert [result(lst, chosen, duplicate_of=duplicate_of), allowed(lst, chosen)] == whole

    target = tmp_path / "result.csv"
    written = write_results(lst, made_answers(chosen, duplicate_of=duplicate_of), target, "csv")
    assert target.read_bytes() == whole[0]
    assert (written.rows, written.bytes) == (1000, len(whole[0]))
    assert written.sha256 == hashlib.sha256(whole[0]).hexdigest()


def test_a_list_without_rows_has_a_result_without_rows() -> None:
    lst = made_list("email,name\n")
    assert result(lst, []).decode() == f"email,name,{OURS}\n"
    assert allowed(lst, []) == b"email,name\n"


def test_answers_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        result(made_list("email\na@a.example\nb@a.example\n"), [0])


# --- allowed rows ---------------------------------------------------------------------------------------------------


def test_only_allowed_rows_are_ready_for_a_sender() -> None:
    lst = made_list("email,n\na@a.example,1\nb@a.example,2\nc@a.example,3\nd@a.example,4\n")
    assert allowed(lst, [0, 1, 2, 0]) == b"email,n\na@a.example,1\nd@a.example,4\n"


def test_repeated_addresses_stay_unless_they_are_to_be_dropped() -> None:
    lst = made_list("email,n\na@a.example,1\nb@a.example,2\nA@a.example,3\na@a.example,4\n")
    chosen, first = [2, 0, 0, 0], [None, None, 1, 1]
    assert allowed(lst, chosen, duplicate_of=first) == b"email,n\nb@a.example,2\nA@a.example,3\na@a.example,4\n"
    # The first of an address may be stopped for a reason of its own row; then the first that is allowed is kept.
    dropped = allowed(lst, chosen, duplicate_of=first, drop_duplicates=True)
    assert dropped == b"email,n\nb@a.example,2\nA@a.example,3\n"


def test_allowed_rows_are_numbers_in_list_order() -> None:
    answers = made_answers([0, 1, 0, 2, 0], duplicate_of=[None, None, 1, None, None])
    assert allowed_rows(answers).tolist() == [0, 2, 4]
    assert allowed_rows(answers, drop_duplicates=True).tolist() == [0, 4]


# --- a result that is screened again --------------------------------------------------------------------------------


def test_a_list_that_was_screened_before_is_refused_and_says_how_to_go_on() -> None:
    again = made_list(result(made_list("email,n\na@a.example,1\n"), [0]))
    with pytest.raises(BadInput, match=r"cm_verdict.*--replace"):
        refuse_screened_before(again)
    with pytest.raises(BadInput, match="--replace"):
        result(again, [0])


@pytest.mark.parametrize("mark", [",", ";"])
def test_replacing_an_earlier_screening_leaves_the_other_fields_as_they_were(mark: str) -> None:
    text = f'email{mark}n\r\n"a@a.example"{mark}"x{mark} ""y"""\r\nb@a.example{mark}=2\r\n'
    again = without_screening_columns(made_list(result(made_list(text), [0, 2], evidence=["E1;P1", None])))
    assert again.columns == ("email", "n")
    assert allowed(again, [0, 0]).decode() == text
    assert result(again, [2, 0]) == result(made_list(text), [2, 0])


def test_replacing_in_json_lines() -> None:
    text = '{"email":"a@a.example","n":1}\n'
    stream = BytesIO()
    write_results(made_list(text, name="l.jsonl"), made_answers([0]), stream, "jsonl")
    again = without_screening_columns(made_list(stream.getvalue(), name="l.jsonl"))
    stream = BytesIO()
    write_results(again, made_answers([2]), stream, "jsonl")
    members = json.loads(stream.getvalue())
    assert (members["email"], members["n"], members["cm_verdict"]) == ("a@a.example", 1, "block")


# --- other formats --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"), [("a.csv", "csv"), ("b/A.XLSX", "xlsx"), ("x.parquet", "parquet"), ("x.y.jsonl", "jsonl")]
)
def test_the_ending_says_the_format(name: str, found: str) -> None:
    assert format_of(name) == found


@pytest.mark.parametrize("name", ["a", "a.txt", "a.csv.gz", "csv"])
def test_another_ending_is_refused_by_naming_those_that_are_known(name: str) -> None:
    with pytest.raises(BadInput, match=r"\.csv, \.xlsx, \.parquet, \.jsonl"):
        format_of(name)


def test_json_lines_keep_each_objects_own_text() -> None:
    text = '{"email": "a@a.example", "n": 1.50, "x": {"y": [1, "\\u00e4"]}}\n{ "email":"b@a.example" }\n'
    lst = made_list(text, name="l.jsonl")
    stream = BytesIO()
    write_results(lst, made_answers([0, 2], evidence=["E1;P2", None], duplicate_of=[None, 1]), stream, "jsonl")
    first, second = stream.getvalue().decode().splitlines()
    assert first.startswith('{"email": "a@a.example", "n": 1.50, "x": {"y": [1, "\\u00e4"]},"cm_verdict":"allow"')
    members = json.loads(second)
    assert list(members) == ["email", *RESULT_COLUMNS]
    assert members["cm_duplicate_of"] == 1
    assert members["cm_evidence"] is None
    assert members["cm_reasons"] == "DM_OBJECTION_ALL;CONSENT_MISSING"


def test_json_lines_of_a_csv_list_are_its_text() -> None:
    stream = BytesIO()
    lst = made_list('email,code,code\n=a@a.example,00100,"x ""y"""\n')
    write_results(lst, made_answers([1]), stream, "jsonl")
    members = json.loads(stream.getvalue())
    assert list(members)[:4] == ["email", "code", "code (2)", "cm_verdict"]
    assert (members["email"], members["code"], members["code (2)"]) == ("=a@a.example", "00100", 'x "y"')


def _parquet_list(tmp_path: Path, table: pa.Table) -> CampaignList:
    path = tmp_path / "list.parquet"
    pq.write_table(table, path)
    return read_list(path)


def test_parquet_keeps_every_columns_type(tmp_path: Path) -> None:
    table = pa.table(
        {
            "email": ["a@a.example", "b@a.example"],
            "bought": pa.array([date(2026, 1, 2), None]),
            "at": pa.array([datetime(2026, 1, 2, 3, 4, tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
            "sum": pa.array([1.5, 358401234567.0]),
            "tags": pa.array([["x"], None]),
        }
    )
    lst = _parquet_list(tmp_path, table)
    answers = made_answers([0, 2], duplicate_of=[None, 1])
    write_results(lst, answers, tmp_path / "r.parquet", "parquet")
    read = pq.read_table(tmp_path / "r.parquet")
    assert read.select(table.column_names).equals(table)
    assert read.column_names == [*table.column_names, *RESULT_COLUMNS]
    assert read["cm_verdict"].to_pylist() == ["allow", "block"]
    assert read["cm_duplicate_of"].to_pylist() == [None, 1]

    write_results(lst, answers, tmp_path / "r.jsonl", "jsonl")
    first = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])
    assert (first["bought"], first["at"], first["tags"]) == ("2026-01-02", "2026-01-02T03:04:00Z", ["x"])

    assert parsed(result(lst, [0, 2]))[1:] == [
        ["a@a.example", "2026-01-02", "2026-01-02T03:04:00+00:00", "1.5", '["x"]', *parsed(result(lst, [0, 2]))[1][5:]],
        ["b@a.example", "", "", "358401234567", "", *parsed(result(lst, [0, 2]))[2][5:]],
    ]


def test_values_are_quoted_when_they_become_csv(tmp_path: Path) -> None:
    awkward = ['say "hi"', "two\nlines", "a,b", "=1", None, ""]
    lst = _parquet_list(tmp_path, pa.table({"email": [f"a{n}@a.example" for n in range(6)], "note": awkward}))
    written = result(lst, [0] * 6)
    assert [row[1] for row in parsed(written)[1:]] == ['say "hi"', "two\nlines", "a,b", "=1", "", ""]
    assert b",=1,allow" in written


def test_a_lone_empty_cell_is_still_a_row(tmp_path: Path) -> None:
    lst = _parquet_list(tmp_path, pa.table({"email": ["a@a.example", None]}))
    assert allowed(lst, [0, 0]) == b'email\na@a.example\n""\n'


# --- workbook -------------------------------------------------------------------------------------------------------


def _xlsx(tmp_path: Path, lst: CampaignList, chosen: list[int], **more: object) -> zipfile.ZipFile:
    path = tmp_path / "r.xlsx"
    write_results(lst, made_answers(chosen), path, "xlsx", summary=[["Title"], ["a", "=1+1"]], **more)  # type: ignore[arg-type]
    assert {file.name for file in tmp_path.iterdir()} <= {"r.xlsx", "list.parquet"}, "a temporary file was left behind"
    return zipfile.ZipFile(path)


def _texts(book: zipfile.ZipFile, sheet: int) -> list[str]:
    """The text cells of a sheet, in order."""
    text = book.read(f"xl/worksheets/sheet{sheet}.xml").decode()
    return [html.unescape(cell) for cell in re.findall(r"<t(?: [^>]*)?>(.*?)</t>", text, re.DOTALL)]


def test_no_cell_of_a_workbook_is_a_formula_or_a_link(tmp_path: Path) -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)", "http://x.example", "internal:A1", "{=1}", "mailto:a@b.c"]
    lst = made_list(f"email,{','.join(cells)}\na@a.example,{','.join(cells)}\n")
    book = _xlsx(tmp_path, lst, [0])
    for name in book.namelist():
        text = book.read(name).decode("utf-8", "ignore")
        assert "<f>" not in text
        assert "<hyperlink" not in text
    assert _texts(book, 1) == ["Title", "a", "=1+1"]
    assert _texts(book, 2)[: len(cells) + 1] == ["email", *cells]
    assert _texts(book, 2)[-len(cells) - 6 : -6] == cells


def test_names_made_of_digits_stay_text_in_a_workbook(tmp_path: Path) -> None:
    table = pa.table(
        {"phone": [358401234567.0], "postal_code": [100], "sum": [2.5], "n": [10**16], "on": [date(2026, 1, 2)]}
    )
    book = _xlsx(tmp_path, _parquet_list(tmp_path, table), [0])
    sheet = book.read("xl/worksheets/sheet2.xml").decode()
    for text in ("358401234567", "100", str(10**16)):
        assert f"<t>{text}</t>" in sheet
    assert "<v>2.5</v>" in sheet


def test_a_workbook_cuts_what_a_cell_cannot_hold_and_shows_that_it_did(tmp_path: Path) -> None:
    long = "x" * 40_000
    book = _xlsx(tmp_path, made_list(f"email,note\na@a.example,{long}\n"), [0])
    assert "x" * 32_765 + " …" in _texts(book, 2)


@pytest.mark.slow
def test_a_workbook_can_be_read_again(tmp_path: Path) -> None:
    _xlsx(tmp_path, made_list("email,note\na@a.example,=1+1\n"), [0])
    again = read_list(tmp_path / "r.xlsx", sheet="Rows")
    assert again.table is not None
    assert again.table.column(1).to_pylist() == ["=1+1"]


def test_a_workbook_that_would_be_too_long_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("consentmgr.screening.workbook.SHEET_ROWS", 2)
    with pytest.raises(BadInput, match=r"\.csv or \.parquet"):
        _xlsx(tmp_path, made_list("email\na@a.example\nb@a.example\n"), [0, 0])


@pytest.mark.parametrize("fmt", ["xlsx", "parquet"])
def test_packed_formats_can_go_to_a_stream(fmt: str) -> None:
    stream = BytesIO()
    written = write_results(made_list("email\na@a.example\n"), made_answers([0]), stream, fmt)  # type: ignore[arg-type]
    assert written.sha256 == hashlib.sha256(stream.getvalue()).hexdigest()
    assert written.bytes == len(stream.getvalue())


# --- whole or not at all --------------------------------------------------------------------------------------------


def test_files_appear_together_and_only_when_published(tmp_path: Path) -> None:
    with PendingFiles() as pending:
        for name in ("a", "b"):
            pending.path_for(tmp_path / name).write_text(name)
        assert not (tmp_path / "a").exists()
        pending.publish()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "a", "b": "b"}


def test_nothing_is_left_of_what_failed_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with contextlib.suppress(KeyboardInterrupt), PendingFiles() as pending:
        pending.path_for(tmp_path / "a").write_text("half")
        pending.path_for(tmp_path / "b").write_text("half")
        raise KeyboardInterrupt
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_replaced_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with PendingFiles() as pending:
        pending.path_for(tmp_path / "link").write_text("new")
        pending.publish()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with PendingFiles() as pending:
        with pytest.raises(BadInput, match="no such folder"):
            pending.path_for(tmp_path / "nowhere" / "a.csv")
        with pytest.raises(BadInput, match="is a folder"):
            pending.path_for(tmp_path)


def test_a_device_is_written_straight() -> None:
    with PendingFiles() as pending:
        assert pending.path_for(Path("/dev/null")) == Path("/dev/null")


class _FullDisk(BytesIO):
    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_and_does_not_hang() -> None:
    lst = made_list("email\n" + "a@a.example\n" * 5)
    with pytest.raises(OSError, match="No space left"):
        write_results(lst, made_answers([0] * 5), _FullDisk(), "csv")
