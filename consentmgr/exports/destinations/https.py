"""HTTPS upload: each file by PUT to its name under an address; a receiver shows a file when the request has ended."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from consentmgr.edge.reachable import Network
from consentmgr.edge.web_requests import blocks, checked_url, client, send
from consentmgr.exports.destinations.destination import Destination, DestinationKind


class HttpsUpload:
    """``Authorization: Bearer`` where there is a token; ``Digest`` lets the receiver check what it got (RFC 9530)."""

    def __init__(self, base: str, token: str | None, named: Sequence[Network]) -> None:
        self._base = base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = client(named)

    def put(self, name: str, source: Path) -> None:
        with source.open("rb") as file:
            digest = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
        request = self._http.build_request(
            "PUT",
            f"{self._base}/{quote(name)}",
            content=blocks(source),
            headers={
                **self._headers,
                "Content-Length": str(source.stat().st_size),
                "Content-Type": "application/octet-stream",
                "Repr-Digest": f"sha-256=:{digest}:",
            },
        )
        send(self._http, request)

    def close(self) -> None:
        self._http.close()


def _check(address: str) -> Mapping[str, Any]:
    return {"url": checked_url(address)}


def _open(options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> Destination:
    return HttpsUpload(options["url"], secrets.get("token"), named)


KIND = DestinationKind("https", "an HTTPS upload by PUT: https://partner.example/in", _check, _open, ("token",))
#: For a receiver on this machine alone.
LOOPBACK = DestinationKind("http", "the same on this machine: http://localhost:8080/in", _check, _open, ("token",))
