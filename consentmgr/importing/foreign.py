"""Tables and ban lists as sources of the importer, with what they ask of the register."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from consentmgr.db import Database
from consentmgr.importing.ban_lists import BanList, read_ban_lists
from consentmgr.importing.ban_lists.digests import DigestList
from consentmgr.importing.ban_lists.foreign_list import BanFormat, ForeignList
from consentmgr.importing.ban_lists.states import state_documents
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.mended import MendedRows, MendedSource, begins_rejected_rows
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.sources import Source
from consentmgr.importing.table_readers.reader import NoticeScope
from consentmgr.importing.tables import KnownRefs, TableDocuments, TableKind, TableOptions, read_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import DEFAULT_LIMITS
from consentmgr.kit.tabular.table import read_bytes
from consentmgr.register.reading import addresses_held, refs_of_addresses, rows_by
from consentmgr.register.rows import NoticeRow

Found = Iterator[tuple[int, FileDocument | Rejection]]


def table_sources(
    database: Database,
    file: Path | BinaryIO,
    kind: TableKind,
    options: TableOptions,
    keys: AddressKeys,
    *,
    ban_format: BanFormat | None = None,
    name: str | None = None,
) -> list[tuple[Source, str]]:
    """The sources in a table or a ban list, each with a word that tells it from the others of the same bytes.

    One for most; several for a folder of lists. Raises ``BadInput`` where the file as a whole cannot be read.
    """

    def known_refs(wanted: Sequence[UUID]) -> Mapping[UUID, Sequence[str]]:
        with database.reading() as session:
            return refs_of_addresses(session, wanted)

    options = replace(options, known_refs=known_refs)
    if kind == "consents" and options.notice is not None:
        options = replace(options, notice_scope=_scope_of(database, options.notice))
    if not (isinstance(file, Path) and file.is_dir()):
        data, name = read_bytes(file, name, DEFAULT_LIMITS)
        if begins_rejected_rows(data):
            rows = MendedRows(data, name)
            # A sheet was named of the workbook the rows came from; what is left of it is text.
            options = replace(options, sheet=None)
            table = BytesIO(rows.table)
            parts = _sources(database, table, kind, options, keys, known_refs, ban_format=ban_format, name=name)
            return [(MendedSource(source, rows), part) for source, part in parts]
        file = BytesIO(data)
    return _sources(database, file, kind, options, keys, known_refs, ban_format=ban_format, name=name)


def _scope_of(database: Database, notice: str) -> NoticeScope | None:
    """What a notice speaks of; None where it is not written as one, which the reader of the table tells."""
    key, _, rest = notice.partition("/")
    version, _, language = rest.partition("/")
    if not version.isdecimal():
        return None
    with database.reading() as session:
        found = rows_by(session, NoticeRow, "key", [key])
    for row in found:
        if (row.version, row.language) == (int(version), language):
            return NoticeScope(tuple(row.channels), tuple(row.purposes), tuple(row.topics))
    known = ", ".join(f"{row.key}/{row.version}/{row.language}" for row in found)
    there = f"; of that key there are {known}" if known else ""
    raise BadInput(f"--notice {notice}: the register knows no such notice{there}. Import the notice first")


def _sources(
    database: Database,
    file: Path | BinaryIO,
    kind: TableKind,
    options: TableOptions,
    keys: AddressKeys,
    known_refs: KnownRefs,
    *,
    ban_format: BanFormat | None,
    name: str | None,
) -> list[tuple[Source, str]]:
    if kind != "prohibitions":
        return [(read_documents(file, kind, options, keys, name=name), "")]
    found: list[tuple[Source, str]] = []
    for ban_list in read_ban_lists(file, options, keys, format_=ban_format, name=name):
        found.append((ban_list, ""))
        if isinstance(ban_list, ForeignList):
            found.append((_Part(ban_list, _states(ban_list, known_refs, keys)), "states"))
        elif isinstance(ban_list, DigestList):
            found.append((_Part(ban_list, _matches(database, ban_list), in_order=False), "matches"))
    return found


class _Part:
    """What a list gives beside its bans, as a source of its own."""

    def __init__(self, whole: BanList, found: Callable[[], Found], *, in_order: bool = True) -> None:
        self.name = whole.name
        self.sha256 = whole.sha256
        self.in_order = in_order
        self.header = whole.header
        self._whole = whole
        self._found = found

    def __len__(self) -> int:
        return len(self._whole)

    def __iter__(self) -> Found:
        return self._found()

    def record(self, line: int) -> str:
        return self._whole.record(line)


def _states(
    ban_list: ForeignList, known_refs: Callable[[Sequence[UUID]], Mapping[UUID, Sequence[str]]], keys: AddressKeys
) -> Callable[[], Found]:
    """Addresses that bounced: no ban, but a state of the points that have them."""
    return lambda: state_documents(ban_list.states(), known_refs, keys)


def _matches(database: Database, digests: DigestList) -> Callable[[], Found]:
    """Bans of the addresses whose digest is listed: every address of the register is tried."""

    def found() -> Found:
        with database.reading() as session:
            yield from digests.prohibitions(
                emails=addresses_held(session, "email"), phones=addresses_held(session, "phone")
            )

    return found


__all__ = ["BanFormat", "TableDocuments", "TableKind", "TableOptions", "table_sources"]
