"""Organisations as pages list and show them: found by the beginning of a name, by business id, ref or domain.

A fixed number of statements, whatever is shown. Pages of a list go on from the last row shown (keyset), so that the
thousandth page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from psycopg.rows import class_row
from sqlalchemy.orm import Session

from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.register.business_ids import names_meant
from consentmgr.register.reading import psycopg_connection

#: Sorts after every character there is.
_LAST = "\U0010ffff"


class Place(NamedTuple):
    """Where a list goes on: after this row."""

    name: str
    id: int


@dataclass(frozen=True, slots=True, repr=False)
class FoundOrganisation:
    """One row of the list. ``sort`` is the name as the list is ordered by it."""

    id: int
    identity: str
    name: str | None
    form: str
    status: str
    country: str
    industry: str | None
    employees: int | None
    sort: str

    @property
    def place(self) -> Place:
        return Place(self.sort, self.id)


@dataclass(frozen=True, slots=True, repr=False)
class CustomerOf:
    """That the organisation is a customer of a controller; ``product_group`` may be empty."""

    controller: str
    product_group: str
    last_purchase_on: date | None


@dataclass(frozen=True, slots=True, repr=False)
class GeneralPoint:
    """An address the organisation lists as its own."""

    kind: str
    value: str | None
    postal: dict[str, str] | None
    use: str
    source: str | None
    state: str
    verified_on: date | None


class RoleCount(NamedTuple):
    """How many people have a position (None: a role without one), now and formerly."""

    position: str | None
    now: int
    ended: int


class AreaCount(NamedTuple):
    """How many people answer for an area now, and the newest day that was verified."""

    area: str
    people: int
    verified_on: date | None


@dataclass(frozen=True, slots=True, repr=False)
class ShownOrganisation:
    """All of an organisation that is no single person's."""

    id: int
    identity: str
    business_id: str | None
    ref: str | None
    country: str
    name: str | None
    form: str
    status: str
    employees: int | None
    domains: list[str]
    industry: str | None
    source: str | None
    verified_on: date | None
    customer_of: list[CustomerOf] = field(default_factory=list)
    points: list[GeneralPoint] = field(default_factory=list)
    roles: list[RoleCount] = field(default_factory=list)
    areas: list[AreaCount] = field(default_factory=list)

    @property
    def people_now(self) -> int:
        return sum(count.now for count in self.roles)

    @property
    def people_formerly(self) -> int:
        return sum(count.ended for count in self.roles)


_CORE = (
    "id", "identity", "business_id", "ref", "country", "name", "form", "status", "employees", "domains", "industry",
    "source", "verified_on",
)  # fmt: skip
_FOUND = """
SELECT o.id, o.identity, o.name, o.form, o.status, o.country, o.industry, o.employees,
  lower(coalesce(o.name, '')) AS sort FROM organisation o
"""
#: Ordered by characters (``~<~``), which is the order of the index.
_BY_NAME = f"""
SELECT * FROM ({_FOUND}) AS found WHERE sort ~>=~ %(from)s AND sort ~<~ %(to)s AFTER
ORDER BY sort USING ~<~, id LIMIT %(limit)s
"""  # noqa: S608 - our own words


def find_organisations(
    session: Session, words: str = "", *, after: Place | None = None, limit: int = 50
) -> Sequence[FoundOrganisation]:
    """Organisations whose name begins with ``words``; or the one of this business id, ref or domain, first.

    Ordered by name; ``after`` is the ``place`` of the last row shown. A business id is found however it is written.
    """
    words = " ".join(words.split())
    connection = psycopg_connection(session)
    found: list[FoundOrganisation] = []
    with connection.cursor(row_factory=class_row(FoundOrganisation)) as cursor:
        if words and after is None:
            domain = canonical_domain(words.rpartition("@")[2]) or words
            cursor.execute(
                _FOUND
                + " WHERE o.identity = ANY(%(names)s) OR o.ref = ANY(%(names)s) OR o.domains @> ARRAY[%(domain)s]"
                " ORDER BY o.id LIMIT %(limit)s",
                {"names": names_meant(words), "domain": domain, "limit": limit},
            )
            found = cursor.fetchall()
        begins = words.lower()
        parameters: dict[str, Any] = {"from": begins, "to": begins + _LAST, "limit": limit}
        beginning = ""
        if after is not None:
            beginning = " AND sort ~>=~ %(name)s AND (sort ~>~ %(name)s OR id > %(id)s)"
            parameters |= {"name": after.name, "id": after.id}
        cursor.execute(_BY_NAME.replace("AFTER", beginning).encode(), parameters)
        exact = {one.id for one in found}
        found += [one for one in cursor.fetchall() if one.id not in exact]
    return found


def shown_organisation(
    session: Session, organisation_id: int, *, controllers: Collection[str] | None, today: date
) -> ShownOrganisation | None:
    """An organisation, and what belongs to it; customer relations of these controllers only (None: of all).

    Five statements.
    """
    connection = psycopg_connection(session)
    with connection.cursor() as cursor:
        row = cursor.execute(
            f"SELECT {', '.join(_CORE)} FROM organisation WHERE id = %s".encode(),  # noqa: S608 - our own names
            [organisation_id],
        ).fetchone()
        if row is None:
            return None
        roles = cursor.execute(
            "SELECT position, count(DISTINCT contact_id) FILTER (WHERE until IS NULL OR until >= %(today)s),"
            " count(DISTINCT contact_id) FILTER (WHERE until < %(today)s) FROM role WHERE organisation_id = %(id)s"
            " GROUP BY position ORDER BY 2 DESC, 1",
            {"id": organisation_id, "today": today},
        ).fetchall()
        areas = cursor.execute(
            "SELECT a.area, count(DISTINCT r.contact_id), max(a.verified_on) FROM role r JOIN role_area a"
            " ON a.role_id = r.id WHERE r.organisation_id = %(id)s AND (r.until IS NULL OR r.until >= %(today)s)"
            " GROUP BY a.area ORDER BY 2 DESC, 1",
            {"id": organisation_id, "today": today},
        ).fetchall()
        customers = cursor.execute(
            "SELECT controller, product_group, last_purchase_on FROM organisation_customer WHERE organisation_id = %s"
            " AND (%s::text[] IS NULL OR controller = ANY(%s::text[])) ORDER BY controller, product_group",
            [organisation_id, *[None if controllers is None else sorted(controllers)] * 2],
        ).fetchall()
        points = cursor.execute(
            "SELECT kind, value, postal, use, source, state, verified_on FROM contact_point"
            " WHERE organisation_id = %s AND contact_id IS NULL ORDER BY kind, id LIMIT 200",
            [organisation_id],
        ).fetchall()
    core: dict[str, Any] = dict(zip(_CORE, row, strict=True))
    return ShownOrganisation(
        **core,
        customer_of=[CustomerOf(*one) for one in customers],
        points=[GeneralPoint(*one) for one in points],
        roles=[RoleCount(*one) for one in roles],
        areas=[AreaCount(*one) for one in areas],
    )
