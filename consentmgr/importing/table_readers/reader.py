"""What readers of all kinds of table share: what a table is read by, and whom a row speaks of.

A reader takes a row's cells by the fields of ``vocabulary.columns`` and gives a ``Draft``, or raises ``Unusable``. It knows
no file and no register.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.names import canonical_name
from consentmgr.kit.canonical.postal import canonical_post
from consentmgr.kit.errors import BadInput
from consentmgr.register.business_ids import CHECKED_COUNTRIES, canonical_business_id
from consentmgr.vocabulary.codes import (
    AreaEvidence,
    Channel,
    ConsentMethod,
    Platform,
    PointUse,
    Purpose,
)
from consentmgr.vocabulary.documents import AnyDocument, PostalAddress

#: Address keys -> the refs of every contact that has the address. Asked with many keys at a time.
KnownRefs = Callable[[Sequence[UUID]], Mapping[UUID, Sequence[str]]]


Item = tuple[int, AnyDocument | Rejection]


#: A long number as a spreadsheet shows it, and saves it: 4,58E+11.
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
#: The fields of a postal address.
POST = ("street", "apartment", "postal_code", "city", "country")


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


class Reader:
    """Reads rows of one kind of table."""

    #: The columns such a table may have, and those of which it must have one.
    fields: ClassVar[tuple[str, ...]]
    needed: ClassVar[tuple[str, ...]]

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
            if _SHORTENED.fullmatch(text):
                raise Unusable(
                    "was shortened by a spreadsheet to a power of ten, and its last digits are lost: make the column"
                    " text there, and enter the number again",
                    "phone",
                )
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
            fault = "the check digits do not match" if (country or "FI") in CHECKED_COUNTRIES else "no digit is in it"
            raise Unusable(f"is not a business id{where}: {fault}", "business_id")
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
            street, apartment, postal_code, city = (row.text(part) for part in POST[:4])
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
