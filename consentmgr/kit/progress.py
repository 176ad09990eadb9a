"""A progress bar that does not get in the way.

It goes to standard error, so that a command stays a Unix filter. On a terminal it is a bar; in a log or a pipe it is
a line every ten seconds, and nothing at all for what is done sooner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

#: Seconds between two lines where there is no terminal.
LINE_INTERVAL = 10.0

Advance = Callable[[int], None]


@contextmanager
def progress(total: int | None, label: str) -> Iterator[Advance]:
    """Yield ``advance(n)``, to be called after ``n`` more of ``total`` items are done; ``total`` may be unknown."""
    if sys.stderr.isatty():
        with _bar(total, label) as advance:
            yield advance
    else:
        yield _lines(total, label)


@contextmanager
def _bar(total: int | None, label: str) -> Iterator[Advance]:
    # rich takes a while to import, which a short command that shows no bar should not pay.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)


def _lines(total: int | None, label: str) -> Advance:
    done = 0
    told = monotonic()

    def advance(count: int) -> None:
        nonlocal done, told
        done += count
        if monotonic() - told >= LINE_INTERVAL:
            told = monotonic()
            share = f"{done:,} of {total:,} ({done / total:.0%})" if total else f"{done:,}"
            sys.stderr.write(f"{label}: {share}\n")
            sys.stderr.flush()

    return advance
