"""The search for circles is put off in a block, and is back after the last of several."""

from __future__ import annotations

import gc

import pytest

from consentmgr.kit.collector import without_collector


def test_the_search_is_back_after_the_last_block() -> None:
    assert gc.isenabled()
    with without_collector():
        assert not gc.isenabled()
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_search_is_back_after_a_fault() -> None:
    with pytest.raises(ValueError, match="wrong"), without_collector():
        raise ValueError("wrong")
    assert gc.isenabled()


def test_where_there_was_no_search_there_is_none_afterwards() -> None:
    gc.disable()
    try:
        with without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
