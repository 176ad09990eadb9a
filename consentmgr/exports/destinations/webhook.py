"""A webhook: the signed manifest, posted when a run's files are where they belong. Files themselves never go this way.

Signed as Standard Webhooks 1.0 says: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` over both and the
body, with the secret the partner gave (``whsec_…``). The id is the manifest's hash, so a repeat is known for one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from consentmgr.edge.reachable import Network
from consentmgr.edge.web_requests import checked_url, client, send
from consentmgr.exports.destinations.destination import Destination, DestinationKind
from consentmgr.kit import clock
from consentmgr.kit.errors import NotDelivered


class ManifestHook:
    """Only the manifest is posted; the other files' hashes are in it."""

    def __init__(self, url: str, secret: str, named: Sequence[Network]) -> None:
        self._url = url
        self._hook = Webhook(secret)
        self._http = client(named)

    def put(self, name: str, source: Path) -> None:
        if not name.endswith(".manifest.json"):
            return
        manifest = source.read_text(encoding="utf-8")
        body = json.dumps({"type": "export.published", "data": json.loads(manifest)}, ensure_ascii=False)
        identity = f"msg_{hashlib.sha256(manifest.encode()).hexdigest()[:32]}"
        now = clock.now()
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._hook.sign(identity, now, body),
            "Content-Type": "application/json",
        }
        send(self._http, self._http.build_request("POST", self._url, content=body.encode(), headers=headers))

    def close(self) -> None:
        self._http.close()


def _check(address: str) -> Mapping[str, Any]:
    return {"url": checked_url(address.removeprefix("webhook+"))}


def _open(options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> Destination:
    if "signing_secret" not in secrets:
        raise NotDelivered("the webhook has no signing_secret; give it with --secret-file signing_secret=FILE")
    try:
        return ManifestHook(options["url"], secrets["signing_secret"], named)
    except ValueError:
        raise NotDelivered("the webhook's signing_secret is not one; it begins with whsec_") from None


KIND = DestinationKind(
    "webhook+https",
    "a webhook with the manifest: webhook+https://partner.example/hook",
    _check,
    _open,
    ("signing_secret",),
)
LOOPBACK = DestinationKind(
    "webhook+http", "the same on this machine: webhook+http://localhost:8080/hook", _check, _open, ("signing_secret",)
)
