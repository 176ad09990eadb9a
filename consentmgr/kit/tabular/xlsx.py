"""Workbooks (XLSX): checked as an archive first, then parsed in a child process with limited memory and time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import archive
from consentmgr.kit.tabular.limits import Limits

_CHILD = Path(__file__).with_name("xlsx_child.py")
#: What the child may see of our environment: enough to start Python, no key and no database address.
_PASSED_ON = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL")


@dataclass(frozen=True, repr=False, eq=False)
class Workbook:
    """One sheet. ``columns`` are the headers, trimmed; ``lines`` has each row's number in the sheet, from 1.

    ``sheets`` names every sheet of the workbook, hidden ones too.
    """

    sheet: str
    sheets: tuple[str, ...]
    columns: tuple[str, ...]
    values: pa.Table
    header_line: int
    lines: list[int]


def read_xlsx(data: bytes, file: str, limits: Limits, sheet: str | None = None) -> Workbook:
    """The first sheet that shows, or the one named. The first row that is not blank is the header.

    Blank rows are no rows. Formulas give the value they had when the file was saved, errors such as ``#N/A`` and
    blank cells are null; a column of one kind keeps its type (whole numbers are integers, days are dates), a mixed
    one is text. Raises ``BadInput``.
    """
    check_archive(data, file, limits)
    head, body = _ask_child(data, file, limits, sheet)
    with pa.ipc.open_stream(body) as stream:
        values = stream.read_all()
    if len(head["columns"]) > limits.columns or values.num_rows > limits.rows:
        raise BadInput(f"the sheet has more than {limits.columns} columns or {limits.rows} rows", file=file)
    workbook = Workbook(
        head["sheet"], tuple(head["sheets"]), tuple(head["columns"]), values, head["header"], head["rows"]
    )
    _refuse_long_cells(workbook, file, limits.cell_bytes)
    return workbook


def check_archive(data: bytes, file: str, limits: Limits) -> None:
    """Refuse what is no workbook, and what would unpack into more than it should."""
    with archive.opened(data, file) as opened:
        names = set(opened.namelist())
        if "xl/workbook.xml" not in names:
            raise BadInput(_other_archive(names), file=file)
        archive.check_sizes(data, opened, file, limits)


def _other_archive(names: set[str]) -> str:
    if "xl/workbook.bin" in names:
        return "this is a binary workbook (.xlsb): save it as .xlsx"
    if "content.xml" in names:
        return "this is an OpenDocument file: save it as .xlsx or CSV"
    if "word/document.xml" in names:
        return "this is a word processor's document: save its table as .xlsx or CSV"
    return "this is a zip archive, not a workbook: unpack it and give the file inside"


def _ask_child(data: bytes, file: str, limits: Limits, sheet: str | None) -> tuple[dict[str, Any], pa.Buffer]:
    told = json.dumps({"sheet": sheet, "memory": limits.child_memory, "seconds": limits.child_seconds})
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD), told],
            input=data,
            capture_output=True,
            env=environment,
            timeout=limits.child_seconds * 2,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput("the workbook takes too long to read: save the list as CSV", file=file) from None
    line, newline, body = child.stdout.partition(b"\n")
    head = json.loads(line) if newline else {}
    if head.get("ok") and child.returncode == 0:
        return head, pa.py_buffer(body)
    if "sentence" in head:
        raise BadInput(str(head["sentence"]), file=file)
    if "kind" in head:
        raise BadInput("the workbook cannot be read; it may be damaged: save it again as .xlsx or CSV", file=file)
    # Killed by its limits, or out of memory in a place that cannot say so.
    raise BadInput("the workbook needs more memory or time than a list should: save it as CSV", file=file)


def _refuse_long_cells(workbook: Workbook, file: str, limit: int) -> None:
    import pyarrow.compute as pc

    for number, name in enumerate(workbook.columns):
        column = workbook.values.column(number)
        if not pa.types.is_string(column.type):
            continue
        sizes = pc.fill_null(pc.binary_length(column), 0)
        if (largest := pc.max(sizes).as_py() or 0) > limit:
            row = pc.index(sizes, largest).as_py()
            sentence = f"the cell holds {largest:,} bytes; {limit:,} is the most that is read"
            raise BadInput(sentence, file=file, line=workbook.lines[row], field=name or str(number + 1))
