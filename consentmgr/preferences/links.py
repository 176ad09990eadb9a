"""Links that let a person decide without a login: what a token says, and how it is signed and opened.

A token is ``payload.signature``, both base64url without padding: to the byte what ``itsdangerous.Signer`` makes with
SHA-256, ``key_derivation="hmac"`` and the salt of the link's use. The derived keys are kept ready here, which makes a
million links a matter of seconds; a test holds the two equal.

The payload names opaque ids and a scope, never an address (docs/links.md has its bytes, and ``offline_minting`` a
function of its own for other senders). A token never expires: leaving must work years later.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from base64 import b32decode, b32encode
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal, get_args
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.keys import LinkKey, LinkKeyState, link_key_file, load_link_keys
from consentmgr.kit.errors import BadInput, ConsentmgrError, NotFound
from consentmgr.register.reading import psycopg_connection

if TYPE_CHECKING:
    from consentmgr.config import Settings

#: Characters of a token; anything longer is refused before it is looked at.
LONGEST_TOKEN = 1024
#: Characters of the part of a mail address before the @ (RFC 5321, 4.5.3.1.1).
LONGEST_LOCAL_PART = 64

Scope = Literal["topic", "channel", "all"]

_log = logging.getLogger(__name__)


class LinkUse(StrEnum):
    """What a link is for; each use has a salt of its own, so that no token ever opens another door."""

    LEAVE = "leave"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"
    VIEW = "view"


#: Never changed: links in old mails were signed with these.
SALTS: dict[LinkUse, bytes] = {use: f"consentmgr.link.{use.value}".encode() for use in LinkUse}
MAIL_SALT = b"consentmgr.link.mail"


class BadLink(NotFound):
    """The token is none of ours, or of another use, or damaged. It is never quoted."""

    problem: ClassVar[str] = "bad_link"

    def __init__(self) -> None:
        super().__init__("the link is not valid")


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """What a token says. ``address_key`` is the keyed digest of the address written to.

    ``topic`` is given where ``scope`` is ``topic``; ``subject`` is the pending thing a CONFIRM or VIEW link is about.
    A ``distrusted`` link was signed with a key that leaked: it is good for leaving and for nothing else.
    """

    use: LinkUse
    controller: str
    contact_id: int | None
    address_kind: str
    address_key: UUID | None
    channel: str
    scope: Scope
    topic: str | None = None
    campaign: str | None = None
    subject: UUID | None = None
    distrusted: bool = False


# --- the payload ----------------------------------------------------------------------------------------------------

_VERSION = 1
# What a number in a payload stands for. Only ever added to, at the end.
_KINDS = ("email", "phone", "post")
_SCOPES: tuple[Scope, ...] = get_args(Scope)
_CHANNELS = ("email", "sms", "instant_message", "automated_call", "fax", "phone", "post", "online_audience")
_HAS_CONTACT, _HAS_KEY, _HAS_SUBJECT, _HAS_TOPIC, _HAS_CAMPAIGN = 1, 2, 4, 8, 16
_KNOWN_FLAGS = 31
_LONGEST_PAYLOAD = (LONGEST_TOKEN - 44) * 3 // 4


def payload_of(link: Link) -> bytes:
    """The bytes a token signs. Raises ``BadInput`` where a key is too long for a link; a campaign's is left out."""
    return _beginning(link) + _contact(link.contact_id) + _uuid(link.address_key) + _ending(link)


def _beginning(link: Link, flags: int | None = None) -> bytes:
    if flags is None:
        flags = (_HAS_CONTACT if link.contact_id is not None else 0) | (_HAS_KEY if link.address_key is not None else 0)
    flags |= _HAS_SUBJECT if link.subject is not None else 0
    flags |= _HAS_TOPIC if link.topic is not None else 0
    flags |= _HAS_CAMPAIGN if _campaign(link) is not None else 0
    try:
        place = _KINDS.index(link.address_kind), _SCOPES.index(link.scope), _CHANNELS.index(link.channel)
    except ValueError:
        raise BadInput("the link names an unknown kind of address, scope or channel") from None
    return bytes((_VERSION, flags, place[0] << 4 | place[1], place[2]))


def _ending(link: Link) -> bytes:
    campaign = _campaign(link)
    topic = b"" if link.topic is None else _text(link.topic, "topic")
    return (
        _uuid(link.subject)
        + _text(link.controller, "controller")
        + topic
        + (b"" if campaign is None else _text(campaign, "campaign"))
    )


