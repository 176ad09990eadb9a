"""Brevo (once Sendinblue): signs nothing; it sends a bearer token, or a user and a password in the address.

Sources: https://developers.brevo.com/docs/secured-webhooks, https://developers.brevo.com/docs/transactional-webhooks,
https://developers.brevo.com/docs/marketing-webhooks and https://developers.brevo.com/docs/batched-webhooks

======================================== ==================================================================
Brevo says                               it is
======================================== ==================================================================
hard_bounce, invalid_email               a permanent bounce
soft_bounce                              a temporary bounce
spam, complaint                          a complaint
unsubscribed, unsubscribe                unsubscribed
blocked, deferred and all others         nothing: not sent, or not yet
======================================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from consentmgr.replies.senders.sender import (
    BASIC,
    BEARER,
    Act,
    Asked,
    Connection,
    Read,
    Sender,
    Told,
    check_credentials,
    identity,
    json_of,
    moment,
    new_token,
    read_each,
    require_authorization,
    text_of,
)

_ACTS: Final[Mapping[str, Act]] = {
    "hard_bounce": "bounce_permanent",
    "invalid_email": "bounce_permanent",
    "soft_bounce": "bounce_temporary",
    "spam": "complaint",
    "complaint": "complaint",
    "unsubscribe": "unsubscribe",
    "unsubscribed": "unsubscribe",
}


def _read(asked: Asked, connection: Connection) -> Read:
    require_authorization(asked, connection, BEARER, BASIC)
    return read_each(json_of(asked.body), _told)


def _told(item: Mapping[str, Any]) -> Told:
    event, address = text_of(item, "event"), text_of(item, "email")
    moments = [item.get(name) for name in ("ts_event", "ts", "ts_sent")]
    at = next((found for found in map(moment, moments) if found is not None), None)
    # ``id`` is the webhook's; the event is known by what it is of, and when.
    named = identity(event, address, item.get("message-id"), item.get("camp_id"), *moments)
    return Told(named, _ACTS.get(event, "other"), address, at)


SENDER = Sender(
    "brevo",
    "Brevo",
    _read,
    {
        "token": "the token of the webhook's bearer authentication",
        "credentials": "user:password, as in the address https://user:password@… that Brevo is given",
    },
    needs=(frozenset({"token", "credentials"}),),
    check=check_credentials,
    made={"token": new_token},
)
