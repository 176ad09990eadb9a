"""Text tables: records are kept to the byte, columns are read as any careful reader would, and what is unclear is
refused with the line it stands on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Limits, Table, csv_field, read_table
from consentmgr.kit.tabular.delimited import split_record, unquoted


def read(data: bytes | str, **options: object) -> Table:
    raw = data.encode() if isinstance(data, str) else data
    return read_table(io.BytesIO(raw), name="list.csv", **options)  # type: ignore[arg-type]


def rows(table: Table) -> list[list[str]]:
    columns = [column.to_pylist() for column in table.strings(range(len(table.columns)))]
    return [list(row) for row in zip(*columns, strict=True)]


# ------------------------------------------------------------------------------------------------------ encodings

TEXT = "Sähköposti;Nimi\r\nåsa@x.example;Åsa Öst €\r\n"


@pytest.mark.parametrize(
    ("data", "encoding", "bom"),
    [
        (TEXT.encode(), "utf-8", False),
        (TEXT.encode("utf-8-sig"), "utf-8", True),
        (TEXT.encode("utf-16"), "utf-16-le", True),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16-be", True),
        (TEXT.encode("utf-16-le"), "utf-16-le", False),
        (TEXT.encode("utf-16-be"), "utf-16-be", False),
        (TEXT.encode("cp1252"), "cp1252", False),
    ],
)
def test_the_encoding_is_found_and_the_text_is_the_same(data: bytes, encoding: str, bom: bool) -> None:
    table = read(data)
    assert (table.encoding, table.bom) == (encoding, bom)
    assert table.columns == ("Sähköposti", "Nimi")
    assert rows(table) == [["åsa@x.example", "Åsa Öst €"]]
    assert table.header_record == "Sähköposti;Nimi"
    assert table.records is not None
    assert table.records.to_pylist() == ["åsa@x.example;Åsa Öst €"]


@given(st.text(alphabet=st.characters(codec="cp1252", exclude_characters="\0"), min_size=1, max_size=200))
def test_any_text_survives_every_encoding(text: str) -> None:
    # A letter beyond ASCII before it keeps the text from being read as another encoding by chance.
    document = "nimi,ääkkönen\n" + ",".join(csv_field(part, ",") for part in (text, "ä" * 40)) + "\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        table = read(document.encode(encoding))
        assert rows(table) == [[text, "ä" * 40]]


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_of_no_encoding_is_named_with_its_line(byte: int) -> None:
    with pytest.raises(BadInput, match=rf"list.csv, line 3: byte 0x{byte:02X} is neither UTF-8 nor Windows-1252"):
        read("email;nimi\r\na@x.example;Åsa\r\n".encode("cp1252") + bytes((byte,)))


def test_a_damaged_utf8_file_is_not_taken_for_windows_1252() -> None:
    with pytest.raises(BadInput, match=r"line 3: byte 0xE4 is not UTF-8, although the rest of the file is"):
        read("email;nimi\nåsa@x.example;Åsa Öst\nb@x.example;".encode() + b"\xe4\n")


def test_a_utf8_file_with_a_mark_is_not_read_as_another_encoding() -> None:
    with pytest.raises(BadInput, match=r"line 2: byte 0xE4 is not UTF-8"):
        read(b"\xef\xbb\xbfemail\n\xe4@x.example\n")


def test_utf16_that_is_cut_short_is_refused() -> None:
    with pytest.raises(BadInput, match=r"line 2: the file is in UTF-16-LE but is cut short"):
        read("email\na@x.example\n".encode("utf-16")[:-1])


def test_utf32_is_refused() -> None:
    with pytest.raises(BadInput, match="UTF-32"):
        read("email\n".encode("utf-32"))


def test_a_zero_byte_is_refused_with_its_line() -> None:
    with pytest.raises(BadInput, match=r"line 2: a zero byte"):
        read(b"email,name\na@x.example,A\0B\n" + b"b@x.example,B\n" * 5)


# ---------------------------------------------------------------------------------------- delimiters and line ends


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ending_are_found(delimiter: str, newline: str) -> None:
    lines = [["email", "name", "note"], ["a@x.example", "A, B; C | D\tE", 'say "hi"'], ["b@x.example", "", "x"]]
    document = newline.join(delimiter.join(csv_field(cell, delimiter) for cell in line) for line in lines)
    table = read(document)
    assert (table.delimiter, table.newline) == (delimiter, newline)
    assert rows(table) == lines[1:]
    assert table.format == ("tsv" if delimiter == "\t" else "csv")


def test_the_delimiter_is_the_one_that_splits_all_rows_alike() -> None:
    table = read("email;nimi, etu ja suku;summa\na@x.example;Virtanen, A;1,5\nb@x.example;Laine;2\n")
    assert table.delimiter == ";"
    assert table.columns == ("email", "nimi, etu ja suku", "summa")


def test_one_column_gets_a_delimiter_that_no_cell_holds() -> None:
    table = read("email\nVirtanen, Aino\na;b\n")
    assert table.delimiter == "\t"
    assert rows(table) == [["Virtanen, Aino"], ["a;b"]]


def test_excels_own_line_names_the_delimiter() -> None:
    table = read("sep=;\r\nemail;a,b\r\nx@x.example;1,2\r\n")
    assert table.delimiter == ";"
    assert table.header_record == "email;a,b"
    assert table.line_of(0) == 3


def test_mixed_line_endings_each_end_a_record() -> None:
    table = read("a,b\r\n1,2\n3,4\r5,6")
    assert rows(table) == [["1", "2"], ["3", "4"], ["5", "6"]]
    assert [table.line_of(row) for row in range(3)] == [2, 3, 4]


def test_blank_lines_are_no_rows_and_rows_of_blank_cells_are() -> None:
    table = read("\n\na;b\n\n1;2\n\n\n;\n3;4\n\n")
    assert rows(table) == [["1", "2"], ["", ""], ["3", "4"]]
    assert [table.line_of(row) for row in range(3)] == [5, 8, 9]


def test_a_header_may_have_spaces_quotes_equal_and_empty_names() -> None:
    table = read(' email ,"e ""x""",,email\n1,2,3,4\n')
    assert table.columns == ("email", 'e "x"', "", "email")
    assert table.header_record == ' email ,"e ""x""",,email'


