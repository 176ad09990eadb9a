"""Days, ages and hours as Finnish and EU law count them. Pure: every moment is an argument.

Last days are inside: a purchase exactly 36 months old, a licence on its last day, a verification on the day of the
limit still count. Months are counted by the calendar (Regulation 1182/71, article 3): a month
from the 31st ends on the last day there is.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from consentmgr.kit.clock import HELSINKI

if TYPE_CHECKING:
    from consentmgr.vocabulary.policy import Policy


def add_months(day: date, months: int) -> date:
    """The same day of the month ``months`` later (earlier if negative), or that month's last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def oldest_inside(today: date, months: int) -> date:
    """The earliest day that is not yet more than ``months`` months old: the smallest whose ``add_months`` reaches
    ``today``.

    A fact of day ``d`` is inside exactly when ``d >= oldest_inside(today, months)``. On 31 March with one month that
    is 1 March, for a month from 28 February ended on 28 March.
    """
    day = add_months(today, -months)
    if add_months(day, months) < today:
        # ``today`` is a day that the earlier month does not have: only the month after it reaches so far.
        return day + timedelta(days=1)
    # Where ``today`` is a month's last day, clamping lets the last days of a longer month reach it as well.
    while add_months(day - timedelta(days=1), months) >= today:
        day -= timedelta(days=1)
    return day


def born_after_for_age(today: date, years: int) -> date:
    """The latest day of birth of a person who is ``years`` old on ``today``: whoever is born later is younger.

    Somebody born on 29 February comes of age, in a common year, on 1 March: until then the day has not come.
    """
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        # Today is 29 February; the year then had none.
        return date(today.year - years, 2, 28)


def answer_due(received_on: date, *, extended: bool = False) -> date:
    """The last day to answer a request of somebody whose data it is (GDPR 12(3)): one month from its receipt; where the
    time was ``extended``, two months from that month's end.

    The day of receipt is not counted, and a month that ends on a Saturday, Sunday or public holiday ends on the next
    working day (Regulation 1182/71, article 3). The two further months are counted from where the first ends by the
    calendar, so that they are never longer than three months from the receipt.
    """
    due = add_months(received_on, 1)
    if extended:
        due = add_months(due, 2)
    while due.weekday() >= calendar.SATURDAY or due in public_holidays(due.year):
        due += timedelta(days=1)
    return due


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """The public holidays of ``year`` in Finland; Midsummer Eve and Christmas Eve, when nobody works, are among them."""
    # Tables of every country come with the package; loaded only when a call campaign is judged.
    import holidays

    return frozenset(day for day in holidays.country_holidays("FI", years=year) if day.year == year)


def may_call_at(moment: datetime, policy: Policy) -> bool:
    """Whether marketing calls may be made at the aware ``moment``, by Finnish time and the policy's hours.

    The first hour is inside, the hour that ends them is not: 9.00.00 yes, 20.00.00 no. ``ValueError`` for a moment
    without an offset.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset has no time in Finland")
    local = moment.astimezone(HELSINKI)
    hours = policy.quiet_hours
    if local.date() in public_holidays(local.year):
        span = hours.public_holiday
    elif local.weekday() == calendar.SUNDAY:
        span = hours.sunday
    elif local.weekday() == calendar.SATURDAY:
        span = hours.saturday
    else:
        span = hours.monday_to_friday
    return span is not None and span[0] <= local.hour < span[1]
