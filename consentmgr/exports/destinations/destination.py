"""What every destination is: a place that takes whole files, one after the other, and never shows a part of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Protocol

from consentmgr.kit.errors import ConsentmgrError

Network = IPv4Network | IPv6Network


class NotDelivered(ConsentmgrError):
    """A destination did not take a file; trying again is safe."""

    exit_code = 3
    problem = "not-delivered"


class Destination(Protocol):
    """An open connection to where files go; a context manager."""

    def put(self, name: str, source: Path) -> None:
        """Make the file there under ``name``: whole and durable when this returns, and never in part before.

        The same file again is no harm. Raises ``NotDelivered``.
        """

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DestinationKind:
    """One row of ``DESTINATIONS``: the scheme of its address, how it is opened, and the secrets it takes.

    ``check`` refuses an address that must not be used, before anything is stored; ``open`` gets the options of the
    address, the secrets, and the private networks that may be reached. Both raise ``BadInput`` or ``NotDelivered``.
    """

    scheme: str
    describes: str
    check: Callable[[str], Mapping[str, Any]]
    open: Callable[[Mapping[str, Any], Mapping[str, str], Sequence[Network]], Destination]
    secrets: tuple[str, ...] = ()
