"""Reading and writing doors of the API: one transaction each, and a write that is asked again has one effect.

A client that got no answer cannot know whether its write took place, so it asks again with the same
``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header). The answer is kept in the transaction of the effect:
either both are there or neither, whatever crashed when. It is kept encrypted under a key that only the installation's
secret and the client's own ``Idempotency-Key`` together give; the table has neither, so that what an answer held, a
secret or a person's data, is readable to nobody but the client who has had it already.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from hashlib import blake2b, sha256
from secrets import token_bytes
from tempfile import TemporaryFile
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Response, current_app, g, request
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge import application
from consentmgr.edge.answers import finished
from consentmgr.edge.api_problems import BadParameter
from consentmgr.edge.models import ApiAnswer
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.errors import ConsentmgrError

View = TypeVar("View", bound=Callable[..., Any])

HEADER: Final = "Idempotency-Key"
#: Told with an answer that was kept: the effect is of an earlier request.
REPLAYED: Final = "Idempotent-Replayed"
#: How long answers are kept.
KEEP_ANSWERS: Final = timedelta(hours=48)
#: Headers of an answer that belong to it and are kept with it.
_KEPT_HEADERS: Final = ("Content-Type", "Location", "ETag", "Link", "Retry-After")
#: Visible ASCII, with or without the quotes of a structured field.
_KEY: Final = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
#: Bodies up to this many bytes are digested in memory.
_IN_MEMORY: Final = 8_000_000
_WRITES: Final = "_api_writes"
_SESSION: Final = "api_session"
#: Who asks, as ``staff.api_access`` names it.
CALLER: Final = "api_caller_name"


class InFlight(ConsentmgrError):
    """The same request is being answered just now."""

    problem: ClassVar[str] = "in-flight"
    retry_after: ClassVar[int] = 1


class KeyReused(ConsentmgrError):
    """An idempotency key came with another request than it was first sent with."""

    problem: ClassVar[str] = "key-reused"


class AnswerLost(ConsentmgrError):
    """The request was answered, and the secret its answer was kept under is not there any more."""

    problem: ClassVar[str] = "answer-lost"


class _Undone(Exception):
    """A view answered that it did not do it; what it wrote before is undone."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Kept(msgspec.Struct, frozen=True):
    """An answer as it is kept."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Asked(NamedTuple):
    """A request that carries a key: the row its answer lies in, the digest of what it asks, and the key of the answer."""

    row: bytes
    request: bytes
    secret: bytes


def session() -> Session:
    """The session of the door that runs: of ``@writes``, its transaction; of ``@reads``, one position of the database."""
    found = g.get(_SESSION)
    if found is None:
        raise RuntimeError("the view is marked neither @reads nor @writes")
    assert isinstance(found, Session)
    return found


def reads(view: View) -> View:
    """A view that asks and writes no row: its questions all see the database at one position."""

    @wraps(view)
    def read(*arguments: Any, **named: Any) -> Response:
        with application.database().reading() as opened:
            g.api_session = opened
            try:
                return finished(current_app.ensure_sync(view)(*arguments, **named))
            finally:
                g.pop(_SESSION)

    read.__dict__[_WRITES] = False
    return read  # type: ignore[return-value]


def writes(view: View) -> View:
    """A view that acts, in one transaction with the answer it gives; asked again with the same ``Idempotency-Key``, it
    gives the same answer and does nothing. An answer of 400 or more undoes what was written before it.
    """

    @wraps(view)
    def write(*arguments: Any, **named: Any) -> Response:
        asked = _asked()
        try:
            with application.database().transaction() as opened:
                kept = _held(opened, asked) if asked is not None else None
                if kept is not None:
                    return _again(kept)
                g.api_session = opened
                try:
                    response = finished(current_app.ensure_sync(view)(*arguments, **named))
                finally:
                    g.pop(_SESSION)
                if response.status_code >= 400:
                    raise _Undone(response)
                if asked is not None:
                    opened.flush()
                    _keep(opened, asked, response)
        except _Undone as undone:
            return undone.response
        return response

    write.__dict__[_WRITES] = True
    return write  # type: ignore[return-value]


def is_writing(view: Callable[..., Any]) -> bool | None:
    """Whether a view is marked ``@writes`` or ``@reads``; None where it is neither."""
    return getattr(view, _WRITES, None)


def forget_answers(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """A job, for once an hour: remove answers that were kept long enough."""
    with database.transaction() as opened:
        gone = opened.execute(
            delete(ApiAnswer).where(ApiAnswer.answered_at < now - KEEP_ANSWERS).returning(ApiAnswer.answered_at)
        )
        return f"{len(gone.all())} answers forgotten"


def _asked() -> _Asked | None:
    given = request.headers.get(HEADER)
    if given is None:
        return None
    matched = _KEY.fullmatch(given)
    if matched is None:
        raise BadParameter("it must be 1 to 255 visible ASCII characters, such as a UUID", field=HEADER)
    caller, key = str(g.get(CALLER, "")), matched[1] or matched[2]
    name = f"{caller}\0{key}".encode()
    asked = sha256(f"{request.method}\0{request.path}\0{request.query_string.decode('latin-1')}\0".encode())
    _digest_body(asked.update)
    return _Asked(
        sha256(name).digest(),
        asked.digest(),
        blake2b(name, digest_size=32, key=application.keys().session_secret, person=b"api-answer").digest(),
    )


def _digest_body(add: Callable[[bytes], object]) -> None:
    """Digest the body and leave it to be read by the view: a large one from a file, which it is already or becomes."""
    length, most = request.content_length or 0, request.max_content_length
    if most is not None and length > most:
        raise RequestEntityTooLarge
    if length <= _IN_MEMORY:
        add(request.get_data(cache=True))
        return
    source = request.environ["wsgi.input"]
    if not (hasattr(source, "seekable") and source.seekable()):
        copy = TemporaryFile()  # noqa: SIM115 - the view reads it; it is gone with the request
        left = length
        while left and (part := source.read(min(left, 1_000_000))):
            copy.write(part)
            left -= len(part)
        request.environ["wsgi.input"] = source = copy
        source.seek(0)
    began = source.tell()
    while part := source.read(1_000_000):
        add(part)
    source.seek(began)


def _held(opened: Session, asked: _Asked) -> Kept | None:
    """Take hold of the key until the transaction ends; the answer, where there is one already."""
    number = int.from_bytes(asked.row[:8], signed=True)
    if not opened.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": number}):
        raise InFlight("the same request is being answered just now")
    found = opened.execute(select(ApiAnswer.request, ApiAnswer.answer).where(ApiAnswer.key == asked.row)).one_or_none()
    if found is None:
        return None
    if found.request != asked.request:
        raise KeyReused("this idempotency key was sent with another request before")
    try:
        packed = AESGCM(asked.secret).decrypt(found.answer[:12], found.answer[12:], asked.row)
    except InvalidTag:
        raise AnswerLost("the request was answered before, and its answer can no longer be shown") from None
    return msgspec.msgpack.decode(zlib.decompress(packed), type=Kept)


def _keep(opened: Session, asked: _Asked, response: Response) -> None:
    assert not response.is_streamed, "the answer of a write is kept, and cannot be a stream"
    headers = [(name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers]
    kept = Kept(response.status_code, headers, response.get_data())
    nonce = token_bytes(12)
    packed = zlib.compress(msgspec.msgpack.encode(kept), 1)
    opened.execute(
        insert(ApiAnswer).values(
            key=asked.row,
            request=asked.request,
            answer=nonce + AESGCM(asked.secret).encrypt(nonce, packed, asked.row),
            answered_at=clock.now(),
        )
    )


def _again(kept: Kept) -> Response:
    response = Response(kept.body, kept.status)
    for name, value in kept.headers:
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response