def test_a_header_alone_is_a_list_of_no_rows() -> None:
    for document in ("email,name", "email,name\n", "email,name\r\n\r\n"):
        table = read(document)
        assert len(table) == 0
        assert table.records is not None
        assert len(table.records) == 0
        assert rows(table) == []


@pytest.mark.parametrize("document", ["", "\n\r\n\n", "\ufeff", "sep=;\n"])
def test_a_file_of_nothing_is_refused(document: str) -> None:
    with pytest.raises(BadInput, match="empty"):
        read(document)


# ------------------------------------------------------------------------------------------------ fields and quotes


def test_short_rows_are_filled_up_and_surplus_blanks_cut_off() -> None:
    table = read('a;b;c\n1\n"2;x";y\n3;4;5;;"";\n')
    assert rows(table) == [["1", "", ""], ["2;x", "y", ""], ["3", "4", "5"]]
    assert table.records is not None
    assert table.records.to_pylist() == ["1;;", '"2;x";y;', "3;4;5"]


def test_rows_that_all_end_in_a_delimiter_line_up_with_the_header() -> None:
    table = read("a;b\n" + "1;2;\n" * 1_000)
    assert rows(table) == [["1", "2"]] * 1_000


def test_too_many_fields_are_refused_with_the_line() -> None:
    with pytest.raises(BadInput, match=r"list.csv, line 4: the row has 3 fields where the first line has 2.*semicolon"):
        read("a;b\n\n1;2\n3;4;5\n").strings([0])


def test_too_many_fields_can_be_a_fault_of_the_row() -> None:
    table = read("a;b\n1;2\n3;4;5\n6;7\n", keep_going=True)
    assert [row[0] for row in rows(table)] == ["1", "3", "6"]
    assert list(table.faults) == [1]
    assert "3 fields" in table.faults[1]


def test_quoted_fields_hold_anything() -> None:
    table = read('a,b\r\n"x\r\ny, ""z""",2\r\n"",""""\r\n3,"4"')
    assert rows(table) == [['x\r\ny, "z"', "2"], ["", '"'], ["3", "4"]]
    assert [table.line_of(row) for row in range(3)] == [2, 4, 5]
    assert table.records is not None
    assert table.records.to_pylist() == ['"x\r\ny, ""z""",2', '"",""""', '3,"4"']


