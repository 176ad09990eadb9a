"""Spark runs the same expressions to the same answers: decision cases, random registers, snapshots, frames in a lake.

These tests need Java (17 or newer); where there is none they fail with a sentence, and are left out by
``-m "not spark"``, which the checks of a change never are.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any, cast

import msgspec
import narwhals as nw
import polars as pl
import pytest
from sqlalchemy.orm import Session

from benchmarks.made_up import make
from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.screening import screen as screen_frame
from consentmgr.screening.decide import ACME, Case, decide_documents, identifiers_of, read_case, told
from consentmgr.screening.engine import EngineName
from consentmgr.screening.outputs import RESULT_COLUMNS
from consentmgr.screening.service import screen
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_store import SnapshotStore
from consentmgr.screening.spark_engine import SparkEngine, session_settings, spark_session
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.conftest import RunCommand
from tests.generators import NOW, world
from tests.screening.case_files import GIVEN, all_cases, cases_of
from tests.screening.test_compiled import EXPRESSIONS, FRAMES, TYPES, Columns, Frames, by_polars
from tests.screening.test_compiled import told as as_told
from tests.screening.test_snapshot import CAMPAIGNS
from tests.screening.test_written import MORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import DataFrame, SparkSession

pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(600),
    # PySpark leaves its sockets to the collector, and tells that it does not know pandas 3.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """A Spark of this machine, told that its frames are small."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # A short life: what the second compiler would gain is never earned back. The slow tests ask a thousand questions of
    # one session, which keeps their plans until it collects garbage.
    java = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    os.environ["PYSPARK_SUBMIT_ARGS"] = f'--driver-memory 2g --driver-java-options "{java}" pyspark-shell'
    session = spark_session("local[1]")
    session.conf.set("spark.sql.shuffle.partitions", "1")
    session.conf.set("spark.sql.adaptive.enabled", "false")
    session.conf.set("spark.sql.codegen.wholeStage", "false")
    session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    # Filters that follow from others are looked for and plans are described at length: of plans like these, a quarter of
    # the work.
    session.conf.set("spark.sql.constraintPropagation.enabled", "false")
    session.conf.set("spark.sql.ui.explainMode", "simple")
    session.conf.set("spark.sql.debug.maxToStringFields", "3")
    session.conf.set("spark.sql.maxPlanStringLength", "100")
    yield session
    session.stop()


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


