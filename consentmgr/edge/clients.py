"""Whose request it is, by address, behind as many proxies as there are.

``X-Forwarded-For`` is whatever a client writes, until a proxy of ours adds to its right end the address it was asked
from. So the list is read from the right, and the first address that is not a proxy of ours is the client's; what
stands to the left of it is the client's own invention and changes nothing. No other header is looked at: the product
never builds an address of its own from ``Host`` or ``X-Forwarded-Host``, but from ``CONSENTMGR_PUBLIC_URL`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from flask import current_app

if TYPE_CHECKING:
    from flask import Request

#: Where ``create_app`` keeps the networks of ``CONSENTMGR_TRUSTED_PROXIES``.
TRUSTED_PROXIES: Final = "TRUSTED_PROXIES"
#: The client of a request that came by no network, such as one through a socket file.
NOBODY: Final = "local"
#: One household, or one attacker, has a whole network of these; its machines count as one client.
_ONE_IPV6_CLIENT: Final = 64


def client_address(request: Request) -> str:
    """The address that limits are counted by: an IPv4 address, or the /64 network an IPv6 address lies in.

    It is personal data: it may be digested and counted, and is neither stored nor logged.
    """
    forwarded = request.headers.getlist("X-Forwarded-For")
    return client_of(request.remote_addr, forwarded, current_app.config.get(TRUSTED_PROXIES, ()))


def client_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The client of a connection from ``peer`` with these ``X-Forwarded-For`` headers, in their order."""
    client = _address(peer or "")
    if client is None:
        return NOBODY
    claims = [claim for header in forwarded_for for claim in header.split(",")]
    while claims and _is_one_of(client, trusted):
        claimed = _address(claims.pop())
        if claimed is None:
            # The proxy was given something that is no address; the proxy itself is all that is known.
            break
        client = claimed
    if isinstance(client, IPv6Address):
        return str(IPv6Network((client, _ONE_IPV6_CLIENT), strict=False))
    return str(client)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in one field of the header, which some proxies write with a port or brackets."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_one_of(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
