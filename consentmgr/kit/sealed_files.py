"""Private files as they lie on the disk: encrypted under a key made of the address key, bound to what they hold.

AES-256-GCM (NIST SP 800-38D) of the whole file: a mark, 12 random bytes, the cipher text with its tag. The SHA-256 of
the content, which the register keeps, is the associated data, so that no file can be put in another's place. The key is
made of the address key, which a register cannot do without and which is never rotated. Files fit in memory.
"""

from __future__ import annotations

import os
from hashlib import blake2b, sha256
from typing import Final

from consentmgr.kit.errors import CheckFailed

_MARK: Final = b"consentmgr sealed 1\n"
_NONCE: Final = 12


def _key(address_key: bytes) -> bytes:
    return blake2b(digest_size=32, key=address_key[:64], person=b"attachments").digest()


def seal(content: bytes, address_key: bytes) -> bytes:
    """The content as it is stored."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    told = sha256(content).hexdigest().encode()
    return _MARK + nonce + AESGCM(_key(address_key)).encrypt(nonce, content, told)


def is_sealed(stored: bytes) -> bool:
    """Whether these bytes look like what ``seal`` made."""
    return stored.startswith(_MARK)


def unseal(stored: bytes, digest: str, address_key: bytes) -> bytes:
    """The content whose SHA-256 (hex) is ``digest``; of a file that was stored before files were sealed, itself.

    Raises ``CheckFailed`` where the bytes were changed, are another file's, or were sealed with another key.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if sha256(stored).hexdigest() == digest:
        return stored
    if is_sealed(stored):
        nonce, rest = stored[len(_MARK) : len(_MARK) + _NONCE], stored[len(_MARK) + _NONCE :]
        try:
            return AESGCM(_key(address_key)).decrypt(nonce, rest, digest.encode())
        except (InvalidTag, ValueError):
            pass
    raise CheckFailed("the file is not the one that was stored: it was changed, or sealed with another address key")
