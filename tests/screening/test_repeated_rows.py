"""Which rows of a list repeat an address: told by the first of them, however alike the keys of others are."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.screening.service import repeated_rows

#: Few halves, so that keys are met that have one half in common and not the other.
_HALF = st.integers(0, 2).map(lambda number: number.to_bytes(8, "big"))
_KEY = st.none() | st.tuples(_HALF, _HALF).map(b"".join)


@given(st.lists(_KEY, max_size=30), st.integers(0, 3))
def test_a_repeated_row_names_the_first_with_its_address(keys: list[bytes | None], begun: int) -> None:
    first: dict[bytes, int] = {}
    wanted = []
    for number, key in enumerate(keys[begun:], start=1):
        wanted.append(None if key is None or first.setdefault(key, number) == number else first[key])
    assert repeated_rows(pa.array(keys, pa.binary(16)).slice(begun)).to_pylist() == wanted