def without_ids(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each question is a register of its own, whose entries have ids of their own."""
    return [{**answer, "evidence": bool(answer["evidence"])} for answer in answers]


#: Tests that the decision cases are divided among: some twenty questions each, of two processor seconds or three.
PARTS = 16


def asked_together() -> list[list[Case]]:
    """The decision cases, those together that ask the same at the same time under the same policy: Spark takes as long
    for one row as for a hundred.
    """
    found: dict[tuple[Any, ...], list[Case]] = {}
    for raw in all_cases():
        case = read_case(raw)
        campaign = msgspec.structs.replace(case.campaign, key="together", name="together")
        asked = (msgspec.json.encode(campaign), msgspec.json.encode(case.policy), case.now)
        found.setdefault(asked, []).append(case)
    return list(found.values())


def decided(cases: list[Case], engine: EngineName, database: Database, keys: AddressKeys) -> list[dict[str, Any]]:
    """Their answers, of one register that has the documents of all."""
    return without_ids(
        decide_documents(
            [document for case in cases for document in case.documents], cases[0].campaign,
            [case.row for case in cases], now=cases[0].now, policy=cases[0].policy, database=database, keys=keys,
            engine=engine,
        )
    )  # fmt: skip


def as_expected(case: Case, answer: dict[str, Any]) -> bool:
    return all(answer.get(name) == value for name, value in case.expect.items())


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_decision_case_has_the_same_answer(
    part: int, database: Database, address_keys: AddressKeys, spark: SparkSession
) -> None:
    questions, missed, alone = asked_together(), [], []
    assert sum(map(len, questions)) == sum(1 for _ in all_cases())
    for cases in questions[part::PARTS]:
        try:
            known = decided(cases, "duckdb", database, address_keys)
        except BadInput:
            # Their documents contradict each other.
            alone += [[case] for case in cases]
            continue
        # In one register some would meet the documents of others: these have one of their own.
        alone += [[case] for case, answer in zip(cases, known, strict=True) if not as_expected(case, answer)]
        pairs = zip(cases, decided(cases, "spark", database, address_keys), known, strict=True)
        missed += [(case.id, answer, expected) for case, answer, expected in pairs if answer != expected]
    for cases in alone:
        (answer,), (expected,) = (decided(cases, engine, database, address_keys) for engine in ("spark", "duckdb"))
        if answer != expected or not as_expected(cases[0], answer):
            missed.append((cases[0].id, answer, expected))
    assert not missed


def taken_in(database: Database, keys: AddressKeys, documents: list[dict[str, Any]]) -> None:
    found = [ACME, *(msgspec.convert(document, AnyDocument) for document in documents)]
    with database.transaction() as session:
        apply_documents(session, found, keys=keys, actor="test", now=NOW)


def snapshot_now(database: Database, keys: AddressKeys, folder: Path) -> Snapshot:
    with database.reading() as session:
        return SnapshotStore(folder, keys).build(driver_connection(session), NOW)


def taken_in_halves(database: Database, keys: AddressKeys, folder: Path) -> tuple[list[dict[str, Any]], Snapshot]:
    """The given cases, all their documents in one register, and a snapshot taken when half of them were in."""
    cases = [case for name in GIVEN for case in cases_of(name) if not case.get("policy")]
    documents = [document for case in cases for document in case["register"] if document["type"] != "controller"]
    half = len(documents) // 2
    controllers = [{"type": "controller", "key": key, "name": key} for key in ("sister", "beta", "partner")]
    taken_in(database, keys, [*controllers, *documents[:half]])
    snapshot = snapshot_now(database, keys, folder)
    taken_in(database, keys, documents[half:])
    return cases, snapshot


def answers(
    session: Session,
    campaign: dict[str, Any],
    rows: list[dict[str, str]],
    policy: dict[str, Any],
    keys: AddressKeys,
    engine: EngineName,
    snapshot: Snapshot | None = None,
) -> list[dict[str, Any]]:
    return told(
        screen(
            session,
            identifiers_of(rows),
            msgspec.convert(campaign, Campaign),
            keys=keys,
            policy=policy_from(policy),
            now=NOW,
            engine=engine,
            snapshot=snapshot,
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.key)
def test_the_rows_of_every_given_case_have_the_same_answers(
    campaign: Campaign, database: Database, address_keys: AddressKeys, spark: SparkSession, tmp_path: Path
) -> None:
    """One register of all cases' documents, from a snapshot and from what changed after it."""
    cases, snapshot = taken_in_halves(database, address_keys, tmp_path)
    rows = [{name: str(value) for name, value in case["row"].items()} for case in cases]
    with database.reading() as session:
        asked = (session, msgspec.to_builtins(campaign), rows, {}, address_keys)
        expected = answers(*asked, "duckdb")
        assert answers(*asked, "spark", snapshot) == expected
    assert len({answer["reason"] for answer in expected}) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(9001, 9004))
def test_random_registers_have_the_same_answers_from_a_snapshot_and_what_changed_since(
    seed: int, database: Database, address_keys: AddressKeys, spark: SparkSession, tmp_path: Path
) -> None:
    made = world(seed)
    half = len(made.documents) // 2
    taken_in(database, address_keys, made.documents[:half])
    snapshot = snapshot_now(database, address_keys, tmp_path)
    taken_in(database, address_keys, made.documents[half:])
    with database.reading() as session:
        for _ in range(6):
            campaign, policy = made.campaign(), made.policy()
            rows = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(60)]
            asked = (session, campaign, rows, policy, address_keys)
            expected = answers(*asked, "duckdb")
            assert answers(*asked, "duckdb", snapshot) == expected
            assert answers(*asked, "polars", snapshot) == expected
            assert answers(*asked, "spark", snapshot) == expected
            assert len(expected) == len(rows)


