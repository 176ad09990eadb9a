"""Everything the register, the ledger and the bans hold of one person, as far as the reader may see it.

A fixed number of statements, however much there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import cast, or_, select
from sqlalchemy.orm import Session

from consentmgr.campaigns import policy
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.ledger import RecordedEntry
from consentmgr.consents.requests import ErasureAsked, ErasureRefused
from consentmgr.consents.sight import EVERYTHING, SEEN, Sight
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import NotFound
from consentmgr.people.grid import Grid, Whole, grid_of, whole_of
from consentmgr.people.grid import Person as OfGrid
from consentmgr.people.models import Attachment
from consentmgr.preferences.models import Proposal
from consentmgr.preferences.reach import Past
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.service import Ban
from consentmgr.register.models import Controller, CustomerRelation, Notice, ProcessingPurpose, Topic, text_array
from consentmgr.register.reading import all_rows, psycopg_connection, rows_by
from consentmgr.register.rows import (
    ContactRow,
    ControllerRow,
    CustomerRow,
    LegalBasisRow,
    OrganisationRow,
    PointRow,
    RoleAreaRow,
    RoleRow,
)
from consentmgr.vocabulary.codes import LEGAL_PERSON_FORMS

#: A chain of merged contacts longer than this is a fault in the data.
_LONGEST_CHAIN: Final = 8
#: Messages shown; the newest.
_MESSAGES: Final = 20


@dataclass(frozen=True, slots=True, repr=False)
class Work:
    """A role with the organisation it is in, and its areas."""

    role: RoleRow
    organisation: OrganisationRow
    areas: tuple[RoleAreaRow, ...]

    def is_current(self, today: date) -> bool:
        return self.role.until is None or self.role.until >= today


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One entry of the ledger, as the timeline shows it.

    ``words`` are those of its notice. ``erased``: it had a personal part that erasure took. ``of``: the id of the
    merged contact it was entered for, where that is another than the one shown.
    """

    id: int
    entry: NewEntry
    recorded_at: datetime
    actor: str
    words: str | None
    erased: bool
    of: int | None
    controllers: tuple[str, ...]
    files: tuple[AttachedFile, ...] = ()

    @property
    def personal(self) -> Mapping[str, Any]:
        return self.entry.personal or {}


@dataclass(frozen=True, slots=True, repr=False)
class AttachedFile:
    """A file that is the evidence of an act."""

    id: UUID
    name: str
    bytes: int
    sha256: str
    stored_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class ShownBan:
    """A ban with the address it is on, where the person still has it."""

    ban: Ban
    target: str | None
    in_force: bool
    controllers: tuple[str, ...]
    #: Whether the reader's controllers are all it speaks of, so that lifting it concerns nobody else.
    is_own: bool


