"""Rows of a table as documents: one reader a kind of table.

A reader takes a row's cells by the fields of ``vocabulary.columns`` and gives a ``Draft``, or raises ``Unusable`` with
the field that cannot be read. It knows no file and no register.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar, cast, get_args
from uuid import UUID

from consentmgr.importing import cell_values
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.kit.canonical.names import canonical_name
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.canonical.postal import canonical_post
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.register.business_ids import canonical_business_id
from consentmgr.vocabulary.codes import (
    CHANNELS,
    PROHIBITION_SOURCES,
    PURPOSES,
    AreaEvidence,
    Channel,
    ConsentMethod,
    EventKind,
    Language,
    OrganisationForm,
    OrganisationStatus,
    Platform,
    PointUse,
    Position,
    ProhibitionSource,
    Purpose,
)
from consentmgr.vocabulary.documents import (
    AnyDocument,
    Contact,
    EventFields,
    Evidence,
    ExternalList,
    Organisation,
    Point,
    PostalAddress,
    Prohibition,
    ProhibitionTarget,
    Role,
    RoleArea,
)

TableKind = Literal["contacts", "consents", "prohibitions", "organisations"]
TABLE_KINDS: tuple[TableKind, ...] = get_args(TableKind)

#: Address keys -> the refs of every contact that has the address. Asked with many keys at a time.
KnownRefs = Callable[[Sequence[UUID]], Mapping[UUID, Sequence[str]]]
Item = tuple[int, AnyDocument | Rejection]
T = TypeVar("T")

_POST = ("street", "apartment", "postal_code", "city", "country")
_LONGEST_TEXT = 10_000
_LONGEST_KEY = 200
_NOTICE = re.compile(r"[^/]+/[1-9]\d*/(?:fi|sv|en)")
#: Years an entry of the Robinson lists is good for, where the list does not say (law.md section 6).
_ROBINSON_YEARS = 3
#: Sources whose lists have a date of their own, on which their freshness is judged.
DATED_SOURCES: tuple[ProhibitionSource, ...] = (
    "robinson_phone", "robinson_post", "population_register", "telecom_authority",
)  # fmt: skip
#: What a ban of these sources covers where the table does not say.
_SCOPE_OF_SOURCE: dict[str, tuple[tuple[Channel, ...], tuple[Purpose, ...]]] = {
    "robinson_phone": (("phone",), ("direct_marketing",)),
    "robinson_post": (("post",), ("direct_marketing",)),
    "complaint": (("email",), ("direct_marketing",)),
}

#: The columns each kind of table may have, and those of which it must have one.
FIELDS: dict[TableKind, tuple[str, ...]] = {
    "contacts": (
        "ref", "email", "phone", *_POST, "given_name", "family_name", "language", "municipality", "born_on",
        "business_id", "organisation_name", "title", "position", "area", "source", "acquired_on", "verified_on",
        "informed_on", "use",
    ),
    "consents": (
        "ref", "email", "phone", *_POST, "given_name", "family_name", "language", "consent", "event", "consent_email",
        "consent_sms", "consent_phone", "consent_post", "at", "channels", "purposes", "topics", "audiences", "notice",
        "method", "controller", "source", "confirmed_at", "ip",
    ),
    "prohibitions": (
        "contact", "email", "phone", *_POST, "business_id", "domain", "email_sha256", "phone_sha256", "channels",
        "purposes", "topics", "controller", "source", "valid_from", "valid_until", "reference",
    ),
    "organisations": (
        "business_id", "ref", "organisation_name", "name", "form", "status", "employees", "domains", "industry",
        "generic_email", "email", "phone", *_POST, "source", "acquired_on", "verified_on",
    ),
}  # fmt: skip
NEEDED: dict[TableKind, tuple[str, ...]] = {
    "contacts": ("ref", "email", "phone", "street"),
    "consents": ("ref", "email", "phone", "street"),
    "prohibitions": (
        "contact", "email", "phone", "street", "business_id", "domain", "email_sha256", "phone_sha256",
    ),
    "organisations": ("business_id", "ref"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NoticeScope:
    """What the words of a notice speak of; nothing named is everything."""

    channels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """What the person who imports a table says of it, where its columns do not.

    ``source``: where the addresses come from; for prohibitions one of ``PROHIBITION_SOURCES``. ``at``: when the
    consents were given, or the day of an outside ban list; without it, and without a column, a consent is
    ``imported_without_date`` and its time is ``now``. ``notice``: ``key/version/language``; ``notice_scope`` is what it
    speaks of, and so what a consent given or refused under it covers where nothing else says. ``area_evidence``: whose
    word the responsibility areas are. ``mapping``: field -> header, or column number from 1.
    """

    now: datetime
    source: str | None = None
    at: datetime | None = None
    notice: str | None = None
    notice_scope: NoticeScope | None = None
    method: ConsentMethod = "import"
    controller: str | None = None
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[str, ...] = ()
    audiences: tuple[Platform, ...] = ()
    use: PointUse | None = None
    area_evidence: AreaEvidence = "vendor"
    reference: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    known_refs: KnownRefs | None = None


class Unusable(Exception):
    """A row gives no document; ``field`` is ours, the column's name is put in its place."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


