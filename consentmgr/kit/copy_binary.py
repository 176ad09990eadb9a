"""Rows in PostgreSQL's binary COPY format, as bytes.

Faster than text on both sides, and nothing has to be escaped: a value is its length and its bytes. Only the types
the bulk writers use. Source: PostgreSQL documentation, *COPY*, binary format; types' ``recv`` functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from struct import Struct, error

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
EMPTY_ARRAY = bytes.fromhex("0000000c 00000000 00000000 00000019")

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_TEXT_OID = 25
_length = Struct(">i").pack
_length_of = Struct(">i").unpack_from
_number = Struct(">iq").pack
_day = Struct(">ii").pack
_array = Struct(">iiiiii").pack
_uuid = Struct(">i16s").pack


class Unwritable(ValueError):
    """A value that the column's type cannot hold, found before PostgreSQL would have refused it.

    A number out of range, a time without an offset, text with half a surrogate pair. The words name the kind of
    fault and never the value.
    """


@contextmanager
def writing() -> Iterator[None]:
    """Numbers and texts that cannot be written as bytes in the block are ``Unwritable``."""
    # From None, because the errors themselves carry the value.
    try:
        yield
    except (error, OverflowError):
        raise Unwritable("a number out of range") from None
    except UnicodeEncodeError:
        raise Unwritable("text that is not Unicode") from None


def rows_of(copy: bytes) -> Iterator[list[bytes]]:
    """The fields of every row of a whole COPY, each its length and its bytes."""
    place = len(HEADER)
    while (count := int.from_bytes(copy[place : place + 2], signed=True)) >= 0:
        place += 2
        row: list[bytes] = []
        for _ in range(count):
            end = place + 4 + max(0, _length_of(copy, place)[0])
            row.append(copy[place:end])
            place = end
        yield row


def columns(count: int) -> bytes:
    """What begins a row of ``count`` fields."""
    return count.to_bytes(2, "big")


def text(value: str | None) -> bytes:
    """``text``, and ``json`` as its text."""
    if value is None:
        return NULL
    data = value.encode()
    return _length(len(data)) + data


def blob(value: bytes | None) -> bytes:
    """``bytea``."""
    return NULL if value is None else _length(len(value)) + value


def jsonb(data: bytes | None) -> bytes:
    """``jsonb`` from JSON text in UTF-8; the first byte is the format's version."""
    return NULL if data is None else _length(len(data) + 1) + b"\x01" + data


def bigint(value: int | None) -> bytes:
    return NULL if value is None else _number(8, value)


def boolean(value: bool) -> bytes:  # noqa: FBT001 - the value itself
    return b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00"


def uuid(value: bytes | None) -> bytes:
    """``uuid`` from its 16 bytes: making a ``UUID`` takes longer than all the rest."""
    return NULL if value is None else _uuid(16, value)


def day(value: date | None) -> bytes:
    """``date``."""
    return NULL if value is None else _day(4, value.toordinal() - _EPOCH_DAY)


def microseconds(moment: datetime) -> int:
    """What ``timestamptz`` stores: microseconds since 2000-01-01 UTC. ``Unwritable`` without an offset."""
    try:
        since: timedelta = moment - _EPOCH
    except TypeError:
        raise Unwritable("a moment without an offset") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def timestamp(moment: datetime | None) -> bytes:
    """``timestamptz`` from an aware moment."""
    return NULL if moment is None else _number(8, microseconds(moment))


def texts(values: Sequence[str]) -> bytes:
    """``text[]``."""
    if not values:
        return EMPTY_ARRAY
    data = _array(0, 1, 0, _TEXT_OID, len(values), 1)[4:] + b"".join(map(text, values))
    return _length(len(data)) + data
