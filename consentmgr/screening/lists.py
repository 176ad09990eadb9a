"""Campaign lists: a file of rows to be screened, with the columns that say who each row is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import DEFAULT_LIMITS, Limits, Table, read_table
from consentmgr.vocabulary.columns import (
    IDENTIFIERS,
    LIST_FIELDS,
    address_kind,
    find_columns,
    shown_headers,
    understood_names,
)

#: What a file without a header may hold, one a line, and the field it then is.
_HEADERLESS_KINDS = {"email": "email", "phone": "phone", "business_id": "business_id"}


@dataclass(frozen=True, repr=False, eq=False)
class CampaignList:
    """A list as it was read; nothing of it is dropped or reordered.

    ``records`` (CSV, TSV, JSON Lines) is the raw text of each row without its line ending, filled up to as many
    fields as the header has, so that columns can be put after it. ``table`` (XLSX, JSON Lines, Parquet) has every
    input column with its own type. ``identifiers`` has the recognised columns as trimmed strings, null where blank,
    named as in ``LIST_FIELDS``. A list of bare addresses has no header: ``header_record`` is None and ``columns``
    has the field's name, for the header of a result.
    """

    name: str
    format: str
    sha256: str
    encoding: str
    bom: bool
    delimiter: str
    newline: str
    columns: tuple[str, ...]
    recognised: dict[str, str]
    header_record: str | None
    records: pa.LargeStringArray | None
    table: pa.Table | None
    identifiers: pa.Table

    def __len__(self) -> int:
        return int(self.identifiers.num_rows)


def read_list(
    path: Path | BinaryIO,
    *,
    name: str | None = None,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    only_mapped: bool = False,
) -> CampaignList:
    """Read a campaign list (CSV, TSV, XLSX, JSON Lines or Parquet; ``-`` is standard input).

    ``mapping`` names columns for fields where their names do not tell (field -> header, or number from 1); with
    ``only_mapped`` no other column means anything, whatever its name.
    Raises ``BadInput`` where the file cannot be read certainly or no column says who a row is.
    Source: formats.md section 3.
    """
    table = read_table(path, name=name, limits=limits, headerless=_is_bare_address, sheet=sheet)
    columns, found = understood(table, mapping, only_mapped=only_mapped)
    fields = [field for field in LIST_FIELDS if field in found]
    identifiers = pa.table(table.trimmed([found[field] for field in fields]), names=fields)
    return CampaignList(
        name=table.name,
        format=table.format,
        sha256=table.sha256,
        encoding=table.encoding,
        bom=table.bom,
        delimiter=table.delimiter,
        newline=table.newline,
        columns=columns,
        recognised={field: columns[found[field]] for field in fields},
        header_record=table.header_record,
        records=table.records,
        table=table.values.rename_columns(list(columns)) if table.values is not None else None,
        identifiers=identifiers,
    )


def understood(
    table: Table, mapping: Mapping[str, str] | None = None, *, only_mapped: bool = False
) -> tuple[tuple[str, ...], dict[str, int]]:
    """What a table's columns are called, and which (from 0) is which field. Arguments and errors as of ``read_list``."""
    columns = table.columns
    if table.header:
        fields_known = tuple(mapping or ()) if only_mapped else LIST_FIELDS
        found = find_columns(columns, fields_known, mapping, file=table.name)
    else:
        field = _bare_field(table, mapping)
        found, columns = {field: 0}, (field,)
    if not any(field in found for field in IDENTIFIERS):
        raise BadInput(_no_identifier(columns), file=table.name, line=1)
    return columns, found


def _is_bare_address(fields: Sequence[str]) -> bool:
    return len(fields) == 1 and address_kind(fields[0]) is not None


def _bare_field(table: Table, mapping: Mapping[str, str] | None) -> str:
    """The field of a file that has one address a line and no header."""
    if mapping:
        # The file's one column has no name, so its number is all it can be called by.
        return next(iter(find_columns(("1",), LIST_FIELDS, mapping, file=table.name)))
    kind = address_kind(table.columns[0])
    if kind in _HEADERLESS_KINDS:
        return _HEADERLESS_KINDS[kind]
    if kind == "sha256":
        raise BadInput(
            "the file is a bare list of SHA-256 digests: say of what with --map email_sha256=1 or --map phone_sha256=1",
            file=table.name,
            line=1,
        )
    raise BadInput(
        "the file is a bare list of MD5 or SHA-1 digests, which cannot be screened: use addresses or SHA-256",
        file=table.name,
        line=1,
    )


def _no_identifier(columns: Sequence[str]) -> str:
    if any(address_kind(column) for column in columns):
        return "the first line is a row already: put a line with the names of the columns above it"
    return (
        f"no column says who each row is. The columns are {shown_headers(columns)}. "
        f"Understood are {understood_names(IDENTIFIERS)}. Otherwise name one with --map email=COLUMN"
    )
