"""Entity tags (RFC 9110, section 8.8.3): which state of a thing was read, and is it still the one being changed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from flask import Response, abort, request
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import quote_etag

from consentmgr.edge.answers import tell_header


def etag_of(*parts: Any) -> str:
    """A tag of a thing's state: numbers, text, moments, or whole documents. Equal parts give equal tags."""
    return blake2b(msgspec.json.encode(parts, enc_hook=str, order="sorted"), digest_size=16).hexdigest()


def checked_etag(tag: str | None) -> None:
    """Hold the request's conditions against the state of the thing it is about; None where there is no such thing yet.

    A GET whose ``If-None-Match`` has the tag is answered 304 at once. A write whose ``If-Match`` has not, or whose
    ``If-None-Match`` has, is refused (412) before it changes anything. The answer carries the tag; a write calls
    ``tagged`` with the new one.
    """
    if "If-Match" in request.headers and (tag is None or not request.if_match.contains(tag)):
        raise PreconditionFailed
    if tag is not None and "If-None-Match" in request.headers and request.if_none_match.contains_weak(tag):
        if request.method in ("GET", "HEAD"):
            abort(Response(status=304, headers={"ETag": quote_etag(tag)}))
        raise PreconditionFailed
    if tag is not None:
        tagged(tag)


def tagged(tag: str) -> None:
    """Tell the state of the thing that is answered."""
    tell_header("ETag", quote_etag(tag))
