"""How many requests a caller of the API may make in a minute, whichever process they come to.

A process takes a portion of the minute's requests from the database at a time and gives them out from memory, so that
most requests write nothing. What a process has not given out by the end of the minute is lost: with several processes a
caller at its limit may be stopped a portion or two early, and never late. The answers tell how it stands (IETF
draft-ietf-httpapi-ratelimit-headers).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from consentmgr.db import Database

#: Seconds of a window.
WINDOW: Final = 60
#: One portion is this part of the limit, and never more than some hundreds.
_PART: Final = 50
_LARGEST_PORTION: Final = 500
#: Callers remembered at a time.
_MOST_CALLERS: Final = 10_000
#: What the headers call the one policy there is.
_POLICY: Final = "key"

_TAKE: Final = text(
    'INSERT INTO api_allowance (caller, "window", taken) VALUES (:caller, :window, :portion)'
    " ON CONFLICT (caller) DO UPDATE SET"
    ' taken = CASE WHEN api_allowance."window" < excluded."window" THEN excluded.taken'
    " ELSE api_allowance.taken + excluded.taken END,"
    ' "window" = greatest(api_allowance."window", excluded."window")'
    " RETURNING taken"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands: ``allowed`` is whether this request may go on; ``reset`` is in seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset: int


@dataclass(slots=True)
class _Held:
    """What this process holds of a caller's window."""

    window: datetime
    left: int
    #: What all processes had taken together when this one last took.
    taken: int
    over: bool


class Allowances:
    """The requests of each caller within each minute: ``most`` of them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._portion = max(1, min(most // _PART, _LARGEST_PORTION))
        self._held: dict[str, _Held] = {}
        self._lock = Lock()

    def take(self, database: Database, caller: str, now: datetime) -> Standing:
        """Count one request of a caller."""
        window = datetime.fromtimestamp(int(now.timestamp()) // WINDOW * WINDOW, UTC)
        reset = max(1, ceil(WINDOW - (now - window).total_seconds()))
        with self._lock:
            held = self._held.get(caller)
            if held is None or held.window < window:
                if len(self._held) >= _MOST_CALLERS:
                    self._held.clear()
                held = self._held[caller] = _Held(window, 0, 0, over=False)
            if held.left > 0 or held.over:
                return self._give(held, reset)
        with database.transaction() as session:
            taken: int = session.execute(
                _TAKE, {"caller": caller, "window": window, "portion": self._portion}
            ).scalar_one()
        with self._lock:
            # Nothing is held in a window that ended while the database was asked: the next request takes anew.
            held.taken = taken
            held.left += max(0, min(self._portion, self.most - (taken - self._portion)))
            held.over = taken >= self.most
            return self._give(held, reset)

    def _give(self, held: _Held, reset: int) -> Standing:
        allowed = held.left > 0
        held.left -= allowed
        remaining = max(0, self.most - held.taken) + held.left
        return Standing(allowed, self.most, remaining, reset)


def tell_standing(response: Response, standing: Standing) -> None:
    """Tell how the caller stands in the headers of an answer."""
    response.headers["RateLimit-Policy"] = f'"{_POLICY}";q={standing.limit};w={WINDOW}'
    response.headers["RateLimit"] = f'"{_POLICY}";r={standing.remaining};t={standing.reset}'
