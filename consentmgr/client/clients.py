"""The two clients: the same operations, carried out in a thread or in an event loop.

``Call`` and ``Feed`` stand in the table of ``operations``; asked of a ``Client`` they answer at once, asked of an
``AsyncClient`` they are awaited. The type checker knows both.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, ParamSpec, Self, TypeVar, overload
from urllib.parse import urlsplit

import httpx

from consentmgr.client.plans import Answer, Item, Lost, Plan, Send, Stream, Wait

P = ParamSpec("P")
T = TypeVar("T")

KEY_VARIABLE: Final = "CONSENTMGR_API_KEY"
URL_VARIABLE: Final = "CONSENTMGR_API_URL"
#: Seconds: to connect, and between two pieces of an answer.
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_CHUNK: Final = 1 << 18
#: Hosts that may be asked without TLS, being this machine.
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class _Connection:
    """What both clients are told: where, and with which key. Neither shows the key."""

    def __init__(self, url: str | None, key: str | None) -> None:
        url = url or os.environ.get(URL_VARIABLE)
        key = key or os.environ.get(KEY_VARIABLE)
        if not url:
            raise ValueError(f"give the address of the server, or set {URL_VARIABLE}")
        if not key:
            raise ValueError(f"give the key, or set {KEY_VARIABLE}")
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("the address of the server must begin with https://, so that nobody reads the key")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "*/*"}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _request(self, step: Send) -> dict[str, Any]:
        # Told beforehand, so that the server can refuse what is too large before it has come.
        length = {"Content-Length": str(step.file.stat().st_size)} if step.file is not None else {}
        return {
            "method": step.method,
            "url": self.url + step.path,
            "params": dict(step.query),
            "headers": {**self._headers, **length, **step.headers},
        }


class SyncConnection(_Connection):
    """Carries plans out in the thread that asks."""

    def __init__(self, url: str | None = None, key: str | None = None, *, transport: Any = None) -> None:
        super().__init__(url, key)
        self._http = httpx.Client(timeout=_TIMEOUT, follow_redirects=False, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that were kept open."""
        self._http.close()

    def _step(self, step: Send | Wait) -> Answer | Lost | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        try:
            if step.file is None:
                return self._sent(step, step.body)
            with step.file.open("rb") as file:
                return self._sent(step, file)
        except httpx.TransportError as error:
            return Lost(type(error).__name__)

    def _sent(self, step: Send, content: Any) -> Answer:
        with self._http.stream(content=content, **self._request(step)) as response:
            if step.to is None or not response.is_success:
                response.read()
                return Answer(response.status_code, response.headers, response.content)
            with _Written(step.to) as written:
                for piece in response.iter_bytes(_CHUNK):
                    written.write(piece)
            return Answer(response.status_code, response.headers, b"")

    def run(self, plan: Plan[T]) -> T:
        """Carry a plan out; what it returns."""
        given: Answer | Lost | None = None
        try:
            while True:
                given = self._step(plan.send(given))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def stream(self, plan: Stream[T]) -> Iterator[T]:
        """Carry a stream out; its items as they come."""
        given: Answer | Lost | None = None
        while True:
            try:
                step = plan.send(given)
            except StopIteration:
                return
            if isinstance(step, Item):
                given = None
                yield step.value
            else:
                given = self._step(step)


class AsyncConnection(_Connection):
    """Carries plans out in the event loop that asks."""

    def __init__(self, url: str | None = None, key: str | None = None, *, transport: Any = None) -> None:
        super().__init__(url, key)
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that were kept open."""
        await self._http.aclose()

    async def _step(self, step: Send | Wait) -> Answer | Lost | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        content: Any = step.body if step.file is None else _pieces(step.file)
        try:
            async with self._http.stream(content=content, **self._request(step)) as response:
                if step.to is None or not response.is_success:
                    await response.aread()
                    return Answer(response.status_code, response.headers, response.content)
                with _Written(step.to) as written:
                    async for piece in response.aiter_bytes(_CHUNK):
                        written.write(piece)
                return Answer(response.status_code, response.headers, b"")
        except httpx.TransportError as error:
            return Lost(type(error).__name__)

    async def run(self, plan: Plan[T]) -> T:
        """Carry a plan out; what it returns."""
        given: Answer | Lost | None = None
        try:
            while True:
                given = await self._step(plan.send(given))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    async def stream(self, plan: Stream[T]) -> AsyncIterator[T]:
        """Carry a stream out; its items as they come."""
        given: Answer | Lost | None = None
        while True:
            try:
                step = plan.send(given)
            except StopIteration:
                return
            if isinstance(step, Item):
                given = None
                yield step.value
            else:
                given = await self._step(step)


class Call(Generic[P, T]):
    """One operation of the table: a function that makes its plan."""

    def __init__(self, make: Callable[P, Plan[T]]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, client: SyncConnection, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncConnection, owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    def __get__(self, client: SyncConnection | AsyncConnection | None, owner: type) -> Any:
        if client is None:
            return self

        def run(*arguments: P.args, **named: P.kwargs) -> Any:
            return client.run(self._make(*arguments, **named))

        run.__doc__ = self.__doc__
        return run


class Feed(Generic[P, T]):
    """One operation whose answer comes item by item."""

    def __init__(self, make: Callable[P, Stream[T]]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, client: SyncConnection, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: AsyncConnection, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    def __get__(self, client: SyncConnection | AsyncConnection | None, owner: type) -> Any:
        if client is None:
            return self

        def run(*arguments: P.args, **named: P.kwargs) -> Any:
            return client.stream(self._make(*arguments, **named))

        run.__doc__ = self.__doc__
        return run


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


class _Written:
    """A file under a passing name, named when it is whole: what is there under its own name was received to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passing = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Any:
        self._file = self._passing.open("wb")
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._passing.replace(self._path)
        else:
            with suppress(OSError):
                self._passing.unlink()
