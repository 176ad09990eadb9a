"""How fast PostgreSQL alone takes the rows of an import: COPY out to files, COPY in to the same tables, empty.

The tables are those of ``consentmgr init`` in another database of the same server, with their indexes, constraints
and triggers; the format is binary, as the importer's. Prints what it measured as JSON.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, create_engine

from consentmgr.config import load_settings
from consentmgr.db import migrate
from consentmgr.embedded_postgres import EmbeddedPostgres, ServerAddress
from consentmgr.postgres_cluster import DATABASE, ROLE, SUPERUSER

#: In an order that foreign keys allow.
TABLES = ("contact", "contact_point", "ledger_entry", "ledger_evidence", "standing")
OTHER = "raw_copy"
_PIECE = 1 << 20


def connect(address: ServerAddress, database: str, user: str = ROLE) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=str(address.socket_folder), port=address.port, dbname=database, user=user)


def copy_out(connection: psycopg.Connection[tuple[object, ...]], table: str, path: Path) -> int:
    statement = SQL("COPY {} TO STDOUT (FORMAT binary)").format(Identifier(table))
    with connection.cursor() as cursor, path.open("wb") as file:
        with cursor.copy(statement) as copy:
            for block in copy:
                file.write(block)
        return cursor.rowcount


def copy_in(connection: psycopg.Connection[tuple[object, ...]], table: str, path: Path) -> None:
    statement = SQL("COPY {} FROM STDIN (FORMAT binary)").format(Identifier(table))
    with connection.cursor() as cursor, path.open("rb") as file, cursor.copy(statement) as copy:
        while piece := file.read(_PIECE):
            copy.write(piece)


def main() -> None:
    settings = load_settings(os.environ)
    address = EmbeddedPostgres(settings.postgres_folder).running_at()
    if address is None:
        raise SystemExit("the built-in database is not running: consentmgr database start")
    folder = settings.data_folder / "raw-copy"
    folder.mkdir(exist_ok=True)
    with connect(address, DATABASE) as connection:
        rows = {table: copy_out(connection, table, folder / f"{table}.copy") for table in TABLES}
    with connect(address, "postgres", SUPERUSER) as owner:
        owner.autocommit = True
        owner.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(OTHER)))
        owner.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(OTHER), Identifier(ROLE)))
    where = {"host": str(address.socket_folder), "port": str(address.port)}
    engine = create_engine(URL.create("postgresql+psycopg", username=ROLE, database=OTHER, query=where))
    with engine.begin() as migrating:
        migrate(migrating)
    engine.dispose()
    seconds = {}
    with connect(address, OTHER) as connection:
        for table in TABLES:
            began = time.perf_counter()
            copy_in(connection, table, folder / f"{table}.copy")
            connection.commit()
            seconds[table] = time.perf_counter() - began
    with connect(address, "postgres", SUPERUSER) as owner:
        owner.autocommit = True
        owner.execute(SQL("DROP DATABASE {}").format(Identifier(OTHER)))
    size = sum(path.stat().st_size for path in folder.iterdir())
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    print(json.dumps({"rows": rows, "seconds": seconds, "bytes": size}))


if __name__ == "__main__":
    main()