def test_a_quote_inside_an_unquoted_field_is_a_plain_character() -> None:
    table = read('a,b\nputki 5",2\n"q",x"y"\n"r\ns",3\n')
    assert rows(table) == [['putki 5"', "2"], ["q", 'x"y"'], ["r\ns", "3"]]
    assert [table.line_of(row) for row in range(3)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("document", "line", "sentence"),
    [
        ('a,b\n1,2\n"3,4\n5,6\n', 3, "never closed"),
        ('a,b\n1,2\n\n3,"4\n5,6', 4, "never closed"),
        ('a,b\n"x,2\n"y",3\n', 2, "text follows the closing quote"),
        ('a,b\n1,"Oy "Firma" Ab"\n', 2, "text follows the closing quote"),
        ('a,"b\n1,2\n', 1, "never closed"),
    ],
)
def test_quotes_that_do_not_pair_are_named_where_they_open(document: str, line: int, sentence: str) -> None:
    with pytest.raises(BadInput, match=rf"list.csv, line {line}: .*{sentence}"):
        read(document)


def test_a_long_cell_is_taken_to_the_limit_and_refused_beyond_it() -> None:
    limit = Limits().cell_bytes
    table = read(f"email,note\na@x.example,{'x' * limit}\n")
    assert len(rows(table)[0][1]) == limit
    with pytest.raises(BadInput, match=r"list.csv, line 3, field note: the cell holds 1,000,000 bytes; 131,072 is"):
        read("email,note\nb@x.example,\na@x.example," + "x" * 1_000_000 + "\n")
    with pytest.raises(BadInput, match=r"line 1, field 2"):
        read("email," + "x" * 200_000 + "\na@x.example,1\n")
    kept = read("email,note\nb@x.example,1\na@x.example," + "x" * 200_000 + "\n", keep_going=True)
    assert list(kept.faults) == [1]


def test_a_file_over_its_limits_is_refused() -> None:
    for limits in (Limits(file_bytes=10), Limits(rows=1), Limits(columns=1)):
        with pytest.raises(BadInput, match="the most that is read"):
            read("a,b\n1,2\n3,4\n", limits=limits)


cells = st.text(alphabet=st.sampled_from(list("ab ;,\t|\"\r\n'=äÖ€+@")), max_size=8)


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8)),
    st.booleans(),
)
def test_what_a_writer_wrote_is_read_back_and_records_rebuild_the_file(
    delimiter: str, newline: str, content: list[list[str]], ends: bool
) -> None:
    width = len(content[0]) if content else 2
    header = [f"column{number}" for number in range(width)]
    lines = [delimiter.join(csv_field(cell, delimiter) for cell in row) for row in (header, *content)]
    document = newline.join(lines) + (newline if ends or not content else "")
    table = read(document)
    assert table.delimiter == delimiter
    assert rows(table) == content
    assert table.records is not None
    assert [table.header_record, *table.records.to_pylist()] == lines


@given(st.text(alphabet=st.sampled_from(list('ab,"\n\r;')), max_size=40))
def test_whatever_is_read_is_what_another_strict_reader_reads(text: str) -> None:
    document = "h1,h2\n" + text
    try:
        table = read(document, keep_going=True)
        table.strings([0])
    except BadInput:
        return
    if table.delimiter != ",":
        return
    expected = [fields for fields in csv.reader(io.StringIO(document, newline="")) if fields][1:]
    assert len(expected) == len(table)
    for number, fields in enumerate(expected):
        if number not in table.faults:
            assert rows(table)[number] == (fields + [""] * 2)[:2]


@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from([",", ";", "\t", "|"]))
def test_fields_of_a_record_join_to_the_record(values: list[str], delimiter: str) -> None:
    record = delimiter.join(csv_field(value, delimiter) for value in values)
    fields = split_record(record, delimiter)
    assert delimiter.join(fields) == record
    assert [unquoted(field) for field in fields] == values


@pytest.mark.parametrize("body", [',"\r;', ';\r,"', 'a,"', 'a,"\nx,y\n', 'a,"b""', 'a,"b"",c\nd,e\n'])
def test_a_quote_that_is_never_closed_is_told_whatever_follows(body: str) -> None:
    with pytest.raises(BadInput, match="never closed"):
        read("h1,h2\n" + body)


def test_an_address_is_never_guarded_against_formulas() -> None:
    assert csv_field("=a@x.example", ",") == "=a@x.example"
    assert csv_field("'o@x.example", ";") == "'o@x.example"
    table = read("email\n=a@x.example\n'b@x.example\n+c@x.example\n")
    assert rows(table) == [["=a@x.example"], ["'b@x.example"], ["+c@x.example"]]


# ------------------------------------------------------------------------------------------------- where it comes from


