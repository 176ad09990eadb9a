"""What becomes of consents when a notice gets a version that changes its substance: counted before it is published.

A consent stands under the words it was given by. Where a later version of the same notice says that it replaces them by
others of substance (``supersedes: major``), screening asks for a review of it (CONSENT_STALE). Here is the same question
put to the whole register at once, so that whoever publishes knows the price.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.consents.standing import CONSENTS


class GoingStale(NamedTuple):
    """``people`` are contacts left without any fresh consent for some channel, ``consents`` the acts that go stale."""

    people: int
    consents: int


class GivenUnder(NamedTuple):
    """How many consents were ever given under a version of a notice, and by how many contacts."""

    version: int
    consents: int
    people: int


def going_stale(session: Session, notice: str, version: int, *, limit: date) -> GoingStale:
    """Who would be left with stale consents only, were ``version`` of ``notice`` published as a major one.

    Consents that are stale by now are not counted again: those a major version has replaced already, and those older than
    ``limit`` of contacts last heard of before it (policy ``consent_inactive_review_months``). One statement, whatever the
    register's size; it reads the ledger once.
    """
    with driver_connection(session).cursor() as cursor:
        cursor.execute(
            _GOING_STALE,
            {
                "key": notice,
                "begins": notice.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "/%",
                "version": version,
                "limit": limit,
                "consents": list(CONSENTS),
            },
        )
        row = cursor.fetchone()
    assert row is not None
    return GoingStale(*row)


def given_under(session: Session, notice: str) -> dict[int, GivenUnder]:
    """By version, what was given under a notice. Reads the ledger once."""
    with driver_connection(session).cursor() as cursor:
        cursor.execute(
            "SELECT split_part(notice, '/', 2)::int, count(*), count(DISTINCT contact_id) FROM ledger_entry"
            " WHERE notice ~ '/[0-9]{1,9}/[a-z]+$' AND split_part(notice, '/', 1) = %s AND event = ANY(%s)"
            " GROUP BY 1 ORDER BY 1",
            [notice, list(CONSENTS)],
        )
        return {row[0]: GivenUnder(*row) for row in cursor.fetchall()}


def count_given(session: Session, *, now: datetime) -> None:
    """Count anew what was given under every notice, for pages that cannot wait for the ledger to be read. Flushes."""
    connection = driver_connection(session)
    connection.execute("DELETE FROM notice_count")
    connection.execute(
        "INSERT INTO notice_count (key, version, consents, people, counted_at)"
        " SELECT split_part(notice, '/', 1), split_part(notice, '/', 2)::int, count(*), count(DISTINCT contact_id), %s"
        " FROM ledger_entry WHERE notice ~ '^[^/]+/[0-9]{1,9}/[a-z]+$' AND event = ANY(%s) GROUP BY 1, 2",
        [now, list(CONSENTS)],
    )


def counted_under(session: Session, notice: str) -> tuple[dict[int, GivenUnder], datetime | None]:
    """What ``given_under`` tells, as it was last counted, and when that was; where nothing was counted yet, of now."""
    with driver_connection(session).cursor() as cursor:
        cursor.execute("SELECT version, consents, people, counted_at FROM notice_count WHERE key = %s", [notice])
        rows = cursor.fetchall()
        if rows:
            return {row[0]: GivenUnder(*row[:3]) for row in rows}, rows[0][3]
        cursor.execute("SELECT EXISTS (SELECT FROM notice_count)")
        (counted,) = cursor.fetchone() or (False,)
    return ({}, None) if counted else (given_under(session, notice), None)


# Scopes as ``screening.facts.consents`` reads them: a scope must stand in the act and in the notice both. ``@`` stands
# for an audience, which a consent covers by naming the platform and not the channel.
_GOING_STALE = """
WITH person AS MATERIALIZED (
  SELECT DISTINCT e.contact_id FROM ledger_entry e
  WHERE e.notice LIKE %(begins)s AND e.event = ANY(%(consents)s) AND e.contact_id IS NOT NULL
), majors AS (
  SELECT key, max(version) AS newest FROM notice WHERE supersedes = 'major' GROUP BY key
), good AS MATERIALIZED (
  SELECT e.id, e.contact_id, e.at, e.order_known, e.controller,
    ARRAY(SELECT unnest(e.channels) INTERSECT SELECT unnest(coalesce(n.channels, e.channels)))
      || ARRAY(SELECT '@' || a FROM (SELECT unnest(e.audiences) AS a INTERSECT
               SELECT unnest(coalesce(n.audiences, e.audiences))) AS named) AS ways,
    ARRAY(SELECT unnest(e.purposes) INTERSECT SELECT unnest(coalesce(n.purposes, e.purposes))) AS purposes,
    CASE WHEN e.topics = '{}' THEN coalesce(n.topics, '{}') ELSE e.topics END AS topics,
    coalesce(n.key = %(key)s AND n.version < %(version)s, false) AS going
  FROM person JOIN ledger_entry e ON e.contact_id = person.contact_id
  JOIN contact c ON c.id = e.contact_id AND c.erased_at IS NULL AND c.merged_into IS NULL
  LEFT JOIN notice n ON e.notice IS NOT NULL AND n.key = split_part(e.notice, '/', 1)
    AND n.version::text = split_part(e.notice, '/', 2) AND n.language = split_part(e.notice, '/', 3)
  LEFT JOIN majors m ON m.key = n.key
  WHERE e.event = ANY(%(consents)s) AND e.given_by <> 'unverified' AND NOT e.pre_ticked
    AND (NOT e.condition_of_service OR e.freely_joined) AND e.double_opt_in IS DISTINCT FROM 'pending'
    AND (n.key IS NOT NULL OR e.has_proof) AND (n.key IS NULL OR e.controller = ANY(n.controllers))
    AND coalesce(m.newest <= n.version, true)
    AND (e.at >= %(limit)s::timestamp AT TIME ZONE 'Europe/Helsinki' OR c.last_interaction_on IS NULL
         OR c.last_interaction_on >= %(limit)s)
), standing_way AS MATERIALIZED (
  SELECT g.id, g.contact_id, g.controller, g.purposes, g.topics, g.going, way
  FROM good g, unnest(g.ways) AS way
  WHERE g.purposes <> '{}' AND NOT EXISTS (
    SELECT FROM ledger_entry w
    WHERE w.contact_id = g.contact_id AND w.event = 'consent_withdrawn' AND w.given_by <> 'unverified'
      AND (w.controller IS NULL OR w.controller = g.controller)
      AND (w.purposes = '{}' OR 'direct_marketing' = ANY(w.purposes) OR g.purposes <@ w.purposes)
      AND (w.topics = '{}' OR (g.topics <> '{}' AND g.topics <@ w.topics))
      AND (w.channels = '{}' OR way = ANY(w.channels)
           OR (way LIKE '@%%' AND w.channels && ARRAY['email', 'online_audience']))
      AND (NOT w.order_known OR NOT g.order_known OR w.at >= g.at))
)
SELECT count(DISTINCT contact_id), count(DISTINCT id) FROM standing_way s
WHERE s.going AND NOT EXISTS (
  SELECT FROM standing_way other
  WHERE other.contact_id = s.contact_id AND NOT other.going AND other.controller = s.controller AND other.way = s.way
    AND other.purposes @> s.purposes
    AND (other.topics = '{}' OR (s.topics <> '{}' AND other.topics @> s.topics)))
"""
