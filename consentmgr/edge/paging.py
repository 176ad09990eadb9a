"""Pages of the API: a few items at a time, in the order of a key, each page going on where the last one ended.

A cursor is the key of the last item that was given. It is opaque to clients, carries a version and no signature: it
says where to go on, and what may be read there is decided by scope and controller as for any question.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from flask import has_request_context, request

from consentmgr.edge.answers import tell_header
from consentmgr.edge.api_problems import BadParameter

_VERSION: Final = 1
#: The most items of a page, and how many there are where nobody says.
LARGEST_PAGE: Final = 200
USUAL_PAGE: Final = 50
#: The longest cursor that is looked at.
LONGEST_CURSOR: Final = 2_000
#: What PostgreSQL's bigint holds.
_MOST: Final = 2**63 - 1


def cursor(*values: str | int | datetime | date | UUID | None) -> str:
    """Where a page ended, as opaque text; ``values_of`` reads it. The values are keys, never personal data."""
    return urlsafe_b64encode(msgspec.json.encode([_VERSION, *values])).rstrip(b"=").decode()


def values_of(text: str, *types: Any) -> tuple[Any, ...]:
    """The values of a cursor, of these types (``str``, ``int``, ``datetime``, ``date``, ``UUID``, or a union of these).

    Raises ``BadParameter`` for what is not a cursor of ours, and for one of another list.
    """
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        version, *values = msgspec.json.decode(raw, type=_shape(types))
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise _not_ours() from None
    if version != _VERSION or not all(_is_storable(value) for value in values):
        raise _not_ours()
    return tuple(values)


def page_of(items: Sequence[Any], following: str | None) -> dict[str, Any]:
    """A page: its items, and the cursor of the next one, which is also told in a ``Link`` header (RFC 8288)."""
    if following is not None and has_request_context():
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "after"]
        tell_header("Link", f'<{request.path}?{urlencode([*kept, ("after", following)])}>; rel="next"')
    return {"items": items, "next": following}


def _not_ours() -> BadParameter:
    return BadParameter(
        "it is not a cursor of this list; take `next` of the page before, or leave it out", field="after"
    )


def _shape(types: tuple[Any, ...]) -> Any:
    return tuple.__class_getitem__((int, *types))


def _is_storable(value: Any) -> bool:
    """Whether PostgreSQL takes it."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return not isinstance(value, int) or -_MOST <= value <= _MOST
