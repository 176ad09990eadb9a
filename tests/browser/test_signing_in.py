"""Signing in to the desk in a real browser: password and code, then a passkey alone; every page accessible."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.chromium import follow
from tests.conftest import free_port
from tests.desk_walk import IN_TURN
from tests.staff.signing_in import PASSWORD, Member, member

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunningServer


def no_faults(page: Page) -> None:
    # What is right need not be told of.
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    assert found.violations_count == 0, found.generate_report()


def sign_in(page: Page, url: str, who: Member, code: str, lang: str = "en") -> None:
    page.goto(f"{url}/desk/me?lang={lang}")
    page.fill("input[name=email]", who.email)
    page.fill("input[name=password]", PASSWORD)
    follow(page, "main form[action*='sign-in?'] button")
    page.fill("input[name=code]", code)
    page.click("main form[action*='code'] button")
    page.wait_for_url(re.compile(r"/desk/me"))


def test_a_passkey_is_made_and_then_signs_in_alone(
    browser: Browser, serve: Callable[..., RunningServer], database: Database, keys: Keys
) -> None:
    port = free_port()
    # Browsers make passkeys for names, not for numbers.
    url = f"http://localhost:{port}"
    serve(port=port, CONSENTMGR_PUBLIC_URL=url)
    maija = member(database, keys)
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    sign_in(page, url, maija, maija.code())
    page.fill("#passkey-name", "Laptop")
    page.click("form[data-passkey=make] button")
    page.wait_for_selector("text=Laptop")
    page.click("form[action$='sign-out'] button")
    page.wait_for_url(re.compile("sign-in"))
    page.goto(f"{url}/desk/me")
    page.click("form[data-passkey=sign-in] button")
    page.wait_for_url(f"{url}/desk/me")
    assert page.locator("td", has_text="passkey").count() == 1
    # A key the house does not know signs in nobody.
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM staff_passkey")
    page.click("form[action$='sign-out'] button")
    page.click("form[data-passkey=sign-in] button")
    page.wait_for_selector("[role=alert]:not([hidden])")
    assert page.locator("[role=alert]:not([hidden])").inner_text() == "This passkey does not sign in here."
    assert [line for line in told if "422" not in line] == []
    context.close()


@pytest.mark.parametrize("language", IN_TURN)
def test_the_pages_of_signing_in_and_of_users_are_accessible(
    browser: Browser, web: RunningServer, database: Database, keys: Keys, language: str
) -> None:
    chief = member(database, keys, "administrator")
    context = browser.new_context(locale=language, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    pictures = os.environ.get("CONSENTMGR_PICTURES")

    def look(name: str, *, rules: bool = True) -> None:
        if rules and language == "fi":
            no_faults(page)
        if pictures:
            page.screenshot(path=Path(pictures) / f"{name}-{language}.png", full_page=True)

    page.goto(f"{web.url}/desk/sign-in?lang={language}")
    look("sign-in")
    page.fill("input[name=email]", chief.email)
    page.fill("input[name=password]", PASSWORD)
    follow(page, "main form button")
    page.goto(f"{web.url}/desk/sign-in/code?lang={language}")
    look("code")
    page.fill("input[name=code]", chief.code())
    follow(page, "main form[action*='code'] button")
    for path in ("me", "staff", "staff/invite", f"staff/{chief.account_id}", "audit", "approvals", "me/prove"):
        page.goto(f"{web.url}/desk/{path}?lang={language}")
        assert page.locator("html").get_attribute("lang") == language
        # Whoever goes through the whole desk holds these to the rules.
        look(path.replace("/", "-"), rules=False)
    page.goto(f"{web.url}/desk/me?lang={language}")
    follow(page, "form[action*='codes/begin'] button")
    look("new-codes")
    page.goto(f"{web.url}/desk/me?lang={language}")
    follow(page, "form[action*='recovery-codes'] button")
    look("recovery-codes")
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("me", "staff", f"staff/{chief.account_id}", "audit"):
        page.goto(f"{web.url}/desk/{path}")
        too_wide = page.evaluate(
            "() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('main *, header *')]"
            ".filter(one => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll'))"
            ".map(one => one.outerHTML.slice(0, 100))"
        )
        assert too_wide == [], path
    assert told == []
    context.close()
