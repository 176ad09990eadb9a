"""The feed: every entry of the ledger, in order, from wherever a reader has come to.

The ledger itself is the outbox, so that nothing more is written when something happens. Whoever appends holds the head
of its chain until the commit; so within a chain the entries that can be seen are without a gap, and none appears later
behind one that was seen. A place in the feed is therefore how far a reader has come in each of the sixteen chains.
All entries of a contact are of one chain, so they are given in the order they were recorded. The chains are laid
together by the time of recording, which puts what was committed before something else was begun before it too.

A cursor also carries a digest of the entries it stands at: where a backup was put in the register's place, the entries
after it are others, and a reader with a cursor from before is told so, rather than passed over what it never saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple, get_args

from psycopg.rows import namedtuple_row
from sqlalchemy.orm import Session

from consentmgr.consents.acts import LEGAL_BASIS_SET, PROHIBITION_ADDED, PROHIBITION_LIFTED, REGISTER_CHANGE
from consentmgr.consents.heads import CHAINS, heads
from consentmgr.consents.ledger import driver_connection
from consentmgr.consents.sight import EVERYTHING, SEEN, Sight
from consentmgr.edge.paging import cursor, values_of
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import EventKind

#: Every type of event that the feed may give.
EVENT_TYPES: Final[tuple[str, ...]] = (
    *get_args(EventKind),
    LEGAL_BASIS_SET,
    PROHIBITION_ADDED,
    PROHIBITION_LIFTED,
    REGISTER_CHANGE,
)
#: Events of one answer at most, and how many there are where nobody says.
MOST_EVENTS: Final = 1_000
USUAL_EVENTS: Final = 200
#: Entries looked at for one answer, where most of them are not the reader's; the cursor goes on behind them.
_MOST_SCANNED: Final = 10_000
#: Entries of one chain that are fetched at once, at least.
_FEWEST_OF_CHAIN: Final = 16
#: Contacts named with a ban that reaches them.
_MOST_REACHED: Final = 50
#: What a reader may say instead of a cursor.
AT_THE_END: Final = ("now", "head")

#: How far a reader has come in each chain: the number of the last entry it has had, 0 where it has had none.
Place = tuple[int, ...]
BEGINNING: Final[Place] = (0,) * CHAINS


class AnotherHistory(BadInput):
    """The cursor is of entries that this register does not have: a backup was put in its place."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event as readers and receivers get it. ``document`` holds no name and no address; ``hash`` is the entry's."""

    entry_id: int
    event: str
    at: datetime
    hash: bytes
    #: Where a reader stands that has had it, and all before it.
    place: Place
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of the feed. ``place`` is behind all that was looked at; ``more``: there was more to be seen then."""

    changes: list[Change]
    place: Place
    more: bool


# --- places ---------------------------------------------------------------------------------------------------------


def end(session: Session) -> Place:
    """The place behind everything that can be seen now."""
    return tuple(head.seq for head in heads(session))


def cursor_of(session: Session, place: Place) -> str:
    """A place as the opaque text that readers keep."""
    return cursor(_digest_at(session, place), *place)


def place_of(session: Session, text: str | None) -> Place:
    """The place a reader names: a cursor, ``now`` or ``head`` for the end, None for the beginning.

    Raises ``BadInput`` for what is no cursor of the feed, ``AnotherHistory`` for one of a register that was replaced.
    """
    if text is None:
        return BEGINNING
    if text in AT_THE_END:
        return end(session)
    digest, *numbers = values_of(text, str, *(int,) * CHAINS)
    place = tuple(numbers)
    if any(seq < 0 or seq > 1 << 58 for seq in place):
        raise BadInput("it is not a cursor of this feed", field="after")
    if digest != _digest_at(session, place):
        raise AnotherHistory(
            "the register was put back from a copy since this cursor was given; read again from a place before that",
            field="after",
        )
    return place


def place_before(session: Session, moment: datetime) -> Place:
    """The place before the first entry of each chain that was recorded at a moment or later.

    Looks through the whole ledger, for what is done by hand now and then: moments of recording lie nearly in order and
    not quite, since an import writes under the time it began.
    """
    with driver_connection(session).cursor() as reading:
        reading.execute(
            "SELECT h.chain, coalesce(f.seq - 1, h.seq) FROM ledger_head h LEFT JOIN ("
            " SELECT chain, min(seq) AS seq FROM ledger_entry WHERE recorded_at >= %s GROUP BY chain"
            ") f ON f.chain = h.chain ORDER BY h.chain",
            [moment],
        )
        return tuple(row[1] for row in reading)


def waiting(session: Session, place: Place) -> int:
    """How many entries lie behind a place, of whichever controller and type."""
    return sum(max(0, last - seq) for last, seq in zip(end(session), place, strict=True))


def _digest_at(session: Session, place: Place) -> str:
    """A digest of the entries a place stands at. It covers all before them, because each entry's hash does."""
    ids = [seq * CHAINS + chain for chain, seq in enumerate(place) if seq > 0]
    with driver_connection(session).cursor() as reading:
        reading.execute("SELECT hash FROM ledger_entry WHERE id = ANY(%s) ORDER BY chain", [ids])
        hashes = [bytes(row[0]) for row in reading]
    return hashlib.sha256(bytes([len(hashes)]) + b"".join(hashes)).hexdigest()[:16]


