"""What a person does with a link in a message: leaves, pauses, ends a pause, or takes the leaving back in thirty days.

An ``OptOut`` is one such act, as the journal keeps it: opaque ids and keyed digests, codes, and a moment. Taking it
into the register is set-based and safe to repeat: its id is part of the prohibition's identity, so that an act taken
twice, by two processes or after a restore, adds one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Cursor
from psycopg.rows import class_row
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.prohibitions import service
from consentmgr.prohibitions.targets import Target
from consentmgr.vocabulary.codes import Channel
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

#: Who acts, in the ledger: whoever holds the link. The link's own id is in the prohibition.
ACTOR = "person:link"

#: Days within which the same link takes a leaving back, its last day included.
UNDO_DAYS = 30

#: Links whose key or contact the register no longer knows speak of everything that is left to speak of.
LINK_REFERENCE = "link:"


class OptOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act by a link. ``key`` is the address's digest in hex; ``link`` names the link, not the person.

    ``evidence`` holds codes and digests only: the journal it is written to is never erased from.
    """

    id: str
    act: Literal["leave", "pause", "undo", "resume"]
    at: datetime
    link: str
    controller: str
    kind: Literal["email", "phone", "post"]
    channel: Channel
    scope: Literal["topic", "channel", "all"]
    key: str | None = None
    contact: int | None = None
    topic: str | None = None
    campaign: str | None = None
    method: str = "page"
    evidence: dict[str, Any] = {}
    #: The last day of a pause, or of the one that stands instead of those that are ended. Lines say by their version
    #: that an older program cannot read them: the first journals held no pauses, and the second no ends of them.
    until: date | None = None
    v: Literal[1, 2, 3] = 1

    def __repr__(self) -> str:
        return f"OptOut(id={self.id!r}, act={self.act!r})"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of an act. For a leave: ``ids`` are the prohibitions of exactly this scope that now hold, ``new``
    whether it added any, ``since`` when the oldest of them was recorded, ``undoable`` whether this link made one.
    For an undo and a resume: ``ids`` are the prohibitions lifted, ``new`` whether there were any.
    """

    ids: tuple[int, ...] = ()
    new: bool = False
    since: datetime | None = None
    undoable: bool = False


def take(
    session: Session, acts: Sequence[OptOut], *, keys: AddressKeys, now: datetime, are_new: bool = False
) -> list[Taken]:
    """Take acts into the register, in the order given; what came of each. Does not commit.

    ``are_new``: nobody has tried to take them before, so that the register is not asked for them; were one there after
    all, the database refuses the whole set. On a connection in pipeline mode few answers are waited for.

    Leaves that follow one another are one set; a pause is a leave that ends by itself. A prohibition counts from the
    moment of the leave, however late it is taken; a leave that was undone or lifted later than it was made adds nothing. One transaction at a time takes acts.
    """
    found: list[Taken] = []
    for act, group in ((of[0], group) for of, group in groupby(acts, key=_taken_with)):
        if act == "undo":
            found.extend(_undo(session, one, keys=keys, now=now) for one in group)
        elif act == "resume":
            found.extend(_resume(session, one, keys=keys, now=now) for one in group)
        else:
            found.extend(_leave(session, list(group), keys=keys, now=now, are_new=are_new))
    return found


def _taken_with(act: OptOut) -> tuple[str, date, str | None]:
    """Acts that are taken as one set. A pause is alone: its own moment tells whether it was ended or put instead."""
    return act.act, local_date(act.at), act.id if act.act == "pause" else None


def hold(session: Session) -> None:
    """One transaction at a time takes acts: two that leave by the same link at once make one prohibition."""
    driver_connection(session).execute("SELECT pg_advisory_xact_lock(hashtextextended('consentmgr opt-outs', 0))")


def undo_until(left_at: datetime) -> date:
    """The last day on which a leaving may be taken back."""
    return local_date(left_at) + timedelta(days=UNDO_DAYS)


# --- leaving --------------------------------------------------------------------------------------------------------


class Ban(NamedTuple):
    """What there is to know of a prohibition here."""

    id: int
    address_key: UUID | None
    contact_ref: str | None
    channels: list[str]
    topics: list[str]
    controllers: list[str]
    reference: str | None
    recorded_at: datetime
    lifted_at: datetime | None
    valid_until: date | None
    #: The act that added it.
    record: str | None


class _Known(NamedTuple):
    """What the register knows of an act: whether its controller and topic are there; the contact's ref where the
    contact, erased or not, does not have the address.
    """

    controller: bool
    topic: bool
    ref: str | None


@dataclass(slots=True)
class _Wanted:
    """One prohibition an act asks for: on an address or on a contact."""

    place: int
    target: Target
    document: Prohibition
    found: list[Ban] = field(default_factory=list)
    #: Lifted after the act: a later word of the person, so the act asks for nothing any more.
    superseded: bool = False


def _leave(
    session: Session, acts: Sequence[OptOut], *, keys: AddressKeys, now: datetime, are_new: bool
) -> Iterator[Taken]:
    # Both are asked before either is read: in a pipeline that is one journey.
    asked = _ask_known(session, acts)
    there = _Bans(session, acts)
    known = map(_Known._make, asked.fetchall())
    wanted = [
        one for place, (act, what) in enumerate(zip(acts, known, strict=True)) for one in _wanted(place, act, what)
    ]
    there.add_contacts(one.target for one in wanted)
    missing: dict[tuple[Any, ...], _Wanted] = {}
    for one in wanted:
        for ban in there.on(one.target):
            if _scope_of(ban) == _scope_of(one.document):
                if ban.lifted_at is None:
                    one.found.append(ban)
                else:
                    one.superseded = one.superseded or ban.lifted_at >= acts[one.place].at
        if not one.found and not one.superseded:
            missing.setdefault((one.target, _scope_of(one.document)), one)
    added = _add(session, acts, list(missing.values()), keys=keys, now=now, are_new=are_new)
    mine: list[list[_Wanted]] = [[] for _ in acts]
    for one in wanted:
        mine[one.place].append(one)
    for place, act in enumerate(acts):
        ids: list[int] = []
        moments: list[datetime] = []
        new = undoable = False
        for one in mine[place]:
            ids.extend(ban.id for ban in one.found)
            moments.extend(ban.recorded_at for ban in one.found)
            # Somebody else may have taken this very act from the journal a moment ago.
            new = new or any(ban.record == act.id for ban in one.found)
            undoable = undoable or any(ban.reference == LINK_REFERENCE + act.link for ban in one.found)
            first = missing.get((one.target, _scope_of(one.document)))
            if first is not None and not one.found and not one.superseded:
                ids.append(added[id(first)])
                moments.append(act.at)
                new = new or first is one
                undoable = undoable or acts[first.place].link == act.link
        yield Taken(tuple(ids), new, min(moments, default=None), undoable)


def _add(
    session: Session,
    acts: Sequence[OptOut],
    missing: Sequence[_Wanted],
    *,
    keys: AddressKeys,
    now: datetime,
    are_new: bool,
) -> dict[int, int]:
    """The ids of the prohibitions added, by the ``id()`` of what asked for them."""
    if not missing:
        return {}
    # The moment of the newest act of the set: a set is what waited together, or the journal's records of one day.
    at = min(now, max(acts[one.place].at for one in missing))
    done = service.add_targeted(
        session,
        [one.document for one in missing],
        [one.target for one in missing],
        keys=keys,
        actor=ACTOR,
        now=at,
        are_new=are_new,
    )
    return {id(one): prohibition_id for one, prohibition_id in zip(missing, done.ids, strict=True)}


def _wanted(place: int, act: OptOut, known: _Known) -> Iterator[_Wanted]:
    document = _document(act, known)
    if act.key is not None:
        yield _Wanted(place, Target(act.kind, bytes.fromhex(act.key)), document)
    if known.ref is not None:
        named = msgspec.structs.replace(document, target=ProhibitionTarget(contact=known.ref))
        yield _Wanted(place, Target("contact", name=known.ref), named)


def _document(act: OptOut, known: _Known) -> Prohibition:
    """Where the topic is gone the person cannot be asked what else was meant: everything of the controller's ends.
    Where the controller is gone, everything ends.
    """
    by_topic = act.scope == "topic" and act.topic is not None and known.topic
    return Prohibition(
        target=ProhibitionTarget(),
        channels=(act.channel,) if act.scope == "channel" else (),
        topics=(act.topic,) if by_topic and act.topic is not None else (),
        controllers=(act.controller,) if known.controller else (),
        source="self",
        valid_from=local_date(act.at) if act.act == "leave" else None,
        valid_until=act.until,
        # What an undo finds: a pause is ended on the page of choices.
        reference=LINK_REFERENCE + act.link if act.act == "leave" else None,
        evidence={
            "record": act.id,
            "method": act.method,
            **({"campaign": act.campaign} if act.campaign is not None else {}),
            **act.evidence,
        },
    )


def _scope_of(one: Ban | Prohibition) -> tuple[Any, ...]:
    return tuple(sorted(one.channels)), tuple(sorted(one.topics)), tuple(sorted(one.controllers)), one.valid_until


# Waits for its turn too, so that this is one journey to the database; the prohibitions are asked for afterwards.
_KNOWN = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('consentmgr opt-outs', 0)))
SELECT k.key IS NOT NULL, t.key IS NOT NULL,
  CASE WHEN n.key IS NULL OR NOT (
    EXISTS (SELECT FROM contact_point p WHERE p.address_key = n.key AND p.contact_id = coalesce(c.merged_into, c.id))
    OR EXISTS (SELECT FROM erased_key e WHERE e.address_key = n.key AND e.contact_id = coalesce(c.merged_into, c.id))
  ) THEN coalesce(s.ref, c.ref) END
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[]) WITH ORDINALITY AS n (key, contact, controller, topic, place)
LEFT JOIN controller k ON k.key = n.controller
LEFT JOIN topic t ON t.key = n.topic
LEFT JOIN contact c ON c.id = n.contact
LEFT JOIN contact s ON s.id = c.merged_into
WHERE (SELECT count(*) FROM held) = 1
ORDER BY n.place
"""


