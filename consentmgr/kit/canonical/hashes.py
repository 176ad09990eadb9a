"""SHA-256 digests of addresses, as lists bring them in place of the addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def canonical_sha256(text: str) -> str | None:
    """Sixty-four lower-case hexadecimal digits, or ``None``."""
    digest = text.strip().lower() if len(text) <= 200 else ""
    return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None


def canonical_sha256_column(values: pa.Array) -> pa.Array:
    """``canonical_sha256`` of an array of large_string; null where a cell is not one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folded = pc.ascii_lower(pc.utf8_trim_whitespace(values))
    matches = pc.match_substring_regex(folded, r"^[0-9a-f]{64}$")
    return pc.if_else(matches, folded, pa.scalar(None, pa.large_string()))
