"""What tests of every room share: one real PostgreSQL for the whole run, a clean register for each test.

All workers use the product's own embedded server in one temporary folder; each has a database of its own, migrated
once. After a test its rows are deleted, which takes two milliseconds where a new database takes a hundred.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import URL, Engine, create_engine, text

from consentmgr.config import Settings
from consentmgr.db import AddressKeyInUse, Database, migrate
from consentmgr.embedded_postgres import EmbeddedPostgres, ServerAddress
from consentmgr.keys import Keys, load_keys, make_missing_keys
from consentmgr.postgres_cluster import ROLE, SUPERUSER

if TYPE_CHECKING:
    from collections.abc import Iterator

# The machine may be busy with other tests: an example that takes long is no fault, and fixtures are reset by hand.
hypothesis_settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("house")


class RunCommand(Protocol):
    """Runs ``consentmgr`` with arguments as a process of its own, in the test's folder, on the test's register."""

    def __call__(
        self, *arguments: str | os.PathLike[str], stdin: str | None = None, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def server(shared_folder: Path) -> Iterator[ServerAddress]:
    """The server of this run: the first worker starts it, the last one stops it."""
    postgres = EmbeddedPostgres(shared_folder / "postgres")
    yield postgres.open(create=True)
    postgres.close()


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
    """Brings a worker's database back to what it was after migration."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
            self.tables = [name for name in tables if name != "alembic_version"]
            self.seeded = self._filled()
            connection.execute(text("CREATE SCHEMA seed"))
            for name in self.seeded:
                connection.execute(text(f"CREATE TABLE seed.{name} AS SELECT * FROM {name}"))

    def _filled(self) -> list[str]:
        question = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in self.tables)
        with self.engine.connect() as connection:
            return list(connection.scalars(text(question)))

    def clean(self) -> None:
        filled = self._filled()
        with self.engine.begin() as connection:
            # Foreign keys and the triggers that keep the ledger unchanged do not bind a replica's role.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for name in filled:
                connection.execute(text(f"DELETE FROM {name}"))
            for name in self.seeded:
                connection.execute(text(f"INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM seed.{name}"))


@pytest.fixture(scope="session")
def _cleaner(register_url: URL) -> Iterator[Cleaner]:
    engine = create_engine(register_url.set(username=SUPERUSER))
    yield Cleaner(engine)
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


@pytest.fixture
def keys(settings: Settings) -> Keys:
    """The installation's keys."""
    return load_keys(settings)


@pytest.fixture
def environment(settings: Settings, database: Database) -> dict[str, str]:
    """The environment a command of this installation runs in."""
    assert settings.database_url is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONSENTMGR_")},
        "CONSENTMGR_DATA": str(settings.data_folder),
        "CONSENTMGR_DATABASE_URL": settings.database_url,
    }


@pytest.fixture
def run_command(environment: dict[str, str], tmp_path: Path) -> RunCommand:
    """Run ``consentmgr`` and check its exit code (``expect=None`` for any)."""

    def run(
        *arguments: str | os.PathLike[str], stdin: str | None = None, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "consentmgr", *map(os.fspath, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            cwd=tmp_path,
            check=False,
        )
        assert expect is None or done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
