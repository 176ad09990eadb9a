"""The register as documents again, so that it can be taken into another one, or mended and taken into this one.

Everything is read at one position of the database, in portions, so that a register of any size goes out in little
memory. The order and the spelling depend on what is held alone: importing an export into an empty register and
exporting that gives the same bytes. What has no document of its own is left out: lifted prohibitions, refs of merged
contacts, and the ledger's chain (``consentmgr ledger export`` writes that).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from psycopg.rows import args_row
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import every_kept_campaign
from consentmgr.consents.acts import event_of
from consentmgr.consents.ledger import entries_of
from consentmgr.consents.sight import EVERYTHING, Sight
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.kept_keys import KeptKey, KeptProhibition
from consentmgr.prohibitions.erasure import kept_keys
from consentmgr.register.reading import HexLoader, all_rows, psycopg_connection, rows_by
from consentmgr.register.rows import (
    ContactRow,
    ControllerRow,
    CustomerRow,
    ExternalListRow,
    LegalBasisRow,
    MessageRow,
    NoticeRow,
    OrganisationCustomerRow,
    OrganisationRow,
    PointRow,
    PurposeRow,
    RoleAreaRow,
    RoleRow,
    Row,
    TopicRow,
)
from consentmgr.vocabulary.codes import EVENT_KINDS
from consentmgr.vocabulary.documents import (
    Contact,
    Controller,
    CustomerRelation,
    EventFields,
    ExternalList,
    LegalBasisTag,
    MessageSent,
    Names,
    Notice,
    Organisation,
    OrganisationCustomer,
    Point,
    PostalAddress,
    ProcessingPurpose,
    Prohibition,
    Role,
    RoleArea,
    Topic,
)

R = TypeVar("R", bound=Row)
D = TypeVar("D", bound=msgspec.Struct)

#: Contacts or organisations whose rows are in memory at a time.
_PORTION = 2_000
_EVENTS = frozenset(EVENT_KINDS)


def exported_lines(session: Session, *, key_id: int) -> Iterator[bytes]:
    """Every document, one a line, as UTF-8. ``key_id`` names the address key of digests kept of erased persons.

    The session must see one position of the database from begin to end (``Database.reading``).
    """
    encode = msgspec.json.Encoder().encode
    for document in exported_documents(session, key_id=key_id):
        yield encode(document) + b"\n"


def exported_documents(session: Session, *, key_id: int) -> Iterator[FileDocument]:
    """Every document, in an order in which each stands after what it names."""
    yield from _catalogue(session)
    yield from _organisations(session)
    yield from _contacts(session)
    yield from _prohibitions(session, key_id)
    yield from _kept_keys(session, key_id)
    for row in all_rows(session, ExternalListRow):
        yield _document(ExternalList, source=row.source, as_of=row.as_of)
    yield from every_kept_campaign(session)


def _document(kind: type[D], /, **fields: Any) -> D:
    """A document from columns: what is absent in the register is absent in the document.

    The columns hold what documents brought, so their codes are of the contract; converting checks it.
    """
    return msgspec.convert({name: value for name, value in fields.items() if value is not None}, kind)


def _sorted(rows: Sequence[R]) -> list[R]:
    """By their keys as Python compares text: databases differ in how they sort it."""
    return sorted(rows, key=lambda row: tuple(getattr(row, name) for name in row.KEY))


def _portions(session: Session, kind: type[R], order: str, condition: str = "true") -> Iterator[list[R]]:
    """A large table in portions, by a cursor of the server's, so that it never lies in memory whole."""
    query = f"SELECT {', '.join(kind.columns())} FROM {kind.TABLE} WHERE {condition} ORDER BY {order}"  # noqa: S608
    with psycopg_connection(session).cursor(f"export_{kind.TABLE}", row_factory=args_row(kind)) as cursor:
        cursor.adapters.register_loader("uuid", HexLoader)
        cursor.execute(query.encode())
        while rows := cursor.fetchmany(_PORTION):
            yield rows