def _ask_known(session: Session, acts: Sequence[OptOut]) -> Cursor[Any]:
    return driver_connection(session).execute(
        _KNOWN,
        [
            [act.key for act in acts],
            [act.contact for act in acts],
            [act.controller for act in acts],
            [act.topic for act in acts],
        ],
    )


_BANS = """
SELECT p.id, p.address_key, p.contact_ref, p.channels, p.topics, p.controllers, p.reference, p.recorded_at, p.lifted_at,
  p.valid_until, p.evidence ->> 'record' AS record
FROM prohibition p
WHERE {} AND p.source = 'self' AND p.purposes = '{{}}'
  AND (p.valid_from IS NULL OR p.valid_from <= %(day)s) AND (p.lifted_at IS NULL OR p.lifted_at >= %(since)s)
ORDER BY p.id
"""
_BANS_ON_ADDRESSES = _BANS.format("p.address_key = ANY(%(keys)s::uuid[])")
_BANS_ON_CONTACTS = _BANS.format("p.contact_ref = ANY(%(refs)s::text[])")


class _Bans:
    """The person's own prohibitions, by target, those of a pause too: those that hold, and those lifted after the first
    of some acts. Those on the addresses of the acts are asked for when it is made, and read when they are wanted.
    """

    def __init__(self, session: Session, acts: Sequence[OptOut]) -> None:
        self._session = session
        since = min(act.at for act in acts)
        self._moment = {"day": local_date(since), "since": since}
        # Text is sent faster than a list of UUIDs.
        keys = "{" + ",".join({act.key for act in acts if act.key is not None}) + "}"
        self._asked: list[Cursor[Ban]] = [self._ask(_BANS_ON_ADDRESSES, {"keys": keys})]

    def add_contacts(self, targets: Iterable[Target]) -> None:
        """Those on contacts, of which there are few: most have the address they leave with."""
        refs = {target.name for target in targets if target.name is not None}
        if refs:
            self._asked.append(self._ask(_BANS_ON_CONTACTS, {"refs": list(refs)}))

    def _ask(self, question: str, about: Mapping[str, Any]) -> Cursor[Ban]:
        cursor = driver_connection(self._session).cursor(row_factory=class_row(Ban))
        return cursor.execute(question.encode(), {**about, **self._moment})

    def on(self, target: Target) -> Sequence[Ban]:
        return self._found.get(target.key if target.key is not None else target.name, ())

    @cached_property
    def _found(self) -> dict[bytes | str | None, list[Ban]]:
        found: dict[bytes | str | None, list[Ban]] = {}
        for cursor in self._asked:
            for ban in cursor.fetchall():
                place = ban.address_key.bytes if ban.address_key is not None else ban.contact_ref
                found.setdefault(place, []).append(ban)
        return found


