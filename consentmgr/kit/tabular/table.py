"""One table out of any file people bring: which format it is, its columns and its rows."""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.delimited import DelimitedText, csv_field
from consentmgr.kit.tabular.encodings import DecodedText, decode_text
from consentmgr.kit.tabular.limits import DEFAULT_LIMITS, Limits

Headerless = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, repr=False, eq=False)
class Table:
    """A file's rows. Either ``text`` (CSV, TSV) or ``values`` (other formats) is there.

    ``columns`` are the headers, trimmed, in order; they may be empty or equal. ``records`` is the raw text of each
    row where the file is text (CSV, TSV, JSON Lines). ``faults`` names rows that could not be read (row from 0 ->
    sentence), only with ``keep_going``; their values are not to be trusted.
    """

    name: str
    format: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    faults: dict[int, str]
    encoding: str = "utf-8"
    bom: bool = False
    text: DelimitedText | None = None
    values: pa.Table | None = None
    raw: pa.LargeStringArray | None = None
    header: bool = True
    #: The line (or sheet row) of each row, where it is not simply the row's number.
    lines: Sequence[int] | None = None
    #: Of a workbook: the sheet that was read, and what all of them are called.
    sheet: str | None = None
    sheets: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.rows

    @property
    def delimiter(self) -> str:
        return self.text.delimiter if self.text is not None else ","

    @property
    def newline(self) -> str:
        return self.text.newline if self.text is not None else "\n"

    @property
    def header_record(self) -> str | None:
        return self.text.first_record if self.text is not None and self.header else None

    @property
    def records(self) -> pa.LargeStringArray | None:
        return self.text.records if self.text is not None else self.raw

    def line_of(self, row: int) -> int:
        """The line, or row of the sheet, from 1, at which row ``row`` (from 0) begins."""
        if self.text is not None:
            return self.text.line_of(row)
        return self.lines[row] if self.lines is not None else row + 1

    def row_at(self, line: int) -> int:
        """The row (from 0) that begins at ``line``, which one must."""
        return bisect_left(range(len(self)), line, key=self.line_of)

    def strings(self, indices: Sequence[int]) -> list[pa.ChunkedArray]:
        """These columns (from 0) as strings; a number without ``.0``, a date as ISO text. Blank is not yet null."""
        if self.text is not None:
            return self.text.text_columns(indices)
        from consentmgr.kit.tabular.cells import as_strings

        assert self.values is not None
        return [as_strings(self.values.column(index)) for index in indices]

    def trimmed(self, indices: Sequence[int]) -> list[pa.ChunkedArray]:
        """These columns as strings without surrounding white space, null where nothing is left."""
        from consentmgr.kit.tabular.cells import trimmed

        columns = self.strings(indices)
        # One column at a time, so that a long table is not held twice.
        for number in range(len(columns)):
            columns[number] = trimmed(columns[number])
        return columns

    def record(self, row: int) -> str:
        """The text of row ``row`` (from 0): as it stands in a text file, as comma-separated text otherwise."""
        if (records := self.records) is not None:
            text: str = records[row].as_py()
            return text
        assert self.values is not None
        cells = self.values.slice(row, 1)
        from consentmgr.kit.tabular.cells import as_strings

        return _csv_line(as_strings(column)[0].as_py() or "" for column in cells.columns)

    @property
    def header_text(self) -> str | None:
        """The header to put above ``record`` texts; None where rows need none (JSON Lines, bare addresses)."""
        if self.format == "jsonl" or not self.header:
            return None
        return self.header_record if self.text is not None else _csv_line(self.columns)


def _csv_line(fields: Iterable[str]) -> str:
    return ",".join(csv_field(field, ",") for field in fields)


def read_table(
    source: Path | BinaryIO,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    headerless: Headerless | None = None,
    sheet: str | None = None,
    keep_going: bool = False,
) -> Table:
    """Read a whole table; the format is told by its content, never by its name.

    ``source`` is a path (``-`` for standard input) or an open binary file. ``headerless`` is asked with the values
    of a text file's first record whether that is a row already. ``sheet`` names a sheet of a workbook.
    Raises ``BadInput`` with file and line for whatever cannot be read whole and certainly.
    """
    data, name = read_bytes(source, name, limits)
    with ThreadPoolExecutor(1) as hashing:
        # Hashing needs no Python, so it runs beside the parsing for nothing.
        digest = hashing.submit(lambda: hashlib.sha256(data).hexdigest())
        table = _parse(data, name, limits, headerless, sheet, keep_going=keep_going)
        object.__setattr__(table, "sha256", digest.result())
    return table


