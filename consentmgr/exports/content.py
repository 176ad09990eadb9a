"""What a schedule's set is now: the addresses that belong in it, at one position of the register.

The set lies in the temporary table ``export_now`` of the caller's transaction (repeatable read), whatever its size;
only rows that screening must weigh come into Python, in portions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa
from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.consents.ledger import driver_connection
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.suppressed import REASONS, create_set
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.screening.service import screen
from consentmgr.vocabulary.codes import POINT_KIND_OF_CHANNEL, Channel, Language
from consentmgr.vocabulary.documents import Campaign

#: Rows weighed by screening at a time: what it asks of PostgreSQL by key.
PORTION = 20_000

_WEIGHED = "CREATE TEMPORARY TABLE weighed_now ON COMMIT DROP"


@dataclass(frozen=True, slots=True)
class SetCounts:
    """How many addresses the set holds, how many were weighed by screening, and how many of those stayed out."""

    rows: int
    weighed: int
    left_out: int


def kinds_of(channel: str) -> list[str]:
    """The kinds of contact point a channel is reached by; audiences are matched on e-mail and phone."""
    if channel == "online_audience":
        return ["email", "phone"]
    return [POINT_KIND_OF_CHANNEL[cast("Channel", channel)]]


def gather(
    session: Session, schedule: ExportSchedule, *, keys: AddressKeys, now: datetime, of_asked: bool = False
) -> SetCounts:
    """Fill ``export_now`` with the schedule's set, and ``weighed_now`` with the addresses that screening weighed for it.

    The caller's transaction reads one position throughout. ``of_asked``: the part of the set that is of the addresses
    which ``exports.changed`` has found.

    Raises ``NotRecovered`` where the register was restored and does not know yet who left since.
    """
    refuse_unrecovered(session)
    connection = driver_connection(session)
    # A million addresses are joined and grouped in memory, where PostgreSQL would go to disk and back.
    connection.execute("SET LOCAL work_mem = '128MB'")
    # Rows are few bytes here, and the other processor is idle meanwhile.
    connection.execute("SET LOCAL parallel_tuple_cost = 0.005")
    # Every row of a cursor is fetched. Believing that a tenth would be, PostgreSQL walks through the whole table in
    # the order of an index for a hundredth of its rows.
    connection.execute("SET LOCAL cursor_tuple_fraction = 1")
    if schedule.content == "suppressed":
        return _suppressed(session, connection, schedule, keys, now, of_asked=of_asked)
    return _allowed(session, connection, schedule, keys, now)


def reasons_of_set(session: Session) -> list[tuple[str, int]]:
    """How many of ``export_now`` are in the set for which reason, the commonest first."""
    rows = driver_connection(session).execute(
        "SELECT reason, count(*) FROM export_now GROUP BY reason ORDER BY count(*) DESC, reason"
    )
    return [(row[0], row[1]) for row in rows]


def _suppressed(
    session: Session,
    connection: psycopg.Connection[Any],
    schedule: ExportSchedule,
    keys: AddressKeys,
    now: datetime,
    *,
    of_asked: bool,
) -> SetCounts:
    with connection.cursor() as cursor:
        create_set(
            cursor,
            of_asked=of_asked,
            schedule=schedule.key,
            controller=schedule.controller,
            channel=schedule.channel,
            purpose=schedule.purpose,
            topic=schedule.topic,
            kinds=kinds_of(schedule.channel),
            today=local_date(now),
        )
        rows = cursor.rowcount
    connection.execute((_WEIGHED + " AS SELECT address_key FROM export_now WHERE doubtful").encode())  # noqa: S608 - our own words
    connection.execute("ANALYZE weighed_now")
    weighed = left_out = 0
    campaign = _plain_campaign(schedule)
    weighed_points = "JOIN weighed_now n ON n.address_key = p.address_key"
    for found, identifiers in _addresses(connection, weighed_points, named=schedule.channel == "post"):
        weighed += len(found)
        free = [
            key
            for key, reasons, _verdict in _answers(session, found, identifiers, campaign, keys, now)
            if not set(reasons) & set(REASONS)
        ]
        left_out += len(free)
        _drop(connection, free)
    return SetCounts(rows - left_out, weighed, left_out)


def _allowed(
    session: Session, connection: psycopg.Connection[Any], schedule: ExportSchedule, keys: AddressKeys, now: datetime
) -> SetCounts:
    campaign = msgspec.convert(schedule.campaign, Campaign) if schedule.campaign else _plain_campaign(schedule)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE export_now (address_key uuid PRIMARY KEY, kind text, reason text, since timestamptz)"
            " ON COMMIT DROP"
        )
        cursor.execute(_WEIGHED.replace(" ON", " (address_key uuid) ON"))
    rows = weighed = 0
    for kind in kinds_of(schedule.channel):
        for found, identifiers in _addresses(
            connection, "WHERE p.kind = %(kind)s", {"kind": kind}, named=kind == "post"
        ):
            weighed += len(found)
            allowed = [
                (key, kind, reasons[-1])
                for key, reasons, verdict in _answers(session, found, identifiers, campaign, keys, now)
                if verdict == "allow"
            ]
            rows += len(allowed)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO export_now SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[])"
                    " ON CONFLICT DO NOTHING",
                    [list(column) for column in zip(*allowed, strict=True)] if allowed else [[], [], []],
                )
    return SetCounts(rows, weighed, weighed - rows)


def _plain_campaign(schedule: ExportSchedule) -> Campaign:
    return Campaign(
        key=schedule.key,
        name=schedule.partner,
        controller=schedule.controller,
        channel=schedule.channel,  # type: ignore[arg-type]
        purpose=schedule.purpose,  # type: ignore[arg-type]
        topic=schedule.topic,
    )


def _addresses(
    connection: psycopg.Connection[Any], condition: str, values: dict[str, Any] | None = None, *, named: bool
) -> Iterator[tuple[list[UUID], pa.Table]]:
    """Different addresses of the register in portions: their keys, and as a list's identifiers."""
    # Whom post goes to is a matter of the name; for other addresses it would be a look-up each for nothing.
    names = "c.given_name, c.family_name" if named else "NULL, NULL"
    contacts = "LEFT JOIN contact c ON c.id = p.contact_id" if named else ""
    # A cursor of the server's keeps what it saw at its start, so that rows may be dropped meanwhile.
    with connection.cursor("export_addresses") as cursor:
        cursor.execute(
            (
                f"SELECT DISTINCT ON (p.address_key) p.address_key, p.kind, p.value, p.postal, {names}"  # noqa: S608 - our own words
                f" FROM contact_point p {contacts} {condition} ORDER BY p.address_key"
            ).encode(),
            values,
        )
        while rows := cursor.fetchmany(PORTION):
            yield [row[0] for row in rows], _identifiers(rows)


