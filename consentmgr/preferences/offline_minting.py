"""Links made by another programme, without this product and without a network.

This file stands alone: copy it beside your own sender. It needs Python's standard library, the file that
``consentmgr keys export-minting`` wrote, and for each person the two columns of ``consentmgr links --ids``. What it
makes is, to the byte, what the product makes; docs/links.md has the format and an example.

    minting = read_minting_file(Path("minting.json"))
    url = leave_url(minting, controller="acme", channel="email", topic="news", campaign="may",
                    contact_id=4711, address_key="5f0c…")
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

_KINDS = ("email", "phone", "post")
_SCOPES = ("topic", "channel", "all")
_CHANNELS = ("email", "sms", "instant_message", "automated_call", "fax", "phone", "post", "online_audience")


def read_minting_file(path: Path) -> dict[str, Any]:
    """The file of ``consentmgr keys export-minting``: keep it as you keep a password."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if found.get("format") != "consentmgr-minting/1":
        raise ValueError("this is no minting file")
    return found


def leave_url(minting: dict[str, Any], **link: Any) -> str:
    """The address to leave by: for the footer and, in angle brackets, for the header ``List-Unsubscribe``."""
    return f"{minting['public_url']}/u/{token(minting, 'leave', **link)}"


def preference_url(minting: dict[str, Any], **link: Any) -> str:
    """The address of the person's preference page."""
    return f"{minting['public_url']}/p/{token(minting, 'preferences', **link)}"


def token(
    minting: dict[str, Any],
    use: str,
    *,
    controller: str,
    channel: str = "email",
    address_kind: str = "email",
    contact_id: int | None = None,
    address_key: str | None = None,
    scope: str | None = None,
    topic: str | None = None,
    campaign: str | None = None,
) -> str:
    """``payload.signature``. ``use`` is ``leave`` or ``preferences``; ``address_key`` is 32 hexadecimal digits.

    ``scope`` is ``topic`` where a topic is given and ``channel`` otherwise; ``all`` stops everything.
    """
    if contact_id is None and address_key is None:
        raise ValueError("a link needs contact_id, address_key or both")
    scope = scope or ("channel" if topic is None else "topic")
    campaign = campaign if campaign is not None and len(campaign.encode()) <= 120 else None
    flags = (
        (1 if contact_id is not None else 0)
        | (2 if address_key is not None else 0)
        | (8 if topic is not None else 0)
        | (16 if campaign is not None else 0)
    )
    payload = bytes((1, flags, _KINDS.index(address_kind) << 4 | _SCOPES.index(scope), _CHANNELS.index(channel)))
    if contact_id is not None:
        size = (contact_id.bit_length() + 7) // 8
        payload += bytes((size,)) + contact_id.to_bytes(size, "big")
    if address_key is not None:
        payload += bytes.fromhex(address_key)
    for text in (controller, topic, campaign):
        if text is not None:
            data = text.encode()
            payload += bytes((len(data),)) + data
    value = _base64url(payload)
    # The key of the use was derived already: HMAC-SHA256 of the secret and the use's salt.
    key = base64.urlsafe_b64decode(minting["keys"][use])
    return f"{value}.{_base64url(hmac.new(key, value.encode(), hashlib.sha256).digest())}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
