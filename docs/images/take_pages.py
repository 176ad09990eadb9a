"""Takes the pictures of this folder: ``PYTHONPATH=. python docs/images/take_pages.py LEAVE PREFERENCES`` while the demonstration runs.

The links are those it prints. Needs Chromium on the PATH, or the browser that playwright installs.
"""
# ruff: noqa: INP001 - a script beside the pictures it takes.

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser import browser

FOLDER = Path(__file__).parent
WIDTH = 720


def main(leave: str, preferences: str) -> None:
    with browser() as chromium:
        for name, address, height in (
            ("leave", leave, 560),
            ("preferences", preferences, 900),
            ("why", f"{preferences}/why", 760),
        ):
            page = chromium.new_page(viewport={"width": WIDTH, "height": height})
            page.goto(f"{address}?lang=en")
            page.screenshot(path=FOLDER / f"{name}.png", clip={"x": 0, "y": 0, "width": WIDTH, "height": height})


if __name__ == "__main__":
    main(*sys.argv[1:])
