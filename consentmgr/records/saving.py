"""How a copy leaves a door: as a file to keep, never shown within our pages."""

from __future__ import annotations

from flask import Response


def saved(document: bytes, mimetype: str, name: str) -> Response:
    """The answer that a browser stores under ``name``."""
    response = Response(document, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
