"""A ban list of a system that has its own: rows that are bans, states of addresses, or nothing for us."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal, get_args

from consentmgr.importing import cell_values
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers.reader import TableOptions
from consentmgr.importing.tables import Item
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Table
from consentmgr.vocabulary.codes import PROHIBITION_SOURCES, ProhibitionSource
from consentmgr.vocabulary.columns import folded
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

BanFormat = Literal[
    "mailchimp",
    "ses",
    "sendgrid-bounces",
    "sendgrid-blocks",
    "sendgrid-invalid-emails",
    "sendgrid-spam-reports",
    "sendgrid-unsubscribes",
    "sendgrid-groups",
    "plain",
    "sha256",
    "md5",
    "sha1",
    "table",
]


BAN_FORMATS: tuple[BanFormat, ...] = get_args(BanFormat)


State = Literal["hard_bounce", "invalid"]


_BATCH = 4_096


@dataclass(frozen=True, slots=True, repr=False)
class AddressState:
    """An e-mail address that cannot be reached, as a sender's system found: no ban, and nobody's wish."""

    email: str
    state: State


#: What a row of a foreign list is: a ban, an address's state, a rejection, or (a word) nothing for us.
Found = Prohibition | AddressState | Rejection | str


class ForeignList:
    """One ban list of a known system: iterate for ``(line, Prohibition | Rejection)``, each time anew.

    ``states()`` gives the addresses that bounce; ``left_out`` counts, once it was iterated, rows that mean neither
    (by a word for the reader of the preview). ``line`` is the line of a text file or the number of a JSON item.
    """

    def __init__(self, table: Table, format_: BanFormat, convert: Callable[[dict[str, str]], Found]) -> None:
        self.name = table.name
        self.format = format_
        self.sha256 = table.sha256
        self.header = table.header_text
        self.delimiter = table.delimiter
        self.ignored: tuple[str, ...] = ()
        self.left_out: dict[str, int] = {}
        self._table = table
        self._convert = convert

    def __len__(self) -> int:
        return len(self._table)

    def record(self, line: int) -> str:
        """The text of the row at ``line``."""
        return self._table.record(self._table.row_at(line))

    def __iter__(self) -> Iterator[Item]:
        self.left_out = {}
        for line, found in self._found():
            if isinstance(found, str):
                self.left_out[found] = self.left_out.get(found, 0) + 1
            elif not isinstance(found, AddressState):
                yield line, found

    def states(self) -> Iterator[tuple[int, AddressState]]:
        """Addresses with what is wrong with them, by line."""
        for line, found in self._found():
            if isinstance(found, AddressState):
                yield line, found

    def _found(self) -> Iterator[tuple[int, Found]]:
        # Without a header the first row's cells are no names, so columns go by number.
        table = self._table
        names = [folded(name) if table.header else str(number) for number, name in enumerate(table.columns, start=1)]
        columns = self._table.trimmed(range(len(names)))
        for start in range(0, len(self._table), _BATCH):
            cells = [column.slice(start, _BATCH).to_pylist() for column in columns]
            for offset, values in enumerate(zip(*cells, strict=True)):
                row = start + offset
                fault = self._table.faults.get(row)
                present = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                if fault is None and not present:
                    continue
                found = Rejection(fault) if fault is not None else self._convert(present)
                if isinstance(found, Rejection):
                    found = replace(found, record=self._table.record(row))
                yield self._table.line_of(row), found


def source_of(options: TableOptions, file: str, usual: ProhibitionSource | None = None) -> ProhibitionSource:
    """Whose bans these are: what the person says, else what such a list usually is."""
    if options.source is None and usual is not None:
        return usual
    for source in PROHIBITION_SOURCES:
        if source == options.source:
            return source
    said = "--source must be" if options.source is not None else "whose bans are these? Say it with --source,"
    raise BadInput(f"{said} one of {', '.join(PROHIBITION_SOURCES)}", file=file)


def address_in(row: Mapping[str, str], *names: str) -> str | Rejection:
    """The row's e-mail address as it is written: an apostrophe or ``=`` in it is part of it."""
    for name in names:
        if (text := row.get(name)) is not None:
            if canonical_email(text) is None:
                return Rejection("is not an e-mail address that can be matched", name)
            return text
    return Rejection("names nobody: the e-mail address is blank")


def day_of(text: str | None) -> date | None:
    """The Finnish day of a system's time: seconds since 1970, or a date and time in UTC; None where it is neither."""
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
            return local_date(datetime.fromtimestamp(float(text), UTC))
        return local_date(cell_values.parse_moment(text, utc=True))
    except (ValueError, OverflowError, OSError):
        return None


class Bans:
    """Makes the bans of one foreign list: what is the same in every row, and what differs."""

    def __init__(self, options: TableOptions, source: ProhibitionSource, reference: str) -> None:
        self._options = options
        self._source = source
        self._reference = options.reference or reference

    def ban(
        self,
        email: str,
        since: date | None,
        *,
        source: ProhibitionSource | None = None,
        reference: str | None = None,
        evidence: Mapping[str, str | None] | None = None,
    ) -> Prohibition:
        options = self._options
        return Prohibition(
            target=ProhibitionTarget(email=email),
            channels=options.channels or ("email",),
            purposes=options.purposes or ("direct_marketing",),
            topics=options.topics,
            controllers=(options.controller,) if options.controller else (),
            source=source or self._source,
            valid_from=since,
            reference=reference or self._reference,
            evidence={name: text for name, text in (evidence or {}).items() if text is not None},
        )