def _by(rows: Sequence[R], name: str) -> Mapping[int, list[R]]:
    found: dict[int, list[R]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


# --- what everything else speaks of ---------------------------------------------------------------------------------


def _catalogue(session: Session) -> Iterator[FileDocument]:
    yield from map(controller_document, _sorted(all_rows(session, ControllerRow)))
    yield from map(topic_document, _sorted(all_rows(session, TopicRow)))
    yield from map(notice_document, _sorted(all_rows(session, NoticeRow)))
    for purpose in _sorted(all_rows(session, PurposeRow)):
        yield _document(
            ProcessingPurpose,
            key=purpose.key,
            controller=purpose.controller,
            names=_names(purpose.names),
            basis=purpose.basis,
            data_categories=purpose.data_categories,
            recipients=purpose.recipients,
            retention_months=purpose.retention_months,
            balancing_test=purpose.balancing_test,
        )


def controller_document(row: ControllerRow) -> Controller:
    return _document(
        Controller,
        key=row.key,
        name=row.name,
        business_id=row.business_id,
        contact=row.contact,
        default=row.is_default,
        colour=row.branding.get("colour"),
        logo=row.branding.get("logo"),
        privacy_url=row.branding.get("privacy_url"),
    )


def topic_document(row: TopicRow) -> Topic:
    return _document(
        Topic,
        key=row.key,
        kind=row.kind,
        controller=row.controller,
        names=_names(row.names),
        descriptions=_names(row.descriptions),
        cadence=row.cadence,
        public=row.public,
    )


def notice_document(row: NoticeRow) -> Notice:
    return _document(
        Notice,
        key=row.key,
        version=row.version,
        language=row.language,
        text=row.words,
        controllers=row.controllers,
        channels=row.channels,
        purposes=row.purposes,
        topics=row.topics,
        audiences=row.audiences,
        supersedes=row.supersedes,
    )


def _names(names: Mapping[str, str]) -> Names:
    return Names(fi=names.get("fi"), sv=names.get("sv"), en=names.get("en"))


# --- organisations --------------------------------------------------------------------------------------------------


def _organisations(session: Session) -> Iterator[FileDocument]:
    for rows in _portions(session, OrganisationRow, 'identity COLLATE "C"'):
        yield from organisation_documents(session, rows)


def organisation_documents(
    session: Session, rows: Sequence[OrganisationRow], *, sight: Sight = EVERYTHING
) -> Iterator[Organisation]:
    """The documents of these organisations, in their order; whose customers they are, as far as it is seen."""
    ids = [row.id for row in rows]
    customers = _by(_seen(rows_by(session, OrganisationCustomerRow, "organisation_id", ids), sight), "organisation_id")
    points = _by(rows_by(session, PointRow, "organisation_id", ids, also="AND contact_id IS NULL"), "organisation_id")
    for row in rows:
        yield _document(
            Organisation,
            business_id=row.business_id,
            ref=row.ref,
            country=row.country,
            name=row.name,
            form=None if row.form == "unknown" else row.form,
            status=row.status,
            employees=row.employees,
            domains=row.domains,
            industry=row.industry,
            source=row.source,
            verified_on=row.verified_on,
            customer_of=[
                _document(
                    OrganisationCustomer,
                    controller=customer.controller,
                    product_group=customer.product_group or None,
                    last_purchase_on=customer.last_purchase_on,
                )
                for customer in _sorted(customers.get(row.id, ()))
            ],
            points=[_point(point, {}) for point in points.get(row.id, ())],
        )


def _point(row: PointRow, organisations: Mapping[int, str]) -> Point:
    organisation_id = row.organisation_id if row.contact_id is not None else None
    return _document(
        Point,
        channel=row.kind,
        value=PostalAddress(**row.postal) if row.postal is not None else row.value,
        use=None if row.use == "unknown" else row.use,
        organisation=organisations[organisation_id] if organisation_id is not None else None,
        source=row.source,
        acquired_on=row.acquired_on,
        verified_on=row.verified_on,
        informed_on=row.informed_on,
        state=None if row.state == "ok" else row.state,
        soft_bounces=row.soft_bounces or None,
        published_by_organisation=row.published_by_organisation or None,
    )


# --- contacts -------------------------------------------------------------------------------------------------------


def _contacts(session: Session) -> Iterator[FileDocument]:
    for rows in _portions(session, ContactRow, 'ref COLLATE "C"', "merged_into IS NULL"):
        yield from contact_documents(session, rows)


def contact_documents(
    session: Session, rows: Sequence[ContactRow], *, sight: Sight = EVERYTHING, acts: bool = True
) -> Iterator[Contact]:
    """The documents of these contacts, in their order; of what belongs to controllers, as far as it is seen.

    Without ``acts`` they have no events and no messages sent, of which a contact may have a great many. A fixed number of
    statements.
    """
    ids = [row.id for row in rows]
    points = _by(rows_by(session, PointRow, "contact_id", ids), "contact_id")
    roles = _by(rows_by(session, RoleRow, "contact_id", ids), "contact_id")
    role_ids = [role.id for held in roles.values() for role in held]
    areas = _by(rows_by(session, RoleAreaRow, "role_id", role_ids), "role_id")
    customers = _by(_seen(rows_by(session, CustomerRow, "contact_id", ids), sight), "contact_id")
    bases = _by(_seen(rows_by(session, LegalBasisRow, "contact_id", ids), sight), "contact_id")
    messages = _by(_seen(rows_by(session, MessageRow, "contact_id", ids if acts else ()), sight), "contact_id")
    named = {point.organisation_id for held in points.values() for point in held if point.organisation_id is not None}
    named |= {role.organisation_id for held in roles.values() for role in held}
    organisations = {row.id: row.identity for row in rows_by(session, OrganisationRow, "id", named)}
    events: dict[int, list[EventFields]] = defaultdict(list)
    for recorded in entries_of(session, ids) if acts else ():
        entry = recorded.entry
        if entry.event in _EVENTS and entry.contact_id is not None and sight.sees(entry.controller):
            events[entry.contact_id].append(event_of(entry))
    for row in rows:
        yield _document(
            Contact,
            ref=row.ref,
            controllers=sight.only(row.controllers),
            given_name=row.given_name,
            family_name=row.family_name,
            language=row.language,
            country=row.country,
            municipality=row.municipality,
            born_on=row.born_on,
            deceased_on=row.deceased_on,
            non_disclosure=row.non_disclosure or None,
            restricted_since=row.restricted_since,
            last_interaction_on=row.last_interaction_on,
            register_update_ban=row.register_update_ban or None,
            points=[_point(point, organisations) for point in points.get(row.id, ())],
            roles=[
                _role(role, _sorted(areas.get(role.id, ())), organisations[role.organisation_id])
                for role in roles.get(row.id, ())
            ],
            customer_of=[_customer(customer) for customer in _sorted(customers.get(row.id, ()))],
            legal_bases=[_legal_basis(basis) for basis in _sorted(bases.get(row.id, ()))],
            messages_sent=[_message(message) for message in _sorted(messages.get(row.id, ()))],
            # Acts of an erased contact that differed only in what was erased are one now.
            events=tuple(dict.fromkeys(events.get(row.id, ()))),
        )


OfController = TypeVar("OfController", CustomerRow, LegalBasisRow, MessageRow, OrganisationCustomerRow)


def _seen(rows: Sequence[OfController], sight: Sight) -> list[OfController]:
    return [row for row in rows if sight.sees(row.controller)]


def _role(row: RoleRow, areas: Sequence[RoleAreaRow], organisation: str) -> Role:
    return _document(
        Role,
        organisation=organisation,
        title=row.title,
        position=row.position,
        since=row.since,
        until=row.until,
        areas=[
            _document(
                RoleArea, area=area.area, evidence=area.evidence, verified_on=area.verified_on, source=area.source
            )
            for area in areas
        ],
    )


def _customer(row: CustomerRow) -> CustomerRelation:
    return _document(
        CustomerRelation,
        controller=row.controller,
        product_group=row.product_group or None,
        relation=row.relation,
        last_purchase_on=row.last_purchase_on,
        address_from_sale=row.address_from_sale or None,
        opt_out_offered=row.opt_out_offered or None,
    )


def _legal_basis(row: LegalBasisRow) -> LegalBasisTag:
    return _document(
        LegalBasisTag,
        controller=row.controller,
        purpose=row.purpose,
        basis=row.basis,
        since=row.since,
        until=row.until,
        source=row.source,
    )


def _message(row: MessageRow) -> MessageSent:
    return _document(
        MessageSent,
        at=row.at,
        controller=row.controller,
        channel=row.channel or None,
        purpose=row.purpose,
        campaign=row.campaign or None,
    )


# --- bans and what outlives erasure ---------------------------------------------------------------------------------

_BAN_COLUMNS = ("channels", "purposes", "topics", "controllers", "source", "valid_from", "valid_until", "reference")
#: An erasure takes the words of a ban, or all but its digest: the document is gone, or has no target.
_WORDLESS = "coalesce(document -> 'target', '{}') = '{}'"
_WORDED = f"SELECT document FROM prohibition WHERE lifted_at IS NULL AND NOT {_WORDLESS} ORDER BY id"  # noqa: S608


def _wordless(columns: str, condition: str) -> str:
    """Bans without their words; those that differed only in the evidence that was erased are one now."""
    columns = f"{columns}, {', '.join(_BAN_COLUMNS)}"
    return (
        f"SELECT {columns} FROM prohibition WHERE lifted_at IS NULL AND {_WORDLESS} AND {condition}"  # noqa: S608
        f" GROUP BY {columns} ORDER BY min(id)"
    )


def _rows(session: Session, query: str) -> Iterator[tuple[Any, ...]]:
    with psycopg_connection(session).cursor("export_prohibitions") as cursor:
        cursor.adapters.register_loader("uuid", HexLoader)
        cursor.execute(query.encode())
        while rows := cursor.fetchmany(_PORTION):
            yield from rows


def _prohibitions(session: Session, key_id: int) -> Iterator[FileDocument]:
    for (document,) in _rows(session, _WORDED):
        yield msgspec.convert(document, Prohibition)
    for kind, ref, organisation, domain, *columns in _rows(
        session, _wordless("target_kind, contact_ref, organisation, domain", "address_key IS NULL")
    ):
        target = {kind: ref or organisation or domain}
        yield _document(Prohibition, target=target, **dict(zip(_BAN_COLUMNS, columns, strict=True)))
    for kind, key, *columns in _rows(session, _wordless("target_kind, address_key", "address_key IS NOT NULL")):
        yield _document(
            KeptProhibition, target_kind=kind, key=key, key_id=key_id, **dict(zip(_BAN_COLUMNS, columns, strict=True))
        )


def _kept_keys(session: Session, key_id: int) -> Iterator[FileDocument]:
    for rows in _portions(session, ContactRow, 'ref COLLATE "C"', "erased_at IS NOT NULL AND merged_into IS NULL"):
        erased = {row.id: row for row in rows}
        kept = kept_keys(session, list(erased))
        for key in sorted(kept, key=lambda key: (erased[key.contact_id].ref, key.hashed, key.address_key)):
            yield KeptKey(
                contact=erased[key.contact_id].ref,
                key=key.address_key.hex,
                key_id=key_id,
                hashed=key.hashed,
                name_key=erased[key.contact_id].name_key,
                erased_at=key.erased_at,
            )
