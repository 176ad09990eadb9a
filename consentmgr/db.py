"""The database: one PostgreSQL, opened once, checked before it is trusted with a decision.

Flask is not imported here; ``consentmgr.app`` binds Flask-SQLAlchemy to the same tables and engine. Nor is SQLAlchemy
before somebody asks for a session: loading it and the tables' classes takes a third of what a short list takes, and
whoever asks in plain SQL (``reading_plainly``, ``writing_plainly``, ``ask``) does without.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from threading import BoundedSemaphore, RLock
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, TypeVar, cast
from weakref import finalize

import psycopg

from consentmgr.config import Settings
from consentmgr.database_addresses import driver_of, engine_of_address, engine_of_built_in, make_engine, plain_address
from consentmgr.database_checks import refuse_other_address_key, refuse_other_schema, refuse_unsafe_server
from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.files import data_folder
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.postgres_cluster import DATABASE, ROLE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

    #: Who asks in plain SQL, inside a transaction: a session, or the driver's connection itself.
    Asking: TypeAlias = Session | psycopg.Connection[Any]

Answer = TypeVar("Answer")

#: Questions asked of the database by ``Database.ask`` at the same moment; others wait a few milliseconds.
_MOST_ASKERS: Final = 8

#: In a session's ``info``: the ids of ledger entries that must be in the journal before they are committed.
JOURNALLED: Final = "entries to be journalled"
#: Who writes them, as ``module:function`` of ``(session, settings, entry ids)``. A place, because its room is above.
_JOURNAL: Final = "consentmgr.prohibitions.journal:write_entries"


class Database:
    """An open database. Close it, or use it as a context manager, so that the product's own server can stop."""

    def __init__(
        self,
        engine: Engine | Callable[[], Engine],
        server: EmbeddedPostgres | None = None,
        *,
        driver: Callable[[], psycopg.Connection[Any]] | None = None,
        journalled_for: Settings | None = None,
    ) -> None:
        """``engine``: one that is made, or what makes it when it is first asked for; ``driver``: a connection of the
        driver's to the same place, for those who need no engine.
        """
        self._engine, self._driver = engine, driver
        self._lock = RLock()
        #: The connection of a command that asks in plain SQL, while it is not in use.
        self._kept: psycopg.Connection[Any] | None = None
        self._askers: _Askers | None = None
        self._server = server
        #: The installation whose journal this register's acts are written to. A scratch register has none.
        self._journalled_for = journalled_for

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's pool of connections, made when it is first asked for."""
        # Asked with every request, and after a fork perhaps while another thread of the parent made one.
        if not callable(self._engine):
            return self._engine
        with self._lock:
            if callable(self._engine):
                self._engine = self._engine()
                # Its pool has connections of its own.
                self._close_kept()
            return self._engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed at the end of the block, or undone if the block raises.

        Erasures among it are in the journal, synced, before the commit. Raises ``Unavailable`` where they cannot be.
        """
        from sqlalchemy.orm import Session

        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session
            self._journal(session)

    def _journal(self, session: Session) -> None:
        entry_ids = session.info.pop(JOURNALLED, None)
        if entry_ids and self._journalled_for is not None and session.in_transaction():
            # What can fail fails first: what the journal has is taken, whether it is committed now or not.
            session.flush()
            module, _, name = _JOURNAL.partition(":")
            getattr(import_module(module), name)(session, self._journalled_for, entry_ids)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads, and sees one position of the database from its first question to its last."""
        from sqlalchemy.orm import Session

        engine = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with Session(engine, expire_on_commit=False) as session:
            yield session
            # Nothing was written; but after a ROLLBACK the driver forgets which statements it had prepared.
            session.commit()

    def ask(self, question: Callable[[psycopg.Connection[Any]], Answer]) -> Answer:
        """The answer to a question of one statement, with nothing said around it: for doors asked many times a second.

        One statement sees one position of the database by itself. The question only reads, and may be asked twice.
        """
        return self._asking().ask(question)

    def _asking(self) -> _Askers:
        askers = self._askers
        # After a fork the sockets are the parent's: they are kept, unused, so that nothing is said on them.
        if askers is None or askers.process != os.getpid():
            with self._lock:
                askers = self._askers
                if askers is None or askers.process != os.getpid():
                    self._askers = askers = _Askers(self._taken)
                    finalize(self, _close_all, askers.idle)
        return askers

    @contextmanager
    def reading_plainly(self) -> Iterator[psycopg.Connection[Any]]:
        """As ``reading``, without a session: a connection of the driver's, in its transaction."""
        with self._plainly(psycopg.IsolationLevel.REPEATABLE_READ, read_only=True) as connection:
            yield connection

    @contextmanager
    def writing_plainly(self) -> Iterator[psycopg.Connection[Any]]:
        """As ``transaction``, without a session. For what is no act of a person: nothing of it is journalled."""
        with self._plainly(None, read_only=None) as connection:
            yield connection

    @contextmanager
    def _plainly(
        self, level: psycopg.IsolationLevel | None, *, read_only: bool | None
    ) -> Iterator[psycopg.Connection[Any]]:
        connection = self._taken()
        try:
            connection.isolation_level, connection.read_only = level, read_only
            yield connection
            connection.commit()
        except BaseException:
            # Closed, what was not committed is undone.
            connection.close()
            raise
        with self._lock:
            if self._kept is None and callable(self._engine):
                self._kept = connection
            else:
                connection.close()

    def _taken(self) -> psycopg.Connection[Any]:
        """A connection of the driver's that is nobody else's: the one that is kept, or a new one."""
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is not None:
            kept.isolation_level = kept.read_only = None
            return kept
        return self._driver() if self._driver is not None else taken_out(self.engine)

    def _close_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A plain connection; what is not committed in the block is undone at its end."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def scratch_schema(self) -> Iterator[Database]:
        """An empty register in a schema of its own, gone at the end of the block; nothing else is touched.

        A scratch schema that a killed process left is dropped by the next one.
        """
        from sqlalchemy import text

        name = f"scratch_{secrets.token_hex(8)}"
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holder:
            _drop_abandoned_schemas(holder)
            holder.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), {"name": name})
            holder.execute(text(f"CREATE SCHEMA {name}"))
            scratch = Database(make_engine(self.engine.url, search_path=name))
            try:
                with scratch.engine.begin() as connection:
                    migrate(connection)
                yield scratch
            finally:
                scratch.close()
                holder.execute(text(f"DROP SCHEMA {name} CASCADE"))
                holder.execute(text("SELECT pg_advisory_unlock_all()"))

    def refresh_statistics(self) -> None:
        """Let PostgreSQL count anew what its tables hold; for the end of any work that wrote much.

        The built-in server lives too short for its own housekeeping to do it, and plans without it are poor.
        """
        from sqlalchemy import text

        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))

    @property
    def is_built_in(self) -> bool:
        """Whether it is the product's own server, whose superuser we are."""
        return self._server is not None

    @property
    def described(self) -> str:
        """Where the database is, for people: no password."""
        if self._server is not None:
            return f"built-in PostgreSQL in {self._server.folder}"
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=True)

    def close(self) -> None:
        """Give back every connection; the product's own server stops if nobody else uses it."""
        if self._askers is not None and self._askers.process == os.getpid():
            self._askers.close()
        with self._lock:
            self._close_kept()
            if not callable(self._engine):
                self._engine.dispose()
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(settings: Settings, *, connections: int | None = None) -> Database:
    """The register's database, started if need be and found safe and up to date.

    ``connections`` is how many threads will use it at once; without it, a few.

    Raises ``Unavailable`` where it cannot be reached or was not prepared by ``consentmgr init``, and
    ``UnsafeSetting`` where it may lose an acknowledged write or the address key is not the one it was built with.
    """
    database = _open(settings, create=False, connections=connections)
    try:
        with database.reading_plainly() as connection:
            refuse_other_schema(connection)
            refuse_other_address_key(connection, settings)
    except BaseException:
        database.close()
        raise
    return database


