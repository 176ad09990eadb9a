"""What the product writes to standard error while it serves: one JSON object a line, with no personal data in it.

A line about a request names the route's endpoint, never the path, which may hold a token, nor the query or the
client. A line about an error names its class and the line of code, never its message, which may quote a value. Lines
of other libraries keep the text of the programmer and lose the values that would be put into it.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
import structlog
from flask import g, request

if TYPE_CHECKING:
    from flask import Flask, Response

_OURS: Final = Path(__file__).resolve().parents[1]
_log: Any = None
#: A request that asked for one of these is logged only where it failed: they come every few seconds, from machines.
_QUIET: Final = frozenset({"static", "house.health", "house.jobs_health", "house.alive"})


def write_json_lines(stream: TextIO | None = None) -> None:
    """Send the log of this process to ``stream`` (standard error) as JSON lines."""
    _configure(stream)
    root = logging.getLogger()
    root.handlers[:] = [_Foreign()]
    root.setLevel(logging.WARNING)
    logging.getLogger("consentmgr").setLevel(logging.INFO)


def _configure(stream: TextIO | None) -> None:
    global _log  # noqa: PLW0603 - the logger of this process, made once, because making one takes longer than a line
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Line(stream),
        cache_logger_on_first_use=False,
    )
    _log = structlog.get_logger().bind()


def _json(told: Any, **_: Any) -> str:
    return msgspec.json.encode(told, enc_hook=str).decode()


def log() -> Any:
    """The log: ``log().info("what_happened", field=value)``. Fields are counts, codes and names of code."""
    return _log


def where(error: BaseException) -> dict[str, str]:
    """The class of an error and the line of ours it passed last; of its words, nothing."""
    steps = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [(path, line) for path, line in steps if path.is_relative_to(_OURS)]
    told = {"error": type(error).__name__}
    if ours:
        path, line = ours[-1]
        told["at"] = f"{path.relative_to(_OURS.parent)}:{line}"
    return told


def log_requests(app: Flask) -> None:
    """Number every request, and log each when it has been answered."""

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id()
        endpoint = request.endpoint or "none"
        if endpoint not in _QUIET or response.status_code >= 400:
            log().info(
                "request",
                request=request_id(),
                method=request.method if request.method in _METHODS else "OTHER",
                endpoint=endpoint,
                status=response.status_code,
                ms=round(milliseconds(), 1),
            )
        return response


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_id() -> str:
    """The number of this request, which stands on an error's page so that its line can be found in the log."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return str(g.request_id)


def milliseconds() -> float:
    """Since this request came in."""
    now = time.perf_counter()
    return (now - float(g.get("began", now))) * 1000


class _Line:
    """Writes a line at once, to the stream, or to standard error as it is at the time: it may have been replaced."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        stream = self._stream or sys.stderr
        stream.write(line + "\n")
        stream.flush()

    info = warning = error = critical = debug = msg


class _Foreign(logging.Handler):
    """Lines of other libraries: their template, and never what would be put into it."""

    #: What a message formed before it was logged may quote; its template is not known any more.
    _QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\S*[@/]\S*|\+?\d[\d -]{5,}")

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] == "consentmgr"
        said = self._QUOTED.sub("…", record.getMessage() if ours else str(record.msg))[:300]
        told = where(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        log().log(max(record.levelno, logging.INFO), "library", of=record.name, said=said, **told)


_configure(None)
