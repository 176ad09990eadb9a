"""The result of a screening as a table, and the rows that may be sent.

A result has every input row once, in input order, and after the input's own columns those of ``RESULT_COLUMNS``.
A CSV result of a CSV list is the input's own text with fields put after each record, so no cell can change on the
way. Rows share few distinct outcomes: what an outcome adds is made once and joined to the records array-wise, piece
by piece, while a thread writes and hashes the piece before. Source: formats.md section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.kit.errors import BadInput
from consentmgr.screening.answers import Answers, Outcome
from consentmgr.screening.hashed_writing import write_packed, write_text
from consentmgr.screening.list_text import (
    byte_order_mark,
    csv_column,
    csv_header,
    csv_line,
    csv_records,
    pieces_of,
    string,
    strings,
    text_of,
    value_pieces,
)
from consentmgr.screening.lists import CampaignList

Format = Literal["csv", "xlsx", "parquet", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "parquet", "jsonl")

#: What a result adds to each row, in this order: the contract's columns, then ours.
RESULT_COLUMNS = (
    "cm_verdict",
    "cm_reason",
    "cm_reasons",
    "cm_ground",
    "cm_evidence",
    "cm_explanation",
    "cm_legal_basis",
    "cm_duplicate_of",
)
#: Added after ``cm_explanation`` where links were asked for (``Answers.links``).
LINK_COLUMNS = ("cm_preference_url", "cm_one_click_url")
#: Every column a screening may have added; an input that has one was screened before.
SCREENING_COLUMNS = (*RESULT_COLUMNS, *LINK_COLUMNS)
_BEFORE_LINKS = RESULT_COLUMNS.index("cm_explanation") + 1


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written: its own name (no folder), how many list rows it has, and its bytes' SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str


# ------------------------------------------------------------------------------------------------ what to write


def format_of(target: Path | str) -> Format:
    """The format a result file's ending asks for. Raises ``BadInput`` for any other ending."""
    ending = Path(target).suffix.lower().removeprefix(".")
    if ending in FORMATS:
        return ending
    raise BadInput(
        f"the ending of the output must say its format, one of {', '.join(f'.{name}' for name in FORMATS)}",
        file=str(target),
    )


def screened_before(lst: CampaignList) -> list[str]:
    """The list's columns that an earlier screening added, by their names in the list."""
    return [column for column in lst.columns if column.strip().lower() in SCREENING_COLUMNS]


def refuse_screened_before(lst: CampaignList) -> None:
    """Raise ``BadInput`` where the list is an earlier result, whose old verdicts would stand beside the new ones."""
    if old := screened_before(lst):
        raise BadInput(
            f"the list has columns of an earlier screening already: {', '.join(old)}. "
            "Take them out, or give --replace to have them replaced",
            file=lst.name,
        )


def without_screening_columns(lst: CampaignList) -> CampaignList:
    """The same list without the columns of an earlier screening; every other field keeps its text to the byte.

    ``sha256`` stays that of the file as it was read.
    """
    old = set(screened_before(lst))
    if not old:
        return lst
    keep = [index for index, column in enumerate(lst.columns) if column not in old]
    if not keep:
        raise BadInput("the list has only columns of an earlier screening, and none that says who a row is")
    table = lst.table.select(keep) if lst.table is not None else None
    records, header = lst.records, lst.header_record
    if lst.format == "jsonl":
        # The raw objects still hold the old members, so the result is written from the values.
        records = None
    elif records is not None:
        records = pa.array(
            (_some_fields(record, keep, lst.delimiter) for record in records.to_pylist()), pa.large_string()
        )
        header = _some_fields(header, keep, lst.delimiter) if header is not None else None
    return CampaignList(
        name=lst.name,
        format=lst.format,
        sha256=lst.sha256,
        encoding=lst.encoding,
        bom=lst.bom,
        delimiter=lst.delimiter,
        newline=lst.newline,
        columns=tuple(lst.columns[index] for index in keep),
        recognised={field: column for field, column in lst.recognised.items() if column not in old},
        header_record=header,
        records=records,
        table=table,
        identifiers=lst.identifiers,
    )


def _some_fields(record: str, keep: Sequence[int], delimiter: str) -> str:
    from consentmgr.kit.tabular.delimited import split_record

    fields = split_record(record, delimiter)
    return delimiter.join(fields[index] for index in keep)


