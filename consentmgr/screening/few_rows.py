"""``row_frame`` for few rows that are given one by one, without Arrow: the same columns, value by value.

A call of Arrow costs some microseconds however few its rows are, and one row takes forty of them. What an address, a
business id or an area is, is decided by the same functions; ``tests/screening/test_few_rows.py`` holds both to the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from consentmgr.kit.address_keys import AddressKeys, PointKeys
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.register.business_ids import canonical_in_list
from consentmgr.screening.facts import ListShape
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import Columns, ListKeys
from consentmgr.screening.row_frame import area_codes, date_of

#: The columns of the list that name its rows, and the keys they become.
_NAMED_BY: Final = {
    "email": "email_key",
    "phone": "phone_key",
    "email_sha256": "email_hash_key",
    "phone_sha256": "phone_hash_key",
    "street": "post_key",
}


class FewRows:
    """Rows as ``decide.checked_row`` gives them, with their keys."""

    def __init__(self, rows: Sequence[Mapping[str, str]], keys: AddressKeys) -> None:
        self._rows = [{name: text for name, value in row.items() if (text := value.strip())} for row in rows]
        #: The columns a list of these rows would have.
        self.named = frozenset(name for row in rows for name in row)
        self.address_keys = keys
        self._points: dict[str, list[PointKeys | None]] = {
            "email": [keys.email(row["email"]) if "email" in row else None for row in self._rows],
            "phone": [keys.phone(row["phone"]) if "phone" in row else None for row in self._rows],
        }
        self._given: dict[str, list[bytes | None]] = {
            kind: [_hash_key(keys, kind, row.get(f"{kind}_sha256")) for row in self._rows] for kind in self._points
        }
        self._posts: list[bytes | None] = [None] * len(rows)
        if {"street", "postal_code"} <= self.named:
            self._posts = [_post_key(keys, row) for row in self._rows]
        self._business_ids = [_business_id(row.get("business_id")) for row in self._rows]

    def _address_keys(self, kind: str) -> list[bytes | None]:
        return [None if found is None else found.address_key.bytes for found in self._points[kind]]

    def _plain_hashes(self, *, wanted: bool = True) -> dict[str, list[bytes | None]]:
        emails, phones = self._points["email"], self._points["phone"]
        hashed = {
            "email_plain_hash": [None if found is None else found.sha256_key for found in emails],
            "phone_plain_hash": [None if found is None else found.sha256_key for found in phones],
            "phone_digits_hash": [None if found is None else found.sha256_digits_key for found in phones],
        }
        return {
            name: [key.bytes if wanted and key is not None else None for key in keys] for name, keys in hashed.items()
        }

    def _parts(self, place: int) -> list[str | None]:
        return [None if found is None else found.canonical.rpartition("@")[place] for found in self._points["email"]]

    def keys(self, hashes: pa.Table) -> ListKeys:
        """As ``Addressed.keys`` of rows whose plain addresses are hashed."""
        hashed = _distinct(*self._given.values(), *self._plain_hashes().values())
        bans = zip(hashes["prohibition_id"].to_pylist(), hashes["hash_key"].to_pylist(), strict=True)
        return ListKeys(
            address_keys=_distinct(self._address_keys("email"), self._address_keys("phone"), self._posts),
            sha256_keys=hashed,
            refs=_distinct([row.get("ref") for row in self._rows]),
            business_ids=_distinct(self._business_ids),
            domains=_distinct(self._parts(2)),
            prohibitions=[number for number, key in bans if key in hashed],
        )

    def columns(
        self, question: Question, *, with_hashes: bool, survivors: Mapping[str, str]
    ) -> tuple[Columns, ListShape, bool]:
        """The columns of ``ROWS_SCHEMA``, how many rows carry each, and whether some row cannot be looked up.

        ``with_hashes``: a ban that arrived hashed may meet plain addresses; ``survivors``: refs that were merged.
        """
        rows, count = self._rows, len(self._rows)
        nothing: list[Any] = [None] * count
        refs = [row.get("ref") for row in rows]
        found: dict[str, list[Any]] = {
            "row_no": list(range(count)),
            "email_key": self._address_keys("email"),
            "phone_key": self._address_keys("phone"),
            "post_key": self._posts,
            "row_name_key": nothing,
            "email_hash_key": self._given["email"],
            "phone_hash_key": self._given["phone"],
            **self._plain_hashes(wanted=with_hashes),
            "row_ref": [None if ref is None else survivors.get(ref, ref) for ref in refs],
            "row_business_id": self._business_ids,
            "row_domain": self._parts(2),
            "row_mailbox": self._parts(0) if question.is_business else nothing,
            "row_source": [row.get("source") for row in rows],
            "row_acquired_on": [date_of(row["acquired_on"]) if "acquired_on" in row else None for row in rows],
            "row_titled": ["title" in row for row in rows],
            "row_areas": [area_codes(row.get("area")) for row in rows],
        }
        if {"street", "postal_code"} <= self.named:
            names = (self.address_keys.name(row.get("given_name"), row.get("family_name")) for row in rows)
            found["row_name_key"] = [None if name is None else name.address_key.bytes for name in names]
        found["invalid"] = [self._is_invalid(place, found, question) for place in range(count)]
        counts = {
            name: count - column.count(None) for name, column in found.items() if name not in ("row_no", "invalid")
        }
        return found, ListShape(count, counts), any(found["invalid"])

    def _is_invalid(self, place: int, found: Mapping[str, Sequence[Any]], question: Question) -> bool:
        """Whether the row cannot be looked up: its address for the channel has no canonical form, or nothing it has."""
        row = self._rows[place]
        own = set() if question.is_audience else {_COLUMN_OF[question.point_kind], f"{question.point_kind}_sha256"}
        broken = {name for name, key in _NAMED_BY.items() if name in row and found[key][place] is None}
        if broken & own:
            return True
        known_business = "business_id" in row and canonical_in_list(row["business_id"]) is not None
        whole = any(name in row and name not in broken for name in _NAMED_BY) or "ref" in row or known_business
        return not whole and (bool(broken) or ("business_id" in row and not known_business))


_COLUMN_OF: Final = {"email": "email", "phone": "phone", "post": "street"}


def _distinct(*columns: Sequence[Any]) -> list[Any]:
    return list({value for column in columns for value in column if value is not None})


def _hash_key(keys: AddressKeys, kind: str, text: str | None) -> bytes | None:
    digest = None if text is None else canonical_sha256(text)
    return None if digest is None else keys.sha256_key(kind, digest).bytes


def _post_key(keys: AddressKeys, row: Mapping[str, str]) -> bytes | None:
    found = keys.post(row.get("street"), row.get("apartment"), row.get("postal_code"), None, row.get("country"))
    return None if found is None else found.address_key.bytes


def _business_id(text: str | None) -> str | None:
    """As the register writes it; one that can be none stays as written, the name of an organisation nobody knows."""
    return None if text is None else canonical_in_list(text) or text