def _identifiers(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns: dict[str, list[str | None]] = {name: [] for name in ("email", "phone")}
    columns |= {
        name: [] for name in ("street", "apartment", "postal_code", "city", "country", "given_name", "family_name")
    }
    for _key, kind, value, postal, given_name, family_name in rows:
        columns["email"].append(value if kind == "email" else None)
        columns["phone"].append(value if kind == "phone" else None)
        for name in ("street", "apartment", "postal_code", "city", "country"):
            columns[name].append((postal or {}).get(name))
        columns["given_name"].append(given_name if kind == "post" else None)
        columns["family_name"].append(family_name if kind == "post" else None)
    used = {name: values for name, values in columns.items() if any(values)}
    return pa.table({name: pa.array(values, pa.string()) for name, values in used.items()})


def _answers(
    session: Session, found: list[UUID], identifiers: pa.Table, campaign: Campaign, keys: AddressKeys, now: datetime
) -> Iterator[tuple[UUID, tuple[str, ...], str]]:
    language: Language = "en"
    answers = screen(session, identifiers, campaign, keys=keys, policy=current(session), now=now, language=language)
    for key, index in zip(found, answers.outcome.to_pylist(), strict=True):
        outcome = answers.outcomes[index]
        yield key, outcome.reasons, outcome.verdict


def _drop(connection: psycopg.Connection[Any], keys: list[UUID]) -> None:
    if keys:
        connection.execute("DELETE FROM export_now WHERE address_key = ANY(%s)", [keys])
