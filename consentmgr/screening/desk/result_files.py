"""The files of a finished screening as they are given out: what each is called, what it is, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from consentmgr.config import Settings
from consentmgr.kit.errors import NotFound
from consentmgr.screening.desk.lists import ListView, result_folder


class ResultFile(NamedTuple):
    """The ending of its name, its type, and whether it holds people's data."""

    ending: str
    mimetype: str
    personal: bool


FILES: Final[Mapping[str, ResultFile]] = {
    "result": ResultFile(".screened.csv", "text/csv", personal=True),
    "workbook": ResultFile(
        ".screened.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", personal=True
    ),
    "allowed": ResultFile(".allowed.csv", "text/csv", personal=True),
    "report": ResultFile(".report.html", "text/html", personal=False),
    "figures": ResultFile(".report.json", "application/json", personal=False),
    "certificate": ResultFile(".certificate.json", "application/json", personal=False),
}


def result_file(settings: Settings, found: ListView, name: str) -> Path:
    """Where a file of this screening lies, named as beside a list at the terminal. Raises ``NotFound``."""
    if name not in FILES:
        raise NotFound("there is no such file")
    path = result_folder(settings, found) / f"{(found.summary or {}).get('name') or 'list'}{FILES[name].ending}"
    if not path.is_file():
        raise NotFound("there is no such file")
    return path
