"""Delimited text (CSV, TSV): records as they stand in the file, and single columns of them as values.

The raw text of each record is kept, so that a result can be the input's own bytes with columns after them. Record
boundaries are found on whole arrays of byte positions; the values are parsed by Arrow. Both read the same rules:
RFC 4180, and beside it a quote inside an unquoted field is a plain character, CR LF, LF and CR each end a record,
and an empty line is no record. Whatever could be read in two ways is refused with the line it stands on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.encodings import line_at
from consentmgr.kit.tabular.limits import DEFAULT_LIMITS, Limits

#: In the order they are preferred where the file leaves the choice open.
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

_QUOTE, _LF, _CR = 0x22, 0x0A, 0x0D
#: Positions are looked for piece by piece: a piece stays in the processor's cache, which is five times faster.
_PIECE = 1 << 20
_SAMPLE = 1 << 16
_SAMPLE_RECORDS = 50
#: Excel's own way to name the delimiter, as a line before the header.
_SEP_LINE = re.compile(rb"\A\"?sep=([,;|\t])\"?(?:\r\n|\n|\r)", re.IGNORECASE)

#: A pattern that repeats a field oftener takes more memory than it saves time.
_WIDEST_PATTERN = 200

Positions = npt.NDArray[np.int64]


class DelimitedText:
    """The records of one file, header included until ``header_record`` is taken apart from them.

    ``first_fields`` are the values of the first record, trimmed; every other record has as many fields: too few are
    filled up with empty ones, surplus empty ones are cut off. What has more is a ``BadInput``, or with ``keep_going``
    an entry of ``faults`` (record number from 0, header not counted -> sentence).
    """

    def __init__(self, utf8: bytes, file: str, *, limits: Limits = DEFAULT_LIMITS, keep_going: bool = False) -> None:
        self.file = file
        self.faults: dict[int, str] = {}
        self._limits = limits
        self._keep_going = keep_going
        self._aligned = False
        named = _SEP_LINE.match(utf8)
        begin = named.end() if named else 0
        self.delimiter = named[1].decode() if named else _find_delimiter(utf8)
        bounds = _Boundaries(utf8, begin, self.delimiter, file)
        self.newline = bounds.newline
        self._newlines_in_values = bounds.newlines_in_values
        self._lines = bounds.lines
        starts = bounds.starts
        offsets = np.append(starts, len(utf8)) if len(starts) else np.zeros(1, dtype=np.int64)
        self._body = pa.py_buffer(utf8).slice(int(offsets[1]) if len(starts) else 0)
        with_ends = pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(utf8))
        self._longest = int(np.diff(offsets).max()) if len(starts) else 0
        every: pa.LargeStringArray = pc.ascii_rtrim(with_ends, characters="\r\n")
        self.first_record: str | None = every[0].as_py() if len(every) else None
        raw = split_record(self.first_record, self.delimiter) if self.first_record is not None else []
        self.first_fields: tuple[str, ...] = tuple(unquoted(field).strip() for field in raw)
        if len(raw) > limits.columns:
            raise BadInput(f"the header has {len(raw)} columns; {limits.columns} is the most that is read", file=file)
        if len(every) - 1 > limits.rows:
            raise BadInput(f"the file has {len(every) - 1} rows; {limits.rows} is the most that is read", file=file)
        self._every = every
        self._skipped = 1
        if self._longest > limits.cell_bytes:
            self._refuse_long_cells()

    def use_first_record(self) -> None:
        """The file has no header: its first record is a row like the others."""
        if self._skipped and self.first_record is not None:
            self._skipped = 0
            self._body = _as_lines(self._every)
            self.faults = {index + 1: sentence for index, sentence in self.faults.items()}

    @property
    def records(self) -> pa.LargeStringArray:
        """Raw text of each record after the header, without its line ending, each with as many fields as the header."""
        if not self._aligned:
            self.text_columns([0])
        return self._every.slice(self._skipped)

    def __len__(self) -> int:
        return max(len(self._every) - self._skipped, 0)

    def line_of(self, row: int) -> int:
        """The line of the file, from 1, on which record ``row`` (from 0, header not counted) begins."""
        index = row + self._skipped
        return int(self._lines[index]) if self._lines is not None else index + 1

    def text_columns(self, indices: Sequence[int]) -> list[pa.ChunkedArray]:
        """The values of these columns (from 0) as strings, quotes resolved; one chunked array each, in row order."""
        if len(self) == 0 or not self.first_fields:
            self._aligned = True
            return [pa.chunked_array([], pa.string()) for _ in indices]
        if not self._aligned:
            self._aligned = True
            # The first row that does not fit ends the first reading; then rows are mended and all is read again.
            columns = self._parse_if_regular(indices)
            if columns is not None:
                return columns
            self._align()
        return self._parse(indices, None)

    def _parse_if_regular(self, indices: Sequence[int]) -> list[pa.ChunkedArray] | None:
        misfits: list[object] = []

        def stop(row: object) -> str:
            misfits.append(row)
            return "error"

        try:
            return self._parse(indices, stop)
        except pa.ArrowInvalid:
            if misfits:
                return None
            raise

    def _parse(
        self, indices: Sequence[int], misfit: Callable[..., str] | None, *, threads: bool = True
    ) -> list[pa.ChunkedArray]:
        import pyarrow.csv as arrow_csv

        names = [str(index) for index in range(len(self.first_fields))]
        wanted = list(dict.fromkeys(names[index] for index in indices)) or names[:1]
        table = arrow_csv.read_csv(
            pa.BufferReader(self._body),
            read_options=arrow_csv.ReadOptions(
                column_names=names, block_size=max(_PIECE, 2 * self._longest + 2), use_threads=threads
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=self._newlines_in_values,
                ignore_empty_lines=True,
                invalid_row_handler=misfit,
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.string() for name in wanted},
                check_utf8=False,
                strings_can_be_null=False,
            ),
        )
        return [table.column(names[index]) for index in indices]

    def _align(self) -> None:
        """Give every record as many fields as the header, and read from those records from now on."""
        self._align_unquoted()
        rows = self._every.slice(self._skipped)
        self._body = _as_lines(rows)
        misfits: list[int] = []

        def note(row: object) -> str:
            misfits.append(int(row.number) - 1)  # type: ignore[attr-defined]
            return "skip"

        self._parse([0], note, threads=False)
        if not misfits:
            return
        width = len(self.first_fields)
        mended: list[str] = []
        for row in misfits:
            text: str = rows[row].as_py()
            fields = split_record(text, self.delimiter)
            if any(unquoted(field).strip() for field in fields[width:]):
                self._fault(row, self._too_many(len(fields), width))
            fields += [""] * (width - len(fields))
            mended.append(self.delimiter.join(fields[:width]))
        self._replace(np.array(misfits, dtype=np.int64) + self._skipped, pa.array(mended, pa.large_string()))
        self._body = _as_lines(self._every.slice(self._skipped))

    def _align_unquoted(self) -> None:
        """The same for records without quotes, all at once: their delimiters can simply be counted."""
        width = len(self.first_fields)
        counts = np.asarray(pc.count_substring(self._every, self.delimiter))
        counts = np.where(np.asarray(pc.match_substring(self._every, '"')), width - 1, counts)
        short = np.flatnonzero(counts < width - 1)
        if len(short):
            missing = pc.binary_repeat(_large(self.delimiter), pa.array(width - 1 - counts[short]))
            texts = self._every.take(pa.array(short))
            self._replace(short, pc.binary_join_element_wise(texts, missing, _large("")))
        long = np.flatnonzero(counts > width - 1)
        if len(long) and width <= _WIDEST_PATTERN:
            texts = self._every.take(pa.array(long))
            mark = {"\t": r"\t", "|": r"\|"}.get(self.delimiter, self.delimiter)
            field = f"[^{mark}]*"
            fitting = f"^({field}(?:{mark}{field}){{{width - 1}}})[{mark}\\s]*$"
            self._replace(long, pc.replace_substring_regex(texts, fitting, r"\1"))

    def _replace(self, indices: Positions, texts: pa.LargeStringArray) -> None:
        mask = np.zeros(len(self._every), dtype=np.bool_)
        mask[indices] = True
        self._every = pc.replace_with_mask(self._every, pa.array(mask), texts)

    def _too_many(self, found: int, width: int) -> str:
        name = DELIMITER_NAMES[self.delimiter]
        return (
            f"the row has {found} fields where the first line has {width}: "
            f"put quotes around a cell that holds a {name}, or give the missing column a name"
        )

    def _refuse_long_cells(self) -> None:
        limit = self._limits.cell_bytes
        for index in np.flatnonzero(np.asarray(pc.binary_length(self._every)) > limit):
            fields = split_record(self._every[int(index)].as_py(), self.delimiter)
            for number, field in enumerate(fields):
                if (size := len(unquoted(field).encode())) <= limit:
                    continue
                name = self.first_fields[number] if index and number < len(self.first_fields) else f"{number + 1}"
                if index == 0:
                    raise BadInput(_long_cell(size, limit), file=self.file, line=self.line_of(-1), field=name)
                self._fault(int(index) - 1, _long_cell(size, limit), field=name)
                break

    def _fault(self, row: int, sentence: str, field: str | None = None) -> None:
        if not self._keep_going:
            raise BadInput(sentence, file=self.file, line=self.line_of(row), field=field)
        self.faults.setdefault(row, f"field {field}: {sentence}" if field else sentence)


def _large(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())


def _as_lines(records: pa.LargeStringArray) -> pa.Buffer:
    """The records as one text, LF after each."""
    joined = pc.binary_join_element_wise(records, _large(""), _large("\n"))
    return joined.buffers()[2].slice(0, int(pc.sum(pc.binary_length(joined)).as_py() or 0))


def _long_cell(size: int, limit: int) -> str:
    return f"the cell holds {size:,} bytes; {limit:,} is the most that is read"


class _Boundaries:
    """Where each record begins, and which line of the file that is."""

    def __init__(self, utf8: bytes, begin: int, delimiter: str, file: str) -> None:
        self._data = np.frombuffer(utf8, dtype=np.uint8)
        line_starts = self._line_starts(utf8, begin)
        quotes = _positions(self._data, _QUOTE) if utf8.find(b'"', begin) >= 0 else np.zeros(0, dtype=np.int64)
        quotes = quotes[quotes >= begin]
        self.newlines_in_values = False
        starts = line_starts
        if len(quotes):
            if self._is_plain(quotes, begin, ord(delimiter)):
                outside = np.searchsorted(quotes, line_starts) % 2 == 0
                self.newlines_in_values = not bool(outside.all())
                starts = line_starts[outside]
            else:
                starts = _record_starts(utf8, begin, delimiter, file)
                # A record start skips blank lines, so this may say True too often, which only costs time.
                self.newlines_in_values = True
        if len(starts):
            first = self._data[starts]
            starts = starts[(first != _LF) & (first != _CR)]
        self.starts: Positions = starts
        #: The line of each record; None where that is its number, which spares a million integers.
        self.lines: Positions | None = None
        if begin or len(starts) != len(line_starts):
            self.lines = np.searchsorted(line_starts, starts) + (2 if begin else 1)

    def _line_starts(self, utf8: bytes, begin: int) -> Positions:
        """Start of every line, in order; finds ``newline``, the ending most lines have, on the way."""
        lf = _positions(self._data, _LF)
        cr = _positions(self._data, _CR) if b"\r" in utf8 else np.zeros(0, dtype=np.int64)
        if not len(cr):
            ends, self.newline = lf, "\n"
        elif len(cr) == len(lf) and bool((cr + 1 == lf).all()):
            ends, self.newline = lf, "\r\n"
        else:
            follows = self._data[np.minimum(cr + 1, len(utf8) - 1)] == _LF
            follows &= cr + 1 < len(utf8)
            lone = cr[~follows]
            ends = np.sort(np.concatenate([lf, lone]))
            pairs = int(follows.sum())
            counts = {"\r\n": pairs, "\n": len(lf) - pairs, "\r": len(lone)}
            self.newline = max(counts, key=lambda newline: counts[newline])
        starts = np.concatenate([np.array([begin], dtype=np.int64), ends[ends >= begin] + 1])
        return starts[starts < len(utf8)]

    def _is_plain(self, quotes: Positions, begin: int, delimiter: int) -> bool:
        """Whether every quote opens a field, closes one, or is doubled inside one: then parity tells in from out."""
        if len(quotes) % 2:
            return False
        opening, closing = quotes[0::2], quotes[1::2]
        before = self._data[np.maximum(opening - 1, 0)]
        doubled = np.zeros(len(opening), dtype=np.bool_)
        doubled[1:] = opening[1:] == closing[:-1] + 1
        if not bool(((opening == begin) | (before == delimiter) | (before == _LF) | (before == _CR) | doubled).all()):
            return False
        last = len(self._data) - 1
        after = self._data[np.minimum(closing + 1, last)]
        doubled_next = np.append(doubled[1:], False)
        ends = (closing == last) | (after == delimiter) | (after == _LF) | (after == _CR) | doubled_next
        return bool(ends.all())


def _positions(data: npt.NDArray[np.uint8], byte: int) -> Positions:
    found = [np.flatnonzero(data[at : at + _PIECE] == byte) + at for at in range(0, len(data), _PIECE)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _record_pattern(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    # No group is repeated possessively: Python 3.11.2, which Debian 12 has, matches such a group wrongly and would take
    # an unclosed quote for a closed one. The alternatives exclude each other, so there is nothing to go back for.
    field = rb'(?:"[^"]*+(?:""[^"]*+)*"(?=[' + mark + rb'\r\n]|\Z)|(?!")[^' + mark + rb"\r\n]*+)"
    return re.compile(field + rb"(?:" + mark + field + rb")*(?:\r\n|\r|\n|\Z)")


def _record_starts(utf8: bytes, begin: int, delimiter: str, file: str) -> Positions:
    """Record by record, for files with quotes inside unquoted fields; a million records take about two seconds."""
    match = _record_pattern(delimiter).match
    starts: list[int] = []
    at = begin
    while at < len(utf8):
        starts.append(at)
        found = match(utf8, at)
        if found is None:
            raise _quote_error(utf8, at, delimiter, file)
        at = found.end()
    return np.array(starts, dtype=np.int64)


def _quote_error(utf8: bytes, at: int, delimiter: str, file: str) -> BadInput:
    """The field of the record at ``at`` whose quotes do not pair."""
    mark = delimiter.encode()
    quoted = re.compile(rb'"[^"]*+(?:""[^"]*+)*"(?!")')
    plain = re.compile(rb"[^" + re.escape(mark) + rb"\r\n]*+")
    while True:
        if utf8[at : at + 1] == b'"':
            found = quoted.match(utf8, at)
            line = line_at(utf8, at)
            if found is None:
                sentence = "the quote opened on this line is never closed: close it, or take it away"
                return BadInput(sentence, file=file, line=line)
            if utf8[found.end() : found.end() + 1] not in (mark, b"\r", b"\n", b""):
                sentence = (
                    "text follows the closing quote of a field that begins on this line: "
                    "write a quote inside a quoted field twice"
                )
                return BadInput(sentence, file=file, line=line)
        else:
            found = plain.match(utf8, at)
            assert found is not None
        at = found.end() + 1


def _find_delimiter(utf8: bytes) -> str:
    """The delimiter that splits the header, and splits the first records the same way."""
    sample = utf8[:_SAMPLE].decode("utf-8", "ignore")
    best: tuple[float, int] = (0.0, 1)
    chosen: str | None = None
    for delimiter in DELIMITERS:
        widths = _sample_widths(sample, delimiter, whole=len(utf8) <= _SAMPLE)
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best:
            best, chosen = score, delimiter
    if chosen is not None:
        return chosen
    # One column. Columns put after it need a delimiter that no cell holds, or an unquoted cell would fall apart.
    return next((delimiter for delimiter in DELIMITERS if delimiter.encode() not in utf8), ",")


def _sample_widths(sample: str, delimiter: str, *, whole: bool) -> list[int]:
    widths: list[int] = []
    try:
        for fields in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if fields:
                widths.append(len(fields))
            if len(widths) > _SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    # The sample's last record may be cut in the middle.
    return widths if whole or len(widths) < 2 else widths[:-1]


def split_record(record: str, delimiter: str) -> list[str]:
    """The raw fields of one record, quotes still around them: joined by ``delimiter`` they are ``record`` again."""
    if '"' not in record:
        return record.split(delimiter)
    pattern = _FIELDS[delimiter]
    fields: list[str] = []
    at = 0
    while True:
        found = pattern.match(record, at)
        assert found is not None
        fields.append(found[0])
        at = found.end() + 1
        if at > len(record):
            return fields


_FIELDS = {
    delimiter: re.compile(
        r'"[^"]*+(?:""[^"]*+)*"(?=' + re.escape(delimiter) + r"|\Z)|[^" + re.escape(delimiter) + r"]*+"
    )
    for delimiter in DELIMITERS
}


def unquoted(field: str) -> str:
    """The value of one raw field."""
    if len(field) >= 2 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def csv_field(text: str, delimiter: str) -> str:
    """``text`` as one field, quoted only where it must be (RFC 4180).

    It is never altered otherwise: an ``=`` or an apostrophe at the start of an address is data, and a guard put
    before it would make a sender miss the ban.
    """
    if '"' in text or delimiter in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