def open_unprepared(settings: Settings) -> Database:
    """The database as ``consentmgr init`` meets it: made if there is none, found safe, its tables not looked at."""
    return _open(settings, create=True)


@contextmanager
def open_scratch(settings: Settings) -> Iterator[Database]:
    """An empty register for a try: in a scratch schema of the installation's database, or where there is no
    installation yet, of a server in the user's cache folder, which holds nothing else.
    """
    if settings.database_url is not None or (settings.postgres_folder / "cluster").exists():
        with _open(settings, create=False) as database, database.scratch_schema() as scratch:
            yield scratch
        return
    from platformdirs import user_cache_path

    # A fixed place, so that a server left by a killed process is found and stopped by the next.
    folder = user_cache_path("consentmgr", appauthor=False) / "scratch"
    make_private_folder(folder)
    with _open(Settings(data_folder=folder), create=True) as database, database.scratch_schema() as scratch:
        yield scratch


def migrate(connection: Connection) -> None:
    """Bring the tables in the connection's schema to the newest form, in its transaction."""
    # Alembic takes a while to import, and only this needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(data_folder("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _open(settings: Settings, *, create: bool, connections: int | None = None) -> Database:
    if settings.database_url is None:
        server = EmbeddedPostgres(settings.postgres_folder)
        place = server.open(create=create)
        named = {"user": ROLE, "dbname": DATABASE, "host": str(place.socket_folder), "port": str(place.port)}
        database = Database(
            partial(engine_of_built_in, named, connections),
            server,
            driver=driver_of(named),
            journalled_for=settings,
        )
    else:
        url = settings.database_url
        plain = plain_address(url)
        database = Database(
            # Another address is read by SQLAlchemy alone, now, so that it is now that it is refused.
            partial(engine_of_address, url, connections) if plain else engine_of_address(url, connections),
            driver=driver_of(plain) if plain else None,
            journalled_for=settings,
        )
    try:
        refuse_unsafe_server(database)
    except BaseException:
        database.close()
        raise
    return database