@dataclass(slots=True, repr=False, eq=False)
class Draft:
    """What a row gives: ``fixed`` documents, then those that need the person's ``ref`` to be settled."""

    line: int = 0
    fixed: Sequence[AnyDocument] = ()
    documents: Callable[[str], Sequence[AnyDocument]] | None = None
    ref: str = ""
    lookup: UUID | None = None
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class TablePremises:
    """What every row of a table is read by. ``columns``: the fields the table has."""

    options: TableOptions
    keys: AddressKeys
    columns: frozenset[str]
    file: str


class Row:
    """One row's cells that are not blank, by field; and the canonical form of its addresses, None where there is none.

    Canonical forms are made for many rows at a time, which is ten times faster; telephone numbers in them are
    Finnish where they do not say otherwise.
    """

    __slots__ = ("canonical", "cells")

    def __init__(self, cells: dict[str, str], canonical: dict[str, str | None]) -> None:
        for name, text in cells.items():
            if len(text) > _LONGEST_TEXT:
                raise Unusable(f"is longer than {_LONGEST_TEXT:,} characters", name)
        self.cells = cells
        self.canonical = canonical

    def canonical_phone(self, country: str | None) -> str | None:
        text = self.cells.get("phone")
        if text is None or country in (None, "FI"):
            return self.canonical.get("phone")
        return canonical_phone(text, country)

    def text(self, name: str) -> str | None:
        return self.cells.get(name)

    def key(self, name: str) -> str | None:
        text = self.cells.get(name)
        if text is not None and len(text) > _LONGEST_KEY:
            raise Unusable(f"is longer than {_LONGEST_KEY} characters", name)
        return text

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        text = self.cells.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise Unusable(str(error), name) from None

    def day(self, name: str) -> date | None:
        return self.parsed(name, cell_values.parse_date)

    def code(self, name: str, words: str) -> str | None:
        return self.parsed(name, lambda text: cell_values.parse_code(words, text))

    def codes(self, name: str, words: str) -> tuple[str, ...]:
        return self.parsed(name, lambda text: cell_values.parse_codes(words, text)) or ()

    def keys(self, name: str) -> tuple[str, ...]:
        found = self.parsed(name, cell_values.parse_list) or ()
        if any(len(one) > _LONGEST_KEY for one in found):
            raise Unusable(f"is longer than {_LONGEST_KEY} characters", name)
        return found

    def country(self) -> str | None:
        return self.parsed("country", cell_values.parse_country)


