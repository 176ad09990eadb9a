"""The web server in this process: what it hands to the application, and what slow, large and odd requests come to."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, Response, request

from consentmgr import web_server
from consentmgr.web_server import WebServer
from tests.conftest import free_port

app = Flask("tried")
app.config["MAX_CONTENT_LENGTH"] = web_server.LARGEST_BODY
released = threading.Event()


@app.route("/said/<path:rest>", methods=["GET", "POST", "HEAD"])
def said(rest: str) -> dict[str, object]:
    return {
        "path": rest,
        "query": request.query_string.decode(),
        "body": request.get_data(as_text=True),
        "client": request.remote_addr,
        "forwarded": request.headers.getlist("X-Forwarded-For"),
        "kind": request.content_type,
        "method": request.method,
    }


@app.get("/waits")
def waits() -> str:
    released.wait(20)
    return "waited"


@app.get("/two")
def two() -> Response:
    answer = Response("two", mimetype="text/plain")
    answer.headers.add("Vary", "Accept")
    answer.headers.add("Vary", "Cookie")
    return answer


@app.get("/breaks/<int:after>")
def breaks(after: int) -> Response:
    def parts() -> Iterator[bytes]:
        for _ in range(after):
            yield b"x" * 1_000
        raise RuntimeError("this and that")

    return Response(parts(), mimetype="text/plain")


@contextmanager
def served(threads: int = 2) -> Iterator[SimpleNamespace]:
    """The application above on a free port, in a thread."""
    found = SimpleNamespace(port=free_port(), server=None)
    ready = threading.Event()

    async def run() -> None:
        found.server = WebServer(app, "127.0.0.1", found.port, threads=threads)
        running = asyncio.create_task(found.server.run())
        await found.server.listening(running)
        ready.set()
        await running

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    found.thread = thread
    try:
        yield found
    finally:
        if thread.is_alive():
            found.server.stop()
        thread.join(20)
        assert not thread.is_alive()


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        with connection.getresponse() as answer:
            return answer.status, answer.read(), dict(answer.headers)


def raw(port: int, *parts: bytes) -> bytes:
    """What is answered to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(65536)
            if not more:
                break
            answer += more
    return answer


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served() as found:
        yield found.port


def test_the_application_is_told_what_was_sent(port: int) -> None:
    status, content, headers = ask(
        port,
        "POST",
        "/said/%C3%A4%20b?a=1&b=%20",
        "runko ä".encode(),
        Content_Type="text/plain; charset=utf-8",
        X_Forwarded_For="192.0.2.1",
    )
    assert status == 200
    assert json.loads(content) == {
        "path": "ä b",
        "query": "a=1&b=%20",
        "body": "runko ä",
        "client": "127.0.0.1",
        "forwarded": ["192.0.2.1"],
        "kind": "text/plain; charset=utf-8",
        "method": "POST",
    }
    assert headers["content-type"] == "application/json"


def test_a_head_has_the_length_and_no_body(port: int) -> None:
    status, content, headers = ask(port, "HEAD", "/said/x")
    assert (status, content) == (200, b"")
    assert int(headers["content-length"]) > 50


