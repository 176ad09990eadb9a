"""Frames as SQL for Spark. Pure.

What a text says is its alone, whatever the session is set to: names stand in backticks, and every text that holds more
than plain letters stands as its bytes, so that no quote, backslash, pattern or ``${…}`` of it is ever read as SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import narwhals as nw

from consentmgr.screening.written.expressions import PLAIN_LITERALS, Dialect, written_by
from consentmgr.screening.written.frames import WrittenFrame

_PLAIN = re.compile(r"[A-Za-z0-9_| .@-]*")


def quoted(name: str) -> str:
    """A name as Spark writes it."""
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return f"'{value}'" if _PLAIN.fullmatch(value) else f"cast(x'{value.encode().hex()}' as string)"


_LITERALS: Mapping[type, Callable[[Any], str]] = {**PLAIN_LITERALS, str: _text}


def _literal(value: Any) -> str:
    return written_by(_LITERALS, value)


def _matches(text: str, pattern: str) -> str:
    # Java's "$" is also found before a last line's end, and its "." ends at line ends that RE2 does not know.
    whole = f"{pattern[:-1]}\\z" if pattern.endswith("$") and not pattern.endswith("\\$") else pattern
    return f"({text} rlike {_text(f'(?d){whole}')})"


SPARK = Dialect(
    quoted=quoted,
    literal=_literal,
    types={nw.Int64: "bigint", nw.String: "string", nw.Binary: "binary", nw.Date: "date"},
    matches=_matches,
    quotient="{} div {}",
)


class SparkFrame(WrittenFrame):
    """Rows with named columns, as a query for Spark."""

    dialect: ClassVar[Dialect] = SPARK
