"""What an import did, or would do: counts by type of document, by field, by decision. No personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from consentmgr.importing.rejects import Rejection
from consentmgr.register.rows import Row

#: What can become of a document.
NEW, CHANGED, UNCHANGED, KEPT_ERASED, REJECTED = OUTCOMES = (
    "new",
    "changed",
    "unchanged",
    "kept_erased",
    "rejected",
)  # fmt: skip


@dataclass(slots=True)
class Changes:
    """The result of ``apply_documents``.

    ``documents`` counts (type, outcome); ``fields`` counts changed fields of rows that were there before
    (``contact.given_name``); ``decisions`` counts ledger entries by event and new prohibitions by
    ``prohibition``; ``stubs`` organisations made only because something names them. ``rejected`` maps the place of
    a document in the sequence handed in to why it was not taken, ``outcomes`` those that changed nothing, or of which an
    erased contact kept no more than its acts, to which of the two it was.
    """

    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    stubs: int = 0
    rejected: dict[int, Rejection] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    #: Of rows that were there before, what was replaced: personal data, and of this batch alone.
    _before: dict[int, tuple[Row, dict[str, object]]] = field(default_factory=dict, repr=False)

    def count(self, kind: str, outcome: str, number: int = 1, *, places: Iterable[int] = ()) -> None:
        """``places`` are those of the documents in the sequence handed in, where they are known."""
        self.documents[kind, outcome] += number
        if outcome in (UNCHANGED, KEPT_ERASED):
            for place in places:
                self.outcomes[place] = outcome

    def replaced(self, row: Row, name: str, value: object) -> None:
        """A field of a row that was there before has another value; ``value`` is the one it had."""
        self.fields[f"{row.TABLE}.{name}"] += 1
        _, before = self._before.setdefault(id(row), (row, {}))
        before.setdefault(name, value)

    def different(self, row: Row) -> list[str]:
        """The fields of a row that in the end are not as they were: what was replaced and put back is none."""
        _, before = self._before.get(id(row), (row, {}))
        return [name for name, value in before.items() if getattr(row, name) != value]

    def add(self, other: Changes) -> None:
        """Sum up, for a report over many batches; places are of one batch and are left out."""
        self.documents.update(other.documents)
        self.fields.update(other.fields)
        self.decisions.update(other.decisions)
        self.stubs += other.stubs

    def total(self, outcome: str) -> int:
        return sum(number for (_, found), number in self.documents.items() if found == outcome)

    @property
    def is_nothing(self) -> bool:
        """Whether the register is as it was."""
        return not (self.total(NEW) or self.total(CHANGED) or self.decisions or self.stubs)

    def as_json(self) -> dict[str, dict[str, int]]:
        """For ``import_batch.counts``: a killed import goes on counting from here."""
        return {
            "documents": {f"{kind}:{outcome}": number for (kind, outcome), number in sorted(self.documents.items())},
            "fields": dict(sorted(self.fields.items())),
            "decisions": dict(sorted(self.decisions.items())),
            "other": {"stubs": self.stubs},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Changes:
        documents: Counter[tuple[str, str]] = Counter()
        for name, number in stored.get("documents", {}).items():
            kind, _, outcome = name.rpartition(":")
            documents[kind, outcome] = number
        return cls(
            documents=documents,
            fields=Counter(stored.get("fields", {})),
            decisions=Counter(stored.get("decisions", {})),
            stubs=stored.get("other", {}).get("stubs", 0),
        )