def result_columns(answers: Answers) -> tuple[str, ...]:
    """What this result adds to each row, in order."""
    return (*RESULT_COLUMNS[:_BEFORE_LINKS], *answers.links, *RESULT_COLUMNS[_BEFORE_LINKS:])


def is_allowed(answers: Answers) -> npt.NDArray[np.bool_]:
    """For each row, whether it may be sent."""
    allowed = np.array([outcome.verdict == "allow" for outcome in answers.outcomes], dtype=np.bool_)
    return allowed[np.asarray(answers.outcome)] if len(answers) else np.zeros(0, dtype=np.bool_)


def allowed_rows(answers: Answers, *, drop_duplicates: bool = False) -> npt.NDArray[np.int64]:
    """Row numbers (from 0, ascending) of the rows that may be sent.

    ``drop_duplicates`` keeps only the first allowed row of each address (or household, for post).
    """
    rows = np.flatnonzero(is_allowed(answers))
    if drop_duplicates and len(rows):
        own = pa.array(np.arange(1, len(answers) + 1))
        first_of = np.asarray(pc.coalesce(answers.duplicate_of, own))
        _, first = np.unique(first_of[rows], return_index=True)
        rows = rows[np.sort(first)]
    return rows


# ----------------------------------------------------------------------------------------------- the two writers


def write_results(
    lst: CampaignList,
    answers: Answers,
    target: Path | BinaryIO,
    fmt: Format,
    *,
    name: str | None = None,
    summary: Sequence[Sequence[str]] = (),
) -> WrittenFile:
    """Write every row of ``lst`` with its answer to ``target`` and give what was written.

    ``target`` is written straight; ``PendingFiles`` makes it appear whole or not at all.
    ``name`` is what the file will be called where that is not ``target``'s own name. ``summary`` are the lines of an
    ``.xlsx`` result's first sheet. Raises ``BadInput`` where the list was screened before or does not fit the format.
    """
    if len(lst) != len(answers):
        raise ValueError(f"{len(answers)} answers for {len(lst)} rows")
    refuse_screened_before(lst)
    name = name or _name_of(target)
    if fmt == "csv":
        size, digest = write_text(target, _csv_result(lst, answers))
    elif fmt == "jsonl":
        size, digest = write_text(target, _json_lines_result(lst, answers))
    elif fmt == "parquet":
        size, digest = write_packed(target, lambda path: _write_parquet(lst, answers, path))
    else:
        size, digest = write_packed(target, lambda path: _write_xlsx(lst, answers, path, summary))
    return WrittenFile(name, len(lst), size, digest)


def write_allowed(
    lst: CampaignList,
    answers: Answers,
    target: Path | BinaryIO,
    *,
    name: str | None = None,
    drop_duplicates: bool = False,
) -> WrittenFile:
    """Write the rows that may be sent as CSV: the input's own columns and their links, ready for a sender.

    A row that repeats an address stays, unless ``drop_duplicates``. A list without a header gets none.
    """
    rows = allowed_rows(answers, drop_duplicates=drop_duplicates)
    size, digest = write_text(target, _csv_allowed(lst, rows, answers.links))
    return WrittenFile(name or _name_of(target), len(rows), size, digest)


def write_with_columns(lst: CampaignList, columns: Mapping[str, pa.Array], target: Path | BinaryIO) -> WrittenFile:
    """Write every row of ``lst`` as CSV with columns put after its own: texts of the list's length, null is empty."""
    mark = lst.delimiter
    header = lst.header_record if lst.header_record is not None else csv_line(lst.columns, mark)

    def pieces() -> Iterator[bytes | memoryview]:
        yield byte_order_mark(lst) + (mark.join((header, *columns)) + lst.newline).encode()
        for start, count, records in csv_records(lst):
            yield text_of(records, *_with_marks(columns, mark, np.arange(start, start + count)), newline=lst.newline)

    size, digest = write_text(target, pieces())
    return WrittenFile(_name_of(target), len(lst), size, digest)


def _name_of(target: Path | BinaryIO) -> str:
    return target.name if isinstance(target, Path) else "-"


# ------------------------------------------------------------------------------------------------------------ CSV