def _campaign(link: Link) -> str | None:
    """The campaign is for counting only: one with an unusually long key is not worth an overlong link."""
    return link.campaign if link.campaign is not None and len(link.campaign.encode()) <= 120 else None


def _contact(contact_id: int | None) -> bytes:
    if contact_id is None:
        return b""
    size = (contact_id.bit_length() + 7) >> 3
    return bytes((size,)) + contact_id.to_bytes(size, "big")


def _uuid(value: UUID | None) -> bytes:
    return b"" if value is None else value.bytes


def _text(value: str, field: str) -> bytes:
    data = value.encode()
    if len(data) > 255:
        raise BadInput("is too long for a link", field=field)
    return bytes((len(data),)) + data


class _Reader:
    """Takes a payload apart. Raises ``ValueError`` or ``IndexError`` where it does not fit."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def take(self, size: int) -> bytes:
        start, self.place = self.place, self.place + size
        if self.place > len(self.data):
            raise ValueError
        return self.data[start : self.place]

    def text(self) -> str:
        return self.take(self.byte()).decode()

    def number(self) -> int:
        data = self.take(self.byte())
        if len(data) > 8 or data[:1] == b"\0":
            raise ValueError
        return int.from_bytes(data, "big")


def _link_of(data: bytes, use: LinkUse, *, distrusted: bool) -> Link:
    reader = _Reader(data)
    try:
        version, flags, form, channel = reader.byte(), reader.byte(), reader.byte(), reader.byte()
        if version != _VERSION or flags & ~_KNOWN_FLAGS:
            raise BadLink
        contact_id = reader.number() if flags & _HAS_CONTACT else None
        address_key = UUID(bytes=reader.take(16)) if flags & _HAS_KEY else None
        subject = UUID(bytes=reader.take(16)) if flags & _HAS_SUBJECT else None
        controller = reader.text()
        link = Link(
            use,
            controller,
            contact_id,
            _KINDS[form >> 4],
            address_key,
            _CHANNELS[channel],
            _SCOPES[form & 15],
            reader.text() if flags & _HAS_TOPIC else None,
            reader.text() if flags & _HAS_CAMPAIGN else None,
            subject,
            distrusted,
        )
    except (ValueError, IndexError):
        raise BadLink from None
    if reader.place != len(data):
        raise BadLink
    return link


def link_id(link: Link) -> str:
    """Which link it was, in 24 hex digits: the same for the leave and the preference link of one message."""
    return hashlib.blake2b(payload_of(link), digest_size=12, person=b"link-id").hexdigest()


# --- signing --------------------------------------------------------------------------------------------------------

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
_SIGNATURE_LENGTH = 43
_BLOCK = 64


def _encoded(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


class _Salted:
    """One key for one salt, its HMAC begun: two copies and two short updates a signature.

    ``hmac.digest`` does the same in twice the time, because it looks the algorithm up at every call.
    """

    __slots__ = ("_inner", "_outer", "distrusted")

    def __init__(self, key: LinkKey, salt: bytes) -> None:
        derived = hmac.digest(key.secret, salt, "sha256")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in derived.ljust(_BLOCK, b"\0")))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in derived.ljust(_BLOCK, b"\0")))
        self.distrusted = key.state is LinkKeyState.DISTRUSTED

    def signature(self, value: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()

    def signatures(self, values: Sequence[bytes]) -> list[bytes]:
        new_inner, new_outer = self._inner.copy, self._outer.copy
        found: list[bytes] = []
        add = found.append
        for value in values:
            inner, outer = new_inner(), new_outer()
            inner.update(value)
            outer.update(inner.digest())
            add(outer.digest())
        return found


class LinkKeys:
    """Mints and opens tokens. Safe to use from many threads; a changed key file is noticed at the next use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = link_key_file(settings)
        self._seen = self._stamp()
        self._by_salt = self._derive(load_link_keys(settings))

    def mint(self, link: Link) -> str:
        """The token of a link, signed with the current key. Raises ``BadInput`` where it would be too long."""
        payload = payload_of(link)
        _refuse_long(payload)
        value = _encoded(payload)
        return (value + b"." + _encoded(self._salted(SALTS[link.use])[0].signature(value))).decode()

    def mint_many(
        self, like: Link, contact_ids: Sequence[int | None], address_keys: Sequence[bytes | None]
    ) -> list[str]:
        """Tokens of many links that differ in contact and address alone (16 bytes each, or None)."""
        ending = _ending(like)
        beginnings = [_beginning(like, flags) for flags in range(4)]
        payloads: list[bytes] = []
        add = payloads.append
        for contact_id, key in zip(contact_ids, address_keys, strict=True):
            if contact_id is None:
                add(beginnings[0] + ending if key is None else beginnings[2] + key + ending)
                continue
            size = (contact_id.bit_length() + 7) >> 3
            number = contact_id.to_bytes(size + 1, "big")[1:]
            if key is None:
                add(beginnings[1] + _SIZES[size] + number + ending)
            else:
                add(beginnings[3] + _SIZES[size] + number + key + ending)
        if payloads:
            _refuse_long(max(payloads, key=len))
        values = _encoded_all(payloads)
        signed = _encoded_all(self._salted(SALTS[like.use])[0].signatures(values))
        return [(value + b"." + signature).decode() for value, signature in zip(values, signed, strict=True)]

    def open(self, use: LinkUse, token: str) -> Link:
        """What a token of this use says. Raises ``BadLink`` for anything else, and for nothing but that."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise BadLink
        value, separator, signature = token.encode().rpartition(b".")
        if not separator or len(signature) != _SIGNATURE_LENGTH:
            raise BadLink
        for key in self._salted(SALTS[use]):
            if hmac.compare_digest(_encoded(key.signature(value)), signature):
                break
        else:
            raise BadLink
        try:
            payload = a2b_base64(value.translate(_FROM_URL) + b"=" * (-len(value) % 4), strict_mode=True)
        except Base64Error:
            raise BadLink from None
        return _link_of(payload, use, distrusted=key.distrusted)

    def mail_local_part(self, link: Link) -> str:
        """The part before the @ of an address by which one leaves: ``leave+`` and 58 letters and digits, all small.

        Mail servers may change capitals, so it is base32; and it holds 36 bytes, so the controller and topic are
        digests of four bytes that ``open_mail`` looks up, and the signature is cut to ten.
        """
        data = _mail_data(link)
        signature = self._salted(MAIL_SALT)[0].signature(data)[:_MAIL_SIGNATURE]
        return MAIL_PREFIX + b32encode(data + signature).decode().rstrip("=").lower()

    def mail_local_parts(
        self, like: Link, contact_ids: Sequence[int | None], address_keys: Sequence[bytes | None]
    ) -> list[str]:
        """``mail_local_part`` of many links that differ in contact and address alone."""
        key = self._salted(MAIL_SALT)[0]
        whole = _mail_data(replace(like, contact_id=0, address_key=None))
        by_contact, channel, ending = whole[:1], whole[1:2], whole[18:]
        by_address = bytes((whole[0] & ~_MAIL_BY_CONTACT,))
        datas = [
            (
                by_address + channel + address_key
                if address_key is not None
                else by_contact + channel + _sixteen(contact_id)
            )
            + ending
            for contact_id, address_key in zip(contact_ids, address_keys, strict=True)
        ]
        signed = key.signatures(datas)
        return [
            MAIL_PREFIX + b32encode(data + signature[:_MAIL_SIGNATURE]).decode().rstrip("=").lower()
            for data, signature in zip(datas, signed, strict=True)
        ]

    def open_mail(self, local_part: str, session: Session) -> Link:
        """The LEAVE link of a ``mail_local_part``. Raises ``BadLink``.

        A controller or topic that is gone is the empty text, which leaving takes for what it is: leave them all.
        """
        if len(local_part) > LONGEST_LOCAL_PART or not local_part.isascii():
            raise BadLink
        text = local_part.lower().removeprefix(MAIL_PREFIX)
        try:
            data = b32decode(text.upper() + "=" * (-len(text) % 8))
        except Base64Error:
            raise BadLink from None
        if len(data) != _MAIL_DATA + _MAIL_SIGNATURE:
            raise BadLink
        data, signature = data[:_MAIL_DATA], data[_MAIL_DATA:]
        for key in self._salted(MAIL_SALT):
            if hmac.compare_digest(key.signature(data)[:_MAIL_SIGNATURE], signature):
                return _mailed_link(data, session, distrusted=key.distrusted)
        raise BadLink

    def _salted(self, salt: bytes) -> Sequence[_Salted]:
        """The keys for a salt, the one that signs first."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._reload(stamp)
        return self._by_salt[salt]

    def _stamp(self) -> tuple[int, ...] | None:
        if self._file is None:
            return None
        try:
            status = self._file.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _reload(self, stamp: tuple[int, ...] | None) -> None:
        # Leaving goes on with the keys there were while the file cannot be read, as in the middle of a restore.
        try:
            self._by_salt = self._derive(load_link_keys(self._settings))
        except (ConsentmgrError, OSError):
            _log.exception("the link keys changed and cannot be read; going on with those before")
        self._seen = stamp

    @staticmethod
    def _derive(keys: Sequence[LinkKey]) -> dict[bytes, tuple[_Salted, ...]]:
        signs = [key for key in keys if key.state is LinkKeyState.CURRENT]
        rest = [key for key in reversed(keys) if key.state is not LinkKeyState.CURRENT]
        return {salt: tuple(_Salted(key, salt) for key in (*signs, *rest)) for salt in (*SALTS.values(), MAIL_SALT)}


