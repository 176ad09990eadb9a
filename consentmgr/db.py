"""The database: one PostgreSQL, opened once, checked before it is trusted with a decision.

Flask is not imported here; ``consentmgr.app`` binds Flask-SQLAlchemy to the same tables and engine.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, cast
from weakref import WeakKeyDictionary, finalize, ref

from platformdirs import user_cache_path
from sqlalchemy import URL, Connection, Engine, MetaData, SmallInteger, Text, create_engine, make_url, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry

from consentmgr.config import Settings
from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.files import data_folder
from consentmgr.keys import ADDRESS, address_key_id, load_address_key
from consentmgr.kit.errors import Unavailable, UnsafeSetting
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.postgres_cluster import DATABASE, ROLE

if TYPE_CHECKING:
    import psycopg

Answer = TypeVar("Answer")

#: The oldest PostgreSQL that is still looked after and has everything used here.
OLDEST_POSTGRESQL = 14

#: Questions asked of the database by ``Database.ask`` at the same moment; others wait a few milliseconds.
_MOST_ASKERS: Final = 8

#: In a session's ``info``: the ids of ledger entries that must be in the journal before they are committed.
JOURNALLED: Final = "entries to be journalled"
#: Who writes them, as ``module:function`` of ``(session, settings, entry ids)``. A place, because its room is above.
_JOURNAL: Final = "consentmgr.prohibitions.journal:write_entries"


class Base(DeclarativeBase):
    """The parent of every table's class. Constraints are named by rule, so that migrations can speak of them."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={str: Text, datetime: TIMESTAMP(timezone=True)},
    )


class AddressKeyInUse(Base):
    """The id of the address key this register's digests were made with: one row, written by ``consentmgr init``.

    With another key no digest would match, and every ban would be missed without a sound.
    """

    __tablename__ = "address_key_in_use"
    key_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    since: Mapped[datetime]


class Database:
    """An open database. Close it, or use it as a context manager, so that the product's own server can stop."""

    def __init__(
        self, engine: Engine, server: EmbeddedPostgres | None = None, *, journalled_for: Settings | None = None
    ) -> None:
        self.engine = engine
        self._server = server
        #: The installation whose journal this register's acts are written to. A scratch register has none.
        self._journalled_for = journalled_for

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed at the end of the block, or undone if the block raises.

        Erasures among it are in the journal, synced, before the commit. Raises ``Unavailable`` where they cannot be.
        """
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
        engine = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with Session(engine, expire_on_commit=False) as session:
            yield session
            # Nothing was written; but after a ROLLBACK the driver forgets which statements it had prepared.
            session.commit()

    def ask(self, question: Callable[[psycopg.Connection[Any]], Answer]) -> Answer:
        """The answer to a question of one statement, with nothing said around it: for doors asked many times a second.

        One statement sees one position of the database by itself. The question only reads, and may be asked twice.
        """
        return _Askers.of(self.engine).ask(question)

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
        name = f"scratch_{secrets.token_hex(8)}"
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holder:
            _drop_abandoned_schemas(holder)
            holder.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), {"name": name})
            holder.execute(text(f"CREATE SCHEMA {name}"))
            scratch = Database(_make_engine(self.engine.url, search_path=name))
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
        _Askers.of(self.engine).close()
        self.engine.dispose()
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
        with database.connect() as connection:
            _refuse_other_schema(connection)
            _refuse_other_address_key(connection, settings)
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


def known_revisions() -> list[str]:
    """The schema's revisions this program knows, oldest first: the numbers the migration files begin with."""
    return sorted(path.name.split("_")[0] for path in (data_folder("migrations") / "versions").glob("[0-9]*.py"))


