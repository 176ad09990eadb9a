"""Python's search for circles, put off while millions of small objects live and die that never point in any.

Looking for them among those takes a third of the time of an import. What is put off is done afterwards.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _AtWork:
    """How many blocks are at work now, of all threads; and whether there was a search before the first of them."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.blocks = 0
        self.was_enabled = True


_at_work = _AtWork()


@contextmanager
def without_collector() -> Iterator[None]:
    """No search for circles in this block, nor in any thread meanwhile; with the last such block it is back."""
    with _at_work.lock:
        if _at_work.blocks == 0:
            _at_work.was_enabled = gc.isenabled()
            gc.disable()
        _at_work.blocks += 1
    try:
        yield
    finally:
        with _at_work.lock:
            _at_work.blocks -= 1
            if _at_work.blocks == 0 and _at_work.was_enabled:
                gc.enable()
