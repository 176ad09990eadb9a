"""Where the ledger stands: the last entry of each of its chains, and one value for them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from consentmgr.db import driver_connection
from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from consentmgr.db import Asking

#: Number of hash chains; part of every entry id, therefore never changed.
CHAINS: Final = 16


class Head(NamedTuple):
    """The last entry of a chain; ``seq`` 0 and a zero hash where it has none."""

    chain: int
    seq: int
    hash: bytes


def heads(asking: Asking) -> list[Head]:
    """The sixteen heads, in order of chain."""
    with driver_connection(asking).cursor() as cursor:
        cursor.execute("SELECT chain, seq, hash FROM ledger_head ORDER BY chain")
        found = [Head(*row) for row in cursor]
    if [head.chain for head in found] != list(range(CHAINS)):
        raise Unavailable("the ledger has not its sixteen chains; run consentmgr init")
    return found


def ledger_head(asking: Asking) -> str:
    """One value for the whole ledger: SHA-256, in hex, over the sixteen heads' hashes in order of chain."""
    return combined_head(head.hash for head in heads(asking))


def combined_head(hashes: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashes)).hexdigest()
