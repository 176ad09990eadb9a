"""What a call does, step by step, without doing it: sent by one client in a thread and by the other in an event loop.

A plan is a generator. It yields ``Send`` and is given the ``Answer`` (or ``Lost``), or yields ``Wait``; what it returns
is what the call returns. A stream yields ``Item`` besides. So retries, waiting and paging are written once, and the two
clients (``clients``) cannot differ in them.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from consentmgr.client.errors import Problem, UnexpectedAnswer, Unreachable, problem

T = TypeVar("T")

PREFIX: Final = "/api/v1"
#: How often one call is sent at most.
ATTEMPTS: Final = 5
#: Seconds before the second attempt; doubled each time, and spread, so that many clients do not come at once.
FIRST_WAIT: Final = 0.25
#: A server that asks for more than this is not waited for: the caller is told instead.
LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Send:
    """One request. ``file`` is sent as the body; ``to`` takes the answer's body where it is a success."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    file: Path | None = None
    to: Path | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back. ``body`` is empty where it was written to a file."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing came back; ``why`` names the kind of failure and quotes nothing."""

    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Item(Generic[T]):
    """One value of a stream."""

    value: T


Plan = Generator[Send | Wait, Any, T]
Stream = Generator[Send | Wait | Item[T], Any, None]


def call(
    method: str,
    path: str,
    *,
    json: object | None = None,
    query: Mapping[str, object | None] | None = None,
    headers: Mapping[str, str] | None = None,
    file: Path | None = None,
    content_type: str | None = None,
    to: Path | None = None,
    asks: bool = False,
) -> Plan[Answer]:
    """One call, sent again while it may help: nothing came back, 409 in flight, 429, 503.

    Everything that changes something carries one ``Idempotency-Key`` for all its attempts, so that it has one effect;
    ``asks`` is for a POST that changes nothing. Raises ``Problem`` or ``Unreachable``.
    """
    told = dict(headers or {})
    if method != "GET" and not asks:
        told["Idempotency-Key"] = str(uuid.uuid4())
    body = None
    if json is not None:
        body = msgspec.json.encode(json)
        told["Content-Type"] = "application/json"
    if content_type is not None:
        told["Content-Type"] = content_type
    asked = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    send = Send(method, PREFIX + path, asked, told, body, file, to)
    for attempt in range(1, ATTEMPTS + 1):
        answer = yield send
        if isinstance(answer, Answer) and answer.status < 400:
            return answer
        fault = problem_of(answer) if isinstance(answer, Answer) else None
        wait = _wait(fault, attempt)
        if wait is None or attempt == ATTEMPTS:
            break
        yield Wait(wait)
    if fault is not None:
        raise fault
    raise Unreachable(f"no answer came from the server ({answer.why})")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wait(fault: Problem | None, attempt: int) -> float | None:
    """Seconds before the next attempt; None where another would not help."""
    if fault is not None and not (fault.status in (429, 503) or (fault.status == 409 and fault.kind == "in-flight")):
        return None
    told = fault.retry_after if fault is not None else None
    if told is not None:
        return told if told <= LONGEST_WAIT else None
    return float(FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the attempts


def problem_of(answer: Answer) -> Problem:
    """The exception an answer of 400 and above stands for, whoever wrote it."""
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        found = {}
    told = answer.headers.get("retry-after", "")
    return problem(answer.status, found if isinstance(found, dict) else {}, float(told) if told.isdecimal() else None)


def decoded(answer: Answer, kind: type[T]) -> T:
    """The answer's body as what the API says it is. Fields this client does not know are passed over."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnexpectedAnswer(f"the answer is not as this client knows it: {error}") from None


def answered(kind: type[T], plan: Plan[Answer]) -> Plan[T]:
    """A call whose answer is of this kind."""
    return decoded((yield from plan), kind)
