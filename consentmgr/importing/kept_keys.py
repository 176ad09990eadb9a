"""The documents beside the contract's: what is kept of an erased person, as keyed digests.

Without them an export taken into an empty register would let an erased person come back with the next bought list.
They hold no address and are of use only under the address key they were made with.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from consentmgr.vocabulary.codes import Channel, ProhibitionSource, Purpose
from consentmgr.vocabulary.documents import Document, Key, Text, When

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class KeptKey(Document, tag="kept_key", frozen=True, kw_only=True):
    """``contact`` is the erased contact's ref; ``hashed`` tells a digest of a SHA-256 from one of an address.

    ``name_key`` is the digest of the contact's name, which tells whom of a household a kept postal address means.
    """

    contact: Key
    key: Digest
    key_id: int
    hashed: bool = False
    name_key: Digest | None = None
    erased_at: When


class KeptProhibition(Document, tag="kept_prohibition", frozen=True, kw_only=True):
    """A prohibition whose address was an erased person's: as ``prohibition``, the target a digest."""

    target_kind: Literal["email", "phone", "post", "email_sha256", "phone_sha256"]
    key: Digest
    key_id: int
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[Key, ...] = ()
    controllers: tuple[Key, ...] = ()
    source: ProhibitionSource
    valid_from: date | None = None
    valid_until: date | None = None
    reference: Text | None = None
