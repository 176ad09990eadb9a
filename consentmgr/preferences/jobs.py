"""The clock's door: leavings that look like a machine's are shown to somebody who can tell.

Some mail servers open every link of a message, and some press what they find. A whole staff that "leaves" within
minutes is no wish of anybody's. It is a prohibition all the same, and stays one: it is never dropped and never undone
by itself. What is made is a proposal to undo it, which a member of staff decides after asking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.preferences.models import Proposal
from consentmgr.preferences.proposals import propose

#: A burst: so many leavings of addresses of one domain within so long, ...
BURST: Final = 20
WITHIN: Final = timedelta(minutes=10)
#: ... and so large a part of all the domain's addresses. People of a large mail provider leave in numbers after every
#: mailing, yet never half of them; a scanner takes all whom the mailing reached.
SHARE: Final = 0.5
#: How far back a run looks: its own interval, the burst's length, and a run that was missed.
_LOOK_BACK: Final = timedelta(minutes=40)
#: The newest rows that are looked at; the table has no index by time, and needs none for this alone.
_NEWEST_ROWS: Final = 200_000


class Leaving(NamedTuple):
    """One leaving by a link, of an address that somebody in the register has."""

    prohibition_id: int
    domain: str
    at: datetime
    controller: str | None


def flag_bursts(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Propose to look at bursts of leavings of one domain; for every ten minutes."""
    with database.transaction() as session:
        return f"{flag(session, now=now)} bursts flagged"


def flag(session: Session, *, now: datetime) -> int:
    """Make a proposal of each burst that has none yet; how many. A proposal names prohibitions, and no person."""
    leavings = _recent(session, now - _LOOK_BACK)
    flagged = _flagged(session, now - 2 * _LOOK_BACK)
    of_domain: dict[str, list[Leaving]] = defaultdict(list)
    for leaving in leavings:
        if leaving.prohibition_id not in flagged:
            of_domain[leaving.domain].append(leaving)
    bursts = {domain: list(found) for domain, all_of_it in of_domain.items() if (found := burst_of(all_of_it))}
    if not bursts:
        return 0
    sizes = _sizes(session, list(bursts))
    made = 0
    for domain, burst in bursts.items():
        if len(burst) < SHARE * sizes[domain]:
            continue
        ids = sorted({leaving.prohibition_id for leaving in burst})
        controllers = {leaving.controller for leaving in burst}
        made += propose(
            session,
            kind="burst_undo",
            contact_id=None,
            controller=controllers.pop() if len(controllers) == 1 else None,
            source="flag-bursts",
            data={
                "domain": domain,
                "prohibitions": ids,
                "from": min(leaving.at for leaving in burst).isoformat(),
                "until": max(leaving.at for leaving in burst).isoformat(),
                "addresses_of_domain": sizes[domain],
            },
            digest=UUID(bytes=blake2b(repr(ids).encode(), digest_size=16, person=b"burst").digest()),
            now=now,
        )
    return made


def burst_of(leavings: Sequence[Leaving]) -> list[Leaving]:
    """Of the leavings of one domain, those that belong to a burst, however long it goes on; empty where none is."""
    ordered = sorted(leavings, key=lambda leaving: leaving.at)
    found: set[int] = set()
    for first, last in _windows(ordered):
        if last - first >= BURST:
            found.update(range(first, last))
    return [ordered[place] for place in sorted(found)]


def _windows(ordered: Sequence[Leaving]) -> Iterator[tuple[int, int]]:
    """For each leaving the slice of those that follow it within the burst's length."""
    last = 0
    for first, leaving in enumerate(ordered):
        while last < len(ordered) and ordered[last].at - leaving.at <= WITHIN:
            last += 1
        yield first, last


def _recent(session: Session, since: datetime) -> list[Leaving]:
    rows = session.execute(
        text(
            "SELECT DISTINCT p.id, lower(split_part(c.value, '@', 2)), p.recorded_at,"
            " CASE WHEN cardinality(p.controllers) = 1 THEN p.controllers[1] END"
            " FROM prohibition p JOIN contact_point c ON c.address_key = p.address_key AND c.kind = 'email'"
            " WHERE p.id > (SELECT max(id) FROM prohibition) - :newest AND p.recorded_at > :since"
            " AND p.source = 'self' AND p.reference LIKE 'link:%' AND p.lifted_at IS NULL AND p.target_kind = 'email'"
            " AND c.value LIKE '%@%'"
        ),
        {"newest": _NEWEST_ROWS, "since": since},
    )
    return [Leaving(*row) for row in rows]


def _flagged(session: Session, since: datetime) -> set[int]:
    """The prohibitions that a proposal speaks of already."""
    found = session.scalars(select(Proposal.data).where(Proposal.kind == "burst_undo", Proposal.created_at > since))
    return {prohibition_id for data in found for prohibition_id in data.get("prohibitions", ())}


def _sizes(session: Session, domains: list[str]) -> dict[str, int]:
    """How many addresses of each domain the register has."""
    rows = session.execute(
        text(
            "SELECT lower(split_part(value, '@', 2)), count(DISTINCT address_key) FROM contact_point"
            " WHERE kind = 'email' AND lower(split_part(value, '@', 2)) = ANY(:domains) GROUP BY 1"
        ),
        {"domains": domains},
    )
    return {domain: int(count) for domain, count in rows}
