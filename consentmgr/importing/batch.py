"""One batch of documents on its way into the register: what every step needs and what they tell each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.importing.changes import CHANGED, NEW, REJECTED, UNCHANGED, Changes
from consentmgr.importing.checks import Premises, text_of
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.register.rows import OrganisationRow, Row


@dataclass(slots=True)
class Batch:
    """``place`` in the methods is a document's place in the sequence handed to ``apply_documents``."""

    session: Session
    keys: AddressKeys
    actor: str
    now: datetime
    premises: Premises
    #: What an entry about a change in the register says it came by; None where nothing is to be said.
    source: str | None = None
    changes: Changes = field(default_factory=Changes)
    #: Organisations by every name this batch calls them; filled by ``organisations.take``.
    organisations: dict[str, OrganisationRow] = field(default_factory=dict)
    #: Organisations of which something changed beside their own row.
    touched_organisations: set[int] = field(default_factory=set)
    #: Organisations that this batch gives another identity, by the one they had.
    renamed: dict[str, OrganisationRow] = field(default_factory=dict)
    #: Organisations that this batch tells of by digits which could be another's business id, by those digits.
    told_bare: dict[str, OrganisationRow] = field(default_factory=dict)

    def reject(self, place: int, kind: str, rejection: Rejection) -> None:
        self.changes.rejected[place] = rejection
        self.changes.count(kind, REJECTED)

    def count(self, kind: str, *, new: bool, changed: bool, places: Iterable[int] = ()) -> None:
        self.changes.count(kind, NEW if new else CHANGED if changed else UNCHANGED, places=places)


class Fold:
    """Lays values of a document over a row that is there: absent leaves, present replaces, ``clear`` empties.

    ``changed`` tells whether anything became different. Counts of fields go to ``changes`` for rows that were there
    before.
    """

    __slots__ = ("changed", "changes", "row")

    def __init__(self, row: Row, changes: Changes | None) -> None:
        self.row = row
        self.changes = changes
        self.changed = False

    def put(self, name: str, value: object) -> None:
        """Replace the field if ``value`` is not None and differs."""
        if value is not None and value != getattr(self.row, name):
            self.set(name, value)

    def text(self, name: str, value: str | None) -> None:
        if value is not None:
            self.put(name, text_of(value))

    def set(self, name: str, value: object) -> None:
        if self.changes is not None:
            self.changes.replaced(self.row, name, getattr(self.row, name))
        setattr(self.row, name, value)
        self.changed = True

    def clear(self, name: str, empty: object = None) -> None:
        if getattr(self.row, name) != empty:
            self.set(name, empty)

    def unite(self, name: str, values: list[str]) -> None:
        """Add to a list what it does not hold yet."""
        held: list[str] = getattr(self.row, name)
        added = [value for value in dict.fromkeys(values) if value not in held]
        if added:
            self.set(name, [*held, *added])
