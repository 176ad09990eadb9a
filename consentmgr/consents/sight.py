"""Whom and what somebody sees: contacts and acts of the controllers they work for, and nothing of others'."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: That a contact ``c`` is seen. A contact that names no controller, as one that was erased, belongs to those its acts
#: name, and where they name none either, to the default controller.
SEEN: Final = """(%(sees_all)s OR c.controllers && %(sees)s::text[] OR (c.controllers = '{}' AND CASE
  WHEN EXISTS (SELECT FROM ledger_entry e WHERE e.contact_id = c.id AND e.controller IS NOT NULL)
  THEN EXISTS (SELECT FROM ledger_entry e WHERE e.contact_id = c.id AND e.controller = ANY(%(sees)s::text[]))
  ELSE EXISTS (SELECT FROM controller d WHERE d.is_default AND d.key = ANY(%(sees)s::text[])) END))"""


@dataclass(frozen=True, slots=True)
class Sight:
    """The controllers somebody works for; None for all of them."""

    controllers: frozenset[str] | None = None

    def sees(self, controller: str | None) -> bool:
        """Whether what names this controller is seen; what names none speaks of all, and everybody sees it."""
        return controller is None or self.controllers is None or controller in self.controllers

    def sees_any(self, controllers: Sequence[str]) -> bool:
        """Whether what names these is seen."""
        return not controllers or any(map(self.sees, controllers))

    def only(self, controllers: Iterable[str]) -> list[str]:
        """Those of them that are seen."""
        return [key for key in controllers if self.sees(key)]

    def holds_all(self, controllers: Iterable[str]) -> bool:
        """Whether what concerns these, or all where none is named, concerns nobody else's controllers."""
        named = list(controllers)
        if self.controllers is None:
            return True
        return bool(named) and all(key in self.controllers for key in named)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of ``SEEN``."""
        return {"sees_all": self.controllers is None, "sees": sorted(self.controllers or ())}


EVERYTHING: Final = Sight()
