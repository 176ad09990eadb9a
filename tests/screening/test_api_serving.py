"""Screenings through the API of the real server: a body of its own in, done by a process of its own, a file out."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from tests.conftest import RunningServer
from tests.screening.desk_samples import fill, made, seen
from tests.screening.test_desk_serving import MEGABYTE, peak_memory
from tests.staff.api_calling import ApiCalling, ApiClient

QUERY = "/api/v1/screenings?campaign=2026-11-offer&name=large"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def json(self) -> dict[str, object]:
        return dict(json.loads(self.content))


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys)


def ask(
    web: RunningServer, client: ApiClient, method: str, path: str, body: Iterator[bytes] | None = None, size: int = 0,
    key: str | None = None,
) -> Answer:  # fmt: skip
    headers = {"Authorization": f"Bearer {client.token}"}
    if body is not None:
        headers |= {"Content-Type": "text/csv", "Content-Length": str(size)}
    if key is not None:
        headers["Idempotency-Key"] = key
    connection = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=120)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return Answer(answer.status, answer.headers, content)


def rows(size: int) -> tuple[list[bytes], int]:
    """A list of about ``size`` bytes in pieces, and its length."""
    piece = b"".join(b"somebody-%06d@posti.example\n" % number for number in range(3_000))
    pieces = [b"email\naino@posti.example\n", *[piece] * max(1, size // len(piece))]
    return pieces, sum(map(len, pieces))


def test_a_list_goes_in_and_its_answer_comes_out(
    api: ApiCalling, serve: Callable[..., RunningServer], database: Database, settings: Settings
) -> None:
    client, web = api(controllers={"acme"}), serve()
    pieces, size = rows(MEGABYTE // 4)
    begun = ask(web, client, "POST", QUERY, iter(pieces), size)
    assert begun.status == 202, begun.content
    place = begun.headers["Location"]
    deadline = time.monotonic() + 60
    while (told := ask(web, client, "GET", place).json)["status"] in ("queued", "running"):
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    assert told["status"] == "done", told
    allowed = ask(web, client, "GET", f"{place}/allowed")
    assert allowed.content == made(settings, seen(database, UUID(place[-36:])), "large.allowed.csv")
    assert b"aino@posti.example" in allowed.content
    assert allowed.headers["X-Sendfile"] is None
    assert "large.allowed.csv" in allowed.headers["Content-Disposition"]
    assert client.token not in web.log()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory by Linux' own means")
def test_the_largest_list_is_taken_once_without_being_held_in_memory(
    api: ApiCalling, serve: Callable[..., RunningServer], database: Database
) -> None:
    client, web = api(controllers={"acme"}), serve("--no-jobs")
    pieces, size = rows(1 * MEGABYTE)
    assert ask(web, client, "POST", QUERY, iter(pieces), size).status == 202
    before = peak_memory(web.process.pid)
    pieces, size = rows(195 * MEGABYTE)
    answers = [ask(web, client, "POST", QUERY, iter(pieces), size, key="large") for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202], answers[0].content
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert peak_memory(web.process.pid) - before < 25 * MEGABYTE
    assert seen(database, UUID(answers[0].headers["Location"][-36:])).file_bytes == size
