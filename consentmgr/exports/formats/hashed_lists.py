"""Hashes of addresses, one a line: MD5, SHA-1 and SHA-256 in lower-case hex, and digests keyed for one partner.

Unkeyed hashes of addresses are personal data still: anyone who knows an address can look it up (law.md section 6);
they are for readers that take nothing else. A keyed digest is HMAC-SHA256 (RFC 2104) with the key agreed with the
partner, over the same text. The text is the canonical address: trimmed, lower case; a number in E.164 with its plus.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import ADD, REMOVE, About, Files, Format, OpenFile, lines, of_action, with_value

Hash = Callable[[bytes], str]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(hashed: Hash, portions: Iterable[pa.Table], open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file)
    files.of("")
    for portion in portions:
        for action, suffix in ((ADD, ""), (REMOVE, ".remove")):
            rows = with_value(of_action(portion, action))
            if rows.num_rows:
                values = rows["value"].to_pylist()
                files.write(suffix, lines([hashed(value.encode()) for value in values]), rows.num_rows)
    return files.rows


def _unkeyed(hashed: Hash) -> Callable[[Iterable[pa.Table], About, OpenFile], dict[str, int]]:
    return lambda portions, _about, open_file: _write(hashed, portions, open_file)


def keyed_digest(secret: bytes, address: str) -> str:
    """HMAC-SHA256 of a canonical address, in hex."""
    return hmac.digest(secret, address.encode(), "sha256").hex()


def _keyed(portions: Iterable[pa.Table], about: About, open_file: OpenFile) -> dict[str, int]:
    if about.secret is None:
        raise ValueError("keyed digests need the partner's key")
    files = Files(open_file)
    files.of("")
    for portion in portions:
        for action, suffix in ((ADD, ""), (REMOVE, ".remove")):
            rows = of_action(portion, action)
            pairs = zip(rows["value"].to_pylist(), rows["partner_digest"].to_pylist(), strict=True)
            # An erased person has no address here any more, only what this partner was told before.
            digests = [digest or (keyed_digest(about.secret, value) if value else None) for value, digest in pairs]
            told = [digest for digest in digests if digest is not None]
            if told:
                files.write(suffix, lines(told), len(told))
    return files.rows


MD5 = Format("md5", ".txt", ("email",), _unkeyed(_md5), "MD5 of each address, one a line")
SHA1 = Format("sha1", ".txt", ("email",), _unkeyed(_sha1), "SHA-1 of each address, one a line")
SHA256 = Format("sha256", ".txt", ("email", "phone"), _unkeyed(sha256), "SHA-256 of each address, one a line")
KEYED = Format(
    "keyed", ".txt", ("email", "phone"), _keyed, "HMAC-SHA256 with the partner's own key, one a line", needs_secret=True
)
