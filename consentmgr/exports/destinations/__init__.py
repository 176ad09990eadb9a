"""Where files can go, one file a kind, in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consentmgr.edge.reachable import Network
from consentmgr.exports.destinations import folder, https, mail_link, s3, sftp, webhook
from consentmgr.exports.destinations.destination import Destination, DestinationKind, Here
from consentmgr.kit.errors import BadInput

DESTINATIONS: tuple[DestinationKind, ...] = (
    folder.KIND,
    sftp.KIND,
    s3.KIND,
    https.KIND,
    https.LOOPBACK,
    webhook.KIND,
    webhook.LOOPBACK,
    mail_link.KIND,
)
BY_SCHEME = {kind.scheme: kind for kind in DESTINATIONS}


def checked(address: str) -> dict[str, Any]:
    """The options of a destination's address, as they are stored. Raises ``BadInput``."""
    scheme = address.partition(":")[0]
    if scheme not in BY_SCHEME:
        known = "; ".join(kind.describes for kind in DESTINATIONS)
        raise BadInput(f"“{scheme}” is no destination; there is {known}", field="--to")
    return {"kind": scheme, **BY_SCHEME[scheme].check(address)}


def opened(
    options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network], here: Here | None = None
) -> Destination:
    """The destination of stored options, open. ``here`` is the run, where there is one. Raises ``NotDelivered``."""
    kind = BY_SCHEME[str(options["kind"])]
    if kind.open_here is not None and here is not None:
        return kind.open_here(options, here)
    return kind.open(options, secrets, named)
