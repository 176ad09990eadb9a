"""Amazon SES, through a topic of Amazon SNS that posts to us.

Every message of SNS is signed with the key of a certificate that it names. The certificate is fetched from
``sns.<region>.amazonaws.com`` and from nowhere else, and kept. A signature only says that *some* topic of SNS sent the
message, which anybody may have; so the connection names its topic and no other is heard.

Sources: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html,
https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html,
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and event-publishing-retrieving-sns-contents.html
in the same guide.

======================================== ==================================================================
SES says                                 it is
======================================== ==================================================================
Bounce, Permanent (General, NoEmail)     a permanent bounce
Bounce, Transient or Undetermined        a temporary bounce
Bounce or Complaint for the account's    nothing: it was not sent, because of an earlier one
suppression list
Complaint (not of type not-spam)         a complaint of every recipient it names: SES names all it may be
Subscription, away from all              unsubscribed
======================================== ==================================================================
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from consentmgr.edge.web_requests import checked_url, client, fetch
from consentmgr.kit.errors import BadInput, NotDelivered, Unavailable
from consentmgr.replies.senders.sender import (
    Act,
    Asked,
    Connection,
    NotVerified,
    Read,
    Sender,
    Told,
    moment,
    read_each,
    text_of,
    unverified_json,
)

_HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE_PATH: Final = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]{3,32}:\d{12}:[A-Za-z0-9_.-]{1,256}")
#: What is signed of each type of message, in this order; ``Subject`` where there is one.
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_HASHES: Final = {"1": SHA1, "2": SHA256}
#: Certificates that are fetched within a minute, however many messages name others.
_MOST_FETCHES: Final = 20
_MOST_KEPT: Final = 50


def is_of_sns(url: str, certificates: str | None) -> bool:
    """Whether an address is one of SNS: https at its own host, or below the one that the connection names instead."""
    if certificates is not None:
        return url.startswith(certificates)
    try:
        parts = urlsplit(url)
        plain = parts.port is None and parts.username is None and parts.password is None
    except ValueError:
        return False
    return parts.scheme == "https" and plain and _HOST.fullmatch(parts.netloc) is not None


class Certificates:
    """Public keys of SNS by the address of their certificate, fetched once."""

    def __init__(self) -> None:
        self._kept: dict[str, RSAPublicKey] = {}
        self._fetched: deque[float] = deque(maxlen=_MOST_FETCHES)
        self._lock = threading.Lock()

    def key(self, url: str, connection: Connection) -> RSAPublicKey:
        """The key. Raises ``NotVerified`` where the address is not SNS's, ``Unavailable`` where it does not answer."""
        named = connection.options.get("certificates")
        if not is_of_sns(url, named) or (named is None and not _CERTIFICATE_PATH.fullmatch(urlsplit(url).path)):
            raise NotVerified("the certificate is said to be elsewhere")
        found = self._kept.get(url)
        if found is None:
            found = self._fetch(url, connection)
            with self._lock:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[url] = found
        return found

    def _fetch(self, url: str, connection: Connection) -> RSAPublicKey:
        with self._lock:
            began = time.monotonic()
            if len(self._fetched) == _MOST_FETCHES and began - self._fetched[0] < 60:
                raise Unavailable("too many certificates were asked for")
            self._fetched.append(began)
        data = _got(url, connection)
        if data is None:
            raise NotVerified("there is no such certificate")
        try:
            certificate = x509.load_pem_x509_certificate(data)
        except ValueError:
            raise NotVerified("it is no certificate") from None
        key = certificate.public_key()
        holds = certificate.not_valid_before_utc <= connection.now <= certificate.not_valid_after_utc
        if not isinstance(key, RSAPublicKey) or not holds:
            raise NotVerified("the certificate is of another kind, or its time is over")
        return key


_certificates: Final = Certificates()


def _got(url: str, connection: Connection) -> bytes | None:
    """What lies at an address of SNS. Raises ``Unavailable``, so that SNS tries again."""
    try:
        with client(connection.named) as http:
            return fetch(http, http.build_request("GET", url))
    except NotDelivered as error:
        raise Unavailable(f"Amazon SNS cannot be asked: {error}") from None


