"""People page by page, and the acts of one of them: in the order of a key, as far as the reader may see them.

No page costs more than another, and none more the larger the register is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row
from sqlalchemy.orm import Session

from consentmgr.consents.sight import SEEN, Sight
from consentmgr.kit.errors import NotFound
from consentmgr.people.reading import id_of_ref, survivor_of
from consentmgr.register.reading import psycopg_connection, rows_by
from consentmgr.register.rows import ContactRow

#: Contacts looked at for one page of a reader who sees some of them: a page may have fewer than were asked for.
_LOOKED_AT: Final = 5_000
#: A contact by its number, where its ref should not stand in an address.
_BY_ID: Final = re.compile(r"id:([1-9]\d{0,17})")


def contact_meant(session: Session, name: str, sight: Sight) -> int:
    """The contact an address names: by its ref, or ``id:NUMBER``. Raises ``NotFound`` where it is not seen."""
    numbered = _BY_ID.fullmatch(name)
    if "\0" in name:
        raise NotFound("there is no such contact")
    return survivor_of(session, int(numbered[1]), sight) if numbered else id_of_ref(session, name, sight)


def contact_row(session: Session, contact_id: int) -> ContactRow:
    """The row of a contact that is there."""
    (row,) = rows_by(session, ContactRow, "id", {contact_id})
    return row


def list_people(
    session: Session, *, sight: Sight, after: int, limit: int, controller: str | None = None
) -> tuple[list[ContactRow], int | None]:
    """Contacts with a number above ``after``, merged ones left out; and the number to go on from, None at the end."""
    # Of a large register somebody may see three people; the page ends where enough was looked at, and the next goes on.
    parameters = {
        **sight.parameters, "after": after, "limit": limit, "looked_at": max(_LOOKED_AT, limit), "controller": controller
    }  # fmt: skip
    rows = (
        psycopg_connection(session)
        .execute(
            "WITH part AS (SELECT * FROM contact WHERE id > %(after)s ORDER BY id LIMIT %(looked_at)s)"  # noqa: S608
            " SELECT (SELECT count(*) FROM part), (SELECT max(id) FROM part), ARRAY(SELECT c.id FROM part c"
            f" WHERE c.merged_into IS NULL AND {SEEN}"
            " AND (%(controller)s::text IS NULL OR %(controller)s = ANY(c.controllers)) ORDER BY c.id LIMIT %(limit)s + 1)"
            "".encode(),
            parameters,
        )
        .fetchone()
    )
    assert rows is not None
    looked_at, last, ids = rows
    following: int | None = None
    if len(ids) > limit:
        ids = ids[:limit]
        following = ids[-1]
    elif looked_at == parameters["looked_at"]:
        following = last
    return rows_by(session, ContactRow, "id", ids), following


# --- acts -------------------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """The public part of an entry of the ledger."""

    id: int
    event: str
    at: datetime
    recorded_at: datetime
    actor: str
    controller: str | None
    method: str | None
    source: str | None
    given_by: str
    order_known: bool
    channels: list[str]
    purposes: list[str]
    topics: list[str]
    audiences: list[str]
    notice: str | None
    prohibition: str | None
    double_opt_in: str | None
    pre_ticked: bool
    condition_of_service: bool
    freely_joined: bool
    express_request: bool
    has_proof: bool
    detail: dict[str, Any]


class EntryPlace(NamedTuple):
    """Where a page of acts ended: after this entry."""

    at: datetime
    id: int


_ENTRY_SEEN: Final = (
    "(%(sees_all)s OR e.controller = ANY(%(sees)s::text[]) OR (e.controller IS NULL AND CASE"
    " WHEN jsonb_typeof(e.detail -> 'controllers') = 'array' AND e.detail -> 'controllers' <> '[]'"
    " THEN e.detail -> 'controllers' ?| %(sees)s::text[] ELSE true END))"
)


def list_acts(session: Session, contact_id: int, *, sight: Sight, after: EntryPlace | None, limit: int) -> list[Entry]:
    """The acts of a contact, and of those merged into it, that are seen: the newest first. One statement."""
    beginning = "AND (e.at, e.id) < (%(at)s, %(id)s)" if after is not None else ""
    with psycopg_connection(session).cursor(row_factory=class_row(Entry)) as cursor:
        cursor.execute(
            f"SELECT {', '.join(f'e.{name}' for name in Entry._fields)} FROM ledger_entry e"  # noqa: S608 - our own words
            " WHERE e.contact_id = ANY(ARRAY(SELECT id FROM contact WHERE id = %(contact)s OR merged_into = %(contact)s))"
            f" AND {_ENTRY_SEEN} {beginning} ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s".encode(),
            {
                **sight.parameters,
                "contact": contact_id,
                "at": after.at if after is not None else None,
                "id": after.id if after is not None else None,
                "limit": limit,
            },
        )
        return cursor.fetchall()


class Standing(NamedTuple):
    """A row of the fold: what holds in one scope, and the entry that made it so; ``*`` speaks of all."""

    matter: str
    controller: str
    channel: str
    purpose: str
    topic: str
    state: str
    at: datetime
    entry_id: int


def standing_rows(session: Session, contact_id: int, sight: Sight) -> Sequence[Standing]:
    """How the ledger says the contact stands, as far as it is seen."""
    with psycopg_connection(session).cursor(row_factory=class_row(Standing)) as cursor:
        cursor.execute(
            f"SELECT {', '.join(Standing._fields)} FROM standing WHERE contact_id = %(contact)s"  # noqa: S608
            " AND (%(sees_all)s OR controller = '*' OR controller = ANY(%(sees)s::text[]))"
            " ORDER BY matter, controller, channel, purpose, topic".encode(),
            {**sight.parameters, "contact": contact_id},
        )
        return cursor.fetchall()
