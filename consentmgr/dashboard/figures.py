"""The figures of the front page, and the rows behind each. Reads only; as many questions for any number of rows.

``controller`` is the one that is looked at, or None for the register as a whole, which only those who answer for all
controllers may ask for. An act that names no controller speaks of all of them: it is counted in the whole alone.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.dashboard.counting import MARK, POINTS, STANDING
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.reason_codes import ORDER

#: Events that give, and events that take back, in the chart of acts.
GIVEN: Final = ("consent_given", "guardian_consented")
WITHDRAWN: Final = ("consent_withdrawn", "consent_refused")
OBJECTED: Final = ("objected", "complaint")
LINES: Final[Mapping[str, tuple[str, ...]]] = {"given": GIVEN, "withdrawn": WITHDRAWN, "objected": OBJECTED}
#: Days a chart may show.
PERIODS: Final = (30, 90, 365)
#: Of more days than these a line is all teeth: then it is of weeks.
_DAYS_ONE_BY_ONE: Final = 45
#: States of a permission in the order they are told, with whether they let a message go.
STATES: Final = (
    "consented",
    "guardian_consented",
    "objection_lifted",
    "withdrawn",
    "refused",
    "objected",
    "complained",
)
#: Screenings whose reasons are added up.
_SCREENINGS: Final = 40
#: Rows of one page.
PAGE: Final = 50


# --- acts over time ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acts:
    """``rows``: first day of each period and the number of each line of ``LINES``. ``step`` is days of a period.

    ``totals`` are of the days asked for, ``first`` to ``last``; the first week of ``rows`` is whole.
    """

    rows: tuple[tuple[date, tuple[int, ...]], ...]
    totals: Mapping[str, int]
    step: int
    first: date
    last: date
    counted: bool


def acts_over_time(session: Session, *, controller: str | None, days: int, today: date) -> Acts:
    """What people did in the last ``days`` days, by day, or by week (from its Monday) in a long period."""
    step = 7 if days > _DAYS_ONE_BY_ONE else 1
    first = today - timedelta(days=days - 1)
    begins = first - timedelta(days=first.weekday()) if step == 7 else first
    events = [event for line in LINES.values() for event in line]
    found = session.execute(
        text(
            "SELECT day, event, sum(number) FROM act_count WHERE day BETWEEN :first AND :last"
            " AND event = ANY(:events) AND (CAST(:controller AS text) IS NULL OR controller = :controller) GROUP BY 1, 2"
        ),
        {"first": begins, "last": today, "events": events, "controller": controller},
    ).all()
    line_of = {event: line for line, of_it in LINES.items() for event in of_it}
    sums: Counter[tuple[date, str]] = Counter()
    totals = dict.fromkeys(LINES, 0)
    for day, event, number in found:
        line = line_of[event]
        sums[begins + timedelta(days=(day - begins).days // step * step), line] += int(number)
        if day >= first:
            totals[line] += int(number)
    periods = [begins + timedelta(days=place) for place in range(0, (today - begins).days + 1, step)]
    rows = tuple((day, tuple(sums[day, line] for line in LINES)) for day in periods)
    counted = bool(session.scalar(text("SELECT EXISTS (SELECT FROM counted_chain)")))
    return Acts(rows, totals, step, first, today, counted)


@dataclass(frozen=True, slots=True)
class ActRow:
    """One ledger entry: nothing of the person but the number of the contact."""

    id: int
    at: datetime
    event: str
    controller: str | None
    contact_id: int | None
    channels: tuple[str, ...]
    purposes: tuple[str, ...]
    topics: tuple[str, ...]
    method: str | None
    actor: str


def act_rows(
    session: Session,
    *,
    controller: str | None,
    events: Sequence[str],
    first: date,
    last: date,
    before: int | None = None,
    limit: int = PAGE,
) -> tuple[list[ActRow], int]:
    """The newest entries of these events and Finnish days below entry ``before``, and how many there are in all.

    The counts know between which ids they lie, so that no index on time is needed.
    """
    wanted = {
        "events": list(events),
        "first": first,
        "last": last,
        "controller": controller,
    }
    known = session.execute(
        text(
            "SELECT coalesce(sum(number), 0), min(first_entry), max(last_entry) FROM act_count WHERE day BETWEEN :first"
            " AND :last AND event = ANY(:events) AND (CAST(:controller AS text) IS NULL OR controller = :controller)"
        ),
        wanted,
    ).one()
    if not known[0]:
        return [], 0
    rows = session.execute(
        text(
            "SELECT id, at, event, controller, contact_id, channels, purposes, topics, method, actor FROM ledger_entry"
            " WHERE id BETWEEN :lowest AND :highest AND event = ANY(:events) AND at >= :begins AND at < :ends"
            " AND (CAST(:controller AS text) IS NULL OR controller = :controller) ORDER BY id DESC LIMIT :limit"
        ),
        {
            **wanted,
            "lowest": known[1],
            "highest": known[2] if before is None else min(known[2], before - 1),
            "begins": _midnight(first),
            "ends": _midnight(last + timedelta(days=1)),
            "limit": limit,
        },
    )
    return [
        ActRow(row.id, row.at, row.event, row.controller, row.contact_id, tuple(row.channels), tuple(row.purposes),
               tuple(row.topics), row.method, row.actor)
        for row in rows
    ], int(known[0])  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), HELSINKI)


# --- how contacts stand -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class States:
    """Counts by part and state (channel and standing, or kind of contact point and fault), and when they were made."""

    numbers: Mapping[tuple[str, str], int]
    counted_at: datetime | None

    @property
    def parts(self) -> list[str]:
        """The parts there are, the largest first."""
        sums: Counter[str] = Counter()
        for (part, _), number in self.numbers.items():
            sums[part] += number
        return [part for part, _ in sums.most_common()]

    def of(self, part: str, state: str) -> int:
        return self.numbers.get((part, state), 0)


def states_of(session: Session, *, controller: str | None) -> dict[str, States]:
    """Standing, contact points that do not work, and mail, by figure (``dashboard.counting``)."""
    found = session.execute(
        text(
            "SELECT figure, part, state, number, counted_at FROM state_count"
            " WHERE controller = coalesce(:controller, '') OR figure = :mark"
        ),
        {"controller": controller, "mark": MARK},
    ).all()
    at = next((row.counted_at for row in found if row.figure == MARK), None)
    numbers: dict[str, dict[tuple[str, str], int]] = {}
    for row in found:
        numbers.setdefault(row.figure, {})[row.part, row.state] = row.number
    return {figure: States(numbers.get(figure, {}), at) for figure in (STANDING, POINTS, "mail")}


@dataclass(frozen=True, slots=True)
class StandingRow:
    contact_id: int
    controller: str
    purpose: str
    topic: str
    at: datetime


def standing_rows(
    session: Session, *, controller: str | None, channel: str, state: str, after: int = 0, limit: int = PAGE
) -> list[StandingRow]:
    """Contacts with this standing on this channel, by number, after contact ``after``; one row a contact."""
    rows = session.execute(
        text(
            "SELECT DISTINCT ON (contact_id) contact_id, controller, purpose, topic, at FROM standing"
            " WHERE contact_id > :after AND matter = 'permission' AND channel = :channel AND state = :state"
            " AND (CAST(:controller AS text) IS NULL OR controller = :controller)"
            " ORDER BY contact_id, at DESC LIMIT :limit"
        ),
        {"after": after, "channel": channel, "state": state, "controller": controller, "limit": limit},
    )
    return [StandingRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class PointRow:
    id: int
    contact_id: int | None
    organisation_id: int | None
    kind: str
    state: str
    soft_bounces: int


def point_rows(
    session: Session, *, controller: str | None, kind: str, state: str, after: int = 0, limit: int = PAGE
) -> list[PointRow]:
    """Contact points of this kind and fault, by number, after point ``after``. No address is read."""
    fault = "p.state = 'ok' AND p.soft_bounces > 0" if state == "soft_bounce" else "p.state = :state"
    owner = (
        ""
        if controller is None
        else "AND EXISTS (SELECT FROM contact c WHERE c.id = p.contact_id AND :controller = ANY(c.controllers))"
    )
    rows = session.execute(
        text(
            "SELECT p.id, p.contact_id, p.organisation_id, p.kind, p.state, p.soft_bounces FROM contact_point p"  # noqa: S608 - our own words
            f" WHERE p.id > :after AND p.kind = :kind AND {fault} {owner} ORDER BY p.id LIMIT :limit"
        ),
        {"after": after, "kind": kind, "state": state, "controller": controller, "limit": limit},
    )
    return [PointRow(*row) for row in rows]


# --- screenings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScreeningRow:
    """A screening as the front page tells it. ``reasons``: rows whose headline each code is."""

    id: UUID
    campaign: str
    controller: str | None
    screened_at: datetime
    valid_until: datetime
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    #: The list at the desk that it was made of, where it was made there.
    list_id: UUID | None = None

    def expired(self, now: datetime) -> bool:
        return self.valid_until <= now


def screenings(session: Session, *, controllers: frozenset[str] | None, since: datetime) -> list[ScreeningRow]:
    """The newest screenings of these controllers (None: of all), newest first, with what their certificates count."""
    found = session.execute(
        text(
            "SELECT s.id, s.campaign, s.screened_at, s.valid_until, s.counts, l.id AS list_id"
            " FROM screening s LEFT JOIN list_screening l ON l.screening = s.id"
            " WHERE s.screened_at >= :since ORDER BY s.screened_at DESC, s.id LIMIT :most"
        ),
        {"since": since, "most": _SCREENINGS if controllers is None else 10 * _SCREENINGS},
    ).all()
    counted = _counted(session, [row.id for row in found])
    rows = [
        ScreeningRow(
            row.id, row.campaign, controller, row.screened_at, row.valid_until, row.counts, reasons, row.list_id
        )
        for row in found
        for controller, reasons in [counted.get(row.id, (None, {}))]
        if controllers is None or controller in controllers
    ]
    return rows[:_SCREENINGS]


def campaign_names(session: Session, keys: Iterable[str]) -> dict[str, str]:
    """What campaigns are called, by key: as they are stored, or as a list was screened for them."""
    found = session.execute(
        text(
            "SELECT campaign ->> 'key' AS key, max(campaign ->> 'name') AS name FROM list_screening"
            " WHERE campaign ->> 'key' = ANY(:keys) GROUP BY 1"
            " UNION ALL SELECT key, document ->> 'name' FROM campaign WHERE key = ANY(:keys)"
        ),
        {"keys": sorted(set(keys))},
    )
    return {row.key: row.name for row in found if row.name}


def topic_names(session: Session, keys: Iterable[str], language: Language) -> dict[str, str]:
    """What topics are called in a language, by key."""
    found = session.execute(text("SELECT key, names FROM topic WHERE key = ANY(:keys)"), {"keys": sorted(set(keys))})
    return {row.key: row.names[language] for row in found if row.names.get(language)}


#: What was read of certificates, which never change, so that each is fetched once.
_KNOWN: Final[dict[UUID, tuple[str | None, Mapping[str, int]]]] = {}
_MOST_KNOWN: Final = 5_000


def _counted(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[str | None, Mapping[str, int]]]:
    """The controller and the headline reasons of screenings, by id."""
    missing = [screening_id for screening_id in ids if screening_id not in _KNOWN]
    fetched = session.execute(text("SELECT id, certificate FROM screening WHERE id = ANY(:ids)"), {"ids": missing})
    fresh = {row.id: _claimed(row.certificate) for row in fetched}
    if len(_KNOWN) > _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN.update(fresh)
    return {screening_id: fresh.get(screening_id) or _KNOWN.get(screening_id, (None, {})) for screening_id in ids}


def _claimed(certificate: str) -> tuple[str | None, Mapping[str, int]]:
    """What a certificate of ours says; read and not verified, since it comes from our own table."""
    try:
        payload = certificate.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        reasons = claims.get("counts", {}).get("reasons", {})
        controller = claims.get("controller", {}).get("key")
        return controller, {code: int(told.get("headline", 0)) for code, told in reasons.items()}
    except (ValueError, IndexError, AttributeError):
        return None, {}


def reasons_added(rows: Sequence[ScreeningRow]) -> list[tuple[str, int]]:
    """Why rows of these lists were not allowed, the commonest first."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums.update({code: number for code, number in row.reasons.items() if number})
    return sorted(sums.items(), key=lambda pair: (-pair[1], ORDER.get(pair[0], 0)))


