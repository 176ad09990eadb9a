"""What tests of every room share: one real PostgreSQL for the whole run, a clean register for each test.

All workers use the product's own embedded server in one temporary folder; each has a database of its own, migrated
once. After a test its rows are deleted, which takes a millisecond where a new database takes a hundred.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import URL, Engine, create_engine, text

from consentmgr.config import Settings
from consentmgr.db import Database, migrate
from consentmgr.embedded_postgres import EmbeddedPostgres, ServerAddress
from consentmgr.installation import prepare
from consentmgr.keys import Keys, load_keys, make_missing_keys
from consentmgr.postgres_cluster import ROLE, SUPERUSER
from consentmgr.tables import AddressKeyInUse
from tests.command_runner import CommandRunner, Started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.mail.loopback import LoopbackServer
    from tests.staff.api_calling import ApiCalling
    from tests.staff.signing_in import Desk

# What Python makes of a source is kept, as an installation keeps it: many processes of the product are started here, and
# loading takes a tenth of the time of compiling.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Between two searches for circles of dead objects as many new ones as between two of a command's (kit.interpreter): Python's
# own few hundred make a run spend a twentieth of its time on searching.
gc.set_threshold(50_000)

# The machine may be busy with other tests: an example that takes long is no fault, and fixtures are reset by hand.
hypothesis_settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("house")


TOP = Path(__file__).resolve().parents[1]
#: What processes of the product see: this checkout, and no pandas, which an installation has not; where it is there,
#: pyarrow loads it by itself, which takes a command half a second.
AS_INSTALLED = os.pathsep.join((str(TOP / "benchmarks" / "as_installed"), str(TOP)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left with it while the others have nothing to do any more. Those
    tests have a limit of their own, a browser, or the whole demonstration.

    Two workers are given a half each, and take from one another's end what is left (``--dist worksteal``): the browser is
    started in the first half alone, and what else takes long is at the beginning of the second.
    """
    browser, long, short = [], [], []
    for item in items:
        parts = item.path.parts
        if "browser" in parts:
            browser.append(item)
        elif "demo" in parts or item.get_closest_marker("timeout") is not None:
            long.append(item)
        else:
            short.append(item)
    before = max(len(items) // 2 - len(browser), 0)
    items[:] = [*browser, *short[:before], *long, *short[before:]]


def pytest_collection_finish() -> None:
    """What all tests and their modules hold stays to the end: it need not be gone through for every piece of garbage."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """At the end it may be: what is held longer than its library is told as leaked."""
    gc.unfreeze()


class RunCommand(Protocol):
    """Runs ``consentmgr`` with arguments as a process of its own, in the test's folder, on the test's register."""

    def __call__(
        self, *arguments: str | os.PathLike[str], stdin: str | None = None, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]: ...


class RunProgram(Protocol):
    """Runs a module of the tests, or Python of more lines than one, as ``RunCommand`` runs ours, to its end whatever that
    is; ``variables`` are more environment.
    """

    def __call__(
        self, program: str, *arguments: str | os.PathLike[str], **variables: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(shared_folder: Path) -> Path:
    """A template is compiled once in a run, and not by each application or server that shows it; where they lie."""
    from flask import Flask
    from jinja2 import FileSystemBytecodeCache

    folder = shared_folder / "templates"
    folder.mkdir(exist_ok=True)
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}
    return folder


@pytest.fixture(scope="session")
def server(shared_folder: Path) -> Iterator[ServerAddress]:
    """The server of this run: the first worker starts it, the last one stops it.

    Where memory can be a folder it lies there: every commit is still synced, and waits for no disk.
    """
    in_memory = Path("/dev/shm")
    folder = shared_folder
    if in_memory.is_dir() and shutil.disk_usage(in_memory).free > 4_000_000_000:
        for left in in_memory.glob("consentmgr-tests-*"):
            # Of a run that was killed: memory is given back.
            if time.time() - left.stat().st_mtime > 3600 and EmbeddedPostgres(left / "postgres").running_at() is None:
                shutil.rmtree(left, ignore_errors=True)
        folder = in_memory / f"consentmgr-tests-{zlib.crc32(os.fsencode(shared_folder)):08x}"
        folder.mkdir(mode=0o700, exist_ok=True)
    postgres = EmbeddedPostgres(folder / "postgres")
    yield postgres.open(create=True)
    postgres.close()
    if folder != shared_folder and postgres.running_at() is None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def session_keys(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Keys made once, since making and checking them takes longer than most tests."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("keys", numbered=True))
    make_missing_keys(settings)
    return settings


def server_url(address: ServerAddress, database: str, role: str = ROLE) -> URL:
    """An address of the run's server."""
    host = {"host": str(address.socket_folder), "port": str(address.port)}
    return URL.create("postgresql+psycopg", username=role, database=database, query=host)


@pytest.fixture(scope="session")
def register_url(server: ServerAddress, session_keys: Settings, worker_id: str) -> URL:
    """A migrated database of this worker."""
    name = f"test_{worker_id}"
    url = server_url(server, name)
    with (
        Database(create_engine(server_url(server, "postgres", SUPERUSER), isolation_level="AUTOCOMMIT")) as owner,
        owner.connect() as connection,
    ):
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {ROLE}"))
    with Database(create_engine(url)) as database:
        with database.engine.begin() as connection:
            migrate(connection)
        with database.transaction() as session:
            key_id = load_keys(session_keys).address_key_id
            session.add(AddressKeyInUse(key_id=key_id, since=datetime.now(UTC)))
    return url


class Cleaner:
    """Brings a worker's database back to what it was after migration: in one question, since every test asks it."""

    def __init__(self, engine: Engine) -> None:
        with engine.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
            connection.execute(text("CREATE SCHEMA seed"))
            changed, steps = [], []
            for name in tables:
                if name == "alembic_version":
                    continue
                found, restored = f"EXISTS (SELECT FROM public.{name})", ""
                if connection.scalar(text(f"SELECT {found}")):
                    connection.execute(text(f"CREATE TABLE seed.{name} AS SELECT * FROM {name}"))
                    was, now = f"TABLE seed.{name}", f"TABLE public.{name}"
                    found = f"EXISTS ({was} EXCEPT ALL {now}) OR EXISTS ({now} EXCEPT ALL {was})"
                    restored = f" INSERT INTO public.{name} OVERRIDING SYSTEM VALUE SELECT * FROM seed.{name};"
                changed.append(f"SELECT '{name}' AS name WHERE {found}")
                steps.append(f"IF '{name}' = ANY(changed) THEN DELETE FROM public.{name};{restored} END IF;")
            # All tables are looked at in one statement: each of its own takes PostgreSQL longer to begin than to answer.
            connection.execute(
                text(
                    "CREATE FUNCTION seed.clean() RETURNS void LANGUAGE plpgsql"
                    f" AS $$ DECLARE changed text[] := (SELECT array_agg(name) FROM ({' UNION ALL '.join(changed)}) AS all_of);"
                    f" BEGIN {' '.join(steps)} END $$"
                )
            )
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        driver = self._connection.connection.driver_connection
        assert driver is not None
        self._execute = driver.execute
        # Foreign keys and the triggers that keep the ledger unchanged do not bind a replica's role. Its connection stays
        # in it, because whoever changes roles loses all plans.
        self._execute("SET session_replication_role = replica")

    def clean(self) -> None:
        self._execute("SELECT seed.clean()")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="session")
