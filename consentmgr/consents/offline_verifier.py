"""Verify an exported consent ledger with nothing but Python: ``python offline_verifier.py FILE [PUBLIC_KEY.json]``.

The file is JSON Lines. The first line holds ``heads`` (chain, seq, hash of each of the sixteen chains), their combined
``ledger_head`` and ``signature``, a JWS of all that. Every other line is one entry, with its ``hash``:

    hash = SHA-256(hash of the entry before it in its chain, or 32 zero bytes || the entry without "hash", as JSON with
           sorted names, no spaces, UTF-8)
Exit code 0: whole; 1: broken, the first broken entry of each chain named; 2: not a ledger file.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FORMAT = "consentmgr-ledger-1"
CHAINS = 16


def verify_lines(lines: Iterable[bytes], public_key: dict[str, Any] | None) -> tuple[list[str], list[str]]:
    """What was found out, and what is broken, each as sentences. Raises ``ValueError`` where it is no ledger file."""
    numbered = enumerate(lines, start=1)
    header = json.loads(next(numbered, (1, b"null"))[1])
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"line 1: not a ledger of the format {FORMAT}")
    heads = {head["chain"]: (head["seq"], head["hash"]) for head in header["heads"]}
    if sorted(heads) != list(range(CHAINS)):
        raise ValueError("line 1: not the heads of sixteen chains")
    at = dict.fromkeys(range(CHAINS), (0, bytes(32)))
    broken: dict[int, str] = {}
    entries = 0
    for number, line in numbered:
        try:
            entry = json.loads(line)
            chain, claimed = entry["chain"], bytes.fromhex(entry.pop("hash"))
            fault = entry_fault(entry, *at[chain], claimed)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"line {number}: not a ledger entry") from None
        if fault is not None:
            broken.setdefault(chain, f"chain {chain}, line {number}: entry {entry['seq']} {fault}")
        at[chain] = entry["seq"], claimed
        entries += 1
    for chain, (seq, reached) in at.items():
        if (seq, reached.hex()) != heads[chain]:
            broken.setdefault(chain, f"chain {chain}: ends with entry {seq}, its head is of entry {heads[chain][0]}")
    faults = [broken[chain] for chain in sorted(broken)]
    together = bytes.fromhex("".join(heads[chain][1] for chain in range(CHAINS)))
    if hashlib.sha256(together).hexdigest() != header["ledger_head"]:
        faults.append("line 1: ledger_head does not belong to the heads")
    told = [f"{entries} entries in {CHAINS} chains, ledger head {header['ledger_head']}"]
    if public_key is None:
        told.append("The signature was NOT checked: no public key was given.")
    elif signed_statement(header["signature"], public_key) != {k: v for k, v in header.items() if k != "signature"}:
        faults.append("line 1: the signature does not hold")
    else:
        told.append(f"The heads were signed by key {public_key.get('kid', '(unnamed)')}, {header['exported_at']}.")
    return told, faults


def entry_fault(entry: dict[str, Any], last: int, previous: bytes, claimed: bytes) -> str | None:
    owner = int(entry["digest"], 16) if entry["contact_id"] is None else entry["contact_id"]
    if entry["seq"] != last + 1:
        return f"follows entry {last}"
    if owner % CHAINS != entry["chain"]:
        return "belongs to another chain"
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return None if hashlib.sha256(previous + canonical.encode()).digest() == claimed else "was changed"


def signed_statement(token: str, public_key: dict[str, Any]) -> object:
    """What a compact JWS says, or None where the Ed25519 signature (RFC 8032, RFC 8037) does not hold."""
    try:
        head, body, signature = token.split(".")
        key = decode64(public_key["x"])
        if json.loads(decode64(head)).get("alg") not in ("Ed25519", "EdDSA"):
            return None
        holds = ed25519_holds(key, f"{head}.{body}".encode(), decode64(signature))
        return json.loads(decode64(body)) if holds else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def decode64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# Ed25519 (RFC 8032 section 6): points in extended homogeneous coordinates (X, Y, Z, T), x = X/Z, y = Y/Z, xy = T/Z.
Point = tuple[int, int, int, int]
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def decode_point(data: bytes) -> Point:
    sign, y = divmod(int.from_bytes(data, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(data) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decode_point(bytes.fromhex("58" + "66" * 31))


def ed25519_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    a, r, s = decode_point(key), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = multiply(s, BASE), add(r, multiply(k, a))
    same = [(left[axis] * right[2] - right[axis] * left[2]) % P == 0 for axis in (0, 1)]
    return len(signature) == 64 and s < Q and all(same)


def main(arguments: list[str]) -> int:
    try:
        key = json.loads(Path(arguments[1]).read_bytes()) if arguments[1:] else None
        with Path(arguments[0]).open("rb") as file:
            told, faults = verify_lines(file, key)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{arguments[0]} cannot be verified: {error}", file=sys.stderr)  # noqa: T201
        return 2
    end = "The ledger is broken." if faults else "The ledger is whole."
    print("\n".join([*told, *(f"BROKEN: {fault}" for fault in faults), end]))  # noqa: T201 - this is a program
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