def test_files_are_opened_and_their_faults_told(tmp_path: Path) -> None:
    path = tmp_path / "lista.csv"
    path.write_bytes(b"email\na@x.example\n")
    table = read_table(path)
    assert (table.name, len(table.sha256)) == ("lista.csv", 64)
    with pytest.raises(BadInput, match="puuttuu.csv: the file cannot be read"):
        read_table(tmp_path / "puuttuu.csv")
    with pytest.raises(BadInput, match="this is a folder"):
        read_table(tmp_path)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"email\na@x.example\n")

    monkeypatch.setattr("sys.stdin", Input)
    table = read_table(Path("-"))
    assert (table.name, len(table)) == ("-", 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x1f\x8b\x08\x00", "packed"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"PARE" + bytes(20), "encrypted"),
        (b"PAR1" + bytes(20), "damaged"),
        (b"PK\x03\x04" + bytes(20), "cut short or damaged"),
    ],
)
def test_files_that_are_no_tables_are_named(data: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(data)


# ------------------------------------------------------------------------------------------- JSON Lines and Parquet


def test_json_lines_keep_types_and_text() -> None:
    lines = [
        '{"email":"a@x.example","n":1,"when":"2026-01-02","flag":true}',
        ' {"email": "b@x.example", "n": 2, "extra": {"x": [1]}} ',
        '{"n":3,"mixed":1}',
        '{"mixed":"x"}',
    ]
    table = read("\n".join(lines) + "\r\n\n")
    assert table.format == "jsonl"
    assert table.columns == ("email", "n", "when", "flag", "extra", "mixed")
    assert table.values is not None
    assert table.values.schema.types == [pa.string(), pa.int64(), pa.string(), pa.bool_(), pa.string(), pa.string()]
    assert rows(table)[1] == ["b@x.example", "2", None, None, '{"x":[1]}', None]
    assert table.values.column("mixed").to_pylist() == [None, None, "1", "x"]
    assert table.records is not None
    assert table.records.to_pylist() == [line.strip() for line in lines]


def test_a_line_that_is_no_object_is_named() -> None:
    with pytest.raises(BadInput, match=r"list.csv, line 3: the line is not one JSON object"):
        read('{"email":"a@x.example"}\n\n["b"]\n')
    table = read('{"email":"a@x.example"}\n["b"]\n{"email":"c@x.example"}', keep_going=True)
    assert list(table.faults) == [1]
    assert len(table) == 3


def test_parquet_keeps_types() -> None:
    import datetime

    import pyarrow.parquet as pq

    values = pa.table(
        {
            "puhelin": pa.array([358401234567, None]),
            "luku": pa.array([401234567.0, 1.5]),
            "pvm": pa.array([datetime.date(2026, 1, 2), None]),
            "aika": pa.array([datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), None]),
            "laji": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(values, sink)
    table = read(sink.getvalue())
    assert table.format == "parquet"
    assert table.values is not None
    assert table.values.schema.field("pvm").type == pa.date32()
    assert rows(table) == [
        ["358401234567", "401234567", "2026-01-02", "2026-01-02T00:00:00+00:00", "a"],
        [None, "1.5", None, None, "b"],
    ]


def test_members_of_json_lines_share_a_type_over_many_rows_or_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentmgr.kit.tabular.json_lines._PIECE", 2)
    lines = ['{"a":1}', '{"a":2}', '{"a":null,"b":"x"}', "{}", '{"a":3,"c":1}', '{"c":1.5,"d":99999999999999999999}']
    table = read("\n".join(lines))
    assert table.values is not None
    assert table.values.to_pydict() == {
        "a": [1, 2, None, None, 3, None],
        "b": [None, None, "x", None, None, None],
        "c": [None, None, None, None, "1", "1.5"],
        "d": [None, None, None, None, None, "99999999999999999999"],
    }


ragged = st.lists(st.lists(st.sampled_from(["", " ", "x", '"', "a;b", "ä\n"]), max_size=5), min_size=1, max_size=12)


@given(ragged, st.sampled_from([",", ";", "\t", "|"]))
def test_ragged_rows_are_mended_one_by_one(content: list[list[str]], delimiter: str) -> None:
    content = [row for row in content if any(row) or len(row) > 1]
    lines = [delimiter.join(csv_field(cell, delimiter) for cell in row) for row in content]
    table = read("\n".join([delimiter.join("abc"), *lines]) + "\n", keep_going=True)
    found = rows(table)
    assert table.records is not None
    assert len(found) == len(content) == len(table.records)
    for number, row in enumerate(content):
        if any(cell.strip() for cell in row[3:]):
            assert number in table.faults
            continue
        assert number not in table.faults
        assert found[number] == ([*row, "", "", ""])[:3]
        assert len(split_record(table.records[number].as_py(), delimiter)) == 3
