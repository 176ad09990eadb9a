"""How soon one thread of Python gives way to another that has something to do.

Usually a thread that computes keeps the interpreter for 5 ms. One that only hands bytes on needs it for an instant and
hundreds of times a second; where it waits so long each time, whoever takes the bytes stands idle.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_SHORT: Final = 0.000_5


class _AtWork:
    """How many blocks are at work now, of all threads; and how long a turn was before the first of them."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.blocks = 0
        self.usual = 0.0


_at_work = _AtWork()


@contextmanager
def short_turns() -> Iterator[None]:
    """Turns of half a millisecond in this block, for all threads; with the last such block they are as before."""
    with _at_work.lock:
        if _at_work.blocks == 0:
            _at_work.usual = sys.getswitchinterval()
            sys.setswitchinterval(_SHORT)
        _at_work.blocks += 1
    try:
        yield
    finally:
        with _at_work.lock:
            _at_work.blocks -= 1
            if _at_work.blocks == 0:
                sys.setswitchinterval(_at_work.usual)
