"""The same column expressions on Spark: for lists and registers that lie in a lake (docs/spark.md).

Facts and rules are written against ``narwhals.LazyFrame`` and run here as they are: as the text of a query
(``written.spark``), which Spark reads once. Made of Spark's own columns one by one, a question is sixty thousand messages
between Python and Java. A kept frame is computed once and its history cut off (``localCheckpoint``): Spark would
otherwise plan, and compute, the whole tree at every step.

The session is made here (``local[2]``, ``spark://…``), reached by Spark Connect (``sc://…``), or somebody's own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import narwhals as nw
import pyarrow as pa

from consentmgr.config import is_this_machine
from consentmgr.kit.errors import Unavailable
from consentmgr.screening.written.spark import SparkFrame, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from consentmgr.config import Settings

#: What a session of our own is told.
_SETTINGS = {
    "spark.app.name": "consentmgr",
    "spark.sql.session.timeZone": "UTC",
    # Frames go over as Arrow; times never do, they are numbers.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
#: What a Spark of this machine is told besides; a cluster has what it was set to.
_LOCAL_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Two hundred parts, the default, are for terabytes.
    "spark.sql.shuffle.partitions": "8",
    # Nobody looks at the plans, which are described at length at every step, and anew whenever one is changed.
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.debug.maxToStringFields": "3",
    "spark.sql.maxPlanStringLength": "100",
    # The code that Spark makes of a question runs for a few seconds, and what the second compiler would gain is never
    # earned back: a fifth of the processor for a million rows.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
#: Spark of this machine keeps everything in one heap, which is no smaller than Spark itself would make it.
_LEAST_HEAP, _MEBIBYTE = 1024, 1024 * 1024

#: Rows that a plan sent to a server may hold, and how many are given to its executors at once.
_ROWS_IN_A_PLAN, _ROWS_SENT = 10_000, 250_000


def session_settings(remote: str, settings: Settings | None = None) -> dict[str, str]:
    """What a new session is told: one of this machine how to be quick there, a cluster only what answers rest on."""
    if not remote.startswith("local"):
        return dict(_SETTINGS)
    told = _SETTINGS | _LOCAL_SETTINGS
    if settings is not None:
        told["spark.driver.memory"] = f"{max(_LEAST_HEAP, settings.screening_memory // _MEBIBYTE)}m"
        # With the register, and not among everybody's temporary files.
        told["spark.local.dir"] = str(settings.data_folder / "spill")
    return told


def spark_session(remote: str, settings: Settings | None = None) -> SparkSession:
    """The session of this process as it is, or a new one; ``settings`` say what memory and folder one of this machine
    may take. Raises ``Unavailable``: without PySpark, Java or server.
    """
    try:
        with warnings.catch_warnings():
            # PySpark tells on import that its own pandas functions do not know pandas 3; none of them is used here.
            warnings.simplefilter("ignore")
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
    except ImportError:
        raise Unavailable("Spark is not installed here: pip install 'consentmgr[spark]'") from None
    is_connect = remote.startswith("sc://")
    if not is_connect and not _java():
        raise Unavailable("Spark needs Java 17 or newer, and none was found: install it, or set JAVA_HOME")
    if not is_connect and (there := SparkSession.getActiveSession()) is not None:
        # Somebody's own, or ours of the question before: what it has been set to since stands.
        return there
    builder = SparkSession.builder
    if remote.startswith("local"):
        # Workers on this machine are the Python that runs this, and not whichever is first on the PATH. PySpark asks
        # the environment alone.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for name, value in session_settings(remote, settings).items():
        builder = builder.config(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session: SparkSession = (builder.remote(remote) if is_connect else builder.master(remote)).getOrCreate()
            if is_connect:
                session.range(1).count()
    except ImportError:
        raise Unavailable("Spark Connect needs more of PySpark: pip install 'pyspark[connect]'") from None
    except (PySparkException, RuntimeError, OSError) as error:
        # The words of the error may quote the address, which may hold a token.
        raise Unavailable(f"Spark does not answer ({type(error).__name__})") from None
    if not is_connect:
        session.sparkContext.setLogLevel("ERROR")
    return session


def spark_engine(settings: Settings) -> SparkEngine:
    """The engine that ``CONSENTMGR_SPARK_REMOTE`` names."""
    remote = settings.spark_remote
    # "local[2]" is no address at all.
    host = urlsplit(remote).hostname if "://" in remote else "localhost"
    is_here = is_this_machine(host or "")
    return SparkEngine(spark_session(remote, settings), None if is_here else settings.snapshots)


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    if home and (found := shutil.which("java", path=os.path.join(home, "bin"))):  # noqa: PTH118 - a search path
        return found
    return shutil.which("java")


class SparkEngine:
    """One run's workspace in a Spark session; the session itself stays, for starting one takes ten seconds.

    ``snapshots`` is the store that the cluster sees too (``Settings.snapshots``); without it Spark reads this
    machine's own folder, which is right where Spark runs on this machine.
    """

    name = "spark"

    def __init__(self, session: SparkSession, snapshots: str | None = None) -> None:
        self.session = session
        self._snapshots = snapshots
        self._numbers = count(1)
        #: Of this run alone, so that two of one session never meet.
        self._prefix = f"cm_{secrets.token_hex(8)}"
        self._views: list[str] = []
        #: All rows came from this process, so that it can hold what is made of them.
        self._is_all_from_here = True

    def rows(self, native: DataFrame) -> SparkFrame:
        """The rows of a list that lies with Spark."""
        self._is_all_from_here = False
        return self._named(native, native.columns)

    def _named(self, native: DataFrame, columns: Iterable[str]) -> SparkFrame:
        """A frame of Spark's own, which is known to it by a name until the run is over."""
        # A count gives each thread another: the register and the list are made ready side by side.
        view = f"{self._prefix}_{next(self._numbers)}"
        native.createOrReplaceTempView(view)
        self._views.append(view)
        return SparkFrame.of(self._numbers, view, columns)

    def native(self, frame: nw.LazyFrame[Any]) -> DataFrame:
        """The same as a frame of Spark's own."""
        if not isinstance(frame, SparkFrame):
            raise TypeError("a frame of another engine")
        return self.session.sql(frame.sql())

    def table(self, name: str, data: Any) -> nw.LazyFrame[Any]:
        """A frame from an Arrow table, or what is one already."""
        if isinstance(data, nw.LazyFrame):
            return data
        plain = _plain(data)
        schema = _spark_schema(plain.schema)
        if not plain.num_rows:
            # Said so that Spark knows it before it plans: whatever would be joined with nothing is left out.
            shown = (f"cast(null as {field.dataType.simpleString()}) as {quoted(field.name)}" for field in schema)
            return self._named(self.session.sql(f"select {', '.join(shown)} where false"), plain.column_names)
        if plain.num_rows > _ROWS_IN_A_PLAN and _is_connect(self.session):
            return self._in_pieces(plain, schema)
        return self._named(self._sent(plain, schema), plain.column_names)

    def _sent(self, plain: pa.Table, schema: StructType) -> DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sent: DataFrame = self.session.createDataFrame(plain, schema=schema)
            return sent

    def _in_pieces(self, plain: pa.Table, schema: StructType) -> SparkFrame:
        """What a server is sent is part of its plan: every condition on it is reckoned while it plans, row by row and in
        one thread, and each time it is named there is one more copy. So a long table is given to the executors first.
        """
        texts = []
        for start in range(0, plain.num_rows, _ROWS_SENT):
            piece = self._sent(plain.slice(start, _ROWS_SENT), schema).localCheckpoint()
            texts.append(self._named(piece, plain.column_names).sql())
        return self._named(self.session.sql(" union all ".join(texts)), plain.column_names)

    def parquet(self, path: str) -> nw.LazyFrame[Any]:
        """A frame of one file of a snapshot."""
        from pyarrow.parquet import read_schema

        self._is_all_from_here = False
        # Told what is in it, Spark need not look into each file before it plans.
        schema = _spark_schema(_plain(read_schema(path).empty_table()).schema)
        return self._named(self.session.read.schema(schema).parquet(self.address(path)), schema.names)

    def address(self, path: str) -> str:
        """Where Spark finds one file of a snapshot."""
        if self._snapshots is None:
            return Path(path).as_uri()
        # Spark's own file system of S3 is called s3a; what stands after "?" is for PyArrow.
        base = self._snapshots.partition("?")[0].rstrip("/").replace("s3://", "s3a://", 1)
        return "/".join((base, *Path(path).parts[-2:]))

    def table_later(self, name: str, schema: pa.Schema, data: Callable[[], pa.Table]) -> nw.LazyFrame[Any]:
        return self.table(name, data().cast(schema))

    def keep(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        if self._is_all_from_here:
            return self.table(name, self.collect(frame))
        return self._named(self.native(frame).localCheckpoint(), frame.columns)

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return self.native(frame).toArrow()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was kept goes when nobody holds its frame; no name is left behind in the session.
        for view in self._views:
            self.session.catalog.dropTempView(view)
        self._views.clear()


def _is_connect(session: SparkSession) -> bool:
    return type(session).__module__.startswith("pyspark.sql.connect.")


def _plain(table: pa.Table) -> pa.Table:
    """The same table in types Spark has: bytes of any length for keys, strings of the small kind."""
    fields = [
        pa.field(
            field.name,
            pa.binary()
            if pa.types.is_fixed_size_binary(field.type)
            else pa.string()
            if pa.types.is_large_string(field.type) or pa.types.is_null(field.type)
            else field.type,
        )
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _spark_schema(schema: pa.Schema) -> StructType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql.pandas.types import from_arrow_schema

        return from_arrow_schema(schema)
