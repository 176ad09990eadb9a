"""What a database must be before it is trusted with a decision: safe against crashes, of this version, of this key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from consentmgr.files import data_folder
from consentmgr.keys import ADDRESS, address_key_id, load_address_key
from consentmgr.kit.errors import Unavailable, UnsafeSetting

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.db import Database

#: The oldest PostgreSQL that is still looked after and has everything used here.
OLDEST_POSTGRESQL = 14


def known_revisions() -> list[str]:
    """The schema's revisions this program knows, oldest first: the numbers the migration files begin with."""
    return sorted(path.name.split("_")[0] for path in (data_folder("migrations") / "versions").glob("[0-9]*.py"))


def refuse_unsafe_server(database: Database) -> None:
    """Raise ``Unavailable`` where the server takes no writes, ``UnsafeSetting`` where it may lose some."""
    try:
        with database.reading_plainly() as connection:
            found = connection.execute(
                "SELECT current_setting('server_version_num')::int, current_setting('fsync'),"
                " current_setting('full_page_writes'), current_setting('synchronous_commit'),"
                " current_setting('server_encoding'), pg_is_in_recovery()"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {_last_line(error)}") from None
    assert found is not None
    *told, is_standby = found
    if is_standby:
        raise Unavailable(
            f"{database.described}: the server is a standby, which takes no writes; give the primary's address, or all"
            " their hosts with target_session_attrs=read-write"
        )
    sentence = unsafe_server(*told)
    if sentence is not None:
        raise UnsafeSetting(f"{database.described}: {sentence}")


def _last_line(error: psycopg.OperationalError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


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


def refuse_other_schema(connection: psycopg.Connection[Any]) -> None:
    """Raise ``Unavailable`` where the tables are not those of this version."""
    known = known_revisions()
    found: str | None = None
    if _value(connection, "SELECT to_regclass('alembic_version')::text") is not None:
        found = _value(connection, "SELECT version_num FROM alembic_version")
    if found is None:
        raise Unavailable("the database holds no register yet; run consentmgr init")
    if found not in known:
        raise Unavailable(f"the database was last used by a newer consentmgr (revision {found}); install that one")
    if found != known[-1]:
        raise Unavailable("the database is of an older consentmgr; run consentmgr init to bring it up to date")


def refuse_other_address_key(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """Raise ``UnsafeSetting`` where the register's digests were made with another key."""
    in_use: int | None = _value(connection, "SELECT key_id FROM address_key_in_use")
    have = address_key_id(load_address_key(settings))
    if in_use is not None and in_use != have:
        place = ADDRESS.variable if ADDRESS.variable in settings.secrets else settings.keys_folder / ADDRESS.file
        raise UnsafeSetting(
            f"{place} holds address key {have}, but the register was built with key {in_use}: "
            "no ban would be found; put the right key back"
        )


def _value(connection: psycopg.Connection[Any], question: LiteralString) -> Any:
    """The first value of the first row, or None where there is none."""
    row = connection.execute(question).fetchone()
    return None if row is None else row[0]
