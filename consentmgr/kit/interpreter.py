"""What of Python itself is set otherwise: while a command begins and ends, and while much is done.

The latter for all threads, until the last block that asked has ended.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from typing import Final

#: Half a millisecond, where a turn is usually 5.
_SHORT_TURN: Final = 0.000_5
#: New objects before the first search for circles of dead ones: several times what any command loads. And between two
#: searches from then on.
_BEFORE_FIRST: Final = 500_000
_BETWEEN: Final = 50_000


def put_off_first_search() -> None:
    """For a process that has just begun: nothing that it loads is searched for dead circles, of which there are none.

    Python's own few hundred objects between two searches make a command go a dozen times through what it has only just
    loaded, which is a sixth of what a short list takes.
    """
    gc.set_threshold(_BEFORE_FIRST)
    gc.callbacks.append(_search_sooner)


def _search_sooner(phase: str, _told: object) -> None:
    if phase == "stop":
        gc.callbacks.remove(_search_sooner)
        gc.set_threshold(_BETWEEN)


def end_at_once() -> Callable[[int], None]:
    """For a process that has just begun: gives what is to be told its exit code at its end.

    It then ends as soon as its threads have, and what was registered for the end since is done. Python would search all
    it holds three times over while it takes itself down, a fifth of a second after a long list, and what that frees is
    the system's a moment later anyway. Only to leave out the search is not enough: the binding of DuckDB then tells
    everybody that its own types are leaked.
    """
    codes: list[int] = []
    # The first to be registered is the last to be called.
    atexit.register(_end, codes)
    return codes.append


def _end(codes: list[int]) -> None:
    if codes:
        for stream in (sys.stdout, sys.stderr):
            # Whoever read them may have gone.
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(codes[-1])


class _WhileAtWork:
    """A setting that holds while any block of any thread is at work. ``change`` makes it and gives what puts it back."""

    def __init__(self, change: Callable[[], Callable[[], object]]) -> None:
        self._change = change
        self._lock = Lock()
        self._blocks = 0
        self._put_back: Callable[[], object] = _nothing

    @contextmanager
    def block(self) -> Iterator[None]:
        with self._lock:
            if self._blocks == 0:
                self._put_back = self._change()
            self._blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if self._blocks == 0:
                    self._put_back()


def _nothing() -> None:
    """What there is to put back where nothing was set."""


def _put_off_searching() -> Callable[[], object]:
    was_enabled = gc.isenabled()
    gc.disable()
    return gc.enable if was_enabled else _nothing


def _shorten_turns() -> Callable[[], object]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN)
    return partial(sys.setswitchinterval, usual)


#: No search for circles, while millions of small objects live and die that never point in any: looking for them among
#: those takes a third of the time of an import. What is put off is done afterwards.
without_collector: Final = _WhileAtWork(_put_off_searching).block
#: One thread gives way to another ten times as soon. One that only hands bytes on needs the interpreter for an instant
#: and hundreds of times a second; where it waits for a whole turn each time, whoever takes the bytes stands idle.
short_turns: Final = _WhileAtWork(_shorten_turns).block
