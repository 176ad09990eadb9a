"""Portions as the bytes of delimited text: RFC 4180, UTF-8, LF, quoted only where it must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa


def header(names: Iterable[str]) -> bytes:
    return (",".join(names) + "\n").encode()


def delimited(columns: Mapping[str, pa.Array | pa.ChunkedArray | list[Any]]) -> bytes:
    """The rows of these columns; nothing is put before a value, so that ``=a@x.example`` stays what it is."""
    # Loaded while the first rows are awaited.
    import polars as pl

    frame = pl.DataFrame(
        {
            name: pl.Series(column) if isinstance(column, list) else pl.from_arrow(column)
            for name, column in columns.items()
        }
    )
    text = frame.write_csv(include_header=False, quote_style="necessary", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return text.encode()
