"""Partners a certificate relies on: who also sends by this channel, and must have taken in who said no.

Whoever delivers suppression lists keeps the rows up to date (``rely_on``, ``note_waiting``, ``note_held``); screening
reads them, names the partners in the certificate, and says of one whose partner has not acknowledged in time that it
is no longer good for sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from consentmgr.screening.models import ReliedPartner
from consentmgr.screening.relied_partners import Partner


def rely_on(
    session: Session,
    *,
    schedule: str,
    partner: str,
    controller: str,
    channel: str,
    purpose: str,
    topic: str | None,
    most_lag_hours: int,
    waiting: tuple[int | None, datetime] | None,
) -> None:
    """Rely on a partner, from now on or as it is now agreed. ``waiting`` is what it owes an acknowledgement for (a
    sequence, or None where it holds nothing yet) and since when. Flushes.
    """
    sequence, since = waiting or (None, None)
    session.merge(
        ReliedPartner(
            schedule=schedule,
            partner=partner,
            controller=controller,
            channel=channel,
            purpose=purpose,
            topic=topic,
            most_lag_hours=most_lag_hours,
            waiting_since=since,
            waiting_for=sequence,
        )
    )
    session.flush()


def rely_no_more(session: Session, schedule: str) -> None:
    """No certificate depends on this schedule any more."""
    session.execute(delete(ReliedPartner).where(ReliedPartner.schedule == schedule))


def note_waiting(session: Session, schedule: str, sequence: int, since: datetime) -> None:
    """A sequence was sent; the wait begins where the partner owed nothing before."""
    session.execute(
        update(ReliedPartner)
        .where(ReliedPartner.schedule == schedule)
        .values(
            waiting_since=func.coalesce(ReliedPartner.waiting_since, since),
            waiting_for=func.coalesce(ReliedPartner.waiting_for, sequence),
        )
    )


def note_held(session: Session, schedule: str, *, next_sent: tuple[int, datetime] | None) -> None:
    """The partner acknowledged; ``next_sent`` is the oldest sequence after that which it has not, with its time."""
    sequence, since = next_sent or (None, None)
    session.execute(
        update(ReliedPartner)
        .where(ReliedPartner.schedule == schedule)
        .values(waiting_since=since, waiting_for=sequence)
    )


def lagging_of(session: Session, claims: Mapping[str, Any], now: datetime) -> list[Partner]:
    """Of the partners that a certificate's claims name, those that lag now."""
    schedules = [str(one["schedule"]) for one in claims.get("relies_on", ())]
    rows = session.scalars(
        select(ReliedPartner).where(ReliedPartner.schedule.in_(schedules)).order_by(ReliedPartner.schedule)
    )
    return [partner for partner in map(_partner, rows) if partner.lags(now)]


def _partner(row: ReliedPartner) -> Partner:
    return Partner(row.schedule, row.partner, row.most_lag_hours, row.waiting_since, row.waiting_for)
