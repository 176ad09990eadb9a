"""JSON Lines: one object a line. Its text is kept, so that a result can be the same text with members after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.limits import Limits

#: Rows that are held as Python objects at a time; columns of one piece become Arrow arrays before the next is read.
_PIECE = 20_000
_TYPES: dict[type, pa.DataType] = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


@dataclass(frozen=True, repr=False, eq=False)
class JsonLines:
    """``values`` has one column a member name, in order of first appearance; a member that is absent is null.

    A column whose values share a type has it; one whose values differ holds each value's JSON text (a string's own).
    """

    values: pa.Table
    records: pa.LargeStringArray
    lines: list[int]
    faults: dict[int, str]


def read_json_lines(utf8: bytes, file: str, limits: Limits, *, keep_going: bool = False) -> JsonLines:
    """Raises ``BadInput`` naming the first line that is no object; with ``keep_going`` it is a fault instead."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    columns: dict[str, _Column] = {}
    piece: list[dict[str, Any]] = []
    texts: list[bytes] = []
    records: list[pa.LargeStringArray] = []
    lines: list[int] = []
    faults: dict[int, str] = {}

    def settle() -> None:
        for name in chain.from_iterable(piece):
            if name not in columns:
                columns[name] = _Column(len(lines) - len(piece))
        for name, column in columns.items():
            column.add([members.get(name) for members in piece])
        records.append(pa.array(texts, pa.large_binary()).cast(pa.large_string()))
        piece.clear()
        texts.clear()

    # Only line feeds part lines: a carriage return inside JSON text is always escaped, so one before it is dropped.
    for number, line in enumerate(utf8.split(b"\n"), start=1):
        line = line.strip()
        if not line:
            continue
        try:
            members = decode(line)
            _check(members, len(line), len(columns), limits)
        except (msgspec.DecodeError, _Refused, RecursionError) as error:
            sentence = str(error) if isinstance(error, _Refused) else "the line is not one JSON object"
            if not keep_going:
                raise BadInput(sentence, file=file, line=number) from None
            faults[len(lines)] = sentence
            members = {}
        piece.append(members)
        texts.append(line)
        lines.append(number)
        if len(piece) == _PIECE:
            settle()
    settle()
    if not columns and not faults:
        raise BadInput("the file holds no rows", file=file)
    values = pa.table([column.array() for column in columns.values()], names=list(columns))
    return JsonLines(values, pa.concat_arrays(records), lines, faults)


class _Refused(Exception):
    """A line is not taken; the message is a sentence."""


def _check(members: dict[str, Any], size: int, columns: int, limits: Limits) -> None:
    if max(columns, len(members)) > limits.columns:
        raise _Refused(f"the rows have more than {limits.columns:,} different members")
    if size <= limits.cell_bytes:
        return
    for name, value in members.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if (length := len(text.encode())) > limits.cell_bytes:
            most = limits.cell_bytes
            raise _Refused(f"field {name}: the value holds {length:,} bytes; {most:,} is the most that is read")


@dataclass(slots=True)
class _Column:
    """One member's values, piece by piece; ``before`` rows had gone by when it first appeared."""

    before: int
    pieces: list[pa.Array] = field(default_factory=list)

    def add(self, values: list[Any]) -> None:
        kinds = {type(value) for value in values if value is not None}
        kind = _TYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
        if not kinds:
            self.pieces.append(pa.nulls(len(values)))
            return
        try:
            self.pieces.append(pa.array(values, kind) if kind is not None else _texts(values))
        except (OverflowError, pa.ArrowInvalid):
            # A whole number beyond 64 bits.
            self.pieces.append(_texts(values))

    def array(self) -> pa.ChunkedArray:
        """The whole column, of the one type its pieces share, or as text."""
        kinds = {piece.type for piece in self.pieces if not pa.types.is_null(piece.type)}
        kind = kinds.pop() if len(kinds) == 1 else pa.string()
        pieces = [pa.nulls(self.before, kind)]
        for piece in self.pieces:
            if piece.type == kind or pa.types.is_null(piece.type):
                pieces.append(piece.cast(kind))
            else:
                pieces.append(_texts(piece.to_pylist()))
        return pa.chunked_array(pieces)


def _texts(values: list[Any]) -> pa.StringArray:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