@pytest.mark.slow
def test_the_list_of_the_measurements_has_the_same_results_to_the_byte(
    database: Database, run_command: RunCommand, tmp_path: Path
) -> None:
    """The same register and list as ``make bench``, made small, through the whole command."""
    make(tmp_path, 2_000, 3_000, 1, NOW.date())
    run_command("init", "--controller", "acme", "--name", "Acme Oy")
    run_command("import", "register.jsonl")
    for engine in ("duckdb", "spark"):
        run_command(
            "screen", "--campaign", "campaign.json", "--engine", engine, "--output", f"{engine}.csv", "--no-side-files",
            "list.csv", expect=None,
        )  # fmt: skip
    of_spark = (tmp_path / "spark.csv").read_bytes()
    assert of_spark.count(b"\n") == 3_001
    assert of_spark == (tmp_path / "duckdb.csv").read_bytes()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def test_a_list_in_a_lake_is_screened_where_it_lies_and_answered_as_by_duckdb(
    database: Database, settings: Settings, address_keys: AddressKeys, spark: SparkSession, tmp_path: Path
) -> None:
    """The rows of every given case, against all their documents: a snapshot of half of them, and the rest since."""
    cases, _ = taken_in_halves(database, address_keys, settings.data_folder / "snapshots")
    # Named by their addresses alone, which takes Spark half as long to plan as every column does.
    fields = ["email", "source", "acquired_on"]
    rows = [[str(number), *(_text(case["row"].get(name)) for name in fields)] for number, case in enumerate(cases)]
    rows += [[str(len(rows)), *(["not an address"] * len(fields))], [str(len(rows) + 1), *rows[0][1:]]]
    written = pl.DataFrame(rows, schema=dict.fromkeys(["n", *fields], pl.String), orient="row")
    written.write_csv(tmp_path / "list.csv")
    campaign = {"key": "spring", "controller": "acme", "product_group": "training"}
    lake = spark.read.csv((tmp_path / "list.csv").as_uri(), header=True)
    # In this test, because two tests may be given to two workers, and each would start a JVM.
    with pytest.raises(BadInput, match="screened by Spark"):
        screen_frame(lake, campaign, settings=settings, engine="duckdb")
    with pytest.raises(BadInput, match="no column says who each row is"):
        screen_frame(lake.select("n"), campaign, settings=settings)
    found = screen_frame(lake, campaign, settings=settings, now=NOW)
    assert type(found) is type(lake)
    assert found.columns == ["n", *fields, *RESULT_COLUMNS, "cm_row"]
    of_spark = pl.DataFrame(found.toArrow()).sort(pl.col("n").cast(pl.Int64))
    expected = screen_frame(written, campaign, settings=settings, now=NOW, engine="duckdb")
    # Where the others speak of the row's place, Spark speaks of its number.
    place = {number: at for at, number in enumerate(of_spark["cm_row"], start=1)}
    assert len(place) == len(rows)
    assert [place.get(first) for first in of_spark["cm_duplicate_of"]] == expected["cm_duplicate_of"].to_list()
    assert expected["cm_duplicate_of"].n_unique() > 1
    compared = ["n", *(name for name in RESULT_COLUMNS if name not in ("cm_duplicate_of", "cm_evidence"))]
    assert of_spark.select(compared).rows() == expected.select(compared).rows()
    evidence = zip(of_spark["cm_evidence"], expected["cm_evidence"], strict=True)
    assert all((one or "") == (other or "") for one, other in evidence)
    assert of_spark["cm_reason"].n_unique() >= 10


#: A row for every value of each column, and one of nothing.
SOME: Columns = {name: [values[place % len(values)] for place in range(8)] for name, values in {
    "a": [-7, -1, 0, None, 3, 12, 5],
    "b": [0, 1, 9_223_372_036_854_775_807, None, -4_611_686_018_427_387_904],
    "p": [True, None, False],
    "q": [False, True, None, False],
    "s": ["", "|email|", "|email|sms|", "VENDOR-x\n", "vendor-x", None, "tietosuoja@", "Straße"],
    "d": [date(2024, 2, 29), date(2026, 11, 22), None],
    "k": [b"a" * 16, None, b"b" * 16],
}.items()}  # fmt: skip
#: Texts that would be read as more than text, if they stood in a query as they are.
AWKWARD = "it's \"all\" `one` \\' \\n text ${spark.app.name} {a} :a ? -- /* ÄÅÖ \n"


def by_spark(
    spark: SparkSession, tables: Mapping[str, Columns], ask: Callable[[Frames], nw.LazyFrame[Any]]
) -> list[dict[str, Any]]:
    with SparkEngine(spark) as engine:
        frames = {
            name: engine.table(name, pl.DataFrame(table, schema=TYPES).to_arrow()) for name, table in tables.items()
        }
        return engine.collect(ask(frames)).to_pylist()


def test_every_expression_means_to_spark_what_polars_takes_it_to_mean(spark: SparkSession) -> None:
    def ask(frames: Frames) -> nw.LazyFrame[Any]:
        found = {f"{place} of `all`": expression for place, expression in enumerate(EXPRESSIONS.values())}
        return frames["t"].select("a", awkward=nw.lit(AWKWARD), **found)

    assert as_told(by_spark(spark, {"t": SOME}, ask)) == as_told(by_polars({"t": SOME}, ask))


