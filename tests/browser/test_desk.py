"""Every page of the desk, in a real browser: usable by anyone (axe), narrow screens, light and dark, three languages,
no request to anybody else, nothing the content security policy has to stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consentmgr.kit import clock
from tests.desk_walk import Looker, pages_of, walk
from tests.furnished import Furnished, furnish

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.conftest import RunCommand, RunningServer
    from tests.staff.signing_in import Desk

LANGUAGES = ("fi", "sv", "en")


@pytest.fixture
def furnished(run_command: RunCommand, tmp_path: Path) -> Furnished:
    return furnish(run_command, tmp_path, clock.now())


#: Pages no link leads to, and why.
NOT_BY_LINK = {
    "signing.sign_in_page": "for those who are not signed in",
    "signing.second_step": "for those who are signing in",
}


@pytest.mark.timeout(300)
def test_every_page_can_be_used_by_anyone(
    signed_in: BrowserContext, web: RunningServer, desk: Desk, furnished: Furnished
) -> None:
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    seen = []
    for found in walk(page, web.url, desk.app.url_map, LANGUAGES):
        seen.append(found.endpoint)
        assert found.status == 200, found
        looker.look(f"{found.endpoint} ({found.language})", dark=False)
    assert not looker.faults, "\n".join(dict.fromkeys(looker.faults))
    missed = pages_of(desk.app.url_map) - set(seen) - NOT_BY_LINK.keys()
    assert not missed


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language(
    signed_in: BrowserContext, web: RunningServer, desk: Desk, furnished: Furnished, language: str
) -> None:
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    for found in walk(page, web.url, desk.app.url_map, (language,)):
        assert page.locator("html").get_attribute("lang") == language
        looker.look(f"{found.endpoint} ({language})")
    assert not looker.faults, "\n".join(dict.fromkeys(looker.faults))
