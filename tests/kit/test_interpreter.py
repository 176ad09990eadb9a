"""What is set otherwise in a block is as it was after the last of several."""

from __future__ import annotations

import gc
import subprocess
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


def test_what_is_loaded_is_not_searched_and_what_comes_after_is() -> None:
    program = (
        "import gc\n"
        "from consentmgr.kit.interpreter import put_off_first_search\n"
        "put_off_first_search()\n"
        "before = gc.get_stats()[0]['collections']\n"
        "loaded = [[] for _ in range(400_000)]\n"
        "print(gc.get_stats()[0]['collections'] - before)\n"
        "more = [[] for _ in range(200_000)]\n"
        "print(gc.get_stats()[0]['collections'] - before, gc.get_threshold()[0], gc.callbacks)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    assert first == "0"
    searches, between, watchers = second.split()
    assert int(searches) >= 2
    assert int(between) < 100_000
    assert watchers == "[]"