# --- reading --------------------------------------------------------------------------------------------------------


def read(
    session: Session,
    after: Place,
    *,
    limit: int = USUAL_EVENTS,
    sight: Sight = EVERYTHING,
    types: Collection[str] = (),
) -> Portion:
    """What comes after a place, at most ``limit`` events of these types (all where none is named) and this sight.

    The session sees one position of the database (``Database.reading``). Entries of others are passed over; where
    there are very many of them the portion may be empty and there be more.
    """
    ends = end(session)
    place = list(after)
    changes: list[Change] = []
    scanned = 0
    while len(changes) < limit and scanned < _MOST_SCANNED:
        rows = _rows(session, place, ends, limit - len(changes), sight)
        if not rows:
            break
        scanned += len(rows)
        wanted = []
        for row in rows:
            place[row.chain] = row.seq
            if row.seen and (not types or row.event in types):
                wanted.append((row, tuple(place)))
                if len(changes) + len(wanted) == limit:
                    break
        reached = _reached(session, [row for row, _ in wanted], sight)
        changes += [_change(row, there, reached.get(row.id)) for row, there in wanted]
    more = any(last > seq for last, seq in zip(ends, place, strict=True))
    return Portion(changes, tuple(place), more)


#: What of an entry is told, and whether it is the reader's. An entry that names no controller speaks of its contact's.
_ROWS: Final = f"""
SELECT e.id, e.chain, e.seq, e.event, e.at, e.recorded_at, e.contact_id, c.ref, s.ref AS merged_into, e.controller,
  e.method, e.source, e.given_by, e.channels, e.purposes, e.topics, e.audiences, e.notice, e.prohibition, e.detail -> 'fields' AS fields, e.hash,
  CASE WHEN %(sees_all)s THEN true
    WHEN e.controller IS NOT NULL THEN e.controller = ANY(%(sees)s::text[])
    WHEN jsonb_exists(e.detail, 'controllers') THEN jsonb_exists_any(e.detail -> 'controllers', %(sees)s::text[])
    ELSE c.id IS NULL OR {SEEN} END AS seen
FROM ledger_entry e
LEFT JOIN contact c ON c.id = e.contact_id
LEFT JOIN contact s ON s.id = c.merged_into
WHERE e.id = ANY(%(ids)s::bigint[])
ORDER BY e.chain, e.seq
"""  # noqa: S608 - our own words