def files_open() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("after", [1, 300])
def test_an_answer_that_breaks_does_not_end_as_a_whole_one_does(port: int, after: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as neighbour:
        neighbour.request("GET", "/said/x")
        neighbour.getresponse().read()
        before = files_open()
        with pytest.raises((IncompleteRead, ConnectionError)):
            ask(port, "GET", f"/breaks/{after}")
        # Looking for the connection leaves no file open.
        deadline = time.monotonic() + 20
        while files_open() > before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # Nobody else's connection is touched, and the server goes on.
        neighbour.request("GET", "/said/x")
        assert neighbour.getresponse().read()


def test_headers_that_come_twice_are_kept(port: int) -> None:
    answer = raw(port, b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").lower()
    assert answer.count(b"\r\nvary: ") == 2


def test_a_header_spelt_with_underscores_is_not_taken_for_the_real_one(port: int) -> None:
    answer = raw(
        port,
        b"GET /said/x HTTP/1.1\r\nHost: x\r\nX_Forwarded_For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert b'["192.0.2.1"]' in answer
    assert b"203.0.113.9" not in answer


@pytest.mark.parametrize("head", [b"Host: a\r\nHost: b\r\n", b"Content-Length: 1\r\nContent-Length: 2\r\n"])
def test_a_request_that_says_two_things_is_refused(port: int, head: bytes) -> None:
    answer = raw(port, b"POST /said/x HTTP/1.1\r\n" + head + b"\r\nab")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))


def test_a_length_and_chunks_together_cannot_smuggle_a_second_request(port: int) -> None:
    smuggled = b"GET /said/second HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(
        port,
        b"POST /said/first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        + smuggled,
    )
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert b"second" not in answer


def test_a_body_beyond_the_limit_is_refused_without_being_read(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST /said/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        # Either the connection is closed while more is sent, or the answer comes; it depends on the moment.
        with suppress(OSError):
            for _ in range(2000):
                connection.sendall(chunk)
            raise AssertionError("all of it was taken")
        with suppress(OSError):
            answer = connection.recv(100)
    assert answer[:12] in (b"", b"HTTP/1.1 413")
    assert ask(port, "GET", "/said/x")[0] == 200


def test_a_body_that_is_said_to_be_too_large_is_refused_by_the_page_in_its_own_words(port: int) -> None:
    answer = raw(port, b"POST /said/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"text/html" in answer


def test_clients_that_send_a_byte_at_a_time_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "HEAD_SECONDS", 1)
    monkeypatch.setattr(web_server, "BODY_SECONDS", 1)
    with served(threads=2) as found:
        slow = []
        for begun in [b"GET /said", b"POST /said/x HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nab"] * 20:
            connection = socket.create_connection(("127.0.0.1", found.port), timeout=20)
            connection.sendall(begun)
            slow.append(connection)
        assert ask(found.port, "GET", "/said/x")[0] == 200
        answers = [connection.recv(1000) for connection in slow]
        for connection in slow:
            connection.close()
    assert all(not answer or answer.startswith(b"HTTP/1.1 408") for answer in answers)
    assert any(answer.startswith(b"HTTP/1.1 408") for answer in answers)


def test_a_thousand_idle_connections_leave_room_for_others() -> None:
    with served(threads=2) as found, ExitStack() as held:
        for _ in range(1000):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", found.port), timeout=20))
            connection.sendall(b"GET /sa")
        began = time.monotonic()
        assert ask(found.port, "GET", "/said/x")[0] == 200
        assert time.monotonic() - began < 5


def test_who_would_wait_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "MOST_WAITING", 1)
    released.clear()
    with served() as found:
        asking = threading.Thread(target=lambda: ask(found.port, "GET", "/waits"))
        asking.start()
        deadline = time.monotonic() + 10
        while not found.server._waiting and time.monotonic() < deadline:
            time.sleep(0.01)
        status, _, headers = ask(found.port, "GET", "/said/x")
        assert (status, headers["retry-after"]) == (503, "5")
        released.set()
        asking.join(20)
        assert ask(found.port, "GET", "/said/x")[0] == 200


def test_what_was_begun_is_answered_before_the_end() -> None:
    released.clear()
    with served() as found:
        answers: list[tuple[int, bytes, dict]] = []
        asking = threading.Thread(target=lambda: answers.append(ask(found.port, "GET", "/waits")))
        asking.start()
        deadline = time.monotonic() + 10
        while not found.server._pages._threads and time.monotonic() < deadline:
            time.sleep(0.01)
        found.server.stop()
        found.thread.join(0.3)
        assert found.thread.is_alive()
        released.set()
        asking.join(20)
        found.thread.join(20)
        assert answers[0][:2] == (200, b"waited")
        assert not found.thread.is_alive()
