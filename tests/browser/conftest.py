"""A real browser, found or installed beforehand; without one these tests fail, because a page nobody looked at is untested."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from consentmgr.staff.cookies import COOKIE
from consentmgr.staff.roles import ROLES
from tests.preferences.choosers import AINO, Choosers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunningServer
    from tests.staff.signing_in import Desk, DeskClient

#: A browser of the system's, if there is one; else playwright's own is tried.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    found = next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)
    with sync_playwright() as playwright:
        try:
            # Its sandbox needs rights that a container mostly does not have; only our own pages are opened.
            # Nor has anybody a screen for which a graphics card would have to be imitated.
            running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            pytest.fail(
                "no browser: install Chromium (apt-get install chromium), or playwright's own"
                f" (python -m playwright install --with-deps chromium)\n{error.message}",
                pytrace=False,
            )
        yield running
        running.close()


@pytest.fixture
def people(database: Database, settings: Settings, keys: Keys) -> Iterator[Choosers]:
    choosers = Choosers(database, settings, keys)
    choosers.take(AINO)
    yield choosers
    choosers.close()


@pytest.fixture
def somebody(desk: Desk) -> DeskClient:
    """A member of staff with every role."""
    return desk(*(role.key for role in ROLES))


@pytest.fixture
def signed_in(browser: Browser, web: RunningServer, somebody: DeskClient) -> Iterator[BrowserContext]:
    """A browser that they are signed in with."""
    context = browser.new_context(base_url=web.url, viewport={"width": 1280, "height": 900})
    cookie = somebody.client.get_cookie(COOKIE, path="/desk")
    assert cookie is not None
    context.add_cookies([{"name": COOKIE, "value": cookie.value, "url": f"{web.url}/desk/"}])
    yield context
    context.close()
