"""The manifest of a run: what was written, from which position of the register, signed; always the last file.

One JSON object: the claims, and ``manifest``, the same as a compact JWS signed with the installation's Ed25519 key. A
consumer that has read a manifest and found its files by their hashes has the whole of a sequence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from consentmgr import __version__
from consentmgr.exports.models import ExportRun, ExportSchedule
from consentmgr.kit.errors import CheckFailed
from consentmgr.kit.signing import SigningKey, public_jwk, sign_jws, verify_jws

SCHEMA: Final = "consentmgr.export_manifest/1"
#: The order of names in a manifest and in the objects inside it.
_READING_ORDER: Final = (
    "schema", "product", "name", "version", "schedule", "partner", "sequence", "mode", "slot", "started_at", "controller",
    "content", "channel", "purpose", "topic", "format", "base_sequence", "fence", "register_position", "ledger_head",
    "files", "sha256", "bytes", "rows", "acknowledge", "url", "file", "signing_key", "consent", "ad_user_data",
    "ad_personalization", "manifest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file of a run: ``rows`` is what its format counts."""

    name: str
    path: Path
    rows: int
    bytes: int
    sha256: str


def written_file(path: Path, rows: int) -> WrittenFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WrittenFile(path.name, path, rows, path.stat().st_size, digest)


def signed_manifest(
    schedule: ExportSchedule,
    run: ExportRun,
    files: Sequence[WrittenFile],
    key: SigningKey,
    *,
    acknowledge: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    """The JWS and the bytes of the manifest's file. No personal data. ``acknowledge`` says how that is done."""
    claims: dict[str, Any] = {
        "schema": SCHEMA,
        "product": {"name": "consentmgr", "version": __version__},
        "schedule": schedule.key,
        "partner": schedule.partner,
        "sequence": run.sequence,
        "mode": run.mode,
        "slot": run.slot.isoformat() if run.slot else None,
        "started_at": run.started_at.isoformat(),
        "controller": schedule.controller,
        "content": schedule.content,
        "channel": schedule.channel,
        "purpose": schedule.purpose,
        "topic": schedule.topic,
        "format": schedule.format,
        "base_sequence": run.base_sequence,
        "fence": run.fence,
        "register_position": run.register_position,
        "ledger_head": run.ledger_head,
        "files": [{"name": file.name, "sha256": file.sha256, "bytes": file.bytes, "rows": file.rows} for file in files],
        "acknowledge": dict(acknowledge) if acknowledge else None,
        "signing_key": str(public_jwk(key)["kid"]),
    }
    if schedule.format == "google":
        # One answer a whole job: everybody in it consented (law.md section 6, audience files).
        claims["consent"] = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}
    claims = {name: value for name, value in claims.items() if value is not None}
    token = sign_jws(claims, key)
    return token, document_of(claims, token)


def document_of(claims: Mapping[str, Any], token: str) -> bytes:
    """The bytes of the manifest's file. A JWS has its names sorted; the file has them in reading order."""
    told = _in_order({**claims, "manifest": token})
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, dict):
        return value
    places = {name: place for place, name in enumerate(_READING_ORDER)}
    return {name: _in_order(value[name]) for name in sorted(value, key=lambda name: places.get(name, len(places)))}


def read_manifest(document: bytes, public_key: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a manifest whose signature holds. Raises ``CheckFailed``."""
    try:
        shown = json.loads(document)
    except ValueError:
        shown = None
    token = shown.pop("manifest", None) if isinstance(shown, dict) else None
    if not isinstance(token, str):
        raise CheckFailed("This is not an export manifest.")
    claims = verify_jws(token, public_key)
    if claims.get("schema") != SCHEMA or claims != shown:
        raise CheckFailed("The manifest was changed after it was signed.")
    return claims
