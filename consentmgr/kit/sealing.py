"""Secrets of connections to others as they are stored: encrypted, written once and never shown again.

The key is made of the address key, which a register cannot do without and which is never rotated, so that no secret
is lost by a change of another key. Source: Fernet (AES-128-CBC with HMAC-SHA256), python-cryptography.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import blake2b

from cryptography.fernet import Fernet, InvalidToken

from consentmgr.kit.errors import UnsafeSetting


def _fernet(address_key: bytes) -> Fernet:
    key = blake2b(digest_size=32, key=address_key[:64], person=b"export-secrets").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def sealed(secrets: Mapping[str, str], address_key: bytes) -> bytes | None:
    """The secrets as bytes for the database; None where there are none."""
    return _fernet(address_key).encrypt(json.dumps(dict(secrets)).encode()) if secrets else None


def unsealed(data: bytes | None, address_key: bytes) -> dict[str, str]:
    """What ``sealed`` was given. Raises ``UnsafeSetting`` where the address key is another."""
    if data is None:
        return {}
    try:
        found: dict[str, str] = json.loads(_fernet(address_key).decrypt(bytes(data)))
    except InvalidToken:
        raise UnsafeSetting("the secrets were stored with another address key; give them again") from None
    return found
