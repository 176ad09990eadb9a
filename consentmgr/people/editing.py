"""What the register holds of a person, entered and mended by hand: as documents, through the importer's own writers.

What is left blank stays as it is; a name is taken away only where that is said in so many words.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import uuid4

from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import register_change_entry
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.people.recording import SOURCE, take
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.register.reading import contacts_by_ref
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import Language, PointKind, PointUse

#: What may be taken away in so many words.
CLEARABLE: Final = ("given_name", "family_name", "language", "country", "municipality", "born_on", "deceased_on")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewPoint:
    """An address as somebody typed it. ``value`` for e-mail and telephone, ``postal`` for post."""

    kind: PointKind
    value: str = ""
    postal: documents.PostalAddress | None = None
    use: PointUse = "unknown"
    organisation: str | None = None
    source: str | None = None
    verified_on: date | None = None
    informed_on: date | None = None

    def document(self, *, today: date) -> documents.Point:
        return documents.Point(
            channel=self.kind,
            value=self.postal if self.kind == "post" and self.postal is not None else self.value,
            use=self.use if self.use != "unknown" else None,
            organisation=self.organisation or None,
            source=self.source or SOURCE,
            acquired_on=today,
            verified_on=self.verified_on,
            informed_on=self.informed_on,
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Details:
    """What is said of a person; None and blank say nothing. ``clear`` names what is to be taken away."""

    given_name: str | None = None
    family_name: str | None = None
    language: Language | None = None
    country: str | None = None
    municipality: str | None = None
    born_on: date | None = None
    deceased_on: date | None = None
    non_disclosure: bool = False
    controllers: tuple[str, ...] = ()
    points: tuple[NewPoint, ...] = ()
    clear: Collection[str] = ()

    def document(self, ref: str, *, today: date) -> documents.Contact:
        cleared = tuple(name for name in CLEARABLE if name in self.clear)
        return documents.Contact(
            ref=ref,
            controllers=self.controllers,
            given_name=None if "given_name" in cleared else self.given_name or None,
            family_name=None if "family_name" in cleared else self.family_name or None,
            language=None if "language" in cleared else self.language,
            country=None if "country" in cleared else self.country or None,
            municipality=None if "municipality" in cleared else self.municipality or None,
            born_on=None if "born_on" in cleared else self.born_on,
            deceased_on=None if "deceased_on" in cleared else self.deceased_on,
            non_disclosure=True if self.non_disclosure else None,
            points=tuple(point.document(today=today) for point in self.points),
            clear=cleared,
        )

    @property
    def fields(self) -> list[str]:
        """The names of the fields that are spoken of, as the ledger names them."""
        plain = ("given_name", "family_name", "language", "country", "municipality", "born_on", "deceased_on")
        named = [f"contact.{name}" for name in plain if getattr(self, name) or name in self.clear]
        if self.non_disclosure:
            named.append("contact.non_disclosure")
        if self.controllers:
            named.append("contact.controllers")
        return named + sorted({f"contact_point.{point.kind}" for point in self.points})


def add(
    session: Session, details: Details, *, ref: str | None, keys: AddressKeys, actor: str, now: datetime, today: date
) -> str:
    """A new contact; its ref, ours where none is given. Does not commit.

    Raises ``BadInput`` naming the field: where a ref is taken, where nothing is said of the person, where an address
    cannot be matched.
    """
    refuse_unrecovered(session)
    if not details.controllers:
        raise BadInput("says whose contact it is", field="controllers")
    if not (details.given_name or details.family_name or details.points):
        raise BadInput("a contact has a name or an address", field="given_name")
    ref = (ref or "").strip() or f"{SOURCE}:{uuid4().hex[:12]}"
    if ref in contacts_by_ref(session, [ref]):
        raise BadInput("is another contact's", field="ref")
    take(session, [details.document(ref, today=today)], keys=keys, actor=actor, now=now)
    # Who becomes different has an entry by the writers themselves; of who is new they say nothing.
    fields = ["contact.added", *details.fields]
    contact = contacts_by_ref(session, [ref])[ref]
    entry = register_change_entry(
        contact.id, fields, at=now, source=SOURCE, change=f"{SOURCE}:{now.isoformat()}", keys=keys
    )
    ledger.append(session, [entry], actor=actor, now=now)
    return ref


def change(
    session: Session, ref: str, details: Details, *, keys: AddressKeys, actor: str, now: datetime, today: date
) -> bool:
    """Mend what is said in ``details``; False where that is what was there. Does not commit.

    Raises ``BadInput`` naming the field.
    """
    refuse_unrecovered(session)
    if not details.fields:
        return False
    return take(session, [details.document(ref, today=today)], keys=keys, actor=actor, now=now)