def _open(settings: Settings, *, create: bool, connections: int | None = None) -> Database:
    if settings.database_url is None:
        server = EmbeddedPostgres(settings.postgres_folder)
        address = server.open(create=create)
        url = URL.create(
            "postgresql+psycopg",
            username=ROLE,
            database=DATABASE,
            query={"host": str(address.socket_folder), "port": str(address.port)},
        )
        database = Database(_make_engine(url, connections=connections), server, journalled_for=settings)
    else:
        try:
            url = make_url(settings.database_url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            # The parser's own words quote the address, which holds the password.
            raise UnsafeSetting("CONSENTMGR_DATABASE_URL is not a PostgreSQL address") from None
        database = Database(_make_engine(url, connections=connections), journalled_for=settings)
    try:
        _refuse_unsafe_server(database)
    except BaseException:
        database.close()
        raise
    return database


def _make_engine(url: URL, *, search_path: str | None = None, connections: int | None = None) -> Engine:
    # Given here, so that a PGOPTIONS in the environment cannot turn a guarantee off.
    options = "-c timezone=UTC" + (f" -c search_path={search_path}" if search_path else "")
    given = url.query.get("options", "")
    pool = {} if connections is None else {"pool_size": connections, "max_overflow": 0, "pool_timeout": 10}
    return create_engine(
        url,
        # Statements' values are personal data; an exception must not quote them.
        hide_parameters=True,
        pool_pre_ping=True,
        **pool,
        connect_args={"options": f"{given} {options}".strip(), "application_name": "consentmgr", "connect_timeout": 10},
    )


def _refuse_unsafe_server(database: Database) -> None:
    question = text(
        "SELECT current_setting('server_version_num')::int, current_setting('fsync'),"
        " current_setting('full_page_writes'), current_setting('synchronous_commit'),"
        " current_setting('server_encoding')"
    )
    try:
        with database.connect() as connection:
            version, *switches = connection.execute(question).one()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[-1]
        raise Unavailable(f"the database cannot be reached: {reason}") from None
    sentence = unsafe_server(version, *switches)
    if sentence is not None:
        raise UnsafeSetting(f"{database.described}: {sentence}")


def unsafe_server(
    version: int, fsync: str, full_page_writes: str, synchronous_commit: str, encoding: str
) -> str | None:
    """Why this server may not keep the register, or None where it may. ``version`` is ``server_version_num``."""
    if version // 10000 < OLDEST_POSTGRESQL:
        return f"PostgreSQL {version // 10000} is too old; {OLDEST_POSTGRESQL} or newer is needed"
    for name, value in (
        ("fsync", fsync),
        ("full_page_writes", full_page_writes),
        ("synchronous_commit", synchronous_commit),
    ):
        if value == "off":
            return f"{name} is off, so a crash could lose an opt-out that was already acknowledged; turn it on"
    if encoding != "UTF8":
        return f"the database's encoding is {encoding}, which cannot hold every name; it must be UTF8"
    return None


def _refuse_other_schema(connection: Connection) -> None:
    newest = known_revisions()[-1]
    found: str | None = None
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found is None:
        raise Unavailable("the database holds no register yet; run consentmgr init")
    if found not in known_revisions():
        raise Unavailable(f"the database was last used by a newer consentmgr (revision {found}); install that one")
    if found != newest:
        raise Unavailable("the database is of an older consentmgr; run consentmgr init to bring it up to date")


def _refuse_other_address_key(connection: Connection, settings: Settings) -> None:
    in_use: int | None = connection.scalar(text("SELECT key_id FROM address_key_in_use"))
    have = address_key_id(load_address_key(settings))
    if in_use is not None and in_use != have:
        place = ADDRESS.variable if ADDRESS.variable in settings.secrets else settings.keys_folder / ADDRESS.file
        raise UnsafeSetting(
            f"{place} holds address key {have}, but the register was built with key {in_use}: "
            "no ban would be found; put the right key back"
        )


def _drop_abandoned_schemas(connection: Connection) -> None:
    names: list[Any] = list(
        connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname ~ '^scratch_[0-9a-f]{16}$'"))
    )
    for name in names:
        if connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": name}):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), {"name": name})


class _Askers:
    """Connections that only read, one statement each: no BEGIN, no ROLLBACK, no question whether they are alive.

    A few for all threads, kept with the engine and closed when it is gone.
    """

    _of_engine: ClassVar[WeakKeyDictionary[Engine, _Askers]] = WeakKeyDictionary()

    def __init__(self, engine: Engine) -> None:
        self._engine = ref(engine)
        self.process = os.getpid()
        self._idle: list[psycopg.Connection[Any]] = []
        self._places = BoundedSemaphore(_MOST_ASKERS)
        finalize(engine, _close_all, self._idle)

    @classmethod
    def of(cls, engine: Engine) -> _Askers:
        found = cls._of_engine.get(engine)
        # After a fork the sockets are the parent's: they are kept, unused, so that nothing is said on them.
        if found is None or found.process != os.getpid():
            found = cls._of_engine[engine] = cls(engine)
        return found

    def ask(self, question: Callable[[psycopg.Connection[Any]], Answer]) -> Answer:
        """The answer to a question. Where an idle connection turns out dead, it is asked once more on a new one, so
        that a restart of the database is not noticed.
        """
        with self._places:
            while True:
                try:
                    connection, fresh = self._idle.pop(), False
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
                self._idle.append(connection)
                return answer

    def close(self) -> None:
        _close_all(self._idle)

    def _open(self) -> psycopg.Connection[Any]:
        engine = self._engine()
        assert engine is not None
        connection = taken_out(engine)
        connection.autocommit = True
        # Whatever a page may do one day, showing it changes nothing. A plan is made once for each connection, where
        # the first five questions would have one each: what is asked here is looked up by index whatever its values.
        connection.execute("SET default_transaction_read_only = on; SET plan_cache_mode = force_generic_plan")
        return connection


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
