"""One WSGI application behind Granian's embeddable server: requests are read whole before a thread is taken.

The server reads and writes for every client outside Python, so that a client that sends a byte a second holds a file
and no thread. Only when a request has come whole does a thread take it: Flask is a WSGI application, and each of its
requests runs in a thread of its own from a small pool. Why this server and no other is in
docs/decisions/0009-web-server.md.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from flask import Flask

#: Threads that make pages. A page is a millisecond of work with a question to the database in it; more threads than
#: this only pass the interpreter to and fro (measured: 910 pages a second with two, 650 with eight, 560 with 32).
PAGES_AT_A_TIME = 2
_SAFE = ("GET", "HEAD", "OPTIONS")
#: The largest body of a request, in bytes; a form of ours has some hundreds.
LARGEST_BODY: Final = 1_000_000
#: Seconds a client may take to send the head of its request, and then its body.
HEAD_SECONDS: Final = 15
BODY_SECONDS: Final = 15
#: Seconds an upload may take in all, as long as no silence in it is longer than ``BODY_SECONDS``.
UPLOAD_SECONDS: Final = 1_800
#: Uploads that come in at the same time; each waits on the disk until it is whole.
MOST_UPLOADS: Final = 8
#: Connections at once, most of which say nothing; one beyond waits in the kernel's queue. Each is an open file.
MOST_CONNECTIONS: Final = 8_192
#: Whole requests that wait for a thread; one beyond is told to come back.
MOST_WAITING: Final = 1_024
#: Headers of which a request has one. Where a client sends two, nobody can tell which of them a proxy looked at.
_ONCE: Final = frozenset({"content-length", "content-type", "host", "transfer-encoding"})
#: RFC 9110 section 7.6.1: these are between us and the next machine, and are set by the server alone.
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})

#: By this field the application names a file that is the whole answer (Flask's ``USE_X_SENDFILE``).
_FILE: Final = "x-sendfile"

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Body:
    """What a client sent, to be read once; ``length`` is what it said it sends where that is too much to be taken."""

    stream: BinaryIO
    length: int


class _Parts:
    """An answer that is made while it is sent."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._whole = parts
        self._rest = iter(parts)

    def next(self) -> bytes:
        """The next part that is not empty; nothing at the end."""
        return next((part for part in self._rest if part), b"")

    def close(self) -> None:
        close = getattr(self._whole, "close", None)
        if close is not None:
            close()


class _TooMany(Exception):
    """As many uploads as may come in at once are coming in."""


class _TooLarge(Exception):
    """A body beyond the limit, which is not read to its end."""


#: The largest body a method and path take.
Largest = Callable[[str, str], int]


def _as_large_as_any(_method: str, _path: str) -> int:
    return LARGEST_BODY


