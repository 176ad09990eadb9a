"""What taking a message needs beside the message, and what every kind of message shares."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.consents.acts import digest_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import MAIL_PREFIX, BadLink, Link, LinkKeys, LinkUse
from consentmgr.register.reading import psycopg_connection
from consentmgr.replies.mail import Mail, headers_of

if TYPE_CHECKING:
    from consentmgr.preferences.leaving import LeavingDesk

#: The source in the ledger of everything that a message tells.
SOURCE = "mailbox"

#: A token in a text: a payload, a point, a signature of 43 characters (``preferences.links``).
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{20,980}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_URI = re.compile(r"<\s*((?:https?|mailto):[^<>\s]{1,2000})\s*>", re.IGNORECASE)
#: Tokens tried of one message; each costs a few signatures.
_MOST_TOKENS = 20


@dataclass(frozen=True, slots=True, repr=False)
class Office:
    """Keys, the desk where people leave, who acts and when."""

    keys: AddressKeys
    links: LinkKeys
    desk: LeavingDesk
    actor: str
    now: datetime


def digest_of_message(keys: AddressKeys, mail: Mail) -> UUID:
    """Identifies a message by its bytes: what it brings about is written under this, once."""
    return digest_of(keys, "mail", (sha256(mail.raw).hexdigest(),))


def told_at(mail: Mail, now: datetime) -> datetime:
    """When the person spoke: when the mailbox received the message, else when the message says it was written, and
    ``now`` where that is nothing usable or a time to come.
    """
    if mail.arrived_at is not None:
        return min(mail.arrived_at, now)
    try:
        told = parsedate_to_datetime(mail.header("Date") or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    # "-0000" is a time of no known zone, and counts as UTC (RFC 5322, 3.3).
    aware = told if told.tzinfo is not None else told.replace(tzinfo=now.tzinfo)
    return aware if aware.year >= 2000 and aware <= now else now


def tokens_in(text: str) -> list[str]:
    """What looks like a link's token in a text, at most twenty."""
    return [match[0] for match, _ in zip(_TOKEN.finditer(text), range(_MOST_TOKENS), strict=False)]


def link_of_tokens(links: LinkKeys, tokens: Iterable[str]) -> Link | None:
    """The first of these tokens that is one of ours for leaving or for preferences."""
    for token in tokens:
        for use in (LinkUse.LEAVE, LinkUse.PREFERENCES):
            try:
                return links.open(use, token)
            except BadLink:
                continue
    return None


def link_of_addresses(links: LinkKeys, addresses: Collection[str], session: Session) -> Link | None:
    """The link of the first address whose local part was made for leaving (``LinkKeys.mail_local_part``)."""
    for address in addresses:
        local_part = address.partition("@")[0]
        if local_part.lower().startswith(MAIL_PREFIX):
            try:
                return links.open_mail(local_part, session)
            except BadLink:
                continue
    return None


def link_of_sent(links: LinkKeys, sent: Message[str, str], session: Session) -> Link | None:
    """The link in the ``List-Unsubscribe`` header of a message we sent, as another system sends it back: it says to
    which address it went and in whose name, even where the address itself has been blacked out.
    """
    uris = [unquote(uri) for value in headers_of(sent, "List-Unsubscribe") for uri in _URI.findall(value)]
    found = link_of_tokens(links, (token for uri in uris for token in tokens_in(uri)))
    return found or link_of_addresses(links, [uri[7:] for uri in uris if uri[:7].lower() == "mailto:"], session)


def contacts_having(session: Session, address_key: UUID) -> list[int]:
    """The contacts that have an e-mail address now, by its key; a merged one is the one it was merged into."""
    rows = psycopg_connection(session).execute(
        "SELECT DISTINCT coalesce(c.merged_into, c.id) FROM contact_point p JOIN contact c ON c.id = p.contact_id"
        " WHERE p.address_key = %s AND p.kind = 'email' ORDER BY 1",
        [address_key],
    )
    return [row[0] for row in rows]


def living_contact(session: Session, contact_id: int) -> int | None:
    """The contact of an id, or the one it was merged into; None where there is none or it was erased."""
    row = (
        psycopg_connection(session)
        .execute(
            "SELECT coalesce(s.id, c.id) FROM contact c LEFT JOIN contact s ON s.id = c.merged_into"
            " WHERE c.id = %s AND coalesce(s.erased_at, c.erased_at) IS NULL",
            [contact_id],
        )
        .fetchone()
    )
    return row[0] if row is not None else None
