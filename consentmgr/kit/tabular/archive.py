"""Zip archives from strangers: what they would unpack to is measured before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.limits import Limits

_PIECE = 1 << 20
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1


def opened(data: bytes, file: str) -> zipfile.ZipFile:
    """The archive in ``data``. Raises ``BadInput`` where it is cut short or damaged."""
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError):
        raise BadInput("the file is a zip archive that is cut short or damaged: save it again", file=file) from None


def check_sizes(data: bytes, archive: zipfile.ZipFile, file: str, limits: Limits) -> None:
    """Refuse an archive that unpacks to too much, by what it declares and by what it really holds."""
    members = archive.infolist()
    _judge(sum(member.file_size for member in members), len(data), file, limits)
    unpacked = 0
    for member in members:
        for size in _unpacked_pieces(data, member, file):
            unpacked += size
            _judge(unpacked, len(data), file, limits)


def read_members(archive: zipfile.ZipFile, names: Iterable[str], file: str) -> dict[str, bytes]:
    """The contents of these members, whose sizes were checked."""
    try:
        return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise BadInput("the file is damaged: save it again", file=file) from None


def _judge(unpacked: int, packed: int, file: str, limits: Limits) -> None:
    if unpacked > limits.unpacked_bytes:
        most = limits.unpacked_bytes
        raise BadInput(f"the file unpacks to more than {most:,} bytes, the most that is read: split it", file=file)
    if unpacked > limits.unpacked_floor and unpacked > packed * limits.unpacked_ratio:
        ratio = limits.unpacked_ratio
        raise BadInput(f"the file unpacks to more than {ratio} times its size, as no real list does", file=file)


def _unpacked_pieces(data: bytes, member: zipfile.ZipInfo, file: str) -> Iterator[int]:
    """Sizes of the pieces the member really unpacks to; refuses it once they pass what it declares.

    ``zipfile`` itself would stop at the declared size and so never see the rest, which other readers unpack.
    """
    damaged = BadInput("the file is damaged: save it again", file=file)
    if member.flag_bits & _ENCRYPTED:
        raise BadInput("the file is protected by a password: save it without one", file=file)
    header = data[member.header_offset : member.header_offset + _LOCAL_HEADER]
    if len(header) < _LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
        raise damaged
    start = member.header_offset + _LOCAL_HEADER + int.from_bytes(header[26:28], "little")
    start += int.from_bytes(header[28:30], "little")
    packed = memoryview(data)[start : start + member.compress_size]
    if member.compress_type == zipfile.ZIP_STORED:
        yield len(packed)
        return
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise damaged
    inflate = zlib.decompressobj(-15)
    rest: bytes | memoryview = packed
    unpacked = 0
    while not inflate.eof:
        try:
            piece = inflate.decompress(rest, _PIECE)
        except zlib.error:
            raise damaged from None
        rest = inflate.unconsumed_tail
        if not piece and not rest:
            break
        unpacked += len(piece)
        if unpacked > member.file_size:
            raise BadInput("the file holds more than it declares, which no program writes: refused", file=file)
        yield len(piece)