class WebServer:
    """One WSGI application at one address, until it is told to stop; then the requests it has are answered first.

    A body of more than ``LARGEST_BODY`` is taken only where ``largest`` says so, and waits in a file in ``folder``
    (the system's for passing files where there is none), not in memory.
    """

    def __init__(
        self,
        application: WSGIApplication,
        host: str,
        port: int,
        *,
        threads: int,
        largest: Largest = _as_large_as_any,
        folder: Path | None = None,
    ) -> None:
        # Granian takes a moment to import, and other commands of this product do without it.
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.server.embed import Server

        self._application = application
        self._host, self._port = host, port
        self._largest, self._folder = largest, folder
        #: Uploads that are coming in; counted by the event loop alone.
        self._uploads = 0
        #: Requests given to the threads and not answered yet; counted by the event loop alone.
        self._waiting = 0
        self._acts = ThreadPoolExecutor(threads, thread_name_prefix="act")
        self._pages = ThreadPoolExecutor(min(threads, PAGES_AT_A_TIME), thread_name_prefix="page")
        self._server = Server(
            self._answer,
            address=host,
            port=port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=1024,
            backpressure=_connections_allowed(),
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=65_536),
        )

    async def run(self) -> None:
        """Serve until ``stop``, which may be called from any thread."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._server.serve()
        finally:
            self._acts.shutdown()
            self._pages.shutdown()

    async def listening(self, running: asyncio.Task[None]) -> None:
        """Wait until clients can connect, or ``run`` has ended without that."""
        while not running.done():
            try:
                _, writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return

    def stop(self) -> None:
        """End ``run`` when the requests that are being answered have been."""
        self._loop.call_soon_threadsafe(self._server.stop)

    async def _answer(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers
        body = _Body(io.BytesIO(), 0)
        if "content-length" in headers or "transfer-encoding" in headers:
            try:
                body = await self._body(scope, protocol)
            except TimeoutError:
                return _refuse(protocol, HTTPStatus.REQUEST_TIMEOUT)
            except _TooLarge:
                return _refuse(protocol, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            except _TooMany:
                return _refuse(protocol, HTTPStatus.SERVICE_UNAVAILABLE)
        with body.stream:
            if self._waiting >= MOST_WAITING:
                return _refuse(protocol, HTTPStatus.SERVICE_UNAVAILABLE)
            self._waiting += 1
            try:
                threads = self._pages if scope.method in _SAFE else self._acts
                # One context for the whole answer, whichever thread makes the next part of it.
                context = copy_context()
                status, told, content = await self._loop.run_in_executor(threads, context.run, self._call, scope, body)
            finally:
                self._waiting -= 1
            if isinstance(content, _Parts):
                return await self._send(protocol, scope.client, status, told, content, context)
        with suppress(RuntimeError):  # The client has gone.
            if isinstance(content, Path):
                protocol.response_file(status, told, str(content))
            else:
                protocol.response_bytes(status, told, content)
        return None

    async def _send(
        self, protocol: Any, client: str, status: int, told: Headers, parts: _Parts, context: Context
    ) -> None:
        """Send an answer part by part; the next is made when the one before has been taken, so that the memory holds
        one however long the answer is and however slow the client. Where a part cannot be made the connection is cut,
        because an answer that ends as answers end would be taken for the whole.
        """
        try:
            transport = protocol.response_stream(status, told)
            while True:
                try:
                    part = await self._loop.run_in_executor(self._acts, context.run, parts.next)
                except Exception as error:  # noqa: BLE001 - whatever it is, the answer is not whole
                    _cut(client)
                    _log_broken(error)
                    return
                if not part:
                    break
                await transport.send_bytes(part)
        except RuntimeError:
            # The client has gone.
            return
        finally:
            await self._loop.run_in_executor(self._acts, context.run, parts.close)

    async def _body(self, scope: Any, protocol: Any) -> _Body:
        """The body of a request: in memory, or where it is an upload in a file."""
        declared = scope.headers.get("content-length") or ""
        length = int(declared) if declared.isascii() and declared.isdigit() else None
        if length is not None and length <= LARGEST_BODY and "transfer-encoding" not in scope.headers:
            # The server reads no more than was declared, so it may be read in one go.
            async with asyncio.timeout(BODY_SECONDS):
                whole = await protocol()
            return _Body(io.BytesIO(whole), len(whole))
        most = max(self._largest(scope.method, scope.path), LARGEST_BODY)
        if length is not None and length > most:
            # The page says what it takes, in the reader's language; it needs the length for that and not the body.
            return _Body(io.BytesIO(), length)
        if most == LARGEST_BODY:
            async with asyncio.timeout(BODY_SECONDS):
                return await _read(protocol)
        if self._uploads >= MOST_UPLOADS:
            raise _TooMany
        self._uploads += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._upload(protocol, most)
        finally:
            self._uploads -= 1

    async def _upload(self, protocol: Any, most: int) -> _Body:
        stream: BinaryIO = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed where the answer is made
        try:
            length = 0
            parts = aiter(protocol)
            while True:
                try:
                    async with asyncio.timeout(BODY_SECONDS):
                        part = await anext(parts)
                except StopAsyncIteration:
                    break
                length += len(part)
                if length > most:
                    raise _TooLarge
                stream.write(part)
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        return _Body(stream, length)

    def _call(self, scope: Any, body: _Body) -> tuple[int, Headers, bytes | Path | _Parts]:
        """The application's answer to a request that has come whole; a path where the answer is a whole file, and its
        parts where it does not say how long it is.
        """
        environ = self._environment(scope, body)
        if environ is None:
            return HTTPStatus.BAD_REQUEST, [("content-length", "0")], b""
        status, headers = 500, []

        def start_response(line: str, given: Headers, _error: object = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status = int(line[:3])
            headers = [(name.lower(), value) for name, value in given if name.lower() not in _HOP_BY_HOP]
            return _no_writing

        parts: Iterable[bytes] = self._application(environ, start_response)
        named = {name for name, _ in headers}
        if status == HTTPStatus.OK and not named & {"content-length", _FILE} and environ["REQUEST_METHOD"] != "HEAD":
            return status, headers, _Parts(parts)
        try:
            content = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        file = next((value for name, value in headers if name == _FILE), None)
        headers = [(name, value) for name, value in headers if name != _FILE]
        if environ["REQUEST_METHOD"] == "HEAD":
            return status, headers, b""
        # A file goes from the disk to the client without passing through Python.
        return status, headers, content if file is None else Path(file)

    def _environment(self, scope: Any, body: _Body) -> dict[str, Any] | None:
        """What WSGI tells an application (PEP 3333); None for a request that says the same thing twice."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": scope.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
            "QUERY_STRING": scope.query_string,
            "SERVER_NAME": self._host,
            "SERVER_PORT": str(self._port),
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scope.scheme,
            "wsgi.input": body.stream,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        seen = set()
        for name, value in scope.headers.items():
            if name in _ONCE:
                if name in seen:
                    return None
                seen.add(name)
            if "_" in name:
                # X_Forwarded_For would become the same variable as X-Forwarded-For.
                continue
            key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["CONTENT_LENGTH"] = str(body.length)
        return environ


