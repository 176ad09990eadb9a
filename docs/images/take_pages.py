"""Takes the pictures of this folder: ``make screenshots``.

Runs the demonstration in a temporary folder, opens the public pages by the links it prints, signs in to the desk as
each role it prints, and takes every page that can be reached. Needs Chromium on the PATH, or playwright's own.
"""
# ruff: noqa: INP001 - a script beside the pictures it takes.

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from passlib.totp import TOTP

from consentmgr.app import create_app
from consentmgr.config import Settings
from consentmgr.db import open_database
from consentmgr.staff.demo import PASSWORD
from tests.chromium import browser
from tests.desk_walk import walk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from werkzeug.routing import Map

FOLDER = Path(__file__).parent
#: Public pages are read on a phone or in a narrow window, the desk on a screen.
PUBLIC_WIDTH = 720
DESK = {"width": 1280, "height": 860}
#: Who sees most first: a page is taken once, as the first role that may open it sees it.
ROLES = ("data-steward", "dpo", "administrator", "marketer", "mailer")
LANGUAGE = "en"


class Shown(NamedTuple):
    """What the demonstration printed: the public links, and by the roles' addresses the keys of their codes."""

    base: str
    leave: str
    preferences: str
    subscribe: str
    keys: dict[str, str]


def main() -> None:
    with TemporaryDirectory() as made, browser() as chromium:
        folder = Path(made) / "demo"
        log = Path(made) / "demo.log"
        with log.open("wb") as said:
            command = [sys.executable, "-m", "consentmgr", "demo", "--folder", str(folder), "--language", LANGUAGE]
            running = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        try:
            shown = _wait_for(log, running)
            _public(chromium, shown)
            with open_database(Settings(data_folder=folder)) as database:
                app = create_app(Settings(data_folder=folder, public_url=shown.base), database)
                _desk(chromium, shown, app.url_map)
        finally:
            running.terminate()
            running.wait(60)


def _wait_for(log: Path, running: subprocess.Popen[bytes]) -> Shown:
    while True:
        said = log.read_text(encoding="utf-8")
        keys = dict(re.findall(r"^\s+([\w-]+)@desk\.example\s+\d{6}\s+([A-Z2-7]+)\s*$", said, re.MULTILINE))
        if len(keys) >= len(ROLES) and "Ctrl-C" in said:
            break
        if running.poll() is not None:
            raise SystemExit(said)
        time.sleep(0.2)
    found = {kind: re.search(rf"(https?://\S+)/{kind}/\S+", said) for kind in "ups"}
    leave, preferences, subscribe = (match[0] for kind in "ups" if (match := found[kind]) is not None)
    assert found["u"] is not None
    return Shown(found["u"][1], leave, preferences, subscribe, keys)


def _public(chromium: Browser, shown: Shown) -> None:
    for name, address, height in (
        ("leave", shown.leave, 560),
        ("preferences", shown.preferences, 900),
        ("why", f"{shown.preferences}/why", 760),
        ("subscribe", shown.subscribe, 900),
        ("sign-in", f"{shown.base}/desk/sign-in", 760),
    ):
        page = chromium.new_page(viewport={"width": PUBLIC_WIDTH, "height": height})
        page.goto(f"{address}?lang={LANGUAGE}")
        page.screenshot(path=FOLDER / f"{name}.png")
        page.close()


def _desk(chromium: Browser, shown: Shown, routes: Map) -> None:
    taken: set[str] = set()
    for role in ROLES:
        context = chromium.new_context(viewport=DESK, base_url=shown.base, locale=LANGUAGE)
        page = context.new_page()
        _sign_in(page, f"{role}@desk.example", shown.keys[role])
        for seen in walk(page, shown.base, routes, (LANGUAGE,)):
            if seen.endpoint in taken or seen.status != 200:
                continue
            taken.add(seen.endpoint)
            page.screenshot(path=FOLDER / f"desk-{seen.endpoint.replace('.', '-').replace('_', '-')}.png")
        context.close()
    print(f"{len(taken)} pages of the desk")  # noqa: T201 - a script


def _sign_in(page: Page, email: str, key: str) -> None:
    page.goto(f"/desk/sign-in?lang={LANGUAGE}")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/code*")
    page.fill("input[name=code]", TOTP(key=key, format="base32").generate().token)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*/desk/(?!sign-in).*|.*/desk/?$"))


if __name__ == "__main__":
    main()
