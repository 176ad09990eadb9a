"""How a database is reached: its address as the driver and as SQLAlchemy read it, and what every connection begins with.

SQLAlchemy is loaded only where an engine is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from consentmgr.kit.errors import UnsafeSetting

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

#: What stands for itself in an address, or as an octet with a percent sign; and addresses made of nothing else.
_PLAIN = r"(?:[\w.~-]|%[0-9A-Fa-f]{2})"
_PLAIN_ADDRESS = re.compile(
    rf"postgresql(?:\+psycopg)?://(?:{_PLAIN}+(?::{_PLAIN}*)?@)?(?:[A-Za-z0-9.-]+(?::\d{{1,5}})?)?/{_PLAIN}+"
    rf"(?:\?(?:host|port)=(?:{_PLAIN}|/)+(?:&(?:host|port)=(?:{_PLAIN}|/)+)?)?",
    re.ASCII,
)


def plain_address(address: str) -> Mapping[str, str] | None:
    """What the driver is told of a PostgreSQL address in the usual form, or None: SQLAlchemy reads every other."""
    if not _PLAIN_ADDRESS.fullmatch(address):
        return None
    parts = urlsplit(address)
    asked = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    given = {name: value for name, value in asked if name in ("host", "port")}
    if len(given) != len(asked) or (parts.hostname and given):
        return None
    # SQLAlchemy leaves a host as it is written, where Python makes its letters small.
    host, _, port = parts.netloc.rpartition("@")[2].partition(":")
    told = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": host,
        "port": port,
        "dbname": unquote(parts.path[1:]),
        **given,
    }
    return {name: value for name, value in told.items() if value}


def connection_options(*, given: str = "", search_path: str | None = None) -> dict[str, Any]:
    """What every connection begins with. Given here, so that a PGOPTIONS in the environment cannot turn a guarantee off."""
    options = f"{given} -c timezone=UTC" + (f" -c search_path={search_path}" if search_path else "")
    return {"options": options.strip(), "application_name": "consentmgr", "connect_timeout": 10}


def driver_of(told: Mapping[str, str]) -> Callable[[], psycopg.Connection[Any]]:
    """Makes connections of the driver's to what ``plain_address`` has told."""
    options: dict[str, Any] = {**told, **connection_options()}
    return lambda: psycopg.connect(**options)


def engine_of_built_in(named: Mapping[str, str], connections: int | None) -> Engine:
    """The engine of the product's own server; ``connections`` as ``open_database`` takes it."""
    from sqlalchemy import URL

    query = {"host": named["host"], "port": named["port"]}
    url = URL.create("postgresql+psycopg", username=named["user"], database=named["dbname"], query=query)
    return make_engine(url, connections=connections)


def engine_of_address(address: str, connections: int | None) -> Engine:
    """The engine of an address as SQLAlchemy reads it. Raises ``UnsafeSetting`` for what is none."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        # The parser's own words quote the address, which holds the password.
        raise UnsafeSetting("CONSENTMGR_DATABASE_URL is not a PostgreSQL address") from None
    return make_engine(url, connections=connections)


def told_to_driver(url: URL) -> dict[str, Any]:
    """What libpq is told of an address: SQLAlchemy writes several hosts otherwise than libpq reads them."""
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    told: dict[str, Any] = PGDialect_psycopg().create_connect_args(url)[1]  # type: ignore[no-untyped-call]
    return told


def make_engine(url: URL, *, search_path: str | None = None, connections: int | None = None) -> Engine:
    """An engine with what every connection begins with."""
    from sqlalchemy import create_engine

    pool = {} if connections is None else {"pool_size": connections, "max_overflow": 0, "pool_timeout": 10}
    return create_engine(
        url,
        # Statements' values are personal data; an exception must not quote them.
        hide_parameters=True,
        pool_pre_ping=True,
        **pool,
        connect_args=connection_options(given=str(url.query.get("options", "")), search_path=search_path),
    )