def _csv_result(lst: CampaignList, answers: Answers) -> Iterator[bytes | memoryview]:
    mark = lst.delimiter
    header = lst.header_record if lst.header_record is not None else csv_line(lst.columns, mark)
    yield byte_order_mark(lst) + (mark.join((header, *result_columns(answers))) + lst.newline).encode()
    before = strings(_before_evidence(outcome, mark) for outcome in answers.outcomes)
    explained = strings(_explained(outcome, mark) for outcome in answers.outcomes)
    after = strings(f"{mark}{csv_line((outcome.legal_basis or '',), mark)}{mark}" for outcome in answers.outcomes)
    if not answers.links:
        explained, after = pc.binary_join_element_wise(explained, after, string("")), None
    for start, count, records in csv_records(lst):
        outcome = answers.outcome.slice(start, count)
        yield text_of(
            records,
            before.take(outcome),
            csv_column(pc.cast(answers.evidence.slice(start, count), pa.large_string()), mark),
            explained.take(outcome),
            *_links(answers, mark, start, count),
            *(() if after is None else (after.take(outcome),)),
            pc.cast(answers.duplicate_of.slice(start, count), pa.large_string()),
            newline=lst.newline,
        )


def _links(answers: Answers, mark: str, start: int, count: int) -> list[pa.Array]:
    """The columns of links of these rows, a separator before each."""
    return _with_marks(answers.links, mark, np.arange(start, start + count)) if answers.links else []


def _with_marks(columns: Mapping[str, pa.Array], mark: str, rows: npt.NDArray[np.int64]) -> list[pa.Array]:
    """The fields of these columns for rows (from 0), each with the separator before it."""
    parts: list[pa.Array] = []
    for column in columns.values():
        parts += [string(mark), csv_column(column.take(pa.array(rows)), mark)]
    return parts


def _before_evidence(outcome: Outcome, mark: str) -> str:
    fields = (outcome.verdict, outcome.reason, ";".join(outcome.reasons), outcome.ground or "")
    return f"{mark}{csv_line(fields, mark)}{mark}"


def _explained(outcome: Outcome, mark: str) -> str:
    return f"{mark}{csv_line((outcome.explanation,), mark)}"


def _csv_allowed(
    lst: CampaignList, rows: npt.NDArray[np.int64], links: Mapping[str, pa.Array]
) -> Iterator[bytes | memoryview]:
    header, _ = csv_header(lst)
    header = lst.delimiter.join((header, *links)) if header is not None else None
    yield byte_order_mark(lst) + (f"{header}{lst.newline}".encode() if header is not None else b"")
    for start, count, records in csv_records(lst):
        first, last = np.searchsorted(rows, (start, start + count))
        if first < last:
            here = rows[first:last]
            yield text_of(
                records.take(pa.array(here - start)), *_with_marks(links, lst.delimiter, here), newline=lst.newline
            )


def _unique_names(names: Sequence[str]) -> list[str]:
    """Names for formats where a column is found by its name: an equal or empty one gets a number."""
    taken = set(RESULT_COLUMNS)
    unique = []
    for index, name in enumerate(names):
        chosen, number = name or f"column {index + 1}", 2
        while chosen in taken:
            chosen, number = f"{name or f'column {index + 1}'} ({number})", number + 1
        taken.add(chosen)
        unique.append(chosen)
    return unique


def answer_table(answers: Answers) -> pa.Table:
    """What a result adds to each row, as a table of ``result_columns``; null where a column says nothing."""
    return pa.table(_answer_columns(answers, 0, len(answers)), names=list(result_columns(answers)))


def _answer_columns(answers: Answers, start: int, count: int) -> list[pa.Array]:
    """The values of ``result_columns`` for these rows; null where a column says nothing."""
    outcome = answers.outcome.slice(start, count)

    def each(value: Callable[[Outcome], str | None]) -> pa.StringArray:
        return pa.array([value(item) for item in answers.outcomes], pa.string()).take(outcome)

    return [
        each(lambda item: item.verdict),
        each(lambda item: item.reason),
        each(lambda item: ";".join(item.reasons)),
        each(lambda item: item.ground),
        answers.evidence.slice(start, count),
        each(lambda item: item.explanation),
        *(column.slice(start, count).cast(pa.string()) for column in answers.links.values()),
        each(lambda item: item.legal_basis),
        answers.duplicate_of.slice(start, count),
    ]


# --------------------------------------------------------------------------------------- JSON Lines, Parquet, XLSX


