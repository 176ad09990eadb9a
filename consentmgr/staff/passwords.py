"""Passwords: kept as Argon2id hashes, checked in the same time whether or not there is one to check.

The parameters are OWASP's (Password Storage Cheat Sheet: 19 MiB, two passes, one lane). Rules follow NIST SP 800-63B
section 5.1.1.2: length, a list of what everybody uses, nothing about signs, no changing by the calendar.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

from consentmgr.kit.errors import BadInput

SHORTEST: Final = 12
LONGEST: Final = 200

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
#: What long passwords mostly are where people choose badly.
_USUAL: Final = (
    "password", "passwort", "salasana", "losenord", "lösenord", "qwerty", "asdf", "123456", "abcdef", "letmein",
    "welcome", "tervetuloa", "valkommen", "administrator", "consentmgr", "iloveyou", "correcthorsebatterystaple",
)  # fmt: skip


def hashed(password: str) -> str:
    """The Argon2id hash of a password."""
    return _HASHER.hash(_normal(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password of this hash; where there is no hash, no, after the same work."""
    if len(password) > LONGEST:
        # Work grows with the length; what is longer than any password is cut, and matches none.
        password, kept = password[:LONGEST], None
    try:
        _HASHER.verify(kept or _nobodys(), _normal(password))
    except (Argon2Error, InvalidHashError):
        return False
    return kept is not None


def needs_new_hash(kept: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def check(password: str, *, personal: tuple[str, ...] = ()) -> None:
    """Refuse a password that is easily guessed. ``personal`` are words of the account: its address, its name.

    Raises ``BadInput`` with ``field`` ``password``; its message is a code (``short``, ``long``, ``usual``,
    ``personal``) that pages have words for.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST:
        raise BadInput("short", field="password")
    if len(plain) > LONGEST:
        raise BadInput("long", field="password")
    small = "".join(plain.lower().split())
    rest = small
    for usual in _USUAL:
        rest = rest.replace(usual, "")
    if len(set(small)) < 5 or len(rest.strip("0123456789!?.-_")) < 5:
        raise BadInput("usual", field="password")
    words = {word for text in personal for word in (text.lower(), text.lower().partition("@")[0]) if len(word) >= 4}
    for word in words:
        if len(small.replace("".join(word.split()), "")) < 8 and "".join(word.split()) in small:
            raise BadInput("personal", field="password")


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """The hash of something nobody typed, with the same parameters: what an unknown account is checked against."""
    return _HASHER.hash("no account has this password, since it is longer than the longest that is taken" * 3)


def _normal(password: str) -> str:
    """One spelling for what looks the same, however the keyboard composes it."""
    return unicodedata.normalize("NFKC", password)
