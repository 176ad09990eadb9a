"""Prohibitions as pages list them: newest first, filtered, addresses masked or known by their digest alone.

Pages go on from the last id shown (keyset). A list is limited to what concerns the reader's controllers: bans that name
none speak of all, those that name only others' are not shown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.register.business_ids import names_meant

State = Literal["in_force", "ended", "lifted", "all"]
STATES: tuple[State, ...] = ("in_force", "ended", "lifted", "all")


@dataclass(frozen=True, slots=True, repr=False)
class BanFilter:
    """What is listed. ``keys`` and ``name`` limit it to one target, in the form it is matched by."""

    state: State = "in_force"
    source: str | None = None
    target_kind: str | None = None
    channel: str | None = None
    purpose: str | None = None
    topic: str | None = None
    controller: str | None = None
    recorded_from: date | None = None
    recorded_to: date | None = None
    keys: tuple[UUID, ...] | None = None
    names: tuple[str, ...] | None = None
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ListedBan:
    """One row. ``target`` is a masked address, a digest's beginning, or the name of an organisation, domain or contact.

    ``contact_id`` is the contact's whom the ban names, where the register knows one.
    """

    id: int
    target_kind: str
    target: str
    has_address: bool
    contact_id: int | None
    organisation_id: int | None
    organisation_name: str | None
    channels: list[str]
    purposes: list[str]
    topics: list[str]
    controllers: list[str]
    source: str
    valid_from: date | None
    valid_until: date | None
    reference: str | None
    evidence: dict[str, Any]
    recorded_at: datetime
    lifted_at: datetime | None
    entry_id: int | None
    lifted_by_entry: int | None


def target_filter(words: str, keys: AddressKeys) -> BanFilter:
    """A filter for the one target that ``words`` name: an address, a number, a domain, an organisation, a ref."""
    words = words.strip()
    found = [point.address_key for point in (keys.email(words), keys.phone(words)) if point is not None]
    if found:
        return BanFilter(state="all", keys=tuple(found))
    names = {canonical_domain(words) or words, *names_meant(words)}
    return BanFilter(state="all", names=tuple(sorted(names)))


def list_bans(
    session: Session,
    wanted: BanFilter,
    *,
    controllers: Collection[str] | None,
    today: date,
    before: int | None = None,
    limit: int = 50,
) -> list[ListedBan]:
    """Bans that ``wanted`` lets through, newest first, from below the id ``before``. One statement."""
    conditions, values = _conditions(wanted, controllers, today)
    if before is not None:
        conditions.append("p.id < %(before)s")
    question = _QUESTION.replace("CONDITIONS", " AND ".join(conditions))
    with driver_connection(session).cursor() as cursor:
        cursor.execute(question.encode(), {**values, "before": before, "limit": limit})
        rows = cursor.fetchall()
    return [
        ListedBan(number, kind, _shown(kind, key, target, ref or organisation or domain), key is not None, *rest)
        for number, kind, key, ref, organisation, domain, target, *rest in rows
    ]


#: CONDITIONS are our own words; values are parameters.
_QUESTION = """
SELECT p.id, p.target_kind, p.address_key, p.contact_ref, p.organisation, p.domain, p.document -> 'target',
  c.id, o.id, o.name, p.channels, p.purposes, p.topics, p.controllers, p.source, p.valid_from, p.valid_until,
  p.reference, p.evidence, p.recorded_at, p.lifted_at, p.entry_id, p.lifted_by_entry
FROM (SELECT * FROM prohibition p WHERE CONDITIONS ORDER BY p.id DESC LIMIT %(limit)s) p
LEFT JOIN contact c ON c.ref = p.contact_ref
LEFT JOIN organisation o ON o.identity = p.organisation
ORDER BY p.id DESC
"""


def _conditions(
    wanted: BanFilter, controllers: Collection[str] | None, today: date
) -> tuple[list[str], dict[str, Any]]:
    conditions = ["true"]
    values: dict[str, Any] = {"today": today}

    def hold(condition: str, name: str, value: object) -> None:
        if value is not None:
            conditions.append(condition)
            values[name] = value

    hold(
        "(p.controllers = '{}' OR p.controllers && %(own)s)",
        "own",
        None if controllers is None else sorted(controllers),
    )
    hold("p.source = %(source)s", "source", wanted.source)
    hold("p.target_kind = %(kind)s", "kind", wanted.target_kind)
    # What names none speaks of all.
    hold("(p.channels = '{}' OR %(channel)s = ANY(p.channels))", "channel", wanted.channel)
    hold("(p.purposes = '{}' OR %(purpose)s = ANY(p.purposes))", "purpose", wanted.purpose)
    hold("%(topic)s = ANY(p.topics)", "topic", wanted.topic)
    hold("(p.controllers = '{}' OR %(controller)s = ANY(p.controllers))", "controller", wanted.controller)
    hold("p.recorded_at >= %(first)s::timestamp AT TIME ZONE 'Europe/Helsinki'", "first", wanted.recorded_from)
    hold("p.recorded_at < (%(last)s + 1)::timestamp AT TIME ZONE 'Europe/Helsinki'", "last", wanted.recorded_to)
    hold("p.address_key = ANY(%(keys)s)", "keys", None if wanted.keys is None else list(wanted.keys))
    hold(
        "(p.contact_ref = ANY(%(names)s) OR p.organisation = ANY(%(names)s) OR p.domain = ANY(%(names)s))",
        "names",
        None if wanted.names is None else list(wanted.names),
    )
    hold("p.id = ANY(%(ids)s)", "ids", None if wanted.ids is None else list(wanted.ids))
    ended = "p.valid_until < %(today)s"
    if wanted.state == "in_force":
        conditions.append("p.lifted_at IS NULL AND (p.valid_until IS NULL OR p.valid_until >= %(today)s)")
    elif wanted.state == "ended":
        conditions.append(f"p.lifted_at IS NULL AND {ended}")
    elif wanted.state == "lifted":
        conditions.append("p.lifted_at IS NOT NULL")
    return conditions, values


def _shown(kind: str, key: UUID | None, target: dict[str, Any] | None, name: str | None) -> str:
    if name is not None:
        return name
    given = (target or {}).get(kind)
    if kind == "email" and isinstance(given, str) and "@" in given:
        local, _, domain = given.strip().rpartition("@")
        host, dot, ending = domain.rpartition(".")
        return f"{local[:1]}•••@{host[:1]}•••{dot}{ending}"
    if kind == "phone" and isinstance(given, str) and len(given.strip()) > 6:
        return f"{given.strip()[:4]} ••• {given.strip()[-2:]}"
    if kind == "post" and isinstance(given, dict) and given.get("city"):
        return f"••• {given['city']}"
    return f"#{key.hex[:8]}" if key is not None else "–"
