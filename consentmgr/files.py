"""Where the files that are not code lie: templates, static files, migrations.

In a checkout they are the top-level folders people edit; in an installed wheel they are packed beside the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: Literal["templates", "static", "migrations"]) -> Path:
    """The folder of that name, in a wheel (``consentmgr/_files/NAME``) as in a checkout (``NAME`` at the top)."""
    packed = _PACKAGE / "_files" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
