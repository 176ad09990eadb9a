"""Mailgun (Sinch): HMAC-SHA256 of timestamp and token, in the body beside the event.

The signature does not cover the event, only that Mailgun made it; so a token is good once. Whoever came by one could
send one event of their own with it within its time, and no second.

Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks and
https://documentation.mailgun.com/docs/mailgun/user-manual/events/events

======================================== ==================================================================
Mailgun says                             it is
======================================== ==================================================================
failed, permanent                        a permanent bounce, unless it was not even tried (``suppress-…``) or was
                                         refused for what we are (``espblock``)
failed, temporary                        a temporary bounce
complained                               a complaint
unsubscribed                             unsubscribed
all others                               nothing
======================================== ==================================================================
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from consentmgr.kit.errors import BadInput
from consentmgr.replies.senders.sender import (
    Act,
    Asked,
    Connection,
    NotVerified,
    Read,
    Sender,
    Told,
    identity,
    moment,
    read_each,
    text_of,
    unverified_json,
)

#: Mailgun tries for eight hours.
_OLDEST: Final = timedelta(hours=12)
_EARLY: Final = timedelta(minutes=10)


def _read(asked: Asked, connection: Connection) -> Read:
    body = unverified_json(asked.body)
    signature = body.get("signature") if isinstance(body, dict) else None
    if not isinstance(signature, dict):
        raise NotVerified("there is no signature")
    timestamp, token, given = (str(signature.get(name, "")) for name in ("timestamp", "token", "signature"))
    key = connection.secrets["signing_key"].encode()
    good = hmac.new(key, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not token or len(token) > 200 or not hmac.compare_digest(good.encode(), given.encode()):
        raise NotVerified("the signature is another's")
    sent = moment(int(timestamp)) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else None
    if sent is None or not connection.now - _OLDEST <= sent <= connection.now + _EARLY:
        raise NotVerified("it was signed at another time")
    found = read_each(body.get("event-data"), _told)
    found.once = token
    return found


def _told(item: Mapping[str, Any]) -> Told:
    # Mailgun's ids are unique within a day.
    named = identity(text_of(item, "id"), item.get("timestamp"))
    return Told(named, _act(item), text_of(item, "recipient"), moment(item.get("timestamp")))


def _act(item: Mapping[str, Any]) -> Act:
    match item.get("event"):
        case "failed":
            reason = str(item.get("reason", ""))
            if reason.startswith("suppress-"):
                return "other"
            permanent = item.get("severity") == "permanent" and reason != "espblock"
            return "bounce_permanent" if permanent else "bounce_temporary"
        case "complained":
            return "complaint"
        case "unsubscribed":
            return "unsubscribe"
        case _:
            return "other"


def _check(secrets: Mapping[str, str], _options: Mapping[str, str]) -> None:
    if len(secrets["signing_key"]) < 16:
        raise BadInput("is too short to be Mailgun's", field="signing_key")


SENDER = Sender(
    "mailgun",
    "Mailgun",
    _read,
    {"signing_key": "the HTTP webhook signing key"},
    needs=(frozenset({"signing_key"}),),
    check=_check,
)
