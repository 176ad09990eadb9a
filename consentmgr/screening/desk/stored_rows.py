"""The rows of a finished screening, kept as columns in the file store and asked by DuckDB: no row is in the database.

``rows.parquet`` has one row for each row of the list: ``row`` (from 1), verdict, reason, reasons, ground, evidence,
the row it repeats, and what the list said of who it is (``id_email`` and so on). ``review.parquet`` has the list's own
record of each row to review, so that those a person allows can be sent in the list's own form. Both lie in a private
folder and are forgotten with the list. Every question streams: none grows with the list's length in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consentmgr.kit.errors import NotFound
from consentmgr.screening.answers import Answers
from consentmgr.screening.list_text import csv_header, csv_records
from consentmgr.screening.lists import CampaignList
from consentmgr.vocabulary.codes import Channel, Verdict

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS: Final = "rows.parquet"
REVIEW: Final = "review.parquet"
FORM: Final = "form.json"
#: Rows to review of which a decision of the screening before still holds: ``row``, and the ``id`` of that decision.
CARRIED: Final = "carried.parquet"
#: Rows written in one group: small enough that a page reads few, large enough to pack well.
_GROUP_ROWS: Final = 50_000
PAGE_ROWS: Final = 50

_DECIDED_SCHEMA: Final = pa.schema(
    [
        ("id", pa.int64()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("verdict", pa.string()),
        ("carried", pa.int64()),
    ]
)
_CARRIED_SCHEMA: Final = pa.schema([("row", pa.int64()), ("id", pa.int64())])


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it concerns rows: of one row, of all rows to review with that headline reason, or of those for
    which the decision ``carried`` of the screening before holds on.
    """

    id: int
    row: int | None
    reason: str | None
    verdict: str
    carried: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row of a list with its answer. ``identifiers`` are the recognised cells that were not blank;
    ``banned_channel`` is the banned one where that is not the campaign's.
    """

    number: int
    verdict: Verdict
    reason: str
    reasons: tuple[str, ...]
    ground: str | None
    evidence: tuple[str, ...]
    duplicate_of: int | None
    identifiers: Mapping[str, str]
    banned_channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in the list's order, and the row numbers a newer and an older page begin after; None where none is."""

    rows: tuple[Row, ...]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Form:
    """How the list is written: what a file of some of its rows begins with, and what stands between."""

    header: str | None
    delimiter: str
    newline: str
    byte_order_mark: bool


# --- written by the task ----------------------------------------------------------------------------------------------