def _cleaner(register_url: URL) -> Iterator[Cleaner]:
    engine = create_engine(register_url.set(username=SUPERUSER))
    cleaner = Cleaner(engine)
    yield cleaner
    cleaner.close()
    engine.dispose()


@pytest.fixture(scope="session")
def _session_database(register_url: URL) -> Iterator[Database]:
    with Database(create_engine(register_url, hide_parameters=True)) as database:
        yield database


@pytest.fixture
def database(_session_database: Database, _cleaner: Cleaner) -> Iterator[Database]:
    """An empty register, migrated as an installation's is."""
    yield _session_database
    _cleaner.clean()


@pytest.fixture
def settings(tmp_path: Path, session_keys: Settings, register_url: URL) -> Settings:
    """The settings of an installation whose register is ``database`` and whose data folder is the test's own."""
    folder = tmp_path / "data"
    shutil.copytree(session_keys.keys_folder, folder / "keys")
    for closed in (folder, folder / "keys"):
        closed.chmod(0o700)
    return Settings(data_folder=folder, database_url=register_url.set(drivername="postgresql").render_as_string())


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with a server of its own, which is stopped: making one takes two seconds."""
    folder = tmp_path_factory.mktemp("prepared", numbered=True) / "data"
    prepare(Settings(data_folder=folder), now=datetime.now(UTC))
    return folder


@pytest.fixture
def own_installation(tmp_path: Path, _prepared: Path) -> Settings:
    """The settings of an installation that is new, with a server of its own, as after ``consentmgr init``."""
    folder = tmp_path / "own"
    shutil.copytree(_prepared, folder)
    for original in (_prepared, *_prepared.rglob("*")):
        # The server's files are its own account's, where it has one.
        found = original.stat()
        os.chown(folder / original.relative_to(_prepared), found.st_uid, found.st_gid)
    return Settings(data_folder=folder)


@pytest.fixture(scope="session")
def keys(session_keys: Settings) -> Keys:
    """The keys of ``settings``, whose folder a test that looks into none need not have."""
    return load_keys(session_keys)


@pytest.fixture
def environment(settings: Settings, database: Database) -> dict[str, str]:
    """The environment a command of this installation runs in."""
    assert settings.database_url is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONSENTMGR_")},
        "CONSENTMGR_DATA": str(settings.data_folder),
        "CONSENTMGR_DATABASE_URL": settings.database_url,
    }


@pytest.fixture(scope="session")
def _command_runner(_compiled_templates: Path) -> Iterator[CommandRunner]:
    with TemporaryDirectory(prefix="commands-") as folder:
        runner = CommandRunner(Path(folder), AS_INSTALLED, _compiled_templates)
        yield runner
        runner.close()


@pytest.fixture
def run_program(environment: dict[str, str], tmp_path: Path, _command_runner: CommandRunner) -> RunProgram:
    """Run lines of Python for which the product is loaded already."""

    def run(program: str, *arguments: str | os.PathLike[str], **variables: str) -> subprocess.CompletedProcess[str]:
        return _command_runner.run(
            [os.fspath(argument) for argument in arguments],
            environment={**environment, **variables},
            folder=tmp_path,
            program=program,
        )

    return run


@pytest.fixture
def run_command(environment: dict[str, str], tmp_path: Path, _command_runner: CommandRunner) -> RunCommand:
    """Run ``consentmgr`` and check its exit code (``expect=None`` for any)."""

    def run(
        *arguments: str | os.PathLike[str], stdin: str | None = None, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        done = _command_runner.run(
            [os.fspath(argument) for argument in arguments], stdin=stdin, environment=environment, folder=tmp_path
        )
        assert expect is None or done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@dataclass
class RunningServer:
    """A ``consentmgr serve`` of the test's register."""

    process: subprocess.Popen[bytes] | Started
    #: Without a slash at its end; links begin with it.
    url: str
    #: Where it writes what it would write to the terminal, standard output and standard error together.
    written: Path

    def log(self) -> str:
        """Everything it has written so far."""
        return self.written.read_text(encoding="utf-8")

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(30)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(
    environment: dict[str, str], tmp_path: Path, _command_runner: CommandRunner
) -> Iterator[Callable[..., RunningServer]]:
    """Start ``consentmgr serve`` on the test's register, as often as is asked; ``variables`` are more environment.

    Each is forked from a process that has loaded what a server needs; with ``alone`` it loads everything itself. All
    end with the test.
    """
    started: list[RunningServer] = []

    def start(*arguments: str, port: int | None = None, alone: bool = False, **variables: str) -> RunningServer:
        port = port or free_port()
        url = f"http://127.0.0.1:{port}"
        written = tmp_path / f"serve-{len(started)}.log"
        told = {**environment, "PYTHONPATH": AS_INSTALLED, "CONSENTMGR_PUBLIC_URL": url, **variables}
        asked = ["serve", "--port", str(port), *arguments]
        process: subprocess.Popen[bytes] | Started
        with written.open("wb") as log:
            if alone:
                process = subprocess.Popen(
                    [sys.executable, "-m", "consentmgr", *asked],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=told,
                    cwd=tmp_path,
                )
            else:
                process = _command_runner.start(asked, output=log, environment=told, folder=tmp_path)
        running = RunningServer(process, url, written)
        started.append(running)
        deadline = time.monotonic() + 60
        while not re.search(r"^Serving ", running.log(), re.MULTILINE):
            assert process.poll() is None, running.log()
            assert time.monotonic() < deadline, running.log()
            time.sleep(0.02)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()


