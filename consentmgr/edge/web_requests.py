"""One way of making requests to partners: to a checked address, over TLS, without redirects, with timeouts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from consentmgr.edge.reachable import Network, checked_address
from consentmgr.kit.errors import BadInput, NotDelivered

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
#: Bytes of an answer that are read; a manifest has some thousands.
LARGEST_ANSWER: Final = 1_000_000
_BLOCK = 1 << 20


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Whose certificates are believed: read once a process, since reading them takes longer than most requests."""
    return httpx.create_ssl_context()


class PinnedTransport(httpx.HTTPTransport):
    """Connects to the address that was checked; name and certificate stay those of the host."""

    def __init__(self, named: Sequence[Network]) -> None:
        super().__init__(verify=trusted())
        self._named = named

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        address = checked_address(host, port, self._named)
        request.url = request.url.copy_with(host=address)
        request.extensions = {**request.extensions, "sni_hostname": host}
        return super().handle_request(request)


def client(named: Sequence[Network], timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    """Requests of this client follow no redirect and no proxy of the environment."""
    return httpx.Client(transport=PinnedTransport(named), timeout=timeout, follow_redirects=False, trust_env=False)


def checked_url(address: str, *, loopback_http: bool = True, field: str = "--to") -> str:
    """A web address that personal data may go to. Raises ``BadInput``: it must be https and hold no password."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise BadInput("is not a web address", field=field) from None
    if not host or parts.username or parts.password or parts.fragment:
        raise BadInput("is a plain web address, without a user or password in it", field=field)
    plain = parts.scheme == "http" and loopback_http and host in ("localhost", "127.0.0.1")
    if parts.scheme != "https" and not plain:
        raise BadInput("must begin with https://, because what goes there is about people", field=field)
    return address


def send(http: httpx.Client, request: httpx.Request) -> None:
    """Send; anything but a 2xx is not delivered. What the other side says is not repeated: it may hold anything."""
    try:
        response = http.send(request)
    except httpx.HTTPError as error:
        raise NotDelivered(
            f"{request.headers.get('host', 'the partner')} did not answer: {type(error).__name__}"
        ) from None
    if response.is_redirect:
        raise NotDelivered(f"{request.headers['host']} sends on to another address, which is not followed")
    if not response.is_success:
        raise NotDelivered(f"{request.headers['host']} answered {response.status_code}")


def fetch(http: httpx.Client, request: httpx.Request) -> bytes | None:
    """What lies at an address; None where nothing does, or more than ``LARGEST_ANSWER``. Raises ``NotDelivered``.

    A store that lets a key write and not list answers 403 for what is not there.
    """
    data = bytearray()
    try:
        response = http.send(request, stream=True)
        try:
            if response.status_code in (403, 404):
                return None
            if not response.is_success:
                raise NotDelivered(f"{request.headers['host']} answered {response.status_code}")
            for block in response.iter_bytes():
                data += block
                if len(data) > LARGEST_ANSWER:
                    return None
        finally:
            response.close()
    except httpx.HTTPError as error:
        raise NotDelivered(f"{request.headers['host']} did not answer: {type(error).__name__}") from None
    return bytes(data)


def blocks(path: Path) -> Iterator[bytes]:
    """A file's bytes in portions, so that it never lies in memory whole."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