# --- taking it back -------------------------------------------------------------------------------------------------

_OF_LINK = """
SELECT p.id, coalesce(s.id, c.id) FROM prohibition p
LEFT JOIN contact c ON c.ref = p.contact_ref LEFT JOIN contact s ON s.id = c.merged_into
WHERE (p.address_key = %(key)s::uuid
    OR p.contact_ref = ANY(ARRAY(
      SELECT x.ref FROM contact o JOIN contact x ON x.id IN (o.id, o.merged_into) WHERE o.id = %(contact)s)))
  AND p.source = 'self' AND p.reference = %(reference)s AND p.lifted_at IS NULL AND p.recorded_at < %(at)s
"""


def _undo(session: Session, act: OptOut, *, keys: AddressKeys, now: datetime) -> Taken:
    hold(session)
    with driver_connection(session).cursor() as cursor:
        cursor.execute(
            _OF_LINK + " AND p.recorded_at >= %(since)s ORDER BY p.id",
            {
                "key": act.key,
                "contact": act.contact,
                "reference": LINK_REFERENCE + act.link,
                "at": act.at,
                # A day more than is allowed; the days are then counted as people count them.
                "since": act.at - timedelta(days=UNDO_DAYS + 1),
            },
        )
        rows = cursor.fetchall()
    of_contact: dict[int | None, list[int]] = {}
    bans = {ban.id: ban for ban in service.by_ids(session, [row[0] for row in rows])}
    for prohibition_id, contact_id in rows:
        if local_date(act.at) <= undo_until(bans[prohibition_id].recorded_at):
            of_contact.setdefault(contact_id, []).append(prohibition_id)
    lifted: list[int] = []
    for contact_id, ids in of_contact.items():
        lifted += service.lift(
            session,
            ids,
            at=act.at,
            method="email_link",
            reason="taken back by the same link",
            evidence={"record": act.id, **act.evidence},
            keys=keys,
            actor=ACTOR,
            now=max(now, act.at),
            contact_id=contact_id,
        )
    return Taken(tuple(sorted(lifted)), bool(lifted))


