"""Every page of the desk, in a real browser: usable by anyone (axe), narrow screens, light and dark, three languages,
no request to anybody else, nothing the content security policy has to stop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consentmgr.kit import clock
from tests.desk_walk import Looker, pages_of, walk
from tests.furnished import Furnished, furnish, furnish_desk

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from tests.conftest import RunCommand, RunningServer
    from tests.staff.signing_in import Desk, DeskClient

LANGUAGES = ("fi", "sv", "en")


@pytest.fixture
def furnished(
    run_command: RunCommand, tmp_path: Path, somebody: DeskClient, database: Database, settings: Settings
) -> Furnished:
    found = furnish(run_command, tmp_path, clock.now())
    paths = furnish_desk(found, run_command, tmp_path, somebody, database, settings)
    return replace(found, paths=tuple(paths))


#: Pages no link leads to, and why.
NOT_BY_LINK = {
    "signing.invitation_page": "its address is given to one person",
    "signing.to_provider": "no provider is set",
    "signing.from_provider": "no provider is set",
    "people.attachment": "nobody has attached anything here",
    "dashboard.links": "nobody has opened a link yet",
    "catalogue.look_of_colour": "no page, but the style of one",
    "imports.rejects": "the import has not been carried out",
    "screenings.changes": "the list has not been screened twice",
    "screenings.progress": "a part of a page, while it is under way",
    "people.erasure_progress": "a part of a page, while it is under way",
    "exports.work": "a part of a page, while it is under way",
    "imports.work": "a part of a page, while it is under way",
}


@pytest.mark.timeout(600)
def test_every_page_can_be_used_by_anyone(
    furnished: Furnished, signed_in: BrowserContext, web: RunningServer, desk: Desk
) -> None:
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    reached, rooms = set(NOT_BY_LINK), set[str]()
    for found in walk(page, web.url, desk.app.url_map, LANGUAGES, also=furnished.paths, reached=reached):
        assert found.status == 200, found
        room = found.endpoint.partition(".")[0]
        # The rules are most of the work: one page of each room is held to them every time, all in the long run.
        looker.look(f"{found.endpoint} ({found.language})", rules=room not in rooms, dark=False, all_rows=False)
        rooms.add(room)
    assert not looker.faults, "\n".join(dict.fromkeys(looker.faults))
    missed = pages_of(desk.app.url_map) - reached
    assert not missed, "\n".join(sorted(missed))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language(
    furnished: Furnished, signed_in: BrowserContext, web: RunningServer, desk: Desk, language: str
) -> None:
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    for found in walk(page, web.url, desk.app.url_map, (language,), also=furnished.paths, reached=set(NOT_BY_LINK)):
        assert page.locator("html").get_attribute("lang") == language
        looker.look(f"{found.endpoint} ({language})")
    assert not looker.faults, "\n".join(dict.fromkeys(looker.faults))
