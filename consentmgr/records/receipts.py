"""The consent receipt of the Kantara Initiative, version 1.1.0, made from a consent record; and signatures of both. Pure.

A receipt tells of one consent that was given, in the fields of the specification
(https://kantarainitiative.org/file-downloads/consent-receipt-specification-v1-1-0/, section 4). Fields the register
knows nothing for are absent; docs/records.md names them.

A signed file is one JSON object: what it says, and ``cm:signature``, the same as a compact JWS (Ed25519). JSON-LD
processors and readers of receipts pass the member over; whoever has the public key checks it offline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from consentmgr.kit.errors import CheckFailed, NotFound
from consentmgr.kit.signing import SigningKey, public_jwk, sign_jws, verify_jws
from consentmgr.records.consent_record import CONFORMS_TO, ConsentRecord, Holdings, mail_address
from consentmgr.register.models import Controller

VERSION: Final = "KI-CR-v1.1.0"
SIGNATURE: Final = "cm:signature"
#: A record is some kilobytes; a larger file is something else.
_LARGEST: Final = 4_000_000
#: Of the specification's appendix of purpose categories.
_CATEGORIES: Final[Mapping[str, str]] = {
    "direct_marketing": "6 - Marketing",
    "newsletter": "6 - Marketing",
    "service_message": "2 - Contracted Service",
    "research": "4 - Contact Requested",
    "public_information": "4 - Contact Requested",
}
#: Of the specification's appendix of categories of personal data: the address that is written to or called.
_CONTACT: Final = "2 - Contact"


def receipt_id(record_id: UUID) -> UUID:
    """The id of a record's receipt: always the same, and never the record's."""
    return uuid5(record_id, VERSION)


def receipt_of(record: ConsentRecord, held: Holdings, key: SigningKey) -> dict[str, Any]:
    """The receipt of a record's newest consent. Raises ``NotFound`` where none was ever given."""
    given = record.given
    if given is None:
        raise NotFound("no consent was given in this record, so there is no receipt of it")
    controller = held.controllers.get(record.controller)
    notice = held.notices.get(given.notice or "")
    at = given.at or given.recorded_at
    receipt: dict[str, Any] = {
        "version": VERSION,
        "jurisdiction": "FI",
        "consentTimestamp": int(at.astimezone(UTC).timestamp()),
        "collectionMethod": given.method,
        "consentReceiptID": str(receipt_id(record.id)),
        "publicKey": json.dumps(public_jwk(key), sort_keys=True, separators=(",", ":")),
        "language": notice.language if notice is not None else None,
        "piiPrincipalId": str(held.principal),
        "piiControllers": [_controller(record.controller, controller)],
        "policyUrl": controller.branding.get("privacy_url") if controller is not None else None,
        "services": [
            {
                "service": controller.name if controller is not None else record.controller,
                "purposes": [_purpose(code, record, place) for place, code in enumerate(given.purposes)],
            }
        ],
        # What is agreed to here are ways and matters of contact; no consent of this register is to special categories.
        "sensitive": False,
        "spiCat": [],
    }
    return {name: value for name, value in receipt.items() if value is not None}


def _controller(key: str, controller: Controller | None) -> dict[str, Any]:
    contact = controller.contact if controller is not None else None
    told = {
        "piiController": controller.name if controller is not None else key,
        "onBehalf": False,
        "contact": contact,
        "email": mail_address(contact),
    }
    return {name: value for name, value in told.items() if value is not None}


def _purpose(code: str, record: ConsentRecord, place: int) -> dict[str, Any]:
    processing = record.processing
    told: dict[str, Any] = {
        "purpose": code,
        "purposeCategory": [_CATEGORIES.get(code, "4 - Contact Requested")],
        "consentType": "EXPLICIT",
        "piiCategory": [_CONTACT],
        "primaryPurpose": place == 0,
        "termination": "withdrawal of consent",
    }
    if processing is not None:
        told["thirdPartyDisclosure"] = bool(processing.recipients)
        if processing.recipients:
            told["thirdPartyName"] = ", ".join(processing.recipients)
    return told


# --- signatures -------------------------------------------------------------------------------------------------------


def signed_document(said: Mapping[str, Any], key: SigningKey) -> dict[str, Any]:
    """A record or receipt with its signature. Equal words and keys give equal ones."""
    return {**said, SIGNATURE: sign_jws(said, key)}


def written(document: Mapping[str, Any]) -> bytes:
    """A file of it."""
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Verified:
    """A file whose signature holds: what it is, and what it says."""

    kind: Literal["record", "receipt"]
    said: Mapping[str, Any]


def verified(document: bytes, public_key: Mapping[str, Any]) -> list[Verified]:
    """Check a file against the public key (a JWK): what each of its records and receipts says.

    The file is one of them, or all of a person's (``{"records", "receipts"}``). Raises ``CheckFailed`` where one was
    changed, was signed with another key, or is no such file.
    """
    try:
        shown = json.loads(document) if len(document) <= _LARGEST else None
    except (ValueError, RecursionError):
        shown = None
    if not isinstance(shown, dict):
        raise CheckFailed(_NEITHER)
    if shown.keys() == {"records", "receipts"} and all(isinstance(part, list) for part in shown.values()):
        return [_verified(one, public_key) for part in shown.values() for one in part]
    return [_verified(shown, public_key)]


_NEITHER: Final = "This is not a signed consent record or receipt, or it was changed."


def _verified(document: object, public_key: Mapping[str, Any]) -> Verified:
    shown = dict(document) if isinstance(document, dict) else {}
    token = shown.pop(SIGNATURE, None)
    if not isinstance(token, str):
        raise CheckFailed(_NEITHER)
    said = verify_jws(token, public_key)
    if said != shown:
        raise CheckFailed("The readable part says something else than what was signed.")
    if said.get("dct:conformsTo") == CONFORMS_TO:
        return Verified("record", said)
    if said.get("version") == VERSION:
        return Verified("receipt", said)
    raise CheckFailed("What was signed is neither a consent record nor a receipt of a form this version knows.")
