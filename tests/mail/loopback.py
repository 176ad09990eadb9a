"""A real mail server on loopback, which does what a test tells it to."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Received:
    """One message as it arrived: who it was from and for on the wire, and its text."""

    mail_from: str
    recipients: list[str]
    raw: bytes
    #: Whether it came by TLS.
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())

    def link(self, path: str) -> str:
        """The link of the plain text whose path begins with ``path``, such as ``/c/``."""
        return next(line for line in self.text.splitlines() if line.startswith("http") and path in line)


#: An answer of the server to a recipient or a message, or None for the usual one.
Answer = Callable[[str], str | None]


@dataclass
class MailBox:
    """What arrived, and how the server behaves; changed while it runs."""

    received: list[Received] = field(default_factory=list)
    at_recipient: Answer = lambda _: None
    at_message: Answer = lambda _: None
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.at_recipient(address)
        if answer is not None:
            if answer == "drop":
                assert server.transport is not None
                server.transport.abort()
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.at_message(envelope.rcpt_tos[0])
        if answer == "drop":
            assert server.transport is not None
            server.transport.abort()
            return "421 gone"
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        if answer is None or answer.startswith("2"):
            received = Received(str(envelope.mail_from), list(envelope.rcpt_tos), raw, session.ssl is not None)
            with self._arrived:
                self.received.append(received)
                self._arrived.notify_all()
        return answer or "250 taken"

    def wait_for(self, number: int, seconds: float = 20) -> list[Received]:
        """The messages, once so many have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= number, seconds), len(self.received)
            return list(self.received)


class LoopbackServer:
    """An SMTP server and its mailbox. Use it as a context manager."""

    def __init__(self, host: str = "127.0.0.1", **options: Any) -> None:
        self.host = host
        self.port = 0
        self.box = MailBox()
        self._options = options

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        for tries_left in reversed(range(5)):
            with socket.socket() as probe:
                probe.bind((self.host, 0))
                self.port = int(probe.getsockname()[1])
            self._controller = Controller(self.box, hostname=self.host, port=self.port, **self._options)
            try:
                self._controller.start()
                break
            except OSError:
                # Another test took the port meanwhile.
                if not tries_left:
                    raise
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop(no_assert=True)


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A certificate for this address: the server's context, and one of a client that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
