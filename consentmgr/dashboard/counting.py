"""Counting, piece by piece: what the ledger got since the last look, and how contacts stand now.

The ledger only grows, and each of its chains is numbered without a gap in the order of its commits, so what was
counted can be told by one number a chain: no entry is counted twice, and none is missed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from threading import Lock
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.consents.heads import CHAINS
from consentmgr.consents.superseding import count_given
from consentmgr.edge import metrics

#: The figures of ``state_count``: contacts by channel and state of their permission; contact points by kind and what
#: is wrong with them; messages by what they were taken for. ``mark`` is the state of the register they were made of.
STANDING, POINTS, MAIL, MARK = "standing", "points", "mail", "mark"

_COUNT_ACTS: Final = f"""
WITH upto AS MATERIALIZED (
  SELECT h.chain, h.seq AS last, coalesce(c.seq, 0) AS first
  FROM ledger_head h LEFT JOIN counted_chain c USING (chain) WHERE h.seq > coalesce(c.seq, 0)
), fresh AS (
  -- An entry's id is made of its place in its chain, so the new ones are found by id and by nothing else.
  SELECT e.id, e.at, e.controller, e.event FROM upto u
  CROSS JOIN LATERAL generate_series(u.first + 1, u.last) AS place (seq)
  JOIN ledger_entry e ON e.id = place.seq * {CHAINS} + u.chain
), added AS (
  INSERT INTO act_count AS a (day, controller, event, number, first_entry, last_entry)
  SELECT (at AT TIME ZONE 'Europe/Helsinki')::date, coalesce(controller, ''), event, count(*), min(id), max(id)
  FROM fresh GROUP BY 1, 2, 3
  ON CONFLICT (day, controller, event) DO UPDATE SET number = a.number + excluded.number,
    first_entry = least(a.first_entry, excluded.first_entry), last_entry = greatest(a.last_entry, excluded.last_entry)
  RETURNING 1
), moved AS (
  INSERT INTO counted_chain (chain, seq) SELECT chain, last FROM upto
  ON CONFLICT (chain) DO UPDATE SET seq = excluded.seq RETURNING 1
)
SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM added), (SELECT count(*) FROM moved)
"""  # noqa: S608 - the number of chains is a constant


def count_acts(session: Session) -> int:
    """Add the ledger's new entries to the counts of their days; how many. Flushes.

    One statement, so that the heads of the chains and the entries below them are of one position.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('count acts', 9))"))
    return int(session.execute(text(_COUNT_ACTS)).scalar_one())


# --- how things stand -------------------------------------------------------------------------------------------------

# A contact is counted once a state, however many topics it stands for.
_STANDING: Final = """
INSERT INTO state_count (figure, controller, part, state, number, counted_at)
SELECT 'standing', controller, channel, state, count(*), :now
FROM (SELECT DISTINCT s.controller, s.channel, s.state, s.contact_id FROM standing s
      WHERE s.matter = 'permission' AND s.controller <> '*') AS one
GROUP BY 2, 3, 4
UNION ALL
SELECT 'standing', '', channel, state, count(*), :now
FROM (SELECT DISTINCT s.channel, s.state, s.contact_id FROM standing s WHERE s.matter = 'permission') AS one
GROUP BY 3, 4
"""
_POINTS: Final = """
WITH faulty AS (
  SELECT p.id, p.kind, p.contact_id, CASE WHEN p.state <> 'ok' THEN p.state ELSE 'soft_bounce' END AS state
  FROM contact_point p WHERE p.state <> 'ok' OR p.soft_bounces > 0
)
INSERT INTO state_count (figure, controller, part, state, number, counted_at)
SELECT 'points', '', kind, state, count(*), :now FROM faulty GROUP BY 3, 4
UNION ALL
SELECT 'points', k.controller, f.kind, f.state, count(*), :now FROM faulty f
JOIN contact c ON c.id = f.contact_id CROSS JOIN LATERAL unnest(c.controllers) AS k (controller) GROUP BY 2, 3, 4
"""
_MAIL: Final = """
INSERT INTO state_count (figure, controller, part, state, number, counted_at)
SELECT 'mail', '', '', kind, count(*), :now FROM read_message GROUP BY 4
"""
# What the counts are made of, in three numbers: the ledger's length, the newest change of a contact, messages read.
_MARKS: Final = """
SELECT coalesce((SELECT sum(seq) FROM ledger_head), 0)::text || ' '
  || coalesce((SELECT changed_xid::text FROM contact ORDER BY changed_xid DESC LIMIT 1), '') || ' '
  || (SELECT count(*) FROM read_message)::text
"""


