"""Links for partners: to fetch the files of one run, or to say that they are in use. Signed, and good for a while.

The token is what ``itsdangerous.Signer`` makes of 21 bytes (a version, an opaque id, the second it ends) with SHA-256,
HMAC key derivation and a salt for each use, so that a link of one use opens nothing of the other. It is signed with
the keys of mailed links; one that leaked opens nothing here.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from itsdangerous import BadSignature, Signer

from consentmgr.config import Settings
from consentmgr.keys import LinkKeyState, load_link_keys
from consentmgr.kit.errors import NotFound

_VERSION: Final = 1
#: Characters of the longest token there is.
_LONGEST: Final = 200


class LinkUse(StrEnum):
    """What a link is for."""

    DOWNLOAD = "download"
    ACKNOWLEDGE = "acknowledge"


class BadDeliveryLink(NotFound):
    """The token is none of ours, or damaged. It is never quoted."""

    problem: ClassVar[str] = "bad_link"

    def __init__(self) -> None:
        super().__init__("the link is not valid")


class LinkEnded(NotFound):
    """The link was good and is no longer: its time is over, its downloads are used, its files are gone."""

    problem: ClassVar[str] = "link-ended"


@dataclass(frozen=True, slots=True)
class DeliveryLink:
    """What a token says. ``subject`` is the id of an ``ExportLink``, or for acknowledging the run's id as a UUID."""

    use: LinkUse
    subject: UUID
    ends_at: datetime


def mint(settings: Settings, link: DeliveryLink) -> str:
    """The token of a link. Raises ``Unavailable`` where the keys of links cannot be read."""
    payload = bytes((_VERSION,)) + link.subject.bytes + int(link.ends_at.timestamp()).to_bytes(4, "big")
    return _signer(settings, link.use).sign(urlsafe_b64encode(payload).rstrip(b"=")).decode()


def link_of(settings: Settings, token: str, now: datetime) -> DeliveryLink:
    """What a token says, whatever its use. Raises ``BadDeliveryLink``, or ``LinkEnded`` after its time."""
    if len(token) > _LONGEST or not token.isascii():
        raise BadDeliveryLink
    for use in LinkUse:
        try:
            value = _signer(settings, use).unsign(token)
            payload = urlsafe_b64decode(value + b"=" * (-len(value) % 4))
        except (BadSignature, Base64Error):
            continue
        if len(payload) != 21 or payload[0] != _VERSION:
            break
        link = DeliveryLink(use, UUID(bytes=payload[1:17]), datetime.fromtimestamp(int.from_bytes(payload[17:]), UTC))
        if link.ends_at <= now:
            raise LinkEnded("the time of this link is over")
        return link
    raise BadDeliveryLink


def url_of(settings: Settings, link: DeliveryLink) -> str:
    """The address of a link's page."""
    return f"{settings.public_url}/x/{mint(settings, link)}"


def _signer(settings: Settings, use: LinkUse) -> Signer:
    # The last key signs; all that are trusted verify.
    secrets = [key.secret for key in load_link_keys(settings) if key.state is not LinkKeyState.DISTRUSTED]
    return Signer(
        secrets, salt=f"consentmgr.delivery.{use}".encode(), key_derivation="hmac", digest_method=hashlib.sha256
    )
