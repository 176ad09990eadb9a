"""Nothing is connected to that is not public, however its address is written or whatever its name answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from consentmgr.edge.reachable import checked_address, is_good
from consentmgr.exports.destinations import checked, opened
from consentmgr.kit.errors import BadInput, NotDelivered

#: Hosts as people have written them to reach what is inside: every spelling of loopback, private, link-local,
#: metadata services, shared and reserved ranges, and IPv6 forms that carry an IPv4 address.
INSIDE = """
127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.0x0.0x0.0x1 0177.0.0.1 017700000001 0 0.0.0.0
localhost LOCALHOST localhost.localdomain ip6-localhost 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1
192.168.255.255 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.0.1 100.64.0.1 100.127.255.255
192.0.0.1 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 [::1] :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::ffff:7f00:1 0:0:0:0:0:ffff:7f00:1
::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::a00:1 2002:7f00:1:: 2002:a00:1:: 2002:c0a8:1::
2001:0:7f00:1:: fe80::1 fe80::1%lo fc00::1 fd00::1 fd00:ec2::254 ff02::1 2001:db8::1 100::1
192.0.0.192 168.63.129.16 100.100.100.200 192.88.99.1 0xa9.0xfe.0xa9.0xfe 169.16689662 0x7f.1 127.0.0.1. localhost.
::ffff:a9fe:a9fe ::ffff:0:7f00:1 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:80ff:fffe fec0::1 3fff::1
fe80::5efe:7f00:1 １２７.0.0.1 ⑯⑨.254.169.254
""".split()


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(set(INSIDE)) >= 60


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_an_inside_address_is_taken(host: str) -> None:
    with pytest.raises(NotDelivered):
        checked_address(host, 443, ())


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A server on this machine that remembers whatever reaches it and answers a redirect to itself."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        block = connection.recv(65536)
                        if not block:
                            break
                        data += block
                    heard.append(data)
                    connection.sendall(
                        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{port}/elsewhere\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
                    )

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port, heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


@pytest.mark.parametrize("scheme", ["http://localhost", "http://127.0.0.1"])
def test_no_connection_is_made_to_a_machine_inside_unless_it_is_named(scheme: str, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("x")
    with listening() as (port, heard):
        destination = opened(checked(f"{scheme}:{port}/in"), {}, ())
        with pytest.raises(NotDelivered, match="CONSENTMGR_PRIVATE_DESTINATIONS"):
            destination.put("a.csv", source)
        destination.close()
        assert not heard


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("x")
    with listening() as (port, heard):
        destination = opened(checked(f"http://127.0.0.1:{port}/in"), {}, (ip_network("127.0.0.0/8"),))
        with pytest.raises(NotDelivered, match="not followed"):
            destination.put("a.csv", source)
        destination.close()
        assert len(heard) == 1


def test_a_name_that_changes_its_answer_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["203.0.113.7", "8.8.8.8"], ["8.8.8.8"], ["127.0.0.1"]])

    def resolve(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotDelivered):
        checked_address("mixed.example", 443, ())
    # The address that was looked at is the one connected to; a second answer is never asked for.
    assert checked_address("rebinding.example", 443, ()) == "8.8.8.8"
    with pytest.raises(NotDelivered):
        checked_address("rebinding.example", 443, ())


def test_public_addresses_and_named_networks_are_good() -> None:
    assert is_good(ip_address("8.8.8.8"), ())
    assert is_good(ip_address("2606:4700:4700::1111"), ())
    assert is_good(ip_address("10.1.2.3"), (ip_network("10.1.2.0/24"),))
    assert not is_good(ip_address("10.1.3.3"), (ip_network("10.1.2.0/24"),))


@pytest.mark.parametrize(
    "address",
    [
        "http://partner.example/in",
        "https://user:secret@partner.example/in",
        "https://",
        "ftp://partner.example",
        "https://partner.example/in#part",
        "sftp://partner.example/in",
        "sftp://user:secret@partner.example/in",
        "s3://",
        "s3://bucket?endpoint=http://partner.example",
        "file:///etc/passwd",
        "webhook+http://partner.example/hook",
    ],
)
def test_addresses_that_must_not_be_used_are_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(BadInput) as refused:
        checked(address)
    assert refused.value.field == "--to"
    assert "secret" not in str(refused.value).replace("--secret-file", "")
