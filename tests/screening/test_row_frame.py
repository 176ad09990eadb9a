"""Long lists get their keys from processes of their own, part by part, and the same keys."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.columns import canonical_column

KEYS = AddressKeys(b"k" * 32, 1)
WRITTEN = pa.array(
    [None, "Ääkkönen@työ.example", "not an address", *(f"a{n}@b.example" for n in range(230_000)), None, "X@Y.example"]
)


@pytest.mark.parametrize("written", [WRITTEN, WRITTEN.slice(1, 230_001), WRITTEN.slice(0, 3), WRITTEN.slice(0, 0)])
def test_a_long_column_has_the_same_keys_from_other_processes(written: pa.Array) -> None:
    canonical, (later,) = KEYS.columns_later("email", written)
    assert canonical.equals(canonical_column("email", written))
    assert later().equals(KEYS.canonical_keys("email", canonical))
    assert later() is later()


def test_where_no_process_can_be_started_the_keys_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    canonical, (later, hashed) = KEYS.columns_later("email", WRITTEN, with_hashes=True)
    assert later().equals(KEYS.canonical_keys("email", canonical))
    assert hashed().equals(KEYS.columns("email", WRITTEN).sha256_key)


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_the_hashes_of_a_long_column_have_the_same_keys_from_other_processes(kind: str) -> None:
    numbers = pa.array([None, "+358 40 123 4567", "no number", *(f"04{n:08}" for n in range(120_000))])
    written = WRITTEN if kind == "email" else numbers
    one = KEYS.columns(kind, written)
    canonical, later = KEYS.columns_later(kind, written, with_hashes=True)
    assert canonical.cast(pa.large_string()).equals(one.canonical)
    expected = [one.address_key, one.sha256_key, *([one.sha256_digits_key] if kind == "phone" else [])]
    assert all(finish().equals(keys) for finish, keys in zip(later, expected, strict=True))