def link_keys(settings: Settings) -> LinkKeys:
    """From ``keys/link.key`` or ``CONSENTMGR_LINK_SECRET``. Raises ``Unavailable`` or ``UnsafeSetting``."""
    return LinkKeys(settings)


_SIZES = [bytes((size,)) for size in range(10)]


def _refuse_long(payload: bytes) -> None:
    if len(payload) > _LONGEST_PAYLOAD:
        raise BadInput("the keys of controller and topic are too long for a link")


def _encoded_all(pieces: Sequence[bytes]) -> list[bytes]:
    """Base64url of each, without padding: pieces of one length are encoded in one go."""
    if not pieces:
        return []
    lengths = set(map(len, pieces))
    if len(lengths) > 1:
        by_length: dict[int, list[int]] = {length: [] for length in lengths}
        for place, piece in enumerate(pieces):
            by_length[len(piece)].append(place)
        found: list[bytes] = [b""] * len(pieces)
        for places in by_length.values():
            for place, encoded in zip(places, _encoded_all([pieces[place] for place in places]), strict=True):
                found[place] = encoded
        return found
    (length,) = lengths
    padding = bytes(-length % 3)
    joined = padding.join(pieces) + padding
    text = b2a_base64(joined, newline=False).translate(_TO_URL)
    step = (length + 2) // 3 * 4
    used = step - len(padding)
    return [text[start : start + used] for start in range(0, len(text), step)]


