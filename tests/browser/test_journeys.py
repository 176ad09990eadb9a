"""What people do, from the link in a message to the next screening, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consentmgr.preferences.links import LinkUse
from tests.chromium import follow
from tests.preferences.choosers import Choosers

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

    from tests.conftest import RunningServer
    from tests.mail.loopback import LoopbackServer


def test_leave_undo_leave_and_the_next_screening_blocks(browser: Browser, web: RunningServer, people: Choosers) -> None:
    people.now = datetime.now(UTC)
    page = browser.new_page(locale="fi-FI")
    page.goto(f"{web.url}/u/{people.token(use=LinkUse.LEAVE)}")
    assert page.title().startswith("Peruminen")
    assert people.verdict(topic="courses") == ("allow", "CONSENT_OK")
    follow(page, "button[value=leave]")
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_TOPIC")
    follow(page, "button[value=undo]")
    assert people.verdict(topic="courses") == ("allow", "CONSENT_OK")
    follow(page, "button[value=leave]")
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_TOPIC")
    assert people.verdict(topic="culture") == ("allow", "CONSENT_OK")
    # The preference page, one link further, knows of it.
    follow(page, "main section a")
    assert not page.is_checked("[id='topic:courses']")
    page.check("[id='topic:courses']")
    follow(page, "#choices button")
    assert people.verdict(topic="courses") == ("allow", "CONSENT_OK")
    page.close()


def test_from_the_mail_through_the_link_to_a_screening_that_blocks(
    browser: Browser, serve: Callable[..., RunningServer], smtp: LoopbackServer, people: Choosers
) -> None:
    people.now = datetime.now(UTC)
    web = serve(CONSENTMGR_SMTP_URL=smtp.url, CONSENTMGR_MAIL_FROM="viestit@acme.example")
    page = browser.new_page(locale="sv-FI")
    page.goto(f"{web.url}/link")
    page.fill("input[name=email]", "aino@posti.example")
    follow(page, "main form button")
    (received,) = smtp.box.wait_for(1)
    assert received.recipients == ["aino@posti.example"]
    page.goto(received.link("/u/"))
    assert people.verdict(topic="courses") == ("allow", "CONSENT_OK"), "looking changes nothing"
    follow(page, "button[value=leave]")
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")
    follow(page, "button[value=undo]")
    assert people.verdict(topic="courses") == ("allow", "CONSENT_OK")
    follow(page, "button[value=leave]")
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")
    page.close()


def test_everything_is_done_with_the_keyboard_alone(browser: Browser, web: RunningServer, people: Choosers) -> None:
    people.now = datetime.now(UTC)
    page = browser.new_page(locale="en-GB")
    page.goto(f"{web.url}/p/{people.token()}?lang=en")

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))

    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    # What has the focus shows it.
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'content'")
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(focused())
        if seen[-1] in ("topic:courses", "ban:phone"):
            page.keyboard.press("Space")
        if seen[-1] == "Save my choices":
            break
    assert "Why did I get the message?" in seen
    assert seen[-1] == "Save my choices"
    order = [name for name in seen if ":" in name]
    assert order == sorted(order, key=lambda name: ("topic", "channel", "ban").index(name.split(":")[0]))
    page.keyboard.press("Enter")
    page.wait_for_selector(".message.done")
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_TOPIC")
    assert people.verdict(channel="phone") == ("block", "DM_OBJECTION_CHANNEL")
    page.close()