def count_standing(session: Session, *, now: datetime) -> bool:
    """Count anew how contacts stand, which addresses do not work and what mail came; False where nothing changed.

    Flushes. Some seconds at a million contacts, which is why no page does it.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('count standing', 9))"))
    mark = str(session.scalar(text(_MARKS)))
    if session.scalar(text("SELECT state FROM state_count WHERE figure = :mark"), {"mark": MARK}) == mark:
        session.execute(
            text("UPDATE state_count SET counted_at = :now WHERE figure = :mark"), {"now": now, "mark": MARK}
        )
        session.execute(text("UPDATE notice_count SET counted_at = :now"), {"now": now})
        return False
    session.execute(text("DELETE FROM state_count"))
    for statement in (_STANDING, _POINTS, _MAIL):
        session.execute(text(statement), {"now": now})
    count_given(session, now=now)
    session.execute(
        text("INSERT INTO state_count VALUES (:mark, '', '', :state, 0, :now)"),
        {"mark": MARK, "state": mark, "now": now},
    )
    return True


# --- links ------------------------------------------------------------------------------------------------------------

#: A counter's labels: kind (view or act), use or act, campaign.
LinkKey = tuple[str, str, str]


class LinkLook:
    """Remembers what was seen of the counters, so that each view and act is stored once.

    Counters live in memory and begin at nothing with their process. Where several processes add theirs up in files
    that outlive this one, what stands in them at the first look was stored by the process before.
    """

    def __init__(self) -> None:
        self._seen: dict[LinkKey, int] = {}
        self._lock = Lock()
        self._begun = not _many_processes()

    def fresh(self) -> dict[LinkKey, int]:
        """What came since the last look that was ``keep``-ed."""
        now = _counted()
        if not self._begun:
            self._begun = True
            self._seen = now
        return {key: number - self._seen.get(key, 0) for key, number in now.items() if number > self._seen.get(key, 0)}

    def keep(self, fresh: Mapping[LinkKey, int]) -> None:
        """Once ``fresh`` is in the register."""
        with self._lock:
            for key, number in fresh.items():
                self._seen[key] = self._seen.get(key, 0) + number


def store_links(session: Session, fresh: Mapping[LinkKey, int], *, day: date) -> None:
    """Add views and acts to the counts of a day. Flushes."""
    if not fresh:
        return
    rows: list[dict[str, Any]] = [
        {"day": day, "campaign": campaign, "kind": kind, "name": name, "number": number}
        for (kind, name, campaign), number in sorted(fresh.items())
    ]
    session.execute(
        text(
            "INSERT INTO link_count AS l (day, campaign, kind, name, number)"
            " VALUES (:day, :campaign, :kind, :name, :number)"
            " ON CONFLICT (day, campaign, kind, name) DO UPDATE SET number = l.number + excluded.number"
        ),
        rows,
    )


def _many_processes() -> bool:
    return bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def _counted() -> dict[LinkKey, int]:
    found: dict[LinkKey, int] = {}
    for family in _families():
        if family.name not in ("consentmgr_link_views", "consentmgr_link_acts"):
            continue
        kind, label = ("view", "use") if family.name.endswith("views") else ("act", "act")
        for sample in family.samples:
            if sample.name.endswith("_total"):
                key = (kind, sample.labels[label], sample.labels["campaign"])
                found[key] = found.get(key, 0) + round(sample.value)
    return found


def _families() -> Iterator[Metric]:
    if _many_processes():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        yield from registry.collect()
    else:
        yield from metrics.link_views.collect()
        yield from metrics.link_acts.collect()