def _read(asked: Asked, connection: Connection) -> Read:
    message = unverified_json(asked.body)
    if not isinstance(message, dict):
        raise NotVerified("it is no message of SNS")
    message = {name: value for name, value in message.items() if isinstance(value, str)}
    if message.get("TopicArn") != connection.options["topic"]:
        raise NotVerified("it is of another topic")
    _verify(message, connection)
    if message["Type"] == "SubscriptionConfirmation":
        if not is_of_sns(message["SubscribeURL"], connection.options.get("certificates")):
            raise NotVerified("the subscription would be confirmed elsewhere")
        return Read(visit=message["SubscribeURL"])
    if message["Type"] != "Notification":
        return Read()
    try:
        event = json.loads(message["Message"])
    except (ValueError, RecursionError):
        # SNS itself says in a sentence that the topic was tried.
        return Read()
    return _events(event) if isinstance(event, dict) else Read(unread=1)


def confirm(url: str, connection: Connection) -> None:
    """Confirm a subscription by visiting the address that SNS gave. Raises ``Unavailable``."""
    if _got(url, connection) is None:
        raise Unavailable("Amazon SNS did not take the confirmation")


def _verify(message: Mapping[str, str], connection: Connection) -> None:
    names = _SIGNED.get(message.get("Type", ""))
    hashed = _HASHES.get(message.get("SignatureVersion", ""))
    if names is None or hashed is None:
        raise NotVerified("it is of no type that SNS signs")
    try:
        signed = "".join(f"{name}\n{message[name]}\n" for name in names if name != "Subject" or name in message)
        signature = base64.b64decode(message["Signature"], validate=True)
        address = message["SigningCertURL"]
    except (KeyError, ValueError):
        raise NotVerified("a part of it is missing") from None
    try:
        _certificates.key(address, connection).verify(signature, signed.encode(), PKCS1v15(), hashed())
    except (InvalidSignature, UnicodeEncodeError):
        raise NotVerified("the signature is another's") from None


# --- what SES says --------------------------------------------------------------------------------------------------


def _events(event: Mapping[str, Any]) -> Read:
    kind = event.get("eventType") or event.get("notificationType")
    if kind == "Bounce":
        return _of_recipients(event, "bounce", "bouncedRecipients", _bounce)
    if kind == "Complaint":
        return _of_recipients(event, "complaint", "complainedRecipients", _complaint)
    if kind == "Subscription":
        return _subscription(event)
    return Read()


def _of_recipients(event: Mapping[str, Any], name: str, recipients: str, act_of: Any) -> Read:
    told = event.get(name)
    if not isinstance(told, dict):
        return Read(unread=1)
    act: Act = act_of(told)
    at = moment(told.get("timestamp"))

    def read(recipient: Mapping[str, Any]) -> Told:
        address = text_of(recipient, "emailAddress")
        return Told(f"{text_of(told, 'feedbackId')}:{address}", act, address, at)

    return read_each(told.get(recipients), read)


def _bounce(told: Mapping[str, Any]) -> Act:
    if told.get("bounceSubType") in ("Suppressed", "OnAccountSuppressionList"):
        return "other"
    return "bounce_permanent" if told.get("bounceType") == "Permanent" else "bounce_temporary"


def _complaint(told: Mapping[str, Any]) -> Act:
    suppressed = told.get("complaintSubType") == "OnAccountSuppressionList"
    return "other" if suppressed or told.get("complaintFeedbackType") == "not-spam" else "complaint"


def _subscription(event: Mapping[str, Any]) -> Read:
    told, mail = event.get("subscription"), event.get("mail")
    if not isinstance(told, dict) or not isinstance(mail, dict):
        return Read(unread=1)
    wanted = told.get("newTopicPreferences")
    left = isinstance(wanted, dict) and wanted.get("unsubscribeAll") is True
    at = told.get("timestamp")

    def read(recipient: Mapping[str, Any]) -> Told:
        address = text_of(recipient, "address")
        act: Act = "unsubscribe" if left else "other"
        return Told(f"{text_of(mail, 'messageId')}:{at}:{address}", act, address, moment(at))

    destination = mail.get("destination")
    if not isinstance(destination, list):
        return Read(unread=1)
    return read_each([{"address": address} for address in destination], read)


def _check(_secrets: Mapping[str, str], options: Mapping[str, str]) -> None:
    if not _TOPIC.fullmatch(options["topic"]):
        raise BadInput("is the ARN of a topic, such as arn:aws:sns:eu-north-1:123456789012:bounces", field="topic")
    if "certificates" in options:
        checked_url(options["certificates"], field="certificates")
        if not options["certificates"].endswith("/"):
            raise BadInput("ends with a slash", field="certificates")


SENDER = Sender(
    "ses",
    "Amazon SES",
    _read,
    {},
    {
        "topic": "the ARN of the SNS topic that bounces, complaints and subscriptions go to",
        "certificates": "where a cloud of one's own keeps the certificates of its SNS; never for Amazon's",
    },
    (frozenset({"topic"}),),
    _check,
)
