"""Whom a prohibition protects: the one target of a document, in the form it is matched by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.documents import PostalAddress, Prohibition, ProhibitionTarget

if TYPE_CHECKING:
    import pyarrow as pa

#: What a prohibition may name.
KINDS = ProhibitionTarget.__struct_fields__
_ALL_KINDS = attrgetter(*KINDS)

#: From here on addresses are canonicalised as columns; for fewer, Arrow takes longer to load than to save.
_AS_COLUMN = 200

_WANTED = {
    "email": "is not an e-mail address that can be matched",
    "phone": "is not a telephone number that can be matched",
    "post": "is not a postal address that can be matched",
    "domain": "is not a domain",
    "email_sha256": "must be 64 hexadecimal digits",
    "phone_sha256": "must be 64 hexadecimal digits",
    "contact": "is blank",
    "organisation": "is blank",
}


class Target(NamedTuple):
    """``kind`` is the field of the document; ``key`` (16 bytes) is given for addresses and hashes, ``name`` for others."""

    kind: str
    key: bytes | None = None
    name: str | None = None


def targets_of(documents: Sequence[Prohibition], keys: AddressKeys) -> list[Target | BadInput]:
    """The target of each document, in order, or why it has none that can be matched (naming the field).

    Addresses go through ``kit.address_keys``, many of them as columns.
    """
    found: list[Target | BadInput] = []
    addresses: dict[str, list[int]] = defaultdict(list)
    for place, document in enumerate(documents):
        target = document.target
        given = _ALL_KINDS(target)
        if given.count(None) != len(given) - 1:
            found.append(BadInput(f"must name exactly one of {', '.join(KINDS)}", field="target"))
            continue
        kind = next(name for name, value in zip(KINDS, given, strict=True) if value is not None)
        if _has_null(target):
            found.append(BadInput("holds a null character", field=f"target.{kind}"))
        elif kind in ("email", "phone", "post", "email_sha256", "phone_sha256"):
            addresses[kind].append(place)
            found.append(Target(kind))
        else:
            found.append(_named(kind, getattr(target, kind)))
    for kind, places in addresses.items():
        values = [getattr(documents[place].target, kind) for place in places]
        for place, key in zip(places, _keys_of(kind, values, keys), strict=True):
            found[place] = Target(kind, key) if key is not None else _unmatched(kind)
    return found


def _has_null(target: ProhibitionTarget) -> bool:
    """Only where canonical forms would not notice: in names, and in the parts of a postal address."""
    if target.post is not None:
        return any("\0" in (getattr(target.post, name) or "") for name in target.post.__struct_fields__)
    return "\0" in (target.contact or target.organisation or "")


def _named(kind: str, value: str) -> Target | BadInput:
    name = canonical_domain(value) if kind == "domain" else value.strip()
    return Target(kind, name=name) if name else _unmatched(kind)


def _unmatched(kind: str) -> BadInput:
    return BadInput(_WANTED[kind], field=f"target.{kind}")


def _keys_of(kind: str, values: Sequence[str | PostalAddress], keys: AddressKeys) -> Sequence[bytes | None]:
    if len(values) >= _AS_COLUMN:
        found: list[bytes | None] = _column(kind, values, keys).to_pylist()
        return found
    return [_key_of(kind, value, keys) for value in values]


def _key_of(kind: str, value: str | PostalAddress, keys: AddressKeys) -> bytes | None:
    if isinstance(value, PostalAddress):
        point = keys.post(value.street, value.apartment, value.postal_code, value.city, value.country)
        return point.address_key.bytes if point is not None else None
    if kind in ("email", "phone"):
        found = keys.email(value) if kind == "email" else keys.phone(value)
        return found.address_key.bytes if found is not None else None
    digest = canonical_sha256(value)
    return keys.sha256_key(kind.removesuffix("_sha256"), digest).bytes if digest is not None else None


def _column(kind: str, values: Sequence[str | PostalAddress], keys: AddressKeys) -> pa.Array:
    import pyarrow as pa

    if kind == "post":
        addresses = [value for value in values if isinstance(value, PostalAddress)]

        def field(read: Callable[[PostalAddress], str | None]) -> pa.Array:
            return pa.array([read(address) for address in addresses], pa.large_string())

        return keys.post_column(
            field(lambda address: address.street),
            field(lambda address: address.apartment),
            field(lambda address: address.postal_code),
            field(lambda address: address.country),
        )
    column = pa.array(values, pa.large_string())
    if kind in ("email", "phone"):
        return keys.column(kind, column)
    return keys.sha256_column(kind.removesuffix("_sha256"), column)
