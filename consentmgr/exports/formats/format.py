"""What every format is: a row of the table, and a function that writes entries as columns. Pure: no database, no web.

Entries come in portions (``pyarrow.Table`` with the columns of ``ENTRIES``), each of some ten thousand rows, so that
a list of any length is written in little memory. A format opens one file or several: by what is to be done (add,
remove), by kind of stop, or by size where its reader takes no more rows in one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.vocabulary.codes import Language

Kind = Literal["email", "phone", "post"]
Content = Literal["suppressed", "allowed"]

#: The columns of entries. ``action`` is add or remove; ``value`` the address as the register holds it, null where it
#: knows only a digest; ``reason`` the code of the stop (or of the ground, for people who may be contacted).
#: ``partner_digest`` is what this partner was told of the address before, for people who have been erased since.
ENTRIES: Final = pa.schema(
    [
        ("action", pa.large_string()),
        ("kind", pa.large_string()),
        ("value", pa.large_string()),
        ("reason", pa.large_string()),
        ("since", pa.timestamp("us", tz="UTC")),
        ("given_name", pa.large_string()),
        ("family_name", pa.large_string()),
        ("street", pa.large_string()),
        ("apartment", pa.large_string()),
        ("postal_code", pa.large_string()),
        ("city", pa.large_string()),
        ("country", pa.large_string()),
        ("partner_digest", pa.large_string()),
    ]
)

#: Those of them that tell who and where somebody is; formats that write none of them say ``people=False``.
PEOPLE: Final = ("given_name", "family_name", "street", "apartment", "postal_code", "city", "country")

ADD: Final = "add"
REMOVE: Final = "remove"

#: Reason codes that say the address does not work, and that the person reported a message as spam; every other stop
#: is the person's wish or the law's.
BOUNCED: Final = ("ADDRESS_INVALID", "SOFT_BOUNCE_LIMIT")
COMPLAINED: Final = ("SPAM_COMPLAINT",)


@dataclass(frozen=True, slots=True, repr=False)
class About:
    """What a file is about. ``secret`` is the key agreed with the partner, for keyed digests alone."""

    partner: str
    content: Content
    generated_at: datetime
    language: Language = "en"
    secret: bytes | None = None


class OpenFile(Protocol):
    """Opens one of a run's files by what follows its name: ``""``, ``.remove``, ``.bounces``, ``.0002``."""

    def __call__(self, suffix: str, /) -> BinaryIO: ...


class Write(Protocol):
    """Write every portion; the rows of each file, by its suffix."""

    def __call__(self, portions: Iterable[pa.Table], about: About, open_file: OpenFile, /) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One row of ``FORMATS``. ``needs_secret``: the partner's own key must be given."""

    name: str
    ending: str
    kinds: tuple[Kind, ...]
    write: Write
    describes: str
    needs_secret: bool = False
    contents: tuple[Content, ...] = ("suppressed", "allowed")
    #: Whether it writes names or postal addresses, which cost more to look up than the address alone.
    people: bool = False


def of_action(portion: pa.Table, action: str) -> pa.Table:
    """The rows to be added or to be removed."""
    return portion.filter(pc.equal(portion["action"], action))


def with_value(portion: pa.Table) -> pa.Table:
    """The rows whose address the register still has; the others can be given as digests only."""
    return portion.filter(pc.is_valid(portion["value"]))


def is_one_of(column: pa.ChunkedArray, codes: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(codes, pa.large_string()))


def lines(values: Iterable[str]) -> bytes:
    """Values one a line, UTF-8, each line ended by LF."""
    text = "\n".join(values)
    return (text + "\n").encode() if text else b""


class Files:
    """The files of a run, opened when the first row for them comes, and how many rows each has."""

    def __init__(self, open_file: OpenFile, begin: Callable[[BinaryIO], object] | None = None) -> None:
        self._open = open_file
        self._begin = begin
        self._files: dict[str, BinaryIO] = {}
        self.rows: dict[str, int] = {}

    def of(self, suffix: str) -> BinaryIO:
        file = self._files.get(suffix)
        if file is None:
            file = self._files[suffix] = self._open(suffix)
            self.rows[suffix] = 0
            if self._begin is not None:
                self._begin(file)
        return file

    def write(self, suffix: str, data: bytes, rows: int) -> None:
        self.of(suffix).write(data)
        self.rows[suffix] += rows
