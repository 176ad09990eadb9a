"""Set-based questions to the register's tables: many keys in, rows out, a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar
from uuid import UUID

from psycopg import Connection, Cursor, sql
from psycopg.adapt import Buffer, Loader
from psycopg.rows import args_row

from consentmgr.db import driver_connection
from consentmgr.register.rows import ContactRow, OrganisationRow, Row

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

R = TypeVar("R", bound=Row)


class HexLoader(Loader):
    """A uuid as its 32 hexadecimal digits, as rows carry digests."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode().replace("-", "")


#: A chain of merged contacts longer than this is a fault in the data, not a person.
_LONGEST_MERGE_CHAIN = 8


def psycopg_connection(session: Session) -> Connection[Any]:
    """The driver's connection inside the session's transaction, for COPY and for arrays of keys."""
    return driver_connection(session)


def rows_by(
    session: Session, row: type[R], column: str, values: Collection[object], also: LiteralString = ""
) -> list[R]:
    """The rows of ``row``'s table whose ``column`` is one of ``values``, in the order of the table's key.

    ``also`` is a further condition in SQL, beginning with ``AND``.
    """
    if not values:
        return []
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {column} = ANY(%s) {also} ORDER BY {key}").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, row.columns())),
        table=sql.Identifier(row.TABLE),
        column=sql.Identifier(column),
        also=sql.SQL(also),
        key=sql.SQL(", ").join(map(sql.Identifier, row.KEY)),
    )
    with _cursor(session, row) as cursor:
        return cursor.execute(query, [_array(values)]).fetchall()


def _array(values: Collection[object]) -> object:
    """Keys as PostgreSQL takes them soonest: one text for many, which it reads as an array of the column's type."""
    first = next(iter(values))
    if isinstance(first, int):
        return "{" + ",".join(map(str, values)) + "}"
    if isinstance(first, str):
        return "{" + ",".join([_quoted(str(value)) for value in values]) + "}"
    return list(values)


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def all_rows(session: Session, row: type[R]) -> list[R]:
    """Every row of a small table, in the order of its key."""
    query = sql.SQL("SELECT {columns} FROM {table} ORDER BY {key}").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, row.columns())),
        table=sql.Identifier(row.TABLE),
        key=sql.SQL(", ").join(map(sql.Identifier, row.KEY)),
    )
    with _cursor(session, row) as cursor:
        return cursor.execute(query).fetchall()


def _cursor(session: Session, row: type[R]) -> Cursor[R]:
    cursor = psycopg_connection(session).cursor(row_factory=args_row(row))
    cursor.adapters.register_loader("uuid", HexLoader)
    return cursor


def contacts_by_ref(session: Session, refs: Collection[str]) -> dict[str, ContactRow]:
    """The contacts that ``refs`` mean, by the ref asked for. A merged contact's ref means the one it was merged into."""
    found = {contact.ref: contact for contact in rows_by(session, ContactRow, "ref", refs)}
    for _ in range(_LONGEST_MERGE_CHAIN):
        merged = {contact.merged_into for contact in found.values() if contact.merged_into is not None}
        if not merged:
            break
        survivors = {contact.id: contact for contact in rows_by(session, ContactRow, "id", merged)}
        found = {
            ref: survivors[contact.merged_into] if contact.merged_into is not None else contact
            for ref, contact in found.items()
        }
    return found


def merged_contacts(session: Session, survivors: Collection[int]) -> list[tuple[int, int]]:
    """The contacts that were merged into these: pairs of a contact's id and its survivor's."""
    if not survivors:
        return []
    rows = psycopg_connection(session).execute(
        "SELECT id, merged_into FROM contact WHERE merged_into = ANY(%s) ORDER BY id", [list(survivors)]
    )
    return [(row[0], row[1]) for row in rows]


def organisations_named(session: Session, names: Collection[str]) -> dict[str, OrganisationRow]:
    """Organisations by any of the names a document may call them: identity, business id or ref.

    Where two organisations answer to one name, the one whose identity it is comes first.
    """
    found: dict[str, OrganisationRow] = {}
    wanted = set(names)
    by_identity = rows_by(session, OrganisationRow, "identity", wanted)
    by_ref = rows_by(session, OrganisationRow, "ref", wanted)
    by_id = {organisation.id: organisation for organisation in (*by_ref, *by_identity)}
    for organisation in by_ref:
        if organisation.ref is not None:
            found[organisation.ref] = by_id[organisation.id]
    for organisation in by_identity:
        found[organisation.identity] = by_id[organisation.id]
    return found


def default_controller(controllers: Mapping[str, bool]) -> str | None:
    """The key of the controller marked default, or of the only one there is; None else. ``{key: is_default}`` in."""
    marked = [key for key, is_default in controllers.items() if is_default]
    if marked:
        return marked[0]
    return next(iter(controllers)) if len(controllers) == 1 else None


def refs_of_addresses(session: Session, keys: Collection[UUID]) -> dict[UUID, list[str]]:
    """The refs of all contacts that have an address, by its key; a merged contact is the one it was merged into."""
    found: dict[UUID, list[str]] = {}
    rows = psycopg_connection(session).execute(
        "SELECT DISTINCT p.address_key, coalesce(survivor.ref, c.ref) FROM contact_point p"
        " JOIN contact c ON c.id = p.contact_id LEFT JOIN contact survivor ON survivor.id = c.merged_into"
        " WHERE p.address_key = ANY(%s) ORDER BY 1, 2",
        [list(keys)],
    )
    for key, ref in rows:
        found.setdefault(key, []).append(ref)
    return found


def addresses_held(session: Session, kind: str) -> Iterator[str]:
    """Every different canonical e-mail address or telephone number of the register, by a cursor of the server's."""
    with psycopg_connection(session).cursor(f"addresses_{kind}") as cursor:
        cursor.execute("SELECT DISTINCT value FROM contact_point WHERE kind = %s AND value IS NOT NULL", [kind])
        while rows := cursor.fetchmany(10_000):
            yield from (row[0] for row in rows)
