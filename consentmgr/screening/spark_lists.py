"""Lists that lie in a lake, screened where they lie: a Spark frame goes in, a Spark frame comes back.

No row passes this process. Identifiers are digested where their rows are (``consentmgr`` must be installed there);
facts and rules are the same expressions as everywhere; what is gathered here are the few distinct combinations of
reasons, of which the words are made.

Rows of Spark have no order, so each gets a number, ``cm_row``, which ``cm_duplicate_of`` speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consentmgr.campaigns.policy import current
from consentmgr.config import Settings, is_this_machine
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import open_database
from consentmgr.keys import load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions.journal import catch_up
from consentmgr.screening.answers import Outcome
from consentmgr.screening.facts import ROWS_SCHEMA, Facts, ListShape, facts, register_facts
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import has_hashed_prohibitions, prohibition_hashes
from consentmgr.screening.row_frame import row_frame
from consentmgr.screening.run import snapshot_for
from consentmgr.screening.service import merged_contacts, question_of, with_survivors
from consentmgr.screening.snapshot_changes import changes_since, frames_of_snapshot
from consentmgr.screening.snapshot_store import store_of
from consentmgr.screening.spark_engine import SparkEngine
from consentmgr.screening.verdicts import outcome_of, packed_alone, packed_together, rows_with_several, weighing_plan
from consentmgr.vocabulary.codes import Language

if TYPE_CHECKING:
    from psycopg import Connection
    from pyspark.sql import DataFrame

    from consentmgr.vocabulary.documents import Campaign

ROW = "cm_row"
_WORDS = ("cm_verdict", "cm_reason", "cm_reasons", "cm_ground", "cm_explanation", "cm_legal_basis")


def screen_spark_frame(
    frame: Any,
    campaign: str | Path | Mapping[str, Any] | Campaign,
    settings: Settings,
    now: datetime,
    language: Language,
    mapping: Mapping[str, str] | None,
) -> DataFrame:
    """See ``consentmgr.screening.screen``; the frame that comes back has ``cm_row`` too."""
    from pyspark.sql import functions as f

    from consentmgr.screening.frames import campaign_given, recognised

    if ROW in frame.columns:
        raise BadInput(f"the frame has a column {ROW} already")
    places = recognised(frame.columns, mapping)
    if len(set(frame.columns)) != len(frame.columns):
        raise BadInput("two columns of the frame have one name")
    keys = load_keys(settings)
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    # Computed once: a number made while rows are read would be another one when they are read again.
    numbered = frame.withColumn(ROW, f.monotonically_increasing_id()).localCheckpoint()
    with open_database(settings) as database:
        catch_up(database, settings, keys, now)
        with database.reading() as session:
            asked = campaign_given(session, campaign)
            question = question_of(session, asked, current(session), now)
            connection = driver_connection(session)
            engine = SparkEngine(frame.sparkSession, _lake(frame.sparkSession, settings))
            rows = _rows(numbered, frame.columns, places, connection, address_keys, question)
            shape, has_invalid = _shape(rows)
            hashed = [kind for kind in ("email", "phone") if f"{kind}_sha256" in places]
            with engine, snapshot_for(session, store_of(settings, address_keys), now) as snapshot:
                tables = frames_of_snapshot(engine, snapshot, changes_since(engine, connection, snapshot))
                register = {name: engine.table(name, table) for name, table in tables.items()}
                register["prohibition_hashes"] = engine.table(
                    "prohibition_hashes", prohibition_hashes(connection, address_keys, hashed)
                )
                found = facts(
                    engine.keep, engine.rows(rows), register_facts(engine.keep, register, question), question, shape
                )
                signed = _signed(engine, found, question, has_invalid=has_invalid)
                told = _told(engine, signed, question, language).join(_duplicates(rows, question), ROW, "left")
                # Computed before the snapshot is let go.
                told = told.localCheckpoint()
    widened: DataFrame = numbered.join(told, ROW, "left").select(
        *frame.columns, "cm_verdict", "cm_reason", "cm_reasons", "cm_ground", "cm_evidence", "cm_explanation",
        "cm_legal_basis", "cm_duplicate_of", ROW,
    )  # fmt: skip
    return widened


def _lake(session: Any, settings: Settings) -> str | None:
    """The store of snapshots that Spark reads; None where Spark is on this machine and reads its folder."""
    try:
        master = str(session.conf.get("spark.master", ""))
    except Exception:  # noqa: BLE001 - a server that does not tell is another machine
        master = ""
    if master.startswith("local") or (settings.snapshots or "").startswith("file:"):
        return None
    host = master.partition("://")[2].partition(":")[0]
    if settings.snapshots is None and not is_this_machine(host):
        raise BadInput("a Spark on other machines reads snapshots from a store: set CONSENTMGR_SNAPSHOTS")
    return settings.snapshots


def _rows(
    numbered: DataFrame,
    columns: Sequence[str],
    places: Mapping[str, int],
    connection: Connection[Any],
    keys: AddressKeys,
    question: Question,
) -> DataFrame:
    """The rows as facts need them (``ROWS_SCHEMA``), digested where they lie, computed once."""
    merged = merged_contacts(connection) if "ref" in places else []
    digest = _digesting(list(places), merged, keys, question, with_hashes=has_hashed_prohibitions(connection))
    chosen = numbered.select(ROW, *(_named(columns[place]) for place in places.values()))
    return chosen.mapInArrow(digest, _spark_schema(ROWS_SCHEMA)).localCheckpoint()


def _named(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


def _spark_schema(schema: pa.Schema) -> str:
    kinds = {pa.int64(): "bigint", pa.bool_(): "boolean", pa.string(): "string", pa.date32(): "date"}
    return ", ".join(f"{field.name} {kinds.get(field.type, 'binary')}" for field in schema)


def _digesting(
    fields: list[str],
    merged: Sequence[tuple[str, str]],
    keys: AddressKeys,
    question: Question,
    *,
    with_hashes: bool,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark calls for each batch of ``cm_row`` and the recognised columns."""

    def digest(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from consentmgr.kit.tabular.cells import as_strings, trimmed

        plain = pa.schema(
            pa.field(field.name, pa.binary() if pa.types.is_fixed_size_binary(field.type) else field.type)
            for field in ROWS_SCHEMA
        )
        for batch in batches:
            table = pa.Table.from_batches([batch])
            texts = [trimmed(as_strings(column)) for column in table.columns[1:]]
            identifiers = with_survivors(pa.table(texts, names=fields), merged)
            rows = row_frame(identifiers, keys, question, with_hashes=with_hashes).table()
            yield from rows.set_column(0, "row_no", table.column(0)).cast(plain).combine_chunks().to_batches()

    return digest


def _shape(rows: DataFrame) -> tuple[ListShape, bool]:
    from pyspark.sql import functions as f

    names = [name for name in ROWS_SCHEMA.names if name not in ("row_no", "invalid")]
    (counted,) = rows.agg(
        f.count(f.lit(1)).alias("rows"),
        f.count(f.when(f.col("invalid"), 1)).alias("broken"),
        *(f.count(name).alias(name) for name in names),
    ).collect()
    return ListShape(counted["rows"], {name: counted[name] for name in names}), counted["broken"] > 0


def _signed(engine: SparkEngine, found: Facts, question: Question, *, has_invalid: bool) -> Any:
    """``row_no``, the packed weights and ``evidence`` of every row, computed once."""
    from pyspark.sql import functions as f

    plan = weighing_plan(question)
    several = engine.keep(rows_with_several(found), "several")
    single = found.cases.join(several, on="row_no", how="anti")
    alone = engine.native(packed_alone(single, plan, question, has_invalid=has_invalid))
    shared = found.cases.join(several, on="row_no", how="semi")
    each, united = packed_together(shared, plan, question, engine.keep, has_invalid=has_invalid)
    ids = f.explode(f.split(f.coalesce("evidence", f.lit("")), ";"))
    gathered = (
        engine.native(each)
        .select("row_no", ids.alias("id"))
        .filter("id <> ''")
        .groupBy("row_no")
        .agg(f.array_join(f.array_sort(f.collect_set("id")), ";").alias("evidence"))
    )
    together = engine.native(united).join(gathered, "row_no", "left").fillna("", ["evidence"])
    return alone.unionByName(together).localCheckpoint()


def _told(engine: SparkEngine, signed: Any, question: Question, language: Language) -> Any:
    """Per ``cm_row`` its verdict with reasons, words and evidence."""
    from pyspark.sql import functions as f

    names = sorted(name for name in signed.columns if name.startswith("signature_"))
    # A rule that gave no answer makes the number null; as in a list, that is told as -1.
    whole = signed.select(
        f.col("row_no").alias(ROW),
        f.col("evidence").alias("cm_evidence"),
        *(f.coalesce(name, f.lit(-1)).cast("bigint").alias(name) for name in names),
    )
    plan = weighing_plan(question)
    distinct = whole.select(*names).distinct().collect()
    made = [outcome_of(plan, [int(row[name]) for name in names], question, language) for row in distinct]
    words = {name: pa.array([int(row[name]) for row in distinct], pa.int64()) for name in names}
    words |= {name: pa.array([_word(name, outcome) for outcome in made], pa.string()) for name in _WORDS}
    return whole.join(f.broadcast(engine.native(engine.table("words", pa.table(words)))), names, "left").drop(*names)


def _word(name: str, outcome: Outcome) -> str | None:
    if name == "cm_reasons":
        return ";".join(outcome.reasons)
    value: str | None = getattr(outcome, name.removeprefix("cm_"))
    return value


def _duplicates(rows: DataFrame, question: Question) -> Any:
    """``cm_row`` of rows whose address (for post, household) an earlier row has, with that row's number."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    key = "post_key" if question.campaign.channel == "post" else f"{question.point_kind}_key"
    first = f.min("row_no").over(Window.partitionBy(key))
    repeated = rows.filter(f.col(key).isNotNull()).select(f.col("row_no").alias(ROW), first.alias("cm_duplicate_of"))
    return repeated.filter(f.col("cm_duplicate_of") < f.col(ROW))