class Reader:
    """Reads rows of one kind of table."""

    def __init__(self, premises: TablePremises) -> None:
        self.premises = premises
        self.options = premises.options
        self.check()

    def check(self) -> None:
        """Raise ``BadInput`` where the options do not fit the table."""

    def read(self, row: Row) -> Draft:
        raise NotImplementedError

    def closing(self, line: int) -> Iterator[Item]:
        """What the table as a whole says, after its last row."""
        yield from ()

    def refuse(self, sentence: str) -> BadInput:
        return BadInput(sentence, file=self.premises.file)

    # Addresses. Each is checked here, because here the column's name is known.

    def email(self, row: Row, name: str = "email") -> str | None:
        text = row.text(name)
        if text is not None and row.canonical[name] is None:
            raise Unusable("is not an e-mail address that can be matched", name)
        return text

    def phone(self, row: Row, country: str | None) -> str | None:
        text = row.text("phone")
        if text is not None and row.canonical_phone(country) is None:
            raise Unusable("is not a telephone number that can be matched", "phone")
        return text

    def post(self, row: Row, country: str | None) -> PostalAddress | None:
        if (street := row.text("street")) is None:
            return None
        apartment, postal_code, city = row.text("apartment"), row.text("postal_code"), row.text("city")
        if canonical_post(street, apartment, postal_code, city, country or "FI") is None:
            raise Unusable("is not a postal address that can be matched", "street")
        return PostalAddress(street=street, apartment=apartment, postal_code=postal_code, city=city, country=country)

    def business_id(self, row: Row, country: str | None) -> str | None:
        text = row.key("business_id")
        if text is None:
            return None
        canonical = canonical_business_id(text, country or "FI")
        if canonical is None:
            where = f" of {country}" if country else ""
            raise Unusable(f"is not a business id{where}: the check digits do not match", "business_id")
        return canonical

    def controllers(self, row: Row) -> tuple[str, ...]:
        return row.keys("controller") or ((self.options.controller,) if self.options.controller else ())

    def person(self, row: Row, country: str | None) -> Draft:
        """A draft with the row's ``ref``, or what to ask the register by and the ref to use where it knows nobody."""
        if (ref := row.key("ref")) is not None:
            return Draft(ref=ref)
        keys = self.premises.keys
        if (email := row.canonical.get("email")) is not None:
            lookup = keys.key("email", email) if self.options.known_refs is not None else None
            return Draft(ref=_derived_ref(keys, "email", email), lookup=lookup)
        kind, found = "phone", row.canonical_phone(country)
        if found is None:
            street, apartment, postal_code, city = (row.text(part) for part in _POST[:4])
            kind, found = "post", canonical_post(street, apartment, postal_code, city, country or "FI")
        if found is None:
            raise Unusable("names nobody: ref, e-mail, telephone and postal address are all blank")
        name = canonical_name(row.text("given_name"), row.text("family_name"))
        lookup = keys.key(kind, found) if name is None and self.options.known_refs is not None else None
        return Draft(ref=_derived_ref(keys, kind, f"{found}\0{name or ''}"), lookup=lookup)


def _derived_ref(keys: AddressKeys, kind: str, canonical: str) -> str:
    # A digest of its own, not the address key itself, so that no ref gives away which address it was made from to
    # somebody who reads the keys of the register.
    digest = keys.key("name", f"table\x00{kind}\x00{canonical}")
    return f"table:{digest.hex}"


class ContactReader(Reader):
    def read(self, row: Row) -> Draft:
        country = row.country()
        business_id = self.business_id(row, country)
        points = self._points(row, country, business_id)
        draft = self.person(row, country)
        roles = self._roles(row, business_id)
        language = cast("Language | None", row.code("language", "language"))
        born_on = row.day("born_on")
        organisation = self._organisation(row, country, business_id)
        draft.fixed = (organisation,) if organisation is not None else ()
        draft.documents = lambda ref: [
            Contact(
                ref=ref,
                controllers=self.controllers(row),
                given_name=row.text("given_name"),
                family_name=row.text("family_name"),
                language=language,
                country=country,
                municipality=row.text("municipality"),
                born_on=born_on,
                points=points,
                roles=roles,
            )
        ]
        return draft

    def _points(self, row: Row, country: str | None, business_id: str | None) -> tuple[Point, ...]:
        use = cast("PointUse | None", row.code("use", "use")) or self.options.use
        source = row.text("source") or self.options.source
        acquired_on, informed_on = row.day("acquired_on"), row.day("informed_on")
        # The day in a table of decision-makers is the day on which the duties were asked, not the address.
        verified_on = row.day("verified_on") if row.text("area") is None else None

        def point(channel: Literal["email", "phone", "post"], value: str | PostalAddress) -> Point:
            return Point(
                channel=channel,
                value=value,
                use=use,
                # A home address does not become the firm's because its owner works there.
                organisation=business_id if use != "private" and channel != "post" else None,
                source=source,
                acquired_on=acquired_on,
                verified_on=verified_on,
                informed_on=informed_on,
            )

        points = []
        if (email := self.email(row)) is not None:
            points.append(point("email", email))
        if (phone := self.phone(row, country)) is not None:
            points.append(point("phone", phone))
        if (post := self.post(row, country)) is not None:
            points.append(point("post", post))
        return tuple(points)

    def _roles(self, row: Row, business_id: str | None) -> tuple[Role, ...]:
        areas = row.parsed("area", cell_values.parse_areas) or ()
        if business_id is None:
            if areas:
                raise Unusable("is a duty at no organisation: the business id is blank", "area")
            return ()
        title, position = row.text("title"), None
        if (word := row.text("position")) is not None:
            try:
                position = cast(Position, cell_values.parse_code("position", word))
            except ValueError:
                # "Position" and "Asema" head columns of plain job titles as well as of register roles.
                title = title or word
        evidence, source = self.options.area_evidence, row.text("source") or self.options.source
        verified_on = row.day("verified_on") if areas else None
        return (
            Role(
                organisation=business_id,
                title=title,
                position=position,
                areas=tuple(
                    RoleArea(area=area, evidence=evidence, verified_on=verified_on, source=source) for area in areas
                ),
            ),
        )

    def _organisation(self, row: Row, country: str | None, business_id: str | None) -> Organisation | None:
        name = row.text("organisation_name")
        if name is None or business_id is None:
            return None
        return Organisation(business_id=business_id, country=country, name=name)


