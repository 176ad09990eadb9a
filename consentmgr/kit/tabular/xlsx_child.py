"""Parse one workbook in a process of its own, whose memory and time are limited: run by ``xlsx``, never imported.

Standard input: the workbook. The one argument: a JSON object with ``sheet`` (name or null), ``memory`` (bytes) and
``seconds``. Standard output: one line of JSON, and after it, where ``ok`` is true, the table as an Arrow IPC stream.
It imports nothing of ours, so that it runs by its path alone, with Python's isolated mode.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import pyarrow as pa

_MIDNIGHT = r"^(\d{4}-\d{2}-\d{2}) 00:00:00$"


class _Refused(Exception):
    """What is wrong with the workbook, as a sentence."""


def limit(memory: int, seconds: int) -> None:
    """Where the system can (not on Windows), cap address space and processor time, and write no core file."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):
            # macOS knows no limit on address space; the sizes were checked before.
            continue


def read(data: bytes, sheet: str | None) -> tuple[dict[str, Any], pa.Table]:
    """The sheet's headers, the number of each row that is not blank, and its columns with their types."""
    import fastexcel
    import pyarrow as pa

    book = fastexcel.read_excel(data)
    name = _sheet_of(list(book.sheet_names), sheet, data)
    # Everything as text, row 1 of the sheet first: no header is renamed, no row numbered anew.
    batch = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_arrow()
    texts = [column.cast(pa.string()) for column in batch.columns]
    filled = [index for index, row_has in enumerate(_rows_filled(texts)) if row_has] if texts else []
    if not filled:
        others = [other for other in book.sheet_names if other != name]
        hint = f"; name another with --sheet: {', '.join(others)}" if others else ""
        raise _Refused(f"the sheet {name} is empty{hint}")
    header, rows = filled[0], filled[1:]
    names = [(column[header].as_py() or "").strip() for column in texts]
    kept = _columns_kept(names, texts)
    below = _typed(book, name, header + 1, [texts[index].slice(header + 1) for index in kept], kept)
    positions = pa.array([row - header - 1 for row in rows], pa.int64())
    columns = [column.take(positions) for column in below]
    table = pa.table(columns, names=[names[index] for index in kept])
    head = {
        "sheet": name,
        "sheets": list(book.sheet_names),
        "columns": [names[index] for index in kept],
        "header": header + 1,
        "rows": [row + 1 for row in rows],
    }
    return head, table


def _sheet_of(names: list[str], sheet: str | None, data: bytes) -> str:
    if sheet is not None:
        if sheet in names:
            return sheet
        raise _Refused(f"there is no sheet named so; there are {', '.join(names)}")
    hidden = _hidden(data)
    for name in names:
        if name not in hidden:
            return name
    raise _Refused("the workbook has no sheet that shows; name a hidden one with --sheet")


def _hidden(data: bytes) -> set[str]:
    """Names of hidden sheets, out of the workbook's own list: the parser would have to read each sheet to tell."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # This process has little to lose; the document was measured and is read here for that reason.
        root = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    return {
        sheet.get("name", "")
        for sheet in root.iter()
        if sheet.tag.endswith("}sheet") and sheet.get("state", "visible") != "visible"
    }


def _rows_filled(texts: list[Any]) -> list[bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pa.array([False] * len(texts[0]))
    for column in texts:
        has = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), fill_value=False)
        filled = pc.or_(filled, has)
    result: list[bool] = filled.to_pylist()
    return result


def _columns_kept(names: list[str], texts: list[Any]) -> list[int]:
    """Formatting alone makes columns at the sheet's edges that hold nothing: those are left out, others never."""
    used = [index for index, column in enumerate(texts) if names[index] or column.null_count < len(column)]
    return list(range(used[0], used[-1] + 1))


def _typed(book: Any, name: str, first: int, texts: list[Any], kept: list[int]) -> list[Any]:
    """Columns below the header with the type all their cells share; text where they share none.

    The sheet is parsed once more only where a column may hold numbers, dates or truth values: text that looks like a
    number (an account, a phone) must stay text, and the cell alone knows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    maybe = [position for position, column in enumerate(texts) if _may_have_type(column)]
    columns: list[Any] = list(texts)
    if maybe and texts and len(texts[0]):
        sheet = book.load_sheet(name, header_row=None, skip_rows=first, schema_sample_rows=None, eager=False)
        batch = sheet.to_arrow()
        for position in maybe:
            found = batch.column(kept[position])
            # A mixture of true and 1 is read as a number throughout; only columns of one kind take a type.
            if len(found) == len(texts[position]) and not pa.types.is_string(found.type):
                columns[position] = _narrowed(found, texts[position])
    return [
        pc.replace_substring_regex(column, _MIDNIGHT, r"\1") if pa.types.is_string(column.type) else column
        for column in columns
    ]


def _may_have_type(column: Any) -> bool:
    import pyarrow.compute as pc

    present = pc.drop_null(column)
    if not len(present):
        return False
    pattern = r"^(-?[0-9]+(\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]+)?|true|false)$"
    return bool(pc.all(pc.match_substring_regex(present, pattern)).as_py())


def _narrowed(column: Any, text: Any) -> Any:
    """Whole numbers as integers, moments at midnight as dates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        if pc.any(pc.is_in(text, value_set=pa.array(["true", "false"]))).as_py():
            return text
        whole = pc.all(pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))).as_py()
        return column.cast(pa.int64()) if whole else column
    if pa.types.is_timestamp(column.type):
        days = column.cast(pa.date32(), safe=False)
        return days if days.cast(column.type).equals(column) else column
    return column


class _NoPandas:
    """A finder of modules that finds no pandas. Where one is installed pyarrow would load it, only to ask whether what it
    is given is of it, and that takes longer than a workbook does.
    """

    @staticmethod
    def find_spec(name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


def main() -> None:
    told = json.loads(sys.argv[1])
    sys.meta_path.insert(0, _NoPandas)
    limit(told["memory"], told["seconds"])
    out = sys.stdout.buffer
    try:
        head, table = read(sys.stdin.buffer.read(), told["sheet"])
    except _Refused as refusal:
        out.write(json.dumps({"ok": False, "sentence": str(refusal)}).encode() + b"\n")
        return
    except MemoryError:
        out.write(json.dumps({"ok": False, "memory": True}).encode() + b"\n")
        return
    except Exception as error:  # noqa: BLE001 - whatever the parser found, the workbook cannot be read
        # The parser's own message may quote a cell, so only its kind goes out.
        out.write(json.dumps({"ok": False, "kind": type(error).__name__}).encode() + b"\n")
        return
    import pyarrow as pa

    out.write(json.dumps({"ok": True, **head}).encode() + b"\n")
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)


if __name__ == "__main__":
    main()