# --- links, bursts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Links of one campaign: how often they were opened, and how often anything was done by them."""

    campaign: str
    views: int
    acts: int

    @property
    def inert(self) -> int:
        """Views that nothing came of: mostly of mail scanners, which open every link and press nothing."""
        return max(0, self.views - self.acts)


def links_by_campaign(
    session: Session, *, controller: str | None, since: date, limit: int = 10, campaign: str | None = None
) -> list[LinkRow]:
    """Campaigns by how often their links were opened. A controller sees the campaigns that name it."""
    rows = session.execute(
        text(
            "SELECT l.campaign, sum(l.number) FILTER (WHERE l.kind = 'view'), sum(l.number) FILTER (WHERE l.kind = 'act')"
            " FROM link_count l LEFT JOIN campaign c ON c.key = l.campaign WHERE l.day >= :since"
            " AND (CAST(:controller AS text) IS NULL OR c.document ->> 'controller' = :controller)"
            " AND (CAST(:campaign AS text) IS NULL OR l.campaign = :campaign)"
            " GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT :limit"
        ),
        {"since": since, "controller": controller, "limit": limit, "campaign": campaign},
    )
    return [LinkRow(row[0], int(row[1] or 0), int(row[2] or 0)) for row in rows]


@dataclass(frozen=True, slots=True)
class LinkDay:
    day: date
    kind: str
    name: str
    number: int


