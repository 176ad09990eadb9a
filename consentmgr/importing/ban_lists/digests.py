"""Lists of MD5 and SHA-1 digests, which are compared with the addresses the register knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from consentmgr.importing.ban_lists.foreign_list import BanFormat, source_of
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers.reader import TableOptions
from consentmgr.importing.tables import Item
from consentmgr.kit.tabular import Table
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

_DIGITS = {"md5": 32, "sha1": 40}


class DigestList:
    """A list of MD5 or SHA-1 digests, which only the addresses of the register can tell the meaning of.

    Iterating gives the lines that are no digest, as rejections.
    """

    def __init__(self, table: Table, algorithm: Literal["md5", "sha1"], options: TableOptions) -> None:
        self.name = table.name
        self.format: BanFormat = algorithm
        self.sha256 = table.sha256
        self.header = table.header_text
        self.delimiter = table.delimiter
        self.ignored: tuple[str, ...] = ()
        self._table = table
        self._source = source_of(options, table.name)
        self._options = options
        self._lines: dict[str, int] = {}
        self._rejections: list[Item] = []
        digits = re.compile(rf"[0-9a-f]{{{_DIGITS[algorithm]}}}")
        for row, text in enumerate(table.trimmed([0])[0].to_pylist()):
            line = table.line_of(row)
            if text is None:
                continue
            if digits.fullmatch(text.lower()):
                self._lines.setdefault(text.lower(), line)
            else:
                reason = f"is not an {algorithm.upper()} digest of {_DIGITS[algorithm]} hexadecimal digits"
                self._rejections.append((line, Rejection(reason, None, table.record(row))))

    def __len__(self) -> int:
        """Different digests in the list."""
        return len(self._lines)

    def __iter__(self) -> Iterator[Item]:
        yield from self._rejections

    def record(self, line: int) -> str:
        """The text of the row at ``line``."""
        return self._table.record(self._table.row_at(line))

    def prohibitions(
        self, *, emails: Iterable[str] = (), phones: Iterable[str] = ()
    ) -> Iterator[tuple[int, Prohibition]]:
        """Bans of the known addresses (in canonical form) whose digest is listed.

        An e-mail address is digested in lower case, with its domain as written and in ASCII; a telephone number
        with and without its plus, and in its national form.
        """
        for address in emails:
            for line in self._lines_of(_email_forms(address)):
                yield line, self._ban(ProhibitionTarget(email=address))
        for number in phones:
            for line in self._lines_of(_phone_forms(number)):
                yield line, self._ban(ProhibitionTarget(phone=number))

    def _ban(self, target: ProhibitionTarget) -> Prohibition:
        options = self._options
        return Prohibition(
            target=target,
            channels=options.channels,
            purposes=options.purposes,
            topics=options.topics,
            controllers=(options.controller,) if options.controller else (),
            source=self._source,
            reference=options.reference,
        )

    def _lines_of(self, forms: Iterable[str]) -> Iterator[int]:
        for form in forms:
            # These digests are other people's interchange format; nothing here is kept safe by them.
            digest = hashlib.new(self.format, form.encode(), usedforsecurity=False).hexdigest()
            if (line := self._lines.get(digest)) is not None:
                yield line
                return


def _email_forms(address: str) -> list[str]:
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return [address]
    try:
        return [address, f"{local}@{domain.encode('idna').decode()}"]
    except UnicodeError:
        return [address]


def _phone_forms(number: str) -> list[str]:
    forms = [number, number.removeprefix("+")]
    if number.startswith("+358"):
        forms.append("0" + number.removeprefix("+358"))
    return forms
