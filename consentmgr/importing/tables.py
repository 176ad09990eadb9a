"""Tables (CSV, TSV, XLSX, JSON Lines, Parquet) as documents of the contract, row by row.

A row becomes one document, or a few (an organisation and the contact who works there), or a ``Rejection`` that names
the column. Nothing is guessed: a cell that cannot be read rejects its row, whole; a blank cell is absent and so
erases nothing; columns nobody recognised are listed as ``ignored``.

*Who a row is.* Its ``ref`` column, where it has one. Otherwise the register is asked (``known_refs``) whether exactly
one contact has the row's address; and where none has, the ref is ``table:`` and 32 hexadecimal digits, a keyed digest
of the canonical e-mail address, else of the telephone number with the name, else of the postal address with the name
(a number or a household is shared by people, a mailbox is one). The same row gives the same ref in every table, and
the ref shows nothing of the person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow.compute as pc

from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers import READERS, TableKind
from consentmgr.importing.table_readers.reader import Draft, Item, KnownRefs, Reader, TableOptions, TablePremises
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.columns import canonical_column
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import DEFAULT_LIMITS, Limits, Table, read_table
from consentmgr.vocabulary.columns import address_kind, find_columns, shown_headers, understood_names

__all__ = ["Item", "KnownRefs", "TableDocuments", "TableKind", "TableOptions", "documents_of", "read_documents"]

#: Columns whose canonical form is made for a whole batch at once.
_ADDRESS_COLUMNS = (("email", "email"), ("generic_email", "email"), ("phone", "phone"))
_BATCH = 4_096
#: Titles, dates of print and blank rows that people leave above the names of columns.
_TITLE_ROWS = 20
#: Columns whose values begin with no apostrophe, but with a spreadsheet's mark that a cell is text. A name may ('t Hooft),
#: and so may an e-mail address.
_NEVER_QUOTED = frozenset(("phone", "postal_code", "business_id", "born_on", "at", "valid_from", "valid_until"))


def read_documents(
    source: Path | BinaryIO,
    kind: TableKind,
    options: TableOptions,
    keys: AddressKeys,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> TableDocuments:
    """The documents of a table. Raises ``BadInput`` where the table as a whole cannot be read or understood."""
    table = read_table(source, name=name, limits=limits, sheet=options.sheet, keep_going=True)
    return documents_of(table, kind, options, keys)


def documents_of(table: Table, kind: TableKind, options: TableOptions, keys: AddressKeys) -> TableDocuments:
    """The documents of a table that was read already."""
    found = find_columns(table.columns, READERS[kind].fields, options.mapping, file=table.name)
    if not any(column in found for column in READERS[kind].needed):
        raise BadInput(_nobody(table, kind), file=table.name, line=1)
    return TableDocuments(table, kind, found, options, keys)


def _nobody(table: Table, kind: TableKind) -> str:
    columns = table.columns
    if (line := _named_below(table, kind)) is not None:
        return f"the columns are named on line {line} only: take away what stands above it"
    if len(columns) == 1 and _names_somebody(columns[0], kind):
        return "each line stands in quotes as a whole, so that it is one cell: save the table as CSV again"
    if any(address_kind(column) for column in columns):
        return "the first line is a row already: put a line with the names of the columns above it"
    needed = READERS[kind].needed
    return (
        f"no column says what each row speaks of. The columns are {shown_headers(columns)}. "
        f"Understood are {understood_names(needed)}. Otherwise name one with --map {needed[min(1, len(needed) - 1)]}=COLUMN"
    )


def _named_below(table: Table, kind: TableKind) -> int | None:
    """The line on which the columns are named after all, below a title or a date of print."""
    for row in range(min(len(table), _TITLE_ROWS)):
        if _names_somebody(table.record(row), kind):
            return table.line_of(row)
    return None


def _names_somebody(line: str, kind: TableKind) -> bool:
    """Whether a line would do as that of the columns' names, whatever parts them."""
    for mark in ";,\t":
        try:
            found = find_columns([cell.strip().strip('"') for cell in line.split(mark)], READERS[kind].fields, {})
        except BadInput:
            # Two of them mean the same, so they are names.
            return True
        if any(field in found for field in READERS[kind].needed):
            return True
    return False


