"""The certificate of a screening: a signed statement of what was screened, how, and for how long it is good.

The file is one JSON object: the claims, for people and programmes to read, and ``certificate``, the same claims as a
compact JWS signed with Ed25519. Checking it needs the public key and nothing else. The key is never taken from the
certificate, which only names it. One changed byte anywhere makes the check fail: in the claims, because they no
longer equal the signed ones; in their layout, because it is fixed; in a file, because its hash is a claim.
See docs/decisions/0006-certificate.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from consentmgr import __version__
from consentmgr.kit.errors import BadInput, CheckFailed, Unavailable
from consentmgr.kit.signing import SigningKey, public_jwk, sign_jws, verify_jws
from consentmgr.screening.reports import OutputFile, ReportData, campaign_document
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.reason_codes import explanation

#: Says what the signed object is, so that nothing else signed with the same key can stand for a certificate.
SCHEMA: Final = "consentmgr.screening_certificate/1"
#: A certificate is a few kilobytes; a larger file is something else.
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed statement. ``token`` is the compact JWS of ``claims``; ``document`` the file's bytes."""

    claims: Mapping[str, Any]
    token: str
    document: bytes


def claims_of(report: ReportData) -> dict[str, Any]:
    """What a certificate says, from a report that names its files; plain values in reading order, no personal data."""
    files = {file.role: file for file in report.files}
    campaign = campaign_document(report.campaign)
    claims: dict[str, Any] = {
        "schema": SCHEMA,
        "id": str(report.certificate_id),
        "product": {"name": "consentmgr", "version": __version__},
        "issued_at": report.screened_at.isoformat(),
        "valid_until": report.valid_until.isoformat(),
        "controller": _without_nulls(
            {
                "key": report.controller.key,
                "name": report.controller.name,
                "business_id": report.controller.business_id,
            }
        ),
        "campaign": {"document": campaign, "sha256": canonical_sha256(campaign)},
        "input": {"name": report.list.name, "sha256": report.list.sha256, "rows": report.list.rows},
        "output": _file_claim(files.get("result")),
        "allowed": _file_claim(files.get("allowed")),
        "reports": [_file_claim(files[role]) for role in ("report", "report_json") if role in files],
        "counts": {
            "rows": report.rows,
            "verdicts": dict(report.verdicts),
            "reasons": {
                reason.code: {"headline": reason.first, "fired": reason.fired, "block": reason.block}
                for reason in report.reasons
            },
            "grounds": _ground_counts(report),
            "legal_bases": dict(report.legal_bases),
            "repeated": report.repeated,
        },
        "rule_pack": report.rule_pack,
        "policy": {setting.name: setting.value for setting in report.policy},
        "policy_looser_than_default": list(report.looser),
        "register_position": report.register_position,
        "ledger_head": report.ledger_head,
        "engine": report.engine,
        "relies_on": [
            {"schedule": one.schedule, "partner": one.name, "most_lag_hours": one.most_lag_hours}
            for one in report.partners
        ]
        or None,
    }
    return _without_nulls(claims)


def sign_certificate(report: ReportData, key: SigningKey) -> Certificate:
    """Sign what ``report`` says. Equal reports and keys give equal bytes."""
    claims = claims_of(report)
    claims["signing_key"] = str(public_jwk(key)["kid"])
    token = sign_jws(claims, key)
    return Certificate(claims, token, _document(claims, token))


