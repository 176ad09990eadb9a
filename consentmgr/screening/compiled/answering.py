"""A short list answered by the compiled engine: its plan, and what PostgreSQL knows of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from psycopg import Connection

from consentmgr.screening.answers import Outcome
from consentmgr.screening.compiled.kept_plans import plan_of
from consentmgr.screening.facts import ListShape
from consentmgr.screening.kinds import by_kind_of_few
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import Columns, rows_by_key
from consentmgr.screening.row_frame import Addressed
from consentmgr.vocabulary.codes import Language

_HASHED_TARGETS = frozenset({"email_sha256", "phone_sha256"})


def answered(
    connection: Connection[Any], addressed: Addressed, hashes: pa.Table, question: Question, language: Language
) -> tuple[tuple[Outcome, ...], pa.Int32Array, pa.StringArray]:
    """As ``verdicts.outcomes``: the distinct outcomes, per row the index of its own, and the ids that decided."""
    register = rows_by_key(connection, addressed.keys(hashes))
    if not is_met_by_hash(register):
        addressed.forget_hashes()
    rows = addressed.rows(question)
    table = rows.table()
    listed = {column: table[column].to_pylist() for column in table.column_names}
    found, evidence = told_of_few(
        listed, rows.shape, register, hashes, question, language, has_invalid=rows.has_invalid
    )
    places = {outcome: place for place, outcome in enumerate(dict.fromkeys(found))}
    return (
        tuple(places),
        pa.array([places[outcome] for outcome in found], pa.int32()),
        pa.array(evidence, pa.string()),
    )


def is_met_by_hash(register: Mapping[str, Columns]) -> bool:
    """Whether a ban that arrived hashed is among what was found; else plain addresses meet nothing by their hashes that
    they do not meet as they are.
    """
    return not _HASHED_TARGETS.isdisjoint(register["prohibitions"]["target_kind"])


def told_of_few(
    listed: Columns,
    shape: ListShape,
    register: Mapping[str, Columns],
    hashes: pa.Table,
    question: Question,
    language: Language,
    *,
    has_invalid: bool,
) -> tuple[Sequence[Outcome], Sequence[str]]:
    """The outcome and the ids that decided, row by row. ``listed``: the columns of ``ROWS_SCHEMA``; ``register``: what
    ``rows_by_key`` gives for them.
    """
    tables = by_kind_of_few(register)
    tables["rows"] = listed
    tables["prohibition_hashes"] = {column: hashes[column].to_pylist() for column in hashes.column_names}
    return plan_of(question, shape, has_invalid=has_invalid).ask(tables, question.moment_us, language)