def link_days(session: Session, *, campaign: str, since: date) -> list[LinkDay]:
    """What was done with a campaign's links, day by day, newest first."""
    rows = session.execute(
        text(
            "SELECT day, kind, name, number FROM link_count WHERE campaign = :campaign AND day >= :since"
            " ORDER BY day DESC, kind DESC, name LIMIT 1000"
        ),
        {"campaign": campaign, "since": since},
    )
    return [LinkDay(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Burst:
    """Many leavings of addresses of one domain within minutes; ``number`` of them."""

    id: int
    domain: str
    number: int
    addresses: int | None
    controller: str | None
    created_at: datetime
    state: str


def bursts(session: Session, *, controller: str | None, limit: int = PAGE) -> list[Burst]:
    """Bursts of leavings, open ones first, then the newest."""
    rows = session.execute(
        text(
            "SELECT id, data, controller, created_at, state FROM proposal WHERE kind = 'burst_undo'"
            " AND (CAST(:controller AS text) IS NULL OR controller = :controller)"
            " ORDER BY state <> 'open', created_at DESC, id DESC LIMIT :limit"
        ),
        {"controller": controller, "limit": limit},
    )
    return [
        Burst(
            row.id,
            str(row.data.get("domain", "")),
            len(row.data.get("prohibitions", ())),
            row.data.get("addresses_of_domain"),
            row.controller,
            row.created_at,
            row.state,
        )
        for row in rows
    ]


def controllers_named(session: Session, allowed: frozenset[str] | None) -> list[tuple[str, str]]:
    """Keys and names of the controllers somebody may look at (None: all), by name."""
    rows = session.execute(
        text("SELECT key, name FROM controller WHERE :every OR key = ANY(:allowed) ORDER BY name, key"),
        {"every": allowed is None, "allowed": sorted(allowed or ())},
    )
    return [(row.key, row.name) for row in rows]


def since_day(now: datetime, days: int) -> date:
    """The first of the last ``days`` Finnish days."""
    return local_date(now) - timedelta(days=days - 1)
