"""What can go wrong, as a small tree of exceptions.

Services raise these; the doors turn them into an exit code, a page or a problem document (RFC 9457). A message is
one sentence a person can act on. It never holds personal data or a secret: a bad value is named by file, line and
field, not shown.
"""

from __future__ import annotations

from os import PathLike
from typing import ClassVar


class ConsentmgrError(Exception):
    """The base of every error this product raises on purpose.

    ``exit_code`` is what the terminal command ends with; ``problem`` names the kind for machines.
    """

    exit_code: ClassVar[int] = 1
    problem: ClassVar[str] = "error"


class CheckFailed(ConsentmgrError):
    """The answer of a check is no: a chain is broken, a signature does not hold, an expectation is not met."""

    exit_code = 1
    problem = "check-failed"


class BadInput(ConsentmgrError):
    """What came in cannot be taken as it is. ``line`` counts from 1."""

    exit_code = 2
    problem = "bad-input"

    def __init__(
        self,
        message: str,
        *,
        file: str | PathLike[str] | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.field = field

    def __str__(self) -> str:
        place = [
            str(self.file) if self.file is not None else "",
            f"line {self.line}" if self.line is not None else "",
            f"field {self.field}" if self.field is not None else "",
        ]
        where = ", ".join(part for part in place if part)
        return f"{where}: {self.message}" if where else self.message


class NotFound(ConsentmgrError):
    """Something was named that does not exist."""

    exit_code = 2
    problem = "not-found"


class UnsafeSetting(ConsentmgrError):
    """A setting would put people's data or the proof of their consent at risk; nothing starts until it is mended."""

    exit_code = 3
    problem = "unsafe-setting"


class Unavailable(ConsentmgrError):
    """Something needed is not there: the database, the keys, a file store."""

    exit_code = 3
    problem = "unavailable"


class NotDelivered(ConsentmgrError):
    """Somebody else's machine did not take what was sent, or may not be reached; trying again is safe."""

    exit_code = 3
    problem = "not-delivered"