#: Columns of yes and no, and the channel each is about.
_CONSENT_COLUMNS: tuple[tuple[str, Channel], ...] = (
    ("consent_email", "email"), ("consent_sms", "sms"), ("consent_phone", "phone"), ("consent_post", "post"),
)  # fmt: skip


#: Acts that answer what a notice asked.
_ANSWERS: tuple[EventKind, ...] = ("consent_given", "consent_refused")


class ConsentReader(Reader):
    """A row is one act: a consent given, unless a column says otherwise.

    With columns of yes and no for each channel, yes is a consent and no a refusal, each by itself. Where neither the
    row nor an option says what a consent or refusal is for, the notice named for the whole table does. Without one,
    and without a word on channels, the consent is for the row's e-mail address alone, because a wider one must be
    shown; without one on purposes it is for direct marketing.
    """

    def check(self) -> None:
        if self.options.notice is not None and not _NOTICE.fullmatch(self.options.notice):
            raise self.refuse("--notice must be key/version/language, such as signup/3/fi")

    def read(self, row: Row) -> Draft:
        country = row.country()
        source = row.text("source") or self.options.source
        values: list[tuple[Literal["email", "phone", "post"], str | PostalAddress | None]] = [
            ("email", self.email(row)),
            ("phone", self.phone(row, country)),
            ("post", self.post(row, country)),
        ]
        points = tuple(
            Point(channel=channel, value=value, source=source) for channel, value in values if value is not None
        )
        draft = self.person(row, country)
        events = self._events(row, source)
        language = cast("Language | None", row.code("language", "language"))
        draft.documents = lambda ref: [
            Contact(
                ref=ref,
                given_name=row.text("given_name"),
                family_name=row.text("family_name"),
                language=language,
                country=country,
                points=points,
                events=events,
            )
        ]
        return draft

    def _events(self, row: Row, source: str | None) -> tuple[EventFields, ...]:
        stated_at = row.parsed("at", cell_values.parse_moment) or self.options.at
        method = cast("ConsentMethod | None", row.code("method", "method")) or self.options.method
        purposes = cast("tuple[Purpose, ...]", row.codes("purposes", "purpose")) or self.options.purposes
        topics = row.keys("topics") or self.options.topics
        scope = self._scope(row)
        audiences = cast("tuple[Platform, ...]", row.codes("audiences", "platform")) or self.options.audiences
        notice, evidence = self._notice(row), self._evidence(row)

        def event(kind: EventKind, channels: tuple[Channel, ...], controller: str | None) -> EventFields:
            given = kind == "consent_given"
            # An objection or a withdrawal is as wide as it says itself: no notice narrows it.
            offered = scope if kind in _ANSWERS else NoticeScope()
            return EventFields(
                event=kind,
                at=stated_at or self.options.now,
                controller=controller,
                method=method,
                source=source,
                channels=channels or None,
                purposes=purposes or cast("tuple[Purpose, ...]", offered.purposes) or ("direct_marketing",),
                topics=topics or offered.topics or None,
                audiences=(audiences or None) if given else None,
                notice=notice if given else None,
                evidence=evidence if given else None,
                imported_without_date=None if stated_at is not None else True,
            )

        return tuple(
            event(kind, channels, controller)
            for kind, channels in self._acts(row)
            for controller in (self.controllers(row) or (None,))
        )

    def _acts(self, row: Row) -> list[tuple[EventKind, tuple[Channel, ...]]]:
        if any(column in self.premises.columns for column, _ in _CONSENT_COLUMNS):
            answers = [(row.parsed(column, cell_values.parse_yes_no), channel) for column, channel in _CONSENT_COLUMNS]
            given = tuple(channel for answer, channel in answers if answer is True)
            refused = tuple(channel for answer, channel in answers if answer is False)
            acts: list[tuple[EventKind, tuple[Channel, ...]]] = []
            if given:
                acts.append(("consent_given", given))
            if refused:
                acts.append(("consent_refused", refused))
            if not acts:
                raise Unusable("says nothing of consent: every column of yes and no is blank")
            return acts
        kind = cast("EventKind | None", row.code("event", "event"))
        if kind is None:
            answer = row.parsed("consent", cell_values.parse_yes_no)
            if answer is None and "consent" in self.premises.columns:
                raise Unusable("is blank, so the row says nothing of consent", "consent")
            kind = "consent_refused" if answer is False else "consent_given"
        channels = cast("tuple[Channel, ...]", row.codes("channels", "channel")) or self.options.channels
        if not channels and kind in _ANSWERS:
            channels = cast("tuple[Channel, ...]", self._scope(row).channels)
        if not channels and row.text("email") is not None and kind in _ANSWERS:
            channels = ("email",)
        if not channels and kind == "consent_given":
            raise Unusable("does not say for which channels the consent was given: add a column channels")
        return [(kind, channels)]

    def _scope(self, row: Row) -> NoticeScope:
        """What the table's notice speaks of, unless the row names another notice."""
        other = row.key("notice") not in (None, self.options.notice)
        return NoticeScope() if other or self.options.notice_scope is None else self.options.notice_scope

    def _notice(self, row: Row) -> str | None:
        notice = row.key("notice")
        if notice is not None and not _NOTICE.fullmatch(notice):
            raise Unusable("must be key/version/language, such as signup/3/fi", "notice")
        return notice or self.options.notice

    def _evidence(self, row: Row) -> Evidence | None:
        confirmed_at, ip = row.parsed("confirmed_at", cell_values.parse_moment), row.text("ip")
        if confirmed_at is None and ip is None:
            return None
        return Evidence(
            ip=ip, double_opt_in="confirmed" if confirmed_at is not None else None, confirmed_at=confirmed_at
        )


