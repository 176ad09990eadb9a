"""People found by what somebody typed: a name's beginning, an address, a business id, a ref.

What was typed may be several of these at once, and is looked for as all it may be; no statement's cost grows with the
register (the words of names have an index of their own, ``register.name_words``). Nothing of it is logged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.consents.sight import SEEN, Sight
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.register.business_ids import canonical_in_list, names_meant
from consentmgr.register.name_words import beginnings, words_of
from consentmgr.register.reading import psycopg_connection

#: People shown at once; who wants others types more.
SHOWN: Final = 20
#: Letters without which nothing is looked for.
SHORTEST: Final = 2
#: Characters that are looked at.
LONGEST: Final = 200
#: Of so many with a fitting name the first by alphabet are shown; of more, the first of these.
_CONSIDERED: Final = 1_000

#: As what something was found, the surest first.
Way = Literal["ref", "address", "organisation", "name"]
_WAYS: Final[tuple[Way, ...]] = ("ref", "address", "organisation", "name")

_POST = re.compile(r"^(?P<street>.*\D.*?),?\s+(?P<code>\d{5})(?:\s+(?P<city>\D*))?$")


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """What was typed, as all that it may be."""

    ref: str = ""
    address_keys: tuple[UUID, ...] = ()
    organisations: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def is_too_short(self) -> bool:
        return not self.ref


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """One person of the list. ``addresses`` are the e-mail addresses, then numbers, then towns."""

    id: int
    ref: str
    given_name: str | None
    family_name: str | None
    erased: bool
    deceased: bool
    way: Way
    organisation: str | None = None
    title: str | None = None
    addresses: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written; the ref where the name is not known."""
        return " ".join(part for part in (self.given_name, self.family_name) if part) or self.ref


@dataclass(frozen=True, slots=True)
class Found:
    """The people found; ``more``: there are others."""

    hits: tuple[Hit, ...] = field(default=(), repr=False)
    more: bool = False
    too_short: bool = False


def question_of(text: str, keys: AddressKeys) -> Question:
    """What ``text`` may mean."""
    text = " ".join(text.replace("\0", "").split())[:LONGEST]
    if len(text) < SHORTEST:
        return Question()
    points = [keys.email(text), keys.phone(text)]
    if (post := _POST.match(text)) is not None:
        points.append(keys.post(post["street"], None, post["code"], post["city"]))
    words = () if "@" in text else tuple(words_of(text))
    return Question(
        ref=text,
        address_keys=tuple({point.address_key for point in points if point is not None}),
        organisations=tuple(names_meant(text)) if canonical_in_list(text) is not None else (),
        # A letter alone begins half of all names; it is looked for beside another word.
        words=words if any(len(word) >= SHORTEST for word in words) else (),
    )


def find(session: Session, text: str, *, sight: Sight, keys: AddressKeys, limit: int = SHOWN) -> Found:
    """The people ``text`` may mean, the surest first, then by name. Three statements, whatever is found.

    A merged contact is the one it was merged into. An erased one is found by its ref, and by an address whose digest
    was kept.
    """
    question = question_of(text, keys)
    return Found(too_short=True) if question.is_too_short else look_for(session, question, sight=sight, limit=limit)


def look_for(session: Session, question: Question, *, sight: Sight, limit: int = SHOWN) -> Found:
    """The people a question means, as ``find`` tells them."""
    connection = psycopg_connection(session)
    # The index is always the better way, but the planner cannot know how many names begin so.
    connection.execute("SET LOCAL enable_seqscan = off")
    rows = connection.execute(
        _statement(question).encode(),
        {
            **sight.parameters,
            "ref": question.ref,
            "keys": list(question.address_keys),
            "organisations": list(question.organisations),
            "words": beginnings(question.words),
            "whole": list(question.words),
            "considered": _CONSIDERED,
            "limit": limit + 1,
        },
    ).fetchall()
    shown = rows[:limit]
    beside = _beside(session, [row[0] for row in shown])
    hits = tuple(
        Hit(number, ref, given, family, erased, deceased, _WAYS[way], *beside.get(number, (None, None, ())))
        for number, ref, given, family, erased, deceased, way in shown
    )
    return Found(hits, more=len(rows) > limit)


def _statement(question: Question) -> str:
    parts = ["SELECT id, 0 AS way FROM contact WHERE ref = %(ref)s"]
    if question.address_keys:
        parts.append(
            "SELECT contact_id, 1 FROM contact_point WHERE address_key = ANY(%(keys)s) AND contact_id IS NOT NULL"
        )
        parts.append("SELECT contact_id, 1 FROM erased_key WHERE address_key = ANY(%(keys)s)")
    if question.organisations:
        parts += [
            f"(SELECT t.contact_id, 2 FROM organisation o JOIN {table} t ON t.organisation_id = o.id"  # noqa: S608
            " WHERE (o.identity = ANY(%(organisations)s) OR o.ref = ANY(%(organisations)s))"
            " AND t.contact_id IS NOT NULL LIMIT %(considered)s)"
            for table in ("role", "contact_point")
        ]
    if question.words:
        parts.append(
            "(SELECT c.id, 3 FROM contact c"  # noqa: S608 - our own words
            f" WHERE name_words(c.given_name, c.family_name) @@ %(words)s::tsquery AND {SEEN} LIMIT %(considered)s)"
        )
    return (
        f"WITH found (id, way) AS ({' UNION ALL '.join(parts)}),"  # noqa: S608 - our own words
        " one AS (SELECT coalesce(c.merged_into, c.id) AS id, min(f.way) AS way FROM found f"
        " JOIN contact c ON c.id = f.id GROUP BY 1)"
        " SELECT c.id, c.ref, c.given_name, c.family_name, c.erased_at IS NOT NULL, c.deceased_on IS NOT NULL, one.way"
        f" FROM one JOIN contact c ON c.id = one.id WHERE {SEEN}"
        # Whole words before beginnings: Anna before Annikki.
        " ORDER BY one.way, tsvector_to_array(name_words(c.given_name, c.family_name)) @> %(whole)s::text[] DESC,"
        " lower(c.family_name), lower(c.given_name), c.id LIMIT %(limit)s"
    )


_BESIDE = """
SELECT n.id, r.name, r.title, coalesce(p.addresses, '{}') FROM unnest(%(ids)s::bigint[]) AS n (id)
LEFT JOIN LATERAL (
  SELECT coalesce(o.name, o.identity) AS name, r.title FROM role r JOIN organisation o ON o.id = r.organisation_id
  WHERE r.contact_id = n.id ORDER BY r.until DESC NULLS FIRST, r.since DESC NULLS LAST, r.id LIMIT 1) r ON true
LEFT JOIN LATERAL (
  SELECT array_agg(coalesce(q.value, q.postal ->> 'city') ORDER BY q.kind, q.id)
    FILTER (WHERE coalesce(q.value, q.postal ->> 'city') IS NOT NULL) AS addresses
  FROM (SELECT id, kind, value, postal FROM contact_point WHERE contact_id = n.id ORDER BY kind, id LIMIT 4) q) p ON true
"""


def _beside(session: Session, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Where each works and the first of their addresses."""
    if not ids:
        return {}
    rows = psycopg_connection(session).execute(_BESIDE, {"ids": list(ids)})
    return {row[0]: (row[1], row[2], tuple(row[3])) for row in rows}
