"""Every door to the web, in one table: what is there, where it is mounted, who may come in.

A test holds that every route belongs to a row, so that none is ever forgotten.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

#: ``anyone``: no login asked. Later rows add ``staff`` and the roles within it.
Access = Literal["anyone"]


class BlueprintRow(NamedTuple):
    """One blueprint: its name, ``module:attribute``, the path it is mounted at, and who may call it."""

    name: str
    place: str
    mounted_at: str
    access: Access


BLUEPRINTS: tuple[BlueprintRow, ...] = (BlueprintRow("house", "consentmgr.pages:house", "/", "anyone"),)