# --- leaving by mail ------------------------------------------------------------------------------------------------

MAIL_PREFIX = "leave+"
_MAIL_SIGNATURE = 10
_MAIL_DATA = 26
_MAIL_BY_CONTACT = 8


def _mail_data(link: Link) -> bytes:
    """Form, channel, 16 bytes of address or contact, and four bytes each of the controller's and topic's digest."""
    form = _KINDS.index(link.address_kind) << 4 | _SCOPES.index(link.scope)
    if link.address_key is not None:
        target = link.address_key.bytes
    else:
        form |= _MAIL_BY_CONTACT
        target = _sixteen(link.contact_id)
    topic = _short("topic", link.topic) if link.scope == "topic" and link.topic is not None else bytes(4)
    return bytes((form, _CHANNELS.index(link.channel))) + target + _short("controller", link.controller) + topic


def _sixteen(contact_id: int | None) -> bytes:
    if contact_id is None:
        raise BadInput("a link for leaving by mail names an address or a contact")
    return contact_id.to_bytes(16, "big")


def _short(kind: str, key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=4, person=kind.encode()).digest()


def _mailed_link(data: bytes, session: Session, *, distrusted: bool) -> Link:
    form, channel, target = data[0], data[1], data[2:18]
    by_contact = bool(form & _MAIL_BY_CONTACT)
    scope = _SCOPES[form & 7]
    connection = psycopg_connection(session)
    controllers = {_short("controller", key): key for (key,) in connection.execute("SELECT key FROM controller")}
    topic = None
    if scope == "topic":
        topics = {_short("topic", key): key for (key,) in connection.execute("SELECT key FROM topic")}
        topic = topics.get(data[22:26], "")
    return Link(
        LinkUse.LEAVE,
        controllers.get(data[18:22], ""),
        int.from_bytes(target, "big") if by_contact else None,
        _KINDS[form >> 4],
        None if by_contact else UUID(bytes=target),
        _CHANNELS[channel],
        scope,
        topic,
        distrusted=distrusted,
    )


# --- addresses of pages ---------------------------------------------------------------------------------------------


def leave_url(public_url: str, token: str) -> str:
    return f"{public_url}/u/{token}"


def preference_url(public_url: str, token: str) -> str:
    return f"{public_url}/p/{token}"


def confirm_url(public_url: str, token: str) -> str:
    return f"{public_url}/c/{token}"
