"""Every page, in every language, light and dark: no accessibility fault (axe), no sideways scrolling on the narrowest
screen, no request to anybody else, no script, and light enough for a slow line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consentmgr.preferences.links import LinkUse
from tests.chromium import follow
from tests.desk_walk import IN_TURN, Looker
from tests.preferences.choosers import AINO, Choosers, person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

    from tests.conftest import RunningServer

HEAVIEST = 50_000


@pytest.mark.parametrize("language", IN_TURN)
def test_every_page_can_be_used_by_anyone(
    browser: Browser, web: RunningServer, people: Choosers, language: str
) -> None:
    people.take(person("birger"), person("cecilia"))
    people.take({**AINO, "ref": "crm:erased", "points": [], "events": []})
    people.take(person("bought", language="sv", customer_of=[]))
    people.take(
        {
            "type": "contact",
            "ref": "crm:bought",
            "points": [{"channel": "email", "value": "bought@posti.example", "source": "vendor-x"}],
        }
    )
    erased = people.token("cecilia")
    people.take(person("cecilia", {"event": "erased", "at": "2026-10-01T10:00:00+03:00", "method": "paper"}))
    choices, leave = f"/p/{people.token()}", f"/u/{people.token('birger', use=LinkUse.LEAVE)}"
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    looker = Looker(page, urlsplit(web.url).netloc, scripts=False)

    def open_page(name: str, path: str) -> None:
        page.goto(f"{web.url}{path}?lang={language}")
        assert page.locator("html").get_attribute("lang") == language, name
        looker.look(name)

    open_page("front page", "/")
    open_page("leave", leave)
    follow(page, "button[value=leave]")
    looker.look("left")
    page.check("#reason-other")
    follow(page, "button[value=reason]")
    looker.look("thanked")
    open_page("has left", leave)
    follow(page, "button[value=undo]")
    looker.look("undone")
    open_page("choices", choices)
    page.uncheck("[id='topic:courses']")
    page.check("[id='ban:post']")
    follow(page, "#choices button")
    looker.look("saved")
    follow(page, ".message button")
    page.evaluate("document.querySelector('#pause').type = 'text'")
    page.fill("#pause", "soon")
    follow(page, "#choices button")
    looker.look("not saved")
    follow(page, "button[value=stop_all]")
    looker.look("stopped")
    follow(page, "button[value=take_back]")
    open_page("why", f"{choices}/why")
    open_page("why, bought data", f"/p/{people.token('bought')}/why")
    open_page("consents", f"/v/{people.token(use=LinkUse.VIEW)}")
    open_page("details", f"{choices}/details")
    follow(page, "main button")
    looker.look("details not sent")
    page.fill("#family_name", "Mäkelä")
    follow(page, "main button")
    looker.look("details sent")
    open_page("erased", f"/p/{erased}")
    open_page("bad link", "/p/nonsense")
    open_page("my link", "/link")
    context.close()
    assert not looker.faults, "\n".join(looker.faults)


def test_no_page_weighs_more_than_a_slow_line_bears(browser: Browser, web: RunningServer, people: Choosers) -> None:
    paths = ["/", f"/p/{people.token()}", f"/p/{people.token()}/why", f"/u/{people.token(use=LinkUse.LEAVE)}"]
    for path in paths:
        # A new context has nothing kept from before.
        context = browser.new_context()
        page = context.new_page()
        answers: list[Response] = []
        page.on("response", lambda answer, found=answers: found.append(answer))
        page.goto(web.url + path)
        weight = sum(len(answer.body()) for answer in answers)
        context.close()
        assert 5_000 < weight <= HEAVIEST, path
