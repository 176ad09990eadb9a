"""What a leave page shows: what leaving would end, whether the person has left already, until when it can be undone.

One question to the database for each page; names of controllers and topics are remembered for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from consentmgr.db import driver_connection
from consentmgr.kit.clock import local_date
from consentmgr.preferences.links import Link, Scope, link_id
from consentmgr.prohibitions import opt_outs

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, repr=False)
class LeaveState:
    """What a leave page shows. ``scope`` is what leaving would end, after topics and controllers that are gone: where
    it is ``topic`` the ``topic_names`` are given, by language. ``controller_name`` is None where the controller is
    gone, and then leaving ends everything. ``masked_address`` is None where the register has it no more.
    """

    has_left: bool
    left_on: date | None
    undo_until: date | None
    scope: Scope
    channel: str
    controller: str
    controller_name: str | None
    controller_contact: str | None
    branding: Mapping[str, str]
    topic_names: Mapping[str, str] | None
    masked_address: str | None
    #: The person's own, where the register knows it.
    language: str | None
    #: The link is good for leaving and nothing else: no undo, no preferences.
    distrusted: bool = False


class _Controller(NamedTuple):
    name: str
    contact: str | None
    branding: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Directory:
    """Names of controllers and topics as they were a moment ago."""

    controllers: Mapping[str, _Controller]
    topics: Mapping[str, Mapping[str, str]]
    read_at: float


class Names:
    """Names shown on pages may be a few seconds old; whether a topic still exists is asked anew where it matters,
    when somebody leaves.
    """

    SECONDS = 5.0

    def __init__(self) -> None:
        self._known: _Directory | None = None

    def known(self, connection: psycopg.Connection[Any]) -> _Directory:
        known = self._known
        if known is None or time.monotonic() - known.read_at > self.SECONDS:
            controllers = {key: _Controller(*row) for key, *row in connection.execute(_CONTROLLERS, prepare=True)}
            topics = dict(connection.execute(_TOPICS, prepare=True).fetchall())
            known = self._known = _Directory(controllers, topics, time.monotonic())
        return known


_CONTROLLERS = "SELECT key, name, contact, branding FROM controller"
_TOPICS = "SELECT key, names FROM topic"

# One row for each prohibition that holds, and at least one. A merged contact is the one it was merged into.
_STATE = """
SELECT c.language, a.value, a.postal, p.id, p.channels, p.topics, p.controllers, p.reference, p.recorded_at
FROM (SELECT %(contact)s::bigint AS id, %(key)s::uuid AS key) n
LEFT JOIN contact o ON o.id = n.id
LEFT JOIN contact c ON c.id = coalesce(o.merged_into, o.id)
LEFT JOIN LATERAL (
  SELECT value, postal FROM contact_point WHERE address_key = n.key AND contact_id IS NOT DISTINCT FROM c.id LIMIT 1) a ON true
LEFT JOIN LATERAL (
  SELECT * FROM prohibition WHERE address_key = n.key
  UNION ALL SELECT * FROM prohibition WHERE contact_ref IN (c.ref, o.ref)) p
  ON p.lifted_at IS NULL AND p.source IN ('self', 'guardian', 'staff', 'court')
  AND (p.purposes = '{}' OR p.purposes && '{direct_marketing,newsletter}')
  AND (p.valid_from IS NULL OR p.valid_from <= %(day)s) AND (p.valid_until IS NULL OR p.valid_until >= %(day)s)
ORDER BY p.recorded_at
"""


def leave_state(session: Session, link: Link, now: datetime) -> LeaveState:
    """What a leave page shows for this link; reads only."""
    return state_of(driver_connection(session), link, now, Names())


def state_of(connection: psycopg.Connection[Any], link: Link, now: datetime, names: Names) -> LeaveState:
    directory = names.known(connection)
    today = local_date(now)
    rows = connection.execute(
        _STATE, {"contact": link.contact_id, "key": link.address_key, "day": today}, prepare=True
    ).fetchall()
    language, value, postal = rows[0][:3]
    controller = directory.controllers.get(link.controller)
    topic = directory.topics.get(link.topic) if link.topic is not None else None
    scope: Scope = "all" if link.scope == "topic" and topic is None else link.scope
    reference = opt_outs.LINK_REFERENCE + link_id(link)
    left_at: datetime | None = None
    undo_until: date | None = None
    for _, _, _, ban_id, channels, topics, controllers, made_by, recorded_at in rows:
        if ban_id is None:
            continue
        if made_by == reference and not link.distrusted:
            until = opt_outs.undo_until(recorded_at)
            undo_until = until if until >= today else None
        covers = (
            (not controllers or (controller is not None and link.controller in controllers))
            and (not channels or (scope != "all" and link.channel in channels))
            and (not topics or (scope == "topic" and link.topic in topics))
        )
        if covers and left_at is None:
            left_at = recorded_at
    return LeaveState(
        has_left=left_at is not None,
        left_on=local_date(left_at) if left_at is not None else None,
        undo_until=undo_until if left_at is not None else None,
        scope=scope,
        channel=link.channel,
        controller=link.controller,
        controller_name=controller.name if controller is not None else None,
        controller_contact=controller.contact if controller is not None else None,
        branding=controller.branding if controller is not None else {},
        topic_names=topic if scope == "topic" else None,
        masked_address=None if link.distrusted else masked_address(link.address_kind, value, postal),
        language=language,
        distrusted=link.distrusted,
    )


def masked_address(kind: str, value: str | None, postal: Mapping[str, Any] | None = None) -> str | None:
    """An address as far as its owner knows it again and nobody else learns it: ``a•••@e•••.example``."""
    if kind == "post":
        city = (postal or {}).get("city")
        return f"••• {city}" if city else None
    if not value:
        return None
    if kind == "phone":
        return f"{value[:4]} ••• {value[-2:]}"
    local, _, domain = value.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{host[:1]}•••{dot}{ending}"