def canonical_sha256(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a JSON object written with sorted names, without spaces, in UTF-8."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_claim(file: OutputFile | None) -> dict[str, Any] | None:
    if file is None:
        return None
    return _without_nulls({"name": file.name, "sha256": file.sha256, "rows": file.rows, "bytes": file.bytes})


def _ground_counts(report: ReportData) -> dict[str, int]:
    counts: dict[str, int] = {}
    for ground in report.grounds:
        counts[ground.code] = counts.get(ground.code, 0) + ground.rows
    return counts


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _document(claims: Mapping[str, Any], token: str) -> bytes:
    return (json.dumps({**claims, "certificate": token}, ensure_ascii=False, indent=2) + "\n").encode()


# ------------------------------------------------------------------------------------------------------- checking

Status = Literal["unchanged", "changed", "not found"]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file the certificate names, and whether it is still what was certified."""

    role: str
    name: str
    status: Status


@dataclass(frozen=True, slots=True)
class Verification:
    """A certificate whose signature holds, and what was found of its files and its time."""

    claims: Mapping[str, Any]
    files: tuple[FileCheck, ...]
    valid_until: datetime
    expired: bool
    #: What the register says against it, where it was asked: one sentence each.
    since_then: tuple[str, ...] = ()

    def faults(self, language: Language = "en") -> list[str]:
        """One sentence for each thing that is wrong; empty where the screening is good for sending."""
        faults = [
            f"{check.name} is not the file that was certified: it was changed after the screening, or is another"
            for check in self.files
            if check.status == "changed"
        ]
        if self.expired:
            faults.append(f"SCREENING_EXPIRED: {explanation('SCREENING_EXPIRED', language)}")
        faults += [
            f"SCREENING_EXPIRED: {explanation('SCREENING_EXPIRED', language)} {told}" for told in self.since_then
        ]
        return faults


def read_public_key(path: Path) -> dict[str, Any]:
    """The public key of a file, as a JWK. Raises ``Unavailable`` where there is none, ``BadInput`` where it is none."""
    try:
        key = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Unavailable(f"{path} is not there: name the public key with --public-key FILE") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise BadInput("this is not a public key in JWK form", file=path) from None
    if not isinstance(key, dict) or key.get("kty") != "OKP" or not isinstance(key.get("x"), str):
        raise BadInput("this is not an Ed25519 public key in JWK form", file=path)
    return {name: key[name] for name in ("kty", "crv", "x") if name in key}


def verify_certificate(
    document: bytes,
    public_key: Mapping[str, Any],
    *,
    folder: Path,
    now: datetime,
    given: Mapping[str, Path] | None = None,
) -> Verification:
    """Check a certificate's bytes against ``public_key``, and the files it names.

    Files are looked for in ``folder`` by the names in the certificate; ``given`` names some of them (role ``input``,
    ``output`` or ``allowed`` -> path). Raises ``CheckFailed`` where the certificate itself was changed or made with
    another key, ``BadInput`` where a given file cannot be read.
    """
    claims = read_certificate(document, public_key)
    checks = [_check_file(role, claim, folder, (given or {}).get(role)) for role, claim in _named_files(claims)]
    try:
        until = datetime.fromisoformat(str(claims["valid_until"]))
        expired = now > until
    except (KeyError, ValueError, TypeError) as error:
        raise CheckFailed("The certificate does not say how long it is valid.") from error
    return Verification(claims, tuple(checks), until, expired)


def read_certificate(document: bytes, public_key: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a certificate whose signature holds. Raises ``CheckFailed`` where one byte of it was changed."""
    shown = _parsed(document)
    token = shown.pop("certificate", None)
    if not isinstance(token, str):
        raise CheckFailed("This is not a screening certificate, or it was changed.")
    _refuse_other_spelling(token)
    claims = verify_jws(token, public_key)
    if claims.get("schema") != SCHEMA:
        raise CheckFailed("What was signed is not a screening certificate of a form this version knows.")
    if shown != claims:
        raise CheckFailed("The certificate's readable part says something else than what was signed.")
    if _document(shown, token) != document:
        raise CheckFailed("The certificate was changed after it was made, though not in what it says.")
    return claims


def _parsed(document: bytes) -> dict[str, Any]:
    """The file as a JSON object; empty where it is none."""
    try:
        shown = json.loads(document) if len(document) <= _LARGEST else None
    except (ValueError, RecursionError):
        return {}
    return shown if isinstance(shown, dict) else {}


def _refuse_other_spelling(token: str) -> None:
    """Base64 leaves some bits of a last character free; only the one spelling the signer used is taken."""
    for part in token.split("."):
        try:
            raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CheckFailed("The signature does not hold: the text or the signature was changed.") from None
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
            raise CheckFailed("The signature does not hold: the text or the signature was changed.")


def _named_files(claims: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    named = [(role, claims[role]) for role in ("input", "output", "allowed") if claims.get(role)]
    return named + [("report", claim) for claim in claims.get("reports", ())]


def _check_file(role: str, claim: Mapping[str, Any], folder: Path, given: Path | None) -> FileCheck:
    # Only the last part of a name is used, so that a certificate cannot point elsewhere.
    name = str(claim["name"])
    path = given or folder / Path(name).name
    if given is None and (name in ("", "-") or not path.is_file()):
        return FileCheck(role, name, "not found")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"the file cannot be read ({error.strerror})", file=path) from None
    return FileCheck(role, path.name, "unchanged" if digest == claim["sha256"] else "changed")