def read_bytes(source: Path | BinaryIO, name: str | None, limits: Limits) -> tuple[bytes, str]:
    """The whole input and what to call it. Raises ``BadInput`` where it cannot be opened or is too large."""
    most = limits.file_bytes
    if isinstance(source, Path):
        name = name or ("-" if str(source) == "-" else source.name)
        try:
            if str(source) == "-":
                data = sys.stdin.buffer.read(most + 1)
            elif source.is_dir():
                raise BadInput("this is a folder; give a file", file=name)
            else:
                with source.open("rb") as stream:
                    # A plain read makes room for the file's size at once; a pipe has none and is read to the limit.
                    known = source.stat().st_size
                    data = stream.read(known + 1 if 0 < known <= most else most + 1)
                    if 0 < known < len(data):
                        data += stream.read(most + 1 - len(data))
        except OSError as error:
            raise BadInput(f"the file cannot be read ({error.strerror or 'unknown reason'})", file=name) from None
    else:
        name = name or "-"
        data = source.read(most + 1)
    if len(data) > most:
        raise BadInput(f"the file is larger than {most:,} bytes, the most that is read: split it", file=name)
    if not data:
        raise BadInput("the file is empty: a list needs at least a header line", file=name)
    return data, name


def _parse(
    data: bytes, name: str, limits: Limits, headerless: Headerless | None, sheet: str | None, *, keep_going: bool
) -> Table:
    kind = _format_of(data, name)
    if sheet is not None and kind != "xlsx":
        raise BadInput("a sheet can be named only of an XLSX file", file=name)
    if kind == "xlsx":
        return _workbook(data, name, limits, headerless, sheet)
    if kind == "parquet":
        from consentmgr.kit.tabular.parquet import read_parquet

        values = read_parquet(data, name, limits)
        return Table(name, kind, "", tuple(values.column_names), values.num_rows, {}, values=values)
    decoded = decode_text(data, name)
    if kind == "jsonl":
        return _json_lines(decoded, name, limits, keep_going=keep_going)
    return _delimited(decoded, name, limits, headerless, keep_going=keep_going)


def _workbook(data: bytes, name: str, limits: Limits, headerless: Headerless | None, sheet: str | None) -> Table:
    from consentmgr.kit.tabular.xlsx import read_xlsx

    book = read_xlsx(data, name, limits, sheet)
    values, lines = book.values, book.lines
    header = headerless is None or not headerless(book.columns)
    if not header:
        values, lines = _with_first_row(book.columns, values), [book.header_line, *lines]
    return Table(
        name,
        "xlsx",
        "",
        book.columns,
        values.num_rows,
        {},
        values=values,
        lines=lines,
        header=header,
        sheet=book.sheet,
        sheets=book.sheets,
    )


def _json_lines(decoded: DecodedText, name: str, limits: Limits, *, keep_going: bool) -> Table:
    from consentmgr.kit.tabular.json_lines import read_json_lines

    read = read_json_lines(decoded.utf8, name, limits, keep_going=keep_going)
    return Table(
        name,
        "jsonl",
        "",
        tuple(read.values.column_names),
        len(read.records),
        read.faults,
        decoded.encoding,
        decoded.bom,
        values=read.values,
        raw=read.records,
        lines=read.lines,
    )


def _delimited(
    decoded: DecodedText, name: str, limits: Limits, headerless: Headerless | None, *, keep_going: bool
) -> Table:
    text = DelimitedText(decoded.utf8, name, limits=limits, keep_going=keep_going)
    if text.first_record is None:
        raise BadInput("the file holds only empty lines: a list needs at least a header line", file=name)
    columns = text.first_fields
    header = headerless is None or not headerless(columns)
    if not header:
        text.use_first_record()
    kind = "tsv" if text.delimiter == "\t" and len(columns) > 1 else "csv"
    return Table(
        name, kind, "", columns, len(text), text.faults, decoded.encoding, decoded.bom, text=text, header=header
    )


def _with_first_row(first: Sequence[str], rest: pa.Table) -> pa.Table:
    """The sheet has no header: what was taken for it is its first row, and every column is text."""
    from consentmgr.kit.tabular.cells import as_strings

    columns = [
        pa.chunked_array([pa.array([cell], pa.string()), *as_strings(rest.column(number)).chunks])
        for number, cell in enumerate(first)
    ]
    return pa.table(columns, names=[str(number + 1) for number in range(len(first))])


def _format_of(data: bytes, name: str) -> str:
    start = data[:8]
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "xlsx"
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PARE"):
        raise BadInput("the Parquet file is encrypted: save it without encryption", file=name)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in data[: 1 << 20] or b"E\0n\0c\0r\0y\0p\0t" in data:
            raise BadInput("the workbook is protected by a password: save it without one", file=name)
        raise BadInput("this is an old Excel file (.xls): save it as .xlsx or CSV", file=name)
    for magic, what in _NOT_TABLES:
        if start.startswith(magic):
            raise BadInput(f"this is {what}, not a table: give a CSV, XLSX, JSON Lines or Parquet file", file=name)
    if data.removeprefix(b"\xef\xbb\xbf")[:64].lstrip().startswith(b"{"):
        return "jsonl"
    return "delimited"


_NOT_TABLES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a packed (gzip) file"),
    (b"7z\xbc\xaf\x27\x1c", "a packed (7z) file"),
    (b"Rar!", "a packed (RAR) file"),
    (b"\x28\xb5\x2f\xfd", "a packed (Zstandard) file"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a word processor's document"),
    (b"ARROW1", "an Arrow file"),
)
