"""The keys of every address and name in a batch, made together.

Canonical forms and digests of a column of addresses take a third of the time of one at a time (``kit.address_keys``).
The book is made from documents alone, so it is ready before the batch's transaction begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

import msgspec
import pyarrow as pa

from consentmgr.kit.address_keys import AddressKeys, PointKeys
from consentmgr.vocabulary.documents import Contact, Organisation, PostalAddress

#: The region whose numbers ``AddressKeys.columns`` reads as columns.
_BULK_REGION = "FI"


class KeyedAddress(NamedTuple):
    """An address in canonical form and its keys, 32 hexadecimal digits each."""

    canonical: str
    address_key: str
    sha256_key: str | None
    sha256_digits_key: str | None


#: The keys of names by given and family name; handed from book to book, because names come again and again.
Names = dict[tuple[str | None, str | None], str | None]
_MOST_NAMES = 100_000


class AddressBook:
    """Answers as ``AddressKeys`` does, from what was made beforehand; what was not is made when asked.

    ``names`` are those an earlier book of the same file has made; they are added to, and begun anew when too many. Books
    of two threads may share them: what one has forgotten the other makes again.
    """

    def __init__(self, keys: AddressKeys, documents: Iterable[msgspec.Struct] = (), names: Names | None = None) -> None:
        self.keys = keys
        self._names: Names = {} if names is None else names
        if len(self._names) > _MOST_NAMES:
            self._names.clear()
        emails: dict[str, None] = {}
        phones: dict[str, None] = {}
        for document in documents:
            if not isinstance(document, Contact | Organisation):
                continue
            for point in document.points:
                value = point.value
                if isinstance(value, PostalAddress):
                    continue
                if point.channel == "email":
                    emails[value] = None
                elif point.channel == "phone" and (document.country or _BULK_REGION) == _BULK_REGION:
                    phones[value] = None
        self._emails = self._made("email", emails)
        self._phones = self._made("phone", phones)

    def _made(self, kind: str, texts: Iterable[str]) -> dict[str, KeyedAddress | None]:
        wanted = list(texts)
        if not wanted:
            return {}
        columns = self.keys.columns(kind, pa.array(wanted, pa.large_string()))
        canonical = columns.canonical.to_pylist()
        made = zip(
            canonical,
            _hex_digits(columns.address_key),
            _hex_digits(columns.sha256_key),
            _hex_digits(columns.sha256_digits_key),
            strict=False,
        )
        return {
            text: KeyedAddress._make(keyed) if keyed[0] is not None else None
            for text, keyed in zip(wanted, made, strict=True)
        }

    def email(self, text: str) -> KeyedAddress | None:
        try:
            return self._emails[text]
        except KeyError:
            return _keyed(self.keys.email(text))

    def phone(self, text: str, region: str = _BULK_REGION) -> KeyedAddress | None:
        if region == _BULK_REGION and text in self._phones:
            return self._phones[text]
        return _keyed(self.keys.phone(text, region))

    def post(self, address: PostalAddress, country: str) -> KeyedAddress | None:
        return _keyed(self.keys.post(address.street, address.apartment, address.postal_code, address.city, country))

    def name(self, given: str | None, family: str | None) -> str | None:
        """The key of a person's name, or None where it is blank."""
        name = given, family
        try:
            return self._names[name]
        except KeyError:
            made = self._names[name] = _name_key(self.keys, given, family)
            return made


def _hex_digits(column: pa.Array | None) -> Iterable[str | None]:
    """The digits of a column of 16 bytes each; the zeros under a null are nobody's. Nulls for ever without a column."""
    if column is None:
        return repeat(None)
    start = column.offset * 32
    digits = memoryview(column.buffers()[1]).hex()
    return [digits[place : place + 32] for place in range(start, start + 32 * len(column), 32)]


def _keyed(keys: PointKeys | None) -> KeyedAddress | None:
    if keys is None:
        return None
    sha256, digits = keys.sha256_key, keys.sha256_digits_key
    return KeyedAddress(
        keys.canonical, keys.address_key.hex, sha256.hex if sha256 else None, digits.hex if digits else None
    )


def _name_key(keys: AddressKeys, given: str | None, family: str | None) -> str | None:
    found = keys.name(given, family)
    return found.address_key.hex if found is not None else None
