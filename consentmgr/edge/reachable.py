"""Which machines may be connected to: public ones, and private ones that the operator has named.

A partner's address is text that somebody typed. It is resolved here, every address it resolves to is looked at,
and the connection is made to the very address that was found good, so that a name which answers differently the next
moment gains nothing. ``CONSENTMGR_PRIVATE_DESTINATIONS`` names networks inside the house that are meant.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from consentmgr.kit.errors import NotDelivered

VARIABLE = "CONSENTMGR_PRIVATE_DESTINATIONS"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Prefixes that carry an IPv4 address inside (RFC 6052, 3056, 4380): what is inside is what is reached.
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")

#: What Python's own tables call global, by its version, and is not for us: protocol assignments with Oracle's metadata
#: service (RFC 6890), the old 6to4 relays (RFC 7526), Azure's host agent, site-local addresses (RFC 3879), and the
#: second range for documentation (RFC 9637).
_NEVER: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("fec0::/10"),
    IPv6Network("3fff::/20"),
)


def reached(address: Address) -> list[Address]:
    """The address, and any that is inside it and would be reached through it."""
    if isinstance(address, IPv4Address):
        return [address]
    inside: list[Address] = [address]
    if address.ipv4_mapped is not None:
        inside.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        inside.append(address.sixtofour)
    if address.teredo is not None:
        inside.extend(address.teredo)
    if address in _NAT64 or address in _LOCAL_NAT64 or int(address) < 1 << 32:
        inside.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return inside


def is_good(address: Address, named: Sequence[Network]) -> bool:
    """Whether an address is public, or in a network the operator has named."""
    if any(address in network for network in named if network.version == address.version):
        return True
    return all(
        part.is_global
        and not part.is_multicast
        and not part.is_reserved
        and not any(part in network for network in _NEVER if network.version == part.version)
        for part in reached(address)
    )


def checked_address(host: str, port: int, named: Sequence[Network]) -> str:
    """The address to connect to for ``host``. Raises ``NotDelivered`` where none of its addresses may be used.

    All of them must be good: a name that answers with one public and one private address is not to be trusted.
    """
    bare = host.strip("[]")
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotDelivered(f"{host} has no address") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        # An address with a zone (fe80::1%eth0) is of the local network.
        if "%" in text or not is_good(ip_address(text), named):
            raise NotDelivered(f"{host} is inside a private network; name it in {VARIABLE} if that is really meant")
    return addresses[0]