class ProhibitionReader(Reader):
    """A row is one ban for each address, contact, organisation or domain it names."""

    def check(self) -> None:
        source = self.options.source
        codes = ", ".join(PROHIBITION_SOURCES)
        if source is None and "source" not in self.premises.columns:
            raise self.refuse(f"whose bans are these? Say it with --source, one of {codes}")
        if source is not None and source not in PROHIBITION_SOURCES:
            raise self.refuse(f"--source of prohibitions must be one of {codes}")
        if source in ("robinson_phone", "robinson_post") and self.options.at is None:
            raise self.refuse(f"of which day is the {source} list? Say it with --at, such as --at 2026-11-01")

    def read(self, row: Row) -> Draft:
        country = row.country()
        targets = self._targets(row, country)
        if not targets:
            raise Unusable("names nobody: every column that says whom the ban protects is blank")
        source = cast("ProhibitionSource | None", row.code("source", "source") or self.options.source)
        if source is None:
            raise Unusable(
                f"is blank, and no --source says whose ban it is: {', '.join(PROHIBITION_SOURCES)}", "source"
            )
        usual_channels, usual_purposes = _SCOPE_OF_SOURCE.get(source, ((), ()))
        channels = cast("tuple[Channel, ...]", row.codes("channels", "channel")) or self.options.channels
        purposes = cast("tuple[Purpose, ...]", row.codes("purposes", "purpose")) or self.options.purposes
        valid_from, valid_until = self._window(row, source)
        documents = [
            Prohibition(
                target=target,
                channels=channels or usual_channels,
                purposes=purposes or usual_purposes,
                topics=row.keys("topics") or self.options.topics,
                controllers=self.controllers(row),
                source=source,
                valid_from=valid_from,
                valid_until=valid_until,
                reference=row.text("reference") or self.options.reference,
            )
            for target in targets
        ]
        return Draft(fixed=documents)

    def closing(self, line: int) -> Iterator[Item]:
        source = self.options.source
        if source in DATED_SOURCES and self.options.at is not None:
            # Last, so that a list whose import was cut off does not look fresh.
            yield line, ExternalList(source=source, as_of=local_date(self.options.at))

    def _targets(self, row: Row, country: str | None) -> list[ProhibitionTarget]:
        targets = []
        if (contact := row.key("contact")) is not None:
            targets.append(ProhibitionTarget(contact=contact))
        if (email := self.email(row)) is not None:
            targets.append(ProhibitionTarget(email=email))
        if (phone := self.phone(row, country)) is not None:
            targets.append(ProhibitionTarget(phone=phone))
        if (post := self.post(row, country)) is not None:
            targets.append(ProhibitionTarget(post=post))
        if (business_id := self.business_id(row, country)) is not None:
            targets.append(ProhibitionTarget(organisation=business_id))
        if (domain := row.text("domain")) is not None:
            if canonical_domain(domain) is None:
                raise Unusable("is not a domain", "domain")
            targets.append(ProhibitionTarget(domain=domain))
        if (digest := self._digest(row, "email_sha256")) is not None:
            targets.append(ProhibitionTarget(email_sha256=digest))
        if (digest := self._digest(row, "phone_sha256")) is not None:
            targets.append(ProhibitionTarget(phone_sha256=digest))
        return targets

    def _digest(self, row: Row, name: str) -> str | None:
        text = row.text(name)
        digest = canonical_sha256(text) if text is not None else None
        if text is not None and digest is None:
            raise Unusable("must be 64 hexadecimal digits", name)
        return digest

    def _window(self, row: Row, source: str) -> tuple[date | None, date | None]:
        valid_from, valid_until = row.day("valid_from"), row.day("valid_until")
        if source in ("robinson_phone", "robinson_post") and valid_until is None:
            # Without a day of its own an entry was made on the list's day at the latest: it is banned the longer.
            begins = valid_from or (local_date(self.options.at) if self.options.at else None)
            if begins is not None:
                valid_from, valid_until = begins, _years_after(begins, _ROBINSON_YEARS)
        if valid_from is not None and valid_until is not None and valid_until < valid_from:
            raise Unusable("lies before the day from which the ban is valid", "valid_until")
        return valid_from, valid_until


