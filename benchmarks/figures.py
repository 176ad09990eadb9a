"""What was measured, as it goes to the page: figures of one or more runs, and what was wanted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.processes import Measured


@dataclass(frozen=True, slots=True)
class Spread:
    """One quantity over its runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def text(self, unit: str = "", digits: int = 2) -> str:
        """Median, and from least to most where there was more than one run."""
        middle = f"{self.median:,.{digits}f}{unit}"
        if len(self.values) < 2:
            return middle
        return f"{middle} ({min(self.values):,.{digits}f}–{max(self.values):,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table: what was run, by which command, and how each run went."""

    what: str
    command: str
    runs: Sequence[Measured]

    @property
    def seconds(self) -> Spread:
        return Spread(tuple(run.seconds for run in self.runs))

    @property
    def processor(self) -> Spread:
        return Spread(tuple(run.processor for run in self.runs))

    @property
    def database_processor(self) -> Spread | None:
        values = tuple(run.database_processor for run in self.runs if run.database_processor is not None)
        return Spread(values) if values else None

    @property
    def peak(self) -> int:
        """Bytes: the most of any run."""
        return max(run.peak for run in self.runs)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing the work was asked to reach, and what it reached."""

    what: str
    limit: str
    got: str
    met: bool


@dataclass(slots=True)
class Section:
    """One heading of the page. ``part`` names what was run for it."""

    part: str
    title: str
    #: Sentences before the table.
    words: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    #: Sentences after it.
    notes: list[str] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