def test_a_long_table_is_sent_to_a_server_in_pieces_and_none_of_its_rows_is_lost(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As to a server, whose sessions are of another kind and ask for what is no part of the tests' installation.
    for name, value in (("_ROWS_IN_A_PLAN", 7), ("_ROWS_SENT", 3), ("_is_connect", lambda _session: True)):
        monkeypatch.setattr(f"consentmgr.screening.spark_engine.{name}", value)

    def ask(frames: Frames) -> nw.LazyFrame[Any]:
        return frames["t"].select("a", "s", "d", "k")

    with SparkEngine(spark) as engine:
        sent = engine.native(engine.table("t", pl.DataFrame(SOME, schema=TYPES).to_arrow()))
        assert sent.rdd.getNumPartitions() == 3
    assert not [view for view in spark.catalog.listTables() if view.name.startswith("cm_")]
    assert as_told(by_spark(spark, {"t": SOME}, ask)) == as_told(by_polars({"t": SOME}, ask))


@pytest.mark.slow
@pytest.mark.parametrize("right", [SOME, {name: [] for name in TYPES}], ids=["rows", "none"])
@pytest.mark.parametrize("name", [*FRAMES, *MORE])
def test_frames_of_spark_are_those_of_polars(name: str, right: Columns, spark: SparkSession) -> None:
    ask = FRAMES[name] if name in FRAMES else MORE[name]
    both = {"t": SOME, "u": right}
    assert as_told(by_spark(spark, both, ask)) == as_told(by_polars(both, ask))


def test_frames_that_are_made_side_by_side_have_names_of_their_own() -> None:
    both_named, names = Barrier(2, timeout=30), []

    class Native:
        columns = ("a",)

        def createOrReplaceTempView(self, name: str) -> None:  # noqa: N802 - Spark's own
            names.append(name)
            both_named.wait()

    engine = SparkEngine(cast("SparkSession", None))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(engine.rows, [cast("DataFrame", Native()), cast("DataFrame", Native())]))
    assert len(set(names)) == 2


def test_without_java_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="needs Java 17"):
        spark_session("local[1]")


def test_a_server_that_is_not_there_is_told_in_a_sentence(
    database: Database, environment: dict[str, str], run_command: RunCommand, tmp_path: Path
) -> None:
    environment["CONSENTMGR_SPARK_REMOTE"] = "sc://127.0.0.1:9/;token=hidden-word"
    (tmp_path / "list.csv").write_text("email\na@b.example\n")
    (tmp_path / "campaign.json").write_text('{"key": "c", "controller": "acme"}')
    with database.transaction() as session:
        apply_documents(session, [ACME], keys=AddressKeys(bytes(32), 1), actor="test", now=NOW)
    done = run_command("screen", "--campaign", "campaign.json", "--engine", "spark", "list.csv", expect=3)
    assert "pyspark[connect]" in done.stderr or "does not answer" in done.stderr
    assert "hidden-word" not in done.stderr


def test_a_spark_of_this_machine_has_the_memory_of_a_screening_and_a_cluster_what_it_was_given(
    settings: Settings,
) -> None:
    told = session_settings("local[*]", replace(settings, screening_memory=4_000_000_000))
    assert told["spark.driver.memory"] == "3814m"
    assert told["spark.local.dir"] == str(settings.data_folder / "spill")
    told = session_settings("local[2]", replace(settings, screening_memory=200_000_000))
    assert told["spark.driver.memory"] == "1024m"
    for remote in ("sc://spark.example:15002", "spark://spark.example:7077"):
        told = session_settings(remote, settings)
        assert told["spark.sql.session.timeZone"] == "UTC"
        assert not [name for name in told if name.startswith(("spark.driver.", "spark.sql.shuffle.", "spark.local."))]


def test_an_engine_takes_the_session_that_is_there_and_a_cluster_reads_snapshots_from_the_store(
    spark: SparkSession,
) -> None:
    # As it was set: eight parts are for a session that is made.
    assert spark_session("local[*]").conf.get("spark.sql.shuffle.partitions") == "1"
    engine = SparkEngine(spark, "s3://registers/acme?region=eu-north-1")
    path = "/data/snapshots/20261109T090000-abcdef/points.parquet"
    assert engine.address(path) == "s3a://registers/acme/20261109T090000-abcdef/points.parquet"
