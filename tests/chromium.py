"""The browser of the journeys: Chromium of this machine, or the one playwright installs.

``python -m tests.chromium`` finds one or installs it, and ends with 1 where neither can be done; ``make test`` calls it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: What distributions and vendors call it. Chrome and Edge are Chromium for our purpose; the one that can have no window
#: comes first, because a page takes it half the work.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MISSING = (
    "The journeys need a browser and found none. Install Chromium or Chrome (on Debian: apt-get install "
    "chromium-headless-shell), or run: python -m playwright install chromium"
)


def find() -> str | None:
    """The program to start, or None where there is none on this machine."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    for place in PLACES:
        if os.access(place, os.X_OK):
            return place
    return _of_playwright()


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium without a window. Raises ``RuntimeError`` with the sentence that helps where there is none."""
    from playwright.sync_api import sync_playwright

    program = find()
    if program is None:
        raise RuntimeError(MISSING)
    with sync_playwright() as playwright:
        # The sandbox cannot be had as root, as in a container; what is opened are our own pages alone.
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        # Nor has anybody a screen for which a graphics card would have to be imitated.
        arguments = ["--disable-gpu", *(["--no-sandbox"] if root else [])]
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield chromium
        finally:
            chromium.close()


def follow(page: Page, selector: str) -> None:
    """Click what leads to another page, and wait until that page is there: what comes next is done on it."""
    with page.expect_navigation():
        page.click(selector)


def main() -> int:
    program = find()
    if program is None:
        sys.stdout.write("No browser is installed; fetching one.\n")
        fetched = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        program = find() if fetched.returncode == 0 else None
    if program is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    started = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--version"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if started.returncode != 0:
        sys.stderr.write(f"{program} does not start: {started.stderr.strip()[-300:]}\n")
        return 1
    sys.stdout.write(f"The browser of the journeys: {started.stdout.strip()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