@pytest.fixture
def web(serve: Callable[..., RunningServer]) -> RunningServer:
    """A running ``consentmgr serve`` of the test's register."""
    return serve()


@pytest.fixture
def _application(settings: Settings, database: Database) -> Iterator[Flask]:
    from tests.application import application

    with application(settings, database) as app:
        yield app


@pytest.fixture
def client(_application: Flask) -> FlaskClient:
    """Asks the application within this process, without a server."""
    return _application.test_client()


@pytest.fixture
def smtp() -> Iterator[LoopbackServer]:
    """A mail server on loopback; ``.url`` is for CONSENTMGR_SMTP_URL, ``.box`` has what arrived."""
    from tests.mail.loopback import LoopbackServer

    with LoopbackServer() as running:
        yield running


@pytest.fixture
def mail_settings(settings: Settings, smtp: LoopbackServer) -> Settings:
    """The installation's settings, with a mail server and an address that links begin with."""
    return replace(
        settings,
        smtp_url=smtp.url,
        mail_from="viestit@acme.example",
        public_url="https://valinnat.acme.example",
    )


@pytest.fixture
def mailing_client(mail_settings: Settings, database: Database) -> Iterator[FlaskClient]:
    """As ``client``, of an installation that has a mail server."""
    from tests.application import application

    with application(mail_settings, database) as app:
        yield app.test_client()


@pytest.fixture
def desk(_application: Flask, database: Database) -> Desk:
    """Members of staff: ``desk("marketer", controllers={"acme"})`` is a client signed in as one (tests.staff.signing_in)."""
    from tests.staff.signing_in import Desk

    return Desk(_application, database)


@pytest.fixture
def api(_application: Flask, database: Database) -> ApiCalling:
    """Other systems: ``api(Scope.CHECK, controllers={"acme"})`` is a client with such a key (tests.staff.api_calling)."""
    from tests.staff.api_calling import ApiCalling

    return ApiCalling(_application, database)
