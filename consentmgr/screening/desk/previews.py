"""A first look at a list somebody brought: its columns, what they seem to be, and a few rows, to confirm or correct.

A text file is looked at by its beginning, so that a look costs the same for every length; the screening itself reads
the whole and says where something is wrong further down.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Limits, Table, read_table
from consentmgr.screening.lists import understood
from consentmgr.vocabulary.columns import COLUMN_NAMES, IDENTIFIERS, LIST_FIELDS, address_kind, find_columns, folded

#: The largest list that is taken at the desk; larger ones are screened at the terminal.
LARGEST_LIST: Final = 200_000_000
#: Limits of what is looked at and screened for a browser: somebody else's file, on a server others use too.
LIMITS: Final = Limits(file_bytes=LARGEST_LIST, rows=5_000_000)
#: Bytes of a text file that are looked at; a packed file of up to this size is opened at once.
HEAD_BYTES: Final = 1_000_000
SAMPLE_ROWS: Final = 5
_LONGEST_CELL: Final = 60
_PACKED: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PAR1")


@dataclass(frozen=True, repr=False)
class Preview:
    """``recognised``: field -> column (from 0). ``unclear``: fields that more than one column seems to mean.

    ``columns`` are the headers ("" where there is none); ``sample`` the first rows, shortened, one text a column;
    ``header`` False where the file begins with an address. ``rows`` None where only the beginning was read.
    """

    format: str
    encoding: str
    delimiter: str
    header: bool
    columns: tuple[str, ...]
    recognised: Mapping[str, int]
    unclear: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    rows: int | None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Preview:
        lists = {name: tuple(told[name]) for name in ("columns", "unclear", "sheets")}
        sample = tuple(tuple(row) for row in told["sample"])
        return cls(**{**told, **lists, "sample": sample})


def is_quick(path: Path) -> bool:
    """Whether a look at this file is a matter of a moment: text of any length, or a small packed file."""
    with path.open("rb") as file:
        packed = file.read(4) in _PACKED
    return not packed or path.stat().st_size <= HEAD_BYTES


def looked_at(path: Path, *, name: str, sheet: str | None = None) -> Preview:
    """A first look at the list in ``path``, called ``name``. Raises ``BadInput`` where it is no table."""
    table, whole = _first_look(path, name, sheet)
    return _preview(table, rows=len(table) if whole else None)


def refuse_useless(
    path: Path, *, name: str, columns: Mapping[str, str] | None = None, sheet: str | None = None
) -> None:
    """Raise ``BadInput`` for a list of which a look at its beginning tells that it cannot be screened.

    ``columns`` as the ``mapping`` of ``read_list``.
    """
    understood(_first_look(path, name, sheet)[0], columns)


def _first_look(path: Path, name: str, sheet: str | None) -> tuple[Table, bool]:
    """The table of the file's beginning, and whether that is all of it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if size <= len(start) or start[:4] in _PACKED:
        return read_table(path, name=name, limits=LIMITS, headerless=_is_bare, sheet=sheet), True
    if size > LARGEST_LIST:
        raise BadInput(f"the file is larger than {LARGEST_LIST:,} bytes, the most that is read: split it", file=name)
    return _beginning(start, name, sheet), False


def _beginning(start: bytes, name: str, sheet: str | None) -> Table:
    """The rows of a text file's first bytes, up to a line's end.

    The cut may fall into a quoted cell that has lines of its own: then an earlier line's end is tried.
    """
    for _ in range(20):
        end = max(start.rfind(b"\n"), start.rfind(b"\r"))
        if end < 0:
            break
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            end += end % 2 == 0  # A line's end of UTF-16 has two bytes.
        start = start[: end + 1] if end + 1 < len(start) else start
        try:
            return read_table(io.BytesIO(start), name=name, limits=LIMITS, headerless=_is_bare, sheet=sheet)
        except BadInput as error:
            if error.line is None or error.line < 3:
                raise
            start = start[:end]
    return read_table(io.BytesIO(start), name=name, limits=LIMITS, headerless=_is_bare, sheet=sheet)


def _is_bare(fields: Sequence[str]) -> bool:
    return len(fields) == 1 and address_kind(fields[0]) is not None


def _preview(table: Table, *, rows: int | None) -> Preview:
    columns = table.columns if table.header else ("",) * len(table.columns)
    recognised, unclear = _recognised(table)
    return Preview(
        format=table.format,
        encoding=table.encoding,
        delimiter=table.delimiter,
        header=table.header,
        columns=tuple(column[:200] for column in columns),
        recognised=recognised,
        unclear=unclear,
        sample=_sample(table),
        rows=rows,
        sheet=table.sheet,
        sheets=table.sheets,
    )


def _recognised(table: Table) -> tuple[dict[str, int], tuple[str, ...]]:
    if not table.header:
        kind = address_kind(table.columns[0])
        return ({kind: 0} if kind in ("email", "phone", "business_id") else {}), ()
    meant: dict[str, list[int]] = {}
    for number, header in enumerate(table.columns):
        for field in LIST_FIELDS:
            if folded(header) in _FOLDED[field]:
                meant.setdefault(field, []).append(number)
    unclear = tuple(field for field, numbers in meant.items() if len(numbers) > 1)
    clear = tuple(field for field in LIST_FIELDS if field not in unclear)
    return find_columns(table.columns, clear), unclear


_FOLDED: Final = {field: {folded(name) for name in (field, *COLUMN_NAMES.get(field, ()))} for field in LIST_FIELDS}


def _sample(table: Table) -> tuple[tuple[str, ...], ...]:
    count = min(SAMPLE_ROWS, len(table))
    if not count:
        return ()
    columns = [column.slice(0, count).to_pylist() for column in table.strings(range(len(table.columns)))]
    return tuple(tuple(_short(column[row] or "") for column in columns) for row in range(count))


def _short(cell: str) -> str:
    cell = " ".join(cell.split())
    return cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - 1] + "…"


def mapping_of(preview: Preview, chosen: Mapping[int, str]) -> dict[str, str] | None:
    """What the confirmed columns (number from 0 -> field) mean to the reader: field -> column number from 1.

    None where they are what was recognised anyway, so that the list is read as at the terminal. Raises ``BadInput``
    where two columns mean one field, or none says who a row is.
    """
    found: dict[str, int] = {}
    for number, field in sorted(chosen.items()):
        if field not in LIST_FIELDS or not 0 <= number < len(preview.columns):
            raise BadInput("there is no such column", field="columns")
        if field in found:
            raise BadInput("two columns mean the same", field=field)
        found[field] = number
    if not any(field in found for field in IDENTIFIERS):
        raise BadInput("no column says who each row is", field="columns")
    if found == dict(preview.recognised) and not preview.unclear:
        return None
    return {field: str(number + 1) for field, number in found.items()}
