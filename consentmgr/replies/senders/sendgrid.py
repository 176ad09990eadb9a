"""Twilio SendGrid: the Signed Event Webhook (ECDSA over P-256, SHA-256, of the timestamp and the body as it came).

Sources: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
and https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event

======================================== ==================================================================
SendGrid says                            it is
======================================== ==================================================================
bounce (not blocked)                     a permanent bounce, but for those it classes under content, reputation,
                                         volume or a technical failure: they say nothing of the address
bounce (blocked)                         a temporary bounce
spamreport                               a complaint
unsubscribe, group_unsubscribe           unsubscribed; groups are not told apart, so from all e-mail
dropped, deferred and all others         nothing: not sent, or not yet
======================================== ==================================================================
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from consentmgr.kit.errors import BadInput
from consentmgr.replies.senders.sender import (
    Act,
    Asked,
    Connection,
    NotVerified,
    Read,
    Sender,
    Told,
    json_of,
    moment,
    read_each,
    text_of,
)

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
#: SendGrid tries for a day, and does not say whether it signs anew.
_OLDEST: Final = timedelta(hours=25)
_EARLY: Final = timedelta(minutes=10)
_NOT_THE_ADDRESS: Final = frozenset(("Content", "Reputation", "Frequency or Volume Too High", "Technical Failure"))


def _public_key(told: str) -> EllipticCurvePublicKey:
    """The key as the settings page shows it: base64 of its DER form. Raises ``ValueError``."""
    try:
        key = load_der_public_key(base64.b64decode("".join(told.split()), validate=True))
    except UnsupportedAlgorithm:
        key = None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("it is of another kind")


def _read(asked: Asked, connection: Connection) -> Read:
    timestamp = asked.headers.get(TIMESTAMP, "")
    try:
        signature = base64.b64decode(asked.headers.get(SIGNATURE, ""), validate=True)
        key = _public_key(connection.secrets["verification_key"])
        key.verify(signature, timestamp.encode() + asked.body, ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise NotVerified("the signature is another's") from None
    sent = moment(int(timestamp)) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else None
    if sent is None or not connection.now - _OLDEST <= sent <= connection.now + _EARLY:
        raise NotVerified("it was signed at another time")
    return read_each(json_of(asked.body), _told)


def _told(item: Mapping[str, Any]) -> Told:
    return Told(text_of(item, "sg_event_id"), _act(item), text_of(item, "email"), moment(item.get("timestamp")))


def _act(item: Mapping[str, Any]) -> Act:
    match item.get("event"):
        case "bounce":
            temporary = item.get("type") == "blocked" or item.get("bounce_classification") in _NOT_THE_ADDRESS
            return "bounce_temporary" if temporary else "bounce_permanent"
        case "spamreport":
            return "complaint"
        case "unsubscribe" | "group_unsubscribe":
            return "unsubscribe"
        case _:
            return "other"


def _check(secrets: Mapping[str, str], _options: Mapping[str, str]) -> None:
    try:
        _public_key(secrets["verification_key"])
    except ValueError:
        raise BadInput("is no verification key as SendGrid shows it", field="verification_key") from None


SENDER = Sender(
    "sendgrid",
    "Twilio SendGrid",
    _read,
    {"verification_key": "the verification key of the Signed Event Webhook"},
    needs=(frozenset({"verification_key"}),),
    check=_check,
)
