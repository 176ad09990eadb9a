"""A mail server for the demonstration alone: takes whatever is handed in on this machine, and sends nothing on.

Each mail becomes a file that any mail programme opens. It speaks as much of SMTP (RFC 5321) as the product's own
courier asks for; in an installation mail goes to a real server.
"""

from __future__ import annotations

import socketserver
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import Final

_LARGEST: Final = 1_000_000


class MailCatcher:
    """Listens on a free loopback port until ``close``. ``caught`` is called with each mail's file."""

    def __init__(self, folder: Path, caught: Callable[[Path], None]) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder, self._caught = folder, caught
        self._lock = Lock()
        catcher = self

        class Conversation(socketserver.StreamRequestHandler):
            timeout = 60

            def handle(self) -> None:
                catcher._converse(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Conversation)
        self._thread = Thread(target=self._server.serve_forever, name="mail catcher", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """As ``CONSENTMGR_SMTP_URL`` wants it."""
        return f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _converse(self, client: socketserver.StreamRequestHandler) -> None:
        def say(line: str) -> None:
            client.wfile.write(f"{line}\r\n".encode())

        say("220 demonstration")
        while line := client.rfile.readline(1000):
            verb = line[:4].strip().upper()
            if verb == b"DATA":
                say("354 go on")
                if (mail := _mail(client)) is None:
                    return
                self._keep(mail)
                say("250 kept")
            elif verb == b"QUIT":
                say("221 bye")
                return
            elif verb in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"):
                say("250 demonstration")
            else:
                say("502 not here")

    def _keep(self, mail: bytes) -> None:
        with self._lock:
            path = self._folder / f"{sum(1 for _ in self._folder.glob('*.eml')) + 1:04}.eml"
            path.write_bytes(mail)
        self._caught(path)


def _mail(client: socketserver.StreamRequestHandler) -> bytes | None:
    """The lines up to the one that is a full stop; None where they never end."""
    lines: list[bytes] = []
    length = 0
    while line := client.rfile.readline(_LARGEST):
        if line.rstrip(b"\r\n") == b".":
            return b"".join(lines)
        length += len(line)
        if length > _LARGEST:
            return None
        # A full stop at the beginning was doubled by the sender (RFC 5321, 4.5.2).
        lines.append(line[1:] if line.startswith(b"..") else line)
    return None
