"""Columns of any type as the strings a person would write."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc


def as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``column`` as strings, row by row; null stays null.

    Whole numbers have no ``.0`` (a phone number in a sheet is a number), days are ISO dates, moments ISO 8601
    (without the time where all are midnights without a zone), truth values ``true`` and ``false``; lists and structs
    are JSON text.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    if pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_decimal(kind):
        texts = column.cast(pa.string())
        return pc.replace_substring_regex(texts, r"\.0+$", "")
    if pa.types.is_timestamp(kind):
        return _moments(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind):
        return _json(column)
    return column.cast(pa.string())


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    column = column.cast(pa.float64())
    whole = pc.fill_null(
        pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**63)), fill_value=False
    )
    integers = pc.if_else(whole, column, pa.scalar(None, pa.float64())).cast(pa.int64(), safe=False)
    return pc.coalesce(integers.cast(pa.string()), column.cast(pa.string()))


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type.tz is None:
        days = column.cast(pa.date32(), safe=False)
        if days.cast(column.type).equals(column):
            return days.cast(pa.string())
    # Python writes ISO 8601 with the offset, which Arrow's own text form does not.
    # Nanoseconds have no Python form; nothing that is read here is told apart by less than a microsecond.
    moments: list[datetime | None] = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).to_pylist()
    return pa.chunked_array([pa.array([None if at is None else at.isoformat() for at in moments], pa.string())])


def _json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts: list[str | None] = []
    for value in column.to_pylist():
        if isinstance(value, bytes):
            # Bytes are text where they are UTF-8 (some writers store every string so), and nothing we know otherwise.
            texts.append(value.decode("utf-8", "replace"))
        else:
            texts.append(None if value is None else msgspec.json.encode(value, enc_hook=str).decode())
    return pa.chunked_array([pa.array(texts, pa.string())])


def trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of strings without surrounding white space, null where nothing is left."""
    return pa.chunked_array([_trimmed_chunk(chunk) for chunk in column.chunks], pa.string())


def _trimmed_chunk(chunk: pa.StringArray) -> pa.StringArray:
    shorter = pc.utf8_trim_whitespace(chunk)
    if shorter.nbytes == chunk.nbytes:
        # Nothing was trimmed, as in most tables: the copy is let go, so that the column is not held twice.
        shorter = chunk
    empty = pc.equal(shorter, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), shorter) if pc.any(empty).as_py() else shorter
