"""What goes wrong between a programme and the API: one exception for each thing a caller may want to do about it.

No exception holds the key, nor what was sent: it may be a person's data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


class ApiError(Exception):
    """Base of all of them."""


class Unreachable(ApiError):
    """No answer came, however often it was asked. What was written may or may not be there: ask again."""


class UnexpectedAnswer(ApiError):
    """The answer is none of this API's: another server, a proxy, or a version this client does not know."""


class NotFinished(ApiError):
    """The work was not done within the time one was ready to wait. It goes on; wait again."""


class Problem(ApiError):
    """The API refused, with a problem document (RFC 9457).

    ``kind`` is its type without the prefix, ``errors`` what is wrong where (``{"pointer", "detail"}``), ``instance`` the
    number by which the server's log knows the request.
    """

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.document = dict(document)
        self.kind = str(document.get("type", "")).rpartition(":")[2]
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", ""))
        self.instance = document.get("instance")
        self.retry_after = retry_after
        super().__init__(f"{status} {self.title}: {self.detail}" if self.title else f"status {status}")

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        found = self.document.get("errors")
        return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


class NotAuthenticated(Problem):
    """401: the key is not known, has expired or was revoked."""


class NotAllowed(Problem):
    """403: the key has not the scope this needs."""


class NotFound(Problem):
    """404: there is no such thing, or it is another controller's."""


class Conflict(Problem):
    """409: it cannot be done as things stand, or the same request is still being answered."""


class Changed(Problem):
    """412: somebody else has changed it since it was read."""


class Invalid(Problem):
    """400, 413, 415, 422: what was sent cannot be taken; ``errors`` says why."""


class TooMany(Problem):
    """429: asked too often, even after having waited as long as was told."""


class Unavailable(Problem):
    """5xx: the server cannot answer now."""


_KINDS: Final[Mapping[int, type[Problem]]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Changed,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooMany,
}


def problem(status: int, document: Mapping[str, Any], retry_after: float | None = None) -> Problem:
    """The exception of a problem document."""
    kind = _KINDS.get(status, Unavailable if status >= 500 else Problem)
    return kind(status, document, retry_after)
