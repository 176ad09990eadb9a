"""Screening: who on a list may be contacted, and why. Python users call ``screen`` with a frame of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from consentmgr.config import Settings
    from consentmgr.screening.engine import EngineName
    from consentmgr.vocabulary.codes import Language
    from consentmgr.vocabulary.documents import Campaign

__all__ = ["screen"]

FrameT = TypeVar("FrameT")


def screen(
    frame: FrameT,
    campaign: str | Path | Mapping[str, Any] | Campaign,
    *,
    settings: Settings | None = None,
    now: datetime | None = None,
    language: Language | None = None,
    engine: EngineName | None = None,
    mapping: Mapping[str, str] | None = None,
) -> FrameT:
    """``frame`` with the answer for each of its rows: every row once, in order, and the columns ``cm_…`` after its own.

    ``frame`` is of Polars (also lazy), pandas, PyArrow, DuckDB or Spark, and so is what comes back (docs/python.md).
    ``campaign`` is a stored campaign's key, a campaign file, or what such a file holds. ``mapping`` names columns for
    fields where their names do not tell. Settings are those of the environment unless given; ``now`` is now. Nothing
    is recorded and no certificate is made: whoever sends uses ``consentmgr screen`` or the API.

    Raises ``BadInput`` for a frame or campaign that cannot be understood, ``Unavailable`` without register or engine.
    """
    # This package is imported with each of its modules, so that it loads nothing by itself.
    from consentmgr.screening.frames import screen_frame

    return screen_frame(
        frame,
        campaign,
        settings=settings,
        now=now,
        language=language,
        engine=engine,
        mapping=mapping,
    )
