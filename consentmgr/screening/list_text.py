"""A list as CSV text and as values, piece by piece: what the files of a result are joined from, without copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.kit.tabular import csv_field
from consentmgr.screening.lists import CampaignList

_BOM = b"\xef\xbb\xbf"
#: How much of the list is taken at a time: enough that the calls cost nothing, and its result still fits the caches.
_PIECE_BYTES = 1 << 20
_PIECE_ROWS = 1 << 16


def csv_header(lst: CampaignList) -> tuple[str | None, bool]:
    """The header line of a file of some of the list's rows, None where the list has none; and whether a byte order mark
    goes before it.
    """
    header = lst.header_record
    if header is None and lst.records is None:
        header = csv_line(lst.columns, lst.delimiter)
    return header, bool(byte_order_mark(lst))


def byte_order_mark(lst: CampaignList) -> bytes:
    return _BOM if lst.bom or lst.encoding.lower() not in ("utf-8", "ascii") else b""


def csv_line(fields: Sequence[str], mark: str) -> str:
    return mark.join(csv_field(field, mark) for field in fields)


def csv_records(lst: CampaignList) -> Iterator[tuple[int, int, pa.LargeStringArray]]:
    """Pieces of the list as CSV records without line ending: first row (from 0), rows, records."""
    if lst.records is not None and lst.format != "jsonl":
        for start, count in pieces_of(len(lst), lst.records.nbytes):
            yield start, count, lst.records.slice(start, count)
        return
    for start, values in value_pieces(lst):
        columns = [csv_column(text, lst.delimiter) for text in as_text(values)]
        if len(columns) == 1:
            # A lone empty field would be an empty line, which readers take for no row at all.
            columns = [pc.if_else(pc.equal(columns[0], ""), string('""'), columns[0])]
        yield start, len(values), pc.binary_join_element_wise(*columns, string(lst.delimiter))


def csv_column(values: pa.LargeStringArray, mark: str) -> pa.LargeStringArray:
    """Each value as one field, quoted where it must be and otherwise as it is; null is the empty field."""
    values = pc.fill_null(values, "")
    if len(values) == 0:
        return values
    text = bytes(_text(values))
    # One look over all the text is far cheaper than one for each value, and mostly finds nothing.
    if not any(special in text for special in (b'"', b"\r", b"\n", mark.encode())):
        return values
    special = pc.match_substring_regex(values, f'["\r\n{mark}]')
    doubled = pc.replace_substring(values, '"', '""')
    quoted = pc.binary_join_element_wise(string('"'), doubled, string('"'), string(""))
    return pc.if_else(special, quoted, values)


def text_of(*parts: pa.LargeStringArray, newline: str) -> memoryview:
    """The parts of each row and ``newline``, joined: the text that stands in the file, without a copy."""
    lines = pc.binary_join_element_wise(
        *parts, string(newline), string(""), null_handling="replace", null_replacement=""
    )
    return _text(lines)


def _text(lines: pa.LargeStringArray) -> memoryview:
    _, offsets, text = lines.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)
    begin, end = int(bounds[lines.offset]), int(bounds[lines.offset + len(lines)])
    return memoryview(text)[begin:end]


def string(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())


def strings(texts: Iterator[str]) -> pa.LargeStringArray:
    return pa.array(list(texts), pa.large_string())


def pieces_of(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """First row and rows of each piece, so that a piece has about ``_PIECE_BYTES`` of ``size``."""
    each = _PIECE_ROWS if not size else max(1, min(_PIECE_ROWS, rows * _PIECE_BYTES // size))
    for start in range(0, rows, each):
        yield start, min(each, rows - start)


def value_pieces(lst: CampaignList) -> Iterator[tuple[int, pa.Table]]:
    """Pieces of the list as values: first row (from 0), and a table of every input column, in order.

    Columns of a CSV list are strings; of other formats what they are in the input.
    """
    if lst.table is not None:
        for start, count in pieces_of(len(lst), lst.table.nbytes):
            yield start, lst.table.slice(start, count).combine_chunks()
        return
    from consentmgr.kit.tabular.delimited import DelimitedText

    assert lst.records is not None
    # The line before the header names the delimiter, so that it is not looked for again in each piece.
    header = lst.header_record if lst.header_record is not None else csv_line(lst.columns, lst.delimiter)
    top = f"sep={lst.delimiter}\n{header}\n".encode()
    for start, count in pieces_of(len(lst), lst.records.nbytes):
        text = DelimitedText(top + text_of(lst.records.slice(start, count), newline="\n"), lst.name)
        columns = [column.combine_chunks() for column in text.text_columns(range(len(lst.columns)))]
        yield start, pa.Table.from_arrays(columns, names=[str(index) for index in range(len(columns))])


def as_text(values: pa.Table) -> list[pa.LargeStringArray]:
    """Every column as text, null where there is no value."""
    from consentmgr.kit.tabular.cells import as_strings

    columns = []
    for column in values.columns:
        text = as_strings(column)
        whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
        columns.append(pc.cast(whole, pa.large_string()))
    return columns
