"""Long lists get their keys from a process of its own, and the same keys."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from consentmgr.kit.address_keys import AddressKeys, canonical_column

KEYS = AddressKeys(b"k" * 32, 1)
WRITTEN = pa.array([None, "Ääkkönen@työ.example", "not an address", *(f"a{n}@b.example" for n in range(100_000))])


def test_a_long_column_has_the_same_keys_from_another_process() -> None:
    canonical = canonical_column("email", WRITTEN)
    assert KEYS.canonical_keys_later("email", canonical)().equals(KEYS.canonical_keys("email", canonical))
    part = canonical.slice(1, 100_001)
    assert KEYS.canonical_keys_later("email", part)().equals(KEYS.canonical_keys("email", part))


def test_where_no_process_can_be_started_the_keys_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    canonical = canonical_column("email", WRITTEN)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert KEYS.canonical_keys_later("email", canonical)().equals(KEYS.canonical_keys("email", canonical))
