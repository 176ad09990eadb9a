"""The partners that a certificate relies on, as whoever screens reads them; ``partners`` keeps them up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from consentmgr.db import written_connection
from consentmgr.vocabulary.documents import Campaign

if TYPE_CHECKING:
    from consentmgr.db import Asking

#: What is asked of somebody who asked for no such message; a newsletter is direct marketing too (law.md section 1).
_MARKETING = ("direct_marketing", "newsletter")


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner as a certificate names it, and since when it owes an acknowledgement (None: it does not)."""

    schedule: str
    name: str
    most_lag_hours: int
    waiting_since: datetime | None = None
    waiting_for: int | None = None

    def lags(self, now: datetime) -> bool:
        """Whether it has not acknowledged within the hours that were agreed."""
        return self.waiting_since is not None and self.waiting_since + timedelta(hours=self.most_lag_hours) < now


def partners_of(asking: Asking, campaign: Campaign, controllers: Sequence[str]) -> tuple[Partner, ...]:
    """The partners that a campaign's certificate relies on: those with a list of its controllers and channel, whose
    purpose and topic could be its own; in the order of their schedules.
    """
    purposes = _MARKETING if campaign.purpose in _MARKETING else (campaign.purpose,)
    rows = written_connection(asking).execute(
        "SELECT schedule, partner, most_lag_hours, waiting_since, waiting_for FROM relied_partner"
        " WHERE controller = ANY(%s) AND channel = %s AND purpose = ANY(%s) AND (topic IS NULL OR topic = %s)"
        " ORDER BY schedule",
        [list(controllers), campaign.channel, list(purposes), campaign.topic],
    )
    return tuple(Partner(*row) for row in rows)


def lag_sentence(partner: Partner) -> str:
    """What to tell of a partner that lags."""
    assert partner.waiting_since is not None
    what = f"sequence {partner.waiting_for}" if partner.waiting_for is not None else "any suppression list"
    return (
        f"{partner.name} has not acknowledged {what} of the schedule {partner.schedule} within"
        f" {partner.most_lag_hours} hours, since {partner.waiting_since:%Y-%m-%d %H:%M} UTC"
    )
