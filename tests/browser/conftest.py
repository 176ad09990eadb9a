"""A real browser, found or installed beforehand; without one these tests fail, because a page nobody looked at is untested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consentmgr.staff.cookies import COOKIE
from consentmgr.staff.roles import ROLES
from tests import chromium
from tests.preferences.choosers import AINO, Choosers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunningServer
    from tests.staff.signing_in import Desk, DeskClient


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium.browser() as running:
        yield running


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