def write_rows(lst: CampaignList, answers: Answers, folder: Path) -> None:
    """Keep the answers for every row in ``folder``, which is private."""
    index = answers.outcome
    outcomes = answers.outcomes

    def of_outcomes(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(list(values), kind).take(index)

    table = pa.table(
        {
            "row": pa.array(range(1, len(answers) + 1), pa.int64()),
            "verdict": of_outcomes([one.verdict for one in outcomes], pa.string()),
            "reason": of_outcomes([one.reason for one in outcomes], pa.string()),
            "reasons": of_outcomes([";".join(one.reasons) for one in outcomes], pa.string()),
            "ground": of_outcomes([one.ground for one in outcomes], pa.string()),
            "evidence": answers.evidence,
            "banned_channel": of_outcomes([one.banned_channel for one in outcomes], pa.string()),
            "duplicate_of": answers.duplicate_of,
            **{f"id_{name}": lst.identifiers[name] for name in lst.identifiers.column_names},
        }
    )
    pq.write_table(table, folder / ROWS, row_group_size=_GROUP_ROWS, compression="zstd")
    _write_review(lst, table, folder)
    header, mark = csv_header(lst)
    form = {"header": header, "delimiter": lst.delimiter, "newline": lst.newline, "byte_order_mark": mark}
    (folder / FORM).write_text(json.dumps(form), encoding="utf-8")


def _write_review(lst: CampaignList, table: pa.Table, folder: Path) -> None:
    schema = pa.schema([("row", pa.int64()), ("record", pa.large_string())])
    with pq.ParquetWriter(folder / REVIEW, schema, compression="zstd") as writer:
        to_review = pc.equal(table["verdict"], "review").combine_chunks()
        for start, count, records in csv_records(lst):
            here = to_review.slice(start, count)
            if pc.any(here).as_py():
                rows = table["row"].slice(start, count).combine_chunks()
                chosen = [rows.filter(here), pc.cast(records, pa.large_string()).filter(here)]
                writer.write_table(pa.table(chosen, schema=schema))


# --- asked by pages ---------------------------------------------------------------------------------------------------


@contextmanager
def _opened(folder: Path, decided: Sequence[Decided] = ()) -> Iterator[DuckDBPyConnection]:
    """A connection that sees the rows as ``rows`` and the decisions as ``decided``."""
    import duckdb

    path = folder / ROWS
    if not path.is_file():
        raise NotFound("the rows of this screening are not kept any more")
    with duckdb.connect(config={"threads": 2, "memory_limit": "400MB"}) as connection:
        connection.from_parquet(str(path)).create_view("rows")
        told = pa.Table.from_pylist(
            [
                {"id": one.id, "row": one.row, "reason": one.reason, "verdict": one.verdict, "carried": one.carried}
                for one in decided
            ],
            schema=_DECIDED_SCHEMA,
        )
        connection.register("decided", told)
        held = folder / CARRIED
        if held.is_file():
            connection.from_parquet(str(held)).create_view("carried")
        else:
            connection.register("carried", _CARRIED_SCHEMA.empty_table())
        yield connection


def page_of(
    folder: Path,
    *,
    verdict: str | None = None,
    reason: str | None = None,
    number: int | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE_ROWS,
) -> Page:
    """Rows with this verdict, headline reason and number, following (or preceding) a row number, in order."""
    asked: list[tuple[str, Any]] = [
        ("verdict = ?", verdict),
        ("reason = ?", reason),
        ("row = ?", number),
    ]
    conditions = [condition for condition, value in asked if value is not None]
    values = [value for _, value in asked if value is not None]
    backwards = before is not None
    with _opened(folder) as connection:
        found = [
            _row(row) for row in _windows(connection, conditions, values, after=after, before=before, most=limit + 1)
        ]
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
        older = found[-1].number if found else None
        return Page(tuple(found), found[0].number if more else None, older)
    newer = found[0].number if found and after else None
    return Page(tuple(found), newer, found[-1].number if more else None)


def _windows(
    connection: DuckDBPyConnection,
    conditions: Sequence[str],
    values: Sequence[Any],
    *,
    after: int | None,
    before: int | None,
    most: int,
) -> list[dict[str, Any]]:
    """Up to ``most`` rows in order from a row number on (or back), looked for in windows that grow: where such rows are
    near, little is read, for a window of numbers is a few groups of the file.
    """
    backwards = before is not None
    (last,) = connection.execute("SELECT coalesce(max(row), 0) FROM rows").fetchone() or (0,)
    place = (before or 0) if backwards else (after or 0) + 1
    size = _GROUP_ROWS
    found: list[dict[str, Any]] = []
    while len(found) < most and (place > 1 if backwards else place <= last):
        low, high = (max(1, place - size), place - 1) if backwards else (place, place + size - 1)
        where = " AND ".join((*conditions, "row BETWEEN ? AND ?"))
        order = "DESC" if backwards else "ASC"
        # Conditions are ours, values are parameters.
        question = f"SELECT * FROM rows WHERE {where} ORDER BY row {order} LIMIT {most - len(found)}"  # noqa: S608
        found += _dicts(connection, question, [*values, low, high])
        place = low if backwards else high + 1
        size *= 4
    return found


def row_of(folder: Path, number: int) -> Row:
    """One row. Raises ``NotFound``."""
    with _opened(folder) as connection:
        found = [_row(row) for row in _dicts(connection, "SELECT * FROM rows WHERE row = ?", [number])]
    if not found:
        raise NotFound("the list has no such row")
    return found[0]


def rows_with(folder: Path, verdict: str, *, reason: str | None = None, numbers: Sequence[int] | None = None) -> int:
    """How many rows have this verdict: with this headline reason, or among these numbers."""
    question, values = "SELECT count(*) AS n FROM rows WHERE verdict = ?", [verdict]
    with _opened(folder) as connection:
        if reason is not None:
            question += " AND reason = ?"
            values.append(reason)
        if numbers is not None:
            connection.register("wanted", pa.table({"row": pa.array(list(numbers), pa.int64())}))
            question += " AND row IN (SELECT row FROM wanted)"
        return int(_dicts(connection, question, values)[0]["n"])


#: For each row to review that a decision speaks of, the newest such decision.
_NEWEST = """
    SELECT r.row, arg_max(d.verdict, d.id) AS verdict, max(d.id) AS id
    FROM (
        SELECT r.row, d.id FROM rows r JOIN decided d ON d.row = r.row WHERE r.verdict = 'review'
        UNION ALL
        SELECT r.row, d.id FROM rows r JOIN decided d ON d.reason = r.reason WHERE r.verdict = 'review'
        UNION ALL
        SELECT r.row, d.id FROM rows r JOIN carried c ON c.row = r.row JOIN decided d ON d.carried = c.id
        WHERE r.verdict = 'review'
    ) r JOIN decided d ON d.id = r.id GROUP BY r.row
"""


def decided_counts(folder: Path, decided: Sequence[Decided]) -> dict[str, int]:
    """Rows to review by what was decided of them: ``allow``, ``block``, and ``open`` for those nobody decided."""
    question = f"SELECT verdict, count(*) AS n FROM ({_NEWEST}) GROUP BY verdict"  # noqa: S608 - our own words
    with _opened(folder, decided) as connection:
        counts = {str(row["verdict"]): int(row["n"]) for row in _dicts(connection, question, [])}
        all_rows = _dicts(connection, "SELECT count(*) AS n FROM rows WHERE verdict = 'review'", [])[0]["n"]
    counts = {"allow": counts.get("allow", 0), "block": counts.get("block", 0)}
    return {**counts, "open": int(all_rows) - sum(counts.values())}


def decided_of(folder: Path, decided: Sequence[Decided], numbers: Sequence[int]) -> dict[int, int]:
    """The newest decision (its id) for each of these rows that has one."""
    question = f"SELECT row, id FROM ({_NEWEST}) WHERE row IN (SELECT row FROM wanted)"  # noqa: S608 - our own words
    with _opened(folder, decided) as connection:
        connection.register("wanted", pa.table({"row": pa.array(list(numbers), pa.int64())}))
        return {int(row["row"]): int(row["id"]) for row in _dicts(connection, question, [])}


def carry_over(before: Path, after: Path, decided: Sequence[Decided]) -> set[int]:
    """Keep beside a result which rows to review are as they were when somebody decided of them; those decisions' ids.

    The same row is one with the same number and the same cells of who it is, in two screenings of one list; its
    verdict, every reason, the ground and the evidence must be what they were. ``decided`` are the decisions of the
    screening before.
    """
    if not decided or not (before / ROWS).is_file():
        return set()
    with _opened(before, decided) as connection:
        names = connection.execute("DESCRIBE rows").fetchall()
        alike = " AND ".join(
            f'a."{name}" IS NOT DISTINCT FROM r."{name}"' for (name, *_) in names if name not in ("row", "duplicate_of")
        )
        # Names are ours (``write_rows``), the place is a parameter.
        question = (
            f"SELECT n.row, n.id FROM ({_NEWEST}) n JOIN rows r ON r.row = n.row"  # noqa: S608
            f" JOIN read_parquet(?) a ON a.row = r.row WHERE {alike} ORDER BY n.row"
        )
        held = connection.sql(question, params=[str(after / ROWS)]).to_arrow_table().cast(_CARRIED_SCHEMA)
    if not held.num_rows:
        return set()
    pq.write_table(held, after / CARRIED, compression="zstd")
    return set(pc.unique(held["id"]).to_pylist())


def form_of(folder: Path) -> Form:
    """How the list is written."""
    return Form(**json.loads((folder / FORM).read_text(encoding="utf-8")))


def decided_records(folder: Path, decided: Sequence[Decided], *, batch: int = 20_000) -> Iterator[pa.Table]:
    """The rows to review that a person allowed, in order: ``record``, and the recognised cells by their fields."""
    question = f"""
        SELECT v.record, r.* FROM ({_NEWEST}) n JOIN rows r ON r.row = n.row
        JOIN read_parquet(?) v ON v.row = n.row WHERE n.verdict = 'allow' ORDER BY n.row
    """  # noqa: S608 - our own words
    with _opened(folder, decided) as connection:
        reader: pa.RecordBatchReader = connection.sql(question, params=[str(folder / REVIEW)]).to_arrow_reader(batch)
        for found in reader:
            yield pa.Table.from_batches([found])


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows went from one verdict to another between two screenings of one list."""

    before: Verdict
    after: Verdict
    rows: int


def changes(before: Path, after: Path) -> list[Change]:
    """Rows whose verdict changed between two screenings of the same list, counted by both; most first."""
    question = """
        SELECT b.verdict AS before, r.verdict AS after, count(*) AS n FROM rows r
        JOIN read_parquet(?) b ON b.row = r.row WHERE b.verdict <> r.verdict GROUP BY ALL ORDER BY n DESC, before, after
    """
    _require(before)
    with _opened(after) as connection:
        return [
            Change(row["before"], row["after"], int(row["n"]))
            for row in _dicts(connection, question, [str(before / ROWS)])
        ]


def changed_page(
    before: Path, after: Path, *, follow: int = 0, limit: int = PAGE_ROWS
) -> tuple[list[tuple[Row, Verdict, str]], int | None]:
    """Rows whose verdict changed, after a row number, with the verdict and reason they had; where to go on, or None."""
    question = f"""
        SELECT r.*, b.verdict AS had_verdict, b.reason AS had_reason FROM rows r
        JOIN read_parquet(?) b ON b.row = r.row WHERE b.verdict <> r.verdict AND r.row > ?
        ORDER BY r.row LIMIT {limit + 1}
    """  # noqa: S608 - a number of ours
    _require(before)
    with _opened(after) as connection:
        found = _dicts(connection, question, [str(before / ROWS), follow])
    rows: list[tuple[Row, Verdict, str]] = [(_row(row), row["had_verdict"], row["had_reason"]) for row in found[:limit]]
    return rows, rows[-1][0].number if len(found) > limit else None


def answers_between(folder: Path, low: int, high: int) -> pa.Table:
    """``row``, ``verdict``, ``reason`` and what the list said of who it is (by field), of rows ``low`` to ``high``."""
    with _opened(folder) as connection:
        question = "SELECT * FROM rows WHERE row BETWEEN ? AND ? ORDER BY row"
        found: pa.Table = connection.sql(question, params=[low, high]).to_arrow_table()
    kept = [name for name in found.column_names if name in ("row", "verdict", "reason") or name.startswith("id_")]
    return found.select(kept).rename_columns([name.removeprefix("id_") for name in kept])


def _require(folder: Path) -> None:
    if not (folder / ROWS).is_file():
        raise NotFound("the rows of the earlier screening are not kept any more")


def _dicts(connection: DuckDBPyConnection, question: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(question, list(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        number=int(row["row"]),
        verdict=row["verdict"],
        reason=row["reason"],
        reasons=tuple(str(row["reasons"] or "").split(";")),
        ground=row["ground"],
        evidence=tuple(part for part in str(row["evidence"] or "").split(";") if part),
        duplicate_of=row["duplicate_of"],
        identifiers={
            name.removeprefix("id_"): str(value) for name, value in row.items() if name.startswith("id_") and value
        },
        # Lists that were screened before this was kept do not say.
        banned_channel=row.get("banned_channel"),
    )
