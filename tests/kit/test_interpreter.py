"""What is set otherwise in a block is as it was after the last of several."""

from __future__ import annotations

import gc
import sys

import pytest

from consentmgr.kit.interpreter import short_turns, without_collector


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


def test_turns_are_short_until_the_last_block_has_ended() -> None:
    usual = sys.getswitchinterval()
    with short_turns():
        with short_turns():
            assert sys.getswitchinterval() < usual
        assert sys.getswitchinterval() < usual
    assert sys.getswitchinterval() == usual
