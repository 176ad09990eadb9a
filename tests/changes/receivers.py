"""A receiver of webhooks on this machine, which takes, refuses, or is away as a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks.webhooks import Webhook

from consentmgr.consents.heads import CHAINS


class Message(NamedTuple):
    id: str
    #: When it came.
    at: datetime
    body: bytes
    headers: dict[str, str]
    #: What was answered.
    status: int

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Receiver:
    """``answer`` is asked for the status of each message: 0 drops the connection without a word."""

    def __init__(self, answer: Callable[[int], int] = lambda _: 204) -> None:
        self.answer = answer
        self.came: list[Message] = []
        self.changed = threading.Condition()
        self.url = ""
        #: Sent with every answer.
        self.headers: dict[str, str] = {}

    @property
    def taken(self) -> list[Message]:
        """What it took, in the order it came, repeats too."""
        return [message for message in self.came if 200 <= message.status < 300]

    def first_of_each(self) -> list[Message]:
        """What it took, each message once, as a receiver does that looks at ids."""
        return list({message.id: message for message in reversed(self.taken)}.values())[::-1]

    def wait_for(self, count: int, seconds: float = 20) -> None:
        """Wait until so many different messages were taken."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.first_of_each()) >= count, seconds), len(self.taken)

    def verify(self, message: Message, *secrets: str) -> None:
        """As a receiver's library does, with each of these secrets."""
        for secret in secrets:
            Webhook(secret).verify(message.body.decode(), message.headers)

    def had(self, message: Message) -> None:
        with self.changed:
            self.came.append(message)
            self.changed.notify_all()


@contextmanager
def receiving(answer: Callable[[int], int] = lambda _: 204) -> Iterator[Receiver]:
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answer(len(receiver.came))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.had(Message(headers["webhook-id"], datetime.now(UTC), body, headers, status))
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Whoever sends may be killed."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def in_order(messages: Sequence[Message]) -> bool:
    """Whether the messages of each contact came in the order they were recorded."""
    last: dict[str, int] = {}
    for message in messages:
        number = int(message.document["data"]["id"][1:])
        # Contacts of a test that are in no register have small ids, and a chain of the ledger each.
        contact = (message.document["data"]["contact"] or {}).get("ref") or f"of chain {number % CHAINS}"
        if number < last.get(contact, 0):
            return False
        last[contact] = number
    return True
