"""What doors of the desk's own pages ask of a request: settings, the client's limits, the kind of browser."""

from __future__ import annotations

import re
from typing import Final

from flask import request

from consentmgr.edge import application
from consentmgr.edge.clients import client_address
from consentmgr.edge.limits import client_digest, hold
from consentmgr.kit import clock

_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("Vivaldi", "Vivaldi"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_LONGEST_FIELD: Final = 1_000


def hold_client(door: str) -> None:
    """Count this request of the client at a door of ``edge.limits``. Raises ``TooOften``."""
    now = clock.now()
    hold(application.database(), door, client_digest(client_address(request), application.keys(), now), now)


def hold_account(door: str, account: str) -> None:
    """Count it for the account as well, known or not, so that many clients together try no oftener."""
    now = clock.now()
    hold(
        application.database(),
        door,
        client_digest(f"account {account.strip().lower()[:300]}", application.keys(), now),
        now,
    )


def field(name: str) -> str:
    """A field of the form, cut where nothing anybody types would go on."""
    return request.form.get(name, "")[:_LONGEST_FIELD]


def browser() -> str:
    """The kind of browser, such as ``Firefox, Linux``: two words of a known list, so that nothing else is stored."""
    said = request.headers.get("User-Agent", "")[:500]
    kind = next((name for mark, name in _BROWSERS if re.search(rf"\b{mark}", said)), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return ", ".join(part for part in (kind, system) if part)
