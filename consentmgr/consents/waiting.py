"""All who have asked to be erased and wait for an answer, by the last day to give it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.consents.requests import ERASURE, ErasureAsked
from consentmgr.consents.sight import SEEN, Sight

# Not from ``standing``: there an erasure holds over a later wish, and whoever came back after one may ask again. Every
# wish has its place in an index of its own, and only those of people who are not erased are followed further. The limit
# keeps the planner from reading all contacts where many have asked: the cost is that of the wishes, ever made.
_ACTS: Final = f"""
WITH asking AS (
  SELECT DISTINCT c.id FROM ledger_entry w CROSS JOIN LATERAL (
    SELECT s.id, s.erased_at, s.controllers FROM contact m JOIN contact s ON s.id = coalesce(m.merged_into, m.id)
    WHERE m.id = w.contact_id LIMIT 1) c
  WHERE w.event = 'erasure_requested' AND c.erased_at IS NULL AND {SEEN})
SELECT a.id, e.event, e.at, e.controller, e.detail -> 'controllers' FROM asking a
CROSS JOIN LATERAL (SELECT a.id AS of UNION ALL SELECT o.id FROM contact o WHERE o.merged_into = a.id) same
JOIN ledger_entry e ON e.contact_id = same.of AND e.event = ANY(%(told)s)
"""  # noqa: S608 - our own words


class Waiting(NamedTuple):
    """A contact, by the number of the one that stays where it was merged, and what waits for an answer."""

    contact_id: int
    asked: ErasureAsked


class _Told(NamedTuple):
    event: str
    at: datetime
    controller: str | None


def waiting_for_erasure(session: Session, sight: Sight) -> list[Waiting]:
    """Everybody seen who waits, the nearest last day first, so that those past their day come first. One statement.

    A wish that was refused waits no more; one made after that waits anew. A wish made to controllers that are not seen
    is none here, as on the person's own page.
    """
    told: dict[int, list[_Told]] = defaultdict(list)
    for contact_id, event, at, controller, named in driver_connection(session).execute(
        _ACTS.encode(), {**sight.parameters, "told": list(ERASURE)}
    ):
        several = [str(key) for key in named] if isinstance(named, list) else []
        if sight.sees(controller) and sight.sees_any(several):
            told[contact_id].append(_Told(event, at, controller))
    found = [
        Waiting(contact_id, asked)
        for contact_id, acts in told.items()
        if (asked := ErasureAsked.of(acts, sight.controllers)) is not None
    ]
    return sorted(found, key=lambda one: (one.asked.due, one.asked.on, one.contact_id))
