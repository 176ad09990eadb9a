"""What the API answers, as this client gives it: frozen, typed, and open to fields that come later.

Documents of the register (a contact, a campaign) stay the mappings they are: their fields are those of the API's own
document, at ``/api/v1/openapi.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it is: what it may do, and for which controllers (None: all)."""

    scopes: list[str]
    controllers: list[str] | None = None
    name: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with one item, and where in the request (a JSON pointer)."""

    detail: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class ItemTaken:
    """What became of one item of many: ``taken`` ``unchanged`` ``refused``."""

    index: int
    status: str
    errors: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bulk:
    """What became of many items, in their order. What is taken is kept; what is refused has changed nothing."""

    items: list[ItemTaken]
    taken: int
    unchanged: int
    refused: int


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one message, or why it has none (``status`` ``refused``)."""

    index: int
    status: str
    preference_url: str | None = field(default=None, repr=False)
    one_click_url: str | None = field(default=None, repr=False)
    list_unsubscribe: str | None = field(default=None, repr=False)
    list_unsubscribe_post: str | None = None
    errors: list[Refusal] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """The two header fields of an e-mail; none where it is no e-mail."""
        if self.list_unsubscribe is None or self.list_unsubscribe_post is None:
            return {}
        return {"List-Unsubscribe": self.list_unsubscribe, "List-Unsubscribe-Post": self.list_unsubscribe_post}


@dataclass(frozen=True, slots=True)
class Screening:
    """A screening as it stands. It is over when ``status`` is ``done``, ``failed`` or ``cancelled``."""

    id: str
    status: str
    controller: str | None = None
    campaign: str | None = None
    screened_at: datetime | None = None
    valid_until: datetime | None = None
    expired: bool | None = None
    certificate: str | None = None
    counts: Mapping[str, Any] | None = None
    problem: Any = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.status in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class ChangedContact:
    """A contact by what the register calls it."""

    id: int
    ref: str
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the feed: codes and references. ``id`` is always the same for the same event."""

    id: str
    type: str
    at: datetime
    recorded_at: datetime
    contact: ChangedContact | None = None
    controller: str | None = None
    method: str | None = None
    source: str | None = None
    given_by: str | None = None
    channels: list[str] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    notice: str | None = None
    prohibition: int | None = None
    reaches: list[ChangedContact] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """Some of the feed. Keep ``next`` in the transaction in which the items are taken, and go on from there."""

    items: list[Change]
    next: str
    more: bool


@dataclass(frozen=True, slots=True)
class MintedPage:
    """What became of each message of one request."""

    items: list[Links]


@dataclass(frozen=True, slots=True)
class Verdict:
    """May this person be sent this campaign? ``verdict`` is ``allow``, ``review`` or ``block``.

    ``reason`` is the headline, ``reasons`` every code that fired, ``explanation`` the headline in one sentence with its
    law, ``evidence`` the ids of ledger entries (``E…``) and prohibitions (``P…``) that decided.
    """

    verdict: str
    reason: str
    reasons: list[str]
    explanation: str
    ground: str | None = None
    legal_basis: str | None = None
    evidence: list[str] = field(default_factory=list)
    controller: str | None = None
    register_position: str | None = None
    rule_pack: str | None = None

    @property
    def allowed(self) -> bool:
        """True where it may be sent. Whatever this client does not know is no."""
        return self.verdict == "allow"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of one request, in its order, all of one position of the register."""

    items: list[Verdict]
