"""Which encoding a text file is in, and the same text as UTF-8.

In order: a byte order mark decides; then UTF-16 by where its zero bytes stand; then UTF-8, strictly; then
Windows-1252, which is what Excel writes in Finland. A file is never read with replacement characters: an address
that is read wrongly would miss its prohibition.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa

from consentmgr.kit.errors import BadInput

#: How many bytes are looked at to tell UTF-16 without a byte order mark.
_UTF16_SAMPLE = 4_096
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
#: How many runs of such bytes are looked at to tell a damaged UTF-8 file from Windows-1252.
_RUNS = 10_000


@dataclass(frozen=True, slots=True, repr=False)
class DecodedText:
    """``utf8`` is the text without byte order mark; ``encoding`` is what the file had."""

    utf8: bytes
    encoding: str
    bom: bool


def decode_text(data: bytes, file: str) -> DecodedText:
    """Find the encoding of ``data`` and give it as UTF-8.

    Raises ``BadInput`` that names the line and the byte where the file is in no encoding we read, and where a
    zero byte stands in the text.
    """
    decoded = _decode(data, file)
    if (zero := decoded.utf8.find(b"\0")) >= 0:
        raise BadInput(
            "a zero byte stands in the text; the file is damaged or is no text file: export it again",
            file=file,
            line=line_at(decoded.utf8, zero),
        )
    return decoded


def _decode(data: bytes, file: str) -> DecodedText:
    if data.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):
        raise BadInput("the file is in UTF-32, which is not read: save it as UTF-8", file=file)
    if data.startswith(BOM_UTF8):
        return DecodedText(_checked_utf8(data[3:], file), "utf-8", True)
    if data.startswith(BOM_UTF16_LE):
        return DecodedText(_from_utf16(data[2:], "utf-16-le", file), "utf-16-le", True)
    if data.startswith(BOM_UTF16_BE):
        return DecodedText(_from_utf16(data[2:], "utf-16-be", file), "utf-16-be", True)
    if (without_mark := _utf16_by_zeros(data[:_UTF16_SAMPLE])) is not None:
        return DecodedText(_from_utf16(data, without_mark, file), without_mark, False)
    if _is_utf8(data):
        return DecodedText(data, "utf-8", False)
    if _is_mostly_utf8(data):
        return DecodedText(_checked_utf8(data, file), "utf-8", False)
    return DecodedText(_from_cp1252(data, file), "cp1252", False)


def line_at(data: bytes, position: int) -> int:
    """The line, from 1, that holds the byte at ``position``; CR LF, LF and CR each end a line."""
    return 1 + data.count(b"\n", 0, position) + data.count(b"\r", 0, position) - data.count(b"\r\n", 0, position)


def _is_utf8(data: bytes) -> bool:
    """Arrow's validation runs at memory speed and makes no copy, unlike ``bytes.decode``."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int64))
    try:
        pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)]).cast(
            pa.large_string()
        )
    except pa.ArrowInvalid:
        return False
    return True


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether most letters beyond ASCII read as UTF-8.

    Such a file is damaged, not in Windows-1252, which would make garbage of the letters that are sound.
    """
    sound = broken = 0
    for run in islice(_BEYOND_ASCII.finditer(data), _RUNS):
        try:
            run[0].decode("utf-8")
        except UnicodeDecodeError:
            broken += 1
        else:
            sound += 1
    return sound > broken


def _checked_utf8(data: bytes, file: str) -> bytes:
    if _is_utf8(data):
        return data
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
        raise BadInput(
            f"byte 0x{data[position]:02X} is not UTF-8, although the rest of the file is: save the file again as UTF-8",
            file=file,
            line=line_at(data, position),
        ) from None
    return data


def _utf16_by_zeros(sample: bytes) -> str | None:
    """Latin text in UTF-16 has a zero in every second byte: after each letter (LE) or before it (BE)."""
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    first_zeros = sample[0 : 2 * pairs : 2].count(0)
    second_zeros = sample[1 : 2 * pairs : 2].count(0)
    if second_zeros > 0.6 * pairs and first_zeros < 0.1 * pairs:
        return "utf-16-le"
    if first_zeros > 0.6 * pairs and second_zeros < 0.1 * pairs:
        return "utf-16-be"
    return None


def _from_utf16(data: bytes, encoding: str, file: str) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        before = data[:start].decode(encoding, "ignore").encode("utf-8", "ignore")
        raise BadInput(
            f"the file is in {encoding.upper()} but is cut short or damaged: export it again, best as UTF-8",
            file=file,
            line=line_at(before, len(before)),
        ) from None


def _from_cp1252(data: bytes, file: str) -> bytes:
    try:
        return data.decode("cp1252").encode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
        raise BadInput(
            f"byte 0x{data[position]:02X} is neither UTF-8 nor Windows-1252: save the file as UTF-8",
            file=file,
            line=line_at(data, position),
        ) from None