def _json_lines_result(lst: CampaignList, answers: Answers) -> Iterator[bytes | memoryview]:
    if lst.records is None or lst.format != "jsonl":
        yield from _json_lines_of_values(lst, answers)
        return
    before = strings(_json_before_evidence(outcome) for outcome in answers.outcomes)
    explained = strings(_json_explained(outcome) for outcome in answers.outcomes)
    after = strings(_json_after_links(outcome) for outcome in answers.outcomes)
    for start, count in pieces_of(len(lst), lst.records.nbytes):
        # The object's own text up to its closing brace, then our members: nothing of it is written anew.
        opened = pc.ascii_rtrim(
            pc.utf8_slice_codeunits(pc.ascii_trim_whitespace(lst.records.slice(start, count)), start=0, stop=-1),
            characters=" \t\r\n",
        )
        comma = pc.if_else(pc.equal(opened, "{"), string(""), string(","))
        outcome = answers.outcome.slice(start, count)
        yield text_of(
            opened,
            comma,
            before.take(outcome),
            _json_strings(answers.evidence.slice(start, count)),
            explained.take(outcome),
            *_json_links(answers, start, count),
            after.take(outcome),
            pc.fill_null(pc.cast(answers.duplicate_of.slice(start, count), pa.large_string()), "null"),
            newline="}\n",
        )


def _json_before_evidence(outcome: Outcome) -> str:
    members = {
        "cm_verdict": outcome.verdict,
        "cm_reason": outcome.reason,
        "cm_reasons": ";".join(outcome.reasons),
        "cm_ground": outcome.ground,
    }
    return msgspec.json.encode(members).decode()[1:-1] + ',"cm_evidence":'


def _json_explained(outcome: Outcome) -> str:
    return "," + msgspec.json.encode({"cm_explanation": outcome.explanation}).decode()[1:-1]


def _json_links(answers: Answers, start: int, count: int) -> Iterator[pa.Array]:
    for name, column in answers.links.items():
        yield string(f',"{name}":')
        yield _json_strings(column.slice(start, count))


def _json_after_links(outcome: Outcome) -> str:
    return "," + msgspec.json.encode({"cm_legal_basis": outcome.legal_basis}).decode()[1:-1] + ',"cm_duplicate_of":'


def _json_strings(values: pa.StringArray) -> pa.LargeStringArray:
    """Ids as JSON strings; they hold letters, digits and ``;`` and so need no escape. Null is ``null``."""
    quoted = pc.binary_join_element_wise(
        string('"'), pc.cast(values, pa.large_string()), string('"'), string(""), null_handling="emit_null"
    )
    return pc.fill_null(quoted, "null")


def _json_lines_of_values(lst: CampaignList, answers: Answers) -> Iterator[bytes | memoryview]:
    encode = msgspec.json.Encoder(enc_hook=str).encode_lines
    names = [*_unique_names(lst.columns), *result_columns(answers)]
    rows = _rows(lst, answers)
    while batch := [dict(zip(names, row, strict=True)) for row in islice(rows, 10_000)]:
        yield encode(batch)


def _write_parquet(lst: CampaignList, answers: Answers, path: Path) -> None:
    import pyarrow.parquet as pq

    names = [*_unique_names(lst.columns), *result_columns(answers)]
    own = [pa.string()] * (len(result_columns(answers)) - 1) + [pa.int64()]
    if lst.table is not None:
        types = [*lst.table.schema.types, *own]
    else:
        types = [*[pa.string()] * len(lst.columns), *own]
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(names, types, strict=True)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start, values in value_pieces(lst):
            columns = [*values.columns, *_answer_columns(answers, start, len(values))]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


#: Recognised fields whose numbers are names of something: as numbers they would lose zeros, or be summed.
_NAMES = ("phone", "business_id", "postal_code", "ref", "apartment")


def _write_xlsx(lst: CampaignList, answers: Answers, path: Path, summary: Sequence[Sequence[str]]) -> None:
    from consentmgr.screening.workbook import write_workbook

    write_workbook(
        path,
        [*lst.columns, *result_columns(answers)],
        _rows(lst, answers),
        len(lst),
        names={lst.recognised[field] for field in _NAMES if field in lst.recognised},
        summary=summary,
    )


def _rows(lst: CampaignList, answers: Answers) -> Iterator[tuple[object, ...]]:
    for start, values in value_pieces(lst):
        columns = [*map(_plain, values.columns), *_answer_columns(answers, start, len(values))]
        yield from zip(*(column.to_pylist() for column in columns), strict=True)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same column where every value has a plain Python form: no nanoseconds, and bytes as text."""
    from consentmgr.kit.tabular.cells import as_strings

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    if pa.types.is_time64(column.type):
        return column.cast(pa.time64("us"), safe=False)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return as_strings(column)
    return column