def _years_after(day: date, years: int) -> date:
    """The last day of a term of ``years`` that begins on ``day``."""
    try:
        return day.replace(year=day.year + years) - timedelta(days=1)
    except ValueError:
        # From 29 February the term ends on the last day of February.
        return date(day.year + years, 2, 28)


class OrganisationReader(Reader):
    def read(self, row: Row) -> Draft:
        country = row.country()
        business_id, ref = self.business_id(row, country), row.key("ref")
        if business_id is None and ref is None:
            raise Unusable("names no organisation: business id and ref are both blank")
        domains = row.parsed("domains", cell_values.parse_list) or ()
        if any(canonical_domain(domain) is None for domain in domains):
            raise Unusable("is not a domain", "domains")
        document = Organisation(
            business_id=business_id,
            ref=ref if business_id is None else None,
            country=country,
            name=row.text("organisation_name") or row.text("name"),
            form=cast("OrganisationForm | None", row.code("form", "form")),
            status=cast("OrganisationStatus | None", row.code("status", "status")),
            employees=row.parsed("employees", cell_values.parse_count),
            domains=domains,
            industry=row.text("industry"),
            source=row.text("source") or self.options.source,
            verified_on=row.day("verified_on"),
            points=self._points(row, country),
        )
        return Draft(fixed=(document,))

    def _points(self, row: Row, country: str | None) -> tuple[Point, ...]:
        """What an organisation lists is its general address; people's own addresses come with contacts."""
        source, acquired_on = row.text("source") or self.options.source, row.day("acquired_on")
        emails = dict.fromkeys(self.email(row, name) for name in ("generic_email", "email"))
        values: list[tuple[Literal["email", "phone", "post"], str | PostalAddress | None]] = [
            *(("email", email) for email in emails),
            ("phone", self.phone(row, country)),
            ("post", self.post(row, country)),
        ]
        return tuple(
            Point(channel=channel, value=value, use="generic", source=source, acquired_on=acquired_on)
            for channel, value in values
            if value is not None
        )


READERS: dict[TableKind, type[Reader]] = {
    "contacts": ContactReader,
    "consents": ConsentReader,
    "prohibitions": ProhibitionReader,
    "organisations": OrganisationReader,
}


def checked_options(
    *, channels: Sequence[str] = (), purposes: Sequence[str] = ()
) -> tuple[tuple[Channel, ...], tuple[Purpose, ...]]:
    """Channels and purposes as a command line gives them. Raises ``BadInput`` that lists the codes."""
    for given, codes, option in ((channels, CHANNELS, "--channels"), (purposes, PURPOSES, "--purposes")):
        if wrong := [one for one in given if one not in codes]:
            raise BadInput(f"{option}: {wrong[0]} is none of {', '.join(codes)}")
    return cast("tuple[Channel, ...]", tuple(channels)), cast(tuple[Purpose, ...], tuple(purposes))
