"""Screening in a real browser: the form that changes under the hand, the bar that moves, the table that filters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from tests.chromium import browser
from tests.conftest import RunningServer
from tests.screening.desk_samples import LIST, fill
from tests.staff.signing_in import Desk

STATEMENTS = ("sender_named", "subject_honest", "one_click", "objection_notice", "privacy_notice", "recipients_hidden")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_list_is_screened_by_hand(
    desk: Desk,
    database: Database,
    settings: Settings,
    keys: Keys,
    serve: Callable[..., RunningServer],
    tmp_path: Path,
    language: str,
) -> None:
    fill(database, keys)
    web = serve()
    client = desk("marketer", language=language)
    (tmp_path / "marraskuu.csv").write_bytes(LIST)
    seen: list[str] = []
    with browser() as chromium:
        context = chromium.new_context()
        for cookie in (client.client._cookies or {}).values():
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": web.url}])
        page = context.new_page()

        def look(name: str) -> None:
            found = Axe().run(page).response["violations"]
            seen.append(name)
            assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == [], name

        page.goto(f"{web.url}/desk/screenings/new")
        look("new")
        page.set_input_files("#list", str(tmp_path / "marraskuu.csv"))
        page.click("main form.form button[type=submit]")
        page.wait_for_url("**/columns")
        look("columns")
        page.click("main form button[type=submit]")
        page.wait_for_url("**/campaign")
        page.select_option("#channel", "phone")
        page.wait_for_selector('[name="message-one_click"]', state="detached")
        page.select_option("#channel", "email")
        page.wait_for_selector('[name="message-one_click"]')
        for name in STATEMENTS:
            page.check(f"#message-{name}")
        # Written while the gates are still being told: nothing of it may be lost.
        page.fill("#name", "Marraskuun kirje")
        page.wait_for_selector("#gates .tone-good")
        look("campaign")
        page.click('button[value="start"]')
        page.wait_for_selector("#hand", timeout=60_000)
        look("result")
        page.goto(f"{page.url}/rows")
        page.select_option("#verdict", "allow")
        page.wait_for_url("**verdict=allow**")
        page.wait_for_selector("#rows tbody tr:only-child")
        look("rows")
        page.click("#rows a[href*='/rows/1']")
        page.wait_for_url("**/rows/1")
        look("why")
        page.goto(f"{web.url}/desk/messages")
        look("message")
    assert len(seen) == 7