def _cut(client: str) -> None:
    """Close the connection to a client (``address:port``) where it stands, so that it sees the answer end too early.

    The server knows an answer's end only as its good end, and keeps its connections to itself; so the connection is
    looked for among the files of this process. Systems without ``/dev/fd`` (Windows) have no such list: there the
    client has the mark of the end that the operation offers.
    """
    with suppress(FileNotFoundError):
        for number in sorted(int(file.name) for file in Path("/dev/fd").iterdir()):
            with suppress(OSError):
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
                with socket.socket(fileno=os.dup(number)) as connection:
                    if connection.type == socket.SOCK_STREAM and _told_alike(connection.getpeername(), client):
                        connection.shutdown(socket.SHUT_RDWR)


def _told_alike(peer: Any, client: str) -> bool:
    address, _, port = client.rpartition(":")
    if not isinstance(peer, tuple) or str(peer[1]) != port:
        return False
    here, there = (ip_address(one.strip("[]").partition("%")[0]) for one in (peer[0], address))
    return (getattr(here, "ipv4_mapped", None) or here) == (getattr(there, "ipv4_mapped", None) or there)


def _log_broken(error: Exception) -> None:
    from consentmgr.edge.logs import log, where

    log().error("answer_broken", **where(error))


async def _read(protocol: Any) -> _Body:
    parts, length = [], 0
    async for part in protocol:
        length += len(part)
        if length > LARGEST_BODY:
            raise _TooLarge
        parts.append(part)
    return _Body(io.BytesIO(b"".join(parts)), length)


def largest_bodies(app: Flask) -> Largest:
    """What each route takes, by the mark of its view."""
    from werkzeug.exceptions import HTTPException

    from consentmgr.staff.access import largest_of

    routes = app.url_map.bind("localhost")

    def largest(method: str, path: str) -> int:
        try:
            endpoint, _ = routes.match(path, method)
        except HTTPException:
            return LARGEST_BODY
        return largest_of(app.view_functions[endpoint]) or LARGEST_BODY

    return largest


def _refuse(protocol: Any, status: HTTPStatus) -> None:
    """A short answer to a client that does not keep to what is usual; the connection is not used again."""
    with suppress(RuntimeError):
        protocol.response_bytes(
            int(status),
            [
                ("content-type", "text/plain; charset=utf-8"),
                ("connection", "close"),
                ("cache-control", "no-store"),
                ("retry-after", "5"),
            ],
            f"{status.phrase}\n".encode(),
        )


def _connections_allowed() -> int:
    """As many as files may be open, less what the process needs itself, after asking for as many as it may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + 512
    if soft != resource.RLIM_INFINITY and soft < wanted:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(128, min(MOST_CONNECTIONS, soft - 512))


def _no_writing(_content: bytes) -> object:
    raise NotImplementedError("an application returns its content")
