"""Postmark (ActiveCampaign): signs nothing; the address it is given carries a user and a password (RFC 7617).

Sources: https://postmarkapp.com/developer/webhooks/webhooks-overview (protecting webhooks: HTTP authentication),
https://postmarkapp.com/developer/webhooks/bounce-webhook, spam-complaint-webhook and subscription-change-webhook beside it,
and https://postmarkapp.com/developer/api/bounce-api (types of bounces).

======================================== ==================================================================
Postmark says                            it is
======================================== ==================================================================
Bounce: HardBounce, BadEmailAddress      a permanent bounce
Bounce: SoftBounce, Transient, DnsError, a temporary bounce
SpamNotification, Blocked, DMARCPolicy
SpamComplaint                            a complaint
SubscriptionChange by the recipient,     unsubscribed; after a complaint, that complaint
Bounce: Unsubscribe
all others                               nothing
======================================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from consentmgr.replies.senders.sender import (
    BASIC,
    Act,
    Asked,
    Connection,
    Read,
    Sender,
    Told,
    check_credentials,
    json_of,
    moment,
    new_credentials,
    read_each,
    require_authorization,
    text_of,
)

_BOUNCES: Final[Mapping[str, Act]] = {
    "HardBounce": "bounce_permanent",
    "BadEmailAddress": "bounce_permanent",
    **dict.fromkeys(
        ("SoftBounce", "Transient", "DnsError", "SpamNotification", "Blocked", "DMARCPolicy"), "bounce_temporary"
    ),
    "SpamComplaint": "complaint",
    "Unsubscribe": "unsubscribe",
}


def _read(asked: Asked, connection: Connection) -> Read:
    require_authorization(asked, connection, BASIC)
    return read_each(json_of(asked.body), _told)


def _told(item: Mapping[str, Any]) -> Told | None:
    match item.get("RecordType"):
        case "Bounce":
            act = _BOUNCES.get(text_of(item, "Type"), "other")
            return _named(item, act, "Email", "BouncedAt", str(int(item["ID"])))
        case "SpamComplaint":
            return _named(item, "complaint", "Email", "BouncedAt", "")
        case "SubscriptionChange":
            return _named(item, _change(item), "Recipient", "ChangedAt", str(item.get("ChangedAt")))
        case _:
            return None


def _change(item: Mapping[str, Any]) -> Act:
    if item.get("SuppressSending") is not True:
        return "other"
    if item.get("SuppressionReason") == "SpamComplaint":
        return "complaint"
    by_recipient = item.get("Origin") == "Recipient" and item.get("SuppressionReason") == "ManualSuppression"
    return "unsubscribe" if by_recipient else "other"


def _named(item: Mapping[str, Any], act: Act, address_field: str, at_field: str, number: str) -> Told:
    """A complaint is told by two of Postmark's webhooks, and is one: by its message and address."""
    address = text_of(item, address_field)
    own = "" if act == "complaint" else number
    return Told(
        f"{text_of(item, 'MessageID', default='')}:{act}:{address}:{own}", act, address, moment(item.get(at_field))
    )


SENDER = Sender(
    "postmark",
    "Postmark",
    _read,
    {"credentials": "user:password, as in the address https://user:password@… that Postmark is given"},
    needs=(frozenset({"credentials"}),),
    check=check_credentials,
    made={"credentials": new_credentials},
)
