"""The whole made-up register, as the documents an import takes (formats.md section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from consentmgr.demo.bans import make_bans
from consentmgr.demo.business_people import make_business_people
from consentmgr.demo.catalogue import catalogue
from consentmgr.demo.consumers import make_consumers
from consentmgr.demo.draw import Draw
from consentmgr.demo.organisations import make_organisations
from consentmgr.demo.sketch import Population
from consentmgr.vocabulary.documents import AnyDocument, Contact, Organisation, Prohibition

CONTACTS: Final = 2_000
ORGANISATIONS: Final = 300
#: Of a hundred contacts, how many are met at work.
_AT_WORK: Final = 28


@dataclass(frozen=True, slots=True)
class Size:
    """How large a register to make. Below 200 contacts some stories find no room."""

    contacts: int = CONTACTS
    organisations: int = ORGANISATIONS


@dataclass(frozen=True, slots=True, repr=False)
class MadeUpRegister:
    """Everything in it; ``seed`` and ``today`` make the same one again."""

    seed: int
    today: date
    catalogue: tuple[AnyDocument, ...]
    organisations: tuple[Organisation, ...]
    consumers: tuple[Contact, ...]
    business_people: tuple[Contact, ...]
    bans: tuple[Prohibition, ...]

    @property
    def documents(self) -> Sequence[AnyDocument]:
        """In the order in which each finds what it names."""
        return (*self.catalogue, *self.organisations, *self.consumers, *self.business_people, *self.bans)

    def write(self, path: Path) -> None:
        """One document a line, for ``consentmgr import``."""
        with path.open("wb") as file:
            for document in self.documents:
                file.write(msgspec.json.encode(document) + b"\n")


def make_register(seed: int, today: date, size: Size | None = None) -> MadeUpRegister:
    """The register that belongs to ``seed``, as it stands on ``today``: everything is dated back from that day."""
    size = size or Size()
    at_work = size.contacts * _AT_WORK // 100
    population = Population(Draw(seed, "population", today))
    organisations = make_organisations(Draw(seed, "organisations", today), size.organisations)
    consumers = make_consumers(population, Draw(seed, "consumers", today), size.contacts - at_work)
    business_people = make_business_people(population, Draw(seed, "business people", today), at_work, organisations)
    bans = make_bans(population, Draw(seed, "bans", today), consumers, business_people, organisations)
    return MadeUpRegister(
        seed,
        today,
        tuple(catalogue(today)),
        tuple(organisations),
        tuple(consumers),
        tuple(business_people),
        tuple(bans),
    )