_PAUSES = """
SELECT p.id FROM prohibition p
WHERE (p.address_key = %(key)s::uuid
    OR p.address_key = ANY(ARRAY(SELECT q.address_key FROM contact o
      JOIN contact_point q ON q.contact_id = coalesce(o.merged_into, o.id) WHERE o.id = %(contact)s))
    OR p.contact_ref = ANY(ARRAY(
      SELECT x.ref FROM contact o JOIN contact x ON x.id IN (o.id, o.merged_into) WHERE o.id = %(contact)s)))
  AND p.source = 'self' AND p.controllers = ARRAY[%(controller)s] AND p.channels = '{}' AND p.topics = '{}'
  AND (p.purposes = '{}' OR 'direct_marketing' = ANY(p.purposes))
  AND p.valid_until IS NOT NULL AND p.valid_until IS DISTINCT FROM %(until)s::date
  AND p.lifted_at IS NULL AND p.recorded_at < %(at)s
ORDER BY p.id
"""


def _resume(session: Session, act: OptOut, *, keys: AddressKeys, now: datetime) -> Taken:
    """End the pauses that the person had set at this controller, other than one that stands in their place."""
    hold(session)
    connection = driver_connection(session)
    values = {"key": act.key, "contact": act.contact, "controller": act.controller, "until": act.until, "at": act.at}
    found = service.by_ids(session, [row[0] for row in connection.execute(_PAUSES.encode(), values)])
    # One that has yet to begin is nothing that could be ended.
    yesterday = local_date(act.at) - timedelta(days=1)
    ids = [
        ban.id
        for ban in found
        if ban.valid_from is None or ban.valid_from <= max(local_date(ban.recorded_at), yesterday)
    ]
    known = connection.execute("SELECT coalesce(merged_into, id) FROM contact WHERE id = %s", [act.contact]).fetchone()
    lifted: list[int] = []
    # One at a time, because the rule that many need a second person is against mass lifting.
    for prohibition_id in ids:
        lifted += service.lift(
            session,
            [prohibition_id],
            at=act.at,
            method="email_link",
            reason="taken back by the person on the preference page",
            evidence={"record": act.id, **act.evidence},
            keys=keys,
            actor=ACTOR,
            now=max(now, act.at),
            contact_id=known[0] if known is not None else None,
        )
    return Taken(tuple(lifted), bool(lifted))


def of_link(session: Session, link: str, *, key: UUID | None, contact_id: int | None, now: datetime) -> list[int]:
    """The ids of the prohibitions that hold and were made by this link."""
    with driver_connection(session).cursor() as cursor:
        cursor.execute(
            _OF_LINK + " ORDER BY p.id",
            {"key": key, "contact": contact_id, "reference": LINK_REFERENCE + link, "at": now},
        )
        return [row[0] for row in cursor]


def evidence_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence fit for the journal: short texts, numbers and flags. Raises ``ValueError`` for anything else."""
    for name, value in values.items():
        if not isinstance(value, str | int | bool) or len(str(value)) > 200:
            raise ValueError(f"evidence {name} is no short text, whole number or flag")
    return dict(values)
