"""How large an input may be before it is refused: a list is somebody else's file, and may be hostile."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes unless the name says otherwise. Every one of them is told in the error it causes."""

    #: The file as it lies on disk.
    file_bytes: int = 2_000 * MEGABYTE
    #: One cell, in UTF-8. Excel holds 32,767 characters and Python's own CSV reader stops at this number.
    cell_bytes: int = 131_072
    rows: int = 50_000_000
    columns: int = 2_000
    #: What a packed file (XLSX, Parquet) may grow to.
    unpacked_bytes: int = 1_500 * MEGABYTE
    #: Unpacked size for each packed byte; judged only once ``unpacked_floor`` is passed, as small sheets of equal
    #: rows pack very well. A million ordinary rows pack about 1:10, DEFLATE's utmost is about 1:1032.
    unpacked_ratio: int = 100
    unpacked_floor: int = 100 * MEGABYTE
    #: Address space and processor seconds of the child process that parses an XLSX file.
    child_memory: int = 3_000 * MEGABYTE
    child_seconds: int = 300


DEFAULT_LIMITS = Limits()