def _drop_abandoned_schemas(connection: Connection) -> None:
    from sqlalchemy import text

    names: list[Any] = list(
        connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname ~ '^scratch_[0-9a-f]{16}$'"))
    )
    for name in names:
        if connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": name}):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), {"name": name})


class _Askers:
    """Connections that only read, one statement each: no BEGIN, no ROLLBACK, no question whether they are alive.

    A few for all threads, kept with the database and closed when it is gone. ``taken`` gives a new one.
    """

    def __init__(self, taken: Callable[[], psycopg.Connection[Any]]) -> None:
        self._taken = taken
        self.process = os.getpid()
        self.idle: list[psycopg.Connection[Any]] = []
        self._places = BoundedSemaphore(_MOST_ASKERS)

    def ask(self, question: Callable[[psycopg.Connection[Any]], Answer]) -> Answer:
        """The answer to a question. Where an idle connection turns out dead, it is asked once more on a new one, so
        that a restart of the database is not noticed.
        """
        with self._places:
            while True:
                try:
                    connection, fresh = self.idle.pop(), False
                except IndexError:
                    connection, fresh = self._open(), True
                try:
                    answer = question(connection)
                except BaseException:
                    lost = connection.broken or connection.closed
                    connection.close()
                    if lost and not fresh:
                        continue
                    raise
                self.idle.append(connection)
                return answer

    def close(self) -> None:
        _close_all(self.idle)

    def _open(self) -> psycopg.Connection[Any]:
        connection = self._taken()
        connection.autocommit = True
        # Whatever a page may do one day, showing it changes nothing. A plan is made once for each connection, where
        # the first five questions would have one each: what is asked here is looked up by index whatever its values.
        connection.execute("SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan")
        return connection


def driver_connection(asking: Asking) -> psycopg.Connection[Any]:
    """The driver's connection of whoever asks, inside its transaction: for SQL of our own, COPY, reading in portions."""
    if isinstance(asking, psycopg.Connection):
        return asking
    return cast("psycopg.Connection[Any]", asking.connection().connection.driver_connection)


def written_connection(asking: Asking) -> psycopg.Connection[Any]:
    """``driver_connection``, with what a session still holds written first, as before a select of its own."""
    if not isinstance(asking, psycopg.Connection):
        asking.flush()
    return driver_connection(asking)


def taken_out(engine: Engine) -> psycopg.Connection[Any]:
    """A connection made as the pool makes its own, and not the pool's any more; closed is closed."""
    checked_out = engine.raw_connection()
    connection = cast("psycopg.Connection[Any]", checked_out.driver_connection)
    checked_out.detach()
    connection.rollback()
    return connection


def _close_all(connections: list[psycopg.Connection[Any]]) -> None:
    while connections:
        connections.pop().close()