@dataclass(frozen=True, slots=True, repr=False)
class Basis:
    """A legal-basis tag, and the processing purpose it is for where the register has it."""

    tag: LegalBasisRow
    names: Mapping[str, str]
    balancing_test: str | None
    retention_months: int | None

    def is_current(self, today: date) -> bool:
        return self.tag.until is None or self.tag.until >= today


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a sender has reported."""

    at: datetime
    controller: str
    channel: str
    purpose: str | None
    campaign: str


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A proposal that waits to be decided."""

    id: int
    kind: str
    source: str
    created_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One person, seen by somebody. ``controllers`` are those the reader works for, by key: their names."""

    contact: ContactRow
    controllers: Mapping[str, str]
    sight: Sight = EVERYTHING
    points: tuple[PointRow, ...] = ()
    organisations: Mapping[int, OrganisationRow] = field(default_factory=dict)
    work: tuple[Work, ...] = ()
    relations: tuple[CustomerRow, ...] = ()
    bases: tuple[Basis, ...] = ()
    messages: tuple[Message, ...] = ()
    steps: tuple[Step, ...] = ()
    bans: tuple[ShownBan, ...] = ()
    proposals: tuple[Asked, ...] = ()
    #: Refs of the contacts that were merged into this one.
    merged: tuple[str, ...] = ()
    kept_keys: int = 0
    topics: Mapping[str, Topic] = field(default_factory=dict)
    grid: Grid = field(default_factory=dict)
    #: Those of ``controllers`` that the person has to do with; the grids shown.
    involved: tuple[str, ...] = ()
    #: Topics that an act or a ban names, by key; the grids of topics.
    named_topics: tuple[str, ...] = ()
    whole: tuple[Whole, ...] = ()
    point_kinds: frozenset[str] = frozenset()
    entries: Mapping[int, Step] = field(default_factory=dict)

    @property
    def name(self) -> str:
        names = (self.contact.given_name, self.contact.family_name)
        return " ".join(part for part in names if part) or self.contact.ref

    @property
    def erased(self) -> bool:
        return self.contact.erased_at is not None

    @property
    def erasure(self) -> ErasureAsked | None:
        """A wish to be erased that waits for its answer."""
        entries = (step.entry for step in self.entries.values())
        return None if self.erased else ErasureAsked.of(entries, self.sight.controllers)

    @property
    def refusal(self) -> ErasureRefused | None:
        """The refusal to erase the person, where it is the last word."""
        if self.erased or self.erasure is not None:
            return None
        return ErasureRefused.of(step.entry for step in self.entries.values())


def survivor_of(session: Session, contact_id: int, sight: Sight) -> int:
    """The contact itself, or the one it was merged into. Raises ``NotFound`` where it is not seen."""
    for _ in range(_LONGEST_CHAIN):
        row = (
            psycopg_connection(session)
            .execute(
                f"SELECT c.merged_into, {SEEN} FROM contact c WHERE c.id = %(id)s".encode(),  # noqa: S608 - our own words
                {**sight.parameters, "id": contact_id},
            )
            .fetchone()
        )
        if row is None:
            break
        if row[0] is None:
            if row[1]:
                return contact_id
            break
        contact_id = row[0]
    raise NotFound("there is no such contact")


def id_of_ref(session: Session, ref: str, sight: Sight) -> int:
    """The contact of a ref, or the one it was merged into. Raises ``NotFound`` where it is not seen."""
    row = psycopg_connection(session).execute("SELECT id FROM contact WHERE ref = %s", [ref]).fetchone()
    if row is None:
        raise NotFound("there is no such contact")
    return survivor_of(session, row[0], sight)


def person_of(
    session: Session, contact_id: int, sight: Sight, now: datetime, *, beside: Person | None = None
) -> Person:
    """The whole person. Raises ``NotFound`` where there is none that is seen.

    ``beside`` is the person, or another, as they may come to be: this one's grid then has every place of that one's.
    """
    contact_id = survivor_of(session, contact_id, sight)
    (contact,) = rows_by(session, ContactRow, "id", {contact_id})
    return _Reader(session, contact, sight, now, beside).read()


class _Reader:
    def __init__(
        self, session: Session, contact: ContactRow, sight: Sight, now: datetime, beside: Person | None = None
    ) -> None:
        self.session = session
        self.beside = beside
        self.contact = contact
        self.sight = sight
        self.today = local_date(now)
        self.connection = psycopg_connection(session)

    def read(self) -> Person:
        session, contact, sight = self.session, self.contact, self.sight
        controllers = {row.key: row.name for row in all_rows(session, ControllerRow) if sight.sees(row.key)}
        points = tuple(rows_by(session, PointRow, "contact_id", {contact.id}))
        roles = rows_by(session, RoleRow, "contact_id", {contact.id})
        areas: dict[int, list[RoleAreaRow]] = defaultdict(list)
        for area in rows_by(session, RoleAreaRow, "role_id", {role.id for role in roles}):
            areas[area.role_id].append(area)
        ids = {role.organisation_id for role in roles}
        ids |= {point.organisation_id for point in points if point.organisation_id is not None}
        organisations = {row.id: row for row in rows_by(session, OrganisationRow, "id", ids)}
        relations = rows_by(session, CustomerRow, "contact_id", {contact.id})
        merged = self.connection.execute(
            "SELECT id, ref FROM contact WHERE merged_into = %s ORDER BY id", [contact.id]
        ).fetchall()
        recorded = ledger.entries_of(session, [contact.id, *(row[0] for row in merged)])
        bans = self._bans(points, organisations)
        topics = {
            row.key: row for row in session.scalars(select(Topic).order_by(Topic.key)) if sight.sees(row.controller)
        }
        notices = self._notices(recorded, controllers)
        of_grid = self._of_grid(controllers, points, organisations, relations, recorded, bans, topics, notices)
        steps = self._steps(recorded, notices)
        return Person(
            contact=contact,
            controllers=controllers,
            sight=sight,
            points=points,
            organisations=organisations,
            work=tuple(
                sorted(
                    (Work(role, organisations[role.organisation_id], tuple(areas[role.id])) for role in roles),
                    key=lambda work: (not work.is_current(self.today), -(work.role.since or date.min).toordinal()),
                )
            ),
            relations=tuple(row for row in relations if sight.sees(row.controller)),
            bases=self._bases(),
            messages=self._messages(),
            steps=steps,
            bans=self._shown(bans, points),
            proposals=self._proposals(),
            merged=tuple(row[1] for row in merged),
            kept_keys=self._kept_keys() if contact.erased_at is not None else 0,
            topics=topics,
            grid=grid_of(of_grid, self.today),
            involved=tuple(of_grid.controllers),
            named_topics=tuple(key for key, _, _ in of_grid.topics),
            whole=whole_of(of_grid, self.today),
            point_kinds=frozenset(of_grid.point_kinds),
            entries={step.id: step for step in steps},
        )

    def _bans(self, points: Sequence[PointRow], organisations: Mapping[int, OrganisationRow]) -> list[Ban]:
        contact = self.contact
        found = {ban.id: ban for ban in prohibitions.of_contact(self.session, [contact.id])[contact.id]}
        found |= {
            ban.id: ban
            for ban in prohibitions.matching(
                self.session,
                organisations=[row.identity for row in organisations.values()],
                domains={
                    point.value.rpartition("@")[2].lower() for point in points if point.kind == "email" and point.value
                },
            )
        }
        return [found[number] for number in sorted(found)]

    def _notices(self, recorded: Sequence[RecordedEntry], controllers: Collection[str]) -> dict[str, Notice]:
        """Those the acts name, and those of the controllers, which a consent may be given in."""
        keys = {name.partition("/")[0] for found in recorded if (name := found.entry.notice) is not None}
        meant = Notice.controllers.op("&&")(cast(sorted(controllers), text_array()))
        rows = self.session.scalars(select(Notice).where(or_(Notice.key.in_(keys), meant)))
        return {f"{row.key}/{row.version}/{row.language}": row for row in rows}

    def _of_grid(
        self,
        controllers: Mapping[str, str],
        points: Sequence[PointRow],
        organisations: Mapping[int, OrganisationRow],
        relations: Sequence[CustomerRow],
        recorded: Sequence[RecordedEntry],
        bans: Sequence[Ban],
        topics: Mapping[str, Topic],
        notices: Mapping[str, Notice],
    ) -> OfGrid:
        contact = self.contact
        # Acts of a contact that was merged are said again of the one that stays, with the proof left where it was.
        own = [(found.id, found.entry) for found in recorded if found.entry.contact_id == contact.id]
        named = {topic for _, entry in own for topic in entry.topics} | {topic for ban in bans for topic in ban.topics}
        if self.beside is not None:
            named |= set(self.beside.named_topics)
        shown_topics = [topics[key] for key in sorted(named) if key in topics]
        involved = set(contact.controllers) | {row.controller for row in relations}
        involved |= {entry.controller for _, entry in own if entry.controller is not None}
        involved |= {topic.controller for topic in shown_topics}
        if self.beside is not None:
            involved |= set(self.beside.involved)
        chosen = [key for key in controllers if key in involved] or list(controllers)[:1]
        return OfGrid(
            past=Past(
                own,
                bans,
                [CustomerRelation(**{name: getattr(row, name) for name in row.columns()}) for row in relations],
                notices,
                frozenset(_work_channels(points, organisations)),
            ),
            controllers=chosen,
            topics=[(topic.key, topic.controller, topic.kind) for topic in shown_topics],
            born_on=contact.born_on,
            deceased=contact.deceased_on is not None,
            erased=contact.erased_at is not None,
            restricted=contact.restricted_since is not None,
            non_disclosure=contact.non_disclosure,
            has_kept_address=self._has_kept_address(points),
            point_kinds=frozenset(point.kind for point in points if point.state == "ok"),
            research_bans_before=policy.current(self.session).research_bans_before,
            entries=dict(own),
        )

    def _steps(self, recorded: Sequence[RecordedEntry], notices: Mapping[str, Notice]) -> tuple[Step, ...]:
        """Newest first, by when it happened."""
        files: dict[str, list[AttachedFile]] = defaultdict(list)
        if self.contact.erased_at is None:
            ids = {
                self.contact.id,
                *(found.entry.contact_id for found in recorded if found.entry.contact_id is not None),
            }
            kept = self.session.scalars(
                select(Attachment).where(Attachment.contact_id.in_(ids), Attachment.used_at.is_not(None))
            )
            for row in kept:
                files[row.sha256].append(AttachedFile(row.id, row.name, row.bytes, row.sha256, row.stored_at))
        steps = []
        for found in recorded:
            entry = found.entry
            named = entry.detail.get("controllers")
            several = tuple(str(key) for key in named) if isinstance(named, list) else ()
            if not self.sight.sees(entry.controller) or not self.sight.sees_any(several):
                continue
            notice = notices.get(entry.notice or "")
            steps.append(
                Step(
                    id=found.id,
                    entry=entry,
                    recorded_at=found.recorded_at,
                    actor=found.actor,
                    words=notice.words if notice is not None else None,
                    erased=found.committed and entry.personal is None,
                    of=entry.contact_id if entry.contact_id != self.contact.id else None,
                    controllers=(entry.controller,) if entry.controller else tuple(self.sight.only(several)),
                    files=tuple(file for sha256 in sha256_of(entry.personal) for file in files.get(sha256, ())[:1]),
                )
            )
        return tuple(sorted(steps, key=lambda step: (step.entry.at, step.recorded_at, step.id), reverse=True))

    def _shown(self, bans: Sequence[Ban], points: Sequence[PointRow]) -> tuple[ShownBan, ...]:
        """In force first, then the newest."""
        written: dict[UUID, str] = {}
        for point in points:
            shown = address_of(point)
            for key in (point.address_key, point.sha256_key, point.sha256_digits_key):
                if key is not None:
                    written[UUID(key)] = shown
        shown_bans = [
            ShownBan(
                ban,
                written.get(ban.address_key) if ban.address_key is not None else ban.domain or ban.organisation,
                ban.holds_on(self.today),
                tuple(self.sight.only(ban.controllers)),
                self.sight.holds_all(ban.controllers),
            )
            for ban in bans
            if self.sight.sees_any(ban.controllers)
        ]
        return tuple(sorted(shown_bans, key=lambda one: (not one.in_force, -one.ban.id)))

    def _bases(self) -> tuple[Basis, ...]:
        tags = [
            row
            for row in rows_by(self.session, LegalBasisRow, "contact_id", {self.contact.id})
            if self.sight.sees(row.controller)
        ]
        wanted = {row.purpose for row in tags}
        purposes = {
            (row.controller, row.key): row
            for row in self.session.scalars(select(ProcessingPurpose).where(ProcessingPurpose.key.in_(wanted)))
        }
        found = []
        for tag in tags:
            purpose = purposes.get((tag.controller, tag.purpose))
            found.append(
                Basis(
                    tag,
                    purpose.names if purpose is not None else {},
                    purpose.balancing_test if purpose is not None else None,
                    purpose.retention_months if purpose is not None else None,
                )
            )
        return tuple(
            sorted(found, key=lambda basis: (not basis.is_current(self.today), basis.tag.controller, basis.tag.purpose))
        )

    def _messages(self) -> tuple[Message, ...]:
        rows = self.connection.execute(
            "SELECT at, controller, channel, purpose, campaign FROM message_sent WHERE contact_id = %(id)s"
            " AND (%(sees_all)s OR controller = ANY(%(sees)s::text[])) ORDER BY at DESC LIMIT %(limit)s",
            {**self.sight.parameters, "id": self.contact.id, "limit": _MESSAGES},
        )
        return tuple(Message(*row) for row in rows)

    def _proposals(self) -> tuple[Asked, ...]:
        rows = self.session.scalars(
            select(Proposal)
            .where(Proposal.contact_id == self.contact.id, Proposal.state == "open")
            .order_by(Proposal.created_at, Proposal.id)
        )
        return tuple(
            Asked(row.id, row.kind, row.source, row.created_at, row.data)
            for row in rows
            if self.sight.sees(row.controller)
        )

    def _has_kept_address(self, points: Sequence[PointRow]) -> bool:
        row = self.connection.execute(
            "SELECT EXISTS (SELECT FROM erased_key WHERE address_key = ANY(%s::uuid[]))",
            [[key for point in points for key in (point.address_key, point.sha256_key) if key is not None]],
        ).fetchone()
        return row is not None and bool(row[0])

    def _kept_keys(self) -> int:
        row = self.connection.execute(
            "SELECT count(DISTINCT address_key) FROM erased_key WHERE contact_id = %s AND NOT hashed", [self.contact.id]
        ).fetchone()
        return int(row[0]) if row is not None else 0


def address_of(point: PointRow) -> str:
    """An address on one line."""
    if point.value is not None:
        return point.value
    parts = point.postal or {}
    first = " ".join(parts[name] for name in ("street", "apartment") if parts.get(name))
    second = " ".join(parts[name] for name in ("postal_code", "city") if parts.get(name))
    return ", ".join(part for part in (first, second, parts.get("country", "")) if part)


def sha256_of(personal: Mapping[str, Any] | None) -> list[str]:
    """The hashes of files that the personal part of an entry names, its own and those within its evidence."""
    found = []
    for part in (personal or {}, (personal or {}).get("evidence") or {}):
        value = part.get("attachment_sha256") if isinstance(part, Mapping) else None
        if isinstance(value, str):
            found.append(value)
    return found


def _work_channels(points: Sequence[PointRow], organisations: Mapping[int, OrganisationRow]) -> set[str]:
    """Channels at which the person is written to as somebody at work, at a legal person's address (section 202)."""
    return {
        "email"
        for point in points
        if point.kind == "email"
        and point.use in ("work", "generic")
        and point.organisation_id is not None
        and point.organisation_id in organisations
        and organisations[point.organisation_id].form in LEGAL_PERSON_FORMS
    }


def names_of_controllers(session: Session, sight: Sight) -> dict[str, str]:
    """The controllers that are seen, by key: their names."""
    rows = session.execute(select(Controller.key, Controller.name).order_by(Controller.name, Controller.key))
    return {key: name for key, name in rows if sight.sees(key)}
