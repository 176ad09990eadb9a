"""Screening of frames that Python users have in hand: theirs goes in, the same kind comes back with the answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pyarrow as pa

from consentmgr.campaigns.policy import current
from consentmgr.config import Settings, load_settings
from consentmgr.db import open_database
from consentmgr.importing.campaign_documents import campaign_of_document
from consentmgr.keys import load_keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.cells import as_strings, trimmed
from consentmgr.prohibitions.journal import catch_up
from consentmgr.screening.engine import EngineName
from consentmgr.screening.outputs import SCREENING_COLUMNS, answer_table
from consentmgr.screening.run import campaign_of, own_engine, snapshot_for
from consentmgr.screening.service import BY_KEY_ROWS, screen
from consentmgr.screening.snapshot_store import store_of
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.columns import IDENTIFIERS, LIST_FIELDS, find_columns, shown_headers, understood_names
from consentmgr.vocabulary.documents import Campaign

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FrameT = TypeVar("FrameT")


@dataclass(frozen=True, slots=True)
class FrameKind:
    """How frames of one library are read and given back.

    ``names``: the columns' names; ``read``: some columns, by place, as an Arrow table; ``widen``: the same frame with
    an Arrow table's columns after its own, row by row.
    """

    names: Callable[[Any], Sequence[str]]
    read: Callable[[Any, Sequence[int]], pa.Table]
    widen: Callable[[Any, pa.Table], Any]


def screen_frame(
    frame: FrameT,
    campaign: str | Path | Mapping[str, Any] | Campaign,
    *,
    settings: Settings | None,
    now: datetime | None,
    language: Language | None,
    engine: EngineName | None,
    mapping: Mapping[str, str] | None,
) -> FrameT:
    """See ``consentmgr.screening.screen``."""
    settings = settings or load_settings(os.environ)
    now = now or clock.now()
    if now.tzinfo is None:
        raise BadInput("now must have a time zone", field="now")
    told = language or settings.language
    if _library(frame) == "pyspark":
        from consentmgr.screening.spark_lists import screen_spark_frame

        if engine not in (None, "spark"):
            raise BadInput("a Spark frame is screened by Spark", field="engine")
        return cast("FrameT", screen_spark_frame(frame, campaign, settings, now, told, mapping))
    if _is_lazy(frame):
        # Its rows are needed, and asked again they might come in another order.
        rows: Any = frame.collect() if _library(frame) == "polars" else frame.to_arrow_table()  # type: ignore[attr-defined]
        whole = screen_frame(rows, campaign, settings=settings, now=now, language=told, engine=engine, mapping=mapping)
        if _library(frame) == "polars":
            return cast("FrameT", whole.lazy())
        # DuckDB finds "whole" by its name here, and keeps hold of it; the relation is of the same connection.
        return cast("FrameT", frame.query("listed", "select * from whole"))  # type: ignore[attr-defined]
    kind = _kind(frame)
    places = recognised(kind.names(frame), mapping)
    read = kind.read(frame, list(places.values()))
    identifiers = pa.table([trimmed(as_strings(column)) for column in read.columns], names=list(places))
    keys = load_keys(settings)
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    with open_database(settings) as database:
        catch_up(database, settings, keys, now)
        with database.reading() as session, ExitStack() as stack:
            snapshot = None
            if len(identifiers) > BY_KEY_ROWS and engine not in ("polars", "compiled"):
                snapshot = stack.enter_context(snapshot_for(session, store_of(settings, address_keys), now))
            answers = screen(
                session,
                identifiers,
                campaign_given(session, campaign),
                keys=address_keys,
                policy=current(session),
                now=now,
                language=told,
                engine=engine,
                snapshot=snapshot,
                memory_limit=settings.screening_memory,
                spill_folder=str(settings.data_folder / "spill"),
                own_engine=own_engine(settings, engine),
            )
    return cast("FrameT", kind.widen(frame, answer_table(answers)))


def campaign_given(session: Session, campaign: str | Path | Mapping[str, Any] | Campaign) -> Campaign:
    """The campaign that was named or told. Raises ``BadInput`` or ``NotFound``."""
    if isinstance(campaign, Campaign):
        return campaign
    if isinstance(campaign, (str, Path)):
        return campaign_of(session, str(campaign))
    return campaign_of_document(dict(campaign))


def recognised(columns: Sequence[str], mapping: Mapping[str, str] | None) -> dict[str, int]:
    """Which column (from 0) each field is in. Raises ``BadInput`` where none says who a row is, or it was screened."""
    old = [column for column in columns if column.strip().lower() in SCREENING_COLUMNS]
    if old:
        raise BadInput(f"the frame has columns of an earlier screening already: {', '.join(old)}")
    found = find_columns(columns, LIST_FIELDS, mapping)
    if not any(field in found for field in IDENTIFIERS):
        raise BadInput(
            f"no column says who each row is. The columns are {shown_headers(columns)}. "
            f"Understood are {understood_names(IDENTIFIERS)}. Otherwise name one with mapping={{'email': 'COLUMN'}}"
        )
    return {field: found[field] for field in LIST_FIELDS if field in found}


# ------------------------------------------------------------------------------------------------ kinds of frames


def _library(frame: object) -> str:
    """The library a frame's class is of, whatever module of it the class lies in."""
    return type(frame).__module__.partition(".")[0].lstrip("_")


def _is_lazy(frame: object) -> bool:
    return (_library(frame), type(frame).__name__) in (("polars", "LazyFrame"), ("duckdb", "DuckDBPyRelation"))


def _kind(frame: object) -> FrameKind:
    kind = _KINDS.get(_library(frame))
    if kind is None or type(frame).__name__ not in _CLASSES:
        raise BadInput("a frame of Polars, pandas, PyArrow, DuckDB or Spark is expected")
    return kind


def _polars_widened(frame: Any, answers: pa.Table) -> Any:
    import polars as pl

    return frame.hstack(pl.DataFrame(answers))


def _pandas_read(frame: Any, places: Sequence[int]) -> pa.Table:
    # By place, for pandas allows two columns of one name.
    columns = [pa.chunked_array([pa.Array.from_pandas(frame.iloc[:, place])]) for place in places]
    return pa.table(columns, names=[str(place) for place in places])


def _pandas_widened(frame: Any, answers: pa.Table) -> Any:
    told = answers.to_pandas(integer_object_nulls=False)
    told["cm_duplicate_of"] = told["cm_duplicate_of"].astype("Int64")
    return frame.assign(**{name: told[name].array for name in answers.column_names})


def _arrow_widened(frame: Any, answers: pa.Table) -> Any:
    for name, column in zip(answers.column_names, answers.columns, strict=True):
        frame = frame.append_column(name, column)
    return frame


_KINDS: Mapping[str, FrameKind] = {
    "polars": FrameKind(
        lambda frame: frame.columns,
        lambda frame, places: frame.select([frame.columns[place] for place in places]).to_arrow(),
        _polars_widened,
    ),
    "pandas": FrameKind(lambda frame: [str(name) for name in frame.columns], _pandas_read, _pandas_widened),
    "pyarrow": FrameKind(
        lambda frame: frame.column_names, lambda frame, places: frame.select(list(places)), _arrow_widened
    ),
}
_CLASSES = ("DataFrame", "Table")