class TableDocuments:
    """The documents of one table: iterate for ``(line, document | Rejection)``, in order, each time anew.

    A row may give several documents, all with its line; a blank row gives none. ``line`` is the line of a text file
    at which the row begins, the row of a sheet, or the row's number. ``record(line)`` is the row's own text, for
    whoever rejects a document later; ``header`` goes above such texts, whose fields ``delimiter`` parts.
    """

    def __init__(
        self,
        table: Table,
        kind: TableKind,
        found: Mapping[str, int],
        options: TableOptions,
        keys: AddressKeys,
        *,
        reader: type[Reader] | None = None,
    ) -> None:
        self.name = table.name
        self.format = table.format
        self.sha256 = table.sha256
        self.kind: TableKind = kind
        self.header = table.header_text
        self.delimiter = table.delimiter
        self.recognised = {name: table.columns[index] for name, index in found.items()}
        used = set(found.values())
        #: Columns that mean nothing to us, for the person who looks at the preview.
        self.ignored = tuple(column for index, column in enumerate(table.columns) if index not in used)
        self._table = table
        self._found = dict(found)
        self._rows = (reader or READERS[kind])(TablePremises(options, keys, frozenset(found), table.name))
        self._options = options

    def __len__(self) -> int:
        """Rows of the table; documents may be more or fewer."""
        return len(self._table)

    def record(self, line: int) -> str:
        """The text of the row at ``line``."""
        return self._table.record(self._table.row_at(line))

    def column_of(self, path: str) -> str:
        """The column that a document's field was read from; the path itself where it was none."""
        return self.recognised.get(path.rpartition(".")[2], path)

    def __iter__(self) -> Iterator[Item]:
        fields = list(self._found)
        columns = self._table.trimmed(list(self._found.values()))
        for start in range(0, len(self._table), _BATCH):
            pieces = {name: column.slice(start, _BATCH) for name, column in zip(fields, columns, strict=True)}
            for name in _NEVER_QUOTED & pieces.keys():
                pieces[name] = pc.utf8_ltrim(pieces[name], characters="'")
            canonical = {
                name: canonical_column(kind, pieces[name]).to_pylist()
                for name, kind in _ADDRESS_COLUMNS
                if name in pieces
            }
            cells = [piece.to_pylist() for piece in pieces.values()]
            drafts = [
                self._draft(start + at, dict(zip(fields, row, strict=True)), {n: c[at] for n, c in canonical.items()})
                for at, row in enumerate(zip(*cells, strict=True))
            ]
            yield from self._finished([draft for draft in drafts if draft is not None])
        yield from self._rows.closing(self._table.line_of(len(self) - 1) if len(self) else 1)

    def _draft(self, row: int, cells: dict[str, str | None], canonical: dict[str, str | None]) -> Draft | None:
        line = self._table.line_of(row)
        if (fault := self._table.faults.get(row)) is not None:
            return Draft(line, rejection=Rejection(fault, None, self._table.record(row)))
        present = {
            name: text if text.isascii() else unicodedata.normalize("NFC", text) for name, text in cells.items() if text
        }
        try:
            if not present and self._is_blank(row):
                return None
            draft = self._rows.read(Row(present, canonical))
        except Unusable as unusable:
            column = self.recognised.get(unusable.field, unusable.field) if unusable.field else None
            return Draft(line, rejection=Rejection(unusable.reason, column, self._table.record(row)))
        draft.line = line
        return draft

    def _is_blank(self, row: int) -> bool:
        return not self._table.record(row).strip(f'{self._table.delimiter}," \t')

    def _finished(self, drafts: Sequence[Draft]) -> Iterator[Item]:
        """The drafts' documents, each person with the ref the register knows, or the one derived."""
        asked = list({draft.lookup for draft in drafts if draft.lookup is not None})
        known = self._options.known_refs(asked) if asked and self._options.known_refs is not None else {}
        for draft in drafts:
            if draft.rejection is not None:
                yield draft.line, draft.rejection
                continue
            refs = known.get(draft.lookup, ()) if draft.lookup is not None else ()
            # Where several contacts share the address, none of them is chosen.
            ref = refs[0] if len(refs) == 1 else draft.ref
            for document in (*draft.fixed, *(draft.documents(ref) if draft.documents is not None else ())):
                yield draft.line, document
