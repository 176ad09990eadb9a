"""What every destination is: a place that takes whole files, one after the other, and never shows a part of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from consentmgr.edge.reachable import Network

if TYPE_CHECKING:
    from datetime import datetime

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


class Destination(Protocol):
    """An open connection to where files go; a context manager."""

    def put(self, name: str, source: Path) -> None:
        """Make the file there under ``name``: whole and durable when this returns, and never in part before.

        The same file again is no harm. Raises ``NotDelivered``.
        """

    def close(self) -> None: ...


@runtime_checkable
class Readable(Protocol):
    """A destination in which a partner may leave an answer."""

    def read(self, name: str) -> bytes | None:
        """The file of this name, or None where there is none or it is larger than ``LARGEST_ANSWER``.

        Raises ``NotDelivered`` where the destination cannot be reached.
        """


@dataclass(frozen=True, slots=True, repr=False)
class Here:
    """What a destination of this installation itself needs: whose run it is, and where things are kept."""

    database: Database
    settings: Settings
    keys: Keys
    run_id: int
    now: datetime


@dataclass(frozen=True, slots=True)
class DestinationKind:
    """One row of ``DESTINATIONS``: the scheme of its address, how it is opened, and the secrets it takes.

    ``check`` refuses an address that must not be used, before anything is stored; ``open`` gets the options of the
    address, the secrets, and the private networks that may be reached. Both raise ``BadInput`` or ``NotDelivered``.
    ``open_here`` is given instead of ``open`` where files stay in this installation.
    """

    scheme: str
    describes: str
    check: Callable[[str], Mapping[str, Any]]
    open: Callable[[Mapping[str, Any], Mapping[str, str], Sequence[Network]], Destination]
    secrets: tuple[str, ...] = ()
    open_here: Callable[[Mapping[str, Any], Here], Destination] | None = None
