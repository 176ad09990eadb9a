"""A result as a workbook, for people to read.

Text is text whatever it begins with: no cell is ever a formula or a link, and the cell's own format is text, so that
it stays text when somebody edits it. Phone numbers, postal codes and other names made of digits are text too. A
machine reads the CSV, where nothing is ever cut or dressed.
"""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter

from consentmgr.kit.errors import BadInput

#: What a sheet and a cell hold.
SHEET_ROWS, SHEET_COLUMNS, CELL_CHARACTERS = 1_048_576, 16_384, 32_767
#: Excel counts in fifteen digits; a longer number would change.
_EXACT = 10**15
#: Colours of a verdict's cell, text and ground, at a contrast of 7:1 and more. The word stands there too.
_VERDICT_COLOURS = {
    "allow": ("#0B3F63", "#DCEBF5"),
    "review": ("#573A00", "#FBEBC6"),
    "block": ("#641A34", "#F6DDE5"),
}
_WIDTHS = {"cm_verdict": 12, "cm_reason": 28, "cm_reasons": 36, "cm_ground": 20, "cm_explanation": 72}

Row = Sequence[Any]


def write_workbook(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Row],
    count: int,
    *,
    names: Collection[str] = (),
    summary: Sequence[Sequence[str]] = (),
    sheets: tuple[str, str] = ("Summary", "Rows"),
) -> None:
    """Write ``count`` rows under ``columns``, one at a time, so that memory does not grow with them.

    ``names`` are columns whose numbers name something and are written as text. ``summary`` fills the first sheet,
    named ``sheets[0]``: a line of one cell is a heading, the first of them the title. Raises ``BadInput`` where a
    sheet is too small.
    """
    if count + 1 > SHEET_ROWS:
        raise BadInput(f"a sheet holds {SHEET_ROWS - 1:,} rows and this has {count:,}: ask for .csv or .parquet")
    if len(columns) > SHEET_COLUMNS:
        raise BadInput(
            f"a sheet holds {SHEET_COLUMNS:,} columns and this has {len(columns):,}: ask for .csv or .parquet"
        )
    # The writer keeps rows in files of its own while it works; they go with this folder whatever happens.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unfinished-") as folder:
        book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": folder})
        if summary:
            _write_summary(book, sheets[0], summary)
        sheet = book.add_worksheet(sheets[1])
        head = book.add_format({"bold": True, "num_format": "@", "bottom": 1, "text_wrap": True, "valign": "top"})
        for index, column in enumerate(columns):
            sheet.set_column(index, index, _WIDTHS.get(column, 22))
            sheet.write_string(0, index, _cut(column), head)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, count, len(columns) - 1)
        cells = _Cells(book, [column in names for column in columns], columns.index("cm_verdict"))
        for number, row in enumerate(rows, start=1):
            cells.write_row(sheet, number, row)
        book.close()


class _Cells:
    def __init__(self, book: Any, names: list[bool], verdict_at: int) -> None:
        self._names = names
        self._verdict_at = verdict_at
        self._text = book.add_format({"num_format": "@"})
        self._date = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self._verdicts = {
            verdict: book.add_format({"num_format": "@", "bold": True, "font_color": ink, "bg_color": ground})
            for verdict, (ink, ground) in _VERDICT_COLOURS.items()
        }

    def write_row(self, sheet: Any, number: int, row: Row) -> None:
        """Empty cells are not written at all."""
        for index, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, str):
                style = self._verdicts[value] if index == self._verdict_at else self._text
                sheet.write_string(number, index, _cut(value), style)
            elif isinstance(value, bool):
                sheet.write_boolean(number, index, value)
            elif isinstance(value, int | float) and not self._names[index] and _is_exact(value):
                sheet.write_number(number, index, value)
            elif type(value) is dt.date and value.year >= 1900:
                sheet.write_datetime(number, index, value, self._date)
            else:
                sheet.write_string(number, index, _cut(_plain_text(value)), self._text)


def _is_exact(value: float) -> bool:
    return math.isfinite(value) and abs(value) < _EXACT


def _plain_text(value: Any) -> str:
    """The text of a value that Excel has no cell for."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list | tuple | bytes):
        return msgspec.json.encode(value).decode()
    return str(value)


def _cut(text: str) -> str:
    """A cell holds no more; the mark shows that something was cut, and the other formats keep it whole."""
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 2] + " …"


def _write_summary(book: Any, name: str, summary: Sequence[Sequence[str]]) -> None:
    sheet = book.add_worksheet(name)
    title = book.add_format({"num_format": "@", "bold": True, "font_size": 16})
    heading = book.add_format({"num_format": "@", "bold": True, "bottom": 1})
    text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    for index, width in enumerate((34, 16, 84)):
        sheet.set_column(index, index, width)
    sheet.hide_gridlines(2)
    for number, line in enumerate(summary):
        style = title if number == 0 else heading if len(line) == 1 else text
        for index, cell in enumerate(line):
            sheet.write_string(number, index, _cut(cell), style)
