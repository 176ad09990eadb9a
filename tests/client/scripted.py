"""A small HTTP server on loopback that answers what it was told to, one answer after the other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Told = tuple[int, dict[str, str], bytes]


def told(status: int, body: object = None, **headers: str) -> Told:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, names, b"" if body is None else json.dumps(body).encode()


def problem(status: int, kind: str, **headers: str) -> Told:
    return told(status, {"type": f"urn:consentmgr:problem:{kind}", "title": "No", "detail": "Not so."}, **headers)


@dataclass
class Scripted:
    """A server that answers what stands next in ``script``; None closes the connection without an answer."""

    script: list[Told | None] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """The server while it runs."""
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scripted.asked.append((self.command, self.path, dict(self.headers), body))
            answer = scripted.script.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names the library calls

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield scripted
    running.shutdown()
    running.server_close()
    thread.join()