def _rows(session: Session, place: Sequence[int], ends: Place, wanted: int, sight: Sight) -> list[Any]:
    """The next entries, in the order of the feed: some of each chain, as far as their order is certain."""
    # Numbers have no gap, so the ids are known before anything is asked.
    of_each = max(_FEWEST_OF_CHAIN, 5 * wanted // (4 * CHAINS))
    upto = [min(last, seq + of_each) for seq, last in zip(place, ends, strict=True)]
    ids = [
        seq * CHAINS + chain
        for chain, (begin, last) in enumerate(zip(place, upto, strict=True))
        for seq in range(begin + 1, last + 1)
    ]
    if not ids:
        return []
    with driver_connection(session).cursor(row_factory=namedtuple_row) as reading:
        reading.execute(_ROWS.encode(), {"ids": "{" + ",".join(map(str, ids)) + "}", **sight.parameters})
        chains: list[list[Any]] = [[] for _ in range(CHAINS)]
        rows: list[Any] = reading.fetchall()
        for row in rows:
            chains[row.chain].append(row)
    return list(_laid_together(chains, {n for n in range(CHAINS) if upto[n] < ends[n]}))


def _laid_together(chains: Sequence[Sequence[Any]], cut: Collection[int]) -> Iterator[Any]:
    """Entries of all chains by the time of recording, each chain in its own order. ``cut`` are chains of which there
    are more than these: where one has come to its end here, what comes next is not known.
    """
    # A time of recording earlier than that of the entry before it counts as the same. What an import recorded at one
    # time is taken from all chains in turn, so that little is fetched in vain.
    heap = [(rows[0].recorded_at, 0, chain) for chain, rows in enumerate(chains) if rows]
    heapify(heap)
    while heap:
        moment, number, chain = heappop(heap)
        yield chains[chain][number]
        number += 1
        if number < len(chains[chain]):
            heappush(heap, (max(moment, chains[chain][number].recorded_at), number, chain))
        elif chain in cut:
            return


#: The contacts a ban reaches now: by the address they have or had before erasure, by its hash, or by their ref. Those
#: of an organisation or a domain are not listed.
_REACHED: Final = f"""
WITH found AS (
  SELECT p.id AS ban, t.contact_id FROM prohibition p JOIN contact_point t ON t.address_key = p.address_key
    WHERE p.id = ANY(%(bans)s) AND t.contact_id IS NOT NULL
  UNION SELECT p.id, t.contact_id FROM prohibition p JOIN contact_point t ON t.sha256_key = p.address_key
    WHERE p.id = ANY(%(bans)s) AND p.target_kind LIKE '%%sha256' AND t.contact_id IS NOT NULL
  UNION SELECT p.id, t.contact_id FROM prohibition p JOIN contact_point t ON t.sha256_digits_key = p.address_key
    WHERE p.id = ANY(%(bans)s) AND p.target_kind = 'phone_sha256' AND t.contact_id IS NOT NULL
  UNION SELECT p.id, k.contact_id FROM prohibition p JOIN erased_key k ON k.address_key = p.address_key
    WHERE p.id = ANY(%(bans)s)
  UNION SELECT p.id, coalesce(o.merged_into, o.id) FROM prohibition p JOIN contact o ON o.ref = p.contact_ref
    WHERE p.id = ANY(%(bans)s)
)
SELECT f.ban, c.id, c.ref FROM found f JOIN contact c ON c.id = f.contact_id WHERE {SEEN} ORDER BY f.ban, c.id
"""  # noqa: S608 - our own words


class _Named(NamedTuple):
    id: int
    ref: str


def _reached(session: Session, rows: Sequence[Any], sight: Sight) -> dict[int, list[_Named]]:
    """Whom the bans of these entries reach now, by the entry's id."""
    bans = {int(row.prohibition): row.id for row in rows if row.event in _OF_BANS}
    found: dict[int, list[_Named]] = {row.id: [] for row in rows if row.event in _OF_BANS}
    if not bans:
        return found
    of_ban: dict[int, list[_Named]] = {}
    with driver_connection(session).cursor() as reading:
        reading.execute(_REACHED.encode(), {"bans": list(bans), **sight.parameters})
        for ban, contact_id, ref in reading:
            of_ban.setdefault(ban, []).append(_Named(contact_id, ref))
    for row in rows:
        if row.event in _OF_BANS:
            found[row.id] = of_ban.get(int(row.prohibition), [])[:_MOST_REACHED]
    return found


_OF_BANS: Final = (PROHIBITION_ADDED, PROHIBITION_LIFTED)


def _change(row: Any, place: Place, reached: Sequence[_Named] | None) -> Change:
    contact = None
    if row.contact_id is not None and row.ref is not None:
        contact = {"id": row.contact_id, "ref": row.ref, "merged_into": row.merged_into}
    document: dict[str, Any] = {
        "id": f"E{row.id}",
        "type": row.event,
        "at": row.at,
        "recorded_at": row.recorded_at,
        "contact": contact,
        "controller": row.controller,
        "method": row.method,
        "source": row.source,
        "given_by": row.given_by,
        "channels": row.channels,
        "purposes": row.purposes,
        "topics": row.topics,
        "audiences": row.audiences,
        "notice": row.notice,
        "prohibition": int(row.prohibition) if row.event in _OF_BANS else None,
        "reaches": [named._asdict() for named in reached or ()],
        "fields": row.fields or [] if row.event == REGISTER_CHANGE else [],
    }
    return Change(row.id, row.event, row.at, bytes(row.hash), place, document)
